"""Show the progress of `smtptest grade`: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from lazr.smtptest.cli.output.terminal import create_progress_bar
from lazr.smtptest.grading.reports import Mark, get_mark, render_result_line

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.progress import Progress, TaskID

    from lazr.smtptest.grading import Result

__all__ = ["GradeProgress"]


_WIDTH_ELSEWHERE = 100


class GradeProgress:
    """The progress on standard error, so that a report on standard output stays whole.

    On a terminal, wrong results stand above the bar as soon as they are known.  Elsewhere, such as in the log of a CI
    job, each result is one line.

    Args:
        total: The number of behaviors.
        name_width: The width of the column of their names, in characters.
    """

    def __init__(self, total: int, name_width: int) -> None:
        self._name_width = name_width
        self._total = total
        self._done = 0
        self._lock = threading.Lock()  # clients run in several threads
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = create_progress_bar("grading")
            self._task = self._bar.add_task("grading", total=self._total)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def add(self, result: Result) -> None:
        """Count a result, and show it."""
        with self._lock:
            self._done += 1
            width = _WIDTH_ELSEWHERE if self._bar is None else self._bar.console.width
            line = render_result_line(result, self._name_width, width, ascii_only=True)
            if self._bar is None:
                print(f"{self._done:>3}/{self._total}{line}", file=sys.stderr)  # noqa: T201
                return
            if get_mark(result) is Mark.WRONG:
                from rich.text import Text

                self._bar.console.print(Text(line, style="red"), soft_wrap=True)
            if self._task is not None:
                self._bar.advance(self._task)
