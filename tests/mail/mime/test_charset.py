"""Decoding text: the names of charsets, and the characters that mail programs read in them."""

import base64
import time

import pytest

from lazr.smtptest import Envelope, Mail
from lazr.smtptest.mail.mime import limits
from lazr.smtptest.mail.mime.charset import decode_header_text, decode_text, is_decodable
from lazr.smtptest.mail.mime.charset_labels import find_codec, strip_charset_name
from lazr.smtptest.mail.mime.meta_charset import find_meta_charset

MAX_SECONDS = 5.0  # the slowest takes 1 s on a slow machine


def received(content):
    return Mail("1", Envelope("", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},)), [content])


def decode(data, charset, **more):
    reasons = []
    return decode_text(data, charset, reasons.append, **more), reasons


# A text for each encoding of the WHATWG Encoding Standard, and all labels that the standard gives it.
WHATWG = {
    "utf-8": ("ü€", "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8"),
    "cp866": ("Ё", "866 cp866 csibm866 ibm866"),
    "iso8859-2": ("ł", "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2"),
    "iso8859-3": ("ħ", "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3"),
    "iso8859-4": ("ą", "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4"),
    "iso8859-5": (
        "Я",
        "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988",
    ),
    "iso8859-6": (
        "ش",
        (
            "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e iso-8859-6-i"
            " iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987"
        ),
    ),
    "iso8859-7": (
        "Ω",
        (
            "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7"
            " iso_8859-7:1987 sun_eu_greek"
        ),
    ),
    "iso8859-8": (
        "א",
        (
            "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8"
            " iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical"
        ),
    ),
    "iso8859-10": ("ŋ", "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6"),
    "iso8859-13": ("ų", "iso-8859-13 iso8859-13 iso885913"),
    "iso8859-14": ("ŵ", "iso-8859-14 iso8859-14 iso885914"),
    "iso8859-15": ("€", "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9"),
    "iso8859-16": ("ș", "iso-8859-16"),
    "koi8-r": ("Я", "cskoi8r koi koi8 koi8-r koi8_r"),
    "koi8-u": ("ї", "koi8-ru koi8-u"),
    "mac-roman": ("™", "csmacintosh mac macintosh x-mac-roman"),
    "cp874": ("ก", "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874"),
    "cp1250": ("ł", "cp1250 windows-1250 x-cp1250"),
    "cp1251": ("Я", "cp1251 windows-1251 x-cp1251"),
    "cp1252": (
        "ü€",
        (
            "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1"
            " iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252"
        ),
    ),
    "cp1253": ("Ω", "cp1253 windows-1253 x-cp1253"),
    "cp1254": (
        "ğ€",
        (
            "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5"
            " windows-1254 x-cp1254"
        ),
    ),
    "cp1255": ("א", "cp1255 windows-1255 x-cp1255"),
    "cp1256": ("ش", "cp1256 windows-1256 x-cp1256"),
    "cp1257": ("ų", "cp1257 windows-1257 x-cp1257"),
    "cp1258": ("đ", "cp1258 windows-1258 x-cp1258"),
    "mac-cyrillic": ("Я", "x-mac-cyrillic x-mac-ukrainian"),
    "gb18030": ("镕", "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030"),
    "cp950": ("碁", "big5 big5-hkscs cn-big5 csbig5 x-x-big5"),
    "euc-jp": ("日", "cseucpkdfmtjapanese euc-jp x-euc-jp"),
    "cp932": ("①", "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis"),
    "iso-2022-jp": ("日", "csiso2022jp iso-2022-jp"),
    "cp949": (
        "똠",
        "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949",
    ),
    "utf-16-be": ("ü", "unicodefffe utf-16be"),
    "utf-16-le": ("ü", "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le"),
    # WHATWG replaces text in these five by U+FFFD, because they hide scripts in a browser.  A mail has text to read.
    "iso-2022-kr": ("한", "csiso2022kr iso-2022-kr"),
    "hz": ("好", "hz-gb-2312"),
}
# The names of other programs: Java, .NET, Mac OS, databases, old Japanese and Chinese mail programs.
OTHERS = {
    "cp874": ("ก", "x-windows-874 ms874 x-cp874"),
    "cp949": ("똠", "x-windows-949 ms949 UHC"),
    "cp950": ("碁", "x-windows-950 windows-950 ms950 x-big5 x-mac-chinesetrad"),
    "cp932": ("①", "cswindows31j x-windows-31j windows-932 ms932 cp943 x-mac-japanese"),
    "iso-2022-jp": ("日", "ISO-2022-JP-MS CP50220 cp50221 cp50222 x-windows-50221 iso2022jp jis"),
    "euc-jp": ("日", "eucJP-ms cp51932 x-eucjp ujis"),
    "gb18030": ("镕", "windows-936 cp936 ms936 euc-cn x-gb18030 gb18030-2022 x-mac-chinesesimp"),
    "euc-kr": ("한", "x-euc-kr windows-51949 x-mac-korean"),
    "utf-8": ("ü€", "utf8mb4 utf8mb3 UTF_8 x-utf-8 cp65001"),
    "cp1251": ("Я", "win-1251 windows1251 windows-cp1251 CP_1251 cp-1251 x-cp-1251 ms-1251 ansi-1251"),
    "cp850": ("ü", "ibm850 ibm-850 dos850 oem850 cp-00850 csPC850Multilingual"),
    "iso8859-5": ("Я", "ISO8859_5 x-iso-8859-5 8859-5 iso 8859-5"),
    "mac-latin2": ("ł", "x-mac-ce x-mac-centraleurroman x-MacCentralEurope"),
    "mac-turkish": ("ğ", "x-mac-turkish"),
    "utf-7": ("ü", "unicode-1-1-utf-7 utf-7 windows-65000"),
    # Names with less or more punctuation than in the tables.
    "gb18030-2000": ("镕", "gb-18030 GB_18030 x-gb-18030"),
    "big5": ("中", "big-5 big_5 big5-eten x-Big5-Solaris"),
    "koi8-r": ("Я", "koi8r csKOI8R koi-8-r windows-20866"),
    "koi8-u": ("ї", "koi8u koi-8-u cp21866"),
    "shift-jis": ("日", "sjis-win SJIS-open x-PCK shift.jis"),
    "euc_jp": ("日", "eucjp-win eucJP-open x-eucjp-open cp20932 euc.jp"),
    "mac-roman": ("ü", "x-MacRoman MacRoman mac-roman windows-10000"),
    "mac-cyrillic": ("Я", "x-MacCyrillic MacCyrillic x-MacUkraine"),
    "iso8859-2": ("ł", "windows-28592 cp28592 iso.8859.2"),
    "iso8859-1": ("ü", "windows-28591 cp28591 ISO88591 latin-1"),
    "iso8859-15": ("€", "windows-28605 iso-885915"),
    "cp1257": ("ų", "baltic windows1257"),
    "tis-620": ("ก", "TIS620.2533 tis-620-2533 thai8"),
    "utf-16-le": ("ü", "windows-1200 UCS-2LE x-UTF-16LE-BOM"),
    "utf-32": ("ü", "UCS-4 ISO-10646-UCS-4"),
}


