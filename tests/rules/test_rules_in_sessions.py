"""Rules in sessions: servers with rules, and real clients over sockets."""

import asyncio
import base64
import contextlib
import re
import smtplib
import socket
import sys
import threading
import time

import pytest

from lazr.smtptest import (
    Credentials,
    Limits,
    MailServer,
    Reply,
    Rule,
    RuleNeverActed,
    Rules,
    WaitTimeout,
    presets,
)
from tests.helpers.rule_actions import add_action
from tests.helpers.smtp_client import RawSmtpClient

GREETING = b"EHLO client.example"


TRANSACTION = GREETING + b"\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"


def list_dialogue(session):
    """Return the lines of a transcript without their times."""
    return [f"{line.who} {line.text}" for line in session.transcript]


# -- order of decisions -------------------------------------------------------------------------


def test_first_rule_that_acts_wins_and_decide_comes_last(connect):
    verbs = []

    def decide(event, reply):
        verbs.append(event.verb)
        return Reply(250, "decided") if event.verb == "NOOP" else reply

    with MailServer(decide=decide) as server:
        server.on("NOOP").reply(250, "first").once()
        server.on("NOOP").reply(250, "second").times(2)
        server.on("NOOP").reply(250, "third").once()
        client = connect(server)
        replies = [client.send_command(b"NOOP")[4:].strip() for _ in range(5)]

    assert replies == [b"first", b"second", b"second", b"third", b"decided"]
    assert verbs == ["CONNECT", "NOOP"]


def test_action_without_reply_changes_the_reply_of_decide(connect):
    async def decide_slowly(event, reply):
        await asyncio.sleep(0)
        return Reply(250, "slowly") if event.verb == "NOOP" else reply

    for decide in (decide_slowly, lambda event, reply: Reply(250, "slowly") if event.verb == "NOOP" else reply):
        with MailServer(decide=decide) as server:
            server.on("NOOP").truncate(6).once()
            server.on("NOOP").delay(0.01).close_after()
            server.on("END_OF_DATA").duplicate()
            client = connect(server)
            client.send_command(GREETING)
            assert client.send_mail().startswith(b"250") and len(server.inbox) == 2
            client.send(b"NOOP\r\n")
            assert client.file.read(6) == b"250 sl"
            client.send(b"NOOP\r\nNOOP\r\n")
            assert client.read_to_end() == b"250 slowly\r\n"
            assert server.sessions[0].ended == "rule"


def test_server_replies_to_out_of_order_command_before_rules(connect):
    with MailServer() as server:
        server.on("RCPT").reply(452).optional()
        client = connect(server)
        client.send_command(GREETING)

        assert client.send_command(b"RCPT TO:<bob@example.com>").startswith(b"503")


def test_ehlo_rule_acts_on_lhlo_with_lmtp(connect):
    with MailServer(protocol="lmtp") as server:
        first = server.on("EHLO").without("SIZE").once()
        server.on("LHLO").reply(451, "4.3.0", "No").once()
        client = connect(server)
        assert b"SIZE" not in client.send_command(b"LHLO me") and first.calls[0].said == "LHLO me"
        assert client.send_command(b"LHLO me").startswith(b"451")


def test_verb_with_hyphen_triggers_rule(connect):
    with MailServer() as server:
        server.on("X-EXPS").reply(235, "2.7.0", "Welcome")

        assert connect(server).send_command(b"X-EXPS GSSAPI") == b"235 2.7.0 Welcome\r\n"


# -- call -----------------------------------------------------------------------------------------


async def reply_later(event):
    await asyncio.sleep(0)
    return Reply(250, f"later {event.argument}")


async def return_none_later(event):
    await asyncio.sleep(0)


@pytest.mark.parametrize("decides", [False, True])
@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda event: Reply(250, f"asked {event.argument}"), b"250 asked x\r\n"),
        (reply_later, b"250 later x\r\n"),
        (lambda event: None, None),
        (return_none_later, None),
    ],
)
def test_call_returns_reply_or_none_for_the_usual_one(function, expected, decides, connect):
    async def decide(event, reply):
        return Reply(250, "decided") if event.verb == "NOOP" else reply

    usual = b"250 decided\r\n" if decides else b"250 2.0.0 Ok\r\n"
    with MailServer(decide=decide if decides else None) as server:
        server.on("NOOP").call(function)
        assert connect(server).send_command(b"NOOP x") == (expected or usual)


def test_exception_in_function_returns_451_and_fails_the_test(connect):
    def fail(*_):
        raise ValueError("mine")

    async def fail_later(event):
        raise KeyError("later")

    with pytest.raises(BaseExceptionGroup) as raised, MailServer() as server:
        server.on("NOOP").call(fail)
        server.on("VRFY").call(fail_later)
        server.on("RSET", where=fail).drop().optional()
        server.on("IDLE", after=0.01, where=fail, session=2).drop().optional()
        server.on("HELP").call(lambda event: "250 no reply")
        client = connect(server)
        for command in (b"NOOP", b"VRFY x", b"RSET", b"HELP"):
            assert client.send_command(command).startswith(b"451 4.3.0")

    assert sorted(type(error).__name__ for error in raised.value.exceptions) == [
        "KeyError", "TypeError", "ValueError", "ValueError",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda rule: rule.reply(450), b"450 Requested mail action not taken: mailbox unavailable\r\n"),
        (lambda rule: rule.reply(Reply(450)), b"450 Requested mail action not taken: mailbox unavailable\r\n"),
        (lambda rule: rule.reply(450, ""), b"450 Requested mail action not taken: mailbox unavailable\r\n"),
        (lambda rule: rule.reply(550, "5.1.1"), b"550 5.1.1 Requested action not taken: mailbox unavailable\r\n"),
        (lambda rule: rule.reply(421), b"421 Service not available, closing transmission channel\r\n"),
        (lambda rule: rule.reply(450, "Busy"), b"450 Busy\r\n"),
        (lambda rule: rule.reply(450, "", "Busy"), b"450-\r\n450 Busy\r\n"),
        (lambda rule: rule.reply(459), b"459 \r\n"),
        (lambda rule: rule.reply(Reply(450).replace(wire=b"450\r\n")), b"450\r\n"),
        (lambda rule: rule.truncate(6).reply(450), b"450 Re"),
    ],
)
def test_reply_without_text_gets_that_of_its_code(write, expected, connect):
    with MailServer() as server:
        write(server.on("NOOP"))
        client = connect(server)
        client.send_command(GREETING)
        client.send(b"NOOP\r\nQUIT\r\n")

        assert client.read_to_end().startswith(expected)


