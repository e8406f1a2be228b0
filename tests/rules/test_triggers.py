"""Every action at every trigger of the table, over a socket; all other pairs are refused."""

import os
import re
import socket
import time
from functools import cache
from pathlib import Path

import pytest

from lazr.smtptest import MailServer, Reply, Rule
from lazr.smtptest.rules.actions import ACTION_VALIDATORS
from lazr.smtptest.rules.triggers import OTHER_VERB_TRIGGER, TRIGGERS
from tests.helpers.rule_actions import add_action
from tests.helpers.smtp_client import RawSmtpClient

EHLO = b"EHLO client.example\r\n"
MAIL = b"MAIL FROM:<ann@example.com>\r\n"
RCPT = b"RCPT TO:<bob@example.com>\r\n"
DATA = b"DATA\r\n"

# For each trigger, the commands before it, and the bytes that cause it.
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
ROWS = {**TRIGGERS, "STAT": OTHER_VERB_TRIGGER}

COMMANDS = [when for when in ROWS if when not in ("CONTENT", "TLS", "IDLE")]
PAIRS = [(when, action) for when in COMMANDS for action in sorted(ROWS[when].actions)]

ODD = b"\xff\x00 250-half\nno end"


class Scene:
    """A server with a rule for a trigger, and a client that causes the trigger."""

    def __init__(self, when, **settings):
        self.when = when
        self.client = None
        self.server = MailServer(**SETTINGS.get(when, {}), **settings)

    def add_rule(self):
        return self.server.on(self.when, **SELECTORS.get(self.when, {}))

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *error):
        if self.client is not None:
            self.client.close()
        self.server.__exit__(*error)

    def cause(self, next_bytes=b""):
        """Connect a client, cause the trigger, and send more bytes after it."""
        before, trigger = SCENES[self.when]
        self.client = client = RawSmtpClient(self.server.address, greet=self.when != "CONNECT")
        for line in before:
            client.send(line)
            assert client.read_reply()[:1] in b"23"
        self.began = time.monotonic()
        client.send(trigger + next_bytes)
        return client

    def finish(self):
        """Close the sending side of the client; return what the server sends until the end."""
        self.client.socket.shutdown(socket.SHUT_WR)
        return self.client.read_to_end()

    @property
    def elapsed(self):
        return time.monotonic() - self.began


@cache
def get_usual_reply(when):
    """Return the reply to a trigger without a rule."""
    with Scene(when) as scene:
        return scene.cause().read_reply()


def check_reply(scene):
    scene.add_rule().reply(451, "4.3.0", "By rule")
    assert scene.cause().read_reply() == b"451 4.3.0 By rule\r\n"


def check_delay(scene):
    scene.add_rule().delay(0.03)
    assert scene.cause().read_reply() == get_usual_reply(scene.when)
    assert scene.elapsed >= 0.03


def check_stall(scene):
    scene.add_rule().stall()
    scene.cause()
    assert scene.finish() == b""


def check_drop(scene):
    scene.add_rule().drop()
    assert scene.cause().socket.recv(100) == b""


def check_reset(scene):
    scene.add_rule().reset()
    with pytest.raises(ConnectionResetError):  # at CONNECT, perhaps before the client has connected
        scene.cause().socket.recv(100)


def check_raw(scene):
    scene.add_rule().raw(ODD)
    assert scene.cause().file.read(len(ODD)) == ODD
    # The session continues as after the usual reply.
    assert scene.finish() == b""


def check_truncate(scene):
    scene.add_rule().truncate(5)
    scene.cause()
    assert scene.finish() == get_usual_reply(scene.when)[:5]


def check_throttle(scene):
    expected = get_usual_reply(scene.when)
    scene.add_rule().throttle(len(expected) * 10)  # a tenth of a second, less the half that the first step may send
    assert scene.cause().read_reply() == expected
    assert scene.elapsed >= 0.04


def check_close_after(scene):
    scene.add_rule().close_after()
    # STARTTLS and AUTH refuse commands that do not wait for their reply.
    scene.cause(next_bytes=b"" if scene.when in ("STARTTLS", "AUTH", "CONNECT") else b"NOOP next\r\n")
    assert scene.client.read_to_end() == get_usual_reply(scene.when)


def check_call(scene):
    verbs = []
    scene.add_rule().call(
        lambda event: verbs.append(getattr(event, "command", event.verb)) or Reply(450, "4.0.0", "Called")
    )
    assert scene.cause().read_reply() == b"450 4.0.0 Called\r\n"
    assert verbs == [scene.when]


