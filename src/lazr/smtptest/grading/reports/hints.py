"""Hints: wrong results that come from how the client is called, and how to call it."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Final

    from lazr.smtptest.grading.result import Result
    from lazr.smtptest.protocol.smtp import SessionRecord

__all__ = ["find_hints"]


def find_hints(results: Iterable[Result]) -> list[str]:
    """Return sentences about parts of the task that the client has ignored in all trials.

    Results that were read from a file have no sessions, and get no hints.

    Args:
        results: The results of the client.
    """
    wrong = [result for result in results if not result.is_right and result.sessions]
    return [text for is_ignored, text in _HINTS if is_ignored(wrong)]


def _ignores_starttls(wrong: Sequence[Result]) -> bool:
    sessions = _select_sessions(wrong, "starttls-valid", "starttls-required")
    return bool(sessions) and not any(_has_sent(session, "STARTTLS") for session in sessions)


def _ignores_implicit_tls(wrong: Sequence[Result]) -> bool:
    sessions = _select_sessions(wrong, "tls-valid")
    return bool(sessions) and all(session.tls is None and not _has_refused_certificate(session) for session in sessions)


def _refuses_certificate(wrong: Sequence[Result]) -> bool:
    return any(map(_has_refused_certificate, _select_sessions(wrong, "starttls-valid", "tls-valid")))


def _ignores_credentials(wrong: Sequence[Result]) -> bool:
    sessions = _select_sessions(wrong, "auth-valid")
    return any(session.tls is not None for session in sessions) and not any(
        _has_sent(session, "AUTH") for session in sessions
    )


def _ignores_recipients(wrong: Sequence[Result]) -> bool:
    return any(
        result.behavior.recipients > 1
        and result.outcome is Outcome.LOST
        and all(sum(command.verb == "RCPT" for command in session.commands) == 1 for session in result.sessions)
        for result in wrong
    )


def _ignores_timeout(wrong: Sequence[Result]) -> bool:
    return any(result.outcome is Outcome.HUNG and result.behavior.security != "implicit" for result in wrong)


def _select_sessions(wrong: Sequence[Result], *names: str) -> list[SessionRecord]:
    return [session for result in wrong if result.behavior.name in names for session in result.sessions]


def _has_refused_certificate(session: SessionRecord) -> bool:
    text = session.tls_failure or ""
    return "certificate" in text or "unknown ca" in text


def _has_sent(session: SessionRecord, verb: str) -> bool:
    return any(command.verb == verb for command in session.commands)


_HINTS: Final[tuple[tuple[Callable[[Sequence[Result]], bool], str], ...]] = (
    (
        _ignores_starttls,
        (
            "the client did not send STARTTLS when SMTP_SECURITY was starttls; make it obey that variable, "
            "or leave out what it cannot do, with --exclude starttls --exclude tls --exclude auth"
        ),
    ),
    (
        _ignores_implicit_tls,
        (
            "the client did not begin with TLS when SMTP_SECURITY was implicit; make it obey that variable, "
            "or leave that out with --exclude tls"
        ),
    ),
    (
        _refuses_certificate,
        "the client refused a valid certificate; make it trust the certificate authority in SMTP_CA_FILE",
    ),
    (
        _ignores_credentials,
        (
            "the client did not authenticate when there was an SMTP_USERNAME; make it use that and SMTP_PASSWORD, "
            "or leave that out with --exclude auth"
        ),
    ),
    (
        _ignores_recipients,
        "the client sent the mail to one of several recipients; give it SMTP_RECIPIENTS or {recipients}",
    ),
    (
        _ignores_timeout,
        (
            "the client hung; if it gives up later than after --timeout, give it SMTP_TIMEOUT, "
            "or run it with a longer --timeout"
        ),
    ),
)
