"""Results: the verdict on each behavior, and all of them together as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lazr.smtptest.grading.behavior import Behavior, Outcome
from lazr.smtptest.protocol.smtp import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Final, Self, overload

    from lazr.smtptest.protocol.smtp import SessionRecord

__all__ = ["SCHEMA_VERSION", "Grades", "Result"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """The verdict on a client for one behavior.

    - `behavior`: the behavior.
    - `outcome`: what became of the mail.
    - `is_right`: whether a good client could have that outcome; also True for a behavior that was not tried.
    - `reason`: why, as a sentence without a period.
    - `attempts`: how often the client began to send a mail (MAIL), or connected if it never did.
    - `seconds`: how long the client took.
    - `exit_status`: of the command; None for a function, and for a command that was killed.
    - `stderr`: the end of what the command wrote there, or the exception that a function raised.
    - `sessions`: the sessions with their dialogues; empty after `Grades.from_dict`.
    - `transcripts`: the dialogue of each session as text.
    - `findings`: what the client did in these sessions that an RFC advises against or forbids.
    """

    behavior: Behavior
    outcome: Outcome
    is_right: bool
    reason: str
    attempts: int
    seconds: float
    exit_status: int | None = None
    stderr: str = ""
    sessions: tuple[SessionRecord, ...] = ()
    transcripts: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def is_skipped(self) -> bool:
        """Whether the behavior was not tried, because the client lacks what it is about."""
        return self.outcome is Outcome.SKIPPED

    def to_dict(self) -> dict[str, Any]:
        """Return the result as values of JSON."""
        behavior = self.behavior
        return {
            "behavior": behavior.name,
            "group": behavior.group,
            "rfc": behavior.rfc,
            "title": behavior.title,
            "expected": behavior.expected,
            "accept": sorted(behavior.accept),
            "outcome": self.outcome.value,
            "right": self.is_right,
            "reason": self.reason,
            "attempts": self.attempts,
            "seconds": round(self.seconds, 3),
            "exit_status": self.exit_status,
            "stderr": self.stderr,
            "findings": [{"code": item.code, "text": item.text, "rfc": item.rfc} for item in self.findings],
            "transcripts": list(self.transcripts),
        }

    def __repr__(self) -> str:
        mark = "not tried" if self.is_skipped else "right" if self.is_right else "wrong"
        return f"<Result {self.behavior.name}: {self.outcome}, {mark}: {self.reason}>"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the result that `to_dict` described, without its sessions.

        Raises:
            ValueError: A value is missing or has the wrong type.
        """
        from lazr.smtptest.grading.behaviors import BEHAVIORS

        try:
            name = values["behavior"]
            behavior = next((known for known in BEHAVIORS if known.name == name), None) or Behavior(
                str(name),
                str(values["group"]),
                str(values["rfc"]),
                str(values["title"]),
                str(values["expected"]),
                frozenset(map(Outcome, values["accept"])),
            )
            status = values["exit_status"]
            return cls(
                behavior,
                Outcome(values["outcome"]),
                bool(values["right"]),
                str(values["reason"]),
                int(values["attempts"]),
                float(values["seconds"]),
                None if status is None else int(status),
                str(values["stderr"]),
                (),
                tuple(map(str, values["transcripts"])),
                tuple(Finding(str(item["code"]), str(item["text"])) for item in values["findings"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"expected a result as of Result.to_dict(), got {type(error).__name__}: {error}") from None


class Grades(Sequence["Result"]):
    """The results of one client, in the order of the behaviors.

    Args:
        client: The name of the client.
        results: The results.
        started_at: When the first trial began; now by default.

    >>> grades = Grades("my client", [])
    >>> grades.score, grades.to_dict()["schema"]
    ('0 of 0', 1)
    """

    def __init__(self, client: str, results: Iterable[Result], started_at: datetime | None = None) -> None:
        self.client: Final = client
        self.started_at: Final = datetime.now(UTC) if started_at is None else started_at
        self._results = tuple(results)

    @property
    def right(self) -> tuple[Result, ...]:
        """The results that are right."""
        return tuple(result for result in self._results if result.is_right and not result.is_skipped)

    @property
    def wrong(self) -> tuple[Result, ...]:
        """The results that are wrong."""
        return tuple(result for result in self._results if not result.is_right)

    @property
    def skipped(self) -> tuple[Result, ...]:
        """The results of behaviors that were not tried."""
        return tuple(result for result in self._results if result.is_skipped)

    @property
    def score(self) -> str:
        """How many of the tried behaviors are right: "58 of 62"."""
        return f"{len(self.right)} of {len(self.right) + len(self.wrong)}"

    def to_dict(self) -> dict[str, Any]:
        """Return the results as values of JSON, with the version of their form."""
        return {
            "schema": SCHEMA_VERSION,
            "client": self.client,
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "right": len(self.right),
            "wrong": len(self.wrong),
            "skipped": len(self.skipped),
            "results": [result.to_dict() for result in self._results],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the results that `to_dict` described, without their sessions.

        Raises:
            ValueError: The version is unknown, or a value is missing or wrong.
        """
        if not isinstance(values, dict) or values.get("schema") != SCHEMA_VERSION:
            version = values.get("schema") if isinstance(values, dict) else values
            raise ValueError(f"expected grades with schema {SCHEMA_VERSION}, got {version!r}; grade the client again")
        try:
            results = [Result.from_dict(item) for item in values["results"]]
            return cls(str(values["client"]), results, datetime.fromisoformat(values["started_at"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"expected grades as of Grades.to_dict(), got {type(error).__name__}: {error}") from None

    def __len__(self) -> int:
        return len(self._results)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> Result: ...
        @overload
        def __getitem__(self, index: slice) -> tuple[Result, ...]: ...

    def __getitem__(self, index: int | slice) -> Result | tuple[Result, ...]:
        return self._results[index]

    def __repr__(self) -> str:
        return f"<Grades of {self.client!r}: {self.score} right, {len(self.skipped)} not tried>"
