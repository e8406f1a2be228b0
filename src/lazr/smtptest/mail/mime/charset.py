"""Decode bytes to text, with a charset that untrusted input names."""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime import limits
from lazr.smtptest.mail.mime.charset_decoders import decode
from lazr.smtptest.mail.mime.charset_labels import find_codec, strip_charset_name
from lazr.smtptest.mail.mime.defect import quote_untrusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.mime.defect import DefectRecorder

__all__ = ["decode_header_text", "decode_text", "is_decodable", "replace_unstorable"]

# Mail programs read these charsets as supersets (WHATWG Encoding 4.2), and senders rely on it.  The first superset that
# can decode the text is used; the first of all decodes a text that is broken in each of them.
_SUPERSETS = {
    "ascii": ("cp1252",),
    "latin_1": ("cp1252",),
    "iso8859_9": ("cp1254",),
    "iso8859_11": ("cp874",),
    "tis_620": ("cp874",),
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "big5": ("cp950", "big5hkscs", "big5_whatwg"),
    "cp950": ("big5hkscs", "big5_whatwg"),
    "big5hkscs": ("big5_whatwg",),
    "shift_jis": ("cp932",),
    "euc_jp": ("cp51932",),
    "iso2022_jp": ("cp50220", "iso2022_jp_ext", "iso2022_jp_2", "iso2022_jp_2004"),
    "euc_kr": ("cp949",),
}
_BROKEN_TEXT_CODECS = {
    **{name: supersets[-1] for name, supersets in _SUPERSETS.items()},
    "ascii": "ascii",
    "iso2022_jp": "iso2022_jp",
}
# Text has no such control characters: the Windows supersets have quotation marks, dashes and € in their place.
_C1_CONTROL = re.compile("[\x80-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT_CHARACTER = "\N{REPLACEMENT CHARACTER}"
# An encoded word with bytes that RFC 2047 2 forbids; they belong to the charset of the word.
_Q_WORD = re.compile(rb"=\?[^?\s]{1,100}+\?[qQ]\?[^?]*+(?:\?(?!=)[^?]*+){0,3}\?=")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


def decode_text(data: bytes, charset: str, note: DefectRecorder, *, hint: str = "") -> str:
    """Return decoded text that UTF-8 can encode, and that has no NUL.

    Args:
        data: the bytes.
        charset: the declared charset; the empty string means US-ASCII (RFC 2045 5.2).  For an unknown charset, and for
            US-ASCII with other bytes, UTF-8 is tried first, then `hint`, and then windows-1252.
        note: receives a reason for each defect.
        hint: a charset that another place names, such as a `meta` element; the empty string if none.
    """
    name = _find_declared_codec(charset, note)
    if name not in {None, "ascii", "x_user_defined"}:
        return _decode_by_codec(data, name or "", note)
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        if name == "ascii":
            note("bytes that are not US-ASCII, and no other charset is declared")
        # Mail programs write "x-user-defined" where they do not know the charset.
        if name == "x_user_defined":
            note(f"{quote_untrusted(charset)} does not say which charset it is")
        guesses = (
            "utf-8",
            find_codec(hint),
            "x_user_defined" if name == "x_user_defined" else None,
            "cp1252",
            "latin-1",
        )
        text = _decode_by_first(data, guesses, note)
    else:
        codec = find_codec(hint)
        if "\x1b" in text and codec is not None and codec.startswith("iso2022"):
            note(f"charset is guessed: read as {codec}")
            return _decode_by_codec(data, codec, note)
    return replace_unstorable(text, note)


def _find_declared_codec(charset: str, note: DefectRecorder) -> str | None:
    if not charset:
        return "ascii"
    name = find_codec(charset)
    stripped = strip_charset_name(charset)
    if name is None and stripped != charset:
        name = find_codec(stripped)
        if name is not None:
            note(f"{quote_untrusted(charset)} is not a charset: read as {stripped}")
            return name
    if name is None:
        note(f"{quote_untrusted(charset)} is not a charset of text")
    return name


def _decode_by_first(data: bytes, names: tuple[str | None, ...], note: DefectRecorder) -> str:
    for name in names[:-1]:
        # UTF-7 is never guessed: it reads ASCII as something else.
        if name is not None and name != "utf_7":
            try:
                text = decode(data, name)
            except ValueError:
                continue
            if name not in {"utf-8", "cp1252"}:
                note(f"charset is guessed: read as {name}")
            return text
    return data.decode(names[-1] or "latin-1")


def is_decodable(data: bytes, charset: str) -> bool:
    """Return whether the bytes are valid in a charset; False if the charset is unknown."""
    name = find_codec(charset)
    if name is None:
        return False
    try:
        decode(data, name)
    except ValueError:
        return False
    return True


def _decode_by_codec(data: bytes, name: str, note: DefectRecorder) -> str:
    try:
        text = decode(data, name)
    except ValueError:
        text = _decode_by_superset(data, name, note) or _decode_broken(data, name, note)
    else:
        if name in _SUPERSETS and not text.isascii() and _C1_CONTROL.search(text):
            text = _decode_by_superset(data, name, note) or text
    return replace_unstorable(text, note, surrogates=name == "utf_7")  # the other codecs refuse surrogates


def _decode_by_superset(data: bytes, name: str, note: DefectRecorder) -> str | None:
    """Return the text in the first superset that can decode it; None if absent."""
    for superset in _SUPERSETS.get(name, ()):
        try:
            text = decode(data, superset)
        except ValueError:
            continue
        note(f"bytes that are not {name}: read as {superset}")
        return text
    return None


def _decode_broken(data: bytes, name: str, note: DefectRecorder) -> str:
    note(f"bytes that are not {name}")
    if len(data) > limits.MAX_BROKEN_TEXT_BYTES and name != "utf_8":
        note(f"text that is not {name}, after {limits.MAX_BROKEN_TEXT_BYTES:,} bytes: truncated")
        data = data[: limits.MAX_BROKEN_TEXT_BYTES]
    return decode(data, _BROKEN_TEXT_CODECS.get(name, name), "replace")


def replace_unstorable(text: str, note: DefectRecorder, *, surrogates: bool = False) -> str:
    """Replace NUL, and lone surrogates if `surrogates`, by U+FFFD: stores cannot hold them."""
    if "\0" in text:
        note("NUL in text")
        text = text.replace("\0", _REPLACEMENT_CHARACTER)
    if surrogates and _SURROGATE.search(text):
        note("lone surrogate in text")
        text = _SURROGATE.sub(_REPLACEMENT_CHARACTER, text)
    return text


def decode_header_text(data: bytes, note: DefectRecorder) -> str:
    """Decode the bytes of a header field as UTF-8 (RFC 6532 3.2), a superset of US-ASCII.

    Bytes above 0x7F in an encoded word become escapes, because they are in the charset of the word.
    """
    if b"=?" in data and not data.isascii():
        data = _Q_WORD.sub(_escape_word, data)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        note("bytes that are not UTF-8")
        text = data.decode("utf-8", "replace")
    return replace_unstorable(text, note)


def _escape_word(match: re.Match[bytes]) -> bytes:
    return _NOT_ASCII.sub(lambda byte: b"=%02X" % byte[0][0], match[0])
