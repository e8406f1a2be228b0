"""The SASL mechanisms (RFC 4422) on the server's side: what a client shows of who it is, octets in and out.

An exchange reads what the client says and hands out `Credentials`; whether they are good is for
others to judge.  Base64 and the lines that carry it (RFC 4954) are theirs too.
"""

from __future__ import annotations

import hmac
import re
from types import MappingProxyType

from lazr.smtptest.protocol.smtp.reply import Refused, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final

__all__ = ["MECHANISMS", "Credentials", "Exchange", "Mechanism", "Setting", "gs2_header", "syntax", "utf8"]

# RFC 5801 4: gs2-header = gs2-cb-flag "," [gs2-authzid] ",".  Its "F" flag is for GSS-API alone.
_GS2 = re.compile(r"(n|y|p=[A-Za-z0-9.-]+),(?:a=((?:[^\x00,=]|=2C|=3D)+))?,")
_DIGEST = re.compile("[0-9A-Fa-f]{32}")
_BEARER = re.compile("bearer ([ -~]*)", re.IGNORECASE | re.ASCII)
_XOAUTH2 = re.compile("user=([^\x00\x01]+)\x01auth=([ -~]*)\x01\x01")
# RFC 7628 3.1: client-resp = gs2-header kvsep *kvpair kvsep
_PAIRS = re.compile("\x01(?:[A-Za-z]+=[!-~ \t\r\n]*\x01)*\x01")
_PORT = re.compile("[1-9][0-9]{0,4}")
# RFC 4505 3: the trace profile of stringprep prohibits control characters.
_TRACE = re.compile("[^\x00-\x1f\x7f-\x9f]{0,255}")


def syntax(text: str, enhanced: str = "5.5.2") -> Refused:
    """The client said what the mechanism has no grammar for (RFC 4954 4: 501)."""
    return Refused(Reply(501, enhanced, text))


