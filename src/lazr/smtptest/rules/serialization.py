"""Rules as data: dictionaries of strings, numbers and lists, as JSON and TOML carry them.

`serialize_rule` writes the parts of a rule; `parse_rule` and `parse_preset` read a definition into a `ParsedRule` or a
`ParsedPreset`.  Neither makes a `Rule`: that is up to `Rule.from_dict` and `preset_registry.build_preset`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lazr.smtptest._util.suggestion import describe_unknown, find_nearest_name
from lazr.smtptest.protocol.reading_session import ReadingReply
from lazr.smtptest.protocol.smtp import Reply
from lazr.smtptest.rules.actions import ACTION_VALIDATORS, split_reply
from lazr.smtptest.rules.counters import COUNTING_CONDITIONS, CountingCondition
from lazr.smtptest.rules.linear_pattern import LinearPattern
from lazr.smtptest.rules.mail_condition import MailCondition
from lazr.smtptest.rules.notices import NOTICE_ACTIONS, Notice, parse_notice
from lazr.smtptest.rules.reading_triggers import READING_STATUSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from lazr.smtptest.rules.steps import Step

    ParsedStep = tuple[list[tuple[str, Any]], dict[str, int]]

__all__ = [
    "LIMIT_PARAMETERS",
    "OPTIONAL_IF_NEVER_TRIGGERED",
    "ParsedPreset",
    "ParsedRule",
    "apply_limits",
    "is_preset_definition",
    "parse_preset",
    "parse_rule",
    "serialize_rule",
]

# The keys of a step's limits, and the attributes of `Step` that they set.
LIMIT_PARAMETERS: Final[Mapping[str, str]] = {"after": "skipped_matches", "times": "max_calls", "until": "last_match"}

# The value of `optional` for a rule that has to act if its trigger comes.
OPTIONAL_IF_NEVER_TRIGGERED: Final = "when it never comes"

_REGEX_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "a": re.ASCII}


# -- to a dictionary ------------------------------------------------------------------------------


def serialize_rule(
    trigger: str, selectors: Mapping[str, Any], steps: Sequence[Step], optional: bool | str
) -> dict[str, Any]:
    """Return the definition of a rule with these parts.

    Args:
        trigger: The value of `when`.
        selectors: The selectors by name, in the form that `Condition` keeps.
        steps: The steps that have an action.
        optional: True, False or `OPTIONAL_IF_NEVER_TRIGGERED`.

    Raises:
        ValueError: If there is no step, or a value is a function, or a reply with other attributes than its text.
    """
    if not steps:
        raise ValueError(f"the rule for {trigger} has no action; add one, such as .reply(451)")
    definition: dict[str, Any] = {"when": trigger}
    if selectors:
        definition["match"] = {name: _serialize_matcher(f"{name}=", value) for name, value in selectors.items()}
    definition["do"] = [_serialize_step(step) for step in steps]
    return definition | ({"optional": optional} if optional else {})


def _serialize_step(step: Step) -> dict[str, Any]:
    arguments: Mapping[str, Any] = {} if step.action is None else step.action.arguments
    actions = {name: _serialize_action(name, value) for name, value in arguments.items()}
    limits = {key: getattr(step, attribute) for key, attribute in LIMIT_PARAMETERS.items()}
    # 0 for `after` is the default, as is None for the others.
    return actions | {key: limit for key, limit in limits.items() if limit}


def _serialize_matcher(label: str, matcher: Any) -> Any:
    if isinstance(matcher, (str, int, float)):
        return matcher
    if isinstance(matcher, re.Pattern):
        flags = "".join(letter for letter, flag in _REGEX_FLAGS.items() if matcher.flags & flag)
        return {"regex": matcher.pattern, **({"flags": flags} if flags else {})}
    if isinstance(matcher, LinearPattern):
        return {"regex": matcher.pattern, **({"flags": matcher.flags} if matcher.flags else {})}
    if isinstance(matcher, Mapping):
        return {name: _serialize_matcher(f"{label}{name}", value) for name, value in matcher.items()}
    if isinstance(matcher, list):
        return [_serialize_matcher(label, value) for value in matcher]
    if isinstance(matcher, MailCondition):
        return matcher.serialize(_serialize_matcher)
    if isinstance(matcher, CountingCondition):
        return {matcher.name: dict(matcher.arguments)}
    raise ValueError(f"{label}{matcher!r} cannot be written as JSON; use a string, a number or a compiled pattern")


def _serialize_action(name: str, value: Any) -> Any:
    if isinstance(value, ReadingReply):
        return [value.status, value.text]
    if isinstance(value, Notice):
        return value.to_dict() or True
    if name == "reply":
        parts = split_reply(value)
        if Reply(*parts) != value:  # type: ignore[arg-type]  # the code comes first
            raise ValueError(f"{value!r} cannot be written as JSON; use raw() or close_after() for what it changes")
        return parts
    if name == "raw":
        return value.decode("latin-1")
    if name == "throttle":
        return {"bytes_per_second": value[0], "direction": value[1]}
    if callable(value):
        raise ValueError(f"{name}({value!r}) is a function, which JSON cannot carry")  # noqa: TRY004 - as `_serialize_matcher`
    return list(value) if isinstance(value, tuple) else value


# -- from a dictionary ----------------------------------------------------------------------------


class ParsedRule:
    """The parts of a rule's definition.

    - `when`: the trigger; `selectors`: its selectors by name.
    - `steps`: for each step its actions as pairs of name and value, and its limits by attribute of `Step`.
    - `optional`: True, False or `OPTIONAL_IF_NEVER_TRIGGERED`.
    """

    __slots__ = ("optional", "selectors", "steps", "when")

    def __init__(self, when: str, selectors: dict[str, Any], steps: list[ParsedStep], optional: bool | str) -> None:
        self.when: Final = when
        self.selectors: Final = selectors
        self.steps: Final = steps
        self.optional: Final = optional


class ParsedPreset:
    """The parts of a preset's definition.

    - `name`: the value of `preset`, known or not; `arguments`: its arguments and selectors by name.
    - `limits`: the limits of its rule by attribute of `Step`; empty by default.
    - `optional`: True, False or `OPTIONAL_IF_NEVER_TRIGGERED`; None if it was left out.
    """

    __slots__ = ("arguments", "limits", "name", "optional")

    def __init__(
        self, name: object, arguments: dict[str, Any], limits: dict[str, int], optional: bool | str | None
    ) -> None:
        self.name: Final = name
        self.arguments: Final = arguments
        self.limits: Final = limits
        self.optional: Final = optional


def parse_rule(definition: Any, *, is_untrusted: bool = False) -> ParsedRule:
    """Return the parts of a rule's definition.

    Args:
        definition: The value from JSON or TOML, of any type.
        is_untrusted: True lets RE2 match the patterns, in linear time; False, the default, lets `re` do it.

    Raises:
        MissingExtra: If there is an untrusted pattern, and google-re2 is not installed.
        TypeError: If a part has the wrong type.
        ValueError: If a part is missing or wrong.  `rules.schema.json` rejects every wrong shape, too.
    """
    _check_mapping("a rule", definition, ("when", "match", "do", "optional"))
    if "when" not in definition or not isinstance(definition.get("do"), list) or not definition["do"]:
        raise ValueError(f"a rule must have `when`, and `do` with a list of at least one step, got {definition!r}")
    match = definition.get("match", {})
    _check_mapping("`match`", match, None)
    selectors = {name: _parse_selector(name, value, is_untrusted) for name, value in match.items()}
    steps = [_parse_step(step) for step in definition["do"]]
    return ParsedRule(definition["when"], selectors, steps, _parse_optional(definition.get("optional", False)))


def _check_mapping(label: str, value: Any, keys: Sequence[str] | None) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"{label} must be a mapping with strings as keys, got {value!r}")
    unknown = [name for name in value if keys is not None and name not in keys]
    if unknown:
        raise ValueError(describe_unknown(f"key of {label}", unknown[0], keys or ()))


def _parse_optional(value: Any) -> bool | str:
    if value is True or value is False:
        return bool(value)
    if value == OPTIONAL_IF_NEVER_TRIGGERED:
        return OPTIONAL_IF_NEVER_TRIGGERED
    raise ValueError(f"optional must be true, false or {OPTIONAL_IF_NEVER_TRIGGERED!r}, got {value!r}")


def _parse_step(step: Any) -> ParsedStep:
    _check_mapping("a step of `do`", step, None)
    unknown = [name for name in step if name not in ACTION_VALIDATORS and name not in LIMIT_PARAMETERS]
    if unknown:
        raise ValueError(describe_unknown("action", unknown[0], (*ACTION_VALIDATORS, *LIMIT_PARAMETERS)))
    actions = [(name, _parse_action(name, value)) for name, value in step.items() if name in ACTION_VALIDATORS]
    if not actions:
        raise ValueError(f"a step of `do` must have an action, got {step!r}; actions: {', '.join(ACTION_VALIDATORS)}")
    return actions, _parse_limits(step)


def apply_limits(
    rule: Any, *, skipped_matches: int = 0, max_calls: int | None = None, last_match: int | None = None
) -> None:
    """Set the limits of a rule's last step, as they are in a definition.

    Args:
        rule: The `Rule`.
        skipped_matches: As for `Rule.after`; 0 by default.
        max_calls: As for `Rule.times`; None, the default, for no limit.
        last_match: As the second argument of `Rule.between`; None, the default, for no limit.

    Raises:
        ValueError: If no match is left.
    """
    if last_match is not None:
        rule.between(skipped_matches + 1, last_match)
    elif skipped_matches:
        rule.after(skipped_matches)
    if max_calls is not None:
        rule.times(max_calls)


def _parse_limits(definition: Mapping[str, Any]) -> dict[str, int]:
    return {
        LIMIT_PARAMETERS[key]: _parse_limit(key, value) for key, value in definition.items() if key in LIMIT_PARAMETERS
    }


def _parse_limit(key: str, value: Any) -> int:
    minimum = 0 if key == "after" else 1
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ValueError(f"{key} must be a number of matches >= {minimum}, got {value!r}")
    return value


def _parse_selector(name: str, value: Any, is_untrusted: bool) -> Any:
    if value is None:
        raise TypeError(f"{name} must have a value, got null; leave it out")
    if name == "header":
        _check_mapping("header", value, None)
        return {field: _parse_matcher(matcher, is_untrusted) for field, matcher in value.items()}
    if name == "where":
        return _parse_where(value, is_untrusted)
    return _parse_matcher(value, is_untrusted)


def _parse_where(value: Any, is_untrusted: bool) -> CountingCondition | MailCondition:
    _check_mapping("where", value, None)
    counting = [name for name in value if name in COUNTING_CONDITIONS]
    for name in value:
        if name not in COUNTING_CONDITIONS and find_nearest_name(name, COUNTING_CONDITIONS) is not None:
            raise ValueError(describe_unknown("condition", name, COUNTING_CONDITIONS))
    if not counting:
        return MailCondition.parse(value, lambda matcher: _parse_matcher(matcher, is_untrusted))
    if len(value) != 1:
        raise ValueError(f"where must have one condition that counts, got {value!r}; write one rule for each")
    arguments = value[counting[0]]
    _check_mapping(counting[0], arguments, None)
    return COUNTING_CONDITIONS[counting[0]](**arguments)


def _parse_matcher(value: Any, is_untrusted: bool) -> Any:
    if isinstance(value, list):
        return [_parse_matcher(item, is_untrusted) for item in value]
    if isinstance(value, Mapping):
        return _parse_pattern(value, is_untrusted)
    if isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"a value to match must be a string, a number, a pattern or a list, got {value!r}")


def _parse_pattern(value: Mapping[Any, Any], is_untrusted: bool) -> re.Pattern[str] | LinearPattern:
    _check_mapping("a pattern", value, ("regex", "flags"))
    pattern, letters = value.get("regex"), value.get("flags", "")
    if not isinstance(pattern, str) or not isinstance(letters, str) or not set(letters) <= set(_REGEX_FLAGS):
        raise ValueError(
            f"a pattern must be {{'regex': '…'}}, with 'flags' out of '{''.join(_REGEX_FLAGS)}' if any, got {value!r}"
        )
    if is_untrusted:
        return LinearPattern(pattern, letters)
    flags = 0
    for letter in letters:
        flags |= _REGEX_FLAGS[letter]
    try:
        return re.compile(pattern, flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"regex {pattern!r} is not valid: {error}") from None


def _parse_action(name: str, value: Any) -> Any:
    if name in NOTICE_ACTIONS:
        return parse_notice(name, value)
    if name == "reply":
        parts = value if isinstance(value, list) else [value]
        if not parts or not all(isinstance(part, str) for part in parts[1:]) or isinstance(parts[0], bool):
            raise ValueError(f"reply must be a code, or a list of a code and strings, got {value!r}")
        if isinstance(parts[0], str):
            return _parse_reading_reply(parts)
        return Reply(*parts)
    if name == "raw":
        if not isinstance(value, str) or (not value.isascii() and max(value) > "\xff"):
            raise ValueError(f"raw must be a string of characters up to U+00FF, one for each byte, got {value!r}")
        return value.encode("latin-1")
    if name == "throttle" and isinstance(value, Mapping):
        _check_mapping("throttle", value, ("bytes_per_second", "direction"))
        return value.get("bytes_per_second"), value.get("direction", "both")
    if name in ("without", "advertise"):
        if not isinstance(value, list):
            raise TypeError(f"{name} must be a list of strings, got {value!r}")
        return tuple(value)
    if isinstance(value, (tuple, list)):
        raise TypeError(f"{name} must be a single value, got the list {value!r}")
    return value


def _parse_reading_reply(parts: list[str]) -> ReadingReply:
    """Return the reply of IMAP or POP3."""
    status, *texts = parts
    if status not in READING_STATUSES or len(texts) != 1:
        statuses = ", ".join(READING_STATUSES)
        raise ValueError(
            f"reply must be a code, or a list of a status and one text, got {parts!r}; statuses: {statuses}"
        )
    return ReadingReply(status, texts[0])


def is_preset_definition(definition: object) -> bool:
    """Whether a definition names a preset, and is not that of a rule."""
    return isinstance(definition, Mapping) and "preset" in definition


def parse_preset(definition: Any, *, is_untrusted: bool = False) -> ParsedPreset:
    """Return the parts of a definition: `{"preset": "greylist", "attempts": 2, "times": 5}`.

    Arguments and selectors of the preset stand beside its name, as do `after`, `times`, `until` and `optional`.

    Args:
        definition: A mapping with the key `preset`.
        is_untrusted: As for `parse_rule`.

    Raises:
        MissingExtra: As `parse_rule` does.
        TypeError: If a part has the wrong type.
        ValueError: If a part is wrong, or there is `where`, which only a rule can have.
    """
    _check_mapping("a preset", definition, None)
    name = definition["preset"]
    if "where" in definition:
        raise ValueError(f"preset {name} takes no `where`; write a rule with `when`, `match` and `do`")
    reserved = ("preset", "optional", *LIMIT_PARAMETERS)
    return ParsedPreset(
        name,
        {key: _parse_selector(key, value, is_untrusted) for key, value in definition.items() if key not in reserved},
        _parse_limits(definition),
        _parse_optional(definition["optional"]) if "optional" in definition else None,
    )
