"""Actions: what a rule does, as values; `net.fault_injector` carries them out."""

from __future__ import annotations

from lazr.smtptest.protocol.reading_session import ReadingReply
from lazr.smtptest.protocol.smtp import Reply
from lazr.smtptest.rules.function_check import check_function
from lazr.smtptest.rules.notices import NOTICE_ACTIONS, Notice
from lazr.smtptest.rules.number_checks import is_finite_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

__all__ = ["ACTION_VALIDATORS", "Action", "edit_ehlo_lines", "split_reply"]

_REPLY_ACTIONS = frozenset({"reply", "raw", "call", "accept", "accept_but_lose"})
_ENDING_ACTIONS = frozenset({"drop", "reset", "stall"})
_REPLY_MODIFIERS = frozenset({"truncate", "without", "advertise", "duplicate", "close_after"})

# The actions beside which later rules may still send something back: none of them changes the reply.
_ADDITIVE_ACTIONS = frozenset({"accept", *NOTICE_ACTIONS})

# The texts of replies that have none of their own: those of RFC 5321 4.2.2, and of the RFCs that define further codes.
# 334 has a challenge in its place (RFC 4954 4).
_DEFAULT_TEXTS = {
    211: "System status, or system help reply",
    214: "Help message",
    220: "Service ready",
    221: "Service closing transmission channel",
    235: "Authentication succeeded",
    250: "Requested mail action okay, completed",
    251: "User not local; will forward",
    252: "Cannot VRFY user, but will accept message and attempt delivery",
    354: "Start mail input; end with <CRLF>.<CRLF>",
    421: "Service not available, closing transmission channel",
    432: "A password transition is needed",
    450: "Requested mail action not taken: mailbox unavailable",
    451: "Requested action aborted: error in processing",
    452: "Requested action not taken: insufficient system storage",
    454: "Temporary failure, try again later",
    455: "Server unable to accommodate parameters",
    500: "Syntax error, command unrecognized",
    501: "Syntax error in parameters or arguments",
    502: "Command not implemented",
    503: "Bad sequence of commands",
    504: "Command parameter not implemented",
    521: "Server does not accept mail",
    530: "Authentication required",
    534: "Authentication mechanism is too weak",
    535: "Authentication credentials invalid",
    538: "Encryption required for requested authentication mechanism",
    550: "Requested action not taken: mailbox unavailable",
    551: "User not local",
    552: "Requested mail action aborted: exceeded storage allocation",
    553: "Requested action not taken: mailbox name not allowed",
    554: "Transaction failed",
    555: "MAIL FROM/RCPT TO parameters not recognized or not implemented",
    556: "Domain does not accept mail",
}

# The characters of each text, and the texts, in the description of an action.
_MAX_SHOWN_CHARACTERS = 80
_MAX_SHOWN_TEXTS = 5


def _check_seconds(value: object) -> float:
    if not is_finite_number(value) or value < 0:
        raise ValueError(f"delay must be a number of seconds >= 0, got {value!r}")
    return float(value)


def _check_octet_count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"truncate must be a whole number of bytes >= 0, got {value!r}")
    return value


def _check_octets(value: object) -> bytes:
    if not isinstance(value, (bytes, bytearray)):
        raise TypeError(f"raw must be bytes, got {value!r}")
    return bytes(value)


def _check_reply(value: object) -> Reply | ReadingReply:
    if not isinstance(value, (Reply, ReadingReply)):
        raise TypeError(f"reply must be a Reply, got {value!r}")
    return value


def _check_function(value: object) -> Callable[..., Any]:
    return check_function("call", value, "the event", may_wait=True)


def _check_ehlo_lines(value: object) -> tuple[str, ...]:
    if (
        not isinstance(value, (list, tuple))
        or not value
        or not all(isinstance(word, str) and word.strip() for word in value)
    ):
        raise TypeError(f"expected at least one keyword of the reply to EHLO, such as 'STARTTLS', got {value!r}")
    return tuple(value)


