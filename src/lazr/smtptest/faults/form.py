"""A rule's form: a value that JSON can carry, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lazr.smtptest.faults.act import ACTS, reply_parts
from lazr.smtptest.protocol.smtp.reply import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Links = Sequence[tuple[Mapping[str, Any], int, int | None, int | None]]
    Read = tuple[str, dict[str, Any], list[tuple[list[tuple[str, Any]], dict[str, Any]]], bool]

__all__ = ["LIMITS", "read", "written"]

# The names of a link's limits in the form, and in the rule.
LIMITS = {"after": "skip", "times": "most", "until": "until"}

_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "a": re.ASCII}


def written(when: str, selectors: Mapping[str, Any], links: Links, *, optional: bool) -> dict[str, Any]:
    """The form of a rule; raises `ValueError` for what is no value but a function."""
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
    return form | ({"optional": True} if optional else {})


def _value(where: str, wanted: Any) -> Any:
    if isinstance(wanted, (str, int, float)):
        return wanted
    if isinstance(wanted, re.Pattern):
        flags = "".join(letter for letter, flag in _FLAGS.items() if wanted.flags & flag)
        return {"regex": wanted.pattern, **({"flags": flags} if flags else {})}
    if isinstance(wanted, Mapping):
        return {name: _value(f"{where}{name}", value) for name, value in wanted.items()}
    if isinstance(wanted, (list, tuple, range, set, frozenset)):
        return [_value(where, value) for value in (sorted(wanted) if isinstance(wanted, (set, frozenset)) else wanted)]
    raise ValueError(f"{where}{wanted!r} is no value that a file can carry; a string, a number or a pattern is")


def _act(name: str, value: Any) -> Any:
    if name == "reply":
        return reply_parts(value)
    if name == "raw":
        return value.decode("latin-1")
    if name == "throttle":
        return {"bytes_per_second": value[0], "direction": value[1]}
    if callable(value):
        raise ValueError(f"{name}({value!r}) is a function, which a file cannot carry")  # noqa: TRY004 - as `_value`
    return list(value) if isinstance(value, tuple) else value


def read(form: Mapping[str, Any]) -> Read:
    """What a form says: when, selectors, links, and whether it is optional; raises `ValueError` for what is none."""
    if not isinstance(form, Mapping):
        raise TypeError(f"a rule's form is a mapping, not {form!r}")
    _known("a rule", form, ("when", "match", "do", "optional"))
    if "when" not in form or not isinstance(form.get("do"), list) or not form["do"]:
        raise ValueError(f"a rule has `when`, and `do` with something to do: {form!r}")
    selectors = {name: _read_value(name, wanted) for name, wanted in form.get("match", {}).items()}
    return form["when"], selectors, [_read_link(link) for link in form["do"]], form.get("optional", False) is True


def _known(what: str, form: Mapping[str, Any], names: Sequence[str]) -> None:
    unknown = [name for name in form if name not in names]
    if unknown:
        raise ValueError(f"{what} has no {unknown[0]!r}; it may have {', '.join(names)}")


def _read_link(link: Any) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    if not isinstance(link, Mapping):
        raise TypeError(f"each of `do` is a mapping, not {link!r}")
    _known("`do`", link, (*ACTS, *LIMITS))
    acts = [(name, _read_act(name, value)) for name, value in link.items() if name in ACTS]
    limits = {LIMITS[name]: _read_limit(name, value) for name, value in link.items() if name in LIMITS}
    return acts, limits


def _read_limit(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < (name != "after"):
        raise ValueError(f"{name} is a number of matches, not {value!r}")
    return value


def _read_value(name: str, wanted: Any) -> Any:
    if name == "header" and isinstance(wanted, Mapping):
        return {field: _read_value("", value) for field, value in wanted.items()}
    if isinstance(wanted, Mapping):
        _known("a pattern", wanted, ("regex", "flags"))
        flags = 0
        for letter in wanted.get("flags", ""):
            flags |= _FLAGS[letter]
        return re.compile(wanted["regex"], flags)
    return [_read_value("", value) for value in wanted] if isinstance(wanted, list) else wanted


def _read_act(name: str, value: Any) -> Any:
    if name == "reply":
        return Reply(*value) if isinstance(value, (list, tuple)) else Reply(value)
    if name == "raw":
        return value.encode("latin-1")
    if name == "throttle" and isinstance(value, Mapping):
        return value["bytes_per_second"], value.get("direction", "both")
    return tuple(value) if isinstance(value, list) else value
