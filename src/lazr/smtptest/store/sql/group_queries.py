"""Group mails in an SQL store: by recipient, or by tag."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from lazr.smtptest.store.groups import GroupCounter, GroupPage, MailGroup, list_recipients
from lazr.smtptest.store.parsing_budget import MAX_SCAN_SECONDS
from lazr.smtptest.store.search.term_kinds import has_content_terms
from lazr.smtptest.store.sql.backlog_scan import BacklogScan
from lazr.smtptest.store.sql.conditions import needs_index
from lazr.smtptest.store.sql.database import split_into_batches
from lazr.smtptest.store.sql.json_codec import decode_json
from lazr.smtptest.store.sql.match_stream import MatchStream
from lazr.smtptest.store.sql.row_mapping import decode_stored_envelope, decode_timestamp, read_bytes, read_text
from lazr.smtptest.store.sql.schema import mails, pending, tags
from lazr.smtptest.store.text_normalization import fold, make_storable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from lazr.smtptest.store.groups import GroupField
    from lazr.smtptest.store.search.terms import Search
    from lazr.smtptest.store.sql.backlog_scan import BacklogMatch
    from lazr.smtptest.store.sql.conditions import ConditionBuilder
    from lazr.smtptest.store.sql.pending_reader import PendingReader
    from lazr.smtptest.store.sql.queries import MessageQueries

__all__ = ["GroupQueries"]

# Groups count the newest mails only, if more match: without a search for contents, and with one.
_MAX_GROUPED_MAILS, _MAX_SEARCHED_MAILS = 200_000, 5_000
# So many different lists of recipients are read, the newest first.
_MAX_RECIPIENT_LISTS = 5_000
# A list may have 1,000 addresses, so few are in memory at a time.
_LISTS_PER_FETCH = 20

_IS_INDEXED = mails.c.number.not_in(select(pending.c.number))


class _Selection(NamedTuple):
    """The mails to group: indexed ones by conditions, and pending ones.

    `is_partial` is true if more mails match.
    """

    conditions: Sequence[ColumnElement[bool]]
    pending_matches: Sequence[BacklogMatch]
    is_partial: bool


class GroupQueries:
    """The method of an SQL store that groups mails, from one snapshot.

    Args:
        queries: opens snapshots.
        condition_builder: translates searches for the database.
        pending_reader: parses mails that are not indexed.
    """

    def __init__(
        self, queries: MessageQueries, condition_builder: ConditionBuilder, pending_reader: PendingReader
    ) -> None:
        self._queries = queries
        self._condition_builder = condition_builder
        self._pending_reader = pending_reader

    def get_groups(self, by: GroupField, search: Search, limit: int) -> GroupPage:
        """Return groups of the mails that match, the group with the newest mail first."""
        with self._queries.open_search(search, needs_content=by == "tag") as connection:
            selection = self._select(connection, search, must_parse=by == "tag")
            counter = GroupCounter()
            is_partial = selection.is_partial
            if by == "tag":
                self._count_tags(connection, selection, counter)
            else:
                is_partial |= self._count_recipients(connection, selection, counter)
            chosen = counter.choose(limit)
            times = self._query_times(connection, [counts.newest for counts in chosen])
        groups = [
            MailGroup(counts.name, counts.mails, counts.unread, times[counts.newest])
            for counts in chosen
            if counts.newest in times
        ]
        return GroupPage(groups, is_partial, len(counter) > limit)

    def _select(self, connection: Connection, search: Search, *, must_parse: bool) -> _Selection:
        if has_content_terms(search):
            found = MatchStream(self._condition_builder, connection, search).find(_MAX_SEARCHED_MAILS)
            conditions = [self._condition_builder.build_number_among([mail.number for mail in found.newest])]
            is_partial = found.match_count > len(found.newest)
        else:
            conditions = self._condition_builder.build(search)
            newest = select(mails.c.number).where(*conditions).order_by(mails.c.number.desc())
            first = connection.scalar(newest.offset(_MAX_GROUPED_MAILS).limit(1))
            is_partial = first is not None
            if first is not None:
                conditions.append(mails.c.number > first)
            if not must_parse and not needs_index(search):
                return _Selection(conditions, (), is_partial)
            conditions.append(_IS_INDEXED)
        scan = BacklogScan(
            self._pending_reader,
            self._condition_builder,
            connection,
            search,
            seconds=MAX_SCAN_SECONDS,
            must_parse=must_parse,
        )
        pending_matches = list(scan)
        return _Selection(conditions, pending_matches, is_partial or scan.skipped > 0)

    # -- by tag ----------------------------------------------------------------------------------

    def _count_tags(self, connection: Connection, selection: _Selection, counter: GroupCounter) -> None:
        unread = func.count().filter(mails.c.read.is_(False))
        newest, oldest = func.max(mails.c.number), func.min(mails.c.number)
        statement = (
            select(tags.c.folded, func.count(), unread, newest, oldest)
            .join_from(tags, mails, mails.c.number == tags.c.number)
            .where(*selection.conditions)
            .group_by(tags.c.folded)
        )
        rows = connection.execute(statement).all()
        names = self._query_names(connection, [row[-1] for row in rows])
        for folded, count, unread_count, last, first in rows:
            key = read_text(folded)
            counter.add(key, names.get((first, key), key), count, unread_count, newest=last, oldest=first)
        for match in selection.pending_matches:
            for tag in () if match.content is None else match.content.tags:
                counter.add(fold(tag), tag, 1, not match.read, newest=match.number)

    def _query_names(self, connection: Connection, numbers: Sequence[int]) -> dict[tuple[int, str], str]:
        """Return the tags of mails as these write them, by number and folded tag."""
        return {
            (number, read_text(folded)): read_text(tag)
            for batch in split_into_batches(list(dict.fromkeys(numbers)))
            for number, folded, tag in connection.execute(select(*tags.c).where(tags.c.number.in_(batch)))
        }

    # -- by recipient ----------------------------------------------------------------------------

    def _count_recipients(self, connection: Connection, selection: _Selection, counter: GroupCounter) -> bool:
        """Count the mails of each recipient, and return whether some are not counted."""
        # Mails with the same recipients have the same bytes there, so few envelopes have to be decoded.
        recipients = self._condition_builder.build_recipient_list().label("recipients")
        chosen = select(mails.c.number, mails.c.read, recipients).where(*selection.conditions).subquery()
        unread, newest = func.count().filter(chosen.c.read.is_(False)), func.max(chosen.c.number)
        statement = select(chosen.c.recipients, func.count(), unread, newest).group_by(chosen.c.recipients)
        statement = statement.order_by(newest.desc()).limit(_MAX_RECIPIENT_LISTS + 1)
        for match in selection.pending_matches:
            if counter.is_full:
                return True
            for address in list_recipients(decode_stored_envelope(match.row["envelope"])):
                counter.add(address, address, 1, not match.read, newest=match.number)
        options = {"yield_per": _LISTS_PER_FETCH}
        with connection.execute(statement, execution_options=options) as rows:
            for position, (data, count, unread_count, last) in enumerate(rows):
                if counter.is_full or position == _MAX_RECIPIENT_LISTS:
                    return True
                for address in self._decode_recipients(connection, data, last):
                    counter.add(address, address, count, unread_count, newest=last)
        return False

    def _decode_recipients(self, connection: Connection, data: object, number: int) -> Iterator[str]:
        """Yield the folded addresses of a list of recipients, each once.

        Args:
            connection: the snapshot.
            data: the bytes between the brackets of the list.
            number: the number of a mail with these recipients.
        """
        try:
            recipients = decode_json(b"[" + read_bytes(data) + b'"]')
            yield from dict.fromkeys(fold(make_storable(recipient)) for recipient in recipients)
        except (ValueError, TypeError, RecursionError, AttributeError):  # no recipient, or one with a quote
            envelope = connection.scalar(select(mails.c.envelope).where(mails.c.number == number))
            yield from list_recipients(decode_stored_envelope(envelope))

    def _query_times(self, connection: Connection, numbers: Sequence[int]) -> dict[int, datetime]:
        return {
            number: decode_timestamp(received_at)
            for batch in split_into_batches(numbers)
            for number, received_at in connection.execute(
                select(mails.c.number, mails.c.received_at).where(mails.c.number.in_(batch))
            )
        }