@pytest.mark.parametrize("table", [WHATWG, OTHERS], ids=["whatwg", "others"])
def test_names_of_charsets_are_known(table):
    for codec, (text, labels) in table.items():
        for label in labels.replace("iso 8859-5", "iso8859-5").split():
            for name in (label, label.upper()):
                decoded, reasons = decode(text.encode(codec), name)
                assert decoded == text, name
                assert [reason for reason in reasons if "charset of text" in reason] == [], name


def test_whatwg_table_is_complete():
    assert sum(len(labels.split()) for _, labels in WHATWG.values()) == 228 - len(
        ("iso-2022-cn", "iso-2022-cn-ext", "replacement", "x-user-defined")
    )


@pytest.mark.parametrize(
    "name", ["", " ", "zlib", "idna", "unicode_escape", "rot13", "undefined", "replacement", "iso-8859-12", "cp99999"]
)
def test_other_names_are_no_charsets(name):
    assert find_codec(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *(
            "'windows-1251'",
            '\\"windows-1251\\"',
            '"windows-1251"',
            "windows-1251;",
            " windows-1251 ",
            "<windows-1251>",
        ),
        *("“windows-1251”", "‘windows-1251’", "«windows-1251»", "windows-1251/", "(windows-1251)"),
        *("`windows-1251`", "windows-1251,", "=windows-1251", "'windows-1251", "\twindows-1251"),
    ],
)
def test_punctuation_around_a_charset_is_removed_with_a_defect(name):
    assert strip_charset_name(name) == "windows-1251"
    assert decode(b"\xcf\xf0", name) == ("Пр", [f"{name!r} is not a charset: read as windows-1251"])


