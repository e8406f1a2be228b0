"""Match mails against criteria.

`Match` holds criteria, one `_Criterion` for each expected value.  `criterion_mismatch` describes a failed
match.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from lazr.smtptest._util.glob import compile_glob
from lazr.smtptest.mail.address_comparison import fold_domain
from lazr.smtptest.mail.condition import Condition
from lazr.smtptest.mail.criterion_mismatch import describe_mismatch

__tracebackhide__ = True  # pytest then shows the line of the test

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypedDict, Unpack

    from lazr.smtptest.mail.mail import Mail

    class Criteria(TypedDict, total=False):
        """The keyword arguments of `Match`, and of the methods of an inbox.

        A value is a string, a compiled pattern, a function, None, True, a list of these, or any object with `==`.
        """

        sender: object
        to: object
        recipients: object
        bcc: object
        from_: object
        cc: object
        reply_to: object
        subject: object
        text: object
        html: object
        code: object
        attachment: object
        header: Mapping[str, object] | None
        where: Callable[[Mail], object] | None


__all__ = ["Match", "build_predicate"]


def _build_header_reader(name: str) -> Callable[[Mail], tuple[str, ...]]:
    return lambda mail: tuple(mail.headers.get_all(name))


# The values that each criterion compares.  One matching value meets the criterion.
_VALUE_READERS: dict[str, Callable[[Mail], tuple[str, ...]]] = {
    "sender": lambda mail: (mail.envelope.mail_from,),
    "to": lambda mail: mail.envelope.rcpt_tos,
    "cc": lambda mail: tuple(address.addr_spec for address in mail.cc),
    "subject": lambda mail: (mail.subject,),
    "text": lambda mail: (mail.text,),
    "html": lambda mail: (mail.html,),
    "from_": lambda mail: tuple(address.addr_spec for address in mail.from_),
    "reply_to": lambda mail: tuple(address.addr_spec for address in mail.reply_to),
    "bcc": lambda mail: mail.bcc,
    "code": lambda mail: mail.codes,
    "attachment": lambda mail: tuple(name for part in mail.attachments for name in part.filenames or ("",)),
}
_DESTINATION_FIELDS = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")
_ADDRESS_CRITERIA = frozenset({"sender", "to", "cc", "from_", "reply_to", "bcc"})

# Objects of these types equal no text, so no mail would match; True is an exception.
_NEVER_EQUAL_TYPES = (bytes, bytearray, bool, int, float, complex, set, frozenset, Mapping)

# `mail.recipients` are the addresses that `to` compares.
_SYNONYMS = {"recipients": "to"}

# Likely wrong names of criteria, and arguments that belong to other methods.
_CRITERION_ALIASES = {
    **dict.fromkeys(("recipient", "rcpt", "rcpt_to", "rcpt_tos", "receiver"), "to"),
    **dict.fromkeys(("mail_from", "from_addr", "reverse_path"), "sender"),
    **dict.fromkeys(("body", "content", "message", "plain"), "text"),
    **dict.fromkeys(("headers", "x_header"), "header"),
    **dict.fromkeys(("codes", "otp", "pin"), "code"),
    **dict.fromkeys(("attachments", "filename", "file"), "attachment"),
    "title": "subject",
    "frm": "from_",
    "condition": "where",
}
_MISPLACED_ARGUMENT_HINTS = {
    "timeout": "`none` takes within= instead of timeout=, and `matching` does not wait",
    "within": "only `none` takes within=; the other methods take timeout=",
    "count": "the count is the first argument of `wait`: wait(2, to=…)",
}


class Match(Condition):
    """Criteria for a mail; a mail matches if it meets all of them.

    An expected value is one of these:

    - a string: the value must be equal.  In addresses and file names, `*` and `?` are wildcards.  The case of a domain
      is ignored (RFC 5321 2.4), and its U-labels and A-labels are equal (RFC 5890 2.3.2.4).
    - a compiled pattern: must be found in the value.
    - a callable: must return true for the value.
    - None: there must be no value.
    - True: there must be a value, as in `attachment=True`.
    - a list or a tuple: each of its elements must be met, as in `to=["ann@example.com", "bob@example.com"]`.
    - any other object: compared with `==`.

    Args:
        sender: the envelope's sender (MAIL FROM).
        to: a recipient of the envelope (RCPT TO), one of `mail.recipients`; `header={"To": …}` compares the field.
        recipients: another name of `to`.
        bcc: a recipient of the envelope that no header field names.
        from_: an address in the From header field.
        cc: an address in the Cc header field.
        reply_to: an address in the Reply-To header field.
        subject: the decoded Subject.
        text: the decoded text, with LF line ends.
        html: the decoded HTML, with LF line ends.
        code: a one-time code, one of `mail.codes`; spaces and hyphens do not count.
        attachment: the file name of an attachment, such as "invoice.pdf" or "*.pdf"; a nameless one has "".
        header: expected values by header field name, as in `{"X-Tag": "welcome"}`.
        where: a function of the `Mail` that must return true.

    Raises:
        TypeError: for an unknown criterion, with the nearest known one; for a code that is a number; for `to` and
            `recipients` together.
        ValueError: for an empty list or tuple, which every mail would match.

    >>> Match(to="*@example.com", subject="Welcome")
    Match(to='*@example.com', subject='Welcome')
    >>> Match(to="ann@example.com") & ~Match(subject="Welcome")
    (Match(to='ann@example.com') & ~Match(subject='Welcome'))
    """

    __slots__ = ("_arguments", "_criteria", "_recipient")

    def __init__(self, **criteria: Unpack[Criteria]) -> None:
        arguments = _check_criteria(criteria)
        self._arguments = {name: value for name, value in arguments.items() if value or name not in ("header", "where")}
        header, where = criteria.get("header"), criteria.get("where")
        self._criteria = [
            _build_criterion(name, value)
            for name, expected in arguments.items()
            if name not in ("header", "where")
            for value in _list_expected_values(name, expected)
        ]
        for name, expected in (header or {}).items():
            for value in _list_expected_values(name, expected):
                self._criteria.append(_Criterion(f"header {name}", _build_header_reader(name), value))
        if where is not None:
            self._criteria.append(_FunctionCriterion(where))
        addresses = (one.expected for one in self._criteria if one.name == "to" and _is_exact(one.expected))
        address = next(addresses, None)
        self._recipient = None if address is None else fold_domain(str(address))

    @property
    def parts(self) -> Mapping[str, object]:
        """The criteria by name."""
        return dict(self._arguments)

    @property
    def recipient(self) -> str | None:
        """The first address in `to` that has no wildcard; None if absent."""
        return self._recipient

    def describe_mismatches(self, mail: Mail) -> list[str]:
        """Return a description of each unmet criterion; empty if the mail matches."""
        mismatches = []
        for criterion in self._criteria:
            try:
                if not criterion.is_met(mail):
                    mismatches.append(criterion.describe_failure(mail))
            except Exception as error:  # noqa: BLE001 - a criterion is code of the test; the report names its error
                mismatches.append(f"{criterion.name} raised {type(error).__name__}: {error}")
        return mismatches

    def __call__(self, mail: Mail) -> bool:
        """Return whether the mail matches.  Raises what the callables among the criteria raise."""
        return all(_check_criterion(criterion, mail) for criterion in self._criteria)

    def __bool__(self) -> bool:
        return bool(self._arguments)

    def __reduce__(self) -> tuple[object, ...]:
        # The predicates are functions, which cannot be pickled: they are made again.
        return partial(Match, **self._arguments), ()  # type: ignore[arg-type]  # they were checked before

    def __repr__(self) -> str:
        return f"Match({self.describe()})"

    def describe(self) -> str:
        """Return the criteria as keyword arguments."""
        return ", ".join(f"{name}={value!r}" for name, value in self._arguments.items())

    def describe_briefly(self) -> str:
        """Return the criteria, addresses first: `to ann@example.com with subject='Hi'`."""
        words, rest = [], dict(self._arguments)
        for name, preposition in (("to", "to"), ("sender", "from")):
            addresses = rest.get(name)
            listed = addresses if isinstance(addresses, (list, tuple)) else [addresses]
            if name in rest and all(map(_is_plain_word, listed)):
                words += [preposition, ", ".join(map(str, listed))]
                del rest[name]
        if rest:
            words += ["with", ", ".join(f"{name}={value!r}" for name, value in rest.items())]
        return " ".join(words)


def _is_plain_word(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and value != "" and " " not in value


class _Criterion:
    """One expected value, and the values of a mail that are compared with it."""

    __slots__ = ("_is_address", "_predicate", "_read_values", "expected", "name")

    def __init__(self, name: str, read_values: Callable[[Mail], tuple[str, ...]], expected: object) -> None:
        self.name = name
        self.expected = expected
        self._read_values = read_values
        self._is_address = name in _ADDRESS_CRITERIA
        self._predicate = self._build_predicate()

    def _build_predicate(self) -> Callable[[str], bool]:
        return build_predicate(self.expected, is_address=self._is_address)

    def is_met(self, mail: Mail) -> bool:
        """Return whether one of the mail's values matches."""
        values = self._read_values(mail)
        if self.expected is None:
            return not any(values)
        return any(values) if self.expected is True else any(map(self._predicate, values))

    def describe_failure(self, mail: Mail) -> str:
        """Return the mail's values, and the likely mistake."""
        hint = ""
        if self.name == "to" and self._is_named_in_header(mail):
            hint = f"a header field names {self.expected}, but `to` compares the envelope's recipients"
        if self.name.startswith("header ") and not self._read_values(mail):
            from lazr.smtptest._util.suggestion import find_nearest_name

            nearest = find_nearest_name(self.name.removeprefix("header "), {field.name for field in mail.headers})
            hint = f"did you mean the field {nearest!r}?" if nearest else ""
        return describe_mismatch(
            self.name, self.expected, self._read_values(mail), is_address=self._is_address, hint=hint
        )

    def _is_named_in_header(self, mail: Mail) -> bool:
        from lazr.smtptest.mail.mime.address import read_addresses

        if not _is_exact(self.expected):
            return False
        expected = fold_domain(str(self.expected)).lower()
        return any(
            fold_domain(address.addr_spec).lower() == expected
            for name in _DESTINATION_FIELDS
            for field in mail.headers.get_fields(name)
            for address in read_addresses(field.text, _ignore_defect)
        )


