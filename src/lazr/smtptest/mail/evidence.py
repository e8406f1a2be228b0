"""The evidence: what a failed expectation tells of the mails that came instead."""

from __future__ import annotations

import time

from lazr.smtptest.mail.query import Match
from lazr.smtptest.protocol.smtp.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.mail.query import Condition

__all__ = ["Expectation", "listed", "meets", "named", "told"]

_SHOWN = 10  # so many mails are listed
_NAMED = 300  # characters of a mail's line
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
        lines.append(f"  {named(mail)}")
        lines += [f"      {line}" for failure in failures for line in failure.splitlines()]
    if len(mails) > len(nearest):
        lines.append(f"  … and {len(mails) - len(nearest)} more")
    return "\n".join(lines)


def named(mail: Mail) -> str:
    """The mail in a line that is not too long, and steers no terminal."""
    text = printable(repr(mail))
    return text if len(text) <= _NAMED else f"{text[:_NAMED]}…"


def meets(mail: Mail, condition: Condition) -> bool:
    """Whether it meets the condition; what cannot even be asked of it, it does not."""
    try:
        return condition(mail)
    except Exception:  # noqa: BLE001 - a criterion is the tester's own code
        return False


class Expectation:
    """What was expected, for how long, and when that was given up."""

    __slots__ = ("_condition", "_gave_up", "_timeout", "_what")

    def __init__(self, what: str, condition: Condition, timeout: float | None) -> None:
        self._what = what
        self._condition = condition
        self._timeout = timeout
        self._gave_up = time.time()

    def __str__(self) -> str:
        within = "" if self._timeout is None else f" within {self._timeout:g} s"
        return f"{self._what}{told(self._condition)}{within}"

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
            f"{named(mail)} came {mail.timestamp - self._gave_up:.3f} s after the time was up for {self}"
            for mail in mails
            if mail.timestamp > self._gave_up and meets(mail, self._condition)
        ]
