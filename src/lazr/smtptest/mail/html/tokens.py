"""HTML, cut into tags and text: in linear time, whatever it is."""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime import caps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.mime.defect import Note

__all__ = ["Tag", "attributes", "tokens", "unescaped"]

_MARKUP = re.compile(r"<(?:!--|[!?/]|[a-zA-Z])")
# Quotes hide a > in them.  Where they do not pair up for one tag, this is not tried again for another: it
# looks at all that follows before it gives up.
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:[^"'>]++|"[^"]*+"|'[^']*+')*+)>""")
_ROUGH_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*+)([^>]*+)>")
# WHATWG HTML 13.2.5.43: `<!-->` and `<!--->` are whole, so the end may share its hyphens with the beginning.
_COMMENT_END = re.compile("--!?>|(?<=<!--)->")
_NAME_BEGINS = re.compile("</?[a-zA-Z]")
_ATTRIBUTE = re.compile(r"""([^\s/>=][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?""")
# What is in these is not markup, and only their own end tag ends it.
_RAW = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
}
_LEADING_ZEROS = re.compile("&#([xX]?)0+(?=[0-9a-fA-F])")
_HUGE = re.compile("&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")
_IN_ATTRIBUTE = re.compile("&(?:#(?:[0-9]++|[xX][0-9a-fA-F]++);?|([a-zA-Z][a-zA-Z0-9]*+(?:;|(?!=))))")


class Tag:
    """A tag: `name` in lower case; its attributes are read by `attributes(tag.rest)` if somebody wants them.

    `held` is what is in `style`, `script` and the like, as it was written, and empty elsewhere.
    """

    __slots__ = ("held", "is_end", "name", "rest")

    def __init__(self, name: str, rest: str, *, is_end: bool, held: str = "") -> None:
        self.name: str = name
        self.rest: str = rest
        self.is_end: bool = is_end
        self.held: str = held


def tokens(html: str, note: Note) -> Iterator[Tag | str]:
    """Tags, and the text between them as it was written; comments are left out, and what `script` and `style` hold.

    >>> [t if isinstance(t, str) else t.name for t in tokens("<p class='>'>1 < 2<!-- <p> --></p>", print)]
    ['p', '1 < 2', 'p']
    """
    at = begin = count = 0
    paired = True
    while True:
        markup = _MARKUP.search(html, at)
        if markup is None:
            break
        at = markup.start()
        if begin < at:
            yield html[begin:at]
        count += 1
        if count > caps.TAGS:
            note(f"more than {caps.TAGS:,} tags: truncated")
            return
        if markup[0] == "<!--":
            close = _COMMENT_END.search(html, at + 2)
            at = begin = close.end() if close else len(html)
            if close is None:
                note("a comment that does not end")
            continue
        match = _TAG.match(html, at) if paired else None
        if match is None:
            if _NAME_BEGINS.match(html, at) is None:
                end = html.find(">", at)  # a declaration, or something that browsers take for a comment
                at = begin = end + 1 if end >= 0 else len(html)
                continue
            if paired:
                note("a tag whose quotes do not end")
            paired = False
            match = _ROUGH_TAG.match(html, at)
            if match is None:
                note("a tag that does not end")
                return
        name = match[2].lower()
        at = begin = match.end()
        if name in _RAW and not match[1]:
            close = _RAW[name].search(html, at)
            at = begin = close.start() if close else len(html)
            if close is None:
                note(f"{name} does not end")
            yield Tag(name, match[3], is_end=False, held=html[match.end() : at])
        else:
            yield Tag(name, match[3], is_end=bool(match[1]))
    if begin < len(html):
        yield html[begin:]


def attributes(rest: str) -> dict[str, str]:
    """A tag's attributes, by their names in lower case; of two with one name the first counts.

    >>> attributes(' href="/a?b&amp;c&copy=d" hidden')
    {'href': '/a?b&c&copy=d', 'hidden': ''}
    """
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(rest):
        found.setdefault(match[1].lower(), _unescaped_value(match[2] or match[3] or match[4] or ""))
        if len(found) >= caps.PARAMETERS:
            break
    return found


def unescaped(text: str) -> str:
    """Text with its character references resolved.

    `html.unescape` raises on numbers of more digits than `int` takes, so numbers that are no character's go first.
    """
    if "&" not in text:
        return text
    from html import unescape

    if "&#" in text:
        text = _HUGE.sub("\N{REPLACEMENT CHARACTER}", _LEADING_ZEROS.sub(r"&#\1", text))
    return unescape(text)


def _unescaped_value(text: str) -> str:
    """An attribute's value with its character references resolved.

    WHATWG HTML 13.2.5.73: in there a name that no semicolon ends is none if a letter, a digit or `=` follows, so that
    the `&copy=` of a URL stays what it is.
    """
    if "&" not in text:
        return text
    from html.entities import html5

    return _IN_ATTRIBUTE.sub(lambda match: html5.get(match[1], match[0]) if match[1] else unescaped(match[0]), text)
