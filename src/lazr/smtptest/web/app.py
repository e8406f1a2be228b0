"""The app: all routes, put together."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.websockets import WebSocket

from lazr.smtptest import __version__
from lazr.smtptest.errors import SearchTooSlow, StoreError, StoreFull
from lazr.smtptest.web import (
    events,
    health,
    info,
    message,
    messages,
    own,
    rules,
    send,
    sessions,
    tags,
    triggers,
    view,
    wait,
)
from lazr.smtptest.web.answers import Refused, text
from lazr.smtptest.web.description import described
from lazr.smtptest.web.methods import Methods
from lazr.smtptest.web.slashes import Slashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from lazr.smtptest.web.catcher import Catcher

__all__ = ["make_app"]

# Those of one path and method are asked in this order.
ROUTERS = (
    *(messages, send, tags, wait, own, message, view),
    *(rules, triggers, sessions, events, health, info),
)

# What a store may raise, the most special first, and the status that it is.
STATUS: tuple[tuple[type[StoreError], int], ...] = ((SearchTooSlow, 408), (StoreFull, 507), (StoreError, 503))


def make_app(catcher: Catcher, *, middleware: Sequence[Middleware] = ()) -> FastAPI:
    """The REST API over a catcher, as an ASGI app; `middleware` sees requests before it, the first one first.

    >>> from lazr.smtptest import MailServer
    >>> from lazr.smtptest.store.memory import MemoryStore
    >>> from lazr.smtptest.web.catcher import Catcher
    >>> app = make_app(Catcher(MemoryStore(), MailServer()))
    >>> "/api/v1/messages" in app.openapi()["paths"]
    True
    """
    app = FastAPI(
        title="lazr.smtptest",
        version=__version__,
        description="Mailpit's REST API over a mail server for tests, and more; docs/api.md has the differences.",
        openapi_url=None,
        docs_url=None,  # it would load its scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,  # what clients that are generated call it
        middleware=[*middleware, Middleware(Slashes), Middleware(Methods)],
        exception_handlers={
            Refused: _refused,
            HTTPException: _not_there,
            RequestValidationError: _not_valid,
            StoreError: _store_failed,
        },
    )
    app.state.catcher = catcher
    app.include_router(health.probes)
    for module in ROUTERS:
        app.include_router(module.router)
    app.openapi = partial(described, app)  # type: ignore[method-assign]  # as FastAPI's own documentation has it
    return app


async def _refused(connection: Request | WebSocket, error: Refused) -> Response:
    said = text(error.reason, error.status, error.headers)
    if isinstance(connection, WebSocket):
        await connection.send_denial_response(said)
    return said


async def _not_there(_: Request, error: HTTPException) -> Response:
    words = {404: "404 page not found", 405: "Method Not Allowed\n"}
    return text(words.get(error.status_code, f"{error.detail}\n"), error.status_code, error.headers)


async def _not_valid(_: Request, error: RequestValidationError) -> Response:
    said = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()]
    return text("Error: " + "; ".join(said), 400)


async def _store_failed(_: Request, error: StoreError) -> Response:
    return text(f"{error}\n", next(status for kind, status in STATUS if isinstance(error, kind)))
