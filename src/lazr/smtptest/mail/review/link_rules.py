"""Rules about links: their syntax, where they lead, and what their text says."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from lazr.smtptest.mail.review.rule import Problem, ReviewRule, shorten
from lazr.smtptest.mail.review.source import find_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lazr.smtptest.mail.review.source import LinkPlace, ReviewSource

__all__ = ["RULES", "find_address_links", "find_mismatched_links", "find_punycode_links", "find_shorteners", "is_local"]

_LOCAL_HOST = re.compile(
    r"localhost|127(?:\.[0-9]{1,3}){3}|0\.0\.0\.0|\[?::1\]?|.+\.(?:localhost|local|internal)", re.IGNORECASE
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,40}):")
_BAD_CHARACTER = re.compile(r"[\s<>\"\\^`{|}\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SCRIPT_SCHEMES = frozenset({"javascript", "vbscript", "data"})
_SHORTENERS_TEXT = """
    adf.ly amzn.to bit.do bit.ly bl.ink buff.ly cutt.ly dlvr.it fb.me goo.gl is.gd lnkd.in ow.ly rb.gy
    rebrand.ly s.id shorturl.at soo.gd t.co t.ly tiny.cc tinyurl.com trib.al v.gd x.gd
"""
_SHORTENERS = frozenset(_SHORTENERS_TEXT.split())
# The text of a link is taken for a URL if it has a scheme or www, or ends with one of these names.
_TOP_LEVEL_NAMES_TEXT = """
    app at au biz br ca ch cn co com de dev edu es eu fr gov in info io it jp me net nl org pl ru se uk us
"""
_TOP_LEVEL_NAMES = frozenset(_TOP_LEVEL_NAMES_TEXT.split())
_URL_TEXT = re.compile(
    r"(https?://)?((?:[A-Za-z0-9-]{1,63}\.){1,10}[A-Za-z0-9-]{2,63})(?::[0-9]{1,5})?(?:[/?#]\S*)?", re.IGNORECASE
)


def is_local(url: str) -> bool:
    """Return whether the host of a URL can be reached only on this machine, or in its network."""
    return _LOCAL_HOST.fullmatch(find_host(url)) is not None


def _is_web(url: str) -> bool:
    return url[:7].lower() == "http://" or url[:8].lower() == "https://"


def _build_finder(describe: Callable[[LinkPlace], str]) -> Callable[[ReviewSource], Iterator[Problem]]:
    """Return a rule's function; `describe` returns what is wrong with a link, or ""."""

    def find(source: ReviewSource) -> Iterator[Problem]:
        for link in source.links:
            text = describe(link)
            if text:
                yield Problem(text, link.where, source.find_body_line(link.where, link.position))

    return find


def _describe_syntax(link: LinkPlace) -> str:
    url = link.url
    if not url or url.startswith("#"):
        return ""
    bad = _BAD_CHARACTER.search(url)
    if bad is not None and "{{" not in url:
        return f"{shorten(url)} has {bad[0]!r}, which a URL must have as %{ord(bad[0]):02X}"
    if _BAD_ESCAPE.search(url):
        return f"{shorten(url)} has a % without two hexadecimal digits after it; write %25"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return f"{shorten(url)} is not a URL: {error}"
    if parts.scheme in ("http", "https") and not parts.hostname:
        return f"{shorten(url)} has no host"
    if parts.scheme == "mailto" and "@" not in parts.path and not parts.query:
        return f"{shorten(url)} has no address"
    return ""


def _describe_relative(link: LinkPlace) -> str:
    url = link.url
    if link.where != "html" or not url or url.startswith(("#", "{{", "<%", "${")) or _SCHEME.match(url):
        return ""
    return f"{shorten(url)} has no scheme and host; a mail has no page that it could be relative to"


def _find_relative(source: ReviewSource) -> Iterator[Problem]:
    if not any(element.name == "base" for element in source.elements):
        yield from _build_finder(_describe_relative)(source)


def _describe_empty(link: LinkPlace) -> str:
    return f"A link{_quote_text(link)} leads nowhere: its href is {link.url!r}" if link.url in ("", "#") else ""


def _quote_text(link: LinkPlace) -> str:
    return f' with the text "{shorten(link.text)}"' if link.text else ""


def _describe_script(link: LinkPlace) -> str:
    match = _SCHEME.match(link.url)
    if match is None or match[1].lower() not in _SCRIPT_SCHEMES:
        return ""
    return f"A link{_quote_text(link)} has the scheme {match[1].lower()}:, which mail programs remove"


def _describe_insecure(link: LinkPlace) -> str:
    is_insecure = link.url[:7].lower() == "http://" and not is_local(link.url)
    return f"{shorten(link.url)} is without TLS" if is_insecure else ""


