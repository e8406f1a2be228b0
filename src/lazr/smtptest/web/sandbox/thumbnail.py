"""Make the thumbnail of a message part; it is blank for parts that cannot be shown."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from lazr.smtptest._util.child_process import ChildProcessFailed, run_in_child_process
from lazr.smtptest._util.extras import require_extra

if TYPE_CHECKING:
    from lazr.smtptest.mail import Attachment

__all__ = ["make_thumbnail"]

MIB = 1024 * 1024

_MAX_IMAGE_BYTES = 32 * MIB


def make_thumbnail(part: Attachment) -> bytes:
    """Return a JPEG of 180 × 120 pixels.

    Raises:
        MissingExtra: the part may be a picture, and Pillow is not installed.
    """
    if not part.content_type.startswith("image/") or len(part.content) > _MAX_IMAGE_BYTES:
        return _read_blank()
    require_extra("thumbnails")
    try:
        return run_in_child_process("lazr.smtptest.web.sandbox.thumbnail_worker", part.content)
    except ChildProcessFailed:
        return _read_blank()


@cache
def _read_blank() -> bytes:
    """Return a white thumbnail, which is a file because it must not need Pillow."""
    return files(__package__).joinpath("blank_thumbnail.jpg").read_bytes()
