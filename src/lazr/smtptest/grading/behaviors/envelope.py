"""MAIL and RCPT: the sender and the recipients."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import DELIVERED, DELIVERED_OR_REFUSED, REFUSED, RETRIED
from lazr.smtptest.protocol.smtp import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["ENVELOPE_BEHAVIORS"]

_GROUP = "envelope"

ENVELOPE_BEHAVIORS: Final = (
    Behavior(
        "mail-451",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server answers the first MAIL with 451",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "MAIL", "do": [{"reply": [451, "4.3.0", "Try again later"], "times": 1}]},),
    ),
    Behavior(
        "mail-550",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server refuses the sender with 550",
        "The client reports the failure, and does not try again.",
        REFUSED,
        rules=({"when": "MAIL", "do": [{"reply": [550, "5.7.1", "Sender refused"]}]},),
    ),
    Behavior(
        "mail-421",
        _GROUP,
        "RFC 5321 3.8",
        "The server answers the first MAIL with 421, and closes the connection",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "MAIL", "do": [{"reply": [421, "4.3.2", "System shuts down"], "times": 1}]},),
    ),
    Behavior(
        "rcpt-450",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server answers the first RCPT with 450",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "RCPT", "do": [{"reply": [450, "4.2.1", "Mailbox busy"], "times": 1}]},),
    ),
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
        "rcpt-251",
        _GROUP,
        "RFC 5321 3.4",
        "The server answers RCPT with 251, because it will forward the mail",
        "The client takes 251 for success, and delivers.",
        DELIVERED,
        rules=({"when": "RCPT", "do": [{"reply": [251, "2.1.5", "User not local; will forward"]}]},),
    ),
    Behavior(
        "rcpt-421",
        _GROUP,
        "RFC 5321 3.8",
        "The server answers the first RCPT with 421, and closes the connection",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "RCPT", "do": [{"reply": [421, "4.3.2", "System shuts down"], "times": 1}]},),
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
    Behavior(
        "rcpt-one-of-three-450",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server answers one of three recipients with 450, once",
        "The client reports that recipient, or keeps the mail and tries that recipient again.",
        RETRIED,
        rules=(
            {"when": "RCPT", "match": {"to": "carol@*"}, "do": [{"reply": [450, "4.2.1", "Mailbox busy"], "times": 1}]},
        ),
        recipients=3,
    ),
    Behavior(
        "rcpt-all-550",
        _GROUP,
        "RFC 5321 3.3",
        "The server refuses all of three recipients with 550",
        "The client sends no content, and reports the failure.",
        REFUSED,
        rules=({"when": "RCPT", "do": [{"reply": [550, "5.1.1", "User unknown"]}]},),
        recipients=3,
    ),
    Behavior(
        "rcpt-too-many",
        _GROUP,
        "RFC 5321 4.5.3.1.10",
        "The server takes two recipients of a mail, and answers the third with 452",
        "The client sends the mail to the third recipient again, or reports that recipient.",
        RETRIED,
        rules=({"preset": "max_recipients", "n": 2},),
        recipients=3,
    ),
    Behavior(
        "size-exceeded",
        _GROUP,
        "RFC 1870 6",
        "The server offers a SIZE that is smaller than the mail",
        "The client reports the failure, after MAIL at the latest if it uses SIZE, and does not try again.",
        REFUSED,
        server={"limits": Limits(message_size=100_000)},
        body="large",
    ),
    Behavior(
        "size-452",
        _GROUP,
        "RFC 1870 6.1",
        "The server answers the first MAIL with 452, because it has no space now",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "MAIL", "do": [{"reply": [452, "4.3.1", "Insufficient system storage"], "times": 1}]},),
    ),
    Behavior(
        "smtputf8-offered",
        _GROUP,
        "RFC 6531 3.4",
        "The server offers SMTPUTF8, and the address of the recipient is not ASCII",
        "The client sends SMTPUTF8 with MAIL and delivers, or reports that it cannot.",
        DELIVERED_OR_REFUSED,
        utf8=True,
        forbids=frozenset({"utf8_without_smtputf8"}),
    ),
    Behavior(
        "smtputf8-missing",
        _GROUP,
        "RFC 6531 3.2",
        "The server does not offer SMTPUTF8, and the address of the recipient is not ASCII",
        "The client sends no such address, and reports the failure.",
        REFUSED,
        server={"extensions": ["PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES", "HELP"]},
        utf8=True,
        forbids=frozenset({"utf8_without_smtputf8"}),
    ),
)