def test_unsolicited_reply_without_text_gets_that_of_its_code(connect):
    with MailServer() as server:
        server.on("IDLE", after=0.01).reply(421)

        assert connect(server).read_to_end().endswith(b"421 Service not available, closing transmission channel\r\n")


def test_challenge_without_text_stays_empty(connect):
    with MailServer() as server:
        server.on("NOOP").reply(334)

        assert connect(server).send_command(b"NOOP") == b"334 \r\n"


def test_call_replies_to_unknown_verb(connect):
    with MailServer() as server:
        server.on("STAT").call(lambda event: Reply(250, f"{len(server.inbox)} mails"))
        client = connect(server)
        client.send_command(GREETING)
        client.send_mail()

        assert client.send_command(b"STAT") == b"250 1 mails\r\n"


# -- mails ---------------------------------------------------------------------------------------


def test_mail_is_kept_only_with_a_positive_reply(connect):
    with MailServer() as server:
        server.on("END_OF_DATA").reply(250, "2.0.0", "queued as 7").then().reply(451).then().drop()
        client = connect(server)
        client.send_command(GREETING)
        assert client.send_mail() == b"250 2.0.0 queued as 7\r\n" and len(server.inbox) == 1
        assert client.send_mail().startswith(b"451") and len(server.inbox) == 1
        assert client.send_mail() == b"" and len(server.inbox) == 1


def test_truncated_reply_keeps_the_mail(connect):
    with MailServer() as server:
        server.on("END_OF_DATA").truncate(0).close_after().once()
        for _ in range(2):  # RFC 1047: the client sends it again
            client = connect(server)
            client.send_command(GREETING)
            client.send_mail()

        assert len(server.inbox) == 2


@pytest.mark.parametrize(
    "write",
    [
        lambda rule: rule.truncate(0).close_after(),
        lambda rule: rule.raw(b"").close_after(),
        lambda rule: rule.truncate(0),
        lambda rule: rule.delay(0.01).truncate(0),
    ],
)
@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
def test_inbox_waiter_wakes_when_no_reply_is_written(write, protocol, connect):
    with MailServer(protocol=protocol) as server:
        write(server.on("END_OF_DATA"))
        waiter = threading.Thread(target=server.inbox.wait, args=(1,), kwargs={"timeout": 60}, daemon=True)
        waiter.start()
        client = connect(server)
        client.send(TRANSACTION.replace(b"EHLO", b"LHLO" if protocol == "lmtp" else b"EHLO") + b"Hi\r\n.\r\n")
        waiter.join(20)

        assert not waiter.is_alive()


def test_raw_reply_decides_by_its_code(connect):
    with MailServer() as server:
        server.on("END_OF_DATA").raw(b"450 \xff\r\n").then().raw(b"\xff\r\n").then().raw(b"999 \r\n")
        client = connect(server)
        client.send_command(GREETING)
        assert [client.send_mail() for _ in range(3)] == [b"450 \xff\r\n", b"\xff\r\n", b"999 \r\n"]

        assert len(server.inbox) == 2


@pytest.mark.parametrize(
    ("add_action", "expected", "kept"),
    [
        (lambda rule: rule.raw(b"250 odd\r\n"), b"250 odd\r\n", 1),
        (lambda rule: rule.truncate(4), b"250 ", 1),
        (lambda rule: rule.close_after(), b"250 2.0.0 3 octets received\r\n", 0),
        (lambda rule: rule.reply(451, "4.3.0", "No"), b"451 4.3.0 No\r\n", 0),
    ],
)
def test_rule_acts_on_the_last_bdat_chunk(add_action, expected, kept, connect):
    with MailServer() as server:
        add_action(server.on("BDAT"))
        client = connect(server)
        for line in (GREETING, b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>"):
            client.send_command(line)
        client.send(b"BDAT 3 LAST\r\nHi!")
        client.socket.shutdown(socket.SHUT_WR)

        assert client.read_to_end() == expected and len(server.inbox) == kept


@pytest.mark.parametrize(
    ("add_action", "replies", "mails"),
    [
        (lambda rule: rule.reply(452, "4.2.2", "Full"), ["250", "452", "250"], [("a@x", "c@x")]),
        (lambda rule: rule.accept_but_lose(), ["250", "250", "250"], [("a@x", "c@x")]),
        (lambda rule: rule.duplicate(), ["250", "250", "250"], [("b@x",), ("a@x", "b@x", "c@x")]),
        (lambda rule: rule.delay(0.01), ["250", "250", "250"], [("a@x", "b@x", "c@x")]),
        (lambda rule: rule.drop(), [""], []),
        (lambda rule: rule.close_after(), ["250", "250", ""], [("a@x", "b@x")]),
        (lambda rule: rule.raw(b"250 b\r\n"), ["250", "250", "250"], [("a@x", "b@x", "c@x")]),
    ],
)
def test_lmtp_evaluates_rules_for_each_recipient(add_action, replies, mails, connect):
    with MailServer(protocol="lmtp") as server:
        add_action(server.on("END_OF_DATA", to="b@x"))
        client = connect(server)
        for line in (b"LHLO me", b"MAIL FROM:<s@x>", b"RCPT TO:<a@x>", b"RCPT TO:<b@x>", b"RCPT TO:<c@x>", b"DATA"):
            client.send_command(line)
        client.send(b"Hi\r\n.\r\n")

        assert [client.read_reply()[:3].decode() for _ in replies] == replies
        assert [mail.recipients for mail in server.inbox] == mails


def test_accept_but_lose_with_lmtp_keeps_nothing(connect):
    with MailServer(protocol="lmtp") as server:
        server.on("END_OF_DATA").accept_but_lose()
        client = connect(server)
        for line in (b"LHLO me", b"MAIL FROM:<s@x>", b"RCPT TO:<a@x>", b"RCPT TO:<a@x>", b"DATA"):
            client.send_command(line)
        client.send(b"Hi\r\n.\r\n")

        assert client.read_reply()[:3] == client.read_reply()[:3] == b"250" and len(server.inbox) == 0


# -- CONTENT and IDLE ---------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 1, 7, 9_999, 10_000])
def test_content_rule_acts_at_its_byte_in_one_segment(after, connect):
    with MailServer() as server:
        rule = server.on("CONTENT", after=after, sender="a@*").drop()
        client = connect(server)
        client.send_command(GREETING)
        content = b"x" * 9_998 + b"\r\n.\r\n"
        client.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + content + b"NOOP\r\n")

        assert [line[:3] for line in client.read_to_end().splitlines()] == [b"250", b"250", b"354"]
        assert rule.calls[0].said == f"CONTENT {after:,} bytes" and len(server.inbox) == 0


