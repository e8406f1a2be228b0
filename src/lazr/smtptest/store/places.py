"""Where mails are kept, by URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.errors import MissingExtra

if TYPE_CHECKING:
    from pathlib import Path

    from lazr.smtptest.store.contract import Store

__all__ = ["default_file", "store_at"]


def default_file() -> Path:
    """The file in the user's data directory, where mails are kept if nobody says where."""
    from platformdirs import user_data_path

    return user_data_path("lazr.smtptest", appauthor=False) / "mails.sqlite"


def store_at(url: str, *, secure_delete: bool = False) -> Store:
    """The store at a URL, not yet open: `memory:`, `sqlite:///path`, a path, or `postgresql://user@host/database`.

    `secure_delete` has what is deleted overwritten, which files of SQLite alone can do.

    Raises `ValueError` for one that leads nowhere, or cannot do that, and `MissingExtra` for PostgreSQL where its
    driver is not installed.

    >>> store_at("memory:")
    <MemoryStore: 0 mails>
    >>> store_at("mysql://localhost/mails")
    Traceback (most recent call last):
    ValueError: no store is known for mysql:; there are memory:, sqlite:///path and postgresql://host/database
    """
    scheme, colon, _ = url.partition(":")
    if url in ("memory:", "memory://"):
        from lazr.smtptest.store.memory import MemoryStore

        return MemoryStore()
    if not colon or scheme == "sqlite" or len(scheme) == 1:  # a path, perhaps of Windows
        from lazr.smtptest.store.sqlite import SqliteStore

        return SqliteStore(url, secure_delete=secure_delete)
    if scheme in ("postgresql", "postgres"):
        if secure_delete:
            raise ValueError("PostgreSQL does not overwrite what is deleted, so it cannot be deleted securely there")
        try:
            from lazr.smtptest.store.postgres import PostgresStore
        except ImportError as error:
            raise MissingExtra('PostgreSQL needs psycopg: pip install "lazr.smtptest[postgres]"') from error
        return PostgresStore(url)
    raise ValueError(
        f"no store is known for {scheme}:; there are memory:, sqlite:///path and postgresql://host/database"
    )
