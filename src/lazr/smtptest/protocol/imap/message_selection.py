"""Find the messages that a command names: by numbers, by UIDs, or by the last search."""

from __future__ import annotations

from lazr.smtptest.protocol.imap.responses import CommandFailed, bad, no

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lazr.smtptest.protocol.imap.folder_view import FolderView
    from lazr.smtptest.protocol.imap.sequence_set import SequenceSet
    from lazr.smtptest.protocol.imap.session_state import ImapState

__all__ = ["find_uids", "get_writable_view", "number_messages", "split_batches"]


def find_uids(state: ImapState, messages: SequenceSet, *, is_uid: bool) -> list[int]:
    """Return the UIDs of the messages in a set, ascending.

    UIDs that do not exist are left out (RFC 9051 6.4.9).

    Args:
        state: The state of the session.
        messages: The set.
        is_uid: Whether it has UIDs; if not, it has message numbers.

    Raises:
        CommandFailed: A message number does not exist.
    """
    uids = state.get_view().uids
    if messages.is_saved_result:  # RFC 5182 2.1
        present = set(uids)
        return [uid for uid in state.saved_uids if uid in present]
    if is_uid:
        return messages.find_uids(uids)
    # In an empty folder `*` is an error by RFC 9051 9 (seq-number).  Clients send 1:* there; other servers accept it.
    if uids and not messages.is_within(len(uids)):
        raise CommandFailed(bad(f"The folder has {len(uids)} messages; use their numbers, or UIDs by UID commands"))
    return [uids[number - 1] for number in messages.find_numbers(len(uids))]


def get_writable_view(state: ImapState) -> FolderView:
    """Return the selected folder.

    Raises:
        CommandFailed: EXAMINE opened it to read only.
    """
    view = state.get_view()
    if view.is_read_only:
        raise CommandFailed(no("The folder is open to read only; use SELECT", "READ-ONLY"))
    return view


def number_messages(view: FolderView, uids: Iterable[int], *, is_uid: bool) -> Iterator[int]:
    """Return UIDs of the view as a response names them: as they are, or as numbers."""
    return iter(uids) if is_uid else map(view.get_number, uids)


def split_batches(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Yield the UIDs in batches of this size."""
    for start in range(0, len(uids), size):
        yield uids[start : start + size]
