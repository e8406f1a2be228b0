"""Encode the changes of a store as frames in a thread, once for all clients.

A child process parses the mails: in this process, parsing would take the time that receiving needs, because Python runs
one thread at a time.  This process parses them until the child process has started, and if it cannot run.
"""

from __future__ import annotations

import logging
import pickle
import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.worker_process import ChildProcessFailed, WorkerProcess
from lazr.smtptest.errors import StoreError
from lazr.smtptest.store import TagRules
from lazr.smtptest.web.api.event_frames import NewMailEncoder, build_change_frames, build_error_frame
from lazr.smtptest.web.api.event_worker import build_request, parse_response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.store import Arrival, Change, Search, Store
    from lazr.smtptest.web.api.access_scope import AccessScope

__all__ = ["EncodedChanges", "EventEncoder"]

_log = logging.getLogger("lazr.smtptest.web")

_MAX_QUEUED_MAILS = 20_000
# The memory for the mails in the queue; without its content, a mail is read from the store.
_MAX_QUEUED_BYTES = 24 * 1024 * 1024

_MAX_MAILS_PER_BATCH, _MAX_BYTES_PER_BATCH = 64, 4 * 1024 * 1024
# While changes wait, batches are this far apart: a write to each client costs as much for one frame as for fifty.
_MIN_SECONDS_BETWEEN_BATCHES = 0.02
# They are also this many times as far apart as the writes to all clients take, so that these take 4 % of a core.
_BATCH_PAUSE_FACTOR = 25

_WORKER_MODULE = "lazr.smtptest.web.api.event_worker"
_WORKER_RETRY_SECONDS = 60.0
# Clients that connect again and again must not start a process each time.
_SECONDS_BETWEEN_WORKER_STARTS = 1.0


class EncodedChanges(NamedTuple):
    """The frames for the clients with one scope; `new_count` of them are new mails."""

    scope: AccessScope
    frames: list[bytes]
    new_count: int


class _Marker(NamedTuple):
    """A function to call when all changes before it are published."""

    on_reached: Callable[[], None]


