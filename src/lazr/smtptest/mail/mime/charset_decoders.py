"""Decode charsets that Python lacks, or that WHATWG Encoding defines with more characters.

Each decoder takes the bytes, and "strict" or "replace" as `bytes.decode` does.  Where senders mix characters of several
tables, the bytes are cut into runs, and each run is decoded with the codec that has its table.
"""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DECODERS", "decode"]

# The sequences that switch the character set of ISO-2022-JP, with the katakana of Windows, JIS X 0212 (RFC 2237), and
# the Chinese and Korean sets of RFC 1554.
_ISO2022_JP_ESCAPE = re.compile(rb"\x1b(\([BIJ]|\$[@AB]|\$\([CD])")
_PAIR = re.compile(rb"([!-~])([!-~])")
_EUC_JP_SUPPLEMENT = re.compile(rb"((?:\x8f[\xa1-\xfe]{2})++)")  # JIS X 0212
_EUC_JP_CHARACTER = re.compile(rb"([\xa1-\xfe])([\xa1-\xfe])|\x8e([\xa1-\xdf])|[\x80-\xff]")
_GBK_RUN_AND_EURO = re.compile(
    rb"((?:[\x00-\x7f\xff]++|[\x81-\xfe](?:[0-9][\x81-\xfe][0-9]|[\x40-\x7e\x80-\xfe])?+)*+)(\x80?)"
)
_BIG5_CHARACTER = re.compile(rb"([\x00-\x7f]++)|([\x81-\xfe][\x40-\x7e\xa1-\xfe])|[\x80-\xff]")
_BIG5_ETEN_ROWS = re.compile(
    rb"\xc6[\xa1-\xfe]|[\xc7\xc8][\x40-\xfe]"
)  # characters that Python's cp950 has in other places
_ISO2022_CN_SWITCH = re.compile(rb"(\x1b\$[)*+][A-Z]|\x1bN..|\x0e|\x0f|\n)", re.DOTALL)
_REPLACEMENT_CHARACTER = "\N{REPLACEMENT CHARACTER}"
# Python decodes undefined bytes of Shift_JIS, such as 0xFF, to these private-use characters.
_UNMAPPED_CHARACTER = re.compile("[\uf8f0-\uf8f3]")
_NOT_SHIFT_JIS = b"\xff"
# Characters of WHATWG's index Big5 that Python's big5hkscs (of 2004) and cp950 lack: HKSCS-2008, compatibility forms.
_BIG5_EXTRA = (
    "877a㡵877b𡵓877c𣚞877d𦀡877e㻬87a1𥣞87a2㫵87a3竼87a4龗87a5𤅡87a6𨤍87a7𣇪87a8𠪊87a9𣉞87aa䌊87ab蒄87ac龖87ad鐯87ae䤰"
    "87af蘓87b0墖87b1靊87b2鈘87b3秐87b4稲87b5晠87b6権87b7袝87b8瑌87b9篅87ba枂87bb稬87bc剏87bd遆87be㓦87bf珄87c0𥶹87c1瓆"
    "87c2鿇87c3垳87c4䤯87c5呌87c6䄱87c7𣚎87c8堘87c9穲87ca𧭥87cb讏87cc䚮87cd𦺈87ce䆁87cf𥶙87d0箮87d1𢒼87d2鿈87d3𢓁87d4𢓉"
    "87d5𢓌87d6鿉87d7蔄87d8𣖻87d9䂴87da鿊87db䓡87dc𪷿87dd拁87de灮87df鿋8e69箸8e6f簆8e7e糎8eab緒8eb4縝8ecd者8ed0耨8f57菁"
    "8f69蒨8f6e萏8fcb覦8fcc覩8ffe起906d都907a銹90dc靜90f1響91bf鼖9244蔃92af兙92b0兛92b1兝92b2兞92c8鍮92d1瑹9447浧94ca禛"
    "95d9邗9644靝96ed瀞96fc嬨9b76爁9b78矗9b7b纇9bc6駖9bde釔9bec惞9bf6澶9c42輶9c53侻9c62營9c68鄄9c6b鷰9c77菏9cbc尐9cbd秣"
    "9cd0婧9d57輋9d5a筑9dc4拐9ea9恢9eef痹9efd汊9f60鬮9f66鼗9fcb僭9fd8弌a063蠏a077拎a0d5瑨a0df煢a0e4牐fa5f倩fa66偽fabd包"
    "fac5卄fad5卿fb48嘅fbb8婷fbf3幵fbf9廐fc4f彘fc6c悤fcb9撐fce2晴fcf1杞fdb7沜fdb8渝fdbb港fdf1煮fe52猪fe6f瑜feaa瓩fedd砉"
)
# Python's big5hkscs has other characters here.
_BIG5_EXTRA += "c6cf廴c6d3无c6d5癶c6d7隶c6de〃c6df仝f9fe￭"
_BIG5_EXTRA_CHARACTERS = {
    bytes.fromhex(_BIG5_EXTRA[at : at + 4]): _BIG5_EXTRA[at + 4] for at in range(0, len(_BIG5_EXTRA), 5)
} | {bytes((0xA3, 0xC0 + number)): chr(0x2400 + number if number < 32 else 0x2421) for number in range(33)}
# GB 18030 of 2005 and 2022 gave these characters code points of their own; Python has the private ones of 2000.
_GB18030_RENAMED = dict(
    zip(range(0xE78D, 0xE797), "\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19", strict=True)
) | {0xE5E5: "\u3000", 0xE7C7: "\u1e3f"}
_GB18030_RENAMED |= dict(
    zip((0xE81E, 0xE826, 0xE82B, 0xE82C, 0xE832, 0xE843, 0xE854, 0xE864), map(chr, range(0x9FB4, 0x9FBC)), strict=True)
)
_PRIVATE_USE = re.compile("[\ue5e5-\ue864]")
_GB2312_PUNCTUATION = {0x30FB: "·", 0x2015: "—"}


