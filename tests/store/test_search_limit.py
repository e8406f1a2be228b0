"""The limit on how many searches run at a time."""

import threading

import pytest

from lazr.smtptest.errors import SearchTooSlow
from lazr.smtptest.store import MemoryStore, SqliteStore, TextTerm, create_store
from lazr.smtptest.store.search_limit import SearchLimit
from tests.store.contract import add

WORDS = (TextTerm("anywhere", "hello"),)


def test_search_beyond_the_limit_waits_for_one_that_ends():
    limit = SearchLimit(1, 30.0)
    order, is_waiting = [], threading.Event()

    def search():
        is_waiting.set()
        with limit.acquire():
            order.append("second")

    with limit.acquire():
        thread = threading.Thread(target=search)
        thread.start()
        assert is_waiting.wait(30.0)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]


def test_search_that_waits_too_long_raises_search_too_slow():
    limit = SearchLimit(1, 0.0)

    text = "waited longer than 0 s for 1 other searches; try again"
    with limit.acquire(), pytest.raises(SearchTooSlow, match=text), limit.acquire():
        pass
    with limit.acquire():
        pass


@pytest.mark.parametrize("max_searches", [0, -1])
def test_limit_must_be_positive(max_searches):
    with pytest.raises(ValueError, match=f"max_searches must be at least 1, got {max_searches}; leave it out"):
        SearchLimit(max_searches)
    with pytest.raises(ValueError, match="max_searches"):
        create_store("memory:", max_searches=max_searches)


@pytest.mark.parametrize("timeout", [-1.0, float("nan"), float("inf"), 86_401.0])
@pytest.mark.parametrize("url", ["memory:", "mail.sqlite", "postgresql://db.example/mails"])
def test_timeout_must_be_a_time_that_can_be_waited_for(url, timeout):
    with pytest.raises(ValueError, match=f"search_timeout must be 0–86400 seconds, got {timeout:g}; leave it out"):
        create_store(url, search_timeout=timeout)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_only_searches_for_texts_wait(kind, tmp_path):
    options = {"max_searches": 1, "search_timeout": 0.1}
    opened = MemoryStore(**options) if kind == "memory" else SqliteStore(tmp_path / "mail.sqlite", **options)
    with opened as store:
        [one] = add(store, b"Subject: Hi\r\n\r\nHello\r\n")
        with store._search_limit.acquire():
            with pytest.raises(SearchTooSlow, match="waited longer"):
                store.get_page(WORDS)
            assert store.get_latest().id == store.get_page().entries[0].id == one
            assert store.get_entry(one, WORDS).id == one
        assert store.get_page(WORDS).match_count == 1
