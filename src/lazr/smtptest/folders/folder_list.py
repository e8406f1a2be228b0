"""The folders that an account has, kept as JSON in a note of its store.

Each change reads the note, and replaces it if no other node has changed it meanwhile.
"""

from __future__ import annotations

import hashlib
import json

from lazr.smtptest.folders.store_errors import translate_store_errors
from lazr.smtptest.protocol.folder_access import FolderError, FolderInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lazr.smtptest.store import Store

__all__ = ["INBOX", "FolderList", "FolderListNote", "normalize_name"]

INBOX = "INBOX"
DELIMITER = "/"
SPECIAL_USES = {"Drafts": "\\Drafts", "Junk": "\\Junk", "Sent": "\\Sent", "Trash": "\\Trash"}  # RFC 6154 2
MAX_FOLDERS = 1_000
MAX_NAME_BYTES = 1_000
MAX_NOTE_CHARACTERS = 256 * 1024
_MAX_ATTEMPTS = 100  # to replace a note that other nodes change at the same time


def normalize_name(name: str) -> str:
    """Return the name of a folder with INBOX in upper case (RFC 9051 5.1).

    >>> normalize_name("inbox/Work"), normalize_name("Inboxes")
    ('INBOX/Work', 'Inboxes')
    """
    first, delimiter, rest = name.partition(DELIMITER)
    return INBOX + delimiter + rest if first.upper() == INBOX else name


def _check_new_name(name: str) -> str:
    """Return the normal form of a new folder's name, or raise `FolderError`."""
    name = normalize_name(name.removesuffix(DELIMITER))  # RFC 9051 6.3.4: the client will make folders within it
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        size = 0
    if not all(name.split(DELIMITER)) or not name.isprintable() or not 0 < size <= MAX_NAME_BYTES:
        raise FolderError(
            f"A folder name has 1 to {MAX_NAME_BYTES} bytes, no empty level and no control characters", "CANNOT"
        )
    return name


def _list_levels(name: str) -> list[str]:
    """Return the names of the folders above one, and its own.

    >>> _list_levels("a/b/c")
    ['a', 'a/b', 'a/b/c']
    """
    levels = name.split(DELIMITER)
    return [DELIMITER.join(levels[:depth]) for depth in range(1, len(levels) + 1)]


