"""A rule: when, of whom, what, how often, with an account of what it did."""

from __future__ import annotations

from lazr.smtptest.errors import RuleNeverActed
from lazr.smtptest.faults.act import Act
from lazr.smtptest.faults.selector import SELECTORS, criteria_of, number_test
from lazr.smtptest.faults.when import when_of
from lazr.smtptest.protocol.smtp.reply import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Any, Final, Literal, Self

    from lazr.smtptest.faults.moment import Moment
    from lazr.smtptest.faults.rules import Rules

__all__ = ["Call", "Rule"]

# So many of the latest calls are kept; `count` counts all.
_KEPT = 1_000

_NUMBERS = ("nth", "probability", "after")


class Call:
    """One time that a rule acted.

    - `at`: seconds since the server started; `session`: the number of the connection, from 1.
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
    - `where`: a function of the `Moment`; `probability`: between 0 and 1, by the server's `seed`.

    A method says what to do, and puts the rule, if it is a server's, behind the server's other rules.
    Several go together, `.delay(0.5).reply(451)`; what is behind `.then()` is done when that before it is over.

    Raises `ValueError` or `TypeError`, when it is written, for what makes no sense.

    >>> Rule("rcpt", to="*@full.example").reply(452, "4.2.2", "Mailbox full").times(2)
    <Rule RCPT to='*@full.example' → reply(452, '4.2.2', 'Mailbox full').times(2), never acted>
    """

    def __init__(self, when: str, **selectors: Any) -> None:
        self.when: str
        self.when, self._row = when_of(when)
        given = {name: wanted for name, wanted in selectors.items() if wanted is not None}
        for name in given:
            if name not in self._row.selectors:
                self._refuse_selector(name)
        self.selectors: Mapping[str, Any] = given
        self.after_amount: float = _after(self.when, given.get("after"))
        probability = given.get("probability")
        if probability is not None and not (isinstance(probability, (int, float)) and 0 <= probability <= 1):
            raise ValueError(f"probability is between 0 and 1, not {probability!r}")
        self._probability: float | None = probability
        self._nth = None if "nth" not in given else number_test(given["nth"])
        self._criteria = [
            criterion
            for name, wanted in given.items()
            if name not in _NUMBERS
            for criterion in criteria_of(name, wanted)
        ]
        self._links: tuple[_Link, ...] = (_Link(),)
        self._optional = False
        self._home: Rules | None = None  # whose it is
        self._throw: Callable[[], float] | None = None  # the dice

        # What has happened.  Its server's thread alone writes here.
        self._link = 0
        self._link_matches = 0
        self._link_acts = 0
        self._asked = 0
        self._overruled = 0
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

    def reply(self, code: int | Reply, *text: str) -> Self:
        """Say this, as `Reply` takes it; a mail that is accepted by it is kept.

        At CONTENT and IDLE, where nobody waits for a reply, the connection is closed behind it.
        """
        return self._do("reply", code if isinstance(code, Reply) else Reply(code, *text))

    def delay(self, seconds: float) -> Self:
        """Do what follows so much later; other sessions go on, and stopping the server does not wait."""
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

        A coroutine function may take its time.  What it raises is answered 451, and raised in the test.
        """
        return self._do("call", function)

    def without(self, *keywords: str) -> Self:
        """Leave these out of the reply to EHLO; the commands themselves still work."""
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
        """Act so often at the most."""
        return self._change(most=_at_least_one("times", count))

    def after(self, matches: int) -> Self:
        """Let so many matches pass first."""
        if matches < 0:
            raise ValueError(f"after() wants a number of matches, not {matches!r}")
        return self._change(skip=matches)

    def between(self, first: int, last: int) -> Self:
        """Act on these matches, counted from 1."""
        if last < _at_least_one("between", first):
            raise ValueError(f"between({first}, {last}) is empty")
        return self._change(skip=first - 1, until=last)

    def optional(self) -> Self:
        """It need not act: no failure when it never does."""
        self._optional = True
        return self

    def _change(self, **changes: object) -> Self:
        self._links = (*self._links[:-1], self._links[-1].but(**changes))
        return self

    # -- where it belongs ---------------------------------------------------------------------

    def belong_to(self, home: Rules) -> None:
        """It is this server's; raises `ValueError` if it is another's."""
        if self._home is not None and self._home is not home:
            raise ValueError("this rule is another server's; Rule.from_dict(rule.to_dict()) makes one like it")
        self._home = home

    @property
    def has_act(self) -> bool:
        """Whether it says what to do."""
        return self._links[0].act is not None

    def remove(self) -> None:
        """Act no more; removing it twice is harmless."""
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
        self.remove()
        if self.idle:
            self.reported = True
            verdict = RuleNeverActed(f"in its `with` block this rule never acted:\n{self.account()}")
            if error is None:
                raise verdict
            error.add_note(str(verdict))

    # -- deciding -----------------------------------------------------------------------------

    def consider(self, moment: Moment) -> Act | None:
        """What is to be done now; None for nothing."""
        self._asked += 1
        for number, criterion in enumerate(self._criteria):
            if not criterion.met(moment):
                if number > self._nearest[0]:
                    self._nearest = number, f"{moment.said()}: {criterion.failure(moment)}"
                return None
        self._matches += 1
        if self._nth is not None and not self._nth(self._matches):
            return None
        act = self._due()
        if act is None or (self._throw is not None and not self._lucky(self._throw)):
            return None
        self._link_acts += 1
        self._count += 1
        self._calls.append(Call(moment.at, moment.number, moment.said(), str(act), self._count))
        if len(self._calls) >= 2 * _KEPT:
            del self._calls[:_KEPT]
        return act

    def _lucky(self, throw: Callable[[], float]) -> bool:
        if throw() < (self._probability or 0):
            return True
        self._unlucky += 1
        return False

    def _due(self) -> Act | None:
        """The act for this match, which is one more."""
        links = [link for link in self._links if link.act is not None]
        while self._link < len(links):
            link = links[self._link]
            is_last = self._link == len(links) - 1
            most = 1 if link.most is None and link.until is None and not is_last else link.most
            over = (most is not None and self._link_acts >= most) or (
                link.until is not None and self._link_matches >= link.until
            )
            if not over:
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

    @property
    def probability(self) -> float | None:
        """How likely it acts; None where it always does."""
        return self._probability

    def take_dice(self, throw: Callable[[], float]) -> None:
        """Numbers between 0 and 1, for its probability."""
        if self._probability is not None and self._throw is None:
            self._throw = throw

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
        return self._count == 0 and not self._optional

    def account(self) -> str:
        """Why it never acted, as far as can be said: some lines, for a failure."""
        return f"  {self}\n      {self._why()}"

    def _why(self) -> str:
        if not self.has_act:
            return "it says when, and not what: an act such as .reply(451) is missing"
        if not self._asked and self._overruled:
            return f"{self.when} came {_times(self._overruled)}, and an earlier rule acted in its place"
        if not self._asked:
            return f"{self.when} never came{self._slip()}"
        if self._unlucky:
            return f"it was due {_times(self._unlucky)}, but the dice (probability={self._probability}) said no"
        if self._matches:
            how = f"nth={self.selectors['nth']!r}" if self._nth is not None else str(self._links[0].but(act=None))
            return f"it matched {_times(self._matches)}, and was not due by then ({how})"
        return f"{self.when} came {_times(self._asked)}; the nearest miss: {self._nearest[1]}"

    def _slip(self) -> str:
        from difflib import get_close_matches

        from lazr.smtptest.faults.when import WHENS

        near = [] if self.when in WHENS else get_close_matches(self.when, WHENS, 1, 0.6)
        return f"; is {near[0]} meant?" if near else ""

    # -- as a value ---------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The rule as a value that JSON can carry; raises `ValueError` for functions, which it cannot.

        >>> Rule("DATA", sender="*@example.org").reply(451, "4.3.0", "Try later").times(2).to_dict()
        {'when': 'DATA', 'match': {'sender': '*@example.org'},
         'do': [{'reply': [451, '4.3.0', 'Try later'], 'times': 2}]}
        """
        from lazr.smtptest.faults.form import written

        links = [(link.act.given, link.skip, link.most, link.until) for link in self._links if link.act is not None]
        return written(self.when, self.selectors, links, optional=self._optional)

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> Self:
        """The rule that `to_dict` wrote; raises `ValueError` or `TypeError` for what is none.

        >>> Rule.from_dict({"when": "CONNECT", "do": [{"delay": 5.0, "times": 1}]})
        <Rule CONNECT → delay(5).once(), never acted>
        """
        from lazr.smtptest.faults.form import read

        when, selectors, links, optional = read(form)
        rule = cls(when, **selectors)
        for number, (acts, limits) in enumerate(links):
            if number:
                rule.then()
            for name, value in acts:
                rule.do(name, value)
            rule._change(**limits)
        return rule.optional() if optional else rule

    def _terms(self) -> tuple[object, ...]:
        return self.when, self.selectors, self._optional, [link.terms for link in self._links]

    def __eq__(self, other: object) -> bool:
        return self._terms() == other._terms() if isinstance(other, Rule) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.when)

    def matching(self) -> str:
        """When it acts, as it was written."""
        return " ".join([self.when, *(f"{name}={wanted!r}" for name, wanted in self.selectors.items())])

    def __str__(self) -> str:
        acts = ".then().".join(str(link) for link in self._links if link.act is not None)
        return f"{self.matching()} → {acts}{'.optional()' * self._optional}"

    def __repr__(self) -> str:
        done = f"acted {_times(self._count)}" if self._count else "never acted"
        return f"<Rule {self}, {done}>"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _at_least_one(name: str, count: object) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"{name}() counts from 1; {count!r} is no such number")
    return count


def _after(when: str, amount: Any) -> float:
    if amount is None:
        if when == "IDLE":
            raise ValueError("IDLE wants after=, the seconds of silence")
        return 0
    if isinstance(amount, bool) or not isinstance(amount, (int, float)) or amount < 0 or amount != amount:  # noqa: PLR0124
        raise ValueError(f"after={amount!r} is no number of {'seconds' if when == 'IDLE' else 'octets'}")
    if when == "IDLE" and not amount:
        raise ValueError("IDLE wants more than no seconds of silence")
    if when == "CONTENT" and not isinstance(amount, int):
        raise ValueError(f"after={amount!r} is no whole number of octets")
    return amount
