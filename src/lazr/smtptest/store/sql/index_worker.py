"""The child process that parses mails for indexing; `IndexWorkers` starts it.

The first request is the pickled `RecordBuilder`.  Each later one is a batch of rows; its response is their records.
"""

from __future__ import annotations

import marshal
import pickle
import sys
from typing import TYPE_CHECKING

from lazr.smtptest._util.resource_limits import limit_resources
from lazr.smtptest._util.worker_process import serve_requests

if TYPE_CHECKING:
    from lazr.smtptest.store.sql.record_builder import IndexRecord, PendingRow, RecordBuilder

__all__: list[str] = []

_MAX_MEMORY_BYTES = 1024 * 1024 * 1024


class _RequestHandler:
    def __init__(self) -> None:
        self._builder: RecordBuilder | None = None

    def handle(self, request: bytes) -> bytes:
        if self._builder is None:
            self._builder = pickle.loads(request)  # noqa: S301 - from the process that has started this one
            return b""
        rows: list[PendingRow] = marshal.loads(request)  # noqa: S302 - likewise
        records: list[IndexRecord] = [self._builder.build(row) for row in rows]
        return marshal.dumps(records)


if __name__ == "__main__":
    limit_resources(max_memory=_MAX_MEMORY_BYTES)
    serve_requests(sys.stdin.buffer, sys.stdout.buffer, _RequestHandler().handle)
