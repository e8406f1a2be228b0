"""Who hears of changes: every listener of each, in the order in which they happened."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store.contract import Change

__all__ = ["Audience"]

_log = logging.getLogger("lazr.smtptest.store")


class Audience:
    """Listeners, and the changes that they have yet to hear of.

    A change is noted while the lock is held under which it happens, and told when that is free again: so the order
    is the true one, and a listener may use the store.  A listener that raises is reported to the log, and the others
    hear all the same.

    >>> from lazr.smtptest.store.contract import Change
    >>> audience = Audience()
    >>> leave = audience.subscribe(print)
    >>> audience.note(Change("new", ("1",))); audience.tell()
    Change(kind='new', ids=('1',))
    >>> leave()
    >>> audience.note(Change("truncate")); audience.tell()
    """

    def __init__(self) -> None:
        self._listeners: dict[object, Callable[[Change], None]] = {}
        self._changes: deque[Change] = deque()
        # Whoever tells, tells all that were noted.  It is reentrant because a listener may change something; that is
        # told when all have heard of what came before.
        self._telling = threading.RLock()
        self._tells = False

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Have it called for each change; what is returned ends that, and may be called twice."""
        key = object()
        with self._telling:
            self._listeners[key] = listener

        def leave() -> None:
            with self._telling:
                self._listeners.pop(key, None)

        return leave

    def note(self, change: Change) -> None:
        """This happened; whoever says so calls `tell` soon."""
        self._changes.append(change)

    def tell(self) -> None:
        """Call the listeners; when it returns, all that was noted before has been told, by whomever.

        (But for a listener who calls it: it is told soon then.)
        """
        with self._telling:
            if self._tells:
                return
            self._tells = True
            try:
                while self._changes:
                    self._tell(self._changes.popleft())
            finally:
                self._tells = False

    def _tell(self, change: Change) -> None:
        for listener in tuple(self._listeners.values()):
            try:
                listener(change)
            except Exception:  # noqa: BLE001 - whatever it is, the others hear
                _log.exception("a listener raised when it heard of %s", change.kind)

    def clear(self) -> None:
        """Nobody listens any more."""
        with self._telling:
            self._listeners.clear()
            self._changes.clear()
