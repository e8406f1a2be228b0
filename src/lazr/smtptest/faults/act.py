"""Acts: what a rule does when its moment has come, as values that somebody else carries out."""

from __future__ import annotations

from lazr.smtptest.protocol.smtp.reply import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

__all__ = ["ACTS", "Act", "reply_parts", "with_lines"]

_ANSWERS = frozenset({"reply", "raw", "call", "accept_but_lose"})
_ENDINGS = frozenset({"drop", "reset", "stall"})
_CHANGES = frozenset({"truncate", "without", "advertise", "duplicate", "close_after"})

# So many characters of a text, and so many texts, does an act show of itself.
_SHOWN = 80
_TEXTS = 5


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ValueError(f"{value!r} is no number of seconds")
    return float(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no number of octets")
    return value


def _octets(value: object) -> bytes:
    if not isinstance(value, (bytes, bytearray)):
        raise TypeError(f"raw wants bytes, not {value!r}")
    return bytes(value)


def _reply(value: object) -> Reply:
    if not isinstance(value, Reply):
        raise TypeError(f"{value!r} is no Reply")
    return value


def _function(value: object) -> Callable[..., Any]:
    if not callable(value):
        raise TypeError(f"call wants a function of the event, not {value!r}")
    return value


def _words(value: object) -> tuple[str, ...]:
    if (
        not isinstance(value, (list, tuple))
        or not value
        or not all(isinstance(word, str) and word.strip() for word in value)
    ):
        raise TypeError("one keyword of EHLO's reply is wanted at least, such as 'STARTTLS'")
    return tuple(value)


def _keywords(value: object) -> tuple[str, ...]:
    words = _words(value)
    long = next((word for word in words if word.split() != [word]), None)
    if long is not None:
        raise ValueError(f"without wants keywords alone, such as {long.split()[0]!r}, not {long!r}")
    return words


def _rate(value: object) -> tuple[float, str]:
    rate, direction = value if isinstance(value, tuple) else (value, "both")
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate < float("inf"):
        raise ValueError(f"{rate!r} is no number of octets a second")
    if direction not in ("in", "out", "both"):
        raise ValueError(f'the direction of throttle is "in", "out" or "both", not {direction!r}')
    return float(rate), direction


def _yes(value: object) -> bool:
    if value is not True:
        raise ValueError(f"True is wanted, not {value!r}")
    return True


# Each act, and what its value has to be.
ACTS: Final[dict[str, Callable[[object], object]]] = {
    "delay": _seconds,
    "throttle": _rate,
    "reply": _reply,
    "raw": _octets,
    "call": _function,
    "accept_but_lose": _yes,
    "truncate": _count,
    "without": _keywords,
    "advertise": _words,
    "duplicate": _yes,
    "close_after": _yes,
    "drop": _yes,
    "reset": _yes,
    "stall": _yes,
}

# What cannot stand beside an act: there is one answer, or one end and no answer.
_CLASHES: dict[str, frozenset[str]] = {
    **{name: (_ANSWERS - {name}) | _ENDINGS for name in _ANSWERS},
    **{name: _ANSWERS | _CHANGES | (_ENDINGS - {name}) for name in _ENDINGS},
    **dict.fromkeys(_CHANGES, _ENDINGS),
    "truncate": _ENDINGS | {"raw"},
    "without": _ENDINGS | {"raw"},
    "advertise": _ENDINGS | {"raw"},
    "duplicate": _ENDINGS | {"accept_but_lose"},
}


class Act:
    """What is done, all of it; the order in which it was written does not count.

    A throttle comes first, then a delay; then either an end (`drop`, `reset`, `stall`), or a reply,
    given or changed, and perhaps a close behind it.
    """

    __slots__ = (
        "_text", "accept_but_lose", "advertise", "call", "close_after", "delay", "drop", "duplicate", "given",
        "raw", "reply", "reset", "stall", "throttle", "truncate", "without",
    )  # fmt: skip

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given: Final[Mapping[str, Any]] = given  # as it was written
        self._text: str | None = None  # ... and for people
        get = given.get
        self.throttle: Final[tuple[float, str] | None] = get("throttle")
        self.delay: Final[float | None] = get("delay")
        self.reply: Final[Reply | None] = get("reply")
        self.raw: Final[bytes | None] = get("raw")
        self.call: Final[Callable[..., Any] | None] = get("call")
        self.accept_but_lose: Final[bool] = get("accept_but_lose", False)
        self.truncate: Final[int | None] = get("truncate")
        self.without: Final[tuple[str, ...]] = get("without", ())
        self.advertise: Final[tuple[str, ...]] = get("advertise", ())
        self.duplicate: Final[bool] = get("duplicate", False)
        self.close_after: Final[bool] = get("close_after", False)
        self.drop: Final[bool] = get("drop", False)
        self.reset: Final[bool] = get("reset", False)
        self.stall: Final[bool] = get("stall", False)

    def also(self, name: str, value: object) -> Act:
        """This act, and one more; raises `ValueError` for two that cannot go together."""
        if name in self.given:
            raise ValueError(f"{name}() is there twice; .then() begins what is done at the next match")
        clash = [other for other in self.given if other in _CLASHES.get(name, ()) or name in _CLASHES.get(other, ())]
        if clash:
            raise ValueError(
                f"{name}() does not go with {', '.join(clash)}(); .then() begins what is done at the next match"
            )
        return Act({**self.given, name: ACTS[name](value)})

    def changed(self, reply: Reply) -> Reply:
        """The reply that is said in place of this one."""
        if self.without or self.advertise:
            reply = with_lines(reply, self.without, self.advertise)
        if self.raw is not None:
            reply = reply.but(wire=self.raw)
        if self.truncate is not None:
            reply = reply.but(wire=reply.wire[: self.truncate], bare_wire=reply.bare_wire[: self.truncate])
        return reply.but(closes=True) if self.close_after else reply

    def changes(self, reply: Reply | None) -> bool:
        """Whether it does anything at all, if this is the reply that would be given.

        >>> Act({"without": ("STARTTLS",)}).changes(Reply(250, "localhost", "SIZE 10"))
        False
        """
        if reply is None or self.given.keys() != {"without"}:
            return True
        return with_lines(reply, self.without, ()) is not reply

    @property
    def own_reply(self) -> Reply | None:
        """The reply that it gives by itself; None where it changes the one that would be given, or gives none."""
        if self.accept_but_lose:
            return Reply(250, "2.0.0", "Message accepted")
        if self.raw is not None:
            return _reply_of(self.raw)
        return self.reply

    def __eq__(self, other: object) -> bool:
        return self.given == other.given if isinstance(other, Act) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self.given))

    def __str__(self) -> str:
        if self._text is None:
            self._text = ".".join(f"{name}({_told(name, value)})" for name, value in self.given.items())
        return self._text

    def __repr__(self) -> str:
        return f"<Act {self}>"


def _told(name: str, value: Any) -> str:
    """The arguments, as they are written."""
    if value is True:
        return ""
    if name == "reply":
        code, *texts = reply_parts(value)
        return ", ".join([str(code), *map(_cut, texts[:_TEXTS]), *(["…"] if len(texts) > _TEXTS else [])])
    if name == "throttle":
        return f"{value[0]:g}" if value[1] == "both" else f"{value[0]:g}, {value[1]!r}"
    if name == "call":
        return getattr(value, "__qualname__", repr(value))
    if isinstance(value, tuple):
        return ", ".join([*map(_cut, value[:_TEXTS]), *(["…"] if len(value) > _TEXTS else [])])
    return f"{value:g}" if isinstance(value, float) else _cut(value)


def _cut(value: Any) -> str:
    """As it is written, but not all of a long text."""
    if isinstance(value, (str, bytes)) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]!r}…"
    return repr(value)


def reply_parts(reply: Reply) -> list[int | str]:
    """What a reply is written with: its code, its enhanced status code, its lines, as far as it has them."""
    text = [] if reply.lines == ("",) else reply.lines
    return [reply.code, *([reply.enhanced] if reply.enhanced else []), *text]


def _reply_of(octets: bytes) -> Reply | None:
    """The reply by whose code octets are taken; None where they have none."""
    try:
        return Reply(int(octets[:3])) if octets[:3].isdigit() else None
    except ValueError:
        return None


def with_lines(reply: Reply, without: tuple[str, ...], advertise: tuple[str, ...]) -> Reply:
    """EHLO's reply with some lines gone, and others added or in place of those with their keyword.

    >>> with_lines(Reply(250, "localhost", "SIZE 10", "HELP"), ("HELP",), ("SIZE 7", "X-A")).lines
    ('localhost', 'SIZE 7', 'X-A')
    """
    if not reply.positive:
        return reply
    told = {line.split()[0].upper(): line for line in advertise}
    gone = {word.upper() for word in without}
    first, *offers = reply.lines
    lines: list[str] = []
    for offer in offers:
        keyword = offer.split()[0].upper() if offer.strip() else ""
        if keyword in told:
            lines.append(told.pop(keyword))
        elif keyword not in gone:
            lines.append(offer)
    if lines == offers and not told:
        return reply
    return Reply(reply.code, first, *lines, *told.values())
