"""The account that a user of IMAP or POP3 sees: folders and mails of a store."""

from __future__ import annotations

import secrets
import time

from lazr.smtptest.folders.binary_content import encode_binary_parts
from lazr.smtptest.folders.folder import StoreFolder
from lazr.smtptest.folders.folder_list import INBOX, FolderListNote, normalize_name
from lazr.smtptest.folders.inbox_envelope import adapt_envelope, build_envelope
from lazr.smtptest.folders.keywords import parse_flag_set
from lazr.smtptest.folders.store_errors import translate_store_errors
from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.store import Arrival, FolderTerm, make_storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from lazr.smtptest.folders.folder_cache import FolderCaches
    from lazr.smtptest.folders.folder_list import FolderList
    from lazr.smtptest.protocol.folder_access import FolderInfo, FolderStatus
    from lazr.smtptest.store import MailContent, Search, Store

    Subscribe = Callable[["StoreAccount", Callable[[], object]], Callable[[], None]]

__all__ = ["StoreAccount"]

_MAX_UID_VALIDITY = 0xFFFF_FFFF  # RFC 9051 9: nz-number
_ID_BITS = 88  # as the IDs of caught mails
_MAX_TIMESTAMP = 253_402_300_799.0  # the last second of the year 9999
_MAX_COPIED_BYTES = 16 * 1024 * 1024  # at a time
_MAX_COPIED_MAILS = 64
# Of one command: a client that copies INBOX to itself again and again would double the store each time.
_MAX_MAILS_PER_COMMAND = 10_000
_MAX_BYTES_PER_COMMAND = 256 * 1024 * 1024


