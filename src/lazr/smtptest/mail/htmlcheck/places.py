"""The places of features in an HTML document."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["MAX_PLACES", "FeaturePlaces", "Place"]

MAX_PLACES = 20
"""How many places of each feature are kept: the first ones."""


class Place(NamedTuple):
    """A line and a column, both from 1."""

    line: int
    column: int


class FeaturePlaces:
    r"""Collects the places of features in one document.

    Args:
        html: the document, with LF at the ends of lines.

    >>> places = FeaturePlaces("<p>\n <b>")
    >>> places.add({"html-b"}, places.find(5))
    >>> places.get_places("html-b")
    [Place(line=2, column=2)]
    """

    def __init__(self, html: str) -> None:
        self._line_starts = [0]
        at = html.find("\n")
        while at >= 0:
            self._line_starts.append(at + 1)
            at = html.find("\n", at + 1)
        self._places_by_slug: dict[str, set[Place]] = {}

    def find(self, position: int) -> Place:
        """Return the line and the column of a position in the document."""
        line = bisect_right(self._line_starts, position)
        return Place(line, position - self._line_starts[line - 1] + 1)

    def add(self, slugs: Collection[str], place: Place) -> None:
        """Record that these features are at a place."""
        for slug in slugs:
            places = self._places_by_slug.setdefault(slug, set())
            places.add(place)
            if len(places) > 2 * MAX_PLACES:
                self._places_by_slug[slug] = set(sorted(places)[:MAX_PLACES])

    def get_places(self, slug: str) -> list[Place]:
        """Return the first places of a feature, in order."""
        return sorted(self._places_by_slug.get(slug, ()))[:MAX_PLACES]
