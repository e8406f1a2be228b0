"""How well mail programs support what a mail uses, as Mailpit tells it: warnings, and a score for all of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from lazr.smtptest.mail.mime import caps
from lazr.smtptest.web.apart import apart
from lazr.smtptest.web.htmlcheck.table import features, platforms
from lazr.smtptest.web.htmlcheck.uses import SCRIPT, TESTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazr.smtptest.web.htmlcheck.table import Feature

__all__ = ["HTMLCheckResponse", "checked", "scored"]

_SECONDS = 10


class Result(TypedDict):
    """Whether a mail program supports it: `yes`, `no` or `partial`."""

    Name: str
    Platform: str
    Family: str
    Version: str
    Support: str
    NoteNumber: str


class Score(TypedDict):
    """How often it was found; and how many of the mail programs do what with it, in percent."""

    Found: int
    Supported: float
    Partial: float
    Unsupported: float


class Warning(TypedDict):  # noqa: A001
    """Something that was found, and that not every mail program supports."""

    Slug: str
    Title: str
    Description: str
    URL: str
    Category: str
    Tags: list[str]
    Keywords: str
    Results: list[Result]
    NotesByNumber: dict[str, str]
    Score: Score


class Total(TypedDict):
    """How much was looked for, in how many elements, and how much of it is supported, in percent."""

    Tests: int
    Nodes: int
    Supported: float
    Partial: float
    Unsupported: float


class HTMLCheckResponse(TypedDict):
    """How well mail programs support the HTML of a mail."""

    Warnings: list[Warning]
    Platforms: dict[str, list[str]]
    Total: Total


def checked(html: str) -> HTMLCheckResponse:
    """What there is to be said of some HTML, of which the first megabyte is looked at.

    Raises `Failed` where that takes too long.
    """
    octets = html[: caps.DERIVED].encode("utf-8", "replace")
    counted = json.loads(apart("lazr.smtptest.web.htmlcheck.uses", octets, seconds=_SECONDS))
    return scored(counted["nodes"], counted["found"])


def scored(nodes: int, found: Mapping[str, int]) -> HTMLCheckResponse:
    """The answer, for what was found in so many elements."""
    known = features()
    warnings = [_warning(known[slug], count) for slug, count in found.items() if slug in known]
    warnings = [one for one in warnings if one["Score"]["Supported"] < 100]
    if found.get(SCRIPT):
        warnings.append(_script(found[SCRIPT]))

    def weight(one: Warning, which: tuple[str, ...]) -> float:
        # What is used more often than there are elements, as a rule of CSS can be, counts as if it were in all of them.
        return sum(one["Score"][name] for name in which) * min(1, one["Score"]["Found"] / max(1, nodes))  # type: ignore[literal-required]

    warnings.sort(key=lambda one: (-weight(one, ("Partial", "Unsupported")), one["Slug"]))
    partial = max((weight(one, ("Partial",)) for one in warnings), default=0)
    unsupported = max((weight(one, ("Unsupported",)) for one in warnings), default=0)
    return {
        "Warnings": warnings,
        "Platforms": platforms(),
        "Total": {
            "Tests": len(TESTS),
            "Nodes": nodes,
            "Supported": round(max(0, 100 - partial - unsupported), 5),
            "Partial": round(partial, 5),
            "Unsupported": round(unsupported, 5),
        },
    }


def _warning(feature: Feature, count: int) -> Warning:
    return {
        "Slug": feature.slug,
        "Title": feature.title,
        "Description": feature.description,
        "URL": feature.url,
        "Category": feature.category,
        "Tags": list(feature.tags),
        "Keywords": feature.keywords,
        "Results": [
            {
                "Name": one.name,
                "Platform": one.platform,
                "Family": one.family,
                "Version": one.version,
                "Support": one.support,
                "NoteNumber": one.note,
            }
            for one in feature.programs
        ],
        "NotesByNumber": dict(feature.notes),
        "Score": {
            "Found": count,
            "Supported": round(feature.share("yes"), 5),
            "Partial": round(feature.share("partial"), 5),
            "Unsupported": round(feature.share("no"), 5),
        },
    }


def _script(count: int) -> Warning:
    return {
        "Slug": SCRIPT,
        "Title": "<script> element",
        "Description": "No mail program runs scripts.",
        "URL": "",
        "Category": "html",
        "Tags": [],
        "Keywords": "",
        "Results": [],
        "NotesByNumber": {},
        "Score": {"Found": count, "Supported": 0, "Partial": 0, "Unsupported": 100},
    }
