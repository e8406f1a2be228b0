"""Send frames to the client of one websocket, without waiting for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

from lazr.smtptest.web.websocket_frames import FRAME_WRITER_EXTENSION, encode_text_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import WebSocket

    from lazr.smtptest.web.websocket_frames import FrameWriter

__all__ = ["CLOSE_POLICY_VIOLATION", "CLOSE_TRY_AGAIN_LATER", "EventListener", "FrameBatch"]

# A client that does not read a frame within this time is disconnected.
_WRITE_TIMEOUT_SECONDS = 10.0
# So much may wait for a client that reads slowly; beyond it, the client is disconnected.
_MAX_QUEUED_BYTES = 8 * 1024 * 1024
# While less than this waits in the buffer of the connection, frames are written at once.
_MAX_UNSENT_BYTES = 256 * 1024

CLOSE_POLICY_VIOLATION = 1008  # RFC 6455 7.4.1
CLOSE_TRY_AGAIN_LATER = 1013  # IANA's registry of RFC 6455 7.4.1


class FrameBatch:
    """Some frames: their texts, and their bytes on the wire, which clients share.

    Args:
        texts: the texts of the frames, in UTF-8.
    """

    __slots__ = ("encoded", "texts")

    def __init__(self, texts: Sequence[bytes]) -> None:
        self.texts: Sequence[bytes] = texts
        self.encoded: bytes = b"".join(map(encode_text_frame, texts))


class EventListener:
    """The frames that wait for one client; all methods must be called in the event loop.

    Args:
        websocket: the websocket; `run` may be called after it is accepted.

    Attributes:
        is_active: whether the listener gets the frames of changes; false until those from before it joined are sent.
    """

    def __init__(self, websocket: WebSocket) -> None:
        self.is_active = False
        self._websocket = websocket
        extensions = websocket.scope.get("extensions") or {}
        self._writer: FrameWriter | None = extensions.get(FRAME_WRITER_EXTENSION)
        self._queue: deque[FrameBatch] = deque()
        self._queued_bytes = 0
        self._is_running = self._is_sending = False
        self._close_code: int | None = None
        self._wakeup = asyncio.Event()

    def push(self, batch: FrameBatch) -> None:
        """Send frames: at once if the client is quick, else when it has read those before."""
        if self._close_code is not None:
            return
        writer = self._writer
        is_idle = self._is_running and not self._is_sending and not self._queue
        if is_idle and writer is not None and writer.unsent_bytes < _MAX_UNSENT_BYTES:
            writer.write(batch.encoded)
            return
        if self._queued_bytes > _MAX_QUEUED_BYTES:
            self.close(CLOSE_TRY_AGAIN_LATER)
            return
        self._queue.append(batch)
        self._queued_bytes += len(batch.encoded)
        self._wakeup.set()

    def close(self, code: int) -> None:
        """Close the websocket with a code, after the frames that are written already."""
        if self._close_code is None:
            self._close_code = code
            self._queue.clear()
            self._wakeup.set()

    def stop(self) -> None:
        """End `run`, because the server stops; it closes the websocket itself."""
        self._close_code = self._close_code or 0
        self._wakeup.set()

    async def run(self) -> None:
        """Send the frames that wait, until the websocket is closed."""
        self._is_running = True
        try:
            while self._close_code is None:
                await self._wakeup.wait()
                self._wakeup.clear()
                self._is_sending = True
                while self._queue and self._close_code is None:
                    await self._send(self._queue.popleft())
                self._is_sending = False
        except TimeoutError:
            self._close_code = self._close_code or CLOSE_TRY_AGAIN_LATER
        if self._close_code:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_WRITE_TIMEOUT_SECONDS):
                    await self._websocket.close(self._close_code)

    async def _send(self, batch: FrameBatch) -> None:
        self._queued_bytes -= len(batch.encoded)
        if self._writer is not None:
            async with asyncio.timeout(_WRITE_TIMEOUT_SECONDS):
                await self._writer.wait_until_writable()
            self._writer.write(batch.encoded)
            return
        for text in batch.texts:
            async with asyncio.timeout(_WRITE_TIMEOUT_SECONDS):
                await self._websocket.send_text(text.decode())
