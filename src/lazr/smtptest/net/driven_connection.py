"""The interface by which the parts for IMAP and POP3 know their connection."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from lazr.smtptest.net.connection_manager import ConnectionManager
    from lazr.smtptest.net.connection_state import Phase
    from lazr.smtptest.net.deadlines import Deadlines
    from lazr.smtptest.net.endpoint import Endpoint
    from lazr.smtptest.net.fault_injector import FaultInjector
    from lazr.smtptest.net.pending_decision import PendingDecision
    from lazr.smtptest.protocol.reading_session import ReadingReply
    from lazr.smtptest.protocol.smtp import SessionRecord

    class DrivenConnection(Protocol):
        """What the driver needs of its connection."""

        pending: PendingDecision | None

        @property
        def manager(self) -> ConnectionManager:
            """The server's part that has the reactor, the rules and the threads."""

        @property
        def endpoint(self) -> Endpoint:
            """The settings of the listener."""

        @property
        def record(self) -> SessionRecord:
            """The facts of the session."""

        @property
        def deadlines(self) -> Deadlines:
            """The times of the connection."""

        @property
        def phase(self) -> Phase:
            """The phase of the connection."""

        @property
        def is_writing_paused(self) -> bool:
            """Whether the client does not read its replies."""

        def get_faults(self) -> FaultInjector:
            """Return what carries out rules."""

        def run(self, function: Callable[..., object], *arguments: object) -> None:
            """Call a function; if it raises, cut the connection."""

        def answer(self, reply: ReadingReply | None) -> None:
            """Give the decision about the pending command to the session, and go on."""

        def write(self, output: bytes) -> None:
            """Write replies."""

        def send(self, output: bytes) -> None:
            """Write replies, and continue with the session."""

        def mark_time(self) -> None:
            """Note the time in the transcript."""

        def resume(self) -> None:
            """Go on after the session has halted."""

        def close_when_sent(self) -> None:
            """Close after the last reply is sent."""

        def shut_down(self) -> None:
            """Send the last reply, and close."""


__all__: list[str] = []
