"""The error of a delivery of notifications."""

from __future__ import annotations

__all__ = ["DeliveryError"]


class DeliveryError(OSError):
    """A notification could not be delivered; the text is the whole reason."""
