"""A rule: when, of whom, what, how often, with an account of what it did."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping

from lazr.smtptest.clock import monotonic
from lazr.smtptest.errors import RuleNeverActed, WaitTimeout
from lazr.smtptest.faults.act import Act
from lazr.smtptest.faults.counting import Counting
from lazr.smtptest.faults.selector import SELECTORS, canonical, criteria_of, number_test
from lazr.smtptest.faults.when import meant, when_of
from lazr.smtptest.protocol.smtp.reply import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import Any, Final, Literal, Self, Unpack

    from lazr.smtptest.faults.moment import Moment
    from lazr.smtptest.faults.rules import Rules
    from lazr.smtptest.faults.selector import Selectors

__all__ = ["Call", "Rule", "verdict_on"]

# So many of the latest calls are kept; `count` counts all.
_KEPT = 1_000

_NUMBERS = ("nth", "probability", "seed", "after")


class Call:
    """One time that a rule acted.

    - `at`: seconds since the server first started; `session`: the number of the connection, from 1.
    - `said`: what it acted on, such as `"RCPT TO:<bob@example.com>"`; `act`: what it did, as in the rule.
    - `count`: the how-manieth time it was.
    """

    __slots__ = ("act", "at", "count", "said", "session")

    def __init__(self, at: float, session: int, said: str, act: str, count: int) -> None:
        self.at: Final = at
        self.session: Final = session
        self.said: Final = said
        self.act: Final = act
        self.count: Final = count

    def __repr__(self) -> str:
        return f"<Call {self.count} at {self.at:.3f} s, session {self.session}: {self.said} → {self.act}>"


class _Link:
    """What is done for some of the matches, and for which."""

    __slots__ = ("act", "most", "skip", "until")

    def __init__(
        self, act: Act | None = None, skip: int = 0, most: int | None = None, until: int | None = None
    ) -> None:
        self.act: Final = act
        self.skip: Final = skip  # so many matches are let pass first
        self.most: Final = most  # so often it acts
        self.until: Final = until  # the last match that is its

    def but(self, **changes: Any) -> _Link:
        return _Link(**{name: changes.get(name, getattr(self, name)) for name in self.__slots__})

    @property
    def terms(self) -> tuple[Act | None, int, int | None, int | None]:
        return self.act, self.skip, self.most, self.until

    def __str__(self) -> str:
        words = [str(self.act)] if self.act is not None else []
        if self.until is not None:
            words.append(f"between({self.skip + 1}, {self.until})")
        elif self.skip:
            words.append(f"after({self.skip})")
        if self.most is not None:
            words.append("once()" if self.most == 1 else f"times({self.most})")
        return ".".join(words)


class Rule:
    """One instruction to misbehave: `server.on("RCPT", to="*@full.example").reply(452, "4.2.2", "Mailbox full")`.

    `when` is a moment of the session, in any case: a verb, or CONNECT, TLS, CONTENT, END_OF_DATA, IDLE.  The
    selectors, all of which have to be met, take the values that the inbox's criteria take:

    - `sender`, `to`, `helo`, `peer`, `user`, `mechanism`, `subject`, `header={…}`;
    - `tls`: True, False or a version; `size`: a number, or a comparison such as `">=1000"`;
    - `session`: the number of the connection, `nth`: of what meets all else, each a number, a comparison or a list;
    - `after`: CONTENT: the octets, IDLE: the seconds, after which it acts;
    - `where`: a function of the `Moment`; `probability`: up to 1, by the server's `seed`, or a `seed` of its own.

    Of a list, one is met; but of the recipients of a whole message, `to=[…]`, each is.

    A method says what to do, and puts the rule, if it is a server's, behind the server's other rules.
    Several go together, `.delay(0.5).reply(451)`; what is behind `.then()` is done when that before it is over.

    Raises `ValueError` or `TypeError`, when it is written, for what makes no sense.

    >>> Rule("rcpt", to="*@full.example").reply(452, "4.2.2", "Mailbox full").times(2)
    <Rule RCPT to='*@full.example' → reply(452, '4.2.2', 'Mailbox full').times(2), never acted>
    """

    def __init__(self, when: str, **selectors: Unpack[Selectors]) -> None:
        self.when: str
        self.when, self._row = when_of(when)
        given: dict[str, Any] = {}
        for name, wanted in selectors.items():
            if wanted is not None and name not in self._row.selectors:
                self._refuse_selector(name)
            if wanted is not None:
                given[name] = wanted if name in _NUMBERS and name != "nth" else canonical(name, wanted)
        self.selectors: Mapping[str, Any] = given
        self.after_amount: float = _after(self.when, given.get("after"))
        self.probability: float | None = _probability(given.get("probability"))
        self.seed: int | str | None = _seed(given.get("seed"))
        if self.seed is not None and self.probability is None:
            raise ValueError("seed= is for the dice of probability=, which is missing")
        self._nth = None if "nth" not in given else number_test(given["nth"])
        self._criteria = [
            criterion
            for name, wanted in given.items()
            if name not in _NUMBERS
            for criterion in criteria_of(name, wanted)
        ]
        self._links: tuple[_Link, ...] = (_Link(),)
        self._optional = False
        self._needless_unless_asked = False
        self._home: Rules | None = None  # whose it is
        self._dice = "" if self.probability is None else f"{self.seed}/{self.kind()}/1"
        self._throw: Callable[[], float] | None = None  # ... made of that
        self._waited_for: threading.Condition | None = None  # somebody waits for it to act

        # What has happened.  Its server's thread alone writes here.
        self._link = 0
        self._link_matches = 0
        self._link_acts = 0
        self._asked = 0
        self._overruled = 0
        self._passed_by = 0
        self._answered = ""
        self._useless = ""
        self._matches = 0
        self._unlucky = 0
        self._count = 0
        self._calls: list[Call] = []
        self._nearest: tuple[int, str] = (-1, "")
        self.reported: bool = False  # that it never acted

    def _refuse_selector(self, name: str) -> None:
        known = ", ".join(sorted(self._row.selectors))
        if name in SELECTORS or name in ("header", *_NUMBERS):
            raise ValueError(f"{name}= makes no sense at {self.when}; there, a rule may have {known}")
        raise TypeError(f"no selector {name!r}; at {self.when} there are {known}")

    # -- what ---------------------------------------------------------------------------------

    def reply(self, code: int | Reply, *text: str | Sequence[str]) -> Self:
        """Say this, as `Reply` takes it, or with its lines as a list; a mail that is accepted by it is kept.

        At CONTENT and IDLE, where nobody waits for a reply, the connection is closed behind it.
        """
        return self._do("reply", code if isinstance(code, Reply) and not text else _reply(code, text))

    def delay(self, seconds: float) -> Self:
        """Do what follows so much later, or when the client leaves; others, and `stop()`, do not wait."""
        return self._do("delay", seconds)

    def stall(self) -> Self:
        """Never answer; the session lasts until the client leaves, or `Limits.session_timeout`."""
        return self._do("stall", True)

    def drop(self) -> Self:
        """Close the connection without a reply (FIN; inside TLS, its close_notify first).  A mail is not kept."""
        return self._do("drop", True)

    def reset(self) -> Self:
        """Cut the connection (RST): what the client has not read yet is lost, too.  A mail is not kept."""
        return self._do("reset", True)

    def raw(self, octets: bytes) -> Self:
        """Send these octets in place of the reply, whatever they are.

        The session goes on by the reply code that they start with; if they start with none, by that of the reply
        that would have been given.
        """
        return self._do("raw", octets)

    def truncate(self, octets: int) -> Self:
        """Send so many octets of the reply, and no more."""
        return self._do("truncate", octets)

    def throttle(self, bytes_per_second: float, direction: Literal["in", "out", "both"] = "both") -> Self:
        """From here on, the session's octets pass no faster; those of TLS count as they are on the wire."""
        return self._do("throttle", (bytes_per_second, direction))

    def close_after(self) -> Self:
        """Close the connection behind the reply; what the client said behind the command is not looked at."""
        return self._do("close_after", True)

    def accept_but_lose(self) -> Self:
        """Say 250, and keep nothing."""
        return self._do("accept_but_lose", True)

    def duplicate(self) -> Self:
        """Keep a mail that is accepted twice."""
        return self._do("duplicate", True)

    def call(self, function: Callable[..., Any]) -> Self:
        """Say what `function(event)` returns: a reply, or None for the one that would be given anyway.

        A coroutine function may take its time; it is cancelled when the client leaves.  What it raises is answered 451,
        and raised in the test.
        """
        return self._do("call", function)

    def without(self, *keywords: str) -> Self:
        """Leave these out of the reply to EHLO; the commands themselves still work.

        Where none of them is in it there is nothing to do, so alone it does not count as having acted.
        """
        return self._do("without", keywords)

    def advertise(self, *lines: str) -> Self:
        """Add these lines to the reply to EHLO, in place of those that begin with the same keyword."""
        return self._do("advertise", lines)

    def do(self, name: str, value: object = True) -> Self:
        """The act of this name, with its one value, for rules that come from elsewhere."""
        return self._do(name, value)

    def _do(self, name: str, value: object) -> Self:
        if name not in self._row.acts:
            raise ValueError(
                f"{name}() makes no sense at {self.when}; possible are {', '.join(sorted(self._row.acts))}"
            )
        link = self._links[-1]
        self._change(act=(link.act or Act({})).also(name, value))
        if self._home is not None:
            self._home.enter(self)
        return self

    def then(self) -> Self:
        """What follows is done when what was said so far is over; that is done once, unless it says how often.

        >>> Rule("DATA").reply(451).times(2).then().drop().then().reply(452)
        <Rule DATA → reply(451).times(2).then().drop().then().reply(452), never acted>
        """
        if self._links[-1].act is None:
            raise ValueError("then() comes behind an act")
        self._links = (*self._links, _Link())
        return self

    # -- how often ----------------------------------------------------------------------------

    def once(self) -> Self:
        """Act once."""
        return self.times(1)

    def times(self, count: int) -> Self:
        """Act so often at the most; `wait(count)`, or a look at `count`, makes sure that it was as often."""
        return self._change(most=_at_least_one("times", count))

    def after(self, matches: int) -> Self:
        """Let so many matches pass first."""
        return self._change(skip=_matches_before(matches))

    def between(self, first: int, last: int) -> Self:
        """Act on these matches, counted from 1."""
        if _at_least_one("between", last) < _at_least_one("between", first):
            raise ValueError(f"between({first}, {last}) is empty")
        return self._change(skip=first - 1, until=last)

    def optional(self, *, when_it_never_comes: bool = False) -> Self:
        """It need not act: no failure when it never does; or only when what it waits for never comes."""
        self._optional = not when_it_never_comes
        self._needless_unless_asked = when_it_never_comes
        return self

    def _change(self, **changes: object) -> Self:
        self._links = (*self._links[:-1], self._links[-1].but(**changes))
        return self

    # -- where it belongs ---------------------------------------------------------------------

    def may_belong_to(self, home: Rules) -> None:
        """Raise `ValueError` if it is another server's."""
        if self._home is not None and self._home is not home:
            raise ValueError("this rule is another server's; Rule.from_dict(rule.to_dict()) makes one like it")

    def belong_to(self, home: Rules | None) -> None:
        """It is this server's now, or nobody's."""
        self._home = home

    @property
    def has_act(self) -> bool:
        """Whether it says what to do."""
        return self._links[0].act is not None

    def remove(self) -> None:
        """Act no more; that it never did is told at the end all the same.  Removing it twice is harmless."""
        if self._home is not None:
            self._home.remove(self)

    def __enter__(self) -> Self:
        if self._home is None or not self.has_act:
            raise ValueError(
                "`with` wants a rule of a server that says what to do: with server.on(…).reply(…) as rule:"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        verdict_on([self], error)

    # -- deciding -----------------------------------------------------------------------------

    def consider(self, moment: Moment) -> Act | None:
        """What is to be done now; None for nothing."""
        self._asked += 1
        for number, criterion in enumerate(self._criteria):
            try:
                if criterion.met(moment):
                    continue
            except Exception as error:
                self._nearest = number, f"{moment.said()}: {criterion.name}= raised {type(error).__name__}"
                raise
            if number > self._nearest[0]:
                self._nearest = number, f"{moment.said()}: {criterion.failure(moment)}"
            return None
        if not self._would_change(moment):
            return None
        self._matches += 1
        if self._nth is not None and not self._nth(self._matches):
            return None
        act = self._due()
        if act is None or (self.probability is not None and not self._lucky(self.probability)):
            return None
        self._link_acts += 1
        self._count += 1
        self._calls.append(Call(moment.at, moment.number, moment.said(), str(act), self._count))
        if len(self._calls) >= 2 * _KEPT:
            del self._calls[:_KEPT]
        if self._waited_for is not None:
            with self._waited_for:
                self._waited_for.notify_all()
        return act

    def _would_change(self, moment: Moment) -> bool:
        """Whether there is anything to do; where somebody decides on the reply behind the rules, nobody knows yet."""
        act = self._links[min(self._link, len(self._links) - 1)].act
        if act is None or (self._home is not None and self._home.decided_later) or act.changes(moment.reply):
            return True
        self._useless = f"the reply had no {' or '.join(act.without)}"
        return False

    def _lucky(self, chance: float) -> bool:
        if self._throw is None:
            from random import Random

            self._throw = Random(self._dice).random  # noqa: S311 - dice, not secrets
        if self._throw() < chance:
            return True
        self._unlucky += 1
        return False

    @property
    def used_up(self) -> bool:
        """Whether it will not act any more, whatever comes."""
        last = [link for link in self._links if link.act is not None][-1:]
        nth = self.selectors.get("nth")
        if isinstance(nth, int) and self._matches >= nth:
            return True
        at_the_last = self._link >= len([link for link in self._links if link.act is not None]) - 1
        return bool(last) and at_the_last and self._is_over(last[0], last[0].most)

    def _is_over(self, link: _Link, most: int | None) -> bool:
        return (most is not None and self._link_acts >= most) or (
            link.until is not None and self._link_matches >= link.until
        )

    def _due(self) -> Act | None:
        """The act for this match, which is one more."""
        links = [link for link in self._links if link.act is not None]
        while self._link < len(links):
            link = links[self._link]
            is_last = self._link == len(links) - 1
            most = 1 if link.most is None and link.until is None and not is_last else link.most
            if not self._is_over(link, most):
                self._link_matches += 1
                return link.act if self._link_matches > link.skip else None
            if is_last:
                break
            self._link += 1
            self._link_matches = self._link_acts = 0
        return None

    def overrule(self) -> None:
        """An earlier rule acted in its place."""
        self._overruled += 1

    def pass_by(self, answered: str) -> None:
        """What it waits for came malformed, out of order, or beyond a limit, and the server has answered it itself."""
        self._passed_by += 1
        self._answered = answered

    def kind(self) -> str:
        """When it acts, the same in each run: equal rules are of one kind."""
        return " ".join([self.when, *(f"{name}={_lasting(wanted)}" for name, wanted in self.selectors.items())])

    def take_dice(self, seed: int | str, number: int) -> None:
        """Dice for its probability: the same for the same seed, of the `number`-th rule of this kind."""
        self._dice = f"{seed if self.seed is None else self.seed}/{self.kind()}/{number}"
        self._throw = None

    # -- accounting ---------------------------------------------------------------------------

    @property
    def calls(self) -> tuple[Call, ...]:
        """The times that it acted, the latest 1,000 of them at least."""
        return tuple(self._calls.copy())

    @property
    def count(self) -> int:
        """How often it acted."""
        return self._count

    @property
    def idle(self) -> bool:
        """Whether it should have acted, and never did."""
        if self._count or self._optional:
            return False
        return not self._needless_unless_asked or self._asked > 0

    def wait(self, count: int = 1, timeout: float = 5.0) -> tuple[Call, ...]:
        """Wait until it has acted so often, and return its `calls`; `timeout` is in seconds.

        Raises `WaitTimeout`, an `AssertionError` that says why it has not, when that time has passed, and
        `RuntimeError` in the loop that an `async with MailServer()` runs in: there, `await rule.async_wait()`.

        >>> import smtplib
        >>> from lazr.smtptest import MailServer
        >>> with MailServer() as server:
        ...     rule = server.on("QUIT").drop()
        ...     client = smtplib.SMTP(*server.address)
        ...     client.send("QUIT\\r\\n")
        ...     client.close()
        ...     rule.wait()[0].said
        'QUIT'
        """
        _at_least_one("wait", count)
        if self._home is not None and self._home.runs_here():
            raise RuntimeError(
                "waiting here would stop the loop that the server runs in; use `await rule.async_wait()`"
            )
        if self._waited_for is None:
            self._waited_for = threading.Condition()
        ends = monotonic() + timeout
        with self._waited_for:
            while self._count < count:
                left = ends - monotonic()
                if left <= 0:
                    acted = f"acted {_times(self._count)}" if self._count else "did not act"
                    raise WaitTimeout(f"the rule {acted} within {timeout:g} s; {count} wanted:\n{self.account()}")
                self._waited_for.wait(left)
        return self.calls

    async def async_wait(self, count: int = 1, timeout: float = 5.0) -> tuple[Call, ...]:  # noqa: ASYNC109
        """`wait` for a coroutine, in the server's own loop or in another."""
        import asyncio

        return await asyncio.to_thread(self.wait, count, timeout)

    def account(self) -> str:
        """Why it never acted, as far as can be said: some lines, for a failure."""
        return f"  {self}\n      {self._why()}"

    def _why(self) -> str:
        if not self.has_act:
            return "it says when, and not what: an act such as .reply(451) is missing"
        told = [clause for clause in (self._why_not_when_asked(), self._why_not_asked()) if clause]
        if told:
            return "; ".join(told)
        near = meant(self.when)
        return f"{self.when} never came" + ("" if near is None else f"; is {near} meant?")

    def _why_not_when_asked(self) -> str:
        if self._unlucky:
            return f"it was due {_times(self._unlucky)}, but the dice (probability={self.probability}) said no"
        if self._matches:
            link = self._links[min(self._link, len(self._links) - 1)]
            how = f"nth={self.selectors['nth']!r}" if self._nth is not None else str(link.but(act=None))
            return f"it matched {_times(self._matches)}" + (f", and was not due by then ({how})" if how else "")
        if not self._asked:
            return ""
        miss = self._useless or f"the nearest miss: {self._nearest[1]}"
        return f"{self.when} came {_times(self._asked)}; {miss}"

    def _why_not_asked(self) -> str:
        told = []
        if self._overruled:
            told.append(f"{self.when} came {_times(self._overruled)}, and an earlier rule acted in its place")
        if self._passed_by:
            came = f"{self.when} came {_times(self._passed_by)}"
            told.append(f"{came}, and rules had no say: the server answered {self._answered!r}")
        return "; ".join(told)

    # -- as a value ---------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The rule as a value that JSON can carry; raises `ValueError` for functions, which it cannot.

        The functions of presets, which count, are no obstacle: they have names, as in `{"rate": {"n": 2, "per": 60}}`.

        >>> Rule("DATA", sender="*@example.org").reply(451, "4.3.0", "Try later").times(2).to_dict()
        {'when': 'DATA', 'match': {'sender': '*@example.org'},
         'do': [{'reply': [451, '4.3.0', 'Try later'], 'times': 2}]}
        """
        from lazr.smtptest.faults.form import written

        links = [(link.act.given, link.skip, link.most, link.until) for link in self._links if link.act is not None]
        return written(self.when, self.selectors, links, optional=self._how_optional)

    @property
    def _how_optional(self) -> bool | str:
        return "when it never comes" if self._needless_unless_asked else self._optional

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> Rule:
        """The rule that `to_dict` wrote, or a preset by its name; raises `ValueError` or `TypeError` for what is none.

        A preset of several rules is for `server.rules.load(…)`.

        >>> Rule.from_dict({"when": "CONNECT", "do": [{"delay": 5.0, "times": 1}]})
        <Rule CONNECT → delay(5).once(), never acted>
        >>> Rule.from_dict({"preset": "quota_full", "to": "ann@*"})
        <Rule RCPT to='ann@*' → reply(452, '4.2.2', 'Mailbox full'), never acted>
        """
        from lazr.smtptest.faults.form import is_preset, read, read_preset

        if is_preset(form):
            rules = read_preset(form)
            if len(rules) > 1:
                raise ValueError(f"{form['preset']} is {len(rules)} rules; server.rules.load([…]) takes it")
            return rules[0]
        when, selectors, links, optional = read(form)
        rule = cls(when, **selectors)
        for number, (acts, limits) in enumerate(links):
            if number:
                rule.then()
            for name, value in acts:
                rule.do(name, value)
            rule.limit(**limits)
        return rule.optional(when_it_never_comes=optional is not True) if optional else rule

    def limit(self, *, skip: int = 0, most: int | None = None, until: int | None = None) -> Self:
        """How often, for rules that come from elsewhere: `after`, `times`, and the end of `between`."""
        if until is not None and until <= skip:
            raise ValueError(f"between({skip + 1}, {until}) is empty")
        return self._change(skip=skip, most=most, until=until)

    def _terms(self) -> tuple[object, ...]:
        links = [link.terms for link in self._links if link.act is not None]
        return self.when, self.selectors, self._how_optional, links

    def __eq__(self, other: object) -> bool:
        return self._terms() == other._terms() if isinstance(other, Rule) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.when)

    def matching(self) -> str:
        """When it acts, as it was written."""
        return " ".join([self.when, *(f"{name}={wanted!r}" for name, wanted in self.selectors.items())])

    def __str__(self) -> str:
        acts = ".then().".join(str(link) for link in self._links if link.act is not None)
        optional = ".optional(when_it_never_comes=True)" if self._needless_unless_asked else ".optional()"
        return f"{self.matching()} → {acts}{optional if self._how_optional else ''}"

    def __repr__(self) -> str:
        done = f"acted {_times(self._count)}" if self._count else "never acted"
        return f"<Rule {self}, {done}>"


def verdict_on(rules: Iterable[Rule], error: BaseException | None) -> None:
    """The end of a `with` block: take these rules away, and raise `RuleNeverActed`, or note it in the test's error."""
    unused = [rule for rule in rules if rule.idle]
    for rule in unused:
        rule.reported = True
    for rule in rules:
        rule.remove()
    if not unused:
        return
    which = "this rule" if len(unused) == 1 else "these rules"
    accounts = "\n".join(rule.account() for rule in unused)
    verdict = RuleNeverActed(f"in its `with` block {which} never acted:\n{accounts}")
    if error is None:
        raise verdict
    error.add_note(str(verdict))


def _lasting(wanted: Any) -> str:
    """A value as text that is the same in each run: a function's address is not."""
    if isinstance(wanted, list):
        return f"[{', '.join(map(_lasting, wanted))}]"
    if isinstance(wanted, Mapping):
        return f"{{{', '.join(f'{name!r}: {_lasting(value)}' for name, value in wanted.items())}}}"
    if isinstance(wanted, (str, int, float, re.Pattern, Counting)):
        return repr(wanted)
    return getattr(wanted, "__qualname__", type(wanted).__qualname__)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _matches_before(count: object) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError(f"after() wants a number of matches, not {count!r}")
    return count


def _at_least_one(name: str, count: object) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"{name}() counts from 1; {count!r} is no such number")
    return count


