"""Conditions of the inbox in rules: `Match(…)` with `&`, `|` and `~`.

They are values of `where=`.  A rule evaluates them for the mail so far: its sender and recipients, and at END_OF_DATA
the whole message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lazr.smtptest.mail import Condition, Match
from lazr.smtptest.rules.linear_pattern import LinearPattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final

    from lazr.smtptest.rules.rule_context import RuleContext

__all__ = ["MailCondition"]

# The keys of combined conditions, in definitions and in `Condition.parts`.
_COMBINATIONS = ("not", "all", "any")

# Criteria that a mail has before its content; each needs the selector of its name.
_ENVELOPE_CRITERIA = frozenset({"sender", "to"})

_MAX_DEPTH = 10


class MailCondition:
    """A condition of the inbox, as a function of the context of a rule.

    Conditions are equal if they have the same criteria and operators.

    Args:
        condition: `Match(…)`, or a combination of them.

    >>> MailCondition(~Match(to="*@example.com"))
    ~Match(to='*@example.com')
    """

    __slots__ = ("_condition", "_parts")

    def __init__(self, condition: Condition) -> None:
        self._condition: Final = condition
        self._parts: Final = _collect_parts(condition)

    def __call__(self, context: RuleContext) -> bool:
        """Return whether the mail so far matches; False outside a transaction."""
        mail = context.mail_so_far
        return mail is not None and bool(self._condition(mail))

    @property
    def criteria(self) -> frozenset[str]:
        """The names of all criteria, of every part."""
        return frozenset(_iterate_criteria(self._parts))

    def check_selectors(self, selectors: frozenset[str], when: str) -> None:
        """Raise `ValueError` if the mail so far does not have what a criterion compares.

        Args:
            selectors: The selectors that are possible at the trigger.
            when: The name of the trigger.
        """
        for name in sorted(self.criteria):
            if (name if name in _ENVELOPE_CRITERIA else "subject") not in selectors:
                raise ValueError(
                    f"where={self!r} cannot be used at {when}, where {name} is not known yet; use END_OF_DATA"
                )

    def describe_mismatch(self, context: RuleContext) -> str:
        """Return why the mail so far does not match."""
        mail = context.mail_so_far
        if mail is None:
            return "there is no mail yet"
        return "; ".join(" ".join(line.split()) for line in self._condition.describe_mismatches(mail))

    def serialize(self, serialize_matcher: Callable[[str, Any], Any]) -> dict[str, Any]:
        """Return the condition as data: `{"not": {"to": "*@example.com"}}`.

        Args:
            serialize_matcher: A function that returns an expected value as data.

        Raises:
            ValueError: If an expected value is a function.
        """
        return _serialize_parts(self._parts, serialize_matcher)

    @classmethod
    def parse(cls, definition: Any, parse_matcher: Callable[[Any], Any]) -> MailCondition:
        """Return the condition that `serialize` wrote.

        Args:
            definition: The value from JSON or TOML, of any type.
            parse_matcher: A function that returns an expected value from data.

        Raises:
            TypeError: If a value has the wrong type, or a criterion is unknown.
            ValueError: If a value is wrong.
        """
        return cls(_parse_condition(definition, parse_matcher, 1))

    def __eq__(self, other: object) -> bool:
        return self._parts == other._parts if isinstance(other, MailCondition) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.criteria)

    def __repr__(self) -> str:
        return repr(self._condition)


def _collect_parts(condition: Condition) -> dict[str, Any]:
    """Return the condition as nested dictionaries, which can be compared."""
    return {name: _collect_value(value) for name, value in condition.parts.items()}


def _collect_value(value: Any) -> Any:
    if isinstance(value, Condition):
        return _collect_parts(value)
    if isinstance(value, (list, tuple)):
        return [_collect_value(item) for item in value]
    return {name: _collect_value(item) for name, item in value.items()} if isinstance(value, Mapping) else value


def _iterate_criteria(parts: Mapping[str, Any]) -> Iterator[str]:
    for name, value in parts.items():
        if name == "not":
            yield from _iterate_criteria(value)
        elif name in _COMBINATIONS:
            for part in value:
                yield from _iterate_criteria(part)
        else:
            yield name


def _serialize_parts(parts: Mapping[str, Any], serialize_matcher: Callable[[str, Any], Any]) -> dict[str, Any]:
    serialized: dict[str, Any] = {}
    for name, value in parts.items():
        if name == "not":
            serialized[name] = _serialize_parts(value, serialize_matcher)
        elif name in _COMBINATIONS:
            serialized[name] = [_serialize_parts(part, serialize_matcher) for part in value]
        else:
            serialized[name] = serialize_matcher(f"where={name}=", value)
    return serialized


def _parse_condition(definition: Any, parse_matcher: Callable[[Any], Any], depth: int) -> Condition:
    if depth > _MAX_DEPTH:
        raise ValueError(f"a condition must have at most {_MAX_DEPTH} levels, got more; write it with fewer")
    if not isinstance(definition, Mapping) or not definition:
        raise TypeError(f"a condition must be a mapping of criteria, or of not, all or any, got {definition!r:.80}")
    combinations = [name for name in definition if name in _COMBINATIONS]
    if not combinations:
        return Match(**{name: _parse_expected(name, value, parse_matcher) for name, value in definition.items()})
    if len(definition) > 1:
        raise ValueError(f"`{combinations[0]}` of a condition must be its only key, got {list(definition)!r:.80}")
    name, value = combinations[0], definition[combinations[0]]
    if name == "not":
        return ~_parse_condition(value, parse_matcher, depth + 1)
    if not isinstance(value, list) or not value:
        raise TypeError(f"`{name}` must be a list of at least one condition, got {value!r:.80}")
    first, *others = [_parse_condition(item, parse_matcher, depth + 1) for item in value]
    for other in others:
        first = first & other if name == "all" else first | other
    return first


def _parse_expected(name: Any, value: Any, parse_matcher: Callable[[Any], Any]) -> Any:
    if name == "where" or not isinstance(name, str):
        raise TypeError(f"a condition must have names of criteria as keys, got {name!r}")
    if name == "header" and isinstance(value, Mapping):
        return {field: _parse_expected(f"header {field}", item, parse_matcher) for field, item in value.items()}
    expected = parse_matcher(value)
    for item in expected if isinstance(expected, list) else [expected]:
        if not isinstance(item, (str, re.Pattern, LinearPattern)):
            raise TypeError(f"{name} must be a string, a pattern, or a list of these, got {value!r:.80}")
    return expected
