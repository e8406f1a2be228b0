"""Parse the command lines of POP3 (RFC 1939 3), and render them without secrets."""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.pop3.responses import CommandError
from lazr.smtptest.protocol.smtp import is_http_request_line, mask_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["ARGUMENT_COUNTS", "CommandLine", "is_auth_line", "is_unknown_line", "mask_line", "parse_line"]

# How many arguments each command takes.  The arguments of USER and PASS are one text, which may have spaces.
ARGUMENT_COUNTS: dict[str, tuple[int, int]] = {
    "APOP": (2, 2),
    "AUTH": (0, 2),
    "CAPA": (0, 0),
    "DELE": (1, 1),
    "LANG": (0, 1),
    "LIST": (0, 1),
    "NOOP": (0, 0),
    "PASS": (0, 1),
    "QUIT": (0, 0),
    "RETR": (1, 1),
    "RSET": (0, 0),
    "STAT": (0, 0),
    "STLS": (0, 0),
    "TOP": (2, 2),
    "UIDL": (0, 1),
    "USER": (1, 1),
    "UTF8": (0, 0),
}
_TEXT_VERBS = frozenset({"PASS", "USER"})
_VERB = compile_lazily(r"[A-Za-z][A-Za-z0-9-]{0,39}")
_CONTROL_CHARACTER = compile_lazily(r"[\x00-\x1f\x7f]")
_MASK = b"***"
_LINE_BREAK = compile_lazily(rb"([\r\n])")
# How many arguments of these are not a secret.
_PUBLIC_ARGUMENTS = {b"APOP": 1, b"PASS": 0, b"USER": 1}


class CommandLine:
    """A command.

    Args:
        verb: The verb in capitals.
        arguments: The arguments; of USER and PASS, one text.
        public_argument: The arguments as text, without secrets.
    """

    __slots__ = ("arguments", "public_argument", "verb")

    def __init__(self, verb: str, arguments: tuple[str, ...], public_argument: str = "") -> None:
        self.verb: Final = verb
        self.arguments: Final = arguments
        self.public_argument: Final = public_argument

    @property
    def is_known(self) -> bool:
        """Whether POP3 has this command."""
        return self.verb in ARGUMENT_COUNTS

    def check_arguments(self) -> None:
        """Raise `CommandError` if the command is unknown, or takes another number of arguments."""
        if not self.is_known:
            raise CommandError("Unknown command", is_misuse=True)
        least, most = ARGUMENT_COUNTS[self.verb]
        if not least <= len(self.arguments) <= most:
            expected = str(least) if least == most else f"{least} to {most}"
            raise CommandError(f"{self.verb} takes {expected} arguments, got {len(self.arguments)}", is_misuse=True)


def parse_line(line: bytes) -> CommandLine:
    """Parse a line without its CRLF, or raise `CommandError`."""
    if b"\r" in line or b"\n" in line:
        raise CommandError("Bare CR or LF; a command ends with CRLF", is_misuse=True)
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise CommandError("A command must be ASCII or UTF-8", is_misuse=True) from None
    if _CONTROL_CHARACTER.search(text) is not None:
        raise CommandError("Control characters are not allowed in a command", is_misuse=True)
    if is_http_request_line(text):
        # A web page can make a browser send this (ALPACA).  The request's body must not be read as commands.
        raise CommandError("This is a POP3 server; goodbye", is_misuse=True, closes=True)
    verb, space, rest = text.partition(" ")
    if _VERB.fullmatch(verb) is None:
        raise CommandError("Unknown command", is_misuse=True)
    verb = verb.upper()
    public_argument = mask_line(line).decode("utf-8", "replace").partition(" ")[2]
    if verb in _TEXT_VERBS:
        # A password may begin or end with spaces; `PASS` and a space is an empty one.
        text = rest if verb == "PASS" else rest.strip(" ")
        return CommandLine(verb, (text,) if text or (verb == "PASS" and space) else (), public_argument)
    return CommandLine(verb, tuple(word for word in rest.split(" ") if word), public_argument)


def is_auth_line(line: bytes) -> bool:
    """Whether the line is the command AUTH, which may be longer than others (RFC 5034 4)."""
    return line[:5].upper() == b"AUTH "


def mask_line(line: bytes) -> bytes:
    """Return a command line without passwords, digests and tokens.

    >>> mask_line(b"pass secret"), mask_line(b"USER ann"), mask_line(b"AUTH PLAIN AGFubgBzZWNyZXQ=")
    (b'pass ***', b'USER ann', b'AUTH PLAIN ***')
    """
    pieces = _LINE_BREAK.split(line)  # a command may follow after a bare CR
    pieces[::2] = map(_mask_piece, pieces[::2])
    return b"".join(pieces)


def _mask_piece(line: bytes) -> bytes:
    verb, space, rest = line.partition(b" ")
    name = verb.upper()
    if name in _PUBLIC_ARGUMENTS:
        words = [word for word in rest.split(b" ") if word]
        public = words[: _PUBLIC_ARGUMENTS[name]]
        return b" ".join([verb, *public, *([_MASK] if space and len(words) > len(public) else [])])
    # A client may have left the mechanism of AUTH out.
    return line if name != b"AUTH" and _is_known_verb(name) else mask_secrets(line)


def is_unknown_line(line: bytes) -> bool:
    """Whether the line does not begin with a verb of POP3."""
    return not _is_known_verb(line.partition(b" ")[0].upper())


def _is_known_verb(name: bytes) -> bool:
    return name.isascii() and name.decode("ascii") in ARGUMENT_COUNTS
