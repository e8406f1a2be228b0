"""One server's sockets: listeners, connections, and their end."""

from __future__ import annotations

import asyncio
import contextlib
import functools

from lazr.smtptest.net.conduct import Conduct
from lazr.smtptest.net.listener import BACKLOG
from lazr.smtptest.net.spool import Spool
from lazr.smtptest.protocol.smtp.data import Chunks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lazr.smtptest.faults.rules import Rules
    from lazr.smtptest.net.connection import Connection
    from lazr.smtptest.net.entrance import Entrance
    from lazr.smtptest.net.listener import Listener
    from lazr.smtptest.protocol.smtp.data import Sink
    from lazr.smtptest.protocol.smtp.event import Event
    from lazr.smtptest.protocol.smtp.limits import Limits
    from lazr.smtptest.protocol.smtp.record import SessionRecord
    from lazr.smtptest.protocol.smtp.reply import Reply

    Consider = Callable[[Event, Reply], Reply | Awaitable[Reply]]

__all__ = ["Service"]

# The most that one read brings.  Large, because each turn of the loop costs as much as copying this.
_READ = 256 * 1024

# asyncio needs three: a task for each socket, the transport, its connection_made.
_TURNS = 4

# A limit below this is somebody's test of the limit, not a server to protect.
_FEW = 10

# Descriptors that connections must leave free, for listeners, spools, the store and the tester.
_SPARE = 20


class Service:
    """What runs in the loop; every method but the constructor belongs to its thread.

    `decide(event, reply)` answers with a reply; `consider`, if there is one, is asked in its place,
    and may also answer with something to await.  `announce()` is called when the reply to what was
    accepted is written, which `fresh` says that something was.  `remember(record)` is called for each session.
    `rules` are asked before any of these, and their time counts from `opened`; `call(function, event, reply)` asks a
    function that a rule names, and `raised(error)` makes the reply to what such a function raised.
    """

    def __init__(
        self,
        listeners: Sequence[tuple[Listener, Entrance]],
        limits: Limits,
        *,
        decide: Callable[[Event, Reply], Reply],
        consider: Consider | None,
        announce: Callable[[], None],
        remember: Callable[[SessionRecord], object],
        rules: Rules,
        opened: float,
        call: Callable[[Callable[[Event], object], Event, Reply], Reply | Awaitable[Reply]],
        raised: Callable[[BaseException], Reply],
    ) -> None:
        self.rules = rules
        self.call = call
        self.raised = raised
        self.opened: float = opened
        self._counted = 0
        self.heard: int = 0  # how often clients have said something
        self.limits = limits
        self.remember = remember
        self.decide = decide
        self.consider = consider
        self._announce = announce
        # What the reply that is given next has to wait for; each comes to be None, or a refusal that is given instead.
        # None where no reply ever has to.
        self.unsafe: list[asyncio.Future[Reply | None]] | None = None
        self.fresh: bool = False  # something was accepted, and its reply is not yet written
        self.new_sink: Callable[[], Sink] = functools.partial(Spool, limits.session_memory)
        if limits.message_size is not None and limits.message_size <= limits.session_memory:
            self.new_sink = Chunks  # no message can come to need a file
        self.buffer: memoryview = memoryview(bytearray(_READ))
        self.crowded: bool = False
        self.closing: bool = False
        self.loop: asyncio.AbstractEventLoop
        self._listeners = listeners
        self._most = _most_connections(limits.connections)
        self._connections: set[Connection] = set()
        self._to_send: list[Connection] = []
        self.alone: bool = True  # there is one connection at the most
        self._servers: list[asyncio.Server] = []
        self._all_gone: asyncio.Event | None = None
        self._quiet: asyncio.Event | None = None

    async def open(self) -> None:
        """Accept connections, in the loop that runs."""
        self.loop = asyncio.get_running_loop()
        for listener, entrance in self._listeners:
            make = functools.partial(Conduct, self, entrance)
            create = self.loop.create_server if listener.path is None else self.loop.create_unix_server
            self._servers.append(await create(make, sock=listener.socket, backlog=BACKLOG))

    async def close(self, grace: float) -> None:
        """Accept no more, let the replies that are due go out, and close; what hangs is cut after `grace` seconds."""
        self.closing = True
        for listener, _ in self._listeners:
            # First no more is accepted, then what was accepted a moment ago comes to be made, which
            # takes some turns of the loop; asyncio loses it if its server is closed meanwhile.
            with contextlib.suppress(NotImplementedError):
                self.loop.remove_reader(listener.socket)
            listener.refuse()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.shut_down()
        if self._connections:
            self._all_gone = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self._all_gone.wait()
            for connection in tuple(self._connections):
                connection.abort()
            await self._all_gone.wait()
        await asyncio.sleep(0)  # the last one's own end is over

    async def settled(self) -> None:
        """Wait until no client is connected, nor about to be."""
        while True:
            for _ in range(_TURNS + 1):  # who has connected a moment ago is noticed in the first of these
                await asyncio.sleep(0)
            if not self._connections:
                return
            self._quiet = asyncio.Event()
            await self._quiet.wait()

    def enter(self, connection: Connection) -> bool:
        """A connection begins; whether there is room for it."""
        if self._most is not None and len(self._connections) >= self._most:
            return False
        self._connections.add(connection)
        self.alone = len(self._connections) == 1
        if self._most is not None:
            self._see_crowd(self._most)
        return True

    def leave(self, connection: Connection) -> None:
        """A connection has ended."""
        self._connections.discard(connection)
        self.alone = len(self._connections) <= 1
        if self._most is not None:
            self._see_crowd(self._most)
        if not self._connections:
            if self._all_gone is not None:
                self._all_gone.set()
            if self._quiet is not None:
                self._quiet.set()

    def count(self) -> int:
        """A client has come to be served; the first one is 1."""
        self._counted += 1
        return self._counted

    def forget(self) -> None:
        """The next client is the first one again."""
        self._counted = 0

    def watch(self) -> None:
        """How long clients may be silent before a rule is asked has changed."""
        for connection in tuple(self._connections):
            connection.watch()

    def send_soon(self, connection: Connection) -> None:
        """Have this connection's replies written when all that has arrived by now is dealt with.

        Each write may wake a client, on another processor perhaps, which costs more than any reply.
        Written one right behind the other, the first finds the client asleep, and the others do not.
        """
        if not self._to_send:
            self.loop.call_soon(self.send_all)
        self._to_send.append(connection)

    def send_all(self) -> None:
        """Write all replies that wait; then those who wait for what they accept may wake up (P2)."""
        connections, self._to_send = self._to_send, []
        for connection in connections:
            connection.flush()
        if self.fresh:
            self.fresh = False
            self._announce()

    def _see_crowd(self, most: int) -> None:
        """Deadlines are short while most of the room is taken (Postfix calls that stress).

        It ends lower than it begins, so that who comes and goes at the border costs others nothing.
        """
        crowded = most >= _FEW and len(self._connections) > (0.7 if self.crowded else 0.8) * most
        if crowded != self.crowded:
            self.crowded = crowded
            for connection in tuple(self._connections):
                connection.crowded()


def _most_connections(wanted: int | None) -> int | None:
    """The limit, or less where the process may not open that many files."""
    if wanted is None:
        return None
    try:
        import resource
    except ImportError:  # not on Windows
        return wanted
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, int(soft * 0.8) - _SPARE))
