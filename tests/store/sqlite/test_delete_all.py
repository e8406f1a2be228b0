"""Delete all mails at once: gone from every list immediately, their rows and the space in the file later."""

import contextlib
import sqlite3

import pytest

from lazr.smtptest.errors import StoreFull
from lazr.smtptest.store import SqliteStore, TextTerm, Totals, parse_query
from lazr.smtptest.store.sql.deleter import Deleter
from lazr.smtptest.store.sql.schema import sqlite_mail_tables
from lazr.smtptest.store.sqlite import deleter, file_shrinking
from lazr.smtptest.store.sqlite.deleter import SqliteDeleter
from lazr.smtptest.store.sqlite.full_text_index import FULL_TEXT_TABLES
from tests.store.contract import arrival
from tests.store.sqlite.test_store import query


def make_mail(number, size=2000):
    content = f"Subject: mail {number}\r\nX-Tags: t{number % 3}\r\nTo: u{number}@example.com\r\n\r\nword{number} "
    return arrival(content.encode() + b"x" * size, id=f"m{number}", user="ann")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mail.sqlite"


@pytest.fixture
def as_large(monkeypatch):
    """Make the deletion of all mails treat each file as a large one."""
    monkeypatch.setattr(deleter, "_MAX_PAGES_EMPTIED_AT_ONCE", 0)


def fill(store, count=300, indexed=200, start=0):
    store.add([make_mail(number) for number in range(start, start + count)])
    if indexed:
        store.index_pending(indexed)


def count_rows(path):
    """Return how many rows each table has, also those that wait for their removal."""
    names = [name for [name] in query(path, "SELECT name FROM sqlite_master WHERE name GLOB 'removed_*'")]
    names += [table.name for table in sqlite_mail_tables]
    return {name: query(path, f"SELECT count(*) FROM {name}")[0][0] for name in names}


def reclaim(store):
    while store.reclaim_space():
        pass


def check_is_empty(store):
    assert store.get_totals() == Totals(0, 0, 0) == store.get_totals(parse_query("word1"))
    assert store.get_page().entries == store.get_page(parse_query("mail")).entries == []
    assert store.count_tags() == {}
    assert store.get_latest() is store.get_mail("m1") is None
    assert store.get_entries_after(0) == []


