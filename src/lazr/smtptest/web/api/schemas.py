"""Build the JSON of mails with Mailpit's field names.

Clients with types rely on details: whether a route has null or [] for no addresses is part of these schemas.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC
from itertools import accumulate
from typing import TYPE_CHECKING, Literal, NotRequired

from typing_extensions import TypedDict

from lazr.smtptest.mail import limits, read_unsubscribe_fields

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lazr.smtptest.mail import address as mime_address
    from lazr.smtptest.mail import attachment, mail
    from lazr.smtptest.store import Entry

__all__ = [
    "MAX_LISTED_CHARACTERS",
    "MAX_NAME_CHARACTERS",
    "MAX_TEXT_CHARACTERS",
    "Address",
    "Attachment",
    "Checksums",
    "Cursors",
    "ListUnsubscribe",
    "Message",
    "MessageSummary",
    "MessagesSummary",
    "TruncatedField",
    "build_attachment",
    "build_message",
    "build_message_summary",
    "format_time",
]


class Address(TypedDict):
    """An email address and its display name."""

    Name: str
    Address: str


MAX_TEXT_CHARACTERS = 1024 * 1024
"""How much of the text and of the HTML of a mail is in its JSON."""

MAX_NAME_CHARACTERS = 1_000
"""How much of the file name, the type and the Content-ID of an attachment is in JSON."""

MAX_LISTED_CHARACTERS = 4 * 1024 * 1024
"""How many characters the subjects and addresses of all mails of one list may have."""


class TruncatedField(TypedDict):
    """A field that was cut: its length in the mail, and the URL of the whole text.

    `Headers` stands for a header whose last fields are not read; its length is in bytes.
    """

    Field: str
    Characters: int
    URL: str


class MessageSummary(TypedDict):
    """A mail as lists have it.

    `Recipients` has the addresses of RCPT TO, in their order.  `ReturnPath`, the reverse-path of the envelope, is in
    lists if the mail has no address in From: it is all that is known of the sender.  `Truncated` is there, and true, if
    the subject or some addresses are left out, because they are very long.  Mailpit has none of these.
    """

    ID: str
    MessageID: str
    Read: bool
    From: Address
    Recipients: list[str]
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
    ReturnPath: NotRequired[str]
    Truncated: NotRequired[bool]


class Cursors(TypedDict):
    """Positions of a list, for the parameter `cursor`.

    `first` lists the same mails again, without those that arrive later.  `next` continues the list after its last mail;
    it is empty at the end of the list, and in another order than the newest first.
    """

    first: str
    next: str


class MessagesSummary(TypedDict):
    """A page of a list.

    `total`, `unread` and `tags` count all mails, `messages_count` and `messages_unread` those that match the request.
    `pending` is the number of new mails that a search left out, because their texts are not indexed yet.  `estimated`
    says whether the search stopped counting, so that the counts of matches are estimates.  `cursors` is in lists and
    searches, not in the response of a wait.  Mailpit has none of these.
    """

    total: int
    unread: int
    count: int
    messages_count: int
    messages_unread: int
    start: int
    tags: list[str]
    pending: int
    estimated: bool
    cursors: NotRequired[Cursors]
    messages: list[MessageSummary]


class Checksums(TypedDict):
    """The checksums of a part's content, in hexadecimal."""

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
    """A mail with its texts and attachments.

    Mailpit has no `Read`: whether it was read before this request.  `Truncated` is there if the mail is so large that
    fields were cut.
    """

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
    Truncated: NotRequired[list[TruncatedField]]


# The values for no addresses: of To, Cc and Bcc, and of ReplyTo.  Mailpit has null where its Go code leaves a slice
# uninitialized, and typed clients rely on it.
_EMPTY_ADDRESS_LISTS: dict[str, tuple[list[Address] | None, list[Address] | None]] = {
    "messages": (None, []),
    "search": (None, None),
    "event": ([], []),
}


