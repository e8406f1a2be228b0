"""Parse FETCH, STORE, COPY and MOVE (RFC 9051 6.4.5-6.4.8, RFC 3516, RFC 7162)."""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.imap.argument_parsers import (
    MAX_FLAGS,
    join_flags,
    read_flag,
    read_flags,
    read_folder,
    read_sequence_set,
)
from lazr.smtptest.protocol.imap.command_types import CopyCommand, FetchCommand, FetchItem, Section, StoreCommand
from lazr.smtptest.protocol.imap.sequence_set import MAX_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.protocol.folder_access import FlagAction
    from lazr.smtptest.protocol.imap.command_types import SectionKind
    from lazr.smtptest.protocol.imap.tokens import TokenReader

__all__ = ["parse_copy", "parse_fetch", "parse_store"]

MAX_FETCH_ITEMS = 256
MAX_FIELD_NAMES = 1000
_ALL = ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE")
_MACROS = {"ALL": _ALL, "FAST": _ALL[:3], "FULL": (*_ALL, "BODY")}
_PLAIN_ITEMS = frozenset((*_ALL, "UID", "MODSEQ", "BODY", "BODYSTRUCTURE", "RFC822", "RFC822.HEADER", "RFC822.TEXT"))
_SECTION_ITEMS = frozenset(("BODY", "BODY.PEEK", "BINARY", "BINARY.PEEK", "BINARY.SIZE"))
_ITEM_NAME = compile_lazily(rb"[A-Za-z0-9.]+")
_SECTION_SPEC = compile_lazily(rb"[A-Za-z0-9.]*")
_PATH = compile_lazily(r"((?:[1-9][0-9]{0,9}(?:\.(?=.)|\Z))*)(.*)")
_SECTION_KINDS: dict[str, SectionKind] = {
    kind: kind for kind in ("", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME")
}
_FLAG_ACTION = compile_lazily(rb"(?i)[+-]?FLAGS(?:\.SILENT)?(?= )")
_ACTIONS: dict[str, FlagAction] = {"+": "add", "-": "remove"}


def parse_fetch(tokens: TokenReader, *, is_uid: bool) -> FetchCommand:
    """Parse FETCH after its name."""
    tokens.read_space("a sequence set")
    messages = read_sequence_set(tokens)
    tokens.read_space("the items to fetch")
    items = _read_items(tokens)
    if is_uid:
        items = [FetchItem("UID"), *items]  # RFC 9051 6.4.9
    changed_since = None
    if tokens.skip(b" "):
        tokens.read_exactly(b"(", "a list of modifiers")
        tokens.read_word(b"CHANGEDSINCE")
        tokens.read_space("a modification sequence")
        changed_since = tokens.read_number("a modification sequence")
        tokens.read_exactly(b")", ") after the modifiers")
        items.append(FetchItem("MODSEQ"))  # RFC 7162 3.1.4.1
    return FetchCommand(messages, tuple(dict.fromkeys(items)), changed_since, is_uid)


def _read_items(tokens: TokenReader) -> list[FetchItem]:
    if tokens.has(b"("):
        return tokens.read_list(lambda: _read_item(tokens), "the items to fetch", MAX_FETCH_ITEMS, can_be_empty=False)
    for macro, names in _MACROS.items():
        if tokens.skip_word(macro.encode()):
            return [FetchItem(name) for name in names]
    return [_read_item(tokens)]


def _read_item(tokens: TokenReader) -> FetchItem:
    position = tokens.position
    name = tokens.read_pattern(_ITEM_NAME, "an item to fetch").upper()
    if not tokens.has(b"["):
        if name not in _PLAIN_ITEMS:
            raise tokens.fail(f"expected an item to fetch of RFC 9051 6.4.5, got {name[:50]}", position)
        return FetchItem(name)
    if name not in _SECTION_ITEMS:
        raise tokens.fail("expected [ only after BODY, BODY.PEEK, BINARY, BINARY.PEEK or BINARY.SIZE")
    section = _read_section(tokens, is_binary=name.startswith("BINARY"))
    partial = None
    if name != "BINARY.SIZE" and tokens.skip(b"<"):
        first = tokens.read_number("the first octet")
        tokens.read_exactly(b".", ". and the number of octets")
        count_position = tokens.position
        partial = (first, tokens.read_number("the number of octets"))
        if not partial[1]:
            raise tokens.fail("expected a number of octets of at least 1", count_position)
        tokens.read_exactly(b">", "> after the number of octets")
    return FetchItem(name.removesuffix(".PEEK"), section, partial, is_peek=name.endswith(".PEEK"))


def _read_section(tokens: TokenReader, *, is_binary: bool) -> Section:
    tokens.read_exactly(b"[", "[")
    position = tokens.position
    spec = tokens.read_pattern(_SECTION_SPEC, "a section").upper()
    match = _PATH.fullmatch(spec)
    path = tuple(int(number) for number in match[1].split(".") if number) if match else ()
    kind = _SECTION_KINDS.get(match[2]) if match else None
    if kind is None or (kind and is_binary) or (kind == "MIME" and not path) or any(n > MAX_NUMBER for n in path):
        kinds = "a number such as 1.2" if is_binary else "1.2, HEADER, HEADER.FIELDS (...), TEXT or 1.MIME"
        raise tokens.fail(f"expected a section: nothing, {kinds}", position)
    field_names: tuple[bytes, ...] = ()
    if kind.startswith("HEADER.FIELDS"):
        tokens.read_space("a list of field names")
        names = tokens.read_list(
            lambda: tokens.read_astring("the name of a header field"),
            "a list of field names",
            MAX_FIELD_NAMES,
            can_be_empty=False,
        )
        field_names = tuple(names)
    tokens.read_exactly(b"]", "] after the section")
    return Section(path, kind, field_names)


def parse_store(tokens: TokenReader, *, is_uid: bool) -> StoreCommand:
    """Parse STORE after its name."""
    tokens.read_space("a sequence set")
    messages = read_sequence_set(tokens)
    unchanged_since = None
    tokens.read_space("FLAGS, +FLAGS or -FLAGS")
    if tokens.skip(b"("):
        tokens.read_word(b"UNCHANGEDSINCE")
        tokens.read_space("a modification sequence")
        unchanged_since = tokens.read_number("a modification sequence")
        tokens.read_exactly(b")", ") after the modifiers")
        tokens.read_space("FLAGS, +FLAGS or -FLAGS")
    name = tokens.read_pattern(_FLAG_ACTION, "FLAGS, +FLAGS or -FLAGS, perhaps with .SILENT, and a space").upper()
    tokens.read_space("flags")
    flags = read_flags(tokens) if tokens.has(b"(") else _read_bare_flags(tokens)
    return StoreCommand(
        messages, _ACTIONS.get(name[0], "replace"), flags, name.endswith(".SILENT"), unchanged_since, is_uid
    )


def _read_bare_flags(tokens: TokenReader) -> tuple[str, ...]:
    """Read flags without parentheses."""
    flags = [read_flag(tokens)]
    while tokens.skip(b" "):
        tokens.check_count(len(flags) + 1, "a list of flags", MAX_FLAGS)
        flags.append(read_flag(tokens))
    return join_flags(flags)


def parse_copy(tokens: TokenReader, name: str, *, is_uid: bool) -> CopyCommand:
    """Parse COPY or MOVE after its name."""
    tokens.read_space("a sequence set")
    messages = read_sequence_set(tokens)
    tokens.read_space("a folder name")
    return CopyCommand(name, messages, read_folder(tokens), is_uid)
