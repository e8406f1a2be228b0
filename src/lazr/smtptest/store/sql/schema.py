"""The tables of an SQL store, and the migrations from older versions.

`Store.add` writes to `mails`, `contents` and `pending`, and reads nothing.  Indexing fills all other tables.  Listing
never reads `contents`.

In PostgreSQL, searches read `texts`, `addresses` and `headers`.  In SQLite, these three are for mails that were indexed
before version 2; `documents`, and two full-text indexes, have all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    case,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
)

from lazr.smtptest.errors import StoreTooNew

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import ColumnElement, Connection, Dialect

__all__ = [
    "CREATE_FULL_TEXT_INDEX_SQL",
    "CREATE_KEY_INDEX_SQL",
    "CREATE_WORD_INDEX_SQL",
    "SCHEMA_VERSION",
    "addresses",
    "contents",
    "documents",
    "entries",
    "headers",
    "mail_tables",
    "mails",
    "metadata",
    "notes",
    "pending",
    "sane_size",
    "sqlite_mail_tables",
    "tags",
    "texts",
    "upgrade_schema",
]

metadata: MetaData = MetaData()


class _RawBytes(LargeBinary):
    """Bytes as the driver returns them: a damaged file can have another type there."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        return None


class _RawBoolean(Boolean):
    """A boolean that is read as the driver returns it."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        return None


# SQLite assigns numbers only to columns of the type INTEGER.
_NumberType = BigInteger().with_variant(Integer, "sqlite")

mails: Table = Table(
    "mails",
    metadata,
    Column("number", _NumberType, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("received_at", BigInteger, nullable=False),  # microseconds since 1970
    Column("size", BigInteger, nullable=False),
    Column("username", Text, nullable=False),
    Column("read", _RawBoolean, nullable=False),
    Column("envelope", _RawBytes, nullable=False),  # see envelope_codec
    Column("brought", _RawBytes),  # the arrival's tags as JSON; NULL if it has none
    Column("flags", Integer, nullable=False, server_default="0"),  # see `store.flags`
    Column("folder", Text, nullable=False, server_default=""),  # empty for a caught mail
    Column("owner", Text, nullable=False, server_default=""),
    Column("mod_seq", BigInteger, nullable=False, server_default="1"),
    sqlite_autoincrement=True,  # never reuse the number of a deleted mail
)
Index("mails_by_time", mails.c.received_at)
Index("mails_by_flag", mails.c.read, mails.c.size)  # covers the query of `get_totals`
_has_username = mails.c.username != ""
# A hash index in PostgreSQL, because its B-trees reject long texts.
Index(
    "mails_by_user",
    mails.c.username,
    sqlite_where=_has_username,
    postgresql_where=_has_username,
    postgresql_using="hash",
)

_is_in_folder = mails.c.folder != ""
# Caught mails, which are most of them, are not in this index.
_reading_indexes: tuple[Index, ...] = (
    Index("mails_by_folder", mails.c.owner, mails.c.folder, sqlite_where=_is_in_folder).ddl_if(dialect="sqlite"),
    Index("mails_by_owner", mails.c.owner, postgresql_where=_is_in_folder, postgresql_using="hash").ddl_if(
        dialect="postgresql"
    ),
    Index("mails_by_mod_seq", mails.c.mod_seq),
)
# In PostgreSQL, modification sequences come from a sequence.  SQLite has a counter in the table `totals`.
_CREATE_SEQUENCE_SQL = (
    "CREATE SEQUENCE mail_mod_seq START 2 OWNED BY mails.mod_seq;"
    " ALTER TABLE mails ALTER COLUMN mod_seq SET DEFAULT nextval('mail_mod_seq')"
)
event.listen(
    mails,
    "after_create",
    DDL(_CREATE_SEQUENCE_SQL).execute_if(dialect="postgresql"),  # type: ignore[no-untyped-call]
)

# The size of a mail for sums; a damaged row counts as empty.
sane_size: ColumnElement[int] = case((mails.c.size.between(0, 1 << 48), mails.c.size), else_=0)

contents: Table = Table(
    "contents",
    metadata,
    Column("number", _NumberType, primary_key=True, autoincrement=False),
    Column("content", _RawBytes, nullable=False),
)

# The mails that are not indexed yet.
pending: Table = Table("pending", metadata, Column("number", _NumberType, primary_key=True, autoincrement=False))

# What lists show of a mail's content.
entries: Table = Table(
    "entries",
    metadata,
    Column("number", _NumberType, primary_key=True, autoincrement=False),
    Column("message_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("addresses", _RawBytes, nullable=False),  # see row_mapping
    Column("attachments", Integer, nullable=False),
    Column("inlines", Integer, nullable=False),
    Column("snippet", Text, nullable=False),
)

# The texts that are searched for words, folded.  The names of the columns are the fields of `TextTerm`.  The longest
# comes last, so that the others can be read without it.
texts: Table = Table(
    "texts",
    metadata,
    Column("number", _NumberType, primary_key=True, autoincrement=False),
    Column("too_long", Boolean, nullable=False),  # not in the full-text index: searches always read it
    *(
        Column(where, Text, nullable=False)
        for where in ("from", "to", "cc", "bcc", "reply-to", "addressed", "subject", "message-id", "anywhere")
    ),
)
Index("texts_too_long", texts.c.number, sqlite_where=texts.c.too_long, postgresql_where=texts.c.too_long)
# SQLite's full-text index: which texts contain a trigram (three characters in a row).  It stores neither the texts nor
# positions in them (`detail=none`), which halves the cost of writing.
CREATE_FULL_TEXT_INDEX_SQL: str = (
    "CREATE VIRTUAL TABLE words USING fts5(anywhere, content='texts', content_rowid='number', detail=none,"
    " tokenize='trigram case_sensitive 1')"
)
event.listen(
    texts,
    "after_create",
    DDL(CREATE_FULL_TEXT_INDEX_SQL).execute_if(dialect="sqlite"),  # type: ignore[no-untyped-call]
)

addresses: Table = Table(
    "addresses",
    metadata,
    Column("place", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("number", _NumberType, nullable=False),
    Index("addresses_by_place", "place", "address").ddl_if(dialect="sqlite"),
    Index("addresses_by_hash", "address", postgresql_using="hash").ddl_if(dialect="postgresql"),
    Index("addresses_by_number", "number"),
)

headers: Table = Table(
    "headers",
    metadata,
    Column("number", _NumberType, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("number", "position"),
    sqlite_with_rowid=False,
)

tags: Table = Table(
    "tags",
    metadata,
    Column("number", _NumberType, nullable=False),
    Column("folded", Text, nullable=False),
    Column("tag", Text, nullable=False),
    PrimaryKeyConstraint("number", "folded"),
    Index("tags_by_name", "folded"),
    sqlite_with_rowid=False,
)

# All tables with rows of a mail; `mails` itself is the last.
mail_tables: tuple[Table, ...] = (pending, entries, texts, addresses, headers, tags, contents, mails)

# SQLite only: what searches look at, and the content, compressed together (see `document` in `store.sqlite`).
documents: Table = Table(
    "documents",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("too_long", Boolean, nullable=False),  # not in the index on words: searches always read it
    Column("data", _RawBytes, nullable=False),
)
Index("documents_too_long", documents.c.number, sqlite_where=documents.c.too_long)
sqlite_mail_tables: tuple[Table, ...] = (*mail_tables[:-2], documents, *mail_tables[-2:])
# Two indexes on documents: on the trigrams of `anywhere`, and on the keys of addresses and of header names.  They
# store no texts and no lengths of texts, which deleting a mail takes from its document.
CREATE_WORD_INDEX_SQL: str = (
    "CREATE VIRTUAL TABLE document_words USING fts5(anywhere, content='', columnsize=0, detail=none,"
    " tokenize='trigram case_sensitive 1')"
)
CREATE_KEY_INDEX_SQL: str = (
    "CREATE VIRTUAL TABLE document_keys USING fts5(keys, content='', columnsize=0, detail=none, tokenize='ascii')"
)

notes: Table = Table(
    "notes",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

_schema_version: Table = Table("schema_version", metadata, Column("version", Integer, nullable=False))


# SQLite only: the counters of all mails, in one row (see `totals` in `store.sqlite`).
_totals: Table = Table(
    "totals",
    MetaData(),
    Column("mails", Integer, nullable=False),
    Column("unread", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("mod_seq", Integer, nullable=False, server_default="1"),  # the greatest modification sequence
)


def _create_sqlite_tables(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    documents.create(connection)
    connection.exec_driver_sql(CREATE_WORD_INDEX_SQL)
    connection.exec_driver_sql(CREATE_KEY_INDEX_SQL)
    _totals.create(connection)
    unread = func.count().filter(mails.c.read.is_(False))
    counted = select(func.count(), unread, func.coalesce(func.sum(sane_size), 0)).select_from(mails)
    connection.execute(insert(_totals).from_select(["mails", "unread", "size"], counted))


def _add_reading_columns(connection: Connection) -> None:
    """Add what IMAP and POP3 need, in little time: a column with a default rewrites no row."""
    for column in (
        "flags INTEGER NOT NULL DEFAULT 0",
        "folder TEXT NOT NULL DEFAULT ''",
        "owner TEXT NOT NULL DEFAULT ''",
        "mod_seq BIGINT NOT NULL DEFAULT 1",
    ):
        connection.exec_driver_sql(f"ALTER TABLE mails ADD COLUMN {column}")
    if connection.dialect.name == "sqlite":
        names = {column["name"] for column in inspect(connection).get_columns(_totals.name)}
        if "mod_seq" not in names:  # the migration to version 2 creates the table as it is now
            connection.exec_driver_sql("ALTER TABLE totals ADD COLUMN mod_seq INTEGER NOT NULL DEFAULT 1")
    else:
        connection.exec_driver_sql(_CREATE_SEQUENCE_SQL)
    for index in _reading_indexes:
        index.create(connection)


# Each migration upgrades the tables from the version before it.  Add one for every change of the tables; never edit a
# released one.  A new store gets the current tables directly.
_MIGRATIONS: Mapping[int, Callable[[Connection], None]] = {2: _create_sqlite_tables, 3: _add_reading_columns}
SCHEMA_VERSION = 3


def upgrade_schema(
    connection: Connection,
    migrations: Mapping[int, Callable[[Connection], None]] = _MIGRATIONS,
    target_version: int = SCHEMA_VERSION,
) -> None:
    """Create the tables, or upgrade those of an older version.

    All changes are in the transaction of the connection.

    Args:
        connection: a connection in a transaction.
        migrations: the functions that upgrade the tables, by the version that they upgrade to.
        target_version: the version to upgrade to.

    Raises:
        StoreTooNew: the tables are of a later version; nothing was changed.
    """
    if not inspect(connection).has_table(_schema_version.name):
        metadata.create_all(connection)
        _create_sqlite_tables(connection)
        version = target_version
    else:
        version = connection.scalar(select(func.max(_schema_version.c.version))) or 0
        if version > target_version:
            raise StoreTooNew(
                f"the store was written by a later version of this program: its tables must be of version"
                f" {target_version} at most, got {version}; upgrade this program, or use another store"
            )
        if version == target_version:
            return
    for next_version in range(version + 1, target_version + 1):
        migrations[next_version](connection)
    connection.execute(delete(_schema_version))
    connection.execute(insert(_schema_version).values(version=target_version))
