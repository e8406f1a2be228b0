"""SMTP replies, as values that are always valid on the wire."""

from __future__ import annotations

from lazr.smtptest._util.suggestion import build_getattr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

__all__ = ["PENDING", "CommandRefused", "Pending", "RawBytes", "Reply"]

_ENHANCED_CODE_CLASSES = ("2", "4", "5")

# RFC 5321 4.2: textstring = 1*(%d09 / %d32-126).  All other bytes become question marks.  So untrusted input, such as
# an address that a reply quotes, cannot start a line of its own.
_TEXT_TRANSLATION = bytes(octet if octet == 9 or 32 <= octet <= 126 else ord("?") for octet in range(256))

# RFC 5321 4.5.3.1.5: a reply line has at most 512 octets, including its code and CRLF.
_MAX_LINE_BYTES = 512


# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(("text", "message", "msg"), "reply.lines, or str(reply) with the code"),
    **dict.fromkeys(("status", "status_code"), "reply.code"),
    **dict.fromkeys(("enhanced_code", "enhanced_status_code", "esc", "dsn"), "reply.enhanced"),
    **dict.fromkeys(("ok", "is_ok", "is_success", "success"), "reply.is_positive"),
    **dict.fromkeys(("bytes", "raw"), "reply.wire"),
}


class RawBytes(bytes):
    """Bytes that a rule sent to replace a reply; they may lack a line end."""

    __slots__ = ()