def check_without(scene):
    scene.add_rule().without("SIZE", "chunking")
    usual = get_usual_reply(scene.when).splitlines()
    expected = [line for line in usual if line[4:] != b"CHUNKING" and line[4:8] != b"SIZE"]
    assert scene.cause().read_reply().splitlines() == expected


def check_advertise(scene):
    scene.add_rule().advertise("X-RULE 1", "SIZE 7")
    lines = [line[4:] for line in scene.cause().read_reply().splitlines()]
    assert b"X-RULE 1" in lines and b"SIZE 7" in lines and b"SIZE 33554432" not in lines


def check_accept(scene):
    scene.add_rule().accept()
    scene.server.on(scene.when, **SELECTORS.get(scene.when, {})).reply(451).optional()
    assert scene.cause().read_reply() == get_usual_reply(scene.when)


def check_notice(scene, action):
    add_action(scene.add_rule(), action, VALUES.get(action, True))
    assert scene.cause().read_reply() == get_usual_reply(scene.when)
    (record,) = scene.server.notifications.wait()
    assert (record.recipient, record.about) == ("ann@example.com", ("bob@example.com",))
    outcome = {"then_delivered": "not sent", "then_out_of_office": "not sent"}.get(action, "delivered")
    assert record.outcome == outcome and record.kind == action.removeprefix("then_")


def check_then_bounce(scene):
    check_notice(scene, "then_bounce")


def check_then_delayed(scene):
    check_notice(scene, "then_delayed")


def check_then_delivered(scene):
    check_notice(scene, "then_delivered")


def check_then_complaint(scene):
    check_notice(scene, "then_complaint")


def check_then_out_of_office(scene):
    check_notice(scene, "then_out_of_office")


def check_then_challenge(scene):
    check_notice(scene, "then_challenge")


def check_then_auto_reply(scene):
    check_notice(scene, "then_auto_reply")


def check_accept_but_lose(scene):
    scene.add_rule().accept_but_lose()
    assert scene.cause().read_reply() == get_usual_reply(scene.when)
    assert len(scene.server.inbox) == 0


def check_duplicate(scene):
    scene.add_rule().duplicate()
    assert scene.cause().read_reply() == get_usual_reply(scene.when)
    one, other = scene.server.inbox
    assert one.id != other.id and one.content == other.content == b"Hello\r\n"


@pytest.mark.parametrize(("when", "action"), PAIRS, ids=lambda value: value)
def test_every_action_at_every_command(when, action):
    with Scene(when) as scene:
        globals()[f"check_{action}"](scene)
        rule = scene.server.rules[0]

    (call,) = rule.calls
    assert call.action.startswith(f"{action}(") and rule.count == 1


# -- triggers without a reply ---------------------------------------------------------------


def check_content_reply(scene):
    scene.add_rule().reply(451, "4.3.0", "Enough")
    assert scene.cause().read_to_end() == b"451 4.3.0 Enough\r\n"


def check_content_raw(scene):
    scene.add_rule().raw(ODD)
    scene.cause()
    assert scene.finish() == ODD + get_usual_reply("END_OF_DATA")


def check_content_close_after(scene):
    scene.add_rule().raw(b"421").close_after()
    assert scene.cause().read_to_end() == b"421"


def check_content_delay(scene):
    scene.add_rule().delay(0.03)
    assert scene.cause().read_reply() == get_usual_reply("END_OF_DATA")
    assert scene.elapsed >= 0.03


def check_content_throttle(scene):
    scene.add_rule().throttle(100)  # a reply of 31 bytes
    assert scene.cause().read_reply() == get_usual_reply("END_OF_DATA")
    assert scene.elapsed >= 0.2


def check_idle_raw(scene):
    scene.add_rule().once().raw(ODD)
    assert scene.cause().file.read(len(ODD)) == ODD
    assert scene.client.send_command(b"NOOP").startswith(b"250")


def check_idle_close_after(scene):
    scene.add_rule().raw(b"421").close_after()
    assert scene.cause().read_to_end() == b"421"


def check_tls_delay(scene):
    scene.add_rule().delay(0.03)
    scene.cause().wrap_in_tls(scene.server.client_context())
    assert scene.elapsed >= 0.03 and scene.client.send_command(EHLO[:-2]).startswith(b"250")


