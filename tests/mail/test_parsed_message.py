"""Parsing a message: header fields, addresses, bodies, links, codes, snapshots, defects."""

import base64
import re
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from lazr.smtptest import Address, Attachment, Defect, Dsn, Envelope, Field, Link, Mail


def received(content, to=("bob@example.com",), **parameters):
    envelope = Envelope("ann@example.com", tuple(to), mail_parameters=parameters, rcpt_parameters=tuple({} for _ in to))
    return Mail("1", envelope, [content.encode() if isinstance(content, str) else content])


def header(text, name="To"):
    return received(f"{name}: {text}\r\n\r\n")


def reasons(mail):
    """Return the defects except those about required fields, which most messages here have not."""
    required = {Defect("header From", "missing"), Defect("header Date", "missing")}
    return [str(defect) for defect in mail.defects if defect not in required]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?iso-8859-1?Q?a_b=E4?= c", "a bä c"),
        (b"=?utf-8?b?w6Q=?= =?utf-8?b?w6Q=?=", "ää"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "ä"),  # a character split between two words, against RFC 2047 5
        (b"=?utf-8?q?a?= =?iso-8859-1?q?=E4?= b =?utf-8?q?c?=", "aä b c"),
        (b"=?utf-8*de?q?a?=", "a"),
        (b"=?utf-8?q?what??=", "what?"),
        (b"=?utf-8?q?a b?=", "a b"),
        (b"=?utf-8?b?w6Q?=", "ä"),
        (b"a\r\n b\r\n\tc", "a b\tc"),
        ("bücher".encode(), "bücher"),
        (b"a\xffb", "a\N{REPLACEMENT CHARACTER}b"),
        (b"a\x00b", "a\N{REPLACEMENT CHARACTER}b"),
        (b"=?utf-7?q?+2AA-?=", "\N{REPLACEMENT CHARACTER}"),
        (b"=?zlib?q?a?= b", "a b"),
        (b"=?utf-8?b?a?=", "=?utf-8?b?a?="),
    ],
)
def test_header_field_is_decoded(raw, value):
    mail = received(b"Subject:  " + raw + b" \r\n\r\n")

    assert (mail.subject, mail.header("SUBJECT"), mail.headers["subject"]) == (value,) * 3
    assert mail.headers[0].raw == b"  " + raw + b" "


def test_headers_keep_order_and_repeats():
    mail = received("Received: a\r\nSubject: b\r\nreceived: c\r\n\r\n")

    assert [(field.name, field.value) for field in mail.headers] == [
        ("Received", "a"),
        ("Subject", "b"),
        ("received", "c"),
    ]
    assert mail.headers.get_all("RECEIVED") == ("a", "c")
    assert (mail.headers.get("x"), mail.headers.get("x", "y"), mail.header("x")) == ("", "y", "")
    assert "subject" in mail.headers and "x" not in mail.headers and mail.headers[1] in mail.headers
    assert (len(mail.headers), len(mail.headers[1:])) == (3, 2)
    with pytest.raises(KeyError, match="no header field 'x'; known: Received, Subject"):
        mail.headers["x"]
    assert repr(mail.headers[:2]) == "(Field('Received', 'a'), Field('Subject', 'b'))"
    assert repr(received("A: b\r\n\r\n").headers) == "Headers([Field('A', 'b')])"
    assert Field("A", b"b") == Field("a", b"b") != Field("a", b"c")
    assert len({Field("A", b"b"), Field("a", b"b")}) == 1


@pytest.mark.parametrize(
    ("content", "names", "text"),
    [
        ("A: b\nC: d\n\ntext\n", ["A", "C"], "text\n"),
        ("A: b\rC: d\r\rtext\r", ["A", "C"], "text\n"),
        ("From ann Fri Nov\r\nA: b\r\n\r\ntext", ["A"], "text"),
        (">From ann Fri Nov\r\nA: b\r\n\r\ntext", ["A"], "text"),
        (" rest\r\nA: b\r\n\r\ntext", ["A"], "text"),
        ("A: b\r\n: c\r\nD: e\r\n\r\ntext", ["A", "D"], "text"),
        ("A : b\r\n\r\ntext", ["A"], "text"),
        # A line that is not a field is left out; without an empty line, the text begins with it.
        *(
            (f"A: b\n{line}\nC: d\n\ntext", ["A", "C"], "text")
            for line in (
                *(
                    "no field",
                    "-----",
                    "X-A=b",
                    "X Y: z",
                    "X\u00c4: z",
                    "<c@d>",
                    ".",
                    "a\nb\nc",
                    "a\n b",
                    ">From a",
                    "From a",
                ),
            )
        ),
        *(
            (f"{line}\nA: b\n\ntext", ["A"], "text")
            for line in (
                *(
                    "no field",
                    "HTTP/1.1 200 OK",
                    "+OK",
                    "\ufeffFrom: a",
                    "X Y: z",
                    "From a Fri\nFrom b Fri",
                    "from a Fri",
                ),
                *(">>From a Fri", "From a Fri Nov  1 10:00:00 2024", "<?xml?>", " a\n b"),
            )
        ),
        ("A: b\nno field\n\ntext", ["A"], "text"),
        ("A: b\n" + "no field\n" * 100 + "C: d\n\ntext", ["A", "C"], "text"),
        ("A: b\n" + "no field\n" * 101 + "\ntext", ["A"], "no field\n" * 101 + "\ntext"),
        ("A: b\n \ntext\n\nmore", ["A"], "text\n\nmore"),
        ("no field\n\ntext", [], "no field\n\ntext"),
        ("X Y: no field\n\ntext", [], "X Y: no field\n\ntext"),
        ("A: b\ntext\nmore\n", ["A"], "text\nmore\n"),
        ("A: b\r\ntext\r\nC: d\r\n", ["A"], "text\nC: d\n"),
        ("text without a header", [], "text without a header"),
        ("\r\nA: b", [], "A: b"),
        ("", [], ""),
        ("A: b", ["A"], ""),
    ],
)
def test_header_and_body_are_separated(content, names, text):
    mail = received(content)

    assert ([field.name for field in mail.headers], mail.text) == (names, text)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("From ann Tue Jul  5 18:44:15 2022\nA: b\n\ntext", "the first line of the header is not a field"),
        ("A: b\nno field\n\ntext", "a line of the header is not a field"),
        ("A: b\nno field\nC: d\n\ntext", "a line of the header is not a field"),
        ("A: b\ntext", "no empty line between header and body"),
        ("no field" + "x" * 110_000 + "\n\n", "no empty line between header and body"),
        ("no field\n" + "x: y\n" * 30_000 + "\n\n", "no empty line between header and body"),
    ],
)
def test_line_that_is_not_a_field_is_a_defect(content, reason):
    assert f"content: {reason}" in [str(defect) for defect in received(content).defects]


ANN, BOB = Address("Ann", "ann", "example.com"), Address("", "bob", "example.com")


