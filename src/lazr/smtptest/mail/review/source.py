"""What the rules of a review read: a parsed message, and the lines of its places."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlsplit

from lazr.smtptest._util.child_process import ChildProcessFailed
from lazr.smtptest.errors import MissingExtra
from lazr.smtptest.mail.defect_location import list_field_places
from lazr.smtptest.mail.html.tokens import Tag, parse_attributes, resolve_references, tokenize
from lazr.smtptest.mail.mime import limits
from lazr.smtptest.mail.review.source_lines import BodyLines, ContentLines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.authentication import Authentication
    from lazr.smtptest.mail.envelope import Envelope
    from lazr.smtptest.mail.headers import Headers
    from lazr.smtptest.mail.htmlcheck.worker import FeatureCounts
    from lazr.smtptest.mail.mime.defect import Defect
    from lazr.smtptest.mail.parsed_message import ParsedMessage

__all__ = ["Element", "LinkPlace", "ReviewSource", "find_host"]

_MAX_LINK_TEXT_CHARACTERS = 1_000


class Element(NamedTuple):
    """A start tag of the HTML, with its decoded attributes, and its position."""

    name: str
    attributes: dict[str, str]
    position: int
    end: int
    raw_text: str


class LinkPlace(NamedTuple):
    """A link with its text, and its position in the HTML or in the text.

    `where` is "html" or "text".
    """

    url: str
    text: str
    where: str
    position: int


class ReviewSource:
    """A mail, as the rules of a review read it.

    Args:
        message: the parsed message.
        content: its bytes.
        envelope: its envelope.
        timestamp: the time of its arrival, in seconds since 1970.
        checks_html: whether `html_support` is measured; true by default.
        authentication: the results of DKIM, SPF and DMARC; None, the default, if no DNS records are known.
    """

    def __init__(
        self,
        message: ParsedMessage,
        content: bytes,
        envelope: Envelope,
        timestamp: float,
        *,
        checks_html: bool = True,
        authentication: Authentication | None = None,
    ) -> None:
        self.authentication: Final = authentication
        self._checks_html = checks_html
        self.message: Final = message
        # As the parser reads it: with LF in the place of CR if there is no LF.
        self.content: Final = content if b"\n" in content else content.replace(b"\r", b"\n")
        self.envelope: Final = envelope
        self.timestamp: Final = timestamp
        self.headers: Final[Headers] = message.headers

    # -- what the mail has -------------------------------------------------------------------

    @cached_property
    def searched_html(self) -> str:
        """The part of the HTML that rules search: at most 1 MiB."""
        return self.message.html[: limits.MAX_DERIVED_CHARACTERS]

    @cached_property
    def searched_text(self) -> str:
        """The part of the text that rules search; empty if the mail has no text part."""
        return "" if self.message.text_is_derived else self.message.text[: limits.MAX_DERIVED_CHARACTERS]

    @cached_property
    def tokens(self) -> list[Tag | str]:
        """The tags of the HTML, and the text between them."""
        return list(tokenize(self.message.html, lambda _: None))

    @cached_property
    def elements(self) -> list[Element]:
        """The start tags of the HTML."""
        return [
            Element(token.name, parse_attributes(token.attribute_text), token.start, token.end, token.raw_text)
            for token in self.tokens
            if isinstance(token, Tag) and not token.is_end
        ]

    @cached_property
    def visible_html_text(self) -> str:
        """The text between the tags of the HTML, with white space as it is."""
        return resolve_references("".join(token for token in self.tokens if isinstance(token, str)))

    @cached_property
    def links(self) -> list[LinkPlace]:
        """The links of the HTML, also those that no reader can follow, then those of the text."""
        return [*self._find_html_links(), *self._find_text_links()]

    def _find_html_links(self) -> list[LinkPlace]:
        found: list[LinkPlace] = []
        pieces: list[str] | None = None
        opened: tuple[str, int] | None = None
        for token in (*self.tokens, None):
            if isinstance(token, str):
                if pieces is not None:
                    pieces.append(token)
            elif token is None or token.name in ("a", "area"):
                if opened is not None and pieces is not None:
                    text = " ".join(resolve_references("".join(pieces)[:_MAX_LINK_TEXT_CHARACTERS]).split())
                    found.append(LinkPlace(opened[0], text, "html", opened[1]))
                opened = pieces = None
                if token is not None and not token.is_end:
                    href = parse_attributes(token.attribute_text).get("href")
                    if href is not None:
                        opened, pieces = (href.strip(), token.start), []
        return found

    def _find_text_links(self) -> list[LinkPlace]:
        found = []
        position = 0
        for link in self.message.links:
            if link.where == "text":
                at = self.searched_text.find(link.url, position)
                position = at + len(link.url) if at >= 0 else position
                found.append(LinkPlace(link.url, link.text, "text", max(at, 0)))
        return found

    @cached_property
    def html_support(self) -> FeatureCounts | str | None:
        """The features that the HTML uses; a text if counting fails; None without HTML."""
        if not self.message.html or not self._checks_html:
            return None
        from lazr.smtptest.mail.htmlcheck.measure import measure_features

        try:
            return measure_features(self.message.html)
        except MissingExtra as error:
            return str(error)
        except ChildProcessFailed as error:
            return f"the HTML cannot be checked: {error}"

    @property
    def from_domain(self) -> str:
        """The domain of the first address in From, in lower case; "" without one."""
        addresses = self.message.from_
        return addresses[0].addr_spec.rpartition("@")[2].lower() if addresses else ""

    # -- lines in the source -----------------------------------------------------------------

    @cached_property
    def _content_lines(self) -> ContentLines:
        return ContentLines(self.content)

    def find_line(self, position: int) -> int:
        """Return the line of a position in the content."""
        return self._content_lines.find(position)

    @cached_property
    def _field_positions(self) -> dict[str, list[int]]:
        positions: dict[str, list[int]] = {}
        for name, (start, _) in list_field_places(self.message.tree, self.content):
            positions.setdefault(name, []).append(start)
        return positions

    def find_field_line(self, name: str, index: int = 0) -> int | None:
        """Return the line of a field with a name, the first by default; None without one."""
        positions = self._field_positions.get(name.lower(), [])
        return self.find_line(positions[index]) if index < len(positions) else None

    @cached_property
    def _part_positions(self) -> dict[str, int]:
        return {part.number or "1": part.header_start for part in self.message.tree.walk()}

    def find_part_line(self, number: str) -> int | None:
        """Return the line at which a part begins; None if there is no such part."""
        position = self._part_positions.get(number)
        return None if position is None else self.find_line(position)

    def find_defect_line(self, defect: Defect) -> int | None:
        """Return the line of a defect; None if it is nowhere."""
        place = self.message.defect_ranges.get(defect)
        return None if place is None else self.find_line(place[0])

    def find_body_line(self, where: str, position: int) -> int | None:
        """Return the line of a position in the HTML or in the text.

        Args:
            where: "html" or "text".
            position: the position in `mail.html` or `mail.text`.
        """
        lines = self._html_lines if where == "html" else self._text_lines
        return None if lines is None else lines.find(position)

    @cached_property
    def _html_lines(self) -> BodyLines | None:
        return self._build_body_lines(1)

    @cached_property
    def _text_lines(self) -> BodyLines | None:
        return self._build_body_lines(0)

    def _build_body_lines(self, index: int) -> BodyLines | None:
        part = self.message.body_parts[index]
        return None if part is None else BodyLines(self.content, part, self.find_line(part.body_start))


def find_host(url: str) -> str:
    """Return the host of a URL in lower case; "" if it has none.

    >>> find_host("https://Ann@Example.com:8080/x"), find_host("mailto:ann@example.com"), find_host("http://[x")
    ('example.com', '', '')
    """
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