def decode(data: bytes, name: str, errors: str = "strict") -> str:
    """Decode with a decoder of this module, or with a codec of Python.

    >>> decode(b"\\x1b$B-!\\x1b$(D0!\\x1b(B", "cp50220"), decode(b"\\xad\\xa1", "cp51932")
    ('①丂', '①')

    Raises:
        ValueError: if `errors` is "strict", and the bytes are not in this charset, or too long for a slow decoder.
    """
    decoder = DECODERS.get(name)
    if name in _SLOW_DECODERS and errors == "strict" and len(data) > limits.MAX_BROKEN_TEXT_BYTES:
        raise ValueError("too long")
    return data.decode(name, errors) if decoder is None else decoder(data, errors)


def _decode_cp932(data: bytes, errors: str) -> str:
    text = data.decode("cp932", errors)
    if not text.isascii() and _UNMAPPED_CHARACTER.search(text):
        if errors == "strict":
            raise ValueError("not Shift_JIS")
        text = _UNMAPPED_CHARACTER.sub(_REPLACEMENT_CHARACTER, text)
    return text


def _encode_shift_jis_pair(row: int, cell: int) -> bytes:
    """Convert a row and a cell, each from 0x21 to 0x7E, to the bytes of Shift_JIS."""
    first = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
    if row % 2:
        return bytes((first, cell + (0x1F if cell < 0x60 else 0x20)))
    return bytes((first, cell + 0x7E))


def _decode_cp50220(data: bytes, errors: str) -> str:
    """Decode ISO-2022-JP with the characters of Windows, such as ① and 髙, and with JIS X 0212."""
    if not data.isascii():
        raise ValueError("not ISO-2022-JP")
    ascii_text, *pieces = _ISO2022_JP_ESCAPE.split(data)
    out = [ascii_text.decode("ascii")]
    for escape, piece in zip(pieces[::2], pieces[1::2], strict=True):
        out.append(_decode_iso2022_piece(escape, piece, errors))
    text = "".join(out)
    if "\x1b" in text:
        raise ValueError("another escape")
    return text


def _decode_iso2022_piece(escape: bytes, piece: bytes, errors: str) -> str:
    high = bytes(byte | 0x80 if byte > 0x20 else byte for byte in piece) if escape in {b"(I", b"$A", b"$(C"} else b""
    if escape == b"(I":
        return _decode_cp932(high, errors)
    if escape in {b"$A", b"$(C"}:
        return high.decode("gb2312" if escape == b"$A" else "euc_kr", errors)
    if escape == b"$(D":
        pairs = _PAIR.sub(lambda match: bytes((0x8F, match[1][0] | 0x80, match[2][0] | 0x80)), piece)
        return pairs.decode("euc_jp", errors)
    if escape.startswith(b"$"):
        return _decode_cp932(_PAIR.sub(lambda match: _encode_shift_jis_pair(match[1][0], match[2][0]), piece), errors)
    return piece.decode("ascii")


def _decode_cp51932(data: bytes, errors: str) -> str:
    """Decode EUC-JP with the characters of NEC and IBM that WHATWG's index jis0208 has."""
    out = []
    for index, piece in enumerate(_EUC_JP_SUPPLEMENT.split(data)):
        if index % 2:
            out.append(piece.decode("euc_jp", errors))
        else:
            out.append(_decode_cp932(_EUC_JP_CHARACTER.sub(_convert_euc_to_shift_jis, piece), errors))
    return "".join(out)


