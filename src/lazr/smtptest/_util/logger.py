"""The logger of the package, which is imported with its first record."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging

__all__ = ["get_logger"]


def get_logger() -> logging.Logger:
    """Return the logger `lazr.smtptest`.

    Call it where a record is written: the import of `logging` takes as long as the start of a server, and most servers
    write no record.
    """
    import logging

    return logging.getLogger("lazr.smtptest")
