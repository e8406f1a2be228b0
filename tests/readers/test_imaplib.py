"""imaplib, of the standard library."""

import imaplib
import re
import time

import pytest

from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.reader_server import HOST, PASSWORD, is_dovecot


@pytest.fixture
def client(reader_server):
    """A client that has logged in."""
    with reader_server.log_in() as client:
        yield client


def log_in(server, tls):
    port = server.get_imap_port(tls)
    if tls == "implicit":
        client = imaplib.IMAP4_SSL(HOST, port, ssl_context=server.make_context())
    else:
        client = imaplib.IMAP4(HOST, port)
    if tls == "starttls":
        client.starttls(server.make_context())
    client.login(server.user, PASSWORD)
    return client


def check(response):
    """Return the data of a response that is OK."""
    status, data = response
    assert status == "OK", data
    return data


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_fetch_returns_the_bytes_of_each_mail(reader_server, tls):
    reader_server.deliver(*EXAMPLES.values())

    with log_in(reader_server, tls) as client:
        check(client.select("INBOX"))
        contents = [check(client.fetch(str(number + 1), "(RFC822)"))[0][1] for number in range(len(EXAMPLES))]

    assert contents == list(EXAMPLES.values())


@pytest.mark.skipif(is_dovecot(), reason="Dovecot stores lines, and ends each with CRLF")
@pytest.mark.parametrize(
    "content",
    [
        b"Subject: LF\n\none\ntwo\r\n",
        b"Subject: CR\r\n\r\none\rtwo\r\n",
        b"no header\r\n",
        b"Subject: Latin\r\n\r\n\xe9\xff\r\n",
        b"\r\n",
    ],
)
def test_malformed_mail_is_fetched_byte_for_byte(reader_server, client, content):
    reader_server.deliver(content)
    check(client.select("INBOX"))

    [(line, body), *_] = check(client.fetch("1", "(RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])"))

    assert body == content and b"RFC822.SIZE %d" % len(content) in line


def test_wrong_password_is_refused(reader_server):
    client = imaplib.IMAP4(HOST, reader_server.imap)
    with client, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.login(reader_server.user, "wrong")


def test_authenticate_plain_logs_in(reader_server):
    with imaplib.IMAP4(HOST, reader_server.imap) as client:
        check(client.authenticate("PLAIN", lambda _: f"\0{reader_server.user}\0{PASSWORD}".encode()))
        assert client.state == "AUTH"


def test_new_account_has_inbox_and_special_folders(client):
    lines = check(client.list())

    folders = {re.search(rb'" "?([^"]+)"?$', line)[1]: line for line in lines}
    assert set(folders) == {b"INBOX", b"Sent", b"Drafts", b"Trash", b"Junk"}
    assert all(rb"\%b" % name in folders[name] for name in (b"Sent", b"Drafts", b"Trash", b"Junk"))


def test_folders_are_created_renamed_subscribed_and_deleted(reader_server, client):
    check(client.create("Projects/2026"))
    check(client.subscribe("Projects/2026"))
    assert any(b"Projects/2026" in line for line in check(client.lsub()))
    check(client.rename("Projects", "Old"))
    assert {"Old", "Old/2026"} <= reader_server.list_folders()
    check(client.delete("Old/2026"))
    assert "Old/2026" not in reader_server.list_folders()


def test_folder_name_with_umlaut_is_kept(client):
    check(client.create('"Entw&APw-rfe &- mehr"'))

    assert any(b"Entw&APw-rfe &- mehr" in line for line in check(client.list()))


def test_select_counts_mails_and_gives_uids(reader_server, client):
    reader_server.deliver(MEETING, REPORT)

    assert check(client.select("INBOX")) == [b"2"]
    assert int(client.response("UIDVALIDITY")[1][0]) > 0
    assert int(client.response("UIDNEXT")[1][0]) > reader_server.read_folder()[-1].uid
    assert rb"\Deleted" in client.response("PERMANENTFLAGS")[1][0]


