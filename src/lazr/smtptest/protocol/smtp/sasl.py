"""The server side of the SASL mechanisms (RFC 4422), as one table; bytes in and bytes out.

An exchange reads the client's responses and returns `Credentials`.  The caller decides whether they are valid, and
handles base64 and the lines that carry it (RFC 4954).
"""

from __future__ import annotations

import hmac
import re

from lazr.smtptest.protocol.smtp.sasl_types import (
    Credentials,
    Exchange,
    ExchangeContext,
    build_syntax_error,
    decode_utf8,
    parse_gs2_header,
)
from lazr.smtptest.protocol.smtp.saslprep import list_spellings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

__all__ = ["MECHANISMS", "Mechanism"]

_MD5_HEX_DIGEST = re.compile("[0-9A-Fa-f]{32}")
_BEARER_TOKEN = re.compile("bearer ([ -~]*)", re.IGNORECASE | re.ASCII)
_XOAUTH2_RESPONSE = re.compile("user=([^\x00\x01]+)\x01auth=([ -~]*)\x01\x01")
# RFC 7628 3.1: client-resp = gs2-header kvsep *kvpair kvsep
_KEY_VALUE_PAIRS = re.compile("\x01(?:[A-Za-z]+=[!-~ \t\r\n]*\x01)*\x01")
_PORT = re.compile("[1-9][0-9]{0,4}")
# RFC 4505 3: the trace profile of stringprep prohibits control characters.
_TRACE_INFORMATION = re.compile("[^\x00-\x1f\x7f-\x9f]{0,255}")


class _Plain(Exchange):
    """PLAIN (RFC 4616)."""

    __slots__ = ()
    discloses_secret = True

    def respond(self, response: bytes) -> Credentials:
        fields = [decode_utf8(field, "PLAIN") for field in response.split(b"\0")]
        # RFC 4616 2: message = [authzid] UTF8NUL authcid UTF8NUL passwd.  An empty password breaks that grammar
        # too, but "wrong password" (535) helps its sender more than "syntax error" (501).
        if len(fields) != 3 or not fields[1]:
            raise build_syntax_error("PLAIN: expected [identity] NUL user name NUL password (RFC 4616 2)")
        authzid, username, password = fields
        return Credentials("PLAIN", username, password=password, authzid=authzid)


class _Login(Exchange):
    """LOGIN, which has no RFC; all older clients know these prompts."""

    __slots__ = ("_username", "discloses_secret")

    def __init__(self, context: ExchangeContext) -> None:
        super().__init__(context)
        self._username: str | None = None
        self.discloses_secret = False

    def begin(self, initial: bytes | None) -> bytes | Credentials:
        return b"Username:" if initial is None else self.respond(initial)

    def respond(self, response: bytes) -> bytes | Credentials:
        text = decode_utf8(response, "LOGIN")
        if self._username is not None:
            return Credentials("LOGIN", self._username, password=text)
        if not text:
            raise build_syntax_error("LOGIN: expected a user name")
        self._username = text
        self.discloses_secret = True
        return b"Password:"


class _CramMd5(Exchange):
    """CRAM-MD5 (RFC 2195)."""

    __slots__ = ("_challenge",)

    def begin(self, initial: bytes | None) -> bytes:
        # RFC 4954 4: in a mechanism where the server begins, an initial response is answered with 5.7.0.
        if initial is not None:
            raise build_syntax_error("CRAM-MD5: no initial response is allowed; the server speaks first", "5.7.0")
        self._challenge = f"<{self._context.nonce()}@{self._context.hostname}>".encode()
        return self._challenge

    def respond(self, response: bytes) -> Credentials:
        # RFC 2195 2: the user name may have spaces, so the last one ends it.
        username, _, digest = decode_utf8(response, "CRAM-MD5").rpartition(" ")
        if not username or _MD5_HEX_DIGEST.fullmatch(digest) is None:
            raise build_syntax_error("CRAM-MD5: expected user name, space, 32 hexadecimal digits (RFC 2195 2)")
        challenge, digest = self._challenge, digest.lower()

        def check(secret: str) -> bool:
            # Clients that do not prepare the password have computed the digest from the spelling that was typed.
            return any(
                [  # noqa: C419 - a list makes every comparison run
                    hmac.compare_digest(hmac.digest(spelling.encode(), challenge, "md5").hex(), digest)
                    for spelling in list_spellings(secret)
                ]
            )

        return Credentials("CRAM-MD5", username, check=check)


def _make_scram_factory(name: str) -> Callable[[ExchangeContext], Exchange]:
    def start_exchange(context: ExchangeContext) -> Exchange:
        # Imported late: few servers use SCRAM, and most clients of those prefer another mechanism.
        from lazr.smtptest.protocol.smtp.scram import ScramExchange

        return ScramExchange(context, name)

    return start_exchange


def _parse_bearer_token(value: str, mechanism: str) -> str:
    """Return the token of an HTTP Authorization header; "" if the client sent none."""
    # RFC 7628 4.3: a client may send an empty value, and learn from the error which scheme the server expects.
    if not value:
        return ""
    bearer = _BEARER_TOKEN.fullmatch(value)
    if bearer is None:
        raise build_syntax_error(f"{mechanism}: expected auth=Bearer, a space, and a token", "5.5.4")
    return bearer[1]


