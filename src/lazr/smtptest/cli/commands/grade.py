"""`smtptest grade`: run a client against servers with many behaviors, and judge it."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.cli.config.typer_options import flag, option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.grade_progress import GradeProgress
from lazr.smtptest.cli.output.terminal import print_table, print_text
from lazr.smtptest.cli.output.text import is_color_enabled
from lazr.smtptest.grading import Behavior, Grades, Result, find_behaviors, grade_command
from lazr.smtptest.grading.control import run_control
from lazr.smtptest.grading.reports import (
    BaselineError,
    Comparison,
    Mark,
    format_reason,
    get_mark,
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
_MAX_HINT_LINES = 12
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
    are wrong, or the command cannot send a mail to a server without faults.
    """
    try:
        behaviors = find_behaviors(only or (), exclude or ())
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
    _check_client(command, timeout, behaviors)
    names = [behavior.name for behavior in behaviors]
    try:
        with GradeProgress(len(behaviors), name_width=max(map(len, names))) as progress:
            grades = grade_command(
                command,
                only=names,
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
    wrong = [result for result in grades if get_mark(result) is Mark.WRONG]
    return int(bool(wrong if comparison is None else comparison.worse))


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


def _check_client(command: Sequence[str], timeout: float, behaviors: Sequence[Behavior]) -> None:
    """Raise an error if the client cannot send a mail to a server without faults."""
    program = command[0]
    if shutil.which(program) is None:
        hint = "; the program must be on the PATH, or named with its folder"
        if " " in program:
            hint = f"; write the words without quotes: -- {program}"
        raise CommandError(f"cannot run {escape_unprintable(program)!r}{hint}", _USAGE_ERROR)
    # A client that knows only TLS can be graded with the behaviors that demand it.
    security = "none" if any(one.security == "none" for one in behaviors) else behaviors[0].security
    try:
        result = run_control(command, timeout, security=security)
    except OSError as error:
        raise CommandError(
            f"cannot run {escape_unprintable(program)!r}: {error.strerror or error}", _USAGE_ERROR
        ) from None
    if get_mark(result) is not Mark.RIGHT:
        _fail_control(command, result)


def _fail_control(command: Sequence[str], result: Result) -> NoReturn:
    """Raise an error that shows what the client did, and what to do."""
    status = "it was stopped" if result.exit_status is None else f"its exit status is {result.exit_status}"
    problem = f"{result.outcome.value} ({status}). {format_reason(result)}"
    lines = [
        f"the client must first send a mail to a server without faults, and this failed: {problem}",
        f"  command: {escape_unprintable(' '.join(command))}",
    ]
    if result.sessions:
        lines += ["  the dialogue:", *_indent(result.sessions[-1].transcript.format_brief(_MAX_HINT_LINES))]
    else:
        lines.append(
            "  the client did not connect to SMTP_HOST and SMTP_PORT; it must read these variables, or have {host} and "
            "{port} in its arguments"
        )
    if result.stderr:
        lines += ["  it printed:", *_indent(escape_unprintable(result.stderr, multiline=True))]
    raise CommandError("\n".join(lines), _USAGE_ERROR)


def _indent(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()[-_MAX_HINT_LINES:]]


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
