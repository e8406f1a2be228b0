"""Keep the results of parsing recent mails in memory, up to a limit of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lazr.smtptest.store.message_index import ContentSummary, MessageIndex

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from lazr.smtptest.mail import Address

__all__ = ["ParsedContent", "ParsedContentCache"]

_MAX_BYTES = 16 * 1024 * 1024
_MAX_INDEX_BYTES = 256 * 1024
# Python's overhead of the objects for a mail, an address and a header field, roughly.
_BYTES_PER_MAIL, _BYTES_PER_ADDRESS, _BYTES_PER_FIELD = 3_000, 400, 300
_SUMMARY_FIELDS = ContentSummary.__slots__


@dataclass(frozen=True, slots=True)
class ParsedContent:
    """What parsing a mail's content has found.

    Args:
        summary: the facts that lists show.
        tags: the tags that the mail gets when it is indexed.
        index: what searches look at; None if it is too large to be kept.
    """

    summary: ContentSummary
    tags: tuple[str, ...]
    index: MessageIndex | None


class ParsedContentCache:
    """A cache of parsed contents; it drops the least recently used ones beyond its limit.

    A mail is recognized by its number, its ID, the time of its arrival and its size.  Neither the content nor what is
    parsed from it ever changes, so no change of a mail has to remove anything here.

    Thread safety: all methods may be called from any thread.

    Args:
        max_bytes: the limit on the estimated memory of all contents, in bytes.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._contents: OrderedDict[tuple[object, ...], tuple[ParsedContent, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, row: RowMapping) -> ParsedContent | None:
        """Return the parsed content for a row of `mails`; None if it is not in the cache."""
        key = _get_key(row)
        with self._lock:
            if key not in self._contents:
                return None
            self._contents.move_to_end(key)
            return self._contents[key][0]

    def add(self, row: RowMapping, index: MessageIndex, tags: tuple[str, ...]) -> None:
        """Add the parsed content for a row of `mails`; of a large one only the summary."""
        size = _estimate_bytes(index)
        content = ParsedContent(index, tags, index)
        if size > _MAX_INDEX_BYTES:
            summary = ContentSummary(**{name: getattr(index, name) for name in _SUMMARY_FIELDS})
            content, size = ParsedContent(summary, tags, None), _estimate_bytes(summary)
        key = _get_key(row)
        with self._lock:
            _, replaced = self._contents.pop(key, (None, 0))
            self._contents[key] = content, size
            self._bytes += size - replaced
            while self._bytes > self._max_bytes:
                _, (_, removed) = self._contents.popitem(last=False)
                self._bytes -= removed


def _get_key(row: RowMapping) -> tuple[object, ...]:
    return row["number"], row["id"], row["received_at"], row["size"]


def _estimate_bytes(summary: ContentSummary) -> int:
    lists: tuple[tuple[Address, ...], ...] = (summary.to, summary.cc, summary.bcc, summary.reply_to)
    size = _BYTES_PER_MAIL + _BYTES_PER_ADDRESS * sum(map(len, lists)) + 4 * len(summary.subject)
    if isinstance(summary, MessageIndex):
        size += 2 * sum(map(len, summary.texts.values())) + _BYTES_PER_ADDRESS * len(summary.addresses)
        size += sum(_BYTES_PER_FIELD + 2 * len(value) for _, value in summary.headers)
    return size
