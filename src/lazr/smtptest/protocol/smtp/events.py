"""The events of a session, as immutable values; `decide` returns the reply to each.

The attributes are `Final`, so a type checker reports assignments.  Frozen dataclasses would check at run time too, but
cost three times as much to create, and each message has four events.
"""

from __future__ import annotations

from types import MappingProxyType

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest._util.octets import join_parts
from lazr.smtptest._util.suggestion import build_getattr
from lazr.smtptest.protocol.smtp.transcript import HiddenEntry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final, Literal

    from lazr.smtptest.protocol.smtp.address import Path
    from lazr.smtptest.protocol.smtp.sasl_types import Credentials
    from lazr.smtptest.protocol.smtp.session_record import SessionRecord

__all__ = [
    "Auth",
    "BaseEvent",
    "Bdat",
    "Connect",
    "Data",
    "Delivery",
    "Ehlo",
    "EndOfData",
    "Event",
    "Expn",
    "Helo",
    "Help",
    "Lhlo",
    "Mail",
    "Malformed",
    "Noop",
    "Quit",
    "Rcpt",
    "Rset",
    "StartTls",
    "Unknown",
    "Vrfy",
    "Xclient",
]


_MAX_SIZE_DIGITS = 20  # RFC 1870 6

# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(
        ("address", "mailbox", "email", "to", "rcpt", "recipient", "sender", "from_", "mail_from"),
        "event.path.mailbox, at MAIL and RCPT",
    ),
    **dict.fromkeys(
        ("recipients", "rcpt_tos", "rcpttos"), "[rcpt.path.mailbox for rcpt in event.rcpts], at END_OF_DATA"
    ),
    **dict.fromkeys(("user", "username", "password", "login"), "event.credentials.username, at AUTH"),
    **dict.fromkeys(("params", "options", "mail_options", "rcpt_options"), "event.parameters, at MAIL and RCPT"),
    **dict.fromkeys(("data", "body", "raw"), "event.content, at END_OF_DATA"),
    **dict.fromkeys(("hostname", "name"), "event.domain, at EHLO, HELO and LHLO"),
    **dict.fromkeys(("kind", "type", "trigger"), "event.verb"),
    **dict.fromkeys(("arg", "args"), "event.argument"),
    "line": "event.said()",
}