def test_content_rule_ignores_short_and_unselected_mails(connect):
    with MailServer() as server:
        server.on("CONTENT", after=50, sender="ann@*").drop().optional()
        server.on("CONTENT", after=2, sender="bob@*").delay(0.001).optional()
        server.on("CONTENT", after=3).throttle(1_000_000)
        client = connect(server)
        client.send_command(GREETING)
        assert client.send_mail(content=b"short\r\n").startswith(b"250")
        assert client.send_mail(sender=b"bob@x", content=b"long" * 100 + b"\r\n").startswith(b"250")

        assert [mail.size for mail in server.inbox] == [7, 402]


def test_content_rule_added_during_content_acts(connect):
    with MailServer() as server:
        client = connect(server)
        for line in (GREETING, b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA"):
            client.send_command(line)
        client.send(b"x" * 100)
        server.on("CONTENT", after=10).reply(421, "4.3.0", "Enough")
        client.send(b"y")

        assert client.read_to_end() == b"421 4.3.0 Enough\r\n"
        assert server.sessions[0].ended == "421"


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_idle_rule_acts_when_added_before_or_during_silence(loop, connect):
    with MailServer(loop=loop) as server:
        quiet = connect(server)
        first = server.on("IDLE", after=0.02, session=1).raw(b"still there?\r\n").once()
        assert quiet.read_reply() == b"still there?\r\n"
        again = server.on("IDLE", after=0.05, session=1).reply(421, "4.4.2", "Bye")
        assert quiet.read_to_end() == b"421 4.4.2 Bye\r\n"

        assert first.count == again.count == 1 and first.calls[0].said == "IDLE 0.02 s"
        lively = connect(server)
        for _ in range(30):
            lively.send_command(b"NOOP")


def test_idle_rule_ignores_client_that_waits_for_a_reply(connect):
    with MailServer() as server:
        server.on("IDLE", after=0.02).drop().optional()
        server.on("NOOP").delay(0.1)
        client = connect(server)

        assert client.send_command(b"NOOP").startswith(b"250")


def test_idle_rule_acts_once_per_silence(connect):
    with MailServer() as server:
        rule = server.on("IDLE", after=0.02).raw(b"1\r\n")
        client = connect(server)
        for _ in range(2):
            assert client.read_reply() == b"1\r\n"
            client.send_command(b"NOOP")
        assert rule.count >= 2


def test_raw_reply_during_silence_does_not_end_it(connect):
    with MailServer() as server:
        server.on("IDLE", after=0.02).raw(b"there?\r\n")
        server.on("IDLE", after=0.1).reply(421, "4.4.2", "Bye")
        client = connect(server)

        assert client.read_to_end() == b"there?\r\n421 4.4.2 Bye\r\n"


# -- delays and stops ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        lambda server: server.on("NOOP").delay(3600),
        lambda server: server.on("NOOP").stall(),
        lambda server: server.on("NOOP").throttle(1),
        lambda server: server.on("NOOP").throttle(1).drop(),
        lambda server: server.on("NOOP").throttle(1).close_after(),
    ],
)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_stop_does_not_wait_for_rules(write, loop, connect):
    with MailServer(loop=loop) as server:
        acted = write(server)
        client = connect(server)
        client.send(b"NOOP\r\n")
        acted.wait()
        began = time.monotonic()

    assert time.monotonic() - began < 3


def test_delay_does_not_affect_other_clients(connect):
    with MailServer() as server:
        rule = server.on("NOOP", session=1).delay(3600)
        slow, other = connect(server), connect(server)
        slow.send(b"NOOP\r\n")
        rule.wait()
        assert other.send_command(b"NOOP").startswith(b"250")


