"""What mail programs support: the table that tools/caniemail.py writes, read when it is first asked for."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Feature", "Program", "features", "platforms"]

_SUPPORT: dict[str, Literal["yes", "partial", "no"]] = {"y": "yes", "a": "partial", "n": "no"}


class Program(NamedTuple):
    """A mail program of a version, and whether it supports a feature; `note` is the number of a note, or empty."""

    name: str
    platform: str
    family: str
    version: str
    support: Literal["yes", "partial", "no"]
    note: str


class Feature(NamedTuple):
    """Something that HTML or CSS can have; `description` and `notes` are HTML."""

    slug: str
    title: str
    description: str
    url: str
    category: str
    tags: tuple[str, ...]
    keywords: str
    notes: Mapping[str, str]
    programs: tuple[Program, ...]

    def share(self, support: Literal["yes", "partial", "no"]) -> float:
        """How many of the programs answer so, in percent."""
        return 100 * sum(one.support == support for one in self.programs) / max(1, len(self.programs))


@cache
def features() -> dict[str, Feature]:
    """All of them, by slug."""
    return {one["slug"]: _feature(one) for one in _table()["features"]}


@cache
def platforms() -> dict[str, list[str]]:
    """The families of programs by platform, each by its name for people, in alphabetical order."""
    nice = _table()["families"]
    found: dict[str, set[str]] = {}
    for one in features().values():
        for program in one.programs:
            found.setdefault(program.platform, set()).add(nice[program.family])
    return {platform: sorted(families) for platform, families in found.items()}


@cache
def _table() -> Any:
    return json.loads(files(__package__).joinpath("caniemail.json").read_text("utf-8"))


def _feature(row: Any) -> Feature:
    programs = []
    for which, versions in row["support"].items():
        family, _, platform = which.partition(" ")
        name = f"{_table()['families'][family]} {_table()['platforms'][platform]}"
        for one in versions.split(", "):
            version, said, *notes = one.split(" ")
            if said in _SUPPORT:  # else, nobody knows
                note = next((number for number in reversed(notes) if number in row["notes"]), "")
                programs.append(Program(f"{name} ({version})", platform, family, version, _SUPPORT[said], note))
    return Feature(
        row["slug"],
        row["title"],
        row["description"],
        row["url"],
        row["category"],
        tuple(row["tags"]),
        row["keywords"],
        row["notes"],
        tuple(programs),
    )
