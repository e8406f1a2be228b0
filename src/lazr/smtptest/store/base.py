"""The store interface, and the values that go in and come out.

A mail goes in as an `Arrival`, whose content nothing has parsed yet; `Store.add` returns when the mail is safe.  Lists
show `Entry` objects.  A store indexes the content later, when it is idle.  Parsing costs more than receiving, so no
SMTP client waits for it.  Lists, totals and single mails cover all mails that were added before the call.  A search for
contents covers the indexed mails and the newest of the others, and counts the rest (`Page.pending`).

`tests/store/contract.py` states the same contract as tests, and every store passes all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self

from lazr.smtptest.store.groups import MAX_GROUPS, GroupField, GroupPage
from lazr.smtptest.store.message_index import ContentSummary
from lazr.smtptest.store.search.terms import EVERYTHING, Search
from lazr.smtptest.store.sort_order import NEWEST_FIRST, SortOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime, timedelta

    from lazr.smtptest.mail import Envelope, Mail
    from lazr.smtptest.store.tag_rules import TagRules

__all__ = [
    "MAX_IDS_PER_CHANGE",
    "Arrival",
    "Change",
    "ChangeKind",
    "Entry",
    "FlaggedMail",
    "MailContent",
    "MatchedMail",
    "OpenedMessage",
    "Page",
    "Retention",
    "Store",
    "Totals",
]

MAX_IDS_PER_CHANGE = 100
"""A change lists at most this many mails.  For more mails there are several changes, or one that lists none."""


# Python's overhead of the objects for a mail and for a recipient, roughly.
_BYTES_PER_ARRIVAL, _BYTES_PER_RECIPIENT = 2_000, 200


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail on its way into a store.

    Args:
        id: the mail's permanent ID, letters and digits; unique in the store.
        received_at: the time of arrival, in seconds since 1970.
        envelope: sender, recipients and facts of the session; stores drop its secrets.
        parts: the content, in the pieces that the network delivered.
        tags: tags that the sender of the arrival adds to those of the content (`X-Tags`).
        folder: the folder of a reading account that it is put into, such as `Sent`; empty for a caught mail.
        owner: the user name, in lower case, of the account that has the folder; empty for a caught mail.
        read: whether the mail is marked as read from the start.
        flags: its system flags, as `Store.set_flags` takes them.

    >>> from lazr.smtptest import Envelope
    >>> envelope = Envelope("", ("ann@example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> Arrival("m1", 1_700_000_000.0, envelope, [b"Subject: Hi\\r\\n\\r\\n", b"Hello\\r\\n"]).size
    22
    """

    id: str
    received_at: float
    envelope: Envelope
    parts: Sequence[bytes]
    tags: tuple[str, ...] = ()
    folder: str = ""
    owner: str = ""
    read: bool = False
    flags: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The length of the content, in bytes."""
        return sum(map(len, self.parts))

    @property
    def memory_size(self) -> int:
        """About how many bytes the content and the envelope take in memory."""
        return self.size + _BYTES_PER_ARRIVAL + _BYTES_PER_RECIPIENT * len(self.envelope.rcpt_tos)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(ContentSummary):
    """A mail as lists show it: a summary of its content, and what the store knows about it.

    Args:
        number: the position in the order of arrival; later mails have greater numbers, with gaps.
        id: the mail's permanent ID.
        received_at: the time of arrival, in UTC.
        size: the length of the content, in bytes.
        envelope: sender, recipients and facts of the session, without secrets.
        read: whether the mail is marked as read.
        tags: the mail's tags, sorted without regard to letter case.
        username: the user that the SMTP session authenticated as; empty without authentication.
        flags: the system flags that IMAP has set, such as `\\Flagged`; without `\\Seen`, which is `read`.
        folder: the folder of a reading account that the mail is in; empty for a caught mail.
        owner: the user name, in lower case, of the account that has the folder; empty for a caught mail.
        mod_seq: the modification sequence: greater than those of all mails before the last change of this mail.
    """

    number: int
    id: str
    received_at: datetime
    size: int
    envelope: Envelope
    read: bool
    tags: tuple[str, ...]
    username: str
    flags: tuple[str, ...] = ()
    folder: str = ""
    owner: str = ""
    mod_seq: int = 1


class OpenedMessage(NamedTuple):
    """One mail: its entry, and the mail itself with content and envelope.

    Both come from one snapshot of the store.  `entry.read` is the mark from before the call that opened it.
    """

    entry: Entry
    mail: Mail


class MatchedMail(NamedTuple):
    """A mail that a search found: its number, its ID, and whether it is marked as read."""

    number: int
    id: str
    read: bool


class FlaggedMail(NamedTuple):
    """What IMAP calls the flags of a mail.

    Args:
        number: the number of the mail.
        id: its permanent ID.
        read: whether it is marked as read.
        flags: its system flags besides that mark.
        tags: its tags.  Those that its content gives it (`X-Tags`) are missing until the mail is indexed.
        mod_seq: its modification sequence.
    """

    number: int
    id: str
    read: bool
    flags: tuple[str, ...]
    tags: tuple[str, ...]
    mod_seq: int


class MailContent(NamedTuple):
    """A mail with its content as it was received, and without what only parsing tells.

    Args:
        number: the number of the mail.
        id: its permanent ID.
        received_at: the time of arrival, in UTC.
        size: the length of the content, in bytes.
        read: whether it is marked as read.
        flags: its system flags besides that mark.
        tags: its tags, as `FlaggedMail` has them.
        mod_seq: its modification sequence.
        envelope: sender, recipients and facts of the session, without secrets.
        content: the content, byte for byte.
    """

    number: int
    id: str
    received_at: datetime
    size: int
    read: bool
    flags: tuple[str, ...]
    tags: tuple[str, ...]
    mod_seq: int
    envelope: Envelope
    content: bytes


class Totals(NamedTuple):
    """How many mails there are, how many of them are unread, and their content in bytes.

    Args:
        mails: how many mails match.
        unread: how many of them are unread.
        size: the content of all of them, in bytes.
        pending: how many mails that are not indexed yet the search has not looked at; 0 without a backlog.
    """

    mails: int
    unread: int
    size: int
    pending: int = 0


class Page(NamedTuple):
    """Some of the mails that a search found, and how many it found in all.

    All figures come from one snapshot of the store.

    Args:
        entries: the mails on the page.
        match_count: how many mails match.
        unread_count: how many of them are unread.
        pending: how many mails that are not indexed yet the search has not looked at; 0 without a backlog.
        is_estimate: whether the two counts are estimates, because so many mails match; the page is exact.
        newest_number: the number of the newest mail that matches, also if it is not on the page; 0 if none does.
    """

    entries: list[Entry]
    match_count: int
    unread_count: int
    pending: int = 0
    is_estimate: bool = False
    newest_number: int = 0


@dataclass(frozen=True, slots=True)
class Retention:
    """Limits on what a store keeps; pruning deletes the oldest mails beyond them.

    Pruning applies the limit on age first, then the one on the number of mails, then the one on bytes.  A clock that
    jumps ahead does not empty a store: one pass deletes at most `max_fraction_by_age` of all mails by age, logs a
    warning, and leaves the rest to the next pass.  `Maintenance` waits an hour between the two.

    Args:
        max_mails: how many mails to keep; None is no limit.
        max_bytes: how many bytes of content to keep; None is no limit.
        max_age: for how long to keep a mail; None is no limit.
        max_fraction_by_age: the part of all mails, 0 to 1, that one pass may delete by age.
    """

    max_mails: int | None = None
    max_bytes: int | None = None
    max_age: timedelta | None = None
    max_fraction_by_age: float = 0.5

    def compute_max_deletions_by_age(self, mail_count: int) -> int:
        """Return how many of `mail_count` mails one pass may delete by age.

        The result is at least 1; otherwise the last mail would stay.

        >>> Retention().compute_max_deletions_by_age(5), Retention().compute_max_deletions_by_age(1)
        (2, 1)
        """
        return max(1, int(mail_count * self.max_fraction_by_age))


ChangeKind = Literal["new", "read", "unread", "tags", "flags", "delete", "prune", "truncate"]


@dataclass(frozen=True, slots=True)
class Change:
    """A change to mails; subscribers on every node get it after the store has committed it.

    - `new`: the mails came in.
    - `read`, `unread`: the mails were marked.
    - `tags`: the mails have other tags.
    - `flags`: the mails have other system flags, or are in another folder.
    - `delete`: the mails were deleted.
    - `prune`: mails were deleted or tags changed; `ids` is empty, as there are too many to list.
    - `truncate`: all mails were deleted.

    Args:
        kind: what happened.
        ids: the mails; empty if there are too many to list.
        arrivals: with `new`, the mails of `ids` themselves, so that a subscriber need not read them.  Empty if another
            process added them.  Their envelopes still have their secrets.
    """

    kind: ChangeKind
    ids: tuple[str, ...] = field(default=())
    arrivals: tuple[Arrival, ...] = field(default=(), compare=False, repr=False)


class Store(Protocol):
    """The interface of all stores: add, list, search, mark and delete mails.

    Thread safety: every method may be called from any thread, concurrently with any other.  Methods block; call them
    from a worker thread in asyncio programs.

    Two parameters mean the same in every method.  `search` selects mails; the empty search selects all.  `ids` selects
    mails by ID; unknown IDs are ignored.  A mail must match both where both are passed.  (In `smtptest serve`, a
    mailbox is a search that its token adds to every call.)

    A search for what only the content says (words, header fields, tags) answers quickly while many mails are not
    indexed: it looks at the newest of them, and counts the others as `pending`.  Changing methods look at all mails.

    Raises:
        StoreUnavailable: from any method, if the database or the file does not respond; a later call may succeed.
        SearchTooSlow: from any method with `search`, if evaluating it takes longer than the store's time limit, or if
            it waits that long for other searches.
    """

    @property
    def url(self) -> str:
        """The location of the mails, for display: without the password."""

    @property
    def is_durable(self) -> bool:
        """Whether mails survive the end of the process."""

    @property
    def tag_rules(self) -> TagRules:
        """Which tags a new mail gets."""

    def open(self) -> None:
        """Open the store; create or upgrade its tables where needed.

        Does nothing if the store is open already.

        Raises:
            StoreTooNew: a later version of this program created the tables.
            StoreInUse: another process has opened a store that only one process can have open.
            StoreUnavailable: the store cannot be opened.
        """

    def close(self) -> None:
        """Close the store and remove all subscribers.  Does nothing if it is closed already."""

    def __enter__(self) -> Self:
        """Open the store."""

    def __exit__(self, *error: object) -> None:
        """Close the store."""

    # -- receiving -----------------------------------------------------------------------------

    def add(self, messages: Sequence[Arrival]) -> None:
        """Add mails, all of them or none.

        After the return, they survive the end of this process (promise P1).

        Pass several arrivals in one call where possible: a durable store then syncs the disk once for all of them.

        Args:
            messages: the mails; they get increasing numbers in this order.

        Raises:
            StoreFull: there is no room for them.
            ValueError: the store has a mail with that ID already.
        """

    def has_room(self, size: int) -> bool:
        """Return whether a mail of `size` bytes would probably be accepted.

        This is cheap enough to call for each mail.
        """

    def index_pending(self, limit: int = 100) -> int:
        """Parse mails that are not indexed yet into entries.

        Args:
            limit: how many mails to parse in this call.

        Returns:
            How many mails are left to index; 0 where another node is indexing.
        """

    def reclaim_space(self) -> bool:
        """Free some of the space that deleted mails still take, for about a fifth of a second.

        Receiving goes on meanwhile.

        Returns:
            Whether there is more to free, so that this should be called again.
        """

    def compact(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Make the store as small as it can be.  Other calls wait, for seconds for each gigabyte.

        Args:
            on_progress: is called with the work that is done, and with all of it.
        """

    def count_pending(self) -> int:
        """Return how many mails are not indexed yet."""

    # -- reading -------------------------------------------------------------------------------

    def get_totals(self, search: Search = EVERYTHING) -> Totals:
        """Count the mails that match."""

    def get_page(
        self,
        search: Search = EVERYTHING,
        *,
        start: int = 0,
        limit: int | None = 50,
        order: SortOrder = NEWEST_FIRST,
    ) -> Page:
        """Return a slice of the mails that match, by default newest first.

        In an order that needs the contents, mails that are not indexed are listed as a search for contents finds them:
        the newest of them are there, and the others count as `pending`.

        Args:
            search: which mails to list.  With a `NumberTerm` of the last number on a page before, the list goes on.
            start: how many of the first to skip.
            limit: how many to return; None returns all.
            order: what the list is sorted by.
        """

    def get_entry(self, id: str, search: Search = EVERYTHING) -> Entry | None:
        """Return the entry of that mail; None if there is no such mail or it does not match."""

    def get_latest(self, search: Search = EVERYTHING) -> Entry | None:
        """Return the entry of the newest mail that matches; None if none does."""

    def get_mail(self, id: str, search: Search = EVERYTHING) -> Mail | None:
        """Return that mail, content and envelope; None if it is missing or does not match.

        Unlike `open_message`, this does not parse the content.
        """

    def open_message(
        self, id: str | None = None, search: Search = EVERYTHING, *, mark_read: bool = False
    ) -> OpenedMessage | None:
        """Return the entry and the mail together, from one snapshot.

        Args:
            id: the mail's ID; None opens the newest mail that matches.
            search: what the mail must match.
            mark_read: mark the mail as read afterwards.  A store that is full leaves the mark and still returns the
                mail.

        Returns:
            The entry, with the mark from before the call, and the mail; None if no mail matches.  Where this call had
            to parse the content for the entry, the mail keeps the result, so the content is parsed once.
        """

    def count_tags(self, search: Search = EVERYTHING) -> dict[str, int]:
        """Return how many of the mails that match have each tag, sorted by tag.

        Tags that differ in letter case only are one tag, written as the oldest of the mails has it.  Of the mails that
        are not indexed, only some of the newest are counted.
        """

    def get_groups(self, by: GroupField, search: Search = EVERYTHING, *, limit: int = MAX_GROUPS) -> GroupPage:
        """Return groups of the mails that match, the group with the newest mail first.

        A mail with several recipients or tags is in several groups.  In large stores, only the newest mails count.

        Args:
            by: what to group by: the recipients of the envelope, or the tags.
            search: which mails to group.
            limit: how many groups to return.
        """

    def get_disk_usage(self) -> int:
        """Return how many bytes the store takes, approximately."""

    def get_entries_after(self, number: int, *, limit: int = 100) -> list[Entry]:
        """Return the entries whose number is greater than `number`, oldest first.

        This is safe for polling with the last number seen: a mail becomes visible here only after all mails with lower
        numbers have been committed.  (Where several processes add mails, numbers are assigned before the commit, so a
        lower number may be committed after a higher one.)

        Args:
            number: the last number that the caller has seen; 0 starts with the oldest mail.
            limit: how many entries to return.
        """

    def find_mails(self, search: Search = EVERYTHING, *, ids: Collection[str] | None = None) -> list[MatchedMail]:
        """Return the mails that a change with these arguments would concern, oldest first.

        Args:
            search: which mails to find.
            ids: find only these mails; None is no limit.
        """

    def get_last_number(self) -> int:
        """Return the number of the newest mail; 0 without mails.

        No mail that becomes visible after this call has this number or a lower one.
        """

    # -- for readers by IMAP and POP3 -------------------------------------------------------------

    def get_next_number(self) -> int:
        """Return a number greater than those of all mails so far, also of deleted ones.

        It never falls.  No mail that becomes visible after this call has a lower number, unless it replaces one.
        """

    def list_numbers(self, search: Search = EVERYTHING, *, unread: bool = False) -> list[int]:
        """Return the numbers of all mails that match, ascending; quick in large stores.

        As in `get_entries_after`, a mail is left out until all mails with lower numbers have been committed.

        Args:
            search: which mails to list.
            unread: list only those that are not marked as read.
        """

    def find_flags(
        self,
        search: Search = EVERYTHING,
        *,
        numbers: Collection[int] | None = None,
        since: int = 0,
        marked: bool = False,
    ) -> list[FlaggedMail]:
        """Return the flags of all matching mails, in the order of their numbers.

        This is quick in large stores.

        Args:
            search: which mails to return.
            numbers: return only mails with these numbers; None is no limit.
            since: return only mails with a modification sequence greater than this.
            marked: return only mails that have system flags or tags.
        """

    def get_mod_seq(self) -> int:
        """Return the modification sequence of the last change; at least 1.

        It grows with each new mail, and each change of read marks, flags and tags.  No change that becomes visible
        after this call has this number or a lower one.
        """

    def read_contents(
        self, numbers: Collection[int], search: Search = EVERYTHING, *, with_content: bool = True
    ) -> list[MailContent]:
        """Return mails with their contents, in the order of their numbers.

        Mails that are gone are left out.  The caller limits the memory that this takes, by asking for few mails at a
        time.

        Args:
            numbers: the numbers of the mails.
            search: what the mails must match.
            with_content: whether to read the contents; without, they are empty, and this is quick.
        """

    # -- changing ------------------------------------------------------------------------------

    def set_read(self, search: Search = EVERYTHING, *, read: bool, ids: Collection[str] | None = None) -> list[str]:
        """Mark mails as read or unread.

        Args:
            search: which mails to mark.
            read: the new mark.
            ids: limit the change to these mails; None is no limit.

        Returns:
            The IDs of the mails whose mark changed.
        """

    def set_flags(
        self,
        ids: Collection[str] | None,
        *,
        add: Collection[str] = (),
        remove: Collection[str] = (),
        replace: Collection[str] | None = None,
        search: Search = EVERYTHING,
    ) -> list[str]:
        r"""Change the system flags of mails: `\Answered`, `\Flagged`, `\Deleted` and `\Draft`.

        `set_read` is for `\Seen`, and `set_tags` for keywords.

        Args:
            ids: the mails; None is no limit.
            add: the flags to set.
            remove: the flags to clear.
            replace: the flags to have instead of all others, before `add` and `remove`; None keeps the others.
            search: limit the change to mails that match.

        Returns:
            The IDs of the mails whose flags changed.

        Raises:
            ValueError: a name is not one of these flags.
        """

    def set_folder(
        self, folder: str, owner: str, search: Search = EVERYTHING, *, ids: Collection[str] | None = None
    ) -> int:
        """Put mails into another folder; they keep their numbers.

        Args:
            folder: the name of the folder; empty makes them caught mails.
            owner: the user name, in lower case, of the account that has the folder; empty for caught mails.
            search: which mails to move.
            ids: limit the change to these mails; None is no limit.

        Returns:
            How many mails are in another folder now.
        """

    def delete(self, search: Search = EVERYTHING, *, ids: Collection[str] | None = None) -> int:
        """Delete mails.

        Args:
            search: which mails to delete.  With the empty search and `ids=None`, that is all mails.
            ids: limit the deletion to these mails; None is no limit.

        Returns:
            How many mails were deleted.
        """

    def set_tags(self, ids: Collection[str], tags: Collection[str], search: Search = EVERYTHING) -> None:
        """Replace all tags of these mails.

        Args:
            ids: the mails.
            tags: the new tags, parsed as `parse_tags` parses them.
            search: limit the change to mails that match.
        """

    def rename_tag(self, tag: str, new: str, search: Search = EVERYTHING) -> int:
        """Rename a tag on all mails that match.

        Args:
            tag: the tag, in any letter case.
            new: its new name.
            search: limit the change to mails that match.

        Returns:
            How many mails had the tag.

        Raises:
            ValueError: `new` is empty or has a comma.
        """

    def delete_tag(self, tag: str, search: Search = EVERYTHING) -> int:
        """Remove a tag from all mails that match; return how many mails had it.

        Letter case does not count.
        """

    def prune(self, retention: Retention, now: float) -> int:
        """Delete the oldest mails beyond the limits, in steps short enough to keep receiving fast.

        Args:
            retention: the limits.
            now: the current time, in seconds since 1970; ages are counted from it.

        Returns:
            How many mails were deleted.  Where several processes share a store, one of them prunes at a time, and the
            others return 0.
        """

    # -- notes ---------------------------------------------------------------------------------

    def get_note(self, key: str) -> str | None:
        """Return the text of the note `key`, or None without such a note.

        Deleting mails keeps notes.
        """

    def compare_and_set_note(self, key: str, value: str, *, expected: str | None) -> bool:
        """Store a short text that other calls and other processes can read.

        The text is durable when this returns.

        Args:
            key: the name of the note.
            value: the new text.
            expected: the text that `value` replaces; None expects that there is no note.

        Returns:
            Whether the note was stored.  False means that the note had another text than `expected`.  Of several
            concurrent callers with the same `expected`, on any nodes, exactly one gets True.
        """

    # -- subscribing ---------------------------------------------------------------------------

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` for every change, in order, one call at a time.

        The calls come from a thread of the store, or from one that changes mails.  The listener must not block.  If it
        raises, the store logs that and still calls the other listeners.

        Returns:
            A function that ends the subscription; calling it twice does no harm.
        """
