"""Child processes that parse mails for indexing, beside this process.

Parsing takes most of the time of indexing, and holds Python's global lock.  In a child process, it runs while this
process writes rows and receives mails.  A child may be killed at any time: its mails are still pending then, and this
process parses them itself.
"""

from __future__ import annotations

import marshal
import os
import pickle
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from lazr.smtptest._util.worker_process import ChildProcessFailed, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.store.sql.record_builder import IndexRecord, PendingRow, RecordBuilder

__all__ = ["IndexWorkers"]

_MODULE = "lazr.smtptest.store.sql.index_worker"
_MAX_WORKERS = 4
_TIMEOUT_SECONDS = 30.0  # for one batch, whose mails take milliseconds each


class IndexWorkers:
    """A pool of child processes, which start when they are needed.

    Args:
        builder: what each process builds records with.
        count: how many processes; by default one less than there are cores, and one to four.
    """

    def __init__(self, builder: RecordBuilder, count: int | None = None) -> None:
        self.count: int = count or min(max((os.cpu_count() or 1) - 1, 1), _MAX_WORKERS)
        self._pickled_builder = pickle.dumps(builder)
        self._executor = ThreadPoolExecutor(self.count, thread_name_prefix="smtptest index worker")
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._processes: set[WorkerProcess] = set()
        self._is_closed = False

    def submit(self, rows: Sequence[PendingRow]) -> Future[list[IndexRecord]]:
        """Parse the mails of these rows; the result may raise `ChildProcessFailed`."""
        try:
            return self._executor.submit(self._parse, rows)
        except RuntimeError:
            refused: Future[list[IndexRecord]] = Future()
            refused.set_exception(ChildProcessFailed("the pool is closed"))
            return refused

    def _parse(self, rows: Sequence[PendingRow]) -> list[IndexRecord]:
        process = self._take_process()
        try:
            response = process.request(marshal.dumps(list(rows)))
        except BaseException:
            self._drop(process)
            raise
        with self._lock:
            self._idle.append(process)
        records: list[IndexRecord] = marshal.loads(response)  # noqa: S302 - from our own child process
        return records

    def _take_process(self) -> WorkerProcess:
        with self._lock:
            if self._is_closed:
                raise ChildProcessFailed("the pool is closed")
            if self._idle:
                return self._idle.pop()
            process = WorkerProcess(_MODULE, timeout=_TIMEOUT_SECONDS)
            self._processes.add(process)
        try:
            process.request(self._pickled_builder)
        except BaseException:
            self._drop(process)
            raise
        return process

    def _drop(self, process: WorkerProcess) -> None:
        process.close()
        with self._lock:
            self._processes.discard(process)

    def close(self) -> None:
        """End all processes; pending results fail."""
        with self._lock:
            self._is_closed = True
            processes = list(self._processes)
        for process in processes:
            process.kill()
        self._executor.shutdown(cancel_futures=True)
        for process in processes:
            process.close()
