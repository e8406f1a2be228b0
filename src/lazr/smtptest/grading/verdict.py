"""The verdict on one trial: what became of the mail, and whether that is right.

`judge` compares what the client said with what the server saw.
"""

from __future__ import annotations

from dataclasses import dataclass

from lazr.smtptest._util.octets import has_bare_line_ends
from lazr.smtptest.grading.behavior import Outcome
from lazr.smtptest.grading.observation import (
    Arrivals,
    Claim,
    count_acceptances,
    count_attempts,
    find_last_refusal,
    find_message,
    find_refusal_before_content,
    find_repeated_refusal,
)
from lazr.smtptest.grading.reason import explain_outcome, explain_report_of_arrived_mail, explain_skip, name_place
from lazr.smtptest.protocol.smtp import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.grading.behavior import Behavior
    from lazr.smtptest.grading.observation import Observation

__all__ = ["Claim", "Verdict", "judge"]

# A client must wait before it tries the same server again (RFC 5321 4.5.4.1).  Queues are flushed for a trial, so that
# some attempts in its few seconds are no fault.
_MAX_CONNECTIONS = 30
# A second copy is right if the reply to the first one was lost; that happens once.
_MAX_COPIES = 2
_OUTCOMES_WITHOUT_HARM = frozenset({Outcome.DELIVERED, Outcome.DEFERRED, Outcome.REFUSED})


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome, whether it is right, and why."""

    outcome: Outcome
    is_right: bool
    reason: str


def judge(behavior: Behavior, seen: Observation) -> Verdict:
    """Return the verdict on a trial.

    Args:
        behavior: What the server did.
        seen: What happened.
    """
    if _has_sent_only_first(seen):
        return Verdict(Outcome.SKIPPED, is_right=True, reason=f"the client sent one mail of {len(seen.messages)}")
    arrivals = Arrivals(seen)
    outcome = _find_outcome(behavior, seen, arrivals)
    accept = behavior.accept
    if any(session.tls_failure is not None for session in seen.sessions):
        accept |= behavior.accept_if_tls_fails
    is_right = outcome in accept
    forbidden = _find_forbidden(behavior, seen)
    if outcome in _OUTCOMES_WITHOUT_HARM and not forbidden and not _is_tried(behavior, seen):
        # A client may lack TLS, AUTH or SMTPUTF8; without them it does not even connect.
        lacks_feature = not seen.sessions and (behavior.security != "none" or behavior.auth or behavior.utf8)
        if is_right or outcome is Outcome.DELIVERED or lacks_feature or seen.claim is Claim.NOT_SUPPORTED:
            return Verdict(Outcome.SKIPPED, is_right=True, reason=explain_skip(behavior, seen))
    if is_right and forbidden:
        return Verdict(outcome, is_right=False, reason=f"the mail was {outcome}, but {forbidden[0]}")
    fault = _find_fault(seen, arrivals) if is_right else None
    if fault is not None:
        return Verdict(outcome, is_right=False, reason=fault)
    return Verdict(outcome, is_right, explain_outcome(behavior, seen, arrivals, outcome, is_right=is_right))


def _find_outcome(behavior: Behavior, seen: Observation, arrivals: Arrivals) -> Outcome:
    if behavior.security != "none" and any(session.sent_in_clear for session in seen.sessions):
        return Outcome.IN_CLEAR
    if seen.claim is Claim.HUNG:
        return Outcome.HUNG
    if arrivals.most > 1:
        return Outcome.DUPLICATED
    if seen.claim is Claim.SENT and arrivals.missing:
        return Outcome.LOST
    if arrivals.alteration is not None:
        return Outcome.ALTERED
    if seen.claim is Claim.SENT:
        return Outcome.DELIVERED
    return Outcome.DEFERRED if seen.claim is Claim.DEFERRED else Outcome.REFUSED


def _find_fault(seen: Observation, arrivals: Arrivals) -> str | None:
    """Return what is wrong with an outcome that is right by itself."""
    if len(seen.sessions) > _MAX_CONNECTIONS:
        return f"the client connected {len(seen.sessions)} times in {seen.seconds:.1f} s (RFC 5321 4.5.4.1)"
    if arrivals.most > _MAX_COPIES:
        return f"the mail arrived {arrivals.most} times"
    if seen.claim is not Claim.SENT and not arrivals.missing and count_acceptances(seen.sessions) >= len(seen.messages):
        return explain_report_of_arrived_mail(seen)
    last = find_last_refusal(seen.sessions) if seen.claim is Claim.DEFERRED else None
    if last is not None and last.reply is not None:
        place = name_place(last.verb)
        return f"the client kept the mail, although {last.reply.code} to {place} is permanent (RFC 5321 4.2.1)"
    refusal = find_refusal_before_content(seen.sessions)
    if refusal is not None:
        return f"the client sent its content, although the server had answered DATA with {refusal} (RFC 5321 3.3)"
    repeated = find_repeated_refusal(seen.sessions)
    if repeated is not None and repeated.reply is not None:
        place = name_place(repeated.verb)
        return f"the client made the same attempt again after {repeated.reply.code} to {place} (RFC 5321 4.2.1)"
    return None


def _find_forbidden(behavior: Behavior, seen: Observation) -> list[Finding]:
    findings = [finding for session in seen.sessions for finding in session.findings]
    # The findings of a session look only at the first and the last line of a content.
    if any(has_bare_line_ends(mail.content) for mail in seen.mails):
        findings.append(Finding("bare_line_end", "the content has an LF alone"))
    return [finding for finding in findings if finding.code in behavior.forbids]


def _is_tried(behavior: Behavior, seen: Observation) -> bool:
    """Whether the client met what the behavior is about."""
    if not seen.sessions or seen.claim is Claim.NOT_SUPPORTED:
        return False
    if not behavior.needs:
        return seen.has_rule_acted or not behavior.rules
    verbs = {command.verb for session in seen.sessions for command in session.commands}
    if any(session.tls is not None or session.tls_failure is not None for session in seen.sessions):
        verbs.add("TLS")
    return not verbs.isdisjoint(behavior.needs)


def _has_sent_only_first(seen: Observation) -> bool:
    """Whether the client has sent the first of several mails, and has not begun another one.

    It is made for one mail, or has lost the others: `run_trial` finds out.
    """
    return (
        len(seen.messages) > 1
        and seen.claim is Claim.SENT
        and [find_message(seen.subjects, mail) for mail in seen.mails] == [0]
        and count_attempts(seen.sessions) == 1
    )
