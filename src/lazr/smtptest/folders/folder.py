"""One folder of an account: the mails of a store that a search finds."""

from __future__ import annotations

from functools import cached_property

from lazr.smtptest.errors import SearchTooSlow
from lazr.smtptest.folders.keywords import FlagSet, parse_flag_set
from lazr.smtptest.folders.store_errors import translate_store_errors
from lazr.smtptest.mail import Mail
from lazr.smtptest.protocol.folder_access import FlagChanges, FolderStatus, MessageFlags
from lazr.smtptest.store import AddressTerm, FlagTerm, HeaderTerm, fold, make_storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from typing import Literal

    from lazr.smtptest.folders.folder_cache import FolderCache
    from lazr.smtptest.mail import Envelope
    from lazr.smtptest.protocol.folder_access import BodyPart, FlagAction, FolderState, Message
    from lazr.smtptest.store import FlaggedMail, MailContent, Search, Store

    CopyMails = Callable[["StoreFolder", Sequence[int], str], list[tuple[int, int]]]

__all__ = ["StoreFolder", "StoredMessage"]

# A search for more numbers than this costs more than reading all mails.
_MAX_LISTED_NUMBERS = 2_000
_ADDRESS_FIELDS: dict[str, Literal["from", "to", "cc"]] = {"FROM": "from", "TO": "to", "CC": "cc"}
_FIELDS = frozenset({"SUBJECT", "FROM", "TO", "CC", "BCC"})


class StoredMessage:
    """A message of a folder; implements `Message`.

    Args:
        uid: the number of the mail in its store.
        id: its permanent ID.
        flags: its flags.
        mod_seq: its modification sequence.
        internal_date: when it arrived, in seconds since 1970.
        size: the length of the content.
        envelope: sender and recipients.
        content: the content; empty if it was not read.
    """

    def __init__(
        self,
        uid: int,
        id: str,
        flags: frozenset[str],
        mod_seq: int,
        *,
        internal_date: float,
        size: int,
        envelope: Envelope,
        content: bytes = b"",
    ) -> None:
        self.uid = uid
        self.id = id
        self.flags = flags
        self.mod_seq = mod_seq
        self.internal_date = internal_date
        self.size = size
        self.envelope = envelope
        self.content = content

    @cached_property
    def structure(self) -> BodyPart:
        """The tree of parts."""
        from lazr.smtptest.folders.message_structure import read_structure

        return read_structure(self.content)

    def build_mail(self) -> Mail:
        """Return the mail; only if the message was read with content."""
        return Mail(self.id, self.envelope, [self.content], received_at=self.internal_date)

    def __repr__(self) -> str:
        return f"<StoredMessage {self.uid}: {self.size:,} bytes>"


