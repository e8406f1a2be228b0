"""A generated collection of malformed messages: `messages()` yields each with its name.

The tables are combined: each header field with each malformed value, each charset with each place for a charset, and so
on.  Large messages are built at first use.
"""

# Values that are malformed in every field.  Parsers of mail have raised or hung on most of them.
VALUES = {
    "empty": b"",
    "spaces": b"   \t  ",
    "nul": b"a\x00b",
    "cr": b"a\rb",
    "escape": b"\x1b[31mred",
    "latin-1": b"caf\xe9",
    "half a character": b"caf\xc3",
    "surrogate in utf-8": b"\xed\xa0\x80",
    "word: surrogate": b"=?utf-8?q?=ED=A0=80?=",
    "word: surrogate in utf-7": b"=?utf-7?q?+2AA-?=",
    "word: surrogate in utf-16": b"=?utf-16-be?b?2AA=?=",
    "word: nul": b"=?utf-8?q?a=00b?=",
    "word: line ends": b"=?utf-8?q?a=0D=0ABcc:_x@example.com?=",
    "word: one sextet": b"=?utf-8?b?a?=",
    "word: no padding": b"=?utf-8?b?YWI?=",
    "word: padding within": b"=?utf-8?b?YW==Ig==?=",
    "word: not base64": b"=?utf-8?b?\xff!!!?=",
    "word: bad escape": b"=?utf-8?q?a=ZZb=?=",
    "word: no charset": b"=??q?a?=",
    "word: no encoding": b"=?utf-8??a?=",
    "word: strange encoding": b"=?utf-8?x?a?=",
    "word: not ended": b"=?utf-8?q?abc",
    "word: with spaces": b"=?utf-8?q?a b c?=",
    "word: with question marks": b"=?utf-8?q?what??=",
    "word: with a language": b"=?utf-8*en?q?a?=",
    "word: split character": b"=?utf-8?q?=C3?= =?utf-8?q?=A4?=",
    "word: in a word": b"a=?utf-8?q?b?=c",
    "word: only marks": b"=?=?=?=?=?=",
    "angle": b"<",
    "angles": b"<<<<",
    "closing angle": b">",
    "crossed angles": b"> a@example.com <",
    "double angles": b"<<a@example.com>>",
    "open angle": b"Ann <a@example.com",
    "open angle, another": b"Ann <a@example.com, Bob <b@example.com>",
    "empty angle": b"Ann <>",
    "two angles": b"Ann <a@example.com> <b@example.com>",
    "at": b"@",
    "ats": b"a@b@c@d",
    "no local part": b"<@example.com>",
    "no domain": b"<ann@>",
    "route": b"<@a,@b:ann@example.com>",
    "open route": b"<@a,@b",
    "literal": b"<ann@[127.0.0.1]>",
    "open literal": b"<ann@[127.0.0.1>",
    "brackets": b"[",
    "quote": b'"',
    "open quote": b'"Ann <a@example.com>',
    "quoted quote": b'"\\"" <a@example.com>',
    "backslash": b"\\",
    "quoted backslash": b'"\\',
    "comment": b"(",
    "open comment": b"Ann (who <a@example.com>",
    "closing comment": b")",
    "nested comments": b"a@example.com (a (b (c) d) e)",
    "comment with a quote": b'(") a@example.com',
    "commas": b",,,,",
    "commas and spaces": b", , , a@example.com, ,",
    "unquoted comma": b"Doe, Ann <a@example.com>",
    "semicolons": b";;;;",
    "colons": b"::::",
    "group": b"Team: a@example.com, b@example.com;",
    "open group": b"Team: a@example.com, b@example.com",
    "empty group": b"undisclosed-recipients:;",
    "group in a group": b"a: b: c@example.com;;",
    "dots": b"..a..b..@example..com",
    "address of words": b"ann at example dot com",
    "encoded address": b"=?utf-8?q?ann=40example.com?=",
    "parenthesis injection": b"alice@example.com)bob@example.com(",
    "quoted address": b'"alice@example.com" <bob@example.com>',
    "ipv6 literal": b"<a@[IPv6:::1]>",
    "utf-8 domain": "ann@bücher.example".encode(),
    "huge digits": b"9" * 5000,
    "minus zero": b"-0000",
    "date": b"Fri, 21 Nov 1997 09:55:06 -0600",
    "date: no zone": b"21 Nov 1997 09:55:06 -0000",
    "date: day 99": b"Fri, 99 Nov 1997 09:55:06 -0600",
    "date: hour 99": b"Fri, 21 Nov 1997 99:99:99 -0600",
    "date: zone 9999": b"Fri, 21 Nov 1997 09:55:06 +9999",
    "date: huge zone": b"Fri, 21 Nov 1997 09:55:06 +" + b"9" * 100,
    "date: huge year": b"Fri, 21 Nov " + b"9" * 100 + b" 09:55:06 -0600",
    "date: year 0": b"Fri, 21 Nov 0000 09:55:06 -0600",
    "date: year 1": b"Mon, 01 Jan 0001 00:00:00 +1400",
    "date: year 9999": b"Fri, 31 Dec 9999 23:59:59 -1200",
    "date: colons": b"1 Jan 1:2:3:4:5",
    "date: one word": b"yesterday",
    "date: superscript": "Fri, ²¹ Nov 1997 09:55:06 -0600".encode(),
    "date: comment": b"Fri, 21 Nov 1997 09:55:06 -0600 (" + b"(" * 50,
    "id: stray bracket": b"<a@b",
    "id: bracket within": b"<a[b@c>",
    "id: open literal": b"<a@[b>",
    "id: no at": b"<abc>",
    "id: spaces": b"< a b @ c >",
    "id: two": b"<a@b> <c@d>",
    "type": b"text",
    "type: slash": b"/",
    "type: slashes": b"text/plain/x",
    "type: only parameters": b"; charset=utf-8",
    "type: no value": b"text/plain; charset",
    "type: empty value": b"text/plain; charset=",
    "type: equals": b"text/plain; =; ==; a==b",
    "type: asterisk": b"text/plain; *=a; **=b; *0=c",
    "type: name*": b"text/plain; name*",
    "type: name* without a charset": b"text/plain; name*=abc%41",
    "type: name* with one quote": b"text/plain; name*=utf-8'abc",
    "type: name* surrogate": b"text/plain; name*=utf-8''%ED%A0%80",
    "type: name* nul": b"text/plain; name*=utf-8''%00",
    "type: name* bad escape": b"text/plain; name*=utf-8''%Z%4%%%",
    "type: name* strange charset": b"text/plain; name*=zlib''%41",
    "type: name*1 only": b"text/plain; name*1=b",
    "type: name*0 twice": b"text/plain; name*0=a; name*0=b; name*1=c",
    "type: name*x": b"text/plain; name*x=a",
    "type: name*-1": b"text/plain; name*-1=a",
    "type: name*0**": b"text/plain; name*0**=a",
    "type: name*huge": b"text/plain; name*" + b"9" * 5000 + b"=a",
    "type: name*superscript": "text/plain; name*²=a".encode(),
    "type: open quote": b'text/plain; charset="utf-8',
    "type: quote in a value": b'text/plain; charset=u"t"f-8',
    "type: quoted semicolon": b'text/plain; name="a;b=c"; charset=utf-8',
    "type: comment": b"text/plain (a;b) ; charset=(x)utf-8(y)",
    "type: open comment": b"text/plain; (charset=utf-8",
    "type: two charsets": b"text/plain; charset=utf-8; charset=latin-1",
    "type: multipart without a boundary": b"multipart/mixed",
    "type: multipart, empty boundary": b'multipart/mixed; boundary=""',
    "type: multipart, boundary of spaces": b'multipart/mixed; boundary="   "',
    "type: multipart, boundary of a pattern": b'multipart/mixed; boundary="(.*)+[a-z"',
    "type: multipart, boundary with NUL": b'multipart/mixed; boundary="\x00"',
    "type: multipart, boundary in pieces": b"multipart/mixed; boundary*0=a; boundary*1=b",
    "type: multipart, boundary in latin-1": b"multipart/mixed; boundary=\xe9",
    "type: message": b"message/rfc822",
    "type: delivery status": b"message/delivery-status",
    "type: external": b"message/external-body; access-type=",
    "type: partial": b'message/partial; number="x"',
    "disposition": b"attachment; filename",
    "disposition: two names": b"attachment; filename=a.txt; filename*=utf-8''b.exe",
    "disposition: path": b'attachment; filename="../../etc/passwd"',
    "disposition: nul": b'attachment; filename="a\x00.txt"',
    "disposition: word": b'attachment; filename="=?utf-8?q?=C3=A4=0D=0Ab?="',
    "encoding: two": b"base64 quoted-printable",
    "encoding: uu": b"x-uuencode",
    "encoding: comment": b"base64 (really)",
}

