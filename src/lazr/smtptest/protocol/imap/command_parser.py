"""Parse the commands of IMAP (RFC 9051 6 and 9, RFC 3501 6 and 9).

`parse_command` looks for the command in one table; the modules `folder_parser`, `fetch_parser` and `search_parser`
parse the arguments.
"""

from __future__ import annotations

from functools import partial

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.imap.argument_parsers import read_sequence_set
from lazr.smtptest.protocol.imap.command_types import (
    AuthenticateCommand,
    EnableCommand,
    ExpungeCommand,
    IdCommand,
    LoginCommand,
    SimpleCommand,
)
from lazr.smtptest.protocol.imap.fetch_parser import parse_copy, parse_fetch, parse_store
from lazr.smtptest.protocol.imap.folder_parser import (
    parse_append,
    parse_create,
    parse_folder_command,
    parse_list,
    parse_lsub,
    parse_rename,
    parse_select,
    parse_status,
)
from lazr.smtptest.protocol.imap.parse_error import ParseError
from lazr.smtptest.protocol.imap.search_parser import parse_search, parse_sort, parse_thread
from lazr.smtptest.protocol.imap.tokens import TokenReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.protocol.imap.command_types import ImapCommand
    from lazr.smtptest.protocol.imap.reader import RawCommand

__all__ = ["COMMAND_NAMES", "parse_command"]

MAX_CAPABILITIES = 64
MAX_ID_FIELDS = 30  # RFC 2971 3.3
_BASE64 = compile_lazily(rb"=|[A-Za-z0-9+/]+={0,2}")


def parse_command(raw: RawCommand, *, is_utf8: bool = False) -> ImapCommand:
    """Return the command that a client has sent.

    Args:
        raw: The command as `ImapReader` returns it.
        is_utf8: The client has enabled UTF8=ACCEPT or IMAP4rev2: folder names and quoted strings are in UTF-8.

    Raises:
        ParseError: The command is unknown or breaks the grammar, or has a value that is not supported.

    >>> from lazr.smtptest.protocol.imap.reader import RawCommand
    >>> parse_command(RawCommand("a1", "DELETE", [b"a1 DELETE inbox"]))
    FolderCommand(name='DELETE', folder='INBOX')
    """
    parse = _PARSERS.get(raw.name)
    start = len(raw.tag) + 1
    if parse is None:
        raise ParseError(f"expected a command of RFC 9051 6, got {raw.name}", start)
    tokens = TokenReader(raw.lines, raw.literals, start + len(raw.name), is_utf8=is_utf8)
    command = parse(tokens)
    tokens.read_end()
    return command


def _parse_simple(_tokens: TokenReader, name: str) -> SimpleCommand:
    return SimpleCommand(name)


def _parse_expunge(_tokens: TokenReader) -> ExpungeCommand:
    return ExpungeCommand()


def _parse_login(tokens: TokenReader) -> LoginCommand:
    tokens.read_space("a user name")
    username = tokens.read_text("a user name")
    tokens.read_space("a password")
    return LoginCommand(username, tokens.read_text("a password"))


def _parse_authenticate(tokens: TokenReader) -> AuthenticateCommand:
    tokens.read_space("a SASL mechanism")
    mechanism = tokens.read_keyword("a SASL mechanism")
    initial_response = None
    if tokens.skip(b" "):  # RFC 4959 3
        initial_response = tokens.read_pattern(_BASE64, "an initial response in base64, or =").encode()
    return AuthenticateCommand(mechanism, initial_response)


def _parse_enable(tokens: TokenReader) -> EnableCommand:
    tokens.read_space("a capability")
    capabilities = [tokens.read_keyword("a capability")]
    while tokens.skip(b" "):
        tokens.check_count(len(capabilities) + 1, "the capabilities", MAX_CAPABILITIES)
        capabilities.append(tokens.read_keyword("a capability"))
    return EnableCommand(tuple(dict.fromkeys(capabilities)))


def _parse_id(tokens: TokenReader) -> IdCommand:
    tokens.read_space("a list of fields, or NIL")
    if not tokens.has(b"("):
        if tokens.read_nil_or_string("a list of fields, or NIL") is None:
            return IdCommand()
        raise tokens.fail("expected a list of fields, or NIL")
    fields = tokens.read_list(lambda: _read_id_field(tokens), "a list of fields", MAX_ID_FIELDS, can_be_empty=True)
    return IdCommand(tuple(fields))


def _read_id_field(tokens: TokenReader) -> tuple[str, str | None]:
    name = tokens.read_string("the name of a field").decode("utf-8", "replace")
    tokens.read_space("the value of a field")
    value = tokens.read_nil_or_string("the value of a field, or NIL")
    return name, None if value is None else value.decode("utf-8", "replace")


def _parse_uid_expunge(tokens: TokenReader) -> ExpungeCommand:
    tokens.read_space("a set of UIDs")
    return ExpungeCommand(read_sequence_set(tokens))


_SIMPLE_NAMES = (
    "CAPABILITY", "NOOP", "LOGOUT", "STARTTLS", "NAMESPACE", "IDLE", "CHECK", "CLOSE", "UNSELECT",
)  # fmt: skip


def _build_parsers() -> dict[str, Callable[[TokenReader], ImapCommand]]:
    parsers: dict[str, Callable[[TokenReader], ImapCommand]] = {
        "LOGIN": _parse_login,
        "AUTHENTICATE": _parse_authenticate,
        "ENABLE": _parse_enable,
        "ID": _parse_id,
        "CREATE": parse_create,
        "RENAME": parse_rename,
        "LIST": parse_list,
        "LSUB": parse_lsub,
        "STATUS": parse_status,
        "APPEND": parse_append,
        "EXPUNGE": _parse_expunge,
        "UID EXPUNGE": _parse_uid_expunge,
    }
    for name in _SIMPLE_NAMES:
        parsers[name] = partial(_parse_simple, name=name)
    for name in ("DELETE", "SUBSCRIBE", "UNSUBSCRIBE"):
        parsers[name] = partial(parse_folder_command, name=name)
    for name in ("SELECT", "EXAMINE"):
        parsers[name] = partial(parse_select, name=name)
    for prefix, is_uid in (("", False), ("UID ", True)):
        for name in ("COPY", "MOVE"):
            parsers[prefix + name] = partial(parse_copy, name=name, is_uid=is_uid)
        parsers[f"{prefix}FETCH"] = partial(parse_fetch, is_uid=is_uid)
        parsers[f"{prefix}STORE"] = partial(parse_store, is_uid=is_uid)
        parsers[f"{prefix}SEARCH"] = partial(parse_search, is_uid=is_uid)
        parsers[f"{prefix}SORT"] = partial(parse_sort, is_uid=is_uid)
        parsers[f"{prefix}THREAD"] = partial(parse_thread, is_uid=is_uid)
    return parsers


_PARSERS = _build_parsers()
COMMAND_NAMES = frozenset(_PARSERS)
