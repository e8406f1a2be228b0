"""STORE, COPY, MOVE and EXPUNGE (RFC 9051 6.4.3, 6.4.6 to 6.4.9)."""

from __future__ import annotations

from functools import partial

from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.protocol.imap.command_types import FetchItem
from lazr.smtptest.protocol.imap.commands_append import hint_at_create
from lazr.smtptest.protocol.imap.fetch_response import render_fetch_response
from lazr.smtptest.protocol.imap.message_selection import find_uids, get_writable_view, number_messages, split_batches
from lazr.smtptest.protocol.imap.responses import Completion, join_lines, no, ok, render_status_response
from lazr.smtptest.protocol.imap.sequence_set import format_sequence_set
from lazr.smtptest.protocol.reading_session import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from lazr.smtptest.protocol.folder_access import Account, FlagChanges, Folder
    from lazr.smtptest.protocol.imap.command_types import CopyCommand, ExpungeCommand, StoreCommand
    from lazr.smtptest.protocol.imap.folder_view import FolderView
    from lazr.smtptest.protocol.imap.session_state import ImapState, Steps

__all__ = ["run_copy", "run_expunge", "run_store"]

_MAX_CHANGES_PER_CALL = 1000
_UID, _FLAGS, _MOD_SEQ = FetchItem("UID"), FetchItem("FLAGS"), FetchItem("MODSEQ")


def run_store(state: ImapState, command: StoreCommand) -> Steps:
    """Change flags (RFC 9051 6.4.6, RFC 7162 3.1.3)."""
    view = get_writable_view(state)
    uids = find_uids(state, command.messages, is_uid=command.is_uid)
    if command.unchanged_since is not None:
        yield state.enable_condstore()
    items = _select_store_items(state, command)
    conflicts: list[int] = []
    change_count = 0
    for batch in split_batches(uids, _MAX_CHANGES_PER_CALL):
        changes, foreign = yield Call(partial(_change_flags, view, batch, command))
        conflicts += changes.conflicts
        change_count += len(changes.changed)
        view.note_own_changes(message for message in changes.changed if message.uid not in foreign)
        if changes.changed:
            yield view.add_keywords(command.flags)
        if items:
            yield from join_lines(_render_changes(view, changes, items))
    if conflicts:
        numbers = number_messages(view, conflicts, is_uid=command.is_uid)
        return ok("Messages that changed meanwhile are left out", f"MODIFIED {format_sequence_set(numbers)}")
    return _complete(command, is_complete=change_count == len(uids))


def _change_flags(view: FolderView, uids: Sequence[int], command: StoreCommand) -> tuple[FlagChanges, set[int]]:
    """Change flags; return the changes, and the UIDs whose flags the client cannot know.

    This may block.  RFC 9051 6.4.6: in spite of `.SILENT`, the server must announce changes by others.
    """
    foreign: set[int] = set()
    if command.is_silent:
        changed = view.folder.read_flags(uids, since=view.mod_seq)
        foreign = {message.uid for message in changed if not view.has_seen(message)}
    changes = view.folder.change_flags(uids, command.action, command.flags, unchanged_since=command.unchanged_since)
    return changes, foreign


def _select_store_items(state: ImapState, command: StoreCommand) -> list[FetchItem]:
    """Return what the FETCH responses to STORE have; nothing if there are none."""
    items = [] if command.is_silent else [_FLAGS]
    items += [_MOD_SEQ] if state.is_condstore else []
    return [_UID, *items] if command.is_uid and items else items


def _render_changes(view: FolderView, changes: FlagChanges, items: Sequence[FetchItem]) -> Iterator[bytes]:
    for message in changes.changed:
        facts: Any = message  # all that these items need
        yield view.add_keywords(message.flags)  # others may have set some
        flags = view.get_flags(message)
        yield from render_fetch_response(view.get_number(message.uid), facts, items, flags=flags)


def _complete(command: StoreCommand | CopyCommand, *, is_complete: bool) -> Completion:
    """Return how the command ended; a message may be gone (RFC 5530 3)."""
    if is_complete or command.is_uid:
        return ok(f"{command.name} completed")
    if command.name == "STORE":  # RFC 2180 4.2.3: an OK would promise a FETCH for each message
        return no("Some of the messages have been deleted; send NOOP", "EXPUNGEISSUED")
    return ok("Some of the messages are gone; send NOOP", "EXPUNGEISSUED")


def run_copy(state: ImapState, command: CopyCommand) -> Steps:
    """Copy or move messages (RFC 9051 6.4.7, 6.4.8)."""
    is_move = command.name == "MOVE"
    view = get_writable_view(state) if is_move else state.get_view()
    uids = find_uids(state, command.messages, is_uid=command.is_uid)
    uid_validity, pairs = yield Call(
        partial(_transfer, state.get_account(), view.folder, uids, command.folder, is_move=is_move)
    )
    state.note_change()
    if not pairs:
        return _complete(command, is_complete=not uids)
    sources = format_sequence_set(source for source, _ in pairs)
    code = f"COPYUID {uid_validity} {sources} {format_sequence_set(copy for _, copy in pairs)}"
    if not is_move:
        return ok("COPY completed", code)
    # RFC 6851 4.3: before the EXPUNGE responses, so that the client knows where the messages went.
    yield render_status_response(b"*", "OK", "Messages moved", code)
    yield from join_lines(view.remove(source for source, _ in pairs))
    return _complete(command, is_complete=len(pairs) == len(uids))


def _transfer(
    account: Account, source: Folder, uids: Sequence[int], target: str, *, is_move: bool
) -> tuple[int, list[tuple[int, int]]]:
    """Copy or move messages; return the UIDVALIDITY of the target, and pairs of UIDs."""
    try:
        folder = account.open_folder(target)
        pairs = source.move(uids, target) if is_move else source.copy(uids, target)
    except FolderError as error:
        raise hint_at_create(error) from error
    return folder.uid_validity, pairs


def run_expunge(state: ImapState, command: ExpungeCommand) -> Steps:
    r"""Remove the messages with `\Deleted` (RFC 9051 6.4.3, 6.4.9)."""
    view = get_writable_view(state)
    uids = view.uids if command.uids is None else find_uids(state, command.uids, is_uid=True)
    gone: list[int] = yield Call(partial(view.folder.expunge, uids))
    yield from join_lines(view.remove(gone))
    return ok("EXPUNGE completed")
