"""The data of the table: the grades of each client, without times that differ in each run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from lazr.smtptest.grading import BEHAVIORS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from lazr.smtptest.grading import Grades

__all__ = ["ClientGrades", "Grade", "Table", "read_table", "write_table"]

SCHEMA_VERSION = 1


@dataclass
class Grade:
    """The verdict on a client for one behavior: what became of the mail, and whether that is right."""

    outcome: str
    right: bool


@dataclass
class ClientGrades:
    """The version of a client, and its grades by the names of the behaviors."""

    version: str
    grades: dict[str, Grade] = field(default_factory=dict)


@dataclass
class Table:
    """The grades of all clients by their names, and the date of the last run."""

    date: str = ""
    clients: dict[str, ClientGrades] = field(default_factory=dict)

    def add(self, name: str, version: str, grades: Grades, *, keep: bool = False) -> None:
        """Add the grades of a client.

        Args:
            name: The name of the client.
            version: Its version.
            grades: The grades.
            keep: Whether the earlier grades for other behaviors stay, if they are of the same version.
        """
        earlier = self.clients.get(name)
        found = earlier.grades if keep and earlier and earlier.version == version else {}
        found |= {result.behavior.name: Grade(result.outcome.value, result.is_right) for result in grades}
        names = [behavior.name for behavior in BEHAVIORS]  # without those of the past
        self.clients[name] = ClientGrades(
            version, {behavior: found[behavior] for behavior in names if behavior in found}
        )


def read_table(path: Path) -> Table:
    """Return the table of a file; an empty one if there is no file.

    Raises:
        ValueError: The file has another schema.
    """
    if not path.exists():
        return Table()
    values = json.loads(path.read_text("utf-8"))
    if values["schema"] != SCHEMA_VERSION:
        raise ValueError(f"expected schema {SCHEMA_VERSION} in {path}, got {values['schema']!r}; delete the file")
    clients = {
        name: ClientGrades(
            client["version"], {behavior: Grade(**grade) for behavior, grade in client["grades"].items()}
        )
        for name, client in values["clients"].items()
    }
    return Table(values["date"], clients)


def write_table(table: Table, path: Path) -> None:
    """Write a table as JSON, with one grade in each line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f'{{\n"schema": {SCHEMA_VERSION},\n"date": {json.dumps(table.date)},\n"clients": {{']
    for number, (name, client) in enumerate(table.clients.items()):
        lines.append(("," if number else "") + f"{json.dumps(name)}: {{")
        lines.append(f'"version": {json.dumps(client.version)},\n"grades": {{')
        grades = [f"{json.dumps(behavior)}: {json.dumps(asdict(grade))}" for behavior, grade in client.grades.items()]
        lines.append(",\n".join(grades))
        lines.append("}}")
    lines.append("}}\n")
    path.write_text("\n".join(lines), "utf-8")
