"""The web server: an app on a port, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
from typing import TYPE_CHECKING, Self

import uvicorn

from lazr.smtptest.clock import monotonic
from lazr.smtptest.errors import StartError, StopTimeout
from lazr.smtptest.net.listener import Listen, Listener
from lazr.smtptest.net.loop import new_loop
from lazr.smtptest.web.wire import configured

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import TracebackType

    from fastapi import FastAPI
    from starlette.types import ASGIApp

__all__ = ["WebServer"]

_log = logging.getLogger("lazr.smtptest.web")


class WebServer:
    """Serves an app that `make_app` made.  Port 0 is any free one.

    `start` returns when clients can connect, `stop` when the port is closed and the thread has ended; both can be
    done again.  No signal handler is installed, and logging is left as it is.

    `guard` puts something in front of the app as it is finished: what the framework says of an exception passes it
    too, which it would not as a middleware of the app's own.

    >>> from lazr.smtptest import MailServer
    >>> from lazr.smtptest.store.memory import MemoryStore
    >>> from lazr.smtptest.web.app import make_app
    >>> from lazr.smtptest.web.catcher import Catcher
    >>> import httpx
    >>> with WebServer(make_app(Catcher(MemoryStore(), MailServer()))) as web:
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
    ) -> None:
        self._app = app
        self._guarded = guard(app)
        self._where = Listen(host, port)
        self._listener: Listener | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None

    @property
    def running(self) -> bool:
        """Whether it is started and not yet stopped."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def host(self) -> str:
        """Where it listens."""
        return self._where.host

    @property
    def port(self) -> int:
        """The port; raises `StartError` where it is 0 and the server is not started."""
        port = self._where.port if self._listener is None else self._listener.port
        if not port:
            raise StartError("the web server has no port before it is started")
        return port

    @property
    def url(self) -> str:
        """Where clients find it, without a slash at the end."""
        host = self.host if self._listener is None else self._listener.address[0]
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def __repr__(self) -> str:
        return f"<WebServer {self.host}:{self._where.port if self._listener is None else self.port}>"

    def start(self) -> None:
        """Start.  Raises `OSError` if the port is taken, `StartError` if the server runs already."""
        if self.running:
            raise StartError(f"{self!r} is started already")
        self._listener = Listener(self._where)
        self._server = _Server(configured(self._guarded), self._started)
        self._started.clear()
        self._failure = None
        self._thread = threading.Thread(
            target=self._run, args=(self._server, self._listener), name=f"smtptest web {self.port}", daemon=True
        )
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            self._thread.join()
            self._release()
            raise failure

    def _run(self, server: uvicorn.Server, listener: Listener) -> None:
        try:
            # A loop whose time goes on where a test has frozen it: else its timers would never come.
            with asyncio.Runner(loop_factory=lambda: new_loop("asyncio")) as runner:
                runner.run(server.serve(sockets=[listener.socket]))
        except BaseException as error:  # noqa: BLE001 - `start` raises it, or the log has it
            if self._started.is_set():
                _log.exception("the web server failed")
            self._failure = error
        finally:
            self._started.set()

    def stop(self, deadline: float = 5.0) -> None:
        """Stop: answers that are due go out first, for half of the `deadline`, in seconds.

        Stopping a server that does not run does nothing.  Raises `StopTimeout` if the thread has not ended by then;
        the port is closed all the same.
        """
        thread, server = self._thread, self._server
        if thread is None or server is None:
            return
        server.config.timeout_graceful_shutdown = math.ceil(deadline / 2)
        server.leave()
        until = monotonic() + deadline
        while thread.is_alive() and monotonic() < until:
            self._app.state.catcher.leave()  # again and again: more may have come to wait
            thread.join(0.05)
        if thread.is_alive():
            if self._listener is not None:
                self._listener.refuse()  # the socket is the thread's to close, if it ever comes to it
            self._listener = self._server = self._thread = None
            raise StopTimeout(f"the web server's thread did not end within {deadline:g} s")
        self._release()

    def _release(self) -> None:
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


class _Server(uvicorn.Server):
    """uvicorn, which says when it is started, and leaves no connection open behind it."""

    def __init__(self, config: uvicorn.Config, told: threading.Event) -> None:
        super().__init__(config)
        self._told = told
        self._loop: asyncio.AbstractEventLoop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._told.set()

    def leave(self) -> None:
        """From another thread: take no more connections, answer what is due, and end."""
        self.should_exit = True
        with contextlib.suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._refuse)

    def _refuse(self) -> None:
        for listening in self.servers:
            listening.close()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            transport = connection.transport  # of who has sent half a request, perhaps
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
        await asyncio.sleep(0)
