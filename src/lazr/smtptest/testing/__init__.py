"""The servers of one test: their options, their errors, and the report of a failure.

`pytest_plugin` and `testcase` connect this room to pytest and unittest, which it does not import.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.testing.artifacts import build_folder_name, write_artifacts
    from lazr.smtptest.testing.graded_test import GradedTest, GradeMarker, GradeMarkerError, GradeVerdict
    from lazr.smtptest.testing.options import OptionError, check_options, parse_option_lines
    from lazr.smtptest.testing.report import describe_shared_server, format_traceback
    from lazr.smtptest.testing.servers import Servers
    from lazr.smtptest.testing.shared_server import SERVER_OPTION, LocalServerNeeded, SharedServer, parse_smtp_address
    from lazr.smtptest.testing.snapshot import ServerSnapshot

__all__ = [
    "SERVER_OPTION",
    "GradeMarker",
    "GradeMarkerError",
    "GradeVerdict",
    "GradedTest",
    "LocalServerNeeded",
    "OptionError",
    "ServerSnapshot",
    "Servers",
    "SharedServer",
    "build_folder_name",
    "check_options",
    "describe_shared_server",
    "format_traceback",
    "parse_option_lines",
    "parse_smtp_address",
    "write_artifacts",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.testing.artifacts": (
            "build_folder_name",
            "write_artifacts",
        ),
        "lazr.smtptest.testing.graded_test": (
            "GradeMarker",
            "GradeMarkerError",
            "GradeVerdict",
            "GradedTest",
        ),
        "lazr.smtptest.testing.options": (
            "OptionError",
            "check_options",
            "parse_option_lines",
        ),
        "lazr.smtptest.testing.report": (
            "describe_shared_server",
            "format_traceback",
        ),
        "lazr.smtptest.testing.servers": ("Servers",),
        "lazr.smtptest.testing.shared_server": (
            "SERVER_OPTION",
            "LocalServerNeeded",
            "SharedServer",
            "parse_smtp_address",
        ),
        "lazr.smtptest.testing.snapshot": ("ServerSnapshot",),
    },
)
