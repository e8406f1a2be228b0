"""The page at `/api/v1`: what this server is, and where its routes are.

It is static HTML: its Content-Security-Policy allows no script, and no style but the one that the page has itself.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from lazr.smtptest import __version__
from lazr.smtptest.mail import count_mails
from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.mail_table import render_mail_table
from lazr.smtptest.web.middleware import get_webroot

if TYPE_CHECKING:
    from lazr.smtptest.web.api.access_scope import AccessScope

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["application"])

_LATEST_MAILS = 10
_PROJECT_URL = "https://pypi.org/project/lazr.smtptest/"

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.5rem;margin-bottom:0}h2{font-size:1.1rem;margin:1.5rem 0 .25rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8884}"
    "td{overflow-wrap:anywhere;min-width:10rem}td:last-child,th:last-child{white-space:nowrap}"
    ".unread{font-weight:600}ul{margin:.25rem 0;padding-left:1.25rem}"
)

_STYLE_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}

# The path below the webroot, the text of the link, and whether the token of a mailbox opens the route.
_LINKS = (
    ("/", "the inbox", True),
    ("/api/v1/messages", "list of mails", True),
    ("/api/v1/tags", "tags", True),
    ("/api/v1/sessions", "SMTP sessions", False),
    ("/api/v1/rules", "rules", False),
    ("/api/v1/mailboxes", "mailboxes", False),
    ("/api/v1/info", "version and statistics", True),
    ("/metrics", "metrics for Prometheus", False),
    ("/openapi.json", "description of all routes (OpenAPI 3)", True),
)

_HTML_RESPONSES: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}}}


@router.get("/api/v1", responses=_HTML_RESPONSES)
@router.get("/api/v1/", include_in_schema=False)
def get_start_page(scope: AccessScopeDep, request: Request) -> Response:
    """Return a page for people.

    It has the version, the latest mails that the request may see, and links to the routes.
    """
    page = _render_page(scope, get_webroot(request.scope))
    return Response(page.encode("utf-8", "replace"), headers=_HEADERS)


def _render_page(scope: AccessScope, webroot: str) -> str:
    totals = scope.get_totals()
    entries = scope.get_page(limit=_LATEST_MAILS).entries
    title = f"{scope.label} · lazr.smtptest" if scope.label else "lazr.smtptest"
    kind = "The mailbox" if scope.mailbox is not None else "This mail server for tests"
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            f"<p>{kind} has {count_mails(totals.mails)}, {totals.unread:,} unread. Version {escape(__version__)}.</p>",
            "<h2>Latest mails</h2>",
            render_mail_table(entries, webroot),
            "<h2>REST API</h2><ul>",
            *(
                f'<li><a href="{escape(webroot + path)}"><code>GET {escape(path)}</code></a>: {escape(text)}</li>'
                for path, text, is_open in _LINKS
                if is_open or scope.mailbox is None
            ),
            "</ul><h2>Documentation</h2><ul>",
            f'<li><a href="{_PROJECT_URL}" rel="noreferrer">lazr.smtptest on PyPI</a></li>',
            "<li><code>smtptest --help</code> describes the command line.</li></ul></body></html>\n",
        )
    )
