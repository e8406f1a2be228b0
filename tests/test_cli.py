"""`smtptest serve`, as a process and as somebody would run it."""

import io
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
from email.message import EmailMessage

import pytest

from lazr.smtptest import __version__, cli
from lazr.smtptest.cli.paint import Paint
from lazr.smtptest.cli.printer import Printer


class Serving:
    """A process that runs `smtptest serve --smtp-port 0`."""

    def __init__(self, *arguments, **environment):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lazr.smtptest", "serve", "--smtp-port", "0", "--database", "none", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment,
        )  # fmt: skip
        self.first = self.process.stdout.readline()
        self.address = ("127.0.0.1", int(self.first.split(";")[0].rpartition(":")[2]))

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        with self.process:
            return self.process.stdout.read(), self.process.stderr.read(), self.process.wait(30)


@pytest.fixture
def serving():
    serving = Serving()
    yield serving
    if serving.process.poll() is None:
        serving.process.kill()
        serving.process.wait()
    serving.process.stdout.close()
    serving.process.stderr.close()


def test_each_mail_is_printed_readably_and_refusals_too(serving):
    message = EmailMessage()
    message["From"] = "Jürgen <j@example.com>"
    message["To"] = "bob@example.com"
    message["Subject"] = "Grüße"
    message.set_content("Häll\n\x1b[31mred")
    message.add_attachment(b"\x00\x01", maintype="image", subtype="png", filename="bild.png")
    with smtplib.SMTP(*serving.address) as client:
        client.send_message(message, to_addrs=["bob@example.com", "hidden@example.com"])
        client.docmd("FOO", "\x1b[2J")
        client.sendmail("a@example.com", ["b@example.com"], "Content-Type: text/html\r\n\r\n<b>Hi</b>\r\n")
    out, err, status = serving.stop()

    assert serving.first.startswith("listening on smtp://127.0.0.1:")
    assert "\x1b" not in out  # a pipe gets plain text, and a stranger steers no terminal
    lines = out.splitlines()
    assert "MAIL FROM <j@example.com> SIZE=" in out
    for expected in (
        "RCPT TO   <bob@example.com>",
        "RCPT TO   <hidden@example.com>",
        "From: Jürgen <j@example.com>",
        "Subject: Grüße",
        "  Häll",
        "  \\x1b[31mred",
        "  attached: bild.png (image/png, 2 octets)",
        "refused FOO \\x1b[2J: 500 5.5.2 Command not recognized",
        "  also: (text/html, 10 characters)",
        "stopped; 2 mails received",
    ):
        assert expected in lines
    assert (err, status) == ("", 0)


def test_it_takes_any_password_and_offers_tls():
    serving = Serving("--tls", "both")
    assert serving.first.startswith("listening on smtp://127.0.0.1:") and " and smtps://127.0.0.1:" in serving.first
    ca_file = serving.first.partition("clients are to trust ")[2].partition("; Ctrl-C")[0]
    port = int(serving.first.split(" and ")[0].rpartition(":")[2])
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.login("ann", "whatever")
        client.starttls(context=ssl.create_default_context(cafile=ca_file))
        client.login("bob", "it is")
        client.sendmail("a@example.com", ["b@example.com"], "Subject: Hi\r\n\r\nHello\r\n")
    out, err, status = serving.stop()

    assert "  Hello" in out.splitlines() and "refused" not in out
    assert (err, status) == ("", 0)


def test_any_encoding_of_the_output_will_do():
    serving = Serving(PYTHONIOENCODING="ascii")
    with smtplib.SMTP(*serving.address) as client:
        client.sendmail("a@example.com", ["b@example.com"], "Subject: =?utf-8?q?=C3=84pp?=\r\n\r\nHi\r\n")
    out, err, status = serving.stop()

    assert "Subject: \\xc4pp" in out
    assert (err, status) == ("", 0)


