"""One mail, read for people: each thing is found when it is first asked for, and kept."""

from __future__ import annotations

import re
from functools import cached_property

from lazr.smtptest.mail.attachment import Attachment
from lazr.smtptest.mail.domain import fold_domain
from lazr.smtptest.mail.headers import Field, Headers
from lazr.smtptest.mail.mime import caps
from lazr.smtptest.mail.mime.address import Address, read_addresses
from lazr.smtptest.mail.mime.charset import decoded
from lazr.smtptest.mail.mime.defect import Defects
from lazr.smtptest.mail.mime.tree import Part, read_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from lazr.smtptest.mail.links import Link
    from lazr.smtptest.mail.mime.defect import Defect, Note

__all__ = ["Reading"]

_MESSAGE_ID = re.compile(r"<[^<>\s]+>")
_DESTINATIONS = ("to", "cc", "resent-to", "resent-cc")
# All that `defects` reads.
_ALL = (
    *("from_", "to", "cc", "reply_to", "destinations", "date", "message_id"),
    *("text", "html", "links", "codes", "attachments"),
)


class Reading:
    """What there is to be read in a mail's octets.

    `mail_parameters` are those that they came with: some of what would be wrong is not, if MAIL announced it.
    """

    def __init__(self, content: bytes, mail_parameters: Mapping[str, str]) -> None:
        self._defects = Defects()
        self._parameters = mail_parameters
        self._as_it_came = content
        if b"\n" not in content and b"\r" in content:
            self._defects.add("content", "line ends are CR alone")
            content = content.replace(b"\r", b"\n")
        self._content = content

    # -- header fields -----------------------------------------------------------------------

    @cached_property
    def tree(self) -> Part:
        """The parts."""
        return read_tree(self._content, self._defects)

    @cached_property
    def headers(self) -> Headers:
        """The header fields."""
        return Headers([Field(name, raw, self._at(name)) for name, raw in self.tree.fields])

    def _at(self, name: str) -> Note:
        return self._defects.at(f"header {name}")

    def _addresses(self, *names: str) -> tuple[Address, ...]:
        return tuple(
            address
            for name in names
            for field in self.headers.named(name)
            for address in read_addresses(field.text, self._at(field.name))
        )

    @cached_property
    def from_(self) -> tuple[Address, ...]:
        """From's mailboxes."""
        return self._addresses("from")

    @cached_property
    def to(self) -> tuple[Address, ...]:
        """To's."""
        return self._addresses("to")

    @cached_property
    def cc(self) -> tuple[Address, ...]:
        """Cc's."""
        return self._addresses("cc")

    @cached_property
    def reply_to(self) -> tuple[Address, ...]:
        """Reply-To's."""
        return self._addresses("reply-to")

    @cached_property
    def destinations(self) -> frozenset[str]:
        """Whom the header says that it goes to (RFC 5322 3.6.3 and 3.6.6), as `addr_spec`, domains in lower case."""
        return frozenset(fold_domain(address.addr_spec) for address in self._addresses(*_DESTINATIONS))

    @cached_property
    def date(self) -> datetime | None:
        """Date's."""
        from lazr.smtptest.mail.mime.date import read_date

        for field in self.headers.named("date"):
            return read_date(field.value, self._at(field.name))
        return None

    @cached_property
    def message_id(self) -> str:
        """Message-ID's, in angle brackets."""
        for field in self.headers.named("message-id"):
            text = field.text
            match = _MESSAGE_ID.search(text)
            if match is None or match[0] != text:
                self._defects.add(f"header {field.name}", "not a message identifier")
            return match[0] if match else text
        return ""

    # -- parts -------------------------------------------------------------------------------

    @cached_property
    def _chosen(self) -> tuple[Part | None, Part | None, list[tuple[Part, bool]]]:
        """The text, the HTML, and the others, with whether they belong to the HTML (RFC 2387)."""
        text = html = None
        others = []
        for part, may_be_body, related in _leaves(self.tree, self._defects.at("content")):
            kind = part.type.value
            if part.is_multipart or (part is self.tree and kind.startswith("text/") and kind != "text/html"):
                kind = "text/plain"  # RFC 2046 4.1.4; and what is left of a multipart without its parts
            if not may_be_body or part.disposition.value == "attachment":
                others.append((part, related))
            elif kind == "text/plain" and text is None:
                text = part
            elif kind == "text/html" and html is None:
                html = part
            else:
                others.append((part, related))
        return text, html, others

    def _text_of(self, part: Part | None) -> str:
        if part is None:
            return ""
        note = self._defects.at(part.where)
        text = decoded(part.body(self._content, note), part.type.get("charset"), note)
        # The wire's line ends are CRLF; a string in a test has LF.
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    @cached_property
    def text_is_derived(self) -> bool:
        """Whether there is HTML and no text of its own."""
        text, html, _ = self._chosen
        return text is None and html is not None

    @cached_property
    def text(self) -> str:
        """The text; that of the HTML where there is none of its own."""
        return self._rendered[0] if self.text_is_derived else self._text_of(self._chosen[0])

    @cached_property
    def html(self) -> str:
        """The HTML."""
        return self._text_of(self._chosen[1])

    def _first(self, text: str, where: str) -> str:
        """As much of it as things are derived from."""
        if len(text) > caps.DERIVED:
            self._defects.add(where, f"only the first {caps.DERIVED:,} characters are looked at: truncated")
        return text[: caps.DERIVED]

    @cached_property
    def _rendered(self) -> tuple[str, list[tuple[str, str]]]:
        from lazr.smtptest.mail.html.text import rendered

        return rendered(self._first(self.html, "html"), self._defects.at("html"))

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Those of the HTML, then those of the text."""
        from lazr.smtptest.mail.links import Link, links_in_text

        links = [Link(url, text, "html") for url, text in self._rendered[1]]
        where = "html" if self.text_is_derived else "text"
        known = {link.url for link in links} if self.text_is_derived else set()
        found = links_in_text(self._first(self.text, "text"), where, self._defects.at("text"))
        # A URL in the HTML's own text is a link to most readers, whether the sender made it one or not.
        links.extend(link for link in found if link.url not in known)
        return tuple(links)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """One-time codes, of the text, the HTML and the Subject."""
        from lazr.smtptest.mail.codes import codes_in

        texts = [self.text, *([] if self.text_is_derived else [self._rendered[0]])]
        return codes_in([*texts, self.headers.get("subject")], self._defects.at("text"))

    @cached_property
    def attachments(self) -> tuple[Attachment, ...]:
        """The other parts."""
        return tuple(self._attachment(part, related=related) for part, related in self._chosen[2])

    def _attachment(self, part: Part, *, related: bool) -> Attachment:
        note = self._defects.at(part.where)
        # CVE-2024-39929: which of two names counts is a matter of taste, so all of them are told.
        names = _names_of(part)
        if len(names) > 1:
            note("more than one file name")
        content_id = part.field("content-id", note) or ""
        disposition = part.disposition.value
        return Attachment(
            names[0] if names else "",
            part.type.value,
            part.body(self._content, note),
            content_id=content_id.strip().removeprefix("<").removesuffix(">"),
            inline=disposition == "inline" or (disposition != "attachment" and related),
            filenames=names,
            number=part.number or "1",
        )

    # -- what is wrong -----------------------------------------------------------------------

    @cached_property
    def defects(self) -> tuple[Defect, ...]:
        """All, found by reading all."""
        self._look_at_octets()
        for field in self.headers:
            _ = field.value
            if not field.raw.isascii() and "SMTPUTF8" not in self._parameters:
                self._at(field.name)("octets that are not US-ASCII, without SMTPUTF8")  # RFC 6532 1.1
        for name in _ALL:
            getattr(self, name)
        # As the fields come, and then the rest: whatever was read first.
        places = {f"header {field.name}": place for place, field in reversed(list(enumerate(self.headers)))}
        return tuple(
            sorted(self._defects.all(), key=lambda one: (places.get(one.where, len(places)), one.where, one.reason))
        )

    def _look_at_octets(self) -> None:
        if self._parameters.get("BODY", "").upper() == "BINARYMIME":
            return
        content = self._as_it_came
        # RFC 5321 2.3.8 and 4.5.3.1.6, RFC 5322 2.3.
        pairs = content.count(b"\r\n")
        for octet, what in ((b"\r", "CR without LF"), (b"\n", "LF without CR")):
            count = content.count(octet) - pairs
            if count:
                self._defects.add("content", f"{count:,} × {what}" if count > 1 else what)
        if b"\0" in content:
            self._defects.add("content", "NUL")


def _leaves(root: Part, note: Note) -> Iterator[tuple[Part, bool, bool]]:
    """The parts without parts, whether each may be the text or the HTML, and whether it belongs to another."""
    stack = [(root, True, False, True)]
    while stack:
        part, may_be_body, related, is_one_of = stack.pop()
        if not part.children:
            # RFC 2183 2.1: what is inline is shown, but with a name, and behind what is shown already, it is a file:
            # programs say "inline" of each that they can show.  Not so where it is one form of a text, or the only.
            yield part, may_be_body and (is_one_of or not _names_of(part)), related
            continue
        kind = part.type.value
        below = [
            (child, may_be_body, related, kind == "multipart/alternative" or (is_one_of and index == 0))
            for index, child in enumerate(part.children)
        ]
        if kind == "multipart/related":
            shown = _root_of(part, note)
            below = [(child, may_be_body and child is shown, child is not shown, True) for child in part.children]
        stack.extend(reversed(below))


def _names_of(part: Part) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*part.disposition.all("filename"), *part.type.all("name"))))


def _root_of(part: Part, note: Note) -> Part:
    """The part that the others belong to: the one that `start` names (RFC 2387 3.2), or the first that can be it."""
    start = part.type.get("start").strip("<> ")
    if start:
        for child in part.children:
            if (child.field("content-id", note) or "").strip("<> ") == start:
                return child
    for child in part.children:
        if child.is_multipart or child.type.value.startswith("text/"):
            return child
    return part.children[0]
