"""The envelope of a mail (RFC 5321 2.3.1), and the notifications that its sender asked for (RFC 3461)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from lazr.smtptest.protocol.smtp.record import TlsFacts
    from lazr.smtptest.protocol.smtp.sasl import Credentials

__all__ = ["Dsn", "Envelope"]


class Dsn:
    """The delivery status notifications that a sender asked for, for one recipient (RFC 3461 4).

    - `notify`: NEVER alone, or some of SUCCESS, FAILURE and DELAY; empty where the client did not say.
    - `orcpt`: the original recipient, as address type and address (`("rfc822", "ann@example.com")`), xtext
      decoded; None where the client did not say.
    """

    __slots__ = ("notify", "orcpt")

    def __init__(self, notify: frozenset[str] = frozenset(), orcpt: tuple[str, str] | None = None) -> None:
        self.notify: Final = notify
        self.orcpt: Final = orcpt

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dsn) and (self.notify, self.orcpt) == (other.notify, other.orcpt)

    def __hash__(self) -> int:
        return hash((self.notify, self.orcpt))

    def __repr__(self) -> str:
        return f"Dsn(notify={{{', '.join(map(repr, sorted(self.notify)))}}}, orcpt={self.orcpt!r})"


class Envelope:
    """Who a mail is from and for, by the commands that brought it; never by its headers.

    - `mail_from`: the reverse-path's mailbox; the empty string for the null one (RFC 5321 4.5.5).
    - `rcpt_tos`: the accepted forward-paths' mailboxes, in order, duplicates included.
    - `mail_parameters`: MAIL's parameters, keywords in capitals, xtext decoded.
    - `rcpt_parameters`: each recipient's, in the order of `rcpt_tos`.
    - `helo`: what the client called itself.
    - `peer`: `address:port` of the client, or `unix`.
    - `tls`: what TLS was agreed on when the mail came; None where it came in clear.
    - `auth`: the credentials that the session had by then; None where it had none.

    >>> envelope = Envelope("", ("ann@example.com",), mail_parameters={"RET": "HDRS", "ENVID": "QQ314159"},
    ...     rcpt_parameters=({"NOTIFY": "SUCCESS,DELAY", "ORCPT": "rfc822;anne@example.com"},))
    >>> envelope.ret, envelope.envid, envelope.dsn
    ('HDRS', 'QQ314159', (Dsn(notify={'DELAY', 'SUCCESS'}, orcpt=('rfc822', 'anne@example.com')),))
    """

    __slots__ = ("auth", "helo", "mail_from", "mail_parameters", "peer", "rcpt_parameters", "rcpt_tos", "tls")

    def __init__(
        self,
        mail_from: str,
        rcpt_tos: tuple[str, ...],
        *,
        mail_parameters: Mapping[str, str],
        rcpt_parameters: tuple[Mapping[str, str], ...],
        helo: str = "",
        peer: str = "",
        tls: TlsFacts | None = None,
        auth: Credentials | None = None,
    ) -> None:
        self.mail_from: Final = mail_from
        self.rcpt_tos: Final = rcpt_tos
        self.mail_parameters: Final = mail_parameters
        self.rcpt_parameters: Final = rcpt_parameters
        self.helo: Final = helo
        self.peer: Final = peer
        self.tls: Final = tls
        self.auth: Final = auth

    @property
    def ret(self) -> str:
        """How much a notification shall return (RFC 3461 4.3): FULL, HDRS, or the empty string."""
        return self.mail_parameters.get("RET", "").upper()

    @property
    def envid(self) -> str:
        """The sender's name for this mail (RFC 3461 4.4); the empty string where it gave none."""
        return self.mail_parameters.get("ENVID", "")

    @property
    def dsn(self) -> tuple[Dsn, ...]:
        """What notifications each recipient is to cause, in the order of `rcpt_tos`."""
        return tuple(map(_dsn, self.rcpt_parameters))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Envelope):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.mail_from, self.rcpt_tos))

    def __repr__(self) -> str:
        return f"Envelope({self.mail_from!r} -> {', '.join(map(repr, self.rcpt_tos))})"


def _dsn(parameters: Mapping[str, str]) -> Dsn:
    words = parameters.get("NOTIFY", "")
    kind, semicolon, address = parameters.get("ORCPT", "").partition(";")
    return Dsn(frozenset(words.upper().split(",")) if words else frozenset(), (kind, address) if semicolon else None)
