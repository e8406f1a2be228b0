"""Extract from a mail, in one pass, what lists show and what searches look at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from lazr.smtptest.mail import Address
from lazr.smtptest.store.tags import parse_tags
from lazr.smtptest.store.text_normalization import fold, make_storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lazr.smtptest.mail import Envelope, Mail

__all__ = [
    "ContentSummary",
    "MessageIndex",
    "build_envelope_addresses",
    "build_message_index",
    "normalize_field",
]

# Searches look at this much of a mail and of each header field.  The rest can be read, but not found.
_MAX_SEARCHABLE_CHARACTERS = 1_000_000
_MAX_FIELD_CHARACTERS = 10_000
_MAX_HEADER_FIELDS = 200

_MAX_SNIPPET_CHARACTERS = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentSummary:
    """The facts of a mail's content that lists show.

    Args:
        message_id: the Message-ID, without angle brackets.
        from_: the first address of the From field; None if it has none.
        to: the addresses of the To field.
        cc: the addresses of the Cc field.
        bcc: the envelope's recipients that no header field names.
        reply_to: the addresses of the Reply-To field.
        subject: the decoded Subject.
        attachments: how many attachments there are.
        inlines: how many inline parts there are, such as pictures.
        snippet: the start of the text with white space folded, at most 250 characters.
    """

    message_id: str
    from_: Address | None
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    subject: str
    attachments: int
    inlines: int
    snippet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageIndex(ContentSummary):
    """The summary of a mail's content, and everything that a search can find in it.

    Args:
        tags: the tags that the mail's own `X-Tags` fields name.
        texts: the texts that are searched for words, by field.  Each is folded.  A line feed separates what does not
            belong together: one address and the next, the Subject and the text.
        addresses: pairs of the field, and the whole address, folded.
        headers: pairs of a header field's name and value, folded.
    """

    tags: tuple[str, ...]
    texts: Mapping[str, str]
    addresses: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]


def build_message_index(mail: Mail) -> MessageIndex:
    """Parse a mail and return its index.  No content makes this raise or take long.

    >>> from lazr.smtptest.mail import Envelope, Mail
    >>> envelope = Envelope("ann@example.com", ("bob@Example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> mail = Mail("1", envelope, [b"From: Ann <a@example.com>\\nX-Tags: one, two\\n\\nHello\\n"])
    >>> index = build_message_index(mail)
    >>> index.texts["from"], index.bcc, index.tags, index.snippet
    ('ann <a@example.com>', (Address('bob@Example.com'),), ('one', 'two'), 'Hello')
    """
    headers = mail.headers
    attachments = mail.attachments
    from_ = mail.from_
    bcc = tuple(_parse_mailbox(recipient) for recipient in dict.fromkeys(mail.bcc))
    lists = {"from": from_, "to": mail.to, "cc": mail.cc, "bcc": bcc, "reply-to": mail.reply_to}
    texts = {field: _join_addresses(addresses) for field, addresses in lists.items()}
    texts["addressed"] = "\n".join(filter(None, texts.values()))
    message_id = mail.message_id.strip().removeprefix("<").removesuffix(">")[:_MAX_FIELD_CHARACTERS]
    subject, text = mail.subject[:_MAX_FIELD_CHARACTERS], mail.text[:_MAX_SEARCHABLE_CHARACTERS]
    texts["subject"], texts["message-id"] = normalize_field(subject), normalize_field(message_id)
    # Each piece is folded by itself, so none contains a line feed, and a search cannot match across two of them.  The
    # text comes last, because it is the longest and may be cut.
    pieces = [texts["addressed"], texts["subject"], normalize_field(mail.sender)]
    pieces += [normalize_field(attachment.filename) for attachment in attachments]
    pieces.append(fold(make_storable(text)))
    texts["anywhere"] = "\n".join(filter(None, pieces))[:_MAX_SEARCHABLE_CHARACTERS].rstrip()
    addresses = [(field, normalize_field(address.addr_spec)) for field, members in lists.items() for address in members]
    addresses += build_envelope_addresses(mail.envelope)
    inlines = sum(attachment.inline for attachment in attachments)
    return MessageIndex(
        message_id=make_storable(message_id),
        from_=from_[0] if from_ else None,
        to=mail.to,
        cc=mail.cc,
        bcc=bcc,
        reply_to=mail.reply_to,
        subject=make_storable(subject),
        attachments=len(attachments) - inlines,
        inlines=inlines,
        snippet=make_storable(" ".join(text[: 20 * _MAX_SNIPPET_CHARACTERS].split())[:_MAX_SNIPPET_CHARACTERS]),
        tags=parse_tags(headers.get_all("x-tags")),
        texts=texts,
        addresses=tuple(dict.fromkeys(addresses)),
        headers=tuple(
            (_normalize_name(field.name), normalize_field(field.value)) for field in headers[:_MAX_HEADER_FIELDS]
        ),
    )


def build_envelope_addresses(envelope: Envelope) -> list[tuple[str, str]]:
    """Return the folded addresses of an envelope, each with its field.

    >>> from lazr.smtptest.mail import Envelope
    >>> build_envelope_addresses(Envelope("Ann@a.example", ("b@b.example",), mail_parameters={}, rcpt_parameters=({},)))
    [('sender', 'ann@a.example'), ('recipient', 'b@b.example')]
    """
    recipients = [("recipient", normalize_field(recipient)) for recipient in envelope.rcpt_tos]
    return [("sender", normalize_field(envelope.mail_from)), *recipients]


@lru_cache(maxsize=256)
def _normalize_name(name: str) -> str:
    return normalize_field(name)


def normalize_field(text: str) -> str:
    """Return a text as it is searched for: folded, storable, and of limited length."""
    return fold(make_storable(text[:_MAX_FIELD_CHARACTERS]))


def _join_addresses(addresses: Iterable[Address]) -> str:
    return "\n".join(normalize_field(str(address)) for address in addresses)[:_MAX_FIELD_CHARACTERS].rstrip()


def _parse_mailbox(mailbox: str) -> Address:
    local, at, domain = make_storable(mailbox).rpartition("@")
    if local.startswith('"') and local.endswith('"'):  # RFC 5322 3.2.4: the quotes are not part of the local part
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return Address("", local, domain) if at else Address("", domain)
