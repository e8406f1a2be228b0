"""DATA: the reply before the content, the content on its way, and the reply after it."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import ANY_REPORT, DELIVERED, RETRIED, UNSURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["DATA_BEHAVIORS"]

_GROUP = "data"

DATA_BEHAVIORS: Final = (
    Behavior(
        "data-354-late",
        _GROUP,
        "RFC 5321 4.5.3.2.4",
        "The server sends 354 after 1 s",
        "The client waits for 354 before it sends the content.",
        DELIVERED,
        rules=({"when": "DATA", "do": [{"delay": 1.0}]},),
        forbids=frozenset({"pipelined_too_early", "pipelining_not_offered"}),
    ),
    Behavior(
        "data-451",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server answers DATA with 451 once, and accepts the next attempt",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "DATA", "do": [{"reply": [451, "4.3.0", "Try again later"], "times": 1}]},),
    ),
    Behavior(
        "content-552",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server refuses the content with 552 after its end",
        "The client waits for the reply to the content, and reports the failure.",
        ANY_REPORT,
        rules=({"when": "END_OF_DATA", "do": [{"reply": [552, "5.3.4", "Message too big"]}]},),
    ),
    Behavior(
        "content-reply-lost",
        _GROUP,
        "RFC 1047",
        "The server accepts the mail, and closes the connection before its 250",
        "The client cannot know, so it tries again, which makes a second copy, or reports the failure.",
        UNSURE,
        rules=({"when": "END_OF_DATA", "do": [{"truncate": 0, "close_after": True, "times": 1}]},),
    ),
)
