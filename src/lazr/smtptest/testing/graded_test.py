"""Run one behavior of a server as a test, for the marker `smtptest_grade`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum

from lazr.smtptest._util.seconds import check_seconds
from lazr.smtptest.grading import Deferred, Grades, NotSupported, find_behaviors
from lazr.smtptest.grading.client import EXIT_DEFERRED, ClientReport
from lazr.smtptest.grading.observation import Claim
from lazr.smtptest.grading.reports import (
    BaselineError,
    Comparison,
    Mark,
    format_reason,
    get_mark,
    parse_grades,
)
from lazr.smtptest.grading.trial import Trial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Final

    from lazr.smtptest.grading import GradeTask, Result
    from lazr.smtptest.grading.behavior import Security
    from lazr.smtptest.mailserver import MailServer

__all__ = ["GradeMarker", "GradeMarkerError", "GradeVerdict", "GradedTest"]

_DEFAULT_TIMEOUT_SECONDS = 10.0
_MARKER = "@pytest.mark.smtptest_grade"
_ARGUMENTS = ("only", "exclude", "security", "auth", "baseline", "timeout")


class GradeMarkerError(ValueError):
    """An argument of the marker is unknown or wrong; the text shows the correct form."""


class GradeVerdict(Enum):
    """What a test must become."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_TRIED = "not tried"
    KNOWN = "wrong, but not worse than the baseline"


@dataclass(frozen=True, slots=True)
class GradeMarker:
    """The arguments of the marker.

    - `behaviors`: the names of the behaviors, each of which is one test.
    - `baseline`: the path of the earlier grades; "" for none.
    - `timeout`: the seconds after which a client counts as hung.
    - `security`, `auth`: what the client always demands, as for `find_behaviors`.
    """

    behaviors: tuple[str, ...]
    baseline: str
    timeout: float
    security: Security | None = None
    auth: bool = False

    @classmethod
    def parse(cls, args: tuple[object, ...], arguments: Mapping[str, object]) -> GradeMarker:
        """Return the arguments of a marker.

        Args:
            args: Its arguments without names, which it does not take.
            arguments: Its arguments with names.

        Raises:
            GradeMarkerError: An argument is unknown or wrong.

        >>> GradeMarker.parse((), {"only": "rcpt-550"})
        GradeMarker(behaviors=('rcpt-550',), baseline='', timeout=10.0, security=None, auth=False)
        """
        if args:
            shown = ", ".join(map(repr, args))
            raise GradeMarkerError(f'{_MARKER}({shown}): arguments must have names: only=["starttls"]')
        for name in arguments:
            if name not in _ARGUMENTS:
                from lazr.smtptest._util.suggestion import describe_unknown

                raise GradeMarkerError(f"{_MARKER}: {describe_unknown('argument', name, _ARGUMENTS)}")
        try:
            security, auth = _get_security(arguments), bool(arguments.get("auth", False))
            names = _list_names(arguments, "only"), _list_names(arguments, "exclude")
            behaviors = find_behaviors(*names, security=security, auth=auth)
            timeout = check_seconds("timeout", arguments.get("timeout", _DEFAULT_TIMEOUT_SECONDS))
        except (TypeError, ValueError) as error:
            raise GradeMarkerError(f"{_MARKER}: {error}") from None
        if not timeout:
            raise GradeMarkerError(f"{_MARKER}: timeout must be a number of seconds > 0, got {timeout!r}")
        baseline = arguments.get("baseline")
        path = "" if baseline is None else str(baseline)
        return cls(tuple(item.name for item in behaviors), path, timeout, security, auth)


