"""What a POP3 session waits for."""

from __future__ import annotations

import enum

__all__ = ["Waiting"]


class Waiting(enum.Enum):
    """What a session waits for before it handles more input."""

    INPUT = "the client's next input"
    CALL = "the result of `pending_call`"
    DECISION = "the reply to the last command: `decide` returned `PENDING`"
    TURN = "the driver's next turn: much output waits, or `items_per_turn` lines were handled"
    HANDSHAKE = "the TLS handshake (RFC 2595 4)"
    CLOSE = "the close, which the client does not expect"
    ORDERLY_CLOSE = "the close after QUIT or the end of input"
