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
    if _has_sent_only_first(seen):
        return Verdict(Outcome.SKIPPED, is_right=True, reason=f"the client sent one mail of {len(seen.messages)}")
    arrivals = _Arrivals(seen)
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
            return Verdict(Outcome.SKIPPED, is_right=True, reason=_explain_skip(behavior, seen))
    if is_right and forbidden:
        return Verdict(outcome, is_right=False, reason=f"the mail was {outcome}, but {forbidden[0]}")
    if is_right and len(seen.sessions) > _MAX_CONNECTIONS:
        reason = f"the client connected {len(seen.sessions)} times in {seen.seconds:.1f} s (RFC 5321 4.5.4.1)"
        return Verdict(outcome, is_right=False, reason=reason)
    return Verdict(outcome, is_right, _explain(behavior, seen, arrivals, outcome, is_right=is_right))


# A client must wait before it tries the same server again (RFC 5321 4.5.4.1).  Queues are flushed for a trial, so that
# some attempts in its few seconds are no fault.
_MAX_CONNECTIONS = 30
_MAX_QUOTED_CHARACTERS = 120
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
            self.counts.update((number, recipient.casefold()) for recipient in mail.recipients)
            self.alteration = self.alteration or find_alteration(seen.messages[number], mail.content)
        wanted = [(number, recipient) for number in range(len(seen.messages)) for recipient in seen.recipients]
        self.missing: list[str] = [
            recipient for number, recipient in wanted if not self.counts[number, recipient.casefold()]
        ]
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
    if not seen.sessions or seen.claim is Claim.NOT_SUPPORTED:
        return False
    if not behavior.needs:
        return seen.has_rule_acted or not behavior.rules
    verbs = {command.verb for session in seen.sessions for command in session.commands}
    if any(session.tls is not None or session.tls_failure is not None for session in seen.sessions):
        verbs.add("TLS")
    return not verbs.isdisjoint(behavior.needs)


def _has_sent_only_first(seen: Observation) -> bool:
    """Whether the client is made for one mail, and has left the others alone.

    A client that has lost the second mail has mostly sent a second MAIL.
    """
    return (
        len(seen.messages) > 1
        and seen.claim is Claim.SENT
        and [_find_message(seen.subjects, mail) for mail in seen.mails] == [0]
        and count_attempts(seen.sessions) == 1
    )


def _explain_skip(behavior: Behavior, seen: Observation) -> str:
    if seen.claim is Claim.NOT_SUPPORTED:
        return _last_line(seen.claim_text) or seen.claim.value
    if not seen.sessions:
        return f"the client did not connect{_quote(seen.claim_text)}"
    if behavior.needs:
        return f"the client did not send {' or '.join(sorted(behavior.needs))}"
    faults = [text for text in map(_describe_fault, seen.sessions) if text is not None]
    return f"the client did not get so far: {faults[-1]}" if faults else "the fault did not occur with this client"


def _explain(behavior: Behavior, seen: Observation, arrivals: _Arrivals, outcome: Outcome, *, is_right: bool) -> str:
    end = _describe_end(seen)
    match outcome:
        case Outcome.IN_CLEAR:
            kinds = sorted({kind for session in seen.sessions for kind in session.sent_in_clear})
            return f"the client sent its {' and its '.join(kinds)} without TLS, which it was told to demand"
        case Outcome.HUNG:
            return f"the client was stopped after {seen.seconds:.1f} s, without a result: {_describe_hang(seen)}"
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


def _describe_end(seen: Observation) -> str:
    """Return the last refusal or fault that the client met; without one, its own words."""
    if not seen.sessions:
        return f"it did not connect{_quote(seen.claim_text)}"
    for session in reversed(seen.sessions):
        text = _describe_fault(session)
        if text is not None:
            return text
    return f"it said {_last_line(seen.claim_text)!r}" if seen.claim_text.strip() else "the server refused nothing"


def _describe_hang(seen: Observation) -> str:
    commands = seen.sessions[-1].commands if seen.sessions else ()
    if commands and not any(map(_describe_fault, seen.sessions)):
        return f"its last command was {commands[-1].verb}"
    return _describe_end(seen)


def _describe_fault(session: SessionRecord) -> str | None:
    commands = [command for command in session.commands if command.verb not in ("QUIT", "RSET")]
    for command in reversed(commands):
        if command.reply is not None and command.reply.code >= 400:
            return f"the server answered {command.reply.code} to {_name_place(command.verb)}"
    if session.tls_failure is not None:
        # The failures that the server makes itself have the text of its settings.
        return "the TLS handshake failed" + ("" if "fault=" in session.tls_failure else f" ({session.tls_failure})")
    if not commands and session.transcript.last_refusal:
        return f"the server greeted with {session.transcript.last_refusal[:3]}"
    if not any(line.who == "S" for line in session.transcript):
        return "the server closed the connection" if session.ended == "rule" else "the server did not greet"
    if not commands:
        return None
    place = _name_place(commands[-1].verb)
    answer = _find_answer(session)
    if commands[-1].reply is None and answer:
        return f"the server answered {place} with {_shorten(answer)!r}"
    if session.transcript.last_refusal:
        return f"the server sent {session.transcript.last_refusal[:3]} after {place}"
    if session.ended == "rule":
        return f"the server closed the connection after {place}"
    return f"the server did not answer {place}" if commands[-1].reply is None else None


def _find_answer(session: SessionRecord) -> str:
    """Return the last line of the server after the last command but QUIT and RSET."""
    answer = ""
    for line in session.transcript:
        if line.who == "S":
            answer = line.text
        elif line.who == "C":
            if line.text.upper() in ("QUIT", "RSET"):
                break
            answer = ""
    return answer


def _name_place(verb: str) -> str:
    return _PLACES.get(verb, verb)


# What a verb stands for in a reason.
_PLACES = {"END_OF_DATA": "the content", "": "an invalid line"}


def _quote(text: str) -> str:
    line = _last_line(text)
    return f" ({line})" if line else ""


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return _shorten(lines[-1].strip()) if lines else ""


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_QUOTED_CHARACTERS else text[:_MAX_QUOTED_CHARACTERS] + "…"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
