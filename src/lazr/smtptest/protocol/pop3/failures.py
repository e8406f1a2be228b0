"""Exceptions of the store, and the responses to them."""

from __future__ import annotations

from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.protocol.pop3.responses import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["CallFailed", "describe_failure"]

# RFC 2449 8, RFC 3206: the response codes of failures of the store; others are temporary.
_CODES_BY_FOLDER_ERROR = {"CANNOT": "[SYS/PERM]", "NONEXISTENT": "[SYS/PERM]", "INUSE": "[IN-USE]"}


class CallFailed(Exception):
    """The exception that a call has raised, on its way into a generator."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error: Final = error


def describe_failure(error: BaseException) -> CommandError:
    """Return the response to an exception of the store (RFC 3206)."""
    if isinstance(error, FolderError):
        return CommandError(f"{_CODES_BY_FOLDER_ERROR.get(error.code, '[SYS/TEMP]')} {error.text}")
    return CommandError("[SYS/TEMP] The mail store is not available now")
