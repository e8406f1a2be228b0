"""Conditions that count or remember, for `where=`.

Presets such as `rate_limit` and `greylist` use them.  JSON can carry them, by their names.
"""

from __future__ import annotations

from collections import deque

from lazr.smtptest._util.host_port import split_host_port
from lazr.smtptest.rules.number_checks import is_finite_number, is_whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ClassVar, Final, Self

    from lazr.smtptest.protocol.smtp import SessionRecord
    from lazr.smtptest.rules.rule_context import RuleContext

__all__ = [
    "COUNTING_CONDITIONS",
    "ConnectionLimit",
    "CountingCondition",
    "DeclaredSizeLimit",
    "Greylist",
    "RateLimit",
    "RecipientLimit",
]

# Combinations of client, sender and recipients that a greylist remembers, the latest; bounds the memory of a server.
_MAX_GREYLIST_ENTRIES = 10_000


def _get_peer_host(context: RuleContext) -> str:
    """Return the client's address without the port."""
    return split_host_port(context.session.peer)[0]


class CountingCondition:
    """Base of conditions that count: callables of the context.

    Conditions are equal if their names and arguments are; what they have counted does not matter.  The time is that of
    the context, so equal sequences of contexts get equal results.
    """

    name: ClassVar[str] = ""

    def __init__(self, **arguments: Any) -> None:
        self.arguments: Final[Mapping[str, Any]] = arguments  # by name, as in a definition

    def __call__(self, context: RuleContext) -> bool:
        """Return whether the rule acts in this context."""
        raise NotImplementedError

    def copy(self) -> Self:
        """Return an equal condition that has counted nothing."""
        return type(self)(**self.arguments)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CountingCondition):
            return NotImplemented
        return type(self) is type(other) and self.arguments == other.arguments

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        arguments = (
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value!r}"
            for name, value in self.arguments.items()
        )
        return f"{self.name}({', '.join(arguments)})"


class RateLimit(CountingCondition):
    """Met when the client had `n` matches in the last `per` seconds.

    Matches over the limit do not count.
    """

    name = "rate"

    def __init__(self, n: int, per: float) -> None:
        if not is_whole_number(n, 0) or not is_finite_number(per) or per <= 0:
            raise ValueError(f"a rate must be n >= 0 in per > 0 seconds, got n={n!r} and per={per!r}")
        super().__init__(n=n, per=per)
        self._limit = n
        self._period_seconds = per
        self._timestamps_by_peer: dict[str, deque[float]] = {}

    def __call__(self, context: RuleContext) -> bool:
        """Return whether the client is over the limit; otherwise count this match."""
        passed = self._timestamps_by_peer.setdefault(_get_peer_host(context), deque())
        while passed and context.at - passed[0] >= self._period_seconds:
            passed.popleft()
        if len(passed) >= self._limit:
            return True
        passed.append(context.at)
        return False


class Greylist(CountingCondition):
    """Met for a new combination of client, sender and recipients (RFC 6647 2.4).

    It is new for its first `attempts` attempts, and in the first `seconds` after the first one.
    """

    name = "greylist"

    def __init__(self, attempts: int = 1, seconds: float | None = None) -> None:
        if not is_whole_number(attempts, 1):
            raise ValueError(f"attempts must be a whole number >= 1, got {attempts!r}")
        if seconds is not None and (not is_finite_number(seconds) or seconds <= 0):
            raise ValueError(f"seconds must be a number of seconds > 0, got {seconds!r}")
        super().__init__(attempts=attempts, **({} if seconds is None else {"seconds": seconds}))
        self._min_attempts = attempts
        self._min_delay_seconds = seconds
        self._attempts_by_triplet: dict[tuple[str, str | None, tuple[str, ...]], tuple[int, float]] = {}

    def __call__(self, context: RuleContext) -> bool:
        """Return whether the combination is new, and count the attempt."""
        triplet = _get_peer_host(context), context.sender, context.recipients
        attempts, first = self._attempts_by_triplet.pop(triplet, (0, context.at))
        self._attempts_by_triplet[triplet] = attempts + 1, first
        if len(self._attempts_by_triplet) > _MAX_GREYLIST_ENTRIES:
            del self._attempts_by_triplet[next(iter(self._attempts_by_triplet))]
        return attempts < self._min_attempts or (
            self._min_delay_seconds is not None and context.at - first < self._min_delay_seconds
        )


class ConnectionLimit(CountingCondition):
    """Met when the client has `n` connections open."""

    name = "open_connections"

    def __init__(self, n: int) -> None:
        if not is_whole_number(n, 0):
            raise ValueError(f"n must be a number of connections >= 0, got {n!r}")
        super().__init__(n=n)
        self._limit = n
        self._sessions_by_peer: dict[str, list[SessionRecord]] = {}

    def __call__(self, context: RuleContext) -> bool:
        """Return whether the client is at the limit; otherwise count this connection."""
        host = _get_peer_host(context)
        open_sessions = [session for session in self._sessions_by_peer.get(host, ()) if session.ended is None]
        is_at_limit = len(open_sessions) >= self._limit
        self._sessions_by_peer[host] = open_sessions if is_at_limit else [*open_sessions, context.session]
        return is_at_limit


class RecipientLimit(CountingCondition):
    """Met when the message has `n` accepted recipients."""

    name = "accepted"

    def __init__(self, n: int) -> None:
        if not is_whole_number(n, 1):
            raise ValueError(f"n must be a number of recipients >= 1, got {n!r}")
        super().__init__(n=n)
        self._limit = n

    def __call__(self, context: RuleContext) -> bool:
        """Return whether the message has `n` accepted recipients."""
        return len(context.accepted) >= self._limit


class DeclaredSizeLimit(CountingCondition):
    """Met at MAIL when the server refuses the declared size (RFC 1870 6.1)."""

    name = "oversized"

    def __init__(self) -> None:
        super().__init__()

    def __call__(self, context: RuleContext) -> bool:
        """Return whether the server would reply 552."""
        return context.reply is not None and context.reply.code == 552


# By name, for definitions in JSON and TOML.
COUNTING_CONDITIONS: Final[Mapping[str, Callable[..., CountingCondition]]] = {
    kind.name: kind for kind in (RateLimit, Greylist, ConnectionLimit, RecipientLimit, DeclaredSizeLimit)
}