@pytest.mark.parametrize(
    ("text", "addresses", "defects"),
    [
        ("Ann <ann@example.com>, bob@example.com", (ANN, BOB), ()),
        ('"Ann" <ann@EXAMPLE.com> , ,<bob@example.com>', (ANN, BOB), ()),
        ("ann@example.com (Ann)", (ANN,), ()),
        ("(x) Ann (y) <ann@example.com> (z)", (ANN,), ()),
        ("Team: Ann <ann@example.com>, bob@example.com;", (ANN, BOB), ()),
        ("undisclosed-recipients:;", (), ()),
        ("Ann <@a,@b:ann@example.com>", (ANN,), ()),
        ("Ann\r\n <ann@example.com>,\r\n bob@example.com", (ANN, BOB), ()),
        ("ann @ example . com", (Address("", "ann", "example.com"),), ()),
        ('"a b\\"c"@example.com', (Address("", 'a b"c', "example.com"),), ()),
        ("a@[127.0.0.1]", (Address("", "a", "[127.0.0.1]"),), ()),
        ("=?utf-8?q?Doe=2C_J=C3=BCrgen?= <a@b.c>", (Address("Doe, Jürgen", "a", "b.c"),), ()),
        ("=?utf-8?q?J=C3=BC?=\r\n =?utf-8?q?rgen?= X. <a@b.c>", (Address("Jürgen X.", "a", "b.c"),), ()),
        ("Ann ann@example.com", (ANN,), ()),
        ("", (), ("no address",)),
        ("Doe, Ann <ann@example.com>", (Address("Doe, Ann", "ann", "example.com"),), ("unquoted comma",)),
        ("root, bob@example.com", (Address("", "root"), BOB), ("without a domain",)),
        ("root, <bob@example.com>", (Address("", "root"), BOB), ("without a domain",)),
        ("Team: root; ann: root", (Address("", "root"), Address("", "root")), ("without a domain",)),
        ("Ann <ann@example.com, bob@example.com", (ANN, BOB), ("unterminated address in angle brackets",)),
        ("Ann <ann@example.com", (ANN,), ("unterminated address in angle brackets",)),
        ("Ann <<ann@example.com>>", (ANN,), ("unterminated address in angle brackets",)),
        ('"Ann <ann@example.com>', (Address('"Ann', "ann", "example.com"),), ("unterminated quoted string",)),
        ("Ann (x <ann@example.com>", (Address("Ann (x", "ann", "example.com"),), ("unterminated comment",)),
        ("Ann <ann@example.com> x", (ANN,), ("text after an address",)),
        ("<>", (), ("empty",)),
        ("Ann <>", (Address("Ann"),), ("empty",)),
        ("<ann>", (Address("", "ann"),), ("without a domain",)),
        ("<@example.com>", (Address("", "", "example.com"),), ("not an address",)),
        ("a@b@example.com", (Address("", "a@b", "example.com"),), ("not an address",)),
    ],
)
def test_addresses_are_parsed_despite_errors(text, addresses, defects):
    mail = header(text)

    assert mail.to == addresses
    assert [
        defect
        for defect in mail.defects
        if defect.where == "header To" and not any(d in defect.reason for d in defects)
    ] == []
    assert len({defect.reason for defect in mail.defects}) >= len(defects)


def test_address_equality_hash_and_text():
    assert str(ANN) == "Ann <ann@example.com>" and repr(ANN) == "Address('Ann <ann@example.com>')"
    assert str(Address("Doe, Ann", "a b", "c")) == '"Doe, Ann" <"a b"@c>'
    assert (str(BOB), str(Address("", "root")), str(Address())) == ("bob@example.com", "root", "")
    assert Address("", "", "x").addr_spec == '""@x'
    assert Address("", "Ann", "x") != Address("", "ann", "x") and ANN != "ann@example.com"
    assert len({ANN, Address("Ann", "ann", "EXAMPLE.COM")}) == 1


def test_each_address_field_has_its_own_property():
    mail = received("From: a@b.c\r\nTo: d@e.f\r\nTo: g@h.i\r\nCc: j@k.l\r\nReply-To: m@n.o\r\n\r\n")

    assert [[str(one) for one in field] for field in (mail.from_, mail.to, mail.cc, mail.reply_to)] == [
        ["a@b.c"],
        ["d@e.f", "g@h.i"],
        ["j@k.l"],
        ["m@n.o"],
    ]


@pytest.mark.parametrize(
    ("fields", "hidden"),
    [
        ("To: Ann <ann@example.com>\r\nCc: bob@EXAMPLE.com", ("Cy@example.com",)),
        ("To: cy@example.com", ("ann@example.com", "bob@example.com", "Cy@example.com")),
        ("Resent-To: Cy@example.com\r\nResent-Cc: bob@example.com", ("ann@example.com",)),
        ("Bcc: bob@example.com\r\nTo: ann@example.com", ("bob@example.com", "Cy@example.com")),
        ("To: Team: ann@example.com, bob@example.com;\r\nTo: Cy@example.com", ()),
        ('To: "ann@example.com" <bob@example.com>', ("ann@example.com", "Cy@example.com")),
    ],
)
def test_bcc_lists_recipients_that_no_header_field_names(fields, hidden):
    mail = received(f"{fields}\r\n\r\n", to=("ann@example.com", "bob@example.com", "Cy@example.com"))

    assert mail.bcc == hidden


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("Fri, 21 Nov 1997 09:55:06 -0600", datetime(1997, 11, 21, 9, 55, 6, tzinfo=timezone(timedelta(hours=-6)))),
        ("21 Nov 1997 09:55:06 -0000", datetime(1997, 11, 21, 9, 55, 6, tzinfo=UTC)),
        ("Fri, 21 Nov 1997 09:55:06 GMT (a comment)", datetime(1997, 11, 21, 9, 55, 6, tzinfo=UTC)),
        ("yesterday", None),
        ("Fri, 99 Nov 1997 09:55:06 -0600", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("9" * 5000, None),
    ],
)
def test_date_is_an_aware_datetime_or_none(text, date):
    mail = header(text, "Date")

    assert mail.date == date
    found = [defect for defect in (*mail.defects, *mail.truncated) if defect.where == "header Date"]
    assert bool(found) == (date is None)
    assert received("A: b\r\n\r\n").date is None


@pytest.mark.parametrize(
    ("text", "message_id", "is_wrong"),
    [("<a@b>", "<a@b>", False), ("<<a@b>>", "<a@b>", True), ("a@b", "a@b", True), ("< a@b >", "< a@b >", True)],
)
def test_message_id_includes_its_brackets(text, message_id, is_wrong):
    mail = header(text, "Message-ID")

    assert (mail.message_id, bool(reasons(mail))) == (message_id, is_wrong)
    assert received("A: b\r\n\r\n").message_id == ""


