"""The parts of the PostgreSQL store that send notifications and keep connections."""

import contextlib
import queue
import select
import threading

import psycopg
import pytest

from lazr.smtptest.errors import StoreUnavailable
from lazr.smtptest.store.sql import postgres_publisher
from lazr.smtptest.store.sql.postgres_connections import DriverConnectionPool
from lazr.smtptest.store.sql.postgres_notifications import NotificationListener
from lazr.smtptest.store.sql.postgres_publisher import NewMailPublisher

pytestmark = pytest.mark.postgres

SECONDS = 30


@pytest.fixture
def connect(postgres):
    return lambda: psycopg.connect(postgres, autocommit=True)


@pytest.fixture
def changes(connect):
    received = queue.SimpleQueue()
    listener = NotificationListener(connect, received.put)
    yield received
    listener.close()


@contextlib.contextmanager
def run_publisher(connect):
    publisher = NewMailPublisher(connect, contextlib.nullcontext)
    try:
        yield publisher
    finally:
        publisher.close()


def receive_new(changes, count):
    """Return the IDs of each notification, until there are `count` in all."""
    received = []
    while sum(map(len, received)) < count:
        change = changes.get(timeout=SECONDS)
        assert change.kind == "new"
        received.append(change.ids)
    return received


# -- announcing new mails ------------------------------------------------------------------------


def test_mails_of_many_commits_share_notifications(connect, changes, monkeypatch):
    monkeypatch.setattr(postgres_publisher, "PAUSE_SECONDS", SECONDS)  # until the flush
    with run_publisher(connect) as publisher:
        for number in range(100):
            publisher.add([f"m{number}"])
        publisher.flush(SECONDS)

    received = receive_new(changes, 100)
    assert [name for ids in received for name in ids] == [f"m{number}" for number in range(100)]
    assert len(received) < 5


def test_close_announces_the_queued_mails(connect, changes):
    with run_publisher(connect) as publisher:
        publisher.add(["m1"])
        publisher.add(["m2"])

    assert [name for ids in receive_new(changes, 2) for name in ids] == ["m1", "m2"]


def test_failed_notification_is_followed_by_prune(connect, changes):
    may_connect = threading.Event()

    def connect_later():
        if not may_connect.is_set():
            raise StoreUnavailable("down")
        return connect()

    with run_publisher(connect_later) as publisher:
        publisher.add(["lost"])
        publisher.flush(SECONDS)
        may_connect.set()
        assert changes.get(timeout=SECONDS).kind == "prune"
        publisher.add(["m"])
        assert changes.get(timeout=SECONDS).ids == ("m",)


def test_flush_ends_while_the_server_does_not_respond(connect):
    is_closed = threading.Event()

    def connect_never():
        is_closed.wait(SECONDS)
        raise StoreUnavailable("down")

    with run_publisher(connect_never) as publisher:
        publisher.add(["m"])
        publisher.flush(0.01)
        for number in range(20):
            publisher.add([f"{number} {place}" for place in range(1000)])
        assert len(publisher._queue) <= 10_000
        is_closed.set()


# -- connections ---------------------------------------------------------------------------------


def wait_for_end(connection):
    """Wait until the server has closed a connection, after its last words."""
    poll = select.poll()
    poll.register(connection.fileno(), getattr(select, "POLLRDHUP", select.POLLHUP))
    assert poll.poll(SECONDS * 1000)


def test_pool_reuses_a_connection_and_replaces_a_closed_one(connect):
    pool = DriverConnectionPool(connect, max_connections=1, timeout=SECONDS)
    with pool.acquire() as first:
        pid = first.info.backend_pid
    with pool.acquire() as again:
        assert again is first
    with connect() as other, first:
        other.execute("SELECT pg_terminate_backend(%s)", (pid,))
        wait_for_end(first)
        with pool.acquire() as replaced:
            assert replaced.execute("SELECT 1").fetchone() == (1,)
    pool.close()
    assert replaced.closed


def test_pool_drops_a_connection_in_a_transaction(connect):
    pool = DriverConnectionPool(connect, max_connections=1, timeout=SECONDS)
    with contextlib.suppress(ZeroDivisionError), pool.acquire() as connection:
        connection.execute("BEGIN")
        raise ZeroDivisionError
    assert connection.closed
    pool.close()


def test_pool_raises_unavailable_if_all_connections_are_in_use(connect):
    pool = DriverConnectionPool(connect, max_connections=1, timeout=0)
    with pool.acquire(), pytest.raises(StoreUnavailable, match="in use"), pool.acquire():
        pass
    pool.close()