async def sleep_for_an_hour(event):
    await asyncio.sleep(3600)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("settings", "write", "data"),
    [
        ({}, lambda on: on("NOOP").delay(3600), b"NOOP\r\n"),
        ({}, lambda on: on("NOOP").delay(3600).drop(), b"NOOP\r\n"),
        ({}, lambda on: on("NOOP").delay(3600), b"NOOP\r\n" * 1000 + b"QUIT\r\n"),
        ({}, lambda on: on("CONNECT").delay(3600), b""),
        ({}, lambda on: on("CONNECT").call(sleep_for_an_hour), b""),
        ({}, lambda on: on("NOOP").call(sleep_for_an_hour), b"NOOP\r\nNOOP\r\n"),
        ({}, lambda on: on("NOOP").delay(0.001).call(sleep_for_an_hour), b"NOOP\r\n"),
        ({}, lambda on: on("CONTENT").delay(3600), TRANSACTION + b"Hi\r\n"),
        ({"auth": "any"}, lambda on: on("AUTH").delay(3600), GREETING + b"\r\nAUTH PLAIN AGEAYg==\r\n"),
        ({"auth": "any"}, lambda on: on("AUTH").call(sleep_for_an_hour), GREETING + b"\r\nAUTH PLAIN AGEAYg==\r\n"),
        ({"tls": "implicit"}, lambda on: on("TLS").delay(3600), b"\x16\x03\x01"),
        ({"tls": "starttls"}, lambda on: on("STARTTLS").delay(3600), GREETING + b"\r\nSTARTTLS\r\n"),
    ],
)
def test_session_ends_when_client_leaves_during_a_wait(settings, write, data, loop):
    with MailServer(loop=loop, **settings) as server:
        rule = write(server.on)
        with RawSmtpClient(server.address, greet=False) as client:
            client.send(data)
            rule.wait()
        assert server.settle()[0].ended in ("EOF", "reset", "rule", "421", "TLS failed")


def test_complete_message_is_kept_when_client_leaves_during_delay(connect):
    with MailServer() as server:
        rule = server.on("END_OF_DATA").delay(3600).then().delay(3600).reply(451)
        for number in range(2):  # RFC 1047
            with RawSmtpClient(server.address) as client:
                for line in TRANSACTION.splitlines():
                    client.send_command(line)
                client.send(b"Hi\r\n.\r\n")
                rule.wait(number + 1)
            server.settle()

        assert len(server.inbox) == 1


def test_commands_during_long_delay_are_processed_after_it(connect):
    with MailServer(limits=Limits(commands_without_mail=None)) as server:
        server.on("NOOP", nth=1).delay(0.3)
        client = connect(server)
        client.send(b"NOOP\r\n")
        client.send(b"NOOP\r\n" * 50_000 + b"QUIT\r\n")  # more than the server reads during the delay

        assert client.read_to_end() == b"250 2.0.0 Ok\r\n" * 50_001 + b"221 2.0.0 Bye\r\n"


def test_commands_during_delay_inside_tls_are_processed_after_it(connect):
    with MailServer(tls="implicit") as server:
        server.on("NOOP").delay(0.02).times(2)
        client = connect(server, context=server.client_context())
        for _ in range(2):
            client.send(b"NOOP\r\n")
        client.send(b"QUIT\r\n")

        assert client.read_reply() == client.read_reply() == b"250 2.0.0 Ok\r\n" and client.read_reply().startswith(
            b"221"
        )


def test_commands_during_delayed_reply_are_processed_after_it(connect):
    with MailServer() as server:
        server.on("NOOP").delay(0.02).reply(250, "late").once()
        client = connect(server)
        client.send(b"NOOP\r\nNOOP\r\nQUIT\r\n")

        assert client.read_to_end() == b"250 late\r\n250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n"


@pytest.mark.parametrize("action", ["delay", "call"])
def test_disconnect_during_a_second_delay_is_no_tls_failure(action, connect):
    async def answer(event):
        await asyncio.sleep(10)

    with MailServer() as server:
        server.on("NOOP").delay(10)
        rule = server.on("VRFY")
        rule.delay(10) if action == "delay" else rule.call(answer)
        client = connect(server)
        client.send(b"NOOP\r\nVRFY ann\r\n")
        client.close()  # ends the first delay; the second command then waits
        server.settle()

        assert (server.sessions[0].ended, server.sessions[0].tls_failure) == ("EOF", None)


def test_session_ends_when_stalled_client_leaves(connect):
    with MailServer() as server:
        server.on("NOOP").stall()
        client = connect(server)
        client.send(b"NOOP\r\nMAIL FROM:<a@b>\r\n" + b"x" * 100_000)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.read_to_end() == b""
        assert server.sessions[0].ended == "EOF"


def test_session_timeout_ends_a_stall(connect):
    with MailServer(limits=Limits(session_timeout=0.1)) as server:
        server.on("NOOP").stall()
        client = connect(server)
        client.send(b"NOOP\r\n")

        client.read_to_end()
        assert server.sessions[0].ended == "timeout"


@pytest.mark.parametrize("wait", [0.0, 0.02])
def test_delayed_handshake_is_dropped_reset_or_stalled(wait, connect):
    for action in ("drop", "reset", "stall"):
        with MailServer(tls="implicit") as server:
            add_action(server.on("TLS").delay(wait), action)
            with contextlib.suppress(ConnectionError):  # the connection may end before the client sends
                client = connect(server, greet=False)
                client.send(b"\x16\x03\x01")
                if action == "stall":
                    client.socket.shutdown(socket.SHUT_WR)
                assert client.read_to_end() == b""


def test_implicit_tls_handshake_is_delayed(connect):
    with MailServer(tls="implicit") as server:
        server.on("TLS").delay(0.02)
        server.on("CONNECT", tls=True).reply(220, "hello in TLS")

        assert connect(server, context=server.client_context()).greeting == b"220 hello in TLS\r\n"


def test_connection_closes_after_reply_to_starttls(connect):
    with MailServer(tls="starttls") as server:
        server.on("STARTTLS").close_after()
        client = connect(server)
        client.send_command(GREETING)

        assert client.send_command(b"STARTTLS").startswith(b"220") and client.read_to_end() == b""


# -- speed ---------------------------------------------------------------------------------------


def test_throttled_reading_triggers_no_deadline(connect):
    limits = Limits(idle_timeout=0.05, command_timeout=0.05, write_timeout=0.05, data_rate=1_000_000)
    with MailServer(limits=limits) as server:
        server.on("DATA").throttle(20_000, "in")
        client = connect(server)
        client.send_command(GREETING)
        began = time.monotonic()
        reply = client.send_mail(content=(b"x" * 98 + b"\r\n") * 60)

        assert reply.startswith(b"250") and time.monotonic() - began >= 0.2
        assert server.inbox.one().size == 6_000