@pytest.mark.parametrize(
    ("kind", "body", "text", "is_broken"),
    [
        ("text/plain; charset=utf-8", "Häll\r\n".encode(), "Häll\n", False),
        ("text/plain; charset=iso-8859-1", b"H\xe4ll", "Häll", False),
        ("text/plain; charset=utf-8", b"H\xe4ll", "H\N{REPLACEMENT CHARACTER}ll", True),
        ("text/plain; charset=big5", b"H\xff", "H\N{REPLACEMENT CHARACTER}", True),
        ("text/plain; charset=iso-8859-8-i", b"\xe0", "א", False),
        ("text/plain", "Häll".encode(), "Häll", True),
        ("text/plain", b"H\xe4ll", "Häll", True),
        ("text/plain; charset=none-such", "Häll".encode(), "Häll", True),
        ("text/plain; charset=none-such", b"H\xe4ll", "Häll", True),
        ('text/plain; charset=" "', b"a", "a", True),
        ("text/plain; charset=unicode_escape", b"\\x41", "\\x41", True),
        ("text/plain; charset=utf-7", b"+2AA-", "\N{REPLACEMENT CHARACTER}", True),
        ("text/plain", b"a\x00b", "a\N{REPLACEMENT CHARACTER}b", True),
        ("text/x-markdown", b"# a", "# a", False),
        ("text", b"a", "a", True),
        ("multipart/mixed", b"a", "a", True),
        ("multipart/mixed; boundary=b", b"a", "a", True),
        ("image/png", b"a", "", False),
    ],
)
def test_text_is_decoded_only_with_text_charsets(kind, body, text, is_broken):
    mail = received(b"Content-Transfer-Encoding: 8bit\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + body)

    assert mail.text == text
    assert any(defect.where == "content" for defect in mail.defects) == is_broken


@pytest.mark.parametrize(
    ("charset", "data", "text", "reason"),
    [
        # Valid in the declared charset: no defect.
        ("iso-8859-1", b"\xe4", "ä", None),
        ("gb2312", "您好".encode("gb2312"), "您好", None),
        ("iso-2022-jp", "日本".encode("iso-2022-jp"), "日本", None),
        ("tis-620", b"\xa1", "ก", None),
        # Valid only in the Windows superset.
        ("iso-8859-1", b"It\x92s 5 \x80 \x96 \x93\xe4\x94", "It’s 5 € – “ä”", "cp1252"),
        ("latin1", b"\x85", "…", "cp1252"),
        ("us-ascii", b"It\x92s", "It’s", "not US-ASCII"),
        ("iso-8859-9", b"\x80 \xfd", "€ ı", "cp1254"),
        ("tis-620", b"\xa1\x85", "ก…", "cp874"),
        ("iso-8859-11", b"\xa1\x80", "ก€", "cp874"),
        ("gb2312", "朱镕基".encode("gbk"), "朱镕基", "gb18030"),
        ("gbk", "€㐂".encode("gb18030"), "€㐂", "gb18030"),
        ("ks_c_5601-1987", "똠방각하 펲".encode("cp949"), "똠방각하 펲", "cp949"),
        ("euc-kr", "똠".encode("cp949"), "똠", "cp949"),
        ("shift_jis", "①髙橋".encode("cp932"), "①髙橋", "cp932"),
        ("big5", "碁銹".encode("cp950"), "碁銹", "cp950"),
        ("big5", "㗎嘅".encode("big5hkscs"), "㗎嘅", "big5hkscs"),
        ("iso-2022-jp", b"a \x1b$B-!|b66\x1b(B b", "a ①髙橋 b", "cp50220"),
        ("iso-2022-jp", b"\x1b(I1 2\x1b(J\x1b$@F|K\\-@\x1b(B", "ｱ ｲ日本㍉", "cp50220"),
        # Valid in neither of them.
        ("iso-8859-1", b"\x81\x92", "\x81\x92", None),
        ("shift_jis", b"a\xff", "a\N{REPLACEMENT CHARACTER}", "not shift_jis"),
        ("big5", b"a\xff", "a\N{REPLACEMENT CHARACTER}", "not big5"),
        ("iso-2022-jp", b"a\xff", "a\N{REPLACEMENT CHARACTER}", "not iso2022_jp"),
        ("iso-2022-jp", b"a\x1b$Z", "a\N{REPLACEMENT CHARACTER}", "not iso2022_jp"),
        ("us-ascii", b"\x81\x92", "\x81\x92", "not US-ASCII"),
    ],
)
def test_charset_falls_back_to_its_windows_superset(charset, data, text, reason):
    fields = f"Content-Transfer-Encoding: 8bit\r\nContent-Type: text/plain; charset={charset}\r\n\r\n"
    body = received(fields.encode() + data)
    word = received(f"Subject: =?{charset}?b?{base64.b64encode(data).decode()}?=\r\n\r\n")

    assert (body.text, word.subject) == (text, text)
    for mail in (body, word):
        found_reasons = reasons(mail)
        assert (reason is None and not found_reasons) or any(reason in found for found in found_reasons)


@pytest.mark.parametrize("row", [*range(1, 9), 13, *range(16, 85)])
def test_cp50220_decodes_all_characters_of_iso_2022_jp(row):
    cells = [bytes((row + 0x20, cell + 0x20)) for cell in range(1, 95)]
    valid = [cell for cell in cells if (b"\x1b$B" + cell + b"\x1b(B").decode("iso2022_jp", "ignore")]
    body = b"\x1b$B" + b"".join(valid) + b"-!\x1b(B"
    mail = received(b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + body)

    # Windows has look-alikes of these characters.
    alike = str.maketrans("〜‖−¢£¬＼", "～∥－￠￡￢＼")
    assert mail.text == (b"\x1b$B" + b"".join(valid) + b"\x1b(B").decode("iso2022_jp").translate(alike) + "①"


@pytest.mark.parametrize(
    ("encoding", "body", "text", "reason"),
    [
        ("base64", "aGFsbG8=", "hallo", None),
        ("BASE64 ", "aGFs\r\nbG8=\r\n", "hallo", None),
        ("base64", "aGFs!bG8=", "hallo", "invalid characters"),
        ("base64", "aGFsbG8", "hallo", "without padding"),
        ("base64", "aGFsb", "hal", "incomplete"),
        ("base64", "aGFsbG8=aGFs", "hallo", "after the end"),
        ("quoted-printable", "a=3Db=\r\nc", "a=bc", None),
        ("quoted-printable", "a=zz", "a=zz", "invalid escape"),
        ("x-unknown", "a", "a", "not a known transfer encoding"),
        ("x-uuencode", "begin 644 a\r\n#86)C\r\nend", "abc", "not a standard transfer encoding"),
        ("x-uuencode", "a", "a", "without a begin line"),
        ("8bit", "a", "a", None),
    ],
)
def test_transfer_encoding_is_decoded_despite_errors(encoding, body, text, reason):
    mail = received(f"Content-Transfer-Encoding: {encoding}\r\n\r\n{body}")

    assert mail.text == text
    found_reasons = reasons(mail)
    assert (reason is None and not found_reasons) or any(reason in found for found in found_reasons)


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ("Content-Disposition: attachment; filename=a.txt", ("a.txt",)),
        ("Content-Disposition: attachment; filename=report (1).pdf", ("report (1).pdf",)),
        ('Content-Disposition: attachment; filename="a\\"b;c.txt"', ('a"b;c.txt',)),
        ("Content-Disposition: attachment; filename*=utf-8''%C3%A4.txt", ("ä.txt",)),
        ("Content-Disposition: attachment; filename*0*=utf-8'de'%C3; filename*1*=%A4; filename*2=.txt", ("ä.txt",)),
        ("Content-Disposition: attachment; filename=a.txt; filename*=utf-8''b.exe", ("b.exe", "a.txt")),
        ("Content-Disposition: attachment; filename=a\r\nContent-Type: image/png; name=b", ("a", "b")),
        ("Content-Disposition: attachment\r\nContent-Type: image/png; name==?utf-8?q?=C3=A4?=", ("ä",)),
        ("Content-Disposition: attachment; filename*1=b; filename*2=c", ("bc",)),
        ("Content-Disposition: attachment; filename*0=a; filename*2=c", ("ac",)),
        ("Content-Disposition: attachment; filename*=a", ("a",)),
        ("Content-Disposition: attachment; filename*x=a; filename*0**=b; filename*99999=c", ()),
        ('Content-Disposition: attachment; filename="a.txt', ("a.txt",)),
        ("Content-Disposition: attachment (a; (b) \\) filename=x) ; filename=b", ("b",)),
        ("Content-Disposition: attachment; filename; =; x=(y; filename=b", ("b",)),
        ("Content-Disposition: attachment; (filename=b", ()),
        ("Content-Disposition: attachment; filename*x*=a; *=b; filename*0=a; filename*0=b", ("a",)),
        ("Content-Disposition: attachment", ()),
    ],
)
def test_attachment_has_all_file_names_the_decisive_one_first(fields, names):
    mail = received(f"{fields}\r\n\r\n\x00")
    [attachment] = mail.attachments

    assert (attachment.filename, attachment.filenames) == (names[0] if names else "", names)
    assert ("more than one file name" in " ".join(reasons(mail))) == (len(names) > 1)


