"""Load which mail programs support which features.

The table is the one that tools/caniemail.py writes.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Feature", "Program", "load_features", "load_platforms"]

_SUPPORT_BY_LETTER: dict[str, Literal["yes", "partial", "no"]] = {"y": "yes", "a": "partial", "n": "no"}


class Program(NamedTuple):
    """A version of a mail program, and whether it supports a feature.

    `note` is the number of a note of the feature, or empty.
    """

    name: str
    platform: str
    family: str
    version: str
    support: Literal["yes", "partial", "no"]
    note: str


class Feature(NamedTuple):
    """A feature of HTML or CSS, and its support; `description` and `notes` are HTML."""

    slug: str
    title: str
    description: str
    url: str
    category: str
    tags: tuple[str, ...]
    keywords: str
    notes: Mapping[str, str]
    programs: tuple[Program, ...]

    def compute_percent(self, support: Literal["yes", "partial", "no"]) -> float:
        """Return the share of mail programs with this support, in percent."""
        return 100 * sum(program.support == support for program in self.programs) / max(1, len(self.programs))


@cache
def load_features() -> dict[str, Feature]:
    """Return all features by slug; the first call reads the table."""
    return {row["slug"]: _build_feature(row) for row in _load_table()["features"]}


@cache
def load_platforms() -> dict[str, list[str]]:
    """Return the names of mail programs by platform, in alphabetical order."""
    family_names = _load_table()["families"]
    families_by_platform: dict[str, set[str]] = {}
    for feature in load_features().values():
        for program in feature.programs:
            families_by_platform.setdefault(program.platform, set()).add(family_names[program.family])
    return {platform: sorted(families) for platform, families in families_by_platform.items()}


@cache
def _load_table() -> Any:
    return json.loads(files(__package__).joinpath("caniemail.json").read_text("utf-8"))


def _build_feature(row: Any) -> Feature:
    programs = []
    for client, versions in row["support"].items():
        family, _, platform = client.partition(" ")
        name = f"{_load_table()['families'][family]} {_load_table()['platforms'][platform]}"
        for result in versions.split(", "):
            version, letter, *notes = result.split(" ")
            if letter in _SUPPORT_BY_LETTER:  # `u` is unknown
                note = next((number for number in reversed(notes) if number in row["notes"]), "")
                programs.append(
                    Program(f"{name} ({version})", platform, family, version, _SUPPORT_BY_LETTER[letter], note)
                )
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
