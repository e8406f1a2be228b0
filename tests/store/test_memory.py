"""What the memory store does beyond the contract."""

import threading
import tracemalloc

import pytest

from lazr.smtptest.errors import SearchTooSlow, StoreFull
from lazr.smtptest.store import AddressTerm, MemoryStore, TextTerm
from tests.store.contract import add, arrival, ids_of


def test_url_durability_and_repr():
    store = MemoryStore()

    assert (store.url, store.is_durable, repr(store)) == ("memory:", False, "<MemoryStore: 0 mails>")
    add(store, b"\r\n")
    assert repr(store) == "<MemoryStore: 1 mail>"


def test_close_empties_the_store():
    changes = []
    with MemoryStore() as store:
        store.subscribe(changes.append)
        add(store, b"\r\n")
        store.compare_and_set_note("key", "value", expected=None)
    add(store, b"\r\n")

    assert (store.get_totals().mails, store.get_note("key"), len(changes)) == (1, None, 1)


def test_add_is_all_or_nothing_when_full():
    store = MemoryStore(max_bytes=10)
    add(store, b"123456")

    assert (store.has_room(4), store.has_room(5)) == (True, False)
    with pytest.raises(StoreFull, match="room for 4 bytes, got 5"):
        add(store, b"1", b"2345")
    assert store.get_totals().mails == 1
    store.delete()
    add(store, b"1234567890")
    assert (store.get_totals().size, store.get_disk_usage()) == (10, 10)


def test_add_rejects_duplicate_ids():
    store = MemoryStore()
    [name] = add(store, b"1")

    with pytest.raises(ValueError, match=name):
        store.add([arrival(b"2"), arrival(b"3", id=name)])
    with pytest.raises(ValueError, match="twice"):
        store.add([arrival(b"2", id="twice"), arrival(b"3", id="twice")])
    assert [store.get_mail(one).content for one in ids_of(store)] == [b"1"]


def test_slow_search_raises_search_too_slow():
    store = MemoryStore(search_timeout=0.0)
    add(store, b"\r\nHello")
    search = (TextTerm("anywhere", "hello"),)

    for ask in (store.get_page, store.get_totals, store.delete, lambda search: store.set_read(search, read=True)):
        with pytest.raises(SearchTooSlow, match="longer than 0 s"):
            ask(search)
    assert (store.get_totals().mails, store.get_totals().unread) == (1, 1)


def test_mails_are_added_during_searches_and_changes():
    """The search term adds a mail from another thread and waits for it, which would deadlock under a lock."""

    class Slow(TextTerm):
        def matches(self, mail):
            if not added.is_set():
                thread = threading.Thread(target=lambda: (add(store, b"\r\nanother"), added.set()))
                thread.start()
                thread.join(30)
            return added.is_set()

    store = MemoryStore(search_timeout=60.0)
    add(store, b"\r\nHello")
    for change in (store.get_page, store.delete, lambda search: store.set_read(search, read=True)):
        added = threading.Event()
        change((Slow("anywhere", "hello"),))
        assert added.is_set()


def test_recipients_of_large_mails_are_not_kept_in_a_cache():
    store = MemoryStore()
    for number in range(20):
        store.add([arrival(to=tuple(f"User{number}-{other}-{'x' * 100}@example.com" for other in range(1000)))])
    tracemalloc.start()
    try:
        search = (AddressTerm("recipient", f"user7-999-{'x' * 100}@example.com"),)
        assert store.list_numbers(search) == [8]
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000
