"""The thumbnail of a part: a JPEG, which is blank where the part is no picture, or too large a one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lazr.smtptest.web.apart import Failed, apart

if TYPE_CHECKING:
    from lazr.smtptest.mail.attachment import Attachment

__all__ = ["thumbnail"]

MIB = 1024 * 1024

_OCTETS = 32 * MIB


def thumbnail(part: Attachment) -> bytes:
    """A JPEG of 180 × 120."""
    if not part.content_type.startswith("image/") or len(part.content) > _OCTETS:
        return _blank()
    try:
        return apart("lazr.smtptest.web.picture", part.content)
    except Failed:
        return _blank()


@cache
def _blank() -> bytes:
    from lazr.smtptest.web.picture import white

    return white()
