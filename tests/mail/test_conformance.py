"""Defects of messages that can be read, but that RFC 5322, RFC 2045 or RFC 2046 do not allow."""

import time

import pytest

from lazr.smtptest import Envelope, Mail

FROM, DATE = "From: a@example.com\r\n", "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n"
REQUIRED = FROM + DATE


def received(content, **parameters):
    content = content.encode() if isinstance(content, str) else content
    return Mail("1", Envelope("", ("b@example.com",), mail_parameters=parameters, rcpt_parameters=({},)), [content])


def defects(content, **parameters):
    return [str(defect) for defect in received(content, **parameters).defects]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (REQUIRED, []),  # Message-ID "SHOULD" be present
        ("", ["header Date: missing", "header From: missing"]),
        (FROM, ["header Date: missing"]),
        (DATE, ["header From: missing"]),
        (f"{REQUIRED}SUBJECT: a\r\nSubject: b\r\n", ["header SUBJECT: 2 fields with this name, where one is allowed"]),
        *(
            (f"{REQUIRED}{name}: {value}\r\n" * 2, None)
            for name, value in {
                "Sender": "a@example.com",
                "Reply-To": "a@example.com",
                "To": "a@example.com",
                "Cc": "a@example.com",
                "Bcc": "a@example.com",
                "Message-ID": "<a@example.com>",
                "In-Reply-To": "<a@example.com>",
                "References": "<a@example.com>",
                "MIME-Version": "1.0",
            }.items()
        ),
        (REQUIRED + "Received: a\r\nResent-To: b@example.com\r\nComments: c\r\nX-D: e\r\n" * 3, []),
        (f"{REQUIRED}From: b@example.com\r\n", ["header From: 2 fields with this name, where one is allowed"]),
        (f"{DATE}From: a@b.c, d@e.f\r\n", ["header Sender: missing, although From has several addresses"]),
        (f"{DATE}From: a@b.c, d@e.f\r\nSender: a@b.c\r\n", []),
        (f"{DATE}From: \r\n", ["header From: no address"]),
        *((f"{REQUIRED}{name}:\r\n", [f"header {name}: no address"]) for name in ("Sender", "Reply-To", "To", "cc")),
        (f"{REQUIRED}Bcc:\r\nSubject:\r\n", []),
        *(
            (
                f"{REQUIRED}{name}: {value}\r\n{name.upper()}: {value}\r\n",
                [f"header {name}: 2 {name} fields, where one is allowed"],
            )
            for name, value in {
                "Content-Type": "text/plain",
                "Content-Transfer-Encoding": "7bit",
                "Content-Disposition": "inline",
                "Content-ID": "<a@b>",
                "Content-Description": "a",
            }.items()
        ),
    ],
)
def test_fields_that_are_missing_or_repeated_are_defects(fields, found):
    expected = found
    if found is None:
        name = fields.rpartition("\r\n")[0].rpartition("\r\n")[2].partition(":")[0]
        expected = [f"header {one}: 2 fields with this name, where one is allowed" for one in ("From", "Date", name)]
    assert defects(f"{fields}\r\nx\r\n") == expected


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("base64", ["content: multipart with a transfer encoding"]),
        ("Quoted-Printable", ["content: multipart with a transfer encoding"]),
        ("8bit", []),
        ("binary", []),
    ],
)
def test_transfer_encoding_of_a_multipart_is_a_defect(encoding, found):
    fields = f"{REQUIRED}Content-Type: multipart/mixed; boundary=B\r\nContent-Transfer-Encoding: {encoding}\r\n"

    assert defects(f"{fields}\r\n--B\r\n\r\nx\r\n--B--\r\n") == found


