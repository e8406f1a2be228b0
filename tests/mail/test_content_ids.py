"""Parts that HTML shows, and references without a part (RFC 2392, RFC 2557)."""

import pytest

from lazr.smtptest import Envelope, Mail
from lazr.smtptest.mail.content_ids import find_references


def received(html, *parts, subtype="related"):
    content = "From: a@example.com\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n"
    content += f"Content-Type: multipart/{subtype}; boundary=B\r\n\r\n"
    parts = (f"Content-Type: text/html\r\n\r\n{html}", *parts)
    content += "".join(f"--B\r\n{part}\r\n" for part in parts) + "--B--\r\n"
    envelope = Envelope("", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},))
    return Mail("1", envelope, [content.encode()])


def image(content_id="", disposition="", location=""):
    fields = "Content-Type: image/png\r\n"
    fields += f"Content-ID: <{content_id}>\r\n" if content_id else ""
    fields += f"Content-Disposition: {disposition}\r\n" if disposition else ""
    fields += f"Content-Location: {location}\r\n" if location else ""
    return f"{fields}\r\nPNG"


@pytest.mark.parametrize(
    ("html", "shown", "everything"),
    [
        ("<img src=cid:a>", ("a",), {"a"}),
        ("<img src='CID:a%40b'><img src=\"cid:a@b\">", ("a@b",), {"a@b"}),
        ("<td background=cid:a style=\"background: url('cid:b')\">", ("a", "b"), {"a", "b"}),
        ("<img src=' cid:a '><img srcset='cid:a 1x, cid:b 2x'>", ("a", "b"), {"a", "b"}),
        ("<style>p { background: url(cid:a) }</style>", ("a",), {"a"}),
        ("<img src='cid:a&amp;b'>", ("a&b",), {"a&b"}),
        ("<img src='cid:a b'>", ("a b",), {"a", "a b"}),
        ("<!--[if mso]><v:fill src='cid:a'><![endif]-->", (), {"a"}),
        ("<p>cid:a</p></p cid:b>", (), {"a", "b"}),
        ("<img src=x>", (), set()),
        ("<a href='cid:'>x</a>", ("",), {""}),
    ],
)
def test_references_are_found_in_html(html, shown, everything):
    references = find_references(html)

    assert references.shown == shown
    assert references.all == everything


@pytest.mark.parametrize(
    ("html", "part", "subtype", "is_inline"),
    [
        ("<img src=cid:a@x>", image("a@x"), "related", True),
        ("<img src=cid:a@x>", image("a@x"), "mixed", True),
        ("<img src=cid:a%40x>", image("a@x", "inline; filename=a.png"), "related", True),
        ("<img src=cid:a@x>", image("a@x", "attachment"), "related", False),
        # A part that the HTML does not show.
        ("<img src=cid:logo>", image("other@x"), "related", False),
        ("<img src=cid:logo>", image("other@x", "inline"), "related", False),
        ("<b>html</b>", image("other@x"), "related", False),
        ("<b>html</b>", image(), "related", False),
        # RFC 2183 2.1: a reader shows such a part after the text.
        ("<b>html</b>", image("other@x", "inline"), "mixed", True),
        ("<b>html</b>", image("other@x"), "mixed", False),
        # RFC 2557: the HTML names a location.
        ("<img src='https://example.com/a.png'>", image(location="https://example.com/a.png"), "related", True),
        ("<p style='background: url( \"a.png\" )'>", image(location="a.png"), "related", True),
        ("<style>p { background: url(a.png) }</style>", image(location="a.png"), "related", True),
        ("<p>a.png</p>", image(location="a.png"), "related", False),
        ("<img src='https://example.com/b.png'>", image(location="https://example.com/a.png"), "related", False),
    ],
)
def test_part_is_inline_if_the_html_shows_it(html, part, subtype, is_inline):
    [attachment] = received(html, part, subtype=subtype).attachments

    assert attachment.inline is is_inline


@pytest.mark.parametrize(
    ("html", "parts", "defects"),
    [
        ("<img src=cid:logo>", (image("other@x"),), ["html: HTML refers to cid:logo, which no part has"]),
        ("<img src=cid:logo><img src=cid:logo>", (), ["html: HTML refers to cid:logo, which no part has"]),
        ("<img src=cid:logo@x><p>cid:text<!-- cid:old -->", (image("logo@x"),), []),
        ("<img src=cid:logo@x>", (image("logo@x", "attachment"),), []),
        ("<img src=cid:a><img src=cid:b>", (image("a"),), ["html: HTML refers to cid:b, which no part has"]),
        ("<img src='cid:'>", (image(),), ["html: HTML refers to cid:, which no part has"]),
        (
            f"<img src='cid:{'x' * 99}'><img src='cid:%0D%00'>",
            (),
            [
                "html: HTML refers to cid:\\r\\x00, which no part has",
                f"html: HTML refers to cid:{'x' * 60}…, which no part has",
            ],
        ),
    ],
)
def test_reference_without_a_part_is_a_defect(html, parts, defects):
    assert [str(defect) for defect in received(html, *parts).defects] == defects