def multipart(subtype, *parts, boundary="b", more=""):
    inside = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f"Content-Type: multipart/{subtype}; boundary={boundary}{more}\r\n\r\npre\r\n{inside}--{boundary}--\r\nepi"


PLAIN, HTML = "\r\nplain", "Content-Type: text/html\r\n\r\n<b>html</b>"
SHOWING = "Content-Type: text/html\r\n\r\nhtml<img src=cid:i@x>"
IN_SHOWING = ("html\n", "html<img src=cid:i@x>")
IMAGE = "Content-Type: image/png\r\nContent-ID: <i@x>\r\n\r\nimage"
SAVED = "Content-Disposition: attachment; filename=a.txt\r\n\r\nsaved"
NAMED = "Content-Type: text/plain; name=n.txt\r\n\r\nnotes"
INLINE = "Content-Disposition: inline; filename=n.txt\r\n\r\nnotes"
IN_HTML = ("html\n", "<b>html</b>")
NAMED_HTML = "Content-Type: text/html; name=n.htm\r\n\r\n<b>html</b>"


@pytest.mark.parametrize(
    ("content", "text", "html", "attachments"),
    [
        (multipart("alternative", PLAIN, HTML), "plain", "<b>html</b>", []),
        (multipart("alternative", HTML, PLAIN), "plain", "<b>html</b>", []),
        (multipart("mixed", SAVED, PLAIN), "plain", "", [("a.txt", False)]),
        (multipart("mixed", PLAIN, PLAIN), "plain", "", [("", False)]),
        (
            multipart("mixed", multipart("alternative", PLAIN, HTML, boundary="c"), SAVED),
            "plain",
            "<b>html</b>",
            [("a.txt", False)],
        ),
        (multipart("related", SHOWING, IMAGE), *IN_SHOWING, [("", True)]),
        (multipart("related", IMAGE, SHOWING), *IN_SHOWING, [("", True)]),
        (multipart("mixed", SHOWING, IMAGE), *IN_SHOWING, [("", True)]),
        (multipart("related", HTML, IMAGE), *IN_HTML, [("", False)]),
        (multipart("related", HTML, "Content-ID: <r>\r\n\r\nroot", more='; start="<r>"'), "root", "", [("", True)]),
        (multipart("related", SHOWING, IMAGE, more='; start="<none>"'), *IN_SHOWING, [("", True)]),
        (multipart("related", IMAGE, IMAGE), "", "", [("", False), ("", True)]),
        (multipart("mixed", "Content-Disposition: inline; filename=n.txt\r\n\r\nplain"), "plain", "", []),
        # A part with a name is a file, even if it can be shown ...
        (multipart("mixed", HTML, NAMED), "html\n", "<b>html</b>", [("n.txt", False)]),
        (multipart("mixed", HTML, INLINE), "html\n", "<b>html</b>", [("n.txt", True)]),
        (multipart("mixed", PLAIN, NAMED_HTML), "plain", "", [("n.htm", False)]),
        (
            multipart("mixed", multipart("related", SHOWING, IMAGE, boundary="c"), NAMED),
            *IN_SHOWING,
            [("", True), ("n.txt", False)],
        ),
        (
            multipart("mixed", IMAGE, multipart("mixed", NAMED, HTML, boundary="c")),
            *IN_HTML,
            [("", False), ("n.txt", False)],
        ),
        # ... but not the first part or an alternative: some programs name these, too.
        (multipart("mixed", NAMED, PLAIN), "notes", "", [("", False)]),
        (multipart("mixed", multipart("mixed", NAMED, boundary="c"), PLAIN), "notes", "", [("", False)]),
        (multipart("alternative", PLAIN, NAMED_HTML), "plain", "<b>html</b>", []),
        (
            multipart("alternative", PLAIN, multipart("related", NAMED_HTML, IMAGE, boundary="c")),
            "plain",
            "<b>html</b>",
            [("", False)],
        ),
        # Apple Mail: a file between two paragraphs.
        (multipart("mixed", PLAIN, INLINE, "\r\nmore"), "plain", "", [("n.txt", True), ("", False)]),
        (
            multipart(
                "mixed",
                INLINE.replace("n.txt", "i.png").replace("Content-D", "Content-Type: image/png\r\nContent-D"),
                PLAIN,
            ),
            "plain",
            "",
            [("i.png", True)],
        ),
        (
            multipart("alternative", PLAIN, multipart("mixed", HTML, INLINE, HTML, boundary="c")),
            "plain",
            "<b>html</b>",
            [("n.txt", True), ("", False)],
        ),
        (
            multipart("mixed", PLAIN, "Content-Type: image/png\r\nContent-Disposition: inline\r\n\r\nx"),
            "plain",
            "",
            [("", True)],
        ),
        (multipart("alternative", PLAIN, "Content-Type: text/calendar\r\n\r\nBEGIN"), "plain", "", [("", False)]),
        (multipart("digest", "\r\nSubject: a\r\n\r\nb"), "", "", [("", False)]),
        (multipart("mixed", multipart("mixed", PLAIN, boundary="b"), HTML), "plain", "<b>html</b>", []),
        (multipart("mixed", "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nin"), "in", "", []),
        (multipart("mixed", PLAIN).replace("--b--\r\nepi", ""), "plain\n", "", []),
        (multipart("mixed", PLAIN, boundary='"(a)+[.*"').replace('--"(a)+[.*"', "--(a)+[.*"), "plain", "", []),
        ("Content-Type: message/rfc822\r\n\r\nSubject: a\r\n\r\nb", "", "", [("", False)]),
        ("Content-Type: text/html\r\n\r\n<b>html</b>", "html\n", "<b>html</b>", []),
    ],
)
def test_parts_are_classified_as_text_html_or_attachment(content, text, html, attachments):
    mail = received(content)

    assert (mail.text, mail.html) == (text, html)
    assert [(one.filename, one.inline) for one in mail.attachments] == attachments
    assert mail.text_is_derived == (bool(html) and text == "html\n")


