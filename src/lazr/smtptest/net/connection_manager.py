"""The listeners and connections of one server, and their orderly end.

The manager creates connections by a factory and knows them by the `ManagedConnection` protocol.  A connection in turn
finds its server here: the rules, the functions that decide, the shared read buffer, and the reactor.
"""

from __future__ import annotations

import functools

from lazr.smtptest._util.fd_limit import compute_max_smtp_connections
from lazr.smtptest._util.logger import get_logger
from lazr.smtptest.net.acceptor import Acceptor
from lazr.smtptest.net.coroutine_call import CoroutineCall
from lazr.smtptest.net.reactor import READ
from lazr.smtptest.net.socket_transport import SocketTransport
from lazr.smtptest.net.spooled_content import MemoryBudget, SpooledContent
from lazr.smtptest.protocol.smtp import MemorySink

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from typing import Any, Protocol

    from lazr.smtptest.net.auth_rate_limit import AuthRateLimit
    from lazr.smtptest.net.endpoint import Endpoint
    from lazr.smtptest.net.listener import Listener
    from lazr.smtptest.net.pending_commit import PendingCommit
    from lazr.smtptest.net.reactor import Reactor
    from lazr.smtptest.net.socket_transport import SocketUser
    from lazr.smtptest.net.worker_pool import WorkerPool
    from lazr.smtptest.protocol.smtp import EndOfData, Event, Limits, Reply, SessionRecord, Sink
    from lazr.smtptest.rules import NoticeOrder, Rules

    Decide = Callable[[Event, Reply], Reply | Awaitable[Reply]]

    class OrderNotices(Protocol):
        """Takes what rules let come back after a message."""

        def __call__(self, message: EndOfData, orders: tuple[NoticeOrder, ...], *, is_lost: bool) -> None: ...

    class ManagedConnection(SocketUser, Protocol):
        """What the manager calls on a connection."""

        def connection_made(self, transport: SocketTransport, /) -> None:
            """Greet the client."""

        def shut_down(self) -> None:
            """Send 421 and close; a pending reply is sent first."""

        def abort(self) -> None:
            """Close immediately."""

        def update_deadline(self) -> None:
            """Apply other deadlines: the server became crowded, or stopped being so."""

        def schedule_idle_check(self) -> None:
            """Apply the idle times of the current rules."""

        def get_socket(self) -> socket.socket | None:
            """Return the socket; None if the connection is closed."""

        @property
        def is_in_clear(self) -> bool:
            """Whether the client reads plaintext."""

    CreateConnection = Callable[["ConnectionManager", Endpoint], ManagedConnection]


__all__ = ["ConnectionManager"]

# The size of one read.  Large, because each turn of the loop costs as much as copying this many bytes.
_READ_BUFFER_BYTES = 256 * 1024

# Where a poller has a limit: sockets for listeners, and for clients that are turned away.
_RESERVED_SOCKETS = 20

# Calls of stores that run at a time; more would only wait for each other.
_MAX_WORKER_THREADS = 8

# Below this limit, a server is a test of the limit, and crowding would change its timeouts.
_MIN_LIMIT_FOR_CROWDING = 10

# Crowding begins above one share of the limit and ends below another, so that it does not flicker.
_CROWDING_BEGIN_SHARE = 0.8
_CROWDING_END_SHARE = 0.7


