"""Find the links in plain text, and hold the links of a mail."""

from __future__ import annotations

import re

from lazr.smtptest._util.suggestion import build_getattr, describe_unknown
from lazr.smtptest.mail.mime import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from lazr.smtptest.mail.mime.defect import DefectRecorder

__all__ = ["Link", "find_links"]

# A scheme (RFC 3986 3.1) with an authority, or mailto: (RFC 6068).  The repeat is bounded, so the search does not start
# again at each letter of a long word.
_SCHEME = re.compile(r"(?<![A-Za-z0-9+.-])(?:([A-Za-z][A-Za-z0-9+.-]{1,20}+)://|mailto:)", re.IGNORECASE)
# Spaces, angle brackets and quotes end a URL, as does the punctuation of scripts without spaces between words.
_URL_CHARACTERS = re.compile(
    r"[^\s<>\"«»¡¿§\u2010-\u2027\u2030-\u205e\x00-\x1f\x7f。，、；：！？｡､（）「」『』【】〔〕〖〗《》〈〉［］｛｝＜＞｢｣＂＇｜"
    r"।۔؟،؛።]{0,8192}+"
)
_MAX_LISTED_NAMES = 20
_BRACKET = re.compile(r"[()\[\]{}]")
_SENTENCE_PUNCTUATION = ".,;:!?'*_~|`"  # at the end of a URL, it belongs to the sentence
_OPENING_BRACKETS = {")": "(", "]": "[", "}": "{"}
# RFC 9110 4.2.1: a URL of HTTP with an empty host is invalid.
_SCHEMES_WITH_HOST = frozenset({"http", "https", "ftp", "ws", "wss"})
_HOST = re.compile(
    r"(?:[^/?#]*@)?+(?:\[[0-9a-f:.]*[0-9a-f:][^\]]*\]|[^\W_]|[^\x00-\x7f]|_[^\W_]|%[0-9a-f]{2})", re.IGNORECASE
)
_MAILTO_TARGET = re.compile(r"[^?@]+@[^?@]|\?[^\W_]")  # RFC 6068 2: an address, header fields, or both
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
# A list of URLs may have no spaces: no host has these characters, although RFC 3986 3.2.2 allows some of them.
_AUTHORITY = re.compile(r"(?:[^/?#]*@)?+[^/?#,;|\\]*+")


class _LinkParameters(dict[str, str]):
    """The parameters of a URL: a `dict` of names and first values.

    A `KeyError` for an unknown name lists the known names.
    """

    __slots__ = ()

    def __missing__(self, name: str) -> str:
        raise KeyError(describe_unknown("parameter", name, list(self)[:_MAX_LISTED_NAMES] or ["none"]))


# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(("href", "target", "uri", "address"), "link.url"),
    **dict.fromkeys(("label", "title", "name", "anchor"), "link.text"),
    **dict.fromkeys(("params", "parameters", "args", "query_params"), "link.query"),
    **dict.fromkeys(("path", "netloc", "host", "scheme", "fragment"), "urllib.parse.urlsplit(link.url)"),
}


class Link:
    """A link in a mail.

    All arguments are attributes.

    Args:
        url: the target, with character references resolved; any scheme, `mailto:` included.
        text: the visible text: the alternative text of an image, the URL itself in plain text.
        where: the part with the link: "html" or "text".

    >>> link = Link("https://example.com/confirm?t=a%20b", "here", "html")
    >>> link.url, link.query["t"]
    ('https://example.com/confirm?t=a%20b', 'a b')
    """

    __slots__ = ("text", "url", "where")

    def __init__(self, url: str, text: str, where: str) -> None:
        self.url: Final = url
        self.text: Final = text
        self.where: Final = where

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    @property
    def query(self) -> dict[str, str]:
        """The decoded parameters after the `?` of the URL, as a `dict` of names and values.

        A parameter without a value has an empty one.  Of a repeated parameter, the first value counts;
        `urllib.parse.parse_qs` has all values.  The fragment (after `#`) has no parameters.
        """
        from urllib.parse import parse_qsl

        query = self.url.partition("#")[0].partition("?")[2]
        if self.url[:7].lower() == "mailto:":
            query = query.replace("+", "%2B")  # RFC 6068 5: a plus is not a space
        pairs = parse_qsl(query.replace("%00", "\N{REPLACEMENT CHARACTER}"), keep_blank_values=True, errors="replace")
        parameters = _LinkParameters()
        for name, value in pairs:
            parameters.setdefault(name, value)
        return parameters

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Link) and (self.url, self.text, self.where) == (other.url, other.text, other.where)

    def __hash__(self) -> int:
        return hash((self.url, self.text, self.where))

    def __repr__(self) -> str:
        return f"Link({self.url!r}, {self.text!r}, {self.where!r})"


