"""Groups of mails: by recipient, or by tag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.store.message_index import build_envelope_addresses

if TYPE_CHECKING:
    from datetime import datetime

    from lazr.smtptest.mail import Envelope

__all__ = ["MAX_GROUPS", "GroupCounter", "GroupField", "GroupPage", "MailGroup", "list_recipients"]

GroupField = Literal["recipient", "tag"]
"""What mails can be grouped by."""

MAX_GROUPS = 1000
"""How many groups a store returns by default."""

# Counting ends after this time, or with this many groups: a mail may have 1,000 recipients.
_MAX_SECONDS, _MAX_COUNTED_GROUPS = 0.4, 100_000
# The time limit does not apply to the first additions, so that small stores answer exactly on slow machines too.
_MIN_ADDITIONS = 2_000


class MailGroup(NamedTuple):
    """The mails with the same recipient or tag.

    Args:
        name: the folded address of the recipient; or the tag, written as the oldest of the mails has it.
        mails: how many mails the group has.
        unread: how many of them are unread.
        latest: when the newest of them arrived, in UTC.
    """

    name: str
    mails: int
    unread: int
    latest: datetime


class GroupPage(NamedTuple):
    """The groups of the mails that a search found, the group with the newest mail first.

    Args:
        groups: the groups.
        is_estimate: whether older mails, or mails that are not indexed yet, are not counted, because there are so many.
        has_more: whether there are more groups.
    """

    groups: list[MailGroup]
    is_estimate: bool
    has_more: bool


class _Counts:
    """The counts of one group, and the numbers of its newest and oldest mails."""

    __slots__ = ("mails", "name", "newest", "oldest", "unread")

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.mails = self.unread = 0
        self.newest = self.oldest = number


class GroupCounter:
    """Counts the mails of groups, and chooses the groups with the newest mails.

    Its time begins with the first mail.

    >>> counter = GroupCounter()
    >>> counter.add("a", "A", 1, 1, newest=3)
    >>> counter.add("a", "a", 2, 0, newest=2, oldest=1)
    >>> [(group.name, group.mails, group.unread, group.newest) for group in counter.choose(10)]
    [('a', 3, 1, 3)]
    """

    def __init__(self) -> None:
        self._counts: dict[str, _Counts] = {}
        self._additions = 0
        self._deadline = 0.0

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def is_full(self) -> bool:
        """Whether no more mails should be counted: there are many groups, or the time is over."""
        if len(self._counts) >= _MAX_COUNTED_GROUPS:
            return True
        return self._additions > _MIN_ADDITIONS and monotonic() > self._deadline

    def add(self, key: str, name: str, mails: int, unread: int, *, newest: int, oldest: int | None = None) -> None:
        """Count mails of a group.

        Args:
            key: what identifies the group.
            name: the name of the group, as the oldest of these mails has it.
            mails: how many mails to add.
            unread: how many of them are unread.
            newest: the number of the newest of them.
            oldest: the number of the oldest of them; None if there is only one.
        """
        if not self._additions:
            self._deadline = monotonic() + _MAX_SECONDS
        self._additions += 1
        oldest = newest if oldest is None else oldest
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = _Counts(name, newest)
            counts.oldest = oldest
        counts.mails += mails
        counts.unread += unread
        counts.newest = max(counts.newest, newest)
        if oldest < counts.oldest:
            counts.name, counts.oldest = name, oldest

    def choose(self, limit: int) -> list[_Counts]:
        """Return the groups with the newest mails, at most `limit`.

        Groups with the same newest mail come in the order of their keys.
        """
        chosen = sorted(self._counts.items(), key=lambda item: (-item[1].newest, item[0]))[:limit]
        return [counts for _, counts in chosen]


def list_recipients(envelope: Envelope) -> list[str]:
    """Return the folded addresses of the recipients, each once.

    >>> from lazr.smtptest import Envelope
    >>> list_recipients(Envelope("", ("B@b.example", "b@B.example"), mail_parameters={}, rcpt_parameters=({}, {})))
    ['b@b.example']
    """
    return list(dict.fromkeys(address for field, address in build_envelope_addresses(envelope) if field == "recipient"))
