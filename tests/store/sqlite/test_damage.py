"""Damage that SQLite does not report: lost transactions, single rows, and indexes."""

import contextlib
import logging
import os
import random
import shutil
import sqlite3
from datetime import timedelta

import pytest

from lazr.smtptest.errors import StoreError, StoreUnavailable
from lazr.smtptest.store import EVERYTHING, Retention, SqliteStore, TextTerm, Totals, parse_query
from tests.store.contract import arrival
from tests.store.sqlite.test_store import query

WAL_HEADER, FRAME = 32, 24 + 4096


def make_mail(number):
    content = f"Subject: mail {number}\r\nX-Tags: t{number % 3}\r\nTo: u{number}@example.com\r\n\r\n"
    return arrival(content.encode() + b"word%d " % number * 50, id=f"m{number}", user="ann")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mail.sqlite"


# -- the write-ahead log ------------------------------------------------------------------------------


@pytest.fixture
def killed(path, tmp_path):
    """The files of a store with 20 mails, each in a transaction of its own, as `kill -9` leaves them."""
    with SqliteStore(path) as store:
        for number in range(20):
            store.add([make_mail(number)])
        copies = [shutil.copy(f"{path}{suffix}", tmp_path / f"copy{suffix}") for suffix in ("", "-wal")]
    for copy, suffix in zip(copies, ("", "-wal"), strict=True):
        os.replace(copy, f"{path}{suffix}")
    return path


def flip_bit(file, offset):
    with open(file, "r+b") as opened:
        opened.seek(offset)
        [octet] = opened.read(1)
        opened.seek(offset)
        opened.write(bytes([octet ^ 4]))


FLIPPED = {
    "salt of the header": 17,
    "checksum of the header": 25,
    "page number of a frame": WAL_HEADER + 12 * FRAME + 3,
    "salt of a frame": WAL_HEADER + 12 * FRAME + 9,
    "checksum of a frame": WAL_HEADER + 12 * FRAME + 17,
    "page in a frame": WAL_HEADER + 12 * FRAME + 2000,
    "first frame": WAL_HEADER + 100,
}


@pytest.mark.parametrize("name", FLIPPED)
def test_damaged_log_is_copied_and_reported(killed, caplog, name):
    flip_bit(f"{killed}-wal", FLIPPED[name])
    with open(f"{killed}-wal", "rb") as file:
        damaged = file.read()

    with SqliteStore(killed) as store:
        assert store.get_totals().mails < 20
        store.add([make_mail(100)])
        assert store.get_mail("m100")

    [copy] = killed.parent.glob("mail.sqlite-wal.corrupt-*")
    assert copy.read_bytes() == damaged
    assert copy.stat().st_mode & 0o777 == 0o600
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "mail.sqlite-wal is damaged: " in record.getMessage() and str(copy) in record.getMessage()
    assert "transactions in it are lost" in record.getMessage()


@pytest.mark.parametrize("cut", [0, 1, FRAME - 10, 5 * FRAME, 5 * FRAME + 100])
def test_log_that_was_cut_is_not_reported(killed, caplog, cut):
    """A crash in the middle of a transaction leaves such a log, and loses no mail that was acknowledged."""
    with open(f"{killed}-wal", "r+b") as file:
        file.truncate(file.seek(0, 2) - cut)

    with SqliteStore(killed) as store:
        assert store.get_totals().mails > 5

    assert not list(killed.parent.glob("*.corrupt-*"))
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_log_that_is_overwritten_from_the_start_is_not_reported(path, tmp_path, caplog):
    with SqliteStore(path) as store:
        store.add([make_mail(number) for number in range(300)])
        store._database.checkpoint(truncate=False)
        with contextlib.closing(sqlite3.connect(path)) as other, other:
            other.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        store.add([make_mail(300)])
        copies = [shutil.copy(f"{path}{suffix}", tmp_path / f"copy{suffix}") for suffix in ("", "-wal")]
    for copy, suffix in zip(copies, ("", "-wal"), strict=True):
        os.replace(copy, f"{path}{suffix}")

    with SqliteStore(path) as store:
        assert store.get_totals().mails == 301

    assert not list(path.parent.glob("*.corrupt-*"))


# -- single rows ----------------------------------------------------------------------------------------

BAD_VALUES = ["CAST(x'41ff42' AS TEXT)", "x'ff00'", "'text'", "-7", "9223372036854775807", "1e300", "''", "x'7b'"]
COLUMNS = [
    *(f"mails.{column}" for column in ("id", "received_at", "size", "username", "read", "envelope", "brought")),
    *(f"entries.{column}" for column in ("message_id", "subject", "addresses", "attachments", "inlines", "snippet")),
    *("documents.data", "documents.too_long", "tags.tag", "tags.folded", "contents.content"),
]


@pytest.mark.parametrize(
    ("column", "is_indexed"),
    [
        *((column, True) for column in COLUMNS),
        *((column, False) for column in COLUMNS if column.startswith(("mails", "contents"))),
    ],
)
def test_damaged_row_does_not_hide_other_mails(path, column, is_indexed):
    table, name = column.split(".")
    count = len(BAD_VALUES) + 2
    with SqliteStore(path) as store:
        store.add([make_mail(number) for number in range(count)])
        while is_indexed and store.index_pending():
            pass
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for number, value in enumerate(BAD_VALUES, 2):  # all but the first and the last mail, which has number 10
            is_unique = "" if name != "id" else f" || {number}"
            connection.execute(f"UPDATE {table} SET {name} = {value}{is_unique} WHERE number = {number}")

    with SqliteStore(path) as store:
        page = store.get_page()
        assert len(page.entries) == page.match_count == store.get_totals().mails == count
        assert [page.entries[0].subject, page.entries[-1].subject] == [f"mail {count - 1}", "mail 0"]
        assert len(store.get_entries_after(0)) == count
        assert {"t0", "t1"} & set(store.count_tags())
        assert store.get_page(parse_query("subject:mail")).match_count >= 2
        assert store.get_page(parse_query("to:u2@example.com has:attachment")).match_count <= count
        assert store.get_latest(parse_query("mail")).id == f"m{count - 1}"
        for number in range(count):
            assert store.open_message(f"m{number}") or name == "id"
        store.set_read(read=True)
        store.prune(Retention(max_bytes=1 << 40, max_age=timedelta(days=100_000)), 1_700_000_100.0)
        assert store.delete(ids=["m0"]) == 1
        assert store.delete() >= 1
        assert store.get_totals() == Totals(0, 0, 0)


