"""The greeting: what a server sends first."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import ANY_REPORT, DELIVERED, RETRIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["GREETING_BEHAVIORS"]

_GROUP = "greeting"
_BYTES_PER_SECOND = 200
_EARLY_INPUT = frozenset({"early_input"})

GREETING_BEHAVIORS: Final = (
    Behavior(
        "greeting-slow",
        _GROUP,
        "RFC 5321 4.5.3.2.1",
        "The server greets after 1.5 s",
        "The client waits for the greeting, and delivers.",
        DELIVERED,
        rules=({"when": "CONNECT", "do": [{"delay": 1.5}]},),
        forbids=_EARLY_INPUT,
    ),
    Behavior(
        "greeting-multi-line",
        _GROUP,
        "RFC 5321 4.2",
        "The server greets with a reply of four lines, which come one after another",
        "The client reads all lines before it sends EHLO, and delivers.",
        DELIVERED,
        server={"extensions": []},  # a short reply to EHLO, as the whole connection is slow
        rules=(
            {
                "when": "CONNECT",
                "do": [
                    {
                        "reply": [220, "mx.example.com ESMTP", "Welcome", "No spam, please", "Ready"],
                        "throttle": {"bytes_per_second": _BYTES_PER_SECOND, "direction": "out"},
                    }
                ],
            },
        ),
        forbids=_EARLY_INPUT,
    ),
    Behavior(
        "greeting-421",
        _GROUP,
        "RFC 5321 3.8",
        "The server greets the first connection with 421, and closes it",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "CONNECT", "do": [{"reply": [421, "4.3.2", "Down for maintenance"], "times": 1}]},),
    ),
    Behavior(
        "greeting-554",
        _GROUP,
        "RFC 5321 3.1",
        "The server greets with 554, and takes no mail",
        "The client sends no mail, and reports the failure or tries another server later.",
        ANY_REPORT,
        rules=({"when": "CONNECT", "do": [{"reply": [554, "5.3.2", "No mail service here"]}]},),
    ),
    Behavior(
        "greeting-never",
        _GROUP,
        "RFC 5321 4.5.3.2",
        "The server accepts the connection, and never greets",
        "The client gives up after its timeout, and reports the failure.",
        ANY_REPORT,
        rules=({"when": "CONNECT", "do": [{"stall": True}]},),
        timeout=2.0,
    ),
    Behavior(
        "greeting-closed",
        _GROUP,
        "RFC 5321 4.5.4.1",
        "The server closes the first connection without a greeting",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "CONNECT", "do": [{"drop": True, "times": 1}]},),
    ),
    Behavior(
        "greeting-not-smtp",
        _GROUP,
        "RFC 5321 4.2",
        "The server greets with a line of HTTP, and closes the connection",
        "The client sees that this is not SMTP, and reports the failure.",
        ANY_REPORT,
        rules=({"when": "CONNECT", "do": [{"raw": "HTTP/1.1 400 Bad Request\r\n\r\n", "close_after": True}]},),
    ),
)
