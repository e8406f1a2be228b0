"""The check of a large file: its ends before it is used, and everything in the background."""

import sqlite3
import threading

import pytest

from lazr.smtptest.errors import StoreUnavailable
from lazr.smtptest.store import SqliteStore, parse_query
from lazr.smtptest.store.sqlite import damage_check
from lazr.smtptest.store.sqlite.damage_check import BackgroundCheck, FileState, Findings, check_before_use, run_check
from lazr.smtptest.store.sqlite.database import SqliteDatabase
from tests.store.sqlite.test_damage import make_mail
from tests.store.sqlite.test_store import arrival, query


class SlowConnection:
    """A connection whose quick check takes until `interrupt`."""

    def __init__(self):
        self.is_interrupted = threading.Event()
        self.is_closed = False
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)

    def execute(self, statement):
        if not statement.startswith("PRAGMA quick_check"):
            return self._connection.execute("SELECT 0")
        assert self.is_interrupted.wait(10)
        error = sqlite3.OperationalError("interrupted")
        error.sqlite_errorcode = sqlite3.SQLITE_INTERRUPT
        raise error

    def interrupt(self):
        self.is_interrupted.set()

    def close(self):
        self.is_closed = True
        self._connection.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mail.sqlite"


@pytest.fixture
def large(path, monkeypatch):
    """A file with 500 mails that counts as too large for a check before use."""
    with SqliteStore(path) as store:
        store.add([arrival(f"m{number}") for number in range(500)])
    monkeypatch.setattr(damage_check, "_check_for_a_moment", lambda connection: None)
    return path


def damage_page_of_contents(path, position=0.5):
    """Erase the page of `contents` at that part of its way."""
    try:
        pages = query(path, "SELECT pageno FROM dbstat WHERE name = 'contents' AND pagetype = 'leaf' ORDER BY path")
    except sqlite3.OperationalError as error:
        pytest.skip(f"this SQLite has no dbstat: {error}")
    [page] = pages[int(position * (len(pages) - 1))]
    with path.open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xff" * 4096)


def test_check_before_use_is_cut_short(path):
    path.write_bytes(b"x")
    connection = SlowConnection()

    assert check_before_use(path, lambda: connection) is FileState.UNKNOWN

    assert connection.is_closed


def test_stopping_a_check_closes_its_connection(path):
    connection, damages = SlowConnection(), []
    check = BackgroundCheck(path, lambda: connection, damages.append)
    check.start()

    check.stop()

    assert connection.is_closed
    check.wait()
    assert damages == []
    check.stop()  # does nothing


@pytest.fixture
def late_check(monkeypatch):
    """A function that starts the check of the opened store, and waits for its end."""
    checks = []
    start = BackgroundCheck.start
    monkeypatch.setattr(BackgroundCheck, "start", lambda check: checks.append(check))  # noqa: PLW0108

    def run():
        check = checks.pop()
        start(check)
        check.wait()

    return run


def test_damage_found_in_the_background_stops_receiving(large, late_check):
    damage_page_of_contents(large)
    changes = []
    with SqliteStore(large) as store:
        store.subscribe(changes.append)
        late_check()

        with pytest.raises(StoreUnavailable, match=r"is damaged, and no mail is accepted: .*; restart the server"):
            store.add([arrival("refused")])
        assert [change.kind for change in changes] == ["prune"]  # wakes the maintenance thread
    with SqliteStore(large) as store:  # checks everything
        assert store.get_totals().mails == 0
        store.add([arrival("new")])
    assert len(list(large.parent.glob("*.corrupt-*"))) == 1


def test_mail_added_before_damage_is_found_is_in_the_file(large, late_check):
    damage_page_of_contents(large)
    with SqliteStore(large) as store:
        store.add([arrival("acknowledged")])
        late_check()
    with SqliteStore(large) as store:
        assert store.get_totals().mails == 0

    [moved] = large.parent.glob("*.corrupt-*")
    assert query(moved, "SELECT id FROM mails WHERE number = 501") == [("acknowledged",)]


