"""The full-text indexes are merged after deletions, when that is worth it."""

import pytest

from lazr.smtptest.store import SqliteStore, parse_query
from lazr.smtptest.store.sqlite import index_merging
from tests.store.contract import arrival
from tests.store.sqlite.test_store import query


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store with 100 indexed mails, in which 20 deletions are enough for merging."""
    monkeypatch.setattr(index_merging, "_MIN_DELETED_MAILS", 20)
    with SqliteStore(tmp_path / "mail.sqlite") as store:
        store.add([arrival(b"Subject: %d\r\n\r\nword%d\r\n" % (n, n * 7919), id=f"m{n}") for n in range(100)])
        while store.index_pending():
            pass
        yield store


def measure_index(store):
    [(size,)] = query(store._path, "SELECT sum(length(block)) FROM document_words_data")
    return size


def delete(store, numbers):
    return store.delete(ids=[f"m{number}" for number in numbers])


def test_index_is_merged_when_most_mails_are_deleted(store):
    delete(store, range(90))
    before = measure_index(store)

    while store.reclaim_space():
        pass

    assert measure_index(store) < before / 2
    assert store.get_page(parse_query("word")).match_count == 10
    assert not store._index_merger.run_step()


@pytest.mark.parametrize("count", [10, 40])
def test_receiving_does_not_wait_while_merging_is_not_worth_it(store, count, monkeypatch):
    delete(store, range(count))
    monkeypatch.setattr(store._database, "acquire_driver_connection", lambda: pytest.fail("takes the write lock"))

    assert not store._index_merger.run_step()
