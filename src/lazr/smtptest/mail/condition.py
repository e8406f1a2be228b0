"""Conditions on mails, combined with `&`, `|` and `~`.

`Condition` is the base class; `Match` is the condition with criteria.
"""

from __future__ import annotations

__tracebackhide__ = True  # pytest then shows the line of the test

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazr.smtptest.mail.mail import Mail

__all__ = ["Condition"]


class Condition:
    """A predicate on mails that describes its failures; combined with `&`, `|` and `~`.

    A condition is callable, so it can also be the value of `where=`.
    """

    __slots__ = ()

    def describe(self) -> str:
        """Return the condition as source code, for the middle of a sentence."""
        return repr(self)

    def describe_briefly(self) -> str:
        """Return the condition for the first line of a report; "" if every mail meets it."""
        description = self.describe()
        return f"with {description}" if description else ""

    @property
    def parts(self) -> Mapping[str, object]:
        """The criteria by name, or a combination: `not`, `all` or `any`, with conditions."""
        raise NotImplementedError

    def describe_mismatches(self, mail: Mail) -> list[str]:
        """Return a description of each unmet criterion; empty if the mail matches.

        A criterion that raises counts as unmet; its text names the exception.
        """
        raise NotImplementedError

    @property
    def recipient(self) -> str | None:
        """A recipient that all matching mails have, domain in lower case; None if unknown."""
        return None

    def __call__(self, mail: Mail) -> bool:
        """Return whether the mail matches.  Raises what the callables among the criteria raise."""
        raise NotImplementedError

    def __and__(self, other: object) -> Condition:
        return _And(self, other) if isinstance(other, Condition) else NotImplemented

    def __or__(self, other: object) -> Condition:
        return _Or(self, other) if isinstance(other, Condition) else NotImplemented

    def __invert__(self) -> Condition:
        return _Not(self)

    def __eq__(self, other: object) -> bool:
        return self.parts == other.parts if isinstance(other, Condition) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self.parts))


class _And(Condition):
    __slots__ = ("_conditions",)

    def __init__(self, *conditions: Condition) -> None:
        self._conditions = conditions

    @property
    def parts(self) -> Mapping[str, object]:
        return {"all": self._conditions}

    def __call__(self, mail: Mail) -> bool:
        return all(condition(mail) for condition in self._conditions)

    def describe_mismatches(self, mail: Mail) -> list[str]:
        return [line for condition in self._conditions for line in condition.describe_mismatches(mail)]

    @property
    def recipient(self) -> str | None:
        found = (condition.recipient for condition in self._conditions)
        return next((recipient for recipient in found if recipient is not None), None)

    def __repr__(self) -> str:
        return f"({' & '.join(map(repr, self._conditions))})"


class _Or(Condition):
    __slots__ = ("_conditions",)

    def __init__(self, *conditions: Condition) -> None:
        self._conditions = conditions

    @property
    def parts(self) -> Mapping[str, object]:
        return {"any": self._conditions}

    def __call__(self, mail: Mail) -> bool:
        return any(condition(mail) for condition in self._conditions)

    def describe_mismatches(self, mail: Mail) -> list[str]:
        lines: list[str] = []
        for condition in self._conditions:
            unmet = condition.describe_mismatches(mail)
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

    @property
    def parts(self) -> Mapping[str, object]:
        return {"not": self._condition}

    def __call__(self, mail: Mail) -> bool:
        return not self._condition(mail)

    def describe_mismatches(self, mail: Mail) -> list[str]:
        return [] if self._condition.describe_mismatches(mail) else [f"{self._condition!r} matches"]

    def __repr__(self) -> str:
        return f"~{self._condition!r}"
