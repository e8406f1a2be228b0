"""The end of content, and the removal of its added dots."""

import tracemalloc

import pytest

from lazr.smtptest._util.octets import join_parts
from lazr.smtptest.protocol.smtp.data import Content, DotUnstuffer, MemorySink

# (on the wire, the content; None if the content has not ended)
CASES = [
    (b"hi\r\n.\r\n", b"hi\r\n"),
    (b".\r\n", b""),
    (b"\r\n.\r\n", b"\r\n"),
    (b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n"),  # LF.CRLF does not end content
    (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n"),  # LF.LF
    (b"a\r.\rb\r\n.\r\n", b"a\r.\rb\r\n"),  # CR.CR
    (b"a\r\n.\nb\r\n.\r\n", b"a\r\n\nb\r\n"),  # CRLF.LF: a stuffed line that starts with LF
    (b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb\r\n"),  # CRLF.CR
    (b"a\r\n.\r\r\n.\r\n", b"a\r\n\r\r\n"),
    (b"a\r\r\n.\r\n", b"a\r\r\n"),
    (b"a\n\r\n.\r\n", b"a\n\r\n"),
    (b"..\r\n.\r\n", b".\r\n"),
    (b"...\r\n.\r\n", b"..\r\n"),
    (b".a\r\n.\r\n", b"a\r\n"),  # a dot that the client did not double is removed too (RFC 5321 4.5.2)
    (b"a\r\n..\r\n..\r\n.\r\n", b"a\r\n.\r\n.\r\n"),
    (b"a.\r\n.b\r\n.\r\n", b"a.\r\nb\r\n"),
    (b".\n\r\n.\r\n", b"\n\r\n"),
    (b".\r.\r\n.\r\n", b"\r.\r\n"),
    (b".\r\r\n.\r\n", b"\r\r\n"),
    (b"\x00\xff\r\n.\r\n", b"\x00\xff\r\n"),
    (b"no line end at all", None),
    (b"a\r\n.", None),
    (b"a\r\n.\r", None),
    (b"a\n.\n", None),
    (b"", None),
]


def receive(pieces):
    content = Content(MemorySink(), None)
    receiver = DotUnstuffer(content)
    receiver.reset()
    position = -1
    for piece in pieces:
        if piece:
            assert position == -1
            position = receiver.receive(piece, 0)
            rest = piece[position:] if position >= 0 else b""
            assert rest == b""
    return join_parts(content.take()) if position >= 0 else None


def splits(wire):
    yield [wire]
    yield [wire[i : i + 1] for i in range(len(wire))]
    for i in range(1, len(wire)):
        yield [wire[:i], wire[i:]]
        for j in range(i + 1, len(wire)):
            yield [wire[:i], wire[i:j], wire[j:]]


@pytest.mark.parametrize(("wire", "content"), CASES)
def test_content_ends_only_at_crlf_dot_crlf_however_it_is_split(wire, content):
    for pieces in splits(wire):
        assert receive(pieces) == content


def test_bytes_after_the_end_are_not_consumed():
    content = Content(MemorySink(), None)

    assert DotUnstuffer(content).receive(b"Hi\r\n.\r\nQUIT\r\n", 0) == 7
    assert join_parts(content.take()) == b"Hi\r\n"


def test_content_starts_at_the_given_position():
    content = Content(MemorySink(), None)

    assert DotUnstuffer(content).receive(b"DATA\r\n..\r\n.\r\n", 6) == 13
    assert join_parts(content.take()) == b".\r\n"


def test_content_over_the_limit_is_counted_but_not_kept():
    content = Content(MemorySink(), 10)
    content.append(b"12345")
    assert not content.is_too_big

    content.append(b"678901")
    assert content.is_too_big and not content.is_over_hard_limit
    assert content.take() == []

    content.append(b"0123456789")
    assert content.is_over_hard_limit
    assert content.size == 21

    content.reset()
    content.append(b"new")
    assert content.take() == [b"new"]


@pytest.mark.slow
def test_many_small_parts_use_little_memory():
    tracemalloc.start()
    try:
        for pieces in ([b"..\r\n" * 60_000] * 4, [b"x"] * 500_000):
            content = Content(MemorySink(), None)
            receiver = DotUnstuffer(content)
            before = tracemalloc.get_traced_memory()[0]
            for piece in pieces:
                assert receiver.receive(piece, 0) == -1
            grown = tracemalloc.get_traced_memory()[0] - before
            assert content.size > 400_000
            assert grown < 1.3 * content.size + 100_000
    finally:
        tracemalloc.stop()


def test_small_and_large_parts_stay_in_order():
    chunks = MemorySink()
    sizes = [1, 5000, 10, 10, 4096, *([3] * 600), 9000, 2]
    expected = b""
    for number, size in enumerate(sizes):
        part = bytes([number % 256]) * size
        expected += part
        chunks.append(part)

    assert join_parts(chunks.take()) == expected
    assert chunks.take() == []
    chunks.append(b"a")
    chunks.clear()
    assert chunks.take() == []
