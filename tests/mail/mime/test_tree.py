"""Finding the parts of a message (RFC 2046 5.1), well-formed or not."""

import time

import pytest

from lazr.smtptest import Envelope, Mail
from lazr.smtptest.mail.mime import limits
from lazr.smtptest.mail.mime.defect import Defects
from lazr.smtptest.mail.mime.tree import read_tree

MAX_SECONDS = 5.0  # the slowest takes 1 s on a slow machine


def received(content):
    return Mail("1", Envelope("", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},)), [content])


def multipart(subtype, boundary, *parts, close=True):
    """Return a multipart; its boundary is written as it is, so `"a b"` has quotes in the header only."""
    delimiter = boundary.strip('"').rstrip()
    inside = "".join(f"--{delimiter}\r\n{part}\r\n" for part in parts)
    end = f"--{delimiter}--\r\n" if close else ""
    return f"Content-Type: multipart/{subtype}; boundary={boundary}\r\n\r\n{inside}{end}"


PLAIN, HTML = "\r\nhello", "Content-Type: text/html\r\n\r\n<p>hello</p>"
IMAGE = "Content-Type: image/png\r\n\r\nPNG"
PDF = "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nPDF"
BOTH = ("hello", "<p>hello</p>")


@pytest.mark.parametrize(
    ("content", "text", "html", "types", "reason"),
    [
        # A multipart with the boundary of one around it: the innermost one takes the delimiters.
        (
            multipart("mixed", "B", multipart("alternative", "B", PLAIN, HTML), PDF),
            *BOTH,
            ["application/pdf"],
            "part 1: boundary of a multipart around this one",
        ),
        (
            multipart("mixed", "B", multipart("related", "B", multipart("alternative", "B", PLAIN, HTML), IMAGE), PDF),
            *BOTH,
            ["image/png", "application/pdf"],
            "part 1.1: boundary of a multipart around this one",
        ),
        (
            multipart("mixed", "A", multipart("related", "B", multipart("alternative", "A", PLAIN, HTML), IMAGE), PDF),
            *BOTH,
            ["image/png", "application/pdf"],
            "part 1.1: boundary of a multipart around this one",
        ),
        (
            multipart("mixed", "B", IMAGE, multipart("alternative", "B", PLAIN, HTML), PDF),
            *BOTH,
            ["image/png", "application/pdf"],
            "part 2: boundary of a multipart around this one",
        ),
        (
            multipart("mixed", "B", multipart("alternative", "B", PLAIN, HTML, close=False)),
            "hello",
            "<p>hello</p>\n",
            [],
            "content: unterminated multipart",
        ),
        # A multipart in which nothing is found.
        (
            multipart("mixed", "B", "Content-Type: multipart/alternative; boundary=NONE\r\n", PLAIN),
            "hello",
            "",
            [],
            "part 1: multipart without its delimiters",
        ),
        (
            multipart("mixed", "B", "Content-Type: multipart/alternative\r\n\r\nlost", PLAIN, PDF),
            "hello",
            "",
            ["application/pdf"],
            "part 1: multipart without a boundary",
        ),
        (
            multipart("mixed", "B", "Content-Type: multipart/alternative; boundary=C\r\n\r\nlost\r\n--C--", PLAIN),
            "hello",
            "",
            [],
            "part 1: multipart without its delimiters",
        ),
        (multipart("mixed", "B", "Content-Type: multipart/mixed\r\n\r\nlost", HTML), "hello\n", "<p>hello</p>", [], ""),
        (
            multipart("mixed", "B", "Content-Type: multipart/mixed\r\n\r\nthis", PDF),
            "this",
            "",
            ["application/pdf"],
            "",
        ),
        ("Content-Type: multipart/mixed; boundary=B\r\n\r\nhello\r\n", "hello\n", "", [], "without its delimiters"),
        ("Content-Type: multipart/mixed; boundary=B\r\n\r\n \r\n", "", "", [], "without its delimiters"),
        *(
            (
                multipart("related", "B", f"Content-Type: multipart/alternative{parameter}\r\n", PLAIN, PDF),
                "hello",
                "",
                ["application/pdf"],
                "part 1: multipart without",
            )
            for parameter in ("; boundary=NONE", "")
        ),
        ("Content-Type: multipart/mixed; boundary=B\r\n\r\n--B--\r\n", "", "", [], "without its delimiters"),
        ("Content-Type: multipart/mixed; boundary=B\r\n\r\nhello\r\n--B--\r\n", "hello", "", [], "its delimiters"),
        # An unterminated multipart within another ends where the outer one goes on.
        (
            multipart("mixed", "A", multipart("alternative", "B", PLAIN, HTML, close=False), PDF),
            "hello",
            "<p>hello</p>\n",
            ["application/pdf"],
            "part 1: unterminated multipart",
        ),
        # A boundary that begins as another one does.
        (multipart("mixed", "B", multipart("alternative", "B2", PLAIN, HTML), PDF), *BOTH, ["application/pdf"], None),
        (multipart("mixed", "B2", multipart("alternative", "B", PLAIN, HTML), PDF), *BOTH, ["application/pdf"], None),
        (multipart("mixed", "B--", multipart("alternative", "B", PLAIN, HTML), PDF), *BOTH, ["application/pdf"], None),
        (multipart("mixed", "B", "\r\n--Bx\r\n--B -\r\nhello"), "--Bx\n--B -\nhello", "", [], None),
        # Brackets and other characters without quotes.
        (multipart("mixed", "a(b)c", PLAIN), "hello", "", [], "boundary without the quotes that it needs"),
        (multipart("mixed", "a", PLAIN).replace("boundary=a", "boundary=a(b)c"), "hello", "", [], "without the quotes"),
        (multipart("mixed", "=_a:b/c?d=e,f", PLAIN), "hello", "", [], None),
        (multipart("mixed", '"a b(c)"', PLAIN), "hello", "", [], None),
        (multipart("mixed", '"a  "', PLAIN), "hello", "", [], None),
        (multipart("mixed", "a", PLAIN).replace("boundary=a", "boundary=x; boundary=a"), "hello", "", [], "repeated"),
        (multipart("mixed", "a" * 71, PLAIN), "hello", "", [], "boundary of more than 70 bytes"),
        # White space after delimiters, LF, preamble and epilogue, parts without a header or a body.
        (multipart("mixed", "B", PLAIN).replace("--B\r", "--B \t\r"), "hello", "", [], None),
        (multipart("mixed", "B", PLAIN).replace("--B--", "--B-- \t"), "hello", "", [], None),
        (f"{multipart('mixed', 'B', PLAIN)}epilogue\r\n--B\r\n\r\nmore", "hello", "", [], None),
        ("Content-Type: multipart/mixed; boundary=B\n\n--B\n--B\n\nx\n--B--", "", "", ["text/plain"], None),
        ("Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nA: b\r\n--B--", "", "", [], None),
        (
            "Content-Type: multipart/mixed; boundary=B:\r\n\r\n--B:\r\nA: b\r\n--B:\r\n\r\nx\r\n--B:--",
            "",
            "",
            ["text/plain"],
            None,
        ),
        ("Content-Type: multipart/mixed; boundary=B\r\n\r\n--B", "", "", [], "unterminated multipart"),
    ],
)
def test_parts_are_found_as_by_other_parsers(content, text, html, types, reason):
    mail = received(f"From: a@example.com\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n{content}".encode())

    assert (mail.text, mail.html) == (text, html)
    assert [one.content_type for one in mail.attachments] == types
    found = [str(defect) for defect in mail.defects if "LF without CR" not in defect.reason]
    assert (found == []) if reason is None else (reason in "\n".join(found))


