"""Map mails to the rows of the tables, and rows to entries.

A damaged disk can change any value of a row, also its type.  Reading a row never raises: what cannot be read is
replaced, so that one damaged row does not hide the other mails of a list.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lazr.smtptest.mail import Address, Envelope
from lazr.smtptest.store.base import Entry
from lazr.smtptest.store.flags import decode_flags, encode_flags
from lazr.smtptest.store.message_index import ContentSummary
from lazr.smtptest.store.sql.envelope_codec import decode_envelope, encode_envelope
from lazr.smtptest.store.sql.json_codec import decode_json, encode_json
from lazr.smtptest.store.text_normalization import fold, make_storable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import RowMapping

    from lazr.smtptest.store.base import Arrival
    from lazr.smtptest.store.message_index import MessageIndex

__all__ = [
    "MAX_INDEXED_CHARACTERS",
    "build_entry",
    "build_index_rows",
    "build_mail_row",
    "build_tag_rows",
    "build_unindexed_entry",
    "decode_added_tags",
    "decode_stored_envelope",
    "decode_timestamp",
    "encode_addresses",
    "get_username",
    "read_bytes",
    "read_integer",
    "read_text",
]

_log = logging.getLogger("lazr.smtptest.store")

MAX_INDEXED_CHARACTERS = 50_000
"""A longer text stays out of the full-text index: adding it would block other writers for too long."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ADDRESS_FIELD_COUNT = 5
_SUMMARY_FIELDS = ContentSummary.__slots__

Row = dict[str, object]


def build_mail_row(message: Arrival) -> tuple[str, int, int, str, bool, bytes, bytes | None, int, str, str]:
    """Return the values of a row of `mails`, in the order of its columns.

    They are without the number and the modification sequence.  Raises `ValueError` for unknown flags.
    """
    received_at, seconds = message.received_at, int(message.received_at)
    return (
        message.id,
        seconds * 1_000_000 + round((received_at - seconds) * 1e6),  # rounds as `datetime.fromtimestamp` does
        message.size,
        make_storable(get_username(message.envelope)),
        message.read,
        encode_envelope(message.envelope),
        encode_json(message.tags) if message.tags else None,
        encode_flags(message.flags) if message.flags else 0,
        make_storable(message.folder) if message.folder else "",
        make_storable(message.owner) if message.folder else "",
    )


# -- values of a row, which may be damaged ------------------------------------------------------------


def read_text(value: object) -> str:
    """Return a value of a text column.

    >>> read_text("ann"), read_text(b"ann\\xff"), read_text(None), read_text(7)
    ('ann', 'ann\ufffd', '', '7')
    """
    if isinstance(value, str):
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)


def read_bytes(value: object) -> bytes:
    """Return a value of a column of bytes."""
    return value if isinstance(value, bytes) else read_text(value).encode("utf-8", "replace")


def read_integer(value: object) -> int:
    """Return a value of an integer column; 0 if it is none."""
    return int(value) if isinstance(value, int | float) and abs(value) < 1 << 62 else 0


def decode_timestamp(received_at: object) -> datetime:
    """Return the time for a value of the column `received_at`; 1970 if it is none.

    >>> decode_timestamp(1).isoformat(), decode_timestamp(1 << 61).isoformat()
    ('1970-01-01T00:00:00.000001+00:00', '1970-01-01T00:00:00+00:00')
    """
    try:
        return _EPOCH + timedelta(microseconds=read_integer(received_at))
    except OverflowError:
        return _EPOCH


def decode_stored_envelope(data: object) -> Envelope:
    """Return the envelope of a row; an empty one if it is damaged."""
    try:
        envelope = decode_envelope(read_bytes(data))
        strings = (envelope.mail_from, envelope.helo, envelope.peer, get_username(envelope), *envelope.rcpt_tos)
        if all(isinstance(value, str) for value in strings) and len(envelope.rcpt_parameters) == len(envelope.rcpt_tos):
            return envelope
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        pass
    _log.warning("an envelope in the store is damaged and shown as empty")
    return Envelope("", (), mail_parameters={}, rcpt_parameters=())


