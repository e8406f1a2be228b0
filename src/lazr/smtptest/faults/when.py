"""When a rule may act: a table of the moments of a session, and what can be said and done at each."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["OTHER", "WHENS", "When", "when_of"]

_WORD = re.compile(r"[A-Z0-9_]{1,40}")


class When:
    """One kind of moment: the selectors that mean something then, and the acts that make sense."""

    __slots__ = ("acts", "name", "selectors")

    def __init__(self, name: str, selectors: frozenset[str], acts: frozenset[str]) -> None:
        self.name: Final = name
        self.selectors: Final = selectors
        self.acts: Final = acts

    def __repr__(self) -> str:
        return f"<When {self.name}>"


_ALWAYS = frozenset({"peer", "session", "nth", "probability", "where"})
_CLIENT = _ALWAYS | {"helo", "tls", "user"}
_IN_TRANSACTION = _CLIENT | {"sender", "to"}

_CUT = frozenset({"drop", "reset"})
_COMMAND = _CUT | {"reply", "delay", "stall", "raw", "truncate", "throttle", "close_after", "call"}
_GREETING = _COMMAND | {"without", "advertise"}
_HANDSHAKE = _CUT | {"delay", "stall", "raw", "throttle"}
_UNASKED = _CUT | {"reply", "raw", "close_after"}  # nobody waits for a reply: what is said comes unexpected

_WORDS = ("RSET", "NOOP", "VRFY", "EXPN", "HELP", "QUIT", "XCLIENT")

# A pair of when and what that is not here makes no sense, and is refused when it is written.
_ROWS = (
    When("CONNECT", _ALWAYS | {"tls"}, _COMMAND),
    When("TLS", _ALWAYS | {"helo"}, _HANDSHAKE),
    When("EHLO", _CLIENT, _GREETING),
    When("HELO", _CLIENT, _COMMAND),
    When("LHLO", _CLIENT, _GREETING),
    When("STARTTLS", _ALWAYS | {"helo"}, _COMMAND),
    When("AUTH", _CLIENT | {"mechanism"}, _COMMAND),
    When("MAIL", _CLIENT | {"sender", "size"}, _COMMAND),
    When("RCPT", _IN_TRANSACTION, _COMMAND),
    When("DATA", _IN_TRANSACTION, _COMMAND),
    When("BDAT", _IN_TRANSACTION | {"size"}, _COMMAND),
    When("CONTENT", _IN_TRANSACTION | {"after"}, _UNASKED | {"delay", "stall", "throttle"}),
    When(
        "END_OF_DATA",
        _IN_TRANSACTION | {"size", "header", "subject"},
        _COMMAND | {"accept_but_lose", "duplicate"},
    ),
    *(When(name, _IN_TRANSACTION, _COMMAND) for name in _WORDS),
    When("IDLE", _IN_TRANSACTION | {"after"}, _UNASKED),
)
WHENS: Final[dict[str, When]] = {row.name: row for row in _ROWS}

# Any other verb: one that the server does not know, perhaps.
OTHER: Final = When("any other verb", _IN_TRANSACTION, _COMMAND)


def when_of(name: str) -> tuple[str, When]:
    """The name in capitals, and its row; raises `ValueError` for what cannot be a verb.

    >>> when_of("rcpt")[1], when_of("STAT")[1]
    (<When RCPT>, <When any other verb>)
    """
    if not _WORD.fullmatch(str(name).upper()):
        raise ValueError(f"{name!r} is no moment of a session; there are {', '.join(WHENS)}, and any other verb")
    return name.upper(), WHENS.get(name.upper(), OTHER)