def build_message_summary(
    entry: Entry, variant: Literal["messages", "search", "event"], *, max_characters: int = MAX_LISTED_CHARACTERS
) -> MessageSummary:
    """Return a mail as lists have it.

    Args:
        entry: the list entry of the store.
        variant: `messages` or `search` for these routes, `event` for websockets and webhooks; it decides which value
            the fields have that hold no addresses.
        max_characters: how many characters the subject and the addresses may have together; 4 Mi by default.  If they
            have more, the subject is cut, and each list of addresses has only those that fit.
    """
    whole_entry = entry
    entry, recipients = _truncate_entry(entry, max_characters)
    no_recipients, no_reply_to = _EMPTY_ADDRESS_LISTS[variant]
    summary: MessageSummary = {
        "ID": entry.id,
        "MessageID": entry.message_id,
        "Read": entry.read,
        "From": _build_from_address(entry),
        "Recipients": recipients,
        "To": _build_addresses(entry.to) or no_recipients,
        "Cc": _build_addresses(entry.cc) or no_recipients,
        "Bcc": _build_addresses(entry.bcc) or no_recipients,
        "ReplyTo": _build_addresses(entry.reply_to) or no_reply_to,
        "Subject": entry.subject,
        "Created": format_time(entry.received_at),
        "Username": entry.username,
        "Tags": list(entry.tags),
        "Size": entry.size,
        "Attachments": entry.attachments,
        "Snippet": entry.snippet,
    }
    if variant != "event" and not summary["From"]["Address"]:
        summary["ReturnPath"] = entry.envelope.mail_from
    if entry is not whole_entry:
        summary["Truncated"] = True
    return summary


def build_message(entry: Entry, mail: mail.Mail, *, webroot: str = "") -> Message:
    """Return a mail with its texts and attachments.

    Args:
        entry: the list entry of the store.
        mail: the mail itself.
        webroot: the path before the URLs of fields that were cut, such as "/mail"; "" by default.
    """
    # As in Mailpit, parts with neither a file name nor a Content-ID are not listed.
    named = [part for part in mail.attachments if part.filename or part.content_id]
    text, html = mail.text, mail.html
    message: Message = {
        "ID": entry.id,
        "MessageID": entry.message_id,
        "Read": entry.read,
        "From": _build_from_address(entry),
        "To": _build_addresses(entry.to),
        "Cc": _build_addresses(entry.cc),
        "Bcc": _build_addresses(entry.bcc),
        "ReplyTo": _build_addresses(entry.reply_to),
        "ReturnPath": mail.sender,
        "Subject": entry.subject,
        "ListUnsubscribe": _build_list_unsubscribe(mail),
        "Date": format_time(mail.date or entry.received_at),
        "Tags": list(entry.tags),
        "Username": entry.username,
        "Text": text[:MAX_TEXT_CHARACTERS],
        "HTML": html[:MAX_TEXT_CHARACTERS],
        "Size": entry.size,
        "Inline": [build_attachment(part) for part in named if part.inline],
        "Attachments": [build_attachment(part) for part in named if not part.inline],
    }
    fields = (
        ("Text", len(text), MAX_TEXT_CHARACTERS, f"/view/{entry.id}.txt"),
        ("HTML", len(html), MAX_TEXT_CHARACTERS, f"/view/{entry.id}.html"),
        ("Attachments", _find_longest_name(named), MAX_NAME_CHARACTERS, f"/api/v1/message/{entry.id}/raw"),
    )
    truncated: list[TruncatedField] = [
        {"Field": name, "Characters": length, "URL": webroot + url}
        for name, length, limit, url in fields
        if length > limit
    ]
    header_start, header_end = mail.structure.header_range
    if header_end - header_start > limits.MAX_HEADER_BLOCK_BYTES or len(mail.headers) >= limits.MAX_HEADER_BLOCK_FIELDS:
        url = f"{webroot}/api/v1/message/{entry.id}/raw"
        truncated.append({"Field": "Headers", "Characters": header_end - header_start, "URL": url})
    if truncated:
        message["Truncated"] = truncated
    return message


