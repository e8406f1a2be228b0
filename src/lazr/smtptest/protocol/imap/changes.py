"""Announce changes of the selected folder to the client (RFC 9051 5.2, 7.4.1, 7.5.1)."""

from __future__ import annotations

from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.protocol.imap.responses import join_lines
from lazr.smtptest.protocol.reading_session import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.protocol.imap.folder_view import FolderChanges
    from lazr.smtptest.protocol.imap.session_state import Changes, ImapState

__all__ = ["report_changes"]


def report_changes(state: ImapState, *, may_expunge: bool = True, is_forced: bool = False) -> Changes:
    """Report changes of the selected folder.

    Args:
        state: The state of the session.
        may_expunge: Whether numbers may change now.
        is_forced: Look for changes even if none was noticed.
    """
    view = state.view
    if view is None or not (view.is_refresh_due or is_forced):
        return
    view.is_refresh_due = False  # before the call: a change meanwhile makes it due again
    try:
        changes: FolderChanges = yield Call(view.read_changes)
    except FolderError:
        view.is_refresh_due = True  # the next command tries again
        return
    yield from join_lines(
        view.apply_changes(
            changes,
            may_expunge=may_expunge,
            shows_mod_seq=state.is_condstore,
            shows_uid=True,
        )
    )
