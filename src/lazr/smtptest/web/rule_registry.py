"""The rules of a server, with the numbers that name them over HTTP."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lazr.smtptest.rules import Rule, Rules

__all__ = ["RuleRegistry"]


class RuleRegistry:
    """Numbers for all rules of a server; a number is not used again.

    >>> from lazr.smtptest import Rules
    >>> rules = Rules()
    >>> registry = RuleRegistry(rules)
    >>> rule = rules.on("NOOP").reply(451)
    >>> registry.get_rules()
    {1: <Rule NOOP → reply(451), never acted>}
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._rules_by_number: dict[int, Rule] = {}
        self._last_number = 0
        self._lock = threading.Lock()
        self._change_lock = threading.Lock()

    def get_rules(self) -> dict[int, Rule]:
        """Return all rules by number, in the order of their evaluation."""
        with self._lock:
            numbers = {id(rule): number for number, rule in self._rules_by_number.items()}  # rules can be equal
            current: dict[int, Rule] = {}
            for rule in self._rules[:]:
                number = numbers.get(id(rule))
                if number is None:
                    self._last_number = number = self._last_number + 1
                current[number] = rule
            self._rules_by_number = current
            return dict(current)

    def add(self, *rules: Rule) -> dict[int, Rule]:
        """Add rules after the others, all at once, and return them by number.

        They become optional: a rule that was added over HTTP and never acts does not fail a test.  Raises `ValueError`
        if a rule has no action; then none is added.
        """
        self._rules.add(*(rule.optional() for rule in rules))
        added_ids = {id(rule) for rule in rules}
        return {number: rule for number, rule in self.get_rules().items() if id(rule) in added_ids}

    def change(self, number: int, *, replacement: Rule | None = None, enabled: bool | None = None) -> bool:
        """Replace the rule of this number, which keeps the number; or enable or disable it.

        Args:
            number: the number of the rule.
            replacement: the rule to put in its place, which becomes optional; None, the default, keeps the rule.
            enabled: whether it may act; None, the default, leaves that as it is.

        Returns:
            whether there is a rule of this number.

        Raises:
            ValueError: if the replacement has no action.
        """
        try:
            with self._change_lock:
                rule = self.get_rules()[number]
                if replacement is not None:
                    with self._lock:
                        self._rules.replace(rule, replacement.optional())
                        self._rules_by_number[number] = rule = replacement
                if enabled is not None:
                    self._rules.set_enabled(rule, enabled=enabled)
        except LookupError:  # also if the rule has been removed meanwhile
            return False
        return True

    def is_enabled(self, rule: Rule) -> bool:
        """Return whether a rule may act."""
        return self._rules.is_enabled(rule)

    def remove(self, number: int) -> bool:
        """Remove the rule of this number; return whether it was there."""
        rule = self.get_rules().get(number)
        if rule is not None:
            self._rules.remove(rule)
        return rule is not None

    def clear(self) -> None:
        """Remove all rules."""
        self._rules.clear()
