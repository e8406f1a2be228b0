"""The shapes of mails in JSON: Mailpit's field names, and where nothing is null and where it is []."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC
from typing import TYPE_CHECKING, Literal

from typing_extensions import TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lazr.smtptest.mail import attachment, mail
    from lazr.smtptest.mail.mime import address
    from lazr.smtptest.store.contract import Entry

__all__ = [
    "Address",
    "Attachment",
    "Checksums",
    "ListUnsubscribe",
    "Message",
    "MessageSummary",
    "MessagesSummary",
    "attachment_of",
    "message_of",
    "summary_of",
    "time_of",
]


class Address(TypedDict):
    """A mailbox with its name for people."""

    Name: str
    Address: str


class MessageSummary(TypedDict):
    """A mail as lists show it."""

    ID: str
    MessageID: str
    Read: bool
    From: Address
    To: list[Address] | None
    Cc: list[Address] | None
    Bcc: list[Address] | None
    ReplyTo: list[Address] | None
    Subject: str
    Created: str
    Username: str
    Tags: list[str]
    Size: int
    Attachments: int
    Snippet: str


class MessagesSummary(TypedDict):
    """Some mails of many.  `total`, `unread` and `tags` are of the mailbox, `messages_…` of what was looked for."""

    total: int
    unread: int
    count: int
    messages_count: int
    messages_unread: int
    start: int
    tags: list[str]
    messages: list[MessageSummary]


class Checksums(TypedDict):
    """Of a part's octets, in hexadecimal."""

    MD5: str
    SHA1: str
    SHA256: str


class Attachment(TypedDict):
    """A part that is neither the text nor the HTML."""

    PartID: str
    FileName: str
    ContentType: str
    ContentID: str
    Size: int
    Checksums: Checksums


class ListUnsubscribe(TypedDict):
    """The header fields List-Unsubscribe (RFC 2369) and List-Unsubscribe-Post (RFC 8058)."""

    Header: str
    Links: list[str]
    Errors: str
    HeaderPost: str


class Message(TypedDict):
    """A mail, all of it.  `Read` is not Mailpit's: it is what it was before this request."""

    ID: str
    MessageID: str
    Read: bool
    From: Address
    To: list[Address]
    Cc: list[Address]
    Bcc: list[Address]
    ReplyTo: list[Address]
    ReturnPath: str
    Subject: str
    ListUnsubscribe: ListUnsubscribe
    Date: str
    Tags: list[str]
    Username: str
    Text: str
    HTML: str
    Size: int
    Inline: list[Attachment]
    Attachments: list[Attachment]


# What a client reads where there are no addresses: for To, Cc and Bcc, and for ReplyTo.  It follows from what a Go
# program forgets to initialise, and typed clients have learnt it.
_NONE: dict[str, tuple[list[Address] | None, list[Address] | None]] = {
    "messages": (None, []),
    "search": (None, None),
    "event": ([], []),
}


def summary_of(entry: Entry, where: Literal["messages", "search", "event"]) -> MessageSummary:
    """A mail as that shows it."""
    nobody, nowhere = _NONE[where]
    return {
        "ID": entry.id,
        "MessageID": entry.message_id,
        "Read": entry.read,
        "From": _from(entry),
        "To": _addresses(entry.to) or nobody,
        "Cc": _addresses(entry.cc) or nobody,
        "Bcc": _addresses(entry.bcc) or nobody,
        "ReplyTo": _addresses(entry.reply_to) or nowhere,
        "Subject": entry.subject,
        "Created": time_of(entry.received_at),
        "Username": entry.username,
        "Tags": list(entry.tags),
        "Size": entry.size,
        "Attachments": entry.attachments,
        "Snippet": entry.snippet,
    }


def message_of(entry: Entry, mail: mail.Mail) -> Message:
    """A mail, read."""
    # Parts with neither a name nor an identifier are not listed.
    named = [part for part in mail.attachments if part.filename or part.content_id]
    return {
        "ID": entry.id,
        "MessageID": entry.message_id,
        "Read": entry.read,
        "From": _from(entry),
        "To": _addresses(entry.to),
        "Cc": _addresses(entry.cc),
        "Bcc": _addresses(entry.bcc),
        "ReplyTo": _addresses(entry.reply_to),
        "ReturnPath": mail.sender,
        "Subject": entry.subject,
        "ListUnsubscribe": _list_unsubscribe(mail),
        "Date": time_of(mail.date or entry.received_at),
        "Tags": list(entry.tags),
        "Username": entry.username,
        "Text": mail.text,
        "HTML": mail.html,
        "Size": entry.size,
        "Inline": [attachment_of(part) for part in named if part.inline],
        "Attachments": [attachment_of(part) for part in named if not part.inline],
    }


def attachment_of(part: attachment.Attachment) -> Attachment:
    """A part, with its checksums."""
    sums = {name: hashlib.new(name, part.content, usedforsecurity=False) for name in ("md5", "sha1", "sha256")}
    return {
        "PartID": part.number,
        "FileName": part.filename or part.content_id,
        "ContentType": part.content_type,
        "ContentID": part.content_id,
        "Size": len(part.content),
        "Checksums": {
            "MD5": sums["md5"].hexdigest(),
            "SHA1": sums["sha1"].hexdigest(),
            "SHA256": sums["sha256"].hexdigest(),
        },
    }


def time_of(time: datetime) -> str:
    """RFC 3339, as Go writes it: `Z` for UTC, and no zeros at the end of a fraction.

    >>> from datetime import datetime, timedelta, timezone
    >>> time_of(datetime(2024, 1, 2, 3, 4, 5, 120_000, UTC))
    '2024-01-02T03:04:05.12Z'
    >>> time_of(datetime(2024, 1, 2, 3, 4, 5, 0, timezone(timedelta(hours=-6))))
    '2024-01-02T03:04:05-06:00'
    """
    if time.tzinfo is None or not time.utcoffset():
        time = time.replace(tzinfo=UTC)
    whole, fraction = time.replace(microsecond=0), f".{time.microsecond // 1000:03}".rstrip("0").rstrip(".")
    text = whole.isoformat()
    return f"{text[:19]}{fraction}{text[19:].replace('+00:00', 'Z')}"


def _from(entry: Entry) -> Address:
    return {"Name": "", "Address": ""} if entry.from_ is None else _addresses([entry.from_])[0]


def _addresses(addresses: Sequence[address.Address]) -> list[Address]:
    return [{"Name": one.display_name, "Address": one.addr_spec} for one in addresses]


_COMMENT = re.compile(r"\([^()]*+\)")
_BRACKETS = re.compile(r"<([^<>]*+)>")
_LINK = re.compile(r"(?:mailto:|https?://)[A-Za-z0-9]\S*", re.IGNORECASE)


def _list_unsubscribe(mail: mail.Mail) -> ListUnsubscribe:
    header = mail.header("list-unsubscribe")
    value = _COMMENT.sub("", header)
    found = _BRACKETS.findall(value)
    links = [link for link in found if _LINK.fullmatch(link)]
    errors = [f'"{link}" is neither a mailto: nor an http(s):// URL' for link in found if not _LINK.fullmatch(link)]
    if header and _BRACKETS.sub("", value).replace(",", "").strip():
        errors.append(f'"{header}" should be URLs in <>, separated by commas')  # RFC 2369 2
    return {
        "Header": header,
        "Links": links,
        "Errors": ", ".join(errors),
        "HeaderPost": mail.header("list-unsubscribe-post"),
    }