def test_repeated_fields_of_a_part_are_defects():
    part = "--B\r\nContent-Type: text/plain\r\nContent-type: text/html\r\n\r\nx\r\n--B--\r\n"

    assert defects(f"{REQUIRED}Content-Type: multipart/mixed; boundary=B\r\n\r\n{part}") == [
        "part 1: 2 Content-Type fields, where one is allowed"
    ]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["x" * 998], []),
        (["x" * 999], ["line 4 has more than 998 bytes"]),
        (["x" * 3000], ["line 4 has more than 998 bytes"]),
        (["x" * 998, "x" * 998, "", "x" * 998], []),
        (["x" * 10] * 500, []),
        (["", "x", "x" * 999, "", "y" * 5000, "z"], ["line 6 has more than 998 bytes, and so have 1 others"]),
        (["x" * 1000] * 3000, ["line 4 has more than 998 bytes, and so have 2,999 others"]),
    ],
)
def test_lines_over_998_bytes_are_one_defect(lines, found):
    body = "\r\n".join([*lines, ""])

    assert defects(f"{REQUIRED}\r\n{body}") == [f"content: {reason}" for reason in found]
    assert defects(f"{REQUIRED}\r\n{body}", BODY="BINARYMIME") == []
    line_ends = defects(f"{REQUIRED}\r\n{body}".replace("\r\n", "\n"))
    assert [one for one in line_ends if "LF without CR" not in one] == [f"content: {reason}" for reason in found]


def test_line_without_end_and_header_lines_count():
    assert defects(f"{REQUIRED}\r\n" + "x" * 999) == ["content: line 4 has more than 998 bytes"]
    assert defects(f"{REQUIRED}\r\n" + "x" * 998) == []
    assert defects(f"X: {'y' * 996}\r\n{REQUIRED}\r\n") == ["content: line 1 has more than 998 bytes"]


@pytest.mark.parametrize("line", ["\n", "x\n", "x" * 997 + "\n", "x" * 999 + "\n", "\n" + "x" * 999 + "\n", "x"])
def test_time_to_check_lines_is_bounded(line):
    mail = received(f"{REQUIRED}Content-Type: a/b\r\n\r\n" + line * (20_000_000 // len(line)))
    begin = time.process_time()
    assert mail.defects
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("encoding", "is_defect"),
    [
        ("", True),
        ("Content-Transfer-Encoding: 7bit\r\n", True),
        ("Content-Transfer-Encoding: 7BIT \r\n", True),
        ("Content-Transfer-Encoding: 8bit\r\n", False),
        ("Content-Transfer-Encoding: binary\r\n", False),
    ],
)
def test_bytes_above_127_need_an_encoding_of_8_bits(encoding, is_defect):
    part = f"Content-Type: text/plain; charset=utf-8\r\n{encoding}\r\nä\r\n"
    reason = "bytes above 127 in a body that is declared as 7bit, or not declared"
    whole = f"{REQUIRED}Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n{part}--B--\r\n"
    nested = f"{REQUIRED}Content-Type: message/rfc822\r\n\r\n{part}"

    assert defects(f"{REQUIRED}{part}") == ([f"content: {reason}"] if is_defect else [])
    assert defects(whole) == ([f"part 1: {reason}"] if is_defect else [])
    assert defects(nested) == []


def test_raw_bytes_in_quoted_printable_are_a_defect():
    part = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nä=C3=A4\r\n"

    assert defects(f"{REQUIRED}{part}") == ["content: bytes that are not US-ASCII in quoted-printable"]
    assert received(part).text == "ää\n"


def test_large_well_formed_mail_has_no_defect():
    mail = received(f"{REQUIRED}\r\n" + "A line of text.\r\n" * 80_000)

    assert mail.defects == ()
    assert "text" in {limit.where for limit in mail.truncated}
    assert all(limit.reason.endswith("truncated") for limit in mail.truncated)


def test_untrusted_text_cannot_make_a_limit_of_a_defect():
    mail = received(f"{REQUIRED}Content-Type: text/plain; charset=truncated\r\n\r\nx\r\n")

    assert [str(defect) for defect in mail.defects] == ["content: 'truncated' is not a charset of text"]
    html = "Content-Type: text/html\r\n\r\n<img src=cid:truncated>\r\n"
    assert received(f"{REQUIRED}{html}").truncated == ()
