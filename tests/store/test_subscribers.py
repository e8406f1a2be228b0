"""Subscribers get changes in order, whatever other subscribers do."""

import queue
import threading

from lazr.smtptest.store import Change
from lazr.smtptest.store.subscribers import Subscribers

NEW, READ, DELETE = Change("new", ("1",)), Change("read", ("1",)), Change("delete", ("1",))


def test_change_made_by_a_listener_is_published_last():
    subscribers, received = Subscribers(), []

    def delete_on_new(change):
        if change is NEW:
            subscribers.enqueue(DELETE)
            subscribers.publish()

    subscribers.subscribe(delete_on_new)
    subscribers.subscribe(received.append)
    subscribers.enqueue(NEW)
    subscribers.enqueue(READ)
    subscribers.publish()

    assert received == [NEW, READ, DELETE]


def test_exception_in_a_listener_is_logged(caplog):
    subscribers, received = Subscribers(), []
    subscribers.subscribe(lambda change: 1 / 0)
    subscribers.subscribe(received.append)
    subscribers.enqueue(NEW)
    subscribers.publish()

    assert received == [NEW]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "a subscriber raised an exception on the change 'new'")
    ]


def test_each_subscription_of_a_listener_is_independent():
    subscribers, received = Subscribers(), []
    unsubscribe = subscribers.subscribe(received.append)
    subscribers.subscribe(received.append)
    subscribers.enqueue(NEW)
    subscribers.publish()
    unsubscribe()
    subscribers.enqueue(READ)
    subscribers.publish()

    assert received == [NEW, NEW, READ]


def list_publishers():
    return [thread for thread in threading.enumerate() if thread.name == "smtptest publisher"]


def test_publish_soon_does_not_wait_for_listeners():
    subscribers, received = Subscribers(), queue.SimpleQueue()
    is_listening, release = threading.Event(), threading.Event()

    def block_on_new(change):
        if change is NEW:
            is_listening.set()
            assert release.wait(10)
        received.put((change, threading.current_thread()))

    subscribers.subscribe(block_on_new)
    subscribers.enqueue(NEW)
    thread = threading.Thread(target=subscribers.publish)
    thread.start()
    assert is_listening.wait(10)
    for change in (READ, DELETE):
        subscribers.enqueue(change)
        subscribers.publish_soon()  # while the listener is blocked
    release.set()
    thread.join()
    subscribers.enqueue(READ)
    subscribers.publish_soon()

    changes, threads = zip(*(received.get(timeout=10) for _ in range(4)), strict=True)
    assert changes == (NEW, READ, DELETE, READ)
    assert threading.current_thread() not in threads and threads[-1].name == "smtptest publisher"
    subscribers.clear()
    threads[-1].join(10)
    assert not threads[-1].is_alive()


def test_publish_soon_without_listeners_drops_the_changes():
    subscribers, received = Subscribers(), []
    before = list_publishers()  # of stores of other tests
    subscribers.enqueue(NEW)
    subscribers.publish_soon()
    assert set(list_publishers()) <= set(before)
    subscribers.subscribe(received.append)
    subscribers.enqueue(READ)
    subscribers.publish()

    assert received == [READ]


def test_publish_soon_works_again_after_clear():
    subscribers, received = Subscribers(), queue.SimpleQueue()
    for change in (NEW, READ):
        subscribers.subscribe(received.put)
        subscribers.enqueue(change)
        subscribers.publish_soon()
        assert received.get(timeout=10) is change
        subscribers.clear()


def test_thread_that_cannot_start_delays_the_changes(monkeypatch, caplog):
    def start(thread):
        raise RuntimeError("can't start new thread")

    subscribers, received = Subscribers(), queue.SimpleQueue()
    subscribers.subscribe(received.put)
    subscribers.enqueue(NEW)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        subscribers.publish_soon()
    assert received.empty() and caplog.messages == ["changes are announced late"]

    subscribers.enqueue(READ)
    subscribers.publish_soon()
    assert [received.get(timeout=10) for _ in range(2)] == [NEW, READ]
    subscribers.clear()
