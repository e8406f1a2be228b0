"""A database for nodes to share."""

import pytest

from store import postgresserver


@pytest.fixture
def postgres():
    """The URL of an empty schema of PostgreSQL."""
    with postgresserver.schema() as url:
        yield url
