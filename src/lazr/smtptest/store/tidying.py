"""What a store has to do beside receiving: reading mails while nobody sends any, and letting go of old ones."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from lazr.smtptest.clock import monotonic
from lazr.smtptest.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store.contract import Change, Retention, Store

__all__ = ["Tidying"]

_log = logging.getLogger("lazr.smtptest.store")

# Nobody has sent anything for so long: there is time to read what came.
_QUIET = 0.25
# So many are read before it is looked whether somebody sends again; a tenth of a second, perhaps.
_STEP = 20
# However busy it is, so many seconds after the first unread one some are read, and pruned, and so on.
_PATIENCE = 2.0
# When so many went by age as may in one go, the clock may have jumped ahead: no more go by age for so many seconds, or
# all would be gone in a minute or two, and nobody would have had time to read the log.
_DOUBT = 3600.0
# What age there is to be is looked at so often while nothing happens, and a store that failed is asked again.
_TURN = 30.0


class Tidying:
    """A thread that does it; use it by `with`, while the store is open.

    Whoever asks the store for something finds all mails read in any case; without this, they would wait for it.

    - `clock`: seconds since 1970, which ages are counted by.
    - `doubt`: seconds without further deletions by age after one that deleted as many as `Retention` lets one.
    """

    def __init__(
        self,
        store: Store,
        retention: Retention | None = None,
        *,
        clock: Callable[[], float] = time.time,
        doubt: float = _DOUBT,
    ) -> None:
        self._store = store
        self._retention = retention
        self._clock = clock
        self._doubt = doubt
        self._trusted_again = float("-inf")  # when, by the clock that nobody sets
        self._arrived = threading.Event()
        self._stopped = threading.Event()
        self._leave: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name=f"smtptest tidying {store.url}", daemon=True)

    def __enter__(self) -> Self:
        self._leave = self._store.subscribe(self._hear)
        self._arrived.set()  # there may be some from before
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._leave()
        self._stopped.set()
        self._arrived.set()
        self._thread.join()

    def _hear(self, change: Change) -> None:
        if change.kind in ("new", "delete", "prune", "truncate"):  # who deletes wants the room
            self._arrived.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._arrived.wait(_TURN)
            self._await_quiet()
            if not self._stopped.is_set():
                self._tidy()

    def _await_quiet(self) -> None:
        until = monotonic() + _PATIENCE
        while self._arrived.is_set() and monotonic() < until and not self._stopped.is_set():
            self._arrived.clear()
            self._stopped.wait(_QUIET)

    def _prune(self, retention: Retention) -> None:
        if monotonic() < self._trusted_again:
            retention = replace(retention, age=None)
        gone = self._store.prune(retention, self._clock())
        if not gone:
            return
        _log.info("%d mails are more than is kept, and were deleted", gone)
        left = self._store.totals().mails
        if retention.age is not None and left and gone >= retention.most_by_age(gone + left):
            self._trusted_again = monotonic() + self._doubt

    def _tidy(self) -> None:
        try:
            if self._retention is not None:
                self._prune(self._retention)
            while self._store.catch_up(_STEP) and not self._stopped.is_set():
                if self._arrived.is_set():  # receiving comes first
                    break
        except StoreError as error:
            _log.warning("%s", error)
            self._stopped.wait(1)
        except Exception:  # noqa: BLE001 - it goes on, and the log has it
            _log.exception("tidying")
            self._stopped.wait(1)