def _check_ehlo_keywords(value: object) -> tuple[str, ...]:
    words = _check_ehlo_lines(value)
    with_parameters = next((word for word in words if word.split() != [word]), None)
    if with_parameters is not None:
        keyword = with_parameters.split()[0]
        raise ValueError(f"without must have keywords without parameters, such as {keyword!r}, got {with_parameters!r}")
    return words


def _check_rate(value: object) -> tuple[float, str]:
    rate, direction = value if isinstance(value, tuple) else (value, "both")
    if not is_finite_number(rate) or rate <= 0:
        raise ValueError(f"throttle must be a number of bytes per second > 0, got {rate!r}")
    if direction not in ("in", "out", "both"):
        raise ValueError(f'the direction of throttle must be "in", "out" or "both", got {direction!r}')
    return float(rate), direction


def _check_notice(value: object) -> Notice:
    if not isinstance(value, Notice):
        raise TypeError(f"expected what comes back after the mail, a Notice, got {value!r}")
    return value


def _check_true(value: object) -> bool:
    if value is not True:
        raise ValueError(f"an action without arguments must have the value True, got {value!r}")
    return True


# The actions by name, each with the function that checks and normalizes its value.
ACTION_VALIDATORS: Final[dict[str, Callable[[object], object]]] = {
    "delay": _check_seconds,
    "throttle": _check_rate,
    "reply": _check_reply,
    "raw": _check_octets,
    "call": _check_function,
    "accept": _check_true,
    "accept_but_lose": _check_true,
    "truncate": _check_octet_count,
    "without": _check_ehlo_keywords,
    "advertise": _check_ehlo_lines,
    "duplicate": _check_true,
    "close_after": _check_true,
    "drop": _check_true,
    "reset": _check_true,
    "stall": _check_true,
    **dict.fromkeys(NOTICE_ACTIONS, _check_notice),
}

# The actions that exclude each other in one step: it has one reply, or ends the session without a reply.
_INCOMPATIBLE_ACTIONS: dict[str, frozenset[str]] = {
    **{name: (_REPLY_ACTIONS - {name}) | _ENDING_ACTIONS for name in _REPLY_ACTIONS},
    **{name: _REPLY_ACTIONS | _REPLY_MODIFIERS | (_ENDING_ACTIONS - {name}) for name in _ENDING_ACTIONS},
    **dict.fromkeys(_REPLY_MODIFIERS, _ENDING_ACTIONS),
    "truncate": _ENDING_ACTIONS | {"raw"},
    "without": _ENDING_ACTIONS | {"raw"},
    "advertise": _ENDING_ACTIONS | {"raw"},
    "duplicate": _ENDING_ACTIONS | {"accept_but_lose"},
    **dict.fromkeys(NOTICE_ACTIONS, _ENDING_ACTIONS),  # nothing comes back if the mail is not accepted
}


