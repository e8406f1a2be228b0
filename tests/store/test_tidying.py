"""Beside receiving: mails are read while nobody sends any, old ones go, and trouble passes."""

import threading
from datetime import timedelta

import pytest

from lazr.smtptest import Envelope
from lazr.smtptest.errors import StoreUnavailable
from lazr.smtptest.store.contract import Arrival, Retention
from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.store.tidying import Tidying

ENVELOPE = Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))


class Watched(MemoryStore):
    """A store in memory that says what it was asked for, and may have trouble."""

    def __init__(self, trouble=()):
        super().__init__()
        self.trouble = list(trouble)
        self.read = threading.Event()
        self.pruned = threading.Semaphore(0)

    def catch_up(self, most=100):
        if self.trouble:
            raise self.trouble.pop()
        left = super().catch_up(most)
        if self.totals().mails and not left:
            self.read.set()
        return left

    def prune(self, retention, now):
        try:
            return super().prune(retention, now)
        finally:
            self.pruned.release()


def add(store, count, received_at=1_700_000_000.0):
    store.add([Arrival(f"{store.totals().mails + n}", received_at, ENVELOPE, [b"\r\nHi\r\n"]) for n in range(count)])


@pytest.mark.parametrize("when", ["before", "after"])
def test_mails_are_read_although_nobody_asks(when):
    with Watched() as store:
        if when == "before":
            add(store, 30)
        with Tidying(store):
            if when == "after":
                add(store, 30)
            assert store.read.wait(10)
            assert store.catch_up(0) == 0


@pytest.mark.parametrize(
    ("retention", "left"),
    [
        (Retention(mails=3), 3),
        (Retention(size=12), 2),
        (Retention(age=timedelta(days=1), most_at_once=1.0), 0),
        (Retention(age=timedelta(days=3)), 10),
    ],
)
def test_more_than_is_to_be_kept_is_not_kept(retention, left):
    two_days_later = 1_700_000_000.0 + 2 * 86_400
    with Watched() as store:
        add(store, 10)
        with Tidying(store, retention, clock=lambda: two_days_later):
            assert store.pruned.acquire(timeout=10)
            assert store.totals().mails == left


TEN_YEARS = 10 * 365 * 86_400


@pytest.mark.parametrize(("doubt", "left"), [(3600.0, 50), (0.0, 11)])
def test_a_clock_that_jumps_ahead_takes_half_of_them_and_not_the_other_half_right_behind(doubt, left):
    """Threat D8."""
    now = [1_700_000_000.0]
    with Watched() as store:
        add(store, 100)
        with Tidying(store, Retention(age=timedelta(days=7)), clock=lambda: now[0], doubt=doubt):
            assert store.pruned.acquire(timeout=10) and store.totals().mails == 100
            now[0] += TEN_YEARS
            for number in range(3):
                # What comes now is young, and has it look again.
                store.add([Arrival(f"new{number}", now[0], ENVELOPE, [b"X: new\r\n\r\n"])])
                assert store.pruned.acquire(timeout=10)
        old = [entry for entry in store.page(limit=None).entries if not entry.id.startswith("new")]

    assert len(old) == left


@pytest.mark.parametrize("trouble", [StoreUnavailable("no database"), ZeroDivisionError("a slip")])
def test_trouble_is_told_and_passes(trouble, caplog):
    with Watched([trouble]) as store, Tidying(store):
        add(store, 1)
        while not caplog.records:
            assert not store.read.wait(0.01)
        add(store, 1)
        assert store.read.wait(10)
    assert str(trouble) in caplog.text


def test_it_ends_with_its_block():
    with MemoryStore() as store:
        with Tidying(store):
            add(store, 1)
        assert not [thread for thread in threading.enumerate() if "tidying" in thread.name]
