"""The questions that a test asks of a mail: whether it matches, or which criterion it fails."""

from __future__ import annotations

import re
from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.mail.mail import Mail

__all__ = ["Query"]


def _fields(name: str) -> Callable[[Mail], tuple[str, ...]]:
    return lambda mail: (mail.header(name),)


# What each criterion looks at.  A criterion is met when one of these values is.
_LOOKS_AT: dict[str, Callable[[Mail], tuple[str, ...]]] = {
    "sender": lambda mail: (mail.envelope.mail_from,),
    "to": lambda mail: mail.envelope.rcpt_tos,
    "cc": lambda mail: tuple(address.strip() for address in re.findall(r"[^\s<>,;]+@[^\s<>,;]+", mail.header("cc"))),
    "subject": _fields("subject"),
    "text": lambda mail: (mail.text,),
    "html": lambda mail: (mail.html,),
}
_ADDRESSES = frozenset({"sender", "to", "cc"})


class Query:
    """Criteria that a mail meets or not, all of them.

    `sender` and `to` look at the envelope, `cc`, `subject`, `text` and `html` at the message,
    `header={"X-Tag": …}` at any header field, and `where` is asked about the mail itself.  A value is

    - a string: equal; in `sender`, `to` and `cc`, `*` and `?` stand for any characters and any one,
      and the domain's case does not count (RFC 5321 2.4);
    - a compiled pattern: found somewhere in it;
    - a callable: true of it;
    - anything else: equal to it, by its own `==`.

    Raises `TypeError` for a criterion that does not exist.

    >>> Query(to="*@example.com", subject="Welcome")
    to='*@example.com', subject='Welcome'
    """

    def __init__(
        self,
        *,
        where: Callable[[Mail], object] | None = None,
        header: Mapping[str, object] | None = None,
        **criteria: object,
    ) -> None:
        self._shown: dict[str, object] = {}
        unknown = [name for name in criteria if name not in _LOOKS_AT]
        if unknown:
            known = ", ".join((*_LOOKS_AT, "header", "where"))
            raise TypeError(f"no criterion {unknown[0]!r}; there are {known}")
        if header is not None and not isinstance(header, Mapping):
            raise TypeError(f"header wants a mapping such as {{'X-Tag': 'a'}}, not {header!r}")
        self._where = where
        self._shown = {**criteria, **({"header": header} if header else {}), **({"where": where} if where else {})}
        self._tests: list[tuple[str, Callable[[Mail], tuple[str, ...]], Callable[[str], bool]]] = [
            (name, _LOOKS_AT[name], _test(wanted, is_address=name in _ADDRESSES)) for name, wanted in criteria.items()
        ]
        for name, wanted in (header or {}).items():
            self._tests.append((f"header {name}", _fields(name), _test(wanted, is_address=False)))

    def unmet(self, mail: Mail) -> str | None:
        """The first criterion that the mail fails, with what it has instead; None if it meets them all."""
        for name, looks_at, test in self._tests:
            values = looks_at(mail)
            if not any(map(test, values)):
                return f"{name} is {', '.join(map(repr, values)) or 'nothing'}"
        if self._where is not None and not self._where(mail):
            return "where says no"
        return None

    def matches(self, mail: Mail) -> bool:
        """Whether the mail meets all criteria."""
        return self.unmet(mail) is None

    def __bool__(self) -> bool:
        return bool(self._shown)

    def __repr__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self._shown.items())


def _test(wanted: object, *, is_address: bool) -> Callable[[str], bool]:
    if isinstance(wanted, str):
        return _address_test(wanted) if is_address else wanted.__eq__
    if isinstance(wanted, re.Pattern):
        return lambda value: wanted.search(value) is not None
    if callable(wanted):
        return lambda value: bool(wanted(value))
    return lambda value: bool(wanted == value)


def _address_test(wanted: str) -> Callable[[str], bool]:
    folded = _fold_domain(wanted)
    if "*" not in wanted and "?" not in wanted:
        return lambda value: _fold_domain(value) == folded
    glob = {"*": ".*", "?": "."}
    pattern = re.compile("".join(glob.get(character) or re.escape(character) for character in folded), re.DOTALL)
    return lambda value: pattern.fullmatch(_fold_domain(value)) is not None


def _fold_domain(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain.lower()}" if at else address
