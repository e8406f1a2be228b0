"""Wait until sockets are ready: one small interface over epoll, kqueue and `select`.

`create_poller` returns the best one that the platform has.  All are level-triggered: a socket that stays ready is
reported again.
"""

from __future__ import annotations

import errno
import select
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Poller(Protocol):
        """What a reactor needs of a poller; `READ` and `WRITE` are the bits of its masks."""

        def register(self, fd: int, mask: int, /) -> None:
            """Report when this descriptor is ready for an operation of `mask`, which is not 0."""

        def modify(self, fd: int, mask: int, /) -> None:
            """Replace the mask of a registered descriptor; it is not 0."""

        def unregister(self, fd: int, /) -> None:
            """Report nothing more about this descriptor."""

        def poll(self, timeout: float | None, /) -> list[tuple[int, int]]:
            """Wait until a descriptor is ready; return the ready ones with their masks.

            The wait takes at most `timeout` seconds; with None there is no limit.  A mask may have bits besides `READ`
            and `WRITE`: the peer has closed, or the socket failed.  Both operations then return at once.
            """

        def fileno(self) -> int:
            """Return a descriptor that is readable when a registered one is ready, or -1."""

        def close(self) -> None:
            """Release the descriptor."""


__all__ = ["READ", "WRITE", "SelectPoller", "create_poller"]

# The values of EPOLLIN and EPOLLOUT, so that epoll needs no conversion.
READ = 1
WRITE = 4


class SelectPoller:
    """The fallback, by `select.select`: it is everywhere, and limited to `max_sockets`."""

    max_sockets: int = 500  # on Windows, a call takes 512

    # Elsewhere, a call fails if one descriptor is as large as this (FD_SETSIZE).
    _first_refused_fd = sys.maxsize if sys.platform == "win32" else 1024

    def __init__(self) -> None:
        self._masks: dict[int, int] = {}

    def register(self, fd: int, mask: int, /) -> None:
        """Report when this descriptor is ready for one of the operations of `mask`.

        Raises `OSError` if `select` cannot watch it.
        """
        if fd >= self._first_refused_fd:
            raise OSError(errno.EMFILE, f"`select` cannot watch descriptor {fd}")
        self._masks[fd] = mask

    modify = register

    def unregister(self, fd: int, /) -> None:
        """Report nothing more about this descriptor."""
        del self._masks[fd]

    def poll(self, timeout: float | None, /) -> list[tuple[int, int]]:
        """Wait until a descriptor is ready; return the ready ones with their masks."""
        readers = [fd for fd, mask in self._masks.items() if mask & READ]
        writers = [fd for fd, mask in self._masks.items() if mask & WRITE]
        # Windows reports a failed connection as an exceptional condition only.
        readable, writable, failed = select.select(readers, writers, writers, timeout)
        ready = dict.fromkeys(readable, READ)
        for fd in (*writable, *failed):
            ready[fd] = ready.get(fd, 0) | WRITE
        return list(ready.items())

    def fileno(self) -> int:
        """Return -1: there is no descriptor to wait for."""
        return -1

    def close(self) -> None:
        """Do nothing: there is no descriptor."""


class _KqueuePoller:
    """The poller of macOS and the BSDs, where each operation has a filter of its own."""

    def __init__(self) -> None:
        self._queue: Any = select.kqueue()  # type: ignore[attr-defined,unused-ignore]  # not on all platforms
        self._masks: dict[int, int] = {}

    def register(self, fd: int, mask: int, /) -> None:
        """Report when this descriptor is ready for one of the operations of `mask`."""
        self._change(fd, self._masks.get(fd, 0), mask)

    modify = register

    def unregister(self, fd: int, /) -> None:
        """Report nothing more about this descriptor."""
        self._change(fd, self._masks[fd], 0)

    def _change(self, fd: int, before: int, after: int) -> None:
        changes = [
            self._build_change(fd, bit, is_added=bool(after & bit)) for bit in (READ, WRITE) if (before ^ after) & bit
        ]
        if changes:
            self._queue.control(changes, 0, 0)
        if after:
            self._masks[fd] = after
        else:
            self._masks.pop(fd, None)

    def _build_change(self, fd: int, bit: int, *, is_added: bool) -> object:
        kqueue: Any = select
        kind = kqueue.KQ_FILTER_READ if bit == READ else kqueue.KQ_FILTER_WRITE
        return kqueue.kevent(fd, kind, kqueue.KQ_EV_ADD if is_added else kqueue.KQ_EV_DELETE)

    def poll(self, timeout: float | None, /) -> list[tuple[int, int]]:
        """Wait until a descriptor is ready; return the ready ones with their masks."""
        ready: dict[int, int] = {}  # a descriptor has up to two events
        kqueue: Any = select
        for event in self._queue.control(None, 2 * len(self._masks) + 1, timeout):  # with 0, it would not wait
            bit = READ if event.filter == kqueue.KQ_FILTER_READ else WRITE
            ready[event.ident] = ready.get(event.ident, 0) | bit
        return list(ready.items())

    def fileno(self) -> int:
        """Return the descriptor of the queue."""
        return int(self._queue.fileno())

    def close(self) -> None:
        """Release the descriptor."""
        self._queue.close()


def create_poller() -> Poller:
    """Return a poller: epoll on Linux, kqueue on macOS and the BSDs, else `select`."""
    if hasattr(select, "epoll"):
        epoll: Poller = select.epoll()
        return epoll
    if hasattr(select, "kqueue"):
        return _KqueuePoller()
    return SelectPoller()
