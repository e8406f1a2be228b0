"""The selected folder as the client knows it, and what has changed since then.

The server may change the numbers of messages only by EXPUNGE and EXISTS, and EXPUNGE only at certain moments (RFC 9051
7.5.1).  So a session keeps a view of its folder.  `read_changes` reads what is new; `apply_changes` changes the view
and yields the responses for the client.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import eq

from lazr.smtptest.protocol.folder_access import SYSTEM_FLAGS, MessageFlags
from lazr.smtptest.protocol.imap.fetch_response import render_flags_response
from lazr.smtptest.protocol.imap.response_values import render_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Final

    from lazr.smtptest.protocol.folder_access import Folder, FolderState, Message

    FolderChanges = tuple[FolderState, list[MessageFlags]]

__all__ = ["FolderView"]

_SYSTEM_FLAGS = frozenset(SYSTEM_FLAGS)
# FLAGS is sent again for each new keyword, so without a limit its size would be quadratic.
MAX_KEYWORDS = 1_000


class FolderView:
    r"""The messages of the selected folder, by number, as the client knows them.

    Args:
        folder: The folder.
        state: Its state at the moment of SELECT.
        is_read_only: Whether EXAMINE opened it.
        has_recent: Whether this session takes part in `\Recent`; that is IMAP4rev1 (RFC 3501 2.3.2).  If so, this may
            block.
    """

    __slots__ = (
        "_claimed_uid",
        "_has_recent",
        "_known_flags",
        "_last_uid",
        "_seen_mod_seqs",
        "folder",
        "is_read_only",
        "is_refresh_due",
        "keywords",
        "mod_seq",
        "recent_uids",
        "uids",
    )

    def __init__(self, folder: Folder, state: FolderState, *, is_read_only: bool, has_recent: bool = False) -> None:
        self.folder: Final = folder
        self.is_read_only: Final = is_read_only
        self.uids: Sequence[int] = state.uids  # never changed in place, so that sessions can share it
        self.mod_seq: int = state.highest_mod_seq
        self.keywords: frozenset[str] = frozenset(state.keywords)
        self._known_flags = self.flags
        self.is_refresh_due: bool = False  # the folder has changed, or may have changed
        self._last_uid = state.uids[-1] if state.uids else 0
        self._has_recent = has_recent
        self.recent_uids: set[int] = set()  # those with `\Recent`: no session has seen them before
        self._claimed_uid = 0
        self._claim_recent(state.uids)
        # The modification sequences of changes that the client knows already, because it made them.
        self._seen_mod_seqs: dict[int, int] = {}

    def find_number(self, uid: int) -> int | None:
        """Return the message number of a UID; None if the view does not have it."""
        index = bisect_left(self.uids, uid)
        return index + 1 if index < len(self.uids) and self.uids[index] == uid else None

    def get_number(self, uid: int) -> int:
        """Return the message number of a UID that the view has."""
        return bisect_left(self.uids, uid) + 1

    def get_flags(self, message: MessageFlags | Message) -> frozenset[str]:
        r"""Return the flags of a message as this session sees them: perhaps with `\Recent`."""
        return message.flags | {"\\Recent"} if message.uid in self.recent_uids else message.flags

    def forget_recent(self) -> None:
        r"""Show `\Recent` no more: IMAP4rev2 does not have it."""
        self._has_recent = False
        self.recent_uids.clear()

    def _claim_recent(self, uids: Sequence[int]) -> None:
        """Note which messages are new to all; EXAMINE leaves them so (RFC 3501 6.3.2)."""
        if self._has_recent and uids:
            claimed = self.folder.claim_recent(0 if self.is_read_only else uids[-1])
            self.recent_uids.update(uids[bisect_right(uids, max(claimed, self._claimed_uid)) :])
            self._claimed_uid = uids[-1]

    def note_own_changes(self, changed: Iterable[MessageFlags]) -> None:
        """Note flags that the client knows already, so that they are not sent again."""
        self._seen_mod_seqs.update((message.uid, message.mod_seq) for message in changed)

    def has_seen(self, message: MessageFlags) -> bool:
        """Return whether the client knows these flags, because it made the last change."""
        return self._seen_mod_seqs.get(message.uid, 0) >= message.mod_seq

    def add_keywords(self, flags: Iterable[str]) -> bytes:
        """Note keywords; return the response FLAGS if some of them are new (RFC 9051 7.3.5).

        After `MAX_KEYWORDS`, others are only in the FETCH responses.
        """
        new = frozenset(flags) - _SYSTEM_FLAGS - self.keywords
        if len(self.keywords) + len(new) > MAX_KEYWORDS or self._known_flags.issuperset(flags):
            return b""
        self.keywords = self.keywords.union(flags) - _SYSTEM_FLAGS
        self._known_flags = self.flags
        return self.render_flags_line()

    def render_flags_line(self) -> bytes:
        """Return the response FLAGS: the flags that can be in this folder."""
        return b"* FLAGS %s\r\n" % render_flags(self.flags)

    @property
    def flags(self) -> frozenset[str]:
        """The system flags, and the keywords in use."""
        return _SYSTEM_FLAGS | self.keywords

    # -- changes -----------------------------------------------------------------------------

    def read_changes(self) -> FolderChanges:
        """Return the state of the folder now, and the flags that have changed; this may block."""
        # The state comes first: a later change is then read twice, and not lost.
        state = self.folder.read_state()
        self._claim_recent(state.uids)
        flags = [] if state.highest_mod_seq == self.mod_seq else self.folder.read_flags(since=self.mod_seq)
        return state, flags

    def apply_changes(
        self, changes: FolderChanges, *, may_expunge: bool, shows_mod_seq: bool, shows_uid: bool
    ) -> Iterator[bytes]:
        """Yield the responses about changes, and change the view.

        Args:
            changes: What `read_changes` returned.
            may_expunge: Whether numbers may change now; if not, EXPUNGE follows later.
            shows_mod_seq: Whether FETCH has MODSEQ (RFC 7162 3.1).
            shows_uid: Whether FETCH has UID.
        """
        state, flags = changes
        # A UID below the last one may come back, as mails do by an edit of their tags.  It could only be shown in the
        # middle, which IMAP cannot express.  So it is shown when the folder is selected again.
        first_new = bisect_right(state.uids, self._last_uid)
        is_pending = False
        if not self._has_same_uids(state.uids, first_new):
            present = set(state.uids)
            gone = [uid for uid in self.uids if uid not in present]
            if may_expunge:
                yield from self.remove(gone)
            elif gone:
                is_pending = self.is_refresh_due = True
        yield self.add_keywords(state.keywords)
        yield from self.render_flag_changes(flags, shows_mod_seq=shows_mod_seq, shows_uid=shows_uid)
        new = state.uids[first_new:]
        if not is_pending and len(self.uids) == first_new:
            self.uids = state.uids  # shared with other sessions
        elif new:
            self.uids = [*self.uids, *new]
        if new:
            self._last_uid = new[-1]
            yield b"* %d EXISTS\r\n" % len(self.uids)
            if self._has_recent:
                yield b"* %d RECENT\r\n" % len(self.recent_uids)
        self.mod_seq = max(self.mod_seq, state.highest_mod_seq)
        self._seen_mod_seqs.clear()

    def _has_same_uids(self, uids: Sequence[int], count: int) -> bool:
        """Return whether the view has just the first `count` UIDs."""
        if uids is self.uids or len(self.uids) != count:
            return uids is self.uids
        if type(uids) is type(self.uids):  # many times faster, and each session does this for each mail
            return uids[:count] == self.uids
        return all(map(eq, self.uids, uids))

    def remove(self, uids: Iterable[int]) -> Iterator[bytes]:
        """Take messages out of the view, and yield an EXPUNGE for each (RFC 9051 7.5.1)."""
        gone = set(uids)
        remaining: list[int] = []
        for uid in self.uids:
            if uid in gone:
                yield b"* %d EXPUNGE\r\n" % (len(remaining) + 1)
            else:
                remaining.append(uid)
        self.uids = remaining
        self.recent_uids -= gone

    def render_flag_changes(
        self, flags: Iterable[MessageFlags], *, shows_mod_seq: bool, shows_uid: bool
    ) -> Iterator[bytes]:
        """Yield a FETCH for each message whose flags changed, except for the client's own changes."""
        for message in flags:
            if self.has_seen(message):
                continue
            number = self.find_number(message.uid)
            if number is not None:
                yield self.add_keywords(message.flags)
                shown = MessageFlags(message.uid, self.get_flags(message), message.mod_seq)
                yield render_flags_response(number, shown, has_uid=shows_uid, has_mod_seq=shows_mod_seq)