class BaseEvent(HiddenEntry):
    """The base of all events; `Event` is the type of any one of them.

    `verb` distinguishes the kinds, also for type checkers.  It is the verb of the command, in capitals.  Events without
    a command have the verbs `CONNECT`, `END_OF_DATA` and `DELIVERY`, and invalid commands `UNKNOWN` and `MALFORMED`.
    """

    __slots__ = ()
    verb: str = ""

    def said(self) -> str:
        """Return the command as one line of text of at most 81 characters, safe for a terminal."""
        names: tuple[str, ...] = self.__slots__
        arguments = [getattr(self, name) for name in ("domain", "argument") if name in names]
        return _shorten(" ".join(filter(None, [self.verb, *arguments])))

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    def _field_values(self) -> tuple[object, ...]:
        names: tuple[str, ...] = self.__slots__
        return tuple(getattr(self, name) for name in names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseEvent):
            return NotImplemented
        return type(self) is type(other) and self._field_values() == other._field_values()

    def __hash__(self) -> int:
        return hash((type(self), self._field_values()))

    def __getstate__(self) -> object:
        names: tuple[str, ...] = self.__slots__
        return None, {name: _to_plain_value(getattr(self, name)) for name in names}

    def __repr__(self) -> str:
        names: tuple[str, ...] = self.__slots__
        facts = zip(names, map(_to_plain_value, self._field_values()), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={fact!r}' for name, fact in facts)})"


class Connect(BaseEvent):
    """A client has connected; the reply is the greeting (RFC 5321 3.1)."""

    __slots__ = ("peer",)
    verb: Literal["CONNECT"] = "CONNECT"

    def __init__(self, peer: str) -> None:
        self.peer: Final = peer  # as given to `SmtpSession.greet`: "192.0.2.1:1025"


class Ehlo(BaseEvent):
    """EHLO (RFC 5321 4.1.1.1)."""

    __slots__ = ("domain",)
    verb: Literal["EHLO"] = "EHLO"

    def __init__(self, domain: str) -> None:
        self.domain: Final = domain  # the client's name for itself


class Helo(BaseEvent):
    """HELO (RFC 5321 4.1.1.1)."""

    __slots__ = ("domain",)
    verb: Literal["HELO"] = "HELO"

    def __init__(self, domain: str) -> None:
        self.domain: Final = domain


class Lhlo(BaseEvent):
    """LHLO: LMTP's greeting (RFC 2033 4.1)."""

    __slots__ = ("domain",)
    verb: Literal["LHLO"] = "LHLO"

    def __init__(self, domain: str) -> None:
        self.domain: Final = domain


class StartTls(BaseEvent):
    """STARTTLS; the reply 220 accepts it, and the handshake follows (RFC 3207 4)."""

    __slots__ = ()
    verb: Literal["STARTTLS"] = "STARTTLS"


class Auth(BaseEvent):
    """AUTH, when the client has sent all of its credentials; 235 accepts them (RFC 4954 4)."""

    __slots__ = ("credentials",)
    verb: Literal["AUTH"] = "AUTH"

    def __init__(self, credentials: Credentials) -> None:
        self.credentials: Final = credentials

    def said(self) -> str:
        """Return the mechanism and the user name, without secrets."""
        return _shorten(f"AUTH {self.credentials.mechanism} {self.credentials.username}".rstrip())


class Xclient(BaseEvent):
    """XCLIENT: a trusted proxy sends facts about its client; 220 accepts them.

    The names in `attributes` are in capitals.  A value is None if the proxy sent `[UNAVAILABLE]`.
    """

    __slots__ = ("attributes",)
    verb: Literal["XCLIENT"] = "XCLIENT"

    def __init__(self, attributes: Mapping[str, str | None]) -> None:
        self.attributes: Final = attributes

    def said(self) -> str:
        """Return the command with its values decoded."""
        return _shorten(" ".join(["XCLIENT", *(f"{name}={value}" for name, value in self.attributes.items())]))


class Mail(BaseEvent):
    """MAIL: a transaction begins (RFC 5321 4.1.1.2)."""

    __slots__ = ("parameters", "path")
    verb: Literal["MAIL"] = "MAIL"

    def __init__(self, path: Path, parameters: Mapping[str, str]) -> None:
        self.path: Final = path  # the reverse-path; the mailbox of the null reverse-path is ""
        self.parameters: Final = parameters  # names in capitals; xtext is decoded

    @property
    def declared_size(self) -> int | None:
        """The number in SIZE (RFC 1870 6); None without one.

        A lenient server that does not offer SIZE accepts any value of it.
        """
        value = self.parameters.get("SIZE", "")
        is_size = value.isdecimal() and value.isascii() and len(value) <= _MAX_SIZE_DIGITS
        return int(value) if is_size else None

    def said(self) -> str:
        """Return the command, without its parameters."""
        return _shorten(f"MAIL FROM:{self.path}")


class Rcpt(BaseEvent):
    """RCPT: one more recipient (RFC 5321 4.1.1.3)."""

    __slots__ = ("parameters", "path")
    verb: Literal["RCPT"] = "RCPT"

    def __init__(self, path: Path, parameters: Mapping[str, str]) -> None:
        self.path: Final = path  # the forward-path
        self.parameters: Final = parameters

    def said(self) -> str:
        """Return the command, without its parameters."""
        return _shorten(f"RCPT TO:{self.path}")


class Data(BaseEvent):
    """DATA: the client asks to send content; 354 accepts it (RFC 5321 4.1.1.4)."""

    __slots__ = ()
    verb: Literal["DATA"] = "DATA"


class Bdat(BaseEvent):
    """BDAT: a complete chunk has arrived (RFC 3030 2)."""

    __slots__ = ("last", "size")
    verb: Literal["BDAT"] = "BDAT"

    def __init__(self, size: int, *, last: bool) -> None:
        self.size: Final = size
        self.last: Final = last


class EndOfData(BaseEvent):
    """A complete message has arrived by DATA or BDAT; a positive reply accepts it.

    The positive reply takes responsibility for the message (RFC 5321 4.2.5).  `parts` is the content in the order of
    arrival, without the added dots (RFC 5321 4.5.2).  The first access to `content` joins them.
    """

    __slots__ = ("helo", "mail", "parts", "peer", "rcpts", "session")
    verb: Literal["END_OF_DATA"] = "END_OF_DATA"

    def __init__(self, mail: Mail, rcpts: tuple[Rcpt, ...], parts: list[bytes], session: SessionRecord) -> None:
        self.mail: Final = mail
        self.rcpts: Final = rcpts  # the accepted recipients, in order, with duplicates
        self.parts: Final = parts
        self.session: Final = session  # the session goes on, so its facts may still change
        self.helo: Final = session.helo  # the name in EHLO, HELO or LHLO
        self.peer: Final = session.peer

    def _field_values(self) -> tuple[object, ...]:
        # Without `parts`, which depend on how the input was split, and without the session, which changes.
        return (self.mail, self.rcpts, self.content, self.helo, self.peer)

    def __repr__(self) -> str:
        return f"EndOfData({self.mail!r}, {self.rcpts!r}, {len(self.content)} octets from {self.peer})"

    @property
    def content(self) -> bytes:
        """The content of the message."""
        return join_parts(self.parts)


class Delivery(BaseEvent):
    """LMTP: the decision about a complete message for one of its recipients (RFC 2033 4.2).

    There is one for each recipient.  `EndOfData` follows with the accepted recipients, if there are any.  After that,
    all replies are sent in the order of the recipients.
    """

    __slots__ = ("message", "rcpt")
    verb: Literal["DELIVERY"] = "DELIVERY"

    def __init__(self, message: EndOfData, rcpt: Rcpt) -> None:
        self.message: Final = message  # has all recipients
        self.rcpt: Final = rcpt

    def said(self) -> str:
        """Return the recipient."""
        return _shorten(f"DELIVERY to {self.rcpt.path}")


class Rset(BaseEvent):
    """RSET: abort the transaction (RFC 5321 4.1.1.5)."""

    __slots__ = ()
    verb: Literal["RSET"] = "RSET"


class Noop(BaseEvent):
    """NOOP (RFC 5321 4.1.1.9)."""

    __slots__ = ("argument",)
    verb: Literal["NOOP"] = "NOOP"

    def __init__(self, argument: str) -> None:
        self.argument: Final = argument


class Vrfy(BaseEvent):
    """VRFY: is this a user? (RFC 5321 4.1.1.6)."""

    __slots__ = ("argument",)
    verb: Literal["VRFY"] = "VRFY"

    def __init__(self, argument: str) -> None:
        self.argument: Final = argument


class Expn(BaseEvent):
    """EXPN: who is on this list? (RFC 5321 4.1.1.7)."""

    __slots__ = ("argument",)
    verb: Literal["EXPN"] = "EXPN"

    def __init__(self, argument: str) -> None:
        self.argument: Final = argument


class Help(BaseEvent):
    """HELP (RFC 5321 4.1.1.8)."""

    __slots__ = ("argument",)
    verb: Literal["HELP"] = "HELP"

    def __init__(self, argument: str) -> None:
        self.argument: Final = argument


class Quit(BaseEvent):
    """QUIT: the client ends the session (RFC 5321 4.1.1.10)."""

    __slots__ = ()
    verb: Literal["QUIT"] = "QUIT"


class Unknown(BaseEvent):
    """A command with an unknown verb; a decision can implement it."""

    __slots__ = ("argument", "command", "may_hold_secret")
    verb: Literal["UNKNOWN"] = "UNKNOWN"

    def __init__(self, command: str, argument: str, *, may_hold_secret: bool = False) -> None:
        self.command: Final = command  # the verb that the client sent, in capitals
        self.argument: Final = argument
        self.may_hold_secret: Final = may_hold_secret  # it resembles AUTH, or follows an AUTH that was refused

    def said(self) -> str:
        """Return the command, or `***` if it may be a password."""
        return "***" if self.may_hold_secret else _shorten(f"{self.command} {self.argument}".rstrip(" "))

    def __repr__(self) -> str:
        return "Unknown(***)" if self.may_hold_secret else super().__repr__()


class Malformed(BaseEvent):
    """A command that is malformed, out of order, or over a limit.

    The suggested reply names the fault.  Another reply replaces it and changes nothing else.
    """

    __slots__ = ("command", "line", "reply_count")
    verb: Literal["MALFORMED"] = "MALFORMED"

    def __init__(self, command: str, line: bytes, *, reply_count: int = 1) -> None:
        self.command: Final = command  # the verb that the line begins with, in capitals; "" without one
        self.line: Final = line  # without line end and secrets; cut if it was too long
        self.reply_count: Final = reply_count  # how often the reply is sent; LMTP: once for each recipient

    def said(self) -> str:
        """Return the line."""
        return _shorten(self.line.decode("utf-8", "backslashreplace")) or self.command or "an empty line"


# Any event: the parameter of `decide`.  After `if event.verb == "RCPT":`, type checkers know its attributes.
Event = (
    Connect | Ehlo | Helo | Lhlo | StartTls | Auth | Xclient | Mail | Rcpt | Data | Bdat | EndOfData | Delivery
    | Rset | Noop | Vrfy | Expn | Help | Quit | Unknown | Malformed
)  # fmt: skip


def _to_plain_value(value: object) -> object:
    """Return a read-only view as a dictionary: views cannot be copied or pickled."""
    return dict(value) if isinstance(value, MappingProxyType) else value


def _shorten(text: str) -> str:
    """Cut the text to 80 characters, and escape it."""
    return escape_unprintable(text if len(text) <= 80 else text[:80] + "…")
