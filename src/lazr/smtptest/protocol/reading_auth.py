"""Authentication in IMAP and POP3: by a SASL exchange, or by user name and password.

The session passes in the client's lines, and gets steps: a challenge to send, credentials that are complete, or the
end, which is `Authenticated` or an `AuthRefusal`.  Between complete credentials and `conclude`, the session can ask
for a decision; if that refuses the client, the session calls `refuse` instead.
"""

from __future__ import annotations

import functools
import hmac

from lazr.smtptest.protocol.smtp import (
    CommandRefused,
    Credentials,
    decode_base64,
    decode_response,
    discloses_initial_secret,
    prepare_if_possible,
    start_exchange,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final, Literal

    from lazr.smtptest.protocol.reading_session import ReadingSettings
    from lazr.smtptest.protocol.smtp import Auth, Exchange, SessionRecord

    RefusalKind = Literal["syntax", "cancelled", "unsupported", "privacy", "unavailable", "failed", "limit"]

__all__ = ["AuthRefusal", "Authenticated", "ReadingAuth"]

_NEEDS_TLS = "Authentication needs TLS here; start TLS first"


class Authenticated:
    """The end of an authentication that succeeded.

    Args:
        credentials: What the client sent.
    """

    __slots__ = ("credentials",)

    def __init__(self, credentials: Credentials) -> None:
        self.credentials: Final = credentials

    @property
    def username(self) -> str:
        """The user whose account is opened: the authorization identity, if the client named one."""
        if self.credentials.mechanism == "ANONYMOUS":
            return "anonymous"  # RFC 4505 2: its user name is trace information, which names no account
        return self.credentials.authzid or self.credentials.username

    def __repr__(self) -> str:
        return f"Authenticated({self.credentials!r})"


class AuthRefusal:
    """The end of an authentication that did not succeed.

    Args:
        kind: Why.

            - `"syntax"`: the client broke the grammar of the exchange.
            - `"cancelled"`: the client sent `*`.
            - `"unsupported"`: the mechanism is not offered.
            - `"privacy"`: authentication needs TLS first.
            - `"unavailable"`: a function of the user raised an exception; try again later.
            - `"failed"`: the credentials are not valid.
            - `"limit"`: too many attempts failed; the session must close.
        text: The text for the client.
    """

    __slots__ = ("kind", "text")

    def __init__(self, kind: RefusalKind, text: str) -> None:
        self.kind: Final = kind
        self.text: Final = text

    def __repr__(self) -> str:
        return f"AuthRefusal({self.kind!r}, {self.text!r})"


if TYPE_CHECKING:
    # A challenge, not yet in base64; complete credentials, to `conclude`; or the end of the exchange.
    AuthStep = bytes | Credentials | Authenticated | AuthRefusal


class ReadingAuth:
    """The authentication of one session: attempts, one after the other.

    Args:
        record: The record of the session, which gets attempts and the accepted credentials.
        settings: The settings; assign others when TLS becomes active.

    >>> from lazr.smtptest.protocol.reading_session import ReadingSettings
    >>> from lazr.smtptest.protocol.smtp import Auth, SessionRecord
    >>> auth = ReadingAuth(SessionRecord(), ReadingSettings(auth=Auth({"ann": "secret"})))
    >>> auth.login("ann", "wrong")
    AuthRefusal('failed', 'Authentication failed: user name or password is wrong')
    >>> auth.conclude(auth.begin("PLAIN", b"AGFubgBzZWNyZXQ=")).username
    'ann'
    """

    __slots__ = ("_exchange", "_outcome", "_record", "failures", "settings")

    def __init__(self, record: SessionRecord, settings: ReadingSettings) -> None:
        self.settings: ReadingSettings = settings
        self.failures: int = 0  # refused attempts so far
        self._record = record
        self._exchange: Exchange | None = None
        self._outcome: Authenticated | AuthRefusal | None = None  # known, but the final challenge comes first

    @property
    def is_active(self) -> bool:
        """Whether the client's next line belongs to an exchange; pass it to `respond`."""
        return self._exchange is not None

    def mask_line(self, line: bytes) -> bytes:
        """Return a line of the exchange as the transcript may show it."""
        return line if line == b"*" else b"***"

    # -- SASL --------------------------------------------------------------------------------

    def begin(self, mechanism: str, initial: bytes | None = None) -> AuthStep:
        """Begin an exchange (RFC 9051 6.2.2, RFC 5034 4).

        Args:
            mechanism: The name of the mechanism, in any letter case.
            initial: The initial response in base64, `=` for an empty one; None without one.
        """
        name = mechanism.upper()
        refusal = self._refuse_early()
        if refusal is not None:
            return refusal
        if initial not in (None, b"", b"=") and discloses_initial_secret(name.encode("ascii", "replace")):
            self._record.add_sent_in_clear("credentials")
        settings = self.settings
        if name not in settings.mechanisms:
            return AuthRefusal("unsupported", f"Unknown mechanism; offered: {' '.join(settings.mechanisms)}")
        try:
            octets = None if initial is None else b"" if initial == b"=" else decode_base64(initial)
            exchange = self._exchange = start_exchange(
                name,
                settings.auth or _get_default_auth(),
                hostname=settings.hostname,
                tls=self._record.tls,
                has_channel_binding=any(offered.endswith("-PLUS") for offered in settings.mechanisms),
            )
            return self._record_step(exchange.begin(octets))
        except BaseException as error:  # noqa: BLE001 - P7: the user's `nonce` may raise anything
            return self._fail(error)

    def respond(self, line: bytes) -> AuthStep:
        """Continue the exchange with a line of the client, without its line end.

        Raises `RuntimeError` if no exchange is active.
        """
        exchange = self._exchange
        if exchange is None:
            raise RuntimeError("respond() needs an active exchange: call begin() first")
        outcome = self._outcome
        if line == b"*" and not isinstance(outcome, AuthRefusal):
            self.end()
            return AuthRefusal("cancelled", "Authentication cancelled")
        try:
            if outcome is None:
                if exchange.discloses_secret and line:
                    self._record.add_sent_in_clear("credentials")
                return self._record_step(exchange.respond(decode_response(line)))
            # RFC 7628 3.2.3, RFC 5802 5: this line acknowledges the final challenge.  A client that does not trust the
            # server's signature may still cancel with `*`; it cannot cancel a refusal.
            if isinstance(outcome, Authenticated):
                decode_response(line)
        except BaseException as error:  # noqa: BLE001 - P7: the user's mapping of passwords may raise anything
            return self._fail(error)
        return self._finish(outcome)

    def conclude(self, credentials: Credentials) -> bytes | Authenticated | AuthRefusal:
        """Check complete credentials; return the end, or the final challenge that comes before it."""
        return self._send_final_challenge(self._check(credentials))

    def refuse(self, text: str = "Authentication failed") -> bytes | Authenticated | AuthRefusal:
        """End the exchange, whatever the credentials; return as `conclude` does."""
        return self._send_final_challenge(AuthRefusal("failed", text))

    def end(self) -> None:
        """Forget the exchange, because the session starts again or a decision has replaced it."""
        self._exchange = self._outcome = None

    # -- user name and password --------------------------------------------------------------

    def login(self, username: str, password: str, *, mechanism: str = "LOGIN") -> Authenticated | AuthRefusal:
        """Check a user name and a password (LOGIN in RFC 9051 6.2.3, USER and PASS in RFC 1939 7).

        Args:
            username: The user name.
            password: The password.
            mechanism: The mechanism of the recorded `Credentials`.
        """
        refusal = self._refuse_early()
        if password:
            self._record.add_sent_in_clear("credentials")
        if refusal is None and not self.settings.accepts_password:
            refusal = AuthRefusal(
                "unsupported", f"Plain passwords are not accepted; mechanisms: {' '.join(self.settings.mechanisms)}"
            )
        return refusal or self._login(Credentials(mechanism, username, password=password))

    def login_with_digest(self, username: str, digest: str, timestamp: str) -> Authenticated | AuthRefusal:
        """Check the MD5 digest of a timestamp and the password (APOP in RFC 1939 7).

        Args:
            username: The user name.
            digest: 32 hexadecimal digits.
            timestamp: The timestamp of the greeting, with its angle brackets.
        """

        def check(secret: str) -> bool:
            from hashlib import md5

            expected = md5((timestamp + secret).encode(), usedforsecurity=False).hexdigest()
            return hmac.compare_digest(expected, digest.lower())

        return self._refuse_early() or self._login(Credentials("APOP", username, check=check))

    def make_nonce(self) -> str:
        """Return random text for a timestamp; "" if the user's function raises an exception."""
        try:
            return (self.settings.auth or _get_default_auth()).nonce()
        except BaseException as error:  # noqa: BLE001 - P7
            self._report(error)
            return ""

    # -- parts -------------------------------------------------------------------------------

    def _refuse_early(self) -> AuthRefusal | None:
        """Refuse an attempt before its content is looked at, or return None."""
        limit = self.settings.limits.auth_failures
        if limit is not None and self.failures >= limit:
            return AuthRefusal("limit", "Too many failed authentications, goodbye")
        return None if self.settings.accepts_login else AuthRefusal("privacy", _NEEDS_TLS)

    def _login(self, credentials: Credentials) -> Authenticated | AuthRefusal:
        self._record.add_auth_attempt(credentials)
        return self._finish(self._check(credentials))

    def _check(self, credentials: Credentials) -> Authenticated | AuthRefusal:
        """Return whether the credentials are valid."""
        auth = self.settings.auth
        if auth is None:
            return Authenticated(credentials)
        if credentials.mechanism == "ANONYMOUS" and not auth.accepts_all:
            return AuthRefusal("failed", "Authentication failed: mails are read by users with a name only")
        try:
            is_valid = auth.accepts(credentials)
        except BaseException as error:  # noqa: BLE001 - P7
            return self._report(error)
        if not is_valid:
            return AuthRefusal("failed", "Authentication failed: user name or password is wrong")
        # RFC 4616 2: a user of a mapping may only act as himself; a function sees both names and decides.
        if auth.passwords is not None and credentials.authzid and not _is_same_user(credentials):
            return AuthRefusal("failed", "Authentication failed: the user may not act as another user")
        if credentials.username or auth.accepts_all:
            return Authenticated(credentials)
        # The account without a name has all mails, so a client that names no user must not open it.
        username = _find_user_of_token(auth.passwords or {}, credentials)
        if username is None:
            return AuthRefusal("failed", "Authentication failed: the user name is missing")
        return Authenticated(Credentials(credentials.mechanism, username, token=credentials.token))

    def _send_final_challenge(self, outcome: Authenticated | AuthRefusal) -> bytes | Authenticated | AuthRefusal:
        exchange = self._exchange
        is_accepted = isinstance(outcome, Authenticated)
        challenge = None if exchange is None else exchange.build_final_challenge(is_accepted)
        if challenge is None:
            return self._finish(outcome)
        self._outcome = outcome
        return challenge

    def _record_step(self, step: bytes | Credentials) -> bytes | Credentials:
        if isinstance(step, Credentials):
            self._record.add_auth_attempt(step)
        return step

    def _finish(self, outcome: Authenticated | AuthRefusal) -> Authenticated | AuthRefusal:
        """End the exchange, and record its result."""
        self.end()
        if isinstance(outcome, Authenticated):
            self._record.auth = outcome.credentials
        elif outcome.kind == "failed":
            self.failures += 1
        return outcome

    def _fail(self, error: BaseException) -> AuthRefusal:
        """End the exchange with the refusal for this error."""
        self.end()
        if not isinstance(error, CommandRefused):
            return self._report(error)
        return AuthRefusal("syntax", " ".join(error.reply.lines))

    def _report(self, error: BaseException) -> AuthRefusal:
        """Report an exception of a user's function, or raise it again (P7)."""
        if self.settings.reply_to_exception is None:
            raise error
        self.settings.reply_to_exception(error)
        return AuthRefusal("unavailable", "Internal error while the credentials were checked")


def _find_user_of_token(tokens: Mapping[str, str], credentials: Credentials) -> str | None:
    """Return the only user who has this token, or None (RFC 7628 3.1)."""
    if credentials.token is None:
        return None
    # Every comparison runs, so that the time of the answer does not depend on which token matches.
    users = [name for name, token in tokens.items() if credentials.matches(token) and token]
    return users[0] or None if len(users) == 1 else None


def _is_same_user(credentials: Credentials) -> bool:
    return prepare_if_possible(credentials.authzid) == prepare_if_possible(credentials.username)


@functools.lru_cache(maxsize=1)
def _get_default_auth() -> Auth:
    """Return what accepts all, for a server without `auth`."""
    from lazr.smtptest.protocol.smtp import Auth

    return Auth("any")
