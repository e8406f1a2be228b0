"""Parse the arguments that several commands have: folder names, flags, sequence sets."""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.folder_access import SYSTEM_FLAGS
from lazr.smtptest.protocol.imap.parse_error import ParseError
from lazr.smtptest.protocol.imap.sequence_set import parse_sequence_set
from lazr.smtptest.protocol.imap.utf7 import decode_utf7

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.protocol.imap.sequence_set import SequenceSet
    from lazr.smtptest.protocol.imap.tokens import TokenReader

__all__ = [
    "MAX_FLAGS",
    "MAX_FOLDER_OCTETS",
    "decode_folder",
    "join_flags",
    "read_flag",
    "read_flags",
    "read_folder",
    "read_sequence_set",
    "read_system_flag",
]

MAX_FLAGS = 128
MAX_FOLDER_OCTETS = 1000
INBOX = "INBOX"
_CONTROL = compile_lazily("[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # RFC 9051 5.1, RFC 5198 2
_SEQUENCE_SET = compile_lazily(rb"[0-9*:,$]+")
_FLAGS_BY_NAME = {flag.upper(): flag for flag in SYSTEM_FLAGS}


def read_folder(tokens: TokenReader) -> str:
    """Read the name of a folder; INBOX is without regard to case."""
    position = tokens.position
    octets = tokens.read_astring("a folder name")
    name = decode_folder(tokens, octets, position)
    if not name:
        raise tokens.fail("expected a folder name that is not empty", position)
    level, slash, rest = name.partition("/")
    return f"{INBOX}{slash}{rest}" if level.upper() == INBOX else name


def decode_folder(tokens: TokenReader, octets: bytes, position: int) -> str:
    """Return a folder name, or a pattern of LIST, as text.

    Names are in UTF-8 after ENABLE UTF8=ACCEPT or IMAP4rev2, and otherwise in modified UTF-7 (RFC 9051 A.1).
    """
    if len(octets) > MAX_FOLDER_OCTETS:
        text = f"expected a folder name of at most {MAX_FOLDER_OCTETS} octets"
        raise ParseError(text, position, code="CANNOT", status="NO")
    try:
        name = octets.decode() if tokens.is_utf8 else decode_utf7(octets)
    except ValueError as error:
        # The grammar allows these octets, but no folder can have this name.
        encoding = "UTF-8" if tokens.is_utf8 else "modified UTF-7 (RFC 3501 5.1.3)"
        raise ParseError(f"expected a folder name in {encoding}", position, code="CANNOT", status="NO") from error
    if _CONTROL.search(name):
        raise tokens.fail("expected a folder name without control characters", position)
    return name


def read_sequence_set(tokens: TokenReader, expected: str = "a sequence set such as 1,3:5 or 7:*") -> SequenceSet:
    """Read a sequence set."""
    position = tokens.position
    return parse_sequence_set(tokens.read_pattern(_SEQUENCE_SET, expected), position)


def read_flags(tokens: TokenReader) -> tuple[str, ...]:
    """Read flags in parentheses; each one is returned once."""
    return join_flags(tokens.read_list(lambda: read_flag(tokens), "a list of flags", MAX_FLAGS, can_be_empty=True))


def join_flags(flags: list[str]) -> tuple[str, ...]:
    """Return each flag once; flags are without regard to case (RFC 9051 2.3.2)."""
    found: dict[str, str] = {}
    for flag in flags:
        found.setdefault(flag.upper(), flag)
    return tuple(found.values())


def read_flag(tokens: TokenReader) -> str:
    """Read a system flag or a keyword."""
    return read_system_flag(tokens) if tokens.has(b"\\") else tokens.read_atom("a flag")


def read_system_flag(tokens: TokenReader) -> str:
    r"""Read a flag with a backslash; `\Recent` cannot be set (RFC 3501 2.3.2)."""
    position = tokens.position
    tokens.read_exactly(b"\\", "a system flag")
    flag = _FLAGS_BY_NAME.get("\\" + tokens.read_keyword("the name of a system flag"))
    if flag is None:
        raise tokens.fail(f"expected a keyword or one of {' '.join(SYSTEM_FLAGS)}", position)
    return flag
