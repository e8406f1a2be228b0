"""Commands as text, without secrets: for transcripts and for rules."""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.imap.command_types import AuthenticateCommand, IdCommand, LoginCommand
from lazr.smtptest.protocol.smtp import mask_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.protocol.imap.command_types import ImapCommand
    from lazr.smtptest.protocol.imap.reader import RawCommand

__all__ = ["describe_argument", "mask_command"]

_MAX_ARGUMENT_CHARACTERS = 1000
_NAMES_WITH_SECRET = frozenset({"LOGIN", "AUTHENTICATE"})
# The names of fields of ID that may have a secret.
_SECRET_FIELD = compile_lazily(r"(?i)pass|pwd|secret|token|auth|credential|key")


def mask_command(raw: RawCommand, command: ImapCommand | None) -> bytes:
    """Return the line of a command as a transcript shows it; a literal is shown by its size.

    Args:
        raw: The command as the client sent it.
        command: The parsed command; None if it breaks the grammar.
    """
    head = f"{raw.tag} {raw.name} ".encode("ascii", "replace")
    if command is None and raw.name.removeprefix("UID ") in _NAMES_WITH_SECRET:
        return head + b"***"
    if isinstance(command, LoginCommand):
        return head + command.username.encode("utf-8", "replace") + b" ***"
    if isinstance(command, AuthenticateCommand):
        secret = b"" if command.initial_response is None else b" ***"
        return head + command.mechanism.encode("ascii", "replace") + secret
    if raw.name == "ID" and _has_secret_field(raw, command):
        return head + b"***"
    line = raw.lines[0]
    for literal, rest in zip(raw.literals, raw.lines[1:], strict=True):
        line += b"%s{%d}%s" % (b"~" if literal.is_binary else b"", len(literal.content), rest)
    return mask_secrets(line) if command is None else line


def _has_secret_field(raw: RawCommand, command: ImapCommand | None) -> bool:
    """Whether a field of ID may have a secret: clients have faults (RFC 2971 3.3)."""
    if isinstance(command, IdCommand):
        return any(_SECRET_FIELD.search(name) for name, _ in command.fields)
    texts = [*raw.lines, *(literal.content for literal in raw.literals)]
    return any(_SECRET_FIELD.search(text.decode("ascii", "replace")) for text in texts)


def describe_argument(raw: RawCommand, command: ImapCommand) -> str:
    """Return the arguments of a command as text."""
    text = mask_command(raw, command).decode("utf-8", "replace")
    words = text.split(" ", 1 + len(raw.name.split(" ")))
    return words[-1][:_MAX_ARGUMENT_CHARACTERS] if len(words) == 2 + len(raw.name.split(" ")) else ""
