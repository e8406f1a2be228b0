"""The rules of a server, each with a number by which it can be named over HTTP."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lazr.smtptest.faults.rule import Rule
    from lazr.smtptest.faults.rules import Rules

__all__ = ["Shelf"]


class Shelf:
    """Numbers for rules, whoever wrote them; a number is never another rule's.

    >>> from lazr.smtptest.faults.rules import Rules
    >>> rules = Rules()
    >>> shelf = Shelf(rules)
    >>> rule = rules.on("NOOP").reply(451)
    >>> shelf.rules()
    {1: <Rule NOOP → reply(451), never acted>}
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._known: dict[int, Rule] = {}
        self._last = 0
        self._lock = threading.Lock()

    def rules(self) -> dict[int, Rule]:
        """All rules, in their order, by number."""
        with self._lock:
            numbers = {id(rule): number for number, rule in self._known.items()}  # two may be equal
            now: dict[int, Rule] = {}
            for rule in self._rules[:]:
                number = numbers.get(id(rule))
                if number is None:
                    self._last = number = self._last + 1
                now[number] = rule
            self._known = now
            return dict(now)

    def add(self, *rules: Rule) -> dict[int, Rule]:
        """Put these behind the others, all at once.

        They are optional: nobody's test fails because one that came over HTTP never acted.  Raises `ValueError` for one
        that does not say what to do.
        """
        self._rules.add(*(rule.optional() for rule in rules))
        return {number: rule for number, rule in self.rules().items() if any(rule is one for one in rules)}

    def remove(self, number: int) -> bool:
        """This one acts no more; whether it was there."""
        rule = self.rules().get(number)
        if rule is not None:
            self._rules.remove(rule)
        return rule is not None

    def clear(self) -> None:
        """No more rules."""
        self._rules.clear()
