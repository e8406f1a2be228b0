"""Lead browsers without credentials to the login, and back to the page that was requested.

The path of that page is in the query of the login.  It is untrusted input: only a path of this server is accepted, so
the login cannot be used to redirect to another site.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from lazr.smtptest.web.middleware.request_headers import get_header
from lazr.smtptest.web.middleware.webroot import get_webroot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope, Send

__all__ = ["LOGIN_PATH", "clean_target", "is_from_page", "is_navigation", "send_to_login"]

LOGIN_PATH: Final = "/login"
"""The path of the page with the form, below the webroot."""

# One slash at the beginning: `//host` and `/\\host` are other servers.  No control characters, because browsers ignore
# tabs and line ends in URLs.
_LOCAL_TARGET_PATTERN = re.compile(r"/(?![/\\])[!-\[\]-~]*")
_MAX_TARGET_CHARACTERS = 2000
# The parameter of `/view/` that lets the browser load pictures from other servers.
_REMOTE_PATTERN = re.compile(r"(?:\A|&)remote=")

# The pages of the web inbox.  They do nothing but show themselves, so a browser may load them as if it came from here.
_PAGE_PATH_PATTERN = re.compile(rb"/(?:(?:search|mail|sessions|rules|diff|mailboxes|settings|about)(?:/[^\\]*)?)?")


def is_from_page(scope: Scope) -> bool:
    """Return whether a page of this server has made a request.

    Browsers show a dialog of their own if the answer to such a request asks for the password of Basic.
    """
    return get_header(scope, b"x-smtptest-page") is not None or get_header(scope, b"sec-fetch-site") == "same-origin"


def is_navigation(scope: Scope) -> bool:
    """Return whether a browser has made a request to show the answer in a tab.

    >>> is_navigation({"type": "http", "method": "GET", "headers": [(b"accept", b"*/*")]})  # curl
    False
    """
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    accept = get_header(scope, b"accept") or ""
    mode = get_header(scope, b"sec-fetch-mode")
    if mode is None:  # without TLS, browsers do not send it to other machines
        return "text/html" in accept and "application/xhtml+xml" in accept
    return mode == "navigate" and get_header(scope, b"sec-fetch-dest") == "document" and "text/html" in accept


def clean_target(target: str, scope: Scope) -> str:
    """Return the path below the webroot that a browser is sent to after the login.

    It is "/" if the target is not a path of this server, or the login itself.  It also is if the request for it would
    make connections to other servers: another site could choose it.

    >>> [clean_target(text, {}) for text in ("/mail/1?q=x", "//evil.example", "/\\\\evil.example", "https://a.example")]
    ['/mail/1?q=x', '/', '/', '/']
    """
    webroot = get_webroot(scope)
    if len(target) > _MAX_TARGET_CHARACTERS or not target.startswith(f"{webroot}/"):
        return "/"
    path = target[len(webroot) :]
    if not _LOCAL_TARGET_PATTERN.fullmatch(path):
        return "/"
    route, _, query = path.partition("?")
    connects = unquote(route).rstrip("/").endswith("/link-check") or bool(_REMOTE_PATTERN.search(unquote(query)))
    return "/" if route == LOGIN_PATH or connects else path


async def send_to_login(
    scope: Scope, _receive: Receive, send: Send, extra_headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """Redirect a browser to the login.

    After a click on a link at another site, browsers leave out the cookie of the session.  The answer then makes the
    browser ask for the page once more, now from this server.
    """
    webroot = get_webroot(scope)
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    target = webroot + clean_target(webroot + (scope["raw_path"] + query).decode("latin-1"), scope)
    if get_header(scope, b"sec-fetch-site") == "cross-site" and _PAGE_PATH_PATTERN.fullmatch(scope["raw_path"]):
        page = f'<!doctype html><meta http-equiv="refresh" content="0; url={escape(target)}"><title>smtptest</title>\n'
        fields = (b"content-type", b"text/html; charset=utf-8"), *extra_headers
        await _send_answer(send, 200, page.encode("latin-1"), fields)
    else:
        location = f"{LOGIN_PATH}?next={quote(target, safe='/')}"
        await _send_answer(send, 303, b"", ((b"location", location.encode("ascii")), *extra_headers))


async def _send_answer(send: Send, status: int, body: bytes, fields: Sequence[tuple[bytes, bytes]]) -> None:
    headers = [*fields, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
