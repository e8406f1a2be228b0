"""Print events in a thread of their own, so that a slow output does not delay the server."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from lazr.smtptest._util.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self, TextIO

    from lazr.smtptest import Mail

__all__ = ["OutputRenderer", "PrinterThread"]

_MAX_QUEUED_ITEMS = 1000
_MAX_QUEUED_BYTES = 64 * 1024 * 1024
_MAX_ITEMS_PER_BATCH = 100
_SECONDS_BETWEEN_BATCHES = 0.05
_BUDGET_SECONDS_IN_ADVANCE = 0.2


class OutputRenderer(Protocol):
    """Renderer of events as text; `TextRenderer` and `JsonRenderer` implement it."""

    def render_listening(
        self,
        urls: list[str],
        store_summary: tuple[str, int] | None,
        trusted_ca_file: str | None,
        *,
        page_url: str | None = None,
        has_retention: bool,
    ) -> str:
        """Return the first lines of the output."""

    def render_stopped(self, mails: int, unprinted_mails: int) -> str:
        """Return the last line of the output."""

    def render_omission(self, mails: int, refusals: int) -> str:
        """Return the text about mails and refused commands that were not printed."""

    def render_refusal(self, command: str, reply: str) -> str:
        """Return the text about a refused command."""

    def render_mail(self, mail: Mail) -> str:
        """Return the text about a mail."""


class PrinterThread(threading.Thread):
    """Thread that prints mails, refusals and lines from a bounded queue.

    The end of its `with` block waits until all items are printed.

    A caller never waits: with a full queue, the `enqueue` methods return False and drop the item.  The next line that
    is printed says how many items were dropped.

    The thread wakes up for a batch of items, not for each: every switch between threads costs receiving as much time
    as printing a line.

    Args:
        out: The text stream to print to.
        renderer: Turns each item into text.
        on_finished: Called once when the thread ends, also if the output was closed or failed.
        max_queued_items: How many items may wait to be printed.
        max_load: The part of a core that rendering mails may take for longer than a moment, such as 0.04; mails beyond
            it are dropped.  None, the default, is no limit.

    Attributes:
        exit_status: The exit status for the process: 0, or 1 if printing failed.
        unprinted_mails: How many mails were not printed.
        silent_mails: How many mails are not to be printed; the caller counts them.
    """

    def __init__(
        self,
        out: TextIO,
        renderer: OutputRenderer,
        on_finished: Callable[[], object],
        max_queued_items: int = _MAX_QUEUED_ITEMS,
        *,
        max_load: float | None = None,
    ) -> None:
        super().__init__(name="smtptest printer", daemon=True)
        self.exit_status: int = 0
        self.unprinted_mails: int = 0
        self.silent_mails: int = 0
        self._printed_mails = 0
        self._has_announced = False
        self._queue: deque[Mail | tuple[str, str] | str] = deque()
        self._queued_bytes = 0
        self._omitted_mails = self._omitted_refusals = 0
        self._condition = threading.Condition()
        self._is_ending = False
        self._max_queued_items = max_queued_items
        self._budget = None if max_load is None else _TimeBudget(max_load)
        self._out = out
        self._renderer = renderer
        self._on_finished = on_finished
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="backslashreplace")  # no character of a mail may end the printing

    def enqueue_listening(
        self,
        urls: list[str],
        store_summary: tuple[str, int] | None,
        trusted_ca_file: str | None,
        *,
        page_url: str | None = None,
        has_retention: bool,
    ) -> None:
        """Print the first lines; without them, the last line is omitted too.

        Args:
            urls: The URLs of all ports.
            store_summary: The URL of the store and its number of mails; None without a store.
            trusted_ca_file: The PEM file of the CA that clients must trust; None without made certificates.
            page_url: The URL of the web inbox; None without HTTP.
            has_retention: Whether old mails are deleted, or there is no store that keeps them.
        """
        text = self._renderer.render_listening(
            urls, store_summary, trusted_ca_file, page_url=page_url, has_retention=has_retention
        )
        self._has_announced = self._enqueue(text)

    def enqueue_mail(self, mail: Mail, *, is_only_copy: bool = False) -> bool:
        """Print a mail; return False if the queue is full.

        Args:
            mail: The mail.
            is_only_copy: Whether the caller refuses a mail that is not printed; by default, it counts as not printed.
        """
        is_queued = self._enqueue(mail, mail.size)
        if not is_queued and not is_only_copy:
            self.unprinted_mails += 1
            self._omitted_mails += 1
        return is_queued

    def enqueue_refusal(self, command: str, reply: str) -> bool:
        """Print that a command was refused; return False if the queue is full."""
        is_queued = self._enqueue((command, reply))
        if not is_queued:
            self._omitted_refusals += 1
        return is_queued

    def _enqueue(self, item: Mail | tuple[str, str] | str, size: int = 0) -> bool:
        with self._condition:
            if len(self._queue) >= self._max_queued_items or (
                self._queue and self._queued_bytes + size > _MAX_QUEUED_BYTES
            ):
                return False
            self._queue.append(item)
            self._queued_bytes += size
            if len(self._queue) == 1:
                self._condition.notify()
        return True

    def run(self) -> None:
        """Print items until the end of the `with` block."""
        try:
            self._print_all()
        except BrokenPipeError:  # the reader of our output has exited, for example `head`
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the interpreter flushes stdout at exit
        except OSError as error:
            self.exit_status = 1
            print(f"smtptest: cannot print to standard output: {error}", file=sys.stderr)  # noqa: T201
        finally:
            self._on_finished()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        with self._condition:
            self._is_ending = True
            self._condition.notify()
        self.join()

    def _print_all(self) -> None:
        last_batch_at = 0.0
        while True:
            with self._condition:
                while not self._queue and not self._is_ending:
                    self._condition.wait()
                # Lines that follow shortly after others wait for more of them.
                self._condition.wait_for(
                    lambda: self._is_ending, max(last_batch_at + _SECONDS_BETWEEN_BATCHES - monotonic(), 0)
                )
                if not self._queue:
                    break
            last_batch_at = monotonic()
            self._print_batch()
        if self._has_announced:
            received_mails = self._printed_mails + self.unprinted_mails + self.silent_mails
            self._write([self._renderer.render_stopped(received_mails, self.unprinted_mails)])

    def _print_batch(self) -> None:
        lines = []
        for _ in range(_MAX_ITEMS_PER_BATCH):
            with self._condition:
                if not self._queue:
                    break
                item = self._queue[0]
            text = self._render(item)
            if text:
                lines.append(text)
            # Only now, so that a mail that is being printed counts for the limit of the queue.
            with self._condition:
                self._queue.popleft()
                self._queued_bytes -= 0 if isinstance(item, str | tuple) else item.size
        mails, refusals = self._omitted_mails, self._omitted_refusals
        if mails or refusals:
            self._omitted_mails -= mails
            self._omitted_refusals -= refusals
            lines.append(self._renderer.render_omission(mails, refusals))
        self._write(lines)

    def _render(self, item: Mail | tuple[str, str] | str) -> str:
        if isinstance(item, str):
            return item
        if isinstance(item, tuple):
            return self._renderer.render_refusal(*item)
        if self._budget is None:
            text = self._renderer.render_mail(item)
        elif self._budget.has_time():
            with self._budget.measure():
                text = self._renderer.render_mail(item)
        else:
            self.unprinted_mails += 1
            self._omitted_mails += 1
            return ""
        self._printed_mails += 1
        return text

    def _write(self, lines: list[str]) -> None:
        if lines:
            print("\n".join(lines), file=self._out, flush=True)


class _TimeBudget:
    """How much CPU time rendering may take: a part of the elapsed time, and some in advance."""

    def __init__(self, load: float) -> None:
        self._load = load
        self._credit = _BUDGET_SECONDS_IN_ADVANCE
        self._updated_at = monotonic()

    def has_time(self) -> bool:
        now = monotonic()
        self._credit = min(self._credit + (now - self._updated_at) * self._load, _BUDGET_SECONDS_IN_ADVANCE)
        self._updated_at = now
        return self._credit > 0

    @contextlib.contextmanager
    def measure(self) -> Iterator[None]:
        started_at = time.thread_time()
        yield
        self._credit -= time.thread_time() - started_at
