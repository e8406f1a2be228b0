"""Read rule definitions, for `server.rules.load`, files of rules and HTTP; copy rules."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from lazr.smtptest.rules.preset_registry import build_preset
from lazr.smtptest.rules.rule import Rule, build_rule, get_engine
from lazr.smtptest.rules.serialization import is_preset_definition, parse_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["build_rules", "copy_rules"]


def build_rules(definition: Any, *, is_untrusted: bool = False) -> tuple[Rule, ...]:
    """Return the rules of one definition, that of a rule or of a preset.

    A preset can make several rules.

    Args:
        definition: The value from JSON or TOML, of any type.
        is_untrusted: Whether it comes from a file or over HTTP.  RE2 then matches its regular expressions, in linear
            time, so that none of them can stop the server.  False, the default, lets `re` match them.

    Raises:
        MissingExtra: If there is an untrusted regular expression, and google-re2 is not installed.
        TypeError: If a value has the wrong type.
        ValueError: If a name is unknown, or a value is wrong.

    >>> build_rules({"preset": "strip_starttls"})[1].when
    'STARTTLS'
    >>> build_rules({"when": "QUIT", "do": [{"drop": True}]})
    (<Rule QUIT → drop(), never acted>,)
    """
    if is_preset_definition(definition):
        rules: tuple[Rule, ...] = tuple(build_preset(definition, is_untrusted=is_untrusted))
        for rule in rules:
            get_engine(rule)  # a rule from data is no forgotten one
        return rules
    return (build_rule(parse_rule(definition, is_untrusted=is_untrusted)),)


def copy_rules(rules: object) -> list[Rule]:
    """Return new rules of no server, so that several servers can have the same ones.

    Args:
        rules: A list of rules, presets, and definitions as for `server.rules.load`.

    Raises:
        TypeError: If `rules` is not a sequence of these.
        ValueError: If a definition is wrong.

    >>> rule = Rule("QUIT").drop()
    >>> copies = copy_rules([rule, {"preset": "maintenance"}])
    >>> copies[0] == rule, copies[0] is rule, copies[1].when
    (True, False, 'CONNECT')
    """
    if isinstance(rules, (str, bytes, Mapping, Rule)) or not isinstance(rules, Iterable):
        raise TypeError(f"rules must be a list of rules and presets, got {rules!r}")
    copies: list[Rule] = []
    for item in rules:
        members = build_rules(item) if isinstance(item, Mapping) else [item] if isinstance(item, Rule) else item
        if isinstance(members, (str, bytes)) or not isinstance(members, Iterable):
            raise TypeError(f"expected a rule, a preset or a definition, got {item!r}")
        for rule in members:
            if not isinstance(rule, Rule):
                raise TypeError(f"expected a rule, a preset or a definition, got {rule!r}")
            copies.append(copy.copy(rule))
    return copies
