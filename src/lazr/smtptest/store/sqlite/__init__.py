"""The SQLite store: one file, its lock, full-text index, disk space and recovery.

`SqliteStore` (in `store`) is an `SqlStore` on a `SqliteDatabase` (in `database`), which owns the connections.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store.sqlite.database import SqliteDatabase
    from lazr.smtptest.store.sqlite.store import SqliteStore

__all__ = [
    "SqliteDatabase",
    "SqliteStore",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.store.sqlite.database": ("SqliteDatabase",),
        "lazr.smtptest.store.sqlite.store": ("SqliteStore",),
    },
)