def test_status_counts_mails(reader_server, client):
    reader_server.deliver(MEETING, REPORT)

    [line] = check(client.status("INBOX", "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY)"))

    assert b"MESSAGES 2" in line and b"UNSEEN 2" in line


def test_fetching_a_mail_marks_it_seen_and_peek_does_not(reader_server, client):
    reader_server.deliver(MEETING, REPORT)
    check(client.select("INBOX"))

    check(client.fetch("1", "(BODY[])"))
    check(client.fetch("2", "(BODY.PEEK[])"))

    assert [mail.flags for mail in reader_server.read_folder()] == [{"\\Seen"}, set()]


def test_fetch_returns_parts_and_ranges(reader_server, client):
    content = EXAMPLES["attachment"]
    reader_server.deliver(content)
    check(client.select("INBOX"))

    items = "(BODY.PEEK[1] BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[]<10.20> BODY.PEEK[2.MIME] BODY.PEEK[TEXT])"
    data = [item[1] for item in check(client.fetch("1", items)) if isinstance(item, tuple)]

    assert data == [
        b"See the file.",
        b"Subject: Attachment\r\n\r\n",
        content[10:30],
        content[content.index(b"Content-Type: application") : content.index(b"filename=file.bin\r\n\r\n") + 21],
        content.partition(b"\r\n\r\n")[2],
    ]


def test_fetch_returns_size_envelope_and_structure(reader_server, client):
    reader_server.deliver(MEETING, EXAMPLES["attachment"])
    check(client.select("INBOX"))

    first, second = check(client.fetch("1:2", "(RFC822.SIZE ENVELOPE BODYSTRUCTURE)"))

    assert b"RFC822.SIZE %d" % len(MEETING) in first
    assert b'"Meeting on Monday" (("Ann" NIL "ann" "example.com"))' in first
    assert b'("text" "plain"' in second.lower() and b'"mixed"' in second.lower()
    assert b'("attachment" ("filename" "file.bin"))' in second.lower()


def test_flags_and_keywords_are_stored(reader_server, client):
    reader_server.deliver(MEETING, REPORT)
    check(client.select("INBOX"))

    check(client.store("1", "+FLAGS", r"(\Flagged \Answered $Work)"))
    check(client.store("1", "-FLAGS", r"\Answered"))
    check(client.store("2", "FLAGS.SILENT", r"(\Seen \Draft)"))

    assert [mail.flags for mail in reader_server.read_folder()] == [{"\\Flagged", "$Work"}, {"\\Seen", "\\Draft"}]


def test_expunge_removes_deleted_mails(reader_server, client):
    reader_server.deliver(MEETING, REPORT, MEETING)
    check(client.select("INBOX"))

    check(client.store("1,3", "+FLAGS", r"\Deleted"))
    assert check(client.expunge()) in ([b"1", b"2"], [b"3", b"1"])  # either order is correct

    assert reader_server.read_contents() == [REPORT]


def test_copy_and_move_keep_bytes_and_flags(reader_server, client):
    reader_server.deliver(MEETING, REPORT)
    check(client.create("Archive"))
    check(client.select("INBOX"))
    check(client.store("1", "+FLAGS", r"(\Flagged $Work)"))
    first, second = (mail.uid for mail in reader_server.read_folder())

    check(client.copy("1", "Archive"))
    check(client.uid("MOVE", str(second), "Archive"))

    assert [mail.uid for mail in reader_server.read_folder()] == [first]
    copies = reader_server.read_folder("Archive")
    assert [(mail.content, mail.flags) for mail in copies] == [(MEETING, {"\\Flagged", "$Work"}), (REPORT, set())]


def test_copy_to_missing_folder_is_refused(reader_server, client):
    reader_server.deliver(MEETING)
    check(client.select("INBOX"))

    status, [text] = client.copy("1", "Missing")

    assert status == "NO" and text.startswith(b"[TRYCREATE]")


