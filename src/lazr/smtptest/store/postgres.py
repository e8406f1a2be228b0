"""A store in PostgreSQL: any number of processes, the nodes, share it.

Whatever a node has acknowledged, all nodes see at once.  What changes on one is told to the listeners of all (NOTIFY).
Changes other than receiving are made one at a time, over all nodes: they are short, and cannot wait for each other in
a circle then.
"""

from __future__ import annotations

import json
import logging
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal, get_args

import psycopg
from psycopg import sql
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from lazr.smtptest.clock import monotonic
from lazr.smtptest.errors import SearchTooSlow, StoreError, StoreFull, StoreUnavailable
from lazr.smtptest.store.conditions import Conditions
from lazr.smtptest.store.contract import Change
from lazr.smtptest.store.rows import arrival_row
from lazr.smtptest.store.schema import mails, metadata, texts, upgrade
from lazr.smtptest.store.sql import SqlStore, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection

    from lazr.smtptest.store.contract import Arrival

__all__ = ["PostgresStore"]

_log = logging.getLogger("lazr.smtptest.store")

Kind = Literal["new", "read", "unread", "tags", "delete", "prune", "truncate"]

# Who holds which of these locks: who adds (many at once), who prunes, who upgrades, who changes, who catches up.  Other
# schemas of the same database may be other stores.
_LOCK = "hashtext('lazr.smtptest ' || current_schema())"
_ADDING, _PRUNING, _UPGRADING, _CHANGING, _READING = range(1, 6)

# What a notice carries is limited to 8,000 octets.
_NOTED = 50

