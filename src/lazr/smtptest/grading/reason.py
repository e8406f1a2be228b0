"""The reasons of verdicts: one sentence that names the reply or the fault that decided."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Outcome
from lazr.smtptest.grading.observation import Claim, count_acceptances, count_attempts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.grading.behavior import Behavior
    from lazr.smtptest.grading.observation import Arrivals, Observation
    from lazr.smtptest.protocol.smtp import SessionRecord

__all__ = ["explain_outcome", "explain_report_of_arrived_mail", "explain_skip", "name_place"]

_MAX_QUOTED_CHARACTERS = 120
# What a verb stands for in a reason.
_PLACES = {"END_OF_DATA": "the content", "": "an invalid line"}


def explain_skip(behavior: Behavior, seen: Observation) -> str:
    """Return why the behavior was not tried.

    Args:
        behavior: The behavior.
        seen: What the trial has shown.
    """
    if seen.claim is Claim.NOT_SUPPORTED:
        return _last_line(seen.claim_text) or seen.claim.value
    if not seen.sessions:
        return f"the client did not connect{_quote(seen.claim_text)}"
    if behavior.needs:
        return f"the client did not send {' or '.join(sorted(behavior.needs))}"
    faults = [text for text in map(_describe_fault, seen.sessions) if text is not None]
    return f"the client did not get so far: {faults[-1]}" if faults else "the fault did not occur with this client"


def explain_outcome(
    behavior: Behavior, seen: Observation, arrivals: Arrivals, outcome: Outcome, *, is_right: bool
) -> str:
    """Return why the outcome is what it is.

    Args:
        behavior: The behavior.
        seen: What the trial has shown.
        arrivals: What arrived.
        outcome: The outcome.
        is_right: Whether it is right.
    """
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
        case Outcome.DELIVERED if not count_acceptances(seen.sessions):
            return f"the client said that the mail was sent, but no reply told it so: {end}"
        case Outcome.DELIVERED:
            return f"the client delivered the mail, although {_lower_first(behavior.title)}"
    if is_right:
        what = "kept the mail for a later attempt" if outcome is Outcome.DEFERRED else "reported the failure"
        return f"the client {what}: {end}"
    if not arrivals.missing:
        return explain_report_of_arrived_mail(seen)
    what = "kept the mail for a later attempt" if outcome is Outcome.DEFERRED else "reported a failure"
    return (
        f"the client {what}, instead of delivering the mail: {end}"
        if Outcome.DELIVERED in behavior.accept
        else (f"the client {what}, which is wrong here: {end}")
    )


def explain_report_of_arrived_mail(seen: Observation) -> str:
    """Return why a report of a failure is wrong: the mail has arrived.

    Args:
        seen: What the trial has shown.
    """
    what = "kept the mail for a later attempt" if seen.claim is Claim.DEFERRED else "reported a failure"
    return f"the client {what}, although the mail had arrived{_quote(seen.claim_text)}"


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
            return f"the server answered {command.reply.code} to {name_place(command.verb)}"
    if session.tls_failure is not None:
        # The failures that the server makes itself have the text of its settings.
        return "the TLS handshake failed" + ("" if "fault=" in session.tls_failure else f" ({session.tls_failure})")
    if not commands and session.transcript.last_refusal:
        return f"the server greeted with {session.transcript.last_refusal[:3]}"
    if not any(line.who == "S" for line in session.transcript):
        return "the server closed the connection" if session.ended == "rule" else "the server did not greet"
    if not commands:
        return None
    place = name_place(commands[-1].verb)
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


def name_place(verb: str) -> str:
    """Return what a command is called in a reason: its verb, or "the content"."""
    return _PLACES.get(verb, verb)


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