def check_tls_throttle(scene):
    scene.add_rule().throttle(4_000)  # the hello of the server has a certificate: some hundred bytes
    scene.cause().wrap_in_tls(scene.server.client_context())
    assert scene.elapsed >= 0.05 and scene.client.send_command(EHLO[:-2]).startswith(b"250")


def check_tls_raw(scene):
    scene.add_rule().raw(ODD)
    scene.cause().send(b"\x16\x03\x01 hello")
    assert scene.client.read_to_end() == ODD


# The checks at triggers without a command, where some actions have another effect.
CHECKS = {
    "CONTENT": {
        "reply": check_content_reply,
        "raw": check_content_raw,
        "close_after": check_content_close_after,
        "delay": check_content_delay,
        "throttle": check_content_throttle,
        "drop": check_drop,
        "reset": check_reset,
        "stall": check_stall,
    },
    "IDLE": {
        "reply": check_content_reply,
        "raw": check_idle_raw,
        "close_after": check_idle_close_after,
        "drop": check_drop,
        "reset": check_reset,
    },
    "TLS": {
        "delay": check_tls_delay,
        "throttle": check_tls_throttle,
        "raw": check_tls_raw,
        "stall": check_stall,
        "drop": check_drop,
        "reset": check_reset,
    },
}


@pytest.mark.parametrize(
    ("when", "action"),
    [(when, action) for when in CHECKS for action in sorted(ROWS[when].actions)],
    ids=lambda value: value,
)
def test_every_action_at_content_idle_and_tls(when, action):
    with Scene(when) as scene:
        CHECKS[when][action](scene)
        (rule,) = scene.server.rules

    assert rule.count == 1


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("when", "action"),
    [
        (when, action)
        for when in ("NOOP", "CONTENT")
        for action in ("drop", "reset", "stall", "delay", "throttle", "raw", "truncate", "close_after")
        if action in ROWS[when].actions
    ],
)
def test_actions_inside_tls_with_both_loops(when, action, loop, connect):
    value = {"delay": 0.02, "throttle": (1000, "both"), "raw": b"250 odd\n", "truncate": 4}.get(action, True)
    with MailServer(tls="implicit", loop=loop) as server:
        add_action(server.on(when, **SELECTORS.get(when, {})), action, value)
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
                client.read_reply()
            client.send(b"Hello\r\n.\r\n")
        if action == "reset":
            # Python's ssl reports RST as an end of the stream, so the test reads the socket itself.
            with socket.socket(fileno=os.dup(client.socket.fileno())) as below, pytest.raises(ConnectionResetError):
                below.settimeout(10)
                below.recv(100)
        elif action in ("drop", "close_after"):
            assert client.read_to_end() == (usual if action == "close_after" and when == "NOOP" else b"")
        elif action == "stall":
            client.socket.shutdown(socket.SHUT_WR)
            assert client.socket.recv(100) == b""
        elif action in ("delay", "throttle"):
            assert client.read_reply() == usual
            assert action == "throttle" or time.monotonic() - began >= 0.02
        elif action == "raw":
            assert client.file.read(8) == value
        else:
            assert client.file.read(4) == usual[:4]


# -- other pairs ------------------------------------------------------------------------------

VALUES = {
    "reply": Reply(451), "delay": 1.0, "raw": b"", "truncate": 1, "throttle": 10, "call": print,
    "without": ("SIZE",), "advertise": ("SIZE",), "then_auto_reply": "Thank you",
}  # fmt: skip


@pytest.mark.parametrize(
    ("when", "action"),
    [(when, action) for when, row in ROWS.items() for action in ACTION_VALIDATORS if action not in row.actions],
)
def test_impossible_action_at_trigger_is_refused(when, action):
    rule = Rule(when, **SELECTORS.get(when, {}))

    with pytest.raises(ValueError, match=rf"{action}\(\) is not possible at {when}; its actions: .*\bdrop\b"):
        add_action(rule, action, VALUES.get(action, True))


@pytest.mark.parametrize("when", ROWS)
def test_all_possible_actions_are_tested(when):
    tested = CHECKS[when] if when in CHECKS else [action for action in ACTION_VALIDATORS if (when, action) in PAIRS]

    assert set(tested) == ROWS[when].actions and ROWS[when].actions <= ACTION_VALIDATORS.keys()


def test_picture_has_every_trigger():
    words = set(
        re.findall(r"[A-Z_]+", (Path(__file__).parents[2] / "docs" / "reference" / "rules.svg").read_text("utf-8"))
    )

    assert set(TRIGGERS) <= words
