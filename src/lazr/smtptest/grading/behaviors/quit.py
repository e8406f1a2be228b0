"""QUIT: the mail is delivered, whatever the server does now."""

from __future__ import annotations

from lazr.smtptest.grading.behavior import Behavior
from lazr.smtptest.grading.behaviors.accepted import DELIVERED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["QUIT_BEHAVIORS"]

_GROUP = "quit"
_EXPECTED = "The mail was accepted before, so the client says that it was sent, and does not send it again."

QUIT_BEHAVIORS: Final = (
    Behavior(
        "quit-never",
        _GROUP,
        "RFC 5321 4.1.1.10",
        "The server never answers QUIT",
        _EXPECTED,
        DELIVERED,
        rules=({"when": "QUIT", "do": [{"stall": True}]},),
        timeout=2.0,
    ),
    Behavior(
        "quit-reset",
        _GROUP,
        "RFC 5321 4.1.1.10",
        "The connection breaks at QUIT",
        _EXPECTED,
        DELIVERED,
        rules=({"when": "QUIT", "do": [{"reset": True}]},),
    ),
    Behavior(
        "quit-closed",
        _GROUP,
        "RFC 5321 4.1.1.10",
        "The server closes the connection at QUIT without a reply",
        _EXPECTED,
        DELIVERED,
        rules=({"when": "QUIT", "do": [{"drop": True}]},),
    ),
    Behavior(
        "quit-421",
        _GROUP,
        "RFC 5321 4.1.1.10",
        "The server answers QUIT with 421",
        _EXPECTED,
        DELIVERED,
        rules=({"when": "QUIT", "do": [{"reply": [421, "4.3.2", "System shuts down"]}]},),
    ),
)