def test_throttled_writing_stays_within_limits(connect):
    with MailServer(limits=Limits(replies_waiting=2_000, write_timeout=0.05)) as server:
        server.on("NOOP").throttle(20_000, "out")
        client = connect(server)
        began = time.monotonic()
        client.send(b"NOOP\r\n" + b"RSET\r\n" * 99 + b"QUIT\r\n")
        replies = client.read_to_end()

        assert replies == b"250 2.0.0 Ok\r\n" * 100 + b"221 2.0.0 Bye\r\n"
        assert time.monotonic() - began >= 0.02


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("tls", [None, "implicit"])
def test_throttle_limits_queue_and_sends_all_replies(tls, loop, connect):
    with MailServer(limits=Limits(replies_waiting=1_000, commands_without_mail=None), loop=loop, tls=tls) as server:
        server.on("CONNECT").throttle(100_000)
        client = connect(server, context=server.client_context() if tls else None)
        client.send(b"HELP\r\n" * 300 + b"QUIT\r\n")  # less than the buffer of a socket
        replies = client.read_to_end()

        assert replies.count(b"214 2.0.0 See RFC 5321\r\n") == 300 and replies.endswith(b"221 2.0.0 Bye\r\n")


@pytest.mark.slow
def test_throttle_frees_its_queue_when_connection_ends():
    with MailServer() as server:
        server.on("CONNECT").throttle(1)
        with RawSmtpClient(server.address, greet=False) as client:
            client.socket.recv(1)
            (connection,) = server.call(lambda: list(server._connection_manager._connections))
            client.send(b"NOOP\r\n")
        server.settle()

        # A timer would keep the connection and its unsent data alive for as long as sending would take.
        assert server.call(lambda: (connection.throttle._write_timer, len(connection.throttle._queue))) == (None, 0)


def test_throttle_keeps_rate_after_queue_was_empty(connect):
    with MailServer() as server:
        server.on("CONNECT").throttle(500, "out")
        client = connect(server)
        began = time.monotonic()
        for _ in range(10):
            client.send_command(b"NOOP")  # 14 bytes, less than the throttle sends at once

        assert time.monotonic() - began >= 9 * 14 / 500


def test_throttle_can_be_changed_during_a_session(connect):
    with MailServer() as server:
        server.on("NOOP").throttle(1000, "in").then().throttle(100_000).then().throttle(1_000_000, "out")
        client = connect(server)
        for _ in range(4):
            assert client.send_command(b"NOOP") == b"250 2.0.0 Ok\r\n"


# -- account -------------------------------------------------------------------------------------


def test_transcript_shows_the_action(connect):
    with MailServer() as server:
        server.on("RCPT", to="*@full.example").reply(452, "4.2.2", "Full")
        client = connect(server)
        for line in (b"HELO me", b"MAIL FROM:<a@b>", b"RCPT TO:<x@full.example>"):
            client.send_command(line)

        assert list_dialogue(server.sessions[0])[-3:] == [
            "C RCPT TO:<x@full.example>",
            "* rule: RCPT to='*@full.example' → reply(452, '4.2.2', 'Full')",
            "S 452 4.2.2 Full",
        ]


def test_calls_have_time_session_command_and_action(connect):
    with MailServer() as server:
        rule = server.on("NOOP").reply(250, "x").once().then().drop()
        connect(server).send_command(b"NOOP a")
        connect(server).send_command(b"NOOP b")
        first, second = rule.calls

    assert (first.session, first.said, first.action, first.count) == (1, "NOOP a", "reply(250, 'x')", 1)
    assert (second.session, second.said, second.action, second.count) == (2, "NOOP b", "drop()", 2)
    assert 0 < first.at <= second.at < 60


def test_rules_that_never_acted_fail_the_test(connect):
    with pytest.raises(RuleNeverActed) as failure, MailServer() as server:
        server.on("RCPT", to="*@full.example").reply(452)
        server.on("RCPT").delay(0)
        server.on("RCPT", to="bob@*").drop()
        server.on("VRFY").drop().optional()
        server.on("EXPN").times(2)
        client = connect(server)
        client.send_command(GREETING)
        client.send_mail()

    assert isinstance(failure.value, AssertionError)
    assert str(failure.value).splitlines() == [
        "3 rules never acted (.optional() is for a rule that need not act):",
        "  RCPT to='*@full.example' → reply(452)",
        "      RCPT came once; the nearest miss: RCPT TO:<bob@example.com>: to is 'bob@example.com'",
        "  RCPT to='bob@*' → drop()",
        "      RCPT came once, but an earlier rule acted instead",
        "  EXPN → ",
        "      it has no action; add one, such as .reply(451)",
    ]
    server.check_rules()  # each rule is reported once


TOO_BIG = TRANSACTION + b"x" * 100 + b"\r\n.\r\n"


@pytest.mark.parametrize(
    ("write", "commands", "reason"),
    [
        (
            lambda on: on("DATA").drop(),
            b"DATA\r\n",
            "DATA came once, but the server replied without asking rules: '503 ",
        ),
        (
            lambda on: on("END_OF_DATA").drop(),
            TOO_BIG,
            "END_OF_DATA came once, but the server replied without asking rules: '552 ",
        ),
        (lambda on: on("RCPT").drop(), b"RCPT TO:<\r\n", "RCPT came once, but the server replied without asking rules"),
        (
            lambda on: [on("VRFY").reply(250), on("VRFY", where=lambda context: False).drop()],
            b"VRFY x\r\n",
            "VRFY came once, but an earlier rule acted instead",
        ),
        (
            lambda on: [on("VRFY", nth=2).reply(250), on("VRFY", sender="ann@*").drop()],
            b"VRFY x\r\n" * 2,
            "the nearest miss: VRFY x: sender is nothing; VRFY came once, but an earlier rule acted instead",
        ),
        (
            lambda on: [on("VRFY").drop().after(5), on("VRFY").reply(250).optional()],
            b"VRFY x\r\n" * 2,
            "it matched 2 times, but was not due yet (after(5))",
        ),
    ],
)
def test_failure_explains_why_a_rule_never_acted(write, commands, reason, connect):
    with pytest.raises(RuleNeverActed) as failure, MailServer(limits=Limits(message_size=50)) as server:
        write(server.on)
        client = connect(server)
        client.send(commands + b"QUIT\r\n")
        client.read_to_end()

    assert reason in str(failure.value)


