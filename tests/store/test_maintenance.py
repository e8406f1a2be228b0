"""The maintenance thread indexes and prunes, and survives errors."""

import threading
from datetime import timedelta

import pytest

from lazr.smtptest import Envelope
from lazr.smtptest.errors import StoreFull, StoreUnavailable
from lazr.smtptest.store import Arrival, Maintenance, MemoryStore, Retention, maintenance

ENVELOPE = Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))


class RecordingStore(MemoryStore):
    """A memory store that records when it was indexed and pruned, and may raise errors."""

    def __init__(self, errors=()):
        super().__init__()
        self.errors = list(errors)
        self.indexed = threading.Event()
        self.pruned = threading.Semaphore(0)

    def index_pending(self, limit=100):
        if self.errors:
            raise self.errors.pop()
        left = super().index_pending(limit)
        if self.get_totals().mails and not left:
            self.indexed.set()
        return left

    def prune(self, retention, now):
        try:
            return super().prune(retention, now)
        finally:
            self.pruned.release()


def add(store, count, received_at=1_700_000_000.0):
    store.add(
        [Arrival(f"{store.get_totals().mails + n}", received_at, ENVELOPE, [b"\r\nHi\r\n"]) for n in range(count)]
    )


@pytest.mark.parametrize("when", ["before", "after"])
def test_pending_mails_are_indexed_without_any_call(when):
    with RecordingStore() as store:
        if when == "before":
            add(store, 30)
        with Maintenance(store):
            if when == "after":
                add(store, 30)
            assert store.indexed.wait(10)
            assert store.index_pending(0) == 0


@pytest.mark.parametrize(
    ("retention", "left"),
    [
        (Retention(max_mails=3), 3),
        (Retention(max_bytes=12), 2),
        (Retention(max_age=timedelta(days=1), max_fraction_by_age=1.0), 0),
        (Retention(max_age=timedelta(days=3)), 10),
    ],
)
def test_mails_beyond_the_limits_are_pruned(retention, left):
    two_days_later = 1_700_000_000.0 + 2 * 86_400
    with RecordingStore() as store:
        add(store, 10)
        with Maintenance(store, retention, clock=lambda: two_days_later):
            assert store.pruned.acquire(timeout=10)
            assert store.get_totals().mails == left


TEN_YEARS = 10 * 365 * 86_400


@pytest.mark.parametrize(("pause", "left"), [(3600.0, 50), (0.0, 11)])
def test_clock_jump_pauses_pruning_by_age(pause, left):
    """Threat D8: deleting half at once, and the rest an hour later."""
    now = [1_700_000_000.0]
    with RecordingStore() as store:
        add(store, 100)
        with Maintenance(store, Retention(max_age=timedelta(days=7)), clock=lambda: now[0], clock_jump_pause=pause):
            assert store.pruned.acquire(timeout=10) and store.get_totals().mails == 100
            now[0] += TEN_YEARS
            for number in range(3):
                # A new mail triggers the next pass; it is too young to be deleted.
                store.add([Arrival(f"new{number}", now[0], ENVELOPE, [b"X: new\r\n\r\n"])])
                assert store.pruned.acquire(timeout=10)
        old = [entry for entry in store.get_page(limit=None).entries if not entry.id.startswith("new")]

    assert len(old) == left


@pytest.mark.slow
@pytest.mark.parametrize("error", [StoreUnavailable("no database"), ZeroDivisionError("a mistake")])
def test_errors_are_logged_and_maintenance_continues(error, caplog):
    with RecordingStore([error]) as store, Maintenance(store):
        add(store, 1)
        while not caplog.records:
            assert not store.indexed.wait(0.01)
        add(store, 1)
        assert store.indexed.wait(10)
    assert str(error) in caplog.text


class BusyStore(RecordingStore):
    """A store that always has mails to index and space to reclaim, and may be too full to index."""

    def __init__(self, *, is_full=False):
        super().__init__()
        self.is_full = is_full
        self.reclaimed = threading.Semaphore(0)

    def index_pending(self, limit=100):
        if self.is_full:
            raise StoreFull("no room to index")
        return 1

    def reclaim_space(self):
        self.reclaimed.release()
        return True


def test_mails_are_pruned_during_a_long_backlog(monkeypatch):
    monkeypatch.setattr(maintenance, "_MAX_PRUNING_DELAY_SECONDS", 0.0)
    with BusyStore() as store, Maintenance(store, Retention(max_mails=3)):
        for _ in range(5):
            assert store.pruned.acquire(timeout=10) and store.reclaimed.acquire(timeout=10)


def test_space_is_reclaimed_on_a_disk_without_room_to_index(monkeypatch, caplog):
    monkeypatch.setattr(maintenance, "_FAILURE_PAUSE_SECONDS", 0.0)
    with BusyStore(is_full=True) as store, Maintenance(store):
        for _ in range(5):  # at once, until there is no more to reclaim
            assert store.reclaimed.acquire(timeout=10)
        store.reclaim_space = lambda: False
        add(store, 1)
        while not caplog.records:
            assert not store.indexed.wait(0.01)
    assert [record.getMessage() for record in caplog.records] == ["no room to index"]  # once


def test_thread_ends_with_the_block():
    with MemoryStore() as store:
        with Maintenance(store):
            add(store, 1)
        assert not [thread for thread in threading.enumerate() if "maintenance" in thread.name]
