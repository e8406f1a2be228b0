"""The links in a mail."""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime import caps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from lazr.smtptest.mail.mime.defect import Note

__all__ = ["Link", "links_in_text"]

# A scheme (RFC 3986 3.1) with an authority, or mailto: (RFC 6068).  The repeats are bounded, so that a
# long word is not read anew from each of its letters.  What is written without spaces has its own punctuation,
# which is a sentence's, wherever it stands.
_URL = re.compile(
    r"(?<![A-Za-z0-9+.-])(?:[A-Za-z][A-Za-z0-9+.-]{1,20}+://|mailto:)"
    r"[^\s<>\"“”„«»\x00-\x1f。，、；：！？｡､（）「」『』【】〔〕《》〈〉［］｛｝＜＞｢｣＂＇]{1,8192}+",
    re.IGNORECASE,
)
_ENDS = frozenset(".,;:!?'*_~|`’‘…")  # a sentence's, rather than a URL's
_PAIRS = {")": "(", "]": "[", "}": "{"}


class Link:
    """A link in a mail.

    - `url`: where it leads to, with character references resolved; `mailto:` and others included.
    - `text`: what a reader sees of it; the alternative text of an image, the URL itself in plain text.
    - `where`: "html" or "text", the part that it was found in.
    """

    __slots__ = ("text", "url", "where")

    def __init__(self, url: str, text: str, where: str) -> None:
        self.url: Final = url
        self.text: Final = text
        self.where: Final = where

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Link) and (self.url, self.text, self.where) == (other.url, other.text, other.where)

    def __hash__(self) -> int:
        return hash((self.url, self.text, self.where))

    def __repr__(self) -> str:
        return f"Link({self.url!r}, {self.text!r}, {self.where!r})"


def links_in_text(text: str, where: str, note: Note) -> Iterator[Link]:
    """URLs in plain text, without the punctuation that follows them.

    >>> [link.url for link in links_in_text("See (https://e.test/a_(b)), or https://e.test/c.", "text", print)]
    ['https://e.test/a_(b)', 'https://e.test/c']
    """
    for count, match in enumerate(_URL.finditer(text)):
        if count >= caps.FINDS:
            note(f"more than {caps.FINDS:,} links: truncated")
            return
        url = _without_end(match[0])
        yield Link(url, url, where)


def _without_end(url: str) -> str:
    end = len(url)
    open_ones = {bracket: url.count(bracket) - url.count(_PAIRS[bracket]) for bracket in _PAIRS if bracket in url}
    while True:  # a scheme is in front, at the latest
        last = url[end - 1]
        if last in _PAIRS and open_ones[last] > 0:
            open_ones[last] -= 1  # it closes something that was opened in front of the URL
        elif last not in _ENDS:
            return url[:end]
        end -= 1
