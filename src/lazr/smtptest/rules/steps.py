"""The steps of a rule: what it does, for which of its matches, and what follows.

A `StepSequence` holds the `Step`s that `then()` separates, and the progress that matches have made in them.
"""

from __future__ import annotations

from lazr.smtptest.rules.actions import Action

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["Step", "StepSequence"]


class Step:
    """One action, and the matches that it is for: a value that does not change.

    - `action`: what to do; None while the rule has no action for this step yet.
    - `skipped_matches`: the number of matches that pass before the action starts.
    - `max_calls`: the step ends after this number of actions; None for no limit.
    - `last_match`: the step ends after this match, counted from 1; None for no limit.
    """

    __slots__ = ("action", "last_match", "max_calls", "skipped_matches")

    def __init__(
        self,
        action: Action | None = None,
        skipped_matches: int = 0,
        max_calls: int | None = None,
        last_match: int | None = None,
    ) -> None:
        self.action: Final = action
        self.skipped_matches: Final = skipped_matches
        self.max_calls: Final = max_calls
        self.last_match: Final = last_match

    def replace(self, **changes: Any) -> Step:
        """Return a copy with some attributes changed."""
        return Step(**{name: changes.get(name, getattr(self, name)) for name in self.__slots__})

    def describe_limits(self) -> str:
        """Return the limits as written in Python, `after(3).once()`; empty without limits."""
        return ".".join(self._list_limits())

    def _list_limits(self) -> list[str]:
        limits = []
        if self.last_match is not None:
            limits.append(f"between({self.skipped_matches + 1}, {self.last_match})")
        elif self.skipped_matches:
            limits.append(f"after({self.skipped_matches})")
        if self.max_calls is not None:
            limits.append("once()" if self.max_calls == 1 else f"times({self.max_calls})")
        return limits

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Step):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.action, self.skipped_matches, self.max_calls, self.last_match))

    def __str__(self) -> str:
        return ".".join([*([] if self.action is None else [str(self.action)]), *self._list_limits()])


class StepSequence:
    """The steps of one rule, and how far its matches have brought it.

    Any thread may add to the steps; the thread of the server alone makes progress.

    >>> steps = StepSequence()
    >>> steps.add_action("drop", True)
    >>> steps.start_next()
    >>> steps.add_action("reset", True)
    >>> print(steps, steps.take_match(), steps.is_finished)
    drop().then().reset() drop() False
    """

    __slots__ = ("_calls", "_index", "_matches", "_steps")

    def __init__(self) -> None:
        self._steps: tuple[Step, ...] = (Step(),)  # the last one may have no action yet
        self._index = 0  # of the current step, which has had ...
        self._matches = 0
        self._calls = 0

    # -- definition ---------------------------------------------------------------------------

    @property
    def complete(self) -> tuple[Step, ...]:
        """The steps that have an action."""
        steps = self._steps
        return steps if steps[-1].action is not None else steps[:-1]

    @property
    def has_action(self) -> bool:
        """Whether the first step has an action."""
        return self._steps[0].action is not None

    def add_action(self, name: str, value: object) -> None:
        """Add an action to the last step; raises what `Action.extend` raises."""
        self.change_last(action=(self._steps[-1].action or Action({})).extend(name, value))

    def change_last(self, **changes: object) -> None:
        """Change attributes of the last step."""
        self._steps = (*self._steps[:-1], self._steps[-1].replace(**changes))

    def replace_all(self, steps: tuple[Step, ...]) -> None:
        """Take these steps instead, for the copy of a rule."""
        self._steps = steps or (Step(),)

    def start_next(self) -> None:
        """Begin another step; raises `ValueError` if the last one has no action."""
        if self._steps[-1].action is None:
            raise ValueError("then() must follow an action, such as .reply(451).then()")
        self._steps = (*self._steps, Step())

    # -- progress -----------------------------------------------------------------------------

    @property
    def current(self) -> Step:
        """The step that the next match counts for."""
        steps = self._steps
        return steps[min(self._index, len(steps) - 1)]

    def take_match(self) -> Action | None:
        """Count a match; return the action that is due for it, or None."""
        steps = self.complete
        last_index = len(steps) - 1
        while self._index <= last_index:
            step = steps[self._index]
            is_last = self._index == last_index
            is_unlimited = step.max_calls is None and step.last_match is None
            # A step that another one follows acts once, unless it has a limit.
            if not self._is_over(step, 1 if is_unlimited and not is_last else step.max_calls):
                self._matches += 1
                return step.action if self._matches > step.skipped_matches else None
            if is_last:
                break
            self._index += 1
            self._matches = self._calls = 0
        return None

    def count_call(self) -> None:
        """Count that the action of the current step has been done."""
        self._calls += 1

    @property
    def is_finished(self) -> bool:
        """Whether no further match can lead to an action."""
        steps = self.complete
        return bool(steps) and self._index >= len(steps) - 1 and self._is_over(steps[-1], steps[-1].max_calls)

    def _is_over(self, step: Step, max_calls: int | None) -> bool:
        return (max_calls is not None and self._calls >= max_calls) or (
            step.last_match is not None and self._matches >= step.last_match
        )

    def __str__(self) -> str:
        return ".then().".join(map(str, self.complete))
