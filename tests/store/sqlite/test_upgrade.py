"""A file of version 1 of the schema: nothing is lost and every search answers the same, before, during and after."""

import contextlib
import lzma
import sqlite3
from pathlib import Path

import pytest

from lazr.smtptest.store import SqliteStore, parse_query
from lazr.smtptest.store.sql import indexer
from lazr.smtptest.store.sql.schema import SCHEMA_VERSION
from tests.store.contract import arrival, shown

# Written by version 1 of the schema: eleven mails, one of them not indexed; tags and marks were changed.
VERSION_1 = Path(__file__).parent / "data" / "version-1.sqlite.xz"
OUTDATED = ["plain", "html", "attachment", "inline", "long", "large", "recipients", "broken", "empty", "retagged"]
# Which mails each search finds, oldest first.
SEARCHES = {
    "club": ["plain"],
    "123456": ["plain"],
    "strasse": ["html"],
    "subject:grüße": ["html"],
    "subject:in": ["attachment", "pending"],
    "needle": ["long"],
    "from:jörg": ["html"],
    "from:=ann@example.com": ["plain"],
    "to:=bob@example.com": ["plain", "html"],
    "to:=*@example.com": ["plain", "html"],
    "recipient:user4?@example.com": ["recipients"],
    "recipient:user49@example.com": ["recipients"],
    "reply-to:help": ["html"],
    "bcc:=hidden@example.org": ["html"],
    '"invoice 42.pdf"': ["attachment"],
    "has:attachment": ["attachment"],
    "message-id:one@example": ["plain"],
    "header:x-tags": ["plain", "retagged", "pending"],
    "header:x-tags=gre": ["retagged"],
    "header:subject=in": ["attachment", "pending"],
    "to:=b*b@ex*": ["plain", "html"],
    "tag:mine": ["retagged"],
    "tag:green": [],
    "tag:red": [],
    "tag:late": ["pending"],
    "tag:brought": ["html"],
    "is:read": ["html"],
    "hello -all -later": ["plain", "retagged"],
    "!from:ann@example.com club": [],
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "mail.sqlite"
    path.write_bytes(lzma.decompress(VERSION_1.read_bytes()))
    return path


def query(path, statement):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def read_contents(path):
    """Return the contents in a file of version 1, as they were received."""
    return dict(query(path, "SELECT id, content FROM mails JOIN contents USING (number)"))


def describe(store):
    """Return what the store says about all mails."""
    return {
        "found": {text: [e.id for e in reversed(store.get_page(parse_query(text)).entries)] for text in SEARCHES},
        "entries": [shown(entry) for entry in store.get_page(limit=None).entries],
        "contents": {entry.id: store.get_mail(entry.id).content for entry in store.get_page(limit=None).entries},
        "totals": store.get_totals(),
        "tags": store.count_tags(),
        "note": store.get_note("key"),
    }


@pytest.mark.slow
def test_version_1_answers_the_same_while_it_is_upgraded(path):
    contents = read_contents(path)
    with SqliteStore(path) as store:
        before = describe(store)
        assert before["contents"] == contents
        assert before["found"] == SEARCHES

        answers = []
        while store.index_pending(3):
            answers.append(describe(store))
        answers.append(describe(store))

        assert len(answers) > 3
        assert [answer for answer in answers if answer != before] == []
    assert query(path, "SELECT version FROM schema_version") == [(SCHEMA_VERSION,)]
    assert query(path, "SELECT count(*) FROM documents") == [(len(contents),)]
    for table in ("texts", "addresses", "headers", "words"):
        assert query(path, f"SELECT count(*) FROM {table}") == [(0,)]
    with SqliteStore(path) as store:
        assert describe(store) == before


VERSION_2_SQL = """
    DROP INDEX mails_by_folder;
    DROP INDEX mails_by_mod_seq;
    ALTER TABLE mails DROP COLUMN flags;
    ALTER TABLE mails DROP COLUMN folder;
    ALTER TABLE mails DROP COLUMN owner;
    ALTER TABLE mails DROP COLUMN mod_seq;
    ALTER TABLE totals DROP COLUMN mod_seq;
    UPDATE schema_version SET version = 2;
"""


def test_version_2_gets_flags_and_folders(tmp_path):
    path = tmp_path / "mail.sqlite"
    with SqliteStore(path) as store:
        expected = query(path, "SELECT type, name, tbl_name FROM sqlite_master ORDER BY name")
        store.add([arrival(tags=["a"]), arrival()])
        while store.index_pending():
            pass
        store.add([arrival()])
        ids = [mail.id for mail in store.find_mails()]
        store.set_read(read=True, ids=ids[:1])
        before = [shown(entry) for entry in store.get_page().entries], store.get_totals()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_2_SQL)

    with SqliteStore(path) as store:
        assert ([shown(entry) for entry in store.get_page().entries], store.get_totals()) == before
        assert query(path, "SELECT version FROM schema_version") == [(SCHEMA_VERSION,)]
        assert query(path, "SELECT type, name, tbl_name FROM sqlite_master ORDER BY name") == expected
        assert store.get_mod_seq() == 1
        assert [(mail.flags, mail.mod_seq) for mail in store.find_flags()] == [((), 1)] * 3
        assert store.set_flags(ids[:1], add=["\\Flagged"]) == ids[:1]
        assert [mail.id for mail in store.find_flags(since=1)] == ids[:1]
        assert store.set_folder("Sent", "ann", ids=ids[2:]) == 1
    with SqliteStore(path) as store:
        assert [entry.folder for entry in store.get_page().entries] == ["Sent", "", ""]
        last = store.get_mod_seq()
        assert last == max(mail.mod_seq for mail in store.find_flags()) == 3
        store.add([arrival()])
        assert store.get_mod_seq() > last


