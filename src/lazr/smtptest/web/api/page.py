"""The page of the web inbox, at `/` and at all paths that its script shows.

The page has no content of its own but a list of the newest mails for browsers without JavaScript.  Its
Content-Security-Policy allows the files at `/ui/`, the REST API, and mails in a frame; nothing that is in the page.
"""

from __future__ import annotations

from functools import cache
from html import escape
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.mail_table import render_mail_table
from lazr.smtptest.web.api.ui_assets import UI_FOLDER
from lazr.smtptest.web.middleware import get_webroot
from lazr.smtptest.web.responses import ApiError

__all__ = ["PAGE_POLICY", "router"]

router: APIRouter = APIRouter(tags=["application"])

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
"""The Content-Security-Policy of the page."""

_HEADERS = {"content-type": "text/html; charset=utf-8", "content-security-policy": PAGE_POLICY}
_HTML_RESPONSES: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}}}

# `TABS` of web/ui/router.js.
_TABS = frozenset({"preview", "text", "html", "headers", "source", "wire", "envelope", "checks", "attachments"})
_MAILS_WITHOUT_SCRIPT = 50


@router.get("/", responses=_HTML_RESPONSES)
@router.get("/search", include_in_schema=False)
@router.get("/mail/{id}", include_in_schema=False)
@router.get("/sessions", include_in_schema=False)
@router.get("/sessions/{number:int}", include_in_schema=False)
@router.get("/rules", include_in_schema=False)
@router.get("/diff/{id}/{other}", include_in_schema=False)
@router.get("/mailboxes", include_in_schema=False)
@router.get("/settings", include_in_schema=False)
@router.get("/about", include_in_schema=False)
def get_page(scope: AccessScopeDep, request: Request) -> Response:
    """Return the web inbox.

    The same page is at `/search`, `/mail/{id}`, `/mail/{id}/{tab}`, `/sessions`, `/sessions/{number}`, `/rules`,
    `/diff/{id}/{id}`, `/mailboxes`, `/settings` and `/about`.  Without JavaScript, it lists the newest 50 mails.
    """
    webroot = get_webroot(request.scope)
    before, after = _load_template(webroot)
    mails = render_mail_table(scope.get_page(limit=_MAILS_WITHOUT_SCRIPT).entries, webroot)
    style = f'<link rel="stylesheet" href="{escape(webroot)}/ui/plain.css">'
    page = f"{before}{style}<h1>{escape(scope.label) or 'smtptest'}</h1>{mails}{after}"
    return Response(page.encode("utf-8", "replace"), headers=_HEADERS)


@router.get("/mail/{id}/{tab}", include_in_schema=False)
def get_mail_page(scope: AccessScopeDep, request: Request, tab: str) -> Response:
    """Return the web inbox for a tab of a mail; 404 if there is no such tab."""
    if tab not in _TABS:
        raise ApiError(404, "404 page not found")
    return get_page(scope, request)


@cache
def _load_template(webroot: str) -> tuple[str, str]:
    """Return the page before and after its content for browsers without JavaScript."""
    template = (UI_FOLDER / "index.html").read_text("utf-8").replace("{root}", escape(webroot))
    before, _, after = template.partition("{noscript}")
    return before, after
