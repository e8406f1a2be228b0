"""What a session of IMAP waits for."""

from __future__ import annotations

import enum

TYPE_CHECKING = False

__all__ = ["CLOSED", "PENDING_RESULT", "Waiting"]


class Waiting(enum.Enum):
    """What a session waits for before it handles more input."""

    INPUT = "the client's next input"
    DECISION = "the decision about a command: `decide` returned `PENDING`"
    CALL = "the result of `pending_call`"
    TURN = "the driver's next turn: much output waits, or `items_per_turn` commands were handled"
    HANDSHAKE = "the TLS handshake (RFC 9051 6.2.1)"
    CLOSE = "the close, which the client does not expect"
    ORDERLY_CLOSE = "the close after LOGOUT or the end of input"


CLOSED = frozenset({Waiting.CLOSE, Waiting.ORDERLY_CLOSE})
PENDING_RESULT = frozenset({Waiting.DECISION, Waiting.CALL})
