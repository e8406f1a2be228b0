"""The transcript: the dialogue of one session with its times, without its secrets and most of its content.

It is written for every command of every session, so an entry is what is at hand anyway: the octets
of a line as they came, those of a reply as they go out, and a time only where whoever drives the
session has read the clock.  What people read is made of that when they ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from lazr.smtptest.protocol.smtp.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final, Literal, overload

__all__ = ["MOST", "Raw", "Transcript", "TranscriptLine"]

# When there are so many entries, those in the middle go: the first ones say who came and how, the
# last ones how it ended.
MOST = 1000
_FIRST = 100
_LAST = 200

# The most of a line, and of a message's first and last lines, that is kept.
_LINE = 250
_HEAD = 160
_TAIL = 80


class Raw(bytes):
    """Octets that the server sent as they are; they may end with no line end."""

    __slots__ = ()


class TranscriptLine:
    """One line of a dialogue.

    - `at`: seconds since the session began.
    - `who`: `"C"`, the client, or `"S"`, the server; `"*"` for what happened and nobody said.
    - `text`: the line, without its end; what cannot be printed is escaped, credentials are `***`.
    - `content`: whether it is a line of a message, or stands in the place of some.
    """

    __slots__ = ("at", "content", "text", "who")

    def __init__(self, at: float, who: Literal["C", "S", "*"], text: str, *, content: bool = False) -> None:
        self.at: Final = at
        self.who: Final = who
        self.text: Final = text
        self.content: Final = content

    def __str__(self) -> str:
        return f"{self.at:8.3f} {self.who}{':' if self.who != '*' else ' '} {self.text}"

    def __repr__(self) -> str:
        return f"<TranscriptLine {str(self).strip()}>"


class Transcript(Sequence["TranscriptLine"]):
    """The dialogue of a session, so far: a sequence of `TranscriptLine`s, and as `str` a text of them.

    Of a message the first and the last lines are there, and a count of the octets between; of a long
    session, the first lines and the last ones.

    >>> transcript = Transcript()
    >>> transcript.mark(7.5)
    >>> transcript.said(b"220 localhost ESMTP\\r\\n")
    >>> transcript.mark(7.513)
    >>> transcript.heard(b"EHLO laptop")
    >>> print(transcript)
       0.000 S: 220 localhost ESMTP
       0.013 C: EHLO laptop
    """

    __slots__ = ("_forgotten", "_skipped", "entries", "said")

    def __init__(self) -> None:
        # A time is a float, what happened a string, content a tuple; a reply is octets that end with
        # a line end, and octets without are a line of the client's, in which there cannot be one.
        self.entries: Final[list[float | str | bytes | tuple[int, bytes, bytes, bool]]] = []
        self._skipped = 0
        self._forgotten = False
        self.said: Final[Callable[[bytes], None]] = self.entries.append  # a reply, with its line ends

    # -- for whoever drives the session, and the session -------------------------------------

    def mark(self, now: float) -> None:
        """What follows happens now, by a clock in seconds."""
        self.entries.append(now)
        if len(self.entries) > MOST:
            self.cut()

    def heard(self, line: bytes) -> None:
        """A line of the client's, without its end, and without the secrets in it."""
        self.entries.append(line if len(line) <= _LINE else line[:_LINE] + b"...")

    def content(self, size: int, parts: Sequence[bytes] = (), *, dot: bool = False) -> None:
        """Content of so many octets, in these pieces where they were kept; `dot` says that DATA's dot ended it."""
        head = tail = b""
        if parts:
            head, tail = parts[0][:_HEAD], parts[-1][-_TAIL:]
            if len(head) < _HEAD and len(parts) > 1:  # octet by octet, perhaps
                head, tail = b"".join(parts[:_HEAD])[:_HEAD], b"".join(parts[-_TAIL:])[-_TAIL:]
        self.entries.append((size, head, tail, dot))

    def happened(self, what: str) -> None:
        """Something that nobody said: a handshake, an end."""
        self.entries.append(what)

    def close(self) -> None:
        """The session is over, and kept for a while: as little of it as will do."""
        if len(self.entries) > _FIRST + _LAST:
            self.cut()

    def forget(self) -> None:
        """Keep none of it: the session is one of too many."""
        self._forgotten = True
        self.entries.clear()

    def cut(self) -> None:
        """There are more entries than `MOST`: let go of those in the middle."""
        entries = self.entries
        if _times_in(entries) > 0.6 * len(entries):
            # A time behind which nothing came says nothing: content came then, or half a line.
            entries[:] = [
                entry
                for entry, following in zip(entries, (*entries[1:], ""), strict=True)
                if not (isinstance(entry, float) and isinstance(following, float))
            ]
        cut = entries[_FIRST:-_LAST]
        self._skipped += len(cut) - _times_in(cut)
        last = next((entry for entry in reversed(cut) if isinstance(entry, float)), None)
        entries[_FIRST:-_LAST] = [] if last is None else [last]

    # -- for whoever reads -------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._lines())

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> TranscriptLine: ...
        @overload
        def __getitem__(self, index: slice) -> list[TranscriptLine]: ...

    def __getitem__(self, index: int | slice) -> TranscriptLine | list[TranscriptLine]:
        return self._lines()[index]

    def __iter__(self) -> Iterator[TranscriptLine]:
        return iter(self._lines())

    def last(self, count: int) -> str:
        """The last `count` lines as a text."""
        return "\n".join(map(str, self._lines()[-count:]))

    def brief(self, count: int) -> str:
        """The last `count` lines as a text, in which a reply of several lines is one: `250 localhost, SIZE, HELP`."""
        lines: list[TranscriptLine] = []
        for line in self._lines():
            before = lines[-1] if lines else None
            if before is not None and before.who == line.who == "S" and before.text[3:4] == "-":
                lines[-1] = TranscriptLine(line.at, "S", f"{line.text[:4]}{before.text[4:]}, {line.text[4:]}")
            else:
                lines.append(line)
        return "\n".join(map(str, lines[-count:]))

    def __str__(self) -> str:
        return "\n".join(map(str, self._lines()))

    def __repr__(self) -> str:
        return f"<Transcript: {len(self)} lines>"

    def _lines(self) -> list[TranscriptLine]:
        if self._forgotten:
            return [TranscriptLine(0.0, "*", "(not kept: too many sessions came after this one)")]
        start: float | None = None
        at = 0.0
        lines: list[TranscriptLine] = []
        for number, entry in enumerate(self.entries.copy()):
            if self._skipped and number == _FIRST:
                lines.append(TranscriptLine(at, "*", f"(… {self._skipped:,} entries are not kept …)"))
            if isinstance(entry, float):
                start = entry if start is None else start
                at = entry - start
            elif isinstance(entry, str):
                lines.append(TranscriptLine(at, "*", printable(entry)))
            elif isinstance(entry, tuple):
                lines.extend(_content(at, *entry))
            elif isinstance(entry, Raw):
                lines.extend(TranscriptLine(at, "S", printable(text)) for text in _raw_lines(entry))
            elif entry.endswith(b"\r\n"):
                lines.extend(TranscriptLine(at, "S", printable(text)) for text in _text(entry)[:-2].split("\r\n"))
            else:
                lines.append(TranscriptLine(at, "C", printable(_text(entry))))
        return lines


def _times_in(entries: Sequence[object]) -> int:
    return [*map(type, entries)].count(float)


def _content(at: float, size: int, head: bytes, tail: bytes, dot: bool) -> Iterator[TranscriptLine]:
    """The first lines, how much follows, and the last line."""
    first = head.splitlines(keepends=True)[:2]
    shown = sum(map(len, first))
    last = b"".join(tail.splitlines(keepends=True)[-1:])[: max(size - shown, 0)]
    for line in first:
        yield TranscriptLine(at, "C", printable(_text(line.rstrip(b"\r\n"))), content=True)
    hidden = size - shown - len(last)
    if hidden > 0:
        yield TranscriptLine(at, "C", f"(… {hidden:,} octets …)", content=True)
    if last:
        yield TranscriptLine(at, "C", printable(_text(last.rstrip(b"\r\n"))), content=True)
    if dot:
        yield TranscriptLine(at, "C", ".")


def _raw_lines(octets: bytes) -> list[str]:
    return _text(octets).removesuffix("\r\n").split("\r\n") if octets else []


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")
