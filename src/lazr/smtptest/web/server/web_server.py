"""Serve an app over HTTP in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
from typing import TYPE_CHECKING, Self

import uvicorn

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.host_port import format_host_port
from lazr.smtptest.errors import StartError, StopTimeout
from lazr.smtptest.net import Listen, Listener, create_loop
from lazr.smtptest.web.middleware import WebrootMiddleware
from lazr.smtptest.web.server.uvicorn_protocols import make_uvicorn_config

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable
    from types import TracebackType

    from fastapi import FastAPI
    from starlette.types import ASGIApp

__all__ = ["WebServer"]

_log = logging.getLogger("lazr.smtptest.web")

# A connection that was accepted in the last pass of the loop is known after three more; aborting it takes one.
_PASSES_UNTIL_KNOWN = 4


class WebServer:
    """A web server for an app that `make_app` has made.

    `start` returns when clients can connect.  `stop` returns when the port is closed and the thread has ended.  A
    stopped server can be started again.  No signal handler is installed, and logging is not configured.

    Args:
        app: the app of `make_app`.
        host: the address or name to listen on.
        port: the port to listen on; 0 for any free port.
        guard: wraps the finished app, such as `Guard`.  A middleware of the app itself would not see the answers that
            the framework sends for unexpected exceptions.
        ssl_context: the certificate for HTTPS; None, the default, is plain HTTP.
        webroot: the path that all URLs begin with, such as "/mail"; "/" by default.  Other paths are 404.

    >>> from lazr.smtptest import MailServer
    >>> from lazr.smtptest.store import MemoryStore
    >>> from lazr.smtptest.web.app import make_app
    >>> from lazr.smtptest.web.app_context import AppContext
    >>> import httpx
    >>> with WebServer(make_app(AppContext(MemoryStore(), MailServer()))) as web:
    ...     httpx.get(f"{web.url}/livez").status_code
    200
    """

    def __init__(
        self,
        app: FastAPI,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        guard: Callable[[ASGIApp], ASGIApp] = lambda app: app,
        ssl_context: ssl.SSLContext | None = None,
        webroot: str = "/",
    ) -> None:
        self._app = app
        # Outside of the guard: its layers compare paths, and must see those of the app.
        self._guarded_app = guard(app) if webroot == "/" else WebrootMiddleware(guard(app), webroot)
        self._webroot = webroot
        self._ssl_context = ssl_context
        self._bind_address = Listen(host, port)
        self._listener: Listener | None = None
        self._server: _UvicornServer | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._thread_error: BaseException | None = None

    @property
    def running(self) -> bool:
        """Whether the server is started and not yet stopped."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def host(self) -> str:
        """The address or name to listen on."""
        return self._bind_address.host

    @property
    def port(self) -> int:
        """The port; raises `StartError` if it is 0 and the server is not started."""
        port = self._bind_address.port if self._listener is None else self._listener.port
        if not port:
            raise StartError("the web server has no port before it is started; call start() first")
        return port

    @property
    def url(self) -> str:
        """The URL of the server, without a slash at the end."""
        host = self.host if self._listener is None else self._listener.address[0]
        scheme = "http" if self._ssl_context is None else "https"
        return f"{scheme}://{format_host_port(host, self.port)}{self._webroot.rstrip('/')}"

    def __repr__(self) -> str:
        return f"<WebServer {self.host}:{self._bind_address.port if self._listener is None else self.port}>"

    def start(self) -> None:
        """Start the server.

        Raises:
            OSError: the port is taken.
            StartError: the server runs already.
        """
        if self.running:
            raise StartError(f"{self!r} is started already; call stop() first")
        config = make_uvicorn_config(self._guarded_app)
        config.load()  # before the port is open, as it may raise
        config.ssl = self._ssl_context
        self._listener = Listener(self._bind_address)
        self._server = _UvicornServer(config, self._started)
        self._started.clear()
        self._thread_error = None
        self._thread = threading.Thread(
            target=self._run, args=(self._server, self._listener), name=f"smtptest web {self.port}", daemon=True
        )
        self._thread.start()
        self._started.wait()
        if self._thread_error is not None:
            failure, self._thread_error = self._thread_error, None
            self._thread.join()
            self._close_listener()
            raise failure

    def _run(self, server: uvicorn.Server, listener: Listener) -> None:
        try:
            # The clock of this loop also runs when a test has frozen the time; else its timers would never fire.
            with asyncio.Runner(loop_factory=lambda: create_loop("asyncio")) as runner:
                runner.run(server.serve(sockets=[listener.socket]))
        except BaseException as error:  # noqa: BLE001 - raised by `start`, or logged
            if self._started.is_set():
                _log.exception("the web server failed")
            self._thread_error = error
        finally:
            self._started.set()

    def stop(self, deadline: float = 5.0) -> None:
        """Stop the server; do nothing if it does not run.

        Requests in progress may take half of `deadline`, in seconds.

        Raises:
            StopTimeout: the thread has not ended within `deadline`; the port is closed all the same.
        """
        thread, server = self._thread, self._server
        if thread is None or server is None:
            return
        server.config.timeout_graceful_shutdown = math.ceil(deadline / 2)
        server.request_shutdown()
        until = monotonic() + deadline
        while thread.is_alive() and monotonic() < until:
            self._app.state.app_context.notify_shutdown(until)  # repeated, as more requests may have started
            thread.join(0.05)
        if thread.is_alive():
            if self._listener is not None:
                self._listener.refuse_connections()  # the thread closes the socket when it ends
            self._listener = self._server = self._thread = None
            raise StopTimeout(f"the web server's thread did not end within {deadline:g} s")
        self._app.state.app_context.deletions.flush(until)  # of the last requests
        self._close_listener()

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._listener = self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _UvicornServer(uvicorn.Server):
    """A uvicorn server that reports its start, and aborts all connections at its end."""

    def __init__(self, config: uvicorn.Config, started_event: threading.Event) -> None:
        super().__init__(config)
        self._started_event = started_event
        self._loop: asyncio.AbstractEventLoop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._started_event.set()

    def request_shutdown(self) -> None:
        """Ask the server, from another thread, to finish the requests in progress and end."""
        self.should_exit = True
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._stop_accepting)

    def _stop_accepting(self) -> None:
        for listener in self.servers:
            for listening_socket in listener.sockets:
                self._loop.remove_reader(listening_socket)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # asyncio loses a connection if its listener closes between the accept and the transport (gh-109564).
        self._stop_accepting()
        for _ in range(_PASSES_UNTIL_KNOWN):
            await asyncio.sleep(0)
        await super().shutdown(sockets)
        for _ in range(2):  # the second time, what has been aborted is closed
            for connection in list(self.server_state.connections):
                transport = connection.transport  # perhaps of a client that has sent half a request
                if isinstance(transport, asyncio.WriteTransport):
                    transport.abort()
            await asyncio.sleep(0)
