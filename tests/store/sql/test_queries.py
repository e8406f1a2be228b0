"""How many snapshots and SELECT statements a call costs.  The tests of the contract do not notice more of them."""

import contextlib

import pytest
from sqlalchemy import Engine, event

from lazr.smtptest import Envelope
from lazr.smtptest.store import AddressTerm, Arrival, PostgresStore, SqliteStore

ENVELOPE = Envelope("app@example.com", ("ann@example.com",), mail_parameters={}, rcpt_parameters=({},))
EVERYTHING = ()
MAILBOX = (AddressTerm("recipient", "ann@example.com"),)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request, tmp_path):
    """Return an SQL store with two mails, which are indexed."""
    if request.param == "sqlite":
        opened = SqliteStore(tmp_path / "mail.sqlite")
    else:
        opened = PostgresStore(request.getfixturevalue("postgres"))
    with opened as store:
        store.add([Arrival(f"m{n}", 1_700_000_000.0, ENVELOPE, [b"X-Tags: a\r\n\r\nHello\r\n"]) for n in range(2)])
        while store.index_pending():
            pass
        yield store


@contextlib.contextmanager
def count_reads(store, monkeypatch):
    """Count the snapshots that the store opens, and the SELECT statements of all connections."""
    counts = {"snapshots": 0, "selects": 0}
    read_snapshot = store._database.read_snapshot

    def count_snapshot(**options):
        counts["snapshots"] += 1
        return read_snapshot(**options)

    def count_select(connection, cursor, statement, *_):
        counts["selects"] += statement.lstrip().startswith("SELECT") and "pg_" not in statement

    monkeypatch.setattr(store._database, "read_snapshot", count_snapshot)
    event.listen(Engine, "before_cursor_execute", count_select)
    try:
        yield counts
    finally:
        event.remove(Engine, "before_cursor_execute", count_select)


@pytest.mark.parametrize(
    ("read", "selects"),
    [
        (lambda store: store.open_message("m0"), 3),
        (lambda store: store.open_message("m0", MAILBOX), 3),
        (lambda store: store.get_entry("m0"), 2),
        (lambda store: store.get_latest(), 2),
        (lambda store: store.get_mail("m0"), 2),
        (lambda store: store.get_mail("m0", MAILBOX), 2),
    ],
)
def test_reading_one_mail_takes_one_snapshot(store, read, selects, monkeypatch):
    with count_reads(store, monkeypatch) as counts:
        assert read(store) is not None

    assert counts == {"snapshots": 1, "selects": selects}


def test_marking_as_read_takes_no_further_select(store, monkeypatch):
    with count_reads(store, monkeypatch) as counts:
        assert not store.open_message("m0", mark_read=True).entry.read
        assert store.open_message("m0", mark_read=True).entry.read

    assert counts == {"snapshots": 2, "selects": 6}
