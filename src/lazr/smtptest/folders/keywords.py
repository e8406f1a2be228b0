"""IMAP's flags as a store keeps them: system flags, the read mark, tags.

Keywords (RFC 9051 2.3.2) are tags.
"""

from __future__ import annotations

import re

from lazr.smtptest.protocol.folder_access import SYSTEM_FLAGS, FolderError
from lazr.smtptest.store import MAX_TAGS, parse_single_tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lazr.smtptest.protocol.folder_access import FlagAction

__all__ = ["FlagSet", "format_keyword", "parse_flag_set"]

SEEN = "\\Seen"
_SYSTEM_FLAGS = {flag.lower(): flag for flag in SYSTEM_FLAGS}
# RFC 9051 9: a keyword is an atom, and no `]` because FLAGS can be in a response code.
_NOT_ATOM_CHARACTER = re.compile(r"[^!#$&'+-\[^-z|}~]")


class FlagSet:
    r"""The flags of one mail, as its store keeps them.

    Args:
        read: whether the mail is marked as read, the flag `\Seen`.
        flags: the other system flags.
        tags: the tags.
    """

    __slots__ = ("flags", "read", "tags")

    def __init__(self, *, read: bool, flags: Collection[str], tags: tuple[str, ...]) -> None:
        self.read: bool = read
        self.flags: frozenset[str] = frozenset(flags)
        self.tags: tuple[str, ...] = tags

    def to_flags(self) -> frozenset[str]:
        r"""Return the flags as IMAP shows them.

        >>> sorted(FlagSet(read=True, flags=["\\Draft"], tags=("two words",)).to_flags())
        ['\\Draft', '\\Seen', 'two_words']
        """
        keywords = map(format_keyword, self.tags)
        return frozenset((*self.flags, SEEN, *keywords) if self.read else (*self.flags, *keywords))

    def apply(self, action: FlagAction, change: FlagSet) -> FlagSet:
        """Return the flags after a change (RFC 9051 6.4.6).

        A tag that is no keyword stays as it is, if the keyword that is shown for it does.

        Raises:
            FolderError: the mail would have too many keywords.
        """
        changed = {format_keyword(tag).lower(): tag for tag in change.tags}
        if action == "remove":
            return FlagSet(
                read=self.read and not change.read,
                flags=self.flags - change.flags,
                tags=tuple(tag for tag in self.tags if format_keyword(tag).lower() not in changed),
            )
        present = {format_keyword(tag).lower() for tag in self.tags}
        added = tuple(tag for keyword, tag in changed.items() if keyword not in present)
        if action == "add":
            tags = (*self.tags, *added)
            read, flags = self.read or change.read, self.flags | change.flags
        else:
            tags = (*(tag for tag in self.tags if format_keyword(tag).lower() in changed), *added)
            read, flags = change.read, change.flags
        if added and len(tags) > MAX_TAGS:
            raise FolderError(f"A message has at most {MAX_TAGS} keywords", "LIMIT")
        return FlagSet(read=read, flags=flags, tags=tags)


def format_keyword(tag: str) -> str:
    """Return the keyword for a tag: characters that no keyword has become underscores.

    >>> format_keyword("$Forwarded"), format_keyword("two words"), format_keyword("\\\\x")
    ('$Forwarded', 'two_words', '_x')
    """
    return _NOT_ATOM_CHARACTER.sub("_", tag)


def parse_flag_set(flags: Iterable[str]) -> FlagSet:
    r"""Return flags from a client; `\Recent` cannot be set, and is ignored (RFC 3501 2.3.2).

    Raises:
        FolderError: a flag cannot be kept.

    >>> change = parse_flag_set(["\\SEEN", "\\flagged", "Work"])
    >>> change.read, sorted(change.flags), change.tags
    (True, ['\\Flagged'], ('Work',))
    """
    read = False
    system: set[str] = set()
    tags: dict[str, str] = {}
    for flag in flags:
        if not flag.startswith("\\"):
            try:
                tags.setdefault(flag.lower(), parse_single_tag(flag))
            except ValueError:
                raise FolderError("A keyword has 1 to 100 characters and no comma", "CANNOT") from None
        elif flag.lower() == "\\seen":
            read = True
        elif flag.lower() in _SYSTEM_FLAGS:
            system.add(_SYSTEM_FLAGS[flag.lower()])
        elif flag.lower() != "\\recent":
            raise FolderError("This system flag is unknown", "CANNOT")
    if len(tags) > MAX_TAGS:
        raise FolderError(f"A message has at most {MAX_TAGS} keywords", "LIMIT")
    return FlagSet(read=read, flags=system, tags=tuple(tags.values()))
