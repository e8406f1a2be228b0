"""Columns that a list of mails is sorted by, as `SortOrder.compute_key` defines them.

The keys of texts are cut from encoded columns by searching for substrings.  Decoding these as JSON would take longer,
and a damaged row would make the statement fail.  So the key of an address with quotes or backslashes is approximate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, func

from lazr.smtptest.store.sql.schema import entries, mails

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement

    from lazr.smtptest.store.sort_order import SortField

__all__ = ["SortKeyBuilder"]


class SortKeyBuilder:
    """A builder of sort keys.

    Args:
        decode: turns a column of bytes into text; it must not fail for any bytes.
        find: returns the position of the second text in the first, from 1; 0 if it is not there.
        fold: makes ASCII letters lower case, and compares by bytes.
    """

    def __init__(
        self,
        decode: Callable[[ColumnElement[bytes]], ColumnElement[str]],
        find: Callable[[ColumnElement[str], str], ColumnElement[int]],
        fold: Callable[[ColumnElement[str]], ColumnElement[str]],
    ) -> None:
        self._decode = decode
        self._find = find
        self._fold = fold

    def build(self, field: SortField) -> ColumnElement[int] | ColumnElement[str]:
        """Return the key; for `from` and `subject`, the table `entries` must be joined."""
        if field == "received":
            return mails.c.number
        if field == "size":
            return mails.c.size
        if field == "subject":
            return self._fold(entries.c.subject)
        envelope = self._decode(mails.c.envelope)  # {"from":"a@example.com","to":["b@example.com"]
        if field == "to":
            return self._fold(self._take_before(self._take_after(envelope, '"to":["'), '"'))
        addresses = self._decode(entries.c.addresses)  # [[["Ann","ann","example.com"]],…
        address = self._take_before(self._take_after(addresses, '","'), '"]')
        sender = self._take_before(self._take_after(envelope, '"from":"'), '"')
        has_address = func.substr(addresses, 1, 3) == "[[["
        return self._fold(case((has_address, func.replace(address, '","', "@")), else_=sender))

    def _take_after(self, text: ColumnElement[str], marker: str) -> ColumnElement[str]:
        """Return what comes after a text; nothing if it is not there."""
        position = self._find(text, marker)
        return case((position > 0, func.substr(text, position + len(marker))), else_="")

    def _take_before(self, text: ColumnElement[str], marker: str) -> ColumnElement[str]:
        """Return what comes before a text; nothing if it is not there."""
        position = self._find(text, marker)
        return case((position > 0, func.substr(text, 1, position - 1)), else_="")
