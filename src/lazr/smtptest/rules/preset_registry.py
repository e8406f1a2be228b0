"""The presets by name, as JSON, TOML and HTTP refer to them.

The module `presets` registers its functions here when it is imported, which `find_preset` takes care of.  So `Rule`
can read the definition of a preset, although presets are made of rules, and a program without presets loads none.
"""

from __future__ import annotations

from lazr.smtptest._util.suggestion import describe_unknown, find_nearest_name
from lazr.smtptest.rules.selectors import SELECTOR_SYNONYMS, SELECTORS
from lazr.smtptest.rules.serialization import apply_limits, parse_preset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["build_preset", "find_preset", "register_presets"]

_PRESETS_MODULE = "lazr.smtptest.rules.presets"

_SELECTOR_NAMES = frozenset({*SELECTORS, *SELECTOR_SYNONYMS, "header", "nth", "probability", "seed", "after"})

_presets_by_name: dict[str, Callable[..., Any]] = {}


def register_presets(presets: Mapping[str, Callable[..., Any]]) -> None:
    """Add functions that return a `Rule` or a tuple of them, by name."""
    _presets_by_name.update(presets)


def find_preset(name: object) -> Callable[..., Any]:
    """Return the function of a preset.

    Raises:
        ValueError: If there is no preset of this name; the text suggests the nearest one.
    """
    if not _presets_by_name:
        from importlib import import_module

        import_module(_PRESETS_MODULE)
    if not isinstance(name, str) or name not in _presets_by_name:
        raise ValueError(describe_unknown("preset", name, _presets_by_name))
    return _presets_by_name[name]


def _check_argument_names(preset: object, function: Callable[..., Any], arguments: Mapping[str, object]) -> None:
    """Raise `TypeError` for a name that is nearly that of an argument.

    Selectors are checked later.
    """
    import inspect

    parameters = inspect.signature(function).parameters.values()
    known = [one.name for one in parameters if one.kind is not one.VAR_KEYWORD]
    for name in arguments:
        if name not in known and name not in _SELECTOR_NAMES and find_nearest_name(name, known) is not None:
            raise TypeError(describe_unknown(f"argument of preset {preset},", name, known))


def build_preset(definition: Any, *, is_untrusted: bool = False) -> tuple[Any, ...]:
    """Return the rules of a preset's definition.

    Args:
        definition: A mapping with the key `preset`.
        is_untrusted: True lets RE2 match the patterns, in linear time; False, the default, lets `re` do it.

    Raises:
        MissingExtra: If there is an untrusted pattern, and google-re2 is not installed.
        TypeError: If an argument is unknown or has the wrong type.
        ValueError: If the name or an argument is wrong, or a preset of several rules has limits or `optional`.

    >>> build_preset({"preset": "blackhole", "peer": {"regex": "^192"}, "times": 2})
    (<Rule CONNECT peer=re.compile('^192') → stall().times(2), never acted>,)
    """
    function = find_preset(definition["preset"])
    preset = parse_preset(definition, is_untrusted=is_untrusted)
    _check_argument_names(preset.name, function, preset.arguments)
    made = function(**preset.arguments)
    rules: tuple[Any, ...] = tuple(made) if isinstance(made, tuple) else (made,)
    if len(rules) > 1 and (preset.limits or preset.optional is not None):
        raise ValueError(
            f"preset {preset.name} makes {len(rules)} rules; after, times, until and optional are for one rule"
        )
    if preset.limits:
        apply_limits(rules[0], **preset.limits)
    if preset.optional:
        rules[0].optional(when_it_never_comes=preset.optional is not True)
    return rules
