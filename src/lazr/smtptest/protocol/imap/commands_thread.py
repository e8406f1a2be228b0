"""THREAD: find messages, and tell the trees of their conversations (RFC 5256 3, 4)."""

from __future__ import annotations

from functools import partial

from lazr.smtptest.protocol.imap.changes import report_changes
from lazr.smtptest.protocol.imap.commands_search import estimate_time, send_in_parts
from lazr.smtptest.protocol.imap.message_sort import read_sort_facts
from lazr.smtptest.protocol.imap.message_threads import build_threads, format_threads
from lazr.smtptest.protocol.imap.responses import ok
from lazr.smtptest.protocol.imap.search_match import find_messages
from lazr.smtptest.protocol.reading_session import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.protocol.imap.command_types import ThreadCommand
    from lazr.smtptest.protocol.imap.folder_view import FolderView
    from lazr.smtptest.protocol.imap.message_threads import ThreadNode
    from lazr.smtptest.protocol.imap.session_state import ImapState, Steps

__all__ = ["run_thread"]


def run_thread(state: ImapState, command: ThreadCommand) -> Steps:
    """Search messages, and thread them."""
    yield from report_changes(state, may_expunge=command.is_uid)  # so that new messages are found
    view = state.get_view()
    uids = yield from find_messages(
        view.folder, command.key, view.uids, saved_uids=state.saved_uids, now=estimate_time(state)
    )
    messages = yield from read_sort_facts(view.folder, uids)
    threads: list[ThreadNode] = yield Call(partial(build_threads, command.algorithm, messages))
    yield from send_in_parts(_render_threads(view, threads, is_uid=command.is_uid))
    return ok("THREAD completed")


def _render_threads(view: FolderView, threads: list[ThreadNode], *, is_uid: bool) -> Iterator[bytes]:
    yield b"* THREAD " if threads else b"* THREAD"
    for piece in format_threads(threads, int if is_uid else view.get_number):
        yield piece.encode("ascii")
    yield b"\r\n"
