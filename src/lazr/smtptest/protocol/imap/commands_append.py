"""APPEND: store a message in a folder (RFC 9051 6.3.12)."""

from __future__ import annotations

from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.protocol.imap.responses import ok
from lazr.smtptest.protocol.reading_session import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.protocol.folder_access import Account
    from lazr.smtptest.protocol.imap.command_types import AppendCommand
    from lazr.smtptest.protocol.imap.session_state import ImapState, Steps

__all__ = ["hint_at_create", "run_append"]


def run_append(state: ImapState, command: AppendCommand) -> Steps:
    """Store a message (RFC 9051 6.3.12, RFC 4315 3)."""
    account = state.get_account()
    uid_validity, uid = yield Call(lambda: _append(account, command))
    state.note_change()
    return ok("APPEND completed", f"APPENDUID {uid_validity} {uid}")


def _append(account: Account, command: AppendCommand) -> tuple[int, int]:
    try:
        uid = account.append(command.folder, command.content, flags=command.flags, internal_date=command.internal_date)
        return account.open_folder(command.folder).uid_validity, uid
    except FolderError as error:
        raise hint_at_create(error) from error


def hint_at_create(error: FolderError) -> FolderError:
    """Return the error with TRYCREATE if the folder does not exist (RFC 9051 7.1)."""
    return FolderError(error.text, "TRYCREATE") if error.code == "NONEXISTENT" else error
