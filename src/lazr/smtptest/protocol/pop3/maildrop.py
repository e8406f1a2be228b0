"""The maildrop of one POP3 session: numbers, sizes and marks of messages (RFC 1939 5)."""

from __future__ import annotations

from array import array

from lazr.smtptest.protocol.pop3.responses import CommandError
from lazr.smtptest.protocol.reading_session import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lazr.smtptest.protocol.folder_access import Account, Folder, FolderState, Message
    from lazr.smtptest.protocol.pop3.responses import Steps

__all__ = ["Maildrop", "open_maildrop", "parse_number"]

# How many messages one call reads without content, or changes.
_BATCH_MESSAGES = 1000
_MAX_NUMBER_DIGITS = 10


class Maildrop:
    """The messages of INBOX at the time of the login; numbers do not change in a session.

    Args:
        folder: The folder INBOX.
        uids: The UIDs of the messages, ascending.
        sizes: The size of each message in octets.
    """

    __slots__ = ("_deleted", "_folder", "_retrieved", "_sizes", "_uids")

    def __init__(self, folder: Folder, uids: Sequence[int], sizes: Sequence[int]) -> None:
        self._folder = folder
        self._uids = array("Q", uids)
        self._sizes = array("Q", sizes)
        self._deleted: set[int] = set()  # numbers
        self._retrieved: set[int] = set()

    def list_numbers(self) -> Iterator[int]:
        """Yield the numbers of all messages without a mark."""
        return (number for number in range(1, len(self._uids) + 1) if number not in self._deleted)

    @property
    def count(self) -> int:
        """The number of messages without a mark."""
        return len(self._uids) - len(self._deleted)

    @property
    def size(self) -> int:
        """The size of the messages without a mark, in octets."""
        return sum(self._sizes) - sum(self.get_size(number) for number in self._deleted)

    def get_size(self, number: int) -> int:
        """Return the size of a message in octets, as it was received."""
        return self._sizes[number - 1]

    def get_unique_id(self, number: int) -> str:
        """Return the unique ID of a message, which is the same in all sessions (RFC 1939 7, UIDL)."""
        return f"{self._folder.uid_validity}.{self._uids[number - 1]}"

    def find_number(self, text: str) -> int:
        """Return the number of a message that exists and has no mark, or raise `CommandError`."""
        number = parse_number(text)
        if not 1 <= number <= len(self._uids):
            raise CommandError(f"There is no such message; the maildrop has {len(self._uids)}")
        if number in self._deleted:
            raise CommandError(f"Message {number} is already deleted")
        return number

    def mark_deleted(self, number: int) -> None:
        """Mark a message; it is deleted by `update`."""
        self._deleted.add(number)

    def reset(self) -> None:
        """Remove all marks."""
        self._deleted.clear()

    def read_message(self, number: int) -> Steps[Message]:
        """Return a message with its content."""
        uid = self._uids[number - 1]
        messages: list[Message] = yield Call(lambda: self._folder.read_messages([uid], with_content=True))
        if not messages:
            raise CommandError(f"Message {number} was deleted outside of this session")
        return messages[0]

    def mark_retrieved(self, number: int) -> None:
        """Note that the client has got a message; `update` marks it as read."""
        self._retrieved.add(number)

    def update(self) -> Steps[int]:
        """Delete the marked messages, and mark those as read that the client has got (RFC 1939 6).

        Returns the number of deleted messages.
        """
        folder = self._folder
        for uids in self._iterate_batches(self._retrieved - self._deleted):
            yield Call(lambda uids=uids: folder.change_flags(uids, "add", ("\\Seen",)))  # type: ignore[misc]
        count = 0
        for uids in self._iterate_batches(self._deleted):
            gone: list[int] = yield Call(lambda uids=uids: folder.delete(uids))  # type: ignore[misc]
            count += len(gone)
        return count

    def _iterate_batches(self, numbers: set[int]) -> Iterator[list[int]]:
        uids = [self._uids[number - 1] for number in sorted(numbers)]
        return (uids[start : start + _BATCH_MESSAGES] for start in range(0, len(uids), _BATCH_MESSAGES))


def open_maildrop(account: Account) -> Steps[Maildrop]:
    """Return the maildrop of an account."""
    folder: Folder = yield Call(lambda: account.open_folder("INBOX"))
    state: FolderState = yield Call(folder.read_state)
    uids, sizes = array("Q"), array("Q")
    for start in range(0, len(state.uids), _BATCH_MESSAGES):
        batch = state.uids[start : start + _BATCH_MESSAGES]
        messages: list[Message] = yield Call(lambda batch=batch: folder.read_messages(batch, with_content=False))  # type: ignore[misc]
        for message in messages:
            uids.append(message.uid)
            sizes.append(message.size)
    return Maildrop(folder, uids, sizes)


def parse_number(text: str) -> int:
    """Return a number, or raise `CommandError`."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_NUMBER_DIGITS):
        raise CommandError("Expected a decimal number", is_misuse=True)
    return int(text)
