"""Parse pending mails in memory, so that reading need not wait for their indexing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from lazr.smtptest.store.sql.database import split_into_batches
from lazr.smtptest.store.sql.parsed_content_cache import ParsedContent, ParsedContentCache
from lazr.smtptest.store.sql.row_mapping import build_unindexed_entry, read_integer
from lazr.smtptest.store.sql.schema import contents, mails
from lazr.smtptest.store.sql.unindexed_mail import build_searchable, parse_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, RowMapping

    from lazr.smtptest.mail import Mail
    from lazr.smtptest.store.base import Entry
    from lazr.smtptest.store.searchable_mail import SearchableMail
    from lazr.smtptest.store.tag_rules import TagRules

__all__ = ["PendingMail", "PendingReader"]

# Contents in memory at a time; a larger mail is read alone.
_MAX_BYTES_PER_READ = 1_000_000


class PendingMail(NamedTuple):
    """A mail that is not indexed yet.

    Args:
        row: its row of `mails`.
        content: the results of parsing its content.
        mail: the mail, if this call parsed it; None if the results are from an earlier call.
    """

    row: RowMapping
    content: ParsedContent
    mail: Mail | None

    @property
    def number(self) -> int:
        """The mail's number."""
        return int(self.row["number"])

    @property
    def searchable(self) -> SearchableMail:
        """The mail as searches see it; only for a mail that was read with its index."""
        if self.content.index is None:
            raise ValueError("a mail must be read with its index to be searched; pass with_index=True")
        return build_searchable(self.row, self.content.index, self.content.tags)

    @property
    def entry(self) -> Entry:
        """The mail as lists show it."""
        return build_unindexed_entry(self.row, self.content.summary, self.content.tags)


class PendingReader:
    """A reader of pending mails, which remembers what it has parsed.

    It writes nothing and takes no lock, so it answers while other threads index, and on a full disk.

    Args:
        tag_rules: which tags a mail gets when it is indexed.
    """

    def __init__(self, tag_rules: TagRules) -> None:
        self._tag_rules = tag_rules
        self._cache = ParsedContentCache()

    def read(self, connection: Connection, numbers: Sequence[int]) -> Iterator[PendingMail]:
        """Yield the mails with these numbers, in any order; leave out those that do not exist."""
        for batch in split_into_batches(numbers):
            rows = connection.execute(select(*mails.c).where(mails.c.number.in_(batch))).mappings().all()
            yield from self.read_rows(connection, rows)

    def read_rows(
        self, connection: Connection, rows: Sequence[RowMapping], *, with_index: bool = False
    ) -> Iterator[PendingMail]:
        """Yield the mails with these rows of `mails`, in their order.

        Each is parsed when the caller gets to it.  A mail whose content is missing, by damage of the database, is
        parsed as an empty one.

        Args:
            connection: the snapshot that the rows are from.
            rows: the rows.
            with_index: whether the caller needs `PendingMail.searchable`.
        """
        for batch in _batch_by_size(rows):
            parsed = [(row, self._cache.get(row)) for row in batch]
            missing = [
                row["number"] for row, content in parsed if content is None or (with_index and content.index is None)
            ]
            rows_by_number = self._query_contents(connection, missing)
            for row, content in parsed:
                if row["number"] in rows_by_number:
                    yield self._parse(rows_by_number[row["number"]])
                elif content is not None:
                    yield PendingMail(row, content, None)

    def _query_contents(self, connection: Connection, numbers: Sequence[int]) -> dict[int, RowMapping]:
        if not numbers:
            return {}
        joined = mails.outerjoin(contents, contents.c.number == mails.c.number)
        statement = select(*mails.c, contents.c.content).select_from(joined).where(mails.c.number.in_(numbers))
        return {row["number"]: row for row in connection.execute(statement).mappings()}

    def _parse(self, row: RowMapping) -> PendingMail:
        parsed = parse_row(row, self._tag_rules)
        index, tags = parsed.searchable.index, tuple(parsed.searchable.tags)
        self._cache.add(row, index, tags)
        return PendingMail(row, ParsedContent(index, tags, index), parsed.mail)


def _batch_by_size(rows: Sequence[RowMapping]) -> Iterator[Sequence[RowMapping]]:
    """Yield slices with little content, or of one row."""
    start = size = 0
    for position, row in enumerate(rows):
        row_size = read_integer(row["size"])
        if start < position and size + row_size > _MAX_BYTES_PER_READ:
            yield rows[start:position]
            start, size = position, 0
        size += row_size
    if rows:
        yield rows[start:]