@pytest.mark.usefixtures("as_large")
def test_mails_are_gone_at_once_and_their_rows_later(path):
    with SqliteStore(path) as store:
        fill(store)
        schema = query(path, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name")

        assert store.delete() == 300

        check_is_empty(store)
        left = count_rows(path)
        assert left["removed_1_contents"] + left["removed_1_documents"] == 300  # before and after indexing
        reclaim(store)
        check_is_empty(store)
        assert set(count_rows(path).values()) == {0}
        assert query(path, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name") == schema
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for name in FULL_TEXT_TABLES:
            connection.execute(f"INSERT INTO {name} ({name}) VALUES ('integrity-check')")


@pytest.mark.usefixtures("as_large")
def test_mail_added_after_deleting_all_is_kept(path):
    with SqliteStore(path) as store:
        for start in range(0, 900, 300):  # deleted again before the rows of the first are gone
            fill(store, start=start)
            store.delete()
            store.add([make_mail(10_000 + start)])
            assert [entry.id for entry in store.get_page().entries] == [f"m{10_000 + start}"]
        reclaim(store)

        assert store.get_page((TextTerm("anywhere", "word10600"),)).match_count == 1
        assert store.count_tags() == {"t1": 1}
        assert store.get_mail("m10600").content.endswith(b"xxx")
    assert count_rows(path)["contents"] + count_rows(path)["documents"] == 1


@pytest.mark.usefixtures("as_large")
def test_interrupted_removal_continues_after_reopening(path):
    with SqliteStore(path) as store:
        fill(store)
        store.delete()
        store.add([make_mail(1000)])
        store._sqlite_deleter.remove_rows()
    assert 0 < count_rows(path)["removed_1_contents"] < 300
    with SqliteStore(path) as store:
        assert store.get_page(parse_query("word1000")).match_count == store.get_totals().mails == 1
        reclaim(store)
    assert not [name for name in count_rows(path) if name.startswith("removed")]


def test_small_store_is_emptied_at_once(path):
    with SqliteStore(path) as store:
        fill(store)
        assert store.delete() == 300
        assert set(count_rows(path).values()) == {0}


@pytest.mark.usefixtures("as_large")
def test_secure_deletion_removes_the_rows_before_it_returns(path):
    with SqliteStore(path, secure_delete=True) as store:
        fill(store)
        store.delete()
        assert set(count_rows(path).values()) == {0}
    assert b"word1 xxx" not in path.read_bytes()


def test_rows_that_an_earlier_version_left_are_removed(path):
    with SqliteStore(path) as store:
        fill(store, indexed=0)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for table in ("tags", "entries", "pending", "mails"):
            connection.execute(f"DELETE FROM {table}")
    with SqliteStore(path) as store:
        store.add([make_mail(1000)])
        reclaim(store)
        assert store.get_page(parse_query("word1000")).match_count == 1
    assert count_rows(path)["contents"] + count_rows(path)["documents"] == 1


def test_full_disk_deletes_all_in_small_steps(path, monkeypatch):
    def raise_full(deleter):
        raise StoreFull("no room")

    calls = []
    delete = Deleter.delete_all
    monkeypatch.setattr(SqliteDeleter, "_empty_tables", raise_full)
    monkeypatch.setattr(Deleter, "delete_all", lambda self: calls.append(self) or delete(self))
    with SqliteStore(path) as store:
        fill(store, 30)
        assert store.delete() == 30
        check_is_empty(store)
    assert len(calls) == 1


# -- the size of the file --------------------------------------------------------------------------------


@pytest.fixture
def as_idle(monkeypatch):
    """Make stores count as idle at once."""
    monkeypatch.setattr("lazr.smtptest.store.sqlite.database._IDLE_SECONDS_BEFORE_TRUNCATION", -1.0)


def get_size(path):
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


@pytest.mark.usefixtures("as_idle")
@pytest.mark.parametrize("is_emptied_at_once", [True, False])
def test_file_shrinks_after_deleting_all(path, monkeypatch, is_emptied_at_once):
    monkeypatch.setattr(deleter, "_MAX_PAGES_EMPTIED_AT_ONCE", 1_000_000 if is_emptied_at_once else 0)
    with SqliteStore(path) as store:
        fill(store, 400, indexed=100)
        store.add([make_mail(1000 + number, 300_000) for number in range(100)])
        reclaim(store)
        assert path.stat().st_size > 30_000_000
        store.delete()
        fill(store, 10, indexed=5)
        reclaim(store)

        assert get_size(path) < 6_000_000
        assert store.get_totals().mails == 10 == store.get_page(parse_query("subject:mail")).match_count
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert query(path, "PRAGMA auto_vacuum") == [(2,)]


@pytest.mark.usefixtures("as_idle")
def test_file_shrinks_in_steps_while_mails_are_kept(path, monkeypatch):
    monkeypatch.setattr(file_shrinking, "_MAX_REWRITTEN_PAGES", 0)
    with SqliteStore(path) as store:
        for number in range(200):
            store.add([make_mail(number, 100_000)])
        store.delete(ids=[f"m{number}" for number in range(180)])
        steps = 0
        while store._file_shrinker.run_step():
            steps += 1
            store.add([make_mail(1000 + steps, 10)])  # receiving goes on between the steps
        reclaim(store)

        assert steps > 5
        assert get_size(path) < 2 * 20 * 100_000 + 8_000_000
        assert store.get_totals().mails == 20 + steps
        for number in range(180, 200):
            assert store.get_mail(f"m{number}").content == b"".join(make_mail(number, 100_000).parts)
    assert query(path, "PRAGMA integrity_check") == [("ok",)]


def test_few_free_pages_stay_for_new_mails(path):
    with SqliteStore(path) as store:
        fill(store, 300)
        store.delete(ids=[f"m{number}" for number in range(150)])
        reclaim(store)
    assert query(path, "PRAGMA freelist_count")[0][0] > 50


def make_file_of_earlier_version(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("PRAGMA application_id = 0x4C5A5354")


@pytest.mark.usefixtures("as_idle")
@pytest.mark.parametrize(("kept", "shrinks"), [(5, True), (100, False)])
def test_file_of_earlier_version_is_rewritten_while_small(path, kept, shrinks):
    make_file_of_earlier_version(path)
    with SqliteStore(path) as store:
        store.add([make_mail(number, 100_000) for number in range(200)])
        reclaim(store)
        assert query(path, "PRAGMA auto_vacuum") == [(0,)]
        store.delete(ids=[f"m{number}" for number in range(kept, 200)])
        reclaim(store)

        assert (get_size(path) < 10_000_000) is shrinks
        assert store.get_page(limit=None).match_count == kept
    assert query(path, "PRAGMA auto_vacuum") == [(2 if shrinks else 0,)]


@pytest.mark.usefixtures("as_idle")
def test_idle_store_keeps_a_short_log(path):
    with SqliteStore(path) as store:
        store.add([make_mail(number, 100_000) for number in range(100)])
        assert path.with_name("mail.sqlite-wal").stat().st_size > 8_000_000
        reclaim(store)
        assert path.with_name("mail.sqlite-wal").stat().st_size == 0
