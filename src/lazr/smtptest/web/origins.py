"""Whose pages may talk to this server: its own, and those of origins that were configured.

A browser says whose page makes a request, and the page cannot change what it says: in `Origin`, which comes with
whatever changes something, with each websocket, and with whatever a script wants to read of another site; and in
`Sec-Fetch-Site`, which says the same of all requests, but only where the connection is a secure one or a local one.
Programs say neither, and are let in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lazr.smtptest.protocol.smtp.printable import printable
from lazr.smtptest.web.hosts import split_authority
from lazr.smtptest.web.refusal import header, headers, refuse

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["SHOWN_IN_THE_SANDBOX", "Origins"]

_ORIGIN = re.compile(r"(https?)://([^/?#@\s]+)")
_PORTS = {"http": 80, "https": 443}

# What a mail's HTML shows of its own.  It is in a sandbox, which makes it a page of nobody, so that to the browser our
# own address is another site's.  The mail is named; `latest` is not a name, or any page could look at it.
SHOWN_IN_THE_SANDBOX = re.compile(r"/api/v1/message/(?!latest/)[0-9A-Za-z]+/part/[^/]+")

# What an origin that was configured may do, which is all that the API is for.
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Content-Type"),
    (b"access-control-max-age", b"600"),
    (b"content-length", b"0"),
]


class Origins:
    """Middleware: requests that pages of others make are answered 403; CORS for origins that are `allowed`.

    Raises `ValueError` for an origin that is none: it is `https://host` or `http://host:port`, without a path.
    """

    def __init__(self, app: ASGIApp, *, allowed: Collection[str] = ()) -> None:
        for origin in allowed:
            matched = _ORIGIN.fullmatch(origin)
            if matched is None or not split_authority(matched[2])[0]:
                raise ValueError(f"not an origin: {origin!r}; one is like http://localhost:3000")
        self._app = app
        self._allowed = {_normal(origin) for origin in allowed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one websocket, or the lifespan (ASGI 3)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        origin = header(scope, b"origin")
        if origin is not None and _normal(origin) in self._allowed:
            send = _telling(send, origin)
            if scope.get("method") == "OPTIONS" and header(scope, b"access-control-request-method"):
                await send({"type": "http.response.start", "status": 204, "headers": list(_PREFLIGHT)})
                await send({"type": "http.response.body", "body": b""})
                return
        else:
            reason = _foreign(scope)
            if reason:
                await refuse(scope, receive, send, 403, reason)
                return
        await self._app(scope, receive, send)


def _foreign(scope: Scope) -> str | None:
    """Why the request may not be made; None where it may."""
    said = headers(scope, b"origin")
    host = header(scope, b"host") or ""
    if said and (len(said) > 1 or not _is_own(said[0], host)):
        return f"A page of {printable(', '.join(said))[:255]} may not do this; see --allowed-origin"
    # `same-site` is what a browser calls another port of this machine, which is somebody else to us.
    if header(scope, b"sec-fetch-site") not in ("cross-site", "same-site"):
        return None
    # A link to us may be followed, to a page of its own, but not to what makes us connect to others.  All else is
    # somebody's page making use of us.
    if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
        use = header(scope, b"sec-fetch-mode"), header(scope, b"sec-fetch-dest")
        if use == ("navigate", "document") and not scope["path"].rstrip("/").endswith("/link-check"):
            return None
        if use == ("no-cors", "image") and SHOWN_IN_THE_SANDBOX.fullmatch(scope["path"]):
            return None
    return "A page of another origin may not do this"


def _is_own(origin: str, host: str) -> bool:
    """Whether that is the origin of pages that come from here.

    The port is compared too: what listens at another port of this machine is somebody else.  The scheme is not, as a
    proxy may speak TLS for us.
    """
    matched = _ORIGIN.fullmatch(origin)
    if matched is None:
        return False  # `null` too: that is a page of nobody, such as the HTML of a mail
    default = _PORTS[matched[1]]
    (theirs, their_port), (ours, our_port) = split_authority(matched[2]), split_authority(host)
    return bool(ours) and (theirs, their_port or default) == (ours, our_port or default)


def _normal(origin: str) -> str:
    """An origin as browsers write it: in lower case, without the port that goes without saying."""
    matched = _ORIGIN.fullmatch(origin)
    if matched is None:
        return ""
    host, port = split_authority(matched[2])
    return f"{matched[1]}://{host}" if port in (None, _PORTS[matched[1]]) else f"{matched[1]}://{host}:{port}"


def _telling(send: Send, origin: str) -> Send:
    """The same `send`, whose answer that origin may read."""

    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in message.get("headers", ())
                if name.lower() != b"access-control-allow-origin"
            ]
            told = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
            message = {**message, "headers": [*kept, *told]}
        await send(message)

    return tell
