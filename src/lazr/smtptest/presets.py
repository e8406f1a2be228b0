"""Presets: common faults of real servers, by their usual names.

This module re-exports the presets of `rules/presets.py`, and adds `bad_certificate`.

Most presets return rules for `server.rules.add(...)`.  A certificate is a setting, not a rule: `bad_certificate`
returns a `Tls` for `MailServer(tls=...)`.

>>> from lazr.smtptest import MailServer, presets
>>> with MailServer(tls=presets.bad_certificate("expired")) as server:
...     _ = server.rules.add(presets.greylist().optional(), presets.tarpit(0.01)[1:])
"""

from __future__ import annotations

from lazr.smtptest.rules import (
    PRESETS,
    PROVIDERS,
    Provider,
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
    reading_provider,
    simulator_addresses,
    slow_link,
    spam_rejected,
    strip_starttls,
    tarpit,
    unknown_user,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from lazr.smtptest.net import Tls

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
    "reading_provider",
    "simulator_addresses",
    "slow_link",
    "spam_rejected",
    "strip_starttls",
    "tarpit",
    "unknown_user",
]


def __getattr__(name: str) -> object:
    from lazr.smtptest._util.suggestion import build_module_error

    raise build_module_error(__name__, name, __all__)


def bad_certificate(kind: str = "expired", mode: Literal["starttls", "implicit", "both"] = "starttls") -> Tls:
    """Return TLS settings with a certificate that clients must refuse (RFC 3207 4.1).

    Pass them as `MailServer(tls=...)`.

    Args:
        kind: "expired", the default, "not-yet-valid", "wrong-host", "untrusted", "self-signed", "missing-intermediate",
            "sha1" or "short-key".
        mode: "starttls", the default, "implicit" or "both", as in `Tls`.

    Raises:
        ValueError: An unknown kind or mode, or the kind "valid".

    >>> bad_certificate("wrong-host")
    Tls('starttls', certificate='wrong-host')
    """
    from lazr.smtptest.net import Tls

    if kind == "valid":
        raise ValueError("kind must be a defect, got 'valid'; use MailServer(tls='starttls') for a valid certificate")
    return Tls(mode, certificate=kind)
