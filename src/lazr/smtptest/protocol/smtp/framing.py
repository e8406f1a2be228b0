"""Framing: where a command line, a message and a chunk end, whatever the input's borders.

What the octets to come are is `_read`, one of the `_read_…` methods: it takes the input and a
position, deals with one thing, and returns the position behind it, or -1 if it needs more input
first.  The rest of the input goes to whatever `_read` is then.
"""

from __future__ import annotations

import re

from lazr.smtptest.protocol.smtp import replies
from lazr.smtptest.protocol.smtp.data import Content, DataReceiver
from lazr.smtptest.protocol.smtp.record import SessionRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.protocol.smtp.data import Sink
    from lazr.smtptest.protocol.smtp.profile import Profile
    from lazr.smtptest.protocol.smtp.reply import Reply

__all__ = ["Framing"]

_LINE_END = re.compile(rb"\r\n|\r|\n")


class Framing:
    """The reading half of a session; what it finds goes to the methods at the end."""

    __slots__ = (
        "_after_lf",
        "_content",
        "_ended",
        "_heard",
        "_hush",
        "_left",
        "_lines",
        "_marked",
        "_output",
        "_output_size",
        "_overflow",
        "_plain_lines",
        "_profile",
        "_read",
        "_receiver",
        "_said",
        "_skipped",
        "_unread",
        "at_mark",
        "backlog",
        "closing",
        "halted",
        "handshaking",
        "marks",
        "orderly",
        "record",
        "waiting",
    )

    def __init__(self, profile: Profile, new_sink: Callable[[], Sink]) -> None:
        self._profile = profile
        self.record: SessionRecord = SessionRecord()  # for the tester: what happened
        self._heard = self.record.transcript.heard
        self._said = self.record.transcript.said
        self.closing: bool = False
        self.orderly: bool = False
        self.waiting: bool = False
        self.backlog: bool = False
        self.handshaking: bool = False
        self.at_mark: bool = False  # it waits because content has come to one of the marks
        self.halted: bool = False  # read no further: one of these has come to be true
        self.marks: Sequence[int] = ()  # where in content to halt, as `waiting`, for whoever wants to interrupt it
        self._marked = -1  # ... the last of those that this content has come to
        self._hush = False  # the client must be waiting for a reply now, so no octet may have come behind its line

        self._read: Callable[[bytes, int], int] = self._read_first
        self._plain_lines = None if profile.accepts_bare_line_ends else self._read_line
        self._lines = self._plain_lines or self._read_any_line
        self._after_lf: Callable[[bytes, int], int] = (
            self._read_first
        )  # what follows an LF that may belong to the bare CR before it
        self._unread = b""  # input that waits: half a line, or all that came behind a question
        self._ended = False  # the client will send no more
        self._overflow = False  # more came than may wait
        self._skipped = b""  # the start of a line that is refused when its end has come
        self._left = 0  # octets to come of a chunk; or that came of a line that is too long
        self._content = Content(new_sink(), profile.limits.message_size)
        self._receiver = DataReceiver(self._content)

        self._output: list[bytes] = []
        self._output_size = 0

    # -- input -------------------------------------------------------------------------------

    def receive(self, data: bytes) -> bytes:
        """The octets to send for these octets of the client's."""
        if self._unread:
            data = self._unread + data
            self._unread = b""
        if self.halted:
            if self.waiting:
                # A driver need not read on while an answer is due; one that does is held to the limit.
                self._overflow = self._overflow or len(data) > self._profile.limits.session_memory
                self._unread = b"" if self._overflow else data
                return b""
            if self.closing or self.handshaking:
                return b""
            self.halted = self.backlog = False
        if self._read is self._plain_lines and -1 < data.find(b"\r\n") == len(data) - 2:
            # One whole command, as most clients send them: there is nothing to frame.
            self._line(data[:-2])
            data = b""
            if len(self._output) == 1 and not self._hush:
                self._output_size = 0
                return self._output.pop()
        return self._proceed(data)

    def end_of_input(self) -> bytes:
        """The client will send no more; it may still be reading."""
        self._ended = True
        if self.halted:
            return b""
        unread, self._unread = self._unread, b""
        return self._proceed(unread)

    def _proceed(self, data: bytes) -> bytes:
        """Read on until the input ends, an answer is due, or enough replies have come together."""
        position = 0
        end = len(data)
        while position < end and not self.halted:
            behind = self._read(data, position)
            if behind < 0:
                break
            position = behind
        if self._hush and not self.waiting:
            self._hush = False
            self.halted = self.backlog or self.closing
            self._after_hush(data[position:])
            position = end
        if self._ended and not self.halted and self._read == self._lines:
            self._last_line(data[position:])
        elif position < end and not self.closing:
            self._unread = data[position:] if position else data
        if self._ended and not self.waiting and not self.backlog and not self.handshaking:
            # RFC 5321 4.1.1.10: the client should have said QUIT.  What is unfinished is dropped.
            self.record.end("EOF")
            self._close(orderly=True)
        output = self._output
        if not output:
            return b""
        sent = output[0] if len(output) == 1 else b"".join(output)
        output.clear()
        self._output_size = 0
        return sent

    def _wait(self) -> None:
        """An answer is due: read no further."""
        self.waiting = self.halted = True

    def _resume(self) -> None:
        """The answer is there."""
        self.waiting = False
        self.halted = self._hush

    def _be_silent(self) -> None:
        """What comes with the line that was just read is none that the client may send before the reply to it."""
        self._hush = self.halted = True

    @property
    def has_unread(self) -> bool:
        """Whether the client has said something already that is not looked at yet."""
        return bool(self._unread)

    @property
    def hushed(self) -> bool:
        """Whether the client may say nothing now, before the answer that is due: what it says will be discarded."""
        return self._hush

    # -- output ------------------------------------------------------------------------------

    def _say(self, reply: Reply) -> None:
        wire = reply.wire if self._profile.enhanced else reply.bare_wire
        self._output.append(wire)
        self._said(wire)
        self._output_size += len(wire)
        if reply.code >= 400:
            self.record.refusals += self.record.ended is None  # else it is our own farewell
        if reply.closes:
            self.record.end("421" if reply.code == 421 else "rule")
            self._close(orderly=False)
        if self._output_size > self._profile.limits.replies_waiting:
            self.backlog = self.halted = True

    def _put(self, line: bytes) -> None:
        """A line that is no reply, in an exchange that is under way."""
        self._output.append(line)
        self._said(line)
        self._output_size += len(line)

    def _give_up(self, reply: Reply) -> None:
        """Say this, and close; nothing that follows is read."""
        self._say(reply)
        self._close(orderly=False)

    def _close(self, *, orderly: bool) -> None:
        """Read nothing more, and hold nothing any more."""
        self.closing = self.halted = True
        self.orderly = orderly
        self.backlog = self.waiting = self.at_mark = False
        self._content.drop()
        self._unread = self._skipped = b""

    # -- command lines -----------------------------------------------------------------------

    def _read_first(self, data: bytes, position: int) -> int:
        """The session's first octets: a TLS handshake never has a line end, so look at once."""
        if data[position] == 0x16:  # RFC 8446 5.1: a handshake record, and then version 3
            if len(data) - position < 2:
                return -1
            if data[position + 1] == 0x03:
                why = "the client began a TLS handshake, and this listener has no implicit TLS"
                self.record.transcript.happened(why)
                self.record.tls_failure = why
                self._give_up(replies.NOT_SMTP)
                return len(data)
        self._read = self._lines
        return self._read(data, position)

    def _read_line(self, data: bytes, position: int) -> int:
        """RFC 5321 2.3.8: a line ends with CRLF, and with nothing else."""
        end = data.find(b"\r\n", position)
        if end < 0:
            return self._half_line(data, position)
        self._line(data[position:end])
        return end + 2

    def _read_any_line(self, data: bytes, position: int) -> int:
        """A line that a CR or an LF alone may end, where the server accepts that."""
        match = _LINE_END.search(data, position)
        if match is None:
            return self._half_line(data, position)
        self._line(data[position : match.start()])
        self._see_bare_cr(match)
        return match.end()

    def _see_bare_cr(self, match: re.Match[bytes]) -> None:
        if match[0] == b"\r":
            self._after_lf = self._read
            self._read = self._read_past_lf

    def _read_past_lf(self, data: bytes, position: int) -> int:
        """A CR has ended a line, and been obeyed; an LF that comes right behind it is the same end."""
        self._read = self._after_lf
        return position + 1 if data[position] == 0x0A else self._read(data, position)

    def _half_line(self, data: bytes, position: int) -> int:
        if len(data) - position <= self._profile.longest_line:
            return -1
        # RFC 5321 4.5.3.1: too long already.  Its end has to come before its reply.
        self._skipped = data[position : position + self._profile.longest_line]
        self._heard(self._shown(self._skipped))
        self._left = 0
        self._read = self._read_past_line
        return self._read_past_line(data, position)

    def _read_past_line(self, data: bytes, position: int) -> int:
        """The rest of a line that is too long: counted, and not kept."""
        match = None
        if self._profile.accepts_bare_line_ends:
            match = _LINE_END.search(data, position)
            end = -1 if match is None else match.start()
        else:
            end = data.find(b"\r\n", position)
        # A CR at the very end may be half of the line's end: it waits.
        seen = end if end >= 0 else len(data) - data.endswith(b"\r")
        self._left += seen - position
        if self._left > self._profile.limits.command_flood:
            self._give_up(replies.ENDLESS_LINE)
            return len(data)
        if end < 0:
            return seen if seen > position else -1
        self._read = self._lines
        line, self._skipped = self._skipped, b""
        self._long_line(line)
        if match is None:
            return end + 2
        self._see_bare_cr(match)
        return match.end()

    def _last_line(self, rest: bytes) -> None:
        """Half a command at the end of input: no command, but who ends lines with LF should hear of it."""
        if b"\n" in rest or b"\r" in rest:
            self._line(rest)

    # -- content -----------------------------------------------------------------------------

    @property
    def in_content(self) -> bool:
        """Whether the octets to come are content, by DATA or by BDAT."""
        return self._read in (self._read_data, self._read_chunk)

    @property
    def content_size(self) -> int:
        """The octets of content that have come since DATA, or in this transaction's chunks."""
        return self._content.size

    def read_on(self) -> bytes:
        """Go on behind the mark that content has come to; raises `RuntimeError` where it is at none."""
        if not self.at_mark:
            raise RuntimeError("the session does not wait at a mark")
        self.at_mark = False
        self._resume()
        if self._overflow:
            self._give_up(replies.OVERFLOW)
        elif self._left == 0 and self._read == self._read_chunk:
            self._read_chunk(b"", 0)
        unread, self._unread = self._unread, b""
        return self._proceed(unread)

    @property
    def mark(self) -> int:
        """The last mark that content has come to; -1 for none."""
        return self._marked

    def _next_mark(self) -> int | None:
        return min((mark for mark in self.marks if mark > self._marked), default=None)

    def _room(self) -> int | None:
        """How much may be read before the next mark; None if there is none."""
        mark = self._next_mark()
        return None if mark is None else max(mark - self._content.size, 1)

    def _see_mark(self) -> None:
        """Halt if as much content has come as is marked."""
        mark = self._next_mark()
        if mark is not None and mark <= self._content.size and not self.closing:
            self._marked = mark
            self.at_mark = True
            self.backlog = False  # what is to be sent goes out while the session waits
            self._wait()

    def _begin_content(self) -> None:
        self._content.begin()
        self._marked = -1

    def _expect_data(self) -> None:
        self._begin_content()
        self._receiver.begin()
        self._read = self._read_data
        if self.marks:
            self._see_mark()

    def _read_data(self, data: bytes, position: int) -> int:
        """RFC 5321 4.1.1.4, 4.5.2: lines, until one that is a dot alone."""
        room = self._room() if self.marks else None
        if room is not None:
            data = data[: position + room]
        behind = self._receiver.receive(data, position)
        if behind >= 0:
            self._read = self._lines
            self._end_of_data()
            return behind
        if self._content.endless:
            self._give_up(replies.ENDLESS_MESSAGE)
        if room is not None:
            self._see_mark()
        return len(data)

    def _expect_chunk(self, size: int) -> None:
        self._left = size
        self._read = self._read_chunk
        if size == 0:
            self._read_chunk(b"", 0)

    def _read_chunk(self, data: bytes, position: int) -> int:
        """RFC 3030 2: octets by number, whatever is in them, and whether or not they are welcome."""
        behind = min(position + self._left, len(data))
        room = self._room() if self.marks else None
        if room is not None:
            behind = min(behind, position + room)
        self._left -= behind - position
        before = self._content.size
        self._chunk_octets(data[position:behind])
        if room is not None and self._content.size > before:
            self._see_mark()
        if self._left == 0 and not self.at_mark:
            self._read = self._lines
            self._end_of_chunk()
        return behind

    # -- what is found -----------------------------------------------------------------------

    def _line(self, line: bytes) -> None:
        """A command line, without its end."""
        raise NotImplementedError

    def _shown(self, line: bytes) -> bytes:
        """A command line as it may be shown."""
        raise NotImplementedError

    def _after_hush(self, rest: bytes) -> None:
        """What came where nothing may come, if anything did."""
        raise NotImplementedError

    def _long_line(self, line: bytes) -> None:
        """The start of a command line that was too long; its end has come."""
        raise NotImplementedError

    def _end_of_data(self) -> None:
        """All of the content is there."""
        raise NotImplementedError

    def _chunk_octets(self, octets: bytes) -> None:
        """Some of a chunk."""
        raise NotImplementedError

    def _end_of_chunk(self) -> None:
        """All of the chunk is there."""
        raise NotImplementedError
