"""Grade a client: run it once against each behavior, and collect the results."""

from __future__ import annotations

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime

from lazr.smtptest._util.seconds import check_seconds
from lazr.smtptest.grading.behaviors import find_behaviors
from lazr.smtptest.grading.client import CommandClient, FunctionClient
from lazr.smtptest.grading.result import Grades, Result
from lazr.smtptest.grading.termination import unwind_at_termination
from lazr.smtptest.grading.trial import run_trial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lazr.smtptest.grading.behavior import Behavior
    from lazr.smtptest.grading.client import Client
    from lazr.smtptest.grading.task import GradeTask

__all__ = ["grade", "grade_command"]

_DEFAULT_JOBS = 4


def grade(
    deliver: Callable[[GradeTask], object],
    *,
    only: Iterable[str] = (),
    exclude: Iterable[str] = (),
    client: str = "",
    timeout: float = 10.0,
    jobs: int = _DEFAULT_JOBS,
    on_result: Callable[[Result], object] | None = None,
) -> Grades:
    r"""Call a function once for each behavior of a server, and judge its mail.

    The function sends the mail of a `GradeTask`.  If it returns, the mail was sent; an exception reports a failure;
    `Deferred` means that the mail is kept for a later attempt, and `NotSupported` that the client lacks something,
    such as AUTH.  It runs in several threads at the same time.

    Args:
        deliver: The function; it may be a coroutine function.
        only: Names and groups of behaviors, with `*` as a wildcard; all by default.
        exclude: Names and groups of behaviors to leave out.
        client: The name of the client; by default that of the function.
        timeout: The seconds after which a call counts as hung; 10 by default.
        jobs: How many behaviors are tried at the same time; 4 by default.
        on_result: Called in this thread with each `Result`, as soon as it is known.

    Returns:
        The results in the order of the behaviors.

    Raises:
        ValueError: An unknown behavior, or a number out of range.
        MissingExtra: Behaviors with TLS need the extra `tls`.

    >>> import smtplib
    >>> def deliver(task):
    ...     with smtplib.SMTP(task.host, task.port, local_hostname="client.example", timeout=task.timeout) as client:
    ...         refused = client.sendmail(task.sender, task.recipients, task.message)
    ...     if refused:
    ...         raise OSError(str(refused))
    >>> grades = grade(deliver, only=["data-451", "rcpt-550"])
    >>> for result in grades:
    ...     print(f"{result.behavior.name}: {result.outcome}: {result.reason}")
    rcpt-550: refused and reported: the client reported the failure: the server answered 550 to RCPT
    data-451: refused and reported: the client reported the failure: the server answered 451 to DATA
    >>> grades.score
    '2 of 2'
    """
    name = client or getattr(deliver, "__qualname__", "") or type(deliver).__name__
    behaviors = find_behaviors(only, exclude)
    return _run_trials(FunctionClient(deliver), name, behaviors, timeout=timeout, jobs=jobs, on_result=on_result)


def grade_command(
    command: Sequence[str],
    *,
    only: Iterable[str] = (),
    exclude: Iterable[str] = (),
    client: str = "",
    timeout: float = 10.0,
    jobs: int = _DEFAULT_JOBS,
    on_result: Callable[[Result], object] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Grades:
    """Run a command once for each behavior of a server, and judge its mail.

    The command learns its task from environment variables such as SMTP_HOST, SMTP_PORT and SMTP_MESSAGE_FILE, and from
    words in its arguments such as `{host}`, which are replaced.  The message is on its standard input, too.  Exit
    status 0 means that the mail was sent, 75 that it is kept for a later attempt, any other that it failed.

    The commands are killed at Ctrl-C, SIGTERM and SIGHUP, too.  A process that leaves the group of its command, as
    daemons do, is not killed.

    Args:
        command: The program and its arguments.
        only: Names and groups of behaviors, with `*` as a wildcard; all by default.
        exclude: Names and groups of behaviors to leave out.
        client: The name of the client; by default that of the program.
        timeout: The seconds after which the command is killed with all processes of its group; 10 by default.
        jobs: How many behaviors are tried at the same time; 4 by default.
        on_result: Called in this thread with each `Result`, as soon as it is known.
        env: Environment variables besides those of the task; the current environment by default.
        cwd: The folder to run it in; the current one by default.

    Returns:
        The results in the order of the behaviors.

    Raises:
        FileNotFoundError: There is no such program.
        TypeError: `command` is a string.
        ValueError: An empty command, an unknown behavior, or a number out of range.
        MissingExtra: Behaviors with TLS need the extra `tls`.

    >>> import sys
    >>> program = "import os, smtplib; smtplib.SMTP(os.environ['SMTP_HOST'], int(os.environ['SMTP_PORT']))"
    >>> grades = grade_command([sys.executable, "-c", program], only=["greeting-554"])
    >>> grades[0].outcome, grades[0].exit_status, grades[0].stderr.splitlines()[-1]
    (<Outcome.REFUSED: 'refused and reported'>, 1, "smtplib.SMTPConnectError: (554, b'5.3.2 No mail service here')")
    """
    if isinstance(command, (str, bytes)):
        raise TypeError(f"command must be a list of words, got {command!r}; use shlex.split()")
    if not command:
        raise ValueError("command must have at least the name of a program, got an empty list")
    _check_program(command[0], cwd)
    runner = CommandClient(command, env=env, cwd=cwd)
    name = client or os.path.basename(command[0])
    behaviors = find_behaviors(only, exclude)
    return _run_trials(runner, name, behaviors, timeout=timeout, jobs=jobs, on_result=on_result)


def _check_program(program: str, cwd: str | os.PathLike[str] | None) -> None:
    path = os.path.join(cwd, program) if cwd is not None and os.path.dirname(program) else program
    if shutil.which(path) is None:
        raise FileNotFoundError(f"there is no program {program!r}; give its path, or a name that is in PATH")


def _run_trials(
    client: Client,
    name: str,
    behaviors: Sequence[Behavior],
    *,
    timeout: float,
    jobs: int,
    on_result: Callable[[Result], object] | None,
) -> Grades:
    limit = check_seconds("timeout", timeout)
    if not limit:
        raise ValueError(f"timeout must be a number of seconds > 0, got {timeout!r}")
    if type(jobs) is not int or jobs < 1:
        raise ValueError(f"jobs must be a whole number >= 1, got {jobs!r}")
    cancel = threading.Event()
    started_at = datetime.now(UTC)
    with unwind_at_termination(), ThreadPoolExecutor(jobs, "grade") as executor:
        try:
            futures = [executor.submit(run_trial, behavior, client, limit, cancel) for behavior in behaviors]
            for future in as_completed(futures):
                result = future.result()
                if on_result is not None:
                    on_result(result)
        except BaseException:  # Ctrl-C, too: stop the clients, and start no others
            cancel.set()
            executor.shutdown(wait=True, cancel_futures=True)
            raise
    return Grades(name, [future.result() for future in futures], started_at)
