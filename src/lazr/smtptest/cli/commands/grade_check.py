"""Check that a client can send a mail to a good server, before it is graded."""

import shutil
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, NoReturn

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.grading import Behavior, Result
from lazr.smtptest.grading.control import run_control
from lazr.smtptest.grading.reports import Mark, format_reason, get_mark

if TYPE_CHECKING:
    from lazr.smtptest.grading.behavior import Security

__all__ = ["check_client"]

_USAGE_ERROR = 2
_MAX_HINT_LINES = 12
_MAX_LINE_CHARACTERS = 300
_SECURITIES: "tuple[Security, ...]" = ("none", "starttls", "implicit")


def check_client(command: Sequence[str], timeout: float, behaviors: Sequence[Behavior]) -> None:
    """Raise an error if the client cannot send a mail to a server without faults.

    The error says what to do.

    Args:
        command: The program and its arguments.
        timeout: The seconds after which it is stopped.
        behaviors: What it will be graded with.  If all of them demand TLS or AUTH, this server has it, too.
    """
    program = command[0]
    if shutil.which(program) is None:
        hint = "; the program must be on the PATH, or named with its folder"
        if " " in program:
            hint = f"; write the words without quotes: -- {program}"
        raise CommandError(f"cannot run {escape_unprintable(program)!r}{hint}", _USAGE_ERROR)
    security = "none" if any(one.security == "none" for one in behaviors) else behaviors[0].security
    auth = all(one.auth for one in behaviors)
    try:
        result = run_control(command, timeout, security=security, auth=auth)
    except OSError as error:
        raise CommandError(
            f"cannot run {escape_unprintable(program)!r}: {error.strerror or error}", _USAGE_ERROR
        ) from None
    if get_mark(result) is not Mark.RIGHT:
        _fail(command, result, _find_options(command, timeout, result, (security, auth)))


def _find_options(command: Sequence[str], timeout: float, result: Result, tried: "tuple[Security, bool]") -> str:
    """Return the options that the client needs; "" if none help, or if it hangs."""
    if not result.sessions or result.exit_status is None:
        return ""
    for security, auth in product(_SECURITIES, (False, True)):
        if (security, auth) != tried:
            other = run_control(command, timeout, security=security, auth=auth)
            if get_mark(other) is Mark.RIGHT:
                words = [*([] if security == "none" else ["--security", security]), *(["--auth"] if auth else [])]
                return " ".join(words)
            if other.exit_status is None:
                break
    return ""


def _fail(command: Sequence[str], result: Result, options: str) -> NoReturn:
    """Raise an error that shows what the client did, and what to do."""
    status = "it was stopped" if result.exit_status is None else f"its exit status is {result.exit_status}"
    problem = f"{result.outcome.value} ({status}). {format_reason(result)}"
    lines = [
        f"the client must first send a mail to a server without faults, and this failed: {problem}",
        f"  command: {escape_unprintable(' '.join(command))}",
    ]
    if options:
        lines.append(
            f"  it works with {options}: add that for a client that does not obey SMTP_SECURITY and SMTP_USERNAME"
        )
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
    lines = text.splitlines()[-_MAX_HINT_LINES:]
    return [f"    {line if len(line) <= _MAX_LINE_CHARACTERS else line[:_MAX_LINE_CHARACTERS] + '…'}" for line in lines]
