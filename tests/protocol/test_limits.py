"""Limits as values: their checks, their text and their equality."""

import pytest

from lazr.smtptest import Limits, Reply
from tests.helpers.smtp_client import EHLO_LINE, TO_RCPT, RecordedSession, start_transaction


@pytest.mark.parametrize(
    ("limits", "error", "text"),
    [
        ({"recipients": "5"}, TypeError, "the limit recipients must be a whole number, or None for no limit, got '5'"),
        ({"recipients": 2.5}, TypeError, "the limit recipients must be a whole number, or None for no limit, got 2.5"),
        ({"errors": True}, TypeError, "the limit errors must be a whole number, or None for no limit, got True"),
        ({"idle_timeout": "5"}, TypeError, "the limit idle_timeout must be a number, or None for no limit, got '5'"),
        ({"command_line": None}, TypeError, "the limit command_line must be a number, got None; to lift it"),
        ({"session_memory": 0}, ValueError, "the limit session_memory must be greater than 0, got 0"),
        ({"errors": 0}, ValueError, "the limit errors must be greater than 0, or None for no limit, got 0"),
        ({"idle_timeout": -1.0}, ValueError, "the limit idle_timeout must be greater than 0, or None for no limit"),
        ({"idle_timeout": float("nan")}, ValueError, "the limit idle_timeout must be greater than 0"),
    ],
)
def test_invalid_limit_is_rejected(limits, error, text):
    with pytest.raises(error) as raised:
        Limits(**limits)
    assert str(raised.value).startswith(text)


def test_limits_compare_by_value_and_show_what_differs():
    assert Limits() == Limits(recipients=1000) and Limits() != Limits(recipients=2) and Limits() != 5
    assert len({Limits(), Limits(), Limits(errors=None)}) == 2
    assert repr(Limits()) == "Limits()"
    assert repr(Limits(errors=None, recipients=5)) == "Limits(errors=None, recipients=5)"


@pytest.mark.parametrize(
    ("settings", "before", "line"),
    [
        ({"limits": Limits(recipients=1, refused_commands=3, errors=2)}, TO_RCPT, b"RCPT TO:<cy@example.com>"),
        (
            {"limits": Limits(message_size=10, refused_commands=3, errors=2)},
            EHLO_LINE,
            b"MAIL FROM:<ann@example.com> SIZE=11",
        ),
    ],
)
def test_repeated_refusals_by_limits_count_as_errors(settings, before, line):
    recorded = RecordedSession(**settings)
    recorded.feed(before)
    codes = [recorded.feed_command(line) for _ in range(5)]

    assert codes[0] == codes[3] and codes[0] in (452, 552)
    assert codes[4] == 421 and recorded.session.is_closing


def test_accepted_mail_resets_the_count_of_refusals():
    recorded = start_transaction(limits=Limits(recipients=1, refused_commands=2, errors=1))
    for _ in range(5):
        assert [recorded.feed_command(b"RCPT TO:<cy@example.com>") for _ in range(2)] == [452, 452]
        recorded.feed(b"DATA\r\n.\r\n" + TO_RCPT)
    assert not recorded.session.is_closing


def test_refusals_without_limit_or_by_decision_are_not_counted():
    free = start_transaction(limits=Limits(recipients=1, refused_commands=None))
    assert {free.feed_command(b"RCPT TO:<cy@example.com>") for _ in range(1100)} == {452}

    full = Reply(452, "4.2.2", "Mailbox full")
    recorded = RecordedSession(
        lambda event, reply: full if event.verb == "RCPT" else reply, limits=Limits(refused_commands=1, errors=1)
    )
    recorded.feed(TO_RCPT)
    assert {recorded.feed_command(b"RCPT TO:<cy@example.com>") for _ in range(50)} == {452}


@pytest.mark.parametrize("items_per_turn", [1, 2, 3, 7])
@pytest.mark.parametrize("feed", ["feed", "feed_bytewise"])
def test_result_does_not_depend_on_the_length_of_turns(feed, items_per_turn):
    data = TO_RCPT + b"DATA\r\nHi\r\n.\r\n" + TO_RCPT + b"BDAT 3\r\nabcBDAT 2 LAST\r\nde" + b"NOOP\r\nQUIT\r\nNOOP\r\n"
    usual, recorded = RecordedSession(), RecordedSession()
    recorded.session.items_per_turn = items_per_turn

    assert getattr(recorded, feed)(data) == usual.feed(data)
    assert recorded.events == usual.events


def test_turn_ends_after_its_items():
    recorded = RecordedSession()
    recorded.session.items_per_turn = 2

    assert recorded.session.receive(b"NOOP\r\n" * 5).count(b"250") == 2 and recorded.session.has_backlog
    assert recorded.session.receive(b"").count(b"250") == 2 and recorded.session.has_backlog
    assert recorded.session.receive(b"").count(b"250") == 1 and not recorded.session.has_backlog


def test_end_of_input_waits_for_the_rest_of_the_backlog():
    recorded = RecordedSession()
    recorded.session.items_per_turn = 2
    recorded.session.receive(b"NOOP\r\n" * 5)
    recorded.session.receive_eof()
    recorded.feed(b"")

    assert [event.verb for event in recorded.events].count("NOOP") == 5
    assert recorded.record.ended == "EOF"
