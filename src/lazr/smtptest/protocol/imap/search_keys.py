"""The keys of SEARCH, SORT and THREAD (RFC 9051 6.4.4) as values."""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime as dt
    from typing import Literal

    from lazr.smtptest.protocol.imap.sequence_set import SequenceSet

    DateComparison = Literal["BEFORE", "ON", "SINCE"]
    TextKind = Literal["TEXT", "BODY", "SUBJECT", "FROM", "TO", "CC", "BCC", "HEADER"]

__all__ = [
    "MAX_SEARCH_DEPTH",
    "MAX_SEARCH_KEYS",
    "MAX_TEXT_KEYS",
    "AgeKey",
    "AllKey",
    "AndKey",
    "DateKey",
    "FlagKey",
    "ModSeqKey",
    "NotKey",
    "OrKey",
    "SequenceKey",
    "SizeKey",
    "TextKey",
]

MAX_SEARCH_DEPTH = 100  # parentheses, NOT and OR within each other
MAX_SEARCH_KEYS = 500
MAX_TEXT_KEYS = 32  # BODY and TEXT: each one looks through the whole message


class AllKey(NamedTuple):
    """ALL: every message."""

    name: str = "ALL"


class AndKey(NamedTuple):
    """All of these keys match; there is at least one."""

    keys: tuple[SearchKey, ...]


class OrKey(NamedTuple):
    """OR: one of two keys matches, or both."""

    left: SearchKey
    right: SearchKey


class NotKey(NamedTuple):
    """NOT: the key does not match."""

    key: SearchKey


class FlagKey(NamedTuple):
    r"""ANSWERED, KEYWORD, UNSEEN and the like: whether a flag or keyword is set.

    OLD and RECENT are about the flag `\Recent`, and NEW is an `AndKey` with it (RFC 3501 6.4.4).
    """

    flag: str
    is_set: bool


class DateKey(NamedTuple):
    """BEFORE, ON and SINCE: the day of arrival; with `is_sent`, the day in the Date field."""

    comparison: DateComparison
    day: dt.date
    is_sent: bool = False


class SizeKey(NamedTuple):
    """LARGER and SMALLER: the size in octets, which is not included."""

    is_larger: bool
    size: int


class TextKey(NamedTuple):
    """BODY, TEXT, HEADER and the like: a text without regard to case; "" is in every text.

    `kind` and `name` are those of `Folder.search_text`.
    """

    kind: TextKind
    text: str
    name: str = ""


class SequenceKey(NamedTuple):
    """A sequence set, or UID with a set."""

    messages: SequenceSet
    is_uid: bool = False


class ModSeqKey(NamedTuple):
    """MODSEQ: the modification sequence is at least this (RFC 7162 3.1.5)."""

    mod_seq: int


class AgeKey(NamedTuple):
    """OLDER and YOUNGER: the time since the arrival (RFC 5032 3)."""

    is_older: bool
    seconds: int


if TYPE_CHECKING:
    SearchKey = (
        AllKey | AndKey | OrKey | NotKey | FlagKey | DateKey | SizeKey | TextKey | SequenceKey | ModSeqKey | AgeKey
    )
