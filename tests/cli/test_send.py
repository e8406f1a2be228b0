"""`smtptest send`: content, recipients, TLS, AUTH and refusals."""

import json

import pytest

from lazr.smtptest import MailServer
from tests.helpers.command_line import run_smtptest


def at(server):
    return "{}:{}".format(*server.address)


def send(server, *arguments, **options):
    return run_smtptest("send", "--server", at(server), *arguments, **options)


def test_mail_has_all_options(server, tmp_path):
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / "grüße.txt").write_text("Hallo")
    done = send(
        server, "--from", "Jürgen <j@example.com>", "--to", "Ann <ann@example.com>", "--to", "amy@example.com",
        "--cc", "cy@example.com", "--bcc", "bob@example.com", "--subject", "Grüße", "--text", "Hällo\n",
        "--html", "<p>Hällo</p>", "--attach", tmp_path / "photo.png", "--attach", tmp_path / "grüße.txt",
        "--header", "X-Tags: a, b", "--header", "Message-ID: <1@example.com>",
    )  # fmt: skip
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == f"sent 1 mail to {at(server)}: 250 2.0.0 Message accepted\n"

    mail = server.inbox.one()
    assert mail.sender == "j@example.com"
    assert mail.recipients == ("ann@example.com", "amy@example.com", "cy@example.com", "bob@example.com")
    assert mail.bcc == ("bob@example.com",)
    assert (mail.header("from"), mail.subject, mail.message_id) == (
        "Jürgen <j@example.com>",
        "Grüße",
        "<1@example.com>",
    )
    assert (mail.text, mail.html, mail.header("x-tags")) == ("Hällo\n", "<p>Hällo</p>\n", "a, b")
    assert [(part.filename, part.content) for part in mail.attachments] == [
        ("photo.png", b"\x89PNG"),
        ("grüße.txt", b"Hallo"),
    ]
    assert mail.date is not None and not mail.defects


@pytest.mark.parametrize(
    ("arguments", "stdin", "text"),
    [
        ((), "from a pipe\n.\n", "from a pipe\n.\n"),
        (("--text", "typed"), "from a pipe\n", "typed\n"),
        (("--html", "<b>bold</b>"), "from a pipe\n", "bold\n"),
        ((), "", "\n"),
    ],
)
def test_text_is_read_from_stdin_without_text_or_html(server, arguments, stdin, text):
    assert send(server, "--to", "ann@example.com", *arguments, stdin=stdin).returncode == 0
    assert server.inbox.one().text == text


def test_count_sends_copies_with_own_message_ids_in_one_session(server):
    assert send(server, "--to", "ann@example.com", "--count", 3).returncode == 0
    assert len({mail.message_id for mail in server.inbox.wait(3)}) == 3
    assert len(server.sessions) == 1


# CVE-2024-6923, CVE-2026-1299: an encoded word in a value must not become a line end and a further header field.
def test_encoded_word_does_not_inject_a_header_field(server, tmp_path):
    word = "=?utf-8?q?a=0D=0ABcc:_eve@example.com?="
    (tmp_path / word).write_text("Hi")
    done = send(
        server, "--to", f'"{word}" <ann@example.com>', "--subject", word, "--from", f'"{word}" <j@example.com>',
        "--header", f"X-A: {word}", "--header", f'Reply-To: "ü{word}" <r@example.com>', "--attach", tmp_path / word,
    )  # fmt: skip
    mail = server.inbox.one()

    assert (done.stderr, done.returncode) == ("", 0)
    assert b"\nBcc" not in mail.content and "bcc" not in mail.headers and mail.message["bcc"] is None


def test_header_replaces_the_field_of_an_option(server):
    fields = ("Subject: two", "date: ", "To: undisclosed-recipients:;", "Reply-To: Jürgen <j@example.com>")
    arguments = [argument for field in fields for argument in ("--header", field)]
    done = send(server, "--to", "ann@example.com", "--subject", "one", *arguments)
    mail = server.inbox.one()

    assert (done.stderr, done.returncode) == ("", 0)
    assert mail.headers.get_all("subject") == ("two",) and mail.headers.get_all("date") == ("",)
    assert mail.headers.get_all("to") == ("undisclosed-recipients:;",)
    assert str(mail.reply_to[0]) == "Jürgen <j@example.com>"


def test_addresses_beyond_ascii_are_sent_unchanged(server):
    done = send(server, "--to", "jürgen@bücher.example")
    assert done.returncode == 0, done.stderr
    assert server.inbox.one().recipients == ("jürgen@bücher.example",)


