"""Read the credentials of an HTTP request; no other module parses `Authorization`."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest.web.middleware.request_headers import get_headers

if TYPE_CHECKING:
    from starlette.types import Scope

__all__ = ["HttpCredentials", "MalformedCredentials", "read_credentials"]


class MalformedCredentials(ValueError):
    """`Authorization` comes several times, has an unknown scheme, or cannot be decoded."""


class HttpCredentials(NamedTuple):
    """The credentials of a request: of Basic (RFC 7617) or Bearer (RFC 6750).

    `scheme` is "basic" or "bearer"; `user` is empty for Bearer; `secret` is the password or the token.
    """

    scheme: str
    user: str
    secret: bytes


def read_credentials(scope: Scope) -> HttpCredentials | None:
    """Return the credentials of a request or websocket; None without `Authorization`.

    An empty `Authorization` counts as none.

    Raises:
        MalformedCredentials: the request has `Authorization`, but not the credentials of Basic or Bearer.

    >>> read_credentials({"headers": [(b"authorization", b"Bearer abc")]})
    HttpCredentials(scheme='bearer', user='', secret=b'abc')
    """
    values = get_headers(scope, b"authorization")
    if len(values) > 1:
        raise MalformedCredentials("a request must have at most one Authorization header")
    scheme, _, encoded = (values[0] if values else "").partition(" ")
    scheme, encoded = scheme.lower(), encoded.strip()
    if not scheme:
        return None
    if scheme == "bearer" and encoded:
        return HttpCredentials(scheme, "", encoded.encode("latin-1"))
    if scheme != "basic":
        raise MalformedCredentials("Authorization must be Basic or Bearer credentials")
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).partition(b":")
    except binascii.Error:
        colon = b""
    if not colon:
        raise MalformedCredentials("Basic credentials must be `user:password` in base64 (RFC 7617 2)")
    return HttpCredentials(scheme, user.decode("utf-8", "surrogateescape"), password)
