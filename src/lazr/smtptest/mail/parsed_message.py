"""Parse a message lazily: each property is computed at first use, and cached.

`Mail` reads its attributes from a `ParsedMessage`.  Parsing never raises; defects are recorded instead.
"""

from __future__ import annotations

import re
from functools import cached_property

from lazr.smtptest._util.octets import count_bare_line_ends
from lazr.smtptest.mail.address_comparison import fold_domain
from lazr.smtptest.mail.attachment import Attachment
from lazr.smtptest.mail.conformance import check_conformance
from lazr.smtptest.mail.content_ids import References, find_locations, find_references
from lazr.smtptest.mail.headers import Field, Headers
from lazr.smtptest.mail.mime import limits
from lazr.smtptest.mail.mime.address import Address, read_addresses
from lazr.smtptest.mail.mime.charset import decode_text
from lazr.smtptest.mail.mime.defect import Defects, shorten_untrusted
from lazr.smtptest.mail.mime.meta_charset import find_meta_charset
from lazr.smtptest.mail.mime.tree import Part, read_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from email.message import EmailMessage

    from lazr.smtptest.mail.links import Link
    from lazr.smtptest.mail.mime.defect import Defect, DefectRecorder
    from lazr.smtptest.mail.structure import MessagePart

__all__ = ["ParsedMessage"]

_MESSAGE_ID = re.compile(r"<[^<>\s]+>")
_RESENT_DESTINATION_FIELDS = ("resent-to", "resent-cc")
# Kinds of text that a program reads, not a person.
_DATA_SUBTYPES = frozenset(
    {
        "calendar",
        "comma-separated-values",
        "css",
        "csv",
        "directory",
        "ecmascript",
        "javascript",
        "json",
        "rtf",
        "tab-separated-values",
        "turtle",
        "uri-list",
        "vcard",
        "x-amp-html",
        "x-csv",
        "x-javascript",
        "x-json",
        "x-vcalendar",
        "x-vcard",
        "x-yaml",
        "xml",
        "yaml",
    }
)
# The properties that `defects` evaluates.
_CHECKED_PROPERTIES = (
    *("from_", "to", "cc", "reply_to", "destinations", "date", "message_id"),
    *("text", "html", "links", "codes", "attachments"),
)


