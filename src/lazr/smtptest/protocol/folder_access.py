"""The folders that IMAP and POP3 sessions read: interfaces and values.

The sessions are without I/O and know folders only by these interfaces; `lazr.smtptest.folders` implements them on a
store.  All methods of `Account` and `Folder` may block and raise `FolderError`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Final, Literal, Protocol

    FlagAction = Literal["replace", "add", "remove"]

    class Account(Protocol):
        """What one logged-in user sees; folder names are decoded text with `/` between levels."""

        @property
        def username(self) -> str:
            """The name that the user logged in with."""

        def list_folders(self) -> list[FolderInfo]:
            """Return all folders and subscriptions: INBOX first, then by name."""

        def create_folder(self, name: str) -> None:
            """Create a folder, and those above it (RFC 9051 6.3.4)."""

        def delete_folder(self, name: str) -> None:
            """Delete a folder with its messages (RFC 9051 6.3.5)."""

        def rename_folder(self, name: str, new_name: str) -> None:
            """Rename a folder and those within it; INBOX gives its messages away (RFC 9051 6.3.6)."""

        def set_subscribed(self, name: str, *, subscribed: bool) -> None:
            """Subscribe to a folder, or unsubscribe."""

        def get_status(self, name: str) -> FolderStatus:
            """Return the numbers of a folder."""

        def open_folder(self, name: str) -> Folder:
            """Return a folder."""

        def append(
            self, name: str, content: bytes, *, flags: Collection[str] = (), internal_date: float | None = None
        ) -> int:
            """Store a message, and return its UID; `internal_date` is in seconds since 1970."""

        def subscribe(self, on_change: Callable[[], object]) -> Callable[[], None]:
            """Call a function, from any thread, after changes that may concern this account.

            Returns the function that ends this.
            """

    class Folder(Protocol):
        """One folder of an account."""

        @property
        def name(self) -> str:
            """The name of the folder."""

        @property
        def uid_validity(self) -> int:
            """The UIDVALIDITY of its UIDs (RFC 9051 2.3.1.1)."""

        def read_state(self) -> FolderState:
            """Return the UIDs of all messages, and the counters."""

        def read_flags(self, uids: Collection[int] | None = None, *, since: int = 0) -> list[MessageFlags]:
            """Return the flags of messages, in the order of their UIDs.

            `uids=None` is all messages; with `since`, only those whose modification sequence is greater.
            """

        def read_messages(self, uids: Sequence[int], *, with_content: bool) -> list[Message]:
            """Return messages in the order of their UIDs; those that are gone are left out.

            Without `with_content`, only size, date and flags may be used.
            """

        def change_flags(
            self,
            uids: Collection[int],
            action: FlagAction,
            flags: Collection[str],
            *,
            unchanged_since: int | None = None,
        ) -> FlagChanges:
            """Change flags (RFC 9051 6.4.6).

            With `unchanged_since`, messages that changed later are left out (RFC 7162 3.1.3).
            """

        def claim_recent(self, last_uid: int) -> int:
            r"""Note that a session has seen all up to a UID; return the last UID seen before.

            Messages after that have `\Recent` in this session, and in no other one (RFC 3501 2.3.2).  With 0 nothing is
            noted.
            """

        def expunge(self, uids: Collection[int]) -> list[int]:
            r"""Delete those of the messages that have `\Deleted`; return their UIDs."""

        def delete(self, uids: Collection[int]) -> list[int]:
            """Delete messages whatever their flags; return the UIDs of those that existed."""

        def copy(self, uids: Sequence[int], target: str) -> list[tuple[int, int]]:
            """Copy messages to another folder; return pairs of UIDs there and here: `(source, copy)`."""

        def move(self, uids: Sequence[int], target: str) -> list[tuple[int, int]]:
            """Move messages to another folder; return pairs `(source, copy)`."""

        def search_text(self, kind: str, name: str, text: str) -> set[int] | None:
            """Return the UIDs that a text search finds by an index.

            `kind` is "TEXT", "BODY", "SUBJECT", "FROM", "TO", "CC", "BCC" or "HEADER" (then `name` is the field).  The
            search is without regard to case.  None: there is no index for it, so the caller reads the messages.
            """


__all__ = [
    "SYSTEM_FLAGS",
    "FlagChanges",
    "FolderError",
    "FolderInfo",
    "FolderState",
    "FolderStatus",
    "MessageAddress",
    "MessageEnvelope",
    "MessageFlags",
]

SYSTEM_FLAGS: Final = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")


class FolderError(Exception):
    """A folder operation that cannot be done.

    Args:
        text: Why, for the client.
        code: The response code of RFC 5530 and RFC 9051 7.1 without brackets, such as "NONEXISTENT", "ALREADYEXISTS",
            "CANNOT", "TRYCREATE", "OVERQUOTA" or "UNAVAILABLE"; "" for none.
    """

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.text: Final = text
        self.code: Final = code


class FolderInfo:
    r"""A folder as LIST shows it.

    Args:
        name: The name; levels are separated by `/`.
        special_use: The attribute of RFC 6154, such as `\\Sent`; "" for none.
        subscribed: Whether the user has subscribed to it.
        exists: Whether it can be selected; False for a level that only has folders within it, and for a subscription
            that outlived its folder (RFC 9051 6.3.7).
    """

    __slots__ = ("exists", "name", "special_use", "subscribed")

    def __init__(self, name: str, *, special_use: str = "", subscribed: bool = False, exists: bool = True) -> None:
        self.name: Final = name
        self.special_use: Final = special_use
        self.subscribed: Final = subscribed
        self.exists: Final = exists


class FolderStatus:
    r"""The numbers of a folder (RFC 9051 6.3.11); `size` is in octets, `recent` for rev1."""

    __slots__ = ("deleted", "highest_mod_seq", "messages", "recent", "size", "uid_next", "uid_validity", "unseen")

    def __init__(
        self,
        *,
        messages: int,
        unseen: int,
        deleted: int,
        size: int,
        uid_next: int,
        uid_validity: int,
        highest_mod_seq: int,
        recent: int = 0,
    ) -> None:
        self.recent: Final = recent
        self.messages: Final = messages
        self.unseen: Final = unseen
        self.deleted: Final = deleted
        self.size: Final = size
        self.uid_next: Final = uid_next
        self.uid_validity: Final = uid_validity
        self.highest_mod_seq: Final = highest_mod_seq


class FolderState:
    """The messages of a folder at one moment.

    Args:
        uids: The UIDs of all messages, ascending.
        unseen_count: How many of them are unread.
        first_unseen_uid: The UID of the first unread message; None without one.
        uid_next: A number that is greater than all UIDs, and at most the next one.
        highest_mod_seq: The highest modification sequence (RFC 7162 3.1.1); at least 1.
        keywords: The keywords in use, in alphabetical order.
    """

    __slots__ = ("first_unseen_uid", "highest_mod_seq", "keywords", "uid_next", "uids", "unseen_count")

    def __init__(
        self,
        uids: Sequence[int],
        *,
        unseen_count: int,
        first_unseen_uid: int | None,
        uid_next: int,
        highest_mod_seq: int,
        keywords: tuple[str, ...] = (),
    ) -> None:
        self.uids: Final = uids
        self.unseen_count: Final = unseen_count
        self.first_unseen_uid: Final = first_unseen_uid
        self.uid_next: Final = uid_next
        self.highest_mod_seq: Final = highest_mod_seq
        self.keywords: Final = keywords


class MessageFlags:
    r"""The flags of one message: system flags such as `\Seen`, and keywords."""

    __slots__ = ("flags", "mod_seq", "uid")

    def __init__(self, uid: int, flags: frozenset[str], mod_seq: int) -> None:
        self.uid: Final = uid
        self.flags: Final = flags
        self.mod_seq: Final = mod_seq


class FlagChanges:
    """The result of a change of flags.

    Args:
        changed: The messages that were changed, or had the flags already, with their flags now.
        conflicts: The UIDs of messages that were left out because of `unchanged_since`.
    """

    __slots__ = ("changed", "conflicts")

    def __init__(self, changed: Sequence[MessageFlags], conflicts: Sequence[int] = ()) -> None:
        self.changed: Final = changed
        self.conflicts: Final = conflicts


class MessageAddress:
    """An address of an envelope (RFC 9051 7.5.2): octets of the header field; None is NIL.

    `route` is the obsolete source route, such as `@relay.example.com` (RFC 5322 4.4).

    The start of a group has its name in `mailbox` and None in `host`; its end has None in both.
    """

    __slots__ = ("host", "mailbox", "name", "route")

    def __init__(
        self, name: bytes | None, mailbox: bytes | None, host: bytes | None, route: bytes | None = None
    ) -> None:
        self.route: Final = route
        self.name: Final = name
        self.mailbox: Final = mailbox
        self.host: Final = host


class MessageEnvelope:
    """The fields of ENVELOPE (RFC 9051 7.5.2): octets of the header, unfolded; None is NIL."""

    __slots__ = ("bcc", "cc", "date", "from_", "in_reply_to", "message_id", "reply_to", "sender", "subject", "to")

    def __init__(
        self,
        *,
        date: bytes | None = None,
        subject: bytes | None = None,
        from_: Sequence[MessageAddress] = (),
        sender: Sequence[MessageAddress] = (),
        reply_to: Sequence[MessageAddress] = (),
        to: Sequence[MessageAddress] = (),
        cc: Sequence[MessageAddress] = (),
        bcc: Sequence[MessageAddress] = (),
        in_reply_to: bytes | None = None,
        message_id: bytes | None = None,
    ) -> None:
        self.date: Final = date
        self.subject: Final = subject
        self.from_: Final = from_
        self.sender: Final = sender
        self.reply_to: Final = reply_to
        self.to: Final = to
        self.cc: Final = cc
        self.bcc: Final = bcc
        self.in_reply_to: Final = in_reply_to
        self.message_id: Final = message_id


if TYPE_CHECKING:
    Parameters = Sequence[tuple[bytes, bytes]]

    class BodyPart(Protocol):
        """One MIME part, or the whole message, for BODYSTRUCTURE (RFC 9051 7.5.2).

        Ranges are pairs of positions in `Message.content`, the second one after the last octet.
        """

        @property
        def type(self) -> bytes:
            """The type in upper case, such as `TEXT` or `MULTIPART`."""

        @property
        def subtype(self) -> bytes:
            """The subtype in upper case."""

        @property
        def parameters(self) -> Parameters:
            """The parameters of Content-Type."""

        @property
        def content_id(self) -> bytes | None:
            """The field Content-ID."""

        @property
        def description(self) -> bytes | None:
            """The field Content-Description."""

        @property
        def encoding(self) -> bytes:
            """The content transfer encoding in upper case; `7BIT` without one."""

        @property
        def line_count(self) -> int:
            """The number of lines of the body, for text and message/rfc822."""

        @property
        def md5(self) -> bytes | None:
            """The field Content-MD5."""

        @property
        def disposition(self) -> tuple[bytes, Parameters] | None:
            """The field Content-Disposition: its value and parameters."""

        @property
        def languages(self) -> Sequence[bytes]:
            """The values of Content-Language."""

        @property
        def location(self) -> bytes | None:
            """The field Content-Location."""

        @property
        def header_range(self) -> tuple[int, int]:
            """The header, with the empty line after it."""

        @property
        def body_range(self) -> tuple[int, int]:
            """The body."""

        @property
        def parts(self) -> Sequence[BodyPart]:
            """The parts of a multipart."""

        @property
        def message(self) -> BodyPart | None:
            """The message within a message/rfc822 part; its ranges are in the same content."""

        @property
        def envelope(self) -> MessageEnvelope | None:
            """The envelope of this part if it is a whole message: the root, or a `message`."""

        def decode(self) -> bytes:
            """Return the body without its transfer encoding (for BINARY, RFC 3516)."""

    class Message(Protocol):
        """One message with what FETCH and RETR need."""

        @property
        def uid(self) -> int:
            """The UID."""

        @property
        def id(self) -> str:
            """The permanent ID of the mail in the store."""

        @property
        def flags(self) -> frozenset[str]:
            """The flags."""

        @property
        def mod_seq(self) -> int:
            """The modification sequence (RFC 7162)."""

        @property
        def internal_date(self) -> float:
            """When the mail arrived, in seconds since 1970."""

        @property
        def size(self) -> int:
            """The size of the content in octets."""

        @property
        def content(self) -> bytes:
            """The content, octet by octet as received; only if it was read with content."""

        @property
        def structure(self) -> BodyPart:
            """The tree of parts; only if it was read with content."""
