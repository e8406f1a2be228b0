"""The TLS settings of a server.

They are the certificate, versions, client certificates and deliberate faults.
"""

from __future__ import annotations

import ssl
from types import MappingProxyType

from lazr.smtptest._util.seconds import check_seconds
from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.protocol.smtp import TlsMode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any, Final, Literal

    from lazr.smtptest.net.certificates import CertificateAuthority

__all__ = ["HANDSHAKE_FAULTS", "TLS_FAULTS", "Tls", "get_server_name"]

TLS_FAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "garbage": "the server answers the handshake with bytes that are not TLS",
        "close": "the server closes the connection during the handshake",
        "stall": "the server never answers the handshake",
        "plaintext": "the server answers the handshake with an SMTP reply in plaintext",
        "refused": "the server offers STARTTLS and answers it with 454",
        "stripped": "the server omits STARTTLS from its EHLO reply, as after a downgrade attack",
    }
)
# Faults of the handshake, with both modes; the others are faults of the STARTTLS command.
HANDSHAKE_FAULTS = frozenset({"garbage", "close", "stall", "plaintext"})

_MODES = (TlsMode.STARTTLS, TlsMode.IMPLICIT, TlsMode.BOTH)
_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
_CLIENT_CERTIFICATES = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_DEFAULT_NAMES = ("localhost", "127.0.0.1", "::1")
_SERVER_NAME_ATTRIBUTE = "_smtptest_server_name"