FILE_TYPES = ["csv", "calendar", "x-vcard", "vcard", "xml", "directory", "markdown", "x-patch", "tab-separated-values"]
NAMED = [
    "; name=a.x",
    "\r\nContent-Disposition: inline; filename=a.x",
    "\r\nContent-Disposition: attachment; filename=a.x",
]


@pytest.mark.parametrize("subtype", FILE_TYPES)
@pytest.mark.parametrize("rest", NAMED)
def test_whole_mail_of_a_text_type_with_a_name_is_a_file(subtype, rest):
    mail = received(f"Content-Type: text/{subtype}{rest}\r\n\r\na,b\r\n")

    assert (mail.text, mail.html, mail.text_is_derived) == ("", "", False)
    assert [(one.filename, one.content_type, one.content) for one in mail.attachments] == [
        ("a.x", f"text/{subtype}", b"a,b\r\n")
    ]


@pytest.mark.parametrize("rest", ["", "\r\nContent-Disposition: inline"])
@pytest.mark.parametrize(
    ("subtype", "is_file"),
    [
        *(
            (data, True)
            for data in ("csv", "CSV", "calendar", "xml", "json", "uri-list", "comma-separated-values", "x-yaml")
        ),
        *((prose, False) for prose in ("plain", "markdown", "enriched", "x-none-such", "x-diff")),
    ],
)
def test_whole_mail_of_a_text_type_is_a_file_if_programs_read_it(subtype, is_file, rest):
    mail = received(f"Content-Type: text/{subtype}{rest}\r\n\r\na,b\r\n")

    assert (mail.text, len(mail.attachments)) == (("", 1) if is_file else ("a,b\n", 0))


@pytest.mark.parametrize("rest", NAMED[:2])
@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_whole_mail_of_plain_text_or_html_is_its_text_even_with_a_name(subtype, rest):
    mail = received(f"Content-Type: text/{subtype}{rest}\r\n\r\nab\r\n")

    assert (mail.text.strip(), mail.attachments) == ("ab", ())


def test_attachment_has_content_and_content_id():
    mail = received(
        multipart(
            "mixed",
            IMAGE,
            "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nb",
            "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC",
        )
    )
    image, message, pdf = mail.attachments

    assert (image.content_id, image.content_type, image.content, image.inline) == ("i@x", "image/png", b"image", False)
    assert (message.content, pdf.content) == (b"Subject: in\r\n\r\nb", b"\x00\x01\x02")
    assert repr(pdf) == "Attachment('', 'application/pdf', 3 bytes)"
    assert isinstance(pdf, Attachment)


@pytest.mark.parametrize(
    ("content", "parameters", "defects"),
    [
        ("A: b\r\n\r\nc\r\n", {}, []),
        ("A: b\n\r\nc\r", {}, ["content: CR without LF", "content: LF without CR"]),
        ("A: b\n\nc\n", {}, ["content: 3 × LF without CR"]),
        ("A: b\r\rc", {}, ["content: 2 × CR without LF", "content: line ends are bare CR"]),
        ("Content-Type: a/b\r\n\r\n\0", {}, ["content: NUL"]),
        ("Content-Type: a/b\r\n\r\n\0\r", {"BODY": "BINARYMIME"}, []),
        ("A: ä\r\n\r\n", {}, ["header A: bytes that are not US-ASCII, without SMTPUTF8"]),
        ("A: ä\r\n\r\n", {"SMTPUTF8": ""}, []),
        ("A: =?utf-8?q?a=0D=0Ab?=\r\n\r\n", {}, ["header A: line end in an encoded word"]),
        (
            "A: " + "a" * 200_000 + "\r\n\r\n",
            {},
            ["content: line 1 has more than 998 bytes", "header A: more than 102,400 bytes: truncated"],
        ),
        ("A: b\r\n" * 1001 + "\r\n", {}, ["content: too many header fields: truncated"]),
        ("To: " + "a@b.c,\r\n " * 4000 + "\r\n\r\n", {}, ["header To: too many addresses: truncated"]),
        (
            "Content-Type: text/html" + ";\r\n a=b" * 201 + "\r\n\r\n",
            {},
            ["content: more than 200 parameters: truncated"],
        ),
    ],
)
def test_defects_name_location_and_reason(content, parameters, defects):
    mail = received(content, **parameters)

    assert reasons(mail) + [str(limit) for limit in mail.truncated] == defects


@pytest.mark.parametrize(
    ("limit", "value", "content", "where"),
    [
        ("MAX_DELIMITER_CANDIDATES", 1, multipart("mixed", PLAIN), "content"),
        ("MAX_DELIMITER_CANDIDATES", 0, multipart("mixed", PLAIN), "content"),
        ("MAX_BROKEN_TEXT_BYTES", 10, b"Content-Type: text/plain; charset=big5\r\n\r\n" + b"\xff" * 20, "content"),
        ("MAX_DERIVED_CHARACTERS", 10, "Content-Type: text/html\r\n\r\n" + "a" * 20, "html"),
        ("MAX_CODE_SEARCH_CHARACTERS", 10, "\r\n" + "a" * 20, "text"),
        ("MAX_TAGS", 3, "Content-Type: text/html\r\n\r\n" + "<b>" * 4, "html"),
        ("MAX_FINDS", 3, "\r\n" + "https://e.test/ " * 4, "text"),
        ("MAX_FINDS", 3, "\r\n" + "1234 a " * 4, "text"),
        ("MAX_PARTS", 3, multipart("mixed", PLAIN, PLAIN, PLAIN, PLAIN), "content"),
        ("MAX_PARTS", 3, multipart("mixed", PLAIN, PLAIN, PLAIN, PLAIN).replace("--b--", ""), "content"),
        ("MAX_MULTIPART_DEPTH", 0, multipart("mixed", PLAIN), "content"),
        ("MAX_MAIL_HEADER_FIELDS", 3, multipart("mixed", PLAIN, "A: b\r\nC: d\r\nE: f\r\n\r\n"), "part 2"),
    ],
)
def test_limit_truncates_with_a_defect(monkeypatch, limit, value, content, where):
    monkeypatch.setattr(f"lazr.smtptest.mail.mime.limits.{limit}", value)

    mail = received(content)

    assert where in [limit.where for limit in mail.truncated]
    assert [defect for defect in mail.defects if defect.reason.endswith("truncated")] == []