@pytest.mark.parametrize("position", [0.0, 1.0])
def test_damage_at_the_ends_is_found_before_use(large, position):
    damage_page_of_contents(large, position)

    with SqliteStore(large) as store:
        assert store.get_totals().mails == 0
        store.add([arrival("new")])
    assert len(list(large.parent.glob("*.corrupt-*"))) == 1


def test_file_can_be_closed_replaced_and_reopened_during_the_check(large):
    for _ in range(5):
        with SqliteStore(large) as store:
            store.add([arrival(f"a{store.get_totals().mails}")])
    with SqliteStore(large) as store:
        check = store._database._background_check
        large.unlink()
        store.add([arrival("b")])
        check.wait()
        assert store.get_totals().mails == 506
    assert query(large, "PRAGMA integrity_check") == [("ok",)]


def test_file_whose_schema_is_not_text_is_moved_aside(path):
    with SqliteStore(path) as store:
        store.add([arrival("m")])
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE mails", b"CREATE T\xbaBLE mails"))

    with SqliteStore(path) as store:
        assert store.get_totals().mails == 0
    assert len(list(path.parent.glob("*.corrupt-*"))) == 1


class CheckedConnection:
    """A connection whose checks have these findings."""

    def __init__(self, *findings):
        self._findings = findings

    def execute(self, statement):
        self._rows = [(finding,) for finding in self._findings] if statement.startswith("PRAGMA") else []
        return self

    def __iter__(self):
        return iter(self._rows)

    def fetchall(self):
        return self._rows


@pytest.mark.parametrize(
    ("lines", "findings"),
    [
        (["ok"], Findings()),
        (["*** in database main ***\nTree 4 page 4: btreeInitPage()"], Findings("Tree 4 page 4: btreeInitPage()")),
        (
            ['fts5: corrupt structure record for table "words"'],
            Findings(None, 'fts5: corrupt structure record for table "words"'),
        ),
        (
            ["malformed inverted index for FTS5 table main.words"],
            Findings(None, "malformed inverted index for FTS5 table main.words"),
        ),
        (
            ["fts5: corruption found", "row 1 missing from index i"],
            Findings("row 1 missing from index i", "fts5: corruption found"),
        ),
    ],
)
def test_damage_of_a_full_text_index_is_no_damage_of_the_file(lines, findings):
    assert run_check(CheckedConnection(*lines), "quick_check") == findings


# -- full-text indexes ----------------------------------------------------------------------------------

INDEX_DAMAGES = {
    "structure and segments": [("block = x'00ff'", "id = 10"), ("block = zeroblob(20)", "id > 10")],
    "structure": [("block = x'00ff'", "id = 10")],
    "unreadable structure": [("block = x'0000000003ffffffffff'", "id = 10")],
    "segments": [("block = zeroblob(20)", "id > 10")],
    "half of a segment": [("block = CAST(substr(block, 1, length(block) / 2) AS BLOB)", "id > 10")],
}
SEARCHES = ("subject:mail", "word3", "to:u3@example.com", "header:x-tags")


def damage_indexes(path, damage, tables=("words", "document_words", "document_keys")):
    connection = sqlite3.connect(path)
    with connection:
        for table in tables:
            for change, condition in INDEX_DAMAGES[damage]:
                connection.execute(f"UPDATE {table}_data SET {change} WHERE {condition}")
    connection.close()


def search_all(store):
    return [store.get_page(parse_query(text)).match_count for text in SEARCHES]


@pytest.fixture
def indexed(path):
    with SqliteStore(path) as store:
        store.add([make_mail(number) for number in range(20)])
        while store.index_pending():
            pass
        assert search_all(store) == [20, 1, 1, 20]
    return path