def test_append_stores_flags_and_date(reader_server, client):
    date = '"02-Nov-2026 10:00:00 +0100"'
    [answer] = check(client.append("Sent", r"(\Seen $Work)", date, MEETING))

    assert answer.startswith(b"[APPENDUID ")
    [mail] = reader_server.read_folder("Sent")
    assert (mail.content, mail.flags) == (MEETING, {"\\Seen", "$Work"})
    check(client.select("Sent"))
    [data] = check(client.fetch("1", "INTERNALDATE"))
    expected = time.mktime(imaplib.Internaldate2tuple(b"INTERNALDATE " + date.encode()))
    assert time.mktime(imaplib.Internaldate2tuple(data)) == expected


@pytest.mark.parametrize(
    ("criteria", "numbers"),
    [
        ("ALL", b"1 2"),
        ("SUBJECT meeting", b"1"),
        ('BODY "numbers are"', b"2"),
        ("TEXT ann@example.com", b"1 2"),
        ("FROM ann NOT SUBJECT Report", b"1"),
        ("OR SUBJECT Report FLAGGED", b"1 2"),
        ("UNSEEN", b"2"),
        ("KEYWORD $Work", b"1"),
        ("LARGER 100000", b""),
        ("SENTON 2-Nov-2026", b"1 2"),
        ("BEFORE 1-Jan-2000", b""),
        ("HEADER Message-ID example.com", b"1 2"),
        ("UID 1:*", b"1 2"),
    ],
)
def test_search_finds_mails(reader_server, client, criteria, numbers):
    reader_server.deliver(MEETING, REPORT)
    check(client.select("INBOX"))
    check(client.store("1", "+FLAGS", r"(\Seen \Flagged $Work)"))

    assert check(client.search(None, criteria)) == [numbers]


def test_search_with_charset_and_literal_finds_mail(reader_server, client):
    reader_server.deliver(MEETING, EXAMPLES["utf-8"])
    check(client.select("INBOX"))

    client.literal = "Grüße".encode()
    assert check(client.search("UTF-8", "SUBJECT")) == [b"2"]
    client.literal = "grüße".encode()
    assert check(client.search("UTF-8", "BODY")) == [b"2"]


def test_other_sessions_see_changes_at_noop(reader_server, client):
    reader_server.deliver(MEETING)
    check(client.select("INBOX"))
    with reader_server.log_in() as other:
        check(other.select("INBOX"))
        check(other.store("1", "+FLAGS", r"\Deleted"))
        reader_server.deliver(REPORT)
        check(client.noop())
        assert client.response("EXISTS")[1][-1] == b"2"
        assert rb"\Deleted" in client.response("FETCH")[1][0]
        check(other.expunge())
        check(client.noop())
        assert client.response("EXPUNGE")[1] == [b"1"]


def test_idle_reports_a_new_mail(reader_server, client):
    check(client.select("INBOX"))
    tag = client._new_tag()
    client.send(tag + b" IDLE\r\n")
    assert client.readline().startswith(b"+")

    reader_server.deliver(MEETING)

    assert read_until(client, rb"\* \d+ EXISTS") == b"* 1 EXISTS\r\n"
    client.send(b"DONE\r\n")
    assert read_until(client, tag).startswith(tag + b" OK")


@pytest.mark.skipif(not hasattr(imaplib.IMAP4, "idle"), reason="imaplib has `idle` from Python 3.14 on")
def test_idle_context_yields_a_new_mail(reader_server, client):
    check(client.select("INBOX"))
    with client.idle(duration=60) as idler:
        reader_server.deliver(MEETING)
        assert next(response for response in idler if response[0] == "EXISTS") == ("EXISTS", [b"1"])


def read_until(client, pattern):
    """Return the first line that matches the pattern."""
    for line in iter(client.readline, b""):
        if re.match(pattern, line):
            return line
    raise AssertionError("the connection has ended")