FIELDS = [
    *("Subject", "From", "To", "Cc", "Reply-To", "Date", "Message-ID", "Content-Type", "Content-Disposition"),
    *("Content-Transfer-Encoding", "Content-ID", "MIME-Version", "Resent-To", "X-Any"),
]

CHARSETS = [
    *("zlib", "bz2", "hex", "rot13", "base64", "uu", "quopri", "idna", "punycode", "undefined", "unicode_escape"),
    *("raw_unicode_escape", "unicode_internal", "string-escape", "mbcs", "oem", "charmap", "palmos", "none-such"),
    *("", " ", "utf-8\0", "a" * 10_000, "../../etc/passwd", "os.path", "encodings", "__init__", "aliases", "utf-8'"),
    *(
        "utf-7",
        "utf-16",
        "utf-32",
        "utf-8-sig",
        "iso-2022-jp",
        "iso-2022-kr",
        "hz",
        "gb18030",
        "big5",
        "cp932",
        "cp037",
    ),
    *("iso-8859-8-i", "ansi_x3.4-1968", "x-unknown", "unknown-8bit", "UTF-8", "utf8", "ks_c_5601-1987", "koi8-r"),
    *(
        "ｕｔｆ-8",
        "utf-8 (comment)",
        "'utf-8'",
        "utf-8;",
        "x-user-defined",
        "replacement",
        "gbk",
        "gb2312",
        "shift_jis",
    ),
    *(
        "euc-jp",
        "euc-kr",
        "iso-2022-cn",
        "koi8-ru",
        "big5-hkscs",
        "x-windows-950",
        "windows-874",
        "x-mac-ce",
        "utf8mb4",
    ),
]
ENCODINGS = [
    "7bit",
    "8bit",
    "binary",
    "base64",
    "quoted-printable",
    "x-uuencode",
    "",
    "base64\0",
    "none-such",
    "BASE64 ",
]
BODIES = {
    "all bytes": bytes(range(256)),
    "one sextet": b"a",
    "five sextets": b"YWJjZ",
    "padding": b"====",
    "padding within": b"YW==\r\nYW==",
    "not base64": b"\xff!?" * 100 + b"YWJj",
    "equals": b"a=b=\r\n==\r\n=",
    "soft break of CR": b"a=\rb\r\nc",
    "escape at the end": b"abc=C3",
    "surrogates": b"\xed\xa0\x80\xed\xb0\x80 +2AA- \xd8\x00",
    "NUL": b"a\x00b",
    "uu": b"begin 644 x\r\n#86)C\r\n`\r\nend\r\n",
}

