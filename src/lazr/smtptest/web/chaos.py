"""Chaos: Mailpit's three triggers, which are rules with a probability here."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest.faults.rule import Rule
from lazr.smtptest.protocol.smtp.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazr.smtptest.faults.rules import Rules

__all__ = ["Chaos", "Trigger"]


class Trigger(NamedTuple):
    """A reply code, and how likely it is, in per cent."""

    code: int
    probability: int


# Each trigger, when it acts, the reply code where none is given, and what a client reads.
TRIGGERS = {
    "Sender": ("MAIL", 451, "This sender is refused by chance"),
    "Recipient": ("RCPT", 451, "This recipient is refused by chance"),
    "Authentication": ("AUTH", 535, "These credentials are refused by chance"),
}


class Chaos:
    """The triggers of one server.

    >>> from lazr.smtptest.faults.rules import Rules
    >>> rules = Rules()
    >>> Chaos(rules).set({"Sender": Trigger(421, 50)})["Sender"]
    Trigger(code=421, probability=50)
    >>> rules
    <Rules: MAIL probability=0.5 → reply(421, 'This sender is refused by chance').optional()>
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._set: dict[str, tuple[Trigger, Rule | None]] = {}
        self._lock = threading.Lock()

    def triggers(self) -> dict[str, Trigger]:
        """How they are set; one whose rule somebody has removed is as if it had never been set."""
        there = [id(rule) for rule in self._rules[:]]
        found = {}
        for name, (_, code, _) in TRIGGERS.items():
            trigger, rule = self._set.get(name, (Trigger(code, 0), None))
            found[name] = trigger if rule is None or id(rule) in there else Trigger(code, 0)
        return found

    def set(self, triggers: Mapping[str, Trigger]) -> dict[str, Trigger]:
        """Set these, and reset the others; all or none.

        Raises `ValueError` for a code that is no refusal, or a probability that is none.
        """
        new = {name: self._made(name, triggers.get(name, Trigger(0, 0))) for name in TRIGGERS}
        with self._lock:
            for _, rule in self._set.values():
                if rule is not None:
                    self._rules.remove(rule)
            self._rules.add(*(rule for _, rule in new.values() if rule is not None))
            self._set = new
        return self.triggers()

    @staticmethod
    def _made(name: str, trigger: Trigger) -> tuple[Trigger, Rule | None]:
        when, usual, words = TRIGGERS[name]
        code, probability = trigger.code or usual, trigger.probability
        if not 0 <= probability <= 100:
            raise ValueError("probability must be between 0 and 100")
        if not 400 <= code <= 599:
            raise ValueError("error code must be between 400 and 599")
        reply = Reply(code, words)  # RFC 5321 4.2 knows fewer codes than that
        rule = Rule(when, probability=probability / 100).reply(reply).optional() if probability else None
        return Trigger(code, probability), rule
