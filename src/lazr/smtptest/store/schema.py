"""The tables that mails are kept in, the same in every database, and how older ones become these.

`add` writes to `mails`, `contents` and `pending`, and looks at nothing.  All other tables are filled when a mail is
read into an entry.  Listing never touches `contents`.
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

    from sqlalchemy import Connection

__all__ = [
    "VERSION",
    "addresses",
    "contents",
    "entries",
    "headers",
    "mails",
    "metadata",
    "notes",
    "of_mails",
    "pending",
    "tags",
    "texts",
    "upgrade",
]

metadata: MetaData = MetaData()

# SQLite counts by itself only what is called INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")

mails: Table = Table(
    "mails",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("received_at", BigInteger, nullable=False),  # microseconds since 1970
    Column("size", BigInteger, nullable=False),
    Column("username", Text, nullable=False),
    Column("read", Boolean, nullable=False),
    Column("envelope", LargeBinary, nullable=False),  # see packedenvelope.py
    Column("brought", LargeBinary),  # the arrival's tags, packed; NULL where it had none
    sqlite_autoincrement=True,  # the number of a mail that was deleted is not given again
)
Index("mails_by_time", mails.c.received_at)
Index("mails_by_flag", mails.c.read, mails.c.size)  # all that `totals` needs
_named = mails.c.username != ""
# By hash in PostgreSQL, whose other indexes refuse long texts.
Index("mails_by_user", mails.c.username, sqlite_where=_named, postgresql_where=_named, postgresql_using="hash")

contents: Table = Table(
    "contents",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

# The mails that nobody has read into an entry.
pending: Table = Table("pending", metadata, Column("number", _Number, primary_key=True, autoincrement=False))

# What lists show of a mail, but for what is in `mails`.
entries: Table = Table(
    "entries",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=False),
    Column("message_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("addresses", LargeBinary, nullable=False),  # see rows.py
    Column("attachments", Integer, nullable=False),
    Column("inlines", Integer, nullable=False),
    Column("snippet", Text, nullable=False),
)

# What is searched for words, folded; a column is called as `search.Text.where`.  The longest comes last, so that the
# others are read without it.
texts: Table = Table(
    "texts",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=False),
    Column("too_long", Boolean, nullable=False),  # for the index of words: it is always looked at
    *(
        Column(where, Text, nullable=False)
        for where in ("from", "to", "cc", "bcc", "reply-to", "addressed", "subject", "message-id", "anywhere")
    ),
)
Index("texts_too_long", texts.c.number, sqlite_where=texts.c.too_long, postgresql_where=texts.c.too_long)
# Which texts have these three characters in a row: SQLite's index of words.  It holds no text of its own, nor where in
# a text something is (`detail=none`), which halves what it takes to write.
event.listen(
    texts,
    "after_create",
    DDL(  # type: ignore[no-untyped-call]
        "CREATE VIRTUAL TABLE words USING fts5(anywhere, content='texts', content_rowid='number', detail=none,"
        " tokenize='trigram case_sensitive 1')"
    ).execute_if(dialect="sqlite"),
)

addresses: Table = Table(
    "addresses",
    metadata,
    Column("place", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("number", _Number, nullable=False),
    Index("addresses_by_place", "place", "address").ddl_if(dialect="sqlite"),
    Index("addresses_by_hash", "address", postgresql_using="hash").ddl_if(dialect="postgresql"),
    Index("addresses_by_number", "number"),
)

headers: Table = Table(
    "headers",
    metadata,
    Column("number", _Number, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("number", "position"),
    sqlite_with_rowid=False,
)

tags: Table = Table(
    "tags",
    metadata,
    Column("number", _Number, nullable=False),
    Column("folded", Text, nullable=False),
    Column("tag", Text, nullable=False),
    PrimaryKeyConstraint("number", "folded"),
    Index("tags_by_name", "folded"),
    sqlite_with_rowid=False,
)

# All that belongs to a mail, and goes with it; the mail itself is the last.
of_mails: tuple[Table, ...] = (pending, entries, texts, addresses, headers, tags, contents, mails)

notes: Table = Table(
    "notes",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

_schema: Table = Table("schema_version", metadata, Column("version", Integer, nullable=False))

# What turns tables of the version before into these.  New tables are made as they are now; when a version changes
# them, a step is added here, and no step is ever changed.
_STEPS: Mapping[int, Callable[[Connection], None]] = {}
VERSION = 1


def upgrade(
    connection: Connection, steps: Mapping[int, Callable[[Connection], None]] = _STEPS, to: int = VERSION
) -> None:
    """Make the tables, or turn those of an older version into them; in the transaction of the connection.

    Raises `StoreTooNew`, having changed nothing.
    """
    if not inspect(connection).has_table(_schema.name):
        metadata.create_all(connection)
        version = to
    else:
        version = connection.scalar(select(func.max(_schema.c.version))) or 0
        if version > to:
            raise StoreTooNew(
                f"a later version of this program made the store (its tables are of version {version}, this program"
                f" knows {to}); use that one, or another store"
            )
        if version == to:
            return
    for step in range(version + 1, to + 1):
        steps[step](connection)
    connection.execute(delete(_schema))
    connection.execute(insert(_schema).values(version=to))
