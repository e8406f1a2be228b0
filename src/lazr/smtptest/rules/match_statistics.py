"""What a rule has seen so far, counted for the explanation of a rule that never acted."""

from __future__ import annotations

__all__ = ["MatchStatistics"]


class MatchStatistics:
    """Counts of one rule.  The thread of the server alone writes them, but for the first two.

    - `was_added`, `was_removed`: whether the rule was added to a server, and removed from it.
    - `earlier_events`: how often the trigger came before the rule was added; None if it was not counted.
    - `evaluations`: how often the rule was evaluated.
    - `matches`: how often the trigger and all selectors were met.
    - `failed_rolls`: how often the dice of `probability=` decided against a due action.
    - `overruled`: how often an earlier rule acted, so this one was not evaluated.
    - `earlier_errors`: how often the function of an earlier rule raised, so this one was not evaluated;
      `earlier_error` is the name of the latest exception.
    - `bypasses`: how often the server replied without evaluating rules; `bypass_reply` is the latest reply.
    - `nearest_miss`: the mismatch of the evaluation that met the most criteria; `nearest_miss_index` is the number of
      criteria that it met, or -1 without a mismatch.
    - `without_effect`: how often the action would have changed nothing; `no_effect_reason` is the latest reason.
    - `largest_content`: CONTENT: the bytes of the largest complete content; None if there was none.
    - `is_offered`: STARTTLS, AUTH and the like: whether a reply to EHLO offered the command; None without EHLO.
      IMAP and POP3: whether the server speaks the protocol; None if that is not known.
    """

    __slots__ = (
        "bypass_reply",
        "bypasses",
        "earlier_error",
        "earlier_errors",
        "earlier_events",
        "evaluations",
        "failed_rolls",
        "is_offered",
        "largest_content",
        "matches",
        "nearest_miss",
        "nearest_miss_index",
        "no_effect_reason",
        "overruled",
        "was_added",
        "was_removed",
        "without_effect",
    )

    def __init__(self) -> None:
        self.was_added: bool = False
        self.was_removed: bool = False
        self.earlier_events: int | None = 0
        self.evaluations: int = 0
        self.matches: int = 0
        self.failed_rolls: int = 0
        self.overruled: int = 0
        self.earlier_errors: int = 0
        self.earlier_error: str = ""
        self.bypasses: int = 0
        self.bypass_reply: str = ""
        self.nearest_miss: str = ""
        self.nearest_miss_index: int = -1
        self.without_effect: int = 0
        self.no_effect_reason: str = ""
        self.largest_content: int | None = None
        self.is_offered: bool | None = None

    def note_added(self, earlier_events: int | None) -> None:
        """Record that the rule was added to a server after this number of events."""
        self.was_added = True
        self.was_removed = False
        self.earlier_events = earlier_events

    def note_removed(self) -> None:
        """Record that the rule was removed from its server."""
        self.was_removed = True

    def note_miss(self, index: int, description: str) -> None:
        """Keep a mismatch as the nearest one."""
        self.nearest_miss_index = index
        self.nearest_miss = description

    def note_no_effect(self, reason: str) -> None:
        """Count a match at which the action would have changed nothing."""
        self.without_effect += 1
        self.no_effect_reason = reason

    def note_overruled(self) -> None:
        """Count that an earlier rule acted instead."""
        self.overruled += 1

    def note_earlier_error(self, error: BaseException) -> None:
        """Count that the function of an earlier rule raised."""
        self.earlier_errors += 1
        self.earlier_error = type(error).__name__

    def note_bypass(self, reply_line: str) -> None:
        """Count a reply that the server gave without evaluating the rule.

        The command was malformed, out of order or beyond a limit.
        """
        self.bypasses += 1
        self.bypass_reply = reply_line

    def note_content(self, size: int) -> None:
        """Record a complete content of this number of bytes."""
        self.largest_content = max(size, self.largest_content or 0)

    def note_offer(self, *, is_offered: bool) -> None:
        """Record whether a reply to EHLO offered the command of the trigger."""
        self.is_offered = self.is_offered or is_offered