class _CodeCriterion(_Criterion):
    """A one-time code, in which separators do not count."""

    __slots__ = ()

    def _build_predicate(self) -> Callable[[str], bool]:
        if not isinstance(self.expected, str):
            return super()._build_predicate()
        expected = _remove_separators(self.expected)
        return lambda value: _remove_separators(value) == expected


class _FileNameCriterion(_Criterion):
    """The file name of an attachment, with wildcards."""

    __slots__ = ()

    def _build_predicate(self) -> Callable[[str], bool]:
        if isinstance(self.expected, str) and not _is_exact(self.expected):
            pattern = compile_glob(self.expected)
            return lambda value: pattern.fullmatch(value) is not None
        return super()._build_predicate()

    def is_met(self, mail: Mail) -> bool:
        """Return whether an attachment matches; one without a file name is an attachment, too."""
        if self.expected is None or self.expected is True:
            return bool(mail.attachments) is bool(self.expected)
        return super().is_met(mail)


def _build_criterion(name: str, expected: object) -> _Criterion:
    kind = {"code": _CodeCriterion, "attachment": _FileNameCriterion}.get(name, _Criterion)
    return kind(name, _VALUE_READERS[name], expected)


def _remove_separators(code: str) -> str:
    return code.replace(" ", "").replace("-", "")


