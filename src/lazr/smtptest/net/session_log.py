"""The sessions of a server and their counts.

All open sessions are kept, and the latest of those that have ended.  The counts are of all sessions.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

from lazr.smtptest._util.suggestion import build_getattr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import overload

    from lazr.smtptest.protocol.smtp import SessionRecord

__all__ = ["Sessions"]

# Open sessions are kept in any case.  The transcript of a session takes a few kilobytes.
_MAX_KEPT_SESSIONS = 1_000
_PRUNE_SLACK = 16


# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    "first": "sessions[0]",
    **dict.fromkeys(("last", "latest", "newest", "current"), "sessions[-1]"),
    **dict.fromkeys(("all", "records", "list", "items"), "list(sessions)"),
    **dict.fromkeys(("wait", "settle"), "server.settle(), which waits until no client is connected"),
    **dict.fromkeys(("stats", "statistics", "totals"), "sessions.counts"),
    **dict.fromkeys(("total", "length"), "len(sessions), or sessions.counts['connections']"),
    **dict.fromkeys(("open", "active", "live"), "[session for session in sessions if session.ended is None]"),
    **dict.fromkeys(("transcript", "transcripts"), "sessions[-1].transcript"),
}


class Sessions(Sequence["SessionRecord"]):
    """A sequence of `SessionRecord` values, in the order in which the sessions began.

    It is `MailServer.sessions`.

    All open sessions are in it, and the latest that have ended.  `counts` counts all sessions, also those that were
    dropped.  Every method may be called in any thread.

    Args:
        max_kept: The number of sessions to keep; 1,000 by default.

    Raises:
        IndexError: In `sessions[index]`, for an index that does not exist.

    >>> import smtplib
    >>> from lazr.smtptest import MailServer
    >>> with MailServer() as server:
    ...     with smtplib.SMTP(*server.address) as client:
    ...         _ = client.noop()
    >>> len(server.sessions), server.sessions[0].ended, server.sessions.counts["connections"]
    (1, 'QUIT', 1)
    """

    def __init__(self, max_kept: int = _MAX_KEPT_SESSIONS) -> None:
        self._max_kept = max_kept
        self._old_records: list[SessionRecord] = []  # beyond `max_kept`; most of them are still open
        self._records: list[SessionRecord] = []
        self._pruned_counts: Counter[str] = Counter()
        self._prune_at = _PRUNE_SLACK
        self._lock = threading.Lock()

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    def add(self, record: SessionRecord) -> None:
        """Add a session that has begun."""
        with self._lock:
            self._records.append(record)
            if len(self._records) > self._max_kept:
                self._old_records.append(self._records.pop(0))
                if len(self._old_records) >= self._prune_at:
                    self._prune()

    def _prune(self) -> None:
        """Drop old sessions that have ended, after counting them."""
        for record in self._old_records:
            if record.ended is not None:
                _add_to_counts(record, self._pruned_counts)
                record.transcript.discard()
        self._old_records = [record for record in self._old_records if record.ended is None]
        # Not at each call of `add`: a pass takes time for each record.
        self._prune_at = 2 * len(self._old_records) + _PRUNE_SLACK

    def clear(self) -> None:
        """Drop all sessions that have ended, and reset the counts."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._pruned_counts = Counter()
        self._old_records = [record for record in (*self._old_records, *self._records) if record.ended is None]
        self._records = []

    @property
    def counts(self) -> dict[str, int]:
        """Counts by name, such as the number of connections or of mails.

        The names are `connections`, `EHLO`, `HELO`, `LHLO`, `TLS`, `AUTH`, `mails`, `octets` (bytes of content),
        `refusals`, `live` (open sessions), and each value of `SessionRecord.ended` that occurred.
        """
        counts = Counter(dict.fromkeys(_COUNTER_NAMES, 0))
        with self._lock:
            counts.update(self._pruned_counts)
            records = self._old_records + self._records
        for record in records:
            _add_to_counts(record, counts)
        return dict(counts)

    def to_svg(self) -> str:
        """Return all kept sessions as one SVG document, with the pauses between them.

        >>> Sessions().to_svg()[:4]
        '<svg'
        """
        from lazr.smtptest.protocol.smtp import render_sessions_diagram

        return render_sessions_diagram(self._list_records())

    def _repr_svg_(self) -> str:
        """Return the diagram that Jupyter shows."""
        return self.to_svg()

    def __dir__(self) -> list[str]:
        """Return the names that readers use, for completion."""
        return sorted(set(super().__dir__()) - {"add"})

    def __reduce__(self) -> tuple[object, ...]:
        # A copy has the sessions so far, and gets no others.
        with self._lock:
            return _restore, (self._max_kept, [*self._old_records, *self._records], Counter(self._pruned_counts))

    def __len__(self) -> int:
        return len(self._list_records())

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> SessionRecord: ...
        @overload
        def __getitem__(self, index: slice) -> list[SessionRecord]: ...

    def __getitem__(self, index: int | slice) -> SessionRecord | list[SessionRecord]:
        return self._list_records()[index]

    def __repr__(self) -> str:
        return f"<Sessions: {', '.join(f'{number} {name}' for name, number in self.counts.items() if number)}>"

    def _list_records(self) -> list[SessionRecord]:
        with self._lock:
            return self._old_records + self._records


def _restore(max_kept: int, records: list[SessionRecord], pruned_counts: Counter[str]) -> Sessions:
    sessions = Sessions(max_kept)
    sessions._records = records
    sessions._pruned_counts = pruned_counts
    return sessions


_COUNTER_NAMES = ("connections", "EHLO", "HELO", "LHLO", "TLS", "AUTH", "mails", "octets", "refusals", "live")


def _add_to_counts(record: SessionRecord, counts: Counter[str]) -> None:
    counts["connections"] += 1
    counts["TLS"] += record.tls is not None
    counts["AUTH"] += record.auth is not None
    counts["mails"] += record.mails
    counts["octets"] += record.octets
    counts["refusals"] += record.refusals
    counts[record.ended or "live"] += 1
    counts.update(record.greetings)
