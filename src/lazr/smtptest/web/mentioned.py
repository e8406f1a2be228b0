"""The URLs that a mail mentions, and that a reader's program could ask for: links, pictures, styles."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from lazr.smtptest.mail.html.tokens import Tag, attributes, tokens
from lazr.smtptest.mail.mime import caps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.mail import Mail

__all__ = ["as_asked", "mentioned"]

# Where a tag has its URL, in the order in which they are told.
_ATTRIBUTES = (("a", "href"), ("area", "href"), ("link", "href"), ("img", "src"))

_URL = "!#$%&'()*+,/:;=?@[]~"  # what stays as it is (RFC 3986 2.2, and what is escaped already)


def mentioned(mail: Mail, most: int) -> list[str]:
    """URLs of http and https, as they are written, each once, the first `most`: of the HTML, then of the text."""
    found: dict[str, None] = {}
    for url in (*_of_html(mail.html), *(link.url for link in mail.links)):
        if url.lower().startswith(("http://", "https://")):
            found[url] = None
        if len(found) == most:
            break
    return list(found)


def as_asked(url: str) -> str:
    """A URL as it is put on the wire: in ASCII (RFC 3987 3.1), without its fragment.

    >>> as_asked("https://exämple.test/ü b?q=ß&r=%C3%BC#top")
    'https://xn--exmple-cua.test/%C3%BC%20b?q=%C3%9F&r=%C3%BC'

    Raises `ValueError` for what is none.
    """
    parts = urlsplit(url.strip())
    host, at = parts.netloc, "@" in parts.netloc
    if not host.isascii() and not at and len(host) <= 253:
        host = host.encode("idna").decode("ascii")
    asked = urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))
    return quote(asked, safe=_URL, errors="replace")


def _of_html(html: str) -> Iterator[str]:
    tags: dict[str, list[Tag]] = {name: [] for name, _ in _ATTRIBUTES}
    for token in tokens(html[: caps.DERIVED], lambda _: None):
        if isinstance(token, Tag) and not token.is_end and token.name in tags:
            tags[token.name].append(token)
    for name, attribute in _ATTRIBUTES:
        for tag in tags[name]:
            given = attributes(tag.rest)
            if name == "link" and "stylesheet" not in given.get("rel", "").lower().split():
                continue
            yield given.get(attribute, "").strip()
