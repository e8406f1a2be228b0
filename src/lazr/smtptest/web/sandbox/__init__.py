"""Read untrusted content in child processes with limits, and only a few at a time."""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest._util.child_process import ChildProcessFailed, read_stdin_with_limits, run_in_child_process
    from lazr.smtptest.web.sandbox.concurrency_limit import ConcurrencyLimit, TooManyWaiting
    from lazr.smtptest.web.sandbox.thumbnail import make_thumbnail

__all__ = [
    "ChildProcessFailed",
    "ConcurrencyLimit",
    "TooManyWaiting",
    "make_thumbnail",
    "read_stdin_with_limits",
    "run_in_child_process",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest._util.child_process": (
            "ChildProcessFailed",
            "read_stdin_with_limits",
            "run_in_child_process",
        ),
        "lazr.smtptest.web.sandbox.concurrency_limit": ("ConcurrencyLimit", "TooManyWaiting"),
        "lazr.smtptest.web.sandbox.thumbnail": ("make_thumbnail",),
    },
)
