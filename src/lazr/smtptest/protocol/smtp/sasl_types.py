"""Values and interfaces that all SASL mechanisms share: credentials, exchange, context."""

from __future__ import annotations

import hmac
import re
from functools import partial
from types import MappingProxyType

from lazr.smtptest._util.suggestion import build_getattr
from lazr.smtptest.protocol.smtp.reply import CommandRefused, Reply
from lazr.smtptest.protocol.smtp.saslprep import are_equal_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final

__all__ = ["Credentials", "Exchange", "ExchangeContext", "build_syntax_error", "decode_utf8", "parse_gs2_header"]

# RFC 5801 4: gs2-header = gs2-cb-flag "," [gs2-authzid] ",".  Its "F" flag is for GSS-API alone.
_GS2_HEADER = re.compile(r"(n|y|p=[A-Za-z0-9.-]+),(?:a=((?:[^\x00,=]|=2C|=3D)+))?,")


# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(("login", "name", "userid", "user_name", "identity"), "credentials.username"),
    **dict.fromkeys(("secret", "pwd", "passwd", "pw"), "credentials.password, or credentials.matches(password)"),
    **dict.fromkeys(("check", "verify", "check_password"), "credentials.matches(password)"),
    **dict.fromkeys(("mech", "method", "auth_method"), "credentials.mechanism"),
}


class Credentials:
    """What a client sent to authenticate itself.

    Args:
        mechanism: The SASL mechanism, in capitals.
        username: The user name; for ANONYMOUS, the trace information.
        password: The password, where the mechanism discloses it (PLAIN, LOGIN).
        token: The token of XOAUTH2 and OAUTHBEARER.
        authzid: The identity that the client wants to act as; "" if it named none.
        proved: Whether the exchange itself has proved the identity (SCRAM, EXTERNAL).
        check: For mechanisms that send a proof: tests a password against it.

    >>> credentials = Credentials("PLAIN", "ann", password="secret")
    >>> credentials
    Credentials('PLAIN', 'ann', password=***)
    >>> credentials.matches("secret"), credentials.matches("other")
    (True, False)
    """

    __slots__ = ("_check_secret", "authzid", "mechanism", "password", "proved", "token", "username")

    def __init__(
        self,
        mechanism: str,
        username: str,
        *,
        password: str | None = None,
        token: str | None = None,
        authzid: str = "",
        proved: bool = False,
        check: Callable[[str], bool] | None = None,
    ) -> None:
        self.mechanism: Final = mechanism
        self.username: Final = username
        self.password: Final = password
        self.token: Final = token
        self.authzid: Final = authzid
        self.proved: Final = proved
        self._check_secret: Final = check

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    @property
    def user(self) -> str:
        """Another name of `username`, as in the conditions of rules."""
        return self.username

    def matches(self, secret: str) -> bool:
        """Whether the client knows this password, or has this token."""
        if self._check_secret is not None:
            return self._check_secret(secret)
        if self.password is not None:  # RFC 4616 2: both are prepared before they are compared
            return are_equal_secrets(self.password, secret)
        return self.token is not None and hmac.compare_digest(self.token.encode(), secret.encode())

    def redacted(self) -> Credentials:
        """Return the credentials without password, token and proof, so that they can be stored.

        >>> Credentials("PLAIN", "ann", password="secret").redacted()
        Credentials('PLAIN', 'ann')
        """
        return Credentials(self.mechanism, self.username, authzid=self.authzid, proved=self.proved)

    def __reduce__(self) -> tuple[object, ...]:
        # The proof of a challenge belongs to its session, so a pickled copy matches no password without one.
        rebuild = partial(
            Credentials, password=self.password, token=self.token, authzid=self.authzid, proved=self.proved
        )
        return rebuild, (self.mechanism, self.username)

    def _field_values(self) -> tuple[object, ...]:
        return (self.mechanism, self.username, self.password, self.token, self.authzid, self.proved)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Credentials):
            return NotImplemented
        return self._field_values() == other._field_values()

    def __hash__(self) -> int:
        return hash(self._field_values())

    def __repr__(self) -> str:
        # Secrets are masked: logs and the reports of failed tests show this text.
        parts = [repr(self.mechanism), repr(self.username)]
        parts += [f"{name}=***" for name in ("password", "token") if getattr(self, name) is not None]
        parts += [f"{name}={getattr(self, name)!r}" for name in ("authzid", "proved") if getattr(self, name)]
        return f"Credentials({', '.join(parts)})"


