"""Run the tests of the contract about flags and folders on each store."""

import pytest

from tests.store.reading_contract import *  # noqa: F403
from tests.store.test_contract import STORES


@pytest.fixture(params=["memory"])
def store(request):
    """Return an open, empty store of each kind."""
    with STORES[request.param](request) as store:
        yield store