class StoreFolder:
    """A folder: the mails of a store that a search finds.

    Args:
        store: the open store.
        name: the name of the folder.
        search: which mails are in it.
        cache: the cache of its state.
        uid_validity: the UIDVALIDITY of the store.
        copy_mails: copies mails of this folder, by number, to another folder of the account.
        on_deletion: is called after mails were deleted.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        search: Search,
        cache: FolderCache,
        *,
        uid_validity: int,
        copy_mails: CopyMails,
        on_deletion: Callable[[], object],
    ) -> None:
        self._store = store
        self.name = name
        self.search = search
        self._cache = cache
        self.uid_validity = uid_validity
        self._copy_mails = copy_mails
        self._on_deletion = on_deletion

    # -- reading -------------------------------------------------------------------------------

    def read_state(self) -> FolderState:
        """Return the UIDs of all messages, and the counters."""
        with translate_store_errors():
            return self._cache.read_state()

    def read_status(self) -> FolderStatus:
        """Return the numbers of the folder (RFC 9051 6.3.11)."""
        with translate_store_errors():
            state = self._cache.read_state()
            return FolderStatus(
                messages=len(state.uids),
                unseen=state.unseen_count,
                deleted=self._cache.count_deleted(),
                size=self._cache.read_size(),
                uid_next=state.uid_next,
                uid_validity=self.uid_validity,
                highest_mod_seq=state.highest_mod_seq,
                recent=self._cache.count_recent(),
            )

    def read_flags(self, uids: Collection[int] | None = None, *, since: int = 0) -> list[MessageFlags]:
        """Return the flags of messages, in the order of their UIDs; see `Folder.read_flags`."""
        with translate_store_errors():
            return _build_flags(self._find_flags(uids, since=since))

    def _find_flags(
        self, uids: Collection[int] | None, *, since: int = 0, marked: bool = False
    ) -> Iterable[FlaggedMail]:
        find_flags, search = self._store.find_flags, self.search
        if uids is None:
            return find_flags(search, since=since, marked=marked)
        if len(uids) <= _MAX_LISTED_NUMBERS:
            return find_flags(search, numbers=uids, since=since, marked=marked) if uids else ()
        wanted = frozenset(uids)
        return [mail for mail in find_flags(search, since=since, marked=marked) if mail.number in wanted]

    def read_messages(self, uids: Sequence[int], *, with_content: bool) -> list[Message]:
        """Return messages in the order of their UIDs; those that are gone are left out."""
        return list(self.read_stored_messages(uids, with_content=with_content))

    def read_stored_messages(self, uids: Sequence[int], *, with_content: bool) -> list[StoredMessage]:
        """Return messages as `read_messages` does, with their envelopes."""
        with translate_store_errors():
            mails = self._store.read_contents(uids, self.search, with_content=with_content) if uids else []
        return [_build_message(mail) for mail in mails]

    def search_text(self, kind: str, name: str, text: str) -> set[int] | None:
        """Return the UIDs that a text search finds by an index; see `Folder.search_text`.

        The store indexes the decoded values of header fields, with the amount of white space normalized.  The words of
        the body that it has are those that a reader sees, which is not what BODY and TEXT ask for.
        """
        if kind in _FIELDS and text:
            name = kind
        elif kind != "HEADER":
            return None
        words = fold(text)
        if words != text.casefold() or make_storable(words) != words:
            return None  # white space counts here
        try:
            with translate_store_errors():
                found = set(self._store.list_numbers((*self.search, HeaderTerm(name.lower(), words))))
                if kind in _ADDRESS_FIELDS and "@" in words and "*" not in words and "?" not in words:
                    # RFC 9051 6.4.4 means the address of the envelope, and the field can have comments within it.
                    found.update(self._store.list_numbers((*self.search, AddressTerm(_ADDRESS_FIELDS[kind], words))))
                return found
        except Exception as error:
            if isinstance(error.__cause__, SearchTooSlow):
                return None
            raise

    # -- changing ------------------------------------------------------------------------------

    def change_flags(
        self,
        uids: Collection[int],
        action: FlagAction,
        flags: Collection[str],
        *,
        unchanged_since: int | None = None,
    ) -> FlagChanges:
        """Change flags; see `Folder.change_flags`."""
        change = parse_flag_set(flags)
        change.tags = tuple(map(self._cache.get_tag, change.tags))
        # Sessions of this server change flags one after the other, so that none misses the change of another (RFC 7162
        # 3.1.3), or undoes it.
        with translate_store_errors(), self._cache.change_lock:
            found = list(self._find_flags(uids))
            if change.tags and found:
                # Indexing a mail adds the tags of its content, which a change made before that would lose.
                self._store.find_mails((FlagTerm("tagged"),), ids=[mail.id for mail in found])
                found = list(self._find_flags(uids))
            conflicts = [] if unchanged_since is None else [m.number for m in found if m.mod_seq > unchanged_since]
            if conflicts:
                left_out = frozenset(conflicts)
                found = [mail for mail in found if mail.number not in left_out]
            self._store_changes(_FlagPlan(found, action, change))
            changed = self._find_flags([mail.number for mail in found])
            return FlagChanges(_build_flags(changed), conflicts)

    def _store_changes(self, plan: _FlagPlan) -> None:
        for read, ids in plan.ids_by_mark.items():
            self._store.set_read(self.search, read=read, ids=ids)
        for system_flags, ids in plan.ids_by_flags.items():
            self._store.set_flags(ids, replace=system_flags, search=self.search)
        for tags, ids in plan.ids_by_tags.items():
            self._store.set_tags(ids, tags, self.search)

    def claim_recent(self, last_uid: int) -> int:
        """Note that a session has seen messages; see `Folder.claim_recent`."""
        return self._cache.claim_recent(last_uid)

    def expunge(self, uids: Collection[int]) -> list[int]:
        r"""Delete those of the messages that have `\Deleted`; return their UIDs."""
        return self._delete(uids, must_be_marked=True)

    def delete(self, uids: Collection[int]) -> list[int]:
        """Delete messages whatever their flags; return the UIDs of those that existed."""
        return self._delete(uids, must_be_marked=False)

    def _delete(self, uids: Collection[int], *, must_be_marked: bool) -> list[int]:
        with translate_store_errors():
            found = list(self._find_flags(uids, marked=must_be_marked))
            if must_be_marked:
                found = [mail for mail in found if "\\Deleted" in mail.flags]
            if found:
                try:
                    self._store.delete(self.search, ids=[mail.id for mail in found])
                finally:
                    self._on_deletion()
        return [mail.number for mail in found]

    def copy(self, uids: Sequence[int], target: str) -> list[tuple[int, int]]:
        """Copy messages to another folder; return pairs of UIDs there and here: `(source, copy)`."""
        return self._copy_mails(self, uids, target)

    def move(self, uids: Sequence[int], target: str) -> list[tuple[int, int]]:
        """Move messages to another folder; return pairs `(source, copy)`."""
        copied = self._copy_mails(self, uids, target)
        self.delete([source for source, _ in copied])
        return copied

    def __repr__(self) -> str:
        return f"<StoreFolder {self.name!r}>"


class _FlagPlan:
    """The IDs of mails that change, by what they change to."""

    def __init__(self, mails: Iterable[FlaggedMail], action: FlagAction, change: FlagSet) -> None:
        self.ids_by_mark: dict[bool, list[str]] = {}
        self.ids_by_flags: dict[frozenset[str], list[str]] = {}
        self.ids_by_tags: dict[tuple[str, ...], list[str]] = {}
        results: dict[tuple[object, ...], FlagSet] = {}
        for mail in mails:
            key = mail.read, mail.flags, mail.tags
            after = results.get(key)
            if after is None:
                before = FlagSet(read=mail.read, flags=mail.flags, tags=mail.tags)
                after = results[key] = before.apply(action, change)
            if after.read is not mail.read:
                self.ids_by_mark.setdefault(after.read, []).append(mail.id)
            if after.flags != frozenset(mail.flags):
                self.ids_by_flags.setdefault(after.flags, []).append(mail.id)
            if after.tags != mail.tags:
                self.ids_by_tags.setdefault(after.tags, []).append(mail.id)


def _build_flags(mails: Iterable[FlaggedMail]) -> list[MessageFlags]:
    """Return the flags of mails; equal ones share a set."""
    sets: dict[tuple[object, ...], frozenset[str]] = {}
    result: list[MessageFlags] = []
    for mail in mails:
        key = mail.read, mail.flags, mail.tags
        flags = sets.get(key)
        if flags is None:
            flags = sets[key] = FlagSet(read=mail.read, flags=mail.flags, tags=mail.tags).to_flags()
        result.append(MessageFlags(mail.number, flags, mail.mod_seq))
    return result


def _build_message(mail: MailContent) -> StoredMessage:
    return StoredMessage(
        mail.number,
        mail.id,
        FlagSet(read=mail.read, flags=mail.flags, tags=mail.tags).to_flags(),
        mail.mod_seq,
        internal_date=mail.received_at.timestamp(),
        size=mail.size,
        envelope=mail.envelope,
        content=mail.content,
    )