def test_number_of_attributes_of_a_tag_is_limited():
    many = "".join(f" a{number}=b" for number in range(300))
    assert received(f"Content-Type: text/html\r\n\r\n<a {many} href=x>a</a><a href=y>b</a>").links == (
        Link("y", "b", "html"),
    )


def test_defect_equality_hash_and_text():
    assert Defect("a", "b") == Defect("a", "b") != Defect("a", "c")
    assert len({Defect("a", "b"), Defect("a", "b")}) == 1
    assert (str(Defect("a", "b")), repr(Defect("a", "b"))) == ("a: b", "Defect('a', 'b')")


def test_number_of_defects_is_limited():
    mail = received(
        "".join(f"X-{number}: =?x?q?{number}?=\r\n" for number in range(999)) + "Date: x\r\nDate: y\r\n\r\n\0"
    )

    assert len(mail.defects) == 1000
    assert str(mail.truncated[0]) == "content: more defects: the list is truncated"


def test_envelope_parses_dsn_parameters():
    envelope = Envelope(
        "",
        ("a@b.c", "d@e.f", "g@h.i"),
        mail_parameters={"RET": "full", "ENVID": "x=y"},
        rcpt_parameters=({"NOTIFY": "success,FAILURE", "ORCPT": "rfc822;z;z@b.c"}, {"NOTIFY": "NEVER"}, {}),
    )

    assert (envelope.ret, envelope.envid) == ("FULL", "x=y")
    assert envelope.dsn == (
        Dsn(frozenset({"SUCCESS", "FAILURE"}), ("rfc822", "z;z@b.c")),
        Dsn(frozenset({"NEVER"})),
        Dsn(),
    )
    assert repr(envelope.dsn[0]) == "Dsn(notify={'FAILURE', 'SUCCESS'}, orcpt=('rfc822', 'z;z@b.c'))"
    assert len({Dsn(), Dsn(), Dsn(frozenset({"NEVER"}))}) == 2


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Your code is 123456.", ["123456"]),
        ("G-123456 is your verification code.", ["123456"]),
        ("123 456 is your code", ["123456"]),
        ("Your code: 123-456", ["123456"]),
        ("code:123456", ["123456"]),
        ("Code 12 34 56", ["123456"]),
        ("Code 1234\N{NO-BREAK SPACE}5678", ["12345678"]),
        ("Enter this code:\n\n   8 3 1 2 9 4\n\nCall +1 555 123 4567. © 2026 Acme, 94105 X", ["831294"]),
        ("Order 99887766\nYour one-time PIN: 4711", ["4711"]),
        ("Use 1234 to log in. It costs 1500 EUR or $1234.50, and 1600 seconds", ["1234"]),
        ("Dein Bestätigungscode lautet 0815", ["0815"]),
        ("验证码：482913，5分钟内有效", ["482913"]),
        # Scripts without spaces between words.
        ("您的验证码是556677，5分钟内有效", ["556677"]),
        ("您的驗證碼為556677", ["556677"]),
        ("认证码556677请勿泄露", ["556677"]),
        ("認証コードは123456です。", ["123456"]),
        ("ワンタイムパスワード:123456", ["123456"]),
        ("인증번호는 123456입니다.", ["123456"]),
        ("【Acme】123456（登录验证码）", ["123456"]),
        ("รหัส OTP ของคุณคือ123456ครับ", ["123456"]),
        ("2026年11月22日 订单号为445566，验证码4711，3000元", ["4711"]),
        ("注文番号は445566 주문번호: 778899 ご予約番号：112233", []),
        # Letters next to digits make a longer word.
        ("кодabc1234 1234й 1234ä ñ1234 ע1234", []),
        ("#123456 is your code", ["123456"]),
        ("Your code: #123456", ["123456"]),
        ("Code: 123.456, and 1.234.567 people", ["123456"]),
        ("#123456 is closed, and of 123.456 none is", []),
        ("Code 4711, for #123456", ["4711", "123456"]),
        ("PIN 2024", ["2024"]),
        ("Your code:\n2024", ["2024"]),
        ("Since 1999. Happy 2024! Shipped 2024-05-17, 20240517", []),
        ("https://e.test/?code=123456 ann123456@e.test #445566 a1234 1,234,567 12:3456", []),
        ("1 2 3 4 5 6 7 8 9", []),
        ("12 users", []),
        ("zip code 12345", []),
        ("654321 and code 123456 and 654321 and 123456", ["123456", "654321"]),
    ],
)
def test_codes_are_found_the_likeliest_first(text, codes):
    assert list(received(f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}").codes) == codes


@pytest.mark.parametrize(
    "prefix",
    [
        *("Order Number", "ORDER NO.", "Order ID:", "Your order is", "Invoice number:", "Ticket ID:", "Ticket #"),
        *("Customer number", "Customer no.", "Your tracking number is", "Account number:", "Booking No", "Member ID"),
        *("Bestellung Nummer", "Bestellnummer:", "Rechnungsnummer", "Rechnungs-Nr.", "Kundennummer", "Kunden-Nr.:"),
        *("Auftragsnummer", "Vorgangsnummer:", "Sendungsnummer", "Ihre Bestellnummer ist", "Numéro de commande"),
        *("Número de pedido:", "Bestelnummer", "Ordrenummer", "Kundnummer är", "eur", "usd"),
    ],
)
def test_number_of_an_order_or_account_is_not_a_code(prefix):
    mail = received(f"Subject: Confirm\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{prefix} 445566, code 7788")

    assert mail.codes == ("7788",)


def test_codes_are_found_in_subject_and_html():
    assert received("Subject: 123456 is your code\r\n\r\n").codes == ("123456",)
    alternative = multipart("alternative", "\r\nHello", "Content-Type: text/html\r\n\r\n<p>Code</p><p>12<b>34</b></p>")
    assert received(alternative).codes == ("1234",)


def test_links_are_found_in_html_and_text():
    html = (
        "Content-Type: text/html\r\n\r\n<a href='https://e.test/?a&amp;b'>Do\r\n <b>it</b></a> <a name=x>no</a>"
        "<a href=' mailto:a@b.c '><img src=x alt=Mail></a><area href=/map alt=Map><a href=x>open<a href=x>twice</a>"
        "<div style='display: none'><a href=hidden>unseen</a></div>"
    )
    text = "\r\nSee (https://e.test/a_(b)), <https://e.test/c>, mailto:a@b.c. https://e.test/c!"

    assert received(multipart("alternative", text, html)).links == (
        Link("https://e.test/?a&b", "Do it", "html"),
        Link("mailto:a@b.c", "Mail", "html"),
        Link("/map", "Map", "html"),
        Link("x", "open", "html"),
        Link("x", "twice", "html"),
        Link("hidden", "unseen", "html"),
        *(
            Link(url, url, "text")
            for url in ("https://e.test/a_(b)", "https://e.test/c", "mailto:a@b.c", "https://e.test/c")
        ),
    )
    bare = "Content-Type: text/html\r\n\r\n<a href='https://e.test/'>https://e.test/</a> https://e.test/bare"
    assert [(link.url, link.where) for link in received(bare).links] == [
        ("https://e.test/", "html"),
        ("https://e.test/bare", "html"),
    ]
    link = Link("a", "b", "html")
    assert repr(link) == "Link('a', 'b', 'html')" and len({link, Link("a", "b", "html")}) == 1


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("请点击https://e.test/a?x=1，谢谢", ["https://e.test/a?x=1"]),
        ("链接：https://e.test/a。请在5分钟内", ["https://e.test/a"]),
        ("「https://e.test/a」『https://e.test/b』【https://e.test/c】", ["a", "b", "c"]),
        ("（https://e.test/a）、https://e.test/(b)！https://e.test/c？", ["a", "(b)", "c"]),
        ("《https://e.test/a》；https://e.test/b：", ["a", "b"]),
        ("https://例え.test/パス。次", ["https://例え.test/パス"]),
        ("mailto:a@b.c，", ["mailto:a@b.c"]),
    ],
)
def test_link_ends_at_the_punctuation_of_any_script(text, urls):
    mail = received(f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}")

    assert [link.url for link in mail.links] == [url if ":" in url else f"https://e.test/{url}" for url in urls]


