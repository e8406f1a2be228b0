"""Prepare the HTML of a mail for a browser: a policy, and URLs of the parts of the mail."""

from __future__ import annotations

import re
from urllib.parse import unquote

from lazr.smtptest.mail.html.tokens import resolve_references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.mail.attachment import Attachment

__all__ = ["build_policy", "disable_early_connections", "replace_cid_urls"]

# A cid: URL (RFC 2392) in a place for URLs: after the `=` of an attribute, in quotes, or in `url(` of CSS.
_CID_URL = re.compile(r"""(?<=["'=(\s])cid:([^\s"'<>()]{1,998})""", re.IGNORECASE)
# Replacements make a mail larger, many times if it has little else.  The rest is not changed: `cid:` URLs load nothing.
_MAX_CID_URLS = 10_000

# Chromium connects to the server of a frame, or of a link with `rel=preconnect`, before it looks at the policy that
# forbids the frame.  The server would learn that the mail was opened, also from a frame in the document of `srcdoc`.
# Of two attributes with one name, the first counts (WHATWG HTML 13.2.5.33).  Without quotes, the attributes are inert
# in a comment or in the value of an attribute.  `srcdoc` is the first: at the end, a `=` that follows would give it a
# value.
_FRAME_TAG = re.compile(r"<i?frame(?=[\s/>])", re.IGNORECASE)
_FRAME_SOURCE = " srcdoc src=about:blank"
_LINK_TAG = re.compile(r"<link(?=[\s/>])", re.IGNORECASE)
_LINK_RELATION = " rel=none"

# A click on a link may open a window, and the page in it is not in the sandbox.  Nothing else is allowed.
_SANDBOX = "sandbox allow-popups allow-popups-to-escape-sandbox"


def replace_cid_urls(html: str, attachments: Sequence[Attachment], build_url: Callable[[str], str]) -> str:
    """Return HTML in which the `cid:` URLs of known parts are other URLs.

    Args:
        html: the HTML of a mail, which is untrusted input.
        attachments: the attachments of the mail.
        build_url: returns the URL of a part; it gets the number of the part.

    >>> from lazr.smtptest.mail import Attachment
    >>> logo = Attachment("", "image/png", b"", content_id="logo@x", number="2")
    >>> replace_cid_urls('<img src="cid:logo%40x"><img src="cid:other">', [logo], "/part/{}".format)
    '<img src="/part/2"><img src="cid:other">'
    """
    numbers = {part.content_id: part.number for part in reversed(attachments) if part.content_id}
    urls: dict[str, str] = {}

    def replace_url(match: re.Match[str]) -> str:
        content_id = resolve_references(match[1])
        number = numbers.get(content_id) or numbers.get(unquote(content_id))
        if number is None:
            return match[0]
        if number not in urls:
            urls[number] = build_url(number)
        return urls[number]

    return _CID_URL.sub(replace_url, html, count=_MAX_CID_URLS)


def disable_early_connections(html: str) -> str:
    """Return HTML whose frames and links connect to nothing before the policy applies.

    >>> disable_early_connections("<iframe src=//x></iframe><link rel=preconnect href=//x>")
    '<iframe srcdoc src=about:blank src=//x></iframe><link rel=none rel=preconnect href=//x>'
    """
    html = _FRAME_TAG.sub(lambda match: match[0] + _FRAME_SOURCE, html)
    return _LINK_TAG.sub(lambda match: match[0] + _LINK_RELATION, html)


def build_policy(picture_sources: str) -> str:
    """Return the Content-Security-Policy of a mail; only pictures load, from these sources.

    >>> build_policy("data:").split("; ")[1:3]
    ["default-src 'none'", 'img-src data:']
    """
    return (
        f"{_SANDBOX}; default-src 'none'; img-src {picture_sources}; style-src 'unsafe-inline'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    )
