"""Who a request comes from: a user with a password, or a mailbox with its token.

This stands in front of all routes, and knows none of them: there is no path to be spelled so that it is passed by.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import math
import secrets
from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest.web.failures import Failures
from lazr.smtptest.web.hosts import literal
from lazr.smtptest.web.refusal import header, refuse

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from lazr.smtptest.web.users import Users

__all__ = ["OPEN", "Login"]

OPEN = frozenset({b"/livez", b"/readyz"})
"""The paths that are answered to anybody, to the octet: what asks for them is no person, and learns nothing."""

# A token is not counted when it is wrong, so it has to be one that nobody guesses.
_TOKEN = 16


class _Credentials(NamedTuple):
    scheme: str
    user: str
    secret: bytes


class Login:
    """Middleware: who is not known is answered 401.  Where there are no users and no mailboxes, all are let in.

    - `users`: they see everything.
    - `mailboxes`: tokens, by the mailbox's name.  One comes as `Authorization: Bearer …`, or as the password of any
      user name in `Basic`.
    - `open_paths`: what is answered to anybody.
    - `failures`: so many wrong passwords for one user from one address in a minute, and six times as many from that
      address for all users; then the answer is 429 until the minute is over.

    Who it is can be read in `scope["state"]`: `user`, and `mailbox`; each is None where it is not known by that.

    Raises `ValueError` for a token that could be guessed, or that two mailboxes have.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        users: Users | None = None,
        mailboxes: Mapping[str, str] | None = None,
        open_paths: Collection[bytes] = OPEN,
        failures: int = 10,
    ) -> None:
        self._app = app
        self._users = users
        self._mailboxes: dict[bytes, str] = {}
        for mailbox, token in (mailboxes or {}).items():
            if len(token) < _TOKEN:
                raise ValueError(f"the token of {mailbox!r} has less than {_TOKEN} characters, and could be guessed")
            if self._mailboxes.setdefault(_digest(token.encode()), mailbox) != mailbox:
                raise ValueError(f"{mailbox!r} has the token of another mailbox")
        self._open_paths = frozenset(open_paths)
        self._wrong = Failures(most=failures, seconds=60)
        self._wrong_from = Failures(most=6 * failures, seconds=60)
        # Hashing is slow on purpose, and clients send the password with each request.  So what was right once is
        # remembered as a keyed digest, which is of no use to anybody who finds it.
        self._key = secrets.token_bytes(32)
        self._known: dict[str, bytes] = {}
        self._hashing = asyncio.Semaphore(2)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one websocket, or the lifespan (ASGI 3)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        state = dict(scope.get("state") or {}, user=None, mailbox=None)
        scope = {**scope, "state": state}
        if (self._users or self._mailboxes) and scope.get("raw_path") not in self._open_paths:
            credentials = _credentials(header(scope, b"authorization"))
            if credentials is None:
                await _unauthorized(scope, receive, send)
                return
            state["mailbox"] = self._mailboxes.get(_digest(credentials.secret))
            if state["mailbox"] is None:
                wait, state["user"] = await self._user(credentials, _network(scope))
                if wait:
                    reason = f"Too many wrong passwords; try again in {math.ceil(wait)} s"
                    further = [(b"retry-after", str(math.ceil(wait)).encode())]
                    await refuse(scope, receive, send, 429, reason, further=further)
                    return
                if state["user"] is None:
                    await _unauthorized(scope, receive, send)
                    return
        await self._app(scope, receive, send)

    async def _user(self, credentials: _Credentials, network: str) -> tuple[float, str | None]:
        """How long to wait, and who it is; None where the password is wrong.

        The limit of a user holds for good passwords as well: else a good one could still be found by trying.  The one
        of an address does not hold for who is known, as others may be behind that address.
        """
        user, password = credentials.user, credentials.secret[:1000]
        # The user's name is a stranger's word, of any length.
        pair = network, _digest(user.encode("utf-8", "surrogateescape"))
        wait = self._wrong.attempt(pair)
        if wait:
            return wait, None
        proof = hmac.digest(self._key, password, "sha256")
        if not hmac.compare_digest(self._known.get(user, b""), proof):
            wait = self._wrong_from.attempt(network)
            if wait:
                self._wrong.succeeded(pair)
                return wait, None
            async with self._hashing:
                right = (
                    credentials.scheme == "basic"
                    and self._users is not None
                    and await asyncio.to_thread(self._users.check, user, password)
                )
            if not right:
                return 0.0, None
            self._wrong_from.succeeded(network)
            self._known[user] = proof
        self._wrong.succeeded(pair)
        return 0.0, user


async def _unauthorized(scope: Scope, receive: Receive, send: Send) -> None:
    # To the letter what clients of Mailpit know.
    await refuse(scope, receive, send, 401, "Unauthorized.", further=[(b"www-authenticate", b'Basic realm="Login"')])


def _digest(secret: bytes) -> bytes:
    # Looking up a digest tells nobody how near a guess was.
    return hashlib.sha256(secret).digest()


def _credentials(authorization: str | None) -> _Credentials | None:
    """Those of RFC 7617 (Basic) or RFC 6750 (Bearer); None where there are none that make sense."""
    scheme, _, value = (authorization or "").partition(" ")
    scheme, value = scheme.lower(), value.strip()
    if scheme == "bearer" and value:
        return _Credentials(scheme, "", value.encode("latin-1"))
    if scheme != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(value, validate=True).partition(b":")
    except binascii.Error:
        return None
    return _Credentials(scheme, user.decode("utf-8", "surrogateescape"), password) if colon else None


def _network(scope: Scope) -> str:
    """Where the client is: its address; of an IPv6 address the half that its provider gave it."""
    client = scope.get("client")
    address = literal(client[0].partition("%")[0]) if client else None
    if address is None:
        return ""
    return str(address) if address.version == 4 else address.exploded[:19]
