"""`smtptest serve` as a process: its output, its signals and its errors."""

import io
import signal
import smtplib
import socket
import ssl
from email.message import EmailMessage

import pytest

from lazr.smtptest import __version__, cli
from lazr.smtptest.cli.output.text import TextRenderer
from lazr.smtptest.cli.serve.printer import PrinterThread
from tests.helpers.command_line import ServeProcess, ServeThread, run_smtptest


@pytest.fixture
def serving():
    with ServeProcess() as serving:
        yield serving


def test_mails_and_refusals_are_printed(serving):
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

    assert serving.first_line.startswith("listening on smtp://127.0.0.1:")
    assert "\x1b" not in out  # a pipe gets plain text, and untrusted input is escaped
    lines = out.splitlines()
    assert "MAIL FROM <j@example.com> SIZE=" in out
    for expected in (
        "RCPT TO   <bob@example.com>",
        "RCPT TO   <hidden@example.com>",
        "From: Jürgen <j@example.com>",
        "Subject: Grüße",
        "  Häll",
        "  \\x1b[31mred",
        "  attached: bild.png (image/png, 2 bytes)",
        "refused FOO \\x1b[2J: 500 5.5.2 Command not recognized",
        "  also: (text/html, 10 characters)",
        "stopped; 2 mails received",
    ):
        assert expected in lines
    assert (err, status) == ("", 0)


def test_serve_accepts_any_password_and_offers_tls():
    with ServeThread("--tls", "both") as serving:
        assert (
            serving.first_line.startswith("listening on smtp://127.0.0.1:")
            and " and smtps://127.0.0.1:" in serving.first_line
        )
        ca_file = serving.first_line.partition("CA file for clients: ")[2].partition("; Ctrl-C")[0]
        with smtplib.SMTP(*serving.address) as client:
            client.login("ann", "whatever")
            client.starttls(context=ssl.create_default_context(cafile=ca_file))
            client.login("bob", "it is")
            client.sendmail("a@example.com", ["b@example.com"], "Subject: Hi\r\n\r\nHello\r\n")
        out, err, status = serving.stop()

    assert "  Hello" in out.splitlines() and "refused" not in out
    assert (err, status) == ("", 0)


def test_output_with_ascii_encoding_is_escaped():
    with ServeProcess(PYTHONIOENCODING="ascii") as serving:
        with smtplib.SMTP(*serving.address) as client:
            client.sendmail("a@example.com", ["b@example.com"], "Subject: =?utf-8?q?=C3=84pp?=\r\n\r\nHi\r\n")
        out, err, status = serving.stop()

    assert "Subject: \\xc4pp" in out
    assert (err, status) == ("", 0)


def test_serve_accepts_invalid_smtp_of_lenient_clients():
    with ServeThread() as serving:
        with socket.create_connection(serving.address, timeout=10) as client:
            client.sendall(b"HELO x\nMAIL FROM: ann\nRCPT TO: bob\nDATA\nHi\r\n.\r\nQUIT\n")
            while client.recv(1000):
                pass
        out, _, _ = serving.stop()

    assert "RCPT TO   <bob>" in out and "  Hi" in out.splitlines()


def test_failed_output_gives_status_1():
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    ended = []
    with PrinterThread(Full(), TextRenderer(color=False), lambda: ended.append(True)) as printer:
        printer.enqueue_refusal("FOO", "500 5.5.2 Command not recognized")
    assert (printer.exit_status, ended) == (1, [True])


def test_sigterm_stops_serve(serving):
    out, err, status = serving.stop(signal.SIGTERM)

    assert (out, err, status) == ("stopped; 0 mails received\n", "", 0)


def test_busy_port_is_one_line_and_status_1():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = run_smtptest("serve", "--smtp-port", port, "--database", "none")
    assert done.returncode == 1
    assert done.stderr == (
        f"smtptest: Address already in use: cannot listen on 127.0.0.1:{port}; "
        "choose a port with --smtp-port (0 is any free port)\n"
    )
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nonsense"], "unknown option '--nonsense' (help: smtptest --help)"),
        (["nonsense"], "unknown command 'nonsense'; known: serve, send"),
        (["srve"], "unknown command 'srve'; did you mean 'serve'?"),
        (["rules", "lst"], "unknown command 'lst'; did you mean 'ls'?"),
        (["serve", "--htp-port", "1"], "unknown option '--htp-port'; did you mean '--http-port'?"),
        (["serve", "--smtp-port", "99999"], "a number from 0 to 65535"),
        (["serve", "--smtp-port", "x"], "got 'x'"),
        (["serve", "--smtp-port", "٣"], "a port must be a number from 0 to 65535"),
    ],
)
def test_wrong_command_line_is_explained(arguments, message, capsys):
    assert cli.main(arguments) == 2
    errors = capsys.readouterr().err
    assert message in errors and errors.count("\n") == 1


def test_no_command_prints_help(capsys):
    assert cli.main([]) == 2
    output = capsys.readouterr()
    assert "COMMAND" in output.out and output.err == ""


def test_version_is_printed(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"smtptest {__version__}\n"


def test_closed_output_ends_serve_without_error(serving):
    serving.process.stdout.close()
    for _ in range(3):
        try:
            with smtplib.SMTP(*serving.address) as client:
                client.sendmail("a@example.com", ["b@example.com"], "Hi")
        except OSError:
            break
    assert serving.process.wait(30) == 0
    assert serving.process.stderr.read() == ""


def test_broken_message_is_printed_with_its_defects():
    from lazr.smtptest import Envelope, Mail

    envelope = Envelope(
        "", ("b@example.com",), mail_parameters={"SMTPUTF8": ""}, rcpt_parameters=({"NOTIFY": "NEVER"},)
    )
    mail = Mail("1", envelope, [b"Subject: x\r\nContent-Type: text/html; charset=zlib\r\n\r\n<p>Hi\x07</p>\n"])
    text = TextRenderer(color=True).render_mail(mail)

    assert "\nSubject: x\n" not in text and "x\n" in text and "Hi\\x07" in text
    assert "(text of the HTML)" in text and "also: (text/html, 11 characters)" in text
    assert "\x1b[31mcontent: LF without CR\x1b[0m" in text and "zlib" in text
    assert "<> SMTPUTF8" in text and "<b@example.com> NOTIFY=NEVER" in text


@pytest.mark.slow
def test_mail_is_refused_while_the_printer_queue_is_full(serving):
    """The test does not read the output: the pipe fills, then the queue, and then mail is refused for now."""
    with smtplib.SMTP(*serving.address) as client:
        for _ in range(3000):
            try:
                client.sendmail("a@example.com", ["b@example.com"], "Subject: x\r\n\r\n" + "y" * 500)
            except smtplib.SMTPDataError as error:
                assert (error.smtp_code, error.smtp_error) == (452, b"4.3.1 Printing is behind, try later")
                break
        else:
            pytest.fail("all mails were accepted, although nothing read the output")
    accepted = _
    out, _err, _status = serving.stop()
    assert out.count("Subject: x") == accepted
    assert f"stopped; {accepted} mails received" in out
