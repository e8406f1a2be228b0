"""Grade a client: run it against servers with many behaviors, and judge it.

`grade` calls a function, and `grade_command` runs a command, once for each `Behavior`.  A trial starts a real
`MailServer` with the rules of the behavior.  Its verdict comes from the inbox, the sessions and what the client said.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.grading.behavior import GROUPS, Behavior, Outcome
    from lazr.smtptest.grading.behaviors import BEHAVIORS, find_behaviors
    from lazr.smtptest.grading.grader import grade, grade_command
    from lazr.smtptest.grading.result import Grades, Result
    from lazr.smtptest.grading.task import Deferred, GradeTask, NotSupported

__all__ = [
    "BEHAVIORS",
    "GROUPS",
    "Behavior",
    "Deferred",
    "GradeTask",
    "Grades",
    "NotSupported",
    "Outcome",
    "Result",
    "find_behaviors",
    "grade",
    "grade_command",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.grading.behavior": ("GROUPS", "Behavior", "Outcome"),
        "lazr.smtptest.grading.behaviors": ("BEHAVIORS", "find_behaviors"),
        "lazr.smtptest.grading.grader": ("grade", "grade_command"),
        "lazr.smtptest.grading.result": ("Grades", "Result"),
        "lazr.smtptest.grading.task": ("Deferred", "GradeTask", "NotSupported"),
    },
)
