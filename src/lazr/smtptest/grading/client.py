"""The clients of trials: a command in a process of its own, or a function in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import signal
import subprocess
import tempfile
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.grading.environment import build_environment, replace_words, write_messages
from lazr.smtptest.grading.observation import Claim
from lazr.smtptest.grading.task import Deferred, NotSupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import IO, Protocol

    from lazr.smtptest.grading.task import GradeTask

    class Client(Protocol):
        """What is graded."""

        def run(self, task: GradeTask, limit: float, cancel: threading.Event) -> ClientReport:
            """Send the mail of a task, and return what the client says about it.

            Args:
                task: The task.
                limit: The seconds after which the client is stopped.
                cancel: Set when the whole run is cancelled; the client is stopped then, too.
            """


__all__ = ["EXIT_DEFERRED", "ClientReport", "CommandClient", "FunctionClient"]

EXIT_DEFERRED = 75  # EX_TEMPFAIL of sysexits.h

_MAX_OUTPUT_BYTES = 8 * 1024
_POLL_SECONDS = 0.1
# A process that ignores the end of its group's leader keeps the pipes open; the readers are not waited for longer.
_OUTPUT_CLOSE_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ClientReport:
    """What a client says about its mail.

    - `claim`: that it was sent, that it is kept, that it failed; or that the client was stopped.
    - `text`: the end of its stderr, or its exception.
    - `exit_status`: the exit status of a command that was not stopped.
    """

    claim: Claim
    text: str = ""
    exit_status: int | None = None


class CommandClient:
    """A command that is run once for each task.

    Args:
        command: The program and its arguments; words in braces are replaced.
        env: Environment variables besides those of the task; the current environment by default.
        cwd: The folder to run it in; the current one by default.
    """

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | os.PathLike[str] | None = None
    ) -> None:
        self._command = list(command)
        self._env = dict(os.environ if env is None else env)
        self._cwd = cwd

    def run(self, task: GradeTask, limit: float, cancel: threading.Event) -> ClientReport:
        """Run the command, and return what its exit status says."""
        with tempfile.TemporaryDirectory(prefix="smtptest-grade-") as folder:
            paths = write_messages(task, Path(folder))
            with paths[0].open("rb") as message:
                process = subprocess.Popen(  # noqa: S603 - the user's command
                    replace_words(self._command, task, paths),
                    stdin=message,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=self._env | build_environment(task, paths),
                    cwd=self._cwd,
                    start_new_session=True,
                )
            outputs = [_OutputTail(pipe) for pipe in (process.stderr, process.stdout) if pipe is not None]
            try:
                is_ended = _wait_for_process(process, monotonic() + limit, cancel)
            finally:
                # Also after its end: a process in the background must not outlive the trial.
                _kill_group(process)
            for output in outputs:
                output.wait()
            text = next((output.text for output in outputs if output.text), "")
        if not is_ended:
            return ClientReport(Claim.HUNG, text)
        status = process.returncode
        claims = {0: Claim.SENT, EXIT_DEFERRED: Claim.DEFERRED}
        return ClientReport(claims.get(status, Claim.FAILED), text, status)


class FunctionClient:
    """A function that is called once for each task; it may be a coroutine function.

    Args:
        deliver: Sends the mail; an exception means that it failed.
    """

    def __init__(self, deliver: Callable[[GradeTask], object]) -> None:
        self._deliver = deliver

    def run(self, task: GradeTask, limit: float, cancel: threading.Event) -> ClientReport:
        """Call the function in a thread, and return what it says."""
        reports: list[ClientReport] = []
        done = threading.Event()

        def run() -> None:
            reports.append(_call(self._deliver, task))
            done.set()

        # A function cannot be killed.  It ends soon, because its server stops; a daemon never keeps the process alive.
        threading.Thread(target=run, name=f"grade {task.behavior}", daemon=True).start()
        end = monotonic() + limit
        while not done.wait(min(_POLL_SECONDS, max(0.0, end - monotonic()))):
            if cancel.is_set() or monotonic() >= end:
                return ClientReport(Claim.HUNG)
        return reports[0]


def _call(deliver: Callable[[GradeTask], object], task: GradeTask) -> ClientReport:
    try:
        result = deliver(task)
        if inspect.iscoroutine(result):
            asyncio.run(result)
    except Deferred as error:
        return ClientReport(Claim.DEFERRED, str(error))
    except NotSupported as error:
        return ClientReport(Claim.NOT_SUPPORTED, str(error))
    except BaseException as error:  # noqa: BLE001 - the client's report of a failure, also `sys.exit`
        return ClientReport(Claim.FAILED, f"{type(error).__name__}: {error}"[-_MAX_OUTPUT_BYTES:])
    return ClientReport(Claim.SENT)


class _OutputTail:
    """The end of what a process writes; a thread reads it, so that the process never waits."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._tail: deque[int] = deque(maxlen=_MAX_OUTPUT_BYTES)
        self._thread = threading.Thread(target=self._read, name="grade output", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        # The reader closes the pipe: a daemon can hold the other end for longer than the trial.
        with contextlib.suppress(OSError, ValueError), self._pipe:
            while octets := os.read(self._pipe.fileno(), 64 * 1024):
                self._tail.extend(octets[-_MAX_OUTPUT_BYTES:])

    def wait(self) -> None:
        """Wait for the end of the output, but not for long."""
        self._thread.join(_OUTPUT_CLOSE_TIMEOUT_SECONDS)

    @property
    def text(self) -> str:
        """The end of the output as text."""
        return bytes(self._tail.copy()).decode("utf-8", "replace").strip()


def _wait_for_process(process: subprocess.Popen[bytes], end: float, cancel: threading.Event) -> bool:
    """Wait for the end of a process; return whether it has ended by itself."""
    while not cancel.is_set():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(_POLL_SECONDS, max(0.0, end - monotonic())))
            return True
        if monotonic() >= end:
            return False
    return False


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it has started in its process group."""
    if hasattr(os, "killpg"):
        # The group exists as long as one of its processes does, also after the end of the leader.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:  # pragma: no cover - Windows
        process.kill()
    process.wait()