@pytest.mark.parametrize(
    "name",
    [
        *("unknown-8bit", "x-unknown", "unknown", "DEFAULT", "NONE", "null", "8bit", "x-user-defined", "replacement"),
        *("none-such", "'none-such'", "zlib"),
    ],
)
def test_unknown_charset_is_guessed_in_bodies_and_words(name):
    for data, text in (("Grüße".encode(), "Grüße"), (b"plain", "plain")):
        fields = b"Content-Type: text/plain; charset=%b\r\nSubject: =?%b?B?%b?=\r\n\r\n"
        mail = received(fields % (name.encode(), name.encode(), base64.b64encode(data)) + data)
        assert (mail.text, mail.subject) == (text, text)
        # The bytes of "x-user-defined" below 0x80 are US-ASCII.
        if name != "x-user-defined" or not data.isascii():
            reasons = ("not a charset of text", "does not say which charset")
            where = {defect.where for defect in mail.defects if any(one in defect.reason for one in reasons)}
            assert where == {"content", "header Subject"}


def test_bytes_of_x_user_defined_are_private_characters():
    assert decode(b"a\x80\xff", "x-user-defined")[0] == "a\uf780\uf7ff"


@pytest.mark.parametrize(
    ("charset", "data", "text", "reason"),
    [
        # The characters of NEC and IBM in EUC-JP, with half-width katakana and JIS X 0212.
        ("euc-jp", b"\xad\xa1\xad\xa2 \xfc\xe2", "①② 髙", "read as cp51932"),
        ("euc-jp", b"\xad\xa1\x8e\xb1\x8f\xb0\xa1\xc6\xfc", "①ｱ丂日", "read as cp51932"),
        ("eucJP-ms", b"\xad\xb5", "Ⅰ", "read as cp51932"),
        ("euc-jp", b"\xad\xa1\xff\xc6\xfc", "①\N{REPLACEMENT CHARACTER}日", "not euc_jp"),
        ("euc-jp", b"\xad\xa1\xc6", "①\N{REPLACEMENT CHARACTER}", "not euc_jp"),
        ("euc-jp", b"\xad\xa1\x8f\xff\xff", "①" + "\N{REPLACEMENT CHARACTER}" * 3, "not euc_jp"),
        # The euro sign of Windows, also beside characters whose second byte is 0x80.
        ("gbk", b"\x80100", "€100", "read as gb18030"),
        ("gb2312", b"\xc4\xfa\x80", "您€", "read as gb18030"),
        ("gb18030", b"\x81\x80\x80\x82\x35\x8f\x33\x80", "亐€" + b"\x82\x35\x8f\x33".decode("gb18030") + "€", None),
        ("x-gbk", b"\x80\xff", "€\N{REPLACEMENT CHARACTER}", "not gbk"),
        ("gb2312", b"\xa1\xa4\xa1\xaa", "·—", None),
        ("gb18030", b"\xa6\xd9\xa8\xbc\xfe\x59", "︐ḿ\u9fb4", None),
        # Big5: the punctuation of other programs, Hong Kong and Windows in one text, HKSCS-2008.
        ("big5", b"\xa1\x45\xa1\xe3", "‧～", None),
        ("big5", b"\xc6\xa1", "①", None),
        ("big5", b"\xa3\xe1\x8b\x6e\xa4\xa4", "€" + b"\x8b\x6e".decode("big5hkscs") + "中", "read as big5"),
        ("big5-hkscs", b"\x87\xdf\x87\x7a", "鿋㡵", "read as big5_whatwg"),
        ("big5", b"\xa3\xc0\xa3\xe0", "␀␡", "read as big5_whatwg"),
        ("x-windows-950", b"\xc6\xa1\xa4\xa4", "①中", None),
        ("big5", b"\xa4\xa4\xff\x87\xdf", "中\N{REPLACEMENT CHARACTER}鿋", "not big5"),
        # ISO-2022-JP with JIS X 0212, and the sets of RFC 1554.
        ("iso-2022-jp", b"\x1b$(D0!\x1b(B", "丂", "read as cp50220"),
        ("iso-2022-jp", b"\x1b$B-!\x1b$(D0!\x1b$AJ2\x1b$(CGQ\x1b(B!", "①丂什한!", "read as cp50220"),
        ("iso-2022-jp", b"\x1b.A\x1bN|", "ü", "read as iso2022_jp_2"),
        ("iso-2022-jp", b"\x1b$(Q.!\x1b(B", b"\x1b$(Q.!\x1b(B".decode("iso2022_jp_2004"), "read as iso2022_jp_2004"),
        ("iso-2022-jp-ms", b"\x1b$B|b\x1b(B", "髙", "read as cp50220"),
        # ISO-2022-CN: GB 2312 can be read.
        ("iso-2022-cn", b"a\x1b$)A\x0eDz:C\x0fb", "a您好b", None),
        ("iso-2022-cn", b"\x1b$)A\x0eDz\nc", "您\nc", None),
        ("iso-2022-cn-ext", b"\x1b$)G\x0e!!\x0f\x1b$*H\x1bN!!", "\N{REPLACEMENT CHARACTER}" * 2, "not iso2022_cn"),
        ("koi8-ru", b"\xae\xbe\xa7", "ўЎї", None),
        ("koi8-u", b"\xae\xa7", "╝ї", None),
        ("macintosh", b"\xaa", "™", None),
    ],
)
def test_characters_are_those_of_the_encoding_standard(charset, data, text, reason):
    decoded, reasons = decode(data, charset)

    assert decoded == text
    assert (reasons == []) if reason is None else (reason in " ".join(reasons))


