"""SELECT, EXAMINE, CLOSE and UNSELECT (RFC 9051 6.3.2, 6.3.3, 6.4.1, 6.4.2)."""

from __future__ import annotations

from functools import partial

from lazr.smtptest.protocol.imap.folder_names import render_folder_name
from lazr.smtptest.protocol.imap.folder_view import FolderView
from lazr.smtptest.protocol.imap.response_values import render_flags
from lazr.smtptest.protocol.imap.responses import ok, render_status_response
from lazr.smtptest.protocol.reading_session import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.protocol.folder_access import Account, FolderState
    from lazr.smtptest.protocol.imap.command_types import SelectCommand, SimpleCommand
    from lazr.smtptest.protocol.imap.session_state import ImapState, Steps

__all__ = ["leave_folder", "run_close", "run_select", "run_unselect"]


def run_select(state: ImapState, command: SelectCommand) -> Steps:
    """Select a folder, or open it to read only (RFC 9051 6.3.2, 6.3.3)."""
    yield leave_folder(state)  # even if the command fails
    is_read_only = command.name == "EXAMINE"
    state.has_noted_change = False
    view, folder_state = yield Call(
        partial(
            _open_folder,
            state.get_account(),
            command.folder,
            is_read_only=is_read_only,
            has_recent=not state.is_rev2,
        )
    )
    state.is_condstore = state.is_condstore or command.is_condstore
    yield b"".join(_describe_folder(state, view, folder_state, command.folder))
    state.view = view
    view.is_refresh_due = state.has_noted_change  # perhaps after the call has read the folder
    return ok(f"{command.name} completed", "READ-ONLY" if is_read_only else "READ-WRITE")


def leave_folder(state: ImapState) -> bytes:
    """Leave the folder, because of another SELECT; return CLOSED (RFC 9051 6.3.2)."""
    if state.view is None:
        return b""
    state.close_folder()
    return render_status_response(b"*", "OK", "The folder selected before is closed", "CLOSED")


def _open_folder(
    account: Account, name: str, *, is_read_only: bool, has_recent: bool
) -> tuple[FolderView, FolderState]:
    folder = account.open_folder(name)
    state = folder.read_state()
    return FolderView(folder, state, is_read_only=is_read_only, has_recent=has_recent), state


def _describe_folder(state: ImapState, view: FolderView, folder_state: FolderState, name: str) -> Iterator[bytes]:
    """Yield the responses to SELECT (RFC 9051 6.3.2; RFC 3501 6.3.1 has RECENT and UNSEEN)."""
    yield view.render_flags_line()
    yield b"* %d EXISTS\r\n" % len(view.uids)
    if state.is_rev2:
        yield b'* LIST () "/" %s\r\n' % render_folder_name(name, is_utf8=True)
    else:
        yield b"* %d RECENT\r\n" % len(view.recent_uids)
        first_unseen = (
            None if folder_state.first_unseen_uid is None else view.find_number(folder_state.first_unseen_uid)
        )
        if first_unseen is not None:
            yield render_status_response(b"*", "OK", "The first unread message", f"UNSEEN {first_unseen}")
    permanent = "()" if view.is_read_only else render_flags(view.flags).decode("ascii")[:-1] + " \\*)"
    yield render_status_response(b"*", "OK", "Flags that can be changed", f"PERMANENTFLAGS {permanent}")
    yield render_status_response(b"*", "OK", "UIDs are valid", f"UIDVALIDITY {view.folder.uid_validity}")
    yield render_status_response(b"*", "OK", "The next UID", f"UIDNEXT {folder_state.uid_next}")
    yield render_status_response(
        b"*", "OK", "The highest modification sequence", f"HIGHESTMODSEQ {folder_state.highest_mod_seq}"
    )


def run_close(state: ImapState, command: SimpleCommand) -> Steps:
    r"""Remove the messages with `\Deleted`, and select no folder (RFC 9051 6.4.1)."""
    view = state.get_view()
    if not view.is_read_only:
        yield Call(partial(view.folder.expunge, view.uids))
    state.close_folder()
    return ok("CLOSE completed")


def run_unselect(state: ImapState, command: SimpleCommand) -> Steps:
    """Select no folder, and remove nothing (RFC 9051 6.4.2)."""
    yield b""
    state.close_folder()
    return ok("UNSELECT completed")
