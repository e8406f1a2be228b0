"""Untrusted input with rules of every kind raises nothing in the loop."""

import logging
import random

import pytest

from lazr.smtptest import Lenient, MailServer, Reply
from lazr.smtptest.rules.triggers import TRIGGERS
from tests.helpers.rule_actions import add_action
from tests.helpers.smtp_client import RawSmtpClient

PIECES = [
    b"EHLO me\r\n", b"HELO me\r\n", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d>\r\n", b"DATA\r\n", b"Hi\r\n.\r\n", b".\r\n",
    b"BDAT 5\r\nHello", b"BDAT 3 LAST\r\nHi!", b"BDAT 0 LAST\r\n", b"RSET\r\n", b"NOOP\r\n", b"STARTTLS\r\n",
    b"QUIT\r\n",
    b"AUTH PLAIN AGEAYg==\r\n", b"AUTH LOGIN\r\n", b"YQ==\r\n", b"\x16\x03\x01\x00", b"\xff\x00\r\n", b"x" * 3000,
    b"XCLIENT NAME=x\r\n", b"VRFY x\r\n", b"*\r\n", b"RCPT TO:<\r\n", b"LHLO me\r\n",
]  # fmt: skip

VALUES = {
    "then_auto_reply": lambda dice: "Thank you",
    "reply": lambda dice: Reply(dice.choice([220, 250, 354, 421, 451, 550]), "by rule"),
    "delay": lambda dice: dice.choice([0, 0.001]),
    "raw": lambda dice: dice.choice([b"", b"250 \xff", b"354 x\r\n", b"421\n", b"220-half\r\n"]),
    "truncate": lambda dice: dice.randrange(9),
    "throttle": lambda dice: (dice.choice([10_000, 1_000_000]), dice.choice(["in", "out", "both"])),
    "call": lambda dice: lambda event: dice.choice([None, Reply(250), Reply(354), Reply(421)]),
    "without": lambda dice: ("SIZE",),
    "advertise": lambda dice: ("SIZE 1", "X"),
}


def add_random_rule(server, dice):
    """Add a rule of two steps, each of actions that can be combined."""
    when = dice.choice(sorted(TRIGGERS))
    after = {"IDLE": dice.choice([0.001, 0.005]), "CONTENT": dice.randrange(9)}.get(when)
    rule = server.on(when, after=after)
    for _ in range(2):
        for action in dice.sample(sorted(TRIGGERS[when].actions), 2):
            try:
                add_action(rule, action, VALUES.get(action, lambda dice: True)(dice))
            except ValueError as error:
                assert "cannot be combined with" in str(error)
        rule.then()
    return rule.optional()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("number", range(60))
def test_untrusted_input_with_random_rules_raises_nothing(number, loop, caplog):
    dice = random.Random(number)
    settings = {"tls": dice.choice([None, "starttls"]), "auth": dice.choice([None, "any"]), "xclient": True}
    with MailServer(loop=loop, protocol=dice.choice(["smtp", "smtp", "lmtp"]), **settings) as server:
        for _ in range(dice.randrange(1, 6)):
            add_random_rule(server, dice)
        for _ in range(6):
            data = b"".join(dice.choices(PIECES, k=dice.randrange(1, 20)))
            try:
                with RawSmtpClient(server.address, greet=False) as client:
                    client.socket.settimeout(0.02)
                    while data:
                        cut = dice.randrange(1, len(data) + 1)
                        client.send(data[:cut])
                        data = data[cut:]
                    client.socket.recv(100)
            except OSError:
                pass  # a rule has closed the connection
        server.rules.clear()
        with RawSmtpClient(server.address) as client:
            assert client.send_command(b"NOOP").startswith(b"250")

    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("value", ["=abc", "=-5", "=1.5", "=\u00b2", "=" + "9" * 400, ""])
def test_size_that_is_no_number_is_no_size_for_rules(value):
    with MailServer(lenient=Lenient.all(), extensions=["HELP"]) as server:
        server.on("MAIL", size=">=0").reply(452, "4.3.1", "Size").optional()
        server.on("MAIL", where=lambda context: context.size is None).reply(451, "4.3.0", "No size")
        client = RawSmtpClient(server.address)
        client.send_command(b"EHLO me")
        reply = client.send_command(f"MAIL FROM:<a@example.com> SIZE{value}".encode())
        client.close()
    assert reply == b"451 No size\r\n"
