"""Presets: what servers out there do wrong, by the name that people have for it.

All but one make rules, for `server.rules.add(…)`; a certificate is no rule but a setting, so `bad_certificate` makes
what `MailServer(tls=…)` wants.

>>> from lazr.smtptest import MailServer, presets
>>> with MailServer(tls=presets.bad_certificate("expired")) as server:
...     _ = server.rules.add(presets.greylist().optional(), presets.tarpit(0.01)[1:])
"""

from __future__ import annotations

from lazr.smtptest.faults.presets import (
    PRESETS,
    blackhole,
    connection_limit,
    drops_idle,
    flaky,
    greylist,
    lying_size,
    maintenance,
    max_recipients,
    old_server,
    provider,
    quota_full,
    rate_limit,
    slow_link,
    spam_rejected,
    strip_starttls,
    tarpit,
    unknown_user,
)
from lazr.smtptest.faults.provider import PROVIDERS, Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from lazr.smtptest.net.tls import Tls

__all__ = [
    "PRESETS",
    "PROVIDERS",
    "Provider",
    "bad_certificate",
    "blackhole",
    "connection_limit",
    "drops_idle",
    "flaky",
    "greylist",
    "lying_size",
    "maintenance",
    "max_recipients",
    "old_server",
    "provider",
    "quota_full",
    "rate_limit",
    "slow_link",
    "spam_rejected",
    "strip_starttls",
    "tarpit",
    "unknown_user",
]


def bad_certificate(kind: str = "expired", mode: Literal["starttls", "implicit", "both"] = "starttls") -> Tls:
    """TLS with a certificate that a client has to refuse (RFC 3207 4.1), for `MailServer(tls=…)`.

    The kinds are those of `Tls(certificate=…)`: "expired", "not-yet-valid", "wrong-host", "untrusted", "self-signed",
    "missing-intermediate", "sha1", "short-key".  Raises `ValueError` for a good one, or one that there is not.

    >>> bad_certificate("wrong-host")
    Tls('starttls', certificate='wrong-host')
    """
    from lazr.smtptest.net.tls import Tls

    if kind == "valid":
        raise ValueError("a valid certificate is no bad one; MailServer(tls='starttls') has it")
    return Tls(mode, certificate=kind)
