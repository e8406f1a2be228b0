"""Code that reads mail, tested with a server that has IMAP and POP3."""

import asyncio
import email
import imaplib
import poplib

import pytest

INVOICE = "Subject: Invoice 7\r\nFrom: shop@example.com\r\n\r\nPlease pay.\r\n"


# -- your application -------------------------------------------------------------------------


def read_new_subjects(host, port, user, password):
    """Return the subjects of unread mails, and file the mails in the folder `Done`."""
    with imaplib.IMAP4(host, port) as client:
        client.login(user, password)
        client.create("Done")
        client.select("INBOX")
        _, (numbers,) = client.uid("SEARCH", "UNSEEN")
        subjects = []
        for number in numbers.split():
            _, parts = client.uid("FETCH", number, "(RFC822)")
            subjects.append(email.message_from_bytes(parts[0][1])["Subject"])
            status, text = client.uid("MOVE", number, "Done")
            if status != "OK":
                raise OSError(text[0].decode())
        return subjects


# -- its tests --------------------------------------------------------------------------------


@pytest.mark.smtptest(imap=True)
def test_new_mail_is_read_and_filed(smtptest):
    smtptest.deliver(INVOICE, to="desk@example.com")

    assert read_new_subjects(*smtptest.imap.address, "desk@example.com", "any password") == ["Invoice 7"]

    mailbox = smtptest.mailbox("desk@example.com")
    assert list(mailbox.folder("INBOX")) == []
    [message] = mailbox.folder("Done")
    assert message.subject == "Invoice 7"
    assert "\\Seen" in message.flags


@pytest.mark.smtptest(imap=True)
def test_mail_for_others_is_not_read(smtptest):
    smtptest.deliver(INVOICE, to="bob@example.com")

    assert read_new_subjects(*smtptest.imap.address, "desk@example.com", "any password") == []


@pytest.mark.smtptest(imap=True, auth={"desk@example.com": "secret"})
def test_wrong_password_is_reported(smtptest):
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        read_new_subjects(*smtptest.imap.address, "desk@example.com", "wrong")


# -- faults -----------------------------------------------------------------------------------


@pytest.mark.smtptest(imap=True)
def test_busy_mailbox_is_reported(smtptest):
    smtptest.deliver(INVOICE, to="desk@example.com")
    smtptest.on("IMAP MOVE").reply("NO", "[INUSE] Mailbox is busy, try later").once()

    with pytest.raises(OSError, match="try later"):
        read_new_subjects(*smtptest.imap.address, "desk@example.com", "any password")
    [message] = smtptest.mailbox("desk@example.com").folder("INBOX")
    assert message.subject == "Invoice 7"


@pytest.mark.smtptest(imap=True)
def test_mail_is_read_when_the_server_is_back(smtptest):
    smtptest.deliver(INVOICE, to="desk@example.com")
    smtptest.on("IMAP LOGIN").reply("NO", "[UNAVAILABLE] Try later").once()

    with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
        read_new_subjects(*smtptest.imap.address, "desk@example.com", "any password")
    assert read_new_subjects(*smtptest.imap.address, "desk@example.com", "any password") == ["Invoice 7"]


# -- other clients ----------------------------------------------------------------------------


@pytest.mark.smtptest(imap=True)
def test_imapclient(smtptest):
    imapclient = pytest.importorskip("imapclient")
    smtptest.deliver(INVOICE, to="desk@example.com")

    with imapclient.IMAPClient(*smtptest.imap.address, ssl=False) as client:
        client.login("desk@example.com", "any password")
        client.select_folder("INBOX")
        [uid] = client.search(["SUBJECT", "Invoice"])
        assert client.fetch([uid], ["ENVELOPE"])[uid][b"ENVELOPE"].subject == b"Invoice 7"
        client.add_flags([uid], [imapclient.FLAGGED, "Paid"])

    [message] = smtptest.mailbox("desk@example.com").folder("INBOX")
    assert message.flags == {"\\Flagged", "Paid"}


@pytest.mark.smtptest(imap=True)
def test_aioimaplib_waits_for_mail(smtptest):
    aioimaplib = pytest.importorskip("aioimaplib")

    async def wait_for_mail():
        client = aioimaplib.IMAP4(*smtptest.imap.address)
        await client.wait_hello_from_server()
        await client.login("desk@example.com", "password")
        await client.select("INBOX")
        idle = await client.idle_start()
        await asyncio.to_thread(smtptest.deliver, INVOICE, to="desk@example.com")
        lines = await client.wait_server_push()
        client.idle_done()
        await asyncio.wait_for(idle, 5)
        await client.logout()
        return lines

    assert b"1 EXISTS" in asyncio.run(wait_for_mail())


@pytest.mark.smtptest(pop3=True)
def test_poplib(smtptest):
    smtptest.deliver(INVOICE, to="desk@example.com")

    client = poplib.POP3(*smtptest.pop3.address)
    client.user("desk@example.com")
    client.pass_("any password")
    assert client.stat()[0] == 1
    _, lines, _ = client.retr(1)
    client.dele(1)
    client.quit()

    assert lines[0] == b"Subject: Invoice 7"
    assert list(smtptest.mailbox("desk@example.com").folder("INBOX")) == []
