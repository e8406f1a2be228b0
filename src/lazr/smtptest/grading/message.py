"""The messages of a trial, and how a message that arrived differs from the one to send."""

from __future__ import annotations

import secrets
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.parser import BytesParser
from email.policy import compat32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.message import Message

    from lazr.smtptest.grading.behavior import Behavior

__all__ = ["BODIES", "RECIPIENTS", "SENDER", "build_message", "build_subject", "create_token", "find_alteration"]

SENDER = "ann@example.com"
RECIPIENTS = ("bob@example.com", "carol@example.com", "dave@example.com")
UTF8_RECIPIENT = "jürgen@example.com"

# The fields that a client must not change.  It may add others, and change the encoding of the content.
_COMPARED_FIELDS = ("From", "To", "Subject", "Message-ID")
_MAX_SHOWN_CHARACTERS = 40

_LARGE_BODY_LINES = 2_000
_LONG_LINE_CHARACTERS = 1_500  # RFC 5321 4.5.3.1.6: at most 998

BODIES: dict[str, tuple[str, ...]] = {
    "plain": ("Hello,", "", "this mail is a test.", "", "Ann"),
    # RFC 5321 4.5.2: a dot at the start of a line is doubled, also if it is the whole line.
    "dots": (".", "..", ".hidden", "a.", "", ".", "...", ". ", "The last line."),
    "long-line": ("A long line:", "x" * _LONG_LINE_CHARACTERS, "The last line."),
    "lf-lines": ("Each line of this message ends with a LF.", "", ".", "The last line."),
    # A server that takes LF.LF or LF.CRLF as the end would read what follows as commands (CVE-2023-51764).
    "bare-lf": (
        "A line before.\n.\nMAIL FROM:<smuggled@example.com>",
        "A LF alone\nis here.",
        "The last line.",
    ),
    "no-line-end": ("The last line", "has no line end."),
    "eight-bit": ("Grüße aus Köln,", "die Umlaute sind UTF-8: äöüß €.", "Ann"),
    "large": tuple(f"Line {number} of a large message: {'x' * 40}" for number in range(_LARGE_BODY_LINES)),
}


def create_token() -> str:
    """Return a random word that tells the messages of a trial from all others."""
    return secrets.token_hex(6)


def build_subject(behavior: Behavior, token: str, number: int) -> str:
    """Return the subject of a message: it has the behavior, the token and the number."""
    return f"grade {behavior.name} {token}-{number}"


def build_message(behavior: Behavior, token: str, number: int, recipients: tuple[str, ...]) -> bytes:
    """Return a message to send, in the form of RFC 5322.

    Its lines end with CRLF; for the bodies "lf-lines" and "bare-lf", all or some end with LF.

    Args:
        behavior: The behavior; its `body` is the kind of content.
        token: The word of the trial.
        number: The number of the message in the trial, from 1.
        recipients: The addresses of the envelope.
    """
    is_8bit = behavior.body == "eight-bit" or behavior.utf8
    lines = [
        f"From: Ann <{SENDER}>",
        f"To: {', '.join(recipients)}",
        f"Subject: {build_subject(behavior, token, number)}",
        "Date: Mon, 02 Mar 2026 09:00:00 +0000",
        f"Message-ID: <{token}.{number}@client.example>",
        "MIME-Version: 1.0",
        f"Content-Type: text/plain; charset={'utf-8' if is_8bit else 'us-ascii'}",
        f"Content-Transfer-Encoding: {'8bit' if is_8bit else '7bit'}",
        "",
        *BODIES[behavior.body],
    ]
    line_end = "\n" if behavior.body == "lf-lines" else "\r\n"
    content = "".join(line + line_end for line in lines)
    return (content.removesuffix(line_end) if behavior.body == "no-line-end" else content).encode()


def find_alteration(sent: bytes, arrived: bytes) -> str | None:
    """Return how a message that arrived differs from the message to send; None if it does not.

    Added header fields, CRLF in place of LF, and another transfer encoding of the same content are no difference.

    >>> find_alteration(b"Subject: a\\r\\n\\r\\n.b\\r\\n", b"Received: x\\r\\nSubject: a\\r\\n\\r\\nb\\r\\n")
    "line 1 of the body is 'b', and was '.b'"
    """
    before, after = _parse(sent), _parse(arrived)
    for name in _COMPARED_FIELDS:
        expected, found = _get_field(before, name), _get_field(after, name)
        if expected and not found:
            return f"the header field {name} is missing"
        if expected != found:
            return f"the header field {name} is {_shorten(found)}, and was {_shorten(expected)}"
    expected_lines, lines = _list_body_lines(before), _list_body_lines(after)
    for number, (expected, found) in enumerate(zip(expected_lines, lines, strict=False), 1):
        if expected != found:
            return f"line {number} of the body is {_shorten(found)}, and was {_shorten(expected)}"
    if len(expected_lines) != len(lines):
        return f"the body has {len(lines)} lines, and had {len(expected_lines)}"
    return None


def _parse(content: bytes) -> Message:
    return BytesParser(policy=compat32).parsebytes(content)


def _get_field(message: Message, name: str) -> str:
    value = message.get(name, "")
    try:
        text = str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):  # a wrong encoded word, or an unknown charset
        text = str(value)
    # Header fields with UTF-8 come as surrogates or as the charset unknown-8bit.
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return " ".join(text.replace(",", ", ").split())


def _list_body_lines(message: Message) -> list[str]:
    """Return the lines of the first text part, decoded, without empty lines at the end."""
    part = next((part for part in message.walk() if part.get_content_maintype() == "text"), message)
    payload = part.get_payload(decode=True)
    octets = payload if isinstance(payload, bytes) else b""
    try:
        text = octets.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        text = octets.decode("utf-8", "replace")
    return text.replace("\r\n", "\n").rstrip("\n").split("\n")


def _shorten(text: str) -> str:
    return repr(text if len(text) <= _MAX_SHOWN_CHARACTERS else text[:_MAX_SHOWN_CHARACTERS] + "…")
