"""Find the URLs of a mail that a client could request: links, images, stylesheets."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from lazr.smtptest.mail import Tag, limits, parse_attributes, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail import Mail

__all__ = ["encode_url", "find_message_urls"]

# The attributes that have URLs, in the order of the result.
_URL_ATTRIBUTES = (("a", "href"), ("area", "href"), ("link", "href"), ("img", "src"))

_SAFE_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"  # reserved in RFC 3986 2.2, and % of escapes


def find_message_urls(mail: Mail, limit: int) -> list[str]:
    """Return at most `limit` different URLs of http and https, of the HTML first."""
    found: dict[str, None] = {}
    for url in (*_find_html_urls(mail.html), *(link.url for link in mail.links)):
        if url.lower().startswith(("http://", "https://")):
            found[url] = None
        if len(found) == limit:
            break
    return list(found)


def encode_url(url: str) -> str:
    """Return a URL in the form for a request: in ASCII (RFC 3987 3.1), without its fragment.

    >>> encode_url("https://exämple.test/ü b?q=ß&r=%C3%BC#top")
    'https://xn--exmple-cua.test/%C3%BC%20b?q=%C3%9F&r=%C3%BC'

    Raises:
        ValueError: the text is not a URL.
    """
    parts = urlsplit(url.strip())
    host = parts.netloc
    if not host.isascii() and "@" not in host and len(host) <= 253:
        host = host.encode("idna").decode("ascii")
    normalized = urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))
    return quote(normalized, safe=_SAFE_URL_CHARACTERS, errors="replace")


def _find_html_urls(html: str) -> Iterator[str]:
    tags: dict[str, list[Tag]] = {name: [] for name, _ in _URL_ATTRIBUTES}
    for token in tokenize(html[: limits.MAX_DERIVED_CHARACTERS], lambda _: None):
        if isinstance(token, Tag) and not token.is_end and token.name in tags:
            tags[token.name].append(token)
    for name, attribute in _URL_ATTRIBUTES:
        for tag in tags[name]:
            attributes = parse_attributes(tag.attribute_text)
            if name == "link" and "stylesheet" not in attributes.get("rel", "").lower().split():
                continue
            yield attributes.get(attribute, "").strip()
