"""Chaos: the three triggers of Mailpit, as rules with a probability."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest.protocol.smtp import Reply
from lazr.smtptest.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazr.smtptest.rules import Rules

__all__ = ["Chaos", "ChaosTrigger"]


class ChaosTrigger(NamedTuple):
    """A reply code, and its probability in percent."""

    code: int
    probability: int


# By the name of the trigger: the verb at which its rule acts, the default reply code, and the text of the reply.
CHAOS_TRIGGERS = {
    "Sender": ("MAIL", 451, "This sender is refused by chance"),
    "Recipient": ("RCPT", 451, "This recipient is refused by chance"),
    "Authentication": ("AUTH", 535, "These credentials are refused by chance"),
}


class Chaos:
    """The chaos triggers of one server.

    >>> from lazr.smtptest import Rules
    >>> rules = Rules()
    >>> Chaos(rules).set_triggers({"Sender": ChaosTrigger(421, 50)})["Sender"]
    ChaosTrigger(code=421, probability=50)
    >>> rules
    <Rules: MAIL probability=0.5 → reply(421, 'This sender is refused by chance').optional()>
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._active_triggers: dict[str, tuple[ChaosTrigger, Rule | None]] = {}
        self._lock = threading.Lock()

    def get_triggers(self) -> dict[str, ChaosTrigger]:
        """Return the settings of all triggers; one whose rule has been removed has the defaults."""
        present_ids = [id(rule) for rule in self._rules[:]]
        triggers = {}
        for name, (_, code, _) in CHAOS_TRIGGERS.items():
            trigger, rule = self._active_triggers.get(name, (ChaosTrigger(code, 0), None))
            triggers[name] = trigger if rule is None or id(rule) in present_ids else ChaosTrigger(code, 0)
        return triggers

    def set_triggers(self, triggers: Mapping[str, ChaosTrigger]) -> dict[str, ChaosTrigger]:
        """Set these triggers, reset the others, and return the settings of all.

        Raises:
            ValueError: If a code is not a refusal, or a probability not from 0 to 100; then nothing changes.
        """
        new = {name: self._build_trigger_rule(name, triggers.get(name, ChaosTrigger(0, 0))) for name in CHAOS_TRIGGERS}
        with self._lock:
            for _, rule in self._active_triggers.values():
                if rule is not None:
                    self._rules.remove(rule)
            self._rules.add(*(rule for _, rule in new.values() if rule is not None))
            self._active_triggers = new
        return self.get_triggers()

    @staticmethod
    def _build_trigger_rule(name: str, trigger: ChaosTrigger) -> tuple[ChaosTrigger, Rule | None]:
        verb, default_code, text = CHAOS_TRIGGERS[name]
        code, probability = trigger.code or default_code, trigger.probability
        if not 0 <= probability <= 100:
            raise ValueError("probability must be between 0 and 100")
        if not 400 <= code <= 599:
            raise ValueError("error code must be between 400 and 599")
        reply = Reply(code, text)  # raises ValueError for codes such as 499, which RFC 5321 4.2 does not have
        rule = Rule(verb, probability=probability / 100).reply(reply).optional() if probability else None
        return ChaosTrigger(code, probability), rule
