"""Work on strangers' octets in a process of its own, whose time and memory have an end, whatever the octets do."""

from __future__ import annotations

import contextlib
import subprocess
import sys

__all__ = ["Failed", "apart", "begin"]

MIB = 1024 * 1024

_SECONDS = 10
_MEMORY = 768 * MIB


class Failed(Exception):
    """Nothing came of it: it took too long or too much, or the octets were the end of that process."""


def apart(module: str, octets: bytes, *, seconds: float = _SECONDS) -> bytes:
    """What a module writes to standard output, run with the octets on standard input.  Raises `Failed`.

    It calls `begin` first, which gives its memory an end; here it has one of its time.
    """
    # -P: what lies about in the folder where we are is not imported.
    command = [sys.executable, "-P", "-m", module]
    try:
        done = subprocess.run(  # noqa: S603
            command, input=octets, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=seconds, check=False
        )
    except OSError as error:  # no memory, or no process, is left for it
        raise Failed(f"it cannot be started: {error.strerror or error}") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"it took longer than {seconds:g} s") from None
    if done.returncode != 0:
        raise Failed(f"it ended with status {done.returncode}")
    return done.stdout


def begin(memory: int = _MEMORY) -> bytes:
    """For that module: the octets, with limits from here on where the system has some."""
    with contextlib.suppress(ImportError):  # Windows has none
        import resource

        for limit, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, 2 * _SECONDS)):
            with contextlib.suppress(ValueError, OSError):  # a lower one is set already, or the system has it not
                resource.setrlimit(limit, (most, most))
    return sys.stdin.buffer.read()
