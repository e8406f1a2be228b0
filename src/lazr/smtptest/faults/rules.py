"""The rules of one server, in the order in which they were written."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence

from lazr.smtptest.errors import RuleNeverActed
from lazr.smtptest.faults.when import VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Any, Self, Unpack, overload

    from lazr.smtptest.faults.act import Act
    from lazr.smtptest.faults.moment import Moment
    from lazr.smtptest.faults.rule import Rule
    from lazr.smtptest.faults.selector import Selectors
    from lazr.smtptest.protocol.smtp.reply import Reply

__all__ = ["Added", "Rules"]

_RELAX = ".optional() is for a rule that need not act"

# So many rules that never acted does a failure tell of.
_ACCOUNTS = 20

# So many rules with dice of their own, the latest, does a failure name.
_TOLD = 5

# Of these, whoever asks has to know beforehand when there is something to ask.
_TIMED = ("CONTENT", "IDLE")


class Added(tuple["Rule", ...]):
    """Rules that were added together: `with server.rules.add(maintenance()):` takes them away at its end."""

    __slots__ = ()

    def remove(self) -> None:
        """These rules act no more."""
        for rule in self:
            rule.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from lazr.smtptest.faults.rule import verdict_on

        verdict_on(self, error)


class Rules(Sequence["Rule"]):
    """The rules of a server: a sequence, which any thread may read and change while sessions run.

    A change is there at once and as a whole: a session sees the rules before it, or those after it.

    >>> rules = Rules(seed=1)
    >>> rule = rules.on("NOOP").reply(451)
    >>> len(rules), rule in rules
    (1, True)
    """

    def __init__(self, seed: int | str | None = None, *, decided_later: bool = False) -> None:
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, str))):
            raise TypeError(f"seed is a number or a string, not {seed!r}")
        self.decided_later: bool = decided_later  # rules only suggest: somebody is asked behind them
        self._lock = threading.Lock()
        self._rules: tuple[Rule, ...] = ()
        self._ids: set[int] = set()  # of these
        self._drafts: dict[int, Rule] = {}  # which do not say yet what to do
        self._removed: list[Rule] = []  # which never acted
        self._seed = seed
        self._kinds: dict[str, int] = {}  # how many rules of each kind have got dice
        self._throws = False  # ... from the seed
        self._own_dice: list[str] = []  # ... or from one of their own
        # For whoever asks, each of them swapped as a whole: the rules by the verb of the event; the
        # octets of content, and the seconds of silence, after which there is something to ask.
        self.by_verb: Mapping[str, tuple[Rule, ...]] | None = None  # None: there are no rules
        self.marks: tuple[int, ...] = ()
        self.silences: tuple[float, ...] = ()
        self.changed: Callable[[], object] | None = None  # called when `silences` has changed
        self.runs_here: Callable[[], bool] = bool  # whether whoever asks now runs in this thread

    # -- for whoever writes them --------------------------------------------------------------

    def on(self, when: str, **selectors: Unpack[Selectors]) -> Rule:
        """A rule, which is put behind the others as soon as it says what to do; see `Rule`."""
        from lazr.smtptest.faults.rule import Rule

        rule = Rule(when, **selectors)
        rule.belong_to(self)
        with self._lock:
            self._drafts[id(rule)] = rule
        return rule

    def add(self, *rules: Rule | Iterable[Rule]) -> Added:
        """Put these behind the others, all at once; a preset of several rules is taken as it is.

        What it returns are the rules, for `with`, or to `remove()` them together.  Raises `ValueError` for a rule that
        is another server's, or does not say what to do; then none of them is added.
        """
        new = list({id(rule): rule for rule in _each(rules)}.values())
        for rule in new:
            if not rule.has_act:
                raise ValueError(f"{rule!r} does not say what to do")
            rule.may_belong_to(self)
        for rule in new:
            rule.belong_to(self)
        self._put(new)
        return Added(new)

    def load(self, forms: Iterable[Mapping[str, Any]]) -> Added:
        """Put behind the others what `to_list` wrote, or a file has: forms of rules, and presets by their names.

        Raises `ValueError` or `TypeError` for what is none; then none is added.

        >>> Rules().load([{"preset": "greylist", "attempts": 2}, {"when": "QUIT", "do": [{"drop": True}]}])[1]
        <Rule QUIT → drop(), never acted>
        """
        from lazr.smtptest.faults.form import is_preset, read_preset
        from lazr.smtptest.faults.rule import Rule

        return self.add(*[read_preset(form) if is_preset(form) else Rule.from_dict(form) for form in forms])

    def to_list(self) -> list[dict[str, Any]]:
        """The rules as values that JSON can carry; raises `ValueError` for functions, which it cannot."""
        return [rule.to_dict() for rule in self._rules]

    def enter(self, rule: Rule) -> None:
        """The rule says what to do now, or more than before; if it is new, it is put behind the others."""
        if id(rule) in self._drafts:
            self._put([rule])
        elif rule.when in _TIMED:
            self._look_ahead()

    def _put(self, rules: Iterable[Rule]) -> None:
        with self._lock:
            new = {id(rule): rule for rule in rules if id(rule) not in self._ids}
            by_verb: dict[str, list[Rule]] = {}
            for number, rule in new.items():
                self._give_dice(rule)
                self._drafts.pop(number, None)
                for verb in VERBS.get(rule.when, (rule.when,)):
                    by_verb.setdefault(verb, []).append(rule)
            self._ids.update(new)
            self._rules = (*self._rules, *new.values())
            if by_verb:
                before = self.by_verb or {}
                more = {verb: (*before.get(verb, ()), *added) for verb, added in by_verb.items()}
                self.by_verb = {**before, **more}
        self._look_ahead()

    def remove(self, *rules: Rule | Iterable[Rule]) -> None:
        """These rules act no more; one that is not there may be removed, too.

        That one never acted is told at the end all the same, unless it is optional.
        """
        gone = {id(rule): rule for rule in _each(rules)}
        with self._lock:
            for number in gone:
                self._drafts.pop(number, None)
            for rule in [rule for rule in self._rules if id(rule) in gone]:
                rule.belong_to(None)
                if rule.idle and not rule.reported:
                    self._removed.append(rule)
            self._keep([rule for rule in self._rules if id(rule) not in gone])
        self._look_ahead()

    def clear(self) -> None:
        """No more rules, and no failure for those that never acted; the dice begin anew."""
        with self._lock:
            for rule in self._rules:
                rule.belong_to(None)
            self._drafts = {}
            self._removed = []
            self._kinds = {}
            self._keep([])
        self._look_ahead()

    def forget(self) -> None:
        """No more rules, for the next test, and no word of dice that were thrown."""
        self.clear()
        self._throws = False
        self._own_dice = []

    def begin(self) -> None:
        """The server starts: rules that have not acted are told of at the end of this run, and the dice begin anew."""
        with self._lock:
            self._removed = []
            self._kinds = {}
            self._throws = False
            self._own_dice = []
            for rule in self._rules:
                rule.reported = False
                self._give_dice(rule)

    def _keep(self, rules: list[Rule]) -> None:
        by_verb: dict[str, list[Rule]] = {}
        for rule in rules:
            for verb in VERBS.get(rule.when, (rule.when,)):
                by_verb.setdefault(verb, []).append(rule)
        self._ids = set(map(id, rules))
        self._rules = tuple(rules)
        self.by_verb = {verb: tuple(some) for verb, some in by_verb.items()} or None

    def _look_ahead(self) -> None:
        """When there is something to ask in content, and in silence; not of rules that are used up."""
        with self._lock:
            before = self.silences
            by_verb = self.by_verb or {}
            self.marks = tuple(sorted({int(amount) for amount in _amounts(by_verb.get("CONTENT", ()))}))
            self.silences = tuple(sorted(_amounts(by_verb.get("IDLE", ()))))
            if self.silences != before and self.changed is not None:
                self.changed()

    # -- the dice -----------------------------------------------------------------------------

    @property
    def seed(self) -> int | str:
        """What the dice of all rules with a probability come from."""
        if self._seed is None:
            self._seed = int.from_bytes(os.urandom(4), "big")
        return self._seed

    @property
    def by_chance(self) -> bool:
        """Whether there are rules with a probability by the seed, or were since the start, or the last `forget`."""
        return self._throws

    def _give_dice(self, rule: Rule) -> None:
        """Each rule has its own dice, by the seed and by what it is: what other rules there are changes nothing."""
        if rule.probability is not None:
            kind = rule.kind()
            number = self._kinds[kind] = self._kinds.get(kind, 0) + 1
            rule.take_dice(self.seed, number)
            if rule.seed is None:
                self._throws = True
            else:
                self._own_dice.append(f"the dice of {rule.matching()} are its own")

    # -- for whoever asks ---------------------------------------------------------------------

    def ask(self, verb: str, moment: Moment) -> tuple[Rule, Act] | None:
        """The first rule that acts now, and what it does."""
        rules: Sequence[Rule] = (self.by_verb or {}).get(verb, ())
        if moment.amount is not None:  # of content or silence: each rule has its own
            rules = [rule for rule in rules if rule.after_amount == moment.amount]
        for number, rule in enumerate(rules):
            act = rule.consider(moment)
            if act is not None:
                for later in rules[number + 1 :]:
                    later.overrule()
                if rule.when in _TIMED and rule.used_up:
                    self._look_ahead()
                return rule, act
        return None

    def pass_by(self, verb: str, reply: Reply) -> None:
        """Something came that the server answers by itself, with this: rules have no say in it."""
        for rule in (self.by_verb or {}).get(verb, ()):
            rule.pass_by(str(reply).splitlines()[0])

    # -- the end ------------------------------------------------------------------------------

    @property
    def unused(self) -> list[Rule]:
        """The rules that should have acted, and have not so far, but for those that a failure has told of already."""
        with self._lock:
            rules = [*self._rules, *self._drafts.values(), *self._removed]
        return [rule for rule in rules if rule.idle and not rule.reported]

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
            accounts = "\n".join(rule.account() for rule in unused[:_ACCOUNTS])
            if len(unused) > _ACCOUNTS:
                accounts += f"\n  … and {len(unused) - _ACCOUNTS} more"
            dice = "".join(f"\n  {line}" for line in self.explain_dice())
            raise RuleNeverActed(f"{rules} never acted ({_RELAX}):\n{accounts}{dice}")

    def explain_dice(self) -> list[str]:
        """How to have the same dice again: a line for those of the seed, and for each rule that has its own."""
        mine = [f"seed={self.seed!r}; MailServer(seed={self.seed!r}) repeats it"] if self._throws else []
        return mine + self._own_dice[-_TOLD:]

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


def _each(rules: Iterable[Any]) -> list[Rule]:
    """Rules, and the rules of presets; raises `TypeError` for anything else."""
    from lazr.smtptest.faults.rule import Rule

    found: list[Rule] = []
    for given in rules:
        some = [given] if isinstance(given, Rule) else given
        if isinstance(some, (str, bytes)) or not isinstance(some, Iterable):
            raise TypeError(f"a rule is wanted, or a preset, not {given!r}")
        for rule in some:
            if not isinstance(rule, Rule):
                raise TypeError(f"a rule is wanted, or a preset, not {rule!r}")
            found.append(rule)
    return found


def _amounts(rules: Iterable[Rule]) -> set[float]:
    return {rule.after_amount for rule in rules if not rule.used_up}
