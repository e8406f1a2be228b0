"""A PostgreSQL schema for tests that need one."""

import pytest


@pytest.fixture
def postgres():
    """The URL of an empty schema of PostgreSQL."""
    from tests.helpers import postgres_server  # late: other tests do without

    with postgres_server.create_schema() as url:
        yield url
