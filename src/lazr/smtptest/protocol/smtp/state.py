"""The states of a session, as a table of which verb is allowed in which and where it leads."""

from __future__ import annotations

import enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    Row = dict[str, "tuple[State, Row]"]

__all__ = ["NEXT", "ROWS", "State"]


class State(enum.Enum):
    """Where a session stands (RFC 5321 4.1.4)."""

    START = "connected, not yet greeted"
    READY = "greeted, no transaction"
    MAIL = "a transaction with a reverse-path"
    RCPT = "a transaction with recipients"
    BDAT = "a transaction with some of its chunks"
    DATA = "content is on its way"
    UNWELCOME = "greeted with a refusal; only QUIT is left"


_GREETED = (State.READY, State.MAIL, State.RCPT, State.BDAT)
_COMMANDING = (State.START, *_GREETED)

# The state that an accepted command leads to.  A pair that is not here is a 503.
NEXT: dict[tuple[State, str], State] = {
    # RFC 5321 4.1.4: EHLO and HELO may come at any time, and abort what was under way.
    # LHLO stands in their place in LMTP (RFC 2033 4.1).
    **{(state, verb): State.READY for state in _COMMANDING for verb in ("EHLO", "HELO", "LHLO")},
    # RFC 3207 4.2: after the handshake the session begins anew; XCLIENT does the same.  RFC 4954 3: AUTH
    # changes nothing of the state.  None of them may come inside a transaction.
    (State.READY, "STARTTLS"): State.START,
    (State.READY, "XCLIENT"): State.START,
    (State.READY, "AUTH"): State.READY,
    # RFC 5321 3.3: reverse-path, then forward-paths, then content.
    (State.READY, "MAIL"): State.MAIL,
    (State.MAIL, "RCPT"): State.RCPT,
    (State.RCPT, "RCPT"): State.RCPT,
    (State.RCPT, "DATA"): State.DATA,
    # RFC 3030 2: chunks take DATA's place; once one has come, nothing but chunks may follow.
    (State.RCPT, "BDAT"): State.BDAT,
    (State.BDAT, "BDAT"): State.BDAT,
    # The end of content ends the transaction, whatever the reply to it (RFC 5321 4.1.1.4).
    (State.DATA, "END_OF_DATA"): State.READY,
    (State.BDAT, "END_OF_DATA"): State.READY,
    # RFC 5321 3.1: who was greeted with 554 may leave in good order.
    (State.UNWELCOME, "QUIT"): State.UNWELCOME,
    # RFC 5321 4.1.1.5: RSET aborts the transaction, and changes nothing before a greeting.
    (State.START, "RSET"): State.START,
    **{(state, "RSET"): State.READY for state in _GREETED},
    # RFC 5321 4.1.4: these change nothing, and may come before a greeting.
    **{(state, verb): state for state in _COMMANDING for verb in ("NOOP", "VRFY", "EXPN", "HELP", "QUIT")},
}

# The same, for walking along: a state's verbs, and for each the state behind it with its own verbs.
ROWS: dict[State, Row] = {state: {} for state in State}
for (_state, _verb), _next in NEXT.items():
    ROWS[_state][_verb] = (_next, ROWS[_next])
