"""The 2009 API: controllers, which run a server in a thread."""

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
    """Runs a `Server` in a thread of its own.

    What the server's `handle_message` raised is raised again by the next call of `reset` or `stop`.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Start the server; it answers clients when this returns.

        Raises `OSError` if a server that was stopped finds its port taken, `StartError` if it runs.
        """
        log.info("starting the SMTP server thread")
        engine = self.server._engine
        if engine.running:
            raise StartError(f"{engine!r} is started already")
        engine.bind()
        engine._opened.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="smtptest controller", daemon=True)
        self._thread.start()
        engine._opened.wait(_DEADLINE)
        self._raise()

    def stop(self) -> None:
        """Stop the server; its port is closed and its thread has ended when this returns.

        Stopping a server that was never started closes its port; stopping twice does nothing.
        Raises what `handle_message` or `reset` raised, and `StopTimeout` when its
        `stop_deadline` has passed.
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
        """Call the server's `reset()`, and return when it has run.

        Raises what it, or `handle_message` before it, raised.
        """
        log.info("resetting the SMTP server")
        self.server._engine.call(self.server.reset, _DEADLINE)
        self._raise()

    def _run(self) -> None:
        try:
            self.server.start()
        except BaseException as error:  # noqa: BLE001 - raised again in the tester's thread
            self._failure = error
        finally:
            self.server._engine._opened.set()  # or `start` would wait for what never comes

    def _connect(self) -> SMTP:
        """A connection to the server; 2.0.4's subclasses use it."""
        from smtplib import SMTP

        return SMTP(*self.server._engine.address)

    def _raise(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        self.server._engine.raise_errors()


class QueueController(Controller):
    """A controller whose server puts the messages into a queue.

    `queue` is that queue, `server` the server, `_make_server` the hook that makes it.  Iterating
    yields what is in the queue, and consumes it, without waiting; each time afresh.
    """

    def __init__(self, host: str, port: int) -> None:
        self.queue: Queue[Message] = Queue()
        self._make_server(host, port)
        super().__init__(self.server)

    def _make_server(self, host: str, port: int) -> None:
        """Make the server and put it into `self.server`; for subclasses that want another one."""
        self.server: QueueServer = QueueServer(host, port, self.queue)

    def __iter__(self) -> Iterator[Message]:
        self._raise()
        while True:
            try:
                yield self.queue.get_nowait()
            except Empty:
                return
