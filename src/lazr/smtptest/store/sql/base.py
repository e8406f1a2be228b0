"""`SqlStore`: the store interface on an SQL database, put together from parts.

`Indexer` parses mails, `MessageQueries` and `FlagQueries` read lists, `MessageReader` reads one mail, `MessageChanges`
and `Deleter` change, `Pruner` applies limits, `Notes` keeps notes.  All of them work on a `Database`, which hides what
differs between SQLite and PostgreSQL.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING

from lazr.smtptest.errors import StoreFull
from lazr.smtptest.store.groups import MAX_GROUPS, GroupField, GroupPage
from lazr.smtptest.store.search.terms import EVERYTHING, Search
from lazr.smtptest.store.search_limit import SearchLimit
from lazr.smtptest.store.sort_order import NEWEST_FIRST, SortOrder
from lazr.smtptest.store.sql.changes import MessageChanges
from lazr.smtptest.store.sql.entry_reader import EntryReader
from lazr.smtptest.store.sql.flag_queries import FlagQueries
from lazr.smtptest.store.sql.group_queries import GroupQueries
from lazr.smtptest.store.sql.indexer import Indexer
from lazr.smtptest.store.sql.message_reader import MessageReader
from lazr.smtptest.store.sql.notes import Notes
from lazr.smtptest.store.sql.pending_reader import PendingReader
from lazr.smtptest.store.sql.pruner import Pruner
from lazr.smtptest.store.sql.queries import MessageQueries
from lazr.smtptest.store.store_base import StoreBase
from lazr.smtptest.store.tags import parse_single_tag
from lazr.smtptest.store.text_normalization import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lazr.smtptest.mail import Mail
    from lazr.smtptest.store.base import (
        Arrival,
        Entry,
        FlaggedMail,
        MailContent,
        MatchedMail,
        OpenedMessage,
        Page,
        Retention,
        Totals,
    )
    from lazr.smtptest.store.sql.conditions import ConditionBuilder
    from lazr.smtptest.store.sql.database import Database
    from lazr.smtptest.store.sql.deleter import Deleter
    from lazr.smtptest.store.subscribers import Subscribers
    from lazr.smtptest.store.tag_rules import TagRules

__all__ = ["SqlStore"]


class SqlStore(StoreBase):
    """A store on an SQL database; subclasses open the database and add mails.

    Args:
        database: reads and writes the tables.
        condition_builder: translates searches for this database.
        deleter: deletes mails from this database.
        subscribers: those to notify of changes; the database notifies them too.
        indexer: indexes the mails of this database; None makes one.
        tag_rules: which tags a mail gets when it is indexed; None takes those of its X-Tags fields.
        search_limit: limits how many searches run at a time; None makes one.
    """

    def __init__(
        self,
        database: Database,
        condition_builder: ConditionBuilder,
        deleter: Deleter,
        subscribers: Subscribers,
        *,
        indexer: Indexer | None = None,
        tag_rules: TagRules | None = None,
        search_limit: SearchLimit | None = None,
    ) -> None:
        super().__init__(subscribers)
        self._indexer = indexer or Indexer(database, tag_rules=tag_rules)
        pending_reader = PendingReader(self._indexer.tag_rules)
        entry_reader = EntryReader(pending_reader)
        self._search_limit = search_limit or SearchLimit()
        self._queries = MessageQueries(
            database,
            self._indexer,
            condition_builder,
            pending_reader=pending_reader,
            entry_reader=entry_reader,
            search_limit=self._search_limit,
        )
        self._flag_queries = FlagQueries(database, condition_builder, self._queries)
        self._group_queries = GroupQueries(self._queries, condition_builder, pending_reader)
        self._messages = MessageReader(database, condition_builder, pending_reader, entry_reader, self._queries)
        self._deleter = deleter
        self._changes = MessageChanges(database, self._indexer, self._queries, deleter)
        self._pruner = Pruner(database, self._queries, deleter)
        self._notes = Notes(database)

    @property
    def is_durable(self) -> bool:
        """Whether mails survive the end of the process; always True."""
        return True

    @property
    def tag_rules(self) -> TagRules:
        """Which tags a new mail gets."""
        return self._indexer.tag_rules

    # -- receiving -------------------------------------------------------------------------------

    @abstractmethod
    def add(self, messages: Sequence[Arrival]) -> None:
        """Add mails, all of them or none; see `Store.add`."""

    @abstractmethod
    def has_room(self, size: int) -> bool:
        """Return whether a mail of `size` bytes would probably be accepted."""

    @abstractmethod
    def get_disk_usage(self) -> int:
        """Return how many bytes the store takes."""

    def index_pending(self, limit: int = 100) -> int:
        """Parse mails that are not indexed yet; see `Store.index_pending`."""
        return self._indexer.index_pending(limit)

    def count_pending(self) -> int:
        """Return how many mails are not indexed yet."""
        return self._queries.count_pending()

    # -- reading ---------------------------------------------------------------------------------

    def get_totals(self, search: Search = EVERYTHING) -> Totals:
        """Count the mails that match."""
        return self._queries.get_totals(search)

    def get_page(
        self,
        search: Search = EVERYTHING,
        *,
        start: int = 0,
        limit: int | None = 50,
        order: SortOrder = NEWEST_FIRST,
    ) -> Page:
        """Return a slice of the mails that match; see `Store.get_page`."""
        return self._queries.get_page(search, start, limit, order)

    def get_entry(self, id: str, search: Search = EVERYTHING) -> Entry | None:
        """Return the entry of that mail; None if there is no such mail or it does not match."""
        return self._messages.get_entry(id, search)

    def get_latest(self, search: Search = EVERYTHING) -> Entry | None:
        """Return the entry of the newest mail that matches; None if none does."""
        return self._messages.get_entry(None, search)

    def get_mail(self, id: str, search: Search = EVERYTHING) -> Mail | None:
        """Return that mail; None if there is no such mail or it does not match."""
        return self._messages.get_mail(id, search)

    def open_message(
        self, id: str | None = None, search: Search = EVERYTHING, *, mark_read: bool = False
    ) -> OpenedMessage | None:
        """Return the entry and the mail together; see `Store.open_message`."""
        opened = self._messages.open_message(id, search)
        if opened is not None and mark_read and not opened.entry.read:
            with suppress(StoreFull):  # the mail can be read all the same
                self._changes.set_read_by_number([opened.entry.number], read=True)
        return opened

    def count_tags(self, search: Search = EVERYTHING) -> dict[str, int]:
        """Return how many of the mails that match have each tag; see `Store.count_tags`."""
        return self._queries.count_tags(search)

    def get_groups(self, by: GroupField, search: Search = EVERYTHING, *, limit: int = MAX_GROUPS) -> GroupPage:
        """Return groups of the mails that match; see `Store.get_groups`."""
        return self._group_queries.get_groups(by, search, limit)

    def get_entries_after(self, number: int, *, limit: int = 100) -> list[Entry]:
        """Return the entries whose number is greater than `number`, oldest first."""
        return self._queries.get_entries_after(number, limit)

    def find_mails(self, search: Search = EVERYTHING, *, ids: Collection[str] | None = None) -> list[MatchedMail]:
        """Return all mails that a change would concern; see `Store.find_mails`."""
        return self._queries.find_matches(search, ids)

    def get_last_number(self) -> int:
        """Return the number of the newest mail; see `Store.get_last_number`."""
        return self._queries.get_last_number()

    # -- for readers by IMAP and POP3 -------------------------------------------------------------

    def get_next_number(self) -> int:
        """Return a number greater than all so far; see `Store.get_next_number`."""
        return self._flag_queries.get_next_number()

    def list_numbers(self, search: Search = EVERYTHING, *, unread: bool = False) -> list[int]:
        """Return the numbers of all mails that match, ascending; see `Store.list_numbers`."""
        return self._flag_queries.list_numbers(search, unread=unread)

    def find_flags(
        self,
        search: Search = EVERYTHING,
        *,
        numbers: Collection[int] | None = None,
        since: int = 0,
        marked: bool = False,
    ) -> list[FlaggedMail]:
        """Return the flags of all mails that match; see `Store.find_flags`."""
        return self._flag_queries.find_flags(search, numbers, since, marked=marked)

    def get_mod_seq(self) -> int:
        """Return the modification sequence of the last change; see `Store.get_mod_seq`."""
        return self._flag_queries.get_mod_seq()

    def read_contents(
        self, numbers: Collection[int], search: Search = EVERYTHING, *, with_content: bool = True
    ) -> list[MailContent]:
        """Return mails with their contents; see `Store.read_contents`."""
        return self._flag_queries.read_contents(numbers, search, with_content=with_content)

    # -- changing --------------------------------------------------------------------------------

    def set_read(self, search: Search = EVERYTHING, *, read: bool, ids: Collection[str] | None = None) -> list[str]:
        """Mark mails as read or unread; see `Store.set_read`."""
        return self._changes.set_read(search, ids, read=read)

    def set_flags(
        self,
        ids: Collection[str] | None,
        *,
        add: Collection[str] = (),
        remove: Collection[str] = (),
        replace: Collection[str] | None = None,
        search: Search = EVERYTHING,
    ) -> list[str]:
        """Change the system flags of mails; see `Store.set_flags`."""
        return self._changes.set_flags(search, ids, add=add, remove=remove, replace=replace)

    def set_folder(
        self, folder: str, owner: str, search: Search = EVERYTHING, *, ids: Collection[str] | None = None
    ) -> int:
        """Put mails into another folder; see `Store.set_folder`."""
        return len(self._changes.set_folder(search, ids, folder, owner))

    def delete(self, search: Search = EVERYTHING, *, ids: Collection[str] | None = None) -> int:
        """Delete mails; see `Store.delete`."""
        if not search and ids is None:
            return self._deleter.delete_all()
        return self._changes.delete(search, ids)

    def set_tags(self, ids: Collection[str], tags: Collection[str], search: Search = EVERYTHING) -> None:
        """Replace all tags of these mails; see `Store.set_tags`."""
        self._changes.set_tags(ids, tags, search)

    def rename_tag(self, tag: str, new: str, search: Search = EVERYTHING) -> int:
        """Rename a tag; see `Store.rename_tag`."""
        return self._changes.replace_tag(fold(tag), parse_single_tag(new), search)

    def delete_tag(self, tag: str, search: Search = EVERYTHING) -> int:
        """Remove a tag; see `Store.delete_tag`."""
        return self._changes.replace_tag(fold(tag), None, search)

    def prune(self, retention: Retention, now: float) -> int:
        """Delete the oldest mails beyond the limits; see `Store.prune`."""
        return self._pruner.prune(retention, now)

    # -- notes -----------------------------------------------------------------------------------

    def get_note(self, key: str) -> str | None:
        """Return the text of the note `key`, or None without such a note."""
        return self._notes.get(key)

    def compare_and_set_note(self, key: str, value: str, *, expected: str | None) -> bool:
        """Store a short text; see `Store.compare_and_set_note`."""
        return self._notes.compare_and_set(key, value, expected)