def _ignore_defect(_: str) -> None:
    """Drop the defect: `mail.defects` has it."""


class _FunctionCriterion(_Criterion):
    """A function of the mail, the value of `where=`."""

    __slots__ = ()

    def __init__(self, where: Callable[[Mail], object]) -> None:
        self.name = "where"
        self.expected = where

    def is_met(self, mail: Mail) -> bool:
        """Return whether the function returns true."""
        return bool(self.expected(mail))  # type: ignore[operator]  # `expected` is the function from __init__

    def describe_failure(self, mail: Mail) -> str:
        if isinstance(self.expected, Condition):
            return "\n".join(self.expected.describe_mismatches(mail))
        return "where returned false"


def _check_criterion(criterion: _Criterion, mail: Mail) -> bool:
    try:
        return criterion.is_met(mail)
    except Exception as error:
        error.add_note(f"raised by the criterion {criterion.name}={criterion.expected!r} for {mail!r}")
        raise


def build_predicate(expected: object, *, is_address: bool) -> Callable[[str], bool]:
    """Return a function that compares a value with an expected value, by the rules of `Match`.

    Args:
        expected: a string, a compiled pattern, a callable, or an object to compare with `==`.
        is_address: whether the values are addresses: then `*` and `?` are wildcards, and domains ignore case.

    >>> build_predicate("*@example.com", is_address=True)("ann@Example.com")
    True
    """
    if isinstance(expected, str):
        return _build_address_predicate(expected) if is_address else expected.__eq__
    if isinstance(expected, re.Pattern):
        return lambda value: expected.search(value) is not None
    if callable(expected) and not isinstance(expected, type):  # a class may define ==, as in dirty-equals
        return lambda value: bool(expected(value))
    return lambda value: bool(expected == value)


