"""The states of a session, as a table: the verbs of each state, and where they lead."""

from __future__ import annotations

import enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    AllowedVerbs = dict[str, "tuple[State, AllowedVerbs]"]

__all__ = ["TRANSITIONS", "TRANSITIONS_BY_STATE", "State"]


class State(enum.Enum):
    """The state of a session (RFC 5321 4.1.4)."""

    START = "connected, not yet greeted"
    READY = "greeted, no transaction"
    MAIL = "a transaction with a reverse-path"
    RCPT = "a transaction with recipients"
    BDAT = "a transaction with some chunks"
    DATA = "the content of DATA is being received"
    REFUSED = "refused in the greeting; only QUIT is allowed"


_GREETED_STATES = (State.READY, State.MAIL, State.RCPT, State.BDAT)
_COMMAND_STATES = (State.START, *_GREETED_STATES)

# The state that an accepted command leads to.  A pair that is missing here is answered with 503.
TRANSITIONS: dict[tuple[State, str], State] = {
    # RFC 5321 4.1.4: EHLO and HELO are allowed at any time, and abort a transaction.
    # In LMTP, LHLO replaces both (RFC 2033 4.1).
    **{(state, verb): State.READY for state in _COMMAND_STATES for verb in ("EHLO", "HELO", "LHLO")},
    # RFC 3207 4.2: after the handshake the session starts again; XCLIENT does the same.  RFC 4954 3: AUTH does not
    # change the state.  None of the three is allowed in a transaction.
    (State.READY, "STARTTLS"): State.START,
    (State.READY, "XCLIENT"): State.START,
    (State.READY, "AUTH"): State.READY,
    # RFC 5321 3.3: reverse-path, then forward-paths, then content.
    (State.READY, "MAIL"): State.MAIL,
    (State.MAIL, "RCPT"): State.RCPT,
    (State.RCPT, "RCPT"): State.RCPT,
    (State.RCPT, "DATA"): State.DATA,
    # RFC 3030 2: chunks replace DATA; after the first one, only chunks may follow.
    (State.RCPT, "BDAT"): State.BDAT,
    (State.BDAT, "BDAT"): State.BDAT,
    # The end of content ends the transaction, whatever the reply to it (RFC 5321 4.1.1.4).
    (State.DATA, "END_OF_DATA"): State.READY,
    (State.BDAT, "END_OF_DATA"): State.READY,
    # RFC 5321 3.1: a client that was greeted with 554 may still send QUIT.
    (State.REFUSED, "QUIT"): State.REFUSED,
    # RFC 5321 4.1.1.5: RSET aborts the transaction; before a greeting it changes nothing.
    (State.START, "RSET"): State.START,
    **{(state, "RSET"): State.READY for state in _GREETED_STATES},
    # RFC 5321 4.1.4: these change nothing, and are allowed before a greeting.
    **{(state, verb): state for state in _COMMAND_STATES for verb in ("NOOP", "VRFY", "EXPN", "HELP", "QUIT")},
}

# The same table, nested: the verbs of a state, and for each the next state with its verbs.  A session keeps the row of
# its state, so each command needs one lookup.
TRANSITIONS_BY_STATE: dict[State, AllowedVerbs] = {state: {} for state in State}
for (_state, _verb), _next in TRANSITIONS.items():
    TRANSITIONS_BY_STATE[_state][_verb] = (_next, TRANSITIONS_BY_STATE[_next])
