"""Split HTML into tags and text, in linear time for any input."""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.mime.defect import DefectRecorder

__all__ = ["Tag", "parse_attributes", "resolve_references", "tokenize"]

_MARKUP = re.compile(r"<(?:!--|[!?/]|[a-zA-Z])")
# A > within quotes does not end a tag.  After one tag with an unterminated quote, this pattern is not used again: it
# searches the whole rest of the text before it fails.
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:[^"'>]++|"[^"]*+"|'[^']*+')*+)>""")
_TAG_IGNORING_QUOTES = re.compile(r"<(/?)([a-zA-Z][^\s/>]*+)([^>]*+)>")
# WHATWG HTML 13.2.5.43: `<!-->` and `<!--->` are comments: start and end may share hyphens.
_COMMENT_END = re.compile("--!?>|(?<=<!--)->")
_TAG_START = re.compile("</?[a-zA-Z]")
_ATTRIBUTE = re.compile(r"""([^\s/>=][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?""")
# The content of these elements is not markup; only the matching end tag ends it.
_RAW_TEXT_END_TAGS = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
}
_LEADING_ZEROS = re.compile("&#([xX]?)0+(?=[0-9a-fA-F])")
_HUGE_REFERENCE = re.compile("&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")
_ATTRIBUTE_REFERENCE = re.compile("&(?:#(?:[0-9]++|[xX][0-9a-fA-F]++);?|([a-zA-Z][a-zA-Z0-9]*+(?:;|(?!=))))")


class Tag:
    """A start tag or an end tag.  All arguments are attributes.

    Args:
        name: the name of the element, in lower case.
        attribute_text: the undecoded attributes, for `parse_attributes`.
        is_end: whether it is an end tag.
        raw_text: the undecoded content of `style`, `script` and similar elements; empty for others.
        start: the position of the tag in the text.
        end: the position after the tag; there, `raw_text` starts.
    """

    __slots__ = ("attribute_text", "end", "is_end", "name", "raw_text", "start")

    def __init__(
        self, name: str, attribute_text: str, *, is_end: bool, raw_text: str = "", start: int = 0, end: int = 0
    ) -> None:
        self.name: str = name
        self.attribute_text: str = attribute_text
        self.is_end: bool = is_end
        self.raw_text: str = raw_text
        self.start: int = start
        self.end: int = end


def tokenize(html: str, note: DefectRecorder) -> Iterator[Tag | str]:
    """Yield tags, and the undecoded text between them, without comments, `script` and `style`.

    Args:
        html: untrusted input of any length.
        note: receives a reason for each defect, and for each limit.

    >>> [t if isinstance(t, str) else t.name for t in tokenize("<p class='>'>1 < 2<!-- <p> --></p>", print)]
    ['p', '1 < 2', 'p']
    """
    at = begin = count = 0
    paired = True
    while True:
        markup = _MARKUP.search(html, at)
        if markup is None:
            break
        at = markup.start()
        if at >= limits.MAX_DERIVED_CHARACTERS:
            break
        if begin < at:
            yield html[begin:at]
        count += 1
        if count > limits.MAX_TAGS:
            note(f"more than {limits.MAX_TAGS:,} tags: truncated")
            return
        if markup[0] == "<!--":
            close = _COMMENT_END.search(html, at + 2)
            at = begin = close.end() if close else len(html)
            if close is None:
                note("unterminated comment")
            continue
        match = _TAG.match(html, at) if paired else None
        if match is None:
            if _TAG_START.match(html, at) is None:
                end = html.find(">", at)  # a declaration, or a bogus comment
                at = begin = end + 1 if end >= 0 else len(html)
                continue
            if paired:
                note("tag with an unterminated quote")
            paired = False
            match = _TAG_IGNORING_QUOTES.match(html, at)
            if match is None:
                note("unterminated tag")
                return
        name = match[2].lower()
        at = begin = match.end()
        if name in _RAW_TEXT_END_TAGS and not match[1]:
            close = _RAW_TEXT_END_TAGS[name].search(html, at)
            at = begin = close.start() if close else len(html)
            if close is None:
                note(f"unterminated {name}")
            raw_text = html[match.end() : at]
            yield Tag(name, match[3], is_end=False, raw_text=raw_text, start=match.start(), end=match.end())
        else:
            yield Tag(name, match[3], is_end=bool(match[1]), start=match.start(), end=at)
    # The tags are read up to the limit and not from a text that is cut there, because the cut could be within a tag.
    if len(html) > limits.MAX_DERIVED_CHARACTERS:
        note(f"only the first {limits.MAX_DERIVED_CHARACTERS:,} characters are searched: truncated")
    if begin < min(len(html), limits.MAX_DERIVED_CHARACTERS):
        yield html[begin : limits.MAX_DERIVED_CHARACTERS]


def parse_attributes(attribute_text: str) -> dict[str, str]:
    """Return the values of attributes by names in lower case; the first of a name counts.

    >>> parse_attributes(' href="/a?b&amp;c&copy=d" hidden')
    {'href': '/a?b&c&copy=d', 'hidden': ''}
    """
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(attribute_text):
        found.setdefault(match[1].lower(), _resolve_attribute_references(match[2] or match[3] or match[4] or ""))
        if len(found) >= limits.MAX_FIELD_PARAMETERS:
            break
    return found


def resolve_references(text: str) -> str:
    """Return text with its character references resolved.

    `html.unescape` raises for numbers with more digits than `int` accepts, so numbers out of range are replaced first.
    """
    if "&" not in text:
        return text
    from html import unescape

    if "&#" in text:
        text = _HUGE_REFERENCE.sub("\N{REPLACEMENT CHARACTER}", _LEADING_ZEROS.sub(r"&#\1", text))
    return unescape(text)


def _resolve_attribute_references(text: str) -> str:
    """Return the value of an attribute with its character references resolved.

    WHATWG HTML 13.2.5.73: in attributes, a name without a semicolon is not a reference if a letter, a digit or `=`
    follows, so `&copy=` in a URL is kept.
    """
    if "&" not in text:
        return text
    from html.entities import html5

    return _ATTRIBUTE_REFERENCE.sub(
        lambda match: html5.get(match[1], match[0]) if match[1] else resolve_references(match[0]), text
    )
