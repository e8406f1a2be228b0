"""Render BODY and BODYSTRUCTURE (RFC 9051 7.5.2)."""

from __future__ import annotations

from lazr.smtptest.protocol.imap.envelope_response import EMPTY_ENVELOPE, render_envelope
from lazr.smtptest.protocol.imap.response_values import render_nstring, render_string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.protocol.folder_access import BodyPart, Parameters

__all__ = ["render_body_structure"]

# What the grammar requires where there is nothing: in a multipart without parts, and in a message that was not parsed.
_EMPTY_BODY: Final = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 0 0%b)'
_EMPTY_EXTENSION: Final = b" NIL NIL NIL NIL"


def render_body_structure(part: BodyPart, *, is_extended: bool, has_global_messages: bool = False) -> bytes:
    """Return the structure of a message or part.

    The work is linear in the number of parts, at any depth.

    Args:
        part: The part.
        is_extended: Whether to add the extension data: BODYSTRUCTURE has them, BODY has not.
        has_global_messages: Whether a part of the type message/global has the fields of a message.  RFC 9051 requires
            them; clients of RFC 3501 do not know them.
    """
    output: list[bytes] = []
    waiting: list[bytes | BodyPart] = [part]
    while waiting:
        item = waiting.pop()
        if isinstance(item, bytes):
            output.append(item)
            continue
        extension = _render_extension(item) if is_extended else b""
        if item.type == b"MULTIPART":
            if is_extended:
                extension = b" " + _render_parameters(item.parameters) + extension.removeprefix(b" NIL")
            waiting.append(b" %b%b)" % (render_string(item.subtype), extension))
            waiting += reversed(item.parts) if item.parts else [_render_empty_body(is_extended=is_extended)]
            output.append(b"(")
            continue
        output.append(b"(" + _render_basic_fields(item))
        if _is_message(item, has_global_messages=has_global_messages):
            message = item.message
            waiting.append(b" %d%b)" % (item.line_count, extension))
            waiting.append(message or _render_empty_body(is_extended=is_extended))
            output.append(b" %b " % render_envelope((message and message.envelope) or EMPTY_ENVELOPE))
        elif item.type == b"TEXT":
            output.append(b" %d%b)" % (item.line_count, extension))
        else:
            output.append(extension + b")")
    return b"".join(output)


def _is_message(part: BodyPart, *, has_global_messages: bool) -> bool:
    return part.type == b"MESSAGE" and (
        part.subtype == b"RFC822" or (has_global_messages and part.subtype == b"GLOBAL")
    )


def _render_empty_body(*, is_extended: bool) -> bytes:
    return _EMPTY_BODY % (_EMPTY_EXTENSION if is_extended else b"")


def _render_basic_fields(part: BodyPart) -> bytes:
    start, end = part.body_range
    return b"%b %b %b %b %b %b %d" % (
        render_string(part.type),
        render_string(part.subtype),
        _render_parameters(part.parameters),
        render_nstring(part.content_id),
        render_nstring(part.description),
        render_string(part.encoding),
        end - start,
    )


def _render_extension(part: BodyPart) -> bytes:
    """Return MD5, disposition, language and location.

    MD5 is always NIL for a multipart, which has its parameters there.
    """
    disposition = b"NIL"
    if part.disposition is not None:
        value, parameters = part.disposition
        disposition = b"(%b %b)" % (render_string(value), _render_parameters(parameters))
    languages = b"(%b)" % b" ".join(map(render_string, part.languages)) if part.languages else b"NIL"
    md5 = b"NIL" if part.type == b"MULTIPART" else render_nstring(part.md5)
    return b" %b %b %b %b" % (md5, disposition, languages, render_nstring(part.location))


def _render_parameters(parameters: Parameters) -> bytes:
    if not parameters:
        return b"NIL"
    return b"(%b)" % b" ".join(b"%b %b" % (render_string(name), render_string(value)) for name, value in parameters)
