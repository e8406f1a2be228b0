"""What a test sees of the folders of a user."""

import pytest

from lazr.smtptest import Mail
from lazr.smtptest.folders import MailboxView
from tests.folders.test_account import HELLO, catch


@pytest.fixture
def mailbox(ann):
    """Return the view of an account."""
    return MailboxView(ann)


def test_mailbox_shows_folders_and_messages(store, ann, mailbox):
    one, two = catch(store), catch(store, content=b"Subject: =?utf-8?q?=C3=84?=\r\n\r\nx")
    ann.open_folder("INBOX").change_flags([one], "add", ["\\Seen", "Work"])
    ann.append("Sent", HELLO)

    assert mailbox.username == "Ann@example.com"
    assert mailbox.folders == ["INBOX", "Drafts", "Junk", "Sent", "Trash"]
    assert [message.subject for message in mailbox] == mailbox.inbox.subjects == ["Hi", "Ä"]
    assert [message.is_seen for message in mailbox] == [True, False]
    assert mailbox.inbox.flags == [{"\\Seen", "Work"}, set()]
    assert (mailbox.inbox[0].uid, mailbox.inbox[-1].uid) == (one, two)
    assert [message.uid for message in mailbox.inbox[0:1]] == [one]
    assert (len(mailbox), len(mailbox.folder("Sent")), len(mailbox.folder("Trash"))) == (2, 1, 0)
    mail = mailbox.inbox[0].mail
    assert isinstance(mail, Mail) and mail.content == HELLO and mail.envelope.rcpt_tos == ("ann@example.com",)


def test_mailbox_and_messages_have_a_clear_repr(store, ann, mailbox):
    one = catch(store)
    ann.open_folder("INBOX").change_flags([one], "add", ["\\Seen"])

    assert repr(mailbox) == "<MailboxView 'Ann@example.com': INBOX 1>"
    assert repr(mailbox.inbox) == "<FolderView 'INBOX': 1 message>"
    assert repr(mailbox.folder("Sent")) == "<FolderView 'Sent': 0 messages>"
    assert repr(mailbox.inbox[0]) == f"<MessageView {one} 'Hi' \\Seen>"
    assert repr(ann) == "<StoreAccount 'Ann@example.com'>" and repr(ann.open_folder("Sent")) == "<StoreFolder 'Sent'>"


def test_view_shows_changes(store, mailbox):
    inbox = mailbox.inbox
    assert bool(mailbox) and len(inbox) == 0
    catch(store)

    assert len(inbox) == 1 and len(list(inbox)) == 1


def test_unknown_folder_has_a_suggestion(mailbox):
    with pytest.raises(LookupError, match="unknown folder 'sent'; did you mean 'Sent'"):
        mailbox.folder("sent")
    with pytest.raises(IndexError, match="no message 0"):
        mailbox.inbox[0]
