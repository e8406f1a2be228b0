"""Replies: their form and their time."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import ANY_REPORT, DELIVERED, RETRIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["REPLY_BEHAVIORS"]

_GROUP = "replies"
_BYTES_PER_SECOND = 39  # at this rate, a throttle sends each byte alone

REPLY_BEHAVIORS: Final = (
    Behavior(
        "replies-multi-line",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server answers each command with three lines",
        "The client reads all lines of a reply, and delivers.",
        DELIVERED,
        rules=(
            {"when": "MAIL", "do": [{"reply": [250, "2.1.0", "Sender", "is", "ok"]}]},
            {"when": "RCPT", "do": [{"reply": [250, "2.1.5", "Recipient", "is", "ok"]}]},
            {"when": "DATA", "do": [{"reply": [354, "Go", "ahead", "now"]}]},
            {"when": "END_OF_DATA", "do": [{"reply": [250, "2.0.0", "Message", "is", "accepted"]}]},
            {"when": "QUIT", "do": [{"reply": [221, "2.0.0", "Good", "bye", "now"]}]},
        ),
    ),
    Behavior(
        "replies-without-text",
        _GROUP,
        "RFC 5321 4.2",
        "The server answers with codes alone, without a text",
        "The client needs only the code, and delivers.",
        DELIVERED,
        rules=(
            {"when": "MAIL", "do": [{"raw": "250\r\n"}]},
            {"when": "RCPT", "do": [{"raw": "250\r\n"}]},
            {"when": "DATA", "do": [{"raw": "354\r\n"}]},
            {"when": "END_OF_DATA", "do": [{"raw": "250\r\n"}]},
        ),
    ),
    Behavior(
        "replies-utf8-text",
        _GROUP,
        "RFC 5321 4.2",
        "The server answers with texts in UTF-8 and in Latin-1",
        "The client needs only the code, and delivers.",
        DELIVERED,
        rules=(
            {"when": "MAIL", "do": [{"raw": "250 2.1.0 Gr\xc3\xbc\xc3\x9fe\r\n"}]},
            {"when": "RCPT", "do": [{"raw": "250 2.1.5 Gr\xfc\xdfe\r\n"}]},
            {"when": "END_OF_DATA", "do": [{"raw": "250 2.0.0 \xe2\x9c\x93\r\n"}]},
        ),
    ),
    Behavior(
        "replies-single-bytes",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server sends its replies byte by byte",
        "The client waits for the end of each line, and delivers.",
        DELIVERED,
        server={"extensions": [], "greeting": "ESMTP"},
        rules=(
            {"when": "CONNECT", "do": [{"throttle": {"bytes_per_second": _BYTES_PER_SECOND, "direction": "out"}}]},
            {"when": "MAIL", "do": [{"reply": [250, "Ok"]}]},
            {"when": "RCPT", "do": [{"reply": [250, "Ok"]}]},
            {"when": "DATA", "do": [{"reply": [354, "Go"]}]},
            {"when": "END_OF_DATA", "do": [{"reply": [250, "Ok"]}]},
            {"when": "QUIT", "do": [{"reply": [221, "Ok"]}]},
        ),
    ),
    Behavior(
        "replies-late",
        _GROUP,
        "RFC 5321 4.5.3.2",
        "The server sends each reply after 0.3 s",
        "The client waits for each reply, and delivers.",
        DELIVERED,
        rules=({"preset": "tarpit", "seconds": 0.3},),
    ),
    Behavior(
        "replies-unknown-2yz",
        _GROUP,
        "RFC 5321 4.2",
        "The server answers MAIL and RCPT with 259, a code that no RFC defines",
        "The client goes by the first digit, which RFC 5321 demands, and delivers.",
        DELIVERED,
        rules=(
            {"when": "MAIL", "do": [{"reply": [259, "Ok"]}]},
            {"when": "RCPT", "do": [{"reply": [259, "Ok"]}]},
        ),
    ),
    Behavior(
        "replies-unknown-2yz-at-end",
        _GROUP,
        "RFC 5321 4.2",
        "The server accepts the content with 259, a code that no RFC defines",
        "The client goes by the first digit, and says that the mail was sent; a report would lead to a second copy.",
        DELIVERED,
        rules=({"when": "END_OF_DATA", "do": [{"reply": [259, "Ok"]}]},),
    ),
    Behavior(
        "replies-unknown-4yz",
        _GROUP,
        "RFC 5321 4.2",
        "The server answers the end of the first content with 459, a code that no RFC defines",
        "The client goes by the first digit, and takes it for a failure.",
        RETRIED,
        rules=({"when": "END_OF_DATA", "do": [{"reply": [459, "Not now"], "times": 1}]},),
    ),
    Behavior(
        "replies-mixed-codes",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server refuses RCPT with two lines, of which the first has 250 and the last 550",
        "The client reports the failure: at RCPT if it goes by the last line, at DATA if it goes by the first.",
        ANY_REPORT,
        rules=(
            {"when": "RCPT", "do": [{"raw": "250-2.1.5 Checking\r\n550 5.1.1 User unknown\r\n"}]},
            {"when": "DATA", "do": [{"reply": [554, "5.5.1", "No valid recipients"]}]},
        ),
    ),
    Behavior(
        "replies-not-smtp",
        _GROUP,
        "RFC 5321 4.2",
        "The server answers MAIL with a line that has no code",
        "The client does not take it for success, and reports the failure.",
        ANY_REPORT,
        rules=({"when": "MAIL", "do": [{"raw": "Internal error in module 7\r\n"}]},),
    ),
    Behavior(
        "replies-never",
        _GROUP,
        "RFC 5321 4.5.3.2",
        "The server never answers RCPT",
        "The client gives up after its timeout, and reports the failure.",
        ANY_REPORT,
        rules=({"when": "RCPT", "do": [{"stall": True}]},),
        timeout=2.0,
    ),
)
