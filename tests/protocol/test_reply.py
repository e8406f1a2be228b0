"""Replies are immutable values that are always valid on the wire."""

import pytest

from lazr.smtptest import Reply


@pytest.mark.parametrize(
    ("reply", "wire", "bare"),
    [
        (Reply(250, "2.0.0", "Ok"), b"250 2.0.0 Ok\r\n", b"250 Ok\r\n"),
        (Reply(354, "Go"), b"354 Go\r\n", b"354 Go\r\n"),
        (Reply(250), b"250 \r\n", b"250 \r\n"),
        (Reply(250, "a", "b"), b"250-a\r\n250 b\r\n", b"250-a\r\n250 b\r\n"),
        (Reply(550, "5.1.1", "a", "b"), b"550-5.1.1 a\r\n550 5.1.1 b\r\n", b"550-a\r\n550 b\r\n"),
        # untrusted input in a reply cannot start a line of its own
        (Reply(250, "a\r\n250 b"), b"250 a??250 b\r\n", b"250 a??250 b\r\n"),
        (Reply(250, "tab\tgrün\x00\x7f"), b"250 tab\tgr?n??\r\n", b"250 tab\tgr?n??\r\n"),
    ],
)
def test_reply_on_the_wire(reply, wire, bare):
    assert reply.wire == wire
    assert reply.wire_without_enhanced_code == bare


@pytest.mark.parametrize("code", ["2.0.0", "2.1.5", "2.10.999"])
def test_first_text_may_be_an_enhanced_code(code):
    assert (Reply(250, code, "Ok").enhanced, Reply(250, code, "Ok").lines) == (code, ("Ok",))


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "..", "2", "2.0", "2.0.", "2..0", ".0.0", "2.0.0.0", "2.0.0 Ok", " 2.0.0", "2.0.0\n"),
        *("1.0.0", "3.0.0", "22.0.0", "2.1000.0", "2.0.1000", "2.-1.0", "2.+1.0", "2.a.0", "2.\u0661.0", "2.\u00b2.0"),
    ],
)
def test_other_text_is_no_enhanced_code(text):
    assert (Reply(250, text).enhanced, Reply(250, text).lines) == (None, (text,))


def test_reply_lines_have_at_most_512_octets():
    wire = Reply(250, "2.0.0", "x" * 2000, "y").wire
    lines = wire.splitlines(keepends=True)

    assert max(map(len, lines)) == 512
    assert [line[3:4] for line in lines] == [b"-", b"-", b"-", b"-", b" "]
    assert wire.count(b"x") == 2000


@pytest.mark.parametrize(
    "arguments", [(199,), (600,), (260,), (560,), (999,), (250, "4.0.0", "no"), (550, "2.1.1", "no")]
)
def test_invalid_codes_are_rejected(arguments):
    with pytest.raises(ValueError, match="code"):
        Reply(*arguments)


def test_code_must_be_a_number():
    with pytest.raises(TypeError, match="got '250'"):
        Reply("250", "Ok")


def test_replies_with_equal_fields_are_equal():
    assert Reply(250, "2.0.0", "Ok") == Reply(250, "2.0.0", "Ok")
    assert Reply(250, "2.0.0", "Ok") != Reply(250, "Ok")
    assert Reply(250) != 250
    assert len({Reply(250, "a"), Reply(250, "a"), Reply(251, "a")}) == 2
    assert repr(Reply(452, "4.2.2", "Full")) == "Reply(452, '4.2.2', 'Full')"
    assert str(Reply(250, "a", "b")) == "250-a\n250 b"
    assert Reply(354).is_positive
    assert not Reply(450).is_positive


def test_repr_of_pending():
    from lazr.smtptest.protocol.smtp.reply import PENDING

    assert repr(PENDING) == "PENDING"
