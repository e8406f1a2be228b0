"""Selectors: what a rule looks at before it acts, in the language in which mails are matched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from operator import attrgetter, eq, ge, gt, le, lt, ne

from lazr.smtptest.mail.query import test_of
from lazr.smtptest.protocol.smtp.event import Delivery, Rcpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Final, TypedDict

    from lazr.smtptest.faults.moment import Moment

    Test = Callable[[Any], bool]
    Text = str | re.Pattern[str] | Callable[[str], object]
    Texts = Text | Sequence[Text]
    Number = int | str | Callable[[int], object]
    Numbers = Number | Sequence[Number] | range

    class Selectors(TypedDict, total=False):
        """The keyword arguments of a rule; which of them mean something depends on its moment."""

        sender: Texts | None
        to: Texts | None
        helo: Texts | None
        peer: Texts | None
        user: Texts | None
        mechanism: Texts | None
        subject: Texts | None
        header: Mapping[str, Texts] | None
        tls: bool | Texts | None
        size: Numbers | None
        session: Numbers | None
        nth: Numbers | None
        after: float | None
        where: Callable[[Moment], object] | None
        probability: float | None
        seed: int | str | None


__all__ = ["SELECTORS", "Criterion", "canonical", "criteria_of", "number_test"]

_COMPARISON = re.compile(r"\s*(<=|>=|<|>|==|!=)\s*([0-9][0-9_]*)\s*")
_OPERATORS = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}

_MANY = 10_000

# What no text can be equal to, and so a rule with it could never act.
_NO_TEXT = (type(None), bool, int, float, bytes, bytearray, memoryview, set, frozenset, range, Mapping)


def _text(name: str, wanted: object) -> object:
    """The value, if a text may be compared with it."""
    if isinstance(wanted, _NO_TEXT) or (isinstance(wanted, re.Pattern) and not isinstance(wanted.pattern, str)):
        raise TypeError(f"{name}= wants a string, a pattern, a function, or a list of these, not {wanted!r}")
    return wanted


def _text_test(wanted: object) -> Test:
    return test_of(wanted, is_address=False)


def _address_test(wanted: object) -> Test:
    test = test_of(wanted, is_address=True)
    if not isinstance(wanted, str) or "*" in wanted or "?" in wanted:
        return test
    small = wanted.lower()  # most rules are for others, and this is the quickest way to see it
    return lambda value: value.lower() == small and test(value)


def _name_test(wanted: object) -> Test:
    """Names of hosts and mechanisms, whose case does not count (RFC 5321 2.4, RFC 4422 3.1)."""
    test = test_of(wanted.lower() if isinstance(wanted, str) else wanted, is_address=True)
    return (lambda value: test(value.lower())) if isinstance(wanted, str) else test


def number_test(wanted: object) -> Test:
    """A number, a comparison such as `">=1000"`, a function, or a list of any of these: one of them.

    >>> number_test(">=1_000")(1000), number_test([1, 3])(2)
    (True, False)
    """
    if isinstance(wanted, list):
        tests = [number_test(one) for one in wanted]
        return lambda value: any(test(value) for test in tests)
    if isinstance(wanted, str):
        found = _COMPARISON.fullmatch(wanted)
        if found is None:
            raise ValueError(f"{wanted!r} is no comparison such as '>=1000'")
        compare, limit = _OPERATORS[found[1]], int(found[2])
        return lambda value: bool(compare(value, limit))
    if callable(wanted):
        return lambda value: bool(wanted(value))
    if isinstance(wanted, bool) or not isinstance(wanted, int):
        raise TypeError(f"{wanted!r} is neither a number, nor a comparison such as '>=1000', nor a function")
    return lambda value: bool(value == wanted)


def _tls_test(wanted: object) -> Test:
    """True, False, or the version of TLS; in clear there is no version."""
    if isinstance(wanted, bool):
        return lambda version: (version is not None) is wanted
    test = test_of(wanted, is_address=False)
    return lambda version: version is not None and test(version)


def _where_test(wanted: object) -> Test:
    if not callable(wanted):
        raise TypeError(f"where wants a function of the moment, not {wanted!r}")
    return lambda moment: bool(wanted(moment))


def _known(*values: object) -> tuple[object, ...]:
    return tuple(value for value in values if value is not None)


def _peer(moment: Moment) -> tuple[str, ...]:
    peer = moment.session.peer
    return peer, peer.rpartition(":")[0].strip("[]") or peer


def _mechanism(moment: Moment) -> tuple[object, ...]:
    return _known(getattr(getattr(moment.event, "credentials", None), "mechanism", None))


# What each selector looks at, and how a value is tested.  It is met when one of the values passes.
# `nth`, `probability`, its `seed` and `after` are the rule's own business: they are about counts, not about facts.
SELECTORS: Final[dict[str, tuple[Callable[[Moment], tuple[Any, ...]], Callable[[object], Test]]]] = {
    "sender": (lambda moment: _known(moment.sender), _address_test),
    "to": (attrgetter("recipients"), _address_test),
    "helo": (lambda moment: _known(moment.helo or None), _name_test),
    "peer": (_peer, _address_test),
    "user": (lambda moment: _known(moment.user), _address_test),
    "mechanism": (_mechanism, _name_test),
    "tls": (lambda moment: (None if moment.session.tls is None else moment.session.tls.version,), _tls_test),
    "size": (lambda moment: _known(moment.size), number_test),
    "subject": (lambda moment: () if moment.message is None else (moment.message.subject,), _text_test),
    "session": (lambda moment: (moment.number,), number_test),
    "where": (lambda moment: (moment,), _where_test),
}

_COUNTS = ("size", "session", "nth")


def canonical(name: str, wanted: Any) -> Any:
    """A selector's value in the one form in which it is kept: lists are lists, and what can never be met is refused.

    Raises `TypeError` or `ValueError`.
    """
    if name in _COUNTS:
        return _numbers(name, wanted)
    if name == "header":
        if not isinstance(wanted, Mapping) or not wanted or not all(isinstance(one, str) and one for one in wanted):
            raise TypeError(f"header wants a mapping such as {{'X-Tag': 'a'}}, not {wanted!r}")
        return {field: _texts(f"header {field}", value) for field, value in wanted.items()}
    if name == "where" or (name == "tls" and isinstance(wanted, bool)):
        return wanted
    return _texts(name, wanted)


def _texts(name: str, wanted: Any) -> Any:
    if not isinstance(wanted, (list, tuple)):
        return _text(name, wanted)
    if not wanted:
        raise ValueError(f"{name}={wanted!r} wants nothing, so the rule could never act")
    if any(isinstance(one, (list, tuple)) for one in wanted):
        raise TypeError(f"{name}= wants a list of strings, not of lists: {wanted!r}")
    return [_text(name, one) for one in wanted]


def _numbers(name: str, wanted: Any) -> Any:
    several = isinstance(wanted, (list, tuple, range, set, frozenset))
    if several and len(wanted) > _MANY:
        raise ValueError(f"{name}= has {len(wanted):,} numbers; '>=1' is a comparison, and a function is possible, too")
    numbers = (sorted(wanted) if isinstance(wanted, (set, frozenset)) else list(wanted)) if several else [wanted]
    if not numbers:
        raise ValueError(f"{name}={wanted!r} wants nothing, so the rule could never act")
    least = 0 if name == "size" else 1
    for number in numbers:
        if isinstance(number, (list, tuple)):
            raise TypeError(f"{name}= wants a list of numbers, not of lists: {wanted!r}")
        number_test(number)
        if isinstance(number, int) and number < least:
            raise ValueError(f"{name} counts from {least}; {number!r} never comes")
    return numbers if several else wanted


def _one_value(name: str, moment: Moment) -> bool:
    """Whether the moment has one value at the most to look at: all but the recipients of a message."""
    return name != "to" or isinstance(moment.event, (Rcpt, Delivery))


class Criterion:
    """One thing that is looked at, and what is wanted of it."""

    __slots__ = ("_looks_at", "_test", "_tests", "name", "wanted")

    def __init__(
        self, name: str, wanted: object, looks_at: Callable[[Moment], tuple[Any, ...]], tests: Sequence[Test]
    ) -> None:
        self.name: Final = name
        self.wanted: Final = wanted
        self._looks_at = looks_at
        self._tests = tests
        self._test = tests[0] if len(tests) == 1 else None  # most have but one

    def met(self, moment: Moment) -> bool:
        """Whether it is as wanted; what a function of the tester's raises is raised, with a note.

        Of several tests each is passed by one of the values; where there is but one value, it passes one of them.
        """
        try:
            test = self._test
            if test is None:
                return self._met_by_some(moment)
            for value in self._looks_at(moment):
                if test(value):
                    return True
        except Exception as error:
            error.add_note(f"while a rule's {self.name}={self.wanted!r} was asked about {moment!r}")
            raise
        return False

    def _met_by_some(self, moment: Moment) -> bool:
        values = self._looks_at(moment)
        enough = any if _one_value(self.name, moment) else all
        return enough(any(map(test, values)) for test in self._tests)

    def failure(self, moment: Moment) -> str:
        """What it has instead."""
        if self.name == "where":
            return "where says no"
        values = self._looks_at(moment)
        if self.name == "tls":
            return f"tls is {values[0] or False!r}"
        return f"{self.name} is {', '.join(map(repr, values)) or 'nothing'}"


def _header(name: str) -> Callable[[Moment], tuple[str, ...]]:
    return lambda moment: () if moment.message is None else (moment.message.header(name),)


def criteria_of(name: str, wanted: Any) -> list[Criterion]:
    """The criteria that a selector stands for, whose value is `canonical`."""
    if name == "header":
        return [
            Criterion(f"header {field}", value, _header(field), [_text_test(one) for one in _each(value)])
            for field, value in wanted.items()
        ]
    looks_at, test = SELECTORS[name]
    tests = [test(wanted)] if test is number_test else [test(one) for one in _each(wanted)]
    return [Criterion(name, wanted, looks_at, tests)]


def _each(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]
