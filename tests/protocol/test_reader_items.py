"""The reader alone: bytes in, items out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest import Limits
from lazr.smtptest.protocol.smtp.data import MemorySink
from lazr.smtptest.protocol.smtp.reader import Item, SmtpReader
from lazr.smtptest.protocol.smtp.server_settings import ServerSettings

LIMITS = Limits(command_line=20, command_flood=60, message_size=20, session_memory=30)


def make_reader(**options):
    return SmtpReader(ServerSettings(limits=LIMITS, extensions=[], **options), MemorySink)


def read_items(reader, parts):
    """Return all items in the parts of the input; `DATA` and `BDAT5` switch to content and to a chunk."""
    items = []
    for part in parts:
        data, position = reader.take(part), 0
        while position < len(data):
            item = reader.read(data, position)
            if item is None:
                break
            position = reader.end
            if item is not Item.PART:
                items.append(item)
            if item == b"DATA\r\n":
                reader.expect_data()
            elif item == b"BDAT5\r\n":
                reader.begin_content()
                reader.expect_chunk(5, is_kept=True)
            elif item in (Item.ENDLESS_LINE, Item.ENDLESS_DATA, Item.TLS_HANDSHAKE):
                return items
        reader.keep(data[position:])
    return items


CASES = [
    (b"NOOP\r\nQUIT\r\n", {}, [b"NOOP\r\n", b"QUIT\r\n"]),
    (b"NOOP\nA\rB\r\n", {}, [b"NOOP\nA\rB\r\n"]),
    (b"NOOP\nA\rB\r\n\n", {"bare_line_ends": "accept"}, [b"NOOP\r\n", b"A\r\n", b"B\r\n", b"\r\n"]),
    (b"x" * 30 + b"\r\nA\r\n", {}, [Item.LONG_LINE_START, Item.LONG_LINE, b"A\r\n"]),
    (b"x" * 61, {}, [Item.LONG_LINE_START, Item.ENDLESS_LINE]),
    (b"DATA\r\nHi\r\n.\r\nA\r\n", {}, [b"DATA\r\n", Item.END_OF_DATA, b"A\r\n"]),
    (b"DATA\rHi\r\n.\r\n", {"bare_line_ends": "accept"}, [b"DATA\r\n", Item.END_OF_DATA]),
    (b"DATA\r\n" + b"x" * 41, {}, [b"DATA\r\n", Item.ENDLESS_DATA]),
    (b"BDAT5\r\n.\r\n.\rA\r\n", {}, [b"BDAT5\r\n", Item.END_OF_CHUNK, b"A\r\n"]),
    (b"\x16\x03\x01\x02", {}, [Item.TLS_HANDSHAKE]),
    (b"A\r\n\x16\x03\r\n", {}, [b"A\r\n", b"\x16\x03\r\n"]),
]


@pytest.mark.parametrize(("data", "options", "expected"), CASES)
@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_input_is_split_into_items(data, options, expected, size):
    parts = [data[start : start + size] for start in range(0, len(data), size)]

    assert read_items(make_reader(**options), parts) == expected


def test_long_line_that_arrives_whole_is_a_line():
    assert read_items(make_reader(), [b"x" * 30 + b"\r\n"]) == [b"x" * 30 + b"\r\n"]  # the session refuses it


PIECES = [
    b"NOOP\r\n",
    b"DATA\r\n",
    b"BDAT5\r\n",
    b".\r\n",
    b"\r\n",
    b"\r",
    b"\n",
    b".",
    b"x" * 9,
    b"x" * 25,
    b"\x16\x03",
]


@settings(max_examples=200, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=20),
    size=st.integers(1, 9),
    line_ends=st.sampled_from(["reject", "accept"]),
)
def test_items_do_not_depend_on_how_input_is_split(pieces, size, line_ends):
    data = b"".join(pieces)
    whole = SmtpReader(ServerSettings(bare_line_ends=line_ends), MemorySink)
    split = SmtpReader(ServerSettings(bare_line_ends=line_ends), MemorySink)
    parts = [data[start : start + size] for start in range(0, len(data), size)]

    assert read_items(whole, [data]) == read_items(split, parts)
    assert (whole.content_size, whole.bare_line_ends) == (split.content_size, split.bare_line_ends)


def test_nothing_is_created_before_the_first_content():
    made = []
    reader = SmtpReader(ServerSettings(), lambda: made.append(MemorySink()) or made[-1])
    read_items(reader, [b"NOOP\r\nQUIT\r\n"])
    assert (made, reader.content_size) == ([], 0)

    read_items(reader, [b"DATA\r\nHi\r\n.\r\nDATA\r\nHi\r\n.\r\n"])
    assert len(made) == 1


def test_held_input_is_dropped_above_the_limit():
    reader = make_reader()
    reader.hold(b"x" * 20)
    reader.hold(b"x" * 10)
    assert not reader.has_overflowed and len(reader.unread) == 30

    reader.hold(b"x")
    assert reader.has_overflowed and reader.unread == b""


def test_whole_lines_are_possible_only_where_nothing_is_unread():
    reader = make_reader()
    assert not reader.is_at_line_start  # the first bytes may be a TLS handshake
    read_items(reader, [b"NOOP\r\n"])
    assert reader.is_at_line_start
    read_items(reader, [b"NO"])
    assert not reader.is_at_line_start
    read_items(reader, [b"OP\r\n"])
    assert reader.is_at_line_start
    read_items(reader, [b"DATA\r\n"])
    assert not reader.is_at_line_start and reader.is_in_content
