"""The names of charsets, each with the Python codec that decodes it.

The first table has every label of the WHATWG Encoding Standard (https://encoding.spec.whatwg.org/#names-and-labels),
read from the npm package `whatwg-encoding` 3.1.1.  The standard gives some charsets the decoder of a superset, such as
US-ASCII that of windows-1252.  Here these labels keep the codec of their own, so that a message with other characters
gets a defect; `charset` then tries the superset.

The second table has names that mail programs, databases and operating systems use beside them.  Any other name that
Python's `encodings.aliases` knows is accepted, too, if its codec is a codec of text.
"""

from __future__ import annotations

import re
from functools import cache

__all__ = ["find_codec", "strip_charset_name"]

# Python's names of the charsets of text.  Other codecs are dangerous with untrusted input: zlib (a decompression bomb),
# idna (quadratic time), undefined (raises), unicode_escape (a language).
_TEXT_CODECS = frozenset(
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
    iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 iso8859_10
    iso8859_11 iso8859_13 iso8859_14 iso8859_15 iso8859_16
    mac_arabic mac_croatian mac_cyrillic mac_farsi mac_greek mac_iceland mac_latin2 mac_roman mac_romanian mac_turkish
    """,
    )
)
# Labels by codec.  `charset_decoders` has the codecs that Python lacks: koi8_ru, iso2022_cn, viscii, x_user_defined.
_WHATWG_LABELS = {
    "ascii": "ansi_x3.4-1968 ascii us-ascii",
    "big5": "big5 cn-big5 csbig5 x-x-big5",
    "big5hkscs": "big5-hkscs",
    "cp1250": "cp1250 windows-1250 x-cp1250",
    "cp1251": "cp1251 windows-1251 x-cp1251",
    "cp1252": "cp1252 windows-1252 x-cp1252",
    "cp1253": "cp1253 windows-1253 x-cp1253",
    "cp1254": "cp1254 windows-1254 x-cp1254",
    "cp1255": "cp1255 windows-1255 x-cp1255",
    "cp1256": "cp1256 windows-1256 x-cp1256",
    "cp1257": "cp1257 windows-1257 x-cp1257",
    "cp1258": "cp1258 windows-1258 x-cp1258",
    "cp866": "866 cp866 csibm866 ibm866",
    "cp874": "dos-874 windows-874",
    "cp932": "ms932 ms_kanji windows-31j",
    "cp949": "windows-949",
    "euc_jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "euc_kr": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601",
    "gb18030": "gb18030",
    "gb2312": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 iso-ir-58",
    "gbk": "gbk x-gbk",
    "hz": "hz-gb-2312",
    "iso2022_cn": "iso-2022-cn iso-2022-cn-ext",
    "iso2022_jp": "csiso2022jp iso-2022-jp",
    "iso2022_kr": "csiso2022kr iso-2022-kr",
    "iso8859_10": "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso8859_11": "iso-8859-11 iso8859-11 iso885911",
    "iso8859_13": "iso-8859-13 iso8859-13 iso885913",
    "iso8859_14": "iso-8859-14 iso8859-14 iso885914",
    "iso8859_15": "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9",
    "iso8859_16": "iso-8859-16",
    "iso8859_2": "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    "iso8859_3": "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    "iso8859_4": "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    "iso8859_5": "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988",
    "iso8859_6": "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e "
    "iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987",
    "iso8859_7": "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7 "
    "iso_8859-7:1987 sun_eu_greek",
    "iso8859_8": "csiso88598e csiso88598i csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-8859-8-i iso-ir-138 "
    "iso8859-8 iso88598 iso_8859-8 iso_8859-8:1988 logical visual",
    "iso8859_9": "csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5",
    "koi8_r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8_ru": "koi8-ru",
    "koi8_u": "koi8-u",
    "latin_1": "cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1",
    "mac_cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "mac_roman": "csmacintosh mac macintosh x-mac-roman",
    "shift_jis": "csshiftjis shift-jis shift_jis sjis x-sjis",
    "tis_620": "tis-620",
    "utf_16": "csunicode iso-10646-ucs-2 ucs-2 unicode utf-16",
    "utf_16_be": "unicodefffe utf-16be",
    "utf_16_le": "unicodefeff utf-16le",
    "utf_8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "x_user_defined": "x-user-defined",
    "": "replacement",  # names no charset: guessed
}
_MAIL_LABELS = {
    "ascii": "x-ascii ascii-8bit windows-20127 cp20127 ansi ansi_x3.110-1983 7bit us ascii-us",
    "big5": "big5-eten x-big5-solaris x-big5 x-mac-chinesetrad",
    "big5hkscs": "big5hk x-big5-hkscs-2001 ms950-hkscs cp951 x-big5-hkscs x-windows-950-hkscs",
    "cp1250": "windows-cp1250 winlatin2",
    "cp1251": "windows-cp1251 ansi-1251",
    "cp1252": "windows-latin1 ansi-1252 winlatin1",
    "cp1257": "baltic",
    "cp874": "x-windows-874 ms874 x-cp874",
    "cp932": "sjis-win sjis-open x-pck pck x-windows-932 windows-932 x-ms932 cswindows31j x-windows-31j "
    "x-ms-cp932 x-mac-japanese ibm943 ibm-943 cp943 cp943c ibm-943c",
    "cp949": "x-windows-949 ms949 x-cp949 uhc x-uhc",
    "cp950": "x-windows-950 windows-950 ms950 x-cp950",
    "euc_jp": "eucjp-open x-eucjp-open cp20932 eucjp-ms eucjpms eucjp-win cp51932 windows-51932 x-eucjp ujis "
    "x-euc-jp-linux",
    "euc_kr": "ksc5601-1987 ks_c_5601-1992 x-euc-kr windows-51949 cp51949 x-mac-korean",
    "gb18030": "x-gb18030 gb18030-2000 gb18030-2005 gb18030-2022 windows-54936 cp54936",
    "gb2312": "cn-gb euc-cn x-euc-cn cp20936 x-cp20936 windows-51936 cp51936 x-mac-chinesesimp",
    "gbk": "windows-936 x-windows-936 ms936 x-mswin-936 cp936",
    "hz": "hz x-hz-gb-2312",
    "iso2022_jp": "jis_encoding iso-2022-jp-ms iso2022jp cp50220 cp50221 cp50222 windows-50220 windows-50221 "
    "windows-50222 x-windows-iso2022jp x-windows-50220 x-windows-50221 jis jis7 jis-ms x-jis "
    "x-iso-2022-jp",
    "iso2022_jp_2": "csiso2022jp2",
    "iso8859_15": "windows-28605 cp28605 latin-0 latin0",
    "iso8859_2": "windows-28592 cp28592",
    "iso8859_3": "windows-28593 cp28593",
    "iso8859_4": "windows-28594 cp28594",
    "iso8859_5": "windows-28595 cp28595",
    "iso8859_6": "windows-28596 cp28596 iso8859-6-e iso8859-6-i iso_8859-6-e iso_8859-6-i",
    "iso8859_7": "windows-28597 cp28597",
    "iso8859_8": "windows-28598 cp28598 iso8859-8-e iso8859-8-i iso_8859-8-e iso_8859-8-i",
    "iso8859_9": "windows-28599 cp28599 turkish8",
    "johab": "x-johab",
    "koi8_r": "windows-20866 cp20866",
    "koi8_u": "windows-21866 cp21866",
    "latin_1": "windows-28591 cp28591",
    "mac_arabic": "x-mac-arabic",
    "mac_croatian": "x-mac-croatian",
    "mac_cyrillic": "x-macukraine windows-10007",
    "mac_farsi": "x-mac-farsi",
    "mac_greek": "windows-10006 x-mac-greek",
    "mac_iceland": "x-maciceland x-mac-icelandic",
    "mac_latin2": "x-maccentraleurope windows-10029 x-mac-ce x-mac-centraleurroman",
    "mac_roman": "windows-10000 x-macroman",
    "mac_romanian": "x-macromania x-mac-romanian",
    "mac_turkish": "windows-10081 x-mac-turkish",
    "tis_620": "tis-620-2533 tis620.2533 thai8",
    "utf_16_be": "ucs-2be windows-1201 cp1201",
    "utf_16_le": "x-utf-16le-bom ucs-2le windows-1200 cp1200",
    "utf_32": "ucs-4 iso-10646-ucs-4",
    "utf_32_be": "x-utf-32be-bom ucs-4be windows-12001",
    "utf_32_le": "x-utf-32le-bom ucs-4le windows-12000",
    "utf_7": "windows-65000 cp65000 unicode-1-1-utf-7 csunicode11utf7 x-unicode-2-0-utf-7",
    "utf_8": "utf-8-mac utf-8-bom cesu-8 windows-65001 al32utf8 utf8mb4 utf8mb3 utf-8mb4 x-utf-8 "
    "x-unicode-2-0-utf-8 utf-8n unicode-2-0-utf-8",
    "viscii": "viscii csviscii viscii1.1-1 x-viet-viscii",
    # These say that the charset is not known (RFC 1428 2), or that the sending program has none: guessed.
    "": "unknown-8bit unknown-7bit unknown x-unknown x-unknown-8bit unknown-charset none default null "
    "undefined 8bit binary user-defined",
}
_CODECS_BY_LABEL = {
    label: codec
    for table in (_MAIL_LABELS, _WHATWG_LABELS)
    for codec, labels in table.items()
    for label in labels.split()
}
_PUNCTUATION = re.compile("[-_. ]")
_CHARSET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:()+-]{0,59}")
# RFC 2047 2 and RFC 2045 5.1 allow none of these in a name; senders write them around it.
_STRAY_CHARACTERS = " \t\r\n\"'`\\/;:,.*<>[](){}=“”„‘’‚«»´"
# Spellings of numbered charsets: `Windows 1251`, `win1251`, `x-cp-1251`, `ISO8859_5`, `x-iso-8859-5`, `8859-5`.
_NUMBERED_NAME = re.compile(
    r"(?:x-)?(?:(?:windows|win|cp|ms|ibm|dos|oem)[-_ ]?(?:cp)?[-_ ]?0*(\d{3,5})|(?:iso)?[-_ ]?8859[-_ ]?(\d{1,2}))"
)


def strip_charset_name(name: str) -> str:
    """Return a charset's name without quotes, white space and punctuation around it.

    >>> strip_charset_name("'windows-1251';")
    'windows-1251'
    """
    return name.strip(_STRAY_CHARACTERS)


def find_codec(charset: str) -> str | None:
    """Return Python's codec for a charset; None if it is unknown, or not a charset of text.

    >>> find_codec("ISO-8859-1"), find_codec("x-windows-949"), find_codec("unknown-8bit"), find_codec("zlib")
    ('latin_1', 'cp949', None, None)
    """
    if _CHARSET_NAME.fullmatch(charset.replace(" ", "-")) is None:
        return None
    label = charset.lower()
    codec = _CODECS_BY_LABEL.get(label)
    if codec is None:
        codec = (
            _find_python_codec(label)
            or _find_numbered_codec(label)
            or _index_plain_labels().get(_PUNCTUATION.sub("", label))
        )
    return codec or None


@cache
def _index_plain_labels() -> dict[str, str]:
    """Return the codecs by labels without punctuation.

    `gb-18030` and `koi8r` are common spellings, too.
    """
    return {_PUNCTUATION.sub("", label): codec for label, codec in _CODECS_BY_LABEL.items()}


def _find_python_codec(label: str) -> str | None:
    from encodings import normalize_encoding
    from encodings.aliases import aliases

    name = normalize_encoding(label)
    for known in (name, aliases.get(name), aliases.get(name.replace(".", "_"))):
        if known in _TEXT_CODECS:
            return known
    return None


def _find_numbered_codec(label: str) -> str | None:
    match = _NUMBERED_NAME.fullmatch(label)
    if match is None:
        return None
    label = f"cp{match[1]}" if match[1] else f"iso-8859-{int(match[2])}"
    return _CODECS_BY_LABEL.get(label) or _find_python_codec(label)
