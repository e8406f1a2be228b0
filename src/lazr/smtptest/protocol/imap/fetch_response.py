"""Render FETCH responses: the items of one message, in pieces (RFC 9051 7.5.2)."""

from __future__ import annotations

from lazr.smtptest.protocol.imap.body_structure_response import render_body_structure
from lazr.smtptest.protocol.imap.command_types import Section
from lazr.smtptest.protocol.imap.envelope_response import EMPTY_ENVELOPE, render_envelope
from lazr.smtptest.protocol.imap.response_values import (
    render_astring,
    render_flags,
    render_internal_date,
    render_literal,
    render_literal8,
)
from lazr.smtptest.protocol.imap.section import HeaderFields, cut_partial, find_part, read_section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import Final

    from lazr.smtptest.protocol.folder_access import Message, MessageFlags
    from lazr.smtptest.protocol.imap.command_types import FetchItem

__all__ = ["UnknownEncodingError", "render_fetch_response", "render_flags_response"]

_MIN_PIECE_BYTES: Final = 64 * 1024
_IDENTITY_ENCODINGS: Final = frozenset({b"7BIT", b"8BIT", b"BINARY"})
# RFC 2045 6.1, and the names of uuencode that Python's `email` knows.
_KNOWN_ENCODINGS: Final = _IDENTITY_ENCODINGS | {
    *(b"BASE64", b"QUOTED-PRINTABLE", b"X-UUENCODE", b"UUENCODE", b"X-UUE", b"UUE")
}
_WHOLE_MESSAGE: Final = Section()
_SECTION_OF_NAME: Final = {
    "RFC822": _WHOLE_MESSAGE,
    "RFC822.HEADER": Section(kind="HEADER"),
    "RFC822.TEXT": Section(kind="TEXT"),
}


class UnknownEncodingError(Exception):
    """A part whose transfer encoding BINARY cannot remove: NO [UNKNOWN-CTE] (RFC 3516 4.3)."""


def render_fetch_response(
    sequence_number: int,
    message: Message,
    items: Sequence[FetchItem],
    *,
    flags: Collection[str] | None = None,
    has_global_messages: bool = False,
) -> Iterator[bytes]:
    r"""Return the pieces of `* n FETCH (…)`; each has at least 64 KiB, except the last.

    Memory is bounded by the size of the message, whatever the number of items.

    Args:
        sequence_number: The sequence number of the message.
        message: The message, read with its content if an item needs it.
        items: The items, in the order in which they are sent.
        flags: The flags for FLAGS; None is those of the message.
        has_global_messages: See `render_body_structure`.

    Raises:
        UnknownEncodingError: Before the first piece, if BINARY is asked about such a part.
    """
    for item in items:
        if item.name in ("BINARY", "BINARY.SIZE") and item.section is not None:
            _check_encoding(message, item.section.path)
    renderer = _ItemRenderer(message, flags, has_global_messages=has_global_messages)
    return _join_pieces(sequence_number, items, renderer)


def render_flags_response(
    sequence_number: int, flags: MessageFlags, *, has_uid: bool = False, has_mod_seq: bool = False
) -> bytes:
    r"""Return a FETCH response about flags that changed.

    >>> from lazr.smtptest.protocol.folder_access import MessageFlags
    >>> render_flags_response(1, MessageFlags(7, frozenset({"\\Seen"}), 5), has_uid=True, has_mod_seq=True)
    b'* 1 FETCH (UID 7 FLAGS (\\Seen) MODSEQ (5))\r\n'
    """
    return b"* %d FETCH (%bFLAGS %b%b)\r\n" % (
        sequence_number,
        b"UID %d " % flags.uid if has_uid else b"",
        render_flags(flags.flags),
        b" MODSEQ (%d)" % flags.mod_seq if has_mod_seq else b"",
    )


