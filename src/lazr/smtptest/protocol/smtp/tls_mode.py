"""The ways in which an SMTP connection becomes encrypted."""

from __future__ import annotations

from enum import StrEnum

from lazr.smtptest._util.suggestion import describe_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["TlsMode"]


class TlsMode(StrEnum):
    """How a listener offers TLS, or how a client uses it.

    Each member equals the string that options and constructors accept for it.
    """

    NONE = "none"  # no TLS
    STARTTLS = "starttls"  # plaintext first, TLS after the STARTTLS command (RFC 3207)
    IMPLICIT = "implicit"  # TLS from the first byte (RFC 8314 3)
    BOTH = "both"  # of a server only: its first listener has STARTTLS, a second one has implicit TLS

    @classmethod
    def parse(cls, value: str, choices: Collection[TlsMode]) -> TlsMode:
        """Return the member of `choices` with this value; `ValueError` if it has no such member.

        >>> TlsMode.parse("starttls", (TlsMode.STARTTLS, TlsMode.IMPLICIT))
        <TlsMode.STARTTLS: 'starttls'>
        """
        if value not in choices:
            raise ValueError(describe_unknown("TLS mode", value, choices))
        return cls(value)
