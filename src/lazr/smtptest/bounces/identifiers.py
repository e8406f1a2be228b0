"""The identifiers of a notification: Message-ID, boundary and queue numbers.

All of them come from one token, so that a test can fix them.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime
from email.utils import format_datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail import Mail

__all__ = ["build_identifiers", "format_date", "resolve_now"]

_TOKEN = re.compile(r"[0-9A-Za-z]{8,40}")
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def resolve_now(now: datetime | None) -> datetime:
    """Return a time in UTC; None means the current one."""
    return datetime.now(UTC) if now is None else now.astimezone(UTC)


def format_date(time: datetime) -> str:
    """Return a time as the Date field has it (RFC 5322 3.3).

    >>> format_date(datetime(2026, 8, 1, 8, 0, 2, tzinfo=UTC))
    'Sat, 01 Aug 2026 08:00:02 +0000'
    """
    return format_datetime(time)


def build_identifiers(mail: Mail, now: datetime, token: str | None) -> dict[str, str]:
    """Return the identifiers by the names that the templates of styles use.

    Args:
        mail: the original mail; its queue number is always the same.
        now: the time of the notification.
        token: 8 to 40 letters and digits; None for random ones.

    Raises:
        ValueError: if the token has other characters.
    """
    token = secrets.token_hex(12) if token is None else token
    if _TOKEN.fullmatch(token) is None:
        raise ValueError(f"token must be 8 to 40 letters and digits, got {token!r}; None makes a random one")
    own = hashlib.sha256(token.encode()).hexdigest()
    original = hashlib.sha256(f"{mail.id} {mail.timestamp}".encode("utf-8", "replace")).hexdigest()
    return {
        "token": token,
        "short_token": own[:16],
        "guid": f"{own[:8]}-{own[8:12]}-4{own[13:16]}-8{own[17:20]}-{own[20:32]}",
        "number": str(int(own[:8], 16)),
        "queue_id": own[:10].upper(),
        "exim_id": _build_exim_id(own, now.timestamp()),
        "original_queue_id": original[:10].upper(),
        "original_exim_id": _build_exim_id(original, mail.timestamp),
        "seconds": str(int(now.timestamp())),
        "stamp": now.strftime("%Y%m%d%H%M%S"),
    }


def _build_exim_id(digest: str, timestamp: float) -> str:
    """Return the time, a process number and a fraction in base 62, as `1qAbCe-000124-5f`."""
    return "-".join(
        _encode_base62(number, width)
        for number, width in ((int(timestamp), 6), (int(digest[:6], 16), 6), (int(digest[6:8], 16), 2))
    )


def _encode_base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))
