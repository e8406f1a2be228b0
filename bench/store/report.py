"""The rows of the results: what they are, their units and goals."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.store.throughput import WEBSOCKETS

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Row:
    """A measured value.

    Attributes:
        label: what was measured; `{database}` and `{mails}` are replaced.
        unit: its unit.
        goal: what it should reach, in words; empty for a row that explains another.
    """

    label: str
    unit: str
    goal: str = ""

    @property
    def title(self) -> str:
        return f"{self.label}, {self.unit}" if self.unit else self.label


_LIFECYCLE = {
    "receive": Row("receive, 20 sessions", "mails/s"),
    "backlog": Row("mails not indexed after the last 250", "mails"),
    "list": Row("first list, at once after the last 250", "ms", "≤ 200"),
    "latest": Row("latest message", "ms", "≤ 200"),
    "message": Row("one message", "ms", "≤ 200"),
    "totals": Row("totals", "ms", "≤ 200"),
    "wait timeout": Row("wait?timeout=5 ends after", "s", "5"),
    "match": Row("from the 250 to the end of a wait, slowest of 10", "ms", "≤ 100"),
    "match median": Row("… median", "ms"),
    "index": Row("indexing the backlog", "mails/s", "≥ {index_goal}"),
    "receive and index": Row("receiving and indexing together", "mails/s"),
    "common word": Row("a word that all mails have, first page", "ms", "≤ 150"),
    "concurrent searches": Row("4 text searches at once, slowest", "ms", "≤ 1,000"),
    "refused searches": Row("… of these refused", "searches", "0"),
    "disk": Row("size of the database", "× octets", "≤ 1.2"),
    "start empty": Row("start, empty", "s", "≤ 1"),
    "start full": Row("start with {mails} mails", "s", "≤ 1"),
    "memory empty": Row("memory, empty", "MB", "≤ 60"),
    "memory full": Row("memory with {mails} mails", "MB", "≤ 90"),
    "memory peak": Row("memory, peak while receiving and indexing", "MB"),
    "delete": Row("delete all: until the answer", "s", "≤ 1"),
    "listed after": Row("… mails listed after the answer (kept: those that arrived meanwhile)", "mails"),
    "mail meanwhile": Row("… slowest mail within a minute", "ms"),
    "size before": Row("size before", "MB"),
    "size after": Row("… size after a minute", "MB", "≤ 16 + 2 × kept"),
}
_INDEX_GOALS = {"SQLite": "5,000", "PostgreSQL": "3,000"}
_THROUGHPUT = {
    "PostgreSQL cpu": Row("PostgreSQL, 10 sessions: CPU time in the server", "ms/mail", "≤ 0.8"),
    "PostgreSQL rate": Row("PostgreSQL, 10 sessions", "mails/s"),
    "match under load": Row("from the 250 to the end of a wait while 10 sessions send, slowest of 10", "ms", "≤ 100"),
    "match under load median": Row("… median", "ms"),
    "websocket loss": Row(f"throughput lost with {WEBSOCKETS} WebSockets", "%", "≤ 10"),
    "event p99": Row("… from the 250 to the event, p99", "ms", "≤ 100"),
    "missing events": Row("… events missing", "%", "0"),
    "closed websockets": Row("… WebSockets closed by the server", "", "0"),
    "printing loss": Row("throughput lost by printing", "%", "≤ 10"),
}


@dataclass
class Results:
    """The measurements, by row and target.

    Attributes:
        targets: the names of the targets, in the order of the columns.
        mails: how many mails filled each database, by its name.
        values: the values by row and target; None where a target has nothing to measure.
        sizes: the bytes of each mail in each table and index, by database and target.
    """

    targets: list[str]
    mails: dict[str, int]
    values: dict[str, dict[str, float | None]] = field(default_factory=dict)
    sizes: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def add(self, name: str, target: str, value: float | None) -> None:
        self.values.setdefault(name, {})[target] = value

    def build_table(self) -> list[str]:
        """Return the lines of a table with all rows that were measured, in the order of the definition."""
        cells = self._build_cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return ["  ".join(_align(line, widths)).rstrip() for line in cells]

    def build_markdown(self) -> list[str]:
        """Return the lines of the same table in Markdown."""
        header, *lines = (f"| {' | '.join(line)} |" for line in self._build_cells())
        return [header, "|---" * (len(self.targets) + 2) + "|", *lines]

    def _build_cells(self) -> list[list[str]]:
        header = ["", *self.targets, "goal"]
        return [header, *([row.title, *self._format_values(name), row.goal] for name, row in self._find_rows())]

    def build_json(self) -> dict[str, Any]:
        """Return the measured rows by their labels."""
        return {row.title: {"goal": row.goal, **self.values[name]} for name, row in self._find_rows()}

    def _find_rows(self) -> Iterator[tuple[str, Row]]:
        for database, mails in self.mails.items():
            for name, row in _LIFECYCLE.items():
                if f"{database} {name}" in self.values:
                    label = f"{database}: {row.label.format(mails=f'{mails:,}')}"
                    goal = row.goal.format(index_goal=_INDEX_GOALS[database])
                    yield f"{database} {name}", Row(label, row.unit, goal)
        for name, row in _THROUGHPUT.items():
            if name in self.values:
                yield name, row

    def _format_values(self, name: str) -> list[str]:
        return [_format_value(self.values[name].get(target)) for target in self.targets]


def _align(cells: list[str], widths: list[int]) -> Iterator[str]:
    """Yield the cells with spaces: texts to the left, and values to the right."""
    for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        is_text = column in (0, len(cells) - 1)
        yield cell.ljust(width) if is_text else cell.rjust(width)


def _format_value(value: float | None) -> str:
    """Return a number with three significant digits; a whole number without decimals."""
    if value is None:
        return "–"
    if value == round(value):
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"
