"""A mail as rows of tables, and rows as an entry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lazr.smtptest.mail.mime.address import Address
from lazr.smtptest.store.contract import Entry
from lazr.smtptest.store.indexed import holdable, tags_of
from lazr.smtptest.store.packed import pack, unpack
from lazr.smtptest.store.packedenvelope import packed_envelope, unpacked_envelope
from lazr.smtptest.store.schema import addresses, entries, headers, tags, texts
from lazr.smtptest.store.search import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import RowMapping, Table

    from lazr.smtptest.mail.envelope import Envelope
    from lazr.smtptest.store.contract import Arrival
    from lazr.smtptest.store.indexed import Indexed

__all__ = ["arrival_row", "entry_of", "moment", "read_rows", "tag_rows", "username_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A longer text is not put into the index of words, as that would keep others from writing for too long.
_INDEXED = 50_000

Row = dict[str, object]


def arrival_row(arrival: Arrival) -> tuple[str, int, int, str, bool, bytes, bytes | None]:
    """What `mails` has of it, in the order of its columns, but for the number."""
    envelope, received_at = arrival.envelope, arrival.received_at
    whole = int(received_at)
    return (
        arrival.id,
        whole * 1_000_000 + round((received_at - whole) * 1e6),  # as `datetime.fromtimestamp` rounds
        arrival.size,
        "" if envelope.auth is None else holdable(envelope.auth.username),
        False,
        packed_envelope(envelope),
        pack(arrival.tags) if arrival.tags else None,
    )


def moment(received_at: int) -> datetime:
    """The time that a table has."""
    return _EPOCH + timedelta(microseconds=received_at)


def username_of(envelope: Envelope) -> str:
    """Who brought it; the empty string where nobody said."""
    return "" if envelope.auth is None else envelope.auth.username


def read_rows(number: int, read: Indexed, brought: bytes | None) -> Iterable[tuple[Table, list[Row]]]:
    """What a mail was read into, for each table."""
    lists = [(read.from_,) if read.from_ else (), read.to, read.cc, read.bcc, read.reply_to]
    yield (
        entries,
        [
            {
                "number": number,
                "message_id": read.message_id,
                "subject": read.subject,
                "addresses": pack([[(a.display_name, a.local_part, a.domain) for a in one] for one in lists]),
                "attachments": read.attachments,
                "inlines": read.inlines,
                "snippet": read.snippet,
            }
        ],
    )
    yield texts, [{"number": number, "too_long": len(read.texts["anywhere"]) > _INDEXED, **read.texts}]
    yield addresses, [{"place": place, "address": address, "number": number} for place, address in read.addresses]
    yield (
        headers,
        [
            {"number": number, "position": position, "name": name, "value": value}
            for position, (name, value) in enumerate(read.headers)
        ],
    )
    yield tags, tag_rows(number, tags_of((*(() if brought is None else unpack(brought)), *read.tags)))


def tag_rows(number: int, names: Iterable[str]) -> list[Row]:
    """A mail's tags."""
    return [{"number": number, "folded": fold(tag), "tag": tag} for tag in names]


def entry_of(row: RowMapping, names: Iterable[str]) -> Entry:
    """What lists show, out of `mails` and `entries`, and the mail's tags."""
    from_, to, cc, bcc, reply_to = (tuple(Address(*one) for one in some) for some in unpack(row["addresses"]))
    envelope = unpacked_envelope(row["envelope"])
    return Entry(
        number=row["number"],
        id=row["id"],
        received_at=moment(row["received_at"]),
        size=row["size"],
        envelope=envelope,
        read=row["read"],
        tags=tuple(sorted(names, key=fold)),
        message_id=row["message_id"],
        from_=from_[0] if from_ else None,
        to=to,
        cc=cc,
        bcc=bcc,
        reply_to=reply_to,
        subject=row["subject"],
        username=username_of(envelope),
        attachments=row["attachments"],
        inlines=row["inlines"],
        snippet=row["snippet"],
    )
