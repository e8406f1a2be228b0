"""The rules of one server, in the order in which they were written."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

from lazr.smtptest.errors import RuleNeverActed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import overload

    from lazr.smtptest.faults.act import Act
    from lazr.smtptest.faults.moment import Moment
    from lazr.smtptest.faults.rule import Rule

__all__ = ["Rules"]


_RELAX = ".optional() is for a rule that need not act"


class Rules(Sequence["Rule"]):
    """The rules of a server: a sequence, which any thread may read and change while sessions run.

    A change is there at once and as a whole: a session sees the rules before it, or those after it.

    >>> rules = Rules(seed=1)
    >>> rule = rules.on("NOOP").reply(451)
    >>> len(rules), rule in rules
    (1, True)
    """

    def __init__(self, seed: int | None = None) -> None:
        self._lock = threading.Lock()
        self._rules: tuple[Rule, ...] = ()
        self._drafts: list[Rule] = []  # which do not say yet what to do
        self._seed = seed
        self._added = 0
        # For whoever asks, each of them swapped as a whole: the rules by the verb of the event; the
        # octets of content, and the seconds of silence, after which there is something to ask.
        self.by_verb: Mapping[str, tuple[Rule, ...]] | None = None  # None: there are no rules
        self.marks: tuple[int, ...] = ()
        self.silences: tuple[float, ...] = ()
        self.changed: Callable[[], object] | None = None  # called when `silences` has changed

    # -- for whoever writes them --------------------------------------------------------------

    def on(self, when: str, **selectors: object) -> Rule:
        """A rule, which is put behind the others as soon as it says what to do; see `Rule`."""
        from lazr.smtptest.faults.rule import Rule

        rule = Rule(when, **selectors)
        rule.belong_to(self)
        with self._lock:
            self._drafts.append(rule)
        return rule

    def add(self, *rules: Rule | Iterable[Rule]) -> None:
        """Put these behind the others, all at once; a preset of several rules is taken as it is.

        Raises `ValueError` for a rule that is another server's, or does not say what to do.
        """
        from lazr.smtptest.faults.rule import Rule

        new = [rule for given in rules for rule in ((given,) if isinstance(given, Rule) else given)]
        for rule in new:
            if not rule.has_act:
                raise ValueError(f"{rule!r} does not say what to do")
            rule.belong_to(self)
        self._put(new)

    def enter(self, rule: Rule) -> None:
        """The rule says what to do now; if it is new, it is put behind the others."""
        if rule in self._drafts:
            self._put([rule])

    def _put(self, rules: Sequence[Rule]) -> None:
        with self._lock:
            new = [rule for rule in rules if not any(rule is other for other in self._rules)]
            for rule in new:
                self._give_dice(rule)
            self._drafts = [draft for draft in self._drafts if not any(draft is rule for rule in new)]
            self._swap((*self._rules, *new))

    def remove(self, rule: Rule) -> None:
        """This rule acts no more; one that is not there may be removed, too."""
        with self._lock:
            self._drafts = [draft for draft in self._drafts if draft is not rule]
            self._swap(tuple(other for other in self._rules if other is not rule))

    def clear(self) -> None:
        """No more rules, and no failure for those that never acted."""
        with self._lock:
            self._drafts = []
            self._swap(())

    def _swap(self, rules: tuple[Rule, ...]) -> None:
        by_verb: dict[str, tuple[Rule, ...]] = {}
        for rule in rules:
            by_verb[rule.when] = (*by_verb.get(rule.when, ()), rule)
        if "END_OF_DATA" in by_verb:  # of LMTP, it is asked for each recipient
            by_verb["DELIVERY"] = by_verb["END_OF_DATA"]
        silences = self.silences
        self._rules = rules
        self.by_verb = by_verb or None
        self.marks = tuple(sorted({int(rule.after_amount) for rule in by_verb.get("CONTENT", ())}))
        self.silences = tuple(sorted({rule.after_amount for rule in by_verb.get("IDLE", ())}))
        if self.silences != silences and self.changed is not None:
            self.changed()

    # -- the dice -----------------------------------------------------------------------------

    @property
    def seed(self) -> int:
        """What the dice of all rules with a probability come from."""
        if self._seed is None:
            self._seed = int.from_bytes(os.urandom(4), "big")
        return self._seed

    @property
    def by_chance(self) -> bool:
        """Whether there are rules with a probability."""
        return any(rule.probability is not None for rule in self._rules)

    def _give_dice(self, rule: Rule) -> None:
        """Each rule has its own dice: how often the others throw changes nothing."""
        self._added += 1
        if rule.probability is not None:
            from random import Random

            rule.take_dice(Random(f"{self.seed}/{self._added}").random)  # noqa: S311 - dice, not secrets

    # -- for whoever asks ---------------------------------------------------------------------

    def ask(self, verb: str, moment: Moment) -> tuple[Rule, Act] | None:
        """The first rule that acts now, and what it does."""
        rules = (self.by_verb or {}).get(verb, ())
        if moment.amount is not None:  # of content or silence: each rule has its own
            rules = tuple(rule for rule in rules if rule.after_amount == moment.amount)
        for number, rule in enumerate(rules):
            act = rule.consider(moment)
            if act is not None:
                for later in rules[number + 1 :]:
                    later.overrule()
                return rule, act
        return None

    # -- the end ------------------------------------------------------------------------------

    @property
    def unused(self) -> list[Rule]:
        """The rules that should have acted, and have not so far, but for those that a failure has told of already."""
        return [rule for rule in (*self._rules, *self._drafts) if rule.idle and not rule.reported]

    def excuse(self) -> None:
        """No failure for those that have not acted so far."""
        for rule in self.unused:
            rule.reported = True

    def check(self) -> None:
        """Raise `RuleNeverActed` for the rules that never acted, and were not said to be optional; once for each."""
        unused = self.unused
        self.excuse()
        if unused:
            rules = "1 rule" if len(unused) == 1 else f"{len(unused)} rules"
            accounts = "\n".join(rule.account() for rule in unused)
            dice = f"\n  {self.explain_seed()}" if any(rule.probability is not None for rule in unused) else ""
            raise RuleNeverActed(f"{rules} never acted ({_RELAX}):\n{accounts}{dice}")

    def explain_seed(self) -> str:
        """How to have the same dice again."""
        return f"seed={self.seed}; MailServer(seed={self.seed}) repeats it"

    # -- as a sequence ------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._rules)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> Rule: ...
        @overload
        def __getitem__(self, index: slice) -> tuple[Rule, ...]: ...

    def __getitem__(self, index: int | slice) -> Rule | tuple[Rule, ...]:
        return self._rules[index]

    def __repr__(self) -> str:
        return f"<Rules: {', '.join(map(str, self._rules)) or 'none'}>"
