"""What the store in memory does beyond the contract."""

import threading

import pytest

from lazr.smtptest.errors import SearchTooSlow, StoreFull
from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.store.search import Text
from store.contract import add, arrival, ids_of


def test_it_says_that_it_is_not_durable():
    store = MemoryStore()

    assert (store.url, store.durable, repr(store)) == ("memory:", False, "<MemoryStore: 0 mails>")
    add(store, b"\r\n")
    assert repr(store) == "<MemoryStore: 1 mail>"


def test_it_is_empty_again_when_it_is_closed():
    heard = []
    with MemoryStore() as store:
        store.subscribe(heard.append)
        add(store, b"\r\n")
        store.remember("key", "value", instead_of=None)
    add(store, b"\r\n")

    assert (store.totals().mails, store.recall("key"), len(heard)) == (1, None, 1)


def test_where_there_is_no_room_all_or_none_are_kept():
    store = MemoryStore(room=10)
    add(store, b"123456")

    assert (store.has_room(4), store.has_room(5)) == (True, False)
    with pytest.raises(StoreFull, match="room for 4 octets, not for 5"):
        add(store, b"1", b"2345")
    assert store.totals().mails == 1
    store.delete()
    add(store, b"1234567890")
    assert (store.totals().size, store.size_on_disk()) == (10, 10)


def test_two_mails_of_one_name_are_one_too_many():
    store = MemoryStore()
    [name] = add(store, b"1")

    with pytest.raises(ValueError, match=name):
        store.add([arrival(b"2"), arrival(b"3", id=name)])
    with pytest.raises(ValueError, match="twice"):
        store.add([arrival(b"2", id="twice"), arrival(b"3", id="twice")])
    assert [store.mail(one).content for one in ids_of(store)] == [b"1"]


def test_a_search_that_takes_too_long_is_given_up():
    store = MemoryStore(search_timeout=0.0)
    add(store, b"\r\nHello")
    search = (Text("anywhere", "hello"),)

    for ask in (store.page, store.totals, store.delete, lambda search: store.mark(search, read=True)):
        with pytest.raises(SearchTooSlow, match="longer than 0 s"):
            ask(search)
    assert (store.totals().mails, store.totals().unread) == (1, 1)


def test_mails_are_received_while_others_are_searched_and_changed():
    """Whoever searches or changes waits here for a mail to be added; with a lock held, that would be for ever."""

    class Slow(Text):
        def holds(self, mail):
            if not added.is_set():
                thread = threading.Thread(target=lambda: (add(store, b"\r\nanother"), added.set()))
                thread.start()
                thread.join(30)
            return added.is_set()

    store = MemoryStore(search_timeout=60.0)
    add(store, b"\r\nHello")
    for change in (store.page, store.delete, lambda search: store.mark(search, read=True)):
        added = threading.Event()
        change((Slow("anywhere", "hello"),))
        assert added.is_set()
