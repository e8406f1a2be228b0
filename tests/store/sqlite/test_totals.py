"""The counters of all mails always agree with the mails."""

import contextlib
import lzma
import random
import sqlite3
from pathlib import Path

import pytest

from lazr.smtptest.store import Retention, SqliteStore, StoreFull, TextTerm, Totals
from tests.store.contract import NOON, add, arrival

COUNT_SQL = "SELECT count(*), count(*) FILTER (WHERE read = 0), coalesce(sum(size), 0) FROM mails"
OLD_FILE = Path(__file__).parent / "data" / "version-1.sqlite.xz"
EVEN = (TextTerm("subject", "even"),)


def count_mails(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return Totals(*connection.execute(COUNT_SQL).fetchone())


def test_totals_follow_every_change(tmp_path):
    path, chance = tmp_path / "mail.sqlite", random.Random(3)
    ids = []
    changes = [
        lambda store: ids.extend(add(store, *[b"Subject: even\r\n\r\n", b"Subject: odd\r\n\r\nlonger\r\n"] * 5)),
        lambda store: store.set_read(read=chance.random() < 0.5, ids=chance.sample(ids, 4)),
        lambda store: store.set_read(EVEN, read=chance.random() < 0.5),
        lambda store: store.open_message(chance.choice(ids), mark_read=True),
        lambda store: store.delete(ids=chance.sample(ids, 3)),
        lambda store: store.delete(EVEN) if chance.random() < 0.2 else None,
        lambda store: store.prune(Retention(max_mails=40), NOON.timestamp()),
        lambda store: store.index_pending(),
        lambda store: store.delete() if chance.random() < 0.1 else None,
    ]
    with SqliteStore(path) as store:
        changes[0](store)
        for _ in range(60):
            chance.choice(changes)(store)
            assert store.get_totals() == count_mails(path)
    with SqliteStore(path) as store:
        assert store.get_totals() == count_mails(path)


def test_totals_stay_when_a_mail_is_refused(tmp_path):
    with SqliteStore(tmp_path / "mail.sqlite", max_bytes=1_000_000) as store:
        [one] = add(store, b"1234")
        with pytest.raises(ValueError, match="unique"):
            store.add([arrival(b"12"), arrival(b"123", id=one)])
        with pytest.raises(StoreFull):
            add(store, b"x" * 2_000_000)
        assert store.get_totals() == Totals(1, 1, 4)


def test_totals_of_an_older_file_are_counted_once(tmp_path):
    path = tmp_path / "mail.sqlite"
    path.write_bytes(lzma.decompress(OLD_FILE.read_bytes()))
    before = count_mails(path)

    with SqliteStore(path) as store:
        assert store.get_totals() == before
        assert before.mails > 0
        add(store, b"1234")
        assert store.get_totals() == count_mails(path)


@pytest.mark.parametrize("retention", [Retention(max_mails=20), Retention(max_bytes=1000)])
def test_wrong_totals_of_a_damaged_file_prune_no_mail(tmp_path, retention):
    path = tmp_path / "mail.sqlite"
    with SqliteStore(path) as store:
        add(store, *[b"1234"] * 10)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE totals SET mails = 1000000, size = 1000000")

    with SqliteStore(path) as store:
        assert store.prune(retention, NOON.timestamp()) == 0
        assert len(store.get_page().entries) == 10
