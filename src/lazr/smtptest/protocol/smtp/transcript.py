"""The dialogue of one session, with times, without secrets and most of the content.

Every command of every session adds an entry, so adding one must be cheap.  An entry is an object that exists already:
the bytes of a command line, the bytes of a reply, or the time that the driver has read from its clock.  The readable
lines are built from the entries on demand.
"""

from __future__ import annotations

from collections.abc import Sequence

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest._util.suggestion import build_getattr
from lazr.smtptest.protocol.smtp.reply import RawBytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final, Literal, overload

    # Size, first bytes, last bytes, whether a dot ended it, and facts about it if it is complete.
    ContentEntry = tuple[int, bytes, bytes, bool, int | None]

__all__ = [
    "EARLY_INPUT_NOTE",
    "MAX_ENTRIES",
    "ContentEnd",
    "DeliveryMark",
    "HiddenEntry",
    "RawBytes",
    "Transcript",
    "TranscriptLine",
]

# The driver's note from which a finding is made.
EARLY_INPUT_NOTE = "the client sent input before the end of the greeting"

# A transcript with more entries loses those in the middle: the first ones show who the client is, the last ones how the
# session ended.
MAX_ENTRIES = 1300
_FIRST_ENTRIES_KEPT = 130
_LAST_ENTRIES_KEPT = 270

# Limits for a line, and for the first and last lines of a message.
_MAX_LINE_BYTES = 250
_REFUSAL = compile_lazily(r"[45][0-5][0-9](?:[ -]|$)")  # RFC 5321 4.2
_CONTENT_HEAD_BYTES = 160
_CONTENT_TAIL_BYTES = 80


class HiddenEntry:
    """The base of entries that the text does not show, such as events and `ContentEnd`."""

    __slots__ = ()
    verb: str = ""


class ContentEnd(HiddenEntry):
    """The end of a complete message, with facts that findings need.

    Args:
        size: The size of the content in bytes.
        flags: The facts, as the entry of the content has them.
    """

    __slots__ = ("has_bare_line_end", "is_8bit", "size")
    verb = "END_OF_DATA"

    def __init__(self, size: int, flags: int) -> None:
        self.size: Final = size
        self.is_8bit: Final = bool(flags & _IS_8BIT)
        self.has_bare_line_end: Final = bool(flags & _HAS_BARE_LF)


class DeliveryMark(HiddenEntry):
    """The place where a mail was accepted; it is between the content and the reply to it.

    Args:
        mail_id: The mail's ID.
    """

    __slots__ = ("mail_id",)

    def __init__(self, mail_id: str) -> None:
        self.mail_id: Final = mail_id


# Facts about a message that is complete.
_IS_8BIT = 1
_HAS_BARE_LF = 2


# What to write instead of other names.
_LINE_ALIASES = {
    **dict.fromkeys(("line", "content_"), "line.text"),
    **dict.fromkeys(("time", "timestamp", "seconds"), "line.at, the seconds since the session began"),
    **dict.fromkeys(("side", "role", "direction", "sender"), "line.who"),
}
_TRANSCRIPT_ALIASES = {
    **dict.fromkeys(("text", "dump", "to_text", "as_text", "format"), "str(transcript)"),
    "lines": "list(transcript)",
    **dict.fromkeys(
        ("commands", "client_lines"), "session.commands, or [line.text for line in transcript if line.who == 'C']"
    ),
    **dict.fromkeys(("replies", "server_lines"), "[line.text for line in transcript if line.who == 'S']"),
    **dict.fromkeys(("first", "tail", "head"), "transcript[:10], or transcript.last(10) as text"),
}


class TranscriptLine:
    """One line of a dialogue.

    - `at`: seconds since the session began.
    - `who`: `"C"` for the client, `"S"` for the server, `"*"` for a note.
    - `text`: the line without its end; unprintable characters are escaped, credentials are `***`.
    - `content`: whether the line is a part of a message, or replaces some lines of it.
    """

    __slots__ = ("at", "content", "text", "who")

    def __init__(self, at: float, who: Literal["C", "S", "*"], text: str, *, content: bool = False) -> None:
        self.at: Final = at
        self.who: Final = who
        self.text: Final = text
        self.content: Final = content

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_LINE_ALIASES)

    @property
    def is_refusal(self) -> bool:
        """Whether the line belongs to a reply with a 4yz or 5yz code (RFC 5321 4.2.1)."""
        return self.who == "S" and _REFUSAL.match(self.text) is not None

    def _field_values(self) -> tuple[object, ...]:
        return self.at, self.who, self.text, self.content

    def __eq__(self, other: object) -> bool:
        return self._field_values() == other._field_values() if isinstance(other, TranscriptLine) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._field_values())

    def __str__(self) -> str:
        return f"{self.at:8.3f} {self.who}{':' if self.who != '*' else ' '} {self.text}"

    def __repr__(self) -> str:
        return f"<TranscriptLine {str(self).strip()}>"


