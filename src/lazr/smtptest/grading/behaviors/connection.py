"""Connections: several mails over one, and connections that break."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import DELIVERED, REFUSED, RETRIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["CONNECTION_BEHAVIORS"]

_GROUP = "connection"

CONNECTION_BEHAVIORS: Final = (
    Behavior(
        "connection-two-mails",
        _GROUP,
        "RFC 5321 3.3",
        "The server accepts two mails",
        "The client delivers each of them once, over one connection or over two.",
        DELIVERED,
        mails=2,
    ),
    Behavior(
        "connection-closed-between",
        _GROUP,
        "RFC 5321 3.8",
        "The server closes the idle connection after the first of two mails",
        "The client connects again for the second mail, or reports that it was not sent; the first is not sent again.",
        RETRIED,
        rules=({"when": "END_OF_DATA", "match": {"nth": 1}, "do": [{"close_after": True}]},),
        mails=2,
    ),
    Behavior(
        "connection-421-between",
        _GROUP,
        "RFC 5321 3.8",
        "The server answers MAIL of the second mail with 421, and closes the connection, once",
        "The client connects again for the second mail, or reports that it was not sent; the first is not sent again.",
        RETRIED,
        rules=({"when": "MAIL", "match": {"nth": 2}, "do": [{"reply": [421, "4.4.2", "Idle for too long"]}]},),
        mails=2,
    ),
    Behavior(
        "connection-421-unasked",
        _GROUP,
        "RFC 5321 3.8",
        "The server accepts the first of two mails, sends 421 without a command, and closes the connection",
        "The client connects again for the second mail, or reports that it was not sent; the first is not sent again.",
        RETRIED,
        rules=(
            {
                "when": "END_OF_DATA",
                "match": {"nth": 1},
                "do": [{"raw": "250 2.0.0 Message accepted\r\n421 4.4.2 Idle for too long\r\n", "close_after": True}],
            },
        ),
        mails=2,
    ),
    Behavior(
        "connection-first-mail-550",
        _GROUP,
        "RFC 5321 4.1.4",
        "The server refuses the recipient of the first of two mails with 550",
        "The client reports the first mail; if it sends the second one, it begins a new transaction.",
        REFUSED,
        rules=({"when": "RCPT", "match": {"nth": 1}, "do": [{"reply": [550, "5.1.1", "User unknown"]}]},),
        mails=2,
    ),
    Behavior(
        "connection-reset",
        _GROUP,
        "RFC 5321 4.5.4.1",
        "The first connection breaks as soon as it is open",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "CONNECT", "do": [{"reset": True, "times": 1}]},),
    ),
)
