"""Implicit TLS: the handshake comes first (RFC 8314)."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import ANY_REPORT, DELIVERED
from lazr.smtptest.net import Tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["TLS_BEHAVIORS"]

_GROUP = "tls"
_NEEDS = frozenset({"TLS"})

TLS_BEHAVIORS: Final = (
    Behavior(
        "tls-valid",
        _GROUP,
        "RFC 8314 3",
        "The server begins with TLS, and has a valid certificate",
        "The client begins with the handshake, verifies the certificate, and delivers.",
        DELIVERED,
        server={"tls": Tls("implicit")},
        security="implicit",
        needs=_NEEDS,
    ),
    Behavior(
        "tls-expired",
        _GROUP,
        "RFC 8314 3.4",
        "The server begins with TLS, and its certificate expired yesterday",
        "The client refuses the certificate, sends nothing, and reports the failure.",
        ANY_REPORT,
        server={"tls": Tls("implicit", certificate="expired")},
        security="implicit",
        needs=_NEEDS,
    ),
    Behavior(
        "tls-wrong-host",
        _GROUP,
        "RFC 7817 3",
        "The server begins with TLS, and its certificate is for another host",
        "The client refuses the certificate, sends nothing, and reports the failure.",
        ANY_REPORT,
        server={"tls": Tls("implicit", certificate="wrong-host")},
        security="implicit",
        needs=_NEEDS,
    ),
    Behavior(
        "tls-plaintext",
        _GROUP,
        "RFC 8314 3",
        "The server speaks SMTP in clear at the port for implicit TLS",
        "The client does not continue in clear, and reports the failure.",
        ANY_REPORT,
        server={"tls": Tls("implicit", fault="plaintext")},
        security="implicit",
    ),
)
