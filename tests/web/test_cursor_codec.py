"""Cursors: opaque, stable, shared by the servers of a store, and recognized when changed."""

import pytest

from lazr.smtptest.errors import StoreFull
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web.cursor_codec import CursorCodec

NUMBERS = [0, 1, 2, 255, 256, 10**6, 2**62]


@pytest.mark.parametrize("number", NUMBERS)
def test_cursor_is_decoded_by_each_server_of_the_store(number):
    store = MemoryStore()
    one, other = CursorCodec(store), CursorCodec(store)

    assert other.decode(one.encode(number)) == number
    assert one.encode(number) == other.encode(number)
    assert CursorCodec(MemoryStore()).decode(one.encode(number)) is None


def test_changed_cursor_is_recognized():
    codec = CursorCodec(MemoryStore())
    cursor = codec.encode(17)
    changed = [
        cursor[:at] + letter + cursor[at + 1 :] for at in range(21) for letter in "ABxyz09-_" if letter != cursor[at]
    ]

    assert {codec.decode(text) for text in changed} == {None}
    strange = ["", "17", cursor[:-1], cursor + "A", " " * 22, "é" * 22, "\0" * 22, "=" * 22, "+/" * 11, "x" * 10**6]
    assert {codec.decode(text) for text in strange} == {None}


def test_cursors_do_not_show_positions():
    codec = CursorCodec(MemoryStore())
    cursors = [codec.encode(number) for number in range(1000)]

    assert len(set(cursors)) == 1000 and cursors != sorted(cursors)
    assert len({cursor[:3] for cursor in cursors}) > 900


def test_codec_works_while_the_store_is_full():
    class FullStore(MemoryStore):
        def compare_and_set_note(self, key, value, *, expected):
            raise StoreFull("the disk is full")

    codec = CursorCodec(FullStore())
    assert codec.decode(codec.encode(17)) == 17
