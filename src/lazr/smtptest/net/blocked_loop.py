"""Detect a client that blocks the event loop of the server, and reply to it.

With `async with MailServer()`, the server runs in the loop of the test.  A blocking client in a coroutine of that loop
stops the server that it waits for.  A thread detects this by three facts:

- A connection waits to be accepted, or has sent input that is not read.
- The loop does not react.
- The thread of the loop waits for a socket or a child process.

The thread then sends the reply instead of the server, and closes the connection.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import sys
import threading
import traceback

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.protocol.smtp import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

__all__ = ["BlockedLoopWatch"]

_log = logging.getLogger("lazr.smtptest")

_POLL_SECONDS = 1.0
_BLOCKED_SECONDS = 5.0

# The loop's thread is in one of these modules while a client waits for the server.  A debugger is in none of them.
_WAITING_MODULES = frozenset({"socket", "ssl", "smtplib", "subprocess", "http.client", "select", "selectors"})
_MAX_SEARCHED_FRAMES = 4
_MAX_LOGGED_FRAMES = 12

_BLOCKED_REPLY = Reply(
    421,
    "4.3.2",
    "this client blocks the event loop that the server runs in; call it by asyncio.to_thread, "
    "or start the server with `with MailServer()`",
)


class BlockedLoopWatch:
    """A thread that watches the event loop of a server, between `start` and `stop`.

    Args:
        loop: The event loop.
        thread_id: The identifier of its thread.
        sockets: The listening sockets of the server.
        list_clients: Returns the socket of each connection, and whether its client reads plaintext.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        thread_id: int,
        sockets: Sequence[socket.socket],
        list_clients: Callable[[], list[tuple[socket.socket, bool]]],
    ) -> None:
        self._loop = loop
        self._thread_id = thread_id
        self._sockets = sockets
        self._list_clients = list_clients
        self._stop_event = threading.Event()
        self._beat_event = threading.Event()  # the loop has reacted
        self._beat_time: float | None = None  # when the watch has asked it to; None if it has not
        self._thread = threading.Thread(target=self._run, name="smtptest loop watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop_event.set()
        self._thread.join()

    def _run(self) -> None:
        # OSError, ValueError: a socket is closed.  RuntimeError: the loop is closed.
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            while not self._stop_event.wait(_POLL_SECONDS):
                listening, clients = self._find_waiting()
                if not (listening or clients) or self._beat_event.is_set():
                    self._beat_time = None
                elif self._beat_time is None:
                    self._beat_event.clear()
                    self._beat_time = monotonic()
                    self._loop.call_soon_threadsafe(self._beat_event.set)
                elif monotonic() - self._beat_time >= _BLOCKED_SECONDS and self._is_waiting_for_io():
                    self._answer(listening, clients)
                if self._beat_time is None:
                    self._beat_event.clear()

    def _find_waiting(self) -> tuple[list[socket.socket], list[tuple[socket.socket, bool]]]:
        """Return the listening sockets and the connections that have something to read."""
        clients = {client.fileno(): (client, is_in_clear) for client, is_in_clear in self._list_clients()}
        clients.pop(-1, None)  # closed meanwhile
        listening = {listening_socket.fileno(): listening_socket for listening_socket in self._sockets}
        with selectors.DefaultSelector() as selector:  # `select.select` takes no large descriptors
            for descriptor in (*listening, *clients):
                with contextlib.suppress(OSError, ValueError):
                    selector.register(descriptor, selectors.EVENT_READ)
            readable = {key.fd for key, _ in selector.select(0)}
        return (
            [listening_socket for descriptor, listening_socket in listening.items() if descriptor in readable],
            [client for descriptor, client in clients.items() if descriptor in readable],
        )

    def _is_waiting_for_io(self) -> bool:
        """Return whether the loop's thread waits in a client, not in a debugger or a computation."""
        frame = sys._current_frames().get(self._thread_id)
        for _ in range(_MAX_SEARCHED_FRAMES):
            if frame is None:
                return False
            if frame.f_globals.get("__name__") in _WAITING_MODULES:
                return True
            frame = frame.f_back
        return False

    def _answer(self, listening: Sequence[socket.socket], clients: Sequence[tuple[socket.socket, bool]]) -> None:
        """Reply to the waiting connections and close them; this unblocks the loop."""
        stack = traceback.format_stack(sys._current_frames().get(self._thread_id))
        _log.error("%s\nThe loop is at:\n%s", "; ".join(_BLOCKED_REPLY.lines), "".join(stack[-_MAX_LOGGED_FRAMES:]))
        # Accept all before the first reply: the reply unblocks the loop, and later connections are for the loop.
        with contextlib.ExitStack() as accepted:
            connections = []
            for listening_socket in listening:
                with contextlib.suppress(BlockingIOError):
                    while True:
                        connections.append(accepted.enter_context(listening_socket.accept()[0]))
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.sendall(_BLOCKED_REPLY.wire)
        for client, is_in_clear in clients:
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(client.fileno())) as connected:
                if is_in_clear:
                    with contextlib.suppress(OSError):  # a client that reads nothing is disconnected all the same
                        connected.send(_BLOCKED_REPLY.wire)
                connected.shutdown(socket.SHUT_RDWR)  # the loop sees the end when it goes on
