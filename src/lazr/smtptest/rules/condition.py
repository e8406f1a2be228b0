"""The condition of a rule: its trigger, and the selectors that a context has to meet."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.mail import Condition as InboxCondition
from lazr.smtptest.rules.counters import CountingCondition
from lazr.smtptest.rules.linear_pattern import LinearPattern
from lazr.smtptest.rules.mail_condition import MailCondition
from lazr.smtptest.rules.number_checks import is_finite_number
from lazr.smtptest.rules.reading_triggers import find_reading_trigger, is_reading_trigger
from lazr.smtptest.rules.selectors import (
    SELECTOR_ALIASES,
    SELECTOR_SYNONYMS,
    SELECTORS,
    build_criteria,
    build_number_predicate,
    normalize_matcher,
)
from lazr.smtptest.rules.triggers import find_trigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from lazr.smtptest.rules.match_statistics import MatchStatistics
    from lazr.smtptest.rules.rule_context import RuleContext
    from lazr.smtptest.rules.selectors import Selectors

__all__ = ["Condition"]

# Selectors that are about the rule's own counts, dice and thresholds, not about facts of the context.
_RULE_LEVEL_SELECTORS = ("nth", "probability", "seed", "after")

# Criteria of the inbox that are no selectors, and words for them: a rule has them in `where=Match(…)`.
_MATCH_CRITERIA = {
    **{name: name for name in ("text", "html", "code", "attachment", "bcc", "cc", "reply_to")},
    **dict.fromkeys(("content", "body", "data"), "text"),
}


class Condition:
    """When a rule may act: a value, made once from `Rule(when, **selectors)`.

    - `when`: the name of the trigger, in capitals; `trigger`: its row of the table.
    - `selectors`: the selectors by name, in one normal form; None values are left out.
    - `after_threshold`: CONTENT: the bytes, IDLE: the seconds, at which the rule is evaluated.
    - `probability`, `seed`: the selectors of that name, checked.

    Raises `TypeError` for an unknown selector, and `TypeError` or `ValueError` for one that does not fit the trigger,
    or whose value can never be met.

    >>> print(Condition("rcpt", {"to": "*@full.example", "nth": 2}))
    RCPT to='*@full.example' nth=2
    """

    __slots__ = ("_criteria", "_is_nth", "after_threshold", "probability", "seed", "selectors", "trigger", "when")

    def __init__(self, when: str, selectors: Selectors) -> None:
        name, trigger = find_reading_trigger(when) if is_reading_trigger(when) else find_trigger(when)
        self.when: Final = name
        self.trigger: Final = trigger
        self.selectors: Final[Mapping[str, Any]] = {
            name: self._normalize_selector(name, value)
            for name, value in _move_mail_condition(_rename_synonyms(selectors)).items()
            if value is not None
        }
        where = self.selectors.get("where")
        if isinstance(where, MailCondition):
            where.check_selectors(trigger.selectors, self.when)
        self.after_threshold: Final = _check_after(self.when, self.selectors.get("after"))
        self.probability: Final = _check_probability(self.selectors.get("probability"))
        self.seed: Final = _check_seed(self.selectors.get("seed"))
        if self.seed is not None and self.probability is None:
            raise ValueError("seed= needs probability=, which is missing; add probability= or leave out seed=")
        self._is_nth = build_number_predicate(self.selectors["nth"]) if "nth" in self.selectors else None
        self._criteria = [
            criterion
            for name, value in self.selectors.items()
            if name not in _RULE_LEVEL_SELECTORS
            for criterion in build_criteria(name, value)
        ]

    def _normalize_selector(self, name: str, value: object) -> Any:
        if name not in self.trigger.selectors:
            known = sorted(self.trigger.selectors)
            if name in SELECTORS or name in ("header", *_RULE_LEVEL_SELECTORS):
                raise ValueError(f"{name}= cannot be used at {self.when}; its selectors: {', '.join(known)}")
            if name in _MATCH_CRITERIA:
                raise TypeError(
                    f"unknown selector {name!r}; use where=Match({_MATCH_CRITERIA[name]}=…) at END_OF_DATA. "
                    f"Known: {', '.join(known)}"
                )
            raise TypeError(describe_unknown("selector", name, known, SELECTOR_ALIASES))
        return value if name in _RULE_LEVEL_SELECTORS and name != "nth" else normalize_matcher(name, value)

    def is_met(self, context: RuleContext, statistics: MatchStatistics) -> bool:
        """Return whether all criteria are met; keep the nearest miss in `statistics`.

        An exception from a function of the user is raised, with a note that names the selector.
        """
        for index, criterion in enumerate(self._criteria):
            try:
                if criterion.is_met(context):
                    continue
            except Exception as error:
                statistics.note_miss(index, f"{context.said()}: {criterion.name}= raised {type(error).__name__}")
                raise
            if index > statistics.nearest_miss_index:
                statistics.note_miss(index, f"{context.said()}: {criterion.describe_mismatch(context)}")
            return False
        return True

    def select_recipients(self, context: RuleContext) -> tuple[str, ...]:
        """Return the recipients that `to=` is about, each once; without `to=`, all of them."""
        chosen = context.recipients
        for criterion in self._criteria:
            if criterion.name == "to":
                chosen = tuple(filter(criterion.has_value, chosen))
        return tuple(dict.fromkeys(chosen))

    def selects_match(self, number: int) -> bool:
        """Return whether `nth=` selects the match of this number, counted from 1."""
        return self._is_nth is None or self._is_nth(number)

    def is_past_nth(self, matches: int) -> bool:
        """Return whether `nth=` is one number, and there have been that many matches."""
        nth = self.selectors.get("nth")
        return isinstance(nth, int) and matches >= nth

    def build_key(self) -> str:
        """Return a text that is the same in each run, and for equal conditions."""
        return " ".join([self.when, *(f"{name}={_format_stable(value)}" for name, value in self.selectors.items())])

    def __str__(self) -> str:
        return " ".join([self.when, *(f"{name}={value!r}" for name, value in self.selectors.items())])


def _rename_synonyms(selectors: Mapping[str, object]) -> Mapping[str, object]:
    """Return the selectors without synonyms.

    Raises:
        TypeError: If a selector is there by both of its names.
    """
    renamed: dict[str, object] = {}
    for name, value in selectors.items():
        known = SELECTOR_SYNONYMS.get(name, name)
        if known in renamed:
            synonym = next(other for other, same in SELECTOR_SYNONYMS.items() if same == known)
            raise TypeError(f"{synonym}= is another name of {known}=; write {known}=[…] for several values")
        renamed[known] = value
    return renamed


def _move_mail_condition(selectors: Mapping[str, object]) -> Mapping[str, object]:
    """Return the selectors with `to=~Match(to=…)` as `where=~Match(to=…)`.

    Raises:
        ValueError: If there are several conditions, or one has other criteria than its selector.
    """
    moved = {name: value for name, value in selectors.items() if isinstance(value, InboxCondition) and name != "where"}
    if not moved:
        return selectors
    (name, condition), *others = moved.items()
    if others or selectors.get("where") is not None:
        raise ValueError(f"{name}={condition!r} must be the only condition; join them with &: where={condition!r} & …")
    if MailCondition(condition).criteria != {name}:
        raise ValueError(f"{name}={condition!r} must have the criterion {name} only; use where={condition!r}")
    return {**{other: value for other, value in selectors.items() if other != name}, "where": condition}


def _format_stable(matcher: Any) -> str:
    """Return a matcher as text without addresses of objects, which differ from run to run."""
    if isinstance(matcher, list):
        return f"[{', '.join(map(_format_stable, matcher))}]"
    if isinstance(matcher, Mapping):
        return f"{{{', '.join(f'{name!r}: {_format_stable(value)}' for name, value in matcher.items())}}}"
    if isinstance(matcher, (str, int, float, re.Pattern, LinearPattern, CountingCondition, MailCondition)):
        return repr(matcher)
    return getattr(matcher, "__qualname__", type(matcher).__qualname__)


def _check_probability(probability: Any) -> float | None:
    if probability is None:
        return None
    if not is_finite_number(probability) or not 0 < probability <= 1:
        raise ValueError(f"probability must be a number > 0 and <= 1, got {probability!r}")
    return probability


def _check_seed(seed: Any) -> int | str | None:
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, str))):
        raise TypeError(f"seed must be an integer or a string, got {seed!r}")
    return seed


def _check_after(when: str, after: Any) -> float:
    unit = "seconds" if when == "IDLE" else "bytes"
    if after is None:
        if when == "IDLE":
            raise ValueError("IDLE needs after=, the seconds of silence after which the rule acts")
        return 0
    if not is_finite_number(after) or after < 0:
        raise ValueError(f"after= must be a number of {unit} >= 0, got {after!r}")
    if when == "IDLE" and not after:
        raise ValueError("after= must be greater than 0 seconds at IDLE")
    if when == "CONTENT" and not isinstance(after, int):
        raise ValueError(f"after= must be a whole number of bytes, got {after!r}")
    return after
