"""The control trial: whether a client can send a mail to a server without faults."""

from __future__ import annotations

import threading
from dataclasses import replace

from lazr.smtptest.grading.behavior import Behavior, Outcome
from lazr.smtptest.grading.client import CommandClient
from lazr.smtptest.grading.termination import unwind_at_termination
from lazr.smtptest.grading.trial import run_trial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from lazr.smtptest.grading.behavior import Security
    from lazr.smtptest.grading.result import Result

__all__ = ["CONTROL", "run_control"]

CONTROL: Final = Behavior(
    "control",
    "connection",
    "RFC 5321 3.3",
    "The server has no faults",
    "The client delivers the mail.",
    frozenset({Outcome.DELIVERED}),
    needs=frozenset({"MAIL"}),
)


def run_control(command: Sequence[str], timeout: float = 10.0, *, security: Security = "none") -> Result:
    """Run a command against a server without faults, as all other verdicts need that.

    Args:
        command: The program and its arguments.
        timeout: The seconds after which it is killed.
        security: What the client must demand; the server has a valid certificate.

    Raises:
        OSError: The program cannot be started.
        MissingExtra: `security` needs the extra `tls`.
    """
    tls = {} if security == "none" else {"tls": security}
    behavior = replace(CONTROL, security=security, server=tls)
    with unwind_at_termination():
        return run_trial(behavior, CommandClient(command), timeout, threading.Event())
