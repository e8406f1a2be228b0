"""Describe what a criterion found instead of the expected value, and the likely mistake.

All text of a mail is shortened and escaped.
"""

from __future__ import annotations

import re

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest._util.glob import compile_glob
from lazr.smtptest.mail.address_comparison import fold_domain
from lazr.smtptest.mail.text_difference import describe_difference, describe_missed_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["describe_mismatch", "describe_values"]

_MAX_VALUE_CHARACTERS = 160
_MAX_LISTED_VALUES = 5
_SPECIAL_CHARACTERS = re.compile(r"[\\.^$*+?{}\[\]|()]")
_MAX_COMPARED_VALUES = 20
_MAX_ADDRESS_TYPOS = 2
_DIFFERENT = 1_000
_MAX_DIFF_LINES = 12
_MAX_DIFF_CHARACTERS = 20_000  # `difflib` takes quadratic time


def describe_mismatch(name: str, expected: object, values: Sequence[str], *, is_address: bool, hint: str = "") -> str:
    """Return what a criterion found instead of the expected value, and the likely mistake.

    Args:
        name: the criterion.
        expected: the expected value.
        values: the values of the mail that the criterion compares.
        is_address: whether the values are addresses, in which `*` and `?` are wildcards.
        hint: an explanation for a value that is neither nearly equal nor a likely mistake.

    >>> describe_mismatch("to", "Ann@example.com", ["ann@example.com"], is_address=True)
    "to is 'ann@example.com': only the case differs (re.compile('(?i)…') ignores case)"
    """
    found = describe_values(name, values)
    if isinstance(expected, re.Pattern):
        hint = next(
            filter(None, (describe_missed_pattern(expected, value) for value in values[:_MAX_LISTED_VALUES])), ""
        )
        return f"{found}: {hint}" if hint else found
    if not isinstance(expected, str):
        return found
    near = next(filter(None, (describe_difference(expected, value) for value in values)), "")
    explain_mistake = _explain_wrong_address if is_address else _explain_likely_mistake
    hint = near or hint or explain_mistake(expected, values)
    if hint:
        return f"{found}: {hint}"
    if len(values) == 1 and ("\n" in expected or "\n" in values[0]):
        return f"{name} is not equal:\n{_format_diff(expected, values[0])}"
    return found


def describe_values(name: str, values: Sequence[str]) -> str:
    """Return the values that a criterion found.

    >>> describe_values("to", ["ann@example.com", "bob@example.com"]), describe_values("cc", [])
    ("to is 'ann@example.com', 'bob@example.com'", 'cc is nothing')
    """
    more = f" and {len(values) - _MAX_LISTED_VALUES} more" if len(values) > _MAX_LISTED_VALUES else ""
    return f"{name} is {', '.join(map(_quote, values[:_MAX_LISTED_VALUES])) or 'nothing'}{more}"


def _quote(value: str) -> str:
    return repr(value if len(value) <= _MAX_VALUE_CHARACTERS else value[:_MAX_VALUE_CHARACTERS] + "…")


def _explain_wrong_address(expected: str, values: Sequence[str]) -> str:
    """Return how to write the address that was probably meant; "" if there is no guess."""
    _, bracket, address = expected.rpartition("<")
    if bracket and address[-1:] == ">":
        return f"only the address is compared, write {address.rstrip('>')!r}"
    if not expected or len(expected) > _MAX_VALUE_CHARACTERS or "*" in expected or "?" in expected:
        return ""
    folded = [fold_domain(value) for value in values[:_MAX_COMPARED_VALUES]]
    domain = fold_domain(f"@{expected.removeprefix('@')}")
    if any(value.endswith(domain) for value in folded):
        return f"the whole address is compared; did you mean '*{domain}'?"
    if "@" not in expected and any(value.startswith(f"{expected}@") for value in folded):
        return f"the whole address is compared; did you mean '{expected}@*'?"
    nearest = min(folded, key=lambda value: _compute_address_distance(expected, value), default="")
    distance = _compute_address_distance(expected, nearest)
    if distance <= _MAX_ADDRESS_TYPOS:
        return f"{distance} character{'s' if distance > 1 else ''} differ{'s' * (distance == 1)}"
    return ""


def _compute_address_distance(expected: str, value: str) -> int:
    """Count the typing errors between two addresses; `_DIFFERENT` if they are not similar."""
    from lazr.smtptest._util.suggestion import compute_edit_distance

    if len(value) > _MAX_VALUE_CHARACTERS or abs(len(value) - len(expected)) > _MAX_ADDRESS_TYPOS:
        return _DIFFERENT
    local, _, domain = fold_domain(expected).rpartition("@")
    other_local, _, other_domain = value.rpartition("@")
    local_distance = compute_edit_distance(local, other_local)
    if local_distance > len(local) // 3:  # "ann" and "bob" are two persons
        return _DIFFERENT
    return local_distance + compute_edit_distance(domain, other_domain)


def _explain_likely_mistake(expected: str, values: Sequence[str]) -> str:
    """Return how to write what was probably meant; the empty string if there is no guess."""
    if ("*" in expected or "?" in expected) and any(map(_build_glob_predicate(expected), values)):
        return "* and ? are wildcards only in addresses; re.compile('…') searches"
    if expected and len(expected) <= _MAX_VALUE_CHARACTERS and any(expected in value for value in values):
        pattern = _SPECIAL_CHARACTERS.sub(r"\\\g<0>", expected)
        return f"a string must be equal; re.compile({pattern!r}) searches"
    return ""


def _build_glob_predicate(glob: str) -> Callable[[str], bool]:
    pattern = compile_glob(glob)
    return lambda value: len(value) < _MAX_DIFF_CHARACTERS and pattern.fullmatch(value) is not None


def _format_diff(expected: str, value: str) -> str:
    if len(expected) + len(value) > _MAX_DIFF_CHARACTERS:
        pairs = enumerate(zip(expected, value, strict=False))
        position = next((index for index, (left, right) in pairs if left != right), 0)
        start = max(position - 20, 0)
        return f"  - {_quote(expected[start:])}\n  + {_quote(value[start:])}\n  (from character {start})"
    from difflib import unified_diff

    lines = list(unified_diff(expected.splitlines(), value.splitlines(), "expected", "received", n=1, lineterm=""))
    shown = [f"  {escape_unprintable(line[:_MAX_VALUE_CHARACTERS])}" for line in lines[:_MAX_DIFF_LINES]]
    return "\n".join(shown + [f"  … and {len(lines) - _MAX_DIFF_LINES} more lines"] * (len(lines) > _MAX_DIFF_LINES))