SAME = "Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n"
PREFIXES = "".join(f"Content-Type: multipart/mixed; boundary={'B' * n}\r\n\r\n--{'B' * n}\r\n" for n in range(1, 120))


@pytest.mark.parametrize(
    ("content", "part_count", "limit"),
    [
        (SAME * 300, 301, "parts nested deeper than 100"),
        (PREFIXES, 101, "parts nested deeper than 100"),
        (SAME + "--B\r\n" * 5000, 1001, "more than 1,000 parts"),
        (SAME * 100 + "--B\r\n" * 5000, 1001, "more than 1,000 parts"),
        (SAME + "--x\r\n" * 1_500_000, 2, "more than 500,000 lines begin with hyphens"),
        (SAME * 100 + "--x\r\n" * 1_500_000, 101, "more than 500,000 lines begin with hyphens"),
        (SAME + "--" + "-" * 20_000_000, 2, ""),
        (SAME + "\r\n--B" + " " * 10_000_000 + "x\r\n" + "--B", 3, ""),
        ((SAME + "A: b\r\n" * 200) * 400, 401, "too many header fields"),
        (SAME + ("--B\r\n" + "A: " + "b" * 20_000 + "\r\n") * 1000, 1001, "more than 1,000 parts"),
        (SAME + ("\r\nx" * 1_000_000), 2, ""),
    ],
)
@pytest.mark.parametrize("include_embedded", [False, True])
def test_tree_is_read_in_bounded_time(content, part_count, limit, include_embedded):
    defects = Defects()
    begin = time.process_time()
    tree = read_tree(content.encode(), defects, include_embedded=include_embedded)
    assert time.process_time() - begin < MAX_SECONDS

    assert len(list(tree.walk())) == part_count
    assert limit in " ".join(map(str, defects.limits_to_tuple()))


def test_embedded_messages_are_read_where_this_is_asked_for():
    inner = multipart("mixed", "B", PLAIN)
    content = multipart("mixed", "B", f"Content-Type: message/rfc822\r\n\r\n{inner}", PDF).encode()
    tree = read_tree(content, Defects(), include_embedded=True)

    assert [(part.number, part.type.value) for part in tree.walk()] == [
        ("", "multipart/mixed"),
        ("1", "message/rfc822"),
        ("1.1", "multipart/mixed"),
        ("1.1.1", "text/plain"),
        ("2", "application/pdf"),
    ]
    assert [content[part.body_start : part.body_end] for part in tree.walk()][3:] == [b"hello", b"PDF"]
    chain = b"Content-Type: message/rfc822\r\n\r\n" * 300
    defects = Defects()
    assert len(list(read_tree(chain, defects, include_embedded=True).walk())) == 101
    assert "messages nested deeper than 100: truncated" in str(defects.limits_to_tuple()[0])
    status = multipart("report", "B", "Content-Type: message/delivery-status\r\n\r\nA: b").encode()
    assert len(list(read_tree(status, Defects(), include_embedded=True).walk())) == 2


def test_limit_is_no_defect(monkeypatch):
    monkeypatch.setattr(limits, "MAX_PARTS", 1)
    defects = Defects()
    read_tree(multipart("mixed", "B", PLAIN, PDF, close=False).encode(), defects)

    assert defects.to_tuple() == ()
    assert len(defects.limits_to_tuple()) == 1
