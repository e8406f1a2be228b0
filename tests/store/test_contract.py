"""Every store fulfils the contract: each of its tests runs on each of them."""

import pytest

from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.store.places import store_at
from lazr.smtptest.store.sqlite import SqliteStore

pytest.register_assert_rewrite("store.contract")

from store.contract import *  # noqa: E402, F403 - the tests, now that their asserts are told

# A function that makes the store, open or not; it is given the test's `request`, for what it needs and has to clean up.
STORES = {
    "memory": lambda request: MemoryStore(),
    "sqlite": lambda request: SqliteStore(request.getfixturevalue("tmp_path") / "mail.sqlite"),
    "postgres": lambda request: store_at(request.getfixturevalue("postgres")),
}


@pytest.fixture(params=STORES)
def store(request):
    """An empty store."""
    with STORES[request.param](request) as store:
        yield store
