"""Prepared statements with arrays, by psycopg's interface to libpq.

psycopg's cursors look at each value to find its type, which costs more than the statements that are used here.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import psycopg
from psycopg import pq

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "encode_byte_strings",
    "encode_integers",
    "encode_texts",
    "execute_prepared",
    "execute_simple",
    "prepare_statement",
]

_BINARY = 1
_TEXT_OID, _BYTEA_OID, _BIGINT_OID = 25, 17, 20
_HEADER_FORMAT = "!iiIii"  # dimensions, whether there are NULLs, the type, the length, the first index
_NULL = struct.pack("!i", -1)


def prepare_statement(connection: psycopg.Connection[tuple[object, ...]], name: bytes, statement: str) -> None:
    """Prepare a statement for `execute_prepared`; its parameters are `$1`, `$2` and so on."""
    _check_result(connection.pgconn.prepare(name, statement.encode()))


def execute_prepared(
    connection: psycopg.Connection[tuple[object, ...]], name: bytes, parameters: Sequence[bytes]
) -> None:
    """Execute a statement, with parameters in the binary format.

    Raises the driver's error if it fails.
    """
    formats = [_BINARY] * len(parameters)
    _check_result(connection.pgconn.exec_prepared(name, parameters, formats, _BINARY))


def execute_simple(connection: psycopg.Connection[tuple[object, ...]], statement: bytes) -> None:
    """Execute a statement without parameters; raise the driver's error if it fails."""
    _check_result(connection.pgconn.exec_(statement))


def encode_texts(texts: Sequence[str]) -> bytes:
    r"""Return a parameter of the type `text[]`.

    >>> encode_texts(["a", "bc"])[20:]
    b'\x00\x00\x00\x01a\x00\x00\x00\x02bc'
    """
    return _encode_array(_TEXT_OID, [(text.encode(),) for text in texts])


def encode_byte_strings(values: Sequence[Sequence[bytes] | None]) -> bytes:
    r"""Return a parameter of the type `bytea[]`; each value comes in pieces, None is NULL.

    >>> encode_byte_strings([[b"a", b"b"], None])[20:]
    b'\x00\x00\x00\x02ab\xff\xff\xff\xff'
    """
    return _encode_array(_BYTEA_OID, values)


def encode_integers(values: Sequence[int]) -> bytes:
    """Return a parameter of the type `bigint[]`."""
    items = [item for value in values for item in (8, value)]  # each value after its length
    return struct.pack(f"{_HEADER_FORMAT}{'iq' * len(values)}", 1, 0, _BIGINT_OID, len(values), 1, *items)


def _encode_array(oid: int, values: Sequence[Sequence[bytes] | None]) -> bytes:
    pieces = [struct.pack(_HEADER_FORMAT, 1, 1, oid, len(values), 1)]
    for value in values:
        if value is None:
            pieces.append(_NULL)
        else:
            pieces.append(struct.pack("!i", sum(map(len, value))))
            pieces += value
    return b"".join(pieces)


def _check_result(result: pq.abc.PGresult) -> None:
    """Raise the error of the driver that a result stands for."""
    if result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        return
    sqlstate = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    try:
        error = psycopg.errors.lookup(sqlstate)
    except KeyError:  # the connection is broken, or the error is of a later version of the server
        error = psycopg.OperationalError
    raise error(result.get_error_message())
