"""A rule's form: a value that JSON can carry, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lazr.smtptest.faults.act import ACTS, reply_parts
from lazr.smtptest.faults.counting import COUNTING, Counting
from lazr.smtptest.protocol.smtp.reply import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lazr.smtptest.faults.rule import Rule

    Links = Sequence[tuple[Mapping[str, Any], int, int | None, int | None]]
    Read = tuple[str, dict[str, Any], list[tuple[list[tuple[str, Any]], dict[str, Any]]], bool | str]

__all__ = ["LIMITS", "NEVER_COMES", "is_preset", "read", "read_preset", "written"]

# The names of a link's limits in the form, and in the rule.
LIMITS = {"after": "skip", "times": "most", "until": "until"}

NEVER_COMES = "when it never comes"

_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "a": re.ASCII}


# -- to a form ------------------------------------------------------------------------------------


def written(when: str, selectors: Mapping[str, Any], links: Links, *, optional: bool | str) -> dict[str, Any]:
    """The form of a rule; raises `ValueError` for what is no value but a function."""
    if not links:
        raise ValueError(f"the rule for {when} does not say what to do")
    form: dict[str, Any] = {"when": when}
    if selectors:
        form["match"] = {name: _value(f"{name}=", wanted) for name, wanted in selectors.items()}
    form["do"] = [
        {name: _act(name, value) for name, value in given.items()}
        | ({"after": skip} if skip else {})
        | ({"times": most} if most is not None else {})
        | ({"until": until} if until is not None else {})
        for given, skip, most, until in links
    ]
    return form | ({"optional": optional} if optional else {})


def _value(where: str, wanted: Any) -> Any:
    if isinstance(wanted, (str, int, float)):
        return wanted
    if isinstance(wanted, re.Pattern):
        flags = "".join(letter for letter, flag in _FLAGS.items() if wanted.flags & flag)
        return {"regex": wanted.pattern, **({"flags": flags} if flags else {})}
    if isinstance(wanted, Mapping):
        return {name: _value(f"{where}{name}", value) for name, value in wanted.items()}
    if isinstance(wanted, list):
        return [_value(where, value) for value in wanted]
    if isinstance(wanted, Counting):
        return {wanted.name: dict(wanted.arguments)}
    raise ValueError(f"{where}{wanted!r} is no value that a file can carry; a string, a number or a pattern is")


def _act(name: str, value: Any) -> Any:
    if name == "reply":
        parts = reply_parts(value)
        if Reply(*parts) != value:  # type: ignore[arg-type]  # the code comes first
            raise ValueError(f"{value!r} is no value that a file can carry; raw and close_after are")
        return parts
    if name == "raw":
        return value.decode("latin-1")
    if name == "throttle":
        return {"bytes_per_second": value[0], "direction": value[1]}
    if callable(value):
        raise ValueError(f"{name}({value!r}) is a function, which a file cannot carry")  # noqa: TRY004 - as `_value`
    return list(value) if isinstance(value, tuple) else value


# -- from a form ----------------------------------------------------------------------------------


def read(form: Any) -> Read:
    """What a form says: when, selectors, links, and whether it is optional.

    Raises `ValueError` or `TypeError` for what is none; `rules.schema.json` refuses all that is refused here for its
    shape.
    """
    _mapping("a rule", form, ("when", "match", "do", "optional"))
    if "when" not in form or not isinstance(form.get("do"), list) or not form["do"]:
        raise ValueError(f"a rule has `when`, and `do` with something to do: {form!r}")
    match = form.get("match", {})
    _mapping("`match`", match, None)
    selectors = {name: _read_selector(name, wanted) for name, wanted in match.items()}
    links = [_read_link(link) for link in form["do"]]
    return form["when"], selectors, links, _read_optional(form.get("optional", False))


def _mapping(what: str, form: Any, names: Sequence[str] | None) -> None:
    if not isinstance(form, Mapping) or not all(isinstance(name, str) for name in form):
        raise TypeError(f"{what} is a mapping of names, not {form!r}")
    unknown = [name for name in form if names is not None and name not in names]
    if unknown:
        raise ValueError(f"{what} has no {unknown[0]!r}; it may have {', '.join(names or ())}")


def _read_optional(value: Any) -> bool | str:
    if value is True or value is False or value == NEVER_COMES:
        return bool(value) if value is True or value is False else NEVER_COMES
    raise ValueError(f"optional is true, false or {NEVER_COMES!r}, not {value!r}")


def _read_link(link: Any) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    _mapping("each of `do`", link, (*ACTS, *LIMITS))
    acts = [(name, _read_act(name, value)) for name, value in link.items() if name in ACTS]
    if not acts:
        raise ValueError(f"nothing is done by {link!r}; there are {', '.join(ACTS)}")
    return acts, _read_limits(link)


def _read_limits(form: Mapping[str, Any]) -> dict[str, Any]:
    return {LIMITS[name]: _read_limit(name, value) for name, value in form.items() if name in LIMITS}


def _read_limit(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < (name != "after"):
        raise ValueError(f"{name} is a number of matches, not {value!r}")
    return value


def _read_selector(name: str, wanted: Any) -> Any:
    if wanted is None:
        raise TypeError(f"{name} wants a value, not null")
    if name == "header":
        _mapping("header", wanted, None)
        return {field: _read_value(value) for field, value in wanted.items()}
    if name == "where":
        return _read_counting(wanted)
    return _read_value(wanted)


def _read_counting(wanted: Any) -> Counting:
    _mapping("where", wanted, tuple(COUNTING))
    if len(wanted) != 1:
        raise ValueError(f"where is one of {', '.join(COUNTING)}, and its arguments: {wanted!r}")
    [(name, arguments)] = wanted.items()
    _mapping(name, arguments, None)
    return COUNTING[name](**arguments)


def _read_value(wanted: Any) -> Any:
    if isinstance(wanted, list):
        return [_read_value(value) for value in wanted]
    if not isinstance(wanted, Mapping):
        if isinstance(wanted, (str, int, float)):
            return wanted
        raise TypeError(f"{wanted!r} is no value to match with")
    _mapping("a pattern", wanted, ("regex", "flags"))
    pattern, letters = wanted.get("regex"), wanted.get("flags", "")
    if not isinstance(pattern, str) or not isinstance(letters, str) or not set(letters) <= set(_FLAGS):
        raise ValueError(f"a pattern is {{'regex': '…', 'flags': '{''.join(_FLAGS)}'}}, not {wanted!r}")
    flags = 0
    for letter in letters:
        flags |= _FLAGS[letter]
    try:
        return re.compile(pattern, flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is no pattern: {error}") from None


def _read_act(name: str, value: Any) -> Any:
    if name == "reply":
        parts = value if isinstance(value, list) else [value]
        if not parts or not all(isinstance(part, str) for part in parts[1:]) or isinstance(parts[0], bool):
            raise ValueError(f"reply is a code, or a list of a code and strings, not {value!r}")
        return Reply(*parts)
    if name == "raw":
        if not isinstance(value, str) or (not value.isascii() and max(value) > "\xff"):
            raise ValueError(f"raw is a string of characters up to U+00FF, each an octet, not {value!r}")
        return value.encode("latin-1")
    if name == "throttle" and isinstance(value, Mapping):
        _mapping("throttle", value, ("bytes_per_second", "direction"))
        return value.get("bytes_per_second"), value.get("direction", "both")
    if name in ("without", "advertise"):
        if not isinstance(value, list):
            raise TypeError(f"{name} is a list of strings, not {value!r}")
        return tuple(value)
    if isinstance(value, (tuple, list)):
        raise TypeError(f"{name} wants no list, but {value!r} is one")
    return value


def is_preset(form: object) -> bool:
    """Whether it is a preset's form, and not a rule's."""
    return isinstance(form, Mapping) and "preset" in form


def read_preset(form: Any) -> tuple[Rule, ...]:
    """The rules of a preset by its name: `{"preset": "greylist", "attempts": 2, "times": 5}`.

    Its arguments and selectors stand beside its name; `after`, `times`, `until` and `optional` are for a preset that
    is one rule.  Raises `ValueError` or `TypeError` for what is none.
    """
    from lazr.smtptest.faults.presets import PRESETS
    from lazr.smtptest.faults.provider import of_provider
    from lazr.smtptest.faults.rule import Rule

    _mapping("a preset", form, None)
    name = form["preset"]
    presets = {**PRESETS, "provider": of_provider}
    if not isinstance(name, str) or name not in presets:
        raise ValueError(f"no preset {name!r}; there are {', '.join(presets)}")
    if "where" in form:
        raise ValueError(f"{name} takes no where; a rule does")
    own = ("preset", "optional", *LIMITS)
    arguments = {key: _read_selector(key, value) for key, value in form.items() if key not in own}
    made = presets[name](**arguments)
    rules = (made,) if isinstance(made, Rule) else made
    limits = _read_limits(form)
    if len(rules) > 1 and (limits or "optional" in form):
        raise ValueError(f"{name} is {len(rules)} rules; {', '.join(key for key in own[1:] if key in form)} is for one")
    if limits:
        rules[0].limit(**limits)
    optional = _read_optional(form.get("optional", False))
    if optional:
        rules[0].optional(when_it_never_comes=optional is not True)
    return rules
