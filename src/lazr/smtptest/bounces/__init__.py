"""Build mails that come back: bounces, complaints and automatic replies.

The builders are pure: they get a mail and return a `Notification`, or None where the standards forbid one.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.bounces.automatic_reply import (
        build_auto_reply,
        build_challenge,
        build_out_of_office,
        find_reply_obstacle,
    )
    from lazr.smtptest.bounces.complaint import FEEDBACK_TYPES, build_complaint, find_complaint_obstacle
    from lazr.smtptest.bounces.dsn import build_bounce, build_delay, build_delivered, find_dsn_obstacle
    from lazr.smtptest.bounces.notification import KINDS, Notification, NotificationKind
    from lazr.smtptest.bounces.status_codes import StatusCode, find_status_code
    from lazr.smtptest.bounces.styles import STYLES, Style, find_style
    from lazr.smtptest.bounces.verp import Verp, build_verp, find_verp_mismatch, parse_verp

__all__ = [
    "FEEDBACK_TYPES",
    "KINDS",
    "STYLES",
    "Notification",
    "NotificationKind",
    "StatusCode",
    "Style",
    "Verp",
    "build_auto_reply",
    "build_bounce",
    "build_challenge",
    "build_complaint",
    "build_delay",
    "build_delivered",
    "build_out_of_office",
    "build_verp",
    "find_complaint_obstacle",
    "find_dsn_obstacle",
    "find_reply_obstacle",
    "find_status_code",
    "find_style",
    "find_verp_mismatch",
    "parse_verp",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.bounces.automatic_reply": (
            "build_auto_reply",
            "build_challenge",
            "build_out_of_office",
            "find_reply_obstacle",
        ),
        "lazr.smtptest.bounces.complaint": ("FEEDBACK_TYPES", "build_complaint", "find_complaint_obstacle"),
        "lazr.smtptest.bounces.dsn": ("build_bounce", "build_delay", "build_delivered", "find_dsn_obstacle"),
        "lazr.smtptest.bounces.notification": ("KINDS", "Notification", "NotificationKind"),
        "lazr.smtptest.bounces.status_codes": ("StatusCode", "find_status_code"),
        "lazr.smtptest.bounces.styles": ("STYLES", "Style", "find_style"),
        "lazr.smtptest.bounces.verp": ("Verp", "build_verp", "find_verp_mismatch", "parse_verp"),
    },
)
