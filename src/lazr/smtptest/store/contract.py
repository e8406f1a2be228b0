"""The contract of a store: what it keeps of a mail, and what can be asked of it.

A mail comes in as an `Arrival`, whose content nobody has read; `Store.add` returns when it is safe.  Lists show
`Entry`s, which are read out of the content later, when the store has time or somebody asks: reading costs more
than receiving, and no client waits for it.  Nobody sees the difference: whatever is asked, is asked of all that
was added before.

`tests/store/contract.py` is the same contract as tests; every store passes all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self

from lazr.smtptest.store.search import EVERYTHING, Search

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime, timedelta

    from lazr.smtptest.mail.envelope import Envelope
    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.mail.mime.address import Address

__all__ = ["NAMED", "Arrival", "Change", "Entry", "Page", "Retention", "Store", "Totals"]

# A change names at most so many mails; of more, there are several, or one that names none.
NAMED = 100


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail on its way into a store.

    - `id`: its name for ever, letters and digits.
    - `received_at`: seconds since 1970.
    - `parts`: the content, in the pieces that came.
    - `tags`: what whoever brought it calls it; the content's own (`X-Tags`) come in addition.
    """

    id: str
    received_at: float
    envelope: Envelope
    parts: Sequence[bytes]
    tags: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The content's octets."""
        return sum(map(len, self.parts))


@dataclass(frozen=True, slots=True)
class Entry:
    """A mail as lists show it.

    - `number`: its place in the order of arrival; later ones have greater ones, not always the next.
    - `from_`: the header's first; None where there is none.  `to`, `cc`, `reply_to`: the header's.
    - `bcc`: the envelope's recipients that no header field names.
    - `message_id`: without its angle brackets.
    - `username`: the user that the session was authenticated as; empty where there was none.
    - `tags`: sorted, letter case ignored.
    - `attachments`, `inlines`: how many.
    - `snippet`: the start of the text, at most 250 characters, white space folded.
    """

    number: int
    id: str
    received_at: datetime
    size: int
    envelope: Envelope
    read: bool
    tags: tuple[str, ...]
    message_id: str
    from_: Address | None
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    subject: str
    username: str
    attachments: int
    inlines: int
    snippet: str


class Totals(NamedTuple):
    """How much there is: mails, those not yet read, and octets of content."""

    mails: int
    unread: int
    size: int


class Page(NamedTuple):
    """Some of the mails that a search found, newest first; and how many it found, and of those how many unread.

    All of one moment, whatever comes and goes meanwhile.
    """

    entries: list[Entry]
    matched: int
    unread: int


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept at most; None is no limit.  The oldest go first, by the order of arrival.

    By age first, then by number, then by size.  A clock that jumps ahead does not empty a store: by age, at most
    `most_at_once` of all mails go in one go (and the log says so), the rest at the next; `Tidying` lets an hour pass
    between the two.
    """

    mails: int | None = None
    size: int | None = None
    age: timedelta | None = None
    most_at_once: float = 0.5

    def most_by_age(self, mails: int) -> int:
        """How many of so many mails may go by age in one go; never none, or the last one would stay for ever.

        >>> Retention().most_by_age(5), Retention().most_by_age(1)
        (2, 1)
        """
        return max(1, int(mails * self.most_at_once))


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened to mails; whoever subscribed hears of it when it is in the store, on every node.

    - `new`: these came in.
    - `read`, `unread`: these were marked.  `tags`: these have other tags.
    - `delete`: these are gone.  `prune`: some are gone, too many to name, or tags changed everywhere.
    - `truncate`: all are gone.
    """

    kind: Literal["new", "read", "unread", "tags", "delete", "prune", "truncate"]
    ids: tuple[str, ...] = field(default=())


