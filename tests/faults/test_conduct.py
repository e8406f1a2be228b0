"""Rules at work: a server with some, and real clients."""

import asyncio
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
from talk import Client

GREETING = b"EHLO client.example"


TRANSACTION = GREETING + b"\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"


def lines(session):
    """A dialogue without its times."""
    return [f"{line.who} {line.text}" for line in session.transcript]


# -- the order of deciding -----------------------------------------------------------------------


def test_rules_are_asked_first_then_decide_and_the_first_that_acts_wins(connect):
    asked = []

    def decide(event, reply):
        asked.append(event.verb)
        return Reply(250, "decided") if event.verb == "NOOP" else reply

    with MailServer(decide=decide) as server:
        server.on("NOOP").reply(250, "first").once()
        server.on("NOOP").reply(250, "second").times(2)
        server.on("NOOP").reply(250, "third").once()
        client = connect(server)
        said = [client.ask(b"NOOP")[4:].strip() for _ in range(5)]

    assert said == [b"first", b"second", b"second", b"third", b"decided"]
    assert asked == ["CONNECT", "NOOP"]


def test_an_act_without_a_reply_changes_the_one_that_decide_gives(connect):
    async def slowly(event, reply):
        await asyncio.sleep(0)
        return Reply(250, "slowly") if event.verb == "NOOP" else reply

    for decide in (slowly, lambda event, reply: Reply(250, "slowly") if event.verb == "NOOP" else reply):
        with MailServer(decide=decide) as server:
            server.on("NOOP").truncate(6).once()
            server.on("NOOP").delay(0.01).close_after()
            server.on("END_OF_DATA").duplicate()
            client = connect(server)
            client.ask(GREETING)
            assert client.mail().startswith(b"250") and len(server.inbox) == 2
            client.send(b"NOOP\r\n")
            assert client.file.read(6) == b"250 sl"
            client.send(b"NOOP\r\nNOOP\r\n")
            assert client.rest() == b"250 slowly\r\n"
            assert server.sessions[0].ended == "rule"


def test_a_mistake_of_the_clients_is_answered_as_ever(connect):
    with MailServer() as server:
        server.on("RCPT").reply(452).optional()
        client = connect(server)
        client.ask(GREETING)

        assert client.ask(b"RCPT TO:<bob@example.com>").startswith(b"503")


def test_ehlo_is_lhlo_where_lmtp_is_spoken(connect):
    with MailServer(protocol="lmtp") as server:
        first = server.on("EHLO").without("SIZE").once()
        server.on("LHLO").reply(451, "4.3.0", "No").once()
        client = connect(server)
        assert b"SIZE" not in client.ask(b"LHLO me") and first.calls[0].said == "LHLO me"
        assert client.ask(b"LHLO me").startswith(b"451")


def test_a_verb_may_have_a_hyphen(connect):
    with MailServer() as server:
        server.on("X-EXPS").reply(235, "2.7.0", "Welcome")

        assert connect(server).ask(b"X-EXPS GSSAPI") == b"235 2.7.0 Welcome\r\n"


# -- call -----------------------------------------------------------------------------------------


async def later(event):
    await asyncio.sleep(0)
    return Reply(250, f"later {event.argument}")


async def nothing_later(event):
    await asyncio.sleep(0)


@pytest.mark.parametrize("decides", [False, True])
@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda event: Reply(250, f"asked {event.argument}"), b"250 asked x\r\n"),
        (later, b"250 later x\r\n"),
        (lambda event: None, None),
        (nothing_later, None),
    ],
)
def test_a_function_answers_or_leaves_it_to_others(function, said, decides, connect):
    async def decide(event, reply):
        return Reply(250, "decided") if event.verb == "NOOP" else reply

    usual = b"250 decided\r\n" if decides else b"250 2.0.0 Ok\r\n"
    with MailServer(decide=decide if decides else None) as server:
        server.on("NOOP").call(function)
        assert connect(server).ask(b"NOOP x") == (said or usual)


def test_what_a_function_raises_is_451_and_raised_in_the_test(connect):
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
            assert client.ask(command).startswith(b"451 4.3.0")

    assert sorted(type(error).__name__ for error in raised.value.exceptions) == [
        "KeyError", "TypeError", "ValueError", "ValueError",
    ]  # fmt: skip


