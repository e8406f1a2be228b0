"""AUTH: credentials over TLS, and servers that do not take them."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import ANY_REPORT, DELIVERED, RETRIED
from lazr.smtptest.net import Tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["AUTH_BEHAVIORS"]

_GROUP = "auth"
_NEEDS = frozenset({"AUTH"})

AUTH_BEHAVIORS: Final = (
    Behavior(
        "auth-valid",
        _GROUP,
        "RFC 4954 4",
        "The server offers PLAIN and LOGIN after STARTTLS, and demands authentication",
        "The client authenticates, and delivers.",
        DELIVERED,
        server={"tls": Tls()},
        security="starttls",
        auth=True,
        needs=_NEEDS,
    ),
    Behavior(
        "auth-before-tls",
        _GROUP,
        "RFC 4954 9",
        "The server offers AUTH before STARTTLS, too",
        "The client upgrades the connection before it sends its credentials, and delivers.",
        DELIVERED,
        server={"tls": Tls()},
        security="starttls",
        auth=True,
        auth_in_clear=True,
        needs=_NEEDS,
    ),
    Behavior(
        "auth-454",
        _GROUP,
        "RFC 4954 4.7",
        "The server answers the first AUTH with 454, a temporary failure",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        server={"tls": Tls()},
        rules=({"when": "AUTH", "do": [{"reply": [454, "4.7.0", "Temporary authentication failure"], "times": 1}]},),
        security="starttls",
        auth=True,
    ),
    Behavior(
        "auth-535",
        _GROUP,
        "RFC 4954 4.7",
        "The server refuses the credentials with 535",
        "The client sends no mail, and reports the failure or keeps the mail.",
        ANY_REPORT,
        server={"tls": Tls()},
        rules=({"when": "AUTH", "do": [{"reply": [535, "5.7.8", "Authentication credentials invalid"]}]},),
        security="starttls",
        auth=True,
    ),
    Behavior(
        "auth-421",
        _GROUP,
        "RFC 5321 3.8",
        "The server answers the first AUTH with 421, and closes the connection",
        "The client reports the failure, or keeps the mail and tries again.",
        RETRIED,
        server={"tls": Tls()},
        rules=({"when": "AUTH", "do": [{"reply": [421, "4.7.0", "Too many attempts"], "times": 1}]},),
        security="starttls",
        auth=True,
    ),
    Behavior(
        "auth-only-cram-md5",
        _GROUP,
        "RFC 4954 4",
        "The server offers CRAM-MD5, and no other mechanism",
        "The client uses CRAM-MD5, or reports that no mechanism suits.",
        RETRIED,
        server={"tls": Tls()},
        security="starttls",
        auth=True,
        mechanisms=("CRAM-MD5",),
    ),
    Behavior(
        "auth-only-xoauth2",
        _GROUP,
        "RFC 4954 4",
        "The server offers XOAUTH2, and no other mechanism; it refuses the password as a token with 535",
        "The client, which has a password and no token, reports that no mechanism suits, or that it was refused.",
        ANY_REPORT,
        server={"tls": Tls()},
        rules=({"when": "AUTH", "do": [{"reply": [535, "5.7.8", "Authentication credentials invalid"]}]},),
        security="starttls",
        auth=True,
        mechanisms=("XOAUTH2",),
        needs=frozenset({"STARTTLS"}),
    ),
    Behavior(
        "auth-not-offered",
        _GROUP,
        "RFC 4954 6",
        "The server does not offer AUTH, and answers MAIL with 530",
        "The client reports the failure.",
        ANY_REPORT,
        server={"tls": Tls()},
        rules=(
            {"when": "EHLO", "match": {"tls": True}, "do": [{"without": ["AUTH"]}]},
            {"when": "AUTH", "do": [{"reply": [502, "5.5.1", "Command not implemented"]}]},
        ),
        security="starttls",
        auth=True,
    ),
    Behavior(
        "auth-challenge-garbage",
        _GROUP,
        "RFC 4954 4",
        "The server answers the credentials with a challenge that is not base64",
        "The client cancels the exchange or leaves, and reports the failure.",
        ANY_REPORT,
        server={"tls": Tls()},
        rules=({"when": "AUTH", "do": [{"raw": "334 %%% not base64 %%%\r\n"}]},),
        security="starttls",
        auth=True,
    ),
)
