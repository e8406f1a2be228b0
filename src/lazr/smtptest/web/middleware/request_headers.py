"""Read header fields of an ASGI scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

__all__ = ["get_header", "get_headers", "is_from_other_site"]


def get_headers(scope: Scope, name: bytes) -> list[str]:
    """Return all values of a header field, in order; `name` must be in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def get_header(scope: Scope, name: bytes) -> str | None:
    """Return the value of a header field; None if the field is absent or comes several times.

    >>> get_header({"headers": [(b"host", b"localhost")]}, b"host")
    'localhost'
    """
    values = get_headers(scope, name)
    return values[0] if len(values) == 1 else None


def is_from_other_site(scope: Scope) -> bool:
    """Return whether a page of another site has made a request, or a link there was followed.

    Browsers state it over TLS and on local connections.  They call another port of this machine `same-site`.

    >>> is_from_other_site({"headers": [(b"sec-fetch-site", b"cross-site")]}), is_from_other_site({"headers": []})
    (True, False)
    """
    return any(site in ("cross-site", "same-site") for site in get_headers(scope, b"sec-fetch-site"))
