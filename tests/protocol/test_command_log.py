"""The commands of a session as values."""

import base64

import pytest

from lazr.smtptest import Auth, Limits, Reply
from lazr.smtptest.protocol.smtp import events
from lazr.smtptest.protocol.smtp.command_log import Command, iterate_exchanges
from lazr.smtptest.protocol.smtp.reply import PENDING
from tests.helpers.smtp_client import EHLO_LINE, TO_RCPT, RecordedSession


def list_commands(recorded):
    return [(command.verb, command.reply and command.reply.code) for command in recorded.record.commands]


def test_commands_have_address_parameters_and_reply():
    recorded = RecordedSession()
    recorded.feed(
        EHLO_LINE
        + b"MAIL FROM:<ann@example.com> SIZE=423 BODY=8BITMIME\r\nRCPT TO:<bob@example.com> NOTIFY=NEVER\r\n"
        + b"DATA\r\nHi\r\n.\r\n"
        + b"MAIL FROM:<>\r\nRSET\r\nNOOP a word\r\nQUIT\r\n"
    )
    ok = Reply(250, "2.0.0", "Ok")

    assert recorded.record.commands == (
        Command("EHLO", argument="client.example", reply=recorded.settings.ehlo_reply),
        Command(
            "MAIL",
            address="ann@example.com",
            parameters={"SIZE": "423", "BODY": "8BITMIME"},
            reply=Reply(250, "2.1.0", "Sender ok"),
        ),
        Command(
            "RCPT",
            address="bob@example.com",
            parameters={"NOTIFY": "NEVER"},
            reply=Reply(250, "2.1.5", "Recipient ok"),
        ),
        Command("DATA", reply=Reply(354, "End data with <CR><LF>.<CR><LF>")),
        Command("END_OF_DATA", argument="4 octets", reply=Reply(250, "2.0.0", "Message accepted")),
        Command("MAIL", address="", reply=Reply(250, "2.1.0", "Sender ok")),
        Command("RSET", reply=ok),
        Command("NOOP", argument="a word", reply=ok),
        Command("QUIT", reply=Reply(221, "2.0.0", "Bye")),
    )


def test_invalid_commands_are_marked():
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE + b"FOO bar\r\nRCPT TO:<bob@example.com>\r\nPASS hunter2\r\n\xff\r\n")
    commands = recorded.record.commands[1:]

    assert [(c.verb, c.argument, c.reply.code, c.is_valid) for c in commands] == [
        ("FOO", "FOO bar", 500, False),
        ("RCPT", "RCPT TO:<bob@example.com>", 503, False),
        ("PASS", "***", 500, False),
        ("", "***", 500, False),
    ]


def test_chunks_and_the_message_share_the_last_reply():
    recorded = RecordedSession()
    recorded.feed(TO_RCPT + b"BDAT 3\r\nabcBDAT 2 LAST\r\nde" + TO_RCPT + b"BDAT 5 X\r\nabcde")

    assert list_commands(recorded)[3:6] == [("BDAT", 250), ("BDAT", 250), ("END_OF_DATA", 250)]
    assert [c.argument for c in recorded.record.commands[3:6]] == ["3", "2 LAST", "5 octets"]
    assert list_commands(recorded)[-1] == ("BDAT", 501)


@pytest.mark.parametrize(
    ("settings", "code"), [({"limits": Limits(message_size=5)}, 552), ({"strict": True}, 550), ({}, 250)]
)
@pytest.mark.parametrize("sending", [b"DATA\r\nab\nc\r\n.\r\n", b"BDAT 7 LAST\r\nabc\nd\r\n"])
def test_content_has_one_entry_with_its_reply(sending, settings, code):
    recorded = RecordedSession(**settings)
    recorded.feed(TO_RCPT + sending)
    last = recorded.record.commands[-1]

    assert (last.verb, last.reply.code) in {("END_OF_DATA", code), ("BDAT", code)}
    assert [command.verb for command in recorded.record.commands].count("END_OF_DATA") <= 1


def test_auth_shows_mechanism_and_user_only():
    recorded = RecordedSession(auth=Auth({"ann": "secret"}))
    recorded.feed(EHLO_LINE)
    for line in (b"AUTH LOGIN", base64.b64encode(b"ann"), base64.b64encode(b"wrong")):
        recorded.feed_command(line)
    recorded.feed_command(b"AUTH PLAIN " + base64.b64encode(b"\0ann\0secret"))

    assert repr(recorded.record.commands[1:]) == (
        "(<Command AUTH LOGIN ann → 535 5.7.8 Authentication credentials invalid>, "
        "<Command AUTH PLAIN ann → 235 2.7.0 Authentication succeeded>)"
    )


