"""The sessions of a server: the live ones and the latest of the past, with counts of them all."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import overload

    from lazr.smtptest.protocol.smtp.record import SessionRecord

__all__ = ["Sessions"]

# The latest so many are kept, and those that still go on; a dialogue of them takes a few kilobytes.
_KEPT = 1_000
_SPARE = 16


class Sessions(Sequence["SessionRecord"]):
    """The sessions of a server, in the order in which they began.

    Of the past ones the latest 1,000 are kept; `counts` counts all.  Any thread may read.

    >>> Sessions().counts["connections"]
    0
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._lasting: list[SessionRecord] = []  # older than the kept ones; most of them are not over yet
        self._records: list[SessionRecord] = []
        self._forgotten: Counter[str] = Counter()
        self._prune_at = _SPARE
        self._lock = threading.Lock()

    def add(self, record: SessionRecord) -> None:
        """One more has begun."""
        with self._lock:
            self._records.append(record)
            if len(self._records) > self._kept:
                self._lasting.append(self._records.pop(0))
                if len(self._lasting) >= self._prune_at:
                    self._prune()

    def _prune(self) -> None:
        """Let go of the old ones that are over."""
        for record in self._lasting:
            if record.ended is not None:
                _count(record, self._forgotten)
                record.transcript.forget()
        self._lasting = [record for record in self._lasting if record.ended is None]
        self._prune_at = 2 * len(self._lasting) + _SPARE  # looking costs as much as there are: not each time

    def clear(self) -> None:
        """Forget all that are over, and start counting afresh."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._forgotten = Counter()
        self._lasting = [record for record in (*self._lasting, *self._records) if record.ended is None]
        self._records = []

    @property
    def counts(self) -> dict[str, int]:
        """What happened, as numbers: connections, greetings, sessions with TLS and with AUTH, mails, refusals.

        `connections`, `EHLO`, `HELO`, `LHLO`, `TLS`, `AUTH`, `mails` and their `octets`, `refusals`, then `live`
        and one for each way in which sessions ended: see `SessionRecord.ended`.
        """
        counts = Counter(dict.fromkeys(_ALWAYS, 0))
        with self._lock:
            counts.update(self._forgotten)
            records = self._lasting + self._records
        for record in records:
            _count(record, counts)
        return dict(counts)

    def __len__(self) -> int:
        return len(self._all())

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> SessionRecord: ...
        @overload
        def __getitem__(self, index: slice) -> list[SessionRecord]: ...

    def __getitem__(self, index: int | slice) -> SessionRecord | list[SessionRecord]:
        return self._all()[index]

    def __repr__(self) -> str:
        return f"<Sessions: {', '.join(f'{number} {name}' for name, number in self.counts.items() if number)}>"

    def _all(self) -> list[SessionRecord]:
        with self._lock:
            return self._lasting + self._records


_ALWAYS = ("connections", "EHLO", "HELO", "LHLO", "TLS", "AUTH", "mails", "octets", "refusals", "live")


def _count(record: SessionRecord, counts: Counter[str]) -> None:
    counts["connections"] += 1
    counts["TLS"] += record.tls is not None
    counts["AUTH"] += record.auth is not None
    counts["mails"] += record.mails
    counts["octets"] += record.octets
    counts["refusals"] += record.refusals
    counts[record.ended or "live"] += 1
    counts.update(record.greetings)
