"""A database for a test that wants one."""

import pytest


@pytest.fixture
def postgres():
    """The URL of an empty schema of PostgreSQL."""
    from store import postgresserver  # late: other tests do without

    with postgresserver.schema() as url:
        yield url
