"""Put all routes together into one ASGI app."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.websockets import WebSocket

from lazr.smtptest import __version__
from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.errors import MissingExtra, SearchTooSlow, StoreError, StoreFull
from lazr.smtptest.web.api import (
    authentication,
    bounce,
    certificate,
    chaos,
    checks,
    events,
    groups,
    health,
    html_check,
    info,
    link_check,
    login,
    mailboxes,
    message,
    message_details,
    message_parts,
    message_session,
    messages,
    metrics,
    openapi,
    page,
    release,
    review,
    rules,
    send,
    sessions,
    spam,
    start_page,
    structure,
    tags,
    ui_assets,
    undo,
    view,
    wait,
)
from lazr.smtptest.web.api.openapi import build_openapi
from lazr.smtptest.web.mailhog import jim_routes as mailhog_jim
from lazr.smtptest.web.mailhog import messages as mailhog_messages
from lazr.smtptest.web.middleware import (
    AuthenticationMiddleware,
    GzipJsonMiddleware,
    HeadAndOptionsMiddleware,
    SlashRedirectMiddleware,
)
from lazr.smtptest.web.responses import ApiError, describe_store_error, text_response
from lazr.smtptest.web.sandbox import TooManyWaiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from lazr.smtptest.mcp_server import McpEndpoint
    from lazr.smtptest.web.app_context import AppContext

__all__ = ["make_app"]

_log = logging.getLogger("lazr.smtptest.web")

_MAX_LOGGED_CHARACTERS = 200

# Routes are matched, and listed in the OpenAPI document, in this order.
ROUTE_MODULES = (
    *(messages, groups, undo, send, tags, wait, message_details, message, message_parts, structure, checks),
    *(authentication, message_session, release, bounce, html_check, link_check, review, spam, view),
    *(rules, chaos, sessions, mailboxes, events, health, metrics, info, certificate, openapi, start_page),
    *(login, page, ui_assets),
    *(mailhog_messages, mailhog_jim),
)

# Other searches are over then, and more mails are indexed.
_SEARCH_RETRY_SECONDS = "5"

# The status for each exception of a store, subclasses first.
STORE_ERROR_STATUSES: tuple[tuple[type[StoreError], int], ...] = (
    (SearchTooSlow, 503),  # not 408, after which HTTP clients repeat a request automatically
    (StoreFull, 507),
    (StoreError, 503),
)

# Mailpit's texts for statuses that the framework makes itself.
_FRAMEWORK_ERROR_TEXTS = {404: "404 page not found", 405: "Method Not Allowed\n"}


def make_app(app_context: AppContext, *, middleware: Sequence[Middleware] = (), mcp: bool = False) -> FastAPI:
    """Return the REST API of a mail server and its store, as an ASGI app.

    Args:
        app_context: the mail server, the store and the settings of the API.
        middleware: ASGI middleware that gets requests before the API's own, the first one first.  If it puts a
            `user` into the state of the ASGI scope, the request is authenticated and sees all mails.
        mcp: whether language models may use the API with the Model Context Protocol, at `/mcp`; false by default.  This
            needs the lifespan of ASGI, which `WebServer` has.

    Raises:
        MissingExtra: the SDK for `mcp` is not installed.

    >>> from lazr.smtptest import MailServer
    >>> from lazr.smtptest.store import MemoryStore
    >>> from lazr.smtptest.web import AppContext
    >>> app = make_app(AppContext(MemoryStore(), MailServer()))
    >>> "/api/v1/messages" in app.openapi()["paths"]
    True
    """
    mcp_endpoint = _make_mcp_endpoint() if mcp else None
    app = FastAPI(
        lifespan=None if mcp_endpoint is None else mcp_endpoint.lifespan,
        title="lazr.smtptest",
        version=__version__,
        description=(
            "The REST API of a mail server for tests.  It has the routes of Mailpit's API, and more; "
            "docs/reference/api.md lists the differences."
        ),
        openapi_url=None,
        docs_url=None,  # these pages load scripts from other servers
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,  # the method's name in generated clients
        middleware=[
            *middleware,
            Middleware(SlashRedirectMiddleware),
            Middleware(HeadAndOptionsMiddleware),
            # Passes requests that `Guard` or a middleware before it has authenticated.
            Middleware(AuthenticationMiddleware, mailboxes=app_context.mailboxes, anonymous=app_context.anonymous),
            Middleware(GzipJsonMiddleware),
            # The innermost one: tools call the routes below it, with the identity that the others have found.
            *([] if mcp_endpoint is None else [Middleware(mcp_endpoint.keep_routes)]),
        ],
        exception_handlers={
            ApiError: _handle_api_error,
            ClientDisconnect: _handle_client_disconnect,
            HTTPException: _handle_http_exception,
            MissingExtra: _handle_missing_extra,
            RequestValidationError: _handle_validation_error,
            StoreError: _handle_store_error,
            TooManyWaiting: _handle_too_many_waiting,
        },
    )
    app.state.app_context = app_context
    for module in ROUTE_MODULES:
        app.include_router(module.router)
    if mcp_endpoint is not None:
        for path in ("/mcp", "/mcp/"):  # many clients add the slash
            app.router.routes.append(Route(path, mcp_endpoint, methods=["POST"], include_in_schema=False))
    # FastAPI's documentation has this way to replace the document.
    app.openapi = partial(build_openapi, app)  # type: ignore[method-assign]
    return app


def _make_mcp_endpoint() -> McpEndpoint:
    # Imported here: the SDK is optional, and its import takes longer than that of all routes.
    from lazr.smtptest.mcp_server import check_sdk

    check_sdk()
    from lazr.smtptest.mcp_server import McpEndpoint  # imports the SDK

    return McpEndpoint()


async def _handle_api_error(connection: Request | WebSocket, error: ApiError) -> Response:
    response = text_response(error.reason, error.status, error.headers)
    if isinstance(connection, WebSocket):
        await connection.send_denial_response(response)
    return response


async def _handle_http_exception(_: Request, error: HTTPException) -> Response:
    text = _FRAMEWORK_ERROR_TEXTS.get(error.status_code, f"{error.detail}\n")
    return text_response(text, error.status_code, error.headers)


async def _handle_missing_extra(_: Request, error: MissingExtra) -> Response:
    return text_response(f"{error}\n", 501)


async def _handle_validation_error(_: Request, error: RequestValidationError) -> Response:
    problems = [f"{'.'.join(map(str, problem['loc'][1:]))}: {problem['msg']}" for problem in error.errors()]
    return text_response("Error: " + "; ".join(problems), 400)


async def _handle_store_error(request: Request, error: StoreError) -> Response:
    has_full_access = getattr(request.state, "mailbox", None) is None
    text = str(error) if has_full_access else describe_store_error(error)
    status = next(status for kind, status in STORE_ERROR_STATUSES if isinstance(error, kind))
    headers = {"retry-after": _SEARCH_RETRY_SECONDS} if isinstance(error, SearchTooSlow) else {}
    return text_response(f"{text}\n", status, headers)


async def _handle_client_disconnect(request: Request, _: ClientDisconnect) -> Response:
    # uvicorn would log a traceback.  The response is not sent, because the client is gone.
    path = escape_unprintable(request.url.path)[:_MAX_LOGGED_CHARACTERS]
    _log.warning("the client disconnected before the end of its body: %s %s", request.method, path)
    return text_response("the body has no end\n", 400)


async def _handle_too_many_waiting(_: Request, error: TooManyWaiting) -> Response:
    return text_response(f"{error}\n", 503)
