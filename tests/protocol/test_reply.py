"""Replies are values that can always be put on the wire."""

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
        # what a client says and a server echoes cannot start a line of its own
        (Reply(250, "a\r\n250 b"), b"250 a??250 b\r\n", b"250 a??250 b\r\n"),
        (Reply(250, "tab\tgrün\x00\x7f"), b"250 tab\tgr?n??\r\n", b"250 tab\tgr?n??\r\n"),
    ],
)
def test_a_reply_has_one_form_on_the_wire(reply, wire, bare):
    assert reply.wire == wire
    assert reply.bare_wire == bare


def test_no_line_of_a_reply_is_longer_than_512_octets():
    wire = Reply(250, "2.0.0", "x" * 2000, "y").wire
    lines = wire.splitlines(keepends=True)

    assert max(map(len, lines)) == 512
    assert [line[3:4] for line in lines] == [b"-", b"-", b"-", b"-", b" "]
    assert wire.count(b"x") == 2000


@pytest.mark.parametrize(
    "arguments", [(199,), (600,), (260,), (560,), (999,), (250, "4.0.0", "no"), (550, "2.1.1", "no")]
)
def test_a_reply_that_is_none_is_refused(arguments):
    with pytest.raises(ValueError, match="code"):
        Reply(*arguments)


def test_a_code_is_a_number():
    with pytest.raises(TypeError, match="not '250'"):
        Reply("250", "Ok")


def test_replies_are_values():
    assert Reply(250, "2.0.0", "Ok") == Reply(250, "2.0.0", "Ok")
    assert Reply(250, "2.0.0", "Ok") != Reply(250, "Ok")
    assert Reply(250) != 250
    assert len({Reply(250, "a"), Reply(250, "a"), Reply(251, "a")}) == 2
    assert repr(Reply(452, "4.2.2", "Full")) == "Reply(452, '4.2.2', 'Full')"
    assert str(Reply(250, "a", "b")) == "250-a\n250 b"
    assert Reply(354).positive
    assert not Reply(450).positive


def test_pending_has_a_name():
    from lazr.smtptest.protocol.smtp.reply import PENDING

    assert repr(PENDING) == "PENDING"
