"""Parse mails that are not indexed yet in memory, for lists and searches.

A full disk has no room for the index.  Its mails can still be listed, found, read and deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import SearchTooSlow
from lazr.smtptest.mail import Mail
from lazr.smtptest.store.message_index import build_message_index
from lazr.smtptest.store.searchable_mail import SearchableMail
from lazr.smtptest.store.sql.database import split_into_batches
from lazr.smtptest.store.sql.row_mapping import (
    build_unindexed_entry,
    decode_added_tags,
    decode_stored_envelope,
    decode_timestamp,
    read_bytes,
    read_integer,
    read_text,
)
from lazr.smtptest.store.sql.schema import contents, mails, pending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection, RowMapping

    from lazr.smtptest.store.base import Entry
    from lazr.smtptest.store.message_index import MessageIndex
    from lazr.smtptest.store.search.terms import Search
    from lazr.smtptest.store.tag_rules import TagRules

__all__ = ["UnindexedMail", "build_searchable", "parse_row", "read_unindexed_mails"]

# Parsing a mail takes about a millisecond.
_MAX_SECONDS = 5.0
_MAX_MAILS_PER_READ = 20


class UnindexedMail(NamedTuple):
    """A mail that is pending, with the results of parsing its content."""

    number: int
    mail: Mail
    searchable: SearchableMail
    entry: Entry


def read_unindexed_mails(
    connection: Connection, tag_rules: TagRules, search: Search, *conditions: ColumnElement[bool]
) -> Iterator[UnindexedMail]:
    """Yield the pending mails that satisfy the conditions and match the search.

    They come in the order of arrival.  Raises `SearchTooSlow` if parsing them takes longer than five seconds.
    """
    joined = pending.join(mails, mails.c.number == pending.c.number)
    numbers = connection.scalars(
        select(pending.c.number).select_from(joined).where(*conditions).order_by(pending.c.number)
    ).all()
    statement = select(*mails.c, contents.c.content).join_from(mails, contents, mails.c.number == contents.c.number)
    deadline = monotonic() + _MAX_SECONDS
    for batch in split_into_batches(numbers, _MAX_MAILS_PER_READ):
        rows = connection.execute(statement.where(mails.c.number.in_(batch)).order_by(mails.c.number))
        for row in rows.mappings().all():
            if monotonic() > deadline:
                raise SearchTooSlow(
                    f"the disk is full, and searching the mails that are not indexed took longer than"
                    f" {_MAX_SECONDS:g} s; delete some files or mails"
                )
            unindexed = parse_row(row, tag_rules)
            if unindexed.searchable.matches(search):
                yield unindexed


def parse_row(row: RowMapping, tag_rules: TagRules) -> UnindexedMail:
    """Return the mail of a row of `mails` with its content, parsed."""
    received_at = decode_timestamp(row["received_at"])
    envelope = decode_stored_envelope(row["envelope"])
    mail = Mail(read_text(row["id"]), envelope, [read_bytes(row["content"])], received_at=received_at.timestamp())
    index = build_message_index(mail)
    tags = tag_rules.compute_tags(build_searchable(row, index, decode_added_tags(row["brought"])))
    return UnindexedMail(
        row["number"], mail, build_searchable(row, index, tags), build_unindexed_entry(row, index, tags)
    )


def build_searchable(row: RowMapping, index: MessageIndex, tags: tuple[str, ...]) -> SearchableMail:
    """Return what searches look at: a row of `mails`, the index of the content, tags."""
    return SearchableMail(
        index=index,
        size=read_integer(row["size"]),
        received_at=decode_timestamp(row["received_at"]),
        username=read_text(row["username"]),
        read=bool(row["read"]),
        tags=tags,
        number=row["number"],
        folder=read_text(row["folder"]),
        owner=read_text(row["owner"]),
    )
