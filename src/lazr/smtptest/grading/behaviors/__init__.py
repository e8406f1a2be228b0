"""The behaviors of servers, as tables by group.

Each table is data: arguments of `MailServer`, definitions of rules, and the outcomes that are right for a client.
"""

from __future__ import annotations

from lazr.smtptest._util.glob import compile_glob
from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.grading.behavior import GROUPS
from lazr.smtptest.grading.behaviors.auth import AUTH_BEHAVIORS
from lazr.smtptest.grading.behaviors.connection import CONNECTION_BEHAVIORS
from lazr.smtptest.grading.behaviors.content import CONTENT_BEHAVIORS
from lazr.smtptest.grading.behaviors.data import DATA_BEHAVIORS
from lazr.smtptest.grading.behaviors.ehlo import EHLO_BEHAVIORS
from lazr.smtptest.grading.behaviors.envelope import ENVELOPE_BEHAVIORS
from lazr.smtptest.grading.behaviors.greeting import GREETING_BEHAVIORS
from lazr.smtptest.grading.behaviors.quit import QUIT_BEHAVIORS
from lazr.smtptest.grading.behaviors.replies import REPLY_BEHAVIORS
from lazr.smtptest.grading.behaviors.retries import RETRY_BEHAVIORS
from lazr.smtptest.grading.behaviors.starttls import STARTTLS_BEHAVIORS
from lazr.smtptest.grading.behaviors.tls import TLS_BEHAVIORS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from lazr.smtptest.grading.behavior import Behavior

__all__ = ["BEHAVIORS", "find_behaviors"]

BEHAVIORS: Final[tuple[Behavior, ...]] = (
    *GREETING_BEHAVIORS,
    *EHLO_BEHAVIORS,
    *STARTTLS_BEHAVIORS,
    *TLS_BEHAVIORS,
    *AUTH_BEHAVIORS,
    *ENVELOPE_BEHAVIORS,
    *DATA_BEHAVIORS,
    *CONTENT_BEHAVIORS,
    *REPLY_BEHAVIORS,
    *QUIT_BEHAVIORS,
    *CONNECTION_BEHAVIORS,
    *RETRY_BEHAVIORS,
)


def find_behaviors(only: Iterable[str] = (), exclude: Iterable[str] = ()) -> tuple[Behavior, ...]:
    """Return the behaviors with these names or in these groups, in the order of `BEHAVIORS`.

    Args:
        only: Names and groups, with `*` and `?` as wildcards; all behaviors by default.
        exclude: Names and groups to leave out.

    Raises:
        TypeError: An argument is a string.
        ValueError: A name is unknown, a pattern matches nothing, or no behavior is left.

    >>> [behavior.name for behavior in find_behaviors(["greeting-*"], exclude=["greeting-slow", "*-421"])][:2]
    ['greeting-multi-line', 'greeting-554']
    """
    wanted = _select(only, "only") if (only := _check_names("only", only)) else set(BEHAVIORS)
    unwanted = _select(_check_names("exclude", exclude), "exclude")
    found = tuple(behavior for behavior in BEHAVIORS if behavior in wanted and behavior not in unwanted)
    if not found:
        raise ValueError(f"no behavior is left of only={list(only)!r} without {sorted(map(str, exclude))!r}")
    return found


def _check_names(label: str, names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError(f"{label} must be a list of names, got the string {names!r}; write {label}=[{names!r}]")
    return tuple(names)


def _select(names: Iterable[str], label: str) -> set[Behavior]:
    selected: set[Behavior] = set()
    for name in names:
        pattern = compile_glob(name)
        found = {item for item in BEHAVIORS if pattern.fullmatch(item.name) or item.group == name}
        if not found:
            raise ValueError(f"{label}: {describe_unknown('behavior', name, [*_NAMES, *GROUPS])}")
        selected |= found
    return selected


_NAMES = tuple(behavior.name for behavior in BEHAVIORS)
