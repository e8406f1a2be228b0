"""Score how well mail programs support the HTML of a mail, in Mailpit's format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from lazr.smtptest.mail import SCRIPT_SLUG, TESTED_SLUGS, load_features, load_platforms, measure_features

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lazr.smtptest.mail import Feature

__all__ = ["HTMLCheckResponse", "build_html_check_response", "run_html_check"]


class HTMLCheckResult(TypedDict):
    """Whether a mail program supports a feature: `yes`, `no` or `partial`."""

    Name: str
    Platform: str
    Family: str
    Version: str
    Support: str
    NoteNumber: str


class HTMLCheckScore(TypedDict):
    """The number of uses of a feature, and how many mail programs support it.

    The shares of mail programs are in percent.
    """

    Found: int
    Supported: float
    Partial: float
    Unsupported: float


class HTMLCheckPlace(TypedDict):
    """A place in the HTML: a line and a column, both from 1."""

    Line: int
    Column: int


class HTMLCheckWarning(TypedDict):
    """A feature in the mail that some mail programs do not support, or support partially.

    Mailpit has no `Places`: the first 20 places in the HTML.
    """

    Slug: str
    Title: str
    Description: str
    URL: str
    Category: str
    Tags: list[str]
    Keywords: str
    Results: list[HTMLCheckResult]
    NotesByNumber: dict[str, str]
    Score: HTMLCheckScore
    Places: list[HTMLCheckPlace]


class HTMLCheckTotal(TypedDict):
    """The numbers of tested features and elements, and the supported shares.

    The shares are in percent.
    """

    Tests: int
    Nodes: int
    Supported: float
    Partial: float
    Unsupported: float


class HTMLCheckResponse(TypedDict):
    """How well mail programs support the HTML of a mail."""

    Warnings: list[HTMLCheckWarning]
    Platforms: dict[str, list[str]]
    Total: HTMLCheckTotal


def run_html_check(html: str) -> HTMLCheckResponse:
    """Check the first 1 MiB of an HTML document, in a child process.

    Raises:
        ChildProcessFailed: if the check takes more than 10 s or too much memory.
        MissingExtra: if tinycss2 is not installed.
    """
    return build_html_check_response(*measure_features(html))


def build_html_check_response(
    node_count: int, feature_counts: Mapping[str, int], places: Mapping[str, Sequence[Sequence[int]]]
) -> HTMLCheckResponse:
    """Return the score and the warnings of a document.

    The arguments are the number of its elements, and by slug the counts of features and their lines and columns.
    """
    features = load_features()
    warnings = [
        _build_warning(features[slug], count, places.get(slug, ()))
        for slug, count in feature_counts.items()
        if slug in features
    ]
    warnings = [warning for warning in warnings if warning["Score"]["Supported"] < 100]
    if feature_counts.get(SCRIPT_SLUG):
        warnings.append(_build_script_warning(feature_counts[SCRIPT_SLUG], places.get(SCRIPT_SLUG, ())))

    def weigh(warning: HTMLCheckWarning, *shares: str) -> float:
        score = warning["Score"]
        # A feature of CSS can occur more often than there are elements; it counts as if all elements used it.
        return sum(score[share] for share in shares) * min(1, score["Found"] / max(1, node_count))  # type: ignore[literal-required]

    warnings.sort(key=lambda warning: (-weigh(warning, "Partial", "Unsupported"), warning["Slug"]))
    partial = max((weigh(warning, "Partial") for warning in warnings), default=0)
    unsupported = max((weigh(warning, "Unsupported") for warning in warnings), default=0)
    return {
        "Warnings": warnings,
        "Platforms": load_platforms(),
        "Total": {
            "Tests": len(TESTED_SLUGS),
            "Nodes": node_count,
            "Supported": round(max(0, 100 - partial - unsupported), 5),
            "Partial": round(partial, 5),
            "Unsupported": round(unsupported, 5),
        },
    }


def _build_warning(feature: Feature, count: int, places: Sequence[Sequence[int]]) -> HTMLCheckWarning:
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
                "Name": program.name,
                "Platform": program.platform,
                "Family": program.family,
                "Version": program.version,
                "Support": program.support,
                "NoteNumber": program.note,
            }
            for program in feature.programs
        ],
        "NotesByNumber": dict(feature.notes),
        "Score": {
            "Found": count,
            "Supported": round(feature.compute_percent("yes"), 5),
            "Partial": round(feature.compute_percent("partial"), 5),
            "Unsupported": round(feature.compute_percent("no"), 5),
        },
        "Places": _build_places(places),
    }


def _build_places(places: Sequence[Sequence[int]]) -> list[HTMLCheckPlace]:
    return [{"Line": line, "Column": column} for line, column in places]


def _build_script_warning(count: int, places: Sequence[Sequence[int]]) -> HTMLCheckWarning:
    return {
        "Slug": SCRIPT_SLUG,
        "Title": "<script> element",
        "Description": "No mail program runs scripts.",
        "URL": "",
        "Category": "html",
        "Tags": [],
        "Keywords": "",
        "Results": [],
        "NotesByNumber": {},
        "Score": {"Found": count, "Supported": 0, "Partial": 0, "Unsupported": 100},
        "Places": _build_places(places),
    }