def test_challenge_is_not_the_reply():
    recorded = RecordedSession(auth=Auth({"ann": "secret"}))
    recorded.feed(EHLO_LINE)
    recorded.feed_command(b"AUTH XOAUTH2 " + base64.b64encode(b"user=ann\1auth=Bearer wrong\1\1"))
    assert recorded.record.commands[-1].reply is None
    recorded.feed_command(b"")

    assert list_commands(recorded)[-1] == ("AUTH", 535)


def test_pending_command_has_no_reply_yet():
    recorded = RecordedSession(lambda event, reply: PENDING if event.verb == "NOOP" else reply)
    recorded.feed(b"NOOP\r\n")
    assert list_commands(recorded) == [("NOOP", None)]
    assert repr(recorded.record.commands) == "(<Command NOOP → no reply>,)"
    recorded.session.answer(Reply(250, "fine"))
    assert list_commands(recorded) == [("NOOP", 250)]


@pytest.mark.parametrize("wire", [b"", b"250-half\r\n250", b"2\r\n", b"\xff\xff", b"250-a\r\n251 b\r\n", b"999 x\r\n"])
def test_malformed_reply_of_a_rule_is_no_reply(wire):
    recorded = RecordedSession(lambda event, reply: reply.replace(wire=wire) if event.verb == "NOOP" else reply)
    recorded.feed(b"NOOP\r\nRSET\r\n")

    assert list_commands(recorded) == [("NOOP", None), ("RSET", 250)]


def test_reply_without_matching_enhanced_code_keeps_its_text():
    recorded = RecordedSession(lambda event, reply: Reply(250, "text").replace(wire=b"250 5.1.1 odd\r\n"))
    recorded.feed(b"NOOP\r\n")

    assert recorded.record.commands[0].reply.lines == ("5.1.1 odd",)


def test_commands_have_times():
    recorded = RecordedSession()
    transcript = recorded.record.transcript
    transcript.entries.insert(0, 5.0)
    transcript.add_timestamp(7.5)
    recorded.feed(b"NOOP\r\n")

    assert [command.at for command in recorded.record.commands] == [2.5]
    assert (transcript.start_time, transcript.end_time) == (5.0, 7.5)


def test_long_session_keeps_first_and_last_commands():
    recorded = RecordedSession(limits=Limits(commands_without_mail=None))
    for number in range(2000):
        recorded.record.transcript.add_timestamp(float(number))
        recorded.feed(b"NOOP %d\r\n" % number)
    numbers = [int(command.argument) for command in recorded.record.commands]

    assert numbers[0] == 0 and numbers[-1] == 1999 and len(numbers) < 400


def test_long_invalid_line_is_cut_in_the_log():
    recorded = RecordedSession(limits=Limits(command_line=2000))
    recorded.feed(b"NOOP \xff " + b"x " * 750 + b"\r\n")
    (event,) = (entry for entry in recorded.record.transcript.entries if getattr(entry, "verb", "") == "MALFORMED")

    assert len(event.line) == 250 and len(recorded.events[-1].line) == 1507


def test_commands_are_values():
    first, second = Command("NOOP", argument="x"), Command("NOOP", argument="x", at=5.0)

    assert first == second and hash(first) == hash(second) and first != Command("NOOP") and first != "NOOP"
    assert repr(Command("MAIL", address="", parameters={"SMTPUTF8": ""})) == "<Command MAIL <> SMTPUTF8 → no reply>"


def test_entries_without_commands_yield_nothing():
    assert list(iterate_exchanges([1.0, b"220 hi\r\n", "a note", (5, b"hello", b"", False, None)])) == []


def test_command_without_reply_is_followed_by_the_next_one():
    noop, rset = events.Noop(""), events.Rset()
    exchanges = list(iterate_exchanges([b"NOOP", noop, b"RSET", rset, b"250 2.0.0 Ok\r\n"]))

    assert [(exchange.line, exchange.event, exchange.reply) for exchange in exchanges] == [
        (b"NOOP", noop, None),
        (b"RSET", rset, b"250 2.0.0 Ok\r\n"),
    ]
