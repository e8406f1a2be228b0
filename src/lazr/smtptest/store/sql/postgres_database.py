"""The connection to PostgreSQL: a pool, snapshots, transactions and shared locks.

All nodes share the locks.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import psycopg
from sqlalchemy import ARRAY, BigInteger, Engine, any_, collate, create_engine, event, func, literal, or_, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import SearchTooSlow, StoreFull, StoreUnavailable
from lazr.smtptest.store.sql.conditions import RECIPIENTS_END, RECIPIENTS_START, ConditionBuilder, find_envelope_part
from lazr.smtptest.store.sql.copy_format import encode_copy_record
from lazr.smtptest.store.sql.database import Database, WriteTransaction
from lazr.smtptest.store.sql.errors import translate_errors
from lazr.smtptest.store.sql.postgres_connections import DriverConnectionPool
from lazr.smtptest.store.sql.postgres_copy import copy_rows
from lazr.smtptest.store.sql.postgres_inserter import insert_messages, prepare_insertion
from lazr.smtptest.store.sql.postgres_notifications import (
    INITIAL_RETRY_SECONDS,
    MAX_RETRY_SECONDS,
    NOTIFY_SQL,
    build_payloads,
)
from lazr.smtptest.store.sql.postgres_publisher import NewMailPublisher
from lazr.smtptest.store.sql.postgres_watchdog import ServerWatchdog
from lazr.smtptest.store.sql.schema import mails, texts, upgrade_schema
from lazr.smtptest.store.sql.sort_keys import SortKeyBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection

    from lazr.smtptest.store.base import Arrival
    from lazr.smtptest.store.search.terms import AddressTerm
    from lazr.smtptest.store.sql.record_builder import EncodeRecord, IndexRecord

__all__ = ["INDEXING_LOCK_ID", "RECLAIM_LOCK_ID", "PostgresConditionBuilder", "PostgresDatabase"]

_log = logging.getLogger("lazr.smtptest.store")

# Advisory locks.  Adding takes its lock shared, so nodes add concurrently; the others are exclusive.  The schema is
# their namespace, because each schema of a database may be a store.
_LOCK_NAMESPACE_SQL = "hashtext('lazr.smtptest ' || current_schema())"
_ADD_LOCK_ID, _PRUNE_LOCK_ID, _UPGRADE_LOCK_ID, _CHANGE_LOCK_ID = 1, 2, 3, 4
INDEXING_LOCK_ID: int = 5
"""The lock of the node that indexes."""
RECLAIM_LOCK_ID: int = 6
"""The lock of the node that removes rows of deleted mails."""
_MOD_SEQ_LOCK_ID = 7  # held from before a change gets a modification sequence until its commit
_ACQUIRE_ADD_LOCK_SQL = f"pg_advisory_xact_lock_shared({_LOCK_NAMESPACE_SQL}, {_ADD_LOCK_ID:d})"

# About 500 mails.  Marks, tags and deletions wait for such a transaction.
_INDEXING_STEP_SECONDS = 0.2

# The changes of an asynchronous commit reach the disk within a second, in the order of the commits.
_COMMIT_ASYNCHRONOUSLY_SQL = "set_config('synchronous_commit', 'off', true)"

# In all 26 with the connections that listen and announce, so that three nodes fit into PostgreSQL's default of 100.
_POOL_SIZE, _MAX_POOL_OVERFLOW = 5, 15
_MAX_INSERT_CONNECTIONS = 4
# A change may overtake the announcement of new mails if that takes longer.
_MAX_FLUSH_SECONDS = 0.5

_CONNECT_TIMEOUT_SECONDS = 5
_PROBE_TIMEOUT_SECONDS = 2
_LOCK_TIMEOUT_SECONDS = 10
# The server ends the transaction of a node that was suspended in the middle of it.
_IDLE_TRANSACTION_TIMEOUT_SECONDS = 30
# How long reading a stable number may wait for the nodes that are adding mails.
_STABLE_NUMBER_LOCK_TIMEOUT_SECONDS = 1
# The lock comes first, as in `postgres_inserter`.
_ADVANCE_MOD_SEQ_SQL = (
    f"WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock({_LOCK_NAMESPACE_SQL}, {_MOD_SEQ_LOCK_ID:d}) AS held)"  # noqa: S608
    " SELECT nextval('mail_mod_seq') FROM lock WHERE held IS NOT NULL"
)
# How long to wait for transactions that have taken a number; most of them take milliseconds.
_SETTLING_TIMEOUT_SECONDS = 1.0
_MIN_SETTLING_PAUSE_SECONDS, _MAX_SETTLING_PAUSE_SECONDS = 0.001, 0.02
# An advisory lock with two keys has them in these columns (https://www.postgresql.org/docs/current/view-pg-locks.html).
_LIST_LOCK_HOLDERS_SQL = (
    "SELECT pid, virtualtransaction FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"  # noqa: S608
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    f" AND classid = (({_LOCK_NAMESPACE_SQL})::bigint & 4294967295)::oid"
    f" AND objid IN ({_ADD_LOCK_ID:d}, {_MOD_SEQ_LOCK_ID:d})"
)
# Detect a lost machine within half a minute.  By default, the server would keep its locks for hours.
_CLIENT_KEEPALIVE_PARAMETERS: dict[str, str | int] = {
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
_SERVER_OPTIONS = (
    f"-c lock_timeout={_LOCK_TIMEOUT_SECONDS:d}s"
    f" -c idle_in_transaction_session_timeout={_IDLE_TRANSACTION_TIMEOUT_SECONDS:d}s"
    " -c tcp_user_timeout=20000 -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
)

_ERRORS_BY_SQLSTATE: dict[str, type[StoreFull | SearchTooSlow]] = {
    "53100": StoreFull,  # disk_full
    "57014": SearchTooSlow,  # query_canceled, by statement_timeout
}


def _classify_error(error: BaseException) -> type[SearchTooSlow | StoreFull | ValueError] | None:
    if isinstance(error, psycopg.errors.UniqueViolation):
        return ValueError
    return _ERRORS_BY_SQLSTATE.get(getattr(error, "sqlstate", None) or "")


_translate_errors = partial(translate_errors, psycopg.Error, _classify_error)


class PostgresDatabase(Database):
    """The tables in a PostgreSQL database, through a pool of connections.

    Changes other than adding mails are made one at a time over all nodes, under one lock.  They are short, and cannot
    deadlock that way.

    Args:
        url: `postgresql://user:password@host:port/database`.
        search_timeout: the time limit, in seconds, of each statement in a time-limited snapshot.

    Raises:
        ValueError: the URL is invalid.
    """

    # Receiving does not wait for other transactions here, but they wait for each other.
    target_step_seconds: ClassVar[float] = 0.1

    def __init__(self, url: str, search_timeout: float) -> None:
        try:
            self._url = make_url(url).set(drivername="postgresql+psycopg")
        except (ArgumentError, ValueError) as error:
            raise ValueError(f"the URL must be postgresql://user@host/database: {error}") from None
        self._search_timeout = search_timeout
        self._engine: Engine | None = None
        self._insert_connections: DriverConnectionPool | None = None
        self._publisher: NewMailPublisher | None = None
        self._watchdog: ServerWatchdog | None = None
        self._change_lock = threading.Lock()
        self._retry_at = 0.0  # no attempt to connect before this time
        self._retry_delay = INITIAL_RETRY_SECONDS
        self._settled_positions: dict[str, int] = {}  # by sequence
        self.condition_builder: PostgresConditionBuilder = PostgresConditionBuilder()

    @property
    def public_url(self) -> str:
        """The URL without the password."""
        url = self._url.set(drivername="postgresql").difference_update_query(["password", "sslpassword"])
        return url.render_as_string(hide_password=True)

    # -- connections -----------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether `open` was called, and `close` was not called since."""
        return self._engine is not None

    def open(self) -> None:
        """Connect, and create or upgrade the tables; raise `StoreUnavailable` or `StoreTooNew`."""
        self._retry_at = 0.0
        self._engine = create_engine(
            self._url.difference_update_query(["options"]),
            pool_size=_POOL_SIZE,
            max_overflow=_MAX_POOL_OVERFLOW,
            pool_timeout=_LOCK_TIMEOUT_SECONDS,
            pool_pre_ping=True,
            connect_args=self.build_connect_arguments(),
        )
        watchdog = self._watchdog = ServerWatchdog(self._open_probe_connection)
        event.listen(self._engine, "connect", lambda driver, _: watchdog.add_connection(driver))
        self._insert_connections = DriverConnectionPool(
            self._open_insert_connection, max_connections=_MAX_INSERT_CONNECTIONS, timeout=_LOCK_TIMEOUT_SECONDS
        )
        self._publisher = NewMailPublisher(self._open_watched_connection, self._watch_operation)
        with self.acquire_connection() as connection, connection.begin():
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_NAMESPACE_SQL}, {_UPGRADE_LOCK_ID:d})")
            _check_server(connection)
            upgrade_schema(connection)
            self.condition_builder.has_trigram_index = _ensure_trigram_index(connection)

    def close(self) -> None:
        """Close all connections."""
        engine, self._engine = self._engine, None
        insert_connections, self._insert_connections = self._insert_connections, None
        publisher, self._publisher = self._publisher, None
        watchdog, self._watchdog = self._watchdog, None
        if publisher is not None:
            publisher.close()
        if insert_connections is not None:
            insert_connections.close()
        if engine is not None:
            engine.dispose()
        if watchdog is not None:
            watchdog.close()

    def build_connect_arguments(self) -> dict[str, str | int]:
        """Return the arguments of `psycopg.connect`; those in the URL's query take precedence."""
        url_options = self._url.query.get("options", "")
        keepalive = {name: value for name, value in _CLIENT_KEEPALIVE_PARAMETERS.items() if name not in self._url.query}
        return keepalive | {
            "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
            "client_encoding": "utf8",
            "options": f"{_SERVER_OPTIONS} {url_options}",
            "application_name": "lazr.smtptest",
        }

    def _open_probe_connection(self) -> psycopg.Connection[tuple[object, ...]]:
        return self.open_dedicated_connection(connect_timeout=_PROBE_TIMEOUT_SECONDS)

    def open_dedicated_connection(
        self, *, connect_timeout: int = _CONNECT_TIMEOUT_SECONDS
    ) -> psycopg.Connection[tuple[object, ...]]:
        """Open a connection that does not belong to the pool, in autocommit mode.

        Args:
            connect_timeout: seconds to wait for the server.
        """
        engine = self._get_engine()
        with _translate_errors():
            _, arguments = engine.dialect.create_connect_args(engine.url)
            return psycopg.connect(
                **{**arguments, **self.build_connect_arguments(), "connect_timeout": connect_timeout}, autocommit=True
            )

    def vacuum(self, table_names: Sequence[str], on_progress: Callable[[int, int], None]) -> None:
        """Make the space of deleted rows free for new ones.

        Args:
            table_names: the tables.
            on_progress: is called with how many tables are done, and with how many there are.
        """
        # Not a connection of the pool: this may take longer than the watchdog allows.
        with _translate_errors(), closing(self.open_dedicated_connection()) as connection:
            for done, name in enumerate(table_names):
                on_progress(done, len(table_names))
                connection.execute(f'VACUUM (ANALYZE) "{name}"'.encode())
        on_progress(len(table_names), len(table_names))

    def _open_watched_connection(self) -> psycopg.Connection[tuple[object, ...]]:
        connection = self.open_dedicated_connection()
        if self._watchdog is not None:
            self._watchdog.add_connection(connection)
        return connection

    def _open_insert_connection(self) -> psycopg.Connection[tuple[object, ...]]:
        with self._limit_attempts():
            connection = self._open_watched_connection()
            try:
                prepare_insertion(connection, _ACQUIRE_ADD_LOCK_SQL)
            except BaseException:
                connection.close()
                raise
            return connection

    @contextmanager
    def _watch_operation(self) -> Iterator[None]:
        """Translate errors in the block, and interrupt it if the server does not respond any more."""
        watchdog = self._watchdog
        with _translate_errors(), nullcontext() if watchdog is None else watchdog.watch():
            yield

    @contextmanager
    def _limit_attempts(self) -> Iterator[None]:
        """Connect in the block; while the server is down, the pause between attempts grows."""
        if monotonic() < self._retry_at:
            raise StoreUnavailable("the database does not respond; the next attempt to connect is within a second")
        try:
            yield
        except PoolTimeout:  # all connections are in use; the server may be fine
            raise
        except BaseException:
            self._retry_at = monotonic() + self._retry_delay
            self._retry_delay = min(2 * self._retry_delay, MAX_RETRY_SECONDS)
            raise
        self._retry_delay = INITIAL_RETRY_SECONDS

    @contextmanager
    def acquire_connection(self) -> Iterator[Connection]:
        """Take a connection from the pool for the duration of the block."""
        engine = self._get_engine()
        with self._watch_operation():
            with self._limit_attempts():
                connection = engine.connect()
            with connection:
                driver = connection.connection.driver_connection
                try:
                    yield connection
                finally:
                    # The pool would roll back a broken connection, and log the traceback of that.
                    if getattr(driver, "closed", False) and not connection.invalidated:
                        connection.invalidate()

    def _get_engine(self) -> Engine:
        if self._engine is None:
            raise self._build_closed_error()
        return self._engine

    def _build_closed_error(self) -> StoreUnavailable:
        return StoreUnavailable(f"{self.public_url} is closed; call open() first")

    # -- adding mails ----------------------------------------------------------------------------

    def insert(self, messages: Sequence[Arrival]) -> None:
        """Insert mails in one durable transaction, and announce them to all nodes soon."""
        connections, publisher = self._insert_connections, self._publisher
        if connections is None or publisher is None:
            raise self._build_closed_error()
        with self._watch_operation(), connections.acquire() as connection:
            insert_messages(connection, messages)
        # Not in that transaction: transactions with a NOTIFY wait for each other until the disk has them.
        publisher.add([message.id for message in messages])

    # -- snapshots and transactions --------------------------------------------------------------

    @contextmanager
    def read_snapshot(self, *, limit_time: bool = True) -> Iterator[Connection]:
        """Open a read-only snapshot; with `limit_time`, slow statements raise `SearchTooSlow`."""
        with self.acquire_connection() as connection, connection.begin():
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if limit_time:
                milliseconds = max(1, int(self._search_timeout * 1000))
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds:d}")
            yield connection

    def lift_time_limit(self, connection: Connection) -> None:
        """Let the following statements of a snapshot take as long as they need."""
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")

    @contextmanager
    def begin_write(self, *, sync: bool = False) -> Iterator[WriteTransaction]:
        """Open a transaction; NOTIFY, which is part of it, publishes its changes.

        With `sync`, the commit survives a crash of the server.
        """
        with self._change_lock, self.acquire_connection() as connection, connection.begin():
            lock = f"pg_advisory_xact_lock({_LOCK_NAMESPACE_SQL}, {_CHANGE_LOCK_ID:d})"
            connection.exec_driver_sql(f"SELECT {lock}" if sync else f"SELECT {lock}, {_COMMIT_ASYNCHRONOUSLY_SQL}")
            transaction = WriteTransaction(connection)
            yield transaction
            payloads = [
                payload for change in transaction.changes for payload in build_payloads(change.kind, change.ids)
            ]
            if payloads:
                if self._publisher is not None:  # subscribers get the new mails before the change to them
                    self._publisher.flush(_MAX_FLUSH_SECONDS)
                connection.exec_driver_sql(NOTIFY_SQL, (payloads,))

    def match_numbers(self, column: ColumnElement[int], numbers: Collection[int]) -> ColumnElement[bool]:
        """Return the condition that a column has one of these numbers.

        They are one parameter, so the server can keep the plan of the statement for any number of them.
        """
        return column == any_(literal(list(numbers), ARRAY(BigInteger)))

    def get_indexing_step_seconds(self) -> float:
        """Return how long a transaction of indexing should take now.

        It may be long, because receiving does not wait for it.
        """
        return _INDEXING_STEP_SECONDS

    @property
    def encode_record(self) -> EncodeRecord:
        """The format of the records that indexing writes."""
        return encode_copy_record

    def insert_records(self, connection: Connection, records: Sequence[IndexRecord]) -> None:
        """Insert what indexing has found about mails, by COPY."""
        rows_by_target: dict[str, list[bytes]] = {}
        for _, tables in records:
            for target, rows in tables:
                rows_by_target.setdefault(target, []).append(rows)
        for target, all_rows in rows_by_target.items():
            copy_rows(connection, target, b"".join(all_rows))

    @contextmanager
    def try_lock(self, lock_id: int) -> Iterator[bool]:
        """Try to take a lock of all nodes until the end of the block.

        The block gets whether that succeeded.
        """
        with self.acquire_connection() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            lock = f"{_LOCK_NAMESPACE_SQL}, {lock_id:d}"
            is_locked = bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({lock})").scalar())
            try:
                yield is_locked
            finally:
                if is_locked:
                    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({lock})")

    @contextmanager
    def try_lock_pruning(self) -> Iterator[bool]:
        """Try to become the one node that prunes; the block gets whether that succeeded."""
        with self.try_lock(_PRUNE_LOCK_ID) as is_locked:
            yield is_locked

    # -- numbers and modification sequences ------------------------------------------------------

    def advance_mod_seq(self, connection: Connection) -> int:
        """Return a new modification sequence for changes in this write transaction."""
        return int(connection.exec_driver_sql(_ADVANCE_MOD_SEQ_SQL).scalar_one())

    def get_mod_seq(self) -> int:
        """Return the last modification sequence up to which all changes are committed."""
        return self._read_settled_position("mail_mod_seq")

    def get_assigned_number(self) -> int:
        """Return the greatest number that a mail has or had; all mails up to it are committed."""
        return self.get_settled_number()

    def get_settled_number(self) -> int:
        """Return a number such that no mail with a lower or equal number can still be committed."""
        return self._read_settled_position("mails_number_seq")

    def _read_settled_position(self, sequence: str) -> int:
        """Return the last value of a sequence, once all transactions up to it have ended.

        Transactions that begin meanwhile do not wait.  If a node holds its transaction open for long, the result is
        the one before that.  It never falls.

        Raises:
            StoreUnavailable: there is none before that.
        """
        deadline = monotonic() + _SETTLING_TIMEOUT_SECONDS
        pause = _MIN_SETTLING_PAUSE_SECONDS
        with self.acquire_connection() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            position = int(
                connection.exec_driver_sql(
                    f"SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {sequence}"  # noqa: S608
                ).scalar_one()
            )
            unsettled: set[tuple[int, str]] | None = None
            while True:
                holders = {(pid, name) for pid, name in connection.exec_driver_sql(_LIST_LOCK_HOLDERS_SQL)}
                unsettled = holders if unsettled is None else unsettled & holders
                if not unsettled:
                    break
                if monotonic() > deadline:
                    break
                time.sleep(pause)
                pause = min(2 * pause, _MAX_SETTLING_PAUSE_SECONDS)
        if unsettled and sequence not in self._settled_positions:
            # With a guess, a folder would seem to be empty, and a client would remove its own copies of the mails.
            raise StoreUnavailable("another transaction has not ended yet; try again")
        if not unsettled:
            self._settled_positions[sequence] = max(position, self._settled_positions.get(sequence, 0))
        return self._settled_positions[sequence]

    def get_stable_number(self) -> int:
        """Return the last number, once no transaction is adding mails."""
        # Adding holds its shared lock from before numbers are assigned until the commit.
        with self.acquire_connection() as connection, connection.begin():
            # Nodes that add mails queue up for their lock after us, so do not wait long.
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_STABLE_NUMBER_LOCK_TIMEOUT_SECONDS:d}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_NAMESPACE_SQL}, {_ADD_LOCK_ID:d})")
            return connection.scalar(select(func.max(mails.c.number))) or 0


