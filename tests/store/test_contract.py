"""Run the tests of the store contract on each store."""

import pytest

from lazr.smtptest.store import MemoryStore, SqliteStore, create_store
from tests.store.contract import *  # noqa: F403

# Functions that create a store; they get the `request` fixture of the test.
STORES = {
    "memory": lambda request: MemoryStore(),
    "sqlite": lambda request: SqliteStore(request.getfixturevalue("tmp_path") / "mail.sqlite"),
    "postgres": lambda request: create_store(request.getfixturevalue("postgres")),
}


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.postgres] * (name == "postgres")) for name in STORES])
def store(request):
    """Return an open, empty store of each kind."""
    with STORES[request.param](request) as store:
        yield store
