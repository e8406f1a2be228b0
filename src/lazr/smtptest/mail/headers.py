"""The header fields of a mail: a sequence in order, repeats included, with lookup by name."""

from __future__ import annotations

from collections.abc import Sequence

from lazr.smtptest._util.suggestion import build_attribute_error, build_getattr
from lazr.smtptest.mail.mime import limits
from lazr.smtptest.mail.mime.charset import decode_header_text
from lazr.smtptest.mail.mime.encoded_word import decode_words
from lazr.smtptest.mail.mime.header import unfold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, overload

    from lazr.smtptest.mail.mime.defect import DefectRecorder

__all__ = ["Field", "Headers"]


# What to write instead of other names.
_FIELD_ALIASES = {
    **dict.fromkeys(("body", "decoded", "content"), "field.value"),
    "key": "field.name",
    **dict.fromkeys(("bytes", "data"), "field.raw"),
}
_HEADERS_ALIASES = {
    **dict.fromkeys(("keys", "names"), "[field.name for field in mail.headers]"),
    **dict.fromkeys(("items", "to_dict", "as_dict"), "{field.name: field.value for field in mail.headers}"),
    "values": "[field.value for field in mail.headers]",
    **dict.fromkeys(("getall", "getlist", "get_list"), "headers.get_all(name)"),
    **dict.fromkeys(("get_first", "first"), "headers.get(name)"),
}


class Field:
    """One header field.

    `name` and `raw` are attributes.

    Args:
        name: the name, in the sender's spelling.
        raw: the bytes after the colon, without the final line end.
        note: receives a reason for each defect that decoding finds.

    >>> Field("Subject", b" =?utf-8?q?Gr=C3=BC=C3=9Fe?=").value
    'Grüße'
    """

    __slots__ = ("_note", "_text", "_value", "name", "raw")

    def __init__(self, name: str, raw: bytes, note: DefectRecorder | None = None) -> None:
        self.name: Final = name
        self.raw: Final = raw
        self._note: DefectRecorder = note or (lambda _: None)
        self._text: str | None = None
        self._value: str | None = None

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_FIELD_ALIASES)

    @property
    def text(self) -> str:
        """The unfolded value, with its encoded words not decoded."""
        if self._text is None:
            if len(self.raw) > limits.MAX_HEADER_BLOCK_BYTES:
                self._note(f"more than {limits.MAX_HEADER_BLOCK_BYTES:,} bytes: truncated")
            self._text = unfold(decode_header_text(self.raw[: limits.MAX_HEADER_BLOCK_BYTES], self._note))
        return self._text

    @property
    def value(self) -> str:
        """The unfolded value, with its encoded words decoded (RFC 2047)."""
        if self._value is None:
            self._value = decode_words(self.text, self._note)
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and (self.name.lower(), self.raw) == (other.name.lower(), other.raw)

    def __hash__(self) -> int:
        return hash((self.name.lower(), self.raw))

    def __reduce__(self) -> tuple[object, ...]:
        return Field, (self.name, self.raw)  # the defects belong to the mail

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.value!r})"


class Headers(Sequence[Field]):
    """The header fields of a mail: a sequence of `Field`, with lookup by name in any case.

    >>> headers = Headers([Field("Received", b" here"), Field("Received", b" there"), Field("Subject", b" Hi")])
    >>> headers["subject"], headers.get_all("received"), headers.get("X-None"), "Subject" in headers
    ('Hi', ('here', 'there'), '', True)
    >>> [field.name for field in headers]
    ['Received', 'Received', 'Subject']
    """

    __slots__ = ("_fields", "_fields_by_name")

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = tuple(fields)
        self._fields_by_name: dict[str, tuple[Field, ...]] | None = None

    def __eq__(self, other: object) -> bool:
        return self._fields == other._fields if isinstance(other, Headers) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._fields)

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute

        def __getattr__(self, name: str) -> object:
            aliases, field_name = _HEADERS_ALIASES, name.replace("_", "-")
            if name not in aliases and not name.startswith("_") and field_name in self:
                aliases = {name: f"headers[{field_name!r}]"}
            raise build_attribute_error(self, name, aliases)

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
        """Return the field at an index, or the first value of a name; raises `KeyError`."""
        if not isinstance(key, str):
            return self._fields[key]
        for field in self.get_fields(key):
            return field.value
        names = ", ".join(dict.fromkeys(field.name for field in self._fields))
        raise KeyError(f"no header field {key!r}; known: {names}")

    def __contains__(self, value: object) -> bool:
        return bool(self.get_fields(value)) if isinstance(value, str) else value in self._fields

    def get_fields(self, name: str) -> tuple[Field, ...]:
        """Return all fields with a name, in any case."""
        if self._fields_by_name is None:
            fields_by_name: dict[str, list[Field]] = {}
            for field in self._fields:
                fields_by_name.setdefault(field.name.lower(), []).append(field)
            self._fields_by_name = {key: tuple(fields) for key, fields in fields_by_name.items()}
        return self._fields_by_name.get(name.lower(), ())

    def get(self, name: str, default: str = "") -> str:
        """Return the first decoded value of a name; `default` if there is no such field."""
        for field in self.get_fields(name):
            return field.value
        return default

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return all decoded values of a name, in order."""
        return tuple(field.value for field in self.get_fields(name))

    def __repr__(self) -> str:
        return f"Headers({list(self._fields)!r})"
