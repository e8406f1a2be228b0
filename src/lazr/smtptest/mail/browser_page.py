"""The page that shows a mail in a browser: its document, and the parts that it loads."""

from __future__ import annotations

import re
from html import escape
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from lazr.smtptest.mail.html.sandbox import build_policy, disable_early_connections, replace_cid_urls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.attachment import Attachment
    from lazr.smtptest.mail.parsed_message import ParsedMessage

__all__ = ["ORIGIN", "BrowserPage", "PageResponse"]

# A reserved domain (RFC 2606): if a request for it ever left the browser, it would reach no server.
ORIGIN = "https://mail.smtptest.example"
_PARTS_PREFIX = f"{ORIGIN}/part/"

# A URL that can stand in a Content-Security-Policy as it is (CSP Level 3, 2.3.1: no space, comma or semicolon).
_POLICY_URL = re.compile(r"https?://[0-9A-Za-z.:-]{1,255}/[!$%&()*+./0-9:=@A-Z_a-z~-]{0,1000}")
_MAX_POLICY_URLS = 100

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
# What stays in a path or a query.  All else becomes `%XX`, also in the requests of browsers, which keep some of it.
_SAFE_URL_CHARACTERS = "!$%&()*+,/:;=?@~"

_TEXT_STYLE = "body { margin: 16px } pre { font: 14px/1.5 monospace; white-space: pre-wrap; overflow-wrap: anywhere }"


class PageResponse(NamedTuple):
    """The answer to a request of the page."""

    content_type: str
    headers: dict[str, str]
    body: bytes


class BrowserPage:
    r"""The document that shows a mail, and the answers to the requests of a browser for it.

    The content is untrusted input.  The policy of the document runs no script, submits no form and loads nothing but
    the pictures of the mail: `cid:` URLs (RFC 2392), content locations (RFC 2557) and `data:` URLs.

    Args:
        mail_id: the identifier of the mail, which is in `url`.
        message: the parsed mail.

    >>> from lazr.smtptest.mail.parsed_message import ParsedMessage
    >>> page = BrowserPage("1", ParsedMessage(b"Subject: Hi\r\n\r\nHello <Ann>\r\n", {}))
    >>> page.url, b"Hello &lt;Ann&gt;" in page.respond(page.url).body
    ('https://mail.smtptest.example/1', True)
    >>> page.respond("https://example.com/pixel.png") is None
    True
    """

    def __init__(self, mail_id: str, message: ParsedMessage) -> None:
        self.url: str = f"{ORIGIN}/{quote(mail_id, safe='')}"
        self._message = message
        self._parts: dict[str, Attachment] = {_PARTS_PREFIX + part.number: part for part in message.attachments}
        numbers = {part.number: part for part in message.attachments}
        for location, number in message.content_locations.items():
            if number in numbers:
                url = _normalize_url(_join(self.url, location))
                self._parts.setdefault(url, numbers[number])
                # Browsers load the pictures of a page with https by https (W3C Mixed Content Level 2, 4.1).
                self._parts.setdefault(re.sub(r"\Ahttp:", "https:", url), numbers[number])

    def is_document(self, url: str) -> bool:
        """Return whether a URL is that of the document; its fragment does not count."""
        return _strip_fragment(url) == self.url

    def respond(self, url: str) -> PageResponse | None:
        """Return the document or a part of the mail; None for any other URL."""
        if self.is_document(url):
            return self._build_document()
        part = self._parts.get(_normalize_url(url))
        if part is None:
            return None
        # A part is a picture or nothing: opened as a page, it would be in the sandbox, too.
        headers = {"content-security-policy": build_policy("'none'"), "x-content-type-options": "nosniff"}
        return PageResponse(part.content_type, headers, part.content)

    def _build_document(self) -> PageResponse:
        html = self._message.html
        if html:
            html = replace_cid_urls(html, self._message.attachments, _PARTS_PREFIX.__add__)
            html = disable_early_connections(html)
        else:
            html = _render_text(self._message)
        locations = {_strip_query(url) for url in self._parts if not url.startswith(_PARTS_PREFIX)}
        sources = ["data:", _PARTS_PREFIX, *sorted(filter(_POLICY_URL.fullmatch, locations))[:_MAX_POLICY_URLS]]
        headers = {
            "cache-control": "no-store",
            "content-security-policy": build_policy(" ".join(sources)),
            "referrer-policy": "no-referrer",
            "x-dns-prefetch-control": "off",
        }
        return PageResponse("text/html; charset=utf-8", headers, html.encode("utf-8", "replace"))


def _render_text(message: ParsedMessage) -> str:
    """Return a document with the text of a mail, in which URLs are links."""
    title = escape(message.headers.get("subject"))
    body = "".join(_iter_text_html(message))
    return f"<!doctype html><title>{title}</title><style>{_TEXT_STYLE}</style><pre>\n{body}</pre>"


def _iter_text_html(message: ParsedMessage) -> Iterator[str]:
    text, position = message.text, 0
    for link in message.links:
        start = text.find(link.text or link.url, position)
        if start < 0:  # the URL is written in another form
            continue
        end = start + len(link.text or link.url)
        yield escape(text[position:start])
        yield f'<a href="{escape(link.url)}">{escape(text[start:end])}</a>'
        position = end
    yield escape(text[position:])


def _join(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:  # such as an unterminated IPv6 address
        return ""


def _normalize_url(url: str) -> str:
    """Return a URL without its fragment, as browsers request it (WHATWG URL 4.4).

    >>> _normalize_url("HTTP://CDN.Example:80/my logo.png#x")
    'http://cdn.example/my%20logo.png'
    """
    head, mark, query = url.partition("#")[0].partition("?")
    try:
        scheme, authority, path = urlsplit(head.replace("\\", "/") + mark + query)[:3]
    except ValueError:  # such as an unterminated IPv6 address
        return ""
    path, query = (quote(text, safe=_SAFE_URL_CHARACTERS, errors="replace") for text in (path, query))
    if authority and not path.startswith("//"):
        path = urljoin("/", path)  # without dot segments, and at least a slash
    return urlunsplit((scheme, _normalize_authority(authority, scheme), path, query, ""))


def _normalize_authority(authority: str, scheme: str) -> str:
    if not authority.isascii():
        try:
            authority = authority.encode("idna").decode()
        except UnicodeError:  # not a name; no browser loads it
            return authority
    return authority.lower().removesuffix(_DEFAULT_PORTS.get(scheme, ":"))


def _strip_fragment(url: str) -> str:
    return url.partition("#")[0]


def _strip_query(url: str) -> str:
    return url.partition("?")[0]
