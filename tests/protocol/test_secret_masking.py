"""Secrets in lines that are not quite AUTH, and lines that have none."""

import base64

import pytest

from lazr.smtptest import Auth
from lazr.smtptest.protocol.smtp.secret_masking import mask_secrets
from tests.helpers.smtp_client import EHLO_LINE, RecordedSession

WORD = b"hunter2"
BASE64 = base64.b64encode(b"\0ann\0hunter2")

# A line with a secret, and the line that is shown.
SECRETS = [
    (b"AUTH PLAIN " + BASE64, b"AUTH PLAIN ***"),
    (b"AUTH  CRAM-MD5  " + BASE64, b"AUTH  CRAM-MD5 ***"),
    (b"AUTH " + BASE64, b"AUTH ***"),
    (b"AUTHPLAIN " + BASE64, b"AUTH ***"),
    (b"AUTH=PLAIN hunter2", b"AUTH ***"),
    (b"AUTH:PLAIN hunter2", b"AUTH ***"),
    (b"AUTH-PLAIN hunter2", b"AUTH ***"),
    (b"AUTH\tPLAIN\thunter2", b"AUTH ***"),
    (b"X-AUTH PLAIN hunter2", b"X-AUTH PLAIN ***"),
    (b"XAUTH PLAIN hunter2", b"XAUTH PLAIN ***"),
    (b"AUHT PLAIN hunter2", b"AUHT PLAIN ***"),
    (b"atuh hunter2", b"atuh ***"),
    (b"UATH hunter2", b"UATH ***"),
    (b"AUT hunter2", b"AUT ***"),
    (b"AUTTH hunter2", b"AUTTH ***"),
    (b"AITH LOGIN hunter2", b"AITH LOGIN ***"),
    (b"AUTHENTICATE PLAIN hunter2", b"AUTHENTICATE PLAIN ***"),
    (b"AUTHENTIFICATE hunter2", b"AUTH ***"),
    (b"AUTHINFO PASS hunter2", b"AUTHINFO ***"),
    (b"PASS hunter2", b"PASS ***"),
    (b"PASS\thunter2", b"PASS ***"),
    (b"PASS:hunter2", b"PASS ***"),
    (b"PASShunter2", b"PASS ***"),
    (b"PSAS hunter2", b"PSAS ***"),
    (b"PASSWORD hunter2", b"PASSWORD ***"),
    (b"PASWORD hunter2", b"PASWORD ***"),
    (b"PASSWD hunter2", b"PASS ***"),
    (b"USER ann hunter2", b"USER ***"),
    (b"USR ann hunter2", b"USR ***"),
    (b"USERNAME ann hunter2", b"USERNAME ***"),
    (b"LOGIN ann hunter2", b"LOGIN ***"),
    (b"LOGON ann hunter2", b"LOGON ***"),
    (b"a1 LOGIN ann hunter2", b"a1 LOGIN ***"),
    (b"A001 AUTHENTICATE PLAIN " + BASE64, b"A001 AUTHENTICATE PLAIN ***"),
    (b"APOP ann " + b"0123456789abcdef" * 2, b"APOP ***"),
    (b"PLAIN hunter2", b"PLAIN ***"),
    (b"CRAM-MD5 hunter2", b"CRAM-MD5 ***"),
    (b" PASS hunter2", b" PASS ***"),
    (b"NOOP\nPASS hunter2", b"NOOP\nPASS ***"),
    (b"NOOP\r\nUSER ann hunter2", b"NOOP\r\nUSER ***"),
    (b"\xffAUHT PLAIN hunter2", b"\xffAUHT PLAIN ***"),
    (b"NOOP \xffAUTH PLAIN hunter2", b"NOOP \xffAUTH PLAIN ***"),
    (b"\0PASS hunter2", b"\0PASS ***"),
    (BASE64, b"***"),
    (b"FOO " + BASE64, b"FOO ***"),
    (b"FOO bar " + BASE64.rstrip(b"="), b"FOO bar ***"),
    (b"FOO AGEAYg==", b"FOO ***"),
    (b"FOO AGFubgBz", b"FOO ***"),
]  # fmt: skip

# Lines without a secret stay as they are.
PLAIN_LINES = [
    b"", b"EHLO user.example", b"MAIL FROM:<user@example.com>", b"MAIL FROM:<auth@example.com> AUTH=<>",
    b"RCPT TO:<pass@x>", b"mail from:<ann@example.com> ENVID=QUJDREVGR0hJSktMTU5PUA==", b"NOOP user", b"HELP AUTH",
    b"VRFY login", b"AUTH", b"AUTH LOGIN", b"AUTH LOGIN ", b"PASS", b"FOO bar", b"MIAL FROM:<ann@example.com>",
    b"RCTP TO:<bob@example.com>", b"EXIT", b"STAT 1", b"QIUT", b"GET / HTTP/1.1", b"POST /login HTTP/1.1",
    b"Subject: Hello everybody", b"MAIL FROM:<j\xc3\xbcuser@example.com>", b"QUIT\n",
]  # fmt: skip


@pytest.mark.parametrize(("line", "shown"), SECRETS)
def test_what_may_be_a_secret_is_masked(line, shown):
    assert mask_secrets(line) == shown


@pytest.mark.parametrize("line", PLAIN_LINES)
def test_lines_without_secrets_are_unchanged(line):
    assert mask_secrets(line) == line


@pytest.mark.parametrize("auth", [None, {"ann": "hunter2"}])
@pytest.mark.parametrize(("line", "shown"), SECRETS)
def test_no_secret_is_in_transcript_and_events(line, shown, auth):
    recorded = RecordedSession(auth=auth and Auth(auth, required=False))
    recorded.feed(EHLO_LINE + line + b"\r\n" + BASE64 + b"\r\nhunter2\r\n")
    held = repr(recorded.record.transcript.entries) + str(recorded.record.transcript) + recorded.record.to_svg()
    held += "".join(event.said() + repr(event) for event in recorded.events)

    assert "hunter2" not in held.lower() and "AGFub" not in held.upper().replace("AGFUB", "AGFub")


def test_decision_can_implement_command_with_secret():
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE + b"LOGIN ann hunter2\r\n")
    event = recorded.events[-1]

    assert (event.verb, event.command, event.argument) == ("UNKNOWN", "LOGIN", "ann hunter2")
    assert (event.said(), repr(event)) == ("***", "Unknown(***)")