def build_attachment(part: attachment.Attachment) -> Attachment:
    """Return the description of an attachment, with its checksums."""
    sums = {name: hashlib.new(name, part.content, usedforsecurity=False) for name in ("md5", "sha1", "sha256")}
    return {
        "PartID": part.number,
        "FileName": (part.filename or part.content_id)[:MAX_NAME_CHARACTERS],
        "ContentType": part.content_type[:MAX_NAME_CHARACTERS],
        "ContentID": part.content_id[:MAX_NAME_CHARACTERS],
        "Size": len(part.content),
        "Checksums": {
            "MD5": sums["md5"].hexdigest(),
            "SHA1": sums["sha1"].hexdigest(),
            "SHA256": sums["sha256"].hexdigest(),
        },
    }


def format_time(time: datetime) -> str:
    """Return a time by RFC 3339, as Go writes it.

    It has `Z` for UTC, and no trailing zeros in the fraction.

    >>> from datetime import datetime, timedelta, timezone
    >>> format_time(datetime(2024, 1, 2, 3, 4, 5, 120_000, UTC))
    '2024-01-02T03:04:05.12Z'
    >>> format_time(datetime(2024, 1, 2, 3, 4, 5, 0, timezone(timedelta(hours=-6))))
    '2024-01-02T03:04:05-06:00'
    """
    if time.tzinfo is None or not time.utcoffset():
        time = time.replace(tzinfo=UTC)
    fraction = f".{time.microsecond // 1000:03}".rstrip("0").rstrip(".")
    text = time.replace(microsecond=0).isoformat()
    return f"{text[:19]}{fraction}{text[19:].replace('+00:00', 'Z')}"


def _find_longest_name(parts: Sequence[attachment.Attachment]) -> int:
    return max((len(text) for part in parts for text in (part.filename, part.content_type, part.content_id)), default=0)


def _truncate_entry(entry: Entry, max_characters: int) -> tuple[Entry, list[str]]:
    """Return an entry and its recipients with at most this many characters.

    It is the same entry if it fits.  Else the sender, the subject and each list of addresses may have a seventh of the
    characters.
    """
    recipients = list(entry.envelope.rcpt_tos)
    lists = (entry.to, entry.cc, entry.bcc, entry.reply_to, [entry.from_] if entry.from_ else [])
    total = len(entry.subject) + sum(map(_count_characters, lists)) + sum(map(_count_recipient, recipients))
    if total <= max_characters:
        return entry, recipients
    share = max_characters // 7
    sizes = accumulate(map(_count_recipient, recipients))
    truncated_entry = replace(
        entry,
        subject=entry.subject[:share],
        from_=entry.from_ if _count_characters(lists[-1]) <= share else None,
        to=_keep_addresses(entry.to, share),
        cc=_keep_addresses(entry.cc, share),
        bcc=_keep_addresses(entry.bcc, share),
        reply_to=_keep_addresses(entry.reply_to, share),
    )
    return truncated_entry, [recipient for recipient, size in zip(recipients, sizes, strict=True) if size <= share]


def _keep_addresses(addresses: Sequence[mime_address.Address], max_characters: int) -> tuple[mime_address.Address, ...]:
    sizes = accumulate(_count_characters([address]) for address in addresses)
    return tuple(address for address, size in zip(addresses, sizes, strict=True) if size <= max_characters)


def _count_characters(addresses: Sequence[mime_address.Address]) -> int:
    # An address also costs its keys in JSON.
    return sum(len(address.display_name) + len(address.addr_spec) + 30 for address in addresses)


def _count_recipient(recipient: str) -> int:
    return len(recipient) + 3  # the quotes, and a comma


def _build_from_address(entry: Entry) -> Address:
    return {"Name": "", "Address": ""} if entry.from_ is None else _build_addresses([entry.from_])[0]


def _build_addresses(addresses: Sequence[mime_address.Address]) -> list[Address]:
    return [{"Name": address.display_name, "Address": address.addr_spec} for address in addresses]


def _build_list_unsubscribe(mail: mail.Mail) -> ListUnsubscribe:
    fields = read_unsubscribe_fields(mail.headers)
    return {
        "Header": fields.header,
        "Links": fields.links,
        "Errors": ", ".join(fields.errors),
        "HeaderPost": fields.post_header,
    }