@pytest.mark.parametrize("is_indexed", [True, False])
def test_missing_content_does_not_keep_other_mails_pending(path, is_indexed):
    with SqliteStore(path) as store:
        store.add([make_mail(number) for number in range(5)])
        while is_indexed and store.index_pending():
            pass
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"DELETE FROM {'documents' if is_indexed else 'contents'} WHERE number = 2")

    with SqliteStore(path) as store:
        assert store.index_pending() == 0
        assert store.get_mail("m1").content == b""
        assert store.get_page(parse_query("subject:mail")).match_count == 4
        assert len(store.get_page().entries) == 5
        assert store.delete() == 5


# -- indexes that turn out to be damaged ---------------------------------------------------------------


def damage_full_text_index(path):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE words_data SET block = x'0000000003ffffffffff' WHERE id = 10")  # the structure
    connection.close()


def test_damaged_index_stops_receiving_until_it_is_repaired(path, caplog):
    with SqliteStore(path) as store:
        store.add([make_mail(number) for number in range(5)])
        store.index_pending()
    with SqliteStore(path) as store:
        damage_full_text_index(path)  # the check at the start would have found it
        changes = []
        store.subscribe(changes.append)
        with pytest.raises(StoreUnavailable):
            store.get_page(parse_query("word3"))

        for refused in (lambda: store.add([make_mail(5)]), lambda: store.has_room(1)):
            with pytest.raises(StoreUnavailable, match=r"is damaged, and no mail is accepted: .*; restart the server"):
                refused()

        store.index_pending()  # as the maintenance thread does
        assert [change.kind for change in changes] == ["prune"]
        assert [entry.id for entry in store.get_page(parse_query("word3")).entries] == ["m3"]
        store.add([make_mail(5)])
        assert store.get_page(parse_query("subject:mail")).match_count == 6
    assert not list(path.parent.glob("*.corrupt-*")) and not list(path.parent.glob("*.damaged"))
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_damage_report_makes_the_next_start_check_everything(path):
    with SqliteStore(path) as store:
        store.add([make_mail(number) for number in range(5)])
        store.index_pending()
    with SqliteStore(path) as store:
        damage_full_text_index(path)  # the check at the start would have found it
        with pytest.raises(StoreUnavailable):
            store.get_page(parse_query("word3"))
    assert path.with_name("mail.sqlite.damaged").exists()

    with SqliteStore(path) as store:
        assert [entry.id for entry in store.get_page(parse_query("word3")).entries] == ["m3"]
    assert not path.with_name("mail.sqlite.damaged").exists()


CALLS = {
    "page": lambda store: store.get_page(limit=None),
    "search": lambda store: store.get_page((TextTerm("anywhere", "word5"),)),
    "address": lambda store: store.get_page(parse_query("recipient:ann@example.com")),
    "totals": lambda store: store.get_totals(),
    "tags": lambda store: store.count_tags(),
    "after": lambda store: store.get_entries_after(0),
    "mails": lambda store: [store.open_message(f"m{number}") for number in range(70)],
    "read": lambda store: store.set_read(EVERYTHING, read=True),
    "delete": lambda store: store.delete(ids=["m3"]),
}


def corrupt(content, rng):
    """Damage one to five pages in one of four ways."""
    damaged = bytearray(content)
    kind = rng.choice(("bit", "octets", "page", "zeros"))
    for _ in range(rng.choice((1, 1, 2, 5))):
        page = 4096 * rng.randrange(1, len(content) // 4096)
        start = page + rng.randrange(4000)
        if kind == "bit":
            damaged[start] ^= 1 << rng.randrange(8)
        elif kind == "octets":
            damaged[start : start + 20] = rng.randbytes(20)
        else:
            damaged[page : page + 4096] = rng.randbytes(4096) if kind == "page" else bytes(4096)
    return damaged


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_random_damage_is_repaired_moved_aside_or_refused(path, tmp_path, seed):
    """No mail is accepted that cannot be listed, and the second start serves everything."""
    rng = random.Random(seed)
    with SqliteStore(path) as store:
        store.add([make_mail(number) for number in range(60)])
        while store.index_pending():
            pass
        store.add([make_mail(number) for number in range(60, 70)])
    content = path.read_bytes()
    for number in range(50):
        file = tmp_path / f"round{number}" / "mail.sqlite"
        file.parent.mkdir()
        file.write_bytes(corrupt(content, rng))
        for start in range(2):
            failed = []
            with SqliteStore(file) as store:
                for name, call in CALLS.items():
                    try:
                        call(store)
                    except StoreError:
                        failed.append(name)
                if failed and not start:
                    with pytest.raises(StoreUnavailable):
                        store.add([make_mail(1000)])
                else:
                    assert not failed, (number, start, failed)
                    store.add([make_mail(1000 + start)])
                    assert store.get_page(limit=1).entries[0].id == f"m{1000 + start}"
        shutil.rmtree(file.parent)
    assert query(path, "PRAGMA quick_check") == [("ok",)]
