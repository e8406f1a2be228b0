"""The API of 2009: controllers, which run a server in a thread.

`MailServer`, the current API, is in `mailserver/server.py`; it needs no controller.
"""

from __future__ import annotations

import logging
import threading
from queue import Empty, Queue

from lazr.smtptest.errors import StartError, StopTimeout
from lazr.smtptest.server import QueueServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message
    from smtplib import SMTP

    from lazr.smtptest.server import Server

__all__ = ["Controller", "QueueController"]

log: logging.Logger = logging.getLogger("lazr.smtptest")

_DEADLINE = 5.0


class Controller:
    """Runs a `Server` in a thread.

    An exception in the server's `handle_message` is raised again by the next call of `reset` or `stop`.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Start the server; clients are served when this returns.

        Raises `OSError` if a stopped server finds its port taken, and `StartError` if the server is running.
        """
        log.info("starting the SMTP server thread")
        engine = self.server._engine
        if engine.running:
            raise StartError(f"{engine!r} is started already; stop it first")
        engine.bind()
        engine._ready_event.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="smtptest controller", daemon=True)
        self._thread.start()
        engine._ready_event.wait(_DEADLINE)
        self._raise()

    def stop(self) -> None:
        """Stop the server; its port is closed and its thread has ended when this returns.

        A server that was never started only closes its port; a second call does nothing.  Raises the exception of
        `handle_message` or `reset`, and `StopTimeout` after the server's `stop_deadline`.
        """
        log.info("stopping the SMTP server thread")
        thread = self._thread
        try:
            self.server.stop()
        finally:
            if thread is not None and thread is not threading.current_thread():
                thread.join(self.server.stop_deadline)
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            raise StopTimeout(f"the server's thread did not end within {self.server.stop_deadline:g} s")
        self._raise()
        log.info("SMTP server stopped")

    def reset(self) -> None:
        """Call the server's `reset()` in its thread, and wait for it.

        Raises the exception of `reset`, or an earlier one of `handle_message`.
        """
        log.info("resetting the SMTP server")
        self.server._engine.call(self.server.reset, _DEADLINE)
        self._raise()

    def _run(self) -> None:
        try:
            self.server.start()
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            self._failure = error
        finally:
            self.server._engine._ready_event.set()  # `start` waits for it, also if the server fails

    def _connect(self) -> SMTP:
        """Return a client that is connected to the server, for subclasses written for 2.0.4."""
        from smtplib import SMTP

        return SMTP(*self.server._engine.address)

    def _raise(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        self.server._engine.raise_errors()


class QueueController(Controller):
    """A controller whose server puts messages into a queue.

    `queue` is the queue, and `server` the server, which `_make_server` creates.  Each iteration removes and yields the
    messages that are in the queue, without waiting.
    """

    def __init__(self, host: str, port: int) -> None:
        self.queue: Queue[Message] = Queue()
        self._make_server(host, port)
        super().__init__(self.server)

    def _make_server(self, host: str, port: int) -> None:
        """Create the server as `self.server`; a subclass may override this to create another one."""
        self.server: QueueServer = QueueServer(host, port, self.queue)

    def __iter__(self) -> Iterator[Message]:
        self._raise()
        while True:
            try:
                yield self.queue.get_nowait()
            except Empty:
                return
