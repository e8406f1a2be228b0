"""A chunk of BDAT (RFC 3030): its size, and whether it is accepted."""

from __future__ import annotations

from functools import lru_cache

from lazr.smtptest.protocol.smtp import standard_replies
from lazr.smtptest.protocol.smtp.commands import parse_bdat
from lazr.smtptest.protocol.smtp.reply import CommandRefused, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.protocol.smtp.events import Bdat
    from lazr.smtptest.protocol.smtp.server_settings import ServerSettings

__all__ = ["UNSIZED_CHUNK", "Chunk", "open_chunk", "parse_chunk_size"]

_MAX_CHUNK_SIZE_DIGITS = 20  # as in SIZE (RFC 1870 6)


class Chunk:
    """A chunk that follows its command.

    Args:
        line: The command line.
        size: The number of bytes that follow it; None if it cannot be known.
        event: The parsed command; None if it was refused.
        reply: The suggested reply; to a refused chunk, which is read too (RFC 3030 2), the refusal.
    """

    __slots__ = ("event", "line", "reply", "size")

    def __init__(self, line: bytes, size: int | None, event: Bdat | None, reply: Reply) -> None:
        self.line: Final = line
        self.size: Final = size
        self.event: Final = event
        self.reply: Final = reply


# The chunk of a BDAT whose size cannot be read: its bytes would be taken for commands.
UNSIZED_CHUNK = Chunk(b"", None, None, standard_replies.UNKNOWN_CHUNK_SIZE)


@lru_cache(maxsize=64)  # clients repeat the size of chunks
def _build_acceptance(size: int) -> Reply:
    return Reply(250, "2.0.0", f"{size} octets received")


def parse_chunk_size(argument: str) -> int | None:
    """Return the size in the argument of BDAT, even if the rest is invalid; None without one."""
    count = argument.lstrip(" ").partition(" ")[0]
    is_size = count.isascii() and count.isdecimal() and len(count) <= _MAX_CHUNK_SIZE_DIGITS
    return int(count) if is_size else None


def open_chunk(line: bytes, argument: str, size: int, settings: ServerSettings, *, is_in_order: bool) -> Chunk:
    """Return the chunk of a command, accepted or refused.

    Args:
        line: The command line.
        argument: Its argument.
        size: The size of the chunk.
        settings: The settings of the server.
        is_in_order: Whether the state of the session allows BDAT.
    """
    unavailable = settings.unavailable_verbs.get("BDAT")
    if unavailable is not None:
        return Chunk(line, size, None, unavailable)
    if not settings.has_chunking:
        return Chunk(line, size, None, standard_replies.NOT_IMPLEMENTED)
    if not is_in_order:
        return Chunk(line, size, None, standard_replies.NO_TRANSACTION)
    try:
        return Chunk(line, size, parse_bdat(argument), _build_acceptance(size))
    except CommandRefused as refused:
        return Chunk(line, size, None, refused.reply)
