"""Parse the commands about folders: SELECT, CREATE, LIST, STATUS, APPEND (RFC 9051 6.3)."""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.imap.argument_parsers import decode_folder, read_flags, read_folder
from lazr.smtptest.protocol.imap.command_types import (
    AppendCommand,
    CreateCommand,
    FolderCommand,
    ListCommand,
    RenameCommand,
    SelectCommand,
    StatusCommand,
)
from lazr.smtptest.protocol.imap.dates import parse_date_time
from lazr.smtptest.protocol.imap.parse_error import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.protocol.imap.reader import Literal
    from lazr.smtptest.protocol.imap.tokens import TokenReader

__all__ = [
    "parse_append",
    "parse_create",
    "parse_folder_command",
    "parse_list",
    "parse_lsub",
    "parse_rename",
    "parse_select",
    "parse_status",
]

_NO_NAME = "\0"  # a pattern that matches no folder name: names have no control characters
MAX_PATTERNS = 64
SPECIAL_USES = ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Important", "\\Junk", "\\Sent", "\\Trash")
STATUS_ITEMS = (
    "MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE", "HIGHESTMODSEQ", "APPENDLIMIT",
)  # fmt: skip
_SELECTION_OPTIONS = ("SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE")
_RETURN_OPTIONS = ("SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "STATUS")
_SPECIAL_USES_BY_NAME = {name.upper(): name for name in SPECIAL_USES}
_SPECIAL_USE = compile_lazily(rb"\\[A-Za-z]+")


def parse_folder_command(tokens: TokenReader, name: str) -> FolderCommand:
    """Parse a command with a folder name only."""
    tokens.read_space("a folder name")
    return FolderCommand(name, read_folder(tokens))


def parse_select(tokens: TokenReader, name: str) -> SelectCommand:
    """Parse SELECT or EXAMINE after its name."""
    tokens.read_space("a folder name")
    folder = read_folder(tokens)
    is_condstore = tokens.skip(b" ")
    if is_condstore:
        tokens.read_exactly(b"(", "(CONDSTORE)")
        tokens.read_word(b"CONDSTORE")
        tokens.read_exactly(b")", ") after CONDSTORE")
    return SelectCommand(name, folder, is_condstore)


def parse_create(tokens: TokenReader) -> CreateCommand:
    """Parse CREATE after its name."""
    tokens.read_space("a folder name")
    position = tokens.position
    folder = read_folder(tokens).removesuffix("/")  # RFC 9051 6.3.4: it says that folders will be created within
    if not folder:
        raise tokens.fail("expected a folder name before the /", position)
    special_use: list[str] = []
    if tokens.skip(b" "):  # RFC 6154 3
        tokens.read_exactly(b"(", "(USE (...))")
        tokens.read_word(b"USE")
        tokens.read_space("a list of special uses")
        special_use = tokens.read_list(
            lambda: _read_special_use(tokens), "a list of special uses", len(SPECIAL_USES), can_be_empty=True
        )
        tokens.read_exactly(b")", ") after the special uses")
    return CreateCommand(folder, tuple(dict.fromkeys(special_use)))


def _read_special_use(tokens: TokenReader) -> str:
    position = tokens.position
    name = tokens.read_pattern(_SPECIAL_USE, f"one of {' '.join(SPECIAL_USES)}").upper()
    if name not in _SPECIAL_USES_BY_NAME:
        raise tokens.fail(f"expected one of {' '.join(SPECIAL_USES)}", position)
    return _SPECIAL_USES_BY_NAME[name]


def parse_rename(tokens: TokenReader) -> RenameCommand:
    """Parse RENAME after its name."""
    tokens.read_space("a folder name")
    folder = read_folder(tokens)
    tokens.read_space("the new folder name")
    return RenameCommand(folder, read_folder(tokens))


def parse_lsub(tokens: TokenReader) -> ListCommand:
    """Parse LSUB after its name (RFC 3501 6.3.9)."""
    tokens.read_space("a reference name")
    reference = _read_reference(tokens)
    tokens.read_space("a pattern")
    return ListCommand("LSUB", reference, (_read_list_pattern(tokens),))


def parse_list(tokens: TokenReader) -> ListCommand:
    """Parse LIST after its name (RFC 9051 6.3.9, RFC 5258)."""
    selection_options: list[str] = []
    tokens.read_space("a reference name")
    has_selection_options = tokens.has(b"(")
    if has_selection_options:
        position = tokens.position
        selection_options = tokens.read_list(
            lambda: tokens.read_choice(_SELECTION_OPTIONS, "a selection option"),
            "a list of selection options",
            2 * len(_SELECTION_OPTIONS),
            can_be_empty=True,
        )
        if "RECURSIVEMATCH" in selection_options and "SUBSCRIBED" not in selection_options:
            raise tokens.fail("expected SUBSCRIBED beside RECURSIVEMATCH (RFC 9051 6.3.9.1)", position)
        tokens.read_space("a reference name")
    reference = _read_reference(tokens)
    tokens.read_space("a pattern")
    has_pattern_list = tokens.has(b"(")
    if has_pattern_list:
        patterns = tokens.read_list(
            lambda: _read_list_pattern(tokens), "a list of patterns", MAX_PATTERNS, can_be_empty=False
        )
    else:
        patterns = [_read_list_pattern(tokens)]
    return_options: set[str] = set()
    status_items: list[str] = []
    has_return_options = tokens.skip(b" ")
    if has_return_options:
        tokens.read_word(b"RETURN")
        tokens.read_space("a list of return options")
        tokens.read_list(
            lambda: _read_return_option(tokens, return_options, status_items),
            "a list of return options",
            2 * len(_RETURN_OPTIONS),
            can_be_empty=True,
        )
    return ListCommand(
        "LIST",
        reference,
        tuple(patterns),
        frozenset(selection_options),
        frozenset(return_options),
        tuple(dict.fromkeys(status_items)),
        has_selection_options or has_pattern_list or has_return_options,
    )


def _read_return_option(tokens: TokenReader, options: set[str], status_items: list[str]) -> None:
    option = tokens.read_choice(_RETURN_OPTIONS, "a return option")
    options.add(option)
    if option == "STATUS":
        tokens.read_space("a list of status items")
        status_items.extend(_read_status_items(tokens))


def _read_reference(tokens: TokenReader) -> str:
    position = tokens.position
    return _decode_pattern(tokens, tokens.read_astring("a reference name"), position)


def _read_list_pattern(tokens: TokenReader) -> str:
    position = tokens.position
    return _decode_pattern(tokens, tokens.read_list_pattern("a pattern"), position)


def _decode_pattern(tokens: TokenReader, octets: bytes, position: int) -> str:
    """Return a pattern as text; one that no name can match is no error."""
    try:
        return decode_folder(tokens, octets, position)
    except ParseError as error:
        if isinstance(error.__cause__, ValueError):
            return _NO_NAME
        raise


def parse_status(tokens: TokenReader) -> StatusCommand:
    """Parse STATUS after its name."""
    tokens.read_space("a folder name")
    folder = read_folder(tokens)
    tokens.read_space("a list of status items")
    return StatusCommand(folder, _read_status_items(tokens))


def _read_status_items(tokens: TokenReader) -> tuple[str, ...]:
    items = tokens.read_list(
        lambda: tokens.read_choice(STATUS_ITEMS, "a status item"),
        "a list of status items",
        2 * len(STATUS_ITEMS),
        can_be_empty=False,
    )
    return tuple(dict.fromkeys(items))


def parse_append(tokens: TokenReader) -> AppendCommand:
    """Parse APPEND after its name."""
    tokens.read_space("a folder name")
    folder = read_folder(tokens)
    tokens.read_space("flags, a date or a message in a literal")
    flags: tuple[str, ...] = ()
    if tokens.has(b"("):
        flags = read_flags(tokens)
        tokens.read_space("a date or a message in a literal")
    internal_date = None
    if tokens.has(b'"'):
        position = tokens.position
        text = tokens.read_text("a date")
        try:
            internal_date = parse_date_time(text)
        except ValueError as error:
            raise tokens.fail("expected a date such as 01-Feb-2026 09:30:00 +0100", position) from error
        tokens.read_space("a message in a literal")
    is_utf8 = tokens.skip_word(b"UTF8")
    if is_utf8:
        tokens.read_exactly(b" (", "a space and a literal8 in parentheses")
    content = _read_message(tokens)
    if is_utf8:
        tokens.read_exactly(b")", ") after the message")
    return AppendCommand(folder, content, flags, internal_date, is_utf8)


def _read_message(tokens: TokenReader) -> bytes:
    position = tokens.position
    literal: Literal = tokens.read_literal("a message in a literal such as {5}")
    if b"\0" in literal.content and not literal.is_binary:
        raise tokens.fail("expected a message without NUL, or a literal8 such as ~{5} (RFC 3516 4.4)", position)
    return literal.content