def _describe_local(link: LinkPlace) -> str:
    is_bad = _is_web(link.url) and is_local(link.url)
    return f"{shorten(link.url)} leads to a host that recipients cannot reach" if is_bad else ""


def _describe_shortener(link: LinkPlace) -> str:
    host = find_host(link.url).removeprefix("www.")
    return f"{shorten(link.url)} hides its target: {host} is a URL shortener" if host in _SHORTENERS else ""


def _describe_address(link: LinkPlace) -> str:
    host = find_host(link.url)
    try:
        ip_address(host)
    except ValueError:
        return ""
    return "" if is_local(link.url) else f"{shorten(link.url)} has an IP address in the place of a name"


def _describe_user_name(link: LinkPlace) -> str:
    try:
        has_user = _is_web(link.url) and urlsplit(link.url).username is not None
    except ValueError:
        return ""
    return f"{shorten(link.url)} has a user name, which readers take for the host" if has_user else ""


def _describe_punycode(link: LinkPlace) -> str:
    host = find_host(link.url)
    is_international = any(label.startswith("xn--") or not label.isascii() for label in host.split("."))
    return f"{shorten(link.url)}: the host has letters that can look like others" if is_international else ""


def _describe_mismatch(link: LinkPlace) -> str:
    if link.where != "html" or not _is_web(link.url):
        return ""
    match = _URL_TEXT.fullmatch(link.text)
    if match is None:
        return ""
    shown, target = match[2].lower(), find_host(link.url)
    if not (match[1] or shown.startswith("www.") or shown.rpartition(".")[2] in _TOP_LEVEL_NAMES):
        return ""
    shown, target = shown.removeprefix("www."), target.removeprefix("www.")
    if not target or f".{target}".endswith(f".{shown}") or f".{shown}".endswith(f".{target}"):
        return ""
    return f"The text of a link shows {shorten(shown)}, and the link leads to {shorten(target)}"


find_shorteners: Callable[[ReviewSource], Iterator[Problem]] = _build_finder(_describe_shortener)
"""Yield the links to URL shorteners."""
find_address_links: Callable[[ReviewSource], Iterator[Problem]] = _build_finder(_describe_address)
"""Yield the links with an IP address."""
find_mismatched_links: Callable[[ReviewSource], Iterator[Problem]] = _build_finder(_describe_mismatch)
"""Yield the links whose text shows another host."""
find_punycode_links: Callable[[ReviewSource], Iterator[Problem]] = _build_finder(_describe_punycode)
"""Yield the links to hosts with letters that are not ASCII."""

_UTS39_PAGE = "https://www.unicode.org/reports/tr39/#Confusable_Detection"
_WCAG_LINK_PAGE = "https://www.w3.org/WAI/WCAG22/Understanding/link-purpose-in-context"
_GMAIL_PAGE = "https://support.google.com/a/answer/81126"

RULES: tuple[ReviewRule, ...] = (
    ReviewRule("link-syntax", "error", "A link is not a URL.", "RFC 3986 2", _build_finder(_describe_syntax)),
    ReviewRule("link-relative", "error", "A link of the HTML is relative.", "RFC 3986 5.1", _find_relative),
    ReviewRule(
        "link-script",
        "error",
        "A link has the scheme javascript:, vbscript: or data:.",
        "RFC 3986 7.4",
        _build_finder(_describe_script),
    ),
    ReviewRule(
        "link-empty",
        "warning",
        "A link leads nowhere.",
        "WCAG 2.2, 2.4.4",
        _build_finder(_describe_empty),
        _WCAG_LINK_PAGE,
    ),
    ReviewRule(
        "link-insecure", "warning", "A link has the scheme http:.", "RFC 9110 4.2.2", _build_finder(_describe_insecure)
    ),
    ReviewRule(
        "link-local", "warning", "A link leads to a local host.", "RFC 6761 6.3", _build_finder(_describe_local)
    ),
    ReviewRule(
        "link-shortener",
        "warning",
        "A link leads to a URL shortener.",
        "Gmail: sender guidelines",
        find_shorteners,
        _GMAIL_PAGE,
    ),
    ReviewRule(
        "link-ip-address",
        "warning",
        "A link has an IP address in the place of a name.",
        "RFC 3986 7.4",
        find_address_links,
    ),
    ReviewRule(
        "link-user-name", "warning", "A link has a user name.", "RFC 3986 7.6", _build_finder(_describe_user_name)
    ),
    ReviewRule(
        "link-mismatch",
        "warning",
        "The text of a link shows another host than its target.",
        "Gmail: sender guidelines",
        find_mismatched_links,
        _GMAIL_PAGE,
    ),
    ReviewRule(
        "link-punycode",
        "info",
        "The host of a link has letters that are not ASCII.",
        "Unicode UTS 39 4",
        find_punycode_links,
        _UTS39_PAGE,
    ),
)