TO_DATA = (GREETING, b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA")


@pytest.mark.parametrize(
    ("setting", "write", "commands", "reason"),
    [
        (
            ({}, TO_DATA),
            lambda on: on("RCPT").drop(),
            b".\r\n",
            "RCPT came once before .*, and not again after it",
        ),
        (({}, [b"NOOP"] * 3), lambda on: on("NOOP").drop(), b"", "NOOP came 3 times before the rule was added"),
        (({}, [b"STAT"]), lambda on: on("STAT").drop(), b"", "STAT came once before the rule was added"),
        (({}, []), lambda on: on("CONNECT").drop(), b"", "CONNECT came once before the rule was added"),
        (({}, []), lambda on: on("RCPT").drop(), b"NOOP\r\n", "RCPT never came"),
        (({"tls": "implicit"}, []), lambda on: on("TLS").drop(), b"", "TLS came once before the rule was added"),
        (({"protocol": "lmtp"}, [b"LHLO a"]), lambda on: on("EHLO").drop(), b"", "EHLO came once before the rule was"),
        (
            ({}, []),
            lambda on: on("CONTENT", after=10_000).drop(),
            TRANSACTION + b"1234567890\r\n12345678\r\n..\r\n.\r\n",
            "no content reached 10,000 bytes while the rule was there; the largest had 25 bytes",
        ),
        (
            ({}, []),
            lambda on: on("CONTENT", after=9).drop(),
            GREETING + b"\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nBDAT 5 LAST\r\nabcde",
            "no content reached 9 bytes while the rule was there; the largest had 5 bytes",
        ),
        (
            ({"limits": Limits(message_size=50)}, []),
            lambda on: on("CONTENT", after=10_000).drop(),
            TOO_BIG,
            "CONTENT came once, but the server replied without asking rules: '552 ",
        ),
        (
            ({}, []),
            lambda on: on("AUTH").drop(),
            GREETING,
            r"AUTH never came; the server does not offer it in its reply to EHLO: MailServer\(auth=…\) makes it offer",
        ),
        (({}, []), lambda on: on("STARTTLS").drop(), GREETING, r'MailServer\(tls="starttls"\) makes it offer STARTTLS'),
        (({}, []), lambda on: on("XCLIENT").drop(), GREETING, r"MailServer\(xclient=True\) makes it offer XCLIENT"),
        (({"extensions": []}, []), lambda on: on("BDAT").drop(), GREETING, "the extension CHUNKING offers BDAT"),
        (({"tls": "starttls"}, []), lambda on: on("STARTTLS").drop(), GREETING, "STARTTLS never came$"),
        (({}, []), lambda on: on("AUTH").drop(), b"HELO a", "AUTH never came$"),
        (({}, [GREETING]), lambda on: on("STARTTLS").drop(), b"NOOP", "STARTTLS never came$"),
    ],
)
def test_failure_states_what_came_and_when(setting, write, commands, reason, connect):
    settings, before = setting
    with pytest.raises(RuleNeverActed) as failure, MailServer(**settings) as server:
        context = server.client_context() if settings.get("tls") == "implicit" else None
        client = connect(server, context=context)
        for command in before:
            client.send_command(command)
        write(server.on)
        client.send(commands + b"\r\nQUIT\r\n")
        client.read_to_end()

    assert re.search(reason, str(failure.value), re.MULTILINE)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (b"", b"", "NOOP did not come before the rule was removed"),
        (b"", b"NOOP\r\n", "NOOP did not come before the rule was removed"),
        (b"NOOP\r\n", b"NOOP\r\n", "NOOP came once before .* added, and not again before it was removed"),
    ],
)
def test_failure_about_removed_rule_states_what_came_before(before, after, reason, connect):
    with pytest.raises(RuleNeverActed, match=f"{reason}$"), MailServer() as server:
        client = connect(server)
        for command in before.splitlines():
            client.send_command(command)
        server.on("NOOP").drop().remove()
        for command in after.splitlines():
            client.send_command(command)


def test_failure_names_exception_of_an_earlier_rule(connect):
    with pytest.raises(AttributeError) as failure, MailServer() as server:
        server.on("NOOP", where=lambda context: context.nope).drop().optional()
        server.on("NOOP").drop()
        connect(server).send_command(b"NOOP")

    assert "NOOP came once, but the function of an earlier rule raised AttributeError" in failure.value.__notes__[-1]


def test_wait_explains_an_exhausted_rule(connect):
    with MailServer() as server:
        rule = server.on("NOOP").reply(451).once()
        client = connect(server)
        for _ in range(3):
            client.send_command(b"NOOP")

        with pytest.raises(WaitTimeout, match=r"it matched 3 times, and can act no more \(once\(\)\)"):
            rule.wait(2, timeout=0)


def test_failure_names_exception_of_where(connect):
    with pytest.raises(AttributeError) as failure, MailServer() as server:
        server.on("NOOP", where=lambda context: context.nope).drop()
        connect(server).send_command(b"NOOP")

    assert "the nearest miss: NOOP: where= raised AttributeError" in failure.value.__notes__[-1]


def test_without_a_missing_keyword_has_not_acted(connect):
    message = "EHLO came once; the reply had no STRATTLS"
    with pytest.raises(RuleNeverActed, match=message), MailServer() as server:
        server.on("EHLO").without("STRATTLS")
        connect(server).send_command(GREETING)

    def decide(event, reply):  # decide comes after rules, and may add the keyword
        return Reply(250, *reply.lines, "X-MINE") if event.verb == "EHLO" else reply

    with MailServer(decide=decide) as server:
        server.on("EHLO").without("X-MINE")
        assert b"X-MINE" not in connect(server).send_command(GREETING)