def test_upgrade_continues_after_reopening(path):
    with SqliteStore(path) as store:
        before = describe(store)
        store.index_pending(1)
        store.index_pending(4)
    assert query(path, "SELECT count(*) FROM texts")[0][0] > 0

    with SqliteStore(path) as store:
        while store.index_pending(4):
            pass
        assert describe(store) == before
    assert query(path, "SELECT count(*) FROM texts") == [(0,)]


def test_upgrade_goes_on_after_the_last_pending_mail_is_indexed(path):
    with SqliteStore(path) as store:
        assert store.count_pending() == 1
        assert store.index_pending() > 0
        assert store.count_pending() == 0


def test_large_contents_are_upgraded_one_by_one(path, monkeypatch):
    read_counts = []
    read_rows = indexer._read_rows

    def count_rows(*arguments):
        rows = read_rows(*arguments)
        read_counts.append(sum(bool(row["content"]) for row in rows))
        return rows

    monkeypatch.setattr(indexer, "_MAX_BYTES_PER_BATCH", 1)
    monkeypatch.setattr(indexer, "_read_rows", count_rows)
    with SqliteStore(path) as store:
        while store.index_pending():
            pass
    assert max(read_counts) == 1
    assert query(path, "SELECT count(*) FROM texts") == [(0,)]


@pytest.mark.parametrize("steps", [0, 2, 20])
def test_upgraded_mails_can_be_deleted(path, steps):
    with SqliteStore(path) as store:
        for _ in range(steps):
            store.index_pending(3)
        assert store.delete(ids=OUTDATED[:5]) == 5
        assert store.get_page(parse_query("strasse")).match_count == 0
        while store.index_pending():
            pass
        assert store.delete() == len(OUTDATED) + 1 - 5
    for table in ("mails", "contents", "documents", "texts", "addresses", "headers", "entries", "tags"):
        assert query(path, f"SELECT count(*) FROM {table}") == [(0,)]
    for index in ("words", "document_words"):
        assert query(path, f"SELECT rowid FROM {index} ('hel OR str OR wor')") == []