def _convert_euc_to_shift_jis(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return _encode_shift_jis_pair(match[1][0] & 0x7F, match[2][0] & 0x7F)
    return match[3] or _NOT_SHIFT_JIS


def _decode_gb18030(data: bytes, errors: str) -> str:
    """Decode GB 18030 or GBK, with the euro sign of Windows."""
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        if len(data) > limits.MAX_BROKEN_TEXT_BYTES:
            raise
        # WHATWG Encoding 10.1.1: 0x80 is U+20AC; GB 18030 has it as A2 E3.
        data = _GBK_RUN_AND_EURO.sub(lambda match: match[1] + (b"\xa2\xe3" if match[2] else b""), data)
        text = data.decode("gb18030", errors)
    return text.translate(_GB18030_RENAMED) if _PRIVATE_USE.search(text) else text


def _decode_big5(data: bytes, errors: str) -> str:
    """Decode Big5 with the characters of Hong Kong and of Windows, also where a text has both."""
    known: dict[bytes, str] = {}
    out = []
    for match in _BIG5_CHARACTER.finditer(data):
        if match[1]:
            out.append(match[1].decode("ascii"))
            continue
        pair = match[2] or b""
        if pair not in known:
            known[pair] = _decode_big5_pair(pair)
        if errors == "strict" and known[pair] == _REPLACEMENT_CHARACTER:
            raise ValueError("not Big5")
        out.append(known[pair])
    return "".join(out)


def _decode_big5_pair(pair: bytes) -> str:
    if pair in _BIG5_EXTRA_CHARACTERS:
        return _BIG5_EXTRA_CHARACTERS[pair]
    names = ("big5hkscs", "cp950") if _BIG5_ETEN_ROWS.match(pair) else ("cp950", "big5hkscs")
    for name in names if pair else ():
        try:
            return pair.decode(name)
        except UnicodeDecodeError:
            pass
    return _REPLACEMENT_CHARACTER


def _decode_standard_big5(data: bytes, errors: str) -> str:
    """Decode Big5 without later characters.

    Other programs read ‧, ～ and ① where Python's codec has •, ∼ and ヾ.
    """
    data.decode("big5", errors)
    return _decode_cp950(data, errors)


def _decode_cp950(data: bytes, errors: str) -> str:
    if len(data) <= limits.MAX_BROKEN_TEXT_BYTES and _BIG5_ETEN_ROWS.search(data):
        return _decode_big5(data, errors)
    return data.decode("cp950", errors)


def _decode_big5hkscs(data: bytes, errors: str) -> str:
    text = data.decode("big5hkscs", errors)
    return text if len(data) > limits.MAX_BROKEN_TEXT_BYTES else _decode_big5(data, errors)


def _decode_gb2312(data: bytes, errors: str) -> str:
    """Decode GB 2312.  Other programs read · and — where Python's codec has ・ and ―."""
    return data.decode("gb2312", errors).translate(_GB2312_PUNCTUATION)


def _decode_iso2022_cn(data: bytes, errors: str) -> str:
    """Decode ISO-2022-CN (RFC 1922): GB 2312 by shifts.

    Python has no table of CNS 11643, so its characters are lost.
    """
    out = []
    designated, is_shifted = b"", False
    for index, piece in enumerate(_ISO2022_CN_SWITCH.split(data)):
        if index % 2 == 0:
            if not is_shifted:
                out.append(piece.decode("ascii", errors))
            elif designated == b"\x1b$)A":
                out.append(bytes(byte | 0x80 if byte > 0x20 else byte for byte in piece).decode("gb2312", errors))
            else:
                out.append(_replace_or_raise(len(piece) // 2, errors))
        elif piece == b"\n":
            out.append("\n")
            is_shifted = False  # RFC 1922 3.1: a line ends in ASCII
        elif piece in {b"\x0e", b"\x0f"}:
            is_shifted = piece == b"\x0e"
        elif piece.startswith(b"\x1b$)"):
            designated = piece
        elif piece.startswith(b"\x1bN"):
            out.append(_replace_or_raise(1, errors))
    return "".join(out)


def _replace_or_raise(count: int, errors: str) -> str:
    if errors == "strict":
        raise ValueError("characters that Python has not")
    return _REPLACEMENT_CHARACTER * count


def _decode_koi8_ru(data: bytes, errors: str) -> str:
    return data.decode("koi8_u", errors).replace("╝", "ў").replace("╬", "Ў")


def _decode_viscii(data: bytes, errors: str) -> str:
    """Decode VISCII 1.1 (RFC 1456)."""
    del errors  # every byte has a character
    return data.decode("latin-1").translate(_VISCII)


def _decode_x_user_defined(data: bytes, errors: str) -> str:
    """Decode as WHATWG Encoding 14.5: bytes above 0x7F are private-use characters."""
    del errors  # every byte has a character
    return data.decode("latin-1").translate({byte: 0xF700 + byte for byte in range(0x80, 0x100)})


_VISCII = dict(zip((2, 5, 6, 20, 25, 30), "ẲẴẪỶỸỴ", strict=True)) | dict(
    enumerate(
        "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ"
        "ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡưàáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ",
        0x80,
    )
)
_SLOW_DECODERS = frozenset({"big5_whatwg", "cp50220", "cp51932", "iso2022_cn"})
DECODERS: dict[str, Callable[[bytes, str], str]] = {
    "big5": _decode_standard_big5,
    "big5_whatwg": _decode_big5,
    "big5hkscs": _decode_big5hkscs,
    "cp932": _decode_cp932,
    "cp950": _decode_cp950,
    "cp50220": _decode_cp50220,
    "cp51932": _decode_cp51932,
    "gb18030": _decode_gb18030,
    "gb2312": _decode_gb2312,
    "iso2022_cn": _decode_iso2022_cn,
    "koi8_ru": _decode_koi8_ru,
    "viscii": _decode_viscii,
    "x_user_defined": _decode_x_user_defined,
}
