"""The greeting: what a server sends first."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import ANY_REPORT, DELIVERED, RETRIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["GREETING_BEHAVIORS"]

_GROUP = "greeting"

GREETING_BEHAVIORS: Final = (
    Behavior(
        "greeting-slow",
        _GROUP,
        "RFC 5321 4.5.3.2.1",
        "The server greets after 1.5 s",
        "The client waits for the greeting, and delivers.",
        DELIVERED,
        rules=({"when": "CONNECT", "do": [{"delay": 1.5}]},),
    ),
    Behavior(
        "greeting-multi-line",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server greets with a reply of three lines",
        "The client reads all lines before it sends EHLO, and delivers.",
        DELIVERED,
        rules=({"when": "CONNECT", "do": [{"reply": [220, "mx.example.com ESMTP", "Welcome", "No spam"]}]},),
        forbids=frozenset({"pipelining_not_offered", "pipelined_too_early"}),
    ),
    Behavior(
        "greeting-421",
        _GROUP,
        "RFC 5321 3.8",
        "The server greets with 421 once, and closes the connection",
        "The client reports the failure, or tries again later.",
        RETRIED,
        rules=({"when": "CONNECT", "do": [{"reply": [421, "4.3.2", "Down for maintenance"], "times": 1}]},),
    ),
    Behavior(
        "greeting-554",
        _GROUP,
        "RFC 5321 3.1",
        "The server greets with 554, and takes no mail",
        "The client sends no mail, and reports the failure; it may try another server first.",
        ANY_REPORT,
        rules=({"when": "CONNECT", "do": [{"reply": [554, "5.3.2", "No mail service here"]}]},),
    ),
)
