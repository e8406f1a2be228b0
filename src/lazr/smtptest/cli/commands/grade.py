"""`smtptest grade`: run a client against servers with many behaviors, and judge it."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from lazr.smtptest.cli.commands.grade_check import check_client
from lazr.smtptest.cli.config.typer_options import flag, option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.grade_progress import GradeProgress
from lazr.smtptest.cli.output.terminal import print_table, print_text, print_warning
from lazr.smtptest.cli.output.text import is_color_enabled
from lazr.smtptest.grading import Behavior, Grades, find_behaviors, grade_command
from lazr.smtptest.grading.reports import (
    BaselineError,
    Comparison,
    format_reason,
    parse_grades,
    render_badge,
    render_html,
    render_json,
    render_junit,
    render_markdown,
    render_table,
)

__all__ = ["EXAMPLES", "grade"]

EXAMPLES = (
    "smtptest grade -- python send_mail.py",
    "smtptest grade --only starttls --only 'auth-*' -- ./send-mail {host} {port} {message}",
    "smtptest grade --json grades.json --html report.html -- node send.js",
    "smtptest grade --baseline grades.json --junit grades.xml -- node send.js",
    "smtptest grade --list",
)

_USAGE_ERROR = 2
_MAX_NAME_CHARACTERS = 60
_STANDARD_OUTPUT = Path("-")
_REPORT_PANEL = "Reports"


def grade(
    *,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND",
            help="The client: a program that sends one mail, and its arguments.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        option("--only", help="Behavior, group, or pattern with * and ?; repeatable.", metavar="NAME"),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        option("--exclude", help="Behavior, group or pattern to leave out; repeatable.", metavar="NAME"),
    ] = None,
    list_: Annotated[bool, flag("--list", help="List the behaviors, and run nothing.")] = False,
    security: Annotated[
        Literal["starttls", "implicit"] | None,
        option(
            "--security", help="TLS that the client always demands; by default, it obeys SMTP_SECURITY.", metavar="KIND"
        ),
    ] = None,
    auth: Annotated[
        bool, flag("--auth", help="The client always authenticates; by default, only if there is an SMTP_USERNAME.")
    ] = False,
    timeout: Annotated[
        float, option("--timeout", help="Seconds that the client may take for a behavior.", min=0.1)
    ] = 10.0,
    jobs: Annotated[int, option("--jobs", help="Number of clients that run at the same time.", min=1, max=64)] = 4,
    name: Annotated[
        str,
        option("--name", help="Name of the client in the reports; by default its command.", show_default=False),
    ] = "",
    json_file: Annotated[
        Path | None,
        option(
            "--json", help="Write JSON, which --baseline reads; - is the output.", metavar="FILE", panel=_REPORT_PANEL
        ),
    ] = None,
    junit: Annotated[
        Path | None, option("--junit", help="Write JUnit XML, for CI.", metavar="FILE", panel=_REPORT_PANEL)
    ] = None,
    markdown: Annotated[
        Path | None, option("--markdown", help="Write Markdown.", metavar="FILE", panel=_REPORT_PANEL)
    ] = None,
    html: Annotated[
        Path | None,
        option(
            "--html", help="Write one HTML page with all transcripts and diagrams.", metavar="FILE", panel=_REPORT_PANEL
        ),
    ] = None,
    badge: Annotated[
        Path | None,
        option(
            "--badge", help="Write the score as an SVG badge; --markdown shows it.", metavar="FILE", panel=_REPORT_PANEL
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        option(
            "--baseline",
            help="JSON of an earlier run: fail only for what is worse.",
            metavar="FILE",
            panel=_REPORT_PANEL,
        ),
    ] = None,
) -> int:
    """Run a client once for each behavior of servers, and report what it does wrong.

    The command gets the server, the credentials and the message in variables: SMTP_HOST, SMTP_PORT, SMTP_SECURITY,
    SMTP_USERNAME, SMTP_PASSWORD, SMTP_CA_FILE, SMTP_SENDER, SMTP_RECIPIENTS and SMTP_MESSAGE_FILE.  Words such as
    {host}, {port} and {message} in its arguments are replaced.

    Its exit status says what became of the mail: 0 is sent, 75 is deferred, any other is failed.

    Exit with status 0 if all is right or, with --baseline, nothing is worse; with 1 if not; and with 2 if the options
    are wrong, no behavior was tried, or the command cannot send a mail to a server without faults.
    """
    try:
        behaviors = find_behaviors(only or (), exclude or (), security=security, auth=auth)
    except ValueError as error:
        raise CommandError(str(error), _USAGE_ERROR) from None
    if list_:
        _print_behaviors(behaviors)
        return 0
    if not command:
        raise CommandError("grade needs a command: smtptest grade [OPTIONS] -- COMMAND", _USAGE_ERROR)
    reports = {"--json": json_file, "--junit": junit, "--markdown": markdown, "--html": html, "--badge": badge}
    _check_reports(reports)
    earlier = None if baseline is None else _read_baseline(baseline)
    names = [behavior.name for behavior in behaviors]
    check_client(command, timeout, behaviors)
    try:
        with GradeProgress(len(behaviors), name_width=max(map(len, names))) as progress:
            grades = grade_command(
                command,
                only=names,
                security=security,
                auth=auth,
                client=name or _build_client_name(command),
                timeout=timeout,
                jobs=jobs,
                on_result=progress.add,
            )
    except OSError as error:  # the system has no more files or processes
        raise CommandError(error.strerror or str(error), _USAGE_ERROR) from None
    comparison = None if earlier is None else Comparison(grades, earlier)
    badge_url = "" if badge is None or markdown is None else _find_badge_url(badge, markdown)
    renderers = {
        "--json": lambda: render_json(grades),
        "--junit": lambda: render_junit(grades, comparison),
        "--markdown": lambda: render_markdown(grades, comparison, badge_url),
        "--html": lambda: render_html(grades, comparison),
        "--badge": lambda: render_badge(grades),
    }
    for option_name, path in reports.items():
        if path is not None:
            _write_report(option_name, path, renderers[option_name]())
    if _STANDARD_OUTPUT not in reports.values():
        _print_grades(grades, comparison)
    if len(grades.skipped) == len(grades):
        # A job of CI that tests nothing must not pass.
        print_warning(f"no behavior was tried, so that there is no grade: {format_reason(grades[0])}")
        return _USAGE_ERROR
    return int(bool(grades.wrong if comparison is None else comparison.worse))


def _print_behaviors(behaviors: Sequence[Behavior]) -> None:
    rows = [(one.group, one.name, one.title, one.rfc) for one in behaviors]
    print_table(("group", "behavior", "what the server does", "RFC"), rows)


def _build_client_name(command: Sequence[str]) -> str:
    """Return the command without the folders of this machine."""
    words = [
        os.path.basename(command[0]),
        *(os.path.basename(word) if os.path.exists(word) else word for word in command[1:]),
    ]
    name = " ".join(words)
    return name if len(name) <= _MAX_NAME_CHARACTERS else f"{name[: _MAX_NAME_CHARACTERS - 1]}…"


def _check_reports(reports: dict[str, Path | None]) -> None:
    """Raise an error for a report that cannot be written, before the client runs."""
    files = {name: path for name, path in reports.items() if path is not None}
    to_output = [name for name, path in files.items() if path == _STANDARD_OUTPUT]
    if len(to_output) > 1:
        raise CommandError(f"only one report can be on standard output, got {' and '.join(to_output)}", _USAGE_ERROR)
    for name, path in files.items():
        if path.is_dir() or not path.parent.is_dir():
            raise CommandError(f"{name}: {path} must be a file in an existing folder", _USAGE_ERROR)


def _read_baseline(path: Path) -> Grades:
    try:
        return parse_grades(path.read_bytes(), str(path))
    except OSError as error:
        raise CommandError(f"--baseline: {path}: {error.strerror or error}", _USAGE_ERROR) from None
    except BaselineError as error:
        raise CommandError(f"--baseline: {error}", _USAGE_ERROR) from None


def _find_badge_url(badge: Path, markdown: Path) -> str:
    """Return the path of the badge, relative to the folder of the Markdown file."""
    folder = Path.cwd() if markdown == _STANDARD_OUTPUT else markdown.parent
    return Path(os.path.relpath(badge, folder)).as_posix()


def _write_report(name: str, path: Path, text: str) -> None:
    if path == _STANDARD_OUTPUT:
        print_text(text.removesuffix("\n"))
        return
    try:
        path.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise CommandError(f"{name}: {path}: {error.strerror or error}") from None


def _print_grades(grades: Grades, comparison: Comparison | None) -> None:
    print_text(
        render_table(
            grades,
            comparison,
            color=is_color_enabled(sys.stdout),
            width=shutil.get_terminal_size().columns if sys.stdout.isatty() else 100,
            ascii_only=not _can_print_marks(),
        )
    )


def _can_print_marks() -> bool:
    try:
        "✓✗–".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
