"""Check DKIM, ARC, SPF and DMARC on plain values, without network access.

Each check gets its DNS records from a `Resolver` of the room `dns`, and returns a value of `results.py`.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.authentication.arc import verify_arc
    from lazr.smtptest.authentication.dkim.verification import verify_dkim
    from lazr.smtptest.authentication.dmarc import check_dmarc
    from lazr.smtptest.authentication.domain_name import to_ascii_domain
    from lazr.smtptest.authentication.evaluation import authenticate
    from lazr.smtptest.authentication.organizational_domain import find_organizational_domain
    from lazr.smtptest.authentication.results import (
        ArcInstance,
        ArcResult,
        Authentication,
        DkimResult,
        DmarcResult,
        SpfResult,
    )
    from lazr.smtptest.authentication.spf.check import check_spf

__all__ = [
    "ArcInstance",
    "ArcResult",
    "Authentication",
    "DkimResult",
    "DmarcResult",
    "SpfResult",
    "authenticate",
    "check_dmarc",
    "check_spf",
    "find_organizational_domain",
    "to_ascii_domain",
    "verify_arc",
    "verify_dkim",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.authentication.dmarc": ("check_dmarc",),
        "lazr.smtptest.authentication.domain_name": ("to_ascii_domain",),
        "lazr.smtptest.authentication.evaluation": ("authenticate",),
        "lazr.smtptest.authentication.arc": ("verify_arc",),
        "lazr.smtptest.authentication.dkim.verification": ("verify_dkim",),
        "lazr.smtptest.authentication.organizational_domain": ("find_organizational_domain",),
        "lazr.smtptest.authentication.results": (
            "ArcInstance",
            "ArcResult",
            "Authentication",
            "DkimResult",
            "DmarcResult",
            "SpfResult",
        ),
        "lazr.smtptest.authentication.spf.check": ("check_spf",),
    },
)
