"""Each when with each what that makes sense there, over a socket, out of the one table; any other pair is refused."""

import os
import socket
import time
from functools import cache

import pytest

from lazr.smtptest import MailServer, Reply, Rule
from lazr.smtptest.faults.act import ACTS
from lazr.smtptest.faults.when import OTHER, WHENS
from talk import Client

EHLO = b"EHLO client.example\r\n"
MAIL = b"MAIL FROM:<ann@example.com>\r\n"
RCPT = b"RCPT TO:<bob@example.com>\r\n"
DATA = b"DATA\r\n"

# What is said before, and what then makes the moment come.
SCENES = {
    "CONNECT": ([], b""),
    "TLS": ([EHLO, b"STARTTLS\r\n"], b""),
    "EHLO": ([], EHLO),
    "HELO": ([], b"HELO client.example\r\n"),
    "LHLO": ([], b"LHLO client.example\r\n"),
    "STARTTLS": ([EHLO], b"STARTTLS\r\n"),
    "AUTH": ([EHLO], b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n"),
    "MAIL": ([EHLO], MAIL),
    "RCPT": ([EHLO, MAIL], RCPT),
    "DATA": ([EHLO, MAIL, RCPT], DATA),
    "BDAT": ([EHLO, MAIL, RCPT], b"BDAT 5\r\nHello"),
    "CONTENT": ([EHLO, MAIL, RCPT, DATA], b"Hello\r\n.\r\n"),
    "END_OF_DATA": ([EHLO, MAIL, RCPT, DATA], b"Hello\r\n.\r\n"),
    "RSET": ([EHLO, MAIL], b"RSET\r\n"),
    "NOOP": ([], b"NOOP\r\n"),
    "VRFY": ([EHLO], b"VRFY bob\r\n"),
    "EXPN": ([EHLO], b"EXPN staff\r\n"),
    "HELP": ([], b"HELP\r\n"),
    "QUIT": ([], b"QUIT\r\n"),
    "XCLIENT": ([EHLO], b"XCLIENT NAME=gate.example\r\n"),
    "IDLE": ([EHLO], b""),
    "STAT": ([EHLO], b"STAT\r\n"),
}
SETTINGS = {
    "TLS": {"tls": "starttls"},
    "STARTTLS": {"tls": "starttls"},
    "AUTH": {"auth": "any"},
    "LHLO": {"protocol": "lmtp"},
    "XCLIENT": {"xclient": True},
}
SELECTORS = {"CONTENT": {"after": 3}, "IDLE": {"after": 0.02}}
ROWS = {**WHENS, "STAT": OTHER}

COMMANDS = [when for when in ROWS if when not in ("CONTENT", "TLS", "IDLE")]
PAIRS = [(when, act) for when in COMMANDS for act in sorted(ROWS[when].acts)]

ODD = b"\xff\x00 250-half\nno end"


class Scene:
    """A server with a rule, and a client at the moment of it."""

    def __init__(self, when, **settings):
        self.when = when
        self.client = None
        self.server = MailServer(**SETTINGS.get(when, {}), **settings)

    def rule(self):
        return self.server.on(self.when, **SELECTORS.get(self.when, {}))

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *error):
        if self.client is not None:
            self.client.close()
        self.server.__exit__(*error)

    def come(self, behind=b""):
        """The moment comes."""
        before, trigger = SCENES[self.when]
        self.client = client = Client(self.server.address, greet=self.when != "CONNECT")
        for line in before:
            client.send(line)
            assert client.reply()[:1] in b"23"
        self.came = time.monotonic()
        client.send(trigger + behind)
        return client

    def rest(self):
        """All that comes until the end, when the client has no more to say."""
        self.client.socket.shutdown(socket.SHUT_WR)
        return self.client.rest()

    @property
    def took(self):
        return time.monotonic() - self.came


@cache
def plain(when):
    """What is said to it without a rule."""
    with Scene(when) as scene:
        return scene.come().reply()


def reply(scene):
    scene.rule().reply(451, "4.3.0", "Told to")
    assert scene.come().reply() == b"451 4.3.0 Told to\r\n"


def delay(scene):
    scene.rule().delay(0.03)
    assert scene.come().reply() == plain(scene.when)
    assert scene.took >= 0.03


