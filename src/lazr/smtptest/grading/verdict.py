"""The verdict on one trial: what became of the mail, and whether that is right.

`judge` compares what the client said with what the server saw.  Its reasons name the reply or the fault that decided.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from lazr.smtptest.grading.behavior import Outcome
from lazr.smtptest.grading.message import find_alteration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.grading.behavior import Behavior
    from lazr.smtptest.mail import Mail
    from lazr.smtptest.protocol.smtp import Finding, SessionRecord

__all__ = ["Claim", "Observation", "Verdict", "count_attempts", "judge"]


class Claim(Enum):
    """What the client said about its mail."""

    SENT = "the client said that the mail was sent"
    DEFERRED = "the client keeps the mail for a later attempt"
    FAILED = "the client reported a failure"
    HUNG = "the client had not ended in time"
    NOT_SUPPORTED = "the client does not support what the task demands"


@dataclass(frozen=True, slots=True)
class Observation:
    """What a trial has shown.

    - `claim`: what the client said.
    - `subjects`: the subjects of the messages to send.
    - `messages`: the messages to send.
    - `recipients`: the recipients of each message.
    - `mails`: what arrived, in order.
    - `sessions`: the sessions of the client, in order.
    - `has_rule_acted`: whether one of the rules of the behavior acted.
    - `claim_text`: the client's own words: the exception, or the end of its stderr.
    - `seconds`: how long the client took.
    """

    claim: Claim
    subjects: tuple[str, ...]
    messages: tuple[bytes, ...]
    recipients: tuple[str, ...]
    mails: tuple[Mail, ...]
    sessions: tuple[SessionRecord, ...]
    has_rule_acted: bool
    claim_text: str = ""
    seconds: float = 0.0


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
    arrivals = _Arrivals(seen)
    outcome = _find_outcome(behavior, seen, arrivals)
    forbidden = _find_forbidden(behavior, seen)
    is_tried = _is_tried(behavior, seen)
    if (
        outcome in _OUTCOMES_WITHOUT_HARM
        and not forbidden
        and not is_tried
        and (outcome in behavior.accept or outcome is Outcome.DELIVERED)
    ):
        return Verdict(Outcome.SKIPPED, is_right=True, reason=_explain_skip(behavior, seen))
    if seen.claim is Claim.NOT_SUPPORTED and outcome is Outcome.REFUSED:
        return Verdict(Outcome.SKIPPED, is_right=True, reason=seen.claim_text or seen.claim.value)
    if outcome in behavior.accept and forbidden:
        return Verdict(outcome, is_right=False, reason=f"the mail was {outcome}, but {forbidden[0]}")
    is_right = outcome in behavior.accept
    return Verdict(outcome, is_right, _explain(behavior, seen, arrivals, outcome, is_right=is_right))


_OUTCOMES_WITHOUT_HARM = frozenset({Outcome.DELIVERED, Outcome.DEFERRED, Outcome.REFUSED})


class _Arrivals:
    """How often each message arrived for each recipient, and how it was changed."""

    def __init__(self, seen: Observation) -> None:
        self.counts: Counter[tuple[int, str]] = Counter()
        self.alteration: str | None = None
        for mail in seen.mails:
            number = _find_message(seen.subjects, mail)
            if number is None:
                continue
            self.counts.update((number, recipient) for recipient in mail.recipients)
            self.alteration = self.alteration or find_alteration(seen.messages[number], mail.content)
        wanted = [(number, recipient) for number in range(len(seen.messages)) for recipient in seen.recipients]
        self.missing: list[str] = [recipient for number, recipient in wanted if not self.counts[number, recipient]]
        self.is_nothing = not self.counts
        self.most = max(self.counts.values(), default=0)


def _find_message(subjects: Sequence[str], mail: Mail) -> int | None:
    """Return which message arrived; None for another mail, such as a bounce."""
    subject = mail.subject
    for number, expected in enumerate(subjects):
        if subject == expected:
            return number
    if not mail.sender:  # a bounce of the client has the message in it
        return None
    # The client has lost the subject, or the whole header.
    for number, expected in enumerate(subjects):
        if expected.rpartition(" ")[2].encode() in mail.content:
            return number
    return None


def _find_outcome(behavior: Behavior, seen: Observation, arrivals: _Arrivals) -> Outcome:
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


def _find_forbidden(behavior: Behavior, seen: Observation) -> list[Finding]:
    findings = [finding for session in seen.sessions for finding in session.findings]
    return [finding for finding in findings if finding.code in behavior.forbids]


def _is_tried(behavior: Behavior, seen: Observation) -> bool:
    """Whether the client met what the behavior is about."""
    if not seen.sessions:
        return False
    if not behavior.needs:
        return seen.has_rule_acted or not behavior.rules
    verbs = {command.verb for session in seen.sessions for command in session.commands}
    if any(session.tls is not None or session.tls_failure is not None for session in seen.sessions):
        verbs.add("TLS")
    return not verbs.isdisjoint(behavior.needs)


def _explain_skip(behavior: Behavior, seen: Observation) -> str:
    if not seen.sessions:
        return f"the client did not connect{_quote(seen.claim_text)}"
    if behavior.needs:
        return f"the client did not send {' or '.join(sorted(behavior.needs))}"
    return f"the client did not get so far: {_describe_end(seen.sessions)}"


def _explain(behavior: Behavior, seen: Observation, arrivals: _Arrivals, outcome: Outcome, *, is_right: bool) -> str:
    end = _describe_end(seen.sessions)
    match outcome:
        case Outcome.IN_CLEAR:
            kinds = sorted({kind for session in seen.sessions for kind in session.sent_in_clear})
            return f"the client sent its {' and its '.join(kinds)} without TLS, which it was told to demand"
        case Outcome.HUNG:
            return f"the client was stopped after {seen.seconds:.1f} s, without a result: {end}"
        case Outcome.DUPLICATED:
            return f"the mail arrived {arrivals.most} times"
        case Outcome.LOST:
            place = "" if arrivals.is_nothing else f" for {', '.join(sorted(set(arrivals.missing)))}"
            return f"the client said that the mail was sent, but it did not arrive{place}: {end}"
        case Outcome.ALTERED:
            return f"what arrived is not what was sent: {arrivals.alteration}"
        case Outcome.DELIVERED if is_right:
            count = count_attempts(seen.sessions)
            return f"the mail arrived, in {count} attempts" if count > len(seen.messages) else "the mail arrived"
        case Outcome.DELIVERED:
            return f"the client delivered the mail, although {_lower_first(behavior.title)}"
    if is_right:
        what = "kept the mail for a later attempt" if outcome is Outcome.DEFERRED else "reported the failure"
        return f"the client {what}: {end}"
    what = "kept the mail for a later attempt" if outcome is Outcome.DEFERRED else "reported a failure"
    if not arrivals.missing:
        return f"the client {what}, although the mail had arrived{_quote(seen.claim_text)}"
    return (
        f"the client {what}, instead of delivering the mail: {end}"
        if Outcome.DELIVERED in behavior.accept
        else (f"the client {what}, which is wrong here: {end}")
    )


def count_attempts(sessions: Sequence[SessionRecord]) -> int:
    """Return how often a client began to send a mail, or connected if it never did."""
    mails = sum(command.verb == "MAIL" for session in sessions for command in session.commands)
    return mails or len(sessions)


def _describe_end(sessions: Sequence[SessionRecord]) -> str:
    """Return the last refusal or fault that the client met."""
    if not sessions:
        return "it did not connect"
    for session in reversed(sessions):
        commands = session.commands
        for command in reversed(commands):
            if command.reply is not None and command.reply.code >= 400 and command.verb not in ("QUIT", "RSET"):
                return f"the server answered {command.reply.code} to {_PLACES.get(command.verb, command.verb)}"
        if session.tls_failure is not None:
            return f"the TLS handshake failed ({session.tls_failure})"
        if all(command.verb == "QUIT" for command in commands) and session.transcript.last_refusal:
            return f"the server greeted with {session.transcript.last_refusal[:3]}"
        last = f"after {_PLACES.get(commands[-1].verb, commands[-1].verb)}" if commands else "before the first command"
        if session.ended == "rule":
            return f"the server closed the connection {last}"
        if session.ended in ("EOF", "reset", None):
            return f"the client left {last}"
    return "the server refused nothing"


# What a verb stands for in a reason.
_PLACES = {"END_OF_DATA": "the content", "": "an invalid line"}


def _quote(text: str) -> str:
    line = text.strip().splitlines()[-1].strip() if text.strip() else ""
    return f" ({line[:120]})" if line else ""


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