def test_a_greeting_answer_for_a_verb_of_ones_own(connect):
    with MailServer() as server:
        server.on("STAT").call(lambda event: Reply(250, f"{len(server.inbox)} mails"))
        client = connect(server)
        client.ask(GREETING)
        client.mail()

        assert client.ask(b"STAT") == b"250 1 mails\r\n"


# -- mails ---------------------------------------------------------------------------------------


def test_a_reply_that_accepts_keeps_the_mail_and_one_that_refuses_does_not(connect):
    with MailServer() as server:
        server.on("END_OF_DATA").reply(250, "2.0.0", "queued as 7").then().reply(451).then().drop()
        client = connect(server)
        client.ask(GREETING)
        assert client.mail() == b"250 2.0.0 queued as 7\r\n" and len(server.inbox) == 1
        assert client.mail().startswith(b"451") and len(server.inbox) == 1
        assert client.mail() == b"" and len(server.inbox) == 1


def test_an_acknowledgement_can_be_lost_and_the_mail_kept(connect):
    with MailServer() as server:
        server.on("END_OF_DATA").truncate(0).close_after().once()
        for _ in range(2):  # RFC 1047: the client comes again
            client = connect(server)
            client.ask(GREETING)
            client.mail()

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
def test_who_waits_for_a_mail_wakes_though_no_reply_is_written(write, protocol, connect):
    with MailServer(protocol=protocol) as server:
        write(server.on("END_OF_DATA"))
        waiter = threading.Thread(target=server.inbox.wait, args=(1,), kwargs={"timeout": 60}, daemon=True)
        waiter.start()
        client = connect(server)
        client.send(TRANSACTION.replace(b"EHLO", b"LHLO" if protocol == "lmtp" else b"EHLO") + b"Hi\r\n.\r\n")
        waiter.join(20)

        assert not waiter.is_alive()


def test_octets_of_ones_own_decide_by_their_code(connect):
    with MailServer() as server:
        server.on("END_OF_DATA").raw(b"450 \xff\r\n").then().raw(b"\xff\r\n").then().raw(b"999 \r\n")
        client = connect(server)
        client.ask(GREETING)
        assert [client.mail() for _ in range(3)] == [b"450 \xff\r\n", b"\xff\r\n", b"999 \r\n"]

        assert len(server.inbox) == 2