class Reply:
    """One SMTP reply: a code, an enhanced status code, lines of text (RFC 5321 4.2, RFC 3463).

    Args:
        code: The reply code, 200 to 559.
        text: The lines.  If the first one has the form of an enhanced status code, it is one.

    >>> Reply(452, "4.2.2", "Mailbox full")
    Reply(452, '4.2.2', 'Mailbox full')
    >>> Reply(250, "3 mails").wire
    b'250 3 mails\\r\\n'
    >>> Reply(214, "2.0.0", "Two", "lines").wire
    b'214-2.0.0 Two\\r\\n214 2.0.0 lines\\r\\n'

    Characters that are not allowed in a reply become `?`.  A line that is too long is continued in the next one.

    Raises:
        ValueError: The code is not an SMTP reply code, or the enhanced status code does not belong to its class.
        TypeError: The code is not a number.
    """

    __slots__ = ("closes", "code", "enhanced", "lines", "wire", "wire_without_enhanced_code")

    code: int
    enhanced: str | None  # None for replies without one, such as greetings and 354
    lines: tuple[str, ...]
    wire: bytes  # the bytes to send
    wire_without_enhanced_code: bytes  # ... if the server does not offer enhanced status codes
    closes: bool  # the connection is closed after this reply

    def __init__(self, code: int, *text: str) -> None:
        if not isinstance(code, int):
            raise TypeError(f"the first argument of Reply must be a reply code, a number such as 250, got {code!r}")
        for line in text:  # a generator takes longer than the rest of the checks
            if not isinstance(line, str):
                raise TypeError(f"the text of a reply must be strings, got {text!r}; write one string for each line")
        # RFC 5321 4.2: Reply-code = %x32-35 %x30-35 %x30-39
        if not (200 <= code <= 559 and code // 10 % 10 <= 5):
            raise ValueError(
                f"a reply code must be 200 to 559, with a second digit of 0 to 5, got {code} (RFC 5321 4.2)"
            )
        enhanced = None
        if text and _is_enhanced_code(text[0]):
            enhanced, *rest = text
            text = tuple(rest)
            if int(enhanced[0]) != code // 100:
                raise ValueError(
                    f"the enhanced status code of {code} must start with {code // 100}, got {enhanced} (RFC 2034 4)"
                )
        self.code = code
        self.closes = code == 421  # RFC 5321 4.2.2: the server closes the channel
        self.enhanced = enhanced
        self.lines = text or ("",)
        self.wire_without_enhanced_code = self._render("")
        self.wire = self._render(f"{enhanced} ") if enhanced else self.wire_without_enhanced_code

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    @property
    def is_positive(self) -> bool:
        """Whether the command is accepted: 2yz, or 354 (RFC 5321 4.2.1)."""
        return self.code < 400

    def replace(
        self, *, wire: bytes | None = None, wire_without_enhanced_code: bytes | None = None, closes: bool | None = None
    ) -> Self:
        r"""Return a reply with the same code and effect, but with other bytes, or as the last one.

        Args:
            wire: The bytes to send, of any content.
            wire_without_enhanced_code: The bytes for a server without enhanced status codes; `wire` by default.
            closes: Whether the connection is closed after this reply.

        >>> Reply(250, "2.0.0", "Ok").replace(wire=b"250-half\r\n").code
        250
        >>> Reply(250, "2.0.0", "Ok").replace(closes=True).closes
        True
        """
        other = type(self).__new__(type(self))
        for name in Reply.__slots__:
            setattr(other, name, getattr(self, name))
        if wire is not None:
            other.wire = RawBytes(wire)
            other.wire_without_enhanced_code = (
                other.wire if wire_without_enhanced_code is None else RawBytes(wire_without_enhanced_code)
            )
        if closes is not None:
            other.closes = closes
        return other

    def _render(self, prefix: str) -> bytes:
        room = _MAX_LINE_BYTES - len("250 \r\n") - len(prefix)
        text = self.lines[0]
        if len(self.lines) == 1 and len(text) <= room and text.isascii() and text.isprintable():
            return f"{self.code} {prefix}{text}\r\n".encode("ascii")  # fast path for nearly all replies
        texts = [text[start : start + room] for text in self.lines for start in range(0, len(text) or 1, room)]
        last = len(texts) - 1
        return b"".join(
            b"%d%c%s%s\r\n"
            % (
                self.code,
                b" " if number == last else b"-",
                prefix.encode("ascii"),
                text.encode("ascii", "replace").translate(_TEXT_TRANSLATION),
            )
            for number, text in enumerate(texts)
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reply):
            return NotImplemented
        return self._field_values() == other._field_values()

    def __hash__(self) -> int:
        return hash(self._field_values())

    def _field_values(self) -> tuple[object, ...]:
        return self.code, self.enhanced, self.lines, self.wire, self.closes

    def __repr__(self) -> str:
        arguments = [str(self.code), *([repr(self.enhanced)] if self.enhanced else []), *map(repr, self.lines)]
        text = f"Reply({', '.join(arguments)})"
        changes = [f"wire={bytes(self.wire)!r}"] if isinstance(self.wire, RawBytes) else []
        changes += [f"closes={self.closes}"] if self.closes != (self.code == 421) else []
        return f"{text}.replace({', '.join(changes)})" if changes else text

    def __str__(self) -> str:
        return self.wire.decode("ascii", "backslashreplace").rstrip("\r\n").replace("\r\n", "\n")


def _is_enhanced_code(text: str) -> bool:
    """Whether the text is class "." subject "." detail (RFC 3463 2).

    The class is the first digit of the reply code.
    """
    parts = text.split(".") if text[1:2] == "." and text.isascii() else ()
    if len(parts) != 3 or parts[0] not in _ENHANCED_CODE_CLASSES:
        return False
    _, subject, detail = parts
    return subject.isdecimal() and len(subject) <= 3 and detail.isdecimal() and len(detail) <= 3


class Pending:
    """The type of `PENDING`, for a reply that `SmtpSession.answer` will bring later."""

    __slots__ = ()

    def __reduce__(self) -> str:
        return "PENDING"  # a copy is the same object

    def __repr__(self) -> str:
        return "PENDING"


PENDING = Pending()


class CommandRefused(Exception):
    """Stop parsing a command, and refuse it with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply
