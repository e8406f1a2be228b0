"""Questions about a moment that have to count or to remember: for a rule's `where=`, and values all the same."""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ClassVar, Final

    from lazr.smtptest.faults.moment import Moment
    from lazr.smtptest.protocol.smtp.record import SessionRecord

__all__ = [
    "COUNTING",
    "Accepted",
    "Counting",
    "Greylist",
    "OpenConnections",
    "Oversized",
    "Rate",
    "is_whole",
]

# A server that runs for long remembers so many senders and recipients, the latest.
_REMEMBERED = 10_000


def _peer_of(moment: Moment) -> str:
    """The client's address, without its port."""
    peer = moment.session.peer
    return peer.rpartition(":")[0].strip("[]") or peer


class Counting:
    """One such question: its name and its arguments are a value, what it has counted is not.

    It takes the time from the moment, so the same moments get the same answers.
    """

    name: ClassVar[str] = ""

    def __init__(self, **arguments: Any) -> None:
        self.arguments: Final[Mapping[str, Any]] = arguments  # those that are not None, or as they have to be

    def __call__(self, moment: Moment) -> bool:
        """Whether the rule is to act."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Counting):
            return NotImplemented
        return type(self) is type(other) and self.arguments == other.arguments

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        told = (
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value!r}" for name, value in self._told()
        )
        return f"{self.name}({', '.join(told)})"

    def _told(self) -> list[tuple[str, Any]]:
        return [(name, value) for name, value in self.arguments.items() if value is not None]


class Rate(Counting):
    """One too many: there were `n` of this client in the last `per` seconds.  One that is too many does not count."""

    name = "rate"

    def __init__(self, n: int, per: float) -> None:
        if not is_whole(n, 0) or not _positive(per):
            raise ValueError(f"a rate is a number of times, and of seconds, not {n!r} and {per!r}")
        super().__init__(n=n, per=per)
        self._n = n
        self._per = per
        self._passed: dict[str, deque[float]] = {}

    def __call__(self, moment: Moment) -> bool:
        """Whether there were `n` already."""
        passed = self._passed.setdefault(_peer_of(moment), deque())
        while passed and moment.at - passed[0] >= self._per:
            passed.popleft()
        if len(passed) >= self._n:
            return True
        passed.append(moment.at)
        return False


class Greylist(Counting):
    """New: who has not tried `attempts` times before, or first did less than `seconds` ago (RFC 6647 2.4)."""

    name = "greylist"

    def __init__(self, attempts: int = 1, seconds: float | None = None) -> None:
        if not is_whole(attempts, 1):
            raise ValueError(f"greylist counts attempts from 1, not {attempts!r}")
        if seconds is not None and not _positive(seconds):
            raise ValueError(f"greylist wants a number of seconds, not {seconds!r}")
        super().__init__(attempts=attempts, **({} if seconds is None else {"seconds": seconds}))
        self._attempts = attempts
        self._seconds = seconds
        self._known: dict[tuple[str, str | None, tuple[str, ...]], tuple[int, float]] = {}

    def __call__(self, moment: Moment) -> bool:
        """Whether this attempt is to be refused."""
        who = _peer_of(moment), moment.sender, moment.recipients
        attempts, first = self._known.pop(who, (0, moment.at))
        self._known[who] = attempts + 1, first
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        return attempts < self._attempts or (self._seconds is not None and moment.at - first < self._seconds)


class OpenConnections(Counting):
    """One connection too many: its client has `n` open."""

    name = "open_connections"

    def __init__(self, n: int) -> None:
        if not is_whole(n, 0):
            raise ValueError(f"connection_limit wants a number of connections, not {n!r}")
        super().__init__(n=n)
        self._n = n
        self._open: dict[str, list[SessionRecord]] = {}

    def __call__(self, moment: Moment) -> bool:
        """Whether this one is too many."""
        open_ones = [session for session in self._open.pop(_peer_of(moment), []) if session.ended is None]
        if len(open_ones) >= self._n:
            self._open[_peer_of(moment)] = open_ones
            return True
        self._open[_peer_of(moment)] = [*open_ones, moment.session]
        return False


class Accepted(Counting):
    """One recipient too many: `n` were accepted."""

    name = "accepted"

    def __init__(self, n: int) -> None:
        if not is_whole(n, 1):
            raise ValueError(f"max_recipients counts from 1, not {n!r}")
        super().__init__(n=n)
        self._n = n

    def __call__(self, moment: Moment) -> bool:
        """Whether so many recipients were accepted."""
        return len(moment.accepted) >= self._n


class Oversized(Counting):
    """A mail whose declared size alone has the server refuse it (RFC 1870 6.1)."""

    name = "oversized"

    def __init__(self) -> None:
        super().__init__()

    def __call__(self, moment: Moment) -> bool:
        """Whether 552 would be said to it."""
        return moment.reply is not None and moment.reply.code == 552


# By name, for what is told in a file.
COUNTING: Final[Mapping[str, Callable[..., Counting]]] = {
    kind.name: kind for kind in (Rate, Greylist, OpenConnections, Accepted, Oversized)
}


def is_whole(number: object, least: int = 0) -> bool:
    """Whether it is a whole number, and at least so much."""
    return isinstance(number, int) and not isinstance(number, bool) and number >= least


def _positive(number: object) -> bool:
    return isinstance(number, (int, float)) and not isinstance(number, bool) and 0 < number < float("inf")
