"""Whose turn it is to write: whoever receives goes before whoever tidies up."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Turns"]


class Turns:
    """One writes at a time.

    A plain lock would not be fair: who lets go of it in a loop gets it again and again, while a client waits.

    >>> turns = Turns()
    >>> with turns.first():
    ...     pass
    """

    def __init__(self) -> None:
        self._free = threading.Condition(threading.Lock())
        self._busy = False
        self._first = 0  # how many wait who go first

    @contextmanager
    def first(self) -> Iterator[None]:
        """Write, before all who wait for `later`."""
        with self._free:
            self._first += 1
            try:
                while self._busy:
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
        """Write, when nobody waits who goes first."""
        with self._free:
            while self._busy or self._first:
                self._free.wait()
            self._busy = True
        try:
            yield
        finally:
            self._done()

    def _done(self) -> None:
        with self._free:
            self._busy = False
            self._free.notify_all()