def utf8(octets: bytes, mechanism: str) -> str:
    """What these octets say; no mechanism has a place for NUL in a name or a password."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise syntax(f"{mechanism}: this is not UTF-8") from None
    if "\0" in text:
        raise syntax(f"{mechanism}: NUL has no place here")
    return text


def gs2_header(message: str, mechanism: str) -> tuple[str, str, str]:
    """The channel binding flag, the authorization identity ("" for none), and what follows the header."""
    header = _GS2.match(message)
    if header is None:
        raise syntax(f"{mechanism} wants a GS2 header first, such as n,, or n,a=name, (RFC 5801 4)")
    authzid = (header[2] or "").replace("=2C", ",").replace("=3D", "=")
    return header[1], authzid, message[header.end() :]


class Credentials:
    """What a client showed of who it is.

    >>> shown = Credentials("PLAIN", "ann", password="secret")
    >>> shown
    Credentials('PLAIN', 'ann', password=***)
    >>> shown.matches("secret"), shown.matches("other")
    (True, False)
    """

    __slots__ = ("_check", "authzid", "mechanism", "password", "proved", "token", "username")

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
        self.mechanism: Final = mechanism  # in capitals
        self.username: Final = username  # ANONYMOUS: the trace information
        self.password: Final = password  # None where the mechanism does not disclose it
        self.token: Final = token  # XOAUTH2 and OAUTHBEARER; None elsewhere
        self.authzid: Final = authzid  # whom the client wants to act as; "" where it did not say
        self.proved: Final = proved  # the exchange itself showed that the client is who it says it is
        self._check: Final = check

    def matches(self, secret: str) -> bool:
        """Whether the client knows this password, or this token."""
        if self._check is not None:
            return self._check(secret)
        shown = self.token if self.password is None else self.password
        return shown is not None and hmac.compare_digest(shown.encode(), secret.encode())

    def _facts(self) -> tuple[object, ...]:
        return (self.mechanism, self.username, self.password, self.token, self.authzid, self.proved)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Credentials):
            return NotImplemented
        return self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash(self._facts())

    def __repr__(self) -> str:
        # Secrets are masked, for this ends up in logs and in the reports of failed tests.
        shown = [repr(self.mechanism), repr(self.username)]
        shown += [f"{name}=***" for name in ("password", "token") if getattr(self, name) is not None]
        shown += [f"{name}={getattr(self, name)!r}" for name in ("authzid", "proved") if getattr(self, name)]
        return f"Credentials({', '.join(shown)})"


class Setting:
    """What of the world an exchange may look at."""

    __slots__ = ("bindings", "hostname", "identities", "nonce", "password_of")

    def __init__(
        self,
        hostname: str,
        *,
        nonce: Callable[[], str],
        password_of: Callable[[str], str | None] | None = None,
        identities: tuple[str, ...] = (),
        bindings: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        self.hostname: Final = hostname
        self.nonce: Final = nonce  # printable ASCII without commas, another one for each call
        self.password_of: Final = password_of  # None: no passwords are known
        self.identities: Final = identities  # of the client's verified TLS certificate
        # By name (RFC 5929); none where no -PLUS mechanism is offered, or it would be a lie to a
        # client that asks (RFC 5802 6).
        self.bindings: Final = bindings


class Exchange:
    """One run of a mechanism: `begin`, `respond` while it returns challenges, and `last_word`."""

    __slots__ = ("_setting",)
    discloses: bool = False  # what the client says next is a password or a token, for all to read

    def __init__(self, setting: Setting) -> None:
        self._setting: Final = setting

    def begin(self, initial: bytes | None) -> bytes | Credentials:
        """The first challenge, or the credentials if the initial response has said all.

        None is no initial response; b"" is an empty one, which a client sends as `=`.
        """
        # RFC 4954 4: where the client begins and has not yet, an empty challenge asks it to.
        return b"" if initial is None else self.respond(initial)

    def respond(self, response: bytes) -> bytes | Credentials:
        """The next challenge, or the credentials if the client has now said all."""
        raise NotImplementedError

    def last_word(self, accepted: bool) -> bytes | None:
        """One more challenge before the verdict, whatever the client answers to it; None for none."""
        return None


class _Plain(Exchange):
    """RFC 4616."""

    __slots__ = ()
    discloses = True

    def respond(self, response: bytes) -> Credentials:
        fields = [utf8(field, "PLAIN") for field in response.split(b"\0")]
        # RFC 4616 2: message = [authzid] UTF8NUL authcid UTF8NUL passwd.  An empty password breaks
        # that grammar too, but is better judged: a wrong password is what its sender has to hear of.
        if len(fields) != 3 or not fields[1]:
            raise syntax("PLAIN wants an identity or none, NUL, a user name, NUL, a password (RFC 4616 2)")
        authzid, username, password = fields
        return Credentials("PLAIN", username, password=password, authzid=authzid)


class _Login(Exchange):
    """No RFC, but older clients speak nothing else; these prompts are the ones that all of them know."""

    __slots__ = ("_username", "discloses")

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._username: str | None = None
        self.discloses = False

    def begin(self, initial: bytes | None) -> bytes | Credentials:
        return b"Username:" if initial is None else self.respond(initial)

    def respond(self, response: bytes) -> bytes | Credentials:
        text = utf8(response, "LOGIN")
        if self._username is not None:
            return Credentials("LOGIN", self._username, password=text)
        if not text:
            raise syntax("LOGIN wants a user name")
        self._username = text
        self.discloses = True
        return b"Password:"


class _CramMd5(Exchange):
    """RFC 2195."""

    __slots__ = ("_challenge",)

    def begin(self, initial: bytes | None) -> bytes:
        # RFC 4954 4: no initial response where the client does not begin, and 5.7.0 for one.
        if initial is not None:
            raise syntax("CRAM-MD5 takes no initial response: the server speaks first", "5.7.0")
        self._challenge = f"<{self._setting.nonce()}@{self._setting.hostname}>".encode()
        return self._challenge

    def respond(self, response: bytes) -> Credentials:
        # RFC 2195 2: the user name may have spaces, so the last one ends it.
        username, _, digest = utf8(response, "CRAM-MD5").rpartition(" ")
        if not username or _DIGEST.fullmatch(digest) is None:
            raise syntax("CRAM-MD5 wants a user name, a space, and 32 hexadecimal digits (RFC 2195 2)")
        challenge, shown = self._challenge, digest.lower()

        def check(secret: str) -> bool:
            return hmac.compare_digest(hmac.digest(secret.encode(), challenge, "md5").hex(), shown)

        return Credentials("CRAM-MD5", username, check=check)


def _scram(name: str) -> Callable[[Setting], Exchange]:
    def new(setting: Setting) -> Exchange:
        from lazr.smtptest.protocol.smtp.scram import Scram

        return Scram(setting, name)

    return new


def _bearer(value: str, mechanism: str) -> str:
    """The token in what would be an HTTP Authorization header; "" where the client sent none."""
    # RFC 7628 4.3: a client may send nothing, in order to be told what is wanted.
    if not value:
        return ""
    bearer = _BEARER.fullmatch(value)
    if bearer is None:
        raise syntax(f"{mechanism} wants auth=Bearer, a space, and a token", "5.5.4")
    return bearer[1]


class _Xoauth2(Exchange):
    """Google's (developers.google.com/gmail/imap/xoauth2-protocol), which others took over."""

    __slots__ = ()
    discloses = True

    def respond(self, response: bytes) -> Credentials:
        found = _XOAUTH2.fullmatch(utf8(response, "XOAUTH2"))
        if found is None:
            raise syntax("XOAUTH2 wants user=name, ^A, auth=Bearer and a token, ^A^A")
        return Credentials("XOAUTH2", found[1], token=_bearer(found[2], "XOAUTH2"))

    def last_word(self, accepted: bool) -> bytes | None:
        return None if accepted else b'{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}'


