"""The envelope of a mail (RFC 5321 2.3.1), and the requested notifications (RFC 3461)."""

from __future__ import annotations

from functools import partial

from lazr.smtptest._util.suggestion import build_getattr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from lazr.smtptest.protocol.smtp import Credentials, TlsFacts

__all__ = ["Dsn", "Envelope"]


class Dsn:
    """The delivery status notifications requested for one recipient (RFC 3461 4).

    Both arguments are attributes.

    Args:
        notify: {"NEVER"}, or some of "SUCCESS", "FAILURE" and "DELAY"; empty if the client sent no NOTIFY.
        orcpt: the original recipient as address type and decoded address, such as ("rfc822", "ann@example.com"); None
            if the client sent no ORCPT.
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


# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(
        ("sender", "from_", "from_address", "mailfrom", "reverse_path", "return_path"), "envelope.mail_from"
    ),
    **dict.fromkeys(
        ("to", "recipients", "recipient", "rcpt_to", "rcpttos", "rcpt", "forward_paths"), "envelope.rcpt_tos"
    ),
    **dict.fromkeys(("ehlo", "domain", "client_name"), "envelope.helo"),
    **dict.fromkeys(("user", "username"), "envelope.auth.username; envelope.auth is None without AUTH"),
    **dict.fromkeys(("params", "parameters", "options", "mail_options", "esmtp"), "envelope.mail_parameters"),
    **dict.fromkeys(("rcpt_options", "rcpt_params"), "envelope.rcpt_parameters"),
    **dict.fromkeys(("content", "data", "original_content"), "mail.content"),
    **dict.fromkeys(("client", "ip", "address"), "envelope.peer"),
}


class Envelope:
    """The sender and the recipients of a mail, as the SMTP commands named them.

    All arguments are attributes.

    Args:
        mail_from: the mailbox of the reverse-path; the empty string for the null reverse-path (RFC 5321 4.5.5).
        rcpt_tos: the mailboxes of the accepted forward-paths, in order, duplicates included.
        mail_parameters: the parameters of MAIL: keywords in upper case, values xtext-decoded.
        rcpt_parameters: the parameters of each RCPT, in the order of `rcpt_tos`.
        helo: the client's name from EHLO, HELO or LHLO.
        peer: the client's address as "host:port", or "unix".
        tls: the TLS parameters of the connection; None without TLS.
        auth: the credentials of the session; None without authentication.

    >>> envelope = Envelope("", ("ann@example.com",), mail_parameters={"RET": "HDRS", "ENVID": "QQ314159"},
    ...     rcpt_parameters=({"NOTIFY": "SUCCESS,DELAY", "ORCPT": "rfc822;anne@example.com"},))
    >>> envelope.ret, envelope.envid, envelope.dsn
    ('HDRS', 'QQ314159', (Dsn(notify={'DELAY', 'SUCCESS'}, orcpt=('rfc822', 'anne@example.com')),))
    """

    _ARGUMENTS = ("mail_from", "rcpt_tos", "mail_parameters", "rcpt_parameters", "helo", "peer", "tls", "auth")
    # A single recipient is kept without its tuple, because an inbox keeps thousands of envelopes.
    __slots__ = ("_rcpt_tos", "auth", "helo", "mail_from", "mail_parameters", "peer", "rcpt_parameters", "tls")

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
        if isinstance(rcpt_tos, str):
            raise TypeError(f"rcpt_tos must be a tuple of addresses, got {rcpt_tos!r}; write ({rcpt_tos!r},)")
        self.mail_from: Final = mail_from
        self._rcpt_tos: str | tuple[str, ...] = rcpt_tos[0] if len(rcpt_tos) == 1 else rcpt_tos
        self.mail_parameters: Final = mail_parameters
        self.rcpt_parameters: Final = rcpt_parameters
        self.helo: Final = helo
        self.peer: Final = peer
        self.tls: Final = tls
        self.auth: Final = auth

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    @property
    def rcpt_tos(self) -> tuple[str, ...]:
        """The mailboxes of the accepted forward-paths, in order, duplicates included."""
        rcpt_tos = self._rcpt_tos
        return (rcpt_tos,) if isinstance(rcpt_tos, str) else rcpt_tos

    @property
    def ret(self) -> str:
        """The part of the mail that notifications return (RFC 3461 4.3): "FULL", "HDRS" or ""."""
        return self.mail_parameters.get("RET", "").upper()

    @property
    def envid(self) -> str:
        """The sender's identifier of the envelope (RFC 3461 4.4); the empty string if absent."""
        return self.mail_parameters.get("ENVID", "")

    @property
    def dsn(self) -> tuple[Dsn, ...]:
        """The requested notifications of each recipient, in the order of `rcpt_tos`."""
        return tuple(map(_parse_dsn, self.rcpt_parameters))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Envelope):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._ARGUMENTS)

    def __hash__(self) -> int:
        return hash((self.mail_from, self.rcpt_tos))

    def __reduce__(self) -> tuple[object, ...]:
        # The parameters are read-only views, which cannot be pickled.
        arguments = self.mail_from, self.rcpt_tos
        keywords = {name: getattr(self, name) for name in ("helo", "peer", "tls", "auth")}
        keywords["mail_parameters"] = dict(self.mail_parameters)
        keywords["rcpt_parameters"] = tuple(dict(parameters) for parameters in self.rcpt_parameters)
        return partial(Envelope, **keywords), arguments

    def __repr__(self) -> str:
        return f"Envelope({self.mail_from!r} -> {', '.join(map(repr, self.rcpt_tos))})"


def _parse_dsn(parameters: Mapping[str, str]) -> Dsn:
    words = parameters.get("NOTIFY", "")
    kind, semicolon, address = parameters.get("ORCPT", "").partition(";")
    return Dsn(frozenset(words.upper().split(",")) if words else frozenset(), (kind, address) if semicolon else None)
