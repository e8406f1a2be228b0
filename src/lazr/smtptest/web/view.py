"""The HTML and the text of a mail, for a browser, which is told to trust nothing in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, unquote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from lazr.smtptest.mail.html.tokens import unescaped
from lazr.smtptest.web.answers import Refused
from lazr.smtptest.web.asked import Zone, some_of
from lazr.smtptest.web.one import ID, Latest, NamedEntry, NamedMail, entry_of
from lazr.smtptest.web.scope import Scoped

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.web.scope import Scope

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["view"])

_HTML: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}}}
_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {}}}}

# RFC 2392, where a URL can be: behind an attribute's `=`, in quotes, or in CSS's `url(`.
_CID = re.compile(r"""(?<=["'=(\s])cid:([^\s"'<>()]{1,998})""", re.IGNORECASE)
_HOST = re.compile(r"[0-9A-Za-z._-]+(?::[0-9]+)?|\[[0-9A-Fa-f:.]+\](?::[0-9]+)?")

# Where in an HTML document something can be put in its head without changing what it is.
_HEAD = re.compile(
    r"\A(?:\s*+(?:<!doctype[^>]*+>|<!--.*?-->))*+(?:\s*+<html[^>]*+>)?(?:\s*+<head(?:\s[^>]*+)?>)?",
    re.IGNORECASE | re.DOTALL,
)


@router.get("/view/latest", status_code=302, response_class=Response)
def view_latest(scope: Scoped, zone: Zone, query: Latest = "") -> Response:
    """The way to the newest mail, or to the front page where there is none."""
    entry = scope.latest(some_of(query, zone))
    return Response(status_code=302, headers={"location": "/" if entry is None else f"/view/{entry.id}"})


@router.get("/view/{id}.html", responses=_HTML)
def view_html(
    *,
    request: Request,
    scope: Scoped,
    id: ID,
    zone: Zone,
    query: Latest = "",
    embed: Annotated[str, Query(description="1: links open in a window of their own")] = "",
) -> Response:
    """The HTML, with `cid:` URLs made into those of the parts.  The mail is marked as read by this."""
    mail = _opened(scope, id, zone, query)
    if not mail.html:
        raise Refused(404, "This message does not contain a HTML part")
    parts = f"/api/v1/message/{mail.id}/part/"
    html = _CID.sub(_to(mail, parts), mail.html)
    sandbox = "sandbox"
    if embed == "1":
        sandbox = "sandbox allow-popups allow-popups-to-escape-sandbox"
        head = _HEAD.match(html)
        at = head.end() if head else 0
        html = f'{html[:at]}<base target="_blank">{html[at:]}'
    host = request.headers.get("host", "")
    own = f" {request.url.scheme}://{host}{parts}" if _HOST.fullmatch(host) else ""
    policy = (
        f"{sandbox}; default-src 'none'; img-src data:{own}; style-src 'unsafe-inline'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return Response(html.encode("utf-8", "replace"), headers=headers)


@router.get("/view/{id}.txt", responses=_TEXT)
def view_text(scope: Scoped, id: ID, zone: Zone, query: Latest = "") -> Response:
    """The text; made from the HTML where there is no other.  The mail is marked as read by this."""
    mail = _opened(scope, id, zone, query)
    headers = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
    return Response(mail.text.encode("utf-8", "replace"), headers=headers)


@router.get("/view/{id}", status_code=302, response_class=Response)
def view(entry: NamedEntry, mail: NamedMail) -> Response:
    """The way to the HTML, or to the text where there is none."""
    return Response(status_code=302, headers={"location": f"/view/{entry.id}.{'html' if mail.html else 'txt'}"})


def _opened(scope: Scope, id: str, zone: Zone, query: str) -> Mail:
    try:
        entry = entry_of(id, scope, zone, query)
    except Refused as error:
        raise Refused(error.status, "Message not found" if error.status == 404 else error.reason) from None
    mail = scope.mail(entry.id)
    if mail is None:  # it went in between
        raise Refused(404, "Message not found")
    scope.mark(read=True, ids=[entry.id])
    return mail


def _to(mail: Mail, parts: str) -> Callable[[re.Match[str]], str]:
    """What takes the place of a `cid:` URL: the part's own, if there is such a part."""
    numbers = {part.content_id: part.number for part in reversed(mail.attachments) if part.content_id}

    def url(match: re.Match[str]) -> str:
        name = unescaped(match[1])
        number = numbers.get(name) or numbers.get(unquote(name))
        return match[0] if number is None else parts + quote(number)

    return url
