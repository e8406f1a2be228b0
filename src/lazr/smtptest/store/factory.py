"""Create a store from its URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lazr.smtptest._util.suggestion import find_nearest_name
from lazr.smtptest.errors import MissingExtra

if TYPE_CHECKING:
    from pathlib import Path

    from lazr.smtptest.store.base import Store
    from lazr.smtptest.store.tag_rules import TagRules

__all__ = ["create_store", "get_default_path"]


def get_default_path() -> Path:
    """Return the SQLite file in the user's data directory, which is used without any setting."""
    from platformdirs import user_data_path

    return user_data_path("lazr.smtptest", appauthor=False) / "mails.sqlite"


def create_store(
    url: str,
    *,
    secure_delete: bool = False,
    min_free: int | None = None,
    search_timeout: float | None = None,
    max_searches: int | None = None,
    tag_rules: TagRules | None = None,
) -> Store:
    """Return the store at a URL; it is not open yet.

    Args:
        url: `memory:`, `sqlite:///path`, a file path, or `postgresql://user@host/database`.
        secure_delete: overwrite deleted mails with zeros; SQLite files only.
        min_free: how many bytes of the disk receiving leaves free; SQLite files only.  None is 16 MiB.
        search_timeout: the time limit of a search in seconds; None is the store's default.
        max_searches: how many searches may run at a time, while others wait; None: one per processor, at least 2.
        tag_rules: which tags a new mail gets; None takes those of its X-Tags fields.

    Raises:
        ValueError: the URL has an unknown scheme, or its store does not have one of these options.
        MissingExtra: the URL is PostgreSQL's and the driver is not installed.

    >>> create_store("memory:")
    <MemoryStore: 0 mails>
    >>> create_store("mysql://localhost/mails")
    Traceback (most recent call last):
    ValueError: the URL of a store must be memory:, sqlite:///path or postgresql://host/database, got 'mysql:…'
    """
    scheme, colon, _ = url.partition(":")
    options: dict[str, Any] = {"tag_rules": tag_rules}
    options |= {} if search_timeout is None else {"search_timeout": search_timeout}
    options |= {} if max_searches is None else {"max_searches": max_searches}
    if url in ("memory:", "memory://"):
        from lazr.smtptest.store.memory import MemoryStore

        if min_free is not None:
            raise ValueError("min_free needs an SQLite file: the store in memory uses no disk; leave it out")
        return MemoryStore(**options)
    if not colon or scheme == "sqlite" or len(scheme) == 1:  # a path, with a drive letter perhaps
        from lazr.smtptest.store.sqlite.store import SqliteStore

        options |= {} if min_free is None else {"reserve": min_free}
        return SqliteStore(url, secure_delete=secure_delete, **options)
    if scheme in ("postgresql", "postgres"):
        if secure_delete:
            raise ValueError("secure_delete needs an SQLite file: PostgreSQL does not overwrite deleted data")
        if min_free is not None:
            raise ValueError("min_free needs an SQLite file: the disk of PostgreSQL's server is unknown; leave it out")
        try:
            from lazr.smtptest.store.sql.postgres import PostgresStore
        except ImportError as error:
            raise MissingExtra('PostgreSQL needs psycopg: pip install "lazr.smtptest[postgres]"') from error
        return PostgresStore(url, **options)
    nearest = find_nearest_name(scheme, ("memory", "sqlite", "postgresql"))
    hint = "" if nearest is None else f"; did you mean {nearest}:?"
    # The text leaves out the rest of the URL, which may contain a password.
    raise ValueError(
        f"the URL of a store must be memory:, sqlite:///path or postgresql://host/database, got {scheme + ':…'!r}{hint}"
    )