class ExchangeContext:
    """The facts outside of the dialogue that an exchange may use.

    Args:
        hostname: The server's name, for challenges.
        nonce: Returns random printable ASCII without commas; each call returns another text.
        find_password: Returns a user's password, or None for an unknown user.  None: the server knows no passwords.
        identities: The names in the client's verified TLS certificate.
        channel_bindings: The data of each channel binding type (RFC 5929).  Empty where the server offers no -PLUS
            mechanism: SCRAM would otherwise take an honest client for a downgraded one (RFC 5802 6).
    """

    __slots__ = ("channel_bindings", "find_password", "hostname", "identities", "nonce")

    def __init__(
        self,
        hostname: str,
        *,
        nonce: Callable[[], str],
        find_password: Callable[[str], str | None] | None = None,
        identities: tuple[str, ...] = (),
        channel_bindings: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        self.hostname: Final = hostname
        self.nonce: Final = nonce
        self.find_password: Final = find_password
        self.identities: Final = identities
        self.channel_bindings: Final = channel_bindings


class Exchange:
    """One run of a mechanism.

    Call `begin`, then `respond` for as long as a challenge is returned.  When `Credentials` are returned, decide
    about them, and send the challenge of `build_final_challenge`, if it has one, before the reply.
    """

    __slots__ = ("_context",)
    discloses_secret: bool = False  # the client's next response holds a password or a token in clear

    def __init__(self, context: ExchangeContext) -> None:
        self._context: Final = context

    def begin(self, initial: bytes | None) -> bytes | Credentials:
        """Return the first challenge, or the credentials if the initial response has them all.

        None means that the client sent no initial response; b"" is an empty one, which the client sends as `=`.
        """
        # RFC 4954 4: an empty challenge asks the client to begin, where the mechanism lets it begin.
        return b"" if initial is None else self.respond(initial)

    def respond(self, response: bytes) -> bytes | Credentials:
        """Return the next challenge, or the credentials if the client has now sent them all."""
        raise NotImplementedError

    def build_final_challenge(self, accepted: bool) -> bytes | None:
        """Return the challenge that comes before the reply, or None if the mechanism has none.

        The client's response to it changes nothing.
        """
        return None


def build_syntax_error(text: str, enhanced: str = "5.5.2") -> CommandRefused:
    """Build the 501 for a response that breaks the grammar of its mechanism (RFC 4954 4)."""
    return CommandRefused(Reply(501, enhanced, text))


def decode_utf8(octets: bytes, mechanism: str) -> str:
    """Decode a response, or raise the 501; no mechanism allows NUL in a name or a password."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise build_syntax_error(f"{mechanism}: the response must be UTF-8") from None
    if "\0" in text:
        raise build_syntax_error(f"{mechanism}: the response must not contain NUL")
    return text


def parse_gs2_header(message: str, mechanism: str) -> tuple[str, str, str]:
    """Split a message after its GS2 header (RFC 5801 4), or raise the 501.

    Returns the channel binding flag, the authorization identity ("" without one), and the rest of the message.
    """
    header = _GS2_HEADER.match(message)
    if header is None:
        raise build_syntax_error(
            f"{mechanism}: the message must start with a GS2 header, such as n,, or n,a=name, (RFC 5801 4)"
        )
    authzid = (header[2] or "").replace("=2C", ",").replace("=3D", "=")
    return header[1], authzid, message[header.end() :]
