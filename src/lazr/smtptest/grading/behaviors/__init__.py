"""The behaviors of servers, as tables by group.

Each table is data: arguments of `MailServer`, definitions of rules, and the outcomes that are right for a client.
"""

from __future__ import annotations

from lazr.smtptest._util.glob import compile_glob
from lazr.smtptest._util.suggestion import find_nearest_name
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
from lazr.smtptest.grading.requirements import apply_requirements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from lazr.smtptest.grading.behavior import Behavior, Security

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


def find_behaviors(
    only: Iterable[str] = (), exclude: Iterable[str] = (), *, security: Security | None = None, auth: bool = False
) -> tuple[Behavior, ...]:
    """Return the behaviors with these names or in these groups, in the order of `BEHAVIORS`.

    Args:
        only: Names and groups, with `*` and `?` as wildcards; all behaviors by default.
        exclude: Names and groups to leave out.
        security: The kind of TLS that the client always demands, "starttls" or "implicit": servers without TLS get it,
            and behaviors that are about the other kind are left out.  By default, the client does what its task says.
        auth: Whether the client always authenticates; servers without AUTH get it.

    Raises:
        TypeError: An argument is a string.
        ValueError: A name is unknown, a pattern matches nothing, or no behavior is left.

    >>> [behavior.name for behavior in find_behaviors(["greeting-*"], exclude=["greeting-slow", "*-421"])][:2]
    ['greeting-multi-line', 'greeting-554']
    """
    wanted = _select(only, "only") if (only := _check_names("only", only)) else set(BEHAVIORS)
    unwanted = _select(exclude := _check_names("exclude", exclude), "exclude")
    selected = tuple(behavior for behavior in BEHAVIORS if behavior in wanted and behavior not in unwanted)
    if not selected:
        raise ValueError(
            f"no behavior is left: `only` is {', '.join(only) or 'all'}, and `exclude` is {', '.join(exclude)}"
        )
    found = apply_requirements(selected, security, auth=auth)
    if not found:
        names = ", ".join(behavior.name for behavior in selected[:3]) + (", …" if len(selected) > 3 else "")
        raise ValueError(
            f"no behavior is left: a client that demands {_describe(security, auth=auth)} cannot meet {names}"
        )
    return found


def _describe(security: Security | None, *, auth: bool) -> str:
    kinds = {"starttls": "STARTTLS", "implicit": "implicit TLS"}
    return " and ".join([*(name for kind, name in kinds.items() if kind == security), *(["AUTH"] if auth else [])])


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
            raise ValueError(f"{label}: {_describe_unknown(name)}")
        selected |= found
    return selected


def _describe_unknown(name: str) -> str:
    """Return the text of an error, without the long list of all behaviors."""
    hint = f"the groups are {', '.join(GROUPS)}, and `smtptest grade --list` lists the behaviors"
    if "," in name:
        return f"expected one behavior, group or pattern, got {name!r}; give the names one by one"
    if any(sign in name for sign in "*?"):
        return f"no behavior matches {name!r}; {hint}"
    nearest = find_nearest_name(name, [*GROUPS, *_NAMES])
    suggestion = "" if nearest is None else f"did you mean {nearest!r}? Otherwise, "
    return f"unknown behavior {name!r}; {suggestion}{hint}"


_NAMES = tuple(behavior.name for behavior in BEHAVIORS)
