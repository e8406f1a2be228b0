"""The cookie that has the token of a login session (RFC 6265).

Cookies do not know ports: a browser sends them to all servers of one host.  So the name of the cookie has the port, and
two servers on one machine do not log each other's users out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.web.middleware.authority import split_authority
from lazr.smtptest.web.middleware.request_headers import get_header, get_headers
from lazr.smtptest.web.middleware.webroot import get_webroot

if TYPE_CHECKING:
    from starlette.types import Scope

__all__ = ["build_expired_session_cookie", "build_session_cookie", "get_session_cookie_name", "read_session_tokens"]

_TLS_SCHEMES = ("https", "wss")
# Another server on this host can set cookies of this name, too, so a request may have several.
_MAX_TOKENS = 10


def get_session_cookie_name(scope: Scope) -> str:
    """Return the name of the cookie: it has the port that the browser connects to.

    >>> get_session_cookie_name({"scheme": "http", "headers": [(b"host", b"localhost:8025")]})
    'smtptest-8025'
    """
    _, port = split_authority(get_header(scope, b"host") or "")
    return f"smtptest-{port or (443 if scope['scheme'] in _TLS_SCHEMES else 80)}"


def read_session_tokens(scope: Scope) -> list[str]:
    """Return the tokens of a request or websocket, at most ten.

    >>> read_session_tokens({"scheme": "http", "headers": [(b"host", b"a:1"), (b"cookie", b"x=y; smtptest-1=z")]})
    ['z']
    """
    name = get_session_cookie_name(scope)
    pairs = (pair.partition("=") for value in get_headers(scope, b"cookie") for pair in value.split(";"))
    return [token for key, _, value in pairs if key.strip() == name and (token := value.strip())][:_MAX_TOKENS]


def build_session_cookie(scope: Scope, token: str) -> str:
    """Return the value of `Set-Cookie` that starts a session in the browser.

    Scripts cannot read the cookie, and requests that other sites make do not have it.
    """
    secure = "; Secure" if scope["scheme"] in _TLS_SCHEMES else ""
    name = get_session_cookie_name(scope)
    return f"{name}={token}; Path={get_webroot(scope)}/; HttpOnly; SameSite=Strict{secure}"


def build_expired_session_cookie(scope: Scope) -> str:
    """Return the value of `Set-Cookie` that removes the cookie."""
    return f"{build_session_cookie(scope, '')}; Max-Age=0"
