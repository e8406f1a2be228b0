"""One trial: a server with one behavior, and a client that sends its mail to it."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from dataclasses import replace
from typing import Any

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import RuleNeverActed
from lazr.smtptest.grading.behavior import Outcome
from lazr.smtptest.grading.message import RECIPIENTS, SENDER, UTF8_RECIPIENT, build_message, build_subject, create_token
from lazr.smtptest.grading.observation import Claim, Observation, count_attempts
from lazr.smtptest.grading.result import Result
from lazr.smtptest.grading.task import GradeTask
from lazr.smtptest.grading.verdict import judge
from lazr.smtptest.mailserver import MailServer
from lazr.smtptest.net import Listen
from lazr.smtptest.protocol.smtp import Auth

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from typing import Final, Self

    from lazr.smtptest.grading.behavior import Behavior
    from lazr.smtptest.grading.client import Client, ClientReport

__all__ = ["Trial", "run_trial"]

_HOST = "localhost"  # a name, as clients check the certificate of a name, and send no SNI for an address
# Without CHUNKING: behaviors of DATA must also be met by clients that prefer BDAT.
_EXTENSIONS = ("PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "HELP")
_USER = "ann@example.com"
_SETTLE_SECONDS = 2.0
_BIND_ATTEMPTS = 20
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EADDRINUSE, errno.ENOMEM, errno.ENOBUFS})
_SECOND_MAIL_LOST = (
    "the client said that both mails were sent, but it did not begin the second one; without the fault, it sends both"
)


class Trial:
    """A server with one behavior, the task for the client, and the result at the end.

    It is a context manager: the server runs until its end.

    - `server`: the server.
    - `task`: what the client has to do.

    Args:
        behavior: The behavior.

    >>> from lazr.smtptest.grading import find_behaviors
    >>> from lazr.smtptest.grading.client import ClientReport
    >>> with Trial(find_behaviors(["rcpt-550"])[0]) as trial:
    ...     trial.finish(ClientReport(Claim.SENT), 0.0).outcome
    <Outcome.LOST: 'lost'>
    """

    def __init__(self, behavior: Behavior) -> None:
        token = create_token()
        password = f"password-{token}"
        self._behavior = behavior
        self.server: Final = _start_server(behavior, password)
        try:
            self.server.rules.load(behavior.rules)
            self.task: Final = _build_task(behavior, self.server, token, password)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server."""
        with contextlib.suppress(RuleNeverActed):  # the verdict tells that
            self.server.stop()

    def finish(self, report: ClientReport, seconds: float) -> Result:
        """Return the result, after the client has ended.

        Args:
            report: What the client says.
            seconds: How long it took.
        """
        with contextlib.suppress(TimeoutError):
            self.server.settle(0.0 if report.claim is Claim.HUNG else _SETTLE_SECONDS)
        return _build_result(self._behavior, self.server, self.task, report, seconds)


def run_trial(behavior: Behavior, client: Client, limit: float, cancel: threading.Event) -> Result:
    """Run a client against a server with one behavior, and return the result.

    Args:
        behavior: The behavior.
        client: The client.
        limit: The seconds after which the client is stopped.
        cancel: Set when the whole run is cancelled.
    """
    result, is_first_alone = _run_once(behavior, client, limit, cancel)
    # Is the client made for one mail, or has it lost the second one without a word?  A server without the fault shows.
    if is_first_alone and behavior.rules and not cancel.is_set():
        control, _ = _run_once(replace(behavior, rules=()), client, limit, cancel)
        if control.outcome is Outcome.DELIVERED:
            return replace(result, outcome=Outcome.LOST, is_right=False, reason=_SECOND_MAIL_LOST)
    return result


def _run_once(behavior: Behavior, client: Client, limit: float, cancel: threading.Event) -> tuple[Result, bool]:
    """Run a client once; return the result, and whether only the first of several mails came.

    The second value is true only for a client that says that it has sent all of them.
    """
    with _explain_shortage(), Trial(behavior) as trial:
        begin = monotonic()
        report = client.run(trial.task, limit, cancel)
        result = trial.finish(report, monotonic() - begin)
        is_first_alone = (
            behavior.mails > 1 and result.is_skipped and report.claim is Claim.SENT and len(trial.server.inbox) == 1
        )
        return result, is_first_alone


