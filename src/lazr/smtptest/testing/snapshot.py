"""The servers of the process that the fixtures of this package have not started.

A test may start a `MailServer` itself, or in its own fixture of any scope.  A snapshot at the start of the test tells
which servers run already, and what they have received, so that a report shows only what belongs to the test.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.mailserver import MailServer, list_servers_since

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from lazr.smtptest.protocol.smtp import SessionRecord

__all__ = ["ServerSnapshot"]


class ServerSnapshot:
    """The servers that ran at a moment, and what they had received.

    `take` makes one of the current moment; the constructor makes one from before any server ran.

    >>> before = ServerSnapshot.take()
    >>> with MailServer() as server:
    ...     server in before.list_servers(exclude=[])
    True
    """

    def __init__(self) -> None:
        self._moment = 0.0
        self._marks: WeakKeyDictionary[MailServer, tuple[int, frozenset[int]]] = WeakKeyDictionary()

    @classmethod
    def take(cls) -> Self:
        """Return a snapshot of this moment."""
        snapshot = cls()
        snapshot._moment = monotonic()
        for server in list_servers_since(snapshot._moment):
            snapshot._marks[server] = server.inbox.mark(), frozenset(map(id, server.sessions))
        return snapshot

    def list_servers(self, exclude: Iterable[MailServer]) -> list[MailServer]:
        """Return the servers that have run since the snapshot, without those in `exclude`."""
        excluded = set(map(id, exclude))
        return [server for server in list_servers_since(self._moment) if id(server) not in excluded]

    def get_mark(self, server: MailServer) -> int:
        """Return the position in the server's inbox: mails after it are new."""
        return self._marks.get(server, (0, frozenset()))[0]

    def is_new(self, server: MailServer) -> bool:
        """Return whether a server has been started since the snapshot."""
        return server not in self._marks

    def has_received(self, server: MailServer) -> bool:
        """Return whether a client has connected, or mail has arrived, since the snapshot."""
        return server.inbox.mark() > self.get_mark(server) or bool(self.list_new_sessions(server))

    def list_new_sessions(self, server: MailServer) -> list[SessionRecord]:
        """Return the sessions of a server that have begun since the snapshot."""
        _, known = self._marks.get(server, (0, frozenset[int]()))
        return [session for session in server.sessions if id(session) not in known]
