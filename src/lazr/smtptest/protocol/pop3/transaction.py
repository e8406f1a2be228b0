"""The commands of the TRANSACTION state (RFC 1939 5, 7)."""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.pop3.maildrop import parse_number
from lazr.smtptest.protocol.pop3.responses import END, Piece, Record, render_ok, stuff_dots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lazr.smtptest.protocol.pop3.maildrop import Maildrop
    from lazr.smtptest.protocol.pop3.responses import Steps

    RunCommand = Callable[[Maildrop, Sequence[str]], Steps[None]]

__all__ = ["TRANSACTION_COMMANDS", "cut_top"]

_LINES_PER_PIECE = 2000
_PIECE_BYTES = 128 * 1024
# The empty line after the header; line ends may be an LF alone.
_HEADER_END = compile_lazily(rb"(?:\A|\n)\r?\n")


def _run_stat(maildrop: Maildrop, arguments: Sequence[str]) -> Steps[None]:
    yield render_ok(f"{maildrop.count} {maildrop.size}")


def _run_list(maildrop: Maildrop, arguments: Sequence[str]) -> Steps[None]:
    yield from _list(maildrop, arguments, lambda number: str(maildrop.get_size(number)))


def _run_uidl(maildrop: Maildrop, arguments: Sequence[str]) -> Steps[None]:
    yield from _list(maildrop, arguments, maildrop.get_unique_id)


def _list(maildrop: Maildrop, arguments: Sequence[str], describe: Callable[[int], str]) -> Steps[None]:
    """Send a line of one message, or those of all."""
    if arguments:
        number = maildrop.find_number(arguments[0])
        yield render_ok(f"{number} {describe(number)}")
        return
    count = maildrop.count
    yield render_ok(f"{count} messages ({maildrop.size} octets)")
    yield Record(f"({count:,} lines)")
    lines: list[str] = []
    for number in maildrop.list_numbers():
        lines.append(f"{number} {describe(number)}\r\n")
        if len(lines) == _LINES_PER_PIECE:
            yield Piece("".join(lines).encode("ascii"))
            lines.clear()
    yield Piece("".join(lines).encode("ascii") + END)


def _run_retr(maildrop: Maildrop, arguments: Sequence[str]) -> Steps[None]:
    number = maildrop.find_number(arguments[0])
    message = yield from maildrop.read_message(number)
    yield render_ok(f"{message.size} octets")
    yield from _send_content(message.content)
    maildrop.mark_retrieved(number)


def _run_top(maildrop: Maildrop, arguments: Sequence[str]) -> Steps[None]:
    number = maildrop.find_number(arguments[0])
    line_count = parse_number(arguments[1])
    message = yield from maildrop.read_message(number)
    yield render_ok("Top of message follows")
    yield from _send_content(cut_top(message.content, line_count))


def _send_content(content: bytes) -> Steps[None]:
    stuffed = stuff_dots(content)
    yield Record(f"({len(content):,} octets of content)", stuffed)
    for piece in _slice(stuffed):
        yield Piece(piece)
    yield Piece(END)


def _slice(content: bytes) -> Iterator[bytes]:
    return (content[start : start + _PIECE_BYTES] for start in range(0, len(content), _PIECE_BYTES))


def cut_top(content: bytes, line_count: int) -> bytes:
    r"""Return the header, the empty line, and the first lines of the body (RFC 1939 7).

    >>> cut_top(b"A: b\r\n\r\n1\r\n2\r\n3\r\n", 1)
    b'A: b\r\n\r\n1\r\n'
    """
    header_end = _HEADER_END.search(content)
    if header_end is None:
        return content
    end = header_end.end()
    while line_count > 0 and end < len(content):
        # Count the lines of a whole block: there may be millions.
        block_end = min(end + _PIECE_BYTES, len(content))
        lines_in_block = content.count(b"\n", end, block_end)
        if lines_in_block < line_count:
            line_count -= lines_in_block
            end = block_end
            continue
        for _ in range(line_count):
            end = content.index(b"\n", end) + 1
        break
    return content[:end]


def _run_dele(maildrop: Maildrop, arguments: Sequence[str]) -> Steps[None]:
    number = maildrop.find_number(arguments[0])
    maildrop.mark_deleted(number)
    yield render_ok(f"Message {number} will be deleted by QUIT")


def _run_rset(maildrop: Maildrop, arguments: Sequence[str]) -> Steps[None]:
    maildrop.reset()
    yield render_ok(f"The maildrop has {maildrop.count} messages ({maildrop.size} octets)")


def _run_noop(maildrop: Maildrop, arguments: Sequence[str]) -> Steps[None]:
    yield render_ok()


TRANSACTION_COMMANDS: dict[str, RunCommand] = {
    "STAT": _run_stat,
    "LIST": _run_list,
    "UIDL": _run_uidl,
    "RETR": _run_retr,
    "TOP": _run_top,
    "DELE": _run_dele,
    "RSET": _run_rset,
    "NOOP": _run_noop,
}
