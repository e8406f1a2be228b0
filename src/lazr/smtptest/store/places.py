"""Where mails are kept, by URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lazr.smtptest.store.contract import Store

__all__ = ["default_file", "store_at"]


def default_file() -> Path:
    """The file in the user's data directory, where mails are kept if nobody says where."""
    from platformdirs import user_data_path

    return user_data_path("lazr.smtptest", appauthor=False) / "mails.sqlite"


def store_at(url: str) -> Store:
    """The store at a URL, not yet open: `memory:`, `sqlite:///path` or a path.

    Raises `ValueError` for one that leads nowhere.

    >>> store_at("memory:")
    <MemoryStore: 0 mails>
    >>> store_at("mysql://localhost/mails")
    Traceback (most recent call last):
    ValueError: no store is known for mysql:; there are memory: and sqlite:///path
    """
    scheme, colon, _ = url.partition(":")
    if url in ("memory:", "memory://"):
        from lazr.smtptest.store.memory import MemoryStore

        return MemoryStore()
    if not colon or scheme == "sqlite" or len(scheme) == 1:  # a path, perhaps of Windows
        from lazr.smtptest.store.sqlite import SqliteStore

        return SqliteStore(url)
    raise ValueError(f"no store is known for {scheme}:; there are memory: and sqlite:///path")