def _reply(code: Any, text: tuple[Any, ...]) -> Reply:
    lines = [line for part in text for line in (part if isinstance(part, (list, tuple)) else (part,))]
    odd = [line for line in lines if not isinstance(line, str)]
    if odd:
        raise TypeError(f"the text of a reply is strings, not {odd[0]!r}")
    try:
        return Reply(code, *lines)
    except ValueError as error:
        raise ValueError(f"{error}; .raw(b'…') sends whatever you like") from None


def _probability(wanted: Any) -> float | None:
    if wanted is None:
        return None
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)) or not 0 < wanted <= 1:
        raise ValueError(f"probability is more than 0 and at the most 1, not {wanted!r}")
    return wanted


def _seed(wanted: Any) -> int | str | None:
    if wanted is not None and (isinstance(wanted, bool) or not isinstance(wanted, (int, str))):
        raise TypeError(f"a seed is a number or a string, not {wanted!r}")
    return wanted


def _after(when: str, amount: Any) -> float:
    if amount is None:
        if when == "IDLE":
            raise ValueError("IDLE wants after=, the seconds of silence")
        return 0
    if isinstance(amount, bool) or not isinstance(amount, (int, float)) or not 0 <= amount < float("inf"):
        raise ValueError(f"after={amount!r} is no number of {'seconds' if when == 'IDLE' else 'octets'}")
    if when == "IDLE" and not amount:
        raise ValueError("IDLE wants more than no seconds of silence")
    if when == "CONTENT" and not isinstance(amount, int):
        raise ValueError(f"after={amount!r} is no whole number of octets")
    return amount