# What the session and its driver use; completion does not offer it.
_WRITER_NAMES = frozenset({
    "add_command", "add_content", "add_delivery", "add_note", "add_reply", "add_timestamp", "close", "discard",
    "drop_middle", "end_time", "entries", "keeps_content", "start_time",
})  # fmt: skip


class Transcript(Sequence["TranscriptLine"]):
    """The dialogue of a session so far: a sequence of `TranscriptLine`s, or text by `str`.

    A message is shown by its first and last lines and the number of bytes between them, a long session by its first
    and last lines.  With `MailServer(transcript="full")`, messages are shown in full.

    >>> transcript = Transcript()
    >>> transcript.add_timestamp(7.5)
    >>> transcript.add_reply(b"220 localhost ESMTP\\r\\n")
    >>> transcript.add_timestamp(7.513)
    >>> transcript.add_command(b"EHLO laptop")
    >>> print(transcript)
       0.000 S: 220 localhost ESMTP
       0.013 C: EHLO laptop
    """

    __slots__ = ("_dropped_entries", "_is_discarded", "entries", "keeps_content")

    def __init__(self) -> None:
        # The type is the kind: float for a time, str for a note, tuple for content, bytes with a line end for a
        # reply, bytes without one for a command.  A command cannot contain a line end.  What the command was parsed
        # into is a `HiddenEntry`.
        self.entries: Final[list[float | str | bytes | HiddenEntry | ContentEntry]] = []
        self.keeps_content: bool = False  # messages are kept in full
        self._dropped_entries = 0
        self._is_discarded = False

    # -- called by the session and its driver ------------------------------------------------

    def add_timestamp(self, now: float) -> None:
        """Set the time of the entries that follow, by a clock in seconds."""
        self.entries.append(now)
        if len(self.entries) > MAX_ENTRIES:
            self.drop_middle()

    def add_command(self, line: bytes) -> None:
        """Add a command line, without its line end and without secrets."""
        self.entries.append(line if len(line) <= _MAX_LINE_BYTES else line[:_MAX_LINE_BYTES] + b"...")

    def add_reply(self, wire: bytes) -> None:
        """Add the bytes of a reply."""
        self.entries.append(wire)

    def add_content(self, size: int, parts: Sequence[bytes] | None = None, *, dot: bool = False) -> None:
        """Add content.

        Args:
            size: Its size in bytes.
            parts: The content, if it is complete and kept.
            dot: Whether the final dot of DATA ended it.
        """
        head = tail = b""
        if parts:
            if self.keeps_content:
                head = b"".join(parts)
            else:
                first, last = parts[0], parts[-1]
                head, tail = first[:_CONTENT_HEAD_BYTES], last[-_CONTENT_TAIL_BYTES:]
                if len(head) < _CONTENT_HEAD_BYTES and len(parts) > 1:  # the parts may be single bytes
                    head = b"".join(parts[:_CONTENT_HEAD_BYTES])[:_CONTENT_HEAD_BYTES]
                    tail = b"".join(parts[-_CONTENT_TAIL_BYTES:])[-_CONTENT_TAIL_BYTES:]
        self.entries.append((size, head, tail, dot, None if parts is None else _compute_content_flags(parts)))

    def add_note(self, text: str) -> None:
        """Add a note about something outside of the dialogue, such as a TLS handshake."""
        self.entries.append(text)

    def add_delivery(self, mail_id: str) -> None:
        """Add the mark of a mail that was accepted; its reply follows."""
        self.entries.append(DeliveryMark(mail_id))

    def close(self) -> None:
        """Shorten the transcript, because the session is over and stays in memory."""
        if len(self.entries) > _FIRST_ENTRIES_KEPT + _LAST_ENTRIES_KEPT:
            self.drop_middle()

    def discard(self) -> None:
        """Drop all entries, because too many sessions are in memory."""
        self._is_discarded = True
        self.entries.clear()

    def drop_middle(self) -> None:
        """Drop the entries in the middle."""
        entries = self.entries
        if _count_timestamps(entries) > 0.6 * len(entries):
            # Times without an entry after them are useless: they belong to parts of content or of a line.
            entries[:] = [
                entry
                for entry, following in zip(entries, (*entries[1:], ""), strict=True)
                if not (isinstance(entry, float) and isinstance(following, float))
            ]
        cut = entries[_FIRST_ENTRIES_KEPT:-_LAST_ENTRIES_KEPT]
        kinds = [*map(type, cut)]
        self._dropped_entries += sum(kinds.count(kind) for kind in (str, bytes, tuple, RawBytes))
        last = next((entry for entry in reversed(cut) if isinstance(entry, float)), None)
        entries[_FIRST_ENTRIES_KEPT:-_LAST_ENTRIES_KEPT] = [] if last is None else [last]

    # -- called by readers -------------------------------------------------------------------

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_TRANSCRIPT_ALIASES)

    def __dir__(self) -> list[str]:
        """Return the names that readers use, for completion."""
        return sorted(set(super().__dir__()) - _WRITER_NAMES)

    def __len__(self) -> int:
        return len(self._build_lines())

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> TranscriptLine: ...
        @overload
        def __getitem__(self, index: slice) -> list[TranscriptLine]: ...

    def __getitem__(self, index: int | slice) -> TranscriptLine | list[TranscriptLine]:
        return self._build_lines()[index]

    def __iter__(self) -> Iterator[TranscriptLine]:
        return iter(self._build_lines())

    @property
    def start_time(self) -> float | None:
        """The time of the first line, by the clock of the driver; None without times."""
        return next((entry for entry in self.entries.copy() if isinstance(entry, float)), None)

    @property
    def end_time(self) -> float | None:
        """The time of the last line, by the clock of the driver; None without times."""
        return next((entry for entry in reversed(self.entries.copy()) if isinstance(entry, float)), None)

    @property
    def last_refusal(self) -> str:
        """The last reply with a 4yz or 5yz code, its lines joined by spaces; "" if there is none."""
        for entry in reversed(self.entries.copy()):
            if isinstance(entry, bytes) and entry[:1] in (b"4", b"5") and entry.endswith(b"\r\n"):
                texts = [escape_unprintable(text) for text in _split_raw_lines(entry)]
                if all(map(_REFUSAL.match, texts)):
                    return texts[-1][:4] + " ".join(text[4:] for text in texts)
        return ""

    def find_transaction(self, mail_id: str) -> tuple[int, int] | None:
        """Return the indexes of the first and the last line of a mail's transaction.

        The first line is that of MAIL, the last one that of the reply to the content.  If the middle of a long session
        is not kept, the line that says so stands for the lost lines.  None if the transcript never had the mail.

        Args:
            mail_id: The mail's ID.

        >>> transcript = Transcript()
        >>> transcript.find_transaction("1") is None
        True
        """
        first = last = count = 0
        is_found = False
        gap: int | None = None
        for entry, lines in self._iterate_entries():
            if is_found:
                if entry is None or (lines and lines[0].who == "C"):
                    break  # the next command
                if lines and lines[0].who == "S":
                    last = count + len(lines) - 1
            elif isinstance(entry, DeliveryMark):
                is_found, last = entry.mail_id == mail_id, count - 1
            elif isinstance(entry, HiddenEntry) and entry.verb == "MAIL":
                first = max(count - 1, 0)
            elif entry is None:
                first = gap = count
            count += len(lines)
        if is_found:
            return first, last
        return None if gap is None else (gap, gap)

    def last(self, count: int) -> str:
        """Return the last `count` lines as text."""
        return "\n".join(map(str, self._build_lines()[-count:]))

    def format_brief(self, count: int) -> str:
        """Return the last `count` lines, each reply on one line: `250 localhost, SIZE, HELP`."""
        lines: list[TranscriptLine] = []
        for line in self._build_lines():
            before = lines[-1] if lines else None
            if before is not None and before.who == line.who == "S" and before.text[3:4] == "-":
                lines[-1] = TranscriptLine(line.at, "S", f"{line.text[:4]}{before.text[4:]}, {line.text[4:]}")
            else:
                lines.append(line)
        return "\n".join(map(str, lines[-count:]))

    def __eq__(self, other: object) -> bool:
        return self._build_lines() == [*other] if isinstance(other, (Transcript, list, tuple)) else NotImplemented

    def __hash__(self) -> int:
        return object.__hash__(self)  # an open session changes it, so its identity counts

    def __reduce__(self) -> tuple[object, ...]:
        # Not slot by slot: a copy must not add to the entries of the original.
        return _restore, (self.entries.copy(), self.keeps_content, self._dropped_entries, self._is_discarded)

    def __str__(self) -> str:
        return "\n".join(map(str, self._build_lines()))

    def __repr__(self) -> str:
        return f"<Transcript: {len(self)} lines>"

    def _build_lines(self) -> list[TranscriptLine]:
        if self._is_discarded:
            return [TranscriptLine(0.0, "*", "(not kept: too many sessions came after this one)")]
        return [line for _, lines in self._iterate_entries() for line in lines]

    def _iterate_entries(self) -> Iterator[tuple[object, list[TranscriptLine]]]:
        """Yield each entry with its lines; None stands for the entries that are not kept."""
        start: float | None = None
        at = 0.0
        for number, entry in enumerate(self.entries.copy()):
            if self._dropped_entries and number == _FIRST_ENTRIES_KEPT:
                yield None, [TranscriptLine(at, "*", f"(… {self._dropped_entries:,} entries are not kept …)")]
            if isinstance(entry, float):
                start = entry if start is None else start
                at = entry - start
                continue
            yield entry, self._format_entry(at, entry)

    def _format_entry(self, at: float, entry: str | bytes | HiddenEntry | ContentEntry) -> list[TranscriptLine]:
        if isinstance(entry, str):
            return [TranscriptLine(at, "*", escape_unprintable(entry))]
        if isinstance(entry, tuple):
            return list(_format_content(at, entry, is_full=self.keeps_content))
        if isinstance(entry, HiddenEntry):
            return []
        if isinstance(entry, RawBytes):
            return [TranscriptLine(at, "S", escape_unprintable(text)) for text in _split_raw_lines(entry)]
        if entry.endswith(b"\r\n"):
            return [TranscriptLine(at, "S", escape_unprintable(text)) for text in _decode(entry)[:-2].split("\r\n")]
        return [TranscriptLine(at, "C", escape_unprintable(_decode(entry)))]