class _Xoauth2(Exchange):
    """XOAUTH2, by Google (developers.google.com/gmail/imap/xoauth2-protocol)."""

    __slots__ = ()
    discloses_secret = True

    def respond(self, response: bytes) -> Credentials:
        found = _XOAUTH2_RESPONSE.fullmatch(decode_utf8(response, "XOAUTH2"))
        if found is None:
            raise build_syntax_error("XOAUTH2: expected user=name, ^A, auth=Bearer and a token, ^A^A")
        return Credentials("XOAUTH2", found[1], token=_parse_bearer_token(found[2], "XOAUTH2"))

    def build_final_challenge(self, accepted: bool) -> bytes | None:
        return None if accepted else b'{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}'


class _OauthBearer(Exchange):
    """OAUTHBEARER (RFC 7628)."""

    __slots__ = ()
    discloses_secret = True

    def respond(self, response: bytes) -> Credentials:
        flag, authzid, rest = parse_gs2_header(decode_utf8(response, "OAUTHBEARER"), "OAUTHBEARER")
        # RFC 7628 3.1: the header is a formality, so there is no channel to bind.
        if flag.startswith("p") or _KEY_VALUE_PAIRS.fullmatch(rest) is None:
            raise build_syntax_error(
                "OAUTHBEARER: expected n,a=name, then ^A, key=value^A for each key, and ^A (RFC 7628 3.1)"
            )
        # RFC 7628 3.1: unknown keys are ignored.
        pairs = dict(pair.split("=", 1) for pair in rest.split("\x01")[1:-2])
        if "auth" not in pairs:
            raise build_syntax_error("OAUTHBEARER: the key auth is missing (RFC 7628 3.1)", "5.5.4")
        if _PORT.fullmatch(pairs.get("port", "25")) is None:
            raise build_syntax_error("OAUTHBEARER: port must be a number without leading zeros (RFC 7628 3.1)", "5.5.4")
        # Only the token's issuer can read which user it stands for; the requested identity is the only name here.
        token = _parse_bearer_token(pairs["auth"], "OAUTHBEARER")
        return Credentials("OAUTHBEARER", authzid, token=token, authzid=authzid)

    def build_final_challenge(self, accepted: bool) -> bytes | None:
        # RFC 7628 3.2.2: without `scope`, a token needs no particular scope.
        return None if accepted else b'{"status":"invalid_token"}'


class _External(Exchange):
    """EXTERNAL (RFC 4422 appendix A): the client's TLS certificate proves its identity."""

    __slots__ = ()

    def respond(self, response: bytes) -> Credentials:
        authzid = decode_utf8(response, "EXTERNAL")
        identities = self._context.identities
        username = authzid or (identities[0] if identities else "")
        return Credentials("EXTERNAL", username, authzid=authzid, proved=username in identities)


class _Anonymous(Exchange):
    """ANONYMOUS (RFC 4505)."""

    __slots__ = ()

    def respond(self, response: bytes) -> Credentials:
        trace = decode_utf8(response, "ANONYMOUS")
        if _TRACE_INFORMATION.fullmatch(trace) is None:
            raise build_syntax_error("ANONYMOUS: expected at most 255 characters without controls (RFC 4505 2)")
        return Credentials("ANONYMOUS", trace)


class Mechanism:
    """One mechanism: a row of the table `MECHANISMS`.

    Args:
        name: The name, in capitals.
        start_exchange: Starts an exchange.  SCRAM raises `MissingExtra` where its library is not installed.
        rfc: The RFC; None for mechanisms without one.
        discloses_secret: A password or a token crosses the wire in clear.
        needs_password: The server must know the password.
        needs_tls: The mechanism works only over TLS.
    """

    __slots__ = ("discloses_secret", "name", "needs_password", "needs_tls", "rfc", "start_exchange")

    def __init__(
        self,
        name: str,
        start_exchange: Callable[[ExchangeContext], Exchange],
        *,
        rfc: int | None = None,
        discloses_secret: bool = False,
        needs_password: bool = False,
        needs_tls: bool = False,
    ) -> None:
        self.name: Final = name
        self.start_exchange: Final = start_exchange
        self.rfc: Final = rfc
        self.discloses_secret: Final = discloses_secret
        self.needs_password: Final = needs_password
        self.needs_tls: Final = needs_tls

    def __repr__(self) -> str:
        return f"Mechanism({self.name!r})"


MECHANISMS: dict[str, Mechanism] = {
    row.name: row
    for row in (
        Mechanism("PLAIN", _Plain, rfc=4616, discloses_secret=True),
        Mechanism("LOGIN", _Login, discloses_secret=True),
        Mechanism("CRAM-MD5", _CramMd5, rfc=2195),
        Mechanism("SCRAM-SHA-1", _make_scram_factory("SCRAM-SHA-1"), rfc=5802, needs_password=True),
        Mechanism("SCRAM-SHA-256", _make_scram_factory("SCRAM-SHA-256"), rfc=7677, needs_password=True),
        Mechanism(
            "SCRAM-SHA-1-PLUS", _make_scram_factory("SCRAM-SHA-1-PLUS"), rfc=5802, needs_password=True, needs_tls=True
        ),
        Mechanism(
            "SCRAM-SHA-256-PLUS",
            _make_scram_factory("SCRAM-SHA-256-PLUS"),
            rfc=7677,
            needs_password=True,
            needs_tls=True,
        ),
        Mechanism("XOAUTH2", _Xoauth2, discloses_secret=True),
        Mechanism("OAUTHBEARER", _OauthBearer, rfc=7628, discloses_secret=True),
        Mechanism("EXTERNAL", _External, rfc=4422, needs_tls=True),
        Mechanism("ANONYMOUS", _Anonymous, rfc=4505),
    )
}
