"""The output of a session that was not sent yet, and what the transcript shows of it."""

from __future__ import annotations

from lazr.smtptest.protocol.smtp import RawBytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.protocol.imap.responses import Part
    from lazr.smtptest.protocol.smtp import Transcript

__all__ = ["SessionOutput"]

# Of longer output, the transcript has the first line, and the size of the rest.
_MAX_SHOWN_BYTES = 500


class SessionOutput:
    """The output of one session.

    - `size`: the bytes that `take` will return.
    - `is_in_response`: the last part of a response is missing, so no other response can follow now.

    Args:
        transcript: The transcript of the session.
    """

    __slots__ = ("_pieces", "_transcript", "is_in_response", "size")

    def __init__(self, transcript: Transcript) -> None:
        self._transcript: Final = transcript
        self._pieces: list[bytes] = []
        self.size: int = 0
        self.is_in_response: bool = False

    def add(self, wire: bytes) -> None:
        """Add whole responses, perhaps none."""
        if not wire:
            return
        self._pieces.append(wire)
        self.size += len(wire)
        transcript = self._transcript
        if len(wire) <= _MAX_SHOWN_BYTES or transcript.keeps_content:
            transcript.add_reply(wire if wire.endswith(b"\r\n") else RawBytes(wire))
            return
        line = wire[:_MAX_SHOWN_BYTES].partition(b"\r\n")[0]
        transcript.add_reply(line + b"\r\n")
        transcript.add_note(f"(… {len(wire) - len(line):,} octets …)")

    def add_part(self, part: Part) -> None:
        """Add a part of a response; the transcript shows the first one."""
        self.is_in_response = not part.is_last
        if part.is_first or self._transcript.keeps_content:
            self.add(part.wire)
        else:
            self._pieces.append(part.wire)
            self.size += len(part.wire)
            self._transcript.add_note(f"(… {len(part.wire):,} octets …)")

    def take(self) -> bytes:
        """Return the output, and forget it."""
        output = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return output
