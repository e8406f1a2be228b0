"""The outcomes that are right, as sets with a name."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["ANY_REPORT", "DELIVERED", "DELIVERED_OR_REFUSED", "REFUSED", "RETRIED", "UNSURE"]

# The server takes the mail, perhaps only in its own way.
DELIVERED: Final = frozenset({Outcome.DELIVERED})
# The client may do without, or give up.
DELIVERED_OR_REFUSED: Final = frozenset({Outcome.DELIVERED, Outcome.REFUSED})
# A permanent failure: another attempt would fail, too (RFC 5321 4.2.1, 5yz).
REFUSED: Final = frozenset({Outcome.REFUSED})
# The mail cannot be sent now: a client with a queue keeps it, a client without one reports the failure.
ANY_REPORT: Final = frozenset({Outcome.REFUSED, Outcome.DEFERRED})
# A temporary failure that is over at the next attempt (RFC 5321 4.2.1, 4yz): only a client with a queue has to make it.
RETRIED: Final = frozenset({Outcome.DELIVERED, Outcome.REFUSED, Outcome.DEFERRED})
# The client cannot know whether the mail was accepted, so a second copy is better than a lost mail (RFC 1047).
UNSURE: Final = RETRIED | {Outcome.DUPLICATED}
