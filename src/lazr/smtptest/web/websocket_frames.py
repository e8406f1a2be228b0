"""Frames of websockets that are encoded once and written to many clients.

`WebSocketProtocol` offers a `FrameWriter` in the ASGI scope.  Other web servers do not; there, each client gets texts.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["FRAME_WRITER_EXTENSION", "FrameWriter", "encode_text_frame"]

FRAME_WRITER_EXTENSION = "lazr.smtptest.frame_writer"
"""The key of the `FrameWriter` in the extensions of the ASGI scope."""

_FINAL_TEXT = 0x81  # RFC 6455 5.2: FIN, opcode 1
_TWO_BYTE_LENGTH, _EIGHT_BYTE_LENGTH = 126, 127


class FrameWriter(Protocol):
    """Writes whole frames to one client, past the ASGI interface."""

    @property
    def unsent_bytes(self) -> int:
        """How many bytes wait to be sent, apart from those in the system's buffers."""

    def write(self, frames: bytes) -> None:
        """Write frames; do nothing if the websocket is closed."""

    async def wait_until_writable(self) -> None:
        """Wait until the client has read most of what was written."""


def encode_text_frame(text: bytes) -> bytes:
    r"""Return the frame of a server's text message, not masked (RFC 6455 5.1 and 5.2).

    Args:
        text: the message in UTF-8.

    >>> encode_text_frame(b"Hi"), encode_text_frame(b"x" * 300)[:4]
    (b'\x81\x02Hi', b'\x81~\x01,')
    """
    length = len(text)
    if length < _TWO_BYTE_LENGTH:
        return bytes((_FINAL_TEXT, length)) + text
    if length < 1 << 16:
        return bytes((_FINAL_TEXT, _TWO_BYTE_LENGTH)) + length.to_bytes(2, "big") + text
    return bytes((_FINAL_TEXT, _EIGHT_BYTE_LENGTH)) + length.to_bytes(8, "big") + text