@pytest.mark.parametrize(
    ("act", "said", "kept"),
    [
        (lambda rule: rule.raw(b"250 odd\r\n"), b"250 odd\r\n", 1),
        (lambda rule: rule.truncate(4), b"250 ", 1),
        (lambda rule: rule.close_after(), b"250 2.0.0 3 octets received\r\n", 0),
        (lambda rule: rule.reply(451, "4.3.0", "No"), b"451 4.3.0 No\r\n", 0),
    ],
)
def test_the_last_chunks_reply(act, said, kept, connect):
    with MailServer() as server:
        act(server.on("BDAT"))
        client = connect(server)
        for line in (GREETING, b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>"):
            client.ask(line)
        client.send(b"BDAT 3 LAST\r\nHi!")
        client.socket.shutdown(socket.SHUT_WR)

        assert client.rest() == said and len(server.inbox) == kept


@pytest.mark.parametrize(
    ("act", "replies", "mails"),
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
def test_lmtp_is_asked_for_each_recipient(act, replies, mails, connect):
    with MailServer(protocol="lmtp") as server:
        act(server.on("END_OF_DATA", to="b@x"))
        client = connect(server)
        for line in (b"LHLO me", b"MAIL FROM:<s@x>", b"RCPT TO:<a@x>", b"RCPT TO:<b@x>", b"RCPT TO:<c@x>", b"DATA"):
            client.ask(line)
        client.send(b"Hi\r\n.\r\n")

        assert [client.reply()[:3].decode() for _ in replies] == replies
        assert [mail.recipients for mail in server.inbox] == mails


def test_lmtp_loses_a_mail_for_all(connect):
    with MailServer(protocol="lmtp") as server:
        server.on("END_OF_DATA").accept_but_lose()
        client = connect(server)
        for line in (b"LHLO me", b"MAIL FROM:<s@x>", b"RCPT TO:<a@x>", b"RCPT TO:<a@x>", b"DATA"):
            client.ask(line)
        client.send(b"Hi\r\n.\r\n")

        assert client.reply()[:3] == client.reply()[:3] == b"250" and len(server.inbox) == 0


# -- in content, in silence ----------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 1, 7, 9_999, 10_000])
def test_content_is_interrupted_though_all_of_it_comes_at_once(after, connect):
    with MailServer() as server:
        rule = server.on("CONTENT", after=after, sender="a@*").drop()
        client = connect(server)
        client.ask(GREETING)
        content = b"x" * 9_998 + b"\r\n.\r\n"
        client.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + content + b"NOOP\r\n")

        assert [line[:3] for line in client.rest().splitlines()] == [b"250", b"250", b"354"]
        assert rule.calls[0].said == f"CONTENT {after:,} octets" and len(server.inbox) == 0


def test_content_that_is_shorter_or_anothers_is_not_interrupted(connect):
    with MailServer() as server:
        server.on("CONTENT", after=50, sender="ann@*").drop().optional()
        server.on("CONTENT", after=2, sender="bob@*").delay(0.001).optional()
        server.on("CONTENT", after=3).throttle(1_000_000)
        client = connect(server)
        client.ask(GREETING)
        assert client.mail(content=b"short\r\n").startswith(b"250")
        assert client.mail(sender=b"bob@x", content=b"long" * 100 + b"\r\n").startswith(b"250")

        assert [mail.size for mail in server.inbox] == [7, 402]


def test_a_rule_for_content_that_has_come_already(connect):
    with MailServer() as server:
        client = connect(server)
        for line in (GREETING, b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA"):
            client.ask(line)
        client.send(b"x" * 100)
        server.on("CONTENT", after=10).reply(421, "4.3.0", "Enough")
        client.send(b"y")

        assert client.rest() == b"421 4.3.0 Enough\r\n"
        assert server.sessions[0].ended == "421"


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_silence_is_noticed_whenever_the_rule_was_written(loop, connect):
    with MailServer(loop=loop) as server:
        quiet = connect(server)
        first = server.on("IDLE", after=0.02, session=1).raw(b"still there?\r\n").once()
        assert quiet.reply() == b"still there?\r\n"
        again = server.on("IDLE", after=0.05, session=1).reply(421, "4.4.2", "Bye")
        assert quiet.rest() == b"421 4.4.2 Bye\r\n"

        assert first.count == again.count == 1 and first.calls[0].said == "IDLE 0.02 s"
        lively = connect(server)
        for _ in range(30):
            lively.ask(b"NOOP")


def test_who_waits_for_us_is_not_silent(connect):
    with MailServer() as server:
        server.on("IDLE", after=0.02).drop().optional()
        server.on("NOOP").delay(0.1)
        client = connect(server)

        assert client.ask(b"NOOP").startswith(b"250")


def test_each_silence_is_asked_about_once_and_a_new_one_again(connect):
    with MailServer() as server:
        rule = server.on("IDLE", after=0.02).raw(b"1\r\n")
        client = connect(server)
        for _ in range(2):
            assert client.reply() == b"1\r\n"
            client.ask(b"NOOP")
        assert rule.count >= 2


def test_what_a_rule_says_in_silence_does_not_end_it(connect):
    with MailServer() as server:
        server.on("IDLE", after=0.02).raw(b"there?\r\n")
        server.on("IDLE", after=0.1).reply(421, "4.4.2", "Bye")
        client = connect(server)

        assert client.rest() == b"there?\r\n421 4.4.2 Bye\r\n"


# -- delays, and stops ---------------------------------------------------------------------------


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
def test_stopping_does_not_wait_for_a_rule(write, loop, connect):
    with MailServer(loop=loop) as server:
        acted = write(server)
        client = connect(server)
        client.send(b"NOOP\r\n")
        acted.wait()
        began = time.monotonic()

    assert time.monotonic() - began < 3


def test_a_delay_holds_up_nobody_else(connect):
    with MailServer() as server:
        rule = server.on("NOOP", session=1).delay(3600)
        slow, other = connect(server), connect(server)
        slow.send(b"NOOP\r\n")
        rule.wait()
        assert other.ask(b"NOOP").startswith(b"250")


async def for_an_hour(event):
    await asyncio.sleep(3600)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("settings", "write", "says"),
    [
        ({}, lambda on: on("NOOP").delay(3600), b"NOOP\r\n"),
        ({}, lambda on: on("NOOP").delay(3600).drop(), b"NOOP\r\n"),
        ({}, lambda on: on("NOOP").delay(3600), b"NOOP\r\n" * 1000 + b"QUIT\r\n"),
        ({}, lambda on: on("CONNECT").delay(3600), b""),
        ({}, lambda on: on("CONNECT").call(for_an_hour), b""),
        ({}, lambda on: on("NOOP").call(for_an_hour), b"NOOP\r\nNOOP\r\n"),
        ({}, lambda on: on("NOOP").delay(0.001).call(for_an_hour), b"NOOP\r\n"),
        ({}, lambda on: on("CONTENT").delay(3600), TRANSACTION + b"Hi\r\n"),
        ({"auth": "any"}, lambda on: on("AUTH").delay(3600), GREETING + b"\r\nAUTH PLAIN AGEAYg==\r\n"),
        ({"tls": "implicit"}, lambda on: on("TLS").delay(3600), b"\x16\x03\x01"),
        ({"tls": "starttls"}, lambda on: on("STARTTLS").delay(3600), GREETING + b"\r\nSTARTTLS\r\n"),
    ],
)
def test_who_leaves_while_a_rule_has_it_wait_is_gone(settings, write, says, loop):
    with MailServer(loop=loop, **settings) as server:
        rule = write(server.on)
        with Client(server.address, greet=False) as client:
            client.send(says)
            rule.wait()
        assert server.settle()[0].ended in ("EOF", "reset", "rule", "421", "TLS failed")


def test_a_message_that_was_all_there_is_kept_when_its_client_does_not_wait_for_the_reply(connect):
    with MailServer() as server:
        rule = server.on("END_OF_DATA").delay(3600).then().delay(3600).reply(451)
        for number in range(2):  # RFC 1047
            with Client(server.address) as client:
                for line in TRANSACTION.splitlines():
                    client.ask(line)
                client.send(b"Hi\r\n.\r\n")
                rule.wait(number + 1)
            server.settle()

        assert len(server.inbox) == 1


def test_what_comes_during_a_long_delay_is_held_up_and_heard_behind_it(connect):
    with MailServer(limits=Limits(commands_without_mail=None)) as server:
        server.on("NOOP", nth=1).delay(0.3)
        client = connect(server)
        client.send(b"NOOP\r\n")
        client.send(b"NOOP\r\n" * 50_000 + b"QUIT\r\n")  # more than is heard meanwhile

        assert client.rest() == b"250 2.0.0 Ok\r\n" * 50_001 + b"221 2.0.0 Bye\r\n"


def test_inside_tls_too_what_comes_during_a_delay_is_heard_behind_it(connect):
    with MailServer(tls="implicit") as server:
        server.on("NOOP").delay(0.02).times(2)
        client = connect(server, context=server.client_context())
        for _ in range(2):
            client.send(b"NOOP\r\n")
        client.send(b"QUIT\r\n")

        assert client.reply() == client.reply() == b"250 2.0.0 Ok\r\n" and client.reply().startswith(b"221")


def test_what_comes_during_a_delayed_reply_waits_behind_it(connect):
    with MailServer() as server:
        server.on("NOOP").delay(0.02).reply(250, "late").once()
        client = connect(server)
        client.send(b"NOOP\r\nNOOP\r\nQUIT\r\n")

        assert client.rest() == b"250 late\r\n250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n"


def test_a_stalled_client_that_goes_leaves_nothing_behind(connect):
    with MailServer() as server:
        server.on("NOOP").stall()
        client = connect(server)
        client.send(b"NOOP\r\nMAIL FROM:<a@b>\r\n" + b"x" * 100_000)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rest() == b""
        assert server.sessions[0].ended == "EOF"


def test_the_sessions_time_ends_a_stall(connect):
    with MailServer(limits=Limits(session_timeout=0.1)) as server:
        server.on("NOOP").stall()
        client = connect(server)
        client.send(b"NOOP\r\n")

        client.rest()
        assert server.sessions[0].ended == "timeout"


@pytest.mark.parametrize("wait", [0.0, 0.02])
def test_a_handshake_that_is_dropped_or_cut_late(wait, connect):
    for act in ("drop", "reset", "stall"):
        with MailServer(tls="implicit") as server:
            server.on("TLS").delay(wait).do(act)
            with contextlib.suppress(ConnectionError):  # it may be over before the client has said anything
                client = connect(server, greet=False)
                client.send(b"\x16\x03\x01")
                if act == "stall":
                    client.socket.shutdown(socket.SHUT_WR)
                assert client.rest() == b""


def test_implicit_tls_can_be_late_too(connect):
    with MailServer(tls="implicit") as server:
        server.on("TLS").delay(0.02)
        server.on("CONNECT", tls=True).reply(220, "hello in TLS")

        assert connect(server, context=server.client_context()).greeting == b"220 hello in TLS\r\n"


def test_starttls_that_is_accepted_and_closed(connect):
    with MailServer(tls="starttls") as server:
        server.on("STARTTLS").close_after()
        client = connect(server)
        client.ask(GREETING)

        assert client.ask(b"STARTTLS").startswith(b"220") and client.rest() == b""


# -- pace ----------------------------------------------------------------------------------------


def test_a_throttled_server_reads_slowly_and_no_deadline_misfires(connect):
    limits = Limits(idle_timeout=0.05, command_timeout=0.05, write_timeout=0.05, data_rate=1_000_000)
    with MailServer(limits=limits) as server:
        server.on("DATA").throttle(20_000, "in")
        client = connect(server)
        client.ask(GREETING)
        began = time.monotonic()
        reply = client.mail(content=(b"x" * 98 + b"\r\n") * 60)

        assert reply.startswith(b"250") and time.monotonic() - began >= 0.2
        assert server.inbox.one().size == 6_000


def test_a_throttled_server_writes_slowly_what_fits_in_bounds(connect):
    with MailServer(limits=Limits(replies_waiting=2_000, write_timeout=0.05)) as server:
        server.on("NOOP").throttle(20_000, "out")
        client = connect(server)
        began = time.monotonic()
        client.send(b"NOOP\r\n" + b"RSET\r\n" * 99 + b"QUIT\r\n")
        said = client.rest()

        assert said == b"250 2.0.0 Ok\r\n" * 100 + b"221 2.0.0 Bye\r\n"
        assert time.monotonic() - began >= 0.02


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("tls", [None, "implicit"])
def test_a_throttle_bounds_what_waits_and_lets_all_of_it_through(tls, loop, connect):
    with MailServer(limits=Limits(replies_waiting=1_000, commands_without_mail=None), loop=loop, tls=tls) as server:
        server.on("CONNECT").throttle(100_000)
        client = connect(server, context=server.client_context() if tls else None)
        client.send(b"HELP\r\n" * 300 + b"QUIT\r\n")  # less than a socket's buffer
        said = client.rest()

        assert said.count(b"214 2.0.0 See RFC 5321\r\n") == 300 and said.endswith(b"221 2.0.0 Bye\r\n")


def test_what_a_throttle_holds_goes_with_its_connection():
    with MailServer() as server:
        server.on("CONNECT").throttle(1)
        with Client(server.address, greet=False) as client:
            client.socket.recv(1)
            (connection,) = server.call(lambda: list(server._service._connections))
            client.send(b"NOOP\r\n")
        server.settle()

        # Its timers would keep it, and what it has not written, for as long as that would have taken.
        assert server.call(lambda: (connection._throttle._writing, len(connection._throttle._queue))) == (None, 0)


def test_a_throttle_goes_on_at_its_rate_when_its_queue_was_empty(connect):
    with MailServer() as server:
        server.on("CONNECT").throttle(500, "out")
        client = connect(server)
        began = time.monotonic()
        for _ in range(10):
            client.ask(b"NOOP")  # 14 octets, and less than are let through at once

        assert time.monotonic() - began >= 9 * 14 / 500


def test_a_throttle_can_change_on_the_way(connect):
    with MailServer() as server:
        server.on("NOOP").throttle(1000, "in").then().throttle(100_000).then().throttle(1_000_000, "out")
        client = connect(server)
        for _ in range(4):
            assert client.ask(b"NOOP") == b"250 2.0.0 Ok\r\n"


# -- the account ---------------------------------------------------------------------------------


def test_the_transcript_shows_the_act_in_its_place(connect):
    with MailServer() as server:
        server.on("RCPT", to="*@full.example").reply(452, "4.2.2", "Full")
        client = connect(server)
        for line in (b"HELO me", b"MAIL FROM:<a@b>", b"RCPT TO:<x@full.example>"):
            client.ask(line)

        assert lines(server.sessions[0])[-3:] == [
            "C RCPT TO:<x@full.example>",
            "* rule: RCPT to='*@full.example' → reply(452, '4.2.2', 'Full')",
            "S 452 4.2.2 Full",
        ]


def test_a_rule_knows_when_and_on_what_it_acted(connect):
    with MailServer() as server:
        rule = server.on("NOOP").reply(250, "x").once().then().drop()
        connect(server).ask(b"NOOP a")
        connect(server).ask(b"NOOP b")
        first, second = rule.calls

    assert (first.session, first.said, first.act, first.count) == (1, "NOOP a", "reply(250, 'x')", 1)
    assert (second.session, second.said, second.act, second.count) == (2, "NOOP b", "drop()", 2)
    assert 0 < first.at <= second.at < 60


def test_a_rule_that_never_acted_fails_the_test(connect):
    with pytest.raises(RuleNeverActed) as failure, MailServer() as server:
        server.on("RCPT", to="*@full.example").reply(452)
        server.on("RCPT").delay(0)
        server.on("RCPT", to="bob@*").drop()
        server.on("VRFY").drop().optional()
        server.on("EXPN").times(2)
        client = connect(server)
        client.ask(GREETING)
        client.mail()

    assert isinstance(failure.value, AssertionError)
    assert str(failure.value).splitlines() == [
        "3 rules never acted (.optional() is for a rule that need not act):",
        "  RCPT to='*@full.example' → reply(452)",
        "      RCPT came once; the nearest miss: RCPT TO:<bob@example.com>: to is 'bob@example.com'",
        "  RCPT to='bob@*' → drop()",
        "      RCPT came once, and an earlier rule acted in its place",
        "  EXPN → ",
        "      it says when, and not what: an act such as .reply(451) is missing",
    ]
    server.check_rules()  # it is told once


TOO_BIG = TRANSACTION + b"x" * 100 + b"\r\n.\r\n"


@pytest.mark.parametrize(
    ("write", "say", "why"),
    [
        (lambda on: on("DATA").drop(), b"DATA\r\n", "DATA came once, and rules had no say: the server answered '503 "),
        (
            lambda on: on("END_OF_DATA").drop(),
            TOO_BIG,
            "END_OF_DATA came once, and rules had no say: the server answered '552 ",
        ),
        (lambda on: on("RCPT").drop(), b"RCPT TO:<\r\n", "RCPT came once, and rules had no say"),
        (
            lambda on: [on("VRFY").reply(250), on("VRFY", where=lambda moment: False).drop()],
            b"VRFY x\r\n",
            "VRFY came once, and an earlier rule acted in its place",
        ),
        (
            lambda on: [on("VRFY", nth=2).reply(250), on("VRFY", sender="ann@*").drop()],
            b"VRFY x\r\n" * 2,
            "the nearest miss: VRFY x: sender is nothing; VRFY came once, and an earlier rule acted in its place",
        ),
        (
            lambda on: [on("VRFY").drop().after(5), on("VRFY").reply(250).optional()],
            b"VRFY x\r\n" * 2,
            "it matched 2 times, and was not due by then (after(5))",
        ),
    ],
)
def test_a_rule_says_what_kept_it_from_acting(write, say, why, connect):
    with pytest.raises(RuleNeverActed) as failure, MailServer(limits=Limits(message_size=50)) as server:
        write(server.on)
        client = connect(server)
        client.send(say + b"QUIT\r\n")
        client.rest()

    assert why in str(failure.value)


def test_what_a_where_raised_is_in_the_account(connect):
    with pytest.raises(AttributeError) as failure, MailServer() as server:
        server.on("NOOP", where=lambda moment: moment.nope).drop()
        connect(server).ask(b"NOOP")

    assert "the nearest miss: NOOP: where= raised AttributeError" in failure.value.__notes__[-1]


def test_what_is_not_offered_cannot_be_left_out(connect):
    told = "EHLO came once; the reply had no STRATTLS"
    with pytest.raises(RuleNeverActed, match=told), MailServer() as server:
        server.on("EHLO").without("STRATTLS")
        connect(server).ask(GREETING)

    def decide(event, reply):  # who decides behind the rules may well offer it
        return Reply(250, *reply.lines, "X-MINE") if event.verb == "EHLO" else reply

    with MailServer(decide=decide) as server:
        server.on("EHLO").without("X-MINE")
        assert b"X-MINE" not in connect(server).ask(GREETING)


def test_a_rule_can_be_waited_for(connect):
    with MailServer() as server:
        rule = server.on("NOOP").delay(0.01)
        client = connect(server)
        client.send(b"NOOP\r\nNOOP\r\n")
        assert [call.said for call in rule.wait(2)] == ["NOOP", "NOOP"]
        with pytest.raises(WaitTimeout, match=r"acted 2 times within 0.01 s; 3 wanted:\n  NOOP → delay\(0.01\)"):
            rule.wait(3, timeout=0.01)
        with pytest.raises(AssertionError, match=r"did not act within 0 s; 1 wanted:\n.*\n *VRFY never came"):
            server.on("VRFY").optional().drop().wait(timeout=0)


def test_in_the_servers_own_loop_it_is_awaited():
    async def run():
        async with MailServer() as server:
            rule = server.on("CONNECT").drop()
            with pytest.raises(RuntimeError, match="async_wait"):
                rule.wait()
            _, writer = await asyncio.open_connection(*server.address)
            assert len(await rule.async_wait()) == 1
            writer.close()

    asyncio.run(run())


def test_334_is_no_success(connect):
    with MailServer(auth="any") as server:
        server.on("AUTH").raw(b"334 Zm9v\r\n").once()
        client = connect(server)
        client.ask(GREETING)
        assert client.ask(b"AUTH PLAIN AGEAYg==") == b"334 Zm9v\r\n"
        assert server.sessions[0].auth is None
        assert client.ask(b"AUTH PLAIN AGEAYg==").startswith(b"235")


def test_the_tests_own_failure_comes_first():
    with pytest.raises(ValueError, match="mine") as failure, MailServer() as server:
        server.on("DATA").drop()
        raise ValueError("mine")

    (note,) = failure.value.__notes__
    assert note.startswith("and 1 rule never acted")


def test_what_a_handler_raised_comes_before_a_rule_that_never_acted(connect):
    def decide(event, reply):
        if event.verb == "NOOP":
            raise ValueError("mine")
        return reply

    with pytest.raises(ValueError, match="mine") as failure, MailServer(decide=decide) as server:
        server.on("DATA").drop()
        connect(server).ask(b"NOOP")

    assert failure.value.__notes__[0].startswith("and 1 rule never acted")


def test_a_server_that_never_ran_has_no_account_to_give():
    server = MailServer()
    server.on("DATA").drop()
    server.stop()

    with pytest.raises(RuleNeverActed):
        server.check_rules()


def test_an_async_server_gives_its_account_too():
    async def run():
        async with MailServer() as server:
            server.on("DATA").drop()

    with pytest.raises(RuleNeverActed, match="DATA never came"):
        asyncio.run(run())


def test_a_rule_for_a_while(connect):
    with MailServer() as server:
        client = connect(server)
        with server.on("NOOP").reply(451) as rule:
            assert client.ask(b"NOOP").startswith(b"451") and list(server.rules) == [rule]
        assert client.ask(b"NOOP").startswith(b"250") and len(server.rules) == 0
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


def test_the_seed_is_shown_where_dice_are_thrown():
    told = r"seed=77; MailServer\(seed=77\) repeats it"
    with pytest.raises(RuleNeverActed, match=told), MailServer(seed=77) as server:
        assert "seed" not in repr(server) and not any("seed" in line for line in server.explain())
        server.on("NOOP", probability=0.5).drop()
        assert server.seed == 77 and "seed=77" in repr(server)
        assert any("MailServer(seed=77) repeats it" in line for line in server.explain())
    with pytest.raises(ValueError, match="mine") as failure, MailServer(seed=77) as server:
        server.on("NOOP", probability=0.5).drop().optional()
        raise ValueError("mine")
    assert failure.value.__notes__ == ["seed=77; MailServer(seed=77) repeats it"]


def test_the_seed_is_shown_of_dice_that_are_gone_and_of_a_rules_own():
    with pytest.raises(ValueError, match="mine") as failure, MailServer(seed=77) as server:
        with server.on("NOOP", probability=0.5).drop().optional():
            pass
        server.rules.add(presets.flaky(0.5, seed=9)).remove()
        server.rules.clear()
        raise ValueError("mine")
    assert failure.value.__notes__ == [
        "seed=77; MailServer(seed=77) repeats it",
        "the dice of END_OF_DATA probability=0.5 seed=9 are its own",
    ]
    with pytest.raises(ValueError, match="mine") as failure, MailServer(seed=77) as server:
        server.on("NOOP", probability=0.5).drop().optional()
        server.forget()
        raise ValueError("mine")
    assert not hasattr(failure.value, "__notes__")


def test_an_unlucky_rule_says_so(connect):
    told = r"due once, but the dice \(probability=1e-09\) said no"
    with pytest.raises(RuleNeverActed, match=told), MailServer() as server:
        server.on("NOOP", probability=1e-9).drop()
        connect(server).ask(b"NOOP")


def test_connections_are_counted_anew_after_forget(connect):
    with MailServer() as server:
        for _ in range(2):
            server.forget()
            server.on("CONNECT", session=1).reply(421)
            assert connect(server, greet=True).greeting.startswith(b"421")
            assert connect(server, greet=True).greeting.startswith(b"220")


def test_time_goes_on_over_a_restart(connect):
    server = MailServer()
    rule = server.on("NOOP").reply(451)
    server.rules.add(presets.rate_limit(1, per=3600))
    server.rules.add(presets.rate_limit(1, per=1e-6).optional())
    for _ in range(2):
        with server:
            client = connect(server)
            client.ask(b"NOOP")
            client.ask(GREETING)
            replies = [client.mail()[:3] for _ in range(2)]
    first, second = rule.calls

    assert first.at < second.at and replies == [b"450", b"450"]


def test_each_run_is_judged_by_itself(connect):
    server = MailServer()
    server.on("NOOP").reply(451)
    for _ in range(2):
        server.start()
        with pytest.raises(RuleNeverActed):
            server.stop()
        server.stop()
    with server:
        connect(server).ask(b"NOOP")
    with server:
        pass  # it has acted


def test_rules_hold_over_a_restart_and_connections_are_counted_from_the_start(connect):
    server = MailServer()
    rule = server.on("NOOP", session=1).reply(451)
    for _ in range(2):
        with server:
            assert connect(server).ask(b"NOOP").startswith(b"451")
            assert connect(server).ask(b"NOOP").startswith(b"250")
    assert rule.count == 2


# -- threads, and sameness -------------------------------------------------------------------------


def test_rules_come_and_go_while_sessions_run():
    with MailServer() as server:
        stop = threading.Event()
        wrong = []

        def change():
            while not stop.is_set():
                one, other = Rule("NOOP").reply(250, "one"), Rule("RSET").reply(250, "other")
                server.rules.add(one.optional(), other.optional())
                one.remove()
                other.remove()

        def talk():
            with Client(server.address) as client:
                for _ in range(30):
                    said = {client.ask(b"NOOP"), client.ask(b"RSET")}
                    wrong.extend(said - {b"250 2.0.0 Ok\r\n", b"250 one\r\n", b"250 other\r\n"})

        talkers = [threading.Thread(target=talk) for _ in range(3)]
        changers = [threading.Thread(target=change) for _ in range(3)]
        for thread in talkers + changers:
            thread.start()
        for thread in talkers:
            thread.join()
        stop.set()
        for thread in changers:
            thread.join()

    assert not wrong and len(server.rules) == 0


def test_no_rule_is_lost_when_several_threads_add_theirs():
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

    assert len(rules) == len(rules.by_verb["NOOP"]) == len(set(map(id, rules))) == 2400


def an_eventful_session(seed):
    with MailServer(seed=seed, auth={"ann": "secret"}) as server:
        server.on("RCPT", probability=0.4).reply(450, "4.2.1", "Busy").optional()
        server.on("MAIL", probability=0.3).delay(0.0001).reply(451).times(2).optional()
        server.on("END_OF_DATA", probability=0.5).reply(452).then().raw(b"250 odd\n\r\n").optional()
        server.on("CONTENT", after=4, probability=0.2).drop().optional()
        with Client(server.address) as client:
            client.ask(GREETING)
            client.ask(b"AUTH PLAIN AGFubgBzZWNyZXQ=")
            for _ in range(8):
                if not client.mail():
                    break
                client.ask(b"RSET")
            else:
                client.ask(b"QUIT")
            client.rest()
            server.settle()
        return "\n".join(lines(server.sessions[0]))


def test_the_same_seed_and_client_make_the_same_dialogue():
    def dialogue(seed):  # but for the port that the client had
        return re.sub(r"127\.0\.0\.1:\d+", "client", an_eventful_session(seed))

    dialogues = {dialogue(11) for _ in range(100)}

    assert len(dialogues) == 1 and "rule:" in dialogues.pop()
    assert len({dialogue(seed) for seed in range(5)}) > 1


def test_clients_see_what_was_asked_for():
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