class Tls:
    """How a server does TLS, for `MailServer(tls=...)`.

    Args:
        mode: `"starttls"`, the default, is TLS after the STARTTLS command (RFC 3207).  `"implicit"` is TLS from the
            first byte (RFC 8314 3).  `"both"` is STARTTLS on the server's own port, and implicit TLS on a second one.
        certificate: The kind of certificate to generate.  `"valid"` is the default.  Clients must refuse the others:
            `"expired"`, `"not-yet-valid"`, `"wrong-host"`, `"untrusted"`, `"self-signed"`, `"missing-intermediate"`,
            `"sha1"`, `"short-key"`.  An `ssl.SSLContext` of your own replaces the generated certificate.
        names: Host names and IP addresses in the certificate; `localhost` and the loopback addresses by default.
        versions: `"TLSv1.2"`, `"TLSv1.3"` or both; both by default.
        client_certificate: Whether clients present a certificate: `"none"` (the default), `"optional"` or `"required"`.
            `MailServer.client_context("ann@example.com")` makes one.
        alpn: Application protocols that the server accepts, the preferred one first (RFC 7301); none by default.
        required: Whether all commands but EHLO, NOOP, RSET, QUIT and STARTTLS get 530 before STARTTLS (RFC 3207 4);
            False by default.
        fault: What goes wrong.  `"garbage"`, `"close"`, `"stall"` and `"plaintext"` spoil the handshake; `"refused"`
            answers STARTTLS with 454, and `"stripped"` does not offer it.  None, the default, is no fault.
        handshake_timeout: The time limit of a handshake, in seconds; 10 by default.

    Raises:
        ValueError: An unknown value, a `fault` that `mode` cannot have, or an argument that your own `SSLContext`
            already decides: `names`, `versions`, `client_certificate`, `alpn`.

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
        from lazr.smtptest.net.certificates import CERTIFICATE_KINDS

        versions = (versions,) if isinstance(versions, str) else tuple(versions)
        kind = "valid" if isinstance(certificate, ssl.SSLContext) else certificate
        tls_mode = TlsMode.parse(mode, _MODES)
        _check_choice("certificate", kind, CERTIFICATE_KINDS)
        _check_choice("client_certificate", client_certificate, _CLIENT_CERTIFICATES)
        for version in versions or ("",):
            _check_choice("TLS version", version, _VERSIONS)
        _check_choice("TLS fault", fault, (None, *TLS_FAULTS))
        if tls_mode is TlsMode.IMPLICIT and fault not in (None, *HANDSHAKE_FAULTS):
            raise ValueError(f'fault={fault!r} is a fault of STARTTLS; it needs mode "starttls" or "both"')
        if not isinstance(required, bool):
            raise TypeError(f"required must be True or False, got {required!r}")
        if not (check_seconds("handshake_timeout", handshake_timeout) or 0) > 0:
            raise ValueError(f"handshake_timeout must be a number of seconds above 0, got {handshake_timeout!r}")
        names = (names,) if isinstance(names, str) else tuple(names)
        alpn = (alpn,) if isinstance(alpn, str) else tuple(alpn)
        has_defaults = (names, versions, client_certificate, alpn) == (_DEFAULT_NAMES, tuple(_VERSIONS), "none", ())
        if isinstance(certificate, ssl.SSLContext) and not has_defaults:
            raise ValueError(
                "certificate is your own SSLContext; set names, versions, client_certificate and alpn there"
            )
        self.mode: TlsMode = tls_mode
        self.certificate: str | ssl.SSLContext = certificate
        self.names: tuple[str, ...] = names
        self.versions: tuple[str, ...] = versions
        self.client_certificate: str = client_certificate
        self.alpn: tuple[str, ...] = alpn
        self.required: bool = required
        self.fault: str | None = fault
        self.handshake_timeout: float = handshake_timeout

    @property
    def authority(self) -> CertificateAuthority:
        """The certificate authority that clients must trust.

        Raises `ValueError` if `certificate` is your own.
        """
        from lazr.smtptest.net.certificates import get_authority

        if isinstance(self.certificate, ssl.SSLContext):
            raise ValueError(  # noqa: TRY004 - the type is right, the combination is not
                "the server has no CA of its own: its certificate is your own SSLContext; load that CA in the client"
            )
        return get_authority()

    def build_context(self) -> ssl.SSLContext:
        """Build the server's SSL context.

        Raises `MissingExtra` if it needs trustme, which is missing.
        """
        if isinstance(self.certificate, ssl.SSLContext):
            context = self.certificate
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.authority.server_certificate(self.certificate, self.names).load_into(context)
            context.options |= ssl.OP_NO_RENEGOTIATION  # costs the server CPU time, and no client needs it
            context.minimum_version = min(_VERSIONS[version] for version in self.versions)
            context.maximum_version = max(_VERSIONS[version] for version in self.versions)
            if self.client_certificate != "none":
                context.verify_mode = _CLIENT_CERTIFICATES[self.client_certificate]
                context.load_verify_locations(self.authority.ca_file)
            if self.alpn:
                context.set_alpn_protocols(list(self.alpn))
        _record_server_names(context)
        return context

    def compute_channel_bindings(self) -> dict[str, bytes]:
        """Return what SCRAM-…-PLUS can bind to (RFC 5929 4).

        The result is empty if `certificate` is an `SSLContext`.
        """
        if isinstance(self.certificate, ssl.SSLContext):
            return {}
        return {
            "tls-server-end-point": self.authority.server_certificate(self.certificate, self.names).end_point_binding
        }

    @property
    def is_requesting_client_certificates(self) -> bool:
        """Whether the server asks clients for a certificate."""
        if isinstance(self.certificate, ssl.SSLContext):
            return self.certificate.verify_mode != ssl.CERT_NONE
        return self.client_certificate != "none"

    @property
    def starttls_fault(self) -> str | None:
        """The `fault` if it is one of the STARTTLS command, not of the handshake."""
        return None if self.fault in HANDSHAKE_FAULTS else self.fault

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if isinstance(other, Tls) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.mode, self.certificate, self.fault))

    def __repr__(self) -> str:
        fault = f", fault={self.fault!r}" if self.fault else ""
        return f"Tls({self.mode.value!r}, certificate={self.certificate!r}{fault})"


def _check_choice(label: str, value: str | None, choices: Collection[str | None]) -> None:
    if value not in choices:
        raise ValueError(describe_unknown(label, value, filter(None, choices)))


def _record_server_names(context: ssl.SSLContext) -> None:
    """Store the name that the client asked for on each connection.

    A callback that is set already runs too.
    """
    user_callback: Any = context.sni_callback
    if getattr(user_callback, "records_server_names", False):
        return

    def record(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> int | None:
        setattr(connection, _SERVER_NAME_ATTRIBUTE, name)
        alert: int | None = user_callback(connection, name, context) if user_callback is not None else None
        return alert

    record.records_server_names = True  # type: ignore[attr-defined]
    context.sni_callback = record


def get_server_name(connection: ssl.SSLObject) -> str | None:
    """Return the host name that the client asked for (SNI, RFC 6066 3)."""
    name: str | None = getattr(connection, _SERVER_NAME_ATTRIBUTE, None)
    return name