class PostgresConditionBuilder(ConditionBuilder):
    """Conditions with `strpos` and LIKE, and with a trigram index if there is one."""

    has_trigram_index = False
    binary_collation = "C"

    def build_contains(self, column: ColumnElement[str], words: str) -> ColumnElement[bool]:
        """Return the condition that a column contains `words` exactly."""
        return func.strpos(column, words) > 0

    def build_like(self, column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        """Return the condition that a whole column matches the pattern.

        In the pattern, `*` stands for any text, `?` for one character.
        """
        return column.like(_escape_like(pattern).replace("*", "%").replace("?", "_"), escape="\\")

    @property
    def sort_keys(self) -> SortKeyBuilder:
        """The keys that lists are sorted by.

        Bytes may not be valid UTF-8.  This encoding escapes all that are not ASCII, so these sort before letters.
        """
        return SortKeyBuilder(
            decode=lambda column: func.encode(column, "escape"),
            find=func.strpos,
            fold=lambda text: func.lower(collate(text, "C")),
        )

    def build_recipient_list(self) -> ColumnElement[bytes]:
        """Return the encoded recipients of an envelope."""
        start = func.position(literal(RECIPIENTS_START).op("IN")(mails.c.envelope)) + len(RECIPIENTS_START)
        rest = func.substr(mails.c.envelope, start)
        length = func.position(literal(RECIPIENTS_END).op("IN")(rest)) - 1
        return func.substr(rest, 1, func.greatest(length, 0))

    def build_number_among(self, numbers: Collection[int]) -> ColumnElement[bool]:
        """Return the condition that a mail has one of these numbers; they are one parameter."""
        return mails.c.number == any_(literal(sorted(numbers), ARRAY(BigInteger)))

    def build_envelope_prefilter(self, term: AddressTerm) -> ColumnElement[bool] | None:
        """Return the condition that an envelope contains the literal part of an address.

        It also holds for all envelopes with other characters than ASCII, because these are not folded here.
        """
        part = find_envelope_part(term)
        if part is None:
            return None
        # An envelope may not be valid UTF-8.  This encoding escapes all other octets than those of ASCII.
        text = func.encode(mails.c.envelope, "escape")
        is_found = func.strpos(func.lower(text), part) > 0
        return or_(is_found, func.length(text) > func.length(mails.c.envelope))

    def build_prefilter(self, words: str) -> ColumnElement[bool] | None:
        """Return the condition that the trigram index can answer; None if there is none.

        The index cannot answer for fewer than three characters.
        """
        if not self.has_trigram_index or len(words) < 3:
            return None
        return texts.c.anywhere.like(f"%{_escape_like(words)}%", escape="\\")


def _escape_like(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _check_server(connection: Connection) -> None:
    """Raise `StoreUnavailable` if the database cannot store mails.

    Logs a warning if commits are not durable.
    """
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != "UTF8":
        raise StoreUnavailable(f"the encoding of the database must be UTF8, got {encoding}; use another database")
    if connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "off":
        _log.warning("synchronous_commit is off: a crash of the database server loses acknowledged mails")


def _ensure_trigram_index(connection: Connection) -> bool:
    """Create the trigram index if needed and possible; return whether there is one."""
    try:
        with connection.begin_nested():
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            # A database has an extension once.  Another store may have created it in a schema outside our search path.
            schema = connection.exec_driver_sql(
                "SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace"
                " WHERE extname = 'pg_trgm'"
            ).scalar_one()
            connection.exec_driver_sql(
                f"CREATE INDEX IF NOT EXISTS texts_by_trigram ON texts USING gin (anywhere {schema}.gin_trgm_ops)"
            )
    except DBAPIError as error:
        _log.info("searches use no full-text index: pg_trgm is not available: %s", str(error.orig).splitlines()[0])
        return False
    return True
