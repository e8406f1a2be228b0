"""IMAP of a server in a test: imaplib reads what SMTP clients have sent."""

import imaplib
import smtplib
import subprocess
import sys

import pytest

from lazr.smtptest import Limits, Listen, MailServer
from lazr.smtptest.errors import StartError
from lazr.smtptest.store import MemoryStore

MAIL = b"From: ann@example.com\r\nTo: bob@example.com\r\nSubject: Hi\r\n\r\nHello\r\n"


def send(server, content=MAIL, to="bob@example.com"):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", [to], content)


def log_in(server, user="bob@example.com", password="any"):
    client = imaplib.IMAP4(*server.imap.address, timeout=20)
    try:
        client.login(user, password)
    except BaseException:
        client.shutdown()
        raise
    return client


def test_mail_is_readable_as_soon_as_its_sender_has_the_reply():
    with MailServer(imap=True) as server, log_in(server) as client:
        send(server)

        assert client.select() == ("OK", [b"1"])
        assert client.fetch("1", "(BODY[])")[1][0][1] == MAIL == server.inbox.one().content


@pytest.mark.parametrize(
    ("user", "count"), [("bob@example.com", 1), ("BOB@Example.com", 1), ("team", 2), ("no@x.y", 0)]
)
def test_user_name_selects_the_mails(user, count):
    with MailServer(imap=True) as server:
        send(server)
        send(server, to="eve@example.com")
        with log_in(server, user) as client:
            assert client.select() == ("OK", [b"%d" % count])


def test_flags_folders_and_deletion_are_visible_to_the_test():
    with MailServer(imap=True) as server, log_in(server) as client:
        for number in range(3):
            server.deliver(b"Subject: %d\r\n\r\n" % number, to="bob@example.com")
        client.select()
        client.store("1", "+FLAGS", r"(\Seen \Flagged work)")
        client.copy("2", "Archive")
        client.create("Archive")
        client.copy("2", "Archive")
        client.store("3", "+FLAGS", r"\Deleted")
        client.expunge()

        mailbox = server.mailbox("bob@example.com")
        assert mailbox.inbox.subjects == ["0", "1"]
        assert mailbox.inbox[0].flags == {"\\Seen", "\\Flagged", "work"}
        assert mailbox.folder("Archive").subjects == ["1"]
        assert len(server.inbox) == 3, "the inbox is what was received"


def test_server_without_imap_says_how_to_add_it():
    with MailServer() as server:
        assert "IMAP_HOST" not in server.env() and not server.imap.is_enabled
        with pytest.raises(
            StartError, match=r"add MailServer\(imap=True\), in pytest @pytest.mark.smtptest\(imap=True\)"
        ):
            print(server.imap.address)
        with pytest.raises(StartError, match=r"keeps no folders; add MailServer\(imap=True\)"):
            server.mailbox("bob@example.com")


def test_address_is_unknown_before_the_start():
    server = MailServer(imap=True)

    with pytest.raises(StartError, match="is not started"):
        print(server.imap.address)
    with pytest.raises(StartError, match="is not started"):
        print(server.imap.tls_address)
    assert repr(server.imap) == "<ReadingAddress imap 127.0.0.1:0>"
    assert repr(server.pop3) == "<ReadingAddress pop3, off>"


def test_restart_uses_the_port_again():
    server = MailServer(imap=True)
    with server:
        port = server.imap.port
    with server:
        assert server.imap.port == port == server.imap.address[1]


@pytest.mark.parametrize(
    ("argument", "error", "message"),
    [
        ("yes", TypeError, "imap must be True, False, a port or a Listen, got 'yes'"),
        (None, TypeError, "imap must be True"),
        (70_000, ValueError, "port must be 0 to 65535"),
        (Listen(protocol="pop3"), ValueError, "without another protocol"),
    ],
)
def test_wrong_argument_is_refused(argument, error, message):
    with pytest.raises(error, match=message):
        MailServer(imap=argument)


def test_protocol_of_the_server_is_one_that_sends():
    with pytest.raises(ValueError, match="unknown protocol"):
        MailServer(protocol="imap")


@pytest.mark.parametrize("options", [{"imap": Listen("127.0.0.2")}, {"also": [Listen("127.0.0.2", protocol="imap")]}])
def test_listen_says_where(options):
    with MailServer(**options) as server:
        assert server.imap.host == server.imap.address[0] == "127.0.0.2"
        assert server.address[0] == "127.0.0.1"
        with log_in(server) as client:
            assert client.noop()[0] == "OK"


