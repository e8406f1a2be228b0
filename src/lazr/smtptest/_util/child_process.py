"""Read untrusted content in a child process with limits on time and memory."""

from __future__ import annotations

import subprocess
import sys

from lazr.smtptest._util.resource_limits import limit_resources
from lazr.smtptest._util.worker_process import ChildProcessFailed

__all__ = ["ChildProcessFailed", "read_stdin_with_limits", "run_in_child_process"]

MIB = 1024 * 1024

_TIMEOUT_SECONDS = 10
_MAX_MEMORY_BYTES = 768 * MIB


def run_in_child_process(module: str, data: bytes, *, timeout: float = _TIMEOUT_SECONDS) -> bytes:
    """Run a module with `data` on standard input, and return its standard output.

    The timeout is in seconds.  The module calls `read_stdin_with_limits` first, which limits its memory.

    Raises:
        ChildProcessFailed: the process cannot be started, times out, or ends with an error.
    """
    # -P: never import modules from the current directory.
    command = [sys.executable, "-P", "-m", module]
    try:
        completed = subprocess.run(  # noqa: S603
            command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=timeout, check=False
        )
    except OSError as error:  # the system has no memory or no process left
        raise ChildProcessFailed(f"the process cannot be started: {error.strerror or error}") from None
    except subprocess.TimeoutExpired:
        raise ChildProcessFailed(f"the process took longer than {timeout:g} s") from None
    if completed.returncode != 0:
        raise ChildProcessFailed(f"the process ended with status {completed.returncode}")
    return completed.stdout


def read_stdin_with_limits(max_memory: int = _MAX_MEMORY_BYTES) -> bytes:
    """Limit memory and CPU time of this process, and return its standard input."""
    limit_resources(max_memory=max_memory, max_cpu_seconds=2 * _TIMEOUT_SECONDS)
    return sys.stdin.buffer.read()
