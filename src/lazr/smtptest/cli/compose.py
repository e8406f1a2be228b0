"""A message made of what somebody typed: header fields, text, HTML, attachments (RFC 5322, RFC 2045)."""

from __future__ import annotations

import mimetypes
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses, make_msgid
from typing import TYPE_CHECKING

from lazr.smtptest.cli.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

__all__ = ["addresses", "compose"]


def addresses(texts: Iterable[str]) -> list[str]:
    """The addresses alone, each once; raises `Failure` for what is none.

    >>> addresses(["Ann <ann@example.com>, bob@example.com", "ann@example.com"])
    ['ann@example.com', 'bob@example.com']
    """
    found = {}
    for text in texts:
        for _, address in getaddresses([text]):
            if not address or any(letter.isspace() or not letter.isprintable() for letter in address):
                raise Failure(f"{text!r} is no address", 2)
            found[address] = True
    return list(found)


def compose(
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
) -> EmailMessage:
    """The message; a field of `fields`, "Name: value", takes the place of one that would be made.

    Raises `Failure` for what cannot be in a message, or a file that cannot be read.
    """
    plain = all(part.isascii() for part in addresses([sender, *to, *cc]))
    message = EmailMessage(policy=policy.SMTP if plain else policy.SMTPUTF8)
    for name, value in (("From", sender), ("To", ", ".join(to)), ("Cc", ", ".join(cc)), ("Subject", subject)):
        if value:
            _add(message, name, value)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain="smtptest.invalid")  # not this machine's name, which DNS would have
    for field in fields:
        name, colon, value = field.partition(":")
        if not colon or not name.strip():
            raise Failure(f"--header {field!r}: there is to be a name, a colon and a value", 2)
        if name.strip().lower() in ("date", "message-id", "subject", "from", "to", "cc"):
            del message[name.strip()]
        _add(message, name.strip(), value.strip())
    if text is not None or html is None:
        message.set_content(text or "")
    if html is not None and text is None:
        message.set_content(html, subtype="html")
    elif html is not None:
        message.add_alternative(html, subtype="html")
    for path in files:
        try:
            octets = path.read_bytes()
        except OSError as error:
            raise Failure(f"{path}: {error.strerror or error}") from None
        kind, packed = mimetypes.guess_type(path.name)
        main, _, sub = (kind if kind and not packed else "application/octet-stream").partition("/")
        message.add_attachment(octets, maintype=main, subtype=sub, filename=path.name)
    return message


def _add(message: EmailMessage, name: str, value: str) -> None:
    try:
        message[name] = value
    except (ValueError, TypeError, IndexError) as error:
        raise Failure(f"{name}: {value!r} cannot be in a header: {error}", 2) from None
