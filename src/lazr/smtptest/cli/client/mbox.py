"""Read and write mbox files (RFC 4155), with the quoting of mboxrd.

A separator is a line `From SENDER DATE`.  A line of a body may begin with `From ` too, and some programs write a
separator without the empty line before it.  So what counts is the date: a line with a complete date is a separator
wherever it stands, and a line without one is text.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from lazr.smtptest.cli.client.line_ends import convert_to_crlf, convert_to_lf

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MboxMessage", "is_separator", "read_mbox", "remove_separators", "write_mbox_message"]

# A line that begins with any number of > and From gets one more > (mboxrd).
_FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)
_QUOTED_FROM_LINE = re.compile(rb"^>(>*From )", re.MULTILINE)
_MAX_SEPARATOR_BYTES = 1_000
_NULL_SENDER = "MAILER-DAEMON"

_DAY, _MONTH = rb"(?i:Mon|Tue|Wed|Thu|Fri|Sat|Sun)", rb"(?i:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_TIME = rb"[0-2]?\d:\d\d(?::\d\d)?"
_ZONE = rb"(?:[+-]\d\d:?\d\d|\(?[A-Z]{1,5}\)?(?:[+-]\d\d:?\d\d)?)"
_DATE = b"|".join(
    (
        # asctime, with a zone before or after the year, as several programs write it
        rb"%s,?[ \t]+%s[ \t]+\d{1,2},?[ \t]+%s(?:[ \t]+%s){0,2}[ \t]+(?:\d{4}|\d\d)(?:[ \t]+%s)?"
        % (_DAY, _MONTH, _TIME, _ZONE, _ZONE),
        # the same with the year before the time
        rb"%s,?[ \t]+%s[ \t]+\d{1,2},?[ \t]+\d{4},?[ \t]+%s(?:[ \t]+%s)?" % (_DAY, _MONTH, _TIME, _ZONE),
        # the date of a header, and that of RFC 3339
        rb"(?:%s,[ \t]+)?\d{1,2}[ \t]+%s[ \t]+\d{4}[ \t]+%s(?:[ \t]+%s)?" % (_DAY, _MONTH, _TIME, _ZONE),
        rb"\d{4}-\d\d-\d\d[T \t]%s(?:Z|[ \t]?%s)?" % (_TIME, _ZONE),
    )
)
# The local part of an address may be a quoted string (RFC 5321 4.1.2); some programs write a name before the address.
_SENDER = rb'(?:[^<>\r\n]{0,200}<[^<>\r\n]*>|"(?:[^"\\\r\n]|\\[^\r\n])*"[^ \t\r\n]*|[^ \t\r\n"]+)'
_SEPARATOR = re.compile(rb"From (%s)?[ \t]+(%s)(?:[ \t]+remote from [^ \t\r\n]+)?[ \t]*\r?\n?" % (_SENDER, _DATE))
_QUOTED_ADDRESS = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])*"@[!-~]+')


class MboxMessage(NamedTuple):
    """A message of an mbox.

    `sender` is the reverse-path, "" for the null one, and None if the separator names none.  `received_at` is in
    seconds since 1970; 0 if the date cannot be read.
    """

    content: bytes
    sender: str | None
    received_at: float


def is_separator(line: bytes) -> bool:
    r"""Return whether a line separates the messages of an mbox.

    >>> is_separator(b"From ann@example.com Tue Jul  5 18:44:15 2022\n"), is_separator(b"From here on\n")
    (True, False)
    """
    return line.startswith(b"From ") and len(line) <= _MAX_SEPARATOR_BYTES and _SEPARATOR.fullmatch(line) is not None


def remove_separators(content: bytes) -> bytes:
    r"""Return a message without the separators before its header.

    Programs that deliver from an mbox pass them on.

    >>> remove_separators(b"From ann Tue Jul  5 18:44:15 2022\nSubject: Hi\n\nFrom here on\n")
    b'Subject: Hi\n\nFrom here on\n'
    """
    while content.startswith((b"From ", b">From ")):
        content = content.partition(b"\n")[2]
    return content


def read_mbox(file: BinaryIO) -> Iterator[MboxMessage]:
    """Yield the messages in their order; the lines before the first separator are ignored.

    One message at a time is in memory.
    """
    separator = b""
    lines: list[bytes] = []
    for line in file:
        if is_separator(line):
            if separator:
                yield _parse_message(separator, lines)
            separator, lines = line, []
        else:
            lines.append(line)
    if separator:
        yield _parse_message(separator, lines)


def _parse_message(separator: bytes, lines: list[bytes]) -> MboxMessage:
    if lines and not lines[-1].rstrip(b"\r\n"):
        lines.pop()  # the empty line before the next separator
    found = _SEPARATOR.fullmatch(separator)
    sender, date = (
        ("", "") if found is None else ((found[1] or b"").decode("utf-8", "replace"), found[2].decode("ascii"))
    )
    content = convert_to_crlf(_QUOTED_FROM_LINE.sub(rb"\1", b"".join(lines)))
    return MboxMessage(content, _parse_sender(sender), _parse_date(date))


def _parse_sender(word: str) -> str | None:
    if word.endswith(">"):
        word = word.rpartition("<")[2][:-1] or _NULL_SENDER
    if word == _NULL_SENDER:
        return ""
    return word if "@" in word.strip("@") else None  # "-", or the name of a user of the machine


def _parse_date(text: str) -> float:
    words = text.replace(",", " ").split()
    try:
        if "-" in words[0]:
            at = datetime.fromisoformat(text)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        if words[0][:3].isalpha() and words[1].isalpha():  # asctime: day, month, number, time, and the year
            at_time = next(word for word in words[3:] if ":" in word)
            year = next(word for word in words[3:] if word.isdecimal())
            zone = next((word.strip("()") for word in words[3:] if word not in {at_time, year}), "+0000")
            text = f"{words[2]} {words[1]} {year} {at_time} {zone}"
        at = parsedate_to_datetime(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, IndexError, StopIteration, OverflowError):
        return 0.0


def write_mbox_message(file: BinaryIO, message: MboxMessage) -> bool:
    """Write a separator and a message; return whether every byte of it is kept.

    The separator has the reverse-path of the message (RFC 4155 appendix A), and its time in UTC.
    """
    content, is_reversible = convert_to_lf(message.content)
    has_final_newline = content.endswith(b"\n")
    date = time.asctime(datetime.fromtimestamp(message.received_at, UTC).timetuple())
    file.write(b"From %s %s\n" % (_format_sender(message.sender), date.encode("ascii")))
    file.write(_FROM_LINE.sub(rb">\1", content) + (b"" if has_final_newline else b"\n") + b"\n")
    return is_reversible and has_final_newline


def _format_sender(sender: str | None) -> bytes:
    """Return the sender as one word, or as a quoted local part and a domain."""
    sender = sender or ""
    if not _QUOTED_ADDRESS.fullmatch(sender):
        sender = "".join(letter for letter in sender if letter.isprintable() and not letter.isspace() and letter != '"')
    return (sender or _NULL_SENDER).encode("utf-8", "replace")