class ParsedMessage:
    """The header fields, texts, links, codes and attachments of a message.

    Args:
        content: the bytes of the message; untrusted input of any length.
        mail_parameters: the parameters of the MAIL command; SMTPUTF8 and BODY=BINARYMIME permit more content.
    """

    def __init__(self, content: bytes, mail_parameters: Mapping[str, str]) -> None:
        self._defects = Defects()
        self._mail_parameters = mail_parameters
        self._raw_content = content
        if b"\n" not in content and b"\r" in content:
            self._defects.add("content", "line ends are bare CR")
            content = content.replace(b"\r", b"\n")
        self._content = content

    # -- header fields -----------------------------------------------------------------------

    @cached_property
    def tree(self) -> Part:
        """The tree of MIME parts."""
        return read_tree(self._content, self._defects)

    @cached_property
    def email_message(self) -> EmailMessage:
        """The message of the standard library."""
        from lazr.smtptest.mail.stdlib_message import parse_email_message

        return parse_email_message(self._raw_content)

    @cached_property
    def structure(self) -> MessagePart:
        """The tree of MIME parts as public values, with their places in the content."""
        from lazr.smtptest.mail.structure import MessagePart

        return MessagePart(self.tree, self._content)

    @cached_property
    def headers(self) -> Headers:
        """The header fields of the message."""
        return Headers([Field(name, raw, self._build_header_recorder(name)) for name, raw in self.tree.fields])

    def _build_header_recorder(self, name: str) -> DefectRecorder:
        return self._defects.build_recorder(f"header {name}")

    def _read_address_fields(self, *names: str) -> tuple[Address, ...]:
        return tuple(
            address
            for name in names
            for field in self.headers.get_fields(name)
            for address in read_addresses(field.text, self._build_header_recorder(field.name))
        )

    def read_addresses(self, name: str) -> list[str]:
        """Return the addresses of all fields of a name, without display names and empty ones."""
        return [address.addr_spec for address in self._read_address_fields(name) if address.addr_spec]

    @cached_property
    def from_(self) -> tuple[Address, ...]:
        """The addresses in From."""
        return self._read_address_fields("from")

    @cached_property
    def to(self) -> tuple[Address, ...]:
        """The addresses in To."""
        return self._read_address_fields("to")

    @cached_property
    def cc(self) -> tuple[Address, ...]:
        """The addresses in Cc."""
        return self._read_address_fields("cc")

    @cached_property
    def reply_to(self) -> tuple[Address, ...]:
        """The addresses in Reply-To."""
        return self._read_address_fields("reply-to")

    @cached_property
    def destinations(self) -> frozenset[str]:
        """The addresses of all recipients in the header, domains in lower case (RFC 5322 3.6)."""
        resent = self._read_address_fields(*_RESENT_DESTINATION_FIELDS)
        return frozenset(fold_domain(address.addr_spec) for address in (*self.to, *self.cc, *resent))

    @cached_property
    def date(self) -> datetime | None:
        """The time in Date; None if it is missing or malformed."""
        from lazr.smtptest.mail.mime.date import read_date

        for field in self.headers.get_fields("date"):
            return read_date(field.value, self._build_header_recorder(field.name))
        return None

    @cached_property
    def message_id(self) -> str:
        """The Message-ID, with its angle brackets."""
        for field in self.headers.get_fields("message-id"):
            text = field.text
            match = _MESSAGE_ID.search(text)
            if match is None or match[0] != text:
                self._defects.add(f"header {field.name}", "not a message identifier")
            return match[0] if match else text
        return ""

    # -- parts -------------------------------------------------------------------------------

    @cached_property
    def _classified_parts(self) -> tuple[Part | None, Part | None, list[tuple[Part, bool]]]:
        """The text, the HTML, and the others, each with whether it belongs to the HTML (RFC 2387)."""
        text = html = unread = None
        others = []
        for part, may_be_body, related in _iter_leaf_parts(self.tree, self._defects.build_recorder("content")):
            kind = part.type.value
            if part is self.tree and kind.startswith("text/") and _is_prose(part):
                kind = "text/html" if kind == "text/html" else "text/plain"
            if part.is_multipart:
                # Its parts were not found.  Its body is the text where there is no other.
                if unread is None and self._content[part.body_start : part.body_end].strip():
                    unread = part
            elif not may_be_body or part.disposition.value == "attachment":
                others.append((part, related))
            elif kind == "text/plain" and text is None:
                text = part
            elif kind == "text/html" and html is None:
                html = part
            else:
                others.append((part, related))
        if text is None and html is None:
            text = unread
        return text, html, others

    @property
    def body_parts(self) -> tuple[Part | None, Part | None]:
        """The part that is the text, and the part that is the HTML."""
        text, html, _ = self._classified_parts
        return text, html

    def _decode_part_text(self, part: Part | None) -> str:
        if part is None:
            return ""
        note = self._defects.build_recorder(part.location)
        data = part.decode_body(self._content, note)
        hint = find_meta_charset(data) if part.type.value == "text/html" else ""
        text = decode_text(data, part.type.get("charset"), note, hint=hint)
        # Line ends are CRLF in SMTP, and LF in the strings of a test.
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    @cached_property
    def text_is_derived(self) -> bool:
        """Whether the message has HTML and no text part."""
        text, html, _ = self._classified_parts
        return text is None and html is not None

    @cached_property
    def text(self) -> str:
        """The decoded text part; without one, the text of the HTML."""
        return self._rendered_html[0] if self.text_is_derived else self._decode_part_text(self._classified_parts[0])

    @cached_property
    def html(self) -> str:
        """The decoded HTML part."""
        return self._decode_part_text(self._classified_parts[1])

    def _truncate(self, text: str, where: str) -> str:
        """Return the beginning of a text, up to the limit for links, codes and derived text."""
        if len(text) > limits.MAX_DERIVED_CHARACTERS:
            self._defects.add(
                where, f"only the first {limits.MAX_DERIVED_CHARACTERS:,} characters are searched: truncated"
            )
        return text[: limits.MAX_DERIVED_CHARACTERS]

    @cached_property
    def _rendered_html(self) -> tuple[str, list[tuple[str, str]]]:
        from lazr.smtptest.mail.html.text import render_text

        return render_text(self.html, self._defects.build_recorder("html"))

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The links in the HTML, then those in the text."""
        from lazr.smtptest.mail.links import Link, find_links

        links = [Link(url, text, "html") for url, text in self._rendered_html[1]]
        where = "html" if self.text_is_derived else "text"
        known = {link.url for link in links} if self.text_is_derived else set()
        found = find_links(self._truncate(self.text, "text"), where, self._defects.build_recorder("text"))
        # Most mail programs make a link of a URL in the text of HTML.
        links.extend(link for link in found if link.url not in known)
        return tuple(links)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The one-time codes in the text, the HTML and the Subject."""
        from lazr.smtptest.mail.one_time_codes import find_codes

        texts = [self.text, *([] if self.text_is_derived else [self._rendered_html[0]])]
        return find_codes([*texts, self.headers.get("subject")], self._defects.build_recorder("text"))

    @cached_property
    def attachments(self) -> tuple[Attachment, ...]:
        """The parts that are neither the text nor the HTML."""
        return tuple(self._build_attachment(part, related=related) for part, related in self._classified_parts[2])

    @cached_property
    def content_locations(self) -> dict[str, str]:
        """The numbers of the parts by their Content-Location (RFC 2557 4.2); the first counts."""
        numbers: dict[str, str] = {}
        for part in self.tree.walk():
            location = part.get_field("content-location", lambda _: None)
            if location:
                numbers.setdefault(location.strip(), part.number or "1")
        return numbers

    def _build_attachment(self, part: Part, *, related: bool) -> Attachment:
        note = self._defects.build_recorder(part.location)
        # CVE-2024-39929: programs disagree about which of two names counts, so `filenames` has them all.
        names = part.filenames
        if len(names) > 1:
            note("more than one file name")
        content_id = part.get_content_id(note)
        return Attachment(
            names[0] if names else "",
            part.type.value,
            part.decode_body(self._content, note),
            content_id=content_id,
            inline=self._is_inline(part, content_id, related=related),
            filenames=names,
            number=part.number or "1",
            charset=part.type.get("charset"),
        )

    def _is_inline(self, part: Part, content_id: str, *, related: bool) -> bool:
        """Return whether a part is shown within the text."""
        disposition = part.disposition.value
        if disposition == "attachment":
            return False
        if self.html:
            location = part.get_field("content-location", lambda _: None)
            if content_id in self._references.all or (location and location in self._locations):
                return True
            if related:
                return False  # RFC 2387: the HTML says where it belongs
        return related or disposition == "inline"

    @cached_property
    def _references(self) -> References:
        return find_references(self._searched_html)

    @cached_property
    def _locations(self) -> frozenset[str]:
        return find_locations(self._searched_html)

    @cached_property
    def _searched_html(self) -> str:
        return self.html[: limits.MAX_DERIVED_CHARACTERS]

    def _check_references(self) -> None:
        known = {part.get_content_id(lambda _: None) for part in self.tree.walk()}
        known.discard("")
        for content_id in self._references.shown:
            if content_id not in known:
                self._defects.add("html", f"HTML refers to cid:{shorten_untrusted(content_id)}, which no part has")

    # -- defects -----------------------------------------------------------------------------

    @cached_property
    def defects(self) -> tuple[Defect, ...]:
        """All defects; this evaluates all properties."""
        return self._findings[0]

    @cached_property
    def defect_ranges(self) -> dict[Defect, tuple[int, int] | None]:
        """The place of each defect in the content; None if it is nowhere."""
        from lazr.smtptest.mail.defect_location import DefectLocator

        text, html, _ = self._classified_parts
        locator = DefectLocator(self._raw_content, self._content, self.tree, text=text, html=html)
        return {defect: locator.locate(defect) for defect in self.defects}

    @cached_property
    def truncated(self) -> tuple[Defect, ...]:
        """The limits of the reader that the mail reached; this evaluates all properties."""
        return self._findings[1]

    @cached_property
    def _findings(self) -> tuple[tuple[Defect, ...], tuple[Defect, ...]]:
        self._check_bytes()
        for field in self.headers:
            _ = field.value
            if not field.raw.isascii() and "SMTPUTF8" not in self._mail_parameters:
                self._build_header_recorder(field.name)("bytes that are not US-ASCII, without SMTPUTF8")  # RFC 6532 1.1
        for name in _CHECKED_PROPERTIES:
            getattr(self, name)
        self._check_references()
        check_conformance(self._content, self.tree, len(self.from_), self._defects, is_binary=self._is_binary)
        # In the order of the header fields, then by location: independent of the order of evaluation.
        places = {f"header {field.name}": place for place, field in reversed(list(enumerate(self.headers)))}

        def sort(found: tuple[Defect, ...]) -> tuple[Defect, ...]:
            return tuple(sorted(found, key=lambda one: (places.get(one.where, len(places)), one.where, one.reason)))

        return sort(self._defects.to_tuple()), sort(self._defects.limits_to_tuple())

    @property
    def _is_binary(self) -> bool:
        return self._mail_parameters.get("BODY", "").upper() == "BINARYMIME"

    def _check_bytes(self) -> None:
        if self._is_binary:
            return
        content = self._raw_content
        # RFC 5321 2.3.8 and 4.5.3.1.6, RFC 5322 2.3.
        counts = count_bare_line_ends(content)
        for count, reason in zip(counts, ("CR without LF", "LF without CR"), strict=True):
            if count:
                self._defects.add("content", f"{count:,} × {reason}" if count > 1 else reason)
        if b"\0" in content:
            self._defects.add("content", "NUL")


