"""Run the tests of the contract about flags and folders on each store."""

import pytest

from tests.store.reading_contract import *  # noqa: F403
from tests.store.test_contract import STORES


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.postgres] * (name == "postgres")) for name in STORES])
def store(request):
    """Return an open, empty store of each kind."""
    with STORES[request.param](request) as store:
        yield store
