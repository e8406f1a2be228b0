"""What is answered: JSON as Go writes it, and text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Refused", "as_json", "ok", "text"]

# encoding/json, whose texts may end up inside of HTML, writes these as escapes; they are only ever in strings.
_ESCAPED = str.maketrans({letter: f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"})


class Refused(Exception):
    """A request that cannot be answered as it was meant: the status, and the reason for people.

    `headers` are further ones of the answer.
    """

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status: Final[int] = status
        self.reason: Final[str] = reason
        self.headers: Final[Mapping[str, str]] = headers or {}


def encoded(value: Any, *, end: str = "\n") -> str:
    r"""JSON as Go's encoder writes it: no spaces, `\u003c` for `<`, and a line end behind it.

    >>> encoded({"Subject": "<b> & ü"})
    '{"Subject":"\\u003cb\\u003e \\u0026 ü"}\n'
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPED) + end


def as_json(value: Any, status: int = 200) -> Response:
    """A JSON answer; its type is `application/json`, without a charset, which JSON has not (RFC 8259 11)."""
    octets = encoded(value).encode("utf-8", "replace")
    return Response(octets, status, {"content-type": "application/json"})


def text(words: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A short text for programs: `text/plain`, as Mailpit has it."""
    return Response(words.encode("utf-8", "replace"), status, {"content-type": "text/plain", **(headers or {})})


def ok() -> Response:
    """It is done."""
    return text("ok")