class StoreAccount:
    """The folders of one user.

    INBOX has the caught mails that the search finds.  Other folders belong to this user name.

    Args:
        username: the name that the user logged in with.
        store: the open store.
        search: which caught mails are in INBOX.
        caches: the caches of the store's folders.
        get_uid_validity: returns the UIDVALIDITY of the store.
        subscribe: calls a function after changes that may concern an account.
        on_deletion: is called after mails were deleted or moved.
    """

    def __init__(
        self,
        username: str,
        store: Store,
        search: Search,
        caches: FolderCaches,
        *,
        get_uid_validity: Callable[[], int],
        subscribe: Subscribe,
        on_deletion: Callable[[], object],
    ) -> None:
        self.username = username
        self.owner: str = make_storable(username.lower())
        self.search = search
        self._store = store
        self._caches = caches
        self._get_uid_validity = get_uid_validity
        self._subscribe = subscribe
        self._on_deletion = on_deletion
        self._note = FolderListNote(store, self.owner)

    # -- folders -------------------------------------------------------------------------------

    def list_folders(self) -> list[FolderInfo]:
        """Return all folders and subscriptions: INBOX first, then by name."""
        return self._note.read().describe()

    def create_folder(self, name: str) -> None:
        """Create a folder, and those above it (RFC 9051 6.3.4)."""
        self._note.change(lambda folders: folders.create(name))

    def delete_folder(self, name: str) -> None:
        """Delete a folder with its messages (RFC 9051 6.3.5)."""
        name = normalize_name(name)
        self._note.read().check_deletion(name)
        with translate_store_errors():
            try:
                self._store.delete(self._build_search(name))
            finally:
                self._on_deletion()
        self._note.change(lambda folders: folders.remove(name))

    def rename_folder(self, name: str, new_name: str) -> None:
        """Rename a folder and those within it; INBOX gives its messages away (RFC 9051 6.3.6).

        The new names are there before the messages are moved, and the old ones until then.  So no message is in a
        folder that does not exist, wherever this is interrupted.
        """
        name = normalize_name(name)
        renamed: dict[str, str] = {}

        def add(folders: FolderList) -> None:
            nonlocal renamed
            renamed = folders.plan_renaming(name, new_name)
            folders.add_renamed(renamed)

        def remove(folders: FolderList) -> None:
            for old in renamed:
                folders.remove(old)

        self._note.change(add)
        with translate_store_errors():
            try:
                for old, new in renamed.items():
                    self._store.set_folder(new, self.owner, self._build_search(old))
            finally:
                self._on_deletion()
        self._note.change(remove)

    def set_subscribed(self, name: str, *, subscribed: bool) -> None:
        """Subscribe to a folder, or unsubscribe."""
        name = normalize_name(name)
        self._note.change(lambda folders: folders.set_subscribed(name, subscribed=subscribed))

    def get_status(self, name: str) -> FolderStatus:
        """Return the numbers of a folder."""
        return self.open_folder(name).read_status()

    def open_folder(self, name: str) -> StoreFolder:
        """Return a folder."""
        name = normalize_name(name)
        folders = None if name == INBOX else self._note.read()
        if folders is not None and name not in folders:
            raise FolderError("This folder does not exist", "NONEXISTENT")
        search = self._build_search(name)
        with translate_store_errors():
            uid_validity = self._get_uid_validity()
        if folders is not None:
            uid_validity = min(uid_validity + folders.validities.get(name, 0), _MAX_UID_VALIDITY)
        return StoreFolder(
            self._store,
            name,
            search,
            self._caches.get(search),
            uid_validity=uid_validity,
            copy_mails=self._copy_mails,
            on_deletion=self._on_deletion,
        )

    def _find_target(self, name: str) -> str:
        """Return the normal form of an existing folder's name; else raise `FolderError`."""
        name = normalize_name(name)
        if name != INBOX and name not in self._note.read():
            raise FolderError("This folder does not exist", "TRYCREATE")
        return name

    def _build_search(self, name: str) -> Search:
        return (FolderTerm("", ""), *self.search) if name == INBOX else (FolderTerm(self.owner, name),)

    # -- messages ------------------------------------------------------------------------------

    def append(
        self, name: str, content: bytes, *, flags: Collection[str] = (), internal_date: float | None = None
    ) -> int:
        """Store a message in a folder, and return its UID; see `Account.append`."""
        flag_set = parse_flag_set(flags)
        name = self._find_target(name)
        content = encode_binary_parts(content)
        envelope = build_envelope(content)
        timestamp = time.time() if internal_date is None else min(max(internal_date, 0.0), _MAX_TIMESTAMP)
        arrival = Arrival(
            _generate_id(),
            timestamp,
            envelope if name != INBOX else adapt_envelope(envelope, self.search),
            [content],
            flag_set.tags,
            "" if name == INBOX else name,
            "" if name == INBOX else self.owner,
            flag_set.read,
            tuple(flag_set.flags),
        )
        with translate_store_errors():
            self._store.add([arrival])
            numbers = self._find_numbers([arrival.id])
        if not numbers:
            raise FolderError("The message was deleted at once", "EXPUNGEISSUED")
        return numbers[arrival.id]

    def _copy_mails(self, source: StoreFolder, uids: Sequence[int], target: str) -> list[tuple[int, int]]:
        """Copy mails to a folder, all or none (RFC 9051 6.4.7); return pairs of numbers."""
        target = self._find_target(target)
        if len(uids) > _MAX_MAILS_PER_COMMAND:
            raise FolderError(f"A command can copy or move {_MAX_MAILS_PER_COMMAND:,} messages; use several", "LIMIT")
        added: list[str] = []
        copied: list[tuple[int, int]] = []
        with translate_store_errors():
            try:
                for mails in self._read_batches(source, uids):
                    arrivals = [self._build_copy(mail, target) for mail in mails]
                    added += [arrival.id for arrival in arrivals]
                    self._store.add(arrivals)
                    numbers = self._find_numbers([arrival.id for arrival in arrivals])
                    copied += [
                        (mail.number, numbers[arrival.id])
                        for mail, arrival in zip(mails, arrivals, strict=True)
                        if arrival.id in numbers
                    ]
            except BaseException:
                if added:
                    self._store.delete(ids=added)
                raise
        return copied

    def _read_batches(self, source: StoreFolder, uids: Sequence[int]) -> Iterator[list[MailContent]]:
        """Yield the mails, of at most some megabytes at a time."""
        sizes = {message.uid: message.size for message in source.read_messages(uids, with_content=False)}
        if sum(sizes.values()) > _MAX_BYTES_PER_COMMAND:
            raise FolderError(f"A command can copy or move {_MAX_BYTES_PER_COMMAND:,} octets; use several", "LIMIT")
        batch: list[int] = []
        size = 0
        for uid, mail_size in sizes.items():
            if batch and (len(batch) >= _MAX_COPIED_MAILS or size + mail_size > _MAX_COPIED_BYTES):
                yield self._store.read_contents(batch, source.search)
                batch, size = [], 0
            batch.append(uid)
            size += mail_size
        if batch:
            yield self._store.read_contents(batch, source.search)

    def _build_copy(self, mail: MailContent, target: str) -> Arrival:
        return Arrival(
            _generate_id(),
            mail.received_at.timestamp(),
            mail.envelope if target != INBOX else adapt_envelope(mail.envelope, self.search),
            [mail.content],
            mail.tags,
            "" if target == INBOX else target,
            "" if target == INBOX else self.owner,
            mail.read,
            mail.flags,
        )

    def _find_numbers(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the numbers of mails, by their IDs."""
        return {match.id: match.number for match in self._store.find_mails(ids=ids)}

    # -- changes -------------------------------------------------------------------------------

    def subscribe(self, on_change: Callable[[], object]) -> Callable[[], None]:
        """Call a function, from any thread, after changes that may concern this account."""
        return self._subscribe(self, on_change)

    def __repr__(self) -> str:
        return f"<StoreAccount {self.username!r}>"


def _generate_id() -> str:
    return f"{secrets.randbits(_ID_BITS):022x}"