class ConnectionManager:
    """The part of a server that accepts connections and ends them.

    All methods except the constructor run in the reactor's thread.

    Args:
        reactor: The event loop of this run.
        endpoints: The bound listeners, each with its endpoint.
        limits: The server's limits.
        create_connection: Creates the object of a new connection.
        decide: Returns the reply to an event, or an awaitable of it; None if `apply_reply` alone decides.
        apply_reply: Carries out a reply that is final, and returns it, or another one.
        decide_by_function: As `decide`, by the function that a rule names.
        reply_to_error: Returns the reply to an event when a rule's function has raised an exception.
        notify_accepted: Called when the replies to accepted mails are written, see `announce_mail`.
        add_record: Called with the record of each new session.
        on_session_end: Called with the record of each session that has ended; None without an observer.
        rules: The rules, which are evaluated before `decide`.
        start_time: The start of the time that rules count, by the monotonic clock.
        record_failed_login: Called with each refused login of IMAP or POP3: the command, and the response.
        order_notices: Called with each message after which rules let something come back, what they demand, and whether
            a rule has lost the message, before the reply to it is decided.
    """

    def __init__(
        self,
        reactor: Reactor,
        endpoints: Sequence[tuple[Listener, Endpoint]],
        limits: Limits,
        *,
        create_connection: CreateConnection,
        decide: Decide | None,
        apply_reply: Callable[[Event, Reply], Reply],
        decide_by_function: Callable[[Callable[[Event], object], Event, Reply], Reply | Awaitable[Reply]],
        reply_to_error: Callable[[BaseException], Reply],
        notify_accepted: Callable[[], None],
        add_record: Callable[[SessionRecord], object],
        on_session_end: Callable[[SessionRecord], object] | None,
        rules: Rules,
        start_time: float,
        record_failed_login: Callable[[str, str], object] | None = None,
        order_notices: OrderNotices | None = None,
    ) -> None:
        self.order_notices: OrderNotices = order_notices or _ignore_notices
        self.record_failed_login = record_failed_login
        self.reactor: Reactor = reactor
        self.limits = limits
        self.rules = rules
        self.start_time: float = start_time
        self.can_decide_later: bool = decide is not None  # `decide` may return an awaitable
        self.decide: Decide = apply_reply if decide is None else decide
        self.apply_reply = apply_reply
        self.decide_by_function = decide_by_function
        self.reply_to_error = reply_to_error
        self.add_record = add_record
        self.on_session_end = on_session_end
        self._create_connection = create_connection
        self._connection_count = 0
        self._notify_accepted = notify_accepted
        # The commits that the next reply has to wait for; the result of each is None, or a refusal that replaces the
        # reply.  None instead of a list: replies never wait, as there is no durable store.
        self.pending_commits: list[PendingCommit] | None = None
        self._is_announcement_due = False
        budget = None if limits.content_memory is None else MemoryBudget(limits.content_memory)
        self.memory_budget: MemoryBudget | None = budget
        self.create_sink: Callable[[], Sink] = functools.partial(SpooledContent, limits.session_memory, budget)
        if budget is None and limits.message_size is not None and limits.message_size <= limits.session_memory:
            self.create_sink = MemorySink  # no message is large enough for a file
        self.auth_rate_limit: AuthRateLimit | None = None
        if limits.auth_failures_per_minute is not None:
            from lazr.smtptest.net import auth_rate_limit  # most servers have no such limit

            self.auth_rate_limit = auth_rate_limit.AuthRateLimit(limits.auth_failures_per_minute)
        # Created with the first connection: its memory costs as much as the rest of a start.
        self._read_buffer: memoryview | None = None
        self.is_crowded: bool = False
        self.is_closing: bool = False
        # Runs a coroutine call; the driver of the reactor replaces it.
        self.run_coroutine: Callable[[CoroutineCall], object] = _refuse_coroutine
        self._worker_pool: WorkerPool | None = None  # for calls of stores that may block
        self._endpoints = endpoints
        self._max_connections = compute_max_smtp_connections(limits.connections)
        if reactor.max_sockets is not None:
            max_sockets = reactor.max_sockets - _RESERVED_SOCKETS
            self._max_connections = min(max_sockets, self._max_connections or max_sockets)
        self._connections: set[ManagedConnection] = set()
        self._acceptors: list[Acceptor] = []
        self._on_closed: Callable[[], object] | None = None
        self._idle_callbacks: list[Callable[[], object]] = []

    @property
    def sockets(self) -> list[socket.socket]:
        """The listening sockets."""
        return [listener.socket for listener, _ in self._endpoints]

    @property
    def open_connection_count(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def list_clients(self) -> list[tuple[socket.socket, bool]]:
        """Return the sockets of open connections, and whether each client reads plaintext.

        This may be called in any thread.
        """
        found = [(connection.get_socket(), connection.is_in_clear) for connection in list(self._connections)]
        return [(socket, is_in_clear) for socket, is_in_clear in found if socket is not None]

    def open(self) -> None:
        """Accept connections."""
        for listener, endpoint in self._endpoints:
            acceptor = Acceptor(self.reactor, listener.socket, functools.partial(self._connect, endpoint))
            acceptor.open()
            self._acceptors.append(acceptor)

    def _connect(self, endpoint: Endpoint, connected: socket.socket, peer_name: object) -> None:
        """Begin with a client that was accepted."""
        if self._read_buffer is None:
            self._read_buffer = memoryview(bytearray(_READ_BUFFER_BYTES))
        fd = connected.fileno()
        connection: ManagedConnection | None = None
        transport: SocketTransport | None = None
        try:
            connection = self._create_connection(self, endpoint)
            transport = SocketTransport(self.reactor, connected, peer_name, connection, self._read_buffer)
            self.reactor.register(fd, READ, transport)
            connection.connection_made(transport)
        except BaseException:  # such as too few descriptors to import the code of a connection
            if transport is not None:
                self.reactor.unregister(fd, transport)
            connected.close()
            if connection is not None:
                self.remove_connection(connection)
            raise

    def start_coroutine(self, coroutine: Coroutine[Any, Any, None]) -> CoroutineCall:
        """Run a coroutine in the server's thread, by asyncio, which is started for the first one."""
        call = CoroutineCall(coroutine)
        self.run_coroutine(call)
        return call

    def get_worker_pool(self) -> WorkerPool:
        """Return the threads for calls that may block."""
        if self._worker_pool is None:
            from lazr.smtptest.net.worker_pool import WorkerPool  # servers without IMAP and POP3 do not need it

            self._worker_pool = WorkerPool(_MAX_WORKER_THREADS, "smtptest worker")
        return self._worker_pool

    def close_worker_pool(self, timeout: float) -> None:
        """End the threads; this may be called in any thread, after the end of the reactor."""
        if self._worker_pool is not None:
            self._worker_pool.close(timeout)

    def close(self, grace: float, on_closed: Callable[[], object]) -> None:
        """Stop accepting, send pending replies and close; then call `on_closed`.

        Connections that remain after `grace` seconds are cut.
        """
        # First handle what clients have sent before the stop.  Besides, a socket that is closed with unread input sends
        # a reset, which can overtake the 421.
        self.reactor.call_in_next_pass(self._shut_down, grace, on_closed)

    def _shut_down(self, grace: float, on_closed: Callable[[], object]) -> None:
        self.is_closing = True
        for acceptor, (listener, _) in zip(self._acceptors, self._endpoints, strict=True):
            _try_all(
                acceptor.accept_all,  # clients that wait in the backlog get 421
                acceptor.close,
                listener.refuse_connections,
                listener.close_descriptor,
            )
        _try_all(*(connection.shut_down for connection in self._connections))
        if self._connections:
            self._on_closed = on_closed
            self.reactor.call_later(grace, self.abort_all)
        else:
            on_closed()

    def abort_all(self) -> None:
        """Cut all connections."""
        _try_all(*(connection.abort for connection in self._connections))

    def call_when_idle(self, function: Callable[[], object]) -> None:
        """Call a function when no client is connected or connecting."""
        for acceptor in self._acceptors:
            acceptor.accept_all()
        if self._connections:
            self._idle_callbacks.append(function)
        else:
            function()

    def _check_idle(self) -> None:
        callbacks, self._idle_callbacks = self._idle_callbacks, []
        for function in callbacks:
            self.call_when_idle(function)

    def add_connection(self, connection: ManagedConnection) -> bool:
        """Register a new connection; return False if there are too many."""
        if self._max_connections is not None and len(self._connections) >= self._max_connections:
            return False
        self._connections.add(connection)
        if self._max_connections is not None:
            self._update_crowding(self._max_connections)
        return True

    def remove_connection(self, connection: ManagedConnection) -> None:
        """Forget a connection that has ended."""
        self._connections.discard(connection)
        if self._max_connections is not None:
            self._update_crowding(self._max_connections)
        if not self._connections:
            if self._on_closed is not None:
                self._on_closed()
            if self._idle_callbacks:
                self.reactor.call_soon(self._check_idle)

    def assign_number(self) -> int:
        """Return the number of a new session, counted from 1."""
        self._connection_count += 1
        return self._connection_count

    def reset_numbers(self) -> None:
        """Count the next session as number 1."""
        self._connection_count = 0

    def schedule_idle_checks(self) -> None:
        """Apply the idle times of changed rules to all connections."""
        for connection in tuple(self._connections):
            connection.schedule_idle_check()

    def announce_mail(self) -> None:
        """Notify waiters of accepted mails at the end of this pass.

        Their replies are written then (promise P2).
        """
        if not self._is_announcement_due:
            self._is_announcement_due = True
            self.reactor.call_soon(self._announce)

    def _announce(self) -> None:
        self._is_announcement_due = False
        self._notify_accepted()

    def _update_crowding(self, max_connections: int) -> None:
        """Shorten timeouts while most connections are taken.

        Postfix does the same (https://www.postfix.org/STRESS_README.html).
        """
        share = _CROWDING_END_SHARE if self.is_crowded else _CROWDING_BEGIN_SHARE
        is_crowded = max_connections >= _MIN_LIMIT_FOR_CROWDING and len(self._connections) > share * max_connections
        if is_crowded != self.is_crowded:
            self.is_crowded = is_crowded
            for connection in tuple(self._connections):
                connection.update_deadline()


def _try_all(*functions: Callable[[], object]) -> None:
    """Call functions of the end of a server; one that fails does not prevent the others."""
    for function in functions:
        try:
            function()
        except Exception:  # noqa: BLE001 - else the server would never end
            get_logger().exception("a part of the server did not close in order")


def _refuse_coroutine(call: CoroutineCall) -> None:
    raise RuntimeError("the server does not run, so it cannot call a coroutine function")


def _ignore_notices(message: EndOfData, orders: tuple[NoticeOrder, ...], *, is_lost: bool) -> None:
    """Send nothing back, for a manager without a server."""
