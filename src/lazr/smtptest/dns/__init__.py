"""DNS records for the checks of mails: a zone in memory, or the system's name servers.

`Zone` has the records that a test gives, and `SystemResolver` asks name servers.  `as_resolver` makes one of them from
the value of `MailServer(dns=...)`.  All implement `Resolver`.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.dns.conversion import DnsSource, NoResolver, as_resolver
    from lazr.smtptest.dns.resolver import Address, DnsError, NameList, Resolver
    from lazr.smtptest.dns.system import SystemResolver
    from lazr.smtptest.dns.zone import RecordValue, Zone

__all__ = [
    "Address",
    "DnsError",
    "DnsSource",
    "NameList",
    "NoResolver",
    "RecordValue",
    "Resolver",
    "SystemResolver",
    "Zone",
    "as_resolver",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.dns.conversion": ("DnsSource", "NoResolver", "as_resolver"),
        "lazr.smtptest.dns.resolver": ("Address", "DnsError", "NameList", "Resolver"),
        "lazr.smtptest.dns.system": ("SystemResolver",),
        "lazr.smtptest.dns.zone": ("RecordValue", "Zone"),
    },
)
