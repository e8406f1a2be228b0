"""Selectors: the facts of a context that a rule checks before it acts.

Values to match with are those of the inbox's criteria (`mail.match`), and numbers.  `normalize_matcher` checks a value
and brings it into one form; `build_criteria` makes the tests.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from operator import attrgetter, eq, ge, gt, le, lt, ne

from lazr.smtptest._util.host_port import split_host_port
from lazr.smtptest.mail import Condition, build_predicate
from lazr.smtptest.protocol.smtp import Delivery, Rcpt, prepare_if_possible
from lazr.smtptest.rules.counters import CountingCondition
from lazr.smtptest.rules.function_check import check_function
from lazr.smtptest.rules.linear_pattern import LinearPattern
from lazr.smtptest.rules.mail_condition import MailCondition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Final, TypedDict

    from lazr.smtptest.rules.rule_context import RuleContext

    Predicate = Callable[[Any], bool]
    TextMatcher = str | re.Pattern[str] | Callable[[str], object]
    TextMatchers = TextMatcher | Sequence[TextMatcher]
    NumberMatcher = int | str | Callable[[int], object]
    NumberMatchers = NumberMatcher | Sequence[NumberMatcher] | range

    class Selectors(TypedDict, total=False):
        """The keyword arguments of a rule; the trigger determines which of them are possible."""

        sender: TextMatchers | Condition | None
        to: TextMatchers | Condition | None
        recipients: TextMatchers | Condition | None
        helo: TextMatchers | None
        peer: TextMatchers | None
        user: TextMatchers | None
        username: TextMatchers | None
        mechanism: TextMatchers | None
        argument: TextMatchers | None
        subject: TextMatchers | Condition | None
        header: Mapping[str, TextMatchers] | None
        tls: bool | TextMatchers | None
        size: NumberMatchers | None
        session: NumberMatchers | None
        nth: NumberMatchers | None
        after: float | None
        where: Callable[[RuleContext], object] | Condition | None
        probability: float | None
        seed: int | str | None


__all__ = [
    "SELECTORS",
    "SELECTOR_ALIASES",
    "SELECTOR_SYNONYMS",
    "Criterion",
    "build_criteria",
    "build_number_predicate",
    "normalize_matcher",
]

_COMPARISON_PATTERN = re.compile(r"\s*(<=|>=|<|>|==|!=)\s*([0-9][0-9_]*)\s*")
_OPERATORS = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}

_MAX_NUMBERS_PER_SELECTOR = 10_000

# Types of values that no text is equal to: a rule with one could never act.
_NON_TEXT_TYPES = (type(None), bool, int, float, bytes, bytearray, memoryview, set, frozenset, range, Mapping)

# Objects of these packages that are not strings, patterns or functions are equal to no text; `unittest.mock.ANY` is.
_PACKAGES_WITHOUT_MATCHERS = (sys.stdlib_module_names - {"unittest"}) | {"lazr"}


def _check_text(name: str, matcher: object) -> object:
    """Return the value if a text can be compared with it; otherwise raise `TypeError`."""
    if isinstance(matcher, Condition):
        raise TypeError(f"{name}= must not have a Match in a list, got {matcher!r}; use where={matcher!r}")
    if isinstance(matcher, str):
        return matcher
    if isinstance(matcher, re.Pattern):
        is_text_matcher = isinstance(matcher.pattern, str)
    elif isinstance(matcher, _NON_TEXT_TYPES):
        is_text_matcher = False
    elif isinstance(matcher, type):  # a class may define ==, as in dirty-equals
        is_text_matcher = type(matcher).__eq__ is not type.__eq__
    elif callable(matcher):
        check_function(f"{name}=", matcher, "the text")
        is_text_matcher = True
    else:
        package = type(matcher).__module__.partition(".")[0]
        is_text_matcher = type(matcher).__eq__ is not object.__eq__ and package not in _PACKAGES_WITHOUT_MATCHERS
    if not is_text_matcher:
        raise TypeError(f"{name}= must be a string, a pattern, a function, or a list of these, got {matcher!r}")
    return matcher


def _build_text_predicate(matcher: object) -> Predicate:
    return build_predicate(matcher, is_address=False)


def _build_address_predicate(matcher: object) -> Predicate:
    test = build_predicate(matcher, is_address=True)
    if not isinstance(matcher, str) or "*" in matcher or "?" in matcher:
        return test
    lowered = matcher.lower()  # most rules are for other addresses, and this comparison is fast
    return lambda value: value.lower() == lowered and test(value)


def _build_name_predicate(matcher: object) -> Predicate:
    """Return a test for names of hosts and mechanisms.

    Their case does not matter (RFC 5321 2.4, RFC 4422 3.1).
    """
    test = build_predicate(matcher.lower() if isinstance(matcher, str) else matcher, is_address=True)
    return (lambda value: test(value.lower())) if isinstance(matcher, str) else test


def _build_user_predicate(matcher: object) -> Predicate:
    """Return a test for user names, which are compared in the form of SASLprep (RFC 4013)."""
    if isinstance(matcher, list):
        matcher = [prepare_if_possible(item) if isinstance(item, str) else item for item in matcher]
    test = _build_address_predicate(prepare_if_possible(matcher) if isinstance(matcher, str) else matcher)
    return lambda value: test(prepare_if_possible(value))


def build_number_predicate(matcher: object) -> Predicate:
    """Return a test for a number, a comparison such as `">=1000"`, or a function.

    Of a list of these, one has to be met.

    Raises:
        TypeError: If the value has another type.
        ValueError: If a string is not a comparison.

    >>> build_number_predicate(">=1_000")(1000), build_number_predicate([1, 3])(2)
    (True, False)
    """
    if isinstance(matcher, list):
        tests = [build_number_predicate(item) for item in matcher]
        return lambda value: any(test(value) for test in tests)
    if isinstance(matcher, str):
        found = _COMPARISON_PATTERN.fullmatch(matcher)
        if found is None:
            raise ValueError(f"expected a comparison such as '>=1000', got {matcher!r}")
        compare, limit = _OPERATORS[found[1]], int(found[2])
        return lambda value: bool(compare(value, limit))
    if callable(matcher) and not isinstance(matcher, (LinearPattern, Condition)):
        check_function("a selector of numbers", matcher, "the number")
        return lambda value: bool(matcher(value))
    if isinstance(matcher, bool) or not isinstance(matcher, int):
        raise TypeError(f"expected a whole number, a comparison such as '>=1000', or a function, got {matcher!r}")
    return lambda value: bool(value == matcher)


def _build_tls_predicate(matcher: object) -> Predicate:
    """Return a test for True, False, or a version of TLS; without TLS, the version is None."""
    if isinstance(matcher, bool):
        return lambda version: (version is not None) is matcher
    test = build_predicate(matcher, is_address=False)
    return lambda version: version is not None and test(version)


def _build_where_predicate(function: object) -> Predicate:
    if not isinstance(function, (MailCondition, CountingCondition)):
        check_function("where", function, "the context")
    return lambda context: bool(function(context))  # type: ignore[operator]  # each of them can be called


def _drop_none(*values: object) -> tuple[object, ...]:
    return tuple(value for value in values if value is not None)


def _get_peer_values(context: RuleContext) -> tuple[str, ...]:
    peer = context.session.peer
    return peer, split_host_port(peer)[0]


def _get_mechanism(context: RuleContext) -> tuple[object, ...]:
    return _drop_none(getattr(getattr(context.event, "credentials", None), "mechanism", None))


# For each selector, the function that reads its values from a context, and the one that builds a test for them.  A
# selector is met when one of the values passes the test.  `nth`, `probability`, `seed` and `after` are not here: they
# are about counts, dice and thresholds (see `Condition`).
SELECTORS: Final[dict[str, tuple[Callable[[RuleContext], tuple[Any, ...]], Callable[[object], Predicate]]]] = {
    "sender": (lambda context: _drop_none(context.sender), _build_address_predicate),
    "to": (attrgetter("recipients"), _build_address_predicate),
    "helo": (lambda context: _drop_none(context.helo or None), _build_name_predicate),
    "peer": (_get_peer_values, _build_address_predicate),
    "user": (lambda context: _drop_none(context.user), _build_user_predicate),
    "mechanism": (_get_mechanism, _build_name_predicate),
    "argument": (attrgetter("argument_texts"), _build_address_predicate),
    "tls": (
        lambda context: (None if context.session.tls is None else context.session.tls.version,),
        _build_tls_predicate,
    ),
    "size": (lambda context: _drop_none(context.size), build_number_predicate),
    "subject": (lambda context: () if context.message is None else (context.message.subject,), _build_text_predicate),
    "session": (lambda context: (context.number,), build_number_predicate),
    "where": (lambda context: (context,), _build_where_predicate),
}

# Other words for selectors.
SELECTOR_ALIASES: Final[dict[str, str]] = {
    **dict.fromkeys(("from", "from_", "mail", "mail_from", "envelope_from"), "sender"),
    **dict.fromkeys(("rcpt", "rcpt_to", "recipient", "envelope_to"), "to"),
    **dict.fromkeys(("ehlo", "domain"), "helo"),
    **dict.fromkeys(("ip", "client", "host", "address"), "peer"),
    **dict.fromkeys(("login", "auth"), "user"),
    **dict.fromkeys(("headers",), "header"),
    **dict.fromkeys(("connection",), "session"),
    **dict.fromkeys(("p", "chance"), "probability"),
    **dict.fromkeys(("function", "condition"), "where"),
}

# Other names that work, too: the attributes `mail.recipients` and `credentials.username`.
SELECTOR_SYNONYMS: Final[dict[str, str]] = {"recipients": "to", "username": "user"}

_NUMBER_SELECTORS = ("size", "session", "nth")


def normalize_matcher(name: str, matcher: Any) -> Any:
    """Return a selector's value in its normal form: tuples, sets and ranges become lists.

    Raises:
        TypeError: If the value has the wrong type.
        ValueError: If the value can never be met.
    """
    if name in _NUMBER_SELECTORS:
        return _normalize_numbers(name, matcher)
    if name == "header":
        if (
            not isinstance(matcher, Mapping)
            or not matcher
            or not all(isinstance(field, str) and field for field in matcher)
        ):
            raise TypeError(f"header must be a mapping such as {{'X-Tag': 'a'}}, got {matcher!r}")
        return {field: _normalize_texts(f"header {field}", value) for field, value in matcher.items()}
    if name == "where":
        return MailCondition(matcher) if isinstance(matcher, Condition) else matcher
    if name == "tls" and isinstance(matcher, bool):
        return matcher
    return _normalize_texts(name, matcher)


def _normalize_texts(name: str, matcher: Any) -> Any:
    if not isinstance(matcher, (list, tuple)):
        return _check_text(name, matcher)
    if not matcher:
        raise ValueError(f"{name}={matcher!r} is empty, so the rule could never act; leave it out")
    if any(isinstance(item, (list, tuple)) for item in matcher):
        raise TypeError(f"{name}= must be a list of strings, not of lists, got {matcher!r}")
    return [_check_text(name, item) for item in matcher]


def _normalize_numbers(name: str, matcher: Any) -> Any:
    is_collection = isinstance(matcher, (list, tuple, range, set, frozenset))
    if is_collection and len(matcher) > _MAX_NUMBERS_PER_SELECTOR:
        raise ValueError(
            f"{name}= must have at most {_MAX_NUMBERS_PER_SELECTOR:,} numbers, got {len(matcher):,} numbers;"
            " use a comparison such as '>=1', or a function"
        )
    if isinstance(matcher, (set, frozenset)):
        numbers = sorted(matcher)
    else:
        numbers = list(matcher) if is_collection else [matcher]
    if not numbers:
        raise ValueError(f"{name}={matcher!r} is empty, so the rule could never act; leave it out")
    minimum = 0 if name == "size" else 1
    for number in numbers:
        if isinstance(number, (list, tuple)):
            raise TypeError(f"{name}= must be a list of numbers, not of lists, got {matcher!r}")
        try:
            build_number_predicate(number)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}=: {error}") from None
        if isinstance(number, int) and number < minimum:
            raise ValueError(f"{name} must be at least {minimum}, got {number!r}")
    return numbers if is_collection else matcher


def _has_one_value(name: str, context: RuleContext) -> bool:
    """Return whether a selector has at most one value: all but the recipients of a message."""
    return name != "to" or isinstance(context.event, (Rcpt, Delivery))


class Criterion:
    """A test of one fact of the context.

    Args:
        name: The selector: "to", or "header X-Tag".
        matcher: The value that it was given, for messages.
        get_values: A function that reads the values from the context.
        predicates: The tests: one for each item of a list.
    """

    __slots__ = ("_get_values", "_predicates", "_single_predicate", "matcher", "name")

    def __init__(
        self,
        name: str,
        matcher: object,
        get_values: Callable[[RuleContext], tuple[Any, ...]],
        predicates: Sequence[Predicate],
    ) -> None:
        self.name: Final = name
        self.matcher: Final = matcher
        self._get_values = get_values
        self._predicates = predicates
        self._single_predicate = predicates[0] if len(predicates) == 1 else None  # the usual case

    def is_met(self, context: RuleContext) -> bool:
        """Return whether the values of the context pass.

        Of several tests, each has to be passed by one of the values.  A single value has to pass one of the tests.
        An exception from a function of the user is raised again, with a note that names the selector.
        """
        try:
            test = self._single_predicate
            if test is None:
                return self._is_met_by_several(context)
            for value in self._get_values(context):
                if test(value):
                    return True
        except Exception as error:
            error.add_note(f"while a rule's {self.name}={self.matcher!r} was evaluated for {context!r}")
            raise
        return False

    def has_value(self, value: object) -> bool:
        """Return whether one value passes one of the tests."""
        return any(test(value) for test in self._predicates)

    def _is_met_by_several(self, context: RuleContext) -> bool:
        values = self._get_values(context)
        enough = any if _has_one_value(self.name, context) else all
        return enough(any(map(test, values)) for test in self._predicates)

    def describe_mismatch(self, context: RuleContext) -> str:
        """Return what the context has instead: "sender is 'ann@example.com'"."""
        if isinstance(self.matcher, MailCondition):
            return self.matcher.describe_mismatch(context)
        if self.name == "where":
            return "where returned false"
        values = self._get_values(context)
        if self.name == "tls":
            return f"tls is {values[0] or False!r}"
        return f"{self.name} is {', '.join(map(repr, values)) or 'nothing'}"


def _build_header_getter(name: str) -> Callable[[RuleContext], tuple[str, ...]]:
    return lambda context: () if context.message is None else (context.message.header(name),)


def build_criteria(name: str, matcher: Any) -> list[Criterion]:
    """Return the criteria of a selector: one, or one for each field of `header`.

    `matcher` must be in the form of `normalize_matcher`.
    """
    if name == "header":
        return [
            Criterion(
                f"header {field}",
                value,
                _build_header_getter(field),
                [_build_text_predicate(item) for item in _to_list(value)],
            )
            for field, value in matcher.items()
        ]
    get_values, build = SELECTORS[name]
    # A list of numbers is one test; each text of a list is a test of its own.
    tests = [build(matcher)] if build is build_number_predicate else [build(item) for item in _to_list(matcher)]
    return [Criterion(name, matcher, get_values, tests)]


def _to_list(matcher: Any) -> list[Any]:
    return matcher if isinstance(matcher, list) else [matcher]