HTML = {
    "deep": b"<div>" * 100_000,
    "deep lists": b"<ul><li>" * 50_000,
    "less-than": b"<" * 1_000_000,
    "less-than and letter": b"<a" * 500_000,
    "less-than and exclamation": b"<!" * 500_000,
    "less-than and slash": b"</" * 500_000,
    "open comments": b"<!--" * 250_000,
    "comment not ended": b"a<!-- b",
    "short comments": b"<!-->" * 200_000,
    "cdata": b"<![CDATA[a]]>b<![CDATA[",
    "references": b"&" * 1_000_000,
    "reference of digits": b"&#" + b"9" * 100_000 + b";&#x" + b"f" * 100_000 + b";&#" + b"0" * 100_000 + b"65;",
    "references of digits": b"&#" + b"9" * 5000 + b";" + b"&#1114112;&#xD800;&#0;&#128;&#xfffe;" * 1000,
    "long references": b"&notanentityatallreallynot" * 40_000,
    "attributes": b"<a " + b"b " * 500_000,
    "attributes with quotes": b"<a " + b'b="c" ' * 150_000 + b">",
    "open quote": b'<a href="x>' * 90_000,
    "open quotes": b"<a href='" * 100_000,
    "quoted ends": b'<a ">"' * 170_000,
    "quoted ends, mixed": b"<a \">\"'>'" * 110_000,
    "equals": b"<a " + b"=" * 1_000_000,
    "links": b'<a href="https://e.test/">x</a>' * 33_000,
    "links not ended": b'<a href="https://e.test/">x' * 40_000,
    "script not ended": b"<script>" * 130_000,
    "script ends": b"<script></scrip" * 70_000,
    "titles": b"<title></title>" * 70_000,
    "hidden": b'<div style="display:none">' * 40_000,
    "pre": b"<pre>\r\n" * 150_000,
    "breaks": b"<br>" * 250_000,
    "spaces": b" " * 1_000_000,
    "cells": b"<td> " * 200_000,
    "nul": b"<a\x00b href=\x00>\x00</a\x00>",
    "tag name": b"<" + b"a" * 1_000_000 + b">",
    "html of 3 MB": b"<p>Hello <b>you</b></p>\r\n" * 120_000,
}