# Where the server is gone, it is asked again after so many seconds at first, and at most.
_SOON, _LATE = 0.05, 1.0
# Seconds: to connect, for a lock, and for a node that was stopped in the middle of a transaction.
_CONNECT, _WAIT, _IDLE = 5, 10, 30
# Seconds to wait until nobody adds.
_SETTLED = 1
# When a machine is gone, the other one is to find out within half a minute: the server would keep its locks for hours.
_ALIVE: dict[str, str | int] = {
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
_ALIVE_THERE = (
    "-c tcp_user_timeout=20000 -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
)

_ADD = """
    WITH new AS (
        INSERT INTO mails (id, received_at, size, username, read, envelope, brought)
        VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING number
    ), kept AS (
        INSERT INTO contents (number, content) SELECT number, %s FROM new
    )
    INSERT INTO pending (number) SELECT number FROM new
"""


_LOCK_ADDING = f"SELECT pg_advisory_xact_lock_shared({_LOCK}, {_ADDING:d})"
# A channel for each schema; names longer than 63 octets are cut off, which would let others hear.
_CHANNEL = "left('smtptest ' || current_schema(), 60)"
_NOTIFY = f"SELECT pg_notify({_CHANNEL}, %s)"


class PostgresStore(SqlStore):
    """Keeps mails in a PostgreSQL database, in the tables of the connection's first schema.

    - `url`: `postgresql://user:password@host:port/database`, as `psql` takes it.
    - `search_timeout`: seconds that one search may take, not counting the reading of mails.
    """

    _short = 0.1  # whoever receives does not wait for steps here, but other steps do

    def __init__(self, url: str, *, search_timeout: float = 2.0) -> None:
        self._search_timeout = search_timeout
        self._words = _PostgresConditions()
        super().__init__(self._words)
        try:
            self._address = make_url(url).set(drivername="postgresql+psycopg")
        except (ArgumentError, ValueError) as error:
            raise ValueError(f"not the URL of a database: {error}") from None
        self._engine: Engine | None = None
        self._changing = threading.Lock()
        self._ears: _Ears | None = None
        self._until = 0.0  # the server is not asked again before that
        self._delay = _SOON

    @property
    def url(self) -> str:
        """Where the mails are; without a password."""
        shown = self._address.set(drivername="postgresql").difference_update_query(["password", "sslpassword"])
        return shown.render_as_string(hide_password=True)

    # -- opening and closing ---------------------------------------------------------------------

    def open(self) -> None:
        """Be ready; see `Store.open`."""
        if self._engine is not None:
            return
        self._until = 0.0
        self._engine = create_engine(
            self._address.difference_update_query(["options"]),
            pool_size=5,
            max_overflow=20,
            pool_timeout=_WAIT,
            pool_pre_ping=True,
            connect_args=self._arguments(),
        )
        try:
            with self._connected() as connection, connection.begin():
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK}, {_UPGRADING:d})")
                _check(connection)
                upgrade(connection)
                self._words.indexed = _indexes_words(connection)
            self._ears = _Ears(self._own_connection, self._heard)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of everything; closing twice does no harm."""
        ears, self._ears = self._ears, None
        if ears is not None:
            ears.close()
        self._audience.clear()
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def _arguments(self) -> dict[str, str | int]:
        options = f"-c lock_timeout={_WAIT:d}s -c idle_in_transaction_session_timeout={_IDLE:d}s {_ALIVE_THERE}"
        given = self._address.query.get("options", "")
        alive: dict[str, str | int] = {name: value for name, value in _ALIVE.items() if name not in self._address.query}
        return alive | {
            "connect_timeout": _CONNECT,
            "client_encoding": "utf8",
            "options": f"{options} {given}",
            "application_name": "lazr.smtptest",
        }

    def _own_connection(self) -> psycopg.Connection[tuple[object, ...]]:
        """One that is not the pool's."""
        engine = self._engine
        if engine is None:
            raise StoreUnavailable(f"{self.url} is closed")
        with _told():
            _, arguments = engine.dialect.create_connect_args(engine.url)
            return psycopg.connect(**{**arguments, **self._arguments()}, autocommit=True)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection of the pool; where the server does not answer, that is not asked for again and again."""
        engine = self._engine
        if engine is None:
            raise StoreUnavailable(f"{self.url} is closed")
        if monotonic() < self._until:
            raise StoreUnavailable("the database does not answer; it is asked again in a moment")
        with _told():
            try:
                connection = engine.connect()
            except PoolTimeout:  # too much is asked of us, which says nothing of the server
                raise
            except BaseException:
                self._until = monotonic() + self._delay
                self._delay = min(2 * self._delay, _LATE)
                raise
            self._delay = _SOON
            with connection:
                yield connection

    # -- receiving -------------------------------------------------------------------------------

    def add(self, arrivals: Sequence[Arrival]) -> None:
        """Keep these; see `Store.add`.  Raises `ValueError` where a name is taken."""
        if not arrivals:
            return
        rows = [(*arrival_row(arrival), b"".join(arrival.parts)) for arrival in arrivals]
        with self._connected() as connection:
            driver: psycopg.Connection[tuple[object, ...]] = connection.connection.driver_connection  # type: ignore[assignment]
            try:
                with driver.pipeline(), driver.cursor() as cursor:  # one journey there and back
                    cursor.execute(_LOCK_ADDING)
                    cursor.executemany(_ADD, rows)
                driver.commit()  # not in the pipeline: behind megabytes, psycopg 3.3 would wait there for ever
            except psycopg.Error:
                with suppress(psycopg.Error):
                    driver.rollback()
                raise
            # Not in the transaction: all who notify in theirs wait for each other until the disk has it.
            with suppress(psycopg.Error):
                for change in _noted("new", [arrival.id for arrival in arrivals]):
                    driver.execute(_NOTIFY, (_message(change),))
                driver.commit()

    def has_room(self, octets: int) -> bool:
        """Nobody can tell; `add` will."""
        return True

    def _settled(self) -> int:
        # Who adds holds the lock before it is given a number, until that is committed.
        with self._connected() as connection, connection.begin():
            # All who add wait behind us meanwhile.
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_SETTLED:d}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK}, {_ADDING:d})")
            return connection.scalar(select(func.max(mails.c.number))) or 0

    # -- how a store in a database does this -----------------------------------------------------

    @contextmanager
    def _look(self, *, hurry: bool = True) -> Iterator[Connection]:
        with self._connected() as connection, connection.begin():
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if hurry:
                milliseconds = max(1, int(self._search_timeout * 1000))
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds:d}")
            yield connection

    @contextmanager
    def _step(self, *, safe: bool = False) -> Iterator[Step]:
        with self._changing, self._connected() as connection, connection.begin():
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK}, {_CHANGING:d})")
            step = Step(connection)
            yield step
            for change in step.changes:
                for some in _noted(change.kind, change.ids):
                    connection.exec_driver_sql(_NOTIFY, (_message(some),))

    def catch_up(self, most: int = 100) -> int:
        """Read up to so many mails into entries; how many are left, which is none where another node does that."""
        # All nodes hear of a mail, and would all parse it for one of them to write down what it found.
        with self._alone(_READING) as alone:
            return super().catch_up(most) if alone else 0

    @contextmanager
    def _alone(self, doing: int = _PRUNING) -> Iterator[bool]:
        with self._connected() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            lock = f"{_LOCK}, {doing:d}"
            alone = bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({lock})").scalar())
            try:
                yield alone
            finally:
                if alone:
                    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({lock})")

    def size_on_disk(self) -> int:
        """Octets that the tables take, with their indexes."""
        with self._look() as connection:
            sizes = (func.pg_total_relation_size(table.name) for table in metadata.sorted_tables)
            return sum(connection.execute(select(*sizes)).one())

    # -- hearing ---------------------------------------------------------------------------------

    def _heard(self, change: Change) -> None:
        self._audience.note(change)
        self._audience.tell()


class _Ears:
    """A thread that hears of the changes that all nodes make."""

    def __init__(
        self, connect: Callable[[], psycopg.Connection[tuple[object, ...]]], tell: Callable[[Change], None]
    ) -> None:
        self._connect = connect
        self._tell = tell
        self._closed = threading.Event()
        self._connection, self._channel = self._listening()
        self._thread = threading.Thread(target=self._run, name="smtptest hears of changes", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear no more."""
        self._closed.set()
        with suppress(StoreError, psycopg.Error), self._connect() as connection:  # it need not wait then
            connection.execute("SELECT pg_notify(%s, '')", (self._channel,))
        self._thread.join()

    def _listening(self) -> tuple[psycopg.Connection[tuple[object, ...]], str]:
        connection = self._connect()
        [(channel,)] = connection.execute(f"SELECT {_CHANNEL}").fetchall()
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(str(channel))))
        return connection, str(channel)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                for notice in self._connection.notifies(timeout=1.0):
                    if self._closed.is_set():
                        break
                    if notice.payload:
                        self._tell(_change_of(notice.payload))
            except (psycopg.Error, OSError):
                self._again()
        with suppress(psycopg.Error):
            self._connection.close()

    def _again(self) -> None:
        delay = _SOON
        with suppress(psycopg.Error):
            self._connection.close()
        while not self._closed.wait(delay):
            try:
                self._connection, self._channel = self._listening()
            except (StoreError, psycopg.Error):
                delay = min(2 * delay, _LATE)
            else:
                self._tell(Change("prune"))  # nobody knows what happened meanwhile
                return