class Action:
    """All actions of one step: a value.

    The order in which they were written does not matter.  A throttle comes first, then a delay.  Then follows an end
    (`drop`, `reset`, `stall`), or a reply, which may be a changed one, and after it a close.
    """

    __slots__ = (
        "_description",
        "accept",
        "accept_but_lose",
        "advertise",
        "arguments",
        "call",
        "close_after",
        "delay",
        "drop",
        "duplicate",
        "notices",
        "raw",
        "reading_reply",
        "reply",
        "reset",
        "stall",
        "throttle",
        "truncate",
        "without",
    )  # fmt: skip

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.arguments: Final[Mapping[str, Any]] = arguments  # by name of the action
        self._description: str | None = None  # made once, at first use
        get = arguments.get
        self.throttle: Final[tuple[float, str] | None] = get("throttle")
        self.delay: Final[float | None] = get("delay")
        reply: Reply | ReadingReply | None = get("reply")
        self.reply: Final[Reply | None] = _add_default_text(reply) if isinstance(reply, Reply) else None
        self.reading_reply: Final[ReadingReply | None] = reply if isinstance(reply, ReadingReply) else None
        self.raw: Final[bytes | None] = get("raw")
        self.call: Final[Callable[..., Any] | None] = get("call")
        self.accept: Final[bool] = get("accept", False)
        self.accept_but_lose: Final[bool] = get("accept_but_lose", False)
        self.truncate: Final[int | None] = get("truncate")
        self.without: Final[tuple[str, ...]] = get("without", ())
        self.advertise: Final[tuple[str, ...]] = get("advertise", ())
        self.duplicate: Final[bool] = get("duplicate", False)
        self.close_after: Final[bool] = get("close_after", False)
        self.drop: Final[bool] = get("drop", False)
        self.reset: Final[bool] = get("reset", False)
        self.stall: Final[bool] = get("stall", False)
        self.notices: Final[tuple[Notice, ...]] = tuple(
            [value for name, value in arguments.items() if name in NOTICE_ACTIONS]
        )

    def extend(self, name: str, value: object) -> Action:
        """Return these actions and one more.

        Args:
            name: The name of the action: a key of `ACTION_VALIDATORS`.
            value: Its argument, or a tuple of several.

        Raises:
            TypeError: If the value has the wrong type.
            ValueError: If the value is wrong, or one of these actions excludes the new one.
        """
        if name in self.arguments:
            raise ValueError(f"{name}() is there twice; use .then() for what to do at the next match")
        conflicts = [
            other
            for other in self.arguments
            if other in _INCOMPATIBLE_ACTIONS.get(name, ()) or name in _INCOMPATIBLE_ACTIONS.get(other, ())
        ]
        if conflicts:
            raise ValueError(
                f"{name}() cannot be combined with {', '.join(conflicts)}();"
                " use .then() for what to do at the next match"
            )
        action = Action({**self.arguments, name: ACTION_VALIDATORS[name](value)})
        if action.notices and action.reply is not None and action.reply.code >= 400:
            notice = next(name for name in action.arguments if name in NOTICE_ACTIONS)
            raise ValueError(
                f"{notice}() cannot be combined with reply({action.reply.code}), which refuses the mail; "
                "use accept(), or a reply such as 250"
            )
        return action

    @property
    def is_additive(self) -> bool:
        """Whether the action only accepts a mail, and sends something back."""
        return bool(self.notices) and _ADDITIVE_ACTIONS.issuperset(self.arguments)

    def apply_to(self, reply: Reply) -> Reply:
        """Return the reply to send instead of this one."""
        if self.without or self.advertise:
            reply = edit_ehlo_lines(reply, self.without, self.advertise)
        if self.raw is not None:
            reply = reply.replace(wire=self.raw)
        if self.truncate is not None:
            reply = reply.replace(
                wire=reply.wire[: self.truncate],
                wire_without_enhanced_code=reply.wire_without_enhanced_code[: self.truncate],
            )
        return reply.replace(closes=True) if self.close_after else reply

    def has_effect_on(self, reply: Reply | None) -> bool:
        """Return whether the action changes anything, if this is the reply without it.

        >>> Action({"without": ("STARTTLS",)}).has_effect_on(Reply(250, "localhost", "SIZE 10"))
        False
        """
        if reply is None or self.arguments.keys() != {"without"}:
            return True
        return edit_ehlo_lines(reply, self.without, ()) is not reply

    @property
    def fixed_reply(self) -> Reply | None:
        """The reply that the action gives by itself; None if it changes one, or sends none."""
        if self.accept_but_lose:
            return Reply(250, "2.0.0", "Message accepted")
        if self.raw is not None:
            return _parse_raw_reply(self.raw)
        return self.reply

    def __eq__(self, other: object) -> bool:
        return self.arguments == other.arguments if isinstance(other, Action) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self.arguments))

    def __str__(self) -> str:
        if self._description is None:
            self._description = ".".join(
                f"{name}({_describe_arguments(name, value)})" for name, value in self.arguments.items()
            )
        return self._description

    def __repr__(self) -> str:
        return f"<Action {self}>"


