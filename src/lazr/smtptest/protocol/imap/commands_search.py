"""SEARCH, SORT and THREAD: find messages, and list them (RFC 9051 6.4.4, RFC 5256)."""

from __future__ import annotations

from functools import partial
from itertools import chain

from lazr.smtptest.protocol.imap.changes import report_changes
from lazr.smtptest.protocol.imap.command_types import ThreadCommand
from lazr.smtptest.protocol.imap.message_selection import number_messages
from lazr.smtptest.protocol.imap.message_sort import read_sort_facts, sort_messages
from lazr.smtptest.protocol.imap.message_threads import build_threads, format_threads
from lazr.smtptest.protocol.imap.responses import Part, ok
from lazr.smtptest.protocol.imap.search_keys import ModSeqKey
from lazr.smtptest.protocol.imap.search_match import find_messages, iterate_leaves
from lazr.smtptest.protocol.imap.sequence_set import format_sequence_set
from lazr.smtptest.protocol.reading_session import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from typing import Any

    from lazr.smtptest.protocol.folder_access import MessageFlags
    from lazr.smtptest.protocol.imap.command_types import SearchCommand, SortCommand
    from lazr.smtptest.protocol.imap.message_threads import ThreadNode
    from lazr.smtptest.protocol.imap.search_keys import SearchKey
    from lazr.smtptest.protocol.imap.session_state import ImapState, Steps

__all__ = ["run_search", "run_sort", "run_thread"]

_MAX_PART_BYTES = 32 * 1024


def run_search(state: ImapState, command: SearchCommand) -> Steps:
    """Search messages (RFC 9051 6.4.4, RFC 4731, RFC 5182)."""
    # RFC 9051 6.4.4: the result is an ESEARCH then, by default with ALL.
    options = frozenset({"ALL"}) if command.return_options is None and state.is_rev2 else command.return_options
    uids = yield from _search(state, command)
    yield from _report(state, command, uids, options)
    return ok("SEARCH completed")


def run_sort(state: ImapState, command: SortCommand) -> Steps:
    """Search messages, and list them in an order (RFC 5256 3, RFC 5267 3)."""
    uids = yield from _search(state, command)
    uids = yield from sort_messages(state.get_view().folder, command.criteria, uids)
    yield from _report(state, command, uids, command.return_options)
    return ok("SORT completed")


def run_thread(state: ImapState, command: ThreadCommand) -> Steps:
    """Search messages, and list them in threads (RFC 5256 3)."""
    view = state.get_view()
    uids = yield from _search(state, command)
    facts = yield from read_sort_facts(view.folder, uids)
    threads: list[ThreadNode] = yield Call(partial(build_threads, command.algorithm, facts))
    texts = format_threads(threads, int if command.is_uid else view.get_number)
    yield from _send_in_parts(chain((b"* THREAD",), _separate(texts), (b"\r\n",)))
    return ok("THREAD completed")


def _separate(texts: Iterator[str]) -> Iterator[bytes]:
    """Yield texts, with a space before the first one."""
    for number, text in enumerate(texts):
        yield text.encode("ascii") if number else b" " + text.encode("ascii")


def _search(
    state: ImapState, command: SearchCommand | SortCommand | ThreadCommand
) -> Generator[bytes | Call, Any, list[int]]:
    """Return the UIDs of the messages that match, ascending."""
    yield from report_changes(state, may_expunge=command.is_uid)  # so that new messages are found
    view = state.get_view()
    saved_uids = state.saved_uids
    if not isinstance(command, ThreadCommand) and "SAVE" in (command.return_options or ()):
        state.saved_uids = []  # RFC 5182 2.1: also if the search fails
    return (
        yield from find_messages(
            view.folder,
            command.key,
            view.uids,
            saved_uids=saved_uids,
            recent_uids=view.recent_uids,
            now=_estimate_time(state),
        )
    )


def _report(
    state: ImapState, command: SearchCommand | SortCommand, uids: Sequence[int], options: frozenset[str] | None
) -> Generator[bytes | Part | Call, Any, None]:
    """Send the result, and save it if the client requests that."""
    view = state.get_view()
    mod_seq = 0
    if _has_mod_seq(command.key):
        yield state.enable_condstore()
        returned = sorted(_select_returned(uids, options))
        flags: list[MessageFlags] = yield Call(partial(view.folder.read_flags, returned))
        mod_seq = max((message.mod_seq for message in flags), default=0)
    if options is not None and "SAVE" in options:
        state.saved_uids = sorted(_select_returned(uids, options))
    numbers = [*number_messages(view, uids, is_uid=command.is_uid)]
    if options is None:
        yield from _send_in_parts(_render_numbers(command.name, numbers, mod_seq))
    elif options - {"SAVE"}:
        yield from _send_in_parts(_render_esearch(state.tag, numbers, options, mod_seq, is_uid=command.is_uid))


def _estimate_time(state: ImapState) -> float:
    """Return the time in seconds since 1970, as the driver last set it."""
    transcript = state.record.transcript
    return state.record.timestamp + (transcript.end_time or 0.0) - (transcript.start_time or 0.0)


def _has_mod_seq(key: SearchKey) -> bool:
    """Whether the key has MODSEQ, so that the result has it too (RFC 7162 3.1.5)."""
    return any(isinstance(leaf, ModSeqKey) for leaf in iterate_leaves(key))


def _select_returned(uids: Sequence[int], options: frozenset[str] | None) -> Sequence[int]:
    """Return the UIDs that the options are about (RFC 5182 2.4, RFC 7162 3.1.10)."""
    if options is None or not options & {"MIN", "MAX"} or options & {"ALL", "COUNT"}:
        return uids
    first = uids[:1] if "MIN" in options else ()
    last = uids[-1:] if "MAX" in options else ()
    return [*{*first, *last}]


def _render_numbers(name: str, numbers: Sequence[int], mod_seq: int) -> Iterator[bytes]:
    """Yield the response SEARCH or SORT in pieces (RFC 3501 7.2.5, RFC 7162 3.1.5)."""
    yield b"* %s" % name.encode("ascii")
    for number in numbers:
        yield b" %d" % number
    yield (b" (MODSEQ %d)\r\n" % mod_seq) if mod_seq else b"\r\n"


def _render_esearch(
    tag: bytes, numbers: Sequence[int], options: frozenset[str], mod_seq: int, *, is_uid: bool
) -> Iterator[bytes]:
    """Yield the response ESEARCH in pieces (RFC 9051 7.3.4)."""
    yield b'* ESEARCH (TAG "%s")%s' % (tag, b" UID" if is_uid else b"")
    if numbers and "MIN" in options:
        yield b" MIN %d" % numbers[0]
    if numbers and "MAX" in options:
        yield b" MAX %d" % numbers[-1]
    if numbers and "ALL" in options:
        yield b" ALL "
        yield format_sequence_set(numbers).encode("ascii")
    if "COUNT" in options:
        yield b" COUNT %d" % len(numbers)
    yield (b" MODSEQ %d\r\n" % mod_seq) if mod_seq else b"\r\n"


def _send_in_parts(pieces: Iterator[bytes]) -> Iterator[Part]:
    """Yield one response, which may be long, in parts."""
    waiting: list[bytes] = []
    size = 0
    is_first = True
    for piece in pieces:
        if size >= _MAX_PART_BYTES:
            yield Part(b"".join(waiting), is_first=is_first, is_last=False)
            waiting.clear()
            size = 0
            is_first = False
        waiting.append(piece)
        size += len(piece)
    yield Part(b"".join(waiting), is_first=is_first, is_last=True)
