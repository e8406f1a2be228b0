"""CREATE, DELETE, RENAME, SUBSCRIBE, STATUS and NAMESPACE (RFC 9051 6.3)."""

from __future__ import annotations

from functools import partial

from lazr.smtptest.protocol.imap.folder_names import render_folder_name
from lazr.smtptest.protocol.imap.responses import no, ok
from lazr.smtptest.protocol.reading_session import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.protocol.folder_access import FolderStatus
    from lazr.smtptest.protocol.imap.command_types import (
        CreateCommand,
        FolderCommand,
        RenameCommand,
        SimpleCommand,
        StatusCommand,
    )
    from lazr.smtptest.protocol.imap.session_state import ImapState, Steps

__all__ = ["render_status", "run_create", "run_delete", "run_namespace", "run_rename", "run_status", "run_subscribe"]


def run_create(state: ImapState, command: CreateCommand) -> Steps:
    """Create a folder (RFC 9051 6.3.4)."""
    if command.special_use:
        return no("The special use of folders is fixed: Drafts, Junk, Sent and Trash have it", "USEATTR")
    yield Call(partial(state.get_account().create_folder, command.folder))
    return ok("CREATE completed")


def run_delete(state: ImapState, command: FolderCommand) -> Steps:
    """Delete a folder (RFC 9051 6.3.5)."""
    yield Call(partial(state.get_account().delete_folder, command.folder))
    state.note_change()
    return ok("DELETE completed")


def run_rename(state: ImapState, command: RenameCommand) -> Steps:
    """Rename a folder (RFC 9051 6.3.6)."""
    yield Call(partial(state.get_account().rename_folder, command.folder, command.new_folder))
    state.note_change()
    return ok("RENAME completed")


def run_subscribe(state: ImapState, command: FolderCommand) -> Steps:
    """Subscribe to a folder, or unsubscribe (RFC 9051 6.3.7, 6.3.8)."""
    subscribed = command.name == "SUBSCRIBE"
    yield Call(partial(state.get_account().set_subscribed, command.folder, subscribed=subscribed))
    return ok(f"{command.name} completed")


def run_namespace(state: ImapState, command: SimpleCommand) -> Steps:
    """List the namespaces of the user's folders (RFC 9051 6.3.10)."""
    yield b'* NAMESPACE (("" "/")) NIL NIL\r\n'
    return ok("NAMESPACE completed")


def run_status(state: ImapState, command: StatusCommand) -> Steps:
    """Report the numbers of a folder (RFC 9051 6.3.11)."""
    status: FolderStatus = yield Call(partial(state.get_account().get_status, command.folder))
    yield render_status(state, command.folder, command.items, status)
    return ok("STATUS completed")


def render_status(state: ImapState, folder: str, items: Sequence[str], status: FolderStatus) -> bytes:
    """Return the response STATUS (RFC 9051 7.3.4)."""
    # RFC 7162 3.1.2: HIGHESTMODSEQ enables CONDSTORE.
    enabled = state.enable_condstore() if "HIGHESTMODSEQ" in items else b""
    limit = state.settings.limits.message_size
    values = {
        "MESSAGES": status.messages,
        "RECENT": 0 if state.is_rev2 else status.recent,
        "UIDNEXT": status.uid_next,
        "UIDVALIDITY": status.uid_validity,
        "UNSEEN": status.unseen,
        "DELETED": status.deleted,
        "SIZE": status.size,
        "HIGHESTMODSEQ": status.highest_mod_seq,
        "APPENDLIMIT": "NIL" if limit is None else limit,
    }
    text = " ".join(f"{item} {values[item]}" for item in items)
    name = render_folder_name(folder, is_utf8=state.has_utf8_names)
    return enabled + b"* STATUS %s (%s)\r\n" % (name, text.encode("ascii"))