def _describe_arguments(name: str, value: Any) -> str:
    """Return the arguments of an action as they are written in Python."""
    if value is True:
        return ""
    if name == "reply":
        if isinstance(value, ReadingReply):
            return f"{value.status!r}, {_shorten(value.text)}"
        code, *texts = split_reply(value)
        return ", ".join(
            [str(code), *map(_shorten, texts[:_MAX_SHOWN_TEXTS]), *(["…"] if len(texts) > _MAX_SHOWN_TEXTS else [])]
        )
    if name == "throttle":
        return f"{value[0]:g}" if value[1] == "both" else f"{value[0]:g}, {value[1]!r}"
    if name == "call":
        return getattr(value, "__qualname__", repr(value))
    if isinstance(value, Notice):
        return value.describe_arguments()
    if isinstance(value, tuple):
        return ", ".join([*map(_shorten, value[:_MAX_SHOWN_TEXTS]), *(["…"] if len(value) > _MAX_SHOWN_TEXTS else [])])
    return f"{value:g}" if isinstance(value, float) else _shorten(value)


def _shorten(value: Any) -> str:
    """Return the repr of a value, cut off after the first characters of a long text."""
    if isinstance(value, (str, bytes)) and len(value) > _MAX_SHOWN_CHARACTERS:
        return f"{value[:_MAX_SHOWN_CHARACTERS]!r}…"
    return repr(value)


def _add_default_text(reply: Reply) -> Reply:
    """Return the reply with the text of its code, if it has none of its own."""
    if reply.lines != ("",) or reply.code not in _DEFAULT_TEXTS:
        return reply
    parts = split_reply(reply)
    if Reply(*parts) != reply:  # type: ignore[arg-type]  # the code comes first; such a reply has bytes of its own
        return reply
    return Reply(*parts, _DEFAULT_TEXTS[reply.code])  # type: ignore[arg-type]


def split_reply(reply: Reply) -> list[int | str]:
    """Return the arguments of `Reply` for this reply: code, enhanced code if any, lines."""
    text = [] if reply.lines == ("",) else reply.lines
    return [reply.code, *([reply.enhanced] if reply.enhanced else []), *text]


def _parse_raw_reply(octets: bytes) -> Reply | None:
    """Return a reply with the code at the start of raw bytes; None if there is no code."""
    try:
        return Reply(int(octets[:3])) if octets[:3].isdigit() else None
    except ValueError:
        return None


def edit_ehlo_lines(reply: Reply, removed_keywords: tuple[str, ...], added_lines: tuple[str, ...]) -> Reply:
    """Return the reply to EHLO without some keywords, and with lines added or replaced.

    Args:
        reply: The reply to change; a refusal is returned unchanged.
        removed_keywords: Keywords whose lines are removed, in any case.
        added_lines: Lines, each of which replaces the one with the same keyword, or comes last.

    >>> edit_ehlo_lines(Reply(250, "localhost", "SIZE 10", "HELP"), ("HELP",), ("SIZE 7", "X-A")).lines
    ('localhost', 'SIZE 7', 'X-A')
    """
    if not reply.is_positive:
        return reply
    additions = {line.split()[0].upper(): line for line in added_lines}
    removed = {word.upper() for word in removed_keywords}
    first, *offers = reply.lines
    lines: list[str] = []
    for offer in offers:
        keyword = offer.split()[0].upper() if offer.strip() else ""
        if keyword in additions:
            lines.append(additions.pop(keyword))
        elif keyword not in removed:
            lines.append(offer)
    if lines == offers and not additions:
        return reply
    return Reply(reply.code, first, *lines, *additions.values())
