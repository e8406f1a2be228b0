"""Find out who has sent a request.

It is in the credentials, the session cookie, or the key of the URL.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final

from lazr.smtptest.web.mailbox import Mailboxes
from lazr.smtptest.web.middleware.attempt_limit import AttemptLimit
from lazr.smtptest.web.middleware.authority import parse_ip_address
from lazr.smtptest.web.middleware.credentials import HttpCredentials, read_credentials
from lazr.smtptest.web.middleware.identity import Identity
from lazr.smtptest.web.middleware.login_sessions import LoginSessions
from lazr.smtptest.web.middleware.session_cookie import (
    build_expired_session_cookie,
    build_session_cookie,
    read_session_tokens,
)
from lazr.smtptest.web.middleware.url_signer import UrlSigner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Scope

    from lazr.smtptest.web.mailbox import Mailbox
    from lazr.smtptest.web.middleware.password_file import Users

__all__ = ["LOGIN_RETRY_SECONDS", "Authenticator", "TooManyAttempts", "Unauthorized"]

LOGIN_RETRY_SECONDS: Final = 6.0
"""After `max_failures` wrong passwords, each further attempt for one user waits this long, whether right or wrong."""

_MAX_PASSWORD_BYTES = 1000
_ADDRESS_ATTEMPTS_PER_USER_ATTEMPT = 6
_MAX_WAIT_SECONDS = 15.0


class Unauthorized(Exception):
    """The request has no credentials, or wrong ones."""


class TooManyAttempts(Exception):
    """There were too many wrong passwords, and the queue of attempts is full."""


class Authenticator:
    """Find out who has sent a request, and start and end the sessions of browsers.

    Args:
        users: the users with their passwords, who see everything; None for no users.
        mailboxes: the mailboxes whose tokens are accepted.
        anonymous: whether requests without credentials are accepted.  They also are if there are neither users nor
            mailboxes at the start.
        max_failures: the number of wrong passwords for one user from one address that are answered at once.

    Raises:
        ValueError: two mailboxes have the same token.
    """

    _sleep = staticmethod(asyncio.sleep)

    def __init__(
        self, *, users: Users | None, mailboxes: Iterable[Mailbox], anonymous: bool, max_failures: int
    ) -> None:
        self._users = users
        # A `Mailboxes` is kept, so that mailboxes that are added or removed later count at once.
        self._mailboxes = mailboxes if isinstance(mailboxes, Mailboxes) else Mailboxes(mailboxes)
        # A mailbox that is added later must not lock out the clients that needed no credentials before.
        self.is_required: Final[bool] = not (anonymous or not (users or self._mailboxes))
        self._sessions = LoginSessions()
        self._url_signer = UrlSigner(self._mailboxes)
        self._user_attempts = AttemptLimit(
            burst=max_failures, interval_seconds=LOGIN_RETRY_SECONDS, max_wait_seconds=_MAX_WAIT_SECONDS
        )
        self._address_attempts = AttemptLimit(
            burst=_ADDRESS_ATTEMPTS_PER_USER_ATTEMPT * max_failures,
            interval_seconds=LOGIN_RETRY_SECONDS / _ADDRESS_ATTEMPTS_PER_USER_ATTEMPT,
            max_wait_seconds=_MAX_WAIT_SECONDS,
        )
        # bcrypt is slow on purpose, and clients send the password with each request.  A password that was right
        # is remembered as a digest with a random key, which is useless to an attacker who reads the memory.
        self._proof_key = secrets.token_bytes(32)
        self._proof_by_user: dict[str, bytes] = {}
        self._hashing_slots = asyncio.Semaphore(2)

    @property
    def has_users(self) -> bool:
        """Whether users can log in with a password."""
        return bool(self._users)

    @property
    def knows_credentials(self) -> bool:
        """Whether there are users, or are or were mailboxes.

        Without them, requests are not authenticated at all.
        """
        return bool(self._users or self._mailboxes.was_used)

    async def identify(self, scope: Scope) -> Identity:
        """Return who has sent a request or websocket.

        Raises:
            MalformedCredentials: `Authorization` cannot be used.
            Unauthorized: the credentials are missing or wrong, or the session of the cookie has ended.
            TooManyAttempts: there were too many wrong passwords.
        """
        credentials = read_credentials(scope)
        if credentials is not None:
            return await self._check_credentials(credentials, scope)
        identity = self.find_session(scope)
        if identity is None and scope.get("method") == "GET":
            identity = self._url_signer.verify(scope.get("raw_path") or b"", scope.get("query_string") or b"")
        if identity is None:
            # Who had a session, perhaps one of a mailbox, must not see everything when it has ended.
            if self.is_required or read_session_tokens(scope):
                raise Unauthorized
            return Identity()
        return identity

    async def _check_credentials(self, credentials: HttpCredentials, scope: Scope) -> Identity:
        mailbox = self._mailboxes.find_by_token(credentials.secret)
        if mailbox is not None:
            return Identity(mailbox=mailbox)
        return Identity(user=await self._authenticate_user(credentials, _get_client_network(scope)))

    async def _authenticate_user(self, credentials: HttpCredentials, network: str) -> str:
        """Return the user whose password was sent.

        The limit of a user also holds for right passwords: else the right one could be found by trying.  The
        limit of an address does not hold for a remembered password, because other users may share the address.
        """
        if not self._users:  # only mailboxes, whose tokens are too long to be guessed
            raise Unauthorized
        user, password = credentials.user, credentials.secret[:_MAX_PASSWORD_BYTES]
        # The user name is untrusted input of any length: only its digest is kept.
        key = network, hashlib.sha256(user.encode("utf-8", "surrogateescape")).digest()
        wait_seconds = self._user_attempts.start_attempt(key)
        if wait_seconds is None:
            raise TooManyAttempts
        if wait_seconds:
            await self._sleep(wait_seconds)
        proof = hmac.digest(self._proof_key, password, "sha256")
        if not hmac.compare_digest(self._proof_by_user.get(user, b""), proof):
            wait_seconds = self._address_attempts.start_attempt(network)
            if wait_seconds is None:
                self._user_attempts.forgive(key)
                raise TooManyAttempts
            if wait_seconds:
                await self._sleep(wait_seconds)
            async with self._hashing_slots:
                is_right = credentials.scheme == "basic" and await asyncio.to_thread(
                    self._users.verify_password, user, password
                )
            if not is_right:
                raise Unauthorized
            self._address_attempts.forgive(network)
            self._proof_by_user[user] = proof
        self._user_attempts.forgive(key)
        return user

    # -- sessions of browsers ----------------------------------------------------------------------

    async def log_in(self, scope: Scope, user: str, secret: str) -> tuple[Identity, str]:
        """Start a session, and end the one that the browser had.

        The rate limits of wrong passwords are those of other requests.

        Args:
            scope: the request.
            user: the name of the user; any name with the token of a mailbox.
            secret: the password of the user, or the token of a mailbox.

        Returns:
            Who has logged in, and the value of `Set-Cookie`.

        Raises:
            Unauthorized: the password or the token is wrong.
            TooManyAttempts: there were too many wrong passwords.
        """
        credentials = HttpCredentials("basic", user, secret.encode("utf-8", "surrogateescape"))
        identity = await self._check_credentials(credentials, scope)
        self.log_out(scope)
        return identity, build_session_cookie(scope, self._sessions.start(identity))

    def log_out(self, scope: Scope) -> str:
        """End the session of a request, if it has one, and return the value of `Set-Cookie`."""
        for token in read_session_tokens(scope):
            self._sessions.end(token)
        return build_expired_session_cookie(scope)

    def has_dead_session(self, scope: Scope) -> bool:
        """Return whether a request has the cookie of a session, but the session has ended."""
        return bool(read_session_tokens(scope)) and self.find_session(scope) is None

    def is_session_request(self, scope: Scope) -> bool:
        """Return whether the session of its cookie says who has sent a request.

        This does not keep the session alive.
        """
        return read_credentials(scope) is None and self.find_session(scope, keep_alive=False) is not None

    def find_session(self, scope: Scope, *, keep_alive: bool = True) -> Identity | None:
        """Return who has logged in with the browser of a request; None without a session.

        The session of a mailbox ends when the mailbox is removed.
        """
        for token in read_session_tokens(scope):
            identity = self._sessions.find(token, keep_alive=keep_alive)
            if identity is not None and identity.mailbox is not None and identity.mailbox not in self._mailboxes:
                self._sessions.end(token)
                identity = None
            if identity is not None:
                return identity
        return None

    # -- pictures of mails -------------------------------------------------------------------------

    def sign_part_path(self, path: str, identity: Identity) -> str:
        """Return the query that lets a browser read a part without credentials.

        It is empty if the browser needs none.
        """
        return self._url_signer.sign(path, identity) if self.is_required else ""


def _get_client_network(scope: Scope) -> str:
    """Return the client's IPv4 address, or the first half of its IPv6 address.

    The first half identifies the network of one customer.
    """
    client = scope.get("client")
    address = parse_ip_address(client[0].partition("%")[0]) if client else None
    if address is None:
        return ""
    return str(address) if address.version == 4 else address.exploded[:19]
