"""Match searches against a new mail, and parse its content only if needed.

Most of the mails that pour into a server match none of the searches that wait for one.  Parsing a mail takes about half
a millisecond; the checks here take a few microseconds.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from lazr.smtptest.mail import Field, Mail, limits, read_block
from lazr.smtptest.store.message_index import build_message_index
from lazr.smtptest.store.search.terms import (
    AddressTerm,
    DateTerm,
    FlagTerm,
    FolderTerm,
    HeaderTerm,
    SizeTerm,
    TextTerm,
    UserTerm,
)
from lazr.smtptest.store.searchable_mail import SearchableMail

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lazr.smtptest.store.base import Arrival
    from lazr.smtptest.store.search.terms import Search, Term
    from lazr.smtptest.store.tag_rules import TagRules

__all__ = ["ArrivedMail"]

# Letters and digits of US-ASCII.  Folding, quoting, brackets and white space change what is around such runs, not the
# runs.
_PLAIN_RUN = re.compile("[0-9a-z]+")
_SPACE_AND_QUOTES = b' \t\r\n\v\f"<>'
_QUOTES = str.maketrans("", "", '"<>')
_ADDRESS_FIELDS = ("from", "to", "cc", "reply-to")
_HEADER_BLOCK_END = re.compile(rb"\n\r?\n")
# Fields whose comments do not matter here, because no address is read from them.
_FIELDS_WITH_COMMENTS = re.compile(rb"^(?:received|date|user-agent):[^\n]*\n(?:[ \t][^\n]*\n)*", re.MULTILINE)
# In an address, a comment or a quoted pair may be anywhere.
_CODED_ADDRESS = re.compile(rb"[(\\]")
# What makes the text of a mail differ from its bytes: encodings, charsets in which the bytes of US-ASCII mean other
# characters, file names in several pieces or with percent-encoding (RFC 2231).
_CODED_CONTENT = re.compile(
    rb"base64|uue|=\?|\*[0-9]|\*\s*=|charset[\s*(]|charset=(?![\"' ]*(?:utf-8|us-ascii|iso-8859-|windows-125))"
)
_SOFT_LINE_BREAK = re.compile(rb"=[ \t]*\r?\n")
# Letters, digits and other charsets as escapes of quoted-printable, in lower case.
_ESCAPED_RUN = re.compile(rb"=(?:3[0-9]|[46][1-9a-f]|[57][0-9a]|[89a-f][0-9a-f])")
_MAX_SCANNED_BYTES = 256 * 1024


class ArrivedMail:
    r"""A mail that has just come in, for searches; the content is parsed if a term needs it.

    The mail is unread, unless the arrival says otherwise.  It has the tags that the store's rules give it.

    Args:
        arrival: the mail.
        tag_rules: the rules of the store.

    >>> from lazr.smtptest import Envelope
    >>> from lazr.smtptest.store import Arrival, TagRules, parse_query
    >>> envelope = Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> mail = ArrivedMail(Arrival("1", 0.0, envelope, [b"Subject: Welcome\r\n\r\nHello\r\n"]), TagRules())
    >>> mail.matches(parse_query("subject:bye")), mail.is_parsed
    (False, False)
    >>> mail.matches(parse_query("subject:welcome hello")), mail.is_parsed
    (True, True)
    """

    def __init__(self, arrival: Arrival, tag_rules: TagRules) -> None:
        self._arrival = arrival
        self._tag_rules = tag_rules

    @property
    def id(self) -> str:
        """The permanent ID of the mail."""
        return self._arrival.id

    @property
    def size(self) -> int:
        """The length of the content, in bytes."""
        return self._arrival.size

    @property
    def memory_size(self) -> int:
        """About how many bytes the mail takes in memory, before it is parsed."""
        return self._arrival.memory_size

    @property
    def is_parsed(self) -> bool:
        """Whether the content has been parsed."""
        return "searchable" in self.__dict__

    def matches(self, search: Search) -> bool:
        """Return whether the mail satisfies all terms of a search."""
        return not self.is_excluded(search) and self.searchable.matches(search)

    def is_excluded(self, search: Search) -> bool:
        """Return whether the mail cannot match, as far as a look at its bytes decides.

        This takes microseconds and does not parse the content.  False means that the mail may match.
        """
        return any(self._fails(term) for term in search)

    @cached_property
    def searchable(self) -> SearchableMail:
        """The parsed mail."""
        arrival = self._arrival
        mail = Mail(arrival.id, arrival.envelope, [self._content], received_at=arrival.received_at)
        index = build_message_index(mail)

        def build(tags: Collection[str]) -> SearchableMail:
            return SearchableMail(
                index=index,
                size=arrival.size,
                received_at=self._received_at,
                username=mail.username,
                read=arrival.read,
                tags=tags,
                folder=arrival.folder,
                owner=arrival.owner,
            )

        return build(self._tag_rules.compute_tags(build(arrival.tags)))

    @property
    def _received_at(self) -> datetime:
        return datetime.fromtimestamp(self._arrival.received_at, UTC)

    def _fails(self, term: Term) -> bool:
        if isinstance(term, UserTerm):
            auth = self._arrival.envelope.auth
            return (term.name == ("" if auth is None else auth.username)) is term.negated
        if isinstance(term, SizeTerm):
            size = self._arrival.size
            return (size > term.size if term.comparison == "larger" else size < term.size) is term.negated
        if isinstance(term, DateTerm):
            is_after = self._received_at >= term.date
            return (is_after if term.comparison == "after" else not is_after) is term.negated
        if isinstance(term, FlagTerm) and term.flag == "read":
            return self._arrival.read is term.negated
        if isinstance(term, FolderTerm):
            return not term.contains(self._arrival.owner, self._arrival.folder)
        if term.negated:
            return False
        if isinstance(term, TextTerm):
            return self._lacks(term.field, _find_runs(term.words))
        if isinstance(term, AddressTerm):
            return self._lacks(term.field, _find_runs(term.address))
        return isinstance(term, HeaderTerm) and self._lacks_header(term.name, _find_runs(term.words))

    def _lacks(self, field: str, runs: tuple[str, ...]) -> bool:
        """Return whether a run of letters and digits is certainly not in a field."""
        if not runs:
            return False
        if field in ("sender", "recipient", "bcc"):  # `bcc`: recipients that no header field names
            return not _has_all(runs, self._envelope_text)
        if field == "anywhere":
            text = self._content_text
            return text is not None and not _has_all(runs, text, self._envelope_text)
        others = self._envelope_text if field == "addressed" else ""
        if self._plain_header is not None and not _has_all(runs, self._plain_header, others):
            return True
        texts = [self._read_field(name) for name in (_ADDRESS_FIELDS if field == "addressed" else (field,))]
        return None not in texts and not _has_all(runs, *filter(None, texts), others)

    def _lacks_header(self, name: str, runs: tuple[str, ...]) -> bool:
        if self._plain_header is not None and not _has_all(runs, self._plain_header):
            return True
        return not any(_has_all(runs, _squeeze(field.value)) for field in self._fields.get(name, ()))

    def _read_field(self, name: str) -> str | None:
        """Return the values of a header field; None if an address in it must be parsed."""
        fields = self._fields.get(name, ())
        if name in _ADDRESS_FIELDS and any(b"(" in field.raw or b"\\" in field.raw for field in fields):
            return None
        # Encoded words are no part of a Message-ID, so its index has them as they are.
        return "\n".join(_squeeze(field.text if name == "message-id" else field.value) for field in fields)

    @cached_property
    def _content(self) -> bytes:
        return b"".join(self._arrival.parts)

    @cached_property
    def _plain_header(self) -> str | None:
        """The header in lower case, without spaces, quotes and angle brackets.

        None means that some of it is encoded.
        """
        end = _HEADER_BLOCK_END.search(self._content)
        header = self._content if end is None else self._content[: end.start()]
        if len(header) > _MAX_SCANNED_BYTES or not header.isascii() or b"=?" in header:
            return None
        header = header.lower()
        if _CODED_ADDRESS.search(header) and _CODED_ADDRESS.search(_FIELDS_WITH_COMMENTS.sub(b"", header)):
            return None
        return header.translate(None, _SPACE_AND_QUOTES).decode("ascii")

    @cached_property
    def _content_text(self) -> str | None:
        """The content in lower case; None if the text of the mail is not in its bytes as they are."""
        if self._plain_header is None or len(self._content) > _MAX_SCANNED_BYTES or not self._content.isascii():
            return None
        content = self._content.lower()
        if _CODED_CONTENT.search(content):
            return None
        if b"quoted-printable" in content:
            content = _SOFT_LINE_BREAK.sub(b"", content)
            if _ESCAPED_RUN.search(content):
                return None
        if b"text/html" in content and (
            b"multipart/alternative" not in content or b"text/plain" not in content or b"attachment" in content
        ):
            return None  # the text may be made from the HTML, in which tags can divide a word
        text = content.decode("ascii").replace("\\", "")  # in a file name, a backslash quotes a character
        return f"{text}\n{self._plain_header}"

    @cached_property
    def _envelope_text(self) -> str:
        envelope = self._arrival.envelope
        return "\n".join(_squeeze(mailbox) for mailbox in (envelope.mail_from, *envelope.rcpt_tos)).replace("\\", "")

    @cached_property
    def _fields(self) -> dict[str, list[Field]]:
        """The fields of the header by their names in lower case, decoded at first use."""
        content = self._content
        if b"\n" not in content:  # as in `ParsedMessage`
            content = content.replace(b"\r", b"\n")
        pairs, _ = read_block(content, 0, len(content), limits.MAX_HEADER_BLOCK_FIELDS, lambda _: None)
        fields: dict[str, list[Field]] = {}
        for name, raw in pairs:
            fields.setdefault(name.lower(), []).append(Field(name, raw))
        return fields


@lru_cache(maxsize=4096)
def _find_runs(words: str) -> tuple[str, ...]:
    return tuple(_PLAIN_RUN.findall(words))


def _squeeze(text: str) -> str:
    """Return a text folded, without spaces, quotes and angle brackets.

    Addresses may have these.
    """
    return "".join(text.casefold().split()).translate(_QUOTES)


def _has_all(runs: Iterable[str], *texts: str) -> bool:
    return all(any(run in text for text in texts) for run in runs)
