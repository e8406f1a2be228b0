"""The outcomes that are right, as sets with a name.

The sets do not ask more of a client than the RFCs do, and a SHOULD counts only where breaking it does harm.  Only a
client with a queue must try again, so 4yz is also answered well by a report.  A client that cannot know whether its
mail was accepted may send it twice.
"""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["ANY_REPORT", "DELIVERED", "DELIVERED_OR_REFUSED", "REFUSED", "RETRIED", "UNSURE"]

# The server takes the mail, perhaps only in its own way.
DELIVERED: Final = frozenset({Outcome.DELIVERED})
# The client may lack what the server asks for, and give up.
DELIVERED_OR_REFUSED: Final = frozenset({Outcome.DELIVERED, Outcome.REFUSED})
# A permanent failure: the same attempt must not be made again (RFC 5321 4.2.1, 5yz).
REFUSED: Final = frozenset({Outcome.REFUSED})
# The mail cannot be sent to this server: a client with a queue may keep it, and may try another server (RFC 5321 5.1).
ANY_REPORT: Final = frozenset({Outcome.REFUSED, Outcome.DEFERRED})
# A temporary failure that is over at the next attempt (RFC 5321 4.2.1, 4yz): only a client with a queue makes one.
RETRIED: Final = frozenset({Outcome.DELIVERED, Outcome.REFUSED, Outcome.DEFERRED})
# The client cannot know whether the mail was accepted, and a second copy is better than a lost mail (RFC 1047).
# One copy and the claim that it was sent is a guess: without a reply, the mail can also be lost.
UNSURE: Final = ANY_REPORT | {Outcome.DUPLICATED}