class _OauthBearer(Exchange):
    """RFC 7628."""

    __slots__ = ()
    discloses = True

    def respond(self, response: bytes) -> Credentials:
        flag, authzid, rest = gs2_header(utf8(response, "OAUTHBEARER"), "OAUTHBEARER")
        # RFC 7628 3.1: the header is there for its form alone, so there is no channel to bind.
        if flag.startswith("p") or _PAIRS.fullmatch(rest) is None:
            raise syntax("OAUTHBEARER wants n,a=name, then ^A, then key=value^A for each key, then ^A (RFC 7628 3.1)")
        # Keys that we do not know are ignored, as RFC 7628 3.1 has it.
        pairs = dict(pair.split("=", 1) for pair in rest.split("\x01")[1:-2])
        if "auth" not in pairs:
            raise syntax("OAUTHBEARER wants the key auth (RFC 7628 3.1)", "5.5.4")
        if _PORT.fullmatch(pairs.get("port", "25")) is None:
            raise syntax("OAUTHBEARER: port wants a number without leading zeros (RFC 7628 3.1)", "5.5.4")
        # The token says who the client is, in words that only its issuer can read; the identity it
        # asks for is the one name that we are told.
        token = _bearer(pairs["auth"], "OAUTHBEARER")
        return Credentials("OAUTHBEARER", authzid, token=token, authzid=authzid)

    def last_word(self, accepted: bool) -> bytes | None:
        # RFC 7628 3.2.2: no scope in it means that a token needs none.
        return None if accepted else b'{"status":"invalid_token"}'


class _External(Exchange):
    """RFC 4422 appendix A: who the client is was settled elsewhere, here by its TLS certificate."""

    __slots__ = ()

    def respond(self, response: bytes) -> Credentials:
        authzid = utf8(response, "EXTERNAL")
        identities = self._setting.identities
        username = authzid or (identities[0] if identities else "")
        return Credentials("EXTERNAL", username, authzid=authzid, proved=username in identities)


class _Anonymous(Exchange):
    """RFC 4505."""

    __slots__ = ()

    def respond(self, response: bytes) -> Credentials:
        trace = utf8(response, "ANONYMOUS")
        if _TRACE.fullmatch(trace) is None:
            raise syntax("ANONYMOUS wants at most 255 characters, and no controls among them (RFC 4505 2)")
        return Credentials("ANONYMOUS", trace)


class Mechanism:
    """One mechanism: a row, and nothing but data."""

    __slots__ = ("discloses", "name", "needs_password", "needs_tls", "new", "rfc")

    def __init__(
        self,
        name: str,
        new: Callable[[Setting], Exchange],
        *,
        rfc: int | None = None,
        discloses: bool = False,
        needs_password: bool = False,
        needs_tls: bool = False,
    ) -> None:
        self.name: Final = name
        self.new: Final = new  # begins an exchange; SCRAM raises `MissingExtra` where its library is not installed
        self.rfc: Final = rfc  # None: no RFC has it
        self.discloses: Final = discloses  # a password or a token crosses the wire for all to read
        self.needs_password: Final = needs_password  # the server must know the password to play its part
        self.needs_tls: Final = needs_tls  # it has no meaning in clear

    def __repr__(self) -> str:
        return f"Mechanism({self.name!r})"


MECHANISMS: dict[str, Mechanism] = {
    row.name: row
    for row in (
        Mechanism("PLAIN", _Plain, rfc=4616, discloses=True),
        Mechanism("LOGIN", _Login, discloses=True),
        Mechanism("CRAM-MD5", _CramMd5, rfc=2195),
        Mechanism("SCRAM-SHA-1", _scram("SCRAM-SHA-1"), rfc=5802, needs_password=True),
        Mechanism("SCRAM-SHA-256", _scram("SCRAM-SHA-256"), rfc=7677, needs_password=True),
        Mechanism("SCRAM-SHA-1-PLUS", _scram("SCRAM-SHA-1-PLUS"), rfc=5802, needs_password=True, needs_tls=True),
        Mechanism("SCRAM-SHA-256-PLUS", _scram("SCRAM-SHA-256-PLUS"), rfc=7677, needs_password=True, needs_tls=True),
        Mechanism("XOAUTH2", _Xoauth2, discloses=True),
        Mechanism("OAUTHBEARER", _OauthBearer, rfc=7628, discloses=True),
        Mechanism("EXTERNAL", _External, rfc=4422, needs_tls=True),
        Mechanism("ANONYMOUS", _Anonymous, rfc=4505),
    )
}
