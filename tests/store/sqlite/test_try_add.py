"""`try_add` adds mails as `add` does, or returns at once without adding any."""

import contextlib
import queue
import random
import shutil
import sqlite3
import threading
import time
from types import SimpleNamespace

import pytest

from lazr.smtptest.errors import StoreFull, StoreUnavailable
from lazr.smtptest.store import SqliteStore
from lazr.smtptest.store.sqlite import database
from lazr.smtptest.store.subscribers import Subscribers
from tests.store.killed_writer import content
from tests.store.sqlite.test_store import arrival


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mail.sqlite"


@pytest.fixture
def store(path):
    with SqliteStore(path) as store:
        yield store


def assert_returns_at_once_without_adding(store, name="refused"):
    before = time.monotonic()
    assert not store.try_add([arrival(name)])
    assert time.monotonic() - before < 2.0  # another program is waited for during five seconds
    assert store.get_mail(name) is None


def test_mails_are_added_and_announced(path):
    changes = queue.SimpleQueue()
    with SqliteStore(path) as store:
        store.subscribe(changes.put)
        assert store.try_add([arrival("m1"), arrival("m2")]) and store.try_add([arrival("m3")])
        assert [entry.id for entry in store.get_entries_after(0)] == ["m1", "m2", "m3"]
        assert [changes.get(timeout=10).ids for _ in range(2)] == [("m1", "m2"), ("m3",)]

    with SqliteStore(path) as store:
        assert store.get_mail("m2").content == content("m2") and store.get_totals().mails == 3


def test_closing_the_store_announces_the_last_mails(path, monkeypatch):
    changes = []
    with SqliteStore(path) as store:
        store.subscribe(changes.append)
        with monkeypatch.context() as patch:
            patch.setattr(Subscribers, "publish_soon", lambda subscribers: None)  # the thread has not begun
            assert store.try_add([arrival("m1")]) and store.try_add([arrival("m2")])
        assert changes == []

    assert [change.ids for change in changes] == [("m1",), ("m2",)]


def test_known_id_raises_and_nothing_is_added(store):
    store.add([arrival("m1")])

    with pytest.raises(ValueError, match="UNIQUE"):
        store.try_add([arrival("m2"), arrival("m1")])

    assert store.get_mail("m2") is None and store.get_totals().mails == 1
    assert store.try_add([arrival("m2")])


def test_nothing_waits_for_another_writer(store):
    acquired, release = threading.Event(), threading.Event()

    def write():
        with store._database.begin_write():
            acquired.set()
            assert release.wait(10)

    thread = threading.Thread(target=write)
    thread.start()
    assert acquired.wait(10)
    assert_returns_at_once_without_adding(store)
    release.set()
    thread.join()

    assert store.try_add([arrival("m")])


def test_nothing_waits_for_another_program(store, path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert_returns_at_once_without_adding(store)
        other.execute("ROLLBACK")

    assert store.try_add([arrival("m")])


def test_add_waits_for_another_program_after_try_add(store, path):
    assert store.try_add([arrival("first")])
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, other.execute, args=("ROLLBACK",))
        timer.start()
        store.add([arrival("second")])
        timer.join()

    assert store.get_totals().mails == 2


def test_removed_file_is_left_to_add(store, path):
    store.add([arrival("before")])
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()

    assert not store.try_add([arrival("m")])
    store.add([arrival("m")])
    assert store.get_totals().mails == 2 and store.try_add([arrival("after")])


def test_nearly_full_disk_is_left_to_add(path, monkeypatch):
    reserve, free = 16_000_000, 10**9
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=reserve + free))
    with SqliteStore(path, reserve=reserve) as store:
        assert store.try_add([arrival("m")])
        free = 0
        store._disk_space._measured_at = float("-inf")

        assert_returns_at_once_without_adding(store)
        with pytest.raises(StoreFull):
            store.add([arrival("m2")])


def test_full_file_raises_full(path):
    with SqliteStore(path, max_bytes=400_000) as store:
        with pytest.raises(StoreFull):
            store.try_add([arrival(f"m{number}", b"x" * 20_000) for number in range(30)])

        assert store.get_totals().mails == 0 and store.try_add([arrival("small")])


def test_closed_store_is_left_to_add(path):
    store = SqliteStore(path)
    assert not store.try_add([arrival("m")])
    with store:
        assert store.try_add([arrival("m")])
    assert not store.try_add([arrival("m2")])
    with pytest.raises(StoreUnavailable):
        store.add([arrival("m2")])


def test_long_log_is_left_to_add_which_copies_it(store, path, monkeypatch):
    monkeypatch.setattr(database, "_WAL_PAGES_BEFORE_LATE_CHECKPOINT", 200)
    size_before = path.stat().st_size
    count = 0
    while store.try_add([arrival(f"m{count}", random.randbytes(5000))]):
        count += 1
    assert 5 < count < 50 and path.stat().st_size == size_before

    store.add([arrival("copies")])

    assert path.stat().st_size > size_before + 5000 * count
    assert store.try_add([arrival("again")]) and store.get_totals().mails == count + 2


def test_many_mails_leave_the_log_short(store, path, monkeypatch):
    """The estimate of the log's length is not far from its real length."""
    monkeypatch.setattr(database, "_WAL_PAGES_BEFORE_LATE_CHECKPOINT", 500)
    for number in range(300):
        arrivals = [arrival(f"{random.randbytes(11).hex()}{number}", b"x" * 3000) for _ in range(1 + number % 10)]
        if not store.try_add(arrivals):
            store.add(arrivals)

    assert path.with_name("mail.sqlite-wal").stat().st_size < 2 * 500 * 4096


def test_writers_of_low_priority_do_not_starve(store):
    done = threading.Event()

    def mark():
        store.set_read(read=True)
        done.set()

    store.add([arrival("m")])
    thread = threading.Thread(target=mark)
    thread.start()
    number = 0
    while not done.is_set():
        number += 1
        arrivals = [arrival(f"m{number}")]
        if not store.try_add(arrivals):
            store.add(arrivals)
    thread.join()
    assert number < 5000
