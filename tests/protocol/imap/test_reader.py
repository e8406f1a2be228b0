"""Commands are cut out of the input: literals, limits, and input that is no command."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.imap.reader import ImapReader, Item, Literal, RawCommand, RawLine, Refused

CONTINUE = Item.NEED_CONTINUATION
MAX_BYTES = {"APPEND": 100}


def make_reader(**kwargs):
    return ImapReader(lambda name: MAX_BYTES.get(name, 20), **{"max_line_bytes": 60, **kwargs})


def read_all(reader):
    items = []
    while (item := reader.read()) is not None:
        items.append(item)
    return items


def read(data, **kwargs):
    reader = make_reader(**kwargs)
    reader.feed(data)
    return read_all(reader)


def command(*lines, literals=()):
    tag, name = lines[0].decode().split(" ")[:2]
    return RawCommand(tag, name.upper(), lines, literals)


def test_command_has_tag_name_and_line():
    (raw,) = read(b"a1 select INBOX\r\n")

    assert (raw.tag, raw.name, raw.lines, raw.literals) == ("a1", "SELECT", (b"a1 select INBOX",), ())
    assert repr(raw) == "<RawCommand a1 SELECT>"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"a uid fetch 1 FLAGS", "UID FETCH"),
        (b"a UID", "UID"),
        (b"a UID ", "UID"),
        (b"a X-Y=Z_1.5 b", "X-Y=Z_1.5"),
        (b"a NOOP(", "NOOP"),
    ],
)
def test_name_is_in_capitals_and_with_uid(line, name):
    assert [raw.name for raw in read(line + b"\r\n")] == [name]


def test_synchronizing_literal_needs_a_continuation():
    reader = make_reader()
    reader.feed(b"a LOGIN {3}\r\n")

    assert read_all(reader) == [CONTINUE]
    assert reader.is_in_literal
    assert reader.is_in_command
    reader.feed(b"an")
    assert read_all(reader) == []
    assert reader.literal_size == 2
    reader.feed(b"n {0}\r\n")
    assert read_all(reader) == [CONTINUE]
    reader.feed(b"\r\n")
    assert read_all(reader) == [command(b"a LOGIN ", b" ", b"", literals=[Literal(b"ann"), Literal(b"")])]
    assert not reader.is_in_command


@pytest.mark.parametrize(
    ("header", "literal", "needs_continuation"),
    [
        (b"{3+}", Literal(b"\r\n\0"), False),
        (b"~{3+}", Literal(b"\r\n\0", is_binary=True), False),
        (b"~{3}", Literal(b"\r\n\0", is_binary=True), True),
        (b"{00000000000000000000000003}", Literal(b"\r\n\0"), True),
    ],
)
def test_literals_have_any_octets(header, literal, needs_continuation):
    items = read(b"a X " + header + b"\r\n\r\n\0 y\r\nb NOOP\r\n")

    assert items == [CONTINUE] * needs_continuation + [
        command(b"a X ", b" y", literals=[literal]),
        command(b"b NOOP"),
    ]


@pytest.mark.parametrize(
    "line", [b"a X {3-}", b"a X {}", b"a X {3} ", b"a X {-3}", b'a X "{3+}"', b"a X {3++}", b"a X {a}"]
)
def test_other_braces_are_no_literal(line):
    assert read(line + b"\r\n") == [command(line)]


@pytest.mark.parametrize("size", [b"21", b"4294967295", b"4294967296", b"99999999999999", b"9" * 30])
def test_literal_over_the_limit_is_refused_before_it_is_sent(size):
    refused = Refused("a", "NO", "[TOOBIG] expected literals of at most 20 octets in this command")

    assert read(b"a LOGIN {%b}\r\nb NOOP\r\n" % size) == [refused, command(b"b NOOP")]
    assert not refused.is_fatal


@pytest.mark.parametrize("size", [b"21", b"4294967295", b"9" * 30])
def test_unannounced_literal_over_the_limit_is_fatal(size):
    (refused,) = read(b"a LOGIN {%b+}\r\nb NOOP\r\n" % size)

    assert (refused.tag, refused.status, refused.is_fatal) == ("*", "BYE", True)
    assert repr(refused).startswith("Refused('*', 'BYE', '[TOOBIG] ")


def test_limit_depends_on_the_command_and_counts_all_literals():
    assert read(b"a APPEND {60+}\r\n%b {40+}\r\n%b\r\n" % (b"x" * 60, b"y" * 40))[0].literals[1].content == b"y" * 40
    assert read(b"a APPEND {60+}\r\n%b {41}\r\n" % (b"x" * 60))[0].status == "NO"


def test_literal_minus_refuses_long_unannounced_literals():
    items = read(b"a LOGIN {6+}\r\nsecret {2}\r\nb LOGIN {5+}\r\nsecre\r\n", max_non_synchronizing_bytes=5)

    assert items[0] == Refused(
        "a", "BAD", "[TOOBIG] expected at most 5 octets in a non-synchronizing literal; send it as {n}"
    )
    assert items[1:] == [command(b"b LOGIN ", b"", literals=[Literal(b"secre")])]


@pytest.mark.parametrize(
    ("data", "tag", "text"),
    [
        (b"\r\n", "*", "expected a tag"),
        (b"()\r\n", "*", "expected a tag"),
        (b"a+ NOOP\r\n", "*", "expected a tag"),
        (b"%b NOOP\r\n" % (b"a" * 101), "*", "expected"),
        (b"\xff NOOP\r\n", "*", "expected a tag"),
        (b"a(b NOOP\r\n", "*", "expected a tag"),
        (b"a\r\n", "a", "expected a space and a command"),
        (b"a  NOOP\r\n", "a", "expected a space and a command"),
        (b"a {3+}\r\nabc\r\n", "a", "expected a space and a command"),
        (b"a NOOP\n", "a", "expected CRLF"),
        (b"a NO\0OP\r\n", "a", "expected a line without NUL"),
        (b"a NOOP\0 {3}\r\n", "a", "expected a line without NUL"),
        (b"a NOOP\0 {3+}\r\nabc\r\n", "a", "expected a line without NUL"),
        (b"a X {3+}\r\nabc {0+}\n\r\n", "a", "expected CRLF"),
        (b"a NOOP " + b"x" * 60 + b"\r\n", "a", "expected a line of at most"),
        (b"a NOOP {3+}\r\nabc" + b"x" * 60 + b"\r\n", "a", "expected a line of at most"),
        (b"a NOOP " + b"x" * 500 + b" {5+}\r\nabcde\r\n", "a", "expected a line of at most"),
        (b"a NOOP " + b"x" * 500 + b" {5}\r\n", "a", "expected a line of at most"),
    ],
)
def test_refused_command_ends_where_it_would_end(data, tag, text):
    reader = make_reader()
    expected = [command(b"b NOOP")]
    for step in (len(data), 1, 7):
        reader = make_reader()
        items = []
        for start in range(0, len(data), step):
            reader.feed(data[start : start + step])
            items += read_all(reader)
        reader.feed(b"b NOOP\r\n")
        refused, *rest = [item for item in items + read_all(reader) if item is not CONTINUE]
        assert (refused.tag, refused.status, rest) == (tag, "BAD", expected)
        assert refused.text.startswith(text)


def test_unannounced_literal_of_a_refused_command_is_limited_too():
    assert read(b"a NOOP\0 {50+}\r\n")[0].is_fatal


@pytest.mark.parametrize("step", [10_000, 3_000_000])
def test_line_without_end_is_fatal(step):
    data = b"a NOOP " + b"x" * 2_000_000 + b"\r\nb NOOP\r\n"
    reader = make_reader()
    items = []
    for start in range(0, len(data), step):
        reader.feed(data[start : start + step])
        items += read_all(reader)
        if items:
            break
        assert reader.unread_size <= 256

    assert items == [Refused("*", "BYE", "the command line has no end")]
    assert reader.unread_size == 0


def test_head_of_a_long_line_has_its_tag():
    data = b"tag SEARCH " + b"x" * 70_000 + b"\r\n"

    assert [item.tag for item in read(data)] == ["tag"]


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00", b"\x16\x03"])
def test_tls_handshake_is_fatal(data):
    (refused,) = read(data)

    assert refused.is_fatal
    assert "TLS" in refused.text


def test_first_octet_of_a_handshake_needs_the_second():
    assert read(b"\x16") == []
    assert read(b"\x16\r\n")[0].tag == "*"


def test_lines_are_read_when_expected():
    reader = make_reader()
    reader.feed(b"a AUTHENTICATE PLAIN\r\nAGFubgBz {3}\r\nb NOOP\r\n")

    assert reader.read() == command(b"a AUTHENTICATE PLAIN")
    reader.expect_line(30)
    assert reader.unread == b"AGFubgBz {3}\r\nb NOOP\r\n"
    assert reader.unread_size == 22
    assert reader.read() == RawLine(b"AGFubgBz {3}")
    assert reader.read() == command(b"b NOOP")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"x" * 29 + b"\r\n", "expected a line of at most 30 octets"),
        (b"x" * 200 + b"\r\n", "expected a line of at most 30 octets"),
        (b"DONE\n", "expected CRLF"),
        (b"DO\0NE\r\n", "expected a line without NUL"),
    ],
)
def test_refused_line_has_no_tag(line, text):
    reader = make_reader()
    reader.expect_line(30)
    reader.feed(line + b"b NOOP\r\n")
    refused = reader.read()

    assert (refused.tag, refused.status) == ("", "BAD")
    assert refused.text.startswith(text)
    assert reader.read() == command(b"b NOOP")


def test_discard_drops_everything():
    reader = make_reader()
    reader.feed(b"a LOGIN {5}\r\nab")
    read_all(reader)
    reader.expect_line(10)
    reader.discard()
    reader.feed(b"b NOOP\r\n")

    assert read_all(reader) == [command(b"b NOOP")]


def test_items_are_compared_by_value():
    values = [
        Literal(b"a"),
        Literal(b"a", is_binary=True),
        RawLine(b"a"),
        RawCommand("a", "X", [b"a X"]),
        Refused("a", "NO", "x"),
    ]

    assert len({*values, Literal(b"a"), RawLine(b"a"), RawCommand("a", "X", [b"a X"]), Refused("a", "NO", "x")}) == 5
    assert all(value != "a" for value in values)
    assert repr(values[1]) == "Literal(b'a', is_binary=True)"
    assert repr(values[2]) == "RawLine(b'a')"


PIECES = [
    b"a NOOP\r\n", b"b LOGIN {3}\r\n", b"c LOGIN {3+}\r\n", b"~{2+}\r\n", b"{25}\r\n", b"{21+}\r\n",
    b"d APPEND {30+}\r\n", b"abc", b"\r", b"\n", b"\r\n", b" ", b"\0", b"x" * 30, b"x" * 70,
    b"\x16", b"\x03", b"{", b"}", b"+", b"{6+}", b"{06}",
]  # fmt: skip
inputs = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=6)), max_size=20).map(b"".join)


def read_in_parts(parts):
    reader = make_reader(max_non_synchronizing_bytes=10)
    items = []
    for part in parts:
        reader.feed(part)
        items += read_all(reader)
        if any(isinstance(item, Refused) and item.is_fatal for item in items):
            return items
    return items


@settings(deadline=None)
@given(data=inputs, cuts=st.lists(st.integers(0, 400), max_size=8))
def test_items_do_not_depend_on_how_input_is_split(data, cuts):
    ends = [*sorted(cut for cut in cuts if cut < len(data)), len(data)]
    parts = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    expected = read_in_parts([data])
    fatal = next((n for n, item in enumerate(expected) if isinstance(item, Refused) and item.is_fatal), None)
    expected = expected[: None if fatal is None else fatal + 1]

    assert read_in_parts(parts) == expected
    assert read_in_parts([data[n : n + 1] for n in range(len(data))]) == expected