@pytest.mark.parametrize(
    ("attribute", "url"),
    [
        # Most programs do not escape `&`, although each of these names is also a character reference.
        *(
            (f"https://e.test/?a=1{parameters}", f"https://e.test/?a=1{parameters}")
            for parameters in (
                "&timestamp=5&region=eu&currency=EUR&section=2&notify=1&copy=3&lt=4",
                "&not2&ampere;&notit;&nosuch;&amp=b",
            )
        ),
        ("?a&amp;b&#38;c&#x26;d&#38e&quot;", '?a&b&c&d&e"'),
        ("?a&amp", "?a&"),
        ("?a&amp&lt/&copy;=", "?a&</©="),
        ("?a&#99999999999;&#0000000000038;", "?a\N{REPLACEMENT CHARACTER}&"),
    ],
)
@pytest.mark.parametrize("quote", ["'", ""])
def test_url_in_html_is_decoded_as_in_a_browser(attribute, url, quote):
    assert received(f"Content-Type: text/html\r\n\r\n<a href={quote}{attribute}{quote}>x</a>").links[0].url == url


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<p>b", "a\n\nb\n"),
        ("a<br>b<br/><br>c", "a\nb\n\nc\n"),
        ("<br>a", "a\n"),
        ("<div>a</div><div> b  c\n</div>", "a\nb c\n"),
        ("a <b> b</b>c", "a bc\n"),
        ("<table><tr><td>a<td>b<tr><th>c</table>", "a b\nc\n"),
        ("<ul><li>a<li>b</ul>", "- a\n- b\n"),
        ("x<pre>a\r\n  b</pre>y", "x\n\na\n  b\n\ny\n"),
        ("<head><title>t</title><style>p{}</style><body>a", "a\n"),
        ("<script>'</p>'</script>a", "a\n"),
        ("<title>a</title><textarea>b</textarea>c", "c\n"),
        ("<script>a", ""),
        ("a<!-- <p>b --> c<!doctype x><?xml?></>d", "a cd\n"),
        ("a<!-- b", "a\n"),
        ("a<! b", "a\n"),
        ("1 < 2 &lt; &#51; &#x34; &amp;&#99999999999; &#0065;", "1 < 2 < 3 4 &\N{REPLACEMENT CHARACTER} A\n"),
        ("<div style='display:none'>a<div>b</div></div>c<p hidden>d</p>", "c\n"),
        # A hidden element without an end tag ends where a browser ends it.
        ("<div><p style='display:none'>a<p>b</div><p>c</p>", "b\n\nc\n"),
        *((f"<p hidden>a<{name}>b", "b\n") for name in ("div", "table", "h1", "pre", "form", "blockquote")),
        ("<p hidden>a<ul><li>b", "- b\n"),
        ("<p hidden>a<b>b<table><td>c</table>", "c\n"),
        ("<p hidden>a<span>b</span><img><br>c</p>d", "d\n"),
        ("<p hidden>a</div></td></p>b", "b\n"),
        ("<div hidden>a<p>b<p>c</div>d", "d\n"),
        ("<div><b hidden>a<span hidden>b</div>c", "c\n"),
        ("<div hidden>a<div>b</div><br></br></i>c</div>d", "d\n"),
        ("<div hidden>a<table><td></div>b</table>c</div>d", "d\n"),
        ("<table><tr><td style='display:none'>a<td>b</table>c", "b\n\nc\n"),
        ("<table><tr><td><div hidden>a</td><td>b<tr><th hidden>c<td>d</table>", "b\nd\n"),
        ("<table><tr hidden><td>a<table><tr><td>b</table>c<tr><td>d</table>", "d\n"),
        ("<table><thead hidden><tr><td>a<tbody><tr><td>b<tfoot hidden><td>c</table>d", "b\n\nd\n"),
        ("<td hidden>a<td>b", "b\n"),
        ("<h1 hidden>a<h2>b</h1>c", "b\n\nc\n"),
        ("<h1 hidden>a</h2>b", "b\n"),
        ("<ul><li><section hidden>a<li>b</section>c</ul>d", "- c\n\nd\n"),
        ("<ul><li hidden>a<ul></li>b</ul>c</li>d</ul>", "d\n"),
        ("<o:p hidden>a<p>b</o:p>c</p></o:p>d", "d\n"),
        ("<ul><li hidden>a<li>b<ul><li hidden>c<li>d</ul><li>e</ul>", "- b\n  - d\n- e\n"),
        ("<ul><li hidden>a<ul><li>b</ul>c<li>d</ul>", "- d\n"),
        ("<dl><dt hidden>a<dd>b<dd hidden>c<dt>d</dl>", "b\nd\n"),
        ("<select><option hidden>a<option>b<optgroup hidden><option>c<optgroup><option>d</select>", "b\nd\n"),
        ("<head><title>a</title><meta><noscript><link></noscript><p>b", "b\n"),
        ("<html><head>\n<title>a</title>\nb", "b\n"),
        ("<head><style>p{}</style></head><div>a</div></body></html>b", "a\nb\n"),
        ("<body hidden><p>a</body>b", ""),
        ("<template><td>a</template>b", "b\n"),
        ("<!-->a<!--->b<!---->c<!-- d --!>e<!-- > -> f -->g<!--[if !mso]><!-->h<!--<![endif]-->", "abcegh\n"),
        ("<p style='color:red' class='hide'>a</p><img style='display:none'>b", "a\n\nb\n"),
        ("&zwnj;a&nbsp;&nbsp;b&shy;c", "\u200ca bc\n"),
        ("<a title='>'>a</a><a title=\"'>\">b</a>", "ab\n"),
        ("<a title='x>a</a> <b>b</b>", "a b\n"),
        ("a<b title=", "a\n"),
        ("<p>  </p>", ""),
        ("<table><td><td>a", "a\n"),
        ("a<p></p><p></p>b", "a\n\nb\n"),
        ("</pre><pre></pre>a", "a\n"),
    ],
)
def test_text_is_derived_from_html_without_a_text_part(html, text):
    mail = received(f"Content-Type: text/html; charset=utf-8\r\n\r\n{html}")

    assert (mail.text, mail.text_is_derived) == (text, True)


