"""The evidence: what a failed expectation tells of the mails that came instead."""

from __future__ import annotations

import time

from lazr.smtptest.mail.query import Match

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.mail.query import Condition

__all__ = ["Expectation", "listed", "told"]

_SHOWN = 10  # so many mails are listed
_LOOKED_AT = 1_000  # ... the nearest to what was wanted among so many, the latest


def told(condition: Condition) -> str:
    """The condition as it was written, for the middle of a sentence."""
    criteria = condition.told() if isinstance(condition, Match) else repr(condition)
    return f" with {criteria}" if criteria else ""


def listed(mails: Sequence[Mail], condition: Condition) -> str:
    """Mails, a line each, and under it the criteria that it fails; of many, those that fail the fewest."""
    unmet = [(mail, condition.unmet(mail)) for mail in mails[-_LOOKED_AT:]]
    nearest = sorted(range(len(unmet)), key=lambda number: len(unmet[number][1]))[:_SHOWN]
    lines = []
    for number in sorted(nearest):
        mail, failures = unmet[number]
        lines.append(f"  {mail!r}")
        lines += [f"      {line}" for failure in failures for line in failure.splitlines()]
    if len(mails) > len(nearest):
        lines.append(f"  … and {len(mails) - len(nearest)} more")
    return "\n".join(lines)


class Expectation:
    """What was expected, for how long, and when that was given up."""

    __slots__ = ("_condition", "_gave_up", "_timeout", "_what")

    def __init__(self, what: str, condition: Condition, timeout: float) -> None:
        self._what = what
        self._condition = condition
        self._timeout = timeout
        self._gave_up = time.time()

    def __str__(self) -> str:
        return f"{self._what}{told(self._condition)} within {self._timeout:g} s"

    def failed(self, found: Sequence[Mail], mails: Sequence[Mail]) -> str:
        """The failure's first part: what came of it, and what else came."""
        matched = set(map(id, found))
        others = [mail for mail in mails if id(mail) not in matched]
        text = f"expected {self}; {len(found)} came"
        text += f", and {len(others)} other{'' if len(others) == 1 else 's'}" if others else ", and no other mail"
        return text + (":\n" + listed([*found, *others], self._condition) if found or others else "")

    def late(self, mails: Iterable[Mail]) -> list[str]:
        """The mails that would have met it, and came too late."""
        return [
            f"{mail!r} came {mail.received_at.timestamp() - self._gave_up:.3f} s after the time was up for {self}"
            for mail in mails
            if mail.received_at.timestamp() > self._gave_up and self._condition(mail)
        ]
