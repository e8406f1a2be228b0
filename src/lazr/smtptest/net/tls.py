"""How a server speaks TLS, well or badly: its certificate, its versions, and what goes wrong with it."""

from __future__ import annotations

import ssl
from types import MappingProxyType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Final, Literal

    from lazr.smtptest.net.certificates import Authority

__all__ = ["FAULTS", "HANDSHAKE_FAULTS", "Tls", "server_name_of"]

FAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "garbage": "the handshake is answered with octets that are not TLS",
        "close": "the connection is closed in the handshake",
        "stall": "the handshake is never answered",
        "plaintext": "the handshake is answered with SMTP in clear",
        "refused": "STARTTLS is offered, and answered 454",
        "stripped": "STARTTLS is missing in the reply to EHLO, as when somebody in the middle cut it out",
    }
)
# These befall the handshake; the others befall STARTTLS.
HANDSHAKE_FAULTS = frozenset({"garbage", "close", "stall", "plaintext"})

_MODES = ("starttls", "implicit", "both")
_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
_CLIENT_CERTIFICATES = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_LOCAL = ("localhost", "127.0.0.1", "::1")
_NAME = "_smtptest_server_name"


class Tls:
    """How a server speaks TLS.

    - `mode`: `"starttls"` (RFC 3207), `"implicit"`, TLS from the first octet (RFC 8314), or `"both"`: the
      server's own listener offers STARTTLS, and a further one has implicit TLS.
    - `certificate`: the name of one that is made for you: `"valid"`, or one that a client has to
      refuse: `"expired"`, `"not-yet-valid"`, `"wrong-host"`, `"untrusted"`, `"self-signed"`,
      `"missing-intermediate"`, `"sha1"`, `"short-key"`.  Or an `ssl.SSLContext` of your own, which
      then says all but the mode.
    - `names`: the host names and IP addresses that the certificate is for.
    - `versions`: `"TLSv1.2"` or `"TLSv1.3"`, for that one alone; by default both.
    - `client_certificate`: `"none"`, `"optional"` or `"required"`; `MailServer.client_context` makes good ones.
    - `alpn`: the application protocols that the server knows (RFC 7301), the preferred one first.
    - `required`: before STARTTLS, only EHLO, NOOP, RSET, QUIT are answered, and all else 530.
    - `fault`: what goes wrong: `"garbage"`, `"close"`, `"stall"` or `"plaintext"` in the handshake;
      `"refused"` answers STARTTLS 454, `"stripped"` does not offer it.
    - `handshake_timeout`: seconds that a handshake may take.

    Raises `ValueError` for what it does not know.

    >>> Tls("implicit", certificate="expired")
    Tls('implicit', certificate='expired')
    """

    def __init__(
        self,
        mode: Literal["starttls", "implicit", "both"] = "starttls",
        *,
        certificate: str | ssl.SSLContext = "valid",
        names: str | Iterable[str] = ("localhost", "127.0.0.1", "::1"),
        versions: str | Iterable[str] = ("TLSv1.2", "TLSv1.3"),
        client_certificate: Literal["none", "optional", "required"] = "none",
        alpn: str | Iterable[str] = (),
        required: bool = False,
        fault: Literal["garbage", "close", "stall", "plaintext", "refused", "stripped"] | None = None,
        handshake_timeout: float = 10.0,
    ) -> None:
        from lazr.smtptest.net.certificates import KINDS

        versions = (versions,) if isinstance(versions, str) else tuple(versions)
        kind = "valid" if isinstance(certificate, ssl.SSLContext) else certificate
        _check("mode of TLS", mode, _MODES)
        _check("certificate", kind, KINDS)
        _check("client_certificate", client_certificate, _CLIENT_CERTIFICATES)
        for version in versions or ("",):
            _check("version of TLS", version, _VERSIONS)
        if fault is not None:
            _check("fault of TLS", fault, FAULTS)
            if mode == "implicit" and fault not in HANDSHAKE_FAULTS:
                raise ValueError(f"{fault!r} is a fault of STARTTLS, which implicit TLS has not")
        if not handshake_timeout > 0:
            raise ValueError(f"handshake_timeout is {handshake_timeout!r}; it must be above 0 seconds")
        names = (names,) if isinstance(names, str) else tuple(names)
        alpn = (alpn,) if isinstance(alpn, str) else tuple(alpn)
        if isinstance(certificate, ssl.SSLContext):
            said = (names, versions, client_certificate, alpn)
            if said != (_LOCAL, tuple(_VERSIONS), "none", ()):
                raise ValueError("names, versions, client_certificate and alpn are for your own SSLContext to say")
        self.mode: Literal["starttls", "implicit", "both"] = mode
        self.certificate: str | ssl.SSLContext = certificate
        self.names: tuple[str, ...] = names
        self.versions: tuple[str, ...] = versions
        self.client_certificate: str = client_certificate
        self.alpn: tuple[str, ...] = alpn
        self.required: bool = required
        self.fault: str | None = fault
        self.handshake_timeout: float = handshake_timeout

    @property
    def authority(self) -> Authority:
        """The authority that clients are to trust.  Raises `ValueError` where the certificate is your own."""
        from lazr.smtptest.net.certificates import authority

        if isinstance(self.certificate, ssl.SSLContext):
            raise ValueError("the server's SSLContext is your own, so only you know whom clients trust")  # noqa: TRY004
        return authority()

    def context(self) -> ssl.SSLContext:
        """The server's side.  Raises `MissingExtra` where trustme is missing, and needed."""
        if isinstance(self.certificate, ssl.SSLContext):
            context = self.certificate
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.authority.server_certificate(self.certificate, self.names).load_into(context)
            context.options |= ssl.OP_NO_RENEGOTIATION  # a client could keep us busy with it, and needs none
            context.minimum_version = min(_VERSIONS[version] for version in self.versions)
            context.maximum_version = max(_VERSIONS[version] for version in self.versions)
            if self.client_certificate != "none":
                context.verify_mode = _CLIENT_CERTIFICATES[self.client_certificate]
                context.load_verify_locations(self.authority.ca_file)
            if self.alpn:
                context.set_alpn_protocols(list(self.alpn))
        _note_server_names(context)
        return context

    def bindings(self) -> dict[str, bytes]:
        """What SCRAM-…-PLUS can bind to (RFC 5929 4): none, where the certificate is not ours to know."""
        if isinstance(self.certificate, ssl.SSLContext):
            return {}
        return {"tls-server-end-point": self.authority.server_certificate(self.certificate, self.names).binding}

    @property
    def asks_for_certificates(self) -> bool:
        """Whether clients are asked for a certificate."""
        if isinstance(self.certificate, ssl.SSLContext):
            return self.certificate.verify_mode != ssl.CERT_NONE
        return self.client_certificate != "none"

    def __repr__(self) -> str:
        fault = f", fault={self.fault!r}" if self.fault else ""
        return f"Tls({self.mode!r}, certificate={self.certificate!r}{fault})"


def _check(what: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise ValueError(f"no {what} {value!r}; there are {', '.join(known)}")


def _note_server_names(context: ssl.SSLContext) -> None:
    """Have each connection remember the name that its client asked for; a callback of your own is called too."""
    theirs: Any = context.sni_callback
    if getattr(theirs, "notes_server_names", False):
        return

    def note(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> int | None:
        setattr(connection, _NAME, name)
        alert: int | None = theirs(connection, name, context) if theirs is not None else None
        return alert

    note.notes_server_names = True  # type: ignore[attr-defined]
    context.sni_callback = note


def server_name_of(connection: ssl.SSLObject) -> str | None:
    """The host name that the client asked for (SNI, RFC 6066 3)."""
    name: str | None = getattr(connection, _NAME, None)
    return name