def test_wait_returns_calls_or_raises_timeout(connect):
    with MailServer() as server:
        rule = server.on("NOOP").delay(0.01)
        client = connect(server)
        client.send(b"NOOP\r\nNOOP\r\n")
        assert [call.said for call in rule.wait(2)] == ["NOOP", "NOOP"]
        with pytest.raises(
            WaitTimeout,
            match=r"expected the rule to act 3 times within 0.01 s; it acted 2 times:\n  NOOP → delay\(0.01\)",
        ):
            rule.wait(3, timeout=0.01)
        with pytest.raises(
            AssertionError, match=r"expected the rule to act once within 0 s; it did not act:\n.*\n *VRFY never came"
        ):
            server.on("VRFY").optional().drop().wait(timeout=0)


def test_wait_in_the_loop_of_the_server_is_refused():
    async def run():
        async with MailServer() as server:
            rule = server.on("CONNECT").drop()
            with pytest.raises(RuntimeError, match="async_wait"):
                rule.wait()
            _, writer = await asyncio.open_connection(*server.address)
            assert len(await rule.async_wait()) == 1
            writer.close()

    asyncio.run(run())


def test_334_to_auth_does_not_authenticate(connect):
    with MailServer(auth="any") as server:
        server.on("AUTH").raw(b"334 Zm9v\r\n").once()
        client = connect(server)
        client.send_command(GREETING)
        assert client.send_command(b"AUTH PLAIN AGEAYg==") == b"334 Zm9v\r\n"
        assert server.sessions[0].auth is None
        assert client.send_command(b"AUTH PLAIN AGEAYg==").startswith(b"235")


def test_unused_rule_is_a_note_of_another_failure():
    with pytest.raises(ValueError, match="mine") as failure, MailServer() as server:
        server.on("DATA").drop()
        raise ValueError("mine")

    (note,) = failure.value.__notes__
    assert note.startswith("and 1 rule never acted")


def test_unused_rule_is_a_note_of_a_handler_exception(connect):
    def decide(event, reply):
        if event.verb == "NOOP":
            raise ValueError("mine")
        return reply

    with pytest.raises(ValueError, match="mine") as failure, MailServer(decide=decide) as server:
        server.on("DATA").drop()
        connect(server).send_command(b"NOOP")

    assert failure.value.__notes__[0].startswith("and 1 rule never acted")


def test_stop_of_a_server_that_never_ran_reports_no_rules():
    server = MailServer()
    server.on("DATA").drop()
    server.stop()

    with pytest.raises(RuleNeverActed):
        server.check_rules()


def test_async_server_reports_unused_rules():
    async def run():
        async with MailServer() as server:
            server.on("DATA").drop()

    with pytest.raises(RuleNeverActed, match="DATA never came"):
        asyncio.run(run())


def test_rule_acts_only_within_its_with_block(connect):
    with MailServer() as server:
        client = connect(server)
        with server.on("NOOP").reply(451) as rule:
            assert client.send_command(b"NOOP").startswith(b"451") and list(server.rules) == [rule]
        assert client.send_command(b"NOOP").startswith(b"250") and len(server.rules) == 0
        never = pytest.raises(RuleNeverActed, match=r"in its `with` block.*\n.*VRFY.*\n.*VRFY never came")
        with never, server.on("VRFY").drop():
            pass
        with pytest.raises(ValueError, match="mine") as failure, server.on("VRFY").drop():
            raise ValueError("mine")
        assert "in its `with` block" in failure.value.__notes__[0]
        with server.on("VRFY").drop().optional():
            pass
        with server.rules.add(presets.maintenance()) as added:
            assert connect(server).greeting.startswith(b"421") and list(added) == list(server.rules)
        assert connect(server).greeting.startswith(b"220") and len(server.rules) == 0
        never = pytest.raises(RuleNeverActed, match=r"these rules never acted:\n.*VRFY.*\n.*\n.*EXPN")
        with never, server.rules.add(Rule("VRFY").drop(), Rule("EXPN").drop()):
            pass


def test_seed_is_shown_if_rules_use_it():
    message = r"seed=77; MailServer\(seed=77\) repeats it"
    with pytest.raises(RuleNeverActed, match=message), MailServer(seed=77) as server:
        assert "seed" not in repr(server) and not any("seed" in line for line in server.explain())
        server.on("NOOP", probability=0.5).drop()
        assert server.seed == 77 and "seed=77" in repr(server)
        assert any("MailServer(seed=77) repeats it" in line for line in server.explain())
    with pytest.raises(ValueError, match="mine") as failure, MailServer(seed=77) as server:
        server.on("NOOP", probability=0.5).drop().optional()
        raise ValueError("mine")
    assert failure.value.__notes__ == ["seed=77; MailServer(seed=77) repeats it"]


def test_seeds_of_removed_rules_are_shown():
    with pytest.raises(ValueError, match="mine") as failure, MailServer(seed=77) as server:
        with server.on("NOOP", probability=0.5).drop().optional():
            pass
        server.rules.add(presets.flaky(0.5, seed=9)).remove()
        server.rules.clear()
        raise ValueError("mine")
    assert failure.value.__notes__ == [
        "seed=77; MailServer(seed=77) repeats it",
        "the dice of END_OF_DATA probability=0.5 seed=9 have a seed of their own",
    ]
    with pytest.raises(ValueError, match="mine") as failure, MailServer(seed=77) as server:
        server.on("NOOP", probability=0.5).drop().optional()
        server.forget()
        raise ValueError("mine")
    assert not hasattr(failure.value, "__notes__")


def test_failure_explains_that_probability_decided(connect):
    message = "due once, but probability=1e-09 decided against it"
    with pytest.raises(RuleNeverActed, match=message), MailServer() as server:
        server.on("NOOP", probability=1e-9).drop()
        connect(server).send_command(b"NOOP")


