"""Whose turn it is to write: whoever receives goes before whoever tidies up, who gets a turn now and then."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lazr.smtptest.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Turns"]


class Turns:
    """One writes at a time.

    A plain lock would not be fair: who lets go of it in a loop gets it again and again, while a client waits.  Nor may
    those who tidy up wait for ever where receiving never stops: after `patience` seconds one of them is the next.

    >>> turns = Turns()
    >>> with turns.first():
    ...     pass
    """

    def __init__(self, patience: float = 0.02) -> None:
        self._patience = patience
        self._free = threading.Condition(threading.Lock())
        self._busy = False
        self._first = 0  # how many wait who go first
        self._impatient = 0  # how many wait who have waited for too long

    @contextmanager
    def first(self) -> Iterator[None]:
        """Write, before all who wait for `later`."""
        with self._free:
            self._first += 1
            try:
                while self._busy or self._impatient:
                    self._free.wait()
            finally:
                self._first -= 1
            self._busy = True
        try:
            yield
        finally:
            self._done()

    @contextmanager
    def later(self) -> Iterator[None]:
        """Write, when nobody waits who goes first, or when that takes too long."""
        with self._free:
            deadline = monotonic() + self._patience
            while (self._busy or self._first) and (left := deadline - monotonic()) > 0:
                self._free.wait(left)
            self._impatient += 1
            try:
                while self._busy:
                    self._free.wait()
            finally:
                self._impatient -= 1
            self._busy = True
        try:
            yield
        finally:
            self._done()

    def _done(self) -> None:
        with self._free:
            self._busy = False
            self._free.notify_all()
