"""The explanation for a rule that has not acted."""

from __future__ import annotations

from lazr.smtptest.rules.triggers import suggest_trigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.rules.condition import Condition
    from lazr.smtptest.rules.match_statistics import MatchStatistics
    from lazr.smtptest.rules.steps import StepSequence

__all__ = ["explain_inaction", "format_times"]

# What makes a server offer the command of a trigger.
_OFFER_HINTS = {
    "AUTH": "MailServer(auth=…) makes it offer AUTH",
    "STARTTLS": 'MailServer(tls="starttls") makes it offer STARTTLS',
    "BDAT": "the extension CHUNKING offers BDAT",
    "XCLIENT": "MailServer(xclient=True) makes it offer XCLIENT",
}


def explain_inaction(
    condition: Condition, steps: StepSequence, statistics: MatchStatistics, *, is_exhausted: bool = False
) -> str:
    """Return one line with the reasons why a rule has not acted, or not acted again.

    Each reason is a fact that the rule has counted.  What the rule cannot know is not stated.

    Args:
        condition: The condition of the rule.
        steps: Its steps.
        statistics: What it has seen.
        is_exhausted: Whether the rule cannot act any more; False by default.
    """
    if not steps.has_action:
        statuses = condition.trigger.statuses
        arguments = f'"{statuses[1]}", "Try later"' if statuses else "451"
        return f"it has no action; add one, such as .reply({arguments})"
    reasons = [
        _explain_evaluations(condition, steps, statistics, is_exhausted=is_exhausted),
        _explain_overruled(condition, statistics),
        _explain_bypasses(condition, statistics),
    ]
    found = "; ".join(reason for reason in reasons if reason)
    if found:
        return found
    if not statistics.was_added:
        return "it was not added to a server; use server.rules.add(…)"
    return _explain_absence(condition, statistics)


def _explain_evaluations(
    condition: Condition, steps: StepSequence, statistics: MatchStatistics, *, is_exhausted: bool
) -> str:
    if statistics.failed_rolls:
        times = format_times(statistics.failed_rolls)
        return f"it was due {times}, but probability={condition.probability} decided against it"
    if statistics.matches:
        nth = condition.selectors.get("nth")
        limits = ", ".join(filter(None, ["" if nth is None else f"nth={nth!r}", steps.current.describe_limits()]))
        matched = f"it matched {format_times(statistics.matches)}"
        if not limits:
            return matched
        state = "and can act no more" if is_exhausted else "but was not due yet"
        return f"{matched}, {state} ({limits})"
    if not statistics.evaluations:
        return ""
    reasons = []
    if statistics.without_effect:
        once = "" if statistics.without_effect == statistics.evaluations else " once"
        reasons.append(f"{statistics.no_effect_reason}{once}")
    if statistics.nearest_miss:
        reasons.append(f"the nearest miss: {statistics.nearest_miss}")
    return "; ".join([f"{_describe_event(condition)} {format_times(statistics.evaluations)}", *reasons])


def _explain_overruled(condition: Condition, statistics: MatchStatistics) -> str:
    event = _describe_event(condition)
    reasons = []
    if statistics.overruled:
        reasons.append(f"{event} {format_times(statistics.overruled)}, but an earlier rule acted instead")
    if statistics.earlier_errors:
        times = format_times(statistics.earlier_errors)
        reasons.append(f"{event} {times}, but the function of an earlier rule raised {statistics.earlier_error}")
    return "; ".join(reasons)


def _explain_bypasses(condition: Condition, statistics: MatchStatistics) -> str:
    if not statistics.bypasses:
        return ""
    times = format_times(statistics.bypasses)
    return f"{condition.when} came {times}, but the server replied without asking rules: {statistics.bypass_reply!r}"


def _describe_event(condition: Condition) -> str:
    """Return what the rule was evaluated for: "RCPT came", "content reached 10,000 bytes"."""
    after = condition.after_threshold
    if condition.when == "IDLE":
        return f"a client was silent for {after:g} s"
    if condition.when == "CONTENT" and after:
        return f"content reached {after:,} bytes"
    return f"{condition.when} came"


def _explain_absence(condition: Condition, statistics: MatchStatistics) -> str:
    """Return why the rule was never evaluated, as far as it is known."""
    if condition.when == "IDLE":
        after = condition.after_threshold
        return f"no client was silent for {after:g} s while the server waited for a command and the rule was there"
    if condition.when == "CONTENT":
        return _explain_content(condition.after_threshold, statistics.largest_content)
    absence = _describe_absence(condition.when, statistics)
    protocol, space, _ = condition.when.partition(" ")
    if statistics.is_offered is False and space:
        return f"{absence}; the server does not speak {protocol}: MailServer({protocol.lower()}=True) does"
    if statistics.is_offered is False:
        return f"{absence}; the server does not offer it in its reply to EHLO: {_OFFER_HINTS[condition.when]}"
    suggestion = suggest_trigger(condition.when)
    return absence + ("" if suggestion is None else f"; did you mean {suggestion}?")


def _explain_content(after: float, largest: int | None) -> str:
    if largest is not None and largest >= after:
        return f"a content of {largest:,} bytes came, but it had {after:,} bytes before the rule was added"
    reached = f"no content reached {after:,} bytes" if after else "no content came"
    return f"{reached} while the rule was there" + ("" if largest is None else f"; the largest had {largest:,} bytes")


def _describe_absence(when: str, statistics: MatchStatistics) -> str:
    if statistics.earlier_events:
        times = format_times(statistics.earlier_events)
        end = "before it was removed" if statistics.was_removed else "after it"
        return f"{when} came {times} before the rule was added, and not again {end}"
    if statistics.earlier_events is None:
        return f"{when} did not come after the rule was added"
    return f"{when} did not come before the rule was removed" if statistics.was_removed else f"{when} never came"


def format_times(count: int) -> str:
    """Return "once", "2 times", and so on."""
    return "once" if count == 1 else f"{count} times"
