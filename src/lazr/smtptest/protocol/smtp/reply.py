"""A reply: what the server says to one command, as a value that can always be put on the wire."""

from __future__ import annotations

import re

from lazr.smtptest.protocol.smtp.transcript import Raw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

__all__ = ["PENDING", "Pending", "Refused", "Reply"]

# RFC 3463 2: class "." subject "." detail; the class is the first digit of the reply code.
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")

# RFC 5321 4.2: textstring = 1*(%d09 / %d32-126).  Whatever else somebody (a client, by way of an
# echo) brings into a reply becomes a question mark, so no CR or LF can start a line of its own.
_TEXT = bytes(octet if octet == 9 or 32 <= octet <= 126 else ord("?") for octet in range(256))

# RFC 5321 4.5.3.1.5: a reply line has at most 512 octets, with its code and its CRLF.
_LINE = 512


class Reply:
    """One SMTP reply (RFC 5321 4.2): a code, an enhanced status code (RFC 3463), lines of text.

    A first text that looks like an enhanced status code is one:

    >>> Reply(452, "4.2.2", "Mailbox full")
    Reply(452, '4.2.2', 'Mailbox full')
    >>> Reply(250, "3 mails").wire
    b'250 3 mails\\r\\n'
    >>> Reply(214, "2.0.0", "Two", "lines").wire
    b'214-2.0.0 Two\\r\\n214 2.0.0 lines\\r\\n'

    What cannot stand in a reply is replaced by `?`; a line that is too long goes on in the next.

    Raises `ValueError` for a code outside RFC 5321's 200 to 559, or for an enhanced status code of
    another class than the code's.
    """

    __slots__ = ("bare_wire", "closes", "code", "enhanced", "lines", "wire")

    code: int
    enhanced: str | None  # None: this reply has none, as greetings and 354 have none
    lines: tuple[str, ...]
    wire: bytes  # the octets to send
    bare_wire: bytes  # ... where enhanced status codes are not offered
    closes: bool  # nothing is said or heard behind it

    def __init__(self, code: int, *text: str) -> None:
        if not isinstance(code, int):
            raise TypeError(f"a reply starts with its code, a number such as 250, not {code!r}")
        # RFC 5321 4.2: Reply-code = %x32-35 %x30-35 %x30-39
        if not (200 <= code <= 559 and code // 10 % 10 <= 5):
            raise ValueError(f"{code} is no SMTP reply code (RFC 5321 4.2: 200 to 559, second digit 0 to 5)")
        enhanced = None
        if text and _ENHANCED.fullmatch(text[0]):
            enhanced, *rest = text
            text = tuple(rest)
            if int(enhanced[0]) != code // 100:
                raise ValueError(f"enhanced status code {enhanced} does not go with {code} (RFC 2034 4)")
        self.code = code
        self.closes = code == 421  # RFC 5321 4.2.2: whoever says this closes the channel
        self.enhanced = enhanced
        self.lines = text or ("",)
        self.bare_wire = self._render("")
        self.wire = self._render(f"{enhanced} ") if enhanced else self.bare_wire

    @property
    def positive(self) -> bool:
        """Whether the command is accepted: 2yz, or 354 (RFC 5321 4.2.1)."""
        return self.code < 400

    def but(self, *, wire: bytes | None = None, bare_wire: bytes | None = None, closes: bool | None = None) -> Self:
        r"""This reply, said in octets that may be anything, or as the last one of its session.

        What follows from it still follows from its code.

        >>> Reply(250, "2.0.0", "Ok").but(wire=b"250-half\r\n").code
        250
        >>> Reply(250, "2.0.0", "Ok").but(closes=True).closes
        True
        """
        other = type(self).__new__(type(self))
        for name in Reply.__slots__:
            setattr(other, name, getattr(self, name))
        if wire is not None:
            other.wire = Raw(wire)
            other.bare_wire = other.wire if bare_wire is None else Raw(bare_wire)
        if closes is not None:
            other.closes = closes
        return other

    def _render(self, prefix: str) -> bytes:
        room = _LINE - len("250 \r\n") - len(prefix)
        text = self.lines[0]
        if len(self.lines) == 1 and len(text) <= room and text.isascii() and text.isprintable():
            return f"{self.code} {prefix}{text}\r\n".encode("ascii")  # as below, for what nearly all replies are
        texts = [text[start : start + room] for text in self.lines for start in range(0, len(text) or 1, room)]
        last = len(texts) - 1
        return b"".join(
            b"%d%c%s%s\r\n"
            % (
                self.code,
                b" " if number == last else b"-",
                prefix.encode("ascii"),
                text.encode("ascii", "replace").translate(_TEXT),
            )
            for number, text in enumerate(texts)
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reply):
            return NotImplemented
        return self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash(self._facts())

    def _facts(self) -> tuple[object, ...]:
        return self.code, self.enhanced, self.lines, self.wire, self.closes

    def __repr__(self) -> str:
        shown = [str(self.code), *([repr(self.enhanced)] if self.enhanced else []), *map(repr, self.lines)]
        told = f"Reply({', '.join(shown)})"
        changes = [f"wire={bytes(self.wire)!r}"] if isinstance(self.wire, Raw) else []
        changes += [f"closes={self.closes}"] if self.closes != (self.code == 421) else []
        return f"{told}.but({', '.join(changes)})" if changes else told

    def __str__(self) -> str:
        return self.wire.decode("ascii", "backslashreplace").rstrip("\r\n").replace("\r\n", "\n")


class Pending:
    """The type of `PENDING`: whoever decides will say later, by `Session.answer`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "PENDING"


PENDING = Pending()


class Refused(Exception):
    """Parsing stops here, and this is the reply; the session catches it in one place."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply
