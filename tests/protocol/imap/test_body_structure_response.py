"""BODY and BODYSTRUCTURE follow the grammar for any message, also for broken ones."""

import pytest

from lazr.smtptest.protocol.folder_access import MessageEnvelope
from lazr.smtptest.protocol.imap.body_structure_response import render_body_structure
from tests.helpers.imap_messages import FakePart, build_nested_message

INNER = b"Subject: in\r\n\r\n--j\r\nA: a\r\n\r\ninner\r\n--j--\r\n"
NO_ENVELOPE = b"(" + b" ".join([b"NIL"] * 10) + b")"


def test_text_with_all_fields():
    part = FakePart(
        parameters=[(b"CHARSET", b"utf-8"), (b"FORMAT", b"flowed")],
        content_id=b"<1>",
        description=b"A text",
        encoding=b"QUOTED-PRINTABLE",
        line_count=2,
        body_range=(10, 30),
        md5=b"Q2hlY2s=",
        disposition=(b"ATTACHMENT", [(b"FILENAME", b"a.txt")]),
        languages=[b"en", b"de"],
        location=b"http://x/",
    )
    body = b'("TEXT" "PLAIN" ("CHARSET" "utf-8" "FORMAT" "flowed") "<1>" "A text" "QUOTED-PRINTABLE" 20 2'
    assert render_body_structure(part, is_extended=False) == body + b")"
    assert render_body_structure(part, is_extended=True) == (
        body + b' "Q2hlY2s=" ("ATTACHMENT" ("FILENAME" "a.txt")) ("en" "de") "http://x/")'
    )


def test_basic_part_has_no_line_count():
    part = FakePart(type=b"IMAGE", subtype=b"PNG", encoding=b"BASE64", body_range=(0, 4), line_count=9)
    assert render_body_structure(part, is_extended=False) == b'("IMAGE" "PNG" NIL NIL NIL "BASE64" 4)'
    assert render_body_structure(part, is_extended=True) == (b'("IMAGE" "PNG" NIL NIL NIL "BASE64" 4 NIL NIL NIL NIL)')


def test_disposition_without_parameters_has_nil():
    part = FakePart(type=b"IMAGE", subtype=b"PNG", disposition=(b"INLINE", []))
    assert b'NIL ("INLINE" NIL) NIL NIL)' in render_body_structure(part, is_extended=True)


def test_multipart_has_its_parameters_in_the_extension():
    part = FakePart(
        type=b"MULTIPART",
        subtype=b"ALTERNATIVE",
        parameters=[(b"BOUNDARY", b"x")],
        md5=b"ignored",
        languages=[b"en"],
        parts=[FakePart(), FakePart(subtype=b"HTML")],
    )
    plain, html = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 0 0', b'("TEXT" "HTML" NIL NIL NIL "7BIT" 0 0'
    assert render_body_structure(part, is_extended=False) == b'(%b)%b) "ALTERNATIVE")' % (plain, html)
    extension = b" NIL NIL NIL NIL)"
    assert render_body_structure(part, is_extended=True) == (
        b'(%b%b%b%b "ALTERNATIVE" ("BOUNDARY" "x") NIL ("en") NIL)' % (plain, extension, html, extension)
    )


@pytest.mark.parametrize(("is_extended", "rest"), [(False, b""), (True, b" NIL NIL NIL NIL")])
def test_multipart_without_parts_shows_an_empty_text(is_extended, rest):
    part = FakePart(type=b"MULTIPART", subtype=b"MIXED")
    empty = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 0 0%b)' % rest
    assert render_body_structure(part, is_extended=is_extended) == b'(%b "MIXED"%b)' % (empty, rest)


def test_nested_message_has_envelope_body_and_lines():
    rendered = render_body_structure(build_nested_message().structure, is_extended=False)
    leaf = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 1)'
    envelope = NO_ENVELOPE.replace(b"(NIL NIL", b'(NIL "in"', 1)
    message = b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" %d %b (%b "MIXED") 8)' % (len(INNER), envelope, leaf)
    assert rendered == (
        b'(("TEXT" "PLAIN" NIL "<1>" NIL "7BIT" 5 1)%b("APPLICATION" "OCTET-STREAM" NIL NIL NIL "BASE64" 6) "MIXED")'
        % message
    )


def test_message_that_was_not_parsed_has_an_empty_envelope_and_body():
    part = FakePart(type=b"MESSAGE", subtype=b"RFC822", line_count=3)
    assert render_body_structure(part, is_extended=False) == (
        b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 0 %b ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 0 0) 3)' % NO_ENVELOPE
    )


def test_global_message_has_an_envelope_only_for_rev2():
    part = FakePart(
        type=b"MESSAGE", subtype=b"GLOBAL", message=FakePart(envelope=MessageEnvelope(subject=b"x")), line_count=3
    )
    basic = b'("MESSAGE" "GLOBAL" NIL NIL NIL "7BIT" 0'
    assert render_body_structure(part, is_extended=False) == basic + b")"
    rendered = render_body_structure(part, is_extended=False, has_global_messages=True)
    assert rendered.startswith(basic + b' (NIL "x" NIL')
    assert rendered.endswith(b"0 0) 3)")


def test_other_message_types_are_basic():
    part = FakePart(type=b"MESSAGE", subtype=b"DELIVERY-STATUS")
    assert render_body_structure(part, is_extended=False, has_global_messages=True) == (
        b'("MESSAGE" "DELIVERY-STATUS" NIL NIL NIL "7BIT" 0)'
    )


@pytest.mark.parametrize("kind", ["multipart", "message"])
def test_depth_does_not_exhaust_the_stack(kind):
    part = FakePart()
    for _ in range(5000):
        if kind == "multipart":
            part = FakePart(type=b"MULTIPART", subtype=b"MIXED", parts=[part])
        else:
            part = FakePart(type=b"MESSAGE", subtype=b"RFC822", message=part)
    rendered = render_body_structure(part, is_extended=True)
    assert rendered.count(b"(") == rendered.count(b")") > 5000
