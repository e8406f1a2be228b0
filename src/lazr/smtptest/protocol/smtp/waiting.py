"""What a session waits for, as a table: each condition, and the steps to another one."""

from __future__ import annotations

import enum

TYPE_CHECKING = False

__all__ = ["CLOSED", "FORBIDS_PIPELINING", "GROUP_ENDS", "REPLY_PENDING", "WAITING_TRANSITIONS", "Step", "Waiting"]


class Waiting(enum.Enum):
    """What a session waits for before it handles more input."""

    INPUT = "the client's next input"
    GROUP_END = "the end of this input: nothing may follow AUTH or STARTTLS before the reply (RFC 2920 3.1)"
    LAST_GROUP_END = "the end of this input, as for `GROUP_END`; the session closes then"
    REPLY = "the reply to the last event: `decide` returned `PENDING`"
    LONE_REPLY = "the reply to AUTH or STARTTLS; input before it is discarded"
    MARK = "the driver, because the content has reached one of the `marks`"
    TURN = "the driver's next turn: much output waits, or `items_per_turn` items were handled"
    HANDSHAKE = "the TLS handshake (RFC 3207 4)"
    CLOSE = "the close, which the client does not expect"
    ORDERLY_CLOSE = "the close after QUIT or the end of input"

    if not TYPE_CHECKING:
        __hash__ = object.__hash__  # members are compared by identity; `Enum` would hash their names, in Python


class Step(enum.Enum):
    """What ends one condition and begins another."""

    FORBID_PIPELINING = "a line of AUTH or STARTTLS was read"
    END_GROUP = "the input has ended, or the session closes because it went on"
    AWAIT_REPLY = "`decide` returned `PENDING`"
    ANSWER = "`answer` brought the reply"
    REACH_MARK = "the content has reached a mark"
    RESUME = "`resume_after_mark` was called"
    END_TURN = "much output waits, or `items_per_turn` items were handled"
    BEGIN_TURN = "`receive` was called again"
    BEGIN_HANDSHAKE = "the 220 to STARTTLS was sent"
    COMPLETE_HANDSHAKE = "`complete_handshake` was called"
    CLOSE = "the session gave up, or the connection was lost"
    CLOSE_ORDERLY = "the client sent QUIT or ended its input"

    if not TYPE_CHECKING:
        __hash__ = object.__hash__


# A pair that is missing here cannot occur.
WAITING_TRANSITIONS: dict[tuple[Waiting, Step], Waiting] = {
    (Waiting.INPUT, Step.AWAIT_REPLY): Waiting.REPLY,
    (Waiting.REPLY, Step.ANSWER): Waiting.INPUT,
    # RFC 3207 4, RFC 4954 4: the client must wait for the reply to these lines.
    (Waiting.INPUT, Step.FORBID_PIPELINING): Waiting.GROUP_END,
    (Waiting.GROUP_END, Step.AWAIT_REPLY): Waiting.LONE_REPLY,
    (Waiting.LONE_REPLY, Step.ANSWER): Waiting.GROUP_END,
    (Waiting.GROUP_END, Step.END_GROUP): Waiting.INPUT,
    # The session closes, and still has to record the input that should not have followed.
    (Waiting.GROUP_END, Step.CLOSE): Waiting.LAST_GROUP_END,
    (Waiting.LAST_GROUP_END, Step.CLOSE): Waiting.LAST_GROUP_END,
    (Waiting.LAST_GROUP_END, Step.END_GROUP): Waiting.CLOSE,
    (Waiting.INPUT, Step.BEGIN_HANDSHAKE): Waiting.HANDSHAKE,
    (Waiting.TURN, Step.BEGIN_HANDSHAKE): Waiting.HANDSHAKE,  # no input is left for another turn
    (Waiting.HANDSHAKE, Step.COMPLETE_HANDSHAKE): Waiting.INPUT,
    # The reply to DATA may be much output, and a mark at the start of the content follows it at once.
    (Waiting.INPUT, Step.REACH_MARK): Waiting.MARK,
    (Waiting.TURN, Step.REACH_MARK): Waiting.MARK,
    (Waiting.MARK, Step.RESUME): Waiting.INPUT,
    (Waiting.INPUT, Step.END_TURN): Waiting.TURN,
    (Waiting.TURN, Step.BEGIN_TURN): Waiting.INPUT,
    **{
        (waiting, Step.CLOSE): Waiting.CLOSE
        for waiting in Waiting
        if waiting not in (Waiting.GROUP_END, Waiting.LAST_GROUP_END, Waiting.ORDERLY_CLOSE)
    },
    **{
        (waiting, Step.CLOSE_ORDERLY): Waiting.ORDERLY_CLOSE
        for waiting in Waiting
        if waiting not in (Waiting.REPLY, Waiting.LONE_REPLY, Waiting.MARK, Waiting.HANDSHAKE)
    },
}

CLOSED: frozenset[Waiting] = frozenset({Waiting.LAST_GROUP_END, Waiting.CLOSE, Waiting.ORDERLY_CLOSE})
# At a mark too, the driver has to act before the session goes on.
REPLY_PENDING: frozenset[Waiting] = frozenset({Waiting.REPLY, Waiting.LONE_REPLY, Waiting.MARK})
GROUP_ENDS: frozenset[Waiting] = frozenset({Waiting.GROUP_END, Waiting.LAST_GROUP_END})
FORBIDS_PIPELINING: frozenset[Waiting] = frozenset({*GROUP_ENDS, Waiting.LONE_REPLY})
