"""Find the account of a user name."""

from __future__ import annotations

import threading
import time

from lazr.smtptest.folders.account import StoreAccount
from lazr.smtptest.folders.change_dispatcher import ChangeDispatcher
from lazr.smtptest.folders.folder_cache import FolderCaches
from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.store import EVERYTHING, AddressTerm, fold, make_storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazr.smtptest.store import Search, Store

__all__ = ["Accounts"]

_UID_VALIDITY_KEY = "imap.uid_validity"
_MAX_UID_VALIDITY = 0xFFFF_FFFF  # RFC 9051 9: nz-number
_MAX_ATTEMPTS = 10


class Accounts:
    """The accounts of a store: what each user of IMAP and POP3 sees.

    A user name is, in this order:

    - the name of a configured mailbox: the mails that its search finds;
    - an address, with an @: the mails to this address; `*` and `?` are wildcards;
    - any other name: all mails.

    Thread safety: all methods may be called from any thread.

    Args:
        store: the open store.
        mailboxes: the searches of configured mailboxes, by name; they may change later.

    >>> from lazr.smtptest.store import MemoryStore
    >>> account = Accounts(MemoryStore()).open("Ann@example.com")
    >>> uid = account.append("inbox", b"Subject: Hi\\r\\n\\r\\nHello\\r\\n", flags=["\\\\Seen"])
    >>> [folder.name for folder in account.list_folders()], list(account.open_folder("INBOX").read_state().uids)
    (['INBOX', 'Drafts', 'Junk', 'Sent', 'Trash'], [1])
    """

    def __init__(self, store: Store, mailboxes: Mapping[str, Search] | None = None) -> None:
        self._store = store
        self._mailboxes = {} if mailboxes is None else mailboxes
        self._dispatcher = ChangeDispatcher(store)
        self._caches = FolderCaches(store, self._dispatcher.get_generation)
        self._lock = threading.Lock()
        self._uid_validity = 0

    def open(self, username: str) -> StoreAccount:
        """Return the account of a user; this does not block, and any name has one."""
        return StoreAccount(
            username,
            self._store,
            self._find_search(username),
            self._caches,
            get_uid_validity=self._get_uid_validity,
            subscribe=self._dispatcher.subscribe,
            on_deletion=self._dispatcher.note_deletion,
        )

    def close(self) -> None:
        """End the subscription to the store."""
        self._dispatcher.close()

    def _find_search(self, username: str) -> Search:
        search = self._mailboxes.get(username)
        if search is not None:
            return search
        return (AddressTerm("recipient", fold(make_storable(username))),) if "@" in username else EVERYTHING

    def _get_uid_validity(self) -> int:
        """Return the number that all nodes agree on (RFC 9051 2.3.1.1)."""
        with self._lock:
            for _ in range(_MAX_ATTEMPTS):
                if self._uid_validity:
                    return self._uid_validity
                text = self._store.get_note(_UID_VALIDITY_KEY)
                self._uid_validity = _parse_uid_validity(text)
                if not self._uid_validity:
                    # The time, so that a store that is made again has a greater number.
                    value = min(max(int(time.time()), 1), _MAX_UID_VALIDITY)
                    self._store.compare_and_set_note(_UID_VALIDITY_KEY, str(value), expected=text)
        raise FolderError("The mails cannot be read now, try later", "UNAVAILABLE")


def _parse_uid_validity(text: str | None) -> int:
    """Return the number of a note; 0 without a valid one."""
    if text is None or not (text.isascii() and text.isdecimal() and len(text) <= len(str(_MAX_UID_VALIDITY))):
        return 0
    return int(text) if 0 < int(text) <= _MAX_UID_VALIDITY else 0