def test_environment_has_the_address():
    with MailServer(imap=True, tls="implicit") as server:
        env = server.env()

        assert (env["IMAP_HOST"], env["IMAP_PORT"]) == ("127.0.0.1", str(server.imap.port))
        assert env["IMAP_URL"] == server.imap.url == f"imaps://127.0.0.1:{server.imap.port}"
        assert server.imap.tls_address == server.imap.address != server.tls_address


def test_server_without_implicit_tls_has_no_tls_address():
    with MailServer(imap=True) as server, pytest.raises(StartError, match="no implicit TLS"):
        print(server.imap.tls_address)


def test_auth_of_the_server_applies():
    with MailServer(imap=True, auth={"ann": "secret"}) as server:
        log_in(server, "ann", "secret").logout()
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            log_in(server, "ann", "wrong")


def test_reading_auth_replaces_auth():
    with MailServer(imap=True, auth={"ann": "secret"}, reading_auth={"bob": "other"}) as server:
        log_in(server, "bob", "other").logout()
        with pytest.raises(imaplib.IMAP4.error):
            log_in(server, "ann", "secret")


def test_error_of_an_auth_function_is_raised_in_the_test():
    def accept(credentials):
        raise ZeroDivisionError("broken")

    with (
        pytest.raises(ZeroDivisionError, match="broken"),
        MailServer(imap=True, auth=accept) as server,
        pytest.raises(imaplib.IMAP4.error),
    ):
        log_in(server)


def test_store_of_the_test_is_read():
    with MemoryStore() as store, MailServer(imap=True, store=store) as server:
        send(server)
        store.set_read(read=True)
        with log_in(server) as client:
            client.select()
            assert b"\\Seen" in client.fetch("1", "FLAGS")[1][0]
        server.forget()
        assert store.get_totals().mails == 1


def test_mailboxes_are_accounts():
    from lazr.smtptest.store import parse_query

    with MailServer(imap=True, mailboxes={"shop": parse_query("to:@shop.example")}) as server:
        server.deliver(b"To: any@shop.example\r\n\r\n")
        server.deliver(b"To: any@other.example\r\n\r\n")
        with log_in(server, "shop") as client:
            assert client.select() == ("OK", [b"1"])


def test_forget_empties_the_folders():
    with MailServer(imap=True) as server, log_in(server) as client:
        server.deliver(MAIL)
        uid = server.mailbox("bob@example.com").inbox[0].uid
        server.forget()
        assert client.select() == ("OK", [b"0"])

        server.deliver(MAIL)
        assert server.mailbox("bob@example.com").inbox[0].uid > uid


def test_own_store_keeps_as_many_mails_as_the_inbox():
    with MailServer(imap=True, keep_mails=20) as server:
        for _ in range(60):
            server.deliver(MAIL)

        assert 20 <= len(server.mailbox("bob@example.com").inbox) <= 25 and len(server.inbox) == 20


def test_rule_of_smtp_and_of_imap_go_together():
    with MailServer(imap=True) as server, log_in(server) as client:
        server.on("RCPT").reply(450).once()
        server.on("IMAP SELECT").reply("NO", "[INUSE] Busy").once()
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(server)

        assert client.select() == ("NO", [b"[INUSE] Busy"])
        assert client.select()[0] == "OK"


def test_stop_with_idle_clients_is_quick():
    server = MailServer(imap=True, limits=Limits(idle_timeout=None))
    with server:
        clients = [log_in(server) for _ in range(10)]
        for client in clients:
            client.select()
            client.send(b"x IDLE\r\n")
    for client in clients:
        client.shutdown()
    assert all(session.ended == "stop" for session in server.sessions)


def test_failed_test_shows_the_transcript(pytester):
    pytester.makepyfile(
        """
        import imaplib, pytest

        @pytest.mark.smtptest(imap=True)
        def test_read(smtptest):
            with imaplib.IMAP4(*smtptest.imap.address) as client:
                client.login("ann", "top-secret")
            assert False
        """
    )
    result = pytester.runpytest()

    result.stdout.fnmatch_lines(["*IMAP transcript*", "*C: * LOGIN ann [*][*][*]*"])
    assert "top-secret" not in result.stdout.str().split("IMAP transcript")[1]


def test_server_without_imap_does_not_import_it():
    code = (
        "import sys, smtplib; from lazr.smtptest import MailServer\n"
        "with MailServer() as server:\n"
        "    smtplib.SMTP(*server.address).close()\n"
        "found = [name for name in sys.modules if 'reading_' in name or '.imap' in name or 'folders' in name]\n"
        "print(sorted(set(found) - {'lazr.smtptest.net.reading_address'}))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert output == "[]\n"