def _iter_leaf_parts(root: Part, note: DefectRecorder) -> Iterator[tuple[Part, bool, bool]]:
    """Yield each leaf part, whether it can be a body, and whether it belongs to another part."""
    stack = [(root, True, False, True)]
    while stack:
        part, may_be_body, related, is_one_of = stack.pop()
        if not part.children:
            # RFC 2183 2.1: an inline part is shown.  Yet many programs mark every file that they can show as inline,
            # so a named part after the first one is a file, unless it is an alternative.
            yield part, may_be_body and (is_one_of or not part.filenames), related
            continue
        kind = part.type.value
        below = [
            (child, may_be_body, related, kind == "multipart/alternative" or (is_one_of and index == 0))
            for index, child in enumerate(part.children)
        ]
        if kind == "multipart/related":
            shown = _find_related_root(part, note)
            below = [(child, may_be_body and child is shown, child is not shown, True) for child in part.children]
        stack.extend(reversed(below))


def _is_prose(part: Part) -> bool:
    """Return whether a whole message of a text type is its text, and not a file.

    RFC 2046 4.1.4: an unknown kind of text is shown as plain text.  Other parsers show no kind but plain and HTML.
    """
    subtype = part.type.value.removeprefix("text/")
    return subtype in {"plain", "html"} or not (subtype in _DATA_SUBTYPES or part.filenames)


def _find_related_root(part: Part, note: DefectRecorder) -> Part:
    """Return the root: the part that `start` names (RFC 2387 3.2), or the first text.

    A multipart whose parts were not found is not a root.
    """
    start = part.type.get("start").strip("<> ")
    if start:
        for child in part.children:
            if (child.get_field("content-id", note) or "").strip("<> ") == start:
                return child
    for child in part.children:
        if child.children or child.type.value.startswith("text/"):
            return child
    return part.children[0]