class EventEncoder:
    """The queue of changes, and the thread that encodes them.

    Args:
        store: the store, for mails that another process added.
        list_scopes: returns the scopes that have clients; called in the thread.
        publish: gets the frames for each scope that has some; called in the thread, also if no scope has.
        on_overflow: called once when changes were lost; no more come after that.
    """

    def __init__(
        self,
        store: Store,
        list_scopes: Callable[[], list[AccessScope]],
        publish: Callable[[list[EncodedChanges]], None],
        on_overflow: Callable[[], None],
    ) -> None:
        self._store = store
        self._list_scopes = list_scopes
        self._publish = publish
        self._on_overflow = on_overflow
        self._queue: deque[Change | _Marker] = deque()
        self._queued_mails = self._queued_bytes = 0
        self._condition = threading.Condition()
        self._is_stopping = False
        self._batch_interval = _MIN_SECONDS_BETWEEN_BATCHES
        self._worker = _Worker()
        self._thread = threading.Thread(target=self._run, name="smtptest events", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and the child process soon; safe to call from any thread."""
        with self._condition:
            self._is_stopping = True
            self._queue.clear()
            self._condition.notify()

    def add_change(self, change: Change) -> None:
        """Queue a change; safe to call from any thread."""
        size = sum(arrival.memory_size for arrival in change.arrivals)
        with self._condition:
            if self._is_stopping:
                return
            if self._queued_mails + len(change.ids) > _MAX_QUEUED_MAILS:
                self._is_stopping = True
                self._queue.clear()
                self._condition.notify()
                self._on_overflow()
                return
            if self._queued_bytes + size > _MAX_QUEUED_BYTES:
                change, size = replace(change, arrivals=()), 0
            self._queue.append(change)
            self._queued_mails += max(len(change.ids), 1)
            self._queued_bytes += size
            if len(self._queue) == 1:
                self._condition.notify()

    def report_publishing_time(self, seconds: float) -> None:
        """Adapt the interval of batches to the time that writing one takes."""
        self._batch_interval = max(_MIN_SECONDS_BETWEEN_BATCHES, min(_BATCH_PAUSE_FACTOR * seconds, 0.5))

    def call_after_queued_changes(self, function: Callable[[], None]) -> None:
        """Call a function in the thread, after the frames of all changes that are queued now."""
        with self._condition:
            self._queue.append(_Marker(function))
            self._condition.notify()

    # -- in the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            last_batch_at = 0.0
            while True:
                with self._condition:
                    while not self._queue and not self._is_stopping:
                        self._condition.wait()
                    if self._is_stopping:
                        return
                    pause = last_batch_at + self._batch_interval - monotonic()
                if pause > 0:
                    threading.Event().wait(pause)
                last_batch_at = monotonic()
                self._handle(self._take_batch())
        except Exception:  # noqa: BLE001 - logged; the clients are disconnected, and connect again
            _log.exception("the events of the store cannot be sent")
            self._on_overflow()
        finally:
            self._worker.close()

    def _take_batch(self) -> list[Change | _Marker]:
        batch: list[Change | _Marker] = []
        mails = size = 0
        with self._condition:
            while self._queue and mails < _MAX_MAILS_PER_BATCH and size < _MAX_BYTES_PER_BATCH:
                item = self._queue.popleft()
                batch.append(item)
                if not isinstance(item, _Marker):
                    item_size = sum(arrival.memory_size for arrival in item.arrivals)
                    self._queued_mails -= max(len(item.ids), 1)
                    self._queued_bytes -= item_size
                    mails += len(item.ids)
                    size += item_size
                elif mails:
                    break
        return batch

    def _handle(self, batch: list[Change | _Marker]) -> None:
        scopes = self._list_scopes()
        collected = {id(scope): EncodedChanges(scope, [], 0) for scope in scopes}
        arrivals: list[Arrival] = []
        has_changes = False
        for item in batch:
            has_changes = has_changes or not isinstance(item, _Marker)
            if not isinstance(item, _Marker) and item.arrivals:
                arrivals += item.arrivals
                continue
            self._encode_arrivals(arrivals, collected)
            arrivals = []
            if isinstance(item, _Marker):
                if has_changes:
                    self._publish_collected(collected)
                has_changes = False
                item.on_reached()
            else:
                self._encode_change(item, collected)
        self._encode_arrivals(arrivals, collected)
        if has_changes:
            self._publish_collected(collected)

    def _publish_collected(self, collected: dict[int, EncodedChanges]) -> None:
        self._publish([encoded for encoded in collected.values() if encoded.frames])
        for key, encoded in collected.items():
            collected[key] = EncodedChanges(encoded.scope, [], 0)

    def _encode_change(self, change: Change, collected: dict[int, EncodedChanges]) -> None:
        for key, encoded in collected.items():
            try:
                frames = build_change_frames(change, encoded.scope)
            except StoreError as error:
                frames = [build_error_frame(encoded.scope.describe_store_error(error))]
            new_count = encoded.new_count + (len(frames) if change.kind == "new" else 0)
            collected[key] = EncodedChanges(encoded.scope, encoded.frames + frames, new_count)

    def _encode_arrivals(self, arrivals: list[Arrival], collected: dict[int, EncodedChanges]) -> None:
        if not arrivals or not collected:
            return
        scopes = [encoded.scope for encoded in collected.values()]
        restricted = [scope for scope in scopes if scope.mailbox is not None]
        searches = [() if scope.mailbox is None else scope.mailbox.search for scope in restricted]
        results = self._worker.encode(self._store.tag_rules, searches, arrivals)
        for scope in scopes:
            if scope.mailbox is None:
                frames = [frame for frame, _ in results]
            else:
                place = restricted.index(scope)
                frames = [frame for frame, matches in results if place in matches]
            encoded = collected[id(scope)]
            collected[id(scope)] = EncodedChanges(scope, encoded.frames + frames, encoded.new_count + len(frames))


class _StartLimit:
    """Spreads the starts of child processes over time, for all workers of this process."""

    def __init__(self) -> None:
        self._next_start_at = 0.0
        self._lock = threading.Lock()

    def wait(self, is_cancelled: threading.Event) -> bool:
        """Wait until a process may start; return whether the event was set before."""
        while not is_cancelled.is_set():
            with self._lock:
                left = self._next_start_at - monotonic()
                if left <= 0:
                    self._next_start_at = monotonic() + _SECONDS_BETWEEN_WORKER_STARTS
                    return False
            is_cancelled.wait(left)
        return True


_start_limit = _StartLimit()


class _Worker:
    """Encodes new mails in a child process, or in this process while there is none."""

    def __init__(self) -> None:
        self._process: WorkerProcess | None = None
        self._starter: threading.Thread | None = None
        self._setup: tuple[TagRules, list[Search]] | None = None
        self._retry_at = 0.0
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._start_if_needed()

    def encode(
        self, tag_rules: TagRules, searches: list[Search], arrivals: Sequence[Arrival]
    ) -> list[tuple[bytes, list[int]]]:
        """Return the frame of each mail, and the positions of the searches that match it."""
        process = self._process
        if process is None:
            self._start_if_needed()
        else:
            try:
                return self._encode_in_process(process, (tag_rules, searches), list(arrivals))
            except (ChildProcessFailed, ValueError) as error:
                _log.warning("new mails are encoded without a child process for a while: %s", error)
                self._retry_at = monotonic() + _WORKER_RETRY_SECONDS
                self._end_process()
        encoder = NewMailEncoder(tag_rules, searches)
        return [encoder.encode(arrival) for arrival in arrivals]

    def _end_process(self) -> None:
        with self._lock:
            process, self._process, self._setup = self._process, None, None
        if process is not None:
            process.close()

    def close(self) -> None:
        """End the child process for good."""
        with self._lock:
            self._closed.set()
        self._end_process()

    def _start_if_needed(self) -> None:
        if self._starter is None and monotonic() >= self._retry_at:
            # In a thread: the process imports for some tenths of a second, and clients should not wait for it.
            self._starter = threading.Thread(target=self._start, name="smtptest events starter", daemon=True)
            self._starter.start()

    def _start(self) -> None:
        if _start_limit.wait(self._closed):
            return
        try:
            process = WorkerProcess(_WORKER_MODULE)
            try:
                process.request(build_request(pickle.dumps((TagRules(), [])), []))
            except ChildProcessFailed:
                process.close()
                raise
        except ChildProcessFailed as error:
            _log.warning("new mails are encoded without a child process for a while: %s", error)
            self._retry_at = monotonic() + _WORKER_RETRY_SECONDS
            self._starter = None
            return
        with self._lock:
            self._starter = None
            if not self._closed.is_set():
                self._process = process
                return
        process.close()

    def _encode_in_process(
        self, process: WorkerProcess, setup: tuple[TagRules, list[Search]], arrivals: list[Arrival]
    ) -> list[tuple[bytes, list[int]]]:
        data = None if setup == self._setup else pickle.dumps(setup)
        results = parse_response(process.request(build_request(data, arrivals)))
        if len(results) != len(arrivals):
            raise ValueError(f"the worker must return {len(arrivals)} frames, got {len(results)}")
        self._setup = setup
        return results
