"""`python -m lazr.smtptest`: the printing server, and the health check."""

import contextlib
import signal
import smtplib
import socket
import subprocess
import sys
import threading
from email.message import EmailMessage

import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.__main__ import _QueueObserver, main

COMMAND = [sys.executable, "-m", "lazr.smtptest"]
# Modules of the extras, and of the program `smtptest`: the printing server must not load them.
BLOCK_EXTRAS = (
    "import sys; sys.modules.update(dict.fromkeys(['typer', 'rich', 'fastapi', 'sqlalchemy', 're2', 'trustme']));"
    " sys.argv[0] = 'x'; import runpy; runpy.run_module('lazr.smtptest', run_name='__main__')"
)


@contextlib.contextmanager
def run_printing_server(*arguments, host="127.0.0.1", command=COMMAND):
    """Run the printing server; yield its process and its address."""
    process = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        line = process.stderr.readline()
        assert line.startswith("Listening on "), line + process.stderr.read()
        yield process, (host, int(line.partition(",")[0].rpartition(":")[2]))
    finally:
        process.kill()
        process.communicate(timeout=30)


def stop(process, number=signal.SIGINT):
    """Stop the process; return its output and its exit status."""
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    return output, errors, process.returncode


def send(address, *, text="Hello", **settings):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ann@example.com", "bob@example.com", "Hi"
    message.set_content(text, **settings)
    with smtplib.SMTP(*address) as client:
        client.send_message(message, to_addrs=["bob@example.com", "carol@example.com"])


@pytest.mark.parametrize("command", [COMMAND, [sys.executable, "-c", BLOCK_EXTRAS]], ids=["all", "without extras"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_mail_is_printed_with_envelope_and_content(number, command):
    with run_printing_server("--port", "0", command=command) as (process, address):
        send(address)
        output, errors, status = stop(process, number)

    assert (errors, status) == ("", 0)
    lines = output.splitlines()
    assert lines[:5] == [
        "---------- MESSAGE FOLLOWS ----------",
        "MAIL FROM:<ann@example.com>",
        "RCPT TO:<bob@example.com>",
        "RCPT TO:<carol@example.com>",
        "",
    ]
    assert "Subject: Hi" in lines and lines[-2:] == ["Hello", "------------ END MESSAGE ------------"]


def test_encoded_text_is_printed_decoded_and_without_control_characters():
    with run_printing_server("-n", "-c", "DebuggingServer", "127.0.0.1:0") as (process, address):
        send(address, text="Grüße \x1b[2J aus Köln\n", cte="base64")
        output, _, _ = stop(process)

    assert "TEXT, DECODED" in output and "Grüße \\x1b[2J aus Köln\n" in output and "\x1b" not in output


def test_quiet_prints_envelopes_only():
    with run_printing_server("--port=0", "--quiet") as (process, address):
        send(address)
        output, _, _ = stop(process)

    assert output.splitlines()[1:] == [
        "MAIL FROM:<ann@example.com>",
        "RCPT TO:<bob@example.com>",
        "RCPT TO:<carol@example.com>",
        "------------ END MESSAGE ------------",
    ]


def test_lmtp_is_spoken():
    with run_printing_server("--port=0", "--protocol", "lmtp") as (process, address):
        with smtplib.LMTP(*address) as client:
            client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello\r\n")
        assert "Hello" in stop(process)[0]


@pytest.mark.parametrize("arguments", [("--host", "::1", "--port=0"), ("--host=[::1]", "--port=0"), ("[::1]:0",)])
def test_ipv6_address_is_accepted(arguments):
    with run_printing_server(*arguments, host="::1") as (process, address):
        send(address)
        assert main(["--check", f"[::1]:{address[1]}"]) == 0
        assert "Hello" in stop(process)[0]


def test_closed_output_ends_the_server():
    with run_printing_server("--port=0") as (process, address):
        process.stdout.close()
        send(address)

        assert process.wait(30) == 1 and process.stderr.read() == ""
        process.stdout = None


def test_port_in_use_is_one_clear_line(capsys):
    with MailServer() as server:
        assert main(["--port", str(server.address[1])]) == 1

    output = capsys.readouterr().err
    assert output.startswith("python -m lazr.smtptest: cannot listen on 127.0.0.1:") and output.count("\n") == 1
    assert "in use" in output and "--port 0 takes a free port" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "65536"], "port must be 0-65535, got '65536'"),
        (["--port", "-1"], "port"),
        (["--port", "٣"], "port must be 0-65535"),
        (["localhost:smtp"], "port must be 0-65535, got 'smtp'"),
        (["::1"], "expected HOST:PORT, such as 127.0.0.1:1025 or [::1]:1025, got '::1'"),
        (["--check", "localhost"], "expected HOST:PORT"),
        (["--protocol", "imap"], "invalid choice"),
        (["--prot", "lmtp"], "unrecognized arguments"),
        (["-c", "MailmanProxy"], "invalid choice"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)

    assert exit_.value.code == 2 and message in capsys.readouterr().err


def test_mail_is_refused_while_the_output_is_full():
    with MailServer(observer=_QueueObserver(max_mails=1)) as server:
        send(server.address)
        with pytest.raises(smtplib.SMTPDataError, match="Printing is behind"):
            send(server.address)


@pytest.mark.parametrize("word", ["serve", "send", "ls"])
def test_command_is_passed_to_smtptest(word, capsys):
    assert main([word, "--help"]) == 0

    assert f"smtptest {word}" in capsys.readouterr().out


# -- the health check ---------------------------------------------------------------------------


@contextlib.contextmanager
def listen(answer):
    """Listen on a port; send the bytes to the first client and close."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError), listener.accept()[0] as connected:
                connected.sendall(answer)
                connected.shutdown(socket.SHUT_WR)
                connected.recv(100)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_check_finds_a_server(capsys):
    with MailServer(greeting="Hello") as server:
        assert main(["--check", "{}:{}".format(*server.address)]) == 0
        assert server.settle()[0].ended == "QUIT"

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (b"220 ok\r\n", 0, ""),
        (b"220-first\r\n220 last\r\n", 0, ""),
        (b"220", 0, ""),
        (b"421 busy\x1b\r\n", 1, "expected a greeting with 220, got 421 busy\\x1b"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", 1, "got HTTP/1.1 400 Bad Request"),
        (b"", 1, "got nothing"),
        (b"x" * 100_000, 1, "got xxx"),
        (b"\xff\n", 1, "got \ufffd"),
    ],
)
def test_check_needs_a_greeting_with_220(answer, status, reason, capsys):
    with listen(answer) as address:
        assert main(["--check", address]) == status

    errors = capsys.readouterr().err
    assert reason in errors and len(errors) < 1_000 and errors.count("\n") == status


def test_check_of_a_closed_port_fails(capsys):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    assert main(["--check", address]) == 1

    assert f"no SMTP server at {address}: " in capsys.readouterr().err


def test_check_of_a_silent_server_fails_in_time(monkeypatch, capsys):
    monkeypatch.setattr("lazr.smtptest.__main__._CHECK_TIMEOUT_SECONDS", 0.05)
    with MailServer() as server:
        server.on("CONNECT").stall()
        assert main(["--check", "{}:{}".format(*server.address)]) == 1

    assert "no SMTP server at" in capsys.readouterr().err
