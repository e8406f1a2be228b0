"""Stores of each kind, and accounts over them."""

import pytest

from lazr.smtptest.folders import Accounts
from lazr.smtptest.store import MemoryStore
from tests.store.conftest import postgres  # noqa: F401
from tests.store.test_contract import STORES


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.postgres] * (name == "postgres")) for name in STORES])
def store(request):
    """Return an open, empty store of each kind."""
    with STORES[request.param](request) as store:
        yield store


@pytest.fixture
def accounts(store):
    """Return the accounts of the store."""
    accounts = Accounts(store)
    yield accounts
    accounts.close()


@pytest.fixture
def ann(accounts):
    """Return the account of an address."""
    return accounts.open("Ann@example.com")


@pytest.fixture
def memory_account():
    """Return an account in memory, for what does not depend on the store."""
    return Accounts(MemoryStore()).open("ann")
