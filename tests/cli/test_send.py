"""`smtptest send`: what was typed arrives, and what a server refuses is said."""

import json

import pytest

from cli.smtptest import smtptest
from lazr.smtptest import MailServer


def at(server):
    return "{}:{}".format(*server.address)


def send(server, *arguments, **how):
    return smtptest("send", "--server", at(server), *arguments, **how)


def test_a_mail_has_all_that_was_typed(server, tmp_path):
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
def test_the_text_comes_from_a_pipe_unless_it_is_typed(server, arguments, stdin, text):
    assert send(server, "--to", "ann@example.com", *arguments, stdin=stdin).returncode == 0
    assert server.inbox.one().text == text


def test_many_come_in_one_session_each_with_its_own_message_id(server):
    assert send(server, "--to", "ann@example.com", "--count", 3).returncode == 0
    assert len({mail.message_id for mail in server.inbox.wait(3)}) == 3
    assert len(server.sessions) == 1


def test_addresses_beyond_ascii_are_sent_as_they_are(server):
    done = send(server, "--to", "jürgen@bücher.example")
    assert done.returncode == 0, done.stderr
    assert server.inbox.one().recipients == ("jürgen@bücher.example",)


def test_json_says_what_was_sent(server):
    server.on("RCPT", to="bob@example.com").reply(550, "5.1.1", "No such user")
    server.on("END_OF_DATA").reply(250, "2.0.0", "Ok: queued as aB1")
    done = send(server, "--to", "ann@example.com", "--to", "bob@example.com", "--json")
    told = json.loads(done.stdout)[0]
    assert told["message_id"] == server.inbox.one().message_id
    assert (told["id"], told["reply"]) == ("aB1", "250 2.0.0 Ok: queued as aB1")
    assert told["refused"] == {"bob@example.com": "550 5.1.1 No such user"}
    assert done.stderr == f"smtptest: {at(server)}: RCPT TO:<bob@example.com> was refused: 550 5.1.1 No such user\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("when", "reply", "says"),
    [
        ("CONNECT", (554, "5.3.2", "Not today"), "the connection was refused: 554"),
        ("MAIL", (451, "4.3.0", "Later"), "MAIL FROM:<smtptest@example.com> was refused: 451 4.3.0 Later"),
        ("RCPT", (550, "5.1.1", "Nobody"), "RCPT TO:<ann@example.com> was refused: 550 5.1.1 Nobody"),
        ("DATA", (451, "4.3.0", "Later"), "the message was refused: 451 4.3.0 Later"),
        ("END_OF_DATA", (554, "5.6.0", "Two", "lines"), "the message was refused: 554 5.6.0 Two / 5.6.0 lines"),
    ],
)
def test_a_refusal_is_one_line(server, when, reply, says):
    server.on(when).reply(*reply)
    done = send(server, "--to", "ann@example.com")
    assert done.stderr.startswith(f"smtptest: {at(server)}: ") and says in done.stderr
    assert done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 1)


def test_a_mail_that_was_taken_is_sent_whatever_is_said_to_quit(server):
    server.on("QUIT").reply(421, "4.3.2", "Going")
    done = send(server, "--to", "ann@example.com")

    assert (done.stderr, done.returncode) == ("", 0)
    assert len(server.inbox) == 1


def test_a_server_that_hangs_up_or_is_not_there_is_one_line(server):
    server.on("DATA").drop()
    done = send(server, "--to", "ann@example.com")
    assert "the server hung up" in done.stderr and done.stderr.count("\n") == 1 and done.returncode == 1

    server.stop()
    done = send(server, "--to", "ann@example.com", "--server", f"127.0.0.1:{server.port}")
    assert done.stderr == f"smtptest: 127.0.0.1:{server.port}: nobody listens there; `smtptest serve` would\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "a mail wants somebody to go to"),
        (("--to", "a b@example.com"), "is no address"),
        (("--to", "a@example.com", "--header", "X"), "there is to be a name, a colon and a value"),
        (("--to", "a@example.com", "--header", "Sender: a", "--header", "Sender: b"), "cannot be in a header"),
        (("--to", "a@example.com", "--subject", "a\r\nBcc: x@example.com"), "cannot be in a header"),
        (("--to", "a@example.com", "--attach", "none.txt"), "none.txt: No such file"),
        (("--to", "a@example.com", "--server", "http://x"), "is no server"),
        (("--to", "a@example.com", "--server", "x:y"), "is no server"),
        (("--to", "a@example.com", "--count", "0"), "--count"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_mail_is_one_line(server, arguments, says):
    done = send(server, *arguments)
    assert says in done.stderr and done.stderr.count("\n") == 1
    assert done.returncode != 0 and len(server.inbox) == 0


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_it_speaks_tls_and_authenticates(mode):
    with MailServer(tls=mode, auth={"ann": "secret"}) as server:
        how = ("--tls",) if mode == "implicit" else ("--starttls",)
        told = ("--to", "bob@example.com", *how)
        done = send(server, *told, "--user", "ann", "--password", "secret")
        assert "--ca-file says whom to trust" in done.stderr and done.returncode == 1
        for whom in (("--ca-file", server.ca_file), ("--any-certificate",)):
            done = send(server, *told, *whom, SMTPTEST_USER="ann", SMTPTEST_PASSWORD="secret")
            assert (done.stderr, done.returncode) == ("", 0)
        scheme = "smtps" if mode == "implicit" else "smtp"
        url = f"{scheme}://ann:secret@{at(server)}"
        assert send(server, *told, "--ca-file", server.ca_file, "--server", url).returncode == 0
        done = send(server, *told, "--ca-file", server.ca_file, "--user", "ann", "--password", "wrong")
        assert "this user and password were refused: 535" in done.stderr
        assert {mail.envelope.auth.username for mail in server.inbox} == {"ann"} and len(server.inbox) == 3


def test_a_stranger_s_reply_steers_no_terminal(server):
    server.on("RCPT").raw(b"550 5.1.1 \x1b[31mred\r\n")
    assert "\x1b" not in send(server, "--to", "ann@example.com").stderr