def _join_pieces(sequence_number: int, items: Sequence[FetchItem], renderer: _ItemRenderer) -> Iterator[bytes]:
    waiting = [b"* %d FETCH (" % sequence_number]
    size = 0
    separator = b""
    for item in items:
        rendered = renderer.render(item)
        waiting += (separator, rendered)
        separator = b" "
        size += len(rendered)
        if size >= _MIN_PIECE_BYTES:
            yield b"".join(waiting)
            waiting.clear()
            size = 0
    waiting.append(b")\r\n")
    yield b"".join(waiting)


def _check_encoding(message: Message, path: Sequence[int]) -> None:
    part = find_part(message.structure, path)
    if path and part is not None and part.type != b"MULTIPART" and part.encoding not in _KNOWN_ENCODINGS:
        raise UnknownEncodingError


class _ItemRenderer:
    """Renders the items of one message; a part is decoded once, however often BINARY has it."""

    def __init__(self, message: Message, flags: Collection[str] | None, *, has_global_messages: bool) -> None:
        self._message = message
        self._flags = message.flags if flags is None else flags
        self._has_global_messages = has_global_messages
        self._decoded: dict[tuple[int, ...], bytes | None] = {}
        self._header_fields: HeaderFields | None = None

    def render(self, item: FetchItem) -> bytes:
        """Return the name of an item and its value."""
        section = item.section or _SECTION_OF_NAME.get(item.name)
        if section is None:
            return b"%b %b" % (item.name.encode("ascii"), self._render_value(item.name))
        label = _render_label(item)
        if item.name == "BINARY.SIZE":
            return b"%b %d" % (label, len(self._decode_part(section.path) or b""))
        is_binary = item.name == "BINARY"
        value = self._decode_part(section.path) if is_binary else self._read_section(section)
        if value is None:
            return label + b" NIL"
        value = cut_partial(value, item.partial)
        # Always a literal: Python's imaplib and other clients look for the message there.
        return b"%b %b" % (label, render_literal8(value) if is_binary else render_literal(value))

    def _render_value(self, name: str) -> bytes:
        message = self._message
        match name:
            case "FLAGS":
                return render_flags(self._flags)
            case "UID":
                return b"%d" % message.uid
            case "INTERNALDATE":
                return render_internal_date(message.internal_date)
            case "RFC822.SIZE":
                return b"%d" % message.size
            case "MODSEQ":
                return b"(%d)" % message.mod_seq
            case "ENVELOPE":
                return render_envelope(message.structure.envelope or EMPTY_ENVELOPE)
            case _:  # BODY or BODYSTRUCTURE
                return render_body_structure(
                    message.structure,
                    is_extended=name == "BODYSTRUCTURE",
                    has_global_messages=self._has_global_messages,
                )

    def _read_section(self, section: Section) -> bytes | None:
        if section.field_names and self._header_fields is None:
            self._header_fields = HeaderFields(self._message.content)
        return read_section(self._message, section.path, section.kind, section.field_names, self._header_fields)

    def _decode_part(self, path: tuple[int, ...]) -> bytes | None:
        if path not in self._decoded:
            self._decoded[path] = self._decode_found_part(path)
        return self._decoded[path]

    def _decode_found_part(self, path: tuple[int, ...]) -> bytes | None:
        """Return a part without its encoding; None if it does not exist.

        The whole message and a multipart have none (RFC 2045 6.4).
        """
        part = find_part(self._message.structure, path)
        if part is None or not path or part.type == b"MULTIPART" or part.encoding in _IDENTITY_ENCODINGS:
            return read_section(self._message, path)
        return part.decode()


def _render_label(item: FetchItem) -> bytes:
    """Return the name of an item in the response: without PEEK, and without a count."""
    label = item.name.encode("ascii")
    section = item.section
    if section is None:
        return label
    words = [str(number) for number in section.path]
    if section.kind:
        words.append(section.kind)
    names = b" ".join(map(render_astring, section.field_names))
    fields = b" (%b)" % names if section.kind.startswith("HEADER.FIELDS") else b""
    origin = b"" if item.partial is None else b"<%d>" % item.partial[0]
    return b"%b[%b%b]%b" % (label, ".".join(words).encode("ascii"), fields, origin)
