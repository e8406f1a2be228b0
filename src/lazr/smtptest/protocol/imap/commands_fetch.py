"""FETCH: read messages in batches, so that memory stays bounded (RFC 9051 6.4.5)."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from lazr.smtptest.protocol.imap.command_types import FetchItem, Section
from lazr.smtptest.protocol.imap.fetch_response import UnknownEncodingError, render_fetch_response
from lazr.smtptest.protocol.imap.message_selection import find_uids, split_batches
from lazr.smtptest.protocol.imap.responses import Part, join_lines, no, ok
from lazr.smtptest.protocol.reading_session import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from typing import Any

    from lazr.smtptest.protocol.folder_access import Folder, Message, MessageFlags
    from lazr.smtptest.protocol.imap.command_types import FetchCommand
    from lazr.smtptest.protocol.imap.folder_view import FolderView
    from lazr.smtptest.protocol.imap.session_state import ImapState, Steps

    FetchSteps = Generator[bytes | Part | Call, Any, None]

__all__ = ["run_fetch"]

_MAX_FACTS_PER_CALL = 1000
_MAX_MESSAGES_PER_CALL = 64
_MAX_ITEMS_PER_CALL = 1024  # they are rendered in one go
_MAX_CONTENT_BYTES_PER_CALL = 1024 * 1024
_FLAG_ITEMS = frozenset({"FLAGS", "UID", "MODSEQ"})
_FLAGS, _MOD_SEQ = FetchItem("FLAGS"), FetchItem("MODSEQ")


class Outcome:
    """The result of a FETCH.

    - `count`: the messages that exist.
    - `has_unknown_encoding`: BINARY cannot decode a part of a message, which was left out.
    """

    __slots__ = ("count", "has_unknown_encoding")

    def __init__(self) -> None:
        self.count: int = 0
        self.has_unknown_encoding: bool = False


class Batch(NamedTuple):
    r"""Some messages of a FETCH.

    Args:
        messages: The messages that exist.
        size: How many UIDs were looked at.
        changed: The messages that got `\Seen`, with their new flags.
    """

    messages: Sequence[Message]
    size: int
    changed: Sequence[MessageFlags] = ()


def run_fetch(state: ImapState, command: FetchCommand) -> Steps:
    """Send items of messages (RFC 9051 6.4.5)."""
    view = state.get_view()
    uids = find_uids(state, command.messages, is_uid=command.is_uid)
    names = {item.name for item in command.items}
    if "MODSEQ" in names:  # RFC 7162 3.1.4
        yield state.enable_condstore()
    if command.changed_since is not None:
        uids = yield Call(partial(_find_changed, view.folder, uids, command.changed_since))
    outcome = Outcome()
    if names <= _FLAG_ITEMS:
        yield from _fetch_flags(view, uids, command.items, outcome)
    else:
        yield from _fetch_messages(state, view, uids, command.items, outcome)
    if outcome.has_unknown_encoding:  # RFC 3516 4.3
        return no("A part has an unknown transfer encoding; fetch it by BODY[...]", "UNKNOWN-CTE")
    if outcome.count == len(uids) or command.is_uid:
        return ok("FETCH completed")
    return ok("Some of the messages are gone; send NOOP", "EXPUNGEISSUED")  # RFC 5530 3


def _find_changed(folder: Folder, uids: Sequence[int], since: int) -> list[int]:
    wanted = set(uids)
    return [message.uid for message in folder.read_flags(since=since) if message.uid in wanted]


def _fetch_flags(view: FolderView, uids: Sequence[int], items: Sequence[FetchItem], outcome: Outcome) -> FetchSteps:
    """Send items that need no more than flags."""
    for batch in split_batches(uids, _MAX_FACTS_PER_CALL):
        messages: list[MessageFlags] = yield Call(partial(view.folder.read_flags, batch))
        outcome.count += len(messages)
        yield from join_lines(_render_flags(view, messages, items))


def _render_flags(view: FolderView, messages: Sequence[MessageFlags], items: Sequence[FetchItem]) -> Iterator[bytes]:
    for message in messages:
        facts: Any = message  # all that these items need
        yield view.add_keywords(message.flags)
        flags = view.get_flags(message)
        yield from render_fetch_response(view.get_number(message.uid), facts, items, flags=flags)


def _fetch_messages(
    state: ImapState, view: FolderView, uids: Sequence[int], items: Sequence[FetchItem], outcome: Outcome
) -> FetchSteps:
    """Send items that need messages."""
    needs_content = any(item.needs_content for item in items)
    needs_structure = any(_needs_structure(item) for item in items)
    sets_seen = not view.is_read_only and any(item.sets_seen for item in items)
    limit = _MAX_FACTS_PER_CALL
    if needs_content:
        limit = min(_MAX_MESSAGES_PER_CALL, max(_MAX_ITEMS_PER_CALL // len(items), 1))
    start = 0
    while start < len(uids):
        batch: Batch = yield Call(
            partial(
                _read_batch,
                view.folder,
                uids[start : start + limit],
                needs_content=needs_content,
                needs_structure=needs_structure,
                sets_seen=sets_seen,
            )
        )
        start += batch.size
        outcome.count += len(batch.messages)
        view.note_own_changes(batch.changed)
        changed = {message.uid: message for message in batch.changed}
        for message in batch.messages:
            yield view.add_keywords(message.flags)
            try:
                message_items = _add_flags(state, items) if message.uid in changed else items
                yield from _render_message(state, view, message, message_items)
            except UnknownEncodingError:
                outcome.has_unknown_encoding = True


def _needs_structure(item: FetchItem) -> bool:
    """Whether the item needs the parts of a message, and not only its content."""
    return item.needs_content and item.name != "RFC822" and item.section != Section()


def _read_batch(
    folder: Folder,
    uids: Sequence[int],
    *,
    needs_content: bool,
    needs_structure: bool,
    sets_seen: bool,
) -> Batch:
    r"""Read the first of some messages, after they got `\Seen`; this may block."""
    if not needs_content:
        return Batch(folder.read_messages(uids, with_content=False), len(uids))
    if len(uids) > 1:
        uids = uids[: _count_within_limit(folder, uids)]
    changed: Sequence[MessageFlags] = ()
    if sets_seen:
        unseen = [message.uid for message in folder.read_flags(uids) if "\\Seen" not in message.flags]
        if unseen:
            changed = folder.change_flags(unseen, "add", ("\\Seen",)).changed
    messages = folder.read_messages(uids, with_content=True)
    if needs_structure:
        for message in messages:
            message.structure  # noqa: B018 - parse it here, where the call may take long
    return Batch(messages, len(uids), changed)


def _count_within_limit(folder: Folder, uids: Sequence[int]) -> int:
    """Return how many of the messages, at least one, are within the limit of one call."""
    sizes = {message.uid: message.size for message in folder.read_messages(uids, with_content=False)}
    total = 0
    for count, uid in enumerate(uids):
        total += sizes.get(uid, 0)
        if count and total > _MAX_CONTENT_BYTES_PER_CALL:
            return count
    return len(uids)


def _add_flags(state: ImapState, items: Sequence[FetchItem]) -> Sequence[FetchItem]:
    r"""Return the items with the flags, because `\Seen` was set (RFC 9051 6.4.5, RFC 7162 3.1)."""
    added = [_FLAGS, *([_MOD_SEQ] if state.is_condstore else [])]
    return [*items, *(item for item in added if item not in items)]


def _render_message(state: ImapState, view: FolderView, message: Message, items: Sequence[FetchItem]) -> Iterator[Part]:
    is_first = True
    waiting: bytes | None = None
    for piece in render_fetch_response(
        view.get_number(message.uid),
        message,
        items,
        flags=view.get_flags(message),
        has_global_messages=state.is_rev2,
    ):
        if waiting is not None:
            yield Part(waiting, is_first=is_first, is_last=False)
            is_first = False
        waiting = piece
    yield Part(waiting or b"", is_first=is_first, is_last=True)