@contextlib.contextmanager
def _explain_shortage() -> Iterator[None]:
    """Say what to do if the system has no more files, processes or ports."""
    try:
        yield
    except OSError as error:
        if error.errno not in _SHORTAGES:
            raise
        raise OSError(
            error.errno,
            f"cannot run that many trials at the same time ({os.strerror(error.errno)}); "
            "use fewer jobs, or raise the limit, as with `ulimit -n`",
        ) from error


def _start_server(behavior: Behavior, password: str) -> MailServer:
    """Start a server at 127.0.0.1 and, if the system has IPv6, at the same port of ::1."""
    arguments: dict[str, Any] = {"auth": _build_auth(behavior, password), "extensions": _EXTENSIONS, **behavior.server}
    for attempt in range(_BIND_ATTEMPTS):
        port, has_ipv6 = _find_port()
        server = MailServer("127.0.0.1", port, also=[Listen("::1", port)] if has_ipv6 else (), **arguments)
        try:
            server.start()
        except OSError:  # another process has taken the port meanwhile
            if attempt == _BIND_ATTEMPTS - 1:
                raise
        else:
            return server
    raise AssertionError("unreachable")  # pragma: no cover


def _find_port() -> tuple[int, bool]:
    """Return a port that is free at 127.0.0.1, and whether it is free at ::1, too."""
    with socket.socket() as ipv4:
        ipv4.bind(("127.0.0.1", 0))
        port: int = ipv4.getsockname()[1]
        try:
            with socket.socket(socket.AF_INET6) as ipv6:
                ipv6.bind(("::1", port))
        except OSError:
            return port, False
    return port, True


def _build_auth(behavior: Behavior, password: str) -> Auth | None:
    """Return who may authenticate, and with which mechanisms."""
    if not behavior.auth:
        return None
    return Auth({_USER: password}, mechanisms=behavior.mechanisms, in_clear=behavior.auth_in_clear)


def _build_task(behavior: Behavior, server: MailServer, token: str, password: str) -> GradeTask:
    recipients = (UTF8_RECIPIENT,) if behavior.utf8 else RECIPIENTS[: behavior.recipients]
    numbers = range(1, behavior.mails + 1)
    scheme = "smtps" if behavior.security == "implicit" else "smtp"
    return GradeTask(
        behavior=behavior.name,
        host=_HOST,
        port=server.port,
        url=f"{scheme}://{_HOST}:{server.port}",
        security=behavior.security,
        user=_USER if behavior.auth else "",
        password=password if behavior.auth else "",
        ca_file=server.ca_file if behavior.security != "none" else "",
        sender=SENDER,
        recipients=recipients,
        messages=tuple(build_message(behavior, token, number, recipients) for number in numbers),
        subjects=tuple(build_subject(behavior, token, number) for number in numbers),
        timeout=behavior.timeout,
    )


def _build_result(
    behavior: Behavior, server: MailServer, task: GradeTask, report: ClientReport, seconds: float
) -> Result:
    sessions = tuple(server.sessions)
    verdict = judge(
        behavior,
        Observation(
            claim=report.claim,
            subjects=task.subjects,
            messages=task.messages,
            recipients=task.recipients,
            mails=tuple(server.inbox),
            sessions=sessions,
            has_rule_acted=any(rule.count for rule in server.rules),
            claim_text=report.text,
            seconds=seconds,
        ),
    )
    return Result(
        behavior=behavior,
        outcome=verdict.outcome,
        is_right=verdict.is_right,
        reason=verdict.reason,
        attempts=count_attempts(sessions),
        seconds=seconds,
        exit_status=report.exit_status,
        stderr=report.text,
        sessions=sessions,
        transcripts=tuple(str(session.transcript) for session in sessions),
        findings=tuple(dict.fromkeys(finding for session in sessions for finding in session.findings)),
    )