class _PostgresConditions(Conditions):
    indexed = False  # whether there is an index of words

    def contains(self, column: ColumnElement[str], words: str) -> ColumnElement[bool]:
        return func.strpos(column, words) > 0

    def is_like(self, column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        return column.like(_escaped(pattern).replace("*", "%").replace("?", "_"), escape="\\")

    def perhaps(self, words: str) -> ColumnElement[bool] | None:
        return texts.c.anywhere.like(f"%{_escaped(words)}%", escape="\\") if self.indexed and len(words) > 2 else None


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _check(connection: Connection) -> None:
    """Raises `StoreUnavailable` where the database cannot keep mails."""
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != "UTF8":
        raise StoreUnavailable(f"the database keeps text in {encoding}; UTF8 is needed")
    if connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "off":
        _log.warning("synchronous_commit is off: what was acknowledged is lost when the database server crashes")


def _indexes_words(connection: Connection) -> bool:
    """Whether there is an index of words; made where there is none, and that can be had."""
    try:
        with connection.begin_nested():
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            # A database has it once; where another store made it, it is in a schema that we do not search.
            where = connection.exec_driver_sql(
                "SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace"
                " WHERE extname = 'pg_trgm'"
            ).scalar_one()
            connection.exec_driver_sql(
                f"CREATE INDEX IF NOT EXISTS texts_by_trigram ON texts USING gin (anywhere {where}.gin_trgm_ops)"
            )
    except DBAPIError as error:
        _log.info("there is no index of words, as pg_trgm cannot be had: %s", str(error.orig).splitlines()[0])
        return False
    return True


def _noted(kind: Kind, ids: Sequence[str]) -> Iterator[Change]:
    """Changes that each fit into a notice."""
    for start in range(0, max(1, len(ids)), _NOTED):
        yield Change(kind, tuple(ids[start : start + _NOTED]))


def _change_of(payload: str) -> Change:
    """What a notice says.  Anybody who may connect may send one: what is not ours is a reason to look again."""
    try:
        kind, *ids = json.loads(payload)
    except (ValueError, TypeError):
        return Change("prune")
    return Change(kind, tuple(map(str, ids))) if kind in get_args(Kind) else Change("prune")


def _message(change: Change) -> str:
    return json.dumps([change.kind, *change.ids])


# By SQLSTATE; all else is something that may go by.
_MEANINGS: dict[str, type[StoreFull | SearchTooSlow]] = {"53100": StoreFull, "57014": SearchTooSlow}


@contextmanager
def _told() -> Iterator[None]:
    """Raises what went wrong in the words of the contract."""
    try:
        yield
    except StoreError:  # said already; and some are an OSError too
        raise
    except (DBAPIError, psycopg.Error) as raised:
        error = raised.orig if isinstance(raised, DBAPIError) else raised
        said = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(error, psycopg.errors.UniqueViolation):
            raise ValueError(f"it is there already: {said}") from raised  # noqa: TRY004
        raise _MEANINGS.get(getattr(error, "sqlstate", None) or "", StoreUnavailable)(said) from raised
    except (OSError, PoolTimeout) as raised:
        raise StoreUnavailable(str(raised)) from raised
