"""The error of a command that breaks the grammar of IMAP."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["ParseError"]


class ParseError(Exception):
    """A command that breaks the grammar; its text is for the client, after `BAD`.

    Args:
        text: What was expected, and what to do.
        position: The octet of the command where it was expected, from 0; literals count as well.  None: not known.
        code: A response code without brackets, such as `BADCHARSET (UTF-8)`; "" for none.
        status: The status of the reply: `BAD`, or `NO` for a valid command that is not supported.

    >>> str(ParseError("expected a folder name", 14))
    'expected a folder name at position 14'
    """

    def __init__(self, text: str, position: int | None = None, *, code: str = "", status: str = "BAD") -> None:
        super().__init__(text if position is None else f"{text} at position {position}")
        self.position: Final = position
        self.code: Final = code
        self.status: Final = status
