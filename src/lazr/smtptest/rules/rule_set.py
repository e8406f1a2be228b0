"""The rules of one server, in the order in which they were added.

`Rules` is the public sequence: it adds, removes and evaluates rules, seeds their dice, and reports those that never
acted.  `RuleGroup` holds rules that were added together.

Both import `rule`, `loader` and `triggers` inside functions: a server without rules does not load them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence

from lazr.smtptest._util.suggestion import build_getattr
from lazr.smtptest.errors import RuleNeverActed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Self, Unpack, overload

    from lazr.smtptest.protocol.smtp import Event, Reply
    from lazr.smtptest.rules.actions import Action
    from lazr.smtptest.rules.notices import NoticeOrder
    from lazr.smtptest.rules.rule import Rule
    from lazr.smtptest.rules.rule_context import RuleContext
    from lazr.smtptest.rules.rule_engine import RuleEngine
    from lazr.smtptest.rules.selectors import Selectors

__all__ = ["RuleGroup", "Rules"]

_OPTIONAL_HINT = ".optional() is for a rule that need not act"

# Rules that never acted, in the text of one failure.
_MAX_EXPLAINED_RULES = 20

# Rules with a seed of their own, the latest, in the text of one failure.
_MAX_LISTED_SEED_NOTES = 5

# Verbs whose events are counted; further verbs of clients are not, which bounds the memory.
_MAX_COUNTED_VERBS = 200

# At these triggers, the connection has to know beforehand when to evaluate rules.
_THRESHOLD_TRIGGERS = ("CONTENT", "IDLE")


# What the server and its connections use; completion does not offer it.
_SERVER_NAMES = frozenset({
    "content_thresholds", "count_active", "count_event", "count_verb", "evaluate", "excuse_unused", "explain_dice",
    "forget", "has_random_rules", "has_user_decide", "idle_thresholds", "is_in_loop_thread", "note_bypass",
    "on_idle_thresholds_change", "prepare_wait", "reading_protocols", "register", "rules_by_verb", "start_run",
    "subscribe", "unused_rules",
})  # fmt: skip


class RuleGroup(tuple["Rule", ...]):
    """Rules that were added together.

    `with server.rules.add(maintenance()):` removes them at its end.
    """

    __slots__ = ()

    def remove(self) -> None:
        """Remove these rules from their server."""
        for rule in self:
            rule.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from lazr.smtptest.rules.rule import close_with_block

        close_with_block(self, error)


# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(("append", "extend", "insert", "add_rule", "add_preset"), "rules.add(rule)"),
    **dict.fromkeys(("when", "rule"), "rules.on(…)"),
    **dict.fromkeys(("reset", "remove_all", "empty", "delete_all"), "rules.clear()"),
    **dict.fromkeys(("list", "all", "items"), "list(rules)"),
    **dict.fromkeys(("delete", "discard", "pop"), "rules.remove(rule)"),
    **dict.fromkeys(("disable", "enable", "toggle"), "rules.set_enabled(rule, enabled=False)"),
    **dict.fromkeys(("from_list", "load_list", "loads"), "rules.load(definitions)"),
    **dict.fromkeys(("save", "dump", "to_dict", "to_json"), "rules.to_list()"),
    "first": "rules[0]",
    "last": "rules[-1]",
}


class Rules(Sequence["Rule"]):
    """The rules of a server: a sequence.

    Any thread may read and change it while sessions run.  Each change is atomic: a session sees the rules before it, or
    those after it.

    Args:
        seed: The source of the dice of all rules with `probability=`; by default a number that differs from run to run.
        has_user_decide: Whether the server has a user's `decide`, which makes the reply after the rules.

    Raises:
        TypeError: If `seed` is not an integer or a string.

    >>> rules = Rules(seed=1)
    >>> rule = rules.on("NOOP").reply(451)
    >>> len(rules), rule in rules
    (1, True)
    """

    def __init__(self, seed: int | str | None = None, *, has_user_decide: bool = False) -> None:
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, str))):
            raise TypeError(f"seed must be an integer or a string, got {seed!r}")
        self.has_user_decide: bool = has_user_decide
        self._lock = threading.Lock()
        self._rules: tuple[Rule, ...] = ()
        self._rule_ids: set[int] = set()  # equal rules are different members
        self._disabled_ids: frozenset[int] = frozenset()
        self._listeners: tuple[Callable[[], object], ...] = ()
        self._drafts: dict[int, Rule] = {}  # rules of `on()` that have no action yet, by id
        self._removed_unused: list[Rule] = []
        self._seed = seed
        self._dice_key_counts: dict[str, int] = {}
        self._has_used_seed = False
        self._own_seed_notes: list[str] = []
        self._event_counts: dict[str, int] = {}  # by verb, with or without rules for it
        # What connections read without a lock.  Each attribute is replaced as a whole, never changed in place.
        self.rules_by_verb: Mapping[str, tuple[RuleEngine, ...]] | None = None  # by verb of the event; None: no rules
        self.content_thresholds: tuple[int, ...] = ()  # bytes of content at which rules are evaluated
        self.idle_thresholds: tuple[float, ...] = ()  # seconds of silence at which rules are evaluated
        # What the server sets: a subscriber to changes of `idle_thresholds`, and whether the caller runs in its loop.
        self.on_idle_thresholds_change: Callable[[], object] | None = None
        self.is_in_loop_thread: Callable[[], bool] = bool
        # Takes the timeout of a wait, and returns the time that it may take; raises if no rule can ever act.
        self.prepare_wait: Callable[[float], float] = float
        # Those of "IMAP" and "POP3" that the server speaks; None if that is not known.
        self.reading_protocols: frozenset[str] | None = None

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    # -- changes ------------------------------------------------------------------------------

    def on(self, when: str, **selectors: Unpack[Selectors]) -> Rule:
        """Return a new rule; its first action adds it after the others.

        Args:
            when: The trigger, as for `Rule`.
            **selectors: The selectors, as for `Rule`.

        Raises:
            TypeError: As `Rule` does.
            ValueError: As `Rule` does.

        >>> Rules().on("RCPT", to="*@full.example").reply(452)
        <Rule RCPT to='*@full.example' → reply(452), never acted>
        """
        from lazr.smtptest.rules.rule import Rule, get_engine

        rule = Rule(when, **selectors)
        engine = get_engine(rule)
        engine.owner = self
        engine.is_used = True
        with self._lock:
            self._drafts[id(rule)] = rule
        return rule

    def add(self, *rules: Rule | Iterable[Rule]) -> RuleGroup:
        """Add rules after the others, all at once, and return them.

        Args:
            *rules: Rules, and presets of several rules.

        Returns:
            The rules, to `remove()` them together, or for `with`.

        Raises:
            TypeError: If an argument is neither a rule nor a preset.
            ValueError: If a rule belongs to another server, or has no action; then none is added.

        >>> from lazr.smtptest import presets
        >>> rules = Rules()
        >>> with rules.add(presets.greylist().optional(), presets.tarpit(0.1)[1:]):
        ...     len(rules)
        16
        >>> len(rules)
        0
        """
        from lazr.smtptest.rules.rule import get_engine

        new = list({id(rule): rule for rule in _flatten_rules(rules)}.values())
        for rule in new:
            if not get_engine(rule).has_action:
                raise ValueError(f"{rule!r} has no action; add one, such as .reply(451)")
            get_engine(rule).check_owner(self)
        for rule in new:
            get_engine(rule).owner = self
        self._append(new)
        return RuleGroup(new)

    def load(self, definitions: Iterable[Mapping[str, Any]]) -> RuleGroup:
        """Add rules and presets from definitions, as `to_list` writes them.

        Args:
            definitions: Dictionaries as of `Rule.to_dict`, or with the name of a preset.

        Raises:
            TypeError: If a value has the wrong type; then none is added.
            ValueError: If a name is unknown, or a value is wrong; then none is added.

        >>> Rules().load([{"preset": "greylist", "attempts": 2}, {"when": "QUIT", "do": [{"drop": True}]}])[1]
        <Rule QUIT → drop(), never acted>
        """
        from lazr.smtptest.rules.loader import build_rules

        if isinstance(definitions, (str, bytes, Mapping)) or not isinstance(definitions, Iterable):
            raise TypeError(f"expected a list of definitions, got {definitions!r}; write rules.load([…])")
        return self.add(*[build_rules(definition) for definition in definitions])

    def to_list(self) -> list[dict[str, Any]]:
        """Return the definitions of all rules, which JSON can carry.

        Raises:
            ValueError: If a rule has a function of the user in it.

        >>> rules = Rules()
        >>> rule = rules.on("QUIT").drop()
        >>> rules.to_list()
        [{'when': 'QUIT', 'do': [{'drop': True}]}]
        """
        return [rule.to_dict() for rule in self._rules]

    def register(self, rule: Rule) -> None:
        """Take note that a rule has another action: add it if it is its first one."""
        if id(rule) in self._drafts:
            self._append([rule])
        elif rule.when in _THRESHOLD_TRIGGERS:
            self._update_thresholds()

    def remove(self, *rules: Rule | Iterable[Rule]) -> None:
        """Remove rules; ignore those that are not there.

        The end of the server still reports a removed rule that never acted, unless it is optional.

        Args:
            *rules: Rules, and presets of several rules.

        Raises:
            TypeError: If an argument is neither a rule nor a preset.

        >>> rules = Rules()
        >>> rule = rules.on("QUIT").drop()
        >>> rules.remove(rule)
        >>> len(rules)
        0
        """
        removed_ids = {id(rule) for rule in _flatten_rules(rules)}
        with self._lock:
            for rule_id in removed_ids:
                self._drafts.pop(rule_id, None)
            for rule in [rule for rule in self._rules if id(rule) in removed_ids]:
                self._release(rule)
            self._set_rules([rule for rule in self._rules if id(rule) not in removed_ids])
        self._update_thresholds()
        self._notify_listeners()

    def replace(self, old: Rule, new: Rule) -> None:
        """Put a rule into the place of another one, which is removed as by `remove`.

        The new rule is disabled if the old one is.

        Args:
            old: A rule of this server.
            new: A rule that belongs to no server, and has an action.

        Raises:
            LookupError: If the old rule is not one of these.
            ValueError: If the new rule belongs to a server, or has no action.

        >>> rules = Rules()
        >>> first, last = rules.on("NOOP").reply(451), rules.on("NOOP").reply(452)
        >>> from lazr.smtptest import Rule
        >>> rules.replace(first, Rule("NOOP").reply(453))
        >>> rules
        <Rules: NOOP → reply(453), NOOP → reply(452)>
        """
        from lazr.smtptest.rules.rule import get_engine

        if not get_engine(new).has_action:
            raise ValueError(f"{new!r} has no action; add one, such as .reply(451)")
        if get_engine(new).owner is not None:
            raise ValueError("the new rule belongs to a server; copy.copy(rule) makes a rule for this place")
        with self._lock:
            if id(old) not in self._rule_ids:
                raise LookupError(f"{old!r} is not one of these rules; rules.add(rule) adds a rule")
            is_disabled = id(old) in self._disabled_ids
            self._release(old)
            self._adopt(new)
            if is_disabled:
                self._disabled_ids |= {id(new)}
            self._set_rules([new if rule is old else rule for rule in self._rules])
        self._update_thresholds()
        self._notify_listeners()

    def set_enabled(self, rule: Rule, *, enabled: bool) -> None:
        """Disable a rule, or enable it again.

        A disabled rule keeps its place, its calls and its progress, and never acts.  No test fails because a disabled
        rule has not acted.

        Args:
            rule: A rule of this server.
            enabled: Whether the rule may act.

        Raises:
            LookupError: If the rule is not one of these.

        >>> rules = Rules()
        >>> rule = rules.on("NOOP").reply(451)
        >>> rules.set_enabled(rule, enabled=False)
        >>> rules.is_enabled(rule), len(rules)
        (False, 1)
        """
        with self._lock:
            if id(rule) not in self._rule_ids:
                raise LookupError(f"{rule!r} is not one of these rules; rules.add(rule) adds a rule")
            self._disabled_ids = self._disabled_ids - {id(rule)} if enabled else self._disabled_ids | {id(rule)}
            self._set_rules(list(self._rules))
        self._update_thresholds()
        self._notify_listeners()

    def is_enabled(self, rule: Rule) -> bool:
        """Return whether a rule is one of these, and may act."""
        return id(rule) in self._rule_ids and id(rule) not in self._disabled_ids

    def clear(self) -> None:
        """Remove all rules, report none of them, and restart the dice."""
        with self._lock:
            for engine in self._engines:
                engine.owner = None
            self._drafts = {}
            self._removed_unused = []
            self._dice_key_counts = {}
            self._set_rules([])
        self._update_thresholds()
        self._notify_listeners()

    def forget(self) -> None:
        """Prepare for the next test: remove all rules, and the notes about their dice."""
        self.clear()
        self._has_used_seed = False
        self._own_seed_notes = []
        self._event_counts = {}

    def start_run(self) -> None:
        """Prepare for a start of the server: restart the dice, and the report of unused rules."""
        with self._lock:
            self._removed_unused = []
            self._dice_key_counts = {}
            self._has_used_seed = False
            self._own_seed_notes = []
            for engine in self._engines:
                engine.is_reported = False
                self._seed_dice(engine)

    @property
    def _engines(self) -> list[RuleEngine]:
        if not self._rules:
            return []
        from lazr.smtptest.rules.rule import get_engine

        return list(map(get_engine, self._rules))

    @property
    def _enabled_engines(self) -> list[RuleEngine]:
        rules, disabled_ids = self._rules, self._disabled_ids
        return [engine for rule, engine in zip(rules, self._engines, strict=True) if id(rule) not in disabled_ids]

    def _append(self, rules: Iterable[Rule]) -> None:
        from lazr.smtptest.rules.rule import get_engine

        with self._lock:
            new = {id(rule): rule for rule in rules if id(rule) not in self._rule_ids}
            for rule in new.values():
                self._adopt(rule)
            self._rule_ids.update(new)
            self._rules = (*self._rules, *new.values())
            # Only the verbs of the new rules: a server gets thousands of rules, one at a time.
            if added := _group_by_verb(map(get_engine, new.values())):
                before = self.rules_by_verb or {}
                self.rules_by_verb = {
                    **before,
                    **{verb: (*before.get(verb, ()), *some) for verb, some in added.items()},
                }
        self._update_thresholds()
        self._notify_listeners()

    def _adopt(self, rule: Rule) -> None:
        """Prepare a rule that becomes one of these."""
        from lazr.smtptest.rules.rule import get_engine

        engine = get_engine(rule)
        engine.owner = self
        engine.is_used = True
        engine.statistics.note_added(self._count_events(engine.when))
        protocol, space, _ = engine.when.partition(" ")
        if space and self.reading_protocols is not None:  # a trigger of IMAP or POP3
            engine.statistics.note_offer(is_offered=protocol in self.reading_protocols)
        self._seed_dice(engine)
        self._drafts.pop(id(rule), None)

    def _release(self, rule: Rule) -> None:
        """Let go of a rule that is removed, and keep it for the report if it never acted."""
        from lazr.smtptest.rules.rule import get_engine

        engine = get_engine(rule)
        engine.owner = None
        engine.statistics.note_removed()
        if engine.is_unused and not engine.is_reported and id(rule) not in self._disabled_ids:
            self._removed_unused.append(rule)

    def _set_rules(self, rules: list[Rule]) -> None:
        self._rule_ids = set(map(id, rules))
        self._disabled_ids = self._disabled_ids.intersection(self._rule_ids)
        self._rules = tuple(rules)
        # Connections see only the enabled rules, so a disabled one costs nothing.
        groups = _group_by_verb(self._enabled_engines) if rules else {}
        self.rules_by_verb = {verb: tuple(engines) for verb, engines in groups.items()} or None

    def _update_thresholds(self) -> None:
        """Collect the thresholds of rules that can still act, and notify the server of changes."""
        with self._lock:
            before = self.idle_thresholds
            by_verb = self.rules_by_verb or {}
            self.content_thresholds = tuple(
                sorted({int(amount) for amount in _collect_thresholds(by_verb.get("CONTENT", ()))})
            )
            self.idle_thresholds = tuple(sorted(_collect_thresholds(by_verb.get("IDLE", ()))))
            if self.idle_thresholds != before and self.on_idle_thresholds_change is not None:
                self.on_idle_thresholds_change()

    # -- dice ---------------------------------------------------------------------------------

    @property
    def seed(self) -> int | str:
        """The seed of the dice of all rules with a probability."""
        if self._seed is None:
            self._seed = int.from_bytes(os.urandom(4), "big")
        return self._seed

    @property
    def has_random_rules(self) -> bool:
        """Whether a rule has used the seed since the start, or the last `forget`."""
        return self._has_used_seed

    def _seed_dice(self, engine: RuleEngine) -> None:
        """Give a rule dice that depend on the seed and the rule only, not on other rules."""
        dice = engine.dice
        if dice is None:
            return
        ordinal = self._dice_key_counts[dice.key] = self._dice_key_counts.get(dice.key, 0) + 1
        dice.reseed(self.seed, ordinal)
        if dice.own_seed is None:
            self._has_used_seed = True
        else:
            self._own_seed_notes.append(f"the dice of {engine.condition} have a seed of their own")

    # -- evaluation ---------------------------------------------------------------------------

    def evaluate(self, verb: str, context: RuleContext) -> tuple[RuleEngine, Action] | None:
        """Return the engine of the first rule that acts, and its action; None if no rule acts.

        If that rule only sends something back, later ones that do only that act as well.  What all of them demand is
        then in `context.notice_orders`.
        """
        engines: Sequence[RuleEngine] = (self.rules_by_verb or {}).get(verb, ())
        if context.amount is not None:  # CONTENT and IDLE: only the rules with this threshold
            engines = [engine for engine in engines if engine.after_threshold == context.amount]
        for index, engine in enumerate(engines):
            try:
                action = engine.evaluate(context)
            except BaseException as error:
                for later in engines[index + 1 :]:
                    later.statistics.note_earlier_error(error)
                raise
            if action is not None:
                if action.notices:
                    context.notice_orders = (_build_order(engine, action, context),)
                if action.is_additive:
                    self._evaluate_additive(engines[index + 1 :], context)
                else:
                    for later in engines[index + 1 :]:
                        later.statistics.note_overruled()
                if engine.when in _THRESHOLD_TRIGGERS and engine.is_exhausted:
                    self._update_thresholds()
                if self._listeners:
                    self._notify_listeners()
                return engine, action
        return None

    def _evaluate_additive(self, engines: Sequence[RuleEngine], context: RuleContext) -> None:
        """Let the rules act that only send something back; the others are overruled."""
        for engine in engines:
            action = None
            if engine.is_additive:
                action = engine.evaluate(context)
            else:
                engine.statistics.note_overruled()
            if action is not None:
                context.notice_orders = (*context.notice_orders, _build_order(engine, action, context))

    # -- changes for observers ----------------------------------------------------------------

    def subscribe(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call a function when rules are added, removed, replaced, enabled, disabled, or act.

        Args:
            listener: The function; any thread calls it, so it must be quick, and must not raise.

        Returns:
            A function that ends the subscription.
        """
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = tuple(known for known in self._listeners if known is not listener)

        return unsubscribe

    def _notify_listeners(self) -> None:
        for listener in self._listeners:
            listener()

    def count_active(self) -> tuple[int, int]:
        """Return the number of enabled rules that can still act, and the calls of all rules."""
        return (
            sum(not engine.is_exhausted for engine in self._enabled_engines),
            sum(engine.log.count for engine in self._engines),
        )

    # -- counts of events ---------------------------------------------------------------------

    def count_event(self, event: Event, reply: Reply) -> None:
        """Count an event, with or without rules for it, and the reply that the server would give."""
        # `verb` distinguishes the events, so that a server that only starts does not import their classes.
        verb: str = event.verb
        if event.verb == "MALFORMED" or event.verb == "UNKNOWN":  # noqa: PLR1714 - mypy narrows the event by it
            verb = event.command  # the word that the client sent
        counts = self._event_counts
        if verb in counts:  # the common case, without another call
            counts[verb] += 1
        else:
            self.count_verb(verb)
        if self.rules_by_verb is None:
            return
        if verb in ("EHLO", "LHLO"):
            self._note_offers(reply)
        elif verb in ("END_OF_DATA", "BDAT"):
            for engine in self.rules_by_verb.get("CONTENT", ()):
                if event.verb == "END_OF_DATA":
                    engine.statistics.note_content(sum(map(len, event.parts)))
                elif event.verb == "MALFORMED":
                    engine.statistics.note_bypass(_get_first_line(reply))

    def count_verb(self, verb: str) -> None:
        """Count that the trigger of this name came, with or without rules for it."""
        counts = self._event_counts
        if verb in counts or len(counts) < _MAX_COUNTED_VERBS:
            counts[verb] = counts.get(verb, 0) + 1

    def _note_offers(self, reply: Reply) -> None:
        from lazr.smtptest.rules.triggers import KEYWORDS_BY_TRIGGER

        by_verb = self.rules_by_verb or {}
        expected = KEYWORDS_BY_TRIGGER.keys() & by_verb.keys()
        if expected and reply.is_positive:
            keywords = {line.partition(" ")[0].upper() for line in reply.lines[1:]}
            for verb in expected:
                for engine in by_verb[verb]:
                    engine.statistics.note_offer(is_offered=KEYWORDS_BY_TRIGGER[verb] in keywords)

    def _count_events(self, trigger: str) -> int | None:
        """Return how often a trigger came so far; None if it may have come uncounted."""
        from lazr.smtptest.rules.triggers import VERBS_BY_TRIGGER

        counts = [self._event_counts.get(verb) for verb in VERBS_BY_TRIGGER.get(trigger, (trigger,))]
        if None in counts and len(self._event_counts) >= _MAX_COUNTED_VERBS:
            return None
        return sum(count or 0 for count in counts)

    def note_bypass(self, verb: str, reply: Reply) -> None:
        """Record that the server gave this reply without evaluating rules."""
        for engine in (self.rules_by_verb or {}).get(verb, ()):
            engine.statistics.note_bypass(_get_first_line(reply))

    # -- report of unused rules ---------------------------------------------------------------

    @property
    def unused_rules(self) -> list[Rule]:
        """The rules that should have acted and have not, unless a failure has reported them."""
        with self._lock:
            enabled = [rule for rule in self._rules if id(rule) not in self._disabled_ids]
            rules = [*enabled, *self._drafts.values(), *self._removed_unused]
        if not rules:
            return []
        from lazr.smtptest.rules.rule import get_engine

        return [rule for rule in rules if get_engine(rule).is_unused and not get_engine(rule).is_reported]

    def excuse_unused(self) -> None:
        """Treat rules that have not acted so far as reported."""
        self._take_unused()

    def _take_unused(self) -> list[RuleEngine]:
        """Return the engines of the unused rules, and treat them as reported from now on."""
        unused = self.unused_rules
        if not unused:
            return []
        from lazr.smtptest.rules.rule import get_engine

        engines = list(map(get_engine, unused))
        for engine in engines:
            engine.is_reported = True
        return engines

    def check(self) -> None:
        """Report the rules that should have acted and have not, each of them once.

        Raises:
            RuleNeverActed: If there are any; the text has the reasons, as far as they are known.

        >>> rules = Rules()
        >>> rule = rules.on("NOOP").drop()
        >>> rules.check()
        Traceback (most recent call last):
        lazr.smtptest.RuleNeverActed: 1 rule never acted (.optional() is for a rule that need not act):
          NOOP → drop()
              NOOP never came
        """
        unused = self._take_unused()
        if not unused:
            return
        rules = "1 rule" if len(unused) == 1 else f"{len(unused)} rules"
        lines = [engine.explain_unused() for engine in unused[:_MAX_EXPLAINED_RULES]]
        if len(unused) > _MAX_EXPLAINED_RULES:
            lines.append(f"  … and {len(unused) - _MAX_EXPLAINED_RULES} more")
        lines += [f"  {line}" for line in self.explain_dice()]
        raise RuleNeverActed("\n".join([f"{rules} never acted ({_OPTIONAL_HINT}):", *lines]))

    def explain_dice(self) -> list[str]:
        """Return lines about the seeds that repeat the random choices."""
        seed = [f"seed={self.seed!r}; MailServer(seed={self.seed!r}) repeats it"] if self._has_used_seed else []
        return seed + self._own_seed_notes[-_MAX_LISTED_SEED_NOTES:]

    # -- sequence -----------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._rules)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> Rule: ...
        @overload
        def __getitem__(self, index: slice) -> tuple[Rule, ...]: ...

    def __getitem__(self, index: int | slice) -> Rule | tuple[Rule, ...]:
        return self._rules[index]

    def __dir__(self) -> list[str]:
        """Return the names that tests use, for completion."""
        return sorted(set(super().__dir__()) - _SERVER_NAMES)

    def __copy__(self) -> Rules:
        """Return equal rules of no server, which have not acted yet."""
        restore, arguments = self.__reduce__()
        return restore(*arguments)

    def __deepcopy__(self, memo: object) -> Rules:
        return self.__copy__()

    def __reduce__(self) -> tuple[Callable[..., Rules], tuple[Any, ...]]:
        """Return how to make equal rules of no server, for `copy` and `pickle`."""
        from copy import copy

        return _restore_rules, (self._seed, tuple(map(copy, self._rules)))

    def __repr__(self) -> str:
        return f"<Rules: {', '.join(map(str, self._rules)) or 'none'}>"


