"""Compose a message from the options of `smtptest send`."""

from __future__ import annotations

import mimetypes
from email.utils import format_datetime, getaddresses, make_msgid
from typing import TYPE_CHECKING

from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.mail import AttachmentFile, build_address_field, build_text_field
from lazr.smtptest.mail import compose_message as compose_mime_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

__all__ = ["compose_message", "parse_addresses"]

_ADDRESS_FIELDS = frozenset(
    {"from", "sender", "reply-to", "to", "cc", "bcc"}
    | {"resent-from", "resent-sender", "resent-reply-to", "resent-to", "resent-cc", "resent-bcc"}
)
# RFC 5322 3.6: these fields occur at most once.
_UNIQUE_FIELDS = frozenset(
    {"from", "sender", "reply-to", "to", "cc", "bcc", "date", "message-id", "in-reply-to", "references", "subject"}
)


def parse_addresses(texts: Iterable[str]) -> list[str]:
    """Return the addresses without display names, each once.

    Raises:
        CommandError: If an address is malformed.

    >>> parse_addresses(["Ann <ann@example.com>, bob@example.com", "ann@example.com"])
    ['ann@example.com', 'bob@example.com']
    """
    found = {}
    for text in texts:
        for _, address in getaddresses([text]):
            if not address or any(letter.isspace() or not letter.isprintable() for letter in address):
                raise CommandError(f"invalid address {text!r}; write user@host or Name <user@host>", 2)
            found[address] = True
    return list(found)


def compose_message(
    *,
    sender: str,
    to: Sequence[str],
    cc: Sequence[str],
    subject: str,
    text: str | None,
    html: str | None,
    fields: Sequence[str],
    files: Sequence[Path],
    now: datetime,
) -> tuple[str, bytes]:
    """Return the Message-ID and the bytes of a message.

    Args:
        sender: the value of From.
        to: the values of To, which are joined.
        cc: the values of Cc, which are joined.
        subject: the value of Subject.
        text: the plain text; None for a message of HTML alone.
        html: the HTML; None for a message without HTML.
        fields: further header fields, "Name: value"; they replace the fields above, Date and Message-ID.
        files: the files to attach.
        now: the value of Date.

    Raises:
        CommandError: for a malformed header field, or a file that cannot be read.
    """
    header = {
        "from": ("From", sender),
        "to": ("To", ", ".join(to)),
        "cc": ("Cc", ", ".join(cc)),
        "subject": ("Subject", subject),
        "date": ("Date", format_datetime(now)),
        # The host name of this machine would need a DNS lookup.
        "message-id": ("Message-ID", make_msgid(domain="smtptest.invalid")),
    }
    replaceable_names = header.keys()
    header = {name: field for name, field in header.items() if field[1]}
    further_fields: list[tuple[str, str]] = []
    for field in fields:
        name, value = _parse_field(field)
        if name.lower() in replaceable_names:
            header[name.lower()] = (name, value)
        elif name.lower() in _UNIQUE_FIELDS and any(name.lower() == known.lower() for known, _ in further_fields):
            raise CommandError(f"--header {field!r}: a message must have only one {name} (RFC 5322 3.6)", 2)
        else:
            further_fields.append((name, value))
    try:
        header_fields = [_build_field(name, value) for name, value in (*header.values(), *further_fields)]
        content = compose_mime_message(
            header_fields, _end_line(text), _end_line(html), [_read_attachment(path) for path in files]
        )
    except ValueError as error:
        raise CommandError(str(error), 2) from None
    return header["message-id"][1], content


def _parse_field(field: str) -> tuple[str, str]:
    name, colon, value = (part.strip() for part in field.partition(":"))
    if not colon or not name:
        raise CommandError(f"--header must be 'Name: value', got {field!r}", 2)
    if name.lower() == "mime-version" or name.lower().startswith("content-"):
        raise CommandError(f"--header {field!r}: smtptest writes {name} itself; use --text, --html and --attach", 2)
    return name, value


def _build_field(name: str, value: str) -> str:
    text_field = build_text_field(name, value)  # rejects line ends and other control characters
    if name.lower() in _ADDRESS_FIELDS:
        try:
            return build_address_field(name, getaddresses([value]))
        except ValueError:  # a group (RFC 5322 3.4), or a deliberately malformed value
            if not value.isascii():
                raise ValueError(f"{name}: invalid address {value!r}; write user@host or Name <user@host>") from None
    return text_field


def _end_line(text: str | None) -> str:
    """Return the text with a line end at its end; the empty string for None."""
    if text is None:
        return ""
    return text if text.endswith("\n") else f"{text}\n"


def _read_attachment(path: Path) -> AttachmentFile:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None
    kind, encoding = mimetypes.guess_type(path.name)
    return AttachmentFile(path.name, kind if kind and not encoding else "application/octet-stream", content)