def test_it_catches_what_sloppy_clients_send(serving):
    with socket.create_connection(serving.address, timeout=10) as client:
        client.sendall(b"HELO x\nMAIL FROM: ann\nRCPT TO: bob\nDATA\nHi\r\n.\r\nQUIT\n")
        while client.recv(1000):
            pass
    out, _, _ = serving.stop()

    assert "RCPT TO   <bob>" in out and "  Hi" in out.splitlines()


def test_an_output_that_fails_is_status_1():
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    ended = []
    with Printer(Full(), Paint(colours=False), lambda: ended.append(True)) as printer:
        printer.refusal("FOO", "500 5.5.2 Command not recognized")
    assert (printer.status, ended) == (1, [True])


def test_sigterm_stops_it_too(serving):
    out, err, status = serving.stop(signal.SIGTERM)

    assert (out, err, status) == ("stopped; 0 mails received\n", "", 0)


def test_a_busy_port_is_one_line_and_status_1():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "lazr.smtptest", "serve", "--smtp-port", str(port), "--database", "none"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert (
        done.stderr
        == f"smtptest: Address already in use: cannot listen on 127.0.0.1:{port}; --smtp-port 0 takes any free one\n"
    )
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--nonsense"], "No such option"),
        (["nonsense"], "No such command"),
        (["serve", "--smtp-port", "99999"], "a number from 0 to 65535"),
        (["serve", "--smtp-port", "x"], "'x' is no port"),
        (["serve", "--smtp-port", "٣"], "is no port"),
    ],
)
def test_a_wrong_command_line_is_explained(arguments, says, capsys):
    assert cli.main(arguments) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1


def test_no_command_at_all_is_answered_by_the_help(capsys):
    assert cli.main([]) == 2
    said = capsys.readouterr()
    assert "COMMAND" in said.out and said.err == ""


def test_it_says_its_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"smtptest {__version__}\n"


def test_a_reader_that_goes_away_ends_it_quietly(serving):
    serving.process.stdout.close()
    for _ in range(3):
        try:
            with smtplib.SMTP(*serving.address) as client:
                client.sendmail("a@example.com", ["b@example.com"], "Hi")
        except OSError:
            break
    assert serving.process.wait(30) == 0
    assert serving.process.stderr.read() == ""


def test_a_broken_message_is_shown_with_what_is_wrong_with_it():
    from lazr.smtptest import Envelope, Mail

    envelope = Envelope(
        "", ("b@example.com",), mail_parameters={"SMTPUTF8": ""}, rcpt_parameters=({"NOTIFY": "NEVER"},)
    )
    mail = Mail("1", envelope, [b"Subject: x\r\nContent-Type: text/html; charset=zlib\r\n\r\n<p>Hi\x07</p>\n"])
    text = Paint(colours=True).mail(mail)

    assert "\nSubject: x\n" not in text and "x\n" in text and "Hi\\x07" in text
    assert "(text of the HTML)" in text and "also: (text/html, 11 characters)" in text
    assert "\x1b[31mcontent: LF without CR\x1b[0m" in text and "zlib" in text
    assert "<> SMTPUTF8" in text and "<b@example.com> NOTIFY=NEVER" in text


def test_what_cannot_be_printed_soon_enough_is_not_accepted(serving):
    """Nobody reads the output here: the pipe fills, then the waiting line, and then mail is put off."""
    with smtplib.SMTP(*serving.address) as client:
        for _ in range(3000):
            try:
                client.sendmail("a@example.com", ["b@example.com"], "Subject: x\r\n\r\n" + "y" * 500)
            except smtplib.SMTPDataError as error:
                assert (error.smtp_code, error.smtp_error) == (452, b"4.3.1 Printing is behind, try later")
                break
        else:
            pytest.fail("all were accepted, although nobody read them")
    accepted = _
    out, _err, _status = serving.stop()
    assert out.count("Subject: x") == accepted
    assert f"stopped; {accepted} mails received" in out