EXPECTED_SNAPSHOT = """\
MAIL FROM:<ann@example.com>
RCPT TO:<bob@example.com>

Subject: Hi
Date: <date>
Message-ID: <message-id>
References: <message-id 2> <message-id>
Content-Type: multipart/mixed; boundary=<boundary>

--- text
plain

--- html
<img src=cid:<content-id>>

--- inline, '', image/png, 5 bytes, sha256 6105d6cc76af, <content-id>

--- attachment, 'a.txt', text/plain, 5 bytes, sha256 d81c55f49c5b
"""


def build_content(unique):
    return (
        f"Received: by {unique}\r\nSubject: Hi\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n"
        f"Message-ID: <{unique}@a>\r\nReferences: <{unique}@b> <{unique}@a>\r\n"
    ) + multipart(
        "mixed",
        PLAIN,
        f"Content-Type: text/html\r\n\r\n<img src=cid:i{unique}@x>",
        IMAGE.replace("i@x", f"i{unique}@x"),
        SAVED,
        boundary=f"={unique}=",
    )


def test_snapshot_is_stable():
    one, other = received(build_content("1")), received(build_content("22"))

    assert one.snapshot() == other.snapshot() == EXPECTED_SNAPSHOT
    assert (
        received(multipart("mixed", PLAIN).replace("; boundary=b", ""))
        .snapshot(headers=["content-type"])
        .splitlines()[3]
        == "Content-Type: multipart/mixed"
    )
    short = received(multipart("mixed", PLAIN).replace("boundary=b", 'type=b; Boundary="b"; x=b'))
    assert short.snapshot().splitlines()[3] == 'Content-Type: multipart/mixed; type=b; Boundary="<boundary>"; x=b'
    assert one.snapshot(headers=("received",)).splitlines()[3] == "Received: by 1"
    masked = one.snapshot(replace={"plain": "PLAIN", re.compile(r"\d+ bytes"): "N bytes"})
    assert "PLAIN" in masked and "N bytes" in masked and "5 bytes" not in masked
    assert received("Content-ID: <a>\r\nContent-Type: text/html\r\n\r\n<p>a").snapshot() == (
        "MAIL FROM:<ann@example.com>\nRCPT TO:<bob@example.com>\n\n"
        "Content-ID: <content-id>\nContent-Type: text/html\n\n--- html\n<p>a\n"
    )


@pytest.mark.parametrize(
    ("use", "shown"),
    [
        ("[cid:{}]", "[cid:<content-id>]"),
        ("url(cid:{});", "url(cid:<content-id>);"),
        ("CID:{}.", "CID:<content-id>."),
        ("cid:{}&quot;,", "cid:<content-id>&quot;,"),
        ("cid:{}, cid:none@x, cid:", "cid:<content-id>, cid:none@x, cid:"),
    ],
)
@pytest.mark.parametrize("percent", [False, True])
def test_snapshot_replaces_content_ids_everywhere(use, shown, percent):
    def render(content_id):
        url = content_id.replace("@", "%40").replace("(", "%28") if percent else content_id
        html = f"Content-Type: text/html\r\n\r\n<img src='cid:{url}'>"
        return received(multipart("mixed", f"\r\n{use.format(url)}", html, IMAGE.replace("i@x", content_id))).snapshot()

    for content_id in ("a)b@x", "22@x", "i.(1)+.*@y"):
        assert f"--- text\n{shown}\n\n--- html\n<img src='cid:<content-id>'>\n" in render(content_id)
        assert render(content_id) == render("33@y")


def test_snapshot_of_nested_message_is_stable():
    def render(unique, text="plain"):
        inner = build_content(unique).replace("\r\nplain", f"\r\n{text}")
        return received(multipart("mixed", PLAIN, f"Content-Type: message/rfc822\r\n\r\n{inner}")).snapshot()

    assert render("1") == render("22") != render("1", "other")
    assert render("1").endswith("\n--- attachment, '', message/rfc822\n> Subject: Hi\n>\n> plain\n")
    inner = "Content-Type: message/rfc822\r\n\r\nSubject: Hi\r\nContent-Type: text/html\r\n\r\n<p>a\r\n <p>b"
    empty = received(multipart("digest", "Content-Type: message/rfc822\r\n\r\nSubject: a"))
    assert empty.snapshot().endswith("\n> Subject: a\n")
    many = received(multipart("digest", *([inner] * 25))).snapshot()
    assert (many.count("> Subject: Hi\n"), many.count("> Subject: Hi\n>\n> <p>a\n>  <p>b\n")) == (25, 20)


def test_snapshot_time_is_independent_of_content_id_count():
    parts = [IMAGE.replace("i@x", "a" * 8000 + str(number)) for number in range(900)]
    text = "\r\n" + "cid:" + "a" * 500_000 + " cid:" + ")" * 500_000 + " cid:" + "a" * 8000 + "899"
    mail = received(multipart("related", text, *parts))

    begin = time.process_time()
    assert " cid:<content-id 900>\n" in mail.snapshot()
    assert time.process_time() - begin < 10  # one regular expression for all of them took 40 s


def test_save_writes_the_exact_bytes(tmp_path):
    content = b"A: b\n\r\n\x00\xff"
    mail = received(content)

    assert mail.save(tmp_path) == tmp_path / "1.eml"
    assert mail.save(str(tmp_path / "x")) == tmp_path / "x"
    assert (tmp_path / "1.eml").read_bytes() == (tmp_path / "x").read_bytes() == content
