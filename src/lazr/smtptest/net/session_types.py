"""The interfaces by which connections know the sessions of all protocols.

`SmtpSession` documents the attributes; sessions of IMAP and POP3 have the same ones, with the constant values of a
session without message content where they have no meaning there.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Literal, Protocol

    from lazr.smtptest.protocol.folder_access import Account
    from lazr.smtptest.protocol.reading_session import ReadingDecide, ReadingReply, ReadingSettings
    from lazr.smtptest.protocol.smtp import Mail, Rcpt, SessionRecord, TlsFacts

    ProtocolName = Literal["smtp", "lmtp", "imap", "pop3"]

    class Session(Protocol):
        """A session of any protocol: bytes in, bytes out, and what it waits for."""

        record: SessionRecord
        marks: Sequence[int]
        items_per_turn: int

        @property
        def is_halted(self) -> bool:
            """Whether the session waits for something else than input."""

        @property
        def is_closing(self) -> bool:
            """Whether nothing more is read, and the connection must be closed."""

        @property
        def is_orderly_close(self) -> bool:
            """Whether the client expects the close."""

        @property
        def is_reply_pending(self) -> bool:
            """Whether the connection has to bring a reply, or the result of a call."""

        @property
        def is_pipelining_forbidden(self) -> bool:
            """Whether the client must wait for the pending reply."""

        @property
        def is_at_mark(self) -> bool:
            """Whether the content has reached one of the `marks`."""

        @property
        def has_backlog(self) -> bool:
            """Whether the rest of the input waits for the next turn."""

        @property
        def is_handshaking(self) -> bool:
            """Whether the next input belongs to the TLS handshake."""

        @property
        def has_unread_input(self) -> bool:
            """Whether input has arrived that is not processed yet."""

        @property
        def is_in_content(self) -> bool:
            """Whether the next bytes are content."""

        @property
        def content_size(self) -> int:
            """The bytes of content received so far."""

        @property
        def transaction(self) -> tuple[Mail | None, tuple[Rcpt, ...]]:
            """The reverse-path and the accepted forward-paths of SMTP."""

        def greet(self, peer: str) -> bytes:
            """Return the greeting."""

        def receive(self, data: bytes) -> bytes:
            """Process input, and return the bytes to send."""

        def receive_eof(self) -> bytes:
            """Process the end of input, and return the bytes to send."""

        def answer(self, reply: Any, /) -> bytes:
            """Apply the pending reply or result, and return the bytes to send."""

        def complete_handshake(self, facts: TlsFacts, settings: Any) -> None:
            """Start the session again inside TLS."""

        def apply_settings(self, settings: Any) -> None:
            """Start the session again with other settings."""

        def time_out(self) -> bytes:
            """Close after a deadline, and return the bytes to send."""

        def shut_down(self) -> bytes:
            """Close because the server stops, and return the bytes to send."""

        def abandon(self) -> None:
            """Drop all input, because the connection is lost."""

    class ReadingSession(Session, Protocol):
        """A session of IMAP or POP3."""

        @property
        def pending_call(self) -> Callable[[], object] | None:
            """The call whose result the session waits for; None if it waits for something else."""

        @property
        def is_executing(self) -> bool:
            """Whether a command is executed, so that the next output belongs to it."""

        @property
        def is_idling(self) -> bool:
            """Whether the client waits for changes, by IDLE of IMAP."""

        @property
        def account(self) -> Account | None:
            """The account of the user; None before authentication."""

        def fail(self, error: BaseException, /) -> bytes:
            """Handle the exception of the pending call, and return the bytes to send."""

        def notify_change(self) -> bytes:
            """Note that the account may have changed, and return the bytes to send."""

        def interrupt(self, reply: ReadingReply, /) -> bytes:
            """Send a reply that no command asked for, and return the bytes to send."""

    CreateReadingSession = Callable[[ReadingDecide, ReadingSettings], ReadingSession]

__all__: list[str] = []
