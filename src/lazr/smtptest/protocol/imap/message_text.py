"""The text that SEARCH looks in (RFC 9051 6.4.4): decoded, without regard to case.

`Folder.search_text` is asked first; this is for folders without an index.
"""

from __future__ import annotations

import codecs
import functools
from binascii import Error, a2b_base64, a2b_qp

from lazr.smtptest._util.lazy_pattern import compile_lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from lazr.smtptest.protocol.folder_access import BodyPart, Message

__all__ = ["decode_field", "has_field", "read_field", "read_message_text"]

# How much of a header is searched: the limit of the mail parser.
_MAX_HEADER_BYTES = 100 * 1024
_FIELD = compile_lazily(rb"([^:\s]+)[ \t]*:(.*)")
_FOLD = compile_lazily(rb"\r?\n(?=[ \t])")
_LINE_END = compile_lazily(rb"\r?\n")
# RFC 2047 2, with the language of RFC 2231 5.
_WORD = compile_lazily(r"=\?([^?*\s]{1,60})(?:\*[^?\s]{0,60})?\?([bBqQ])\?([^?]*)\?=(?:[ \t]+(?==\?))?")
# Only charsets of text: other codecs of Python are slow or not for untrusted input, and unknown names would be kept.
_CHARSET = compile_lazily(
    r"(?i)(?:us-)?ascii|utf-?(?:8|16|16be|16le|32)|iso-?8859-[0-9]{1,2}|latin-?1|windows-?(?:125[0-8]|874|31j)|cp(?:125[0-8]|"
    r"437|850|866|932|949)|koi8-[rut]|gb2312|gbk|gb18030|big5(?:-?hkscs)?|shift[_-]?jis|euc-?(?:jp|kr)|iso-2022-(?:jp|kr)|"
    r"mac-?(?:roman|cyrillic)|tis-620"
)


def read_message_text(message: Message, kind: str, name: str) -> str:
    """Return a text of a message for `str.__contains__`, case-folded.

    Args:
        message: A message that was read with its content.
        kind: As for `Folder.search_text`: TEXT, BODY, HEADER or the name of a field.
        name: The field of HEADER.
    """
    content, root = message.content, message.structure
    if kind == "BODY":
        return "\n".join(_iterate_body_texts(content, root, with_root_header=False)).casefold()
    if kind == "TEXT":
        return "\n".join(_iterate_body_texts(content, root, with_root_header=True)).casefold()
    wanted = (name if kind == "HEADER" else kind).encode("utf-8", "replace").lower()
    values = [value for field, value in _split_fields(_read_header(message)) if field == wanted]
    texts = [*map(decode_field, values)]
    if kind in ("FROM", "TO", "CC", "BCC") and root.envelope is not None:
        # RFC 9051 6.4.4: the addresses of the envelope, which comments in the field can interrupt.
        addresses = getattr(root.envelope, "from_" if kind == "FROM" else kind.lower())
        texts += [_decode_octets(b"%b@%b" % (each.mailbox, each.host), "") for each in addresses if each.host]
    return "\n".join(texts).casefold()


def _read_header(message: Message) -> bytes:
    start, end = message.structure.header_range
    return message.content[start : min(end, start + _MAX_HEADER_BYTES)]


def has_field(message: Message, name: str) -> bool:
    """Return whether the header has a field, for HEADER with an empty text."""
    return read_field(message, name.encode("utf-8", "replace").lower()) is not None


def read_field(message: Message, name: bytes) -> bytes | None:
    """Return the unfolded value of the first field with this lower-case name, or None."""
    return next((value for field, value in _split_fields(_read_header(message)) if field == name), None)


@functools.lru_cache(maxsize=1)
def _split_fields(header: bytes) -> list[tuple[bytes, bytes]]:
    """Return the fields: names in lower case, and unfolded values.

    One search can ask for hundreds of fields of the same message.
    """
    matches = map(_FIELD.match, _LINE_END.split(_FOLD.sub(b"", header)))
    return [(match[1].lower(), match[2].strip()) for match in matches if match]


def _iterate_body_texts(content: bytes, root: BodyPart, *, with_root_header: bool) -> Iterator[str]:
    """Yield the headers of parts and the bodies that are text, at any depth.

    BODY has the headers of messages within the message, as they are in its body; TEXT has those of parts too.
    """
    waiting: list[tuple[BodyPart, bool]] = [(root, with_root_header)]
    while waiting:
        part, with_header = waiting.pop()
        if with_header:
            yield decode_field(_FOLD.sub(b"", content[slice(*part.header_range)]))
        if part.message is not None:
            waiting.append((part.message, True))
        elif part.type == b"MULTIPART":
            waiting.extend((child, with_root_header) for child in reversed(part.parts))
        elif part.type == b"TEXT":
            yield _decode_octets(part.decode(), _find_charset(part))


def _find_charset(part: BodyPart) -> str:
    charsets = (value for name, value in part.parameters if name.lower() == b"charset")
    return next(charsets, b"").decode("ascii", "replace")


def _decode_octets(octets: bytes, charset: str) -> str:
    """Decode octets by their charset if it is known; else as UTF-8, or windows-1252."""
    # UTF-8 is what 8-bit text in US-ASCII, the default charset, most probably is.
    codec = charset if _CHARSET.fullmatch(charset) and not charset.lower().endswith("ascii") else "utf-8"
    try:
        return codecs.decode(octets, codec)
    except (UnicodeDecodeError, LookupError):
        return octets.decode("cp1252", "replace")


def decode_field(octets: bytes) -> str:
    """Decode the encoded words of a field (RFC 2047)."""
    text = _decode_octets(octets, "")
    return _WORD.sub(_decode_word, text) if "=?" in text else text


def _decode_word(match: re.Match[str]) -> str:
    charset, encoding, text = match[1], match[2], match[3].encode("utf-8", "replace")
    try:
        octets = a2b_qp(text, header=True) if encoding in "qQ" else a2b_base64(text)
    except Error:
        return match[0]
    return _decode_octets(octets, charset)
