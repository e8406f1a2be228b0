"""A child process that answers one request after the other, and may be killed at any time."""

from __future__ import annotations

import contextlib
import os
import select
import struct
import subprocess
import sys
from typing import IO, TYPE_CHECKING

from lazr.smtptest._util.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ChildProcessFailed", "WorkerProcess", "serve_requests"]

_LENGTH = struct.Struct("!I")
_MAX_READ_BYTES = 1024 * 1024


class ChildProcessFailed(Exception):
    """The child process timed out, exceeded its memory limit, or crashed."""


class WorkerProcess:
    """A module in a child process that runs `serve_requests`.

    `request` is for one thread; `kill` may be called from any thread.

    Args:
        module: the name of the module.
        timeout: how long a request may take, in seconds; the process is killed then.

    Raises:
        ChildProcessFailed: the process cannot be started.
    """

    def __init__(self, module: str, *, timeout: float = 30.0) -> None:
        self._timeout = timeout
        # -P: never import modules from the current directory.
        command = [sys.executable, "-P", "-m", module]
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:  # the system has no memory or no process left
            raise ChildProcessFailed(f"the process cannot be started: {error.strerror or error}") from None
        if self._process.stdin is None or self._process.stdout is None:
            raise ChildProcessFailed("the process has no pipes")
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        if os.name != "nt":
            os.set_blocking(self._stdin.fileno(), False)

    def request(self, data: bytes) -> bytes:
        """Send a request, and return the response.

        Raises:
            ChildProcessFailed: the process has ended, or does not answer in time.
        """
        deadline = monotonic() + self._timeout
        try:
            self._write(_LENGTH.pack(len(data)), deadline)
            self._write(data, deadline)
            length = self._read(_LENGTH.size, deadline)
            response = None if length is None else self._read(_LENGTH.unpack(length)[0], deadline)
        except TimeoutError:
            self.kill()
            raise ChildProcessFailed(f"the process took longer than {self._timeout:g} s") from None
        except (OSError, ValueError) as error:  # ValueError: the pipe is closed
            raise ChildProcessFailed(f"the process does not read requests: {error}") from None
        if response is None:
            raise ChildProcessFailed("the process has ended without a response")
        return response

    def _write(self, data: bytes, deadline: float) -> None:
        """Write to the process.

        The pipe takes a part at a time, and nothing while a suspended process does not read.
        """
        left = memoryview(data)
        while left:
            _wait_for_pipe(self._stdin, "POLLOUT", deadline)
            left = left[os.write(self._stdin.fileno(), left) :]

    def _read(self, size: int, deadline: float) -> bytes | None:
        """Read that many bytes from the process; None if it ends before."""
        pieces: list[bytes] = []
        while size > 0:
            _wait_for_pipe(self._stdout, "POLLIN", deadline)
            pieces.append(os.read(self._stdout.fileno(), min(size, _MAX_READ_BYTES)))
            if not pieces[-1]:
                return None
            size -= len(pieces[-1])
        return b"".join(pieces)

    def kill(self) -> None:
        """End the process now."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        """End the process, and close its pipes."""
        self.kill()
        for pipe in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        self._process.wait()


def _wait_for_pipe(pipe: IO[bytes], event_name: str, deadline: float) -> None:
    """Wait until a pipe is ready or has ended.

    Raises `TimeoutError` at the deadline, but not on Windows.

    Args:
        pipe: the pipe.
        event_name: `POLLIN` to wait for data, `POLLOUT` for room.
        deadline: the last moment, by the monotonic clock.
    """
    if not hasattr(select, "poll"):  # Windows
        return
    poll = select.poll()
    poll.register(pipe, getattr(select, event_name))
    if not poll.poll(max(0.0, deadline - monotonic()) * 1000):
        raise TimeoutError


def serve_requests(source: IO[bytes], target: IO[bytes], handle: Callable[[bytes], bytes]) -> None:
    """Answer the requests of `WorkerProcess` until its end: the child's main loop.

    Args:
        source: the requests.
        target: the responses.
        handle: returns the response to a request.
    """
    # What other code prints must not get into the responses.
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the process ends
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):  # Ctrl-C reaches all processes of a terminal
        while (request := _read_block(source)) is not None:
            _write_block(target, handle(request))


def _write_block(target: IO[bytes], data: bytes) -> None:
    target.write(_LENGTH.pack(len(data)))
    target.write(data)
    target.flush()


def _read_block(source: IO[bytes]) -> bytes | None:
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    data = source.read(_LENGTH.unpack(head)[0])
    return data if len(data) == _LENGTH.unpack(head)[0] else None
