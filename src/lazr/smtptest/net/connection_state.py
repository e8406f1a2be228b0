"""The states of a connection: its phase, what a reply waits for, and why it does not read.

- `Phase`: what the input means.
- `ReplyWait`: what a pending reply waits for.  It exists in the phase SESSION only, and for one reply at a time.
- `PauseReason`: why input stays in the socket.  Several reasons may hold at once.  Without any, the connection
  reads.

What the session itself waits for is in the table of `protocol.smtp.waiting`.
"""

from __future__ import annotations

import enum

__all__ = ["NEXT_PHASES", "PauseReason", "Phase", "Reading", "ReplyWait"]


class Phase(enum.Enum):
    """What the input of a connection is, and how the connection ends meanwhile.

    A connection begins with PROXY, if the listener expects a header, or with SESSION; `NEXT_PHASES` has what follows.

    Args:
        input: Where the input goes.
        deadline: The time limit.
        at_eof: What happens when the client closes its side.
        at_stop: What happens when the server stops.
    """

    PROXY = (
        "to the parser of the PROXY header",
        "3 s after connecting",
        "the header has failed; close",
        "close",
    )
    HANDSHAKE = (
        "to TLS",
        "`Tls(handshake_timeout=)` after its start",
        "TLS has failed; close",
        "close",
    )
    SESSION = (
        "to the session, decrypted if there is TLS",
        "idle, command and session timeout; write timeout while the client reads no replies",
        "the session ends; pending replies are sent before",
        "the last reply, such as 421, then close",
    )
    STALLED = (
        "discarded: a rule never answers again",
        "session timeout",
        "close",
        "close",
    )
    CLOSING = (
        "discarded: the last reply is sent",
        "2 s, then the connection is cut",
        "close",
        "close",
    )

    def __init__(self, input: str, deadline: str, at_eof: str, at_stop: str) -> None:
        self.input: str = input
        self.deadline: str = deadline
        self.at_eof: str = at_eof
        self.at_stop: str = at_stop


NEXT_PHASES: dict[Phase, tuple[Phase, ...]] = {
    Phase.PROXY: (Phase.SESSION, Phase.CLOSING),
    Phase.SESSION: (Phase.HANDSHAKE, Phase.STALLED, Phase.CLOSING),  # with implicit TLS, the handshake begins at once
    Phase.HANDSHAKE: (Phase.SESSION, Phase.CLOSING),
    Phase.STALLED: (Phase.CLOSING,),
    Phase.CLOSING: (),
}


class Reading(enum.Enum):
    """Whether a connection reads while a reply is pending, so that it notices a disconnect."""

    NO = "no"
    YES = "yes"
    UNTIL_INPUT = "until input has arrived"  # pausing costs two system calls, too much for a short wait


class ReplyWait(enum.Enum):
    """What a connection waits for before it sends a reply that takes time.

    Args:
        subject: What is waited for.
        reading: Whether the connection reads meanwhile.
        delays_stop: Whether a server that stops waits for it, and sends the reply before 421.
        at_eof: What happens when the client closes its side.
    """

    DECISION = "a user's coroutine, or the delay after failed AUTH", Reading.NO, True, "the reply is sent before"
    COMMIT = "the commits of the accepted mail", Reading.UNTIL_INPUT, True, "the reply is sent before"
    DELAY = "the end of a rule's delay", Reading.YES, False, "the delay ends, and the delayed action runs"
    CALL = "a coroutine that a rule has called", Reading.YES, True, "the coroutine is cancelled; close without a reply"
    CONTENT = "the end of this pass; then a rule acts within content", Reading.NO, False, "the rule acts before"
    CHANGE = "the end of this pass; then a rule changes the reply", Reading.NO, False, "the rule acts before"
    STORE = "a call of the store, in IMAP and POP3", Reading.UNTIL_INPUT, True, "the reply is sent before"

    def __init__(self, subject: str, reading: Reading, delays_stop: bool, at_eof: str) -> None:
        self.subject: str = subject
        self.reading: Reading = reading
        self.delays_stop: bool = delays_stop
        self.at_eof: str = at_eof


class PauseReason(enum.Flag):
    """Why a connection does not read from its socket; the values are bits."""

    WRITE = enum.auto()
    REPLY = enum.auto()
    TURN = enum.auto()
    BUFFER = enum.auto()

    @property
    def explanation(self) -> str:
        """What has to happen before the connection reads again."""
        return _EXPLANATIONS[self]


_EXPLANATIONS = {
    PauseReason.WRITE: "the client has to read its replies: more than `Limits.replies_waiting` wait",
    PauseReason.REPLY: "the reply that the client waits for has to be known",
    PauseReason.TURN: "other clients have their turn before the rest of this client's input is processed",
    PauseReason.BUFFER: "a rule's delay or call has to end: 64 KiB of input wait for that",
}
