"""imap-tools (PyPI)."""

import datetime as dt

import imap_tools
import pytest

from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.reader_server import HOST, PASSWORD


def open_mailbox(server, tls="none"):
    """Return a mailbox that has logged in and selected INBOX."""
    port = server.get_imap_port(tls)
    if tls == "implicit":
        mailbox = imap_tools.MailBox(HOST, port, ssl_context=server.make_context())
    elif tls == "starttls":
        mailbox = imap_tools.MailBoxStartTls(HOST, port, ssl_context=server.make_context())
    else:
        mailbox = imap_tools.MailBoxUnencrypted(HOST, port)
    return mailbox.login(server.user, PASSWORD)


@pytest.fixture
def mailbox(reader_server):
    """A mailbox that has selected INBOX."""
    with open_mailbox(reader_server) as mailbox:
        yield mailbox


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_fetch_returns_the_text_of_each_mail(reader_server, tls):
    reader_server.deliver(*EXAMPLES.values())

    with open_mailbox(reader_server, tls) as mailbox:
        mails = list(mailbox.fetch(mark_seen=False))

    assert [mail.subject for mail in mails][:3] == ["Meeting on Monday", "Dots", "Grüße"]
    assert mails[0].text == "Shall we meet at noon?\r\n"
    [attachment] = mails[list(EXAMPLES).index("attachment")].attachments
    assert (attachment.filename, attachment.payload) == ("file.bin", bytes(range(256)) * 40)
    assert all(mail.flags in ((), ("\\Recent",)) for mail in mails)


def test_fetch_in_bulk_returns_sizes_and_dates(reader_server, mailbox):
    reader_server.deliver(MEETING, REPORT)
    mailbox.client.noop()

    mails = list(mailbox.fetch(bulk=True, reverse=True, headers_only=True))

    assert [mail.subject for mail in mails] == ["Report", "Meeting on Monday"]
    assert [mail.size_rfc822 for mail in mails] == [len(REPORT), len(MEETING)]
    assert mails[0].date == dt.datetime(2026, 11, 2, 10, 0, tzinfo=dt.UTC)


def test_folders_are_listed_created_renamed_and_deleted(mailbox):
    assert {folder.name for folder in mailbox.folder.list()} == {"INBOX", "Sent", "Drafts", "Trash", "Junk"}
    mailbox.folder.create("Späte/Post")
    mailbox.folder.subscribe("Späte/Post", True)
    assert "Späte/Post" in [folder.name for folder in mailbox.folder.list(subscribed_only=True)]
    mailbox.folder.rename("Späte/Post", "Archive")
    assert mailbox.folder.status("Archive")["MESSAGES"] == 0
    mailbox.folder.delete("Archive")
    assert not mailbox.folder.exists("Archive")


def test_flag_copy_move_and_delete(reader_server, mailbox):
    reader_server.deliver(MEETING, REPORT, EXAMPLES["dots"])
    mailbox.client.noop()
    first, second, third = mailbox.uids()

    mailbox.flag([first], [imap_tools.MailMessageFlags.FLAGGED, "$Work"], True)
    mailbox.copy([first], "Sent")
    mailbox.move([second], "Junk")
    mailbox.delete([third])

    assert [(mail.uid, mail.flags) for mail in reader_server.read_folder()] == [(int(first), {"\\Flagged", "$Work"})]
    assert [mail.content for mail in reader_server.read_folder("Sent")] == [MEETING]
    assert reader_server.read_contents("Junk") == [REPORT]


def test_append_stores_bytes_flags_and_date(reader_server, mailbox):
    date = dt.datetime(2026, 11, 2, 10, 0, tzinfo=dt.UTC)

    mailbox.append(MEETING, "Drafts", dt=date, flag_set=[imap_tools.MailMessageFlags.DRAFT])

    [mail] = reader_server.read_folder("Drafts")
    assert (mail.content, mail.flags) == (MEETING, {"\\Draft"})


def test_search_by_query_objects(reader_server, mailbox):
    reader_server.deliver(MEETING, REPORT, EXAMPLES["utf-8"])
    mailbox.client.noop()
    first, second, third = mailbox.uids()
    mailbox.flag([first], "\\Seen", True)

    assert mailbox.uids(imap_tools.A(subject="Report", from_="ann")) == [second]
    assert mailbox.uids(imap_tools.OR(imap_tools.A(seen=True), imap_tools.A(text="numbers"))) == [first, second]
    assert mailbox.uids(imap_tools.NOT(imap_tools.A(date_gte=dt.date(2030, 1, 1)))) == [first, second, third]
    assert mailbox.uids(imap_tools.A(subject="Grüße"), charset="UTF-8") == [third]
    assert mailbox.uids(imap_tools.A(uid=imap_tools.U(second, "*"))) == [second, third]


def test_idle_reports_a_new_mail(reader_server, mailbox):
    with mailbox.idle as idle:
        reader_server.deliver(MEETING)
        responses = idle.poll(timeout=60)

    assert b"* 1 EXISTS" in responses
