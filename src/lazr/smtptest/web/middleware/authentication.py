"""Reject requests without the password of a user, the token of a mailbox, or a session.

The middleware handles all paths alike before any route is chosen, so no spelling of a path can bypass it.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from lazr.smtptest.web.middleware.authenticator import (
    LOGIN_RETRY_SECONDS,
    Authenticator,
    TooManyAttempts,
    Unauthorized,
)
from lazr.smtptest.web.middleware.credentials import MalformedCredentials
from lazr.smtptest.web.middleware.login_redirect import LOGIN_PATH, is_from_page, is_navigation, send_to_login
from lazr.smtptest.web.middleware.rejection import reject
from lazr.smtptest.web.middleware.scope_types import for_scope_types
from lazr.smtptest.web.middleware.session_cookie import build_expired_session_cookie, read_session_tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from lazr.smtptest.web.mailbox import Mailbox
    from lazr.smtptest.web.middleware.password_file import Users

__all__ = ["LOGIN_PATHS", "PUBLIC_PATHS", "AuthenticationMiddleware", "reject_too_many_attempts"]

PUBLIC_PATHS = frozenset({b"/livez", b"/readyz"})
"""The raw paths that need no credentials: they reveal nothing, and probes of orchestrators have no password."""

LOGIN_PATHS = frozenset({LOGIN_PATH.encode(), b"/api/v1/login"})
"""The raw paths that take a password or a token, and so need no credentials either."""

# The files of the web inbox, which contain nothing of any mail: the page of the login needs them.  No other spelling of
# such a path matches, so none leads to another route.
_ASSET_PATH_PATTERN = re.compile(rb"/ui/(?:[0-9a-z_]+/)?[0-9a-z_]+(?:\.[0-9a-z]+)+")


class AuthenticationMiddleware:
    """Reject requests without valid credentials with 401, and send browsers to the login.

    Without users and mailboxes, all requests pass, except those with the cookie of a session that has ended: that could
    be the session of a mailbox, and the request would get full access.  Such a cookie is removed with the 401.  The
    identity of the sender is in `scope["state"]`: `user` is a name or None, `mailbox` is a `Mailbox` or None, and
    `authenticator` is the `Authenticator` of the first such middleware, for the routes of the login.  If a middleware
    before this one has set a user or a mailbox, the request passes.

    Args:
        app: the next ASGI application, which receives the accepted requests.
        users: the users with their passwords, who see everything; None for no users.
        mailboxes: the mailboxes whose tokens are accepted, as `Authorization: Bearer TOKEN` or as the password
            of any user name in Basic; none by default.
        anonymous: let requests without credentials pass, with neither a user nor a mailbox; False by default.
        public_paths: raw paths that need no credentials, besides the login and the files of the web inbox at `/ui/`.
        max_failures: the number of wrong passwords for one user from one address that are answered at once, 10 by
            default.  After that, each attempt waits for its turn, one in 6 seconds; then a right password is accepted.
            For all users from one address, the limits are six times as high.  If the wait would be longer than 15
            seconds, the answer is 429.

    Raises:
        ValueError: two mailboxes have the same token.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        users: Users | None = None,
        mailboxes: Iterable[Mailbox] = (),
        anonymous: bool = False,
        public_paths: Collection[bytes] = PUBLIC_PATHS,
        max_failures: int = 10,
    ) -> None:
        self.app = app
        self._authenticator = Authenticator(
            users=users, mailboxes=mailboxes, anonymous=anonymous, max_failures=max_failures
        )
        self._public_paths = frozenset(public_paths) | LOGIN_PATHS

    @for_scope_types("http", "websocket")
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or websocket (ASGI 3)."""
        defaults = {"user": None, "mailbox": None, "authenticator": self._authenticator}
        state = defaults | (scope.get("state") or {})
        scope = {**scope, "state": state}
        if self._must_authenticate(scope):
            try:
                identity = await self._authenticator.identify(scope)
            except (MalformedCredentials, Unauthorized):
                await self._reject_unauthorized(scope, receive, send)
                return
            except TooManyAttempts:
                await reject_too_many_attempts(scope, receive, send)
                return
            state |= identity._asdict()
        await self.app(scope, receive, send)

    def _must_authenticate(self, scope: Scope) -> bool:
        return (
            (self._authenticator.knows_credentials or bool(read_session_tokens(scope)))
            and scope["state"]["user"] is None
            and scope["state"]["mailbox"] is None
            and not self._is_public(scope.get("raw_path") or b"")
        )

    def _is_public(self, raw_path: bytes) -> bool:
        return raw_path in self._public_paths or _ASSET_PATH_PATTERN.fullmatch(raw_path) is not None

    async def _reject_unauthorized(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: list[tuple[bytes, bytes]] = []
        if self._authenticator.has_dead_session(scope):  # else the browser would send its cookie for ever
            headers.append((b"set-cookie", build_expired_session_cookie(scope).encode("latin-1")))
        if is_navigation(scope):
            await send_to_login(scope, receive, send, headers)
            return
        if not is_from_page(scope):
            headers.append((b"www-authenticate", b'Basic realm="Login"'))
        # Clients of Mailpit compare this text.
        await reject(scope, receive, send, 401, "Unauthorized.", extra_headers=headers)


async def reject_too_many_attempts(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 429 to a request that guesses passwords."""
    seconds = math.ceil(LOGIN_RETRY_SECONDS)
    reason = f"Too many wrong passwords; try again in {seconds} s"
    await reject(scope, receive, send, 429, reason, extra_headers=[(b"retry-after", str(seconds).encode())])
