"""EHLO: the extensions that a server offers, or does not."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import ANY_REPORT, DELIVERED, RETRIED
from lazr.smtptest.protocol.smtp import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["EHLO_BEHAVIORS"]

_GROUP = "ehlo"

EHLO_BEHAVIORS: Final = (
    Behavior(
        "ehlo-refused",
        _GROUP,
        "RFC 5321 2.2.1",
        "The server does not know EHLO, and answers it with 500",
        "The client sends HELO instead, uses no extensions, and delivers.",
        DELIVERED,
        rules=({"preset": "old_server"},),
        forbids=frozenset({"parameters_after_helo", "pipelining_not_offered"}),
    ),
    Behavior(
        "ehlo-550",
        _GROUP,
        "RFC 5321 4.1.1.1",
        "The server refuses EHLO and HELO with 550",
        "The client reports the failure, or tries another server later.",
        ANY_REPORT,
        rules=(
            {"when": "EHLO", "do": [{"reply": [550, "5.7.1", "Access denied"]}]},
            {"when": "HELO", "do": [{"reply": [550, "5.7.1", "Access denied"]}]},
        ),
    ),
    Behavior(
        "ehlo-421",
        _GROUP,
        "RFC 5321 3.8",
        "The server answers the first EHLO with 421, and closes the connection",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        rules=({"when": "EHLO", "do": [{"reply": [421, "4.3.2", "System shuts down"], "times": 1}]},),
    ),
    Behavior(
        "ehlo-odd-keywords",
        _GROUP,
        "RFC 5321 4.1.1.1",
        "The server offers unknown keywords, some in small letters, and with odd parameters",
        "The client ignores what it does not know, and delivers.",
        DELIVERED,
        rules=(
            {
                "when": "EHLO",
                "do": [{"advertise": ["x-odd a=b;c", "XFOO", "AUTH=LOGIN", "vrfy", "X-1-2-3 ! # $ % & ' *", "ETRN"]}],
            },
        ),
    ),
    Behavior(
        "ehlo-small-letters",
        _GROUP,
        "RFC 5321 2.4",
        "The server offers its extensions in small letters",
        "The client compares keywords without regard to case, and delivers.",
        DELIVERED,
        rules=(
            {
                "when": "EHLO",
                "do": [{"without": ["8BITMIME", "PIPELINING"], "advertise": ["8bitmime", "pipelining"]}],
            },
        ),
    ),
    Behavior(
        "ehlo-many-lines",
        _GROUP,
        "RFC 5321 4.2.1",
        "The server answers EHLO with over 40 lines",
        "The client reads all of them, and delivers.",
        DELIVERED,
        rules=({"when": "EHLO", "do": [{"advertise": [f"X-EXTENSION-{number}" for number in range(40)]}]},),
    ),
    Behavior(
        "ehlo-no-extensions",
        _GROUP,
        "RFC 5321 2.2.1",
        "The server answers EHLO with its name alone, and offers no extension",
        "The client uses no parameters and no pipelining, and delivers.",
        DELIVERED,
        server={"extensions": []},
        forbids=frozenset({"unknown_parameter", "pipelining_not_offered"}),
    ),
    Behavior(
        "ehlo-no-pipelining",
        _GROUP,
        "RFC 2920 3.1",
        "The server does not offer PIPELINING",
        "The client waits for the reply to each command, and delivers.",
        DELIVERED,
        server={"extensions": ["SIZE", "8BITMIME", "ENHANCEDSTATUSCODES", "HELP"]},
        recipients=3,
        forbids=frozenset({"pipelining_not_offered"}),
    ),
    Behavior(
        "ehlo-size-zero",
        _GROUP,
        "RFC 1870 4",
        "The server offers SIZE 0, which means that it has no fixed limit",
        "The client does not take it for a limit of 0 octets, and delivers.",
        DELIVERED,
        server={"limits": Limits(message_size=None)},
    ),
)
