"""A database that nodes share."""

import pytest

from tests.helpers import postgres_server


@pytest.fixture
def postgres():
    """The URL of an empty schema of PostgreSQL."""
    with postgres_server.create_schema() as url:
        yield url