@pytest.mark.parametrize("damage", INDEX_DAMAGES)
@pytest.mark.parametrize("table", ["document_words", "document_keys"])
def test_damaged_full_text_index_is_built_anew_at_the_start(indexed, caplog, damage, table):
    damage_indexes(indexed, damage, ("words", table))

    with SqliteStore(indexed) as store:
        assert search_all(store) == [20, 1, 1, 20]
        store.add([make_mail(20)])
        assert search_all(store) == [21, 1, 1, 21]
    assert [path.name for path in indexed.parent.iterdir() if "corrupt" in path.name or "damaged" in path.name] == []
    assert ["a full-text index is damaged, and is rebuilt" in record.getMessage() for record in caplog.records] == [
        True
    ]
    caplog.clear()
    with SqliteStore(indexed) as store:
        assert search_all(store) == [21, 1, 1, 21]
    assert caplog.records == []


@pytest.mark.parametrize("damage", ["structure and segments", "structure"])
def test_lost_index_of_a_large_file_is_built_anew_at_the_start(indexed, monkeypatch, damage):
    damage_indexes(indexed, damage)
    monkeypatch.setattr(damage_check, "_check_for_a_moment", lambda connection: None)

    with SqliteStore(indexed) as store:
        assert search_all(store) == [20, 1, 1, 20]
        store._database._background_check.wait()
        assert not store._database.is_damaged


def test_index_damage_found_in_the_background_is_repaired(indexed, monkeypatch, late_check):
    damage_indexes(indexed, "half of a segment")
    monkeypatch.setattr(damage_check, "_check_for_a_moment", lambda connection: None)
    monkeypatch.setattr(damage_check, "_find_missing_in_index", lambda connection: None)  # in a segment in the middle
    with SqliteStore(indexed) as store:
        late_check()
        assert store._database.is_damaged

        store.index_pending()  # as the maintenance thread does
        assert search_all(store) == [20, 1, 1, 20]
        store.add([make_mail(20)])
    assert not list(indexed.parent.glob("*.corrupt-*")) and not list(indexed.parent.glob("*.damaged"))


def test_conflict_in_a_damaged_index_is_reported_and_repaired(indexed, monkeypatch):
    damage_indexes(indexed, "structure and segments")
    monkeypatch.setattr(damage_check, "_check_full_text_indexes", lambda connection, is_complete: None)
    with SqliteStore(indexed) as store:
        store.add([make_mail(20)])
        with pytest.raises(StoreUnavailable, match=r"a full-text index of .* is damaged; try again later"):
            store.get_page(parse_query("word20"))
        with pytest.raises(StoreUnavailable, match="is damaged, and no mail is accepted"):
            store.add([make_mail(21)])

        store.index_pending()  # as the maintenance thread does
        assert search_all(store) == [21, 1, 1, 21]
        store.add([make_mail(21)])


def test_locked_file_with_a_damaged_index_is_not_moved_aside(indexed, monkeypatch):
    damage_indexes(indexed, "structure")
    rebuild = SqliteDatabase._rebuild_full_text_index

    def rebuild_later(database):
        raise StoreUnavailable("database is locked")

    monkeypatch.setattr(SqliteDatabase, "_rebuild_full_text_index", rebuild_later)
    with pytest.raises(StoreUnavailable, match="database is locked"):
        SqliteStore(indexed).open()
    monkeypatch.setattr(SqliteDatabase, "_rebuild_full_text_index", rebuild)

    with SqliteStore(indexed) as store:
        assert search_all(store) == [20, 1, 1, 20]


@pytest.mark.parametrize(
    "content",
    [b"", b"Subject: x\r\n\r\n", b"\x00abc", b"\xff\xfe\x00\r\n\r\nab", "Übergröße".encode(), b"a" * 2_000_000],
)
def test_intact_index_of_a_strange_mail_is_not_built_anew(path, caplog, content):
    with SqliteStore(path) as store:
        store.add([arrival("m", content)])
        store.index_pending()

    with SqliteStore(path) as store:
        assert store.get_totals().mails == 1
    assert caplog.records == []


def test_old_file_without_these_indexes_is_intact(path):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE mails (number INTEGER PRIMARY KEY)")
    assert run_check(connection, "quick_check") == Findings()
    connection.close()
