"""STARTTLS: the upgrade to TLS that the client was told to demand."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import ANY_REPORT
from lazr.smtptest.net import Tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["STARTTLS_BEHAVIORS"]

_GROUP = "starttls"

STARTTLS_BEHAVIORS: Final = (
    Behavior(
        "starttls-stripped",
        _GROUP,
        "RFC 3207 6",
        "The server does not offer STARTTLS, as if an attacker had removed it",
        "The client sends neither credentials nor mail, and reports the failure.",
        ANY_REPORT,
        server={"tls": Tls(fault="stripped")},
        security="starttls",
    ),
    Behavior(
        "starttls-expired",
        _GROUP,
        "RFC 3207 4.1",
        "The certificate of the server expired yesterday",
        "The client refuses the certificate, sends nothing more, and reports the failure.",
        ANY_REPORT,
        server={"tls": Tls(certificate="expired")},
        security="starttls",
        needs=frozenset({"TLS", "STARTTLS"}),
    ),
)
