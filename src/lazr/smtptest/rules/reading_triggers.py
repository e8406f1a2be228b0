"""The triggers of rules about IMAP and POP3, and the replies that are possible there.

Their names are those of the protocol and the command: "IMAP FETCH", "POP3 RETR".
"""

from __future__ import annotations

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.protocol.reading_session import ReadingReply
from lazr.smtptest.rules.triggers import COMMON_SELECTORS, DISCONNECT_ACTIONS, Trigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["READING_STATUSES", "READING_TRIGGERS", "build_reading_reply", "find_reading_trigger", "is_reading_trigger"]

_SELECTORS = COMMON_SELECTORS | {"tls", "user", "argument"}
_ACTIONS = DISCONNECT_ACTIONS | {"reply", "delay", "stall", "raw", "truncate", "throttle", "close_after"}

_COMMANDS = {
    # RFC 9051 6, RFC 3501 6; CONNECT is the greeting.
    "IMAP": (
        "CONNECT", "CAPABILITY", "NOOP", "LOGOUT", "STARTTLS", "AUTHENTICATE", "LOGIN", "ENABLE", "ID", "SELECT",
        "EXAMINE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "LIST", "LSUB", "NAMESPACE", "STATUS",
        "APPEND", "IDLE", "CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "SEARCH", "SORT", "THREAD", "FETCH", "STORE", "COPY",
        "MOVE",
    ),
    # RFC 1939 5 to 7, RFC 2449, RFC 2595 4, RFC 5034, RFC 6856
    "POP3": (
        "CONNECT", "CAPA", "STLS", "AUTH", "USER", "PASS", "APOP", "UTF8", "LANG", "STAT", "LIST", "UIDL", "RETR",
        "TOP", "DELE", "RSET", "NOOP", "QUIT",
    ),
}  # fmt: skip
_TEXTS_BY_STATUS = {
    "IMAP": {
        "OK": "Done",
        "NO": "[UNAVAILABLE] Not possible now, try later",
        "BAD": "Command not recognized",
        "BYE": "[UNAVAILABLE] The server closes the connection",
        "PREAUTH": "You are logged in already",
    },
    "POP3": {"+OK": "Done", "-ERR": "[SYS/TEMP] Not possible now, try later"},
}

# The statuses of all protocols.
READING_STATUSES: Final = tuple(status for texts in _TEXTS_BY_STATUS.values() for status in texts)

READING_TRIGGERS: Final[dict[str, Trigger]] = {
    f"{protocol} {command}": Trigger(f"{protocol} {command}", _SELECTORS, _ACTIONS, tuple(_TEXTS_BY_STATUS[protocol]))
    for protocol, commands in _COMMANDS.items()
    for command in commands
}


def is_reading_trigger(name: object) -> bool:
    """Return whether the name is that of a command of IMAP or POP3, known or not.

    >>> is_reading_trigger("imap fetch"), is_reading_trigger("IDLE")
    (True, False)
    """
    return isinstance(name, str) and " " in name and name.partition(" ")[0].upper() in _COMMANDS


def find_reading_trigger(name: str) -> tuple[str, Trigger]:
    """Return the name in capitals, and its row of the table; `UID FETCH` has that of FETCH.

    Raises:
        ValueError: If there is no such trigger.

    >>> find_reading_trigger("imap uid fetch")
    ('IMAP FETCH', <Trigger IMAP FETCH>)
    """
    word = name.upper().replace("IMAP UID ", "IMAP ")
    if word in READING_TRIGGERS:
        return word, READING_TRIGGERS[word]
    protocol, _, command = word.partition(" ")
    raise ValueError(describe_unknown(f"{protocol} command of a trigger", command, _COMMANDS[protocol]))


def build_reading_reply(trigger: Trigger, status: object, *texts: object) -> ReadingReply:
    """Return the reply with this status and text.

    Args:
        trigger: The trigger of the rule.
        status: The status, in any case, or a whole `ReadingReply`.
        *texts: At most one text, which may begin with a response code in brackets.

    Raises:
        TypeError: If the text is not a string.
        ValueError: If the trigger's protocol has no such status, or the text is not one line.

    >>> build_reading_reply(READING_TRIGGERS["IMAP FETCH"], "no", "[INUSE] Try later")
    ReadingReply('NO', '[INUSE] Try later')
    """
    protocol = trigger.name.partition(" ")[0]
    if isinstance(status, ReadingReply) and not texts:
        return build_reading_reply(trigger, status.status, status.text)
    known = _TEXTS_BY_STATUS[protocol]
    if not isinstance(status, str) or status.upper() not in known:
        raise ValueError(
            f"reply() at {trigger.name} must have a status and a text, such as "
            f'reply("{trigger.statuses[1]}", "Try later"), got {status!r}; its statuses: {", ".join(trigger.statuses)}'
        )
    if len(texts) > 1:
        raise ValueError(f"reply() at {trigger.name} must have one text, got {len(texts)}: {texts!r}")
    text = texts[0] if texts else known[status.upper()]
    if not isinstance(text, str):
        raise TypeError(f"the text of a reply must be a string, got {text!r}")
    if not text.isprintable():
        raise ValueError(f"the text of a reply must be one line, got {text!r}; .raw(b'…') sends any bytes")
    return ReadingReply(status.upper(), text)
