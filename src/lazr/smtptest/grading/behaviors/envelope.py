"""MAIL and RCPT: the sender and the recipients."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["ENVELOPE_BEHAVIORS"]

_GROUP = "envelope"

ENVELOPE_BEHAVIORS: Final = (
    Behavior(
        "rcpt-550",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server refuses the recipient with 550",
        "The client reports the failure, and does not try again.",
        REFUSED,
        rules=({"when": "RCPT", "do": [{"reply": [550, "5.1.1", "User unknown"]}]},),
    ),
    Behavior(
        "rcpt-one-of-three-550",
        _GROUP,
        "RFC 5321 3.3",
        "The server refuses one of three recipients with 550",
        "The client reports the refused recipient, whether or not it delivers to the others.",
        REFUSED,
        rules=({"when": "RCPT", "match": {"to": "carol@*"}, "do": [{"reply": [550, "5.1.1", "User unknown"]}]},),
        recipients=3,
    ),
)
