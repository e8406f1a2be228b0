"""A server with the middleware stack in front of a small app, for the tests of middleware and protocols."""

import contextlib
from time import monotonic

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute

from lazr.smtptest.web.middleware.stack import Guard
from lazr.smtptest.web.server.uvicorn_protocols import HttpProtocol, WebSocketProtocol
from tests.helpers.raw_http import TIMEOUT, serve_app


class HastyHttpProtocol(HttpProtocol):
    """The protocol with short timeouts."""

    HEAD_TIMEOUT_SECONDS = LINGER_TIMEOUT_SECONDS = WRITE_TIMEOUT_SECONDS = 0.3


class HastyWebSocketProtocol(WebSocketProtocol):
    """The protocol with a short timeout."""

    WRITE_TIMEOUT_SECONDS = 0.3


def build_app(changes):
    """Return an app whose routes add the size of each received body to `changes`."""

    async def read(request):
        return PlainTextResponse("mail")

    async def change(request):
        try:
            body = await request.body()
        except Exception as error:  # web frameworks answer 400 as well
            return PlainTextResponse(repr(error), 400)
        changes.append(len(body))
        return JSONResponse(len(body))

    async def unread(request):
        return PlainTextResponse("not read")

    async def large(request):
        return Response(b"x" * 20_000_000)

    async def stream(request):
        return StreamingResponse(iter([b"x" * 20_000_000]))

    async def page(request):
        return Response("<p>", headers={"Content-Security-Policy": "sandbox", "Referrer-Policy": "same-origin"})

    async def events(websocket):
        await websocket.accept()
        await websocket.send_text("hello")
        with contextlib.suppress(Exception):
            while True:
                await websocket.receive_text()

    return Starlette(
        routes=[
            Route("/api/v1/messages", read, methods=["GET"]),
            Route("/api/v1/messages", change, methods=["PUT", "DELETE", "POST"]),
            Route("/api/v1/send", change, methods=["POST"]),
            Route("/api/v1/message/{id}/part/{part}", read),
            Route("/api/v1/tags/{tag}", read),
            Route("/unread", unread, methods=["POST"]),
            Route("/large", large),
            Route("/stream", stream),
            Route("/page", page),
            WebSocketRoute("/api/events", events),
        ]
    )


@pytest.fixture
def guarded():
    """Return a function that starts a server with the middleware stack and these settings, and returns its address."""
    with contextlib.ExitStack() as stack:

        def serve(changes=None, http=HttpProtocol, ws=WebSocketProtocol, **settings):
            app = Guard(build_app([] if changes is None else changes), **settings)
            return stack.enter_context(serve_app(app, http=http, ws=ws))

        yield serve


def wait_for_status(status, send):
    """Call `send` until its response has this status, and return that response."""
    deadline = monotonic() + TIMEOUT
    while (response := send()).status != status:
        assert monotonic() < deadline, response
    return response


def build_chunked_request(*chunks, target="/api/v1/messages", end=True):
    """Return the bytes of a POST whose body is sent in these chunks."""
    head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
    return head.encode() + body + (b"0\r\n\r\n" if end else b"")
