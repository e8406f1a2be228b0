"""Hostile octets meet rules of every kind: nothing raises in the loop, and the next client is served."""

import asyncio
import random

import pytest

from lazr.smtptest import MailServer, Reply
from lazr.smtptest.faults.when import WHENS
from talk import Client

PIECES = [
    b"EHLO me\r\n", b"HELO me\r\n", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d>\r\n", b"DATA\r\n", b"Hi\r\n.\r\n", b".\r\n",
    b"BDAT 5\r\nHello", b"BDAT 3 LAST\r\nHi!", b"BDAT 0 LAST\r\n", b"RSET\r\n", b"NOOP\r\n", b"STARTTLS\r\n",
    b"QUIT\r\n",
    b"AUTH PLAIN AGEAYg==\r\n", b"AUTH LOGIN\r\n", b"YQ==\r\n", b"\x16\x03\x01\x00", b"\xff\x00\r\n", b"x" * 3000,
    b"XCLIENT NAME=x\r\n", b"VRFY x\r\n", b"*\r\n", b"RCPT TO:<\r\n", b"LHLO me\r\n",
]  # fmt: skip

VALUES = {
    "reply": lambda dice: Reply(dice.choice([220, 250, 354, 421, 451, 550]), "told"),
    "delay": lambda dice: dice.choice([0, 0.001]),
    "raw": lambda dice: dice.choice([b"", b"250 \xff", b"354 x\r\n", b"421\n", b"220-half\r\n"]),
    "truncate": lambda dice: dice.randrange(9),
    "throttle": lambda dice: (dice.choice([10_000, 1_000_000]), dice.choice(["in", "out", "both"])),
    "call": lambda dice: lambda event: dice.choice([None, Reply(250), Reply(354), Reply(421)]),
    "without": lambda dice: ("SIZE",),
    "advertise": lambda dice: ("SIZE 1", "X"),
}


def write(server, dice):
    """A rule of two behaviours, of acts that go together."""
    when = dice.choice(sorted(WHENS))
    after = {"IDLE": dice.choice([0.001, 0.005]), "CONTENT": dice.randrange(9)}.get(when)
    rule = server.on(when, after=after)
    for _ in range(2):
        for act in dice.sample(sorted(WHENS[when].acts), 2):
            try:
                rule.do(act, VALUES.get(act, lambda dice: True)(dice))
            except ValueError as error:
                assert "does not go with" in str(error)
        rule.then()
    return rule.optional()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("number", range(60))
def test_nothing_raises_and_the_next_client_is_served(number, loop):
    dice = random.Random(number)
    settings = {"tls": dice.choice([None, "starttls"]), "auth": dice.choice([None, "any"]), "xclient": True}
    wrong = []
    with MailServer(loop=loop, protocol=dice.choice(["smtp", "smtp", "lmtp"]), **settings) as server:
        server.call(lambda: asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context)))
        for _ in range(dice.randrange(1, 6)):
            write(server, dice)
        for _ in range(6):
            octets = b"".join(dice.choices(PIECES, k=dice.randrange(1, 20)))
            try:
                with Client(server.address, greet=False) as client:
                    client.socket.settimeout(0.02)
                    while octets:
                        cut = dice.randrange(1, len(octets) + 1)
                        client.send(octets[:cut])
                        octets = octets[cut:]
                    client.socket.recv(100)
            except OSError:
                pass  # a rule has ended it
        server.rules.clear()
        with Client(server.address) as client:
            assert client.ask(b"NOOP").startswith(b"250")

    assert not wrong
