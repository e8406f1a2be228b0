"""Triggers: the points of a session at which rules act.

The table has the selectors and actions that are possible at each of them.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest._util.suggestion import describe_unknown, find_nearest_name
from lazr.smtptest.rules.notices import NOTICE_ACTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = [
    "COMMON_SELECTORS",
    "DISCONNECT_ACTIONS",
    "KEYWORDS_BY_TRIGGER",
    "OTHER_VERB_TRIGGER",
    "TRIGGERS",
    "TRIGGER_ALIASES",
    "VERBS_BY_TRIGGER",
    "Trigger",
    "find_trigger",
    "suggest_trigger",
]

_VERB_PATTERN = compile_lazily(r"[A-Za-z0-9_-]{1,40}")


class Trigger:
    """A point of a session: its name, and the possible selectors and actions.

    - `statuses`: the statuses of replies in IMAP and POP3; empty in SMTP, where replies have codes.
    """

    __slots__ = ("actions", "name", "selectors", "statuses")

    def __init__(
        self, name: str, selectors: frozenset[str], actions: frozenset[str], statuses: tuple[str, ...] = ()
    ) -> None:
        self.name: Final = name
        self.selectors: Final = selectors
        self.actions: Final = actions
        self.statuses: Final = statuses

    def __repr__(self) -> str:
        return f"<Trigger {self.name}>"


COMMON_SELECTORS: Final = frozenset({"peer", "session", "nth", "probability", "seed", "where"})
_CLIENT_SELECTORS = COMMON_SELECTORS | {"helo", "tls", "user"}
_TRANSACTION_SELECTORS = _CLIENT_SELECTORS | {"sender", "to"}

DISCONNECT_ACTIONS: Final = frozenset({"drop", "reset"})
_COMMAND_ACTIONS = DISCONNECT_ACTIONS | {
    *("reply", "delay", "stall", "raw", "truncate", "throttle", "close_after", "call"),
}
# Where the reply of the server is a positive one, unless something is wrong with the command.
_ACCEPTABLE_ACTIONS = _COMMAND_ACTIONS | {"accept"}
_EHLO_ACTIONS = _ACCEPTABLE_ACTIONS | {"without", "advertise"}
_HANDSHAKE_ACTIONS = DISCONNECT_ACTIONS | {"delay", "stall", "raw", "throttle"}
# CONTENT and IDLE, where the client does not expect a reply.
_UNSOLICITED_ACTIONS = DISCONNECT_ACTIONS | {"reply", "raw", "close_after"}

_OTHER_COMMANDS = ("RSET", "NOOP", "VRFY", "EXPN", "HELP", "QUIT", "XCLIENT")

# A selector or an action that is not in the row of its trigger is refused when the rule is written.
_TRIGGER_ROWS = (
    Trigger("CONNECT", COMMON_SELECTORS | {"tls"}, _ACCEPTABLE_ACTIONS),
    Trigger("TLS", COMMON_SELECTORS | {"helo"}, _HANDSHAKE_ACTIONS),
    Trigger("EHLO", _CLIENT_SELECTORS, _EHLO_ACTIONS),
    Trigger("HELO", _CLIENT_SELECTORS, _ACCEPTABLE_ACTIONS),
    Trigger("LHLO", _CLIENT_SELECTORS, _EHLO_ACTIONS),
    Trigger("STARTTLS", COMMON_SELECTORS | {"helo"}, _COMMAND_ACTIONS),
    Trigger("AUTH", _CLIENT_SELECTORS | {"mechanism"}, _COMMAND_ACTIONS),
    Trigger("MAIL", _CLIENT_SELECTORS | {"sender", "size"}, _ACCEPTABLE_ACTIONS),
    Trigger("RCPT", _TRANSACTION_SELECTORS, _ACCEPTABLE_ACTIONS),
    Trigger("DATA", _TRANSACTION_SELECTORS, _ACCEPTABLE_ACTIONS),
    Trigger("BDAT", _TRANSACTION_SELECTORS | {"size"}, _ACCEPTABLE_ACTIONS),
    Trigger("CONTENT", _TRANSACTION_SELECTORS | {"after"}, _UNSOLICITED_ACTIONS | {"delay", "stall", "throttle"}),
    Trigger(
        "END_OF_DATA",
        _TRANSACTION_SELECTORS | {"size", "header", "subject"},
        _ACCEPTABLE_ACTIONS | {"accept_but_lose", "duplicate", *NOTICE_ACTIONS},
    ),
    *(Trigger(name, _TRANSACTION_SELECTORS, _COMMAND_ACTIONS) for name in _OTHER_COMMANDS),
    Trigger("IDLE", _TRANSACTION_SELECTORS | {"after"}, _UNSOLICITED_ACTIONS),
)
TRIGGERS: Final[dict[str, Trigger]] = {row.name: row for row in _TRIGGER_ROWS}

# The verbs of the events at which a rule is evaluated, where they differ from the trigger: in LMTP, LHLO replaces EHLO
# (RFC 2033 4.1), and each recipient has its own reply at the end of the data (RFC 2033 4.2).
VERBS_BY_TRIGGER: Final[dict[str, tuple[str, ...]]] = {
    "EHLO": ("EHLO", "LHLO"),
    "END_OF_DATA": ("END_OF_DATA", "DELIVERY"),
}

# The EHLO keywords of extensions whose commands clients send only if a reply to EHLO offers them.
KEYWORDS_BY_TRIGGER: Final[dict[str, str]] = {
    "AUTH": "AUTH",
    "BDAT": "CHUNKING",
    "STARTTLS": "STARTTLS",
    "XCLIENT": "XCLIENT",
}

# Other words for triggers, in lower case.
TRIGGER_ALIASES: Final[dict[str, str]] = {
    **dict.fromkeys(("from", "mail_from", "sender"), "MAIL"),
    **dict.fromkeys(("to", "rcpt_to", "recipient", "recipients"), "RCPT"),
    **dict.fromkeys(("dot", "endofdata", "end", "eod", "eom", "message", "queued"), "END_OF_DATA"),
    **dict.fromkeys(("connection", "greeting", "banner"), "CONNECT"),
    **dict.fromkeys(("disconnect", "close"), "QUIT"),
    **dict.fromkeys(("handshake", "ssl"), "TLS"),
    **dict.fromkeys(("silence", "timeout"), "IDLE"),
    "body": "CONTENT",
    "login": "AUTH",
}

# Any other verb, such as one that the server does not know.
OTHER_VERB_TRIGGER: Final = Trigger("any other verb", _TRANSACTION_SELECTORS, _COMMAND_ACTIONS)


def find_trigger(name: str) -> tuple[str, Trigger]:
    """Return the name in capitals, and its row of the table.

    A verb that is not in the table gets `OTHER_VERB_TRIGGER`.

    Raises:
        TypeError: If `name` is not a string.
        ValueError: If it cannot be a verb.

    >>> find_trigger("rcpt")[1], find_trigger("X-EXPS")[1]
    (<Trigger RCPT>, <Trigger any other verb>)
    """
    if not isinstance(name, str):
        raise TypeError(f"the trigger of a rule must be a string such as 'RCPT', got {name!r}")
    word = name.upper()
    if not _VERB_PATTERN.fullmatch(name) or ("-" in word and word.replace("-", "_") in TRIGGERS):
        unknown = describe_unknown("trigger", name, TRIGGERS, TRIGGER_ALIASES)
        raise ValueError(
            f"{unknown}, any other verb of at most 40 letters, digits, `-` and `_`, "
            "and the commands of IMAP and POP3, such as 'IMAP FETCH'"
        )
    return word, TRIGGERS.get(word, OTHER_VERB_TRIGGER)


def suggest_trigger(word: str) -> str | None:
    """Return the trigger that is similar to another verb; None if there is no such trigger.

    >>> suggest_trigger("RCTP"), suggest_trigger("RECIPIENT"), suggest_trigger("STAT")
    ('RCPT', 'RCPT', None)
    """
    return None if word in TRIGGERS else find_nearest_name(word, TRIGGERS, TRIGGER_ALIASES)
