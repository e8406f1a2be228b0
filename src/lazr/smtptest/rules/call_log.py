"""The log of the times that a rule acted, and a wait for more of them."""

from __future__ import annotations

import threading

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.suggestion import build_getattr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.rules.rule_context import RuleContext

__all__ = ["Call", "CallLog"]

# At least this many of the latest calls are kept; `CallLog.count` counts all of them.
_MIN_KEPT_CALLS = 1_000


# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(("command", "line", "event"), "call.said"),
    **dict.fromkeys(("time", "timestamp"), "call.at, the seconds since the server first started"),
    **dict.fromkeys(("reply", "what"), "call.action"),
    **dict.fromkeys(("number", "n"), "call.count"),
}


class Call:
    """One time that a rule acted.

    - `at`: seconds since the server first started.
    - `session`: the number of the connection, from 1.
    - `said`: the command or event that the rule acted on, such as `"RCPT TO:<bob@example.com>"`.
    - `action`: what the rule did, written as in the rule: `"reply(451)"`.
    - `count`: 1 for the first call of the rule, 2 for the second.
    """

    __slots__ = ("action", "at", "count", "said", "session")

    def __init__(self, at: float, session: int, said: str, action: str, count: int) -> None:
        self.at: Final = at
        self.session: Final = session
        self.said: Final = said
        self.action: Final = action
        self.count: Final = count

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Call):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.at, self.session, self.count))

    def __repr__(self) -> str:
        return f"<Call {self.count} at {self.at:.3f} s, session {self.session}: {self.said} → {self.action}>"


class CallLog:
    """The calls of one rule.

    The thread of the server adds to it; any thread reads it or waits.

    - `count`: the number of all calls.
    """

    __slots__ = ("_calls", "_condition", "count")

    def __init__(self) -> None:
        self.count: int = 0
        self._calls: list[Call] = []
        self._condition: threading.Condition | None = None  # made by the first waiter; most rules have none

    @property
    def latest(self) -> tuple[Call, ...]:
        """The calls, oldest first: all of them up to 1,000, and at least the latest 1,000 of more."""
        return tuple(self._calls.copy())

    def add(self, context: RuleContext, action: str) -> None:
        """Record a call, and wake waiting threads."""
        self.count += 1
        self._calls.append(Call(context.at, context.number, context.said(), action, self.count))
        if len(self._calls) >= 2 * _MIN_KEPT_CALLS:
            del self._calls[:_MIN_KEPT_CALLS]
        if self._condition is not None:
            with self._condition:
                self._condition.notify_all()

    def wait(self, count: int, timeout: float) -> bool:
        """Wait at most `timeout` seconds for `count` calls; return whether there are as many."""
        if self._condition is None:
            self._condition = threading.Condition()
        deadline = monotonic() + timeout
        with self._condition:
            while self.count < count:
                remaining = deadline - monotonic()
                if remaining <= 0:
                    return False
                self._condition.wait(remaining)
        return True
