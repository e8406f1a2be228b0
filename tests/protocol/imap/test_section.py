"""BODY[section] returns the octets of the wire, and NIL for what a message does not have."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.imap.section import HeaderFields, cut_partial, find_part, read_section, select_fields
from tests.helpers.imap_messages import FakeMessage, FakePart, build_nested_message

HEADER = b"Subject: out\r\nX-Y: 1\r\n 2\r\nsubject: again\r\n\r\n"
INNER = b"Subject: in\r\n\r\n--j\r\nA: a\r\n\r\ninner\r\n--j--\r\n"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ((), "HEADER", HEADER),
        ((1,), "", b"one\r\n"),
        ((1,), "MIME", b"Content-ID: <1>\r\n\r\n"),
        ((2,), "", INNER),
        ((2,), "MIME", b"--i\r\nContent-Type: message/rfc822\r\n\r\n"),
        ((2,), "HEADER", b"Subject: in\r\n\r\n"),
        ((2,), "TEXT", INNER[15:]),
        ((2, 1), "", b"inner"),
        ((2, 1), "MIME", b"A: a\r\n\r\n"),
        ((3,), "", b"AAEC\r\n"),
        # only messages have a header and a text
        ((1,), "HEADER", None),
        ((1,), "TEXT", None),
        ((1,), "HEADER.FIELDS", None),
        ((4,), "", None),
        ((0,), "", None),
        ((1, 1), "", None),
        ((2, 2), "", None),
        ((2, 1, 1), "MIME", None),
        ((3, 1), "", None),
        ((4, 1), "HEADER", None),
    ],
)
def test_section_of_nested_message(path, text, expected):
    assert read_section(build_nested_message(), path, text) == expected


def test_section_of_whole_message():
    message = build_nested_message()
    assert read_section(message, ()) is message.content
    assert read_section(message, (), "TEXT") == message.content[len(HEADER) :]


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("HEADER.FIELDS", [b"SUBJECT"], b"Subject: out\r\nsubject: again\r\n\r\n"),
        ("HEADER.FIELDS", [b"x-y"], b"X-Y: 1\r\n 2\r\n\r\n"),
        ("HEADER.FIELDS", [b"missing"], b"\r\n"),
        ("HEADER.FIELDS.NOT", [b"subject"], b"X-Y: 1\r\n 2\r\n\r\n"),
        ("HEADER.FIELDS.NOT", [b"missing"], HEADER),
    ],
)
def test_header_fields_keep_order_and_octets(text, fields, expected):
    assert read_section(build_nested_message(), (), text, fields) == expected


def test_header_fields_of_nested_message():
    assert read_section(build_nested_message(), (2,), "HEADER.FIELDS", [b"subject"]) == b"Subject: in\r\n\r\n"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"A: 1\nB: 2\n\n", b"A: 1\n\n"),
        (b"A : 1\r\nB: 2", b"A : 1\r\n"),
        (b"B: 2\r\nA: 1", b"A: 1"),
        (b" stray\r\nA: 1\r\n", b"A: 1\r\n"),
        (b"From x\r\nA: 1\r\n\tc\r\n\r\n", b"A: 1\r\n\tc\r\n\r\n"),
        (b"A: 1\r\n \r\nB: 1\r\n\r\n", b"A: 1\r\n \r\n\r\n"),
        (b"A: 1\r\n c", b"A: 1\r\n c"),
        (b"", b""),
    ],
)
def test_fields_of_broken_headers(header, expected):
    assert select_fields(header, 0, len(header), [b"a"], is_inverted=False) == expected


@settings(deadline=None)
@given(st.lists(st.sampled_from([b"A: 1", b"b:", b" c", b"\t", b"\r", b"\n", b"\r\n", b"no colon", b"\xff: x"])))
def test_selected_and_other_fields_are_the_whole_header(pieces):
    header = b"".join(pieces)
    selected = select_fields(header, 0, len(header), [b"A"], is_inverted=False)
    others = select_fields(header, 0, len(header), [b"A"], is_inverted=True)
    assert len(selected) + len(others) >= len(header)
    assert select_fields(header, 0, len(header), [], is_inverted=True) == header


def test_part_one_of_a_plain_message_is_its_body():
    message = FakeMessage(b"A: 1\r\n\r\nHi", FakePart(header_range=(0, 8), body_range=(8, 10)))
    assert read_section(message, (1,)) == b"Hi"
    assert read_section(message, (1,), "MIME") == b"A: 1\r\n\r\n"
    assert read_section(message, (2,)) is None
    assert read_section(message, (1, 1)) is None


def test_root_may_be_a_message_itself():
    inner = FakePart()
    root = FakePart(type=b"MESSAGE", subtype=b"RFC822", message=inner)
    assert find_part(root, ()) is root
    assert find_part(root, (1,)) is root
    assert find_part(root, (1, 1)) is inner
    assert find_part(root, (1, 2)) is None


def test_path_with_many_levels_is_bounded_work():
    numbers = iter((1,) * 100_000)
    assert find_part(FakePart(), numbers) is None
    assert len(list(numbers)) == 100_000 - 2


def test_path_of_a_thousand_levels_finds_its_part():
    leaf = FakePart()
    part = leaf
    for _ in range(1000):
        part = FakePart(type=b"MULTIPART", parts=[part])
    assert find_part(part, (1,) * 1000) is leaf
    assert find_part(part, (1,) * 1001) is None


@settings(deadline=None)
@given(st.binary(max_size=50), st.integers(0, 60), st.integers(0, 2**32))
def test_partial_never_exceeds_value_or_count(value, start, count):
    cut = cut_partial(value, (start, count))
    assert cut == value[start:][:count]
    assert cut_partial(value, None) == value


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b""])
@pytest.mark.parametrize("many", [b"B: 2\r\n", b"no colon\n", b" folded\r\n"])
def test_rest_of_a_very_long_header_has_no_names(many, end):
    header = b"A: 1\r\n" + many * 20_000 + b"A: 3\r\n" + end

    selected = select_fields(header, 0, len(header), [b"a"], is_inverted=False)
    others = select_fields(header, 0, len(header), [b"a"], is_inverted=True)

    assert selected.startswith(b"A: 1\r\n")
    assert selected.endswith(b"\n" + end)
    assert len(selected) + len(others) == len(header) + len(end)


def test_end_of_a_very_long_header_is_found():
    header = b"A: 1\r\n" * 10_000 + b"\r\n"
    assert select_fields(header, 0, len(header), [b"b"], is_inverted=False) == b"\r\n"
    header = b"A: 1\r\n" * 9_999 + b"A: 1\r\n 2\r\n\r\n"
    assert select_fields(header, 0, len(header), [b"b"], is_inverted=False) == b"\r\n"


def test_header_is_split_once():
    header = b"A: 1\r\nB: 2\r\n\r\n"
    fields = HeaderFields(header)
    assert fields.split(0, len(header)) is fields.split(0, len(header))
    assert select_fields(header, 0, len(header), [b"b"], is_inverted=False, split=fields) == b"B: 2\r\n\r\n"
