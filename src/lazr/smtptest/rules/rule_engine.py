"""The working parts of a rule, which its server uses.

`Rule` is what a test writes and reads.  A `RuleEngine` belongs to each rule.  It evaluates contexts, counts, and
explains why the rule has not acted.  It has five parts: `Condition` (trigger and selectors), `StepSequence` (actions
and their limits), `Dice` (`probability=`), `CallLog` (the times that it acted) and `MatchStatistics` (why it has not
acted).  A rule that belongs to a server knows it as a `RuleOwner`.
"""

from __future__ import annotations

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.protocol.reading_session import ReadingReply
from lazr.smtptest.rules.actions import ACTION_VALIDATORS
from lazr.smtptest.rules.call_log import CallLog
from lazr.smtptest.rules.condition import Condition
from lazr.smtptest.rules.dice import Dice
from lazr.smtptest.rules.explanation import explain_inaction
from lazr.smtptest.rules.match_statistics import MatchStatistics
from lazr.smtptest.rules.serialization import OPTIONAL_IF_NEVER_TRIGGERED
from lazr.smtptest.rules.steps import StepSequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final, Protocol

    from lazr.smtptest.rules.actions import Action
    from lazr.smtptest.rules.rule_context import RuleContext
    from lazr.smtptest.rules.selectors import Selectors

    class RuleOwner(Protocol):
        """What a rule needs of the rules of its server."""

        has_user_decide: bool
        is_in_loop_thread: Callable[[], bool]
        prepare_wait: Callable[[float], float]

        def register(self, rule: Any) -> None: ...
        def remove(self, *rules: Any) -> None: ...


__all__ = ["RuleEngine"]


class RuleEngine:
    """The parts of one rule, and what its server does with them.

    - `condition`, `steps`, `statistics`, `log`: the parts; `dice`: None without `probability=`.
    - `owner`: the rules of its server; None for none.
    - `optional`: True, False or `OPTIONAL_IF_NEVER_TRIGGERED`.
    - `is_reported`: whether a failure has named it as a rule that never acted.
    - `is_used`: whether the rule was added to a server, copied, compared or shown; otherwise its end is a warning.

    >>> engine = RuleEngine("noop", {})
    >>> engine.add_action("drop", True)
    >>> print(engine, engine.is_unused)
    NOOP → drop() True
    """

    __slots__ = ("condition", "dice", "is_reported", "is_used", "log", "optional", "owner", "statistics", "steps")

    def __init__(self, when: str, selectors: Selectors) -> None:
        self.condition: Final = Condition(when, selectors)
        self.steps: Final = StepSequence()
        self.statistics: Final = MatchStatistics()
        self.log: Final = CallLog()
        self.owner: RuleOwner | None = None
        self.optional: bool | str = False
        self.is_reported: bool = False
        self.is_used: bool = False
        probability = self.condition.probability
        self.dice: Final[Dice | None] = (
            None if probability is None else Dice(probability, self.condition.seed, self.condition.build_key())
        )

    # -- definition -----------------------------------------------------------------------------

    @property
    def when(self) -> str:
        """The name of the trigger, in capitals."""
        return self.condition.when

    @property
    def after_threshold(self) -> float:
        """The value of `after=`: bytes for CONTENT, seconds for IDLE; 0 by default."""
        return self.condition.after_threshold

    @property
    def has_action(self) -> bool:
        """Whether the rule has an action."""
        return self.steps.has_action

    @property
    def is_additive(self) -> bool:
        """Whether all its steps only accept a mail, and send something back."""
        return all(step.action is not None and step.action.is_additive for step in self.steps.complete)

    def describe_condition(self) -> str:
        """Return trigger and selectors as they are written in Python."""
        return str(self.condition)

    def add_action(self, name: str, value: object) -> None:
        """Add an action to the last step.

        Args:
            name: The name of an action method of `Rule`.
            value: Its argument, or a tuple of several; True for actions without arguments.

        Raises:
            TypeError: If the value has the wrong type.
            ValueError: If there is no such action, it is not possible at this trigger, or the value is wrong.
        """
        if name not in self.condition.trigger.actions:
            possible = sorted(self.condition.trigger.actions)
            if name not in ACTION_VALIDATORS:
                raise ValueError(describe_unknown("action", name, possible))
            raise ValueError(f"{name}() is not possible at {self.when}; its actions: {', '.join(possible)}")
        if name == "reply":
            self._check_reply(value)
        self.steps.add_action(name, value)

    def _check_reply(self, value: object) -> None:
        """Raise `ValueError` for the reply of another protocol than that of the trigger."""
        trigger = self.condition.trigger
        if trigger.statuses:
            from lazr.smtptest.rules.reading_triggers import build_reading_reply

            build_reading_reply(trigger, value)
        elif isinstance(value, ReadingReply):
            raise ValueError(f"reply() at {self.when} must have an SMTP reply code, such as 450, got {value!r}")

    # -- the server that it belongs to ----------------------------------------------------------

    def check_owner(self, owner: RuleOwner) -> None:
        """Raise `ValueError` if the rule belongs to another server."""
        if self.owner is not None and self.owner is not owner:
            raise ValueError("the rule belongs to another server; copy.copy(rule) makes a rule for this one")

    # -- evaluation -----------------------------------------------------------------------------

    def evaluate(self, context: RuleContext) -> Action | None:
        """Return the action that is due in this context, and record it; None for no action."""
        condition, statistics = self.condition, self.statistics
        statistics.evaluations += 1
        if not condition.is_met(context, statistics) or not self._has_effect(context):
            return None
        statistics.matches += 1
        if not condition.selects_match(statistics.matches):
            return None
        action = self.steps.take_match()
        if action is None:
            return None
        if self.dice is not None and not self.dice.roll():
            statistics.failed_rolls += 1
            return None
        self.steps.count_call()
        self.log.add(context, str(action))
        return action

    def _has_effect(self, context: RuleContext) -> bool:
        """Return whether the action changes the reply; True if a user's `decide` makes it."""
        action = self.steps.current.action
        if (
            action is None
            or (self.owner is not None and self.owner.has_user_decide)
            or action.has_effect_on(context.reply)
        ):
            return True
        self.statistics.note_no_effect(f"the reply had no {' or '.join(action.without)}")
        return False

    @property
    def is_exhausted(self) -> bool:
        """Whether the rule cannot act any more."""
        return self.condition.is_past_nth(self.statistics.matches) or self.steps.is_finished

    # -- account --------------------------------------------------------------------------------

    @property
    def is_unused(self) -> bool:
        """Whether the rule should have acted, and has not."""
        if self.log.count or self.optional is True:
            return False
        return not self.optional or self.statistics.evaluations > 0

    def explain_unused(self) -> str:
        """Return the lines of a failure about this rule: the rule, and why it has not acted."""
        reason = explain_inaction(self.condition, self.steps, self.statistics, is_exhausted=self.is_exhausted)
        return f"  {self}\n      {reason}"

    def __str__(self) -> str:
        argument = "when_it_never_comes=True" if self.optional == OPTIONAL_IF_NEVER_TRIGGERED else ""
        return f"{self.condition} → {self.steps}" + (f".optional({argument})" if self.optional else "")