@pytest.mark.parametrize("name", ["viscii", "VISCII", "VISCII1.1-1"])
def test_viscii_has_the_letters_of_vietnamese(name):
    assert decode(b"M\xe3 x\xe1c th\xf1c: Vi\xaet, \x02\x9a\xff", name) == ("Mã xác thực: Việt, ẲỌỮ", [])


def test_slow_decoders_read_the_beginning_of_a_long_text(monkeypatch):
    monkeypatch.setattr(limits, "MAX_BROKEN_TEXT_BYTES", 8)

    for charset, data in (
        ("euc-jp", b"\xad\xa1" * 8),
        ("iso-2022-cn", b"\x1b$)A\x0eDzDz\x0fabc"),
        ("gbk", b"\x80" * 16),
        ("iso-2022-jp", b"\x1b$B-!-!\x1b(Babc"),
    ):
        reasons = decode(data, charset)[1]
        assert reasons[-1].endswith(": truncated"), (charset, reasons)
    assert decode(b"\xc6\xa1" * 8, "big5")[0] == b"\xc6\xa1".decode("cp950") * 8
    assert decode(b"\x87\xdf" * 8 + b"\xa4\xa4", "big5-hkscs")[1][-1].endswith(": truncated")
    assert decode(b"\x88\x62\xa4\xa4" * 8, "big5-hkscs")[0] == b"\x88\x62\xa4\xa4".decode("big5hkscs") * 8


