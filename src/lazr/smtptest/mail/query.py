"""The questions that a test asks of a mail: whether it matches, or which criteria it fails."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lazr.smtptest.mail.domain import fold_domain
from lazr.smtptest.protocol.smtp.printable import printable

__tracebackhide__ = True  # pytest then shows the test's own line, where the criteria stand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.mail.mail import Mail

__all__ = ["Condition", "Match", "test_of"]

# So much of a value does a failure show, and so many lines of a difference.
_SHOWN = 160
_VALUES = 5
_DIFF_LINES = 12
_DIFF_SIZE = 20_000  # beyond it, finding the difference may take longer than a test should


class Condition:
    """What a mail meets or not; `&`, `|` and `~` make conditions of conditions.

    It is a function of the mail, too, so it can be a `where=`.
    """

    __slots__ = ()

    def unmet(self, mail: Mail) -> list[str]:
        """What the mail fails, a line or more each, with what it has instead; empty if it meets the condition.

        For people to read; a criterion that raises has failed, too.
        """
        raise NotImplementedError

    @property
    def recipient(self) -> str | None:
        """An address, with its domain in small letters, that every mail is for which meets this; None for any."""
        return None

    def __call__(self, mail: Mail) -> bool:
        """Whether the mail meets it.  Raises what a criterion raises that is asked."""
        raise NotImplementedError

    def __and__(self, other: object) -> Condition:
        return _Both(self, other) if isinstance(other, Condition) else NotImplemented

    def __or__(self, other: object) -> Condition:
        return _Either(self, other) if isinstance(other, Condition) else NotImplemented

    def __invert__(self) -> Condition:
        return _Not(self)


class _Both(Condition):
    __slots__ = ("_conditions",)

    def __init__(self, *conditions: Condition) -> None:
        self._conditions = conditions

    def __call__(self, mail: Mail) -> bool:
        return all(condition(mail) for condition in self._conditions)

    def unmet(self, mail: Mail) -> list[str]:
        return [line for condition in self._conditions for line in condition.unmet(mail)]

    @property
    def recipient(self) -> str | None:
        found = (condition.recipient for condition in self._conditions)
        return next((recipient for recipient in found if recipient is not None), None)

    def __repr__(self) -> str:
        return f"({' & '.join(map(repr, self._conditions))})"


class _Either(Condition):
    __slots__ = ("_conditions",)

    def __init__(self, *conditions: Condition) -> None:
        self._conditions = conditions

    def __call__(self, mail: Mail) -> bool:
        return any(condition(mail) for condition in self._conditions)

    def unmet(self, mail: Mail) -> list[str]:
        lines: list[str] = []
        for condition in self._conditions:
            unmet = condition.unmet(mail)
            if not unmet:
                return []
            lines += unmet
        return lines

    def __repr__(self) -> str:
        return f"({' | '.join(map(repr, self._conditions))})"


class _Not(Condition):
    __slots__ = ("_condition",)

    def __init__(self, condition: Condition) -> None:
        self._condition = condition

    def __call__(self, mail: Mail) -> bool:
        return not self._condition(mail)

    def unmet(self, mail: Mail) -> list[str]:
        return [] if self._condition.unmet(mail) else [f"{self._condition!r} is true of it"]

    def __repr__(self) -> str:
        return f"~{self._condition!r}"


def _header(name: str) -> Callable[[Mail], tuple[str, ...]]:
    return lambda mail: tuple(mail.headers.get_all(name))


# What each criterion looks at.  A criterion is met when one of these values is.
_LOOKS_AT: dict[str, Callable[[Mail], tuple[str, ...]]] = {
    "sender": lambda mail: (mail.envelope.mail_from,),
    "to": lambda mail: mail.envelope.rcpt_tos,
    "cc": lambda mail: tuple(address.addr_spec for address in mail.cc),
    "subject": lambda mail: (mail.subject,),
    "text": lambda mail: (mail.text,),
    "html": lambda mail: (mail.html,),
    "from_": lambda mail: tuple(address.addr_spec for address in mail.from_),
    "reply_to": lambda mail: tuple(address.addr_spec for address in mail.reply_to),
    "bcc": lambda mail: mail.bcc,
}
_ADDRESSES = frozenset({"sender", "to", "cc", "from_", "reply_to", "bcc"})

# What somebody may call a criterion who does not know these; and words that belong elsewhere.
_MEANT = {
    **dict.fromkeys(("recipient", "recipients", "rcpt", "rcpt_to", "rcpt_tos", "receiver"), "to"),
    **dict.fromkeys(("mail_from", "from_addr", "reverse_path"), "sender"),
    **dict.fromkeys(("body", "content", "message", "plain"), "text"),
    **dict.fromkeys(("headers", "x_header"), "header"),
    "title": "subject",
    "frm": "from_",
    "condition": "where",
}
_NO_CRITERION = {
    "timeout": "`none` has within= in place of timeout=, and `matching` waits for nothing",
    "within": "only `none` has within=; the others have timeout=",
    "count": "the count is the first argument of `wait`: wait(2, to=…)",
}


class Match(Condition):
    """Criteria that a mail meets or not, all of them.

    `sender` and `to` look at the envelope; `from_`, `cc`, `reply_to`, `subject`, `text` and `html` at the
    message, `bcc` at recipients that only the envelope has, `header={"X-Tag": …}` at any header field, and
    `where` is asked about the mail itself.  A value is

    - a string: equal; in those that look at addresses, `*` and `?` stand for any characters and any one,
      and the domain's case does not count (RFC 5321 2.4);
    - a compiled pattern: found somewhere in it;
    - a callable: true of it;
    - None: there is none;
    - a list or a tuple: each of its values is met, `to=["ann@example.com", "bob@example.com"]`;
    - anything else: equal to it, by its own `==`.

    Raises `TypeError` for a criterion that does not exist.

    >>> Match(to="*@example.com", subject="Welcome")
    Match(to='*@example.com', subject='Welcome')
    >>> Match(to="ann@example.com") & ~Match(subject="Welcome")
    (Match(to='ann@example.com') & ~Match(subject='Welcome'))
    """

    __slots__ = ("_recipient", "_shown", "_tests")

    def __init__(
        self,
        *,
        where: Callable[[Mail], object] | None = None,
        header: Mapping[str, object] | None = None,
        **criteria: object,
    ) -> None:
        self._shown: dict[str, object] = {}
        for name in criteria:
            if name not in _LOOKS_AT:
                raise TypeError(_unknown(name))
        if header is not None and not isinstance(header, Mapping):
            raise TypeError(f"header wants a mapping such as {{'X-Tag': 'a'}}, not {header!r}")
        if where is not None and not callable(where):
            raise TypeError(f"where wants a function of the mail, not {where!r}; criteria have names: to={where!r}")
        self._shown = {**criteria, **({"header": header} if header else {}), **({"where": where} if where else {})}
        self._tests = [
            _Criterion(name, _LOOKS_AT[name], value, is_address=name in _ADDRESSES)
            for name, wanted in criteria.items()
            for value in _each(name, wanted)
        ]
        for name, wanted in (header or {}).items():
            for value in _each(name, wanted):
                self._tests.append(_Criterion(f"header {name}", _header(name), value, is_address=False))
        if where is not None:
            self._tests.append(_Where(where))
        exact = (test.wanted for test in self._tests if test.name == "to" and _is_exact(test.wanted))
        found = next(exact, None)
        self._recipient = None if found is None else fold_domain(str(found))

    @property
    def recipient(self) -> str | None:
        """The address in `to`, if there is a whole one."""
        return self._recipient

    def unmet(self, mail: Mail) -> list[str]:
        """The criteria that the mail fails, each with what it has instead."""
        lines = []
        for test in self._tests:
            try:
                if not test.met(mail):
                    lines.append(test.failure(mail))
            except Exception as error:  # noqa: BLE001 - it is the tester's own code; here it is evidence
                lines.append(f"{test.name} raised {type(error).__name__}: {error}")
        return lines

    def __call__(self, mail: Mail) -> bool:
        """Whether the mail meets it."""
        return all(_asked(test, mail) for test in self._tests)

    def __bool__(self) -> bool:
        return bool(self._shown)

    def __repr__(self) -> str:
        return f"Match({self.told()})"

    def told(self) -> str:
        """The criteria as they were written."""
        return ", ".join(f"{name}={value!r}" for name, value in self._shown.items())


class _Criterion:
    """One thing that is looked at, and what is wanted of it."""

    __slots__ = ("_looks_at", "_test", "name", "wanted")

    def __init__(
        self, name: str, looks_at: Callable[[Mail], tuple[str, ...]], wanted: object, *, is_address: bool
    ) -> None:
        self.name = name
        self.wanted = wanted
        self._looks_at = looks_at
        self._test = test_of(wanted, is_address=is_address)

    def met(self, mail: Mail) -> bool:
        """Whether one of the values is as wanted."""
        values = self._looks_at(mail)
        return not any(values) if self.wanted is None else any(map(self._test, values))

    def failure(self, mail: Mail) -> str:
        """What it has instead, and what the slip may be."""
        values = self._looks_at(mail)
        more = f" and {len(values) - _VALUES} more" if len(values) > _VALUES else ""
        told = f"{self.name} is {', '.join(map(_short, values[:_VALUES])) or 'nothing'}{more}"
        wanted = self.wanted
        if not isinstance(wanted, str):
            return told
        hint = _slip(wanted, values) or _likely(self.name, wanted, values)
        if hint:
            return f"{told}: {hint}"
        if self.name == "to" and self._named_in_header(mail):
            return f"{told}: a header names {wanted}, but `to` looks at the envelope's recipients, and it is none"
        if len(values) == 1 and ("\n" in wanted or "\n" in values[0]):
            return f"{self.name} is not equal:\n{_difference(wanted, values[0])}"
        return told

    def _named_in_header(self, mail: Mail) -> bool:
        wanted = str(self.wanted).lower()
        return _is_exact(wanted) and any(wanted in mail.header(name).lower() for name in ("to", "cc", "bcc"))


class _Where(_Criterion):
    """A function that is asked about the whole mail."""

    __slots__ = ()

    def __init__(self, where: Callable[[Mail], object]) -> None:
        self.name = "where"
        self.wanted = where

    def met(self, mail: Mail) -> bool:
        """Whether the function says so."""
        return bool(self.wanted(mail))  # type: ignore[operator]  # it is the function that __init__ was given

    def failure(self, mail: Mail) -> str:
        if isinstance(self.wanted, Condition):
            return "\n".join(self.wanted.unmet(mail))
        return "where says no"


def _asked(test: _Criterion, mail: Mail) -> bool:
    try:
        return test.met(mail)
    except Exception as error:
        error.add_note(f"while the criterion {test.name}={test.wanted!r} was asked about {mail!r}")
        raise


def test_of(wanted: object, *, is_address: bool) -> Callable[[str], bool]:
    """The test that a value has to pass, as `Match` says; in an address `*` and `?` stand for any characters.

    >>> test_of("*@example.com", is_address=True)("ann@Example.com")
    True
    """
    if isinstance(wanted, str):
        return _address_test(wanted) if is_address else wanted.__eq__
    if isinstance(wanted, re.Pattern):
        return lambda value: wanted.search(value) is not None
    if callable(wanted) and not isinstance(wanted, type):  # a type may have its own ==, as those of dirty-equals
        return lambda value: bool(wanted(value))
    return lambda value: bool(wanted == value)


def _is_exact(wanted: object) -> bool:
    return isinstance(wanted, str) and "*" not in wanted and "?" not in wanted


def _address_test(wanted: str) -> Callable[[str], bool]:
    folded = fold_domain(wanted)
    if _is_exact(wanted):
        return lambda value: fold_domain(value) == folded
    glob = {"*": ".*", "?": "."}
    pattern = re.compile("".join(glob.get(character) or re.escape(character) for character in folded), re.DOTALL)
    return lambda value: pattern.fullmatch(fold_domain(value)) is not None


def _each(name: str, wanted: object) -> Sequence[object]:
    if not isinstance(wanted, (list, tuple)):
        return [wanted]
    if not wanted:
        raise ValueError(f"{name}={wanted!r} wants nothing, so every mail would match")
    return wanted


def _unknown(name: str) -> str:
    known = (*_LOOKS_AT, "header", "where")
    if name in _NO_CRITERION:
        return f"no criterion {name!r}: {_NO_CRITERION[name]}"
    from difflib import get_close_matches

    meant = _MEANT.get(name) or next(iter(get_close_matches(name, known, 1)), None)
    hint = f", but {meant!r}" if meant else ""
    return f"no criterion {name!r}{hint}; there are {', '.join(known)}"


# -- evidence -------------------------------------------------------------------------------


def _short(value: str) -> str:
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")


def _slip(wanted: str, values: Sequence[str]) -> str:
    """What is likely meant, where it is nearly equal."""
    if any(value.strip() == wanted.strip() for value in values):
        return "only white space at the ends differs"
    folded = wanted.lower()
    if any(value.lower() == folded for value in values):
        return "only the case differs (re.compile('(?i)…') takes any)"
    if any(" ".join(value.split()) == " ".join(wanted.split()) for value in values):
        return "only white space differs"
    return ""


def _likely(name: str, wanted: str, values: Sequence[str]) -> str:
    """What is likely meant, where a string is no string to be equal to."""
    if name in _ADDRESSES:
        _, bracket, inner = wanted.rpartition("<")
        return f"it is compared with the address alone, {inner.rstrip('>')!r}" if bracket and inner[-1:] == ">" else ""
    if ("*" in wanted or "?" in wanted) and any(map(_glob(wanted), values)):
        return "* and ? stand for themselves here, and for anything in addresses only; re.compile('…') searches"
    if wanted and any(wanted in value for value in values):
        return f"a string has to be equal; re.compile({wanted!r}) searches" if len(wanted) <= _SHOWN else ""
    return ""


def _glob(wanted: str) -> Callable[[str], bool]:
    from fnmatch import fnmatchcase

    return lambda value: len(value) < _DIFF_SIZE and fnmatchcase(value, wanted)


def _difference(wanted: str, value: str) -> str:
    if len(wanted) + len(value) > _DIFF_SIZE:
        place = next((n for n, (one, other) in enumerate(zip(wanted, value, strict=False)) if one != other), 0)
        start = max(place - 20, 0)
        return f"  - {_short(wanted[start:])}\n  + {_short(value[start:])}\n  (from character {start} on)"
    from difflib import unified_diff

    lines = list(unified_diff(wanted.splitlines(), value.splitlines(), "wanted", "the mail's", n=1, lineterm=""))
    shown = [f"  {printable(line[:_SHOWN])}" for line in lines[:_DIFF_LINES]]
    return "\n".join(shown + [f"  … and {len(lines) - _DIFF_LINES} more lines"] * (len(lines) > _DIFF_LINES))