def find_links(text: str, where: str, note: DefectRecorder) -> Iterator[Link]:
    """Yield the URLs in plain text, without the punctuation that follows them; at most 10,000.

    Args:
        text: untrusted input of any length.
        where: the value of `Link.where`.
        note: receives a reason if there are more links.

    >>> [link.url for link in find_links("See (https://e.test/a_(b)), or https://e.test/c.", "text", print)]
    ['https://e.test/a_(b)', 'https://e.test/c']
    """
    count = position = run_end = 0
    partners: dict[int, int] = {}
    while (scheme := _SCHEME.search(text, position)) is not None:
        begin = scheme.end()
        if begin > run_end:
            characters = _URL_CHARACTERS.match(text, begin)
            run_end = characters.end() if characters else begin
            partners = _pair_brackets(text, begin, run_end)
        end = _find_unbalanced_bracket(text, begin, run_end, partners)
        if scheme[1] is not None and scheme[1].lower() in _SCHEMES_WITH_HOST:
            end = _find_host_end(text, begin, end)
        position = max(end, begin)
        rest = text[begin:end].rstrip(_SENTENCE_PUNCTUATION)
        if _is_complete(scheme[1], rest):
            if count >= limits.MAX_FINDS:
                note(f"more than {limits.MAX_FINDS:,} links: truncated")
                return
            url = scheme[0] + rest
            yield Link(url, url, where)
            count += 1


def _pair_brackets(text: str, begin: int, end: int) -> dict[int, int]:
    """Return the position of the closing bracket for each opening bracket that has one.

    Brackets within a pair are paired, too.
    """
    partners = {}
    open_positions: list[int] = []
    for match in _BRACKET.finditer(text, begin, end):
        opening = _OPENING_BRACKETS.get(match[0])
        if opening is None:
            open_positions.append(match.start())
        elif open_positions and text[open_positions[-1]] == opening:
            partners[open_positions.pop()] = match.start()
        else:
            open_positions.clear()
    return partners


def _find_unbalanced_bracket(text: str, begin: int, end: int, partners: dict[int, int]) -> int:
    """Return the position of the first bracket without a partner, or the end.

    Such a bracket is not a part of the URL.
    """
    while (match := _BRACKET.search(text, begin, end)) is not None:
        partner = partners.get(match.start())
        if partner is None:
            return match.start()
        begin = partner + 1
    return end


def _find_host_end(text: str, begin: int, end: int) -> int:
    """Return the end of the URL: after its host, if a character follows that no host has."""
    authority = _AUTHORITY.match(text, begin, end)
    host_end = authority.end() if authority else begin
    return host_end if text[host_end:end].startswith((",", ";", "|", "\\")) else end


def _is_complete(scheme: str | None, rest: str) -> bool:
    """Return whether a host, an address, or for other schemes anything is after the scheme."""
    if scheme is None:
        return _MAILTO_TARGET.match(rest) is not None
    if scheme.lower() in _SCHEMES_WITH_HOST:
        return _HOST.match(rest) is not None
    return _LETTER_OR_DIGIT.search(rest) is not None