def decode_added_tags(data: object) -> tuple[str, ...]:
    """Return the tags of the column `brought`; none if it is damaged."""
    if data is None:
        return ()
    try:
        return tuple(map(str, decode_json(read_bytes(data))))
    except (ValueError, TypeError, RecursionError):
        return ()


def _decode_addresses(data: object) -> list[tuple[Address, ...]]:
    """Return the addresses of From, To, Cc, Bcc and Reply-To; none if the value is damaged."""
    try:
        fields = [tuple(Address(*map(str, parts)) for parts in field) for field in decode_json(read_bytes(data))]
    except (ValueError, TypeError, RecursionError):
        fields = []
    return fields if len(fields) == _ADDRESS_FIELD_COUNT else [()] * _ADDRESS_FIELD_COUNT


def get_username(envelope: Envelope) -> str:
    """Return the user that the SMTP session authenticated as; empty without authentication."""
    return "" if envelope.auth is None else envelope.auth.username


def encode_addresses(summary: ContentSummary) -> bytes:
    """Return the value of the column `addresses` of `entries`."""
    fields = [(summary.from_,) if summary.from_ else (), summary.to, summary.cc, summary.bcc, summary.reply_to]
    return encode_json([[(a.display_name, a.local_part, a.domain) for a in field] for field in fields])


def build_index_rows(number: int, index: MessageIndex, mail_tags: Iterable[str]) -> list[tuple[str, list[Row]]]:
    """Return the name of each table of the index with its rows for a mail.

    Args:
        number: the mail's number.
        index: the index of its content.
        mail_tags: the mail's tags.
    """
    entry: Row = {
        "number": number,
        "message_id": index.message_id,
        "subject": index.subject,
        "addresses": encode_addresses(index),
        "attachments": index.attachments,
        "inlines": index.inlines,
        "snippet": index.snippet,
    }
    is_too_long = len(index.texts["anywhere"]) > MAX_INDEXED_CHARACTERS
    return [
        ("entries", [entry]),
        ("texts", [{"number": number, "too_long": is_too_long, **index.texts}]),
        ("addresses", [{"place": place, "address": address, "number": number} for place, address in index.addresses]),
        (
            "headers",
            [
                {"number": number, "position": position, "name": name, "value": value}
                for position, (name, value) in enumerate(index.headers)
            ],
        ),
        ("tags", build_tag_rows(number, mail_tags)),
    ]


def build_tag_rows(number: int, tag_names: Iterable[str]) -> list[Row]:
    """Return the rows of `tags` for a mail."""
    return [{"number": number, "folded": fold(tag), "tag": tag} for tag in tag_names]


def build_entry(row: RowMapping, tag_names: Iterable[object]) -> Entry:
    """Return the entry for a row of `mails` joined with `entries`, and the mail's tags."""
    from_, to, cc, bcc, reply_to = _decode_addresses(row["addresses"])
    summary = ContentSummary(
        message_id=read_text(row["message_id"]),
        from_=from_[0] if from_ else None,
        to=to,
        cc=cc,
        bcc=bcc,
        reply_to=reply_to,
        subject=read_text(row["subject"]),
        attachments=read_integer(row["attachments"]),
        inlines=read_integer(row["inlines"]),
        snippet=read_text(row["snippet"]),
    )
    return _build_entry(row, summary, map(read_text, tag_names))


def build_unindexed_entry(row: RowMapping, summary: ContentSummary, tag_names: Iterable[str]) -> Entry:
    """Return the entry for a row of `mails`, the summary of the content, and the mail's tags."""
    return _build_entry(row, summary, tag_names)


def _build_entry(row: RowMapping, summary: ContentSummary, tag_names: Iterable[str]) -> Entry:
    envelope = decode_stored_envelope(row["envelope"])
    return Entry(
        number=row["number"],
        id=read_text(row["id"]),
        received_at=decode_timestamp(row["received_at"]),
        size=read_integer(row["size"]),
        envelope=envelope,
        read=bool(row["read"]),
        tags=tuple(sorted(tag_names, key=fold)),
        username=get_username(envelope),
        flags=decode_flags(read_integer(row["flags"])),
        folder=read_text(row["folder"]),
        owner=read_text(row["owner"]),
        mod_seq=read_integer(row["mod_seq"]),
        **{name: getattr(summary, name) for name in _SUMMARY_FIELDS},
    )
