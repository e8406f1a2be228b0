"""Show the HTML or the text of a mail in a browser.

The content is untrusted input: a Content-Security-Policy keeps the browser from running scripts and from loading
anything but the pictures of the mail.  With `remote=1`, it also loads pictures from other servers, and nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from lazr.smtptest.mail import build_policy, disable_early_connections, replace_cid_urls
from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.message_param import MessageRef, MessageRefDep, ReadMessageRefDep, open_message
from lazr.smtptest.web.api.query_params import TimeZoneParam, parse_lenient_search
from lazr.smtptest.web.middleware import Identity, get_webroot
from lazr.smtptest.web.middleware.request_headers import is_from_other_site
from lazr.smtptest.web.responses import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.mail import Mail
    from lazr.smtptest.web.api.access_scope import AccessScope
    from lazr.smtptest.web.middleware import Authenticator

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["view"])

_HTML_RESPONSES: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}}}
_TEXT_RESPONSES: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {}}}}

# Replacements make a mail larger.  The rest is not changed: the element `base` opens links in a new window, too.
_MAX_TAGS = 100_000
_HOST_PATTERN = re.compile(r"[0-9A-Za-z._-]+(?::[0-9]+)?|\[[0-9A-Fa-f:.]+\](?::[0-9]+)?")

# The beginning of an HTML document up to its head: an element inserted after it does not switch to quirks mode.
_HEAD_START_PATTERN = re.compile(
    r"\A(?:\s*+(?:<!doctype[^>]*+>|<!--.*?-->))*+(?:\s*+<html[^>]*+>)?(?:\s*+<head(?:\s[^>]*+)?>)?",
    re.IGNORECASE | re.DOTALL,
)

# The start tags of links, and what may contain the text of such tags: comments, raw text (WHATWG HTML 13.1.2) and the
# attributes of other tags.  Each match ends where its search ends, so all matches together take linear time.
_LINK_TAG_PATTERN = re.compile(
    r"""<!--.*?(?:-->|\Z)
    |<(title|textarea|style|script|xmp|iframe|noembed|noframes)(?=[\s/>]).*?(?:</\1(?=[\s/>])|\Z)
    |<(?:(?P<link>a|area)(?=[\s/>])|[a-z])(?P<rest>(?:[^"'>]++|"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))*+(?:>|\Z))""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
# These attributes come first in the tag: of two attributes with one name, the first counts (WHATWG HTML 13.2.5.33).
_LINK_ATTRIBUTES = ' target="_blank" rel="noreferrer noopener"'


@router.get("/view/latest", status_code=302, response_class=Response)
def view_latest(
    scope: AccessScopeDep,
    zone: TimeZoneParam,
    query: Annotated[str, Query(description="A search; the newest mail that it finds is meant")] = "",
) -> Response:
    """Redirect to the newest mail, or to `/` if there is none."""
    entry = scope.get_latest(parse_lenient_search(query, zone))
    return Response(status_code=302, headers={"location": "/" if entry is None else f"/view/{entry.id}"})


@router.get("/view/{id}.html", responses=_HTML_RESPONSES)
def view_html(
    request: Request,
    scope: AccessScopeDep,
    ref: ReadMessageRefDep,
    *,
    embed: Annotated[str, Query(description="1: all links open in a new window")] = "",
    remote: Annotated[
        str, Query(description="1: the browser may load pictures from other servers, which tells them that it did")
    ] = "",
    images: Annotated[str, Query(description="0: the browser shows no pictures, also not those of the mail")] = "",
) -> Response:
    """Return the HTML of a mail for browsers, and mark the mail as read.

    `cid:` URLs become URLs of the attachments.  404 if there is no such mail, or if it has no HTML.
    """
    mail = _open_and_mark_read(scope, ref)
    if not mail.html:
        raise ApiError(404, "This message does not contain a HTML part")
    parts_path = f"{get_webroot(request.scope)}/api/v1/message/{mail.id}/part/"
    html = replace_cid_urls(mail.html, mail.attachments, _build_part_url_factory(parts_path, request))
    html = disable_early_connections(html)
    if embed == "1":
        html = _open_links_in_new_window(html)
    host = request.headers.get("host", "")
    picture_sources = "data:"
    if _HOST_PATTERN.fullmatch(host):
        picture_sources += f" {request.url.scheme}://{host}{parts_path}"
    if remote == "1" and not is_from_other_site(request.scope):
        picture_sources += " http: https:"
    if images == "0":
        picture_sources = "'none'"
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": build_policy(picture_sources),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return Response(html.encode("utf-8", "replace"), headers=headers)


@router.get("/view/{id}.txt", responses=_TEXT_RESPONSES)
def view_text(scope: AccessScopeDep, ref: ReadMessageRefDep) -> Response:
    """Return the text of a mail, and mark the mail as read.

    The text is made from the HTML if the mail has no other.  404 if there is no such mail.
    """
    mail = _open_and_mark_read(scope, ref)
    headers = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
    return Response(mail.text.encode("utf-8", "replace"), headers=headers)


@router.get("/view/{id}", status_code=302, response_class=Response)
def view(scope: AccessScopeDep, ref: MessageRefDep) -> Response:
    """Redirect to the HTML of a mail, or to its text if it has no HTML.

    404 if there is no such mail.
    """
    opened = open_message(scope, ref)
    suffix = "html" if opened.mail.html else "txt"
    return Response(status_code=302, headers={"location": f"/view/{opened.entry.id}.{suffix}"})


def _open_and_mark_read(scope: AccessScope, ref: MessageRef) -> Mail:
    try:
        return open_message(scope, ref, mark_read=True).mail
    except ApiError as error:  # Mailpit's text for all references
        raise ApiError(error.status, "Message not found") from None


def _open_links_in_new_window(html: str) -> str:
    html = _LINK_TAG_PATTERN.sub(
        lambda match: f"<{match['link']}{_LINK_ATTRIBUTES}{match['rest']}" if match["link"] else match[0],
        html,
        count=_MAX_TAGS,
    )
    head_start = _HEAD_START_PATTERN.match(html)
    position = head_start.end() if head_start else 0
    return f'{html[:position]}<base target="_blank">{html[position:]}'


def _build_part_url_factory(parts_path: str, request: Request) -> Callable[[str], str]:
    """Return a function that returns the URL of a part, by its number.

    The browser requests it without credentials, because the HTML has an opaque origin.  If the server needs
    credentials, the URL therefore has a key that opens this part only.
    """
    authenticator: Authenticator = request.state.authenticator
    identity = Identity(request.state.user, request.state.mailbox)
    webroot = get_webroot(request.scope)

    def build_part_url(number: str) -> str:
        path = parts_path + quote(number)
        key = authenticator.sign_part_path(path.removeprefix(webroot), identity)
        return f"{path}?{key}" if key else path

    return build_part_url