def _restore(
    entries: list[float | str | bytes | HiddenEntry | ContentEntry],
    keeps_content: bool,
    dropped_entries: int,
    is_discarded: bool,
) -> Transcript:
    transcript = Transcript()
    transcript.entries.extend(entries)
    transcript.keeps_content = keeps_content
    transcript._dropped_entries = dropped_entries
    transcript._is_discarded = is_discarded
    return transcript


def _compute_content_flags(parts: Sequence[bytes]) -> int:
    """Return the facts about a complete message that `ContentEnd` has."""
    flags = 0
    for part in parts:  # mostly one: `all` and `map` would take longer than the test
        if not part.isascii():
            flags = _IS_8BIT
            break
    if parts:
        # Counting all line ends would take longer than receiving them.  A client that ends lines with LF alone does so
        # in its header or in its text, so the first and the last line of the content show it.
        first, last = parts[0], parts[-1]
        end_of_first, end_of_last = first.find(b"\n"), last.rfind(b"\n", 0, -2)
        if (end_of_first >= 0 and (end_of_first == 0 or first[end_of_first - 1] != 0x0D)) or (
            end_of_last > 0 and last[end_of_last - 1] != 0x0D
        ):
            flags |= _HAS_BARE_LF
    return flags


def _count_timestamps(entries: Sequence[object]) -> int:
    return [*map(type, entries)].count(float)


def _format_content(at: float, entry: ContentEntry, *, is_full: bool) -> Iterator[TranscriptLine]:
    """Yield the first and the last line, and the number of bytes between; or all lines."""
    size, head, tail, dot, _ = entry
    first = head.splitlines(keepends=True)
    first = first if is_full else first[:2]
    first_size = sum(map(len, first))
    last = b"".join(tail.splitlines(keepends=True)[-1:])[: max(size - first_size, 0)]
    for line in first:
        yield TranscriptLine(at, "C", escape_unprintable(_decode(line.rstrip(b"\r\n"))), content=True)
    hidden = size - first_size - len(last)
    if hidden > 0:
        yield TranscriptLine(at, "C", f"(… {hidden:,} octets …)", content=True)
    if last:
        yield TranscriptLine(at, "C", escape_unprintable(_decode(last.rstrip(b"\r\n"))), content=True)
    if dot:
        yield TranscriptLine(at, "C", ".")


def _split_raw_lines(octets: bytes) -> list[str]:
    return _decode(octets).removesuffix("\r\n").split("\r\n") if octets else []


def _decode(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")