TEXT = {
    "digits": b"1" * 1_000_000,
    "numbers": b"1234 " * 200_000,
    "numbers in lines": b"1234\r\n" * 170_000,
    "grouped digits": b"1 2 3 4 " * 125_000,
    "hyphens and digits": b"1-" * 500_000,
    "words": b"code " * 200_000,
    "words and numbers": b"code 123456, " * 80_000,
    "schemes": b"a://" * 250_000,
    "long scheme": b"a+" * 500_000 + b"://",
    "urls": b"https://e.test/ " * 65_000,
    "brackets of a URL": b"https://e.test/" + b")" * 1_000_000,
    "opened brackets of a URL": b"https://e.test/" + b"(" * 4000 + b")" * 4000,
    "colons": b":" * 1_000_000,
    "ats": b"a@" * 500_000,
    "address": b"a" * 1_000_000 + b"@",
    "line ends": b"\r\n" * 500_000,
    "CRs": b"\r" * 1_000_000,
    "LFs": b"\n" * 1_000_000,
    "NULs": b"\x00" * 1_000_000,
    # For the search for codes, in as many characters as it searches, and for links in text.
    **{
        f"text of {unit!r}": (unit * (130_000 // len(unit.encode()))).encode() + b" code 1234"
        for unit in (
            *(
                "1 ",
                "0-",
                "0 ",
                "1.",
                "1'",
                "+1",
                "(0)",
                "€ 1",
                "1x",
                "****-",
                "code 1 ",
                "codecode",
                "a1",
                "A1-",
                "A1B2C3-",
            ),
            *(
                "A1B2C3 ",
                "ab12 1234 ",
                "call 1",
                "text a to ",
                "_1",
                "*",
                "@a.b #1234\n",
                "e\u0301",
                "\uff11",
                "\u0130",
            ),
            *(
                "\n ",
                "order ",
                "number of ",
                "1 is your order ",
                "Hauptstr",
                "\u7801",
                "1234 Ab ",
                "12:34 p",
                "2026-05-17 ",
            ),
        )
    },
    **{
        f"URLs of {unit!r}": unit * (1_000_000 // len(unit))
        for unit in (
            b"http://a(",
            b"http://a)",
            b"http://a[(",
            b"[http://a](",
            b"http://.",
            b"http://@",
            b"mailto:@",
            b"x:///",
        )
    },
}

RUN_FIELDS = ["Subject", "To", "Date", "Message-ID", "Content-Type", "Content-Disposition", "Content-ID"]
# Long runs of characters that are expensive for parsers.
RUNS = {
    "semicolons": b";" * 90_000,
    "comments": b"(" * 100_000,
    "closed comments": b"()" * 50_000,
    "nested comments": b"(" * 50_000 + b")" * 50_000,
    "quotes": b'"' * 100_000,
    "backslashes": b"\\" * 100_000,
    "quoted backslashes": b'"' + b"\\" * 100_000,
    "escaped quotes": b'"' + b'\\"' * 50_000,
    "angles": b"<" * 100_000,
    "pairs of angles": b"<>" * 50_000,
    "ats": b"@" * 100_000,
    "commas": b"," * 100_000,
    "colons": b":" * 100_000,
    "brackets": b"[" * 100_000,
    "dots": b"." * 100_000,
    "routes": b"<@a," * 25_000,
    "routes with colons": b"<@a:" * 25_000,
    "addresses": b"a@b.c, " * 14_000,
    "names": b"Ann <a@b.c>, " * 7_500,
    "words of names": b"a " * 50_000,
    "words with commas": b"a, " * 33_000 + b"b <a@b>",
    "words with comments": b"a () () " * 12_000 + b"@ b",
    "words and colons": b"@ a" + b" a" * 20_000 + b":" * 40_000,
    "encoded words": b"=?utf-8?q?a?= " * 7_000,
    "encoded words without ends": b"=?utf-8?q?" * 10_000,
    "beginnings of encoded words": b"=?" * 50_000,
    "encoded words in base64": b"=?utf-8?b?/w=?= " * 6_000,
    "question marks": b"=?a?q?" + b"?" * 100_000,
    "parameters": b"text/plain; " + b"a=b; " * 20_000,
    "sections": b"text/plain; " + b"".join(b"a*%d=b;" % number for number in range(9_000)),
    "sections of huge digits": b"text/plain; " + b"a*%s=b;" % (b"9" * 4400) * 20,
    "escapes": b"text/plain; name*=utf-8''" + b"%41" * 33_000,
    "open quotes": b"text/plain; " + b'a="' * 33_000,
    "folds": b"\r\n " * 33_000 + b"a",
    "spaces": b" " * 100_000,
    "letters": b"a" * 104_000,
    "words": b"word " * 20_800,
    "multipart and semicolons": b"multipart/mixed" + b";" * 90_000,
    "multipart and a long boundary": b"multipart/mixed; boundary=" + b"b" * 100_000,
}


def build_nested(depth, closed=True, subtype=b"mixed"):
    head = b"".join(
        b"Content-Type: multipart/%s; boundary=b%d\r\n\r\n--b%d\r\n" % (subtype, level, level) for level in range(depth)
    )
    tail = b"".join(b"\r\n--b%d--" % level for level in reversed(range(depth))) if closed else b""
    return head + b"\r\ninside" + tail + b"\r\n"


def build_parts(count, part=b"\r\nx"):
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + (b"--b\r\n" + part + b"\r\n") * count + b"--b--\r\n"


MULTI = b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n"
WHOLE = {
    "nothing": lambda: b"",
    "one byte": lambda: b"a",
    "one line end": lambda: b"\r\n",
    "all bytes": lambda: bytes(range(256)),
    "NULs": lambda: b"\x00" * 1_000_000,
    "LFs": lambda: b"\n" * 1_000_000,
    "CRs": lambda: b"\r" * 1_000_000,
    "CR alone": lambda: b"Subject: a\rTo: b@example.com\r\rtext\rmore",
    "CR alone, parts": lambda: build_parts(3).replace(b"\r\n", b"\r"),
    "LF alone": lambda: build_parts(3).replace(b"\r\n", b"\n"),
    "LF CR": lambda: b"Subject: a\n\rTo: b\n\r\n\rtext",
    "no body": lambda: b"Subject: a",
    "no empty line": lambda: b"Subject: a\r\nThis is text\r\nTo: b\r\n\r\nmore",
    "no header": lambda: b"This is text\r\nand more",
    "mailbox line": lambda: b"From ann@example.com Fri Nov 21\r\nSubject: a\r\n\r\nb",
    "mailbox lines": lambda: b"From a b\r\n" * 1000,
    "continuation first": lambda: b"  a\r\nSubject: a\r\n\r\nb",
    "continuations only": lambda: b" a\r\n" * 100_000,
    "colon first": lambda: b": a\r\nSubject: a\r\n\r\nb",
    "colons only": lambda: b":\r\n" * 300_000,
    "space before the colon": lambda: b"Subject : a\r\n\r\nb",
    "name of 1 MB": lambda: b"a" * 1_000_000 + b": b\r\n\r\nc",
    "name without a colon": lambda: b"a" * 3_000_000,
    "spaces before the colon": lambda: b"a" + b" " * 1_000_000 + b":",
    "name in utf-8": lambda: "Bétreff: ".encode() + b"a\r\n\r\nb",
    "header of spaces": lambda: b"Subject:" + b" \r\n" * 100_000,
    "100,000 fields": lambda: b"".join(b"X-%d: a\r\n" % number for number in range(100_000)) + b"\r\nbody",
    "100,000 equal fields": lambda: b"To: a@example.com\r\n" * 100_000 + b"\r\nbody",
    "1,000 types": lambda: b"Content-Type: multipart/mixed; boundary=a\r\n" * 1000 + b"\r\n--a\r\n\r\nx\r\n--a--",
    "endless header": lambda: b"X: " + b"a" * 5_000_000,
    "endless fold": lambda: b"X: a\r\n" + b" a\r\n" * 1_000_000,
    "subject of 104 kB": lambda: b"Subject: " + b"word " * 20_800 + b"\r\n\r\nbody",
    "subject of 5 MB": lambda: b"Subject: " + b"w" * 5_000_000 + b"\r\n\r\nbody",
    "5 MB in one line": lambda: b"\r\n" + b"w" * 5_000_000,
    "nested 2,000 deep": lambda: build_nested(2000),
    "nested 2,000 deep, not closed": lambda: build_nested(2000, closed=False),
    "nested 100 deep": lambda: build_nested(100),
    "nested 99 deep": lambda: build_nested(99),
    "nested 99 deep, not closed": lambda: build_nested(99, closed=False),
    "nested alternatives": lambda: build_nested(500, subtype=b"alternative"),
    "nested related": lambda: build_nested(90, subtype=b"related"),
    "nested and long": lambda: build_nested(90).replace(b"inside", b"inside\r\n" * 300_000),
    "messages 2,000 deep": lambda: b"Content-Type: message/rfc822\r\n\r\n" * 2000 + b"Subject: a\r\n\r\nb",
    "messages 90 deep": lambda: b"Content-Type: message/rfc822\r\n\r\n" * 90 + b"Subject: a\r\n\r\nb",
    "300,000 parts": lambda: build_parts(300_000),
    "1,000 parts": lambda: build_parts(1000),
    "1,001 parts": lambda: build_parts(1001),
    "1,000 parts with 1,000 fields": lambda: build_parts(1000, b"A: b\r\n" * 1000 + b"\r\nx"),
    "1,000 parts with semicolons": lambda: build_parts(1000, b"Content-Type: text/plain" + b";" * 8000 + b"\r\n\r\nx"),
    "900 parts with names": lambda: build_parts(900, b"Content-Type: text/plain; name=a; charset=x\r\n\r\nx"),
    "900 parts of 50 lines": lambda: build_parts(900, b"\r\n" + b"line\r\n" * 50),
    "digest": lambda: build_parts(10).replace(b"multipart/mixed", b"multipart/digest"),
    "delivery status": lambda: build_parts(
        1, b"Content-Type: message/delivery-status\r\n\r\n" + b"a: b\r\n\r\n" * 50_000
    ),
    "false delimiters": lambda: MULTI % b"x" + b"--x\r\n\r\n" + b"--xa\r\n" * 500_000,
    "delimiters of spaces": lambda: MULTI % b"x" + b"--x" + b" " * 500_000 + b"a\r\n--x--",
    "delimiters of dashes": lambda: MULTI % b"-" + b"-" * 1_000_000,
    "lines of dashes": lambda: MULTI % b'"--"' + b"--\r\n" * 300_000,
    "only delimiters": lambda: MULTI % b"b" + b"--b\r\n" * 500,
    "only the last delimiter": lambda: MULTI % b"b" + b"--b--\r\n",
    "no delimiter": lambda: MULTI % b"b" + b"text",
    "preamble of lines": lambda: MULTI % b"b" + b"line\r\n" * 300_000 + b"--b\r\n\r\nx\r\n--b--\r\n",
    "epilogue of lines": lambda: build_parts(1) + b"line\r\n" * 300_000,
    "boundary of the outer one": lambda: b"%s--b\r\n%s--b\r\n\r\nx\r\n--b--\r\n--b--" % (MULTI % b"b", MULTI % b"b"),
    "boundary of the outer one, 2,000 deep": lambda: (MULTI % b"b" + b"--b\r\n") * 2000 + b"\r\nx",
    "boundary of another outer one": lambda: (MULTI % b"b" + b"--b\r\n" + MULTI % b"c" + b"--c\r\n") * 60 + b"\r\nx",
    "boundaries without quotes": lambda: MULTI % b"b(b)b" + b"--b(b)b\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b(b)b--",
    "100 boundaries": lambda: MULTI % b"; boundary=".join(b"%d" % number for number in range(100)) + b"--50\r\n\r\nx",
    "lines of 999 bytes": lambda: b"\r\n" + (b"w" * 999 + b"\n") * 5000,
    "HTML of references": lambda: (
        b"Content-Type: text/html\r\n\r\n" + b"<img src=cid:a><!-- cid:b --><p style='url(cid:c)'>cid:d" * 20_000
    ),
    "HTML of different references": lambda: (
        b"Content-Type: text/html\r\n\r\n" + b"".join(b"<img src=cid:%d>" % number for number in range(60_000))
    ),
    "900 content locations": lambda: (
        MULTI.replace(b"mixed", b"related") % b"b"
        + (b"--b\r\nContent-Type: text/html\r\n\r\n" + b"a" * 2_000_000 + b"\r\n")
        + (b"--b\r\nContent-Type: image/png\r\nContent-Location: " + b"a" * 900 + b"b\r\n\r\nx\r\n") * 900
    ),
    "metas": lambda: b"Content-Type: text/html\r\n\r\n" + b"<meta charset" * 300_000 + b"\xff",
    "words that are cut": lambda: b"Subject: " + b"=?utf-8?B?5?= " * 7000 + b"\r\n\r\n",
    "escapes that are cut": lambda: b"Subject: " + b"=?utf-8?Q?=?= " * 7000 + b"\r\n\r\n",
    "date of comments": lambda: b"Date: " + b"(a)" * 600 + b"21(b)Nov(c)1997(d)12:00(e)GMT\r\n\r\n",
    "equals signs": lambda: b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"==" * 2_000_000,
    "equals signs and CR": lambda: b"Content-Transfer-Encoding: quoted-printable\r\n\r\n\n" + b"=\r" * 2_000_000,
    "boundary begins like the outer one": lambda: b"%s--b\r\n%s--bb\r\n\r\nx\r\n--b--" % (MULTI % b"b", MULTI % b"bb"),
    "outer ends the inner one": lambda: (
        b"%s--o\r\n%s--i\r\n\r\nx\r\n--o\r\n\r\ny\r\n--o--" % (MULTI % b"o", MULTI % b"i")
    ),
    "boundary of a pattern": lambda: MULTI % b'"(a+)+$[.*"' + b"--(a+)+$[.*\r\n\r\nx\r\n--(a+)+$[.*--\r\n",
    "boundary of 100 kB": lambda: MULTI % (b"b" * 100_000) + b"--" + b"b" * 100_000 + b"\r\n\r\nx",
    "related without its root": lambda: (
        b'Content-Type: multipart/related; boundary=b; start="<none>"\r\n\r\n'
        b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--"
    ),
    "body of lines in the marks of the parser": lambda: build_parts(3, b"\r\n" + b"=body=0\r\n" * 5000),
    "base64 of 8 MB": lambda: (
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"PGI+" * 2_000_000
    ),
    "quoted-printable of 8 MB": lambda: b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * 8_000_000,
}


def messages():
    """Yield a name, and a function that builds the message, for each message."""
    for field in FIELDS:
        for name, value in VALUES.items():
            yield (
                f"{field}: {name}",
                lambda field=field, value=value: b"%s: %s\r\nX-Next: x\r\n\r\nbody\r\n" % (field.encode(), value),
            )
        for name, value in RUNS.items() if field in RUN_FIELDS else ():
            yield (
                f"{field}: a run of {name}",
                lambda field=field, value=value: b"%s: %s\r\nX-Next: x\r\n\r\nbody\r\n" % (field.encode(), value),
            )
    for charset in CHARSETS:
        named = charset.encode()
        for name, body in BODIES.items():
            yield (
                f"charset {charset[:20]!r}: {name}",
                lambda named=named, body=body: (
                    b"Subject: =?%s?q?=E9=00a?=\r\nContent-Type: text/plain; charset=\"%s\"; name*=%s''%%E9\r\n\r\n%s"
                    % (named, named, named, body)
                ),
            )
    for encoding in ENCODINGS:
        for name, body in BODIES.items():
            for kind in (b"text/plain", b"text/html; charset=utf-8", b"image/png; name=a", b"message/rfc822"):
                yield (
                    f"encoding {encoding!r}: {name} as {kind.decode()}",
                    lambda encoding=encoding, body=body, kind=kind: (
                        b"Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s" % (kind, encoding.encode(), body)
                    ),
                )
    for name, body in HTML.items():
        yield f"HTML: {name}", lambda body=body: b"Content-Type: text/html; charset=utf-8\r\n\r\n" + body
    for name, body in TEXT.items():
        yield f"text: {name}", lambda body=body: b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + body
    for name, value in VALUES.items():
        yield (
            f"part: {name}",
            lambda value=value: (
                MULTI % b"b" + b"--b\r\nContent-Type: %s\r\nContent-Disposition: %s\r\n"
                b"Content-ID: %s\r\n\r\nx\r\n--b--\r\n" % (value, value, value)
            ),
        )
    yield from WHOLE.items()