class FolderList:
    """The folders of an account besides INBOX, and the names that it has subscribed to.

    Args:
        folders: the special use of each folder, by its name; "" for none.
        subscribed: the names.
        validities: by the name of a renamed folder, what its UIDVALIDITY is more than that of the store.
    """

    __slots__ = ("folders", "subscribed", "validities")

    def __init__(
        self,
        folders: dict[str, str] | None = None,
        subscribed: set[str] | None = None,
        validities: dict[str, int] | None = None,
    ) -> None:
        self.validities: dict[str, int] = {} if validities is None else validities
        self.folders: dict[str, str] = dict(SPECIAL_USES) if folders is None else folders
        self.subscribed: set[str] = {INBOX, *SPECIAL_USES} if subscribed is None else subscribed

    @classmethod
    def from_text(cls, text: str | None) -> FolderList:
        """Return the list in a note; the default one without a readable note."""
        if text is None:
            return cls()
        try:
            value = json.loads(text)
            folders = {str(name): str(use) for name, use in value["folders"].items()}
            validities = {str(name): int(number) for name, number in value.get("validities", {}).items()}
            return cls(folders, set(map(str, value["subscribed"])), validities)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return cls()

    def to_text(self) -> str:
        """Return the list as the text of a note."""
        value: dict[str, Any] = {"folders": self.folders, "subscribed": sorted(self.subscribed)}
        if self.validities:
            value["validities"] = self.validities
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def __contains__(self, name: object) -> bool:
        return name == INBOX or name in self.folders

    def describe(self) -> list[FolderInfo]:
        """Return all folders, levels and subscriptions: INBOX first, then by name."""
        names = set(self.folders) | self.subscribed
        for name in self.folders:
            end = name.rfind(DELIMITER)
            while end > 0 and name[:end] not in names:
                names.add(name[:end])
                end = name.rfind(DELIMITER, 0, end)
        names.discard(INBOX)
        return [
            FolderInfo(
                name,
                special_use=self.folders.get(name, ""),
                subscribed=name in self.subscribed,
                exists=name in self,
            )
            for name in (INBOX, *sorted(names - {INBOX}))
        ]

    def list_within(self, name: str) -> list[str]:
        """Return the folders within a folder, at any depth."""
        return [other for other in self.folders if other.startswith(name + DELIMITER)]

    def create(self, name: str) -> None:
        """Add a folder, and those above it (RFC 9051 6.3.4)."""
        name = _check_new_name(name)
        if name in self:
            raise FolderError("This folder exists", "ALREADYEXISTS")
        self._add(name, SPECIAL_USES.get(name, ""))

    def _add(self, name: str, special_use: str) -> None:
        for level in _list_levels(name):
            if level not in self:
                self.folders[level] = special_use if level == name else ""

    def check_deletion(self, name: str) -> None:
        """Raise `FolderError` if a folder cannot be deleted (RFC 9051 6.3.5)."""
        if name == INBOX:
            raise FolderError("INBOX cannot be deleted", "CANNOT")
        if name not in self:
            if self.list_within(name):
                raise FolderError("This folder does not exist, but has folders within it", "HASCHILDREN")
            raise FolderError("This folder does not exist", "NONEXISTENT")

    def plan_renaming(self, name: str, new_name: str) -> dict[str, str]:
        """Return the folders to rename, with their new names (RFC 9051 6.3.6).

        INBOX stays, and so do the folders within it.
        """
        new_name = _check_new_name(new_name)
        if new_name in self or self.list_within(new_name):
            raise FolderError("A folder of this name exists", "ALREADYEXISTS")
        if name == INBOX:
            return {INBOX: new_name}
        within = self.list_within(name)
        if name not in self and not within:
            raise FolderError("This folder does not exist", "NONEXISTENT")
        if new_name.startswith(name + DELIMITER):
            raise FolderError("A folder cannot be moved into itself", "CANNOT")
        old_names = [*([name] if name in self else []), *within]
        renamed = {old: new_name + old.removeprefix(name) for old in old_names}
        for new in renamed.values():
            _check_new_name(new)
        return renamed

    def add_renamed(self, renamed: dict[str, str]) -> None:
        """Add the folders of new names; those of the old names stay.

        A name that stands for another folder now has a greater UIDVALIDITY (RFC 9051 2.3.1.1).
        """
        validity = max(self.validities.values(), default=0) + 1
        for old, new in renamed.items():
            self._add(new, self.folders.get(old, ""))
            self.validities[new] = validity

    def remove(self, name: str) -> None:
        """Remove a folder; the subscription stays (RFC 9051 6.3.7)."""
        self.folders.pop(name, None)
        self.validities.pop(name, None)

    def set_subscribed(self, name: str, *, subscribed: bool) -> None:
        """Subscribe to a folder, or unsubscribe."""
        if not subscribed:
            self.subscribed.discard(name)
        elif name in self or self.list_within(name):
            self.subscribed.add(name)
        else:
            raise FolderError("This folder does not exist", "NONEXISTENT")

    def check_limits(self) -> None:
        """Raise `FolderError` if there are too many folders."""
        if max(len(self.folders), len(self.subscribed)) > MAX_FOLDERS or len(self.to_text()) > MAX_NOTE_CHARACTERS:
            raise FolderError(f"An account has at most {MAX_FOLDERS:,} folders", "LIMIT")


class FolderListNote:
    """The folder list of one account in its store.

    Args:
        store: the open store.
        owner: the user name of the account, in lower case.
    """

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        # A user name can be long, and the key of a note cannot.
        self._key = f"imap.folders.{hashlib.sha256(owner.encode('utf-8', 'replace')).hexdigest()[:32]}"

    def read(self) -> FolderList:
        """Return the list."""
        with translate_store_errors():
            return FolderList.from_text(self._store.get_note(self._key))

    def change(self, change: Callable[[FolderList], object]) -> None:
        """Change the list; `change` is called again if another node was faster."""
        for _ in range(_MAX_ATTEMPTS):
            with translate_store_errors():
                text = self._store.get_note(self._key)
            folder_list = FolderList.from_text(text)
            change(folder_list)
            folder_list.check_limits()
            new_text = folder_list.to_text()
            with translate_store_errors():
                if new_text == text or self._store.compare_and_set_note(self._key, new_text, expected=text):
                    return
        raise FolderError("The folders are changed by others all the time, try later", "INUSE")