class Store(Protocol):
    """Keeps mails.  Every method may be called from any thread, at the same time as any other.

    `search` is what to look for, an empty one finds all; `ids` are names of mails, those that are not there are
    passed over.  Where both may be given, both must hold.  (A mailbox, in `smtptest serve`, is a search that its
    token adds to everything.)

    Any method raises `StoreUnavailable` when what the store keeps its mails in does not answer, and works again
    when that does; `SearchTooSlow` when a search takes too long.
    """

    @property
    def url(self) -> str:
        """Where the mails are, for people; without a password."""

    @property
    def durable(self) -> bool:
        """Whether mails outlive the process."""

    def open(self) -> None:
        """Be ready, making or upgrading what the mails are kept in.

        Raises `StoreTooNew` where a later version of this program made it, `StoreInUse` where another process has
        it and only one can, `StoreUnavailable` where it cannot be opened.
        """

    def close(self) -> None:
        """Let go of everything; closing twice does no harm."""

    def __enter__(self) -> Self:
        """Open it."""

    def __exit__(self, *error: object) -> None:
        """Close it."""

    # -- receiving -----------------------------------------------------------------------------

    def add(self, arrivals: Sequence[Arrival]) -> None:
        """Keep these, all of them or none.  When it returns, they survive the end of this process (promise P1).

        Whoever calls it often puts several arrivals in one call: a durable store then has them on disk at the cost
        of one.  Raises `StoreFull` where there is no room.
        """

    def has_room(self, octets: int) -> bool:
        """Whether so many octets would be kept, as well as it can be told without keeping them; quick to ask."""

    def catch_up(self, most: int = 100) -> int:
        """Read up to so many mails that nobody has read yet into entries; how many are left."""

    # -- reading -------------------------------------------------------------------------------

    def totals(self, search: Search = EVERYTHING) -> Totals:
        """How much there is of what is looked for."""

    def page(self, search: Search = EVERYTHING, *, start: int = 0, limit: int | None = 50) -> Page:
        """Newest first, from the `start`-th (the first is 0), at most `limit`; None is no limit."""

    def entry(self, id: str, search: Search = EVERYTHING) -> Entry | None:
        """The mail of that name, as lists show it; None where it is not there, or is not looked for."""

    def latest(self, search: Search = EVERYTHING) -> Entry | None:
        """The newest of what is looked for; None where there is none."""

    def mail(self, id: str, search: Search = EVERYTHING) -> Mail | None:
        """The mail itself, content and envelope; None where it is not there, or is not looked for."""

    def tags(self, search: Search = EVERYTHING) -> dict[str, int]:
        """All tags that a mail has, and how many have each; sorted, letter case ignored."""

    def size_on_disk(self) -> int:
        """Octets that the store takes, as well as it can tell."""

    def after(self, number: int, *, limit: int = 100) -> list[Entry]:
        """The mails whose number is greater than that, oldest first, at most `limit`.

        Whoever asks again with the last number that came misses none: a mail is only here when no smaller number
        can come any more.  (Where several processes add at once, a number may be given before another, and be
        committed behind it.)
        """

    # -- changing ------------------------------------------------------------------------------

    def mark(self, search: Search = EVERYTHING, *, read: bool, ids: Collection[str] | None = None) -> list[str]:
        """Mark as read or unread; the names of those that were not so before."""

    def delete(self, search: Search = EVERYTHING, *, ids: Collection[str] | None = None) -> int:
        """Delete; how many were there."""

    def set_tags(self, ids: Collection[str], tags: Collection[str], search: Search = EVERYTHING) -> None:
        """These mails have these tags from now on, and no other ones, as `tags_of` reads them."""

    def rename_tag(self, tag: str, new: str, search: Search = EVERYTHING) -> int:
        """Call a tag something else, wherever it is; on how many mails it was.

        Raises `ValueError` where `new` is empty, or has a comma.
        """

    def delete_tag(self, tag: str, search: Search = EVERYTHING) -> int:
        """Take a tag off all mails; on how many it was."""

    def prune(self, retention: Retention, now: float) -> int:
        """Delete what is more than is to be kept, in steps short enough that nobody waits; how many went.

        `now` is in seconds since 1970.  Where several processes share a store, one of them prunes, the others return 0.
        """

    # -- notes ---------------------------------------------------------------------------------

    def recall(self, key: str) -> str | None:
        """What was last remembered under that key; None where nothing was.  Deleting mails deletes no notes."""

    def remember(self, key: str, value: str, *, instead_of: str | None) -> bool:
        """Keep a short text for whoever asks later, in another process too; as safe as mails are when it returns.

        It takes the place of `instead_of` (None: of nothing).  Where something else is there by now, that stays, and
        the answer is False: of several who try at once, on any node, one succeeds.
        """

    # -- hearing -------------------------------------------------------------------------------

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Have it called, in some thread, for each change, in order; what is returned ends that.

        It must not block.  If it raises, the log has that, and the others hear all the same (`audience.py`).
        """
