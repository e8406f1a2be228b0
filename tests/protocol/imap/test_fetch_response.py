"""FETCH renders each item as RFC 9051 7.5.2 has it, in pieces of bounded size."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.folder_access import MessageEnvelope, MessageFlags
from lazr.smtptest.protocol.imap.command_types import FetchItem, Section
from lazr.smtptest.protocol.imap.fetch_response import (
    UnknownEncodingError,
    render_fetch_response,
    render_flags_response,
)
from tests.helpers.imap_messages import FakeMessage, FakePart, build_nested_message


def render(message, *items, **arguments):
    return b"".join(render_fetch_response(1, message, items, **arguments))


def render_one(message, item, **arguments):
    response = render(message, item, **arguments)
    assert response.startswith(b"* 1 FETCH (")
    assert response.endswith(b")\r\n")
    return response[len(b"* 1 FETCH (") : -3]


def body(kind="", path=(), names=(), **arguments):
    return FetchItem("BODY", Section(path, kind, names), **arguments)


def binary(*path, name="BINARY", **arguments):
    return FetchItem(name, Section(path), **arguments)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("FLAGS", b"FLAGS (\\Seen work)"),
        ("UID", b"UID 7"),
        ("INTERNALDATE", b'INTERNALDATE "17-Jul-1996 09:44:25 +0000"'),
        ("RFC822.SIZE", b"RFC822.SIZE 10"),
        ("MODSEQ", b"MODSEQ (3)"),
        ("ENVELOPE", b'ENVELOPE (NIL "Hi" NIL NIL NIL NIL NIL NIL NIL NIL)'),
        ("BODY", b'BODY ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 2 1)'),
        ("BODYSTRUCTURE", b'BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 2 1 NIL NIL NIL NIL)'),
        ("RFC822", b"RFC822 {10}\r\nA: 1\r\n\r\nHi"),
        ("RFC822.HEADER", b"RFC822.HEADER {8}\r\nA: 1\r\n\r\n"),
        ("RFC822.TEXT", b"RFC822.TEXT {2}\r\nHi"),
    ],
)
def test_item_without_section(name, expected):
    structure = FakePart(header_range=(0, 8), body_range=(8, 10), line_count=1, envelope=MessageEnvelope(subject=b"Hi"))
    message = FakeMessage(b"A: 1\r\n\r\nHi", structure, flags=frozenset({"work", "\\Seen"}))
    assert render_one(message, FetchItem(name)) == expected


def test_message_without_envelope_has_an_empty_one():
    assert render_one(FakeMessage(), FetchItem("ENVELOPE")) == b"ENVELOPE (" + b" ".join([b"NIL"] * 10) + b")"


def test_items_keep_their_order():
    response = render(FakeMessage(), FetchItem("UID"), FetchItem("FLAGS"), FetchItem("RFC822.SIZE"))
    assert response == b"* 1 FETCH (UID 7 FLAGS () RFC822.SIZE 0)\r\n"


def test_flags_can_be_replaced():
    assert render_one(FakeMessage(), FetchItem("FLAGS"), flags={"\\Recent"}) == b"FLAGS (\\Recent)"


def test_global_message_has_an_envelope_if_asked():
    message = FakeMessage(b"", FakePart(type=b"MESSAGE", subtype=b"GLOBAL"))
    assert render_one(message, FetchItem("BODY")) == b'BODY ("MESSAGE" "GLOBAL" NIL NIL NIL "7BIT" 0)'
    assert b"(NIL NIL NIL" in render_one(message, FetchItem("BODY"), has_global_messages=True)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (body(path=(1,)), b"BODY[1] {5}\r\none\r\n"),
        (body(path=(1,), is_peek=True), b"BODY[1] {5}\r\none\r\n"),
        (body("MIME", (1,)), b"BODY[1.MIME] {19}\r\nContent-ID: <1>\r\n\r\n"),
        (body("HEADER", (2,)), b"BODY[2.HEADER] {15}\r\nSubject: in\r\n\r\n"),
        (body(path=(2, 1)), b"BODY[2.1] {5}\r\ninner"),
        (
            body("HEADER.FIELDS", names=(b"x-y", b"a b")),
            b'BODY[HEADER.FIELDS (x-y "a b")] {14}\r\nX-Y: 1\r\n 2\r\n\r\n',
        ),
        (body("HEADER.FIELDS.NOT", (2,), (b"Subject",)), b"BODY[2.HEADER.FIELDS.NOT (Subject)] {2}\r\n\r\n"),
        (body(path=(9,)), b"BODY[9] NIL"),
        (body(path=(9,), partial=(0, 5)), b"BODY[9]<0> NIL"),
        (body(path=(1,), partial=(1, 2)), b"BODY[1]<1> {2}\r\nne"),
        (body(path=(1,), partial=(99, 2)), b"BODY[1]<99> {0}\r\n"),
        (binary(3), b"BINARY[3] ~{3}\r\n\0\1\2"),
        (binary(3, partial=(1, 9)), b"BINARY[3]<1> {2}\r\n\1\2"),
        (binary(3, is_peek=True), b"BINARY[3] ~{3}\r\n\0\1\2"),
        (binary(1), b"BINARY[1] {5}\r\none\r\n"),
        (binary(9), b"BINARY[9] NIL"),
        (binary(3, name="BINARY.SIZE"), b"BINARY.SIZE[3] 3"),
        (binary(9, name="BINARY.SIZE"), b"BINARY.SIZE[9] 0"),
    ],
)
def test_item_with_section(item, expected):
    assert render_one(build_nested_message(), item) == expected


def test_whole_message_is_returned_as_received():
    message = build_nested_message()
    literal = b"{%d}\r\n%b" % (len(message.content), message.content)
    assert render_one(message, body()) == b"BODY[] " + literal
    assert render_one(message, binary()) == b"BINARY[] " + literal


def test_binary_of_multipart_is_its_body():
    message = build_nested_message()
    message.structure = FakePart(type=b"MULTIPART", parts=[message.structure])
    message.structure.parts[0].encoding = b"X-UNKNOWN"  # which RFC 2045 6.4 forbids for a multipart
    start, end = message.structure.parts[0].body_range
    assert render_one(message, binary(1)) == b"BINARY[1] {%d}\r\n%b" % (end - start, message.content[start:end])


@pytest.mark.parametrize("name", ["BINARY", "BINARY.SIZE"])
def test_unknown_encoding_is_refused_before_any_output(name):
    message = FakeMessage(b"Hi", FakePart(encoding=b"X-ZIP"))
    with pytest.raises(UnknownEncodingError):
        render_fetch_response(1, message, [FetchItem("UID"), binary(1, name=name)])


def test_part_is_decoded_once():
    message = build_nested_message()
    items = [binary(3, partial=(start, 1)) for start in range(50)]
    render(message, *items, binary(3, name="BINARY.SIZE"))
    assert message.structure.parts[2].decode_count == 1


def test_large_responses_come_in_pieces():
    message = FakeMessage(b"x" * 100_000, FakePart())
    items = [FetchItem("UID"), body(), body(partial=(0, 10)), body(partial=(0, 99_999)), FetchItem("FLAGS")]
    pieces = list(render_fetch_response(1, message, items))
    assert [len(piece) > 64 * 1024 for piece in pieces] == [True, True, False]
    assert b"".join(pieces) == render(message, *items)


@settings(deadline=None)
@given(st.binary(max_size=40), st.integers(0, 2**32), st.integers(1, 2**32), st.booleans())
def test_literals_count_their_octets(content, start, count, is_binary):
    message = FakeMessage(content, FakePart())
    item = binary(partial=(start, count)) if is_binary else body(partial=(start, count))
    match = re.fullmatch(rb"(BODY|BINARY)\[\]<(\d+)> (~?)\{(\d+)\}\r\n(.*)", render_one(message, item), re.DOTALL)
    assert match[5] == content[start : start + count]
    assert (int(match[2]), int(match[4])) == (start, len(match[5]))
    assert bool(match[3]) == (is_binary and b"\0" in match[5])


def test_flags_response():
    flags = MessageFlags(7, frozenset({"\\Deleted"}), 9)
    assert render_flags_response(2, flags) == b"* 2 FETCH (FLAGS (\\Deleted))\r\n"
    assert render_flags_response(2, flags, has_uid=True) == b"* 2 FETCH (UID 7 FLAGS (\\Deleted))\r\n"
