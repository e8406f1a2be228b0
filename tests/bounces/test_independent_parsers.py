"""Parsers of other projects read the notifications of every kind and style."""

import json
import shutil
from email import message_from_bytes

import pytest
from flufl.bounce import all_failures

from lazr.smtptest.bounces import KINDS, STYLES
from lazr.smtptest.mail import Mail
from tests.bounces.originals import (
    RECIPIENT,
    SENDER,
    build_notification,
    build_original,
    read_parts,
    read_status,
)
from tests.helpers.third_party_clients import NODE_MODULES, TESTS, require_installed, run_client

REPORTS = ("bounce", "delayed", "delivered", "complaint")
ACTIONS = {"bounce": "failed", "delayed": "delayed", "delivered": "delivered"}
CASES = [(kind, style) for kind in KINDS for style in STYLES]
FAILED = frozenset({RECIPIENT.encode()})


@pytest.mark.parametrize(("kind", "style"), CASES)
def test_flufl_bounce_finds_the_failed_address(kind, style):
    message = message_from_bytes(build_notification(kind, style=style).content)

    expected = {"bounce": (frozenset(), FAILED), "delayed": (FAILED, frozenset())}
    assert all_failures(message) == expected.get(kind, (frozenset(), frozenset()))


def test_flufl_bounce_finds_all_failed_addresses():
    recipients = tuple(f"user{number}@example.net" for number in range(100))
    for style in STYLES:
        notification = build_notification("bounce", build_original(recipients=recipients), style=style)
        _, failed = all_failures(message_from_bytes(notification.content))
        assert failed == {recipient.encode() for recipient in recipients}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", ACTIONS)
def test_email_package_reads_the_delivery_status(kind, style):
    notification = build_notification(kind, style=style)
    message, recipient = read_status(notification)

    assert message["Reporting-MTA"].replace(" ", "") in {"dns;mx.example.org", "dns;googlemail.com"}
    assert recipient["Final-Recipient"].replace(" ", "") == f"rfc822;{RECIPIENT}"
    assert recipient["Action"] == ACTIONS[kind]
    # Exim writes no detail.
    expected = f"{notification.status[0]}.0.0" if style == "exim" else notification.status
    assert recipient["Status"] == expected
    assert notification.status in recipient["Diagnostic-Code"]


@pytest.mark.parametrize(("kind", "style"), CASES)
def test_mail_has_no_defects(kind, style):
    notification = build_notification(kind, style=style)
    mail = Mail.from_bytes(notification.content)

    assert mail.defects == ()
    assert [address.addr_spec for address in mail.to] == [notification.recipient] == [SENDER]
    assert mail.text.strip()
    assert all(len(line) <= 998 for line in notification.content.split(b"\r\n"))


@pytest.mark.slow
def test_mailparser_reads_every_kind_and_style(tmp_path):
    require_installed(shutil.which("node") and (NODE_MODULES / "mailparser").exists(), "mailparser")
    notifications = {case: build_notification(case[0], style=case[1]) for case in CASES}
    files = []
    for (kind, style), notification in notifications.items():
        files.append(tmp_path / f"{kind}-{style}.eml")
        files[-1].write_bytes(notification.content)
    script = TESTS / "clients" / "mailparser_reports.mjs"
    output = run_client("node", str(script), str(NODE_MODULES) + "/", *map(str, files))

    found = dict(zip(CASES, map(json.loads, output.splitlines()), strict=True))
    for (kind, style), result in found.items():
        notification = notifications[kind, style]
        mail = Mail.from_bytes(notification.content)
        assert (result["subject"], result["to"]) == (mail.subject, SENDER)
        assert result["autoSubmitted"] == mail.header("Auto-Submitted")
        assert result["text"].strip() == mail.text.strip()
        if kind not in REPORTS:
            assert (result["type"], result["parts"]) == ("text/plain", [])
            assert result["inReplyTo"] == "<1@example.com>"
            continue
        _, status_type, returned_type = read_parts(notification)
        assert (result["type"], result["reportType"]) == ("multipart/report", status_type.removeprefix("message/"))
        parts = dict(result["parts"])
        assert set(parts) - {"image/png"} == {status_type, returned_type}
        if kind != "complaint":
            assert f"Action: {ACTIONS[kind]}\r\n" in parts[status_type].replace("\n", "\r\n").replace("\r\r", "\r")
            assert RECIPIENT in parts[status_type]
        else:
            assert "Feedback-Type: abuse" in parts[status_type]
        assert "Message-ID: <1@example.com>" in parts[returned_type]
        assert bool(result["html"]) == bool(mail.html)
