"""Find the parts that HTML shows: `cid:` URLs (RFC 2392) and content locations (RFC 2557)."""

from __future__ import annotations

import re
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["References", "find_locations", "find_references"]

_STYLE_URL = re.compile(r"url\(\s*[\"']?([^\s\"'()]++)", re.IGNORECASE)
_CID_URL = re.compile(r"cid:([^\s\"'<>()\\]++)", re.IGNORECASE)


class References(NamedTuple):
    """The content identifiers in a text of HTML."""

    all: frozenset[str]
    """All identifiers, those within comments included: Outlook reads some comments."""
    shown: tuple[str, ...]
    """The identifiers in attributes and style sheets, in order, each once."""


def find_references(html: str) -> References:
    """Return the identifiers, percent-decoded.

    >>> find_references('<img src="cid:logo%40x"><!-- cid:old --><p>cid:text').shown
    ('logo@x',)
    """
    if "cid:" not in html.lower():
        return References(frozenset(), ())
    from urllib.parse import unquote

    from lazr.smtptest.mail.html.tokens import resolve_references

    everything = {unquote(resolve_references(match[1])) for match in _CID_URL.finditer(html)}
    shown = {unquote(url): None for url in _iter_shown(html)}
    return References(frozenset(everything) | frozenset(shown), tuple(shown))


def find_locations(html: str) -> frozenset[str]:
    """Return all attribute values and style URLs; a Content-Location can be one of them.

    >>> sorted(find_locations('<img src="a.png" style="background: url(b.png)">'))
    ['a.png', 'b.png', 'background: url(b.png)']
    """
    from lazr.smtptest.mail.html.tokens import Tag, parse_attributes, tokenize

    found: set[str] = set()
    for token in tokenize(html, lambda _: None):
        if isinstance(token, Tag):
            values = parse_attributes(token.attribute_text).values()
            found.update(value.strip() for value in values)
            for text in (token.raw_text, *values):
                found.update(_STYLE_URL.findall(text))
    return frozenset(found)


def _iter_shown(html: str) -> Iterator[str]:
    from lazr.smtptest.mail.html.tokens import Tag, parse_attributes, tokenize

    for token in tokenize(html, lambda _: None):
        if not isinstance(token, Tag):
            continue
        if token.name == "style":
            yield from _CID_URL.findall(token.raw_text)
        elif "cid:" in token.attribute_text.lower():
            for name, value in parse_attributes(token.attribute_text).items():
                url = value.strip()
                if url[:4].lower() == "cid:" and name != "srcset":
                    yield url[4:]
                else:
                    yield from _CID_URL.findall(value)
