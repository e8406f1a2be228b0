"""Retries: what a client with a queue must do, and for how long."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import ANY_REPORT, RETRIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["RETRY_BEHAVIORS"]

_GROUP = "retries"

RETRY_BEHAVIORS: Final = (
    Behavior(
        "retries-greylist",
        _GROUP,
        "RFC 6647 2.4",
        "The server answers the first attempt of each sender and recipient with 451",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"preset": "greylist"},),
    ),
    Behavior(
        "retries-greylist-1-second",
        _GROUP,
        "RFC 6647 2.4",
        "The server answers all attempts in the first second with 451",
        "The client reports the failure, or keeps the mail and tries again until it is accepted.",
        RETRIED,
        rules=({"preset": "greylist", "seconds": 1.0},),
    ),
    Behavior(
        "retries-450-then-550",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server answers the first RCPT with 450, and each later one with 550",
        "The client reports the failure at the first or at the second attempt.",
        ANY_REPORT,
        rules=(
            {
                "when": "RCPT",
                "do": [{"reply": [450, "4.2.1", "Busy"], "times": 1}, {"reply": [550, "5.1.1", "User unknown"]}],
            },
        ),
    ),
    Behavior(
        "retries-421-always",
        _GROUP,
        "RFC 5321 4.5.4.1",
        "The server greets each connection with 421",
        "The client reports the failure, or keeps the mail; it does not connect dozens of times in a few seconds.",
        ANY_REPORT,
        rules=({"preset": "maintenance"},),
    ),
    Behavior(
        "retries-452-always",
        _GROUP,
        "RFC 5321 4.5.4.1",
        "The server answers each RCPT with 452, because the mailbox is full",
        "The client reports the failure, or keeps the mail for a later attempt.",
        ANY_REPORT,
        rules=({"preset": "quota_full"},),
    ),
)
