"""The commands of IMAP as values (RFC 9051 6, RFC 3501 6): what `parse_command` returns.

Folder names are decoded text, with `INBOX` in capitals.  Each type has the attribute `name`, the command in capitals
without UID; `is_uid` is about the UID commands.
"""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from lazr.smtptest.protocol.folder_access import FlagAction
    from lazr.smtptest.protocol.imap.search_keys import SearchKey
    from lazr.smtptest.protocol.imap.sequence_set import SequenceSet

    SectionKind = Literal["", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"]

__all__ = [
    "AppendCommand",
    "AuthenticateCommand",
    "CopyCommand",
    "CreateCommand",
    "EnableCommand",
    "ExpungeCommand",
    "FetchCommand",
    "FetchItem",
    "FolderCommand",
    "IdCommand",
    "ListCommand",
    "LoginCommand",
    "RenameCommand",
    "SearchCommand",
    "Section",
    "SelectCommand",
    "SimpleCommand",
    "SortCommand",
    "SortCriterion",
    "StatusCommand",
    "StoreCommand",
    "ThreadCommand",
]


class SimpleCommand(NamedTuple):
    """A command without arguments.

    `name` is CAPABILITY, NOOP, LOGOUT, STARTTLS, NAMESPACE, IDLE, CHECK, CLOSE or UNSELECT.
    """

    name: str


class LoginCommand(NamedTuple):
    """LOGIN (RFC 9051 6.2.3)."""

    username: str
    password: str
    name: str = "LOGIN"


class AuthenticateCommand(NamedTuple):
    """AUTHENTICATE (RFC 9051 6.2.2); `initial_response` is base64, `=` or None."""

    mechanism: str
    initial_response: bytes | None = None
    name: str = "AUTHENTICATE"


class EnableCommand(NamedTuple):
    """ENABLE (RFC 9051 6.3.1): the capabilities in capitals."""

    capabilities: tuple[str, ...]
    name: str = "ENABLE"


class IdCommand(NamedTuple):
    """ID (RFC 2971 3.1): the fields of the client; empty for NIL."""

    fields: tuple[tuple[str, str | None], ...] = ()
    name: str = "ID"


class FolderCommand(NamedTuple):
    """DELETE, SUBSCRIBE or UNSUBSCRIBE of a folder."""

    name: str
    folder: str


class SelectCommand(NamedTuple):
    """SELECT or EXAMINE (RFC 9051 6.3.2); `is_condstore` is the parameter of RFC 7162 3.1.8."""

    name: str
    folder: str
    is_condstore: bool = False


class CreateCommand(NamedTuple):
    r"""CREATE (RFC 9051 6.3.4); `special_use` has attributes such as `\\Sent` (RFC 6154 3)."""

    folder: str
    special_use: tuple[str, ...] = ()
    name: str = "CREATE"


class RenameCommand(NamedTuple):
    """RENAME (RFC 9051 6.3.6)."""

    folder: str
    new_folder: str
    name: str = "RENAME"


class ListCommand(NamedTuple):
    """LIST or LSUB (RFC 9051 6.3.9, RFC 3501 6.3.9).

    Args:
        name: `LIST` or `LSUB`.
        reference: The reference name; it goes before each pattern.
        patterns: The patterns; `("",)` asks for the delimiter.
        selection_options: SUBSCRIBED, REMOTE, RECURSIVEMATCH, SPECIAL-USE.
        return_options: SUBSCRIBED, CHILDREN, SPECIAL-USE, and STATUS if `status_items` is not empty.
        status_items: The items of `RETURN (STATUS (…))` (RFC 5819).
        is_extended: The command has options or several patterns (RFC 5258 3).
    """

    name: str
    reference: str
    patterns: tuple[str, ...]
    selection_options: frozenset[str] = frozenset()
    return_options: frozenset[str] = frozenset()
    status_items: tuple[str, ...] = ()
    is_extended: bool = False


class StatusCommand(NamedTuple):
    """STATUS (RFC 9051 6.3.11): the items in capitals, each once, in the order of the command."""

    folder: str
    items: tuple[str, ...]
    name: str = "STATUS"


class AppendCommand(NamedTuple):
    """APPEND (RFC 9051 6.3.12).

    Args:
        folder: The folder.
        content: The message.
        flags: System flags such as `\\Seen`, and keywords.
        internal_date: Seconds since 1970; None without a date.
        is_utf8: The message was in `UTF8 (…)` (RFC 6855 4).
        name: The command.
    """

    folder: str
    content: bytes
    flags: tuple[str, ...] = ()
    internal_date: float | None = None
    is_utf8: bool = False
    name: str = "APPEND"


class ExpungeCommand(NamedTuple):
    """EXPUNGE, or UID EXPUNGE with `uids` (RFC 9051 6.4.3, 6.4.9)."""

    uids: SequenceSet | None = None
    name: str = "EXPUNGE"


class SearchCommand(NamedTuple):
    """SEARCH or UID SEARCH (RFC 9051 6.4.4).

    Args:
        key: The key.
        charset: The charset of its texts in capitals; texts are decoded already.
        return_options: MIN, MAX, ALL, COUNT and SAVE; None without RETURN, and `{"ALL"}` for `RETURN ()`.
        is_uid: The result has UIDs.
        name: The command.
    """

    key: SearchKey
    charset: str = ""
    return_options: frozenset[str] | None = None
    is_uid: bool = False
    name: str = "SEARCH"


class SortCriterion(NamedTuple):
    """What SORT sorts by: ARRIVAL, CC, DATE, FROM, SIZE, SUBJECT or TO (RFC 5256 3)."""

    field: str
    is_reverse: bool = False


class SortCommand(NamedTuple):
    """SORT or UID SORT (RFC 5256 3); `return_options` as in `SearchCommand` (RFC 5267)."""

    criteria: tuple[SortCriterion, ...]
    charset: str
    key: SearchKey
    return_options: frozenset[str] | None = None
    is_uid: bool = False
    name: str = "SORT"


class ThreadCommand(NamedTuple):
    """THREAD or UID THREAD (RFC 5256 3); `algorithm` is ORDEREDSUBJECT or REFERENCES."""

    algorithm: str
    charset: str
    key: SearchKey
    is_uid: bool = False
    name: str = "THREAD"


class Section(NamedTuple):
    """What BODY[…] and BINARY[…] are about (RFC 9051 6.4.5.1).

    Args:
        path: The numbers of the part, from the root; empty for the message.
        kind: `""` for the whole part, HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME.
        field_names: The names of HEADER.FIELDS and HEADER.FIELDS.NOT, as in the command.
    """

    path: tuple[int, ...] = ()
    kind: SectionKind = ""
    field_names: tuple[bytes, ...] = ()


class FetchItem(NamedTuple):
    """One item of FETCH.

    Args:
        name: FLAGS, UID, INTERNALDATE, RFC822.SIZE, MODSEQ, ENVELOPE, BODYSTRUCTURE, RFC822, RFC822.HEADER,
            RFC822.TEXT, BODY (with and without a section), BINARY or BINARY.SIZE (both with a section).
        section: The section in brackets; None without brackets.
        partial: The first octet and the number of octets in `<…>`; None without it.
        is_peek: The item is BODY.PEEK or BINARY.PEEK.
    """

    name: str
    section: Section | None = None
    partial: tuple[int, int] | None = None
    is_peek: bool = False

    @property
    def sets_seen(self) -> bool:
        r"""Whether the item sets `\Seen` (RFC 9051 6.4.5)."""
        if self.section is None:
            return self.name in ("RFC822", "RFC822.TEXT")
        return not self.is_peek and self.name in ("BODY", "BINARY")

    @property
    def needs_content(self) -> bool:
        """Whether the item needs the content of the message."""
        return self.name not in ("FLAGS", "UID", "INTERNALDATE", "RFC822.SIZE", "MODSEQ")


class FetchCommand(NamedTuple):
    """FETCH or UID FETCH (RFC 9051 6.4.5).

    Args:
        messages: The messages.
        items: The items; macros are expanded, and each item is there once.  UID FETCH has UID.
        changed_since: CHANGEDSINCE (RFC 7162 3.1.4.1); `items` has MODSEQ then.  None without it.
        is_uid: `messages` are UIDs.
        name: The command.
    """

    messages: SequenceSet
    items: tuple[FetchItem, ...]
    changed_since: int | None = None
    is_uid: bool = False
    name: str = "FETCH"


class StoreCommand(NamedTuple):
    r"""STORE or UID STORE (RFC 9051 6.4.6).

    Args:
        messages: The messages.
        action: What happens to the flags.
        flags: System flags such as `\\Seen`, and keywords.
        is_silent: `.SILENT`: the client does not want the new flags.
        unchanged_since: UNCHANGEDSINCE (RFC 7162 3.1.3); None without it.
        is_uid: `messages` are UIDs.
        name: The command.
    """

    messages: SequenceSet
    action: FlagAction
    flags: tuple[str, ...]
    is_silent: bool = False
    unchanged_since: int | None = None
    is_uid: bool = False
    name: str = "STORE"


class CopyCommand(NamedTuple):
    """COPY, MOVE and their UID commands (RFC 9051 6.4.7, 6.4.8)."""

    name: str
    messages: SequenceSet
    folder: str
    is_uid: bool = False


if TYPE_CHECKING:
    ImapCommand = (
        SimpleCommand
        | FolderCommand
        | SelectCommand
        | CreateCommand
        | RenameCommand
        | ListCommand
        | StatusCommand
        | AppendCommand
        | LoginCommand
        | AuthenticateCommand
        | EnableCommand
        | IdCommand
        | ExpungeCommand
        | SearchCommand
        | SortCommand
        | ThreadCommand
        | FetchCommand
        | StoreCommand
        | CopyCommand
    )
