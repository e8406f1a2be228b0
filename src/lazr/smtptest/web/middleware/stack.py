"""The middleware stack in front of all routes.

A request passes these layers in this order; an answer passes them in the reverse order:

1. `SecurityHeadersMiddleware` adds header fields to every answer, also to the rejections of the layers below.
2. `StrictRequestsMiddleware` rejects requests that another program could parse differently.
3. `TrustedHostMiddleware` rejects requests to names that are not this server's.
4. `ProxyHeadersMiddleware` of uvicorn takes the client's address from the header of a trusted proxy.
5. `CORSMiddleware` rejects requests of other sites' pages.  It answers preflight requests, which have no
   credentials, so it stands before authentication.
6. `AuthenticationMiddleware` rejects requests without valid credentials.
7. `WebSocketLimitMiddleware` limits the number of open websockets.
8. `BodyLimitMiddleware` limits the size and the duration of request bodies.
9. `ResponseBackpressureMiddleware` limits the bytes of answers that wait for slow clients.

No layer uses the path to decide whether it applies, with one exception: the public paths of
`AuthenticationMiddleware`, which are compared with the raw path byte by byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from lazr.smtptest._util.fd_limit import compute_max_http_connections
from lazr.smtptest.web.middleware.authentication import PUBLIC_PATHS, AuthenticationMiddleware
from lazr.smtptest.web.middleware.authority import parse_network
from lazr.smtptest.web.middleware.body_limit import MAX_BODY_BYTES_BY_PATH, MIB, BodyLimitMiddleware
from lazr.smtptest.web.middleware.cors import CORSMiddleware
from lazr.smtptest.web.middleware.response_backpressure import ResponseBackpressureMiddleware
from lazr.smtptest.web.middleware.security_headers import SecurityHeadersMiddleware
from lazr.smtptest.web.middleware.strict_requests import StrictRequestsMiddleware
from lazr.smtptest.web.middleware.trusted_host import TrustedHostMiddleware
from lazr.smtptest.web.middleware.websocket_limit import WebSocketLimitMiddleware

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from lazr.smtptest.web.mailbox import Mailbox
    from lazr.smtptest.web.middleware.password_file import Users

__all__ = ["Guard"]


class Guard:
    """Protect an ASGI application with the middleware stack of this module.

    Args:
        app: the application to protect.
        bind_host: the address or name that the server listens on, 127.0.0.1 by default.
        allowed_hosts: further names of the server, besides `localhost`; "*" allows all.  An item may have several
            names, separated by commas or spaces.
        allowed_origins: the origins whose pages may use the application, such as http://localhost:3000.
        users: the users that may log in; None for no users.
        mailboxes: the mailboxes whose tokens are accepted.  Without users and mailboxes, no login is needed.
        trusted_proxies: the networks of proxies, such as 10.0.0.0/8, whose `X-Forwarded-For` has the client's address
            and whose `X-Forwarded-Proto` has its scheme; none by default.
        public_paths: raw paths that need no credentials, /livez and /readyz by default.
        max_login_failures: wrong passwords for one user from one address that are answered at once, 10 by default.
        max_websockets: the number of open websockets; None for four fifths of the possible connections.
        max_body_bytes: the largest request body, 5 MiB by default.
        max_body_bytes_by_path: other limits, by path; by default 50 MiB for /api/v1/send, and 16 KiB for the login.
        body_timeout: seconds until a request body must be complete, 60 by default.
        max_total_bytes: the bytes of all request bodies at once, and of all large answers at once; 256 MiB by
            default.

    Raises:
        ValueError: an allowed host, an allowed origin or a network is malformed, or two mailboxes have the same token.

    >>> from starlette.applications import Starlette
    >>> app = Guard(Starlette(), allowed_hosts=["mail.test"], allowed_origins=["http://localhost:3000"])
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        bind_host: str = "127.0.0.1",
        allowed_hosts: Collection[str] = (),
        allowed_origins: Collection[str] = (),
        users: Users | None = None,
        mailboxes: Iterable[Mailbox] = (),
        trusted_proxies: Collection[str] = (),
        public_paths: Collection[bytes] = PUBLIC_PATHS,
        max_login_failures: int = 10,
        max_websockets: int | None = None,
        max_body_bytes: int = 5 * MIB,
        max_body_bytes_by_path: Mapping[str, int] = MAX_BODY_BYTES_BY_PATH,
        body_timeout: float = 60.0,
        max_total_bytes: int = 256 * MIB,
    ) -> None:
        app = ResponseBackpressureMiddleware(app, max_total_bytes=max_total_bytes)
        app = BodyLimitMiddleware(
            app,
            max_bytes=max_body_bytes,
            max_bytes_by_path=max_body_bytes_by_path,
            timeout=body_timeout,
            max_total_bytes=max_total_bytes,
        )
        app = WebSocketLimitMiddleware(
            app, limit=compute_max_http_connections() * 4 // 5 if max_websockets is None else max_websockets
        )
        app = AuthenticationMiddleware(
            app, users=users, mailboxes=mailboxes, public_paths=public_paths, max_failures=max_login_failures
        )
        app = CORSMiddleware(app, allowed_origins=allowed_origins)
        networks = [str(parse_network(text)) for text in trusted_proxies]
        # The interfaces of uvicorn and starlette have the same types under other names.
        app = cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), trusted_hosts=networks))
        app = TrustedHostMiddleware(app, bind_host=bind_host, allowed_hosts=allowed_hosts)
        app = StrictRequestsMiddleware(app)
        self.app: ASGIApp = SecurityHeadersMiddleware(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, one websocket, or the lifespan (ASGI 3)."""
        await self.app(scope, receive, send)
