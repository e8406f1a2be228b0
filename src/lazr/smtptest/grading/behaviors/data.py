"""DATA and BDAT: the content on its way, and the replies before and after it."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import ANY_REPORT, DELIVERED, REFUSED, RETRIED, UNSURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["DATA_BEHAVIORS"]

_GROUP = "data"
_WITH_CHUNKING = ("PIPELINING", "SIZE", "8BITMIME", "CHUNKING", "ENHANCEDSTATUSCODES", "HELP")
_BDAT = frozenset({"BDAT"})
_TOO_EARLY = frozenset({"pipelined_too_early", "pipelining_not_offered"})

DATA_BEHAVIORS: Final = (
    Behavior(
        "data-354-late",
        _GROUP,
        "RFC 5321 4.5.3.2.4",
        "The server sends 354 after 1 s",
        "The client waits for 354 before it sends the content, and delivers.",
        DELIVERED,
        rules=({"when": "DATA", "do": [{"delay": 1.0}]},),
        forbids=_TOO_EARLY,
    ),
    Behavior(
        "data-354-multi-line",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server sends a 354 of three lines",
        "The client reads all lines before it sends the content, and delivers.",
        DELIVERED,
        rules=({"when": "DATA", "do": [{"reply": [354, "Go ahead", "at most one mail", "end with a dot"]}]},),
        forbids=_TOO_EARLY,
    ),
    Behavior(
        "data-250-for-354",
        _GROUP,
        "RFC 5321 4.1.1.4",
        "The server answers DATA with 250, and not with 354",
        "The client sends no content, and reports the failure.",
        ANY_REPORT,
        rules=({"when": "DATA", "do": [{"reply": [250, "2.0.0", "Ok"]}]},),
    ),
    Behavior(
        "data-451",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server answers the first DATA with 451",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "DATA", "do": [{"reply": [451, "4.3.0", "Try again later"], "times": 1}]},),
    ),
    Behavior(
        "data-421",
        _GROUP,
        "RFC 5321 3.8",
        "The server answers the first DATA with 421, and closes the connection",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "DATA", "do": [{"reply": [421, "4.3.2", "System shuts down"], "times": 1}]},),
    ),
    Behavior(
        "data-554",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server refuses DATA with 554",
        "The client sends no content, reports the failure, and does not try again.",
        REFUSED,
        rules=({"when": "DATA", "do": [{"reply": [554, "5.6.0", "Transaction failed"]}]},),
    ),
    Behavior(
        "data-closed",
        _GROUP,
        "RFC 5321 4.5.4.1",
        "The server closes the connection at the first DATA",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "DATA", "do": [{"drop": True, "times": 1}]},),
    ),
    Behavior(
        "data-reset-in-content",
        _GROUP,
        "RFC 5321 4.5.4.1",
        "The connection breaks after 20,000 octets of the content, once",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "CONTENT", "match": {"after": 20_000}, "do": [{"reset": True, "times": 1}]},),
        body="large",
    ),
    Behavior(
        "data-421-in-content",
        _GROUP,
        "RFC 5321 3.8",
        "The server sends 421 after 20,000 octets of the content, and closes the connection, once",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=(
            {
                "when": "CONTENT",
                "match": {"after": 20_000},
                "do": [{"reply": [421, "4.3.2", "System shuts down"], "times": 1}],
            },
        ),
        body="large",
    ),
    Behavior(
        "data-slow-reading",
        _GROUP,
        "RFC 5321 4.5.3.2.5",
        "The server reads the content slowly, in 1.5 s",
        "The client waits until the server has read the content, and delivers.",
        DELIVERED,
        rules=(
            {
                "when": "CONTENT",
                "do": [{"throttle": {"bytes_per_second": 100_000, "direction": "in"}, "times": 1}],
            },
        ),
        body="large",
    ),
    Behavior(
        "data-end-451",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server answers the end of the first content with 451",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "END_OF_DATA", "do": [{"reply": [451, "4.3.0", "Local error, try later"], "times": 1}]},),
    ),
    Behavior(
        "data-end-421",
        _GROUP,
        "RFC 5321 3.8",
        "The server answers the end of the first content with 421, and closes the connection",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "END_OF_DATA", "do": [{"reply": [421, "4.3.2", "System shuts down"], "times": 1}]},),
    ),
    Behavior(
        "data-end-552",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server refuses the content with 552 after its end",
        "The client waits for the reply to the content, reports the failure, and does not try again.",
        REFUSED,
        rules=({"when": "END_OF_DATA", "do": [{"reply": [552, "5.3.4", "Message too big"]}]},),
    ),
    Behavior(
        "data-end-554",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server refuses the content as spam with 554",
        "The client reports the failure, and does not try again.",
        REFUSED,
        rules=({"preset": "spam_rejected"},),
    ),
    Behavior(
        "data-end-closed",
        _GROUP,
        "RFC 5321 4.2.5",
        "The server closes the connection after the first content without a reply, and drops the mail",
        "The client does not take that for success: it reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "END_OF_DATA", "do": [{"drop": True, "times": 1}]},),
    ),
    Behavior(
        "data-250-lost",
        _GROUP,
        "RFC 1047",
        "The server accepts the mail, and the connection breaks before its 250, once",
        "The client cannot know: it tries again, which makes a second copy, or reports the failure.",
        UNSURE,
        rules=({"when": "END_OF_DATA", "do": [{"truncate": 0, "close_after": True, "times": 1}]},),
    ),
    Behavior(
        "data-250-late",
        _GROUP,
        "RFC 5321 4.5.3.2.6",
        "The server sends the 250 to the content after 1.5 s",
        "The client waits for it, and delivers once.",
        DELIVERED,
        rules=({"when": "END_OF_DATA", "do": [{"delay": 1.5}]},),
    ),
    Behavior(
        "data-250-never",
        _GROUP,
        "RFC 5321 4.5.3.2",
        "The server accepts the mail, and never sends its 250, once",
        "The client gives up after its timeout: it tries again, which makes a second copy, or reports the failure.",
        UNSURE,
        # Without a delay, which ends early for clients that send QUIT with the content and close their side.
        rules=(
            {"when": "END_OF_DATA", "match": {"session": 1}, "do": [{"truncate": 0, "times": 1}]},
            {"when": "QUIT", "match": {"session": 1}, "do": [{"stall": True}]},
        ),
        timeout=2.0,
    ),
    Behavior(
        "bdat-valid",
        _GROUP,
        "RFC 3030 2",
        "The server offers CHUNKING",
        "The client that uses BDAT sends the content in chunks, without doubled dots, and delivers.",
        DELIVERED,
        server={"extensions": _WITH_CHUNKING},
        body="dots",
        needs=_BDAT,
    ),
    Behavior(
        "bdat-451",
        _GROUP,
        "RFC 3030 2",
        "The server answers the first BDAT with 451",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        server={"extensions": _WITH_CHUNKING},
        rules=({"when": "BDAT", "do": [{"reply": [451, "4.3.0", "Local error, try later"], "times": 1}]},),
        needs=_BDAT,
    ),
    Behavior(
        "bdat-552",
        _GROUP,
        "RFC 3030 2",
        "The server refuses the content of BDAT with 552",
        "The client reports the failure, and does not try again.",
        REFUSED,
        server={"extensions": _WITH_CHUNKING},
        rules=({"when": "BDAT", "do": [{"reply": [552, "5.3.4", "Message too big"]}]},),
        needs=_BDAT,
    ),
)
