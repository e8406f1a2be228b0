"""One header field, as the signature covers it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Field"]


class Field(NamedTuple):
    """A header field as on the wire: `value` begins after the colon, up to the line end."""

    name: bytes
    value: bytes

    @property
    def key(self) -> bytes:
        """The name to compare by: lower case, without white space at the end."""
        return self.name.lower().rstrip(b" \t")

    @property
    def label(self) -> str:
        """The name as texts show it."""
        return self.name[:60].rstrip(b" \t").decode("ascii", "replace")