def test_json_has_reply_id_and_refusals(server):
    server.on("RCPT", to="bob@example.com").reply(550, "5.1.1", "No such user")
    server.on("END_OF_DATA").reply(250, "2.0.0", "Ok: queued as aB1")
    done = send(server, "--to", "ann@example.com", "--to", "bob@example.com", "--json")
    result = json.loads(done.stdout)[0]
    assert result["message_id"] == server.inbox.one().message_id
    assert (result["id"], result["reply"]) == ("aB1", "250 2.0.0 Ok: queued as aB1")
    assert result["refused"] == {"bob@example.com": "550 5.1.1 No such user"}
    assert done.stderr == f"smtptest: {at(server)}: RCPT TO:<bob@example.com> was refused: 550 5.1.1 No such user\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("when", "reply", "message"),
    [
        ("CONNECT", (554, "5.3.2", "Not today"), "the connection was refused: 554"),
        ("MAIL", (451, "4.3.0", "Later"), "MAIL FROM:<smtptest@example.com> was refused: 451 4.3.0 Later"),
        ("RCPT", (550, "5.1.1", "Nobody"), "RCPT TO:<ann@example.com> was refused: 550 5.1.1 Nobody"),
        ("DATA", (451, "4.3.0", "Later"), "the message was refused: 451 4.3.0 Later"),
        ("END_OF_DATA", (554, "5.6.0", "Two", "lines"), "the message was refused: 554 5.6.0 Two / 5.6.0 lines"),
    ],
)
def test_refusal_is_one_line(server, when, reply, message):
    server.on(when).reply(*reply)
    done = send(server, "--to", "ann@example.com")
    assert done.stderr.startswith(f"smtptest: {at(server)}: ") and message in done.stderr
    assert done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 1)


def test_refused_quit_does_not_fail_send(server):
    server.on("QUIT").reply(421, "4.3.2", "Going")
    done = send(server, "--to", "ann@example.com")

    assert (done.stderr, done.returncode) == ("", 0)
    assert len(server.inbox) == 1


def test_closed_or_refused_connection_is_one_line(server):
    server.on("DATA").drop()
    done = send(server, "--to", "ann@example.com")
    assert "the server closed the connection" in done.stderr and done.stderr.count("\n") == 1 and done.returncode == 1

    server.stop()
    done = send(server, "--to", "ann@example.com", "--server", f"127.0.0.1:{server.port}")
    assert done.stderr == (
        f"smtptest: 127.0.0.1:{server.port}: connection refused; "
        "start a server with `smtptest serve`, or choose another with --server\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "send needs a recipient"),
        (("--to", "a b@example.com"), "invalid address"),
        (("--to", "a@example.com", "--header", "X"), "--header must be 'Name: value', got 'X'"),
        (("--to", "a@example.com", "--header", "Sender: a", "--header", "Sender: b"), "must have only one Sender"),
        (("--to", "a@example.com", "--subject", "a\r\nBcc: x@example.com"), "must not contain control characters"),
        (("--to", "a@example.com", "--header", "X-A: a\nBcc: x@example.com"), "must not contain control characters"),
        (("--to", "a@example.com", "--header", "X-A\nBcc: x@example.com"), "header name must be printable ASCII"),
        (("--to", "a@example.com", "--header", "Reply-To: A\n <b@example.com>"), "must not contain control characters"),
        (("--to", "a@example.com", "--from", "A\nBcc: x <b@example.com>"), "must not contain control characters"),
        (("--to", "a@example.com", "--header", "Reply-To: ü"), "invalid address"),
        (("--to", "a@example.com", "--header", "Content-Type: text/html"), "smtptest writes Content-Type itself"),
        (("--to", "a@example.com", "--attach", "none.txt"), "none.txt: No such file"),
        (("--to", "a@example.com", "--server", "http://x"), "a server must be host:port"),
        (("--to", "a@example.com", "--server", "x:y"), "a server must be host:port"),
        (("--to", "a@example.com", "--count", "0"), "--count"),
    ],
)  # fmt: skip
def test_invalid_mail_is_one_line(server, arguments, message):
    done = send(server, *arguments)
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert done.returncode != 0 and len(server.inbox) == 0


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_send_uses_tls_and_auth(mode):
    with MailServer(tls=mode, auth={"ann": "secret"}) as server:
        tls_option = "--tls" if mode == "implicit" else "--starttls"
        arguments = ("--to", "bob@example.com", tls_option)
        done = send(server, *arguments, "--user", "ann", "--password", "secret")
        assert "set the trusted CA certificates with --ca-file" in done.stderr and done.returncode == 1
        for trust in (("--ca-file", server.ca_file), ("--any-certificate",)):
            done = send(server, *arguments, *trust, SMTPTEST_USER="ann", SMTPTEST_PASSWORD="secret")
            assert (done.stderr, done.returncode) == ("", 0)
        scheme = "smtps" if mode == "implicit" else "smtp"
        url = f"{scheme}://ann:secret@{at(server)}"
        assert send(server, *arguments, "--ca-file", server.ca_file, "--server", url).returncode == 0
        done = send(server, *arguments, "--ca-file", server.ca_file, "--user", "ann", "--password", "wrong")
        assert "the user and password were refused: 535" in done.stderr
        assert {mail.envelope.auth.username for mail in server.inbox} == {"ann"} and len(server.inbox) == 3


def test_reply_is_escaped(server):
    server.on("RCPT").raw(b"550 5.1.1 \x1b[31mred\r\n")
    assert "\x1b" not in send(server, "--to", "ann@example.com").stderr


@pytest.mark.parametrize(
    "field", ["X Y: z", "X\tY: z", "Grüße: z", "X\x7f: z", "X" * 101 + ": z", "X: a\nBcc: b", ": z"]
)
def test_malformed_header_field_is_refused_before_the_connection(field):
    done = run_smtptest("send", "--to", "a@example.com", "--header", field, "--text", "x", "--server", "127.0.0.1:1")
    assert done.returncode == 2 and "refused;" not in done.stderr
