"""What commands print: tables, JSON and octets, as suits a terminal or a pipe."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from lazr.smtptest.cli.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from rich.progress import Progress

__all__ = ["progress", "say", "say_json", "say_octets", "say_table", "warn"]

_WIDE = 1_000


def say(text: str) -> None:
    """Print text that is fit to be printed."""
    _write(text + "\n")


def warn(text: str) -> None:
    """Print a line on standard error."""
    print(f"smtptest: {text}", file=sys.stderr)  # noqa: T201


def say_json(value: Any) -> None:
    """Print JSON; all but ASCII is escaped, so that it steers no terminal (threat W18)."""
    _write(json.dumps(value, indent=2) + "\n")


def say_octets(octets: bytes, output: Path | None = None) -> None:
    """Print octets, or write them to a file: as they are, but on a terminal with escapes (threat W18)."""
    if output is not None:
        output.write_bytes(octets)
    elif sys.stdout.isatty():
        _write(visible(octets.decode("utf-8", "backslashreplace").replace("\r\n", "\n")))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(octets)
        sys.stdout.buffer.flush()


def say_table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print a table: on a terminal as wide as that, in a pipe as wide as it has to be.

    A cell that begins with `*` is bold there; all of them are made fit to be printed.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(visible(cell, keep_lines=False)) for cell in row))
    if terminal:
        Console(highlight=False, no_color=bool(os.environ.get("NO_COLOR")) or None).print(table)
        return
    text = io.StringIO()
    Console(file=text, width=_WIDE, color_system=None, highlight=False).print(table)
    _write("".join(line.rstrip() + "\n" for line in text.getvalue().splitlines()))


def progress(what: str) -> Progress:
    """A progress bar on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)


def _write(text: str) -> None:
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")  # nothing that a mail holds may end the printing
    out.write(text)
    out.flush()
