"""Look at the folders of an account in a test."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.protocol.folder_access import FolderError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, overload

    from lazr.smtptest.folders.account import StoreAccount
    from lazr.smtptest.folders.folder import StoredMessage, StoreFolder
    from lazr.smtptest.mail import Mail

__all__ = ["FolderView", "MailboxView", "MessageView"]

_MAX_SHOWN_FOLDERS = 8
_MESSAGES_PER_READ = 64


class MessageView:
    r"""One message of a folder, in its state when the folder was read.

    - `uid`: its UID (RFC 9051 2.3.1.1).
    - `flags`: its flags and keywords, such as `{"\\Seen", "Work"}`.
    - `mail`: the mail, for everything else.
    """

    def __init__(self, message: StoredMessage) -> None:
        self.uid: int = message.uid
        self.flags: frozenset[str] = message.flags
        self._message = message

    @cached_property
    def mail(self) -> Mail:
        """The mail with its envelope."""
        return self._message.build_mail()

    @property
    def subject(self) -> str:
        """The decoded Subject."""
        return self.mail.subject

    @property
    def is_seen(self) -> bool:
        r"""Whether it has the flag `\Seen`: it is marked as read."""
        return "\\Seen" in self.flags

    def __repr__(self) -> str:
        return f"<MessageView {' '.join((str(self.uid), repr(self.subject), *sorted(self.flags)))}>"


class FolderView(Sequence[MessageView]):
    """The messages of one folder: a sequence, oldest first.

    Each use reads the current state of the folder.

    `name` is an attribute.
    """

    def __init__(self, account: StoreAccount, folder: StoreFolder) -> None:
        self.name: str = folder.name
        self._account = account
        self._folder = folder

    @property
    def flags(self) -> list[frozenset[str]]:
        """The flags of each message, in order."""
        return [one.flags for one in self._folder.read_flags()]

    @property
    def subjects(self) -> list[str]:
        """The Subject of each message, in order."""
        return [message.subject for message in self]

    def __len__(self) -> int:
        return len(self._folder.read_state().uids)

    def __iter__(self) -> Iterator[MessageView]:
        uids = self._folder.read_state().uids
        for start in range(0, len(uids), _MESSAGES_PER_READ):
            yield from self._read(uids[start : start + _MESSAGES_PER_READ])

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> MessageView: ...
        @overload
        def __getitem__(self, index: slice) -> list[MessageView]: ...

    def __getitem__(self, index: Any) -> MessageView | list[MessageView]:
        uids = self._folder.read_state().uids
        if isinstance(index, slice):
            return self._read(uids[index])
        if not -len(uids) <= index < len(uids):
            raise IndexError(f"{self!r} has no message {index}")
        return self._read([uids[index]])[0]

    def _read(self, uids: Sequence[int]) -> list[MessageView]:
        return [MessageView(message) for message in self._folder.read_stored_messages(uids, with_content=True)]

    def __repr__(self) -> str:
        count = len(self)
        return f"<FolderView {self.name!r}: {count} message{'' if count == 1 else 's'}>"


class MailboxView:
    r"""The folders of a user, as programs left them; iteration is over INBOX.

    Args:
        account: the account to look at.

    >>> from lazr.smtptest.folders import Accounts
    >>> from lazr.smtptest.store import MemoryStore
    >>> account = Accounts(MemoryStore()).open("ann@example.com")
    >>> uid = account.append("Sent", b"Subject: Hi\r\n\r\nHello\r\n", flags=["\\Seen"])
    >>> mailbox = MailboxView(account)
    >>> mailbox.folders, mailbox.folder("Sent")[0].subject, mailbox.folder("Sent")[0].flags
    (['INBOX', 'Drafts', 'Junk', 'Sent', 'Trash'], 'Hi', frozenset({'\\Seen'}))
    >>> mailbox
    <MailboxView 'ann@example.com': INBOX 0, Sent 1>
    """

    def __init__(self, account: StoreAccount) -> None:
        self._account = account

    @property
    def username(self) -> str:
        """The user name."""
        return self._account.username

    @property
    def folders(self) -> list[str]:
        """The names of the folders: INBOX first, then by name."""
        return [folder.name for folder in self._account.list_folders() if folder.exists]

    @cached_property
    def inbox(self) -> FolderView:
        """The folder INBOX."""
        return self.folder("INBOX")

    def folder(self, name: str = "INBOX") -> FolderView:
        """Return a folder.

        Raises:
            LookupError: there is no such folder; the text lists the others.
        """
        try:
            return FolderView(self._account, self._account.open_folder(name))
        except FolderError as error:
            if error.code != "NONEXISTENT":
                raise
        raise LookupError(describe_unknown("folder", name, self.folders))

    def __iter__(self) -> Iterator[MessageView]:
        return iter(self.inbox)

    def __len__(self) -> int:
        return len(self.inbox)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        counts = [(name, len(self.folder(name))) for name in self.folders[:_MAX_SHOWN_FOLDERS]]
        shown = ", ".join(f"{name} {count}" for name, count in counts if count or name == "INBOX")
        return f"<MailboxView {self.username!r}: {shown}>"