def stall(scene):
    scene.rule().stall()
    scene.come()
    assert scene.rest() == b""


def drop(scene):
    scene.rule().drop()
    assert scene.come().socket.recv(100) == b""


def reset(scene):
    scene.rule().reset()
    with pytest.raises(ConnectionResetError):  # at CONNECT, perhaps before the client has connected
        scene.come().socket.recv(100)


def raw(scene):
    scene.rule().raw(ODD)
    assert scene.come().file.read(len(ODD)) == ODD
    # The session goes on as with the usual reply.
    assert scene.rest() == b""


def truncate(scene):
    scene.rule().truncate(5)
    scene.come()
    assert scene.rest() == plain(scene.when)[:5]


def throttle(scene):
    whole = plain(scene.when)
    scene.rule().throttle(len(whole) * 10)  # so it takes a tenth of a second, but for the first step's half
    assert scene.come().reply() == whole
    assert scene.took >= 0.04


def close_after(scene):
    scene.rule().close_after()
    # STARTTLS and AUTH punish what does not wait for their reply.
    scene.come(behind=b"" if scene.when in ("STARTTLS", "AUTH", "CONNECT") else b"NOOP behind\r\n")
    assert scene.client.rest() == plain(scene.when)


def call(scene):
    asked = []
    scene.rule().call(lambda event: asked.append(event.verb) or Reply(450, "4.0.0", "Called"))
    assert scene.come().reply() == b"450 4.0.0 Called\r\n"
    assert asked == [scene.when]


def without(scene):
    scene.rule().without("SIZE", "chunking")
    left = [line for line in plain(scene.when).splitlines() if line[4:] != b"CHUNKING" and line[4:8] != b"SIZE"]
    assert scene.come().reply().splitlines() == left


def advertise(scene):
    scene.rule().advertise("X-RULE 1", "SIZE 7")
    lines = [line[4:] for line in scene.come().reply().splitlines()]
    assert b"X-RULE 1" in lines and b"SIZE 7" in lines and b"SIZE 33554432" not in lines


def accept_but_lose(scene):
    scene.rule().accept_but_lose()
    assert scene.come().reply() == plain(scene.when)
    assert len(scene.server.inbox) == 0


def duplicate(scene):
    scene.rule().duplicate()
    assert scene.come().reply() == plain(scene.when)
    one, other = scene.server.inbox
    assert one.id != other.id and one.content == other.content == b"Hello\r\n"


@pytest.mark.parametrize(("when", "act"), PAIRS, ids=lambda value: value)
def test_each_act_at_each_command(when, act):
    with Scene(when) as scene:
        globals()[act](scene)
        (rule,) = scene.server.rules

    (call,) = rule.calls
    assert call.act.startswith(f"{act}(") and rule.count == 1


# -- where nobody waits for a reply ---------------------------------------------------------


def content_reply(scene):
    scene.rule().reply(451, "4.3.0", "Enough")
    assert scene.come().rest() == b"451 4.3.0 Enough\r\n"


def content_raw(scene):
    scene.rule().raw(ODD)
    scene.come()
    assert scene.rest() == ODD + plain("END_OF_DATA")


def content_close_after(scene):
    scene.rule().raw(b"421").close_after()
    assert scene.come().rest() == b"421"


def content_delay(scene):
    scene.rule().delay(0.03)
    assert scene.come().reply() == plain("END_OF_DATA")
    assert scene.took >= 0.03


def content_throttle(scene):
    scene.rule().throttle(100)  # from here on: a reply of 31 octets
    assert scene.come().reply() == plain("END_OF_DATA")
    assert scene.took >= 0.2


def idle_raw(scene):
    scene.rule().once().raw(ODD)
    assert scene.come().file.read(len(ODD)) == ODD
    assert scene.client.ask(b"NOOP").startswith(b"250")


def idle_close_after(scene):
    scene.rule().raw(b"421").close_after()
    assert scene.come().rest() == b"421"


def tls_delay(scene):
    scene.rule().delay(0.03)
    scene.come().wrap(scene.server.client_context())
    assert scene.took >= 0.03 and scene.client.ask(EHLO[:-2]).startswith(b"250")


