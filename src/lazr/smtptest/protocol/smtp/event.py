"""What happened in a session, as frozen values: each is put to `decide` once, and gets one reply.

The attributes are `Final`: a type checker keeps them frozen.  (A guard at run time, as frozen data
classes have, would make an event three times as dear, and four are made for each message.)
"""

from __future__ import annotations

from lazr.smtptest.protocol.smtp.data import joined
from lazr.smtptest.protocol.smtp.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from lazr.smtptest.protocol.smtp.address import Path
    from lazr.smtptest.protocol.smtp.record import SessionRecord
    from lazr.smtptest.protocol.smtp.sasl import Credentials

__all__ = [
    "Auth",
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


class Event:
    """A fact of the session that wants a reply.

    `verb` is the command's, in capitals; `CONNECT` and `END_OF_DATA` name what no command says.
    """

    __slots__ = ()
    verb: str = ""

    def said(self) -> str:
        """The command, for people: one line, and nothing in it that could steer a terminal."""
        parts = [self.verb]
        path = getattr(self, "path", None)
        if path is not None:
            parts.append(f"{'FROM' if self.verb == 'MAIL' else 'TO'}:{path}")
        parts += [getattr(self, name) for name in ("domain", "argument") if getattr(self, name, "")]
        return _short(" ".join(parts))

    def _facts(self) -> tuple[object, ...]:
        names: tuple[str, ...] = self.__slots__
        return tuple(getattr(self, name) for name in names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event):
            return NotImplemented
        return type(self) is type(other) and self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash((type(self), self._facts()))

    def __repr__(self) -> str:
        names: tuple[str, ...] = self.__slots__
        facts = zip(names, self._facts(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={fact!r}' for name, fact in facts)})"


class Connect(Event):
    """A client has connected; the reply is the greeting (RFC 5321 3.1)."""

    __slots__ = ("peer",)
    verb = "CONNECT"

    def __init__(self, peer: str) -> None:
        self.peer: Final = peer  # who it is, in the words of whoever drives the session


class Ehlo(Event):
    """EHLO (RFC 5321 4.1.1.1)."""

    __slots__ = ("domain",)
    verb = "EHLO"

    def __init__(self, domain: str) -> None:
        self.domain: Final = domain  # the client's name for itself


class Helo(Event):
    """HELO (RFC 5321 4.1.1.1)."""

    __slots__ = ("domain",)
    verb = "HELO"

    def __init__(self, domain: str) -> None:
        self.domain: Final = domain


class Lhlo(Event):
    """LHLO: LMTP's greeting (RFC 2033 4.1)."""

    __slots__ = ("domain",)
    verb = "LHLO"

    def __init__(self, domain: str) -> None:
        self.domain: Final = domain


class StartTls(Event):
    """STARTTLS; accepted by 220, the handshake follows (RFC 3207 4)."""

    __slots__ = ()
    verb = "STARTTLS"


class Auth(Event):
    """A client has said all that its mechanism wants; accepted by 235 (RFC 4954 4)."""

    __slots__ = ("credentials",)
    verb = "AUTH"

    def __init__(self, credentials: Credentials) -> None:
        self.credentials: Final = credentials

    def said(self) -> str:
        """Mechanism and user, and no secret."""
        return _short(f"AUTH {self.credentials.mechanism} {self.credentials.username}".rstrip())


class Xclient(Event):
    """XCLIENT: a trusted client speaks for another, whose facts these are; accepted by 220.

    Keywords in capitals; a value is None where the client says that it has none.
    """

    __slots__ = ("attributes",)
    verb = "XCLIENT"

    def __init__(self, attributes: Mapping[str, str | None]) -> None:
        self.attributes: Final = attributes

    def said(self) -> str:
        """The attributes, as they are meant."""
        return _short(" ".join(["XCLIENT", *(f"{name}={value}" for name, value in self.attributes.items())]))


class Mail(Event):
    """MAIL: a transaction begins (RFC 5321 4.1.1.2)."""

    __slots__ = ("parameters", "path")
    verb = "MAIL"

    def __init__(self, path: Path, parameters: Mapping[str, str]) -> None:
        self.path: Final = path  # the reverse-path; its mailbox is "" for the null one
        self.parameters: Final = parameters  # keywords in capitals; xtext is decoded


class Rcpt(Event):
    """RCPT: one more recipient (RFC 5321 4.1.1.3)."""

    __slots__ = ("parameters", "path")
    verb = "RCPT"

    def __init__(self, path: Path, parameters: Mapping[str, str]) -> None:
        self.path: Final = path  # the forward-path
        self.parameters: Final = parameters


class Data(Event):
    """DATA: content is to follow; accepted by 354 (RFC 5321 4.1.1.4)."""

    __slots__ = ()
    verb = "DATA"


class Bdat(Event):
    """BDAT: one chunk has come, whole (RFC 3030 2)."""

    __slots__ = ("last", "size")
    verb = "BDAT"

    def __init__(self, size: int, *, last: bool) -> None:
        self.size: Final = size
        self.last: Final = last


class EndOfData(Event):
    """A whole message has come, by DATA or by BDAT; accepting it takes responsibility for it.

    `parts` is its content in the pieces that came, `content` those joined, when that is first asked
    for: what was on the wire after transparency, to the octet (RFC 5321 4.5.2).
    """

    __slots__ = ("helo", "mail", "parts", "peer", "rcpts", "session")
    verb = "END_OF_DATA"

    def __init__(self, mail: Mail, rcpts: tuple[Rcpt, ...], parts: list[bytes], session: SessionRecord) -> None:
        self.mail: Final = mail
        self.rcpts: Final = rcpts  # the accepted ones, in order, duplicates included
        self.parts: Final = parts
        self.session: Final = session  # who sent it, and how; it goes on behind this message
        self.helo: Final = session.helo  # what the client called itself
        self.peer: Final = session.peer  # who it is, as in Connect

    def _facts(self) -> tuple[object, ...]:
        # Not the pieces, which depend on how the octets came, nor the session, which goes on.
        return (self.mail, self.rcpts, self.content, self.helo, self.peer)

    def __repr__(self) -> str:
        return f"EndOfData({self.mail!r}, {self.rcpts!r}, {len(self.content)} octets from {self.peer})"

    @property
    def content(self) -> bytes:
        """The octets of the message."""
        return joined(self.parts)


class Delivery(Event):
    """LMTP: a message has come, and this is the question for one of its recipients (RFC 2033 4.2).

    It is asked for each in turn; `EndOfData` follows, for those who were accepted, if there are any.
    All replies are sent when that is answered, in the order of the recipients.
    """

    __slots__ = ("message", "rcpt")
    verb = "DELIVERY"

    def __init__(self, message: EndOfData, rcpt: Rcpt) -> None:
        self.message: Final = message  # with all its recipients
        self.rcpt: Final = rcpt

    def said(self) -> str:
        """The recipient."""
        return _short(f"DELIVERY to {self.rcpt.path}")


class Rset(Event):
    """RSET: abort the transaction (RFC 5321 4.1.1.5)."""

    __slots__ = ()
    verb = "RSET"


class Noop(Event):
    """NOOP (RFC 5321 4.1.1.9)."""

    __slots__ = ("argument",)
    verb = "NOOP"

    def __init__(self, argument: str) -> None:
        self.argument: Final = argument


class Vrfy(Event):
    """VRFY: is this a user? (RFC 5321 4.1.1.6)."""

    __slots__ = ("argument",)
    verb = "VRFY"

    def __init__(self, argument: str) -> None:
        self.argument: Final = argument


class Expn(Event):
    """EXPN: who is on this list? (RFC 5321 4.1.1.7)."""

    __slots__ = ("argument",)
    verb = "EXPN"

    def __init__(self, argument: str) -> None:
        self.argument: Final = argument


class Help(Event):
    """HELP (RFC 5321 4.1.1.8)."""

    __slots__ = ("argument",)
    verb = "HELP"

    def __init__(self, argument: str) -> None:
        self.argument: Final = argument


class Quit(Event):
    """QUIT: the client is done (RFC 5321 4.1.1.10)."""

    __slots__ = ()
    verb = "QUIT"


class Unknown(Event):
    """A verb that the session does not know, so that somebody else can answer it."""

    __slots__ = ("argument", "secret", "verb")

    def __init__(self, verb: str, argument: str, *, secret: bool = False) -> None:
        self.verb: Final = verb  # type: ignore[misc]  # of this one event, not of its class
        self.argument: Final = argument
        self.secret: Final = secret  # it may be a password: it follows an AUTH that was refused

    def said(self) -> str:
        """The command; or `***`, where it may be a password."""
        return "***" if self.secret else super().said()


class Malformed(Event):
    """A command that broke the grammar, came out of order or went over a limit.

    The default reply says which; another reply takes its place and changes nothing else.
    """

    __slots__ = ("line", "replies", "verb")

    def __init__(self, verb: str, line: bytes, *, replies: int = 1) -> None:
        self.verb: Final = verb  # type: ignore[misc]  # "" where the line was not even read
        self.line: Final = line  # without its line end; cut where it was too long, masked where it is AUTH's
        self.replies: Final = replies  # how often the client has to hear it: LMTP wants one for each recipient

    def said(self) -> str:
        """What was sent, for people."""
        return _short(self.line.decode("utf-8", "backslashreplace")) or self.verb or "an empty line"


def _short(text: str) -> str:
    """At most 80 characters of it."""
    return printable(text if len(text) <= 80 else text[:80] + "…")
