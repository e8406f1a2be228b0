"""`smtptest check`: review a mail in a file, or a mail of a running server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.api_client import ApiError
from lazr.smtptest.cli.config.shared_options import ApiOptions, JsonOption
from lazr.smtptest.cli.config.typer_options import expand_options, option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import print_json, print_table, print_text
from lazr.smtptest.cli.output.text import is_color_enabled
from lazr.smtptest.errors import SmtptestError
from lazr.smtptest.mail import Mail

if TYPE_CHECKING:
    from lazr.smtptest.api_client import ApiClient

__all__ = ["EXAMPLES", "check"]

EXAMPLES = (
    "smtptest check welcome.eml",
    "smtptest check - --fail-on warning < welcome.eml",
    "smtptest check latest --query to:=ann@example.com --ignore html-lang",
    "smtptest check welcome.eml --json | jq -r '.findings[].rule'",
)

_SEVERITIES = ("error", "warning", "info")
_FAILED = 2
_COLORS = {"error": "red", "warning": "yellow", "info": "blue"}
_FOUND, _NOT_FOUND = 1, 404


@expand_options(api_options=ApiOptions)
def check(
    api_options: ApiOptions,
    *,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|ID",
            help="File with a mail, - for standard input, or ID of a mail of the server; latest is the newest.",
        ),
    ] = "latest",
    query: Annotated[
        str, option("--query", "-q", help="With latest: the newest mail that this search finds.", show_default=False)
    ] = "",
    severity: Annotated[
        Literal["error", "warning", "info"],
        option("--severity", metavar="error|warning|info", help="Print findings of this severity and worse ones."),
    ] = "info",
    fail_on: Annotated[
        Literal["error", "warning", "info", "never"],
        option(
            "--fail-on",
            metavar="error|warning|info|never",
            help="Exit with status 1 if there are findings of this severity or worse.",
        ),
    ] = "error",
    ignore: Annotated[
        list[str] | None, option("--ignore", metavar="RULE", help="Rule that is left out; repeatable.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Review a mail: broken RFCs, links, HTML support, unsubscription, signs of spam.

    The exit status is 0 if there are no findings of the severity of --fail-on, 1 if there are some, and 2 if the mail
    cannot be read.
    """
    from lazr.smtptest.mail import REVIEW_RULES  # the other commands start faster without

    ignored = set(ignore or ())
    unknown = sorted(ignored - {rule.name for rule in REVIEW_RULES})
    if unknown:
        raise CommandError(f"--ignore must name a rule, got {unknown[0]!r}; the page Rules of the review lists them", 2)
    try:
        review = _review(api_options, source, query)
    except SmtptestError as error:
        raise CommandError(str(error), _FAILED) from None
    findings = [finding for finding in review["findings"] if finding["rule"] not in ignored]
    shown = [finding for finding in findings if _is_as_bad(finding, severity)]
    if as_json:
        print_json({**review, "findings": shown})
    else:
        _print_findings(shown)
        print_text(_summarize(findings, review))
    return _FOUND if any(_is_as_bad(finding, fail_on) for finding in findings) else 0


def _is_as_bad(finding: dict[str, Any], severity: str) -> bool:
    return severity != "never" and _SEVERITIES.index(finding["severity"]) <= _SEVERITIES.index(severity)


def _review(api_options: ApiOptions, source: str, query: str) -> dict[str, Any]:
    """Return the review as `Review.to_dict` has it."""
    if source == "-":
        return Mail.from_bytes(sys.stdin.buffer.read()).check().to_dict()
    path = Path(source)
    # An ID has letters and digits only.
    if not source.isalnum() or path.is_file():
        try:
            return Mail.from_file(path).check().to_dict()
        except OSError as error:
            raise CommandError(f"{escape_unprintable(source)}: {error.strerror or error}", _FAILED) from None
    with api_options.open_client() as api:
        return _fetch_review(api, source, query)


def _fetch_review(api: ApiClient, id: str, query: str) -> dict[str, Any]:
    path = f"/api/v1/message/{id}/review"
    try:
        review = api.request_json("GET", path, query={"query": query} if query else None)
    except ApiError as error:
        if error.http_status != _NOT_FOUND:
            raise
        # No such mail, or a server without reviews, such as Mailpit: `fetch_message` tells.
        name = api.fetch_message(id, query)["ID"]
        return Mail.from_bytes(api.fetch_raw(name)).check().to_dict()
    try:
        return {
            "findings": [
                {name.lower(): finding[name] for name in ("Rule", "Severity", "Text", "Where", "Line", "URL")}
                for finding in review["Findings"]
                if finding["Severity"] in _SEVERITIES
            ],
            "spam_score": float(review["SpamScore"]),
            "spam_threshold": float(review["SpamThreshold"]),
            "spam_signs": [
                {name.lower(): rule[name] for name in ("Name", "Score", "Description")} for rule in review["SpamRules"]
            ],
        }
    except (KeyError, TypeError, ValueError):
        raise CommandError(f"{api.url}: {path} must answer with a review; is it another server?", _FAILED) from None


def _summarize(findings: list[dict[str, Any]], review: dict[str, Any]) -> str:
    severities = [finding["severity"] for finding in findings]
    counts = [f"{severities.count(name)} {name}{'' if severities.count(name) == 1 else 's'}" for name in _SEVERITIES]
    return f"{', '.join(counts)}; spam score {review['spam_score']:g} of {review['spam_threshold']:g}"


def _print_findings(findings: list[dict[str, Any]]) -> None:
    columns = ("severity", "line", "place", "rule", "finding")
    rows = [
        (
            str(finding["severity"]),
            "" if finding["line"] is None else f"{finding['line']}",
            str(finding["where"]),
            str(finding["rule"]),
            str(finding["text"]),
        )
        for finding in findings
    ]
    if not findings:
        return
    if not sys.stdout.isatty():
        print_table(columns, rows, right_aligned=("line",))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column == "line" else "left", no_wrap=column != "finding")
    for finding, row in zip(findings, rows, strict=True):
        cells = [Text(escape_unprintable(cell)) for cell in row]
        cells[0].stylize(_COLORS.get(row[0], ""))
        if str(finding["url"]).startswith("https://"):
            cells[3].stylize(f"link {escape_unprintable(str(finding['url']))}")
        table.add_row(*cells)
    Console(highlight=False, no_color=not is_color_enabled(sys.stdout) or None).print(table)