def _list_names(arguments: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return an argument with names; one name may be a string."""
    value = arguments.get(name) or ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, (list, tuple, set, frozenset)) or not all(isinstance(item, str) for item in value):
        raise TypeError(f'{name} must be a list of names, got {value!r}; write {name}=["starttls"]')
    return tuple(value)


def _get_security(arguments: Mapping[str, object]) -> Security | None:
    match arguments.get("security"):
        case None:
            return None
        case "starttls":
            return "starttls"
        case "implicit":
            return "implicit"
        case other:
            raise ValueError(f'security must be "starttls" or "implicit", got {other!r}; leave it out for both')


class GradedTest:
    """A running server with one behavior, and the verdict on the body of the test.

    - `server`: the server.
    - `task`: what the client has to do.
    - `result`: the result; None before `finish`.

    Args:
        behavior: The name of the behavior.
        marker: The arguments of the marker.
        folder: The folder of a baseline with a relative path.

    Raises:
        GradeMarkerError: The baseline cannot be read.
    """

    def __init__(self, behavior: str, marker: GradeMarker, folder: Path) -> None:
        self._baseline = _read_baseline(folder / marker.baseline) if marker.baseline else None
        self._timeout = marker.timeout
        self._trial = Trial(find_behaviors([behavior], security=marker.security, auth=marker.auth)[0])
        self.server: Final[MailServer] = self._trial.server
        self.task: Final[GradeTask] = self._trial.task
        self.result: Result | None = None
        self._start = time.monotonic()

    def restart_clock(self) -> None:
        """Begin to measure the time of the client, because the body of the test begins."""
        self._start = time.monotonic()

    def close(self) -> None:
        """Stop the server."""
        self._trial.close()

    def finish(self, error: BaseException | None) -> tuple[GradeVerdict, str]:
        """Judge the test; return what it must become, and the reason as text.

        Args:
            error: What the body raised, which is what the client reports; None if it says that the mail was sent.
        """
        seconds = time.monotonic() - self._start
        report = _build_report(error)
        if seconds > self._timeout:
            report = ClientReport(Claim.HUNG, report.text)
        result = self.result = self._trial.finish(report, seconds)
        self.server.rules.excuse_unused()  # the result says that the client did not get so far
        mark = get_mark(result)
        if self._baseline is None:
            verdict = {Mark.RIGHT: GradeVerdict.PASSED, Mark.NOT_TRIED: GradeVerdict.NOT_TRIED}.get(
                mark, GradeVerdict.FAILED
            )
            return verdict, _describe(result)
        comparison = Comparison(Grades("", [result]), self._baseline)
        if comparison.worse:
            return GradeVerdict.FAILED, f"worse than the baseline: {_describe(result)}"
        if mark is Mark.WRONG:
            return GradeVerdict.KNOWN, f"not worse than the baseline: {_describe(result)}"
        return GradeVerdict.NOT_TRIED if mark is Mark.NOT_TRIED else GradeVerdict.PASSED, _describe(result)


def _read_baseline(path: Path) -> Grades:
    try:
        return parse_grades(path.read_bytes(), str(path))
    except OSError as error:
        raise GradeMarkerError(f"{_MARKER}: baseline: {path}: {error.strerror or error}") from None
    except BaselineError as error:
        raise GradeMarkerError(f"{_MARKER}: baseline: {error}") from None


def _build_report(error: BaseException | None) -> ClientReport:
    if error is None:
        return ClientReport(Claim.SENT)
    if isinstance(error, Deferred):
        return ClientReport(Claim.DEFERRED, str(error))
    if isinstance(error, NotSupported):
        return ClientReport(Claim.NOT_SUPPORTED, str(error))
    if isinstance(error, SystemExit):  # the main function of a client that is a program
        claims = {None: Claim.SENT, 0: Claim.SENT, EXIT_DEFERRED: Claim.DEFERRED}
        claim = claims.get(error.code, Claim.FAILED) if isinstance(error.code, int | None) else Claim.FAILED
        return ClientReport(claim, f"SystemExit: {error.code}", error.code if isinstance(error.code, int) else None)
    return ClientReport(Claim.FAILED, f"{type(error).__name__}: {error}")


def _describe(result: Result) -> str:
    """Return the verdict as text: the outcome, why, and what is right."""
    behavior = result.behavior
    lines = [f"{behavior.name}: {result.outcome.value}: {format_reason(result)} ({behavior.rfc})"]
    if get_mark(result) is Mark.WRONG:
        lines += [f"{behavior.title}.", f"Expected: {behavior.expected}"]
    return "\n".join(lines)
