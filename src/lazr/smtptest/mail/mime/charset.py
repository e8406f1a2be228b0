"""Octets to text, by a charset that a stranger named."""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime import caps
from lazr.smtptest.mail.mime.defect import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.mime.defect import Note

__all__ = ["clean", "decoded"]

# Python's names of the charsets that are a text's.  Nothing else is asked of `codecs`, which has under
# the same roof zlib (a bomb), idna (quadratic), undefined (raises), unicode_escape (a language) and more.
_CODECS = frozenset(
    re.findall(
        r"\w+",
        """
        ascii latin_1 utf_7 utf_8 utf_8_sig utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le
        big5 big5hkscs cp932 cp949 cp950 euc_jis_2004 euc_jisx0213 euc_jp euc_kr gb18030 gb2312 gbk hz
        iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3 iso2022_jp_ext iso2022_kr johab
        shift_jis shift_jis_2004 shift_jisx0213
        cp037 cp273 cp424 cp437 cp500 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858 cp860 cp861 cp862
        cp863 cp864 cp865 cp866 cp869 cp874 cp875 cp1006 cp1026 cp1125 cp1140 cp1250 cp1251 cp1252 cp1253
        cp1254 cp1255 cp1256 cp1257 cp1258 hp_roman8 koi8_r koi8_t koi8_u kz1048 ptcp154 tis_620
        iso8859_1 iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 iso8859_10
        iso8859_11 iso8859_13 iso8859_14 iso8859_15 iso8859_16
        mac_croatian mac_cyrillic mac_farsi mac_greek mac_iceland mac_latin2 mac_roman mac_romanian mac_turkish
        """,
    )
)
# What programs that read mail take a charset for, and so what programs that write mail get away with: the larger one
# that Windows has under the same name (WHATWG Encoding 4.2).
_MEANT = {
    "ascii": "cp1252",
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "cp950",
    "cp950": "big5hkscs",
    "shift_jis": "cp932",
    "iso2022_jp": "cp50220",
    "euc_kr": "cp949",
}
# Control characters that no text has: where a charset has them, the one of Windows has quotation marks, dashes and €.
_C1 = re.compile("[\x80-\x9f]")
# What Python makes of octets that are nothing in Shift_JIS, where it might refuse them.
_NOTHING = re.compile("[\uf8f0-\uf8f3]")
# How ISO-2022-JP changes to another set of characters, the katakana that Windows adds among them.
_ESCAPE = re.compile(rb"\x1b(\([BIJ]|\$[@B])")
_PAIR = re.compile(rb"([!-~])([!-~])")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:()+-]{0,59}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# RFC 1556: -i and -e say in which order the letters of Hebrew and Arabic come, not which they are.
_DIRECTION = re.compile("(iso_8859_[68])_[ie]")


def codec(charset: str) -> str | None:
    """The codec of a charset's name; None where that is not a text's, or nobody knows it."""
    if _NAME.fullmatch(charset) is None:
        return None
    from encodings import normalize_encoding
    from encodings.aliases import aliases

    name = _DIRECTION.sub(r"\1", normalize_encoding(charset).lower())
    for known in (name, aliases.get(name), aliases.get(name.replace(".", "_"))):
        if known in _CODECS:
            return known
    return None


def decoded(octets: bytes, charset: str, note: Note) -> str:
    """The text, always one that UTF-8 can encode, without NUL; the empty charset is US-ASCII (RFC 2045 5.2).

    UTF-8 is tried where no charset that is known is named, since that is what such octets mostly are.
    """
    name = codec(charset) if charset else "ascii"
    if name is None:
        note(f"{shown(charset)} is not a charset of text")
    if name not in {None, "ascii"}:
        return _decoded(octets, name or "", note)
    try:
        text = octets.decode("ascii" if name else "utf-8")
    except UnicodeDecodeError:
        if name:
            note("octets that are not US-ASCII, and no other charset is named")
        text = _first_of(octets, "utf-8", "cp1252", "latin-1")
    return clean(text, note)


def _first_of(octets: bytes, *names: str) -> str:
    for name in names[:-1]:
        try:
            return octets.decode(name)
        except UnicodeDecodeError:
            pass
    return octets.decode(names[-1])


def _decoded(octets: bytes, name: str, note: Note) -> str:
    try:
        text = octets.decode(name)
    except ValueError:
        text = _as_meant(octets, name, note) or ""
        if not text:
            note(f"octets that are not {name}")
            if len(octets) > caps.BROKEN_TEXT and name != "utf_8":
                note(f"text that is not {name}: truncated to {caps.BROKEN_TEXT:,} octets")
                octets = octets[: caps.BROKEN_TEXT]
            text = octets.decode(name, "replace")
    else:
        if name in _MEANT and not text.isascii() and _C1.search(text):
            text = _as_meant(octets, name, note) or text
    return clean(text, note, surrogates=name == "utf_7")  # the others refuse surrogates by themselves


def _as_meant(octets: bytes, name: str, note: Note) -> str | None:
    """The text, in the first of the larger charsets that it is in; None where there is none."""
    meant = _MEANT.get(name)
    while meant is not None:
        try:
            text = _from_cp50220(octets) if meant == "cp50220" else octets.decode(meant)
        except ValueError:
            text = ""
        if text and not _NOTHING.search(text):
            note(f"octets that are not {name}: read as {meant}")
            return text
        meant = _MEANT.get(meant)
    return None


def _from_cp50220(octets: bytes) -> str:
    """ISO-2022-JP with the characters of Windows, such as ① and 髙.  Raises `ValueError` if it is not that.

    Python has no codec for it, but one for the same characters in Shift_JIS's form, which is a matter of arithmetic.
    """
    if len(octets) > caps.BROKEN_TEXT or not octets.isascii():
        raise ValueError("not ISO-2022-JP, or too long")
    ascii_text, *pieces = _ESCAPE.split(octets)
    out = [ascii_text]
    for escape, piece in zip(pieces[::2], pieces[1::2], strict=True):
        if escape == b"(I":
            out.append(bytes(octet | 0x80 if octet > 0x20 else octet for octet in piece))
        elif escape.startswith(b"$"):
            out.append(_PAIR.sub(_shifted, piece))
        else:
            out.append(piece)
    text = b"".join(out)
    if b"\x1b" in text:
        raise ValueError("another escape")
    return text.decode("cp932")


def _shifted(match: re.Match[bytes]) -> bytes:
    """A row and a cell, each from 0x21 to 0x7E, as Shift_JIS writes them: two rows for each first octet."""
    row, cell = match[1][0], match[2][0]
    first = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
    if row % 2:
        return bytes((first, cell + (0x1F if cell < 0x60 else 0x20)))
    return bytes((first, cell + 0x7E))


def clean(text: str, note: Note, *, surrogates: bool = False) -> str:
    """Text that every store can hold: NUL and lone surrogates become U+FFFD."""
    if "\0" in text:
        note("NUL in text")
        text = text.replace("\0", _REPLACEMENT)
    if surrogates and _SURROGATE.search(text):
        note("a lone surrogate in text")
        text = _SURROGATE.sub(_REPLACEMENT, text)
    return text


def header_text(octets: bytes, note: Note) -> str:
    """A header's octets as text: UTF-8 (RFC 6532 3.2), which US-ASCII is a part of."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        note("octets that are not UTF-8")
        text = octets.decode("utf-8", "replace")
    return clean(text, note)