def _restore_rules(seed: int | str | None, members: tuple[Rule, ...]) -> Rules:
    rules = Rules(seed)
    rules.add(*members)
    return rules


def _flatten_rules(rules: Iterable[Any]) -> list[Rule]:
    """Return the rules, and those of presets; raises `TypeError` for other values."""
    from lazr.smtptest.rules.rule import Rule

    found: list[Rule] = []
    for item in rules:
        members = [item] if isinstance(item, Rule) else item
        if isinstance(members, (str, bytes, dict)) or not isinstance(members, Iterable):
            raise TypeError(f"expected a rule or a preset, got {item!r}{_advise(item)}")
        for rule in members:
            if not isinstance(rule, Rule):
                raise TypeError(f"expected a rule or a preset, got {rule!r}{_advise(rule)}")
            found.append(rule)
    return found


def _advise(value: object) -> str:
    if isinstance(value, dict):
        return f"; write rules.load([{value!r}])"
    if callable(value):
        name = getattr(value, "__name__", "preset")
        return f"; call it: {name}()"
    return f"; write rules.load([{{'preset': {value!r}}}])" if isinstance(value, str) else ""


def _group_by_verb(engines: Iterable[RuleEngine]) -> dict[str, list[RuleEngine]]:
    from lazr.smtptest.rules.triggers import VERBS_BY_TRIGGER

    groups: dict[str, list[RuleEngine]] = {}
    for engine in engines:
        for verb in VERBS_BY_TRIGGER.get(engine.when, (engine.when,)):
            groups.setdefault(verb, []).append(engine)
    return groups


def _collect_thresholds(engines: Iterable[RuleEngine]) -> set[float]:
    return {engine.after_threshold for engine in engines if not engine.is_exhausted}


def _build_order(engine: RuleEngine, action: Action, context: RuleContext) -> NoticeOrder:
    from lazr.smtptest.rules.notices import NoticeOrder

    recipients = engine.condition.select_recipients(context)
    return NoticeOrder(engine.describe_condition(), action, recipients)


def _get_first_line(reply: Reply) -> str:
    return str(reply).splitlines()[0]
