"""Parse mails, and encode what indexing writes about them as records of builtin types.

Nothing here needs the database, so that a child process can do it (see `index_worker`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from lazr.smtptest.mail import Mail
from lazr.smtptest.store.message_index import MessageIndex, build_message_index
from lazr.smtptest.store.searchable_mail import SearchableMail
from lazr.smtptest.store.sql.row_mapping import (
    build_index_rows,
    decode_added_tags,
    decode_stored_envelope,
    decode_timestamp,
    read_bytes,
    read_integer,
    read_text,
)

if TYPE_CHECKING:
    from lazr.smtptest.store.tag_rules import TagRules

__all__ = ["PENDING_COLUMNS", "EncodeRecord", "IndexRecord", "PendingRow", "RecordBuilder", "encode_table_record"]

PENDING_COLUMNS: tuple[str, ...] = (
    *("number", "id", "received_at", "size", "username", "read", "envelope", "brought", "folder", "owner"),
)
"""The columns of `mails` that a record is built from, besides the content."""

PendingRow = dict[str, Any]
"""The values of `PENDING_COLUMNS`, and that of `content`; of builtin types, as SQLAlchemy's names are not."""

IndexRecord = tuple[Any, ...]
"""What indexing writes about one mail: its number, and values that the database's format defines, of builtin types."""

EncodeRecord = Callable[[int, bytes, MessageIndex, tuple[str, ...]], IndexRecord]
"""Returns the record for a mail's number, content, index and tags; a function of a module, which can be pickled."""


def encode_table_record(number: int, content: bytes, index: MessageIndex, tags: tuple[str, ...]) -> IndexRecord:
    """Return the record of a database with the tables `texts`, `addresses` and `headers`."""
    del content
    return number, build_index_rows(number, index, tags)


class RecordBuilder(NamedTuple):
    """A builder of records, for all mails of a store.

    Args:
        tag_rules: which tags a new mail gets.
        encode: the database's format.
    """

    tag_rules: TagRules
    encode: EncodeRecord

    def build(self, row: PendingRow) -> IndexRecord:
        """Parse the mail of a row, and return its record."""
        received_at = decode_timestamp(row["received_at"])
        envelope = decode_stored_envelope(row["envelope"])
        content = read_bytes(row["content"])
        mail = Mail(read_text(row["id"]), envelope, [content], received_at=received_at.timestamp())
        index = build_message_index(mail)
        searchable = SearchableMail(
            index=index,
            size=read_integer(row["size"]),
            received_at=received_at,
            username=read_text(row["username"]),
            read=bool(row["read"]),
            tags=decode_added_tags(row["brought"]),
            folder=read_text(row["folder"]),
            owner=read_text(row["owner"]),
        )
        return self.encode(row["number"], content, index, self.tag_rules.compute_tags(searchable))