@pytest.mark.slow
@pytest.mark.parametrize("charset", ["gbk", "big5", "big5-hkscs", "euc-jp", "iso-2022-jp", "iso-2022-cn", "koi8-ru"])
@pytest.mark.parametrize(
    "data",
    [
        b"\x80",
        b"\x80a",
        b"\xff",
        b"\x81\x20",
        b"\xc6\xa1",
        b"\xad\xa1",
        b"\x8f\xa1\xa1\xad",
        b"\x0e\x0f",
        b"\x1b$B-!\x1b$(D0!",
    ],
)
def test_time_to_decode_is_bounded(charset, data):
    for size in (1024 * 1024, 24 * 1024 * 1024):
        content = data * (size // len(data)) + b"\xff"
        begin = time.process_time()
        decode(content, charset)
        assert time.process_time() - begin < MAX_SECONDS


def test_text_is_checked_against_a_charset():
    assert is_decodable(b"\xc3\xa4", "utf-8")
    assert not is_decodable(b"\xc3", "utf-8")
    assert not is_decodable(b"a", "none-such")


@pytest.mark.parametrize(
    ("html", "charset"),
    [
        (b"<meta charset=windows-1251>", "windows-1251"),
        (b'<META CHARSET="KOI8-R"/>', "KOI8-R"),
        (b"<!-- <meta charset=a> --><meta charset='b'>", "b"),
        (b"<meta name=x><meta http-equiv='Content-Type' content='text/html; charset=koi8-r'>", "koi8-r"),
        (b"<meta content=\"text/html; charset = 'big5'\" http-equiv=content-type>", "big5"),
        (b"<meta content='text/html; charset=big5'>", ""),
        (b"<meta http-equiv=content-type content=text/html>", ""),
        (b"<meta charset=utf-16le>", "utf-8"),
        (b"<meta charset=>", ""),
        (b"<metal charset=a>", ""),
        (b"x" * 5000 + b"<meta charset=a>", ""),
        (b"\n<?xml version='1.0' encoding=\"windows-1251\"?><p>", "windows-1251"),
        (b"<?xml version='1.0' encoding='koi8-r' standalone='yes'?><meta charset=big5>", "big5"),
        (b"<?xml version='1.0'?><p encoding='koi8-r'>", ""),
        (b"<p><?xml version='1.0' encoding='koi8-r'?>", ""),
        (b"", ""),
    ],
)
def test_meta_element_names_a_charset(html, charset):
    assert find_meta_charset(html) == charset


@pytest.mark.parametrize(
    ("declared", "meta", "data", "text", "reason"),
    [
        ("", "windows-1251", b"\xcf\xf0", "Пр", "read as cp1251"),
        ("us-ascii", "windows-1251", b"\xcf\xf0", "Пр", "read as cp1251"),
        ("none-such", "windows-1251", b"\xcf\xf0", "Пр", "read as cp1251"),
        ("", "iso-2022-jp", b"\x1b$BF|\x1b(B", "日", "read as iso2022_jp"),
        # What the mail declares counts, and so does text that is valid UTF-8.
        ("iso-8859-1", "windows-1251", b"\xe4", "ä", None),
        ("", "iso-8859-1", "ä".encode(), "ä", "not US-ASCII"),
        ("", "none-such", b"\xe4", "ä", "not US-ASCII"),
        ("", "gb18030", b"\xff", "ÿ", "not US-ASCII"),
        ("", "utf-7", b"+AOQ-", "+AOQ-", None),
        ("", "utf-7", b"+AOQ-\xe4", "+AOQ-ä", "not US-ASCII"),
    ],
)
def test_charset_of_html_is_that_of_its_meta_element(declared, meta, data, text, reason):
    parameter = f"; charset={declared}" if declared else ""
    fields = f"Content-Type: text/html{parameter}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<meta charset={meta}>"
    mail = received(fields.encode() + data)
    reasons = [defect.reason for defect in mail.defects if defect.where == "content"]

    assert mail.html.partition(">")[2] == text
    assert (reasons == []) if reason is None else (reason in " ".join(reasons))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"=?iso-8859-1?Q?Die_Fr\xf6sche?=", "=?iso-8859-1?Q?Die_Fr=F6sche?="),
        (b"\xc3\xa4 =?windows-1251?q?\xcf\xf0?= b", "ä =?windows-1251?q?=CF=F0?= b"),
        (b"=?utf-8?B?\xff?=", "=?utf-8?B?\N{REPLACEMENT CHARACTER}?="),
        (b"=? \xff ?q?a?=", "=? \N{REPLACEMENT CHARACTER} ?q?a?="),
    ],
)
def test_bytes_in_a_word_become_escapes(raw, text):
    assert decode_header_text(raw, lambda _: None) == text
