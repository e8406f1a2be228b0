"""Insert mails into PostgreSQL with one statement, and one round trip, for a commit.

The statement gets a column of all mails as one array, so its cost hardly depends on the number of mails.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg

from lazr.smtptest.store.sql.postgres_driver import (
    encode_byte_strings,
    encode_integers,
    encode_texts,
    execute_prepared,
    execute_simple,
    prepare_statement,
)
from lazr.smtptest.store.sql.row_mapping import build_mail_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lazr.smtptest.store.base import Arrival

__all__ = ["insert_messages", "prepare_insertion"]

_STATEMENT_NAME = b"smtptest_insert"
# The lock comes first: the numbers are assigned to the rows of the join, and those exist once the lock is held.  The
# content is not a column of that join, because sorting would copy it.
_INSERT_SQL = """
    WITH lock AS MATERIALIZED (SELECT {acquire_lock} AS held),
    new AS (
        INSERT INTO mails (id, received_at, size, username, read, envelope, brought, flags, folder, owner)
        SELECT mail.id, mail.received_at, mail.size, mail.username, mail.read <> 0, mail.envelope, mail.brought,
            mail.flags, mail.folder, mail.owner
        FROM lock, unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::bytea[], $6::bytea[], $8::bigint[],
            $9::bigint[], $10::text[], $11::text[])
            WITH ORDINALITY AS mail (id, received_at, size, username, envelope, brought, read, flags, folder, owner,
                position)
        WHERE lock.held IS NOT NULL
        ORDER BY mail.position
        RETURNING number, id
    ), kept AS (
        INSERT INTO contents (number, content)
        SELECT number, ($7::bytea[])[array_position($1::text[], id)] FROM new
    )
    INSERT INTO pending (number) SELECT number FROM new
"""

# One statement has at most this many mails and, beyond its first mail, this much content.  PostgreSQL limits a
# parameter to 1 GB, and has all of them in memory.
_MAX_MAILS_PER_STATEMENT = 500
_MAX_BYTES_PER_STATEMENT = 32 * 1024 * 1024


def prepare_insertion(connection: psycopg.Connection[tuple[object, ...]], acquire_lock: str) -> None:
    """Prepare the statement of `insert_messages` on a new connection.

    Args:
        connection: the connection, in autocommit mode.
        acquire_lock: the call that takes the lock of the transactions that add mails.
    """
    prepare_statement(connection, _STATEMENT_NAME, _INSERT_SQL.format(acquire_lock=acquire_lock))


def insert_messages(connection: psycopg.Connection[tuple[object, ...]], messages: Sequence[Arrival]) -> None:
    """Insert mails and commit: all of them, or none and an error of the driver.

    Args:
        connection: a connection of `prepare_insertion`.
        messages: the mails, at least one.
    """
    batches = list(_split_messages(messages))
    if len(batches) == 1:  # the statement is a transaction of its own
        _insert_batch(connection, batches[0])
        return
    execute_simple(connection, b"BEGIN")
    try:
        for batch in batches:
            _insert_batch(connection, batch)
    except BaseException:
        with suppress(psycopg.Error):  # a broken connection cannot, and needs not
            execute_simple(connection, b"ROLLBACK")
        raise
    execute_simple(connection, b"COMMIT")


def _split_messages(messages: Sequence[Arrival]) -> Iterator[Sequence[Arrival]]:
    start = size = 0
    for position, message in enumerate(messages):
        message_size = message.size
        is_full = position - start == _MAX_MAILS_PER_STATEMENT or size + message_size > _MAX_BYTES_PER_STATEMENT
        if start < position and is_full:
            yield messages[start:position]
            start, size = position, 0
        size += message_size
    yield messages[start:]


def _insert_batch(connection: psycopg.Connection[tuple[object, ...]], messages: Sequence[Arrival]) -> None:
    ids, times, sizes, usernames, marks, envelopes, tags, flags, folders, owners = zip(
        *map(build_mail_row, messages), strict=True
    )
    parameters = [
        encode_texts(ids),
        encode_integers(times),
        encode_integers(sizes),
        encode_texts(usernames),
        encode_byte_strings([(envelope,) for envelope in envelopes]),
        encode_byte_strings([None if value is None else (value,) for value in tags]),
        encode_byte_strings([message.parts for message in messages]),
        encode_integers(marks),
        encode_integers(flags),
        encode_texts(folders),
        encode_texts(owners),
    ]
    execute_prepared(connection, _STATEMENT_NAME, parameters)
