"""The commands of a session as values, each with its reply, from its transcript."""

from __future__ import annotations

import re

from lazr.smtptest._util.suggestion import build_getattr
from lazr.smtptest.protocol.smtp.reply import RawBytes, Reply
from lazr.smtptest.protocol.smtp.transcript import ContentEnd, DeliveryMark, HiddenEntry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, Final

__all__ = ["Command", "Exchange", "iterate_exchanges"]

_REPLY_LINE = re.compile(r"([2-5][0-5][0-9])[ -](.*)", re.DOTALL)
_ENHANCED_CODE = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3} ")
_CHALLENGE = b"334 "  # of AUTH; it is not the reply to the whole command


# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(("name", "cmd", "command"), "command.verb"),
    **dict.fromkeys(
        ("args", "arg", "arguments", "value"),
        "command.argument; of MAIL and RCPT command.address and command.parameters",
    ),
    **dict.fromkeys(("params", "options"), "command.parameters"),
    **dict.fromkeys(("code", "reply_code"), "command.reply.code; command.reply is None before the reply"),
    **dict.fromkeys(("response", "result", "answer"), "command.reply"),
    **dict.fromkeys(("mailbox", "path", "to", "recipient", "from_", "sender", "email"), "command.address"),
    **dict.fromkeys(("time", "timestamp"), "command.at, the seconds since the session began"),
    **dict.fromkeys(("ok", "valid"), "command.is_valid"),
}


class Command:
    """One command of a client, or the end of its content, with the reply.

    `session.commands` has the commands of a session.

    Args:
        verb: The verb in capitals, `END_OF_DATA` after the content; "" if the line had none.
        address: The mailbox of MAIL or RCPT, "" for `<>`; None for other commands.
        parameters: The parameters of MAIL or RCPT, by name in capitals; xtext is decoded.
        argument: The argument of other commands, without secrets; of an invalid command the whole line.
        reply: The reply; None while it is pending, or if a rule sent something that is not a reply.
        at: Seconds since the session began.
        is_valid: Whether the command was recognized, well-formed and in order.

    >>> Command("MAIL", address="ann@example.com", parameters={"SIZE": "423"}, reply=Reply(250, "2.1.0", "Sender ok"))
    <Command MAIL ann@example.com SIZE=423 → 250 2.1.0 Sender ok>
    """

    __slots__ = ("address", "argument", "at", "is_valid", "parameters", "reply", "verb")

    def __init__(
        self,
        verb: str,
        *,
        address: str | None = None,
        parameters: Mapping[str, str] | None = None,
        argument: str = "",
        reply: Reply | None = None,
        at: float = 0.0,
        is_valid: bool = True,
    ) -> None:
        self.verb: Final = verb
        self.address: Final = address
        self.parameters: Final[Mapping[str, str]] = parameters or {}
        self.argument: Final = argument
        self.reply: Final = reply
        self.at: Final = at
        self.is_valid: Final = is_valid

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    def _field_values(self) -> tuple[object, ...]:
        return (self.verb, self.address, dict(self.parameters), self.argument, self.reply, self.is_valid)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Command):
            return NotImplemented
        return self._field_values() == other._field_values()

    def __hash__(self) -> int:
        return hash((self.verb, self.address, self.argument, self.reply))

    def __repr__(self) -> str:
        parts = [self.verb] if self.is_valid or not self.argument else []
        parts += [self.address or "<>"] if self.address is not None else []
        parts += [f"{name}={value}" if value else name for name, value in self.parameters.items()]
        parts += [self.argument] if self.argument else []
        reply = "no reply" if self.reply is None else " / ".join(str(self.reply).splitlines())
        return f"<Command {' '.join(parts)} → {reply}>"


class Exchange:
    """A command line, its event and its reply.

    `Command` values and findings are built from it.

    - `line`: the line as the client sent it, without secrets; b"" for content.
    - `event`: the event, or the `ContentEnd`; its `verb` is the kind.
    - `reply`: the bytes of the reply; None without a reply.
    - `at`: seconds since the session began.
    - `read_number`: the number of the driver's read; 0 if the driver reported no times.
    """

    __slots__ = ("at", "event", "line", "read_number", "reply")

    def __init__(self, line: bytes, event: HiddenEntry, at: float, read_number: int) -> None:
        self.line: bytes = line
        self.event: Any = event  # the attributes depend on the verb
        self.at: float = at
        self.read_number: int = read_number
        self.reply: bytes | None = None

    def to_command(self) -> Command:
        """Return the command as a public value."""
        event, verb = self.event, self.event.verb
        reply = None if self.reply is None else _parse_reply(self.reply)
        if verb in ("MAIL", "RCPT"):
            return Command(verb, address=event.path.mailbox, parameters=event.parameters, reply=reply, at=self.at)
        if verb in ("MALFORMED", "UNKNOWN"):
            return Command(event.command, argument=event.said(), reply=reply, at=self.at, is_valid=False)
        if verb == "END_OF_DATA":
            argument = f"{event.size} octets"
        elif verb == "BDAT":
            argument = f"{event.size}{' LAST' if event.last else ''}"
        else:
            argument = event.said().partition(" ")[2]
        return Command(verb, argument=argument, reply=reply, at=self.at)


def iterate_exchanges(entries: Iterable[Any]) -> Iterator[Exchange]:
    """Yield the exchanges of a transcript, from its entries."""
    start: float | None = None
    at = 0.0
    read_number = 0
    line = b""
    waiting: list[Exchange] = []  # the last chunk and the end of content share one reply
    for entry in entries:
        if isinstance(entry, float):
            start = entry if start is None else start
            at = entry - start
            read_number += 1
        elif isinstance(entry, DeliveryMark):
            continue
        elif isinstance(entry, (HiddenEntry, tuple)):
            if isinstance(entry, tuple):
                size, *_, flags = entry
                if flags is None:  # a chunk, or content that was too big
                    continue
                entry = ContentEnd(size, flags)  # noqa: PLW2901 - the same fact, as an object
            if waiting and not (entry.verb == "END_OF_DATA" and waiting[-1].event.verb == "BDAT"):
                yield from waiting
                waiting = []
            waiting.append(Exchange(line, entry, at, read_number))
            line = b""
        elif isinstance(entry, bytes) and not isinstance(entry, RawBytes) and not entry.endswith(b"\r\n"):
            line = entry
        elif isinstance(entry, bytes) and waiting and not entry.startswith(_CHALLENGE):
            for exchange in waiting:
                exchange.reply = entry
            yield from waiting
            waiting = []
    yield from waiting


def _parse_reply(wire: bytes) -> Reply | None:
    """Return the reply with these bytes; None if they are not a reply, as a rule may send."""
    matches = [_REPLY_LINE.fullmatch(text) for text in wire.decode("latin-1").removesuffix("\r\n").split("\r\n")]
    if not all(matches):
        return None
    codes, texts = zip(*(match.groups() for match in matches if match is not None), strict=True)
    if len(set(codes)) != 1:
        return None
    enhanced = _ENHANCED_CODE.match(texts[0])
    if enhanced is None or not enhanced[0].startswith(codes[0][0]):
        return Reply(int(codes[0]), *texts)
    return Reply(int(codes[0]), enhanced[0].rstrip(), *(text.removeprefix(enhanced[0]) for text in texts))
