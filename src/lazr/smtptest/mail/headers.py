"""The header fields of a mail, in order, repeats included."""

from __future__ import annotations

from collections.abc import Sequence

from lazr.smtptest.mail.mime import caps
from lazr.smtptest.mail.mime.charset import header_text
from lazr.smtptest.mail.mime.encodedword import decode_words
from lazr.smtptest.mail.mime.header import unfolded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, overload

    from lazr.smtptest.mail.mime.defect import Note

__all__ = ["Field", "Headers"]


class Field:
    """One header field.

    - `name`: as it was written.
    - `value`: decoded (RFC 2047) and in one line.
    - `raw`: the octets behind the colon, as they came, without the last line's end.
    """

    __slots__ = ("_note", "_text", "_value", "name", "raw")

    def __init__(self, name: str, raw: bytes, note: Note | None = None) -> None:
        self.name: Final = name
        self.raw: Final = raw
        self._note: Note = note or (lambda _: None)
        self._text: str | None = None
        self._value: str | None = None

    @property
    def text(self) -> str:
        """The value in one line, with its encoded words as they came."""
        if self._text is None:
            if len(self.raw) > caps.HEADER_BLOCK:
                self._note(f"more than {caps.HEADER_BLOCK:,} octets: truncated")
            self._text = unfolded(header_text(self.raw[: caps.HEADER_BLOCK], self._note))
        return self._text

    @property
    def value(self) -> str:
        """The value, decoded and in one line."""
        if self._value is None:
            self._value = decode_words(self.text, self._note)
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and (self.name.lower(), self.raw) == (other.name.lower(), other.raw)

    def __hash__(self) -> int:
        return hash((self.name.lower(), self.raw))

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.value!r})"


class Headers(Sequence[Field]):
    """A mail's header fields: a sequence of `Field`, which can be asked for names too, in any case.

    >>> headers = Headers([Field("Received", b" here"), Field("Received", b" there"), Field("Subject", b" Hi")])
    >>> headers["subject"], headers.get_all("received"), headers.get("X-None"), "Subject" in headers
    ('Hi', ('here', 'there'), '', True)
    >>> [field.name for field in headers]
    ['Received', 'Received', 'Subject']
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = tuple(fields)

    def __len__(self) -> int:
        return len(self._fields)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, key: str) -> str: ...
        @overload
        def __getitem__(self, key: int) -> Field: ...
        @overload
        def __getitem__(self, key: slice) -> tuple[Field, ...]: ...

    def __getitem__(self, key: str | int | slice) -> str | Field | tuple[Field, ...]:
        """The field there; or the first value of that name.  Raises `KeyError` where there is none."""
        if not isinstance(key, str):
            return self._fields[key]
        for field in self.named(key):
            return field.value
        raise KeyError(f"no header field {key!r}; there are {', '.join(dict.fromkeys(f.name for f in self._fields))}")

    def __contains__(self, value: object) -> bool:
        return bool(self.named(value)) if isinstance(value, str) else value in self._fields

    def named(self, name: str) -> tuple[Field, ...]:
        """All fields of that name, in any case."""
        wanted = name.lower()
        return tuple(field for field in self._fields if field.name.lower() == wanted)

    def get(self, name: str, default: str = "") -> str:
        """The first value of that name, decoded."""
        for field in self.named(name):
            return field.value
        return default

    def get_all(self, name: str) -> tuple[str, ...]:
        """All values of that name, decoded, in order."""
        return tuple(field.value for field in self.named(name))

    def __repr__(self) -> str:
        return f"Headers({list(self._fields)!r})"
