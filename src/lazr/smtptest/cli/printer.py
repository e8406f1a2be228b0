"""The printing of what happens, in a thread of its own, which no signal interrupts: what it took, it prints."""

from __future__ import annotations

import contextlib
import io
import os
import queue
import sys
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self, TextIO

    from lazr.smtptest.mail.mail import Mail

__all__ = ["Painting", "Printer"]

_MOST = 1000


class Painting(Protocol):
    """How things look in the output."""

    def listening(self, places: list[str], kept: tuple[str, int] | None, trust: str | None) -> str:
        """The first line."""

    def stopped(self, mails: int, unseen: int) -> str:
        """The last line."""

    def refusal(self, what: str, reply: str) -> str:
        """A command that was refused."""

    def mail(self, mail: Mail) -> str:
        """A mail."""


class Printer(threading.Thread):
    """Prints mails, refusals and lines; a `with` block begins it, and at its end all is printed.

    Whoever hands it something does not wait: where more waits to be printed than can, that is not taken.

    - `ended`: called when nothing is printed any more; that may be because nobody reads the output, or it failed.
    - `status`: the exit status that this is worth; 0 where all is well.
    - `unseen`: how many mails came that were not printed, for whoever counts those.
    """

    def __init__(self, out: TextIO, paint: Painting, ended: Callable[[], object], most: int = _MOST) -> None:
        super().__init__(name="smtptest printer", daemon=True)
        self.status: int = 0
        self.unseen: int = 0
        self._mails = 0
        self._began = False
        self._waiting: queue.Queue[Mail | tuple[str, str] | str | None] = queue.Queue(maxsize=most)
        self._out = out
        self._paint = paint
        self._ended = ended
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="backslashreplace")  # nothing that a mail holds may end the printing

    def listening(self, places: list[str], kept: tuple[str, int] | None, trust: str | None) -> None:
        """Print where the server is, and what it keeps; without that, there is no last line either."""
        self._began = self._take(self._paint.listening(places, kept, trust))

    def mail(self, mail: Mail) -> bool:
        """Print a mail; whether it is taken."""
        return self._take(mail)

    def refusal(self, what: str, reply: str) -> bool:
        """Print that a command was refused; whether that is taken."""
        return self._take((what, reply))

    def _take(self, thing: Mail | tuple[str, str] | str) -> bool:
        try:
            self._waiting.put_nowait(thing)
        except queue.Full:
            return False
        return True

    def run(self) -> None:
        """Print until told that there is no more."""
        try:
            self._print_all()
        except BrokenPipeError:  # whoever read our output has gone; nobody is left to tell
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the interpreter's last flush
        except OSError as error:
            self.status = 1
            print(f"smtptest: cannot print any more: {error}", file=sys.stderr)  # noqa: T201
        finally:
            self._ended()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        while self.is_alive():
            with contextlib.suppress(queue.Full):
                self._waiting.put(None, timeout=0.1)
                break
        self.join()

    def _print_all(self) -> None:
        while (thing := self._waiting.get()) is not None:
            if isinstance(thing, tuple):
                self._print(self._paint.refusal(*thing))
            elif isinstance(thing, str):
                self._print(thing)
            else:
                self._mails += 1
                self._print(self._paint.mail(thing))
        if self._began:
            self._print(self._paint.stopped(self._mails + self.unseen, self.unseen))

    def _print(self, text: str) -> None:
        print(text, file=self._out, flush=True)
