"""POP3 of a server in a test: poplib reads what SMTP clients have sent."""

import poplib
import smtplib

import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.errors import StartError
from tests.helpers.reading_client import GatedStore

MAIL = b"Subject: Hi\r\n\r\nHello\r\n"


def log_in(server, user="bob@example.com"):
    client = poplib.POP3(*server.pop3.address, timeout=20)
    client.user(user)
    client.pass_("any")
    return client


@pytest.mark.parametrize("make_store", [lambda: None, GatedStore], ids=["inline", "threads"])
def test_mail_is_read_and_deleted(make_store):
    with MailServer(pop3=True, store=make_store()) as server:
        with smtplib.SMTP(*server.address) as sender:
            sender.sendmail("ann@example.com", ["bob@example.com"], MAIL)
        client = log_in(server)
        assert client.stat() == (1, len(MAIL))
        assert client.retr(1)[1] == MAIL.splitlines()
        client.dele(1)
        assert len(server.mailbox("bob@example.com").inbox) == 1, "DELE takes effect at QUIT"
        client.quit()

        assert len(server.mailbox("bob@example.com").inbox) == 0
        assert len(server.inbox) == 1


def test_lost_connection_deletes_nothing():
    with MailServer(pop3=True) as server:
        server.deliver(MAIL, to="bob@example.com")
        client = log_in(server)
        client.dele(1)
        client.close()
        server.settle()

        assert len(server.mailbox("bob@example.com").inbox) == 1


def test_environment_and_addresses():
    with MailServer(pop3=True) as server:
        assert server.env()["POP3_URL"] == server.pop3.url == f"pop3://127.0.0.1:{server.pop3.port}"
        assert server.pop3.tls_mode == "none"
        with pytest.raises(StartError, match=r"MailServer\(imap=True\)"):
            print(server.imap.port)


@pytest.mark.smtptest(pop3=True, imap=True)
def test_marker_switches_both_on(smtptest):
    smtptest.deliver(MAIL, to="bob@example.com")

    client = log_in(smtptest)
    assert client.stat()[0] == 1 and smtptest.imap.is_enabled
    client.quit()
