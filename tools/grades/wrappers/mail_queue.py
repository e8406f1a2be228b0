"""Wait for the result of a mail server that queues: all mails sent, or one of them bounced or deferred."""

import contextlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import settings

STARTED_AT = time.monotonic()
REPLY_TIMEOUT = max(1, int(settings.TIMEOUT))
MAX_ATTEMPTS = 4
# An attempt may take three timeouts; a mail whose later attempts take as long is deferred.  `tools/grades` gives more.
WAIT_SECONDS = 20.0


@contextlib.contextmanager
def run_daemon(*command: str | Path) -> Iterator[None]:
    """Run a daemon in the process group of this process, which `smtptest grade` kills after the time limit."""
    process = subprocess.Popen(command, stdout=sys.stderr)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def wait_for(condition: Callable[[], bool], interval: float = 0.05) -> bool:
    """Return whether the condition became true before the time is over."""
    while not condition():
        if time.monotonic() - STARTED_AT > WAIT_SECONDS:
            return False
        time.sleep(interval)
    return True


def read_unix_text(path: Path) -> bytes:
    """Return a message with the line ends that programs expect from a pipe."""
    return path.read_bytes().replace(b"\r\n", b"\n")


def wait_for_result(
    read_statuses: Callable[[], list[tuple[str, str]]], run_queue: Callable[[], object] | None = None
) -> int:
    """Return the exit status when all mails have a result, a mail was deferred often enough, or the time is over.

    Args:
        read_statuses: Returns a pair for each delivery attempt until now: which mail to whom, and "sent", "bounced" or
            "deferred".
        run_queue: Makes a further attempt.  None leaves it to the daemon.
    """
    expected = len(settings.MESSAGES) * len(settings.RECIPIENTS)

    def is_finished() -> bool:
        statuses = read_statuses()
        results = dict(statuses)
        attempts = Counter(mail for mail, _status in statuses)
        if len(results) == expected and all(
            status != "deferred" or attempts[mail] >= MAX_ATTEMPTS for mail, status in results.items()
        ):
            return True
        if run_queue:
            run_queue()
        return False

    wait_for(is_finished, interval=0.5 if run_queue else 0.05)
    results = dict(read_statuses())
    print(*(f"{mail}: {status}" for mail, status in results.items()), sep="\n", file=sys.stderr)
    if "bounced" in results.values():
        return 1
    is_sent = len(results) == expected and set(results.values()) == {"sent"}
    return 0 if is_sent else settings.EX_TEMPFAIL