def tls_throttle(scene):
    scene.rule().throttle(4_000)  # its hello takes some hundred octets at least, with the certificate
    scene.come().wrap(scene.server.client_context())
    assert scene.took >= 0.05 and scene.client.ask(EHLO[:-2]).startswith(b"250")


def tls_raw(scene):
    scene.rule().raw(ODD)
    scene.come().send(b"\x16\x03\x01 hello")
    assert scene.client.rest() == ODD


SPECIAL = {
    "CONTENT": {
        "reply": content_reply, "raw": content_raw, "close_after": content_close_after, "delay": content_delay,
        "throttle": content_throttle, "drop": drop, "reset": reset, "stall": stall,
    },
    "IDLE": {"reply": content_reply, "raw": idle_raw, "close_after": idle_close_after, "drop": drop, "reset": reset},
    "TLS": {
        "delay": tls_delay, "throttle": tls_throttle, "raw": tls_raw, "stall": stall, "drop": drop, "reset": reset,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("when", "act"), [(when, act) for when in SPECIAL for act in sorted(ROWS[when].acts)], ids=lambda value: value
)
def test_each_act_where_no_command_is(when, act):
    with Scene(when) as scene:
        SPECIAL[when][act](scene)
        (rule,) = scene.server.rules

    assert rule.count == 1


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("when", "act"),
    [
        (when, act)
        for when in ("NOOP", "CONTENT")
        for act in ("drop", "reset", "stall", "delay", "throttle", "raw", "truncate", "close_after")
        if act in ROWS[when].acts
    ],
)
def test_acts_inside_tls_and_on_either_loop(when, act, loop, connect):
    value = {"delay": 0.02, "throttle": (1000, "both"), "raw": b"250 odd\n", "truncate": 4}.get(act, True)
    with MailServer(tls="implicit", loop=loop) as server:
        server.on(when, **SELECTORS.get(when, {})).do(act, value)
        context = server.client_context()
        client = connect(server, context=context)
        began = time.monotonic()
        if when == "NOOP":
            usual = b"250 2.0.0 Ok\r\n"
            client.send(b"NOOP\r\n")
        else:
            usual = b"250 2.0.0 Message accepted\r\n"
            for line in (EHLO, MAIL, RCPT, DATA):
                client.send(line)
                client.reply()
            client.send(b"Hello\r\n.\r\n")
        if act == "reset":
            # Python's ssl reports a RST as an end, so the socket itself is asked.
            with socket.socket(fileno=os.dup(client.socket.fileno())) as below, pytest.raises(ConnectionResetError):
                below.settimeout(10)
                below.recv(100)
        elif act in ("drop", "close_after"):
            assert client.rest() == (usual if act == "close_after" and when == "NOOP" else b"")
        elif act == "stall":
            client.socket.shutdown(socket.SHUT_WR)
            assert client.socket.recv(100) == b""
        elif act in ("delay", "throttle"):
            assert client.reply() == usual
            assert act == "throttle" or time.monotonic() - began >= 0.02
        elif act == "raw":
            assert client.file.read(8) == value
        else:
            assert client.file.read(4) == usual[:4]


# -- what makes no sense ---------------------------------------------------------------------

VALUES = {
    "reply": Reply(451), "delay": 1.0, "raw": b"", "truncate": 1, "throttle": 10, "call": print,
    "without": ("SIZE",), "advertise": ("SIZE",),
}  # fmt: skip


@pytest.mark.parametrize(
    ("when", "act"), [(when, act) for when, row in ROWS.items() for act in ACTS if act not in row.acts]
)
def test_a_pair_that_makes_no_sense_is_refused_when_it_is_written(when, act):
    rule = Rule(when, **SELECTORS.get(when, {}))

    with pytest.raises(ValueError, match=rf"{act}\(\) makes no sense at {when}; possible are .*\bdrop\b"):
        rule.do(act, VALUES.get(act, True))


@pytest.mark.parametrize("when", ROWS)
def test_what_makes_sense_is_all_that_is_tried_here(when):
    tried = SPECIAL[when] if when in SPECIAL else [act for act in ACTS if (when, act) in PAIRS]

    assert set(tried) == ROWS[when].acts and ROWS[when].acts <= ACTS.keys()
