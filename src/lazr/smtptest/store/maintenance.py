"""The maintenance thread: prune old mails, free their space, and index new mails.

It indexes while the store is idle.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import StoreError, StoreFull

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store.base import Change, Retention, Store

__all__ = ["Maintenance"]

_log = logging.getLogger("lazr.smtptest.store")

# Without a new mail for this long, the store counts as idle.
_IDLE_SECONDS_BEFORE_INDEXING = 0.25
# Between two steps, the thread checks whether mails arrive again.  A step takes about a tenth of a second.
_MAILS_PER_INDEXING_STEP = 500
# Even under load, index and prune at least this often.
_MAX_INDEXING_DELAY_SECONDS = 2.0
# Prune this often while a long backlog is indexed.
_MAX_PRUNING_DELAY_SECONDS = 2.0
# If one pass deletes as many mails by age as it may, the clock may have jumped ahead.  Without this pause, all mails
# would be gone within minutes, before anyone could read the warning in the log.
_CLOCK_JUMP_PAUSE_SECONDS = 3600.0
# How often to prune by age while nothing happens, and to retry after an error.
_MAINTENANCE_INTERVAL_SECONDS = 30.0
_FAILURE_PAUSE_SECONDS = 1.0
_MAX_STOP_SECONDS = 1.0


class Maintenance:
    """A thread that prunes and indexes a store, and frees the space of deleted mails.

    Use it in a `with` statement while the store is open.

    Stores work without it, but then the first call that needs the content of new mails waits for their indexing.

    >>> from lazr.smtptest.store import MemoryStore, Retention
    >>> with MemoryStore() as store, Maintenance(store, Retention(max_mails=1000)):
    ...     pass

    Args:
        store: the open store.
        retention: what to keep; None never prunes.
        clock: returns the current time in seconds since 1970; ages are counted from it.
        clock_jump_pause: seconds without further deletions by age after a pass that deleted as many mails by age as
            `Retention` allows.
    """

    def __init__(
        self,
        store: Store,
        retention: Retention | None = None,
        *,
        clock: Callable[[], float] = time.time,
        clock_jump_pause: float = _CLOCK_JUMP_PAUSE_SECONDS,
    ) -> None:
        self._store = store
        self._retention = retention
        self._clock = clock
        self._clock_jump_pause = clock_jump_pause
        self._age_pruning_paused_until = float("-inf")  # by the monotonic clock
        self._is_failing = False
        self._work_available = threading.Event()
        self._stop_requested = threading.Event()
        self._unsubscribe: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name=f"smtptest maintenance of {store.url}", daemon=True)

    def __enter__(self) -> Self:
        self._unsubscribe = self._store.subscribe(self._handle_change)
        self._work_available.set()  # the store may have mails from before
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._unsubscribe()
        self._stop_requested.set()
        self._work_available.set()
        # A database that does not respond blocks the thread until the store is closed.
        self._thread.join(_MAX_STOP_SECONDS)

    def _handle_change(self, change: Change) -> None:
        if change.kind in ("new", "delete", "prune", "truncate"):  # deletions leave disk space to reclaim
            self._work_available.set()

    def _run(self) -> None:
        while not self._stop_requested.is_set():
            self._work_available.wait(_MAINTENANCE_INTERVAL_SECONDS)
            self._wait_until_idle()
            if not self._stop_requested.is_set():
                self._run_maintenance()

    def _wait_until_idle(self) -> None:
        deadline = monotonic() + _MAX_INDEXING_DELAY_SECONDS
        while self._work_available.is_set() and monotonic() < deadline and not self._stop_requested.is_set():
            self._work_available.clear()
            self._stop_requested.wait(_IDLE_SECONDS_BEFORE_INDEXING)

    def _prune(self) -> None:
        retention = self._retention
        if retention is None:
            return
        if monotonic() < self._age_pruning_paused_until:
            retention = replace(retention, max_age=None)
        deleted = self._store.prune(retention, self._clock())
        if not deleted:
            return
        _log.info("deleted %d mails beyond the retention limits", deleted)
        left = self._store.get_totals().mails
        if retention.max_age is not None and left and deleted >= retention.compute_max_deletions_by_age(deleted + left):
            self._age_pruning_paused_until = monotonic() + self._clock_jump_pause

    def _run_maintenance(self) -> None:
        try:
            self._prune_reclaim_and_index()
            self._is_failing = False
        except StoreError as error:
            if self._is_first_failure():
                _log.warning("%s", error)
            self._stop_requested.wait(_FAILURE_PAUSE_SECONDS)
        except Exception:  # noqa: BLE001 - the thread must survive
            if self._is_first_failure():
                _log.exception("maintenance of the store failed")
            self._stop_requested.wait(_FAILURE_PAUSE_SECONDS)

    def _prune_reclaim_and_index(self) -> None:
        """Do what there is to do, until mails arrive.

        The order matters: indexing needs the space that deleted mails take, and can take minutes.
        """
        pruned_at = float("-inf")
        while not self._stop_requested.is_set():
            if monotonic() - pruned_at >= _MAX_PRUNING_DELAY_SECONDS:
                self._prune()
                pruned_at = monotonic()
            is_space_left = self._store.reclaim_space()
            try:
                is_mail_left = self._store.index_pending(_MAILS_PER_INDEXING_STEP) > 0
            except StoreFull:
                if not is_space_left:
                    raise
                is_mail_left = True
            if self._work_available.is_set() or not (is_space_left or is_mail_left):  # receiving has priority
                return

    def _is_first_failure(self) -> bool:
        """Return whether to log a failure: one line for each time that the store begins to fail."""
        is_first = not self._is_failing and not self._stop_requested.is_set()
        self._is_failing = True
        return is_first
