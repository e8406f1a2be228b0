"""IMAPClient (PyPI)."""

import datetime as dt

import imapclient
import pytest

from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.reader_server import HOST, PASSWORD


def log_in(server, tls="none"):
    """Return a client that has logged in."""
    context = None if tls == "none" else server.make_context()
    client = imapclient.IMAPClient(
        HOST, server.get_imap_port(tls), ssl=tls == "implicit", ssl_context=context, timeout=60
    )
    if tls == "starttls":
        client.starttls(context)
    client.login(server.user, PASSWORD)
    return client


@pytest.fixture
def client(reader_server):
    """A client that has selected INBOX."""
    with log_in(reader_server) as client:
        client.select_folder("INBOX")
        yield client


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_fetch_returns_the_bytes_of_each_mail(reader_server, tls):
    reader_server.deliver(*EXAMPLES.values())

    with log_in(reader_server, tls) as client:
        client.select_folder("INBOX", readonly=True)
        found = client.fetch(client.search(), ["BODY.PEEK[]"])

    assert [data[b"BODY[]"] for data in found.values()] == list(EXAMPLES.values())


def test_wrong_password_raises_login_error(reader_server):
    with imapclient.IMAPClient(HOST, reader_server.imap, ssl=False) as client:
        with pytest.raises(imapclient.exceptions.LoginError):
            client.login(reader_server.user, "wrong")
        client.plain_login(reader_server.user, PASSWORD)


def test_special_folders_and_namespace_are_found(client):
    assert client.find_special_folder(b"\\Trash") == "Trash"
    assert client.find_special_folder(b"\\Sent") == "Sent"
    assert client.namespace().personal == (("", "/"),)


def test_folder_with_umlaut_is_created_renamed_and_deleted(reader_server, client):
    client.create_folder("Entwürfe & mehr")
    assert client.folder_exists("Entwürfe & mehr")
    client.rename_folder("Entwürfe & mehr", "Später")
    client.subscribe_folder("Später")
    assert "Später" in [name for _, _, name in client.list_sub_folders()]
    client.unsubscribe_folder("Später")
    assert "Später" not in [name for _, _, name in client.list_sub_folders()]
    client.delete_folder("Später")
    assert "Sp&AOQ-ter" not in reader_server.list_folders()


def test_envelope_and_structure_are_parsed(reader_server, client):
    reader_server.deliver(EXAMPLES["attachment"])
    client.noop()

    [data] = client.fetch(client.search(), ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "INTERNALDATE"]).values()

    envelope = data[b"ENVELOPE"]
    assert envelope.subject == b"Attachment"
    assert str(envelope.from_[0]) == "Ann <ann@example.com>"
    assert envelope.date.astimezone(dt.UTC) == dt.datetime(2026, 11, 2, 10, 0, tzinfo=dt.UTC)
    assert data[b"RFC822.SIZE"] == len(EXAMPLES["attachment"])
    parts, subtype = data[b"BODYSTRUCTURE"][:2]
    assert subtype.lower() == b"mixed" and [part[0].lower() for part in parts] == [b"text", b"application"]
    age = dt.datetime.now(dt.UTC) - data[b"INTERNALDATE"].astimezone(dt.UTC)
    assert abs(age.total_seconds()) < 600


def test_flags_are_set_and_read(reader_server, client):
    reader_server.deliver(MEETING, REPORT)
    client.noop()
    first, second = client.search()

    client.add_flags([first], [imapclient.FLAGGED, "$Work"])
    client.set_flags([second], [imapclient.SEEN, imapclient.DELETED])
    client.remove_flags([second], [imapclient.DELETED])

    assert [mail.flags for mail in reader_server.read_folder()] == [{"\\Flagged", "$Work"}, {"\\Seen"}]
    assert {flag for flag in client.get_flags([first])[first] if flag != b"\\Recent"} == {b"\\Flagged", b"$Work"}


def test_copy_move_and_expunge_of_uids(reader_server, client):
    reader_server.deliver(MEETING, REPORT, EXAMPLES["dots"])
    client.create_folder("Archive")
    client.noop()
    first, second, third = client.search()

    client.copy([first], "Archive")
    client.move([second], "Archive")
    client.delete_messages([first, third])
    client.uid_expunge([third])

    assert [mail.uid for mail in reader_server.read_folder()] == [first]
    assert reader_server.read_contents("Archive") == [MEETING, REPORT]


def test_append_stores_flags_and_date(reader_server, client):
    date = dt.datetime(2026, 11, 2, 10, 0, tzinfo=dt.UTC)

    client.append("Drafts", MEETING, flags=[imapclient.DRAFT], msg_time=date)

    [mail] = reader_server.read_folder("Drafts")
    assert (mail.content, mail.flags) == (MEETING, {"\\Draft"})
    client.normalise_times = False
    client.select_folder("Drafts")
    assert client.fetch(client.search(), ["INTERNALDATE"])[mail.uid][b"INTERNALDATE"] == date


def test_search_by_criteria(reader_server, client):
    reader_server.deliver(MEETING, REPORT, EXAMPLES["utf-8"])
    client.noop()
    first, second, third = client.search()
    client.add_flags([first], [imapclient.SEEN])

    assert client.search(["SUBJECT", "Report"]) == [second]
    assert client.search("UNSEEN") == [second, third]
    assert client.search(["OR", "SUBJECT", "meeting", ["NOT", "FROM", "ann"]]) == [first]
    assert client.search(["TEXT", "Grüße"], "UTF-8") == [third]
    assert client.search(["SINCE", dt.date(2020, 1, 1), "UID", f"{second}:*"]) == [second, third]


def test_condstore_reports_changes_since(reader_server, client):
    reader_server.deliver(MEETING, REPORT)
    client.select_folder("INBOX")
    before = client.folder_status("INBOX", ["HIGHESTMODSEQ"])[b"HIGHESTMODSEQ"]
    first, _ = client.search()
    client.add_flags([first], [imapclient.FLAGGED])

    changed = client.fetch(client.search(), ["FLAGS"], modifiers=[f"CHANGEDSINCE {before}"])

    assert list(changed) == [first] and changed[first][b"MODSEQ"] > (before,)


def test_idle_reports_mails_flags_and_expunges(reader_server, client):
    with log_in(reader_server) as other:
        other.select_folder("INBOX")
        client.idle()
        reader_server.deliver(MEETING)
        assert (1, b"EXISTS") in wait_for(client, b"EXISTS")
        other.noop()
        other.add_flags(other.search(), [imapclient.DELETED])
        [(_, _, data)] = [response for response in wait_for(client, b"FETCH") if response[1] == b"FETCH"]
        assert b"\\Deleted" in data[data.index(b"FLAGS") + 1]
        other.expunge()
        assert (1, b"EXPUNGE") in wait_for(client, b"EXPUNGE")
        text, _ = client.idle_done()
        assert text


def wait_for(client, kind):
    """Return the responses until one of this kind has come."""
    responses = []
    while not any(response[1] == kind for response in responses):
        more = client.idle_check(timeout=60)
        assert more, responses
        responses += more
    return responses
