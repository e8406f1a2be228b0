"""Stores on an SQL database: the tables, the parts that work on them, and PostgreSQL.

`SqlStore` (in `base`) is put together from `indexer`, `queries`, `changes`, `deleter`, `pruner` and `notes`.  They use
a `Database`, which `store.sqlite` and `postgres_database` implement.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store.sql.base import SqlStore
    from lazr.smtptest.store.sql.conditions import ConditionBuilder
    from lazr.smtptest.store.sql.database import Database, WriteTransaction
    from lazr.smtptest.store.sql.errors import translate_errors
    from lazr.smtptest.store.sql.postgres import PostgresStore
    from lazr.smtptest.store.sql.schema import SCHEMA_VERSION, upgrade_schema

__all__ = [
    "SCHEMA_VERSION",
    "ConditionBuilder",
    "Database",
    "PostgresStore",
    "SqlStore",
    "WriteTransaction",
    "translate_errors",
    "upgrade_schema",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.store.sql.base": ("SqlStore",),
        "lazr.smtptest.store.sql.conditions": ("ConditionBuilder",),
        "lazr.smtptest.store.sql.database": (
            "Database",
            "WriteTransaction",
        ),
        "lazr.smtptest.store.sql.errors": ("translate_errors",),
        "lazr.smtptest.store.sql.postgres": ("PostgresStore",),
        "lazr.smtptest.store.sql.schema": (
            "SCHEMA_VERSION",
            "upgrade_schema",
        ),
    },
)