def test_session_numbers_restart_after_forget(connect):
    with MailServer() as server:
        for _ in range(2):
            server.forget()
            server.on("CONNECT", session=1).reply(421)
            assert connect(server, greet=True).greeting.startswith(b"421")
            assert connect(server, greet=True).greeting.startswith(b"220")


def test_time_of_rules_continues_over_a_restart(connect):
    server = MailServer()
    rule = server.on("NOOP").reply(451)
    server.rules.add(presets.rate_limit(1, per=3600))
    server.rules.add(presets.rate_limit(1, per=1e-6).optional())
    for _ in range(2):
        with server:
            client = connect(server)
            client.send_command(b"NOOP")
            client.send_command(GREETING)
            replies = [client.send_mail()[:3] for _ in range(2)]
    first, second = rule.calls

    assert first.at < second.at and replies == [b"450", b"450"]


def test_unused_rules_are_reported_in_each_run(connect):
    server = MailServer()
    server.on("NOOP").reply(451)
    for _ in range(2):
        server.start()
        with pytest.raises(RuleNeverActed):
            server.stop()
        server.stop()
    with server:
        connect(server).send_command(b"NOOP")
    with server:
        pass  # the rule has acted in an earlier run


def test_rules_stay_over_a_restart_and_session_numbers_start_over(connect):
    server = MailServer()
    rule = server.on("NOOP", session=1).reply(451)
    for _ in range(2):
        with server:
            assert connect(server).send_command(b"NOOP").startswith(b"451")
            assert connect(server).send_command(b"NOOP").startswith(b"250")
    assert rule.count == 2


# -- threads and repeatability----------------------------------------------------------------------


def test_rules_are_added_and_removed_during_sessions():
    with MailServer() as server:
        stop = threading.Event()
        unexpected = []

        def change():
            while not stop.is_set():
                one, other = Rule("NOOP").reply(250, "one"), Rule("RSET").reply(250, "other")
                server.rules.add(one.optional(), other.optional())
                one.remove()
                other.remove()

        def send_commands():
            with RawSmtpClient(server.address) as client:
                for _ in range(30):
                    replies = {client.send_command(b"NOOP"), client.send_command(b"RSET")}
                    unexpected.extend(replies - {b"250 2.0.0 Ok\r\n", b"250 one\r\n", b"250 other\r\n"})

        clients = [threading.Thread(target=send_commands) for _ in range(3)]
        changers = [threading.Thread(target=change) for _ in range(3)]
        for thread in clients + changers:
            thread.start()
        for thread in clients:
            thread.join()
        stop.set()
        for thread in changers:
            thread.join()

    assert not unexpected and len(server.rules) == 0


@pytest.mark.slow
def test_no_rule_is_lost_when_threads_add_rules():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        rules = Rules()

        def add():
            for _ in range(300):
                rules.on("NOOP").reply(250)

        threads = [threading.Thread(target=add) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)

    assert len(rules) == len(rules.rules_by_verb["NOOP"]) == len(set(map(id, rules))) == 2400


def run_random_session(seed):
    with MailServer(seed=seed, auth={"ann": "secret"}) as server:
        server.on("RCPT", probability=0.4).reply(450, "4.2.1", "Busy").optional()
        server.on("MAIL", probability=0.3).delay(0.0001).reply(451).times(2).optional()
        server.on("END_OF_DATA", probability=0.5).reply(452).then().raw(b"250 odd\n\r\n").optional()
        server.on("CONTENT", after=4, probability=0.2).drop().optional()
        with RawSmtpClient(server.address) as client:
            client.send_command(GREETING)
            client.send_command(b"AUTH PLAIN AGFubgBzZWNyZXQ=")
            for _ in range(8):
                if not client.send_mail():
                    break
                client.send_command(b"RSET")
            else:
                client.send_command(b"QUIT")
            client.read_to_end()
            server.settle()
        return "\n".join(list_dialogue(server.sessions[0]))


@pytest.mark.slow
def test_equal_seed_and_client_give_equal_dialogue():
    def dialogue(seed):  # without the port of the client
        return re.sub(r"127\.0\.0\.1:\d+", "client", run_random_session(seed))

    dialogues = {dialogue(11) for _ in range(100)}

    assert len(dialogues) == 1 and "rule:" in dialogues.pop()
    assert len({dialogue(seed) for seed in range(5)}) > 1


def test_smtplib_observes_rules():
    with MailServer(auth="any") as server:
        server.on("AUTH", mechanism="PLAIN", user="ann").reply(454, "4.7.0", "Later").once()
        server.on("EHLO").without("SIZE")
        server.on("RCPT", to="*@full.example").reply(452, "4.2.2", "Mailbox full")
        with smtplib.SMTP(*server.address) as client:
            client.ehlo()
            assert not client.has_extn("size")
            client.user, client.password = "ann", "secret"
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.auth("PLAIN", client.auth_plain)
            refused = client.sendmail("ann@example.com", ["bob@full.example", "carol@example.com"], "Hi")
        assert refused == {"bob@full.example": (452, b"4.2.2 Mailbox full")}
        assert server.sessions[0].auth_attempts == (Credentials("PLAIN", "ann", password="secret"),)


@pytest.mark.parametrize("user", ["j\u00fcrgen", "ju\u0308rgen", ["ann", "ju\u0308rgen"], "j\u00fc*"])
@pytest.mark.parametrize("sent", ["j\u00fcrgen", "ju\u0308rgen"])
def test_user_is_compared_in_any_normal_form(sent, user, connect):
    with MailServer(auth="any") as server:
        server.on("AUTH", user=user).reply(454, "4.7.0", "Later")
        client = connect(server)
        client.send_command(b"EHLO x")
        response = base64.b64encode(f"\0{sent}\0secret".encode())

        assert client.send_command(b"AUTH PLAIN " + response) == b"454 4.7.0 Later\r\n"
