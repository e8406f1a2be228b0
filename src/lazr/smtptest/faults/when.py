"""When a rule may act: a table of the moments of a session, and what can be said and done at each."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["OTHER", "VERBS", "WHENS", "When", "meant", "when_of"]

_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")


class When:
    """One kind of moment: the selectors that mean something then, and the acts that make sense."""

    __slots__ = ("acts", "name", "selectors")

    def __init__(self, name: str, selectors: frozenset[str], acts: frozenset[str]) -> None:
        self.name: Final = name
        self.selectors: Final = selectors
        self.acts: Final = acts

    def __repr__(self) -> str:
        return f"<When {self.name}>"


_ALWAYS = frozenset({"peer", "session", "nth", "probability", "seed", "where"})
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

# The events at which a rule is asked, where they have other names: RFC 2033 4.1 calls EHLO LHLO, and LMTP has an end of
# data for each recipient.
VERBS: Final[dict[str, tuple[str, ...]]] = {"EHLO": ("EHLO", "LHLO"), "END_OF_DATA": ("END_OF_DATA", "DELIVERY")}

# What people call some of them.
_CALLED = {
    **dict.fromkeys(("FROM", "MAIL_FROM", "SENDER"), "MAIL"),
    **dict.fromkeys(("TO", "RCPT_TO", "RECIPIENT", "RECIPIENTS"), "RCPT"),
    **dict.fromkeys(("DOT", "ENDOFDATA", "END", "EOD", "EOM", "MESSAGE", "QUEUED"), "END_OF_DATA"),
    **dict.fromkeys(("CONNECTION", "GREETING", "BANNER"), "CONNECT"),
    **dict.fromkeys(("DISCONNECT", "CLOSE"), "QUIT"),
    **dict.fromkeys(("HANDSHAKE", "SSL"), "TLS"),
    **dict.fromkeys(("SILENCE", "TIMEOUT"), "IDLE"),
    "BODY": "CONTENT",
    "LOGIN": "AUTH",
}

# Any other verb: one that the server does not know, perhaps.
OTHER: Final = When("any other verb", _IN_TRANSACTION, _COMMAND)


def when_of(name: str) -> tuple[str, When]:
    """The name in capitals, and its row; raises `ValueError` for what cannot be a verb.

    >>> when_of("rcpt")[1], when_of("X-EXPS")[1]
    (<When RCPT>, <When any other verb>)
    """
    if not isinstance(name, str):
        raise TypeError(f"a rule begins with its moment, such as 'RCPT', not with {name!r}")
    if not _WORD.fullmatch(name):
        raise ValueError(f"{name!r} is no moment of a session; there are {', '.join(WHENS)}, and any other verb")
    word = name.upper()
    if "-" in word and word.replace("-", "_") in WHENS:
        raise ValueError(f"{name!r} is no verb; is {word.replace('-', '_')} meant?")
    return word, WHENS.get(word, OTHER)


def meant(word: str) -> str | None:
    """The moment that may have been meant by a word that is none; None if there is nothing like it.

    >>> meant("RCTP"), meant("RECIPIENT"), meant("STAT")
    ('RCPT', 'RCPT', None)
    """
    if word in WHENS:
        return None
    if word in _CALLED:
        return _CALLED[word]
    near = min(WHENS, key=lambda name: _slips(word, name))
    return near if _slips(word, near) <= len(near) // 4 else None


def _slips(one: str, other: str) -> int:
    """How many letters are wrong, missing, too many, or swapped with the next."""
    before: list[int] = []
    above: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, above, row = above, row, [i]
        for j, wanted in enumerate(other, 1):
            least = min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                least = min(least, before[j - 2] + 1)
            row.append(least)
    return row[-1]
