"""Print tables, JSON and bytes, in a form that fits a terminal or a pipe."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from lazr.smtptest._util.escape import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from rich.progress import Progress

__all__ = ["create_progress_bar", "print_bytes", "print_json", "print_table", "print_text", "print_warning"]

_PIPE_WIDTH_CHARACTERS = 1_000


def print_text(text: str) -> None:
    """Print text that is escaped already."""
    _write(text + "\n")


def print_warning(text: str) -> None:
    """Print a line on standard error."""
    print(f"smtptest: {text}", file=sys.stderr)  # noqa: T201


def print_json(value: Any) -> None:
    """Print JSON in ASCII, so that it cannot control a terminal (threat W18)."""
    _write(json.dumps(value, indent=2) + "\n")


def print_bytes(content: bytes, output: Path | None = None) -> None:
    """Write bytes unchanged to a file or a pipe; escape them on a terminal (threat W18)."""
    if output is not None:
        output.write_bytes(content)
    elif sys.stdout.isatty():
        _write(escape_unprintable(content.decode("utf-8", "backslashreplace").replace("\r\n", "\n"), multiline=True))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    right_aligned: Sequence[str] = (),
    links: Sequence[str] = (),
) -> None:
    """Print a table that fits the width of the terminal; in a pipe no cell is cut.

    Args:
        columns: The titles.
        rows: The cells of each row; untrusted input in them is escaped.
        right_aligned: The titles of the columns that are aligned to the right.
        links: On a terminal, the URL that the first cell of each row links to; none by default.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(
            column, justify="right" if column in right_aligned else "left", no_wrap=True, overflow="ellipsis"
        )
    for number, row in enumerate(rows):
        cells = [Text(escape_unprintable(cell)) for cell in row]
        if terminal and links:
            cells[0].stylize(f"link {links[number]}")
        table.add_row(*cells)
    if terminal:
        Console(highlight=False, no_color=bool(os.environ.get("NO_COLOR")) or None).print(table)
        return
    text = io.StringIO()
    Console(file=text, width=_PIPE_WIDTH_CHARACTERS, color_system=None, highlight=False).print(table)
    _write("".join(line.rstrip() + "\n" for line in text.getvalue().splitlines()))


def create_progress_bar(description: str) -> Progress:
    """Return a progress bar on standard error, which is hidden if that is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(description), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)


def _write(text: str) -> None:
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")  # no character of a mail may end the printing
    out.write(text)
    out.flush()