def _is_exact(expected: object) -> bool:
    return isinstance(expected, str) and "*" not in expected and "?" not in expected


def _build_address_predicate(expected: str) -> Callable[[str], bool]:
    folded = fold_domain(expected)
    if _is_exact(expected):
        return lambda value: fold_domain(value) == folded
    pattern = compile_glob(folded)
    return lambda value: pattern.fullmatch(fold_domain(value)) is not None


def _check_criteria(criteria: Criteria) -> dict[str, object]:
    """Return the criteria, without synonyms; raise `TypeError` for invalid ones."""
    arguments: dict[str, object] = {}
    for name, value in criteria.items():
        known = _SYNONYMS.get(name, name)
        if known not in _VALUE_READERS and known not in ("header", "where"):
            raise TypeError(_describe_unknown_criterion(name))
        if known in arguments:
            raise TypeError(f"{name} is another name of {known}; write {known}=[…] for several addresses")
        arguments[known] = value
    header, where, code = criteria.get("header"), criteria.get("where"), criteria.get("code")
    if header is not None and not isinstance(header, Mapping):
        raise TypeError(f"header must be a mapping such as {{'X-Tag': 'a'}}, got {header!r}")
    if isinstance(where, type):
        advice = f"; write {where.__name__}(…)" if issubclass(where, Condition) else ""
        raise TypeError(f"where must be a function of the mail, got the class {where!r}{advice}")
    if where is not None and not callable(where):
        raise TypeError(f"where must be a function of the mail, got {where!r}; name the criterion: to={where!r}")
    codes = code if isinstance(code, (list, tuple)) else [code]
    if any(isinstance(one, int) and one is not True for one in codes):
        raise TypeError(
            f"code must be a string, because codes begin with zeros, too; got {code!r}, write {str(code)!r}"
        )
    return arguments


def _list_expected_values(name: str, expected: object) -> Sequence[object]:
    values = expected if isinstance(expected, (list, tuple)) else [expected]
    if not values:
        raise ValueError(f"{name}={expected!r} must not be empty: every mail would match")
    for value in values:
        if isinstance(value, _NEVER_EQUAL_TYPES) and value is not True:
            raise TypeError(f"{name} must be a string, a pattern or a function, got {value!r}{_advise(name, value)}")
    return values


def _advise(name: str, value: object) -> str:
    if isinstance(value, (bytes, bytearray)):
        return f"; write {name}={value.decode('utf-8', 'replace')!r}"
    if isinstance(value, (set, frozenset)):
        return f"; write a list, all of which must be met: {name}={sorted(value, key=repr)!r}"
    return f"; {name}=None is for no value" if value is False else ""


def _describe_unknown_criterion(name: str) -> str:
    if name in _MISPLACED_ARGUMENT_HINTS:
        return f"unknown criterion {name!r}: {_MISPLACED_ARGUMENT_HINTS[name]}"
    from lazr.smtptest._util.suggestion import describe_unknown

    return describe_unknown("criterion", name, (*_VALUE_READERS, "header", "where"), _CRITERION_ALIASES)
