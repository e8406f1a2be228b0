"""Build the JSON of mails as MailHog writes it: with undecoded header fields and bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from lazr.smtptest.mail import Defects, read_tree
from lazr.smtptest.web.api.schemas import format_time

if TYPE_CHECKING:
    from lazr.smtptest.mail import Mail, Part

__all__ = [
    "MAX_SHOWN_CHARACTERS",
    "MailHogContent",
    "MailHogMessage",
    "MailHogMessages",
    "MailHogMime",
    "MailHogPath",
    "MailHogSource",
    "build_mailhog_message",
]


MAX_SHOWN_CHARACTERS = 24 * 1024 * 1024
"""The maximum length of the JSON of a mail whose bodies are shown; a usual mail of 8 MiB has so much."""

# The bytes that JSON writes as six characters, such as \u0001, and those that it writes as two.
_LONG_ESCAPES = bytes(set(range(32)) - set(b"\b\t\n\f\r")) + b"\x7f<>&"
_SHORT_ESCAPES = b'\b\t\n\f\r"\\'

_PART_CHARACTERS = 60  # the keys of a part in JSON


class MailHogPath(TypedDict):
    """An address of the envelope.  `Relays` and `Params` are always empty."""

    Relays: list[str] | None
    Mailbox: str
    Domain: str
    Params: str


class MailHogContent(TypedDict):
    """A message or a part: its header fields by name, and its undecoded body.

    `MIME` has the parts of a multipart within a multipart.
    """

    Headers: dict[str, list[str]]
    Body: str
    Size: int
    MIME: MailHogMime | None


class MailHogMime(TypedDict):
    """The parts of a multipart."""

    Parts: list[MailHogContent]


class MailHogSource(TypedDict):
    """The SMTP commands and the content."""

    From: str
    To: list[str]
    Data: str
    Helo: str


class MailHogMessage(TypedDict):
    """A mail.  `MIME` has its parts, or null if it is not a multipart."""

    ID: str
    From: MailHogPath
    To: list[MailHogPath]
    Content: MailHogContent
    Created: str
    MIME: MailHogMime | None
    Raw: MailHogSource


class MailHogMessages(TypedDict):
    """A page of mails: `total` counts all mails that match, `count` those in `items`."""

    total: int
    count: int
    start: int
    items: list[MailHogMessage]


def build_mailhog_message(mail: Mail) -> tuple[MailHogMessage, int]:
    """Return a mail as MailHog shows it, and about how many characters its JSON has.

    Bytes that are not UTF-8 become U+FFFD.  A mail above `MAX_SHOWN_CHARACTERS` has its header fields and its size
    only, as all mails in the lists of a MailHog with MongoDB.
    """
    content, envelope = mail.content, mail.envelope
    root = read_tree(content, Defects())
    characters = _estimate_characters(content, root)
    is_shown = characters <= MAX_SHOWN_CHARACTERS
    if not is_shown:
        root.children, content = [], content[: root.body_start]
        characters = _estimate_characters(content, root)
    message: MailHogMessage = {
        "ID": mail.id,
        "From": _build_path(envelope.mail_from),
        "To": [_build_path(recipient) for recipient in envelope.rcpt_tos],
        "Content": {**_build_content(root, content), "Size": mail.size, "MIME": None},
        "Created": format_time(mail.received_at),
        "MIME": _build_mime(root, content),
        "Raw": {
            "From": envelope.mail_from,
            "To": list(envelope.rcpt_tos),
            "Data": _decode(content) if is_shown else "",
            "Helo": envelope.helo,
        },
    }
    return message, characters


def _estimate_characters(content: bytes, root: Part) -> int:
    """Return about how many characters the JSON of a mail has.

    The content is there twice, and each part once more.  The body of a multipart has the bodies of its parts, so deep
    nesting multiplies them.
    """
    shown = 2 * len(content) + sum(
        part.body_end - part.header_start + _PART_CHARACTERS for part in root.walk() if part is not root
    )
    escapes = 5 * _count_bytes(content, _LONG_ESCAPES) + _count_bytes(content, _SHORT_ESCAPES)
    return shown + escapes * shown // max(1, len(content))


def _count_bytes(content: bytes, wanted: bytes) -> int:
    return len(content) - len(content.translate(None, wanted))


def _build_path(address: str) -> MailHogPath:
    local_part, at, domain = address.rpartition("@")
    return {"Relays": None, "Mailbox": local_part if at else domain, "Domain": domain if at else "", "Params": ""}


def _build_mime(part: Part, content: bytes) -> MailHogMime | None:
    return {"Parts": [_build_content(child, content) for child in part.children]} if part.is_multipart else None


def _build_content(part: Part, content: bytes) -> MailHogContent:
    # Recursion is safe: `read_tree` limits the depth of parts.
    headers: dict[str, list[str]] = {}
    for name, raw in part.fields:
        headers.setdefault(name, []).append(_decode(raw).replace("\r\n", "").replace("\n", "").strip())
    return {
        "Headers": headers,
        "Body": _decode(content[part.body_start : part.body_end]),
        "Size": part.body_end - part.header_start,
        "MIME": _build_mime(part, content),
    }


def _decode(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
