"""What a store reads out of a mail, once: what lists show, and what is searched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lazr.smtptest.mail.mime.address import Address
from lazr.smtptest.store.search import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from lazr.smtptest.mail.mail import Mail

__all__ = ["Findable", "Indexed", "holdable", "indexed", "one_tag", "tags_of"]

# Of a mail, so many characters are searched, and so many of each header field; the rest can be read, not found.
_SEARCHED = 1_000_000
_FIELD = 10_000
_FIELDS = 200

_SNIPPET = 250
_TAGS = 20
_TAG = 100

_SURROGATE = re.compile("[\ud800-\udfff]")


class Findable(Protocol):
    """All of a mail that a search can ask for; texts, addresses and headers are folded."""

    @property
    def texts(self) -> Mapping[str, str]:
        """What can be searched for words, by the name of where."""

    @property
    def addresses(self) -> Collection[tuple[str, str]]:
        """Pairs of where it is and the whole address."""

    @property
    def headers(self) -> Collection[tuple[str, str]]:
        """Pairs of name and value."""

    @property
    def tags(self) -> Collection[str]:
        """As they are written."""

    @property
    def username(self) -> str:
        """Of the session that brought it; empty where it had none."""

    @property
    def read(self) -> bool:
        """Whether it is marked so."""

    @property
    def attachments(self) -> int:
        """How many."""

    @property
    def inlines(self) -> int:
        """How many."""

    @property
    def size(self) -> int:
        """Octets of content."""

    @property
    def received_at(self) -> datetime:
        """An aware time."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the content says; `Entry` has the meaning of the fields that both have.

    - `tags`: those that the mail's own `X-Tags` fields name.
    - `texts`: what can be searched for words, by the name of where; each folded, with a line end between what does not
      belong together (one address and the next, the Subject and the text).
    - `addresses`: pairs of where it is and the whole address; `headers`: of name and value; folded.
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
    tags: tuple[str, ...]
    texts: Mapping[str, str]
    addresses: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]


def indexed(mail: Mail) -> Indexed:
    """Read a mail; however it is made, this does not raise, and takes no long time.

    >>> from lazr.smtptest.mail.mail import Envelope, Mail
    >>> envelope = Envelope("ann@example.com", ("bob@Example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> read = indexed(Mail("1", envelope, [b"From: Ann <ann@example.com>\\nX-Tags: one, two\\n\\nHello\\n"]))
    >>> read.texts["from"], read.bcc, read.tags, read.snippet
    ('ann <ann@example.com>', (Address('bob@Example.com'),), ('one', 'two'), 'Hello')
    """
    headers = mail.headers
    attachments = mail.attachments
    from_ = mail.from_
    bcc = tuple(_address(recipient) for recipient in dict.fromkeys(mail.bcc))
    lists = {"from": from_, "to": mail.to, "cc": mail.cc, "bcc": bcc, "reply-to": mail.reply_to}
    texts = {where: _listed(addresses) for where, addresses in lists.items()}
    texts["addressed"] = "\n".join(filter(None, texts.values()))
    message_id = mail.message_id.strip().removeprefix("<").removesuffix(">")[:_FIELD]
    subject, text = mail.subject[:_FIELD], mail.text[:_SEARCHED]
    texts["subject"], texts["message-id"] = _words(subject), _words(message_id)
    # Folded one by one, and no folded text has a line end: so words are not found from the end of one to the start of
    # the next.  The text is the last, as the longest.
    apart = [texts["addressed"], texts["subject"], _words(mail.sender)]
    apart += [_words(attachment.filename) for attachment in attachments]
    apart.append(fold(holdable(text)))
    texts["anywhere"] = "\n".join(filter(None, apart))[:_SEARCHED].rstrip()
    found = [(where, _words(address.addr_spec)) for where, addresses in lists.items() for address in addresses]
    found.append(("sender", _words(mail.sender)))
    found += [("recipient", _words(recipient)) for recipient in mail.recipients]
    inlines = sum(attachment.inline for attachment in attachments)
    return Indexed(
        message_id=holdable(message_id),
        from_=from_[0] if from_ else None,
        to=mail.to,
        cc=mail.cc,
        bcc=bcc,
        reply_to=mail.reply_to,
        subject=holdable(subject),
        attachments=len(attachments) - inlines,
        inlines=inlines,
        snippet=holdable(" ".join(text[: 20 * _SNIPPET].split())[:_SNIPPET]),
        tags=tags_of(headers.get_all("x-tags")),
        texts=texts,
        addresses=tuple(dict.fromkeys(found)),
        headers=tuple((_words(field.name), _words(field.value)) for field in headers[:_FIELDS]),
    )


def tags_of(values: Iterable[str]) -> tuple[str, ...]:
    """The tags that `X-Tags` fields name: between commas, each once, letter case ignored.

    >>> tags_of(["one, Two", "two,,three"])
    ('one', 'Two', 'three')
    """
    tags: dict[str, str] = {}
    for value in values:
        for tag in holdable(value[:_FIELD]).split(","):
            words = " ".join(tag.split())[:_TAG]
            if words:
                tags.setdefault(fold(words), words)
    return tuple(tags.values())[:_TAGS]


def one_tag(text: str) -> str:
    """The one tag that this is; raises `ValueError` where it is none, or several."""
    tags = tags_of([text])
    if len(tags) != 1:
        raise ValueError(f"not a tag: {text!r}; a tag is not empty, and has no comma")
    return tags[0]


def holdable(text: str) -> str:
    """Text that every store can hold: NUL, and surrogates that stand alone, become U+FFFD.

    >>> holdable("a\\0b\\ud800c")
    'a�b�c'
    """
    if "\0" not in text and _SURROGATE.search(text) is None:
        return text
    return _SURROGATE.sub("\ufffd", text.replace("\0", "\ufffd"))


def _words(text: str) -> str:
    return fold(holdable(text[:_FIELD]))


def _listed(addresses: Iterable[Address]) -> str:
    return "\n".join(_words(str(address)) for address in addresses)[:_FIELD].rstrip()


def _address(mailbox: str) -> Address:
    local, at, domain = holdable(mailbox).rpartition("@")
    if local.startswith('"') and local.endswith('"'):  # RFC 5322 3.2.4: the quotes are not a part of it
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return Address("", local, domain) if at else Address("", domain)
