"""Build the responses of the REST API: JSON as Go writes it, and plain text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from lazr.smtptest.errors import SearchTooSlow, StoreFull

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazr.smtptest.errors import StoreError

__all__ = ["ApiError", "describe_store_error", "encode_json", "json_response", "ok_response", "text_response"]

# Go's encoding/json writes these characters as escapes, as JSON may be embedded in HTML.  They only occur in strings.
_HTML_ESCAPES = tuple((letter, f"\\u{ord(letter):04x}") for letter in "<>&\u2028\u2029")


class ApiError(Exception):
    """The request fails: respond with this status and reason.

    Args:
        status: the HTTP status, 400 or above.
        reason: the body of the response, a readable text.
        headers: further header fields of the response.
    """

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status: Final[int] = status
        self.reason: Final[str] = reason
        self.headers: Final[Mapping[str, str]] = headers or {}


def describe_store_error(error: StoreError) -> str:
    """Return the kind of an error of the store.

    The text has no paths and addresses, which that of the error may have.
    """
    if isinstance(error, SearchTooSlow):
        return str(error)
    if isinstance(error, StoreFull):
        return "the store is full"
    return "the store is unavailable; try again later"


def encode_json(value: Any, *, end: str = "\n") -> str:
    r"""Return JSON as Go's encoder writes it.

    It has no spaces, `\u003c` for `<`, and a line end after it.

    >>> encode_json({"Subject": "<b> & ü"})
    '{"Subject":"\\u003cb\\u003e \\u0026 ü"}\n'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for letter, escape in _HTML_ESCAPES:  # `str.translate` would take 13 times as long as `json.dumps`
        text = text.replace(letter, escape)
    return text + end


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response.

    Its type is `application/json` without a charset, a parameter that the type does not have (RFC 8259 11).
    """
    body = encode_json(value).encode("utf-8", "replace")
    return Response(body, status, {"content-type": "application/json", **(headers or {})})


def text_response(content: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a `text/plain` response, as Mailpit has for errors and short answers."""
    return Response(content.encode("utf-8", "replace"), status, {"content-type": "text/plain", **(headers or {})})


def ok_response() -> Response:
    """Return the response of a route that has nothing to return: `ok`."""
    return text_response("ok")
