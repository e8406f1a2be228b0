"""The content: what must arrive as it was, and what a server cannot take."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import DELIVERED, DELIVERED_OR_REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["CONTENT_BEHAVIORS"]

_GROUP = "content"
_ENCODINGS_WITH_SHORT_LINES = {"regex": "quoted-printable|base64", "flags": "i"}
_WITHOUT_8BITMIME = ("PIPELINING", "SIZE", "ENHANCEDSTATUSCODES", "HELP")

CONTENT_BEHAVIORS: Final = (
    Behavior(
        "content-plain",
        _GROUP,
        "RFC 5321 3.3",
        "The server accepts a mail without any fault",
        "The client delivers it once, and unchanged.",
        DELIVERED,
    ),
    Behavior(
        "content-large",
        _GROUP,
        "RFC 5321 4.5.3.1.7",
        "The server accepts a mail of 150,000 octets",
        "The client delivers it once, and unchanged.",
        DELIVERED,
        body="large",
    ),
    Behavior(
        "content-dots",
        _GROUP,
        "RFC 5321 4.5.2",
        "The server takes a dot alone on a line for the end, and removes the first dot of other lines",
        "The client doubles the dot at the start of a line, and the mail arrives unchanged.",
        DELIVERED,
        body="dots",
    ),
    Behavior(
        "content-no-line-end",
        _GROUP,
        "RFC 5321 4.1.1.4",
        "The server accepts a mail whose last line has no line end",
        "The client ends that line before it sends the final dot, and delivers.",
        DELIVERED,
        body="no-line-end",
    ),
    Behavior(
        "content-long-line",
        _GROUP,
        "RFC 5321 4.5.3.1.6",
        "The server accepts a mail with a line of 1,500 octets, which is longer than 998",
        "The client does not break the line: it encodes the content, sends it as it is, or reports the failure.",
        DELIVERED_OR_REFUSED,
        body="long-line",
    ),
    Behavior(
        "content-long-line-500",
        _GROUP,
        "RFC 5321 4.5.3.1.9",
        "The server refuses a mail with a line of 1,500 octets with 500",
        "The client encodes the content and delivers, or reports the failure.",
        DELIVERED_OR_REFUSED,
        rules=(
            {
                "when": "END_OF_DATA",
                "match": {"where": {"not": {"header": {"Content-Transfer-Encoding": _ENCODINGS_WITH_SHORT_LINES}}}},
                "do": [{"reply": [500, "5.6.0", "Line too long"]}],
            },
        ),
        body="long-line",
        needs=frozenset({"DATA", "BDAT"}),
    ),
    Behavior(
        "content-lf-lines",
        _GROUP,
        "RFC 5321 2.3.8",
        "The server ends lines only at CRLF, and all lines of the mail end with LF",
        "The client sends CRLF for each LF and delivers, or reports the failure.",
        DELIVERED_OR_REFUSED,
        body="lf-lines",
        forbids=frozenset({"bare_line_end"}),
    ),
    Behavior(
        "content-bare-lf",
        _GROUP,
        "RFC 5321 2.3.8",
        "The server ends lines only at CRLF, and the mail has a dot between two LF (CVE-2023-51764)",
        "The client sends no LF alone, which other servers could take for the end of the mail.",
        DELIVERED_OR_REFUSED,
        body="bare-lf",
        forbids=frozenset({"bare_line_end"}),
    ),
    Behavior(
        "content-8bit",
        _GROUP,
        "RFC 6152 3",
        "The server offers 8BITMIME, and the mail has 8-bit text",
        "The client sends BODY=8BITMIME with MAIL, or encodes the text, and delivers.",
        DELIVERED,
        body="eight-bit",
        forbids=frozenset({"eight_bit_without_8bitmime"}),
    ),
    Behavior(
        "content-8bit-not-offered",
        _GROUP,
        "RFC 6152 3",
        "The server does not offer 8BITMIME, and the mail has 8-bit text",
        "The client encodes the text in 7 bits and delivers, or reports the failure.",
        DELIVERED_OR_REFUSED,
        server={"extensions": _WITHOUT_8BITMIME},
        body="eight-bit",
        forbids=frozenset({"eight_bit_without_8bitmime", "unknown_parameter"}),
    ),
)
