"""Complaints: the fields of a feedback report, and what is redacted."""

from email import message_from_bytes

import pytest

from lazr.smtptest.bounces import FEEDBACK_TYPES, STYLES, build_complaint, find_complaint_obstacle
from tests.bounces.originals import CONTENT, OPTIONS, RECIPIENT, SENDER, build_original, parse, read_original


def read_report(notification):
    """Return the fields of the part for programs."""
    _, status, _ = parse(notification).get_payload()
    assert status.get_content_type() == "message/feedback-report"
    body = status.as_bytes().partition(b"\n\n")[2]
    return message_from_bytes(body)


@pytest.mark.parametrize("style", STYLES)
def test_report_has_the_fields_of_rfc_5965(style):
    original = build_original(peer="192.0.2.7:40000", mail={"ENVID": "QQ1"})
    notification = build_complaint(original, style=style, **OPTIONS)

    assert (notification.kind, notification.sender, notification.recipient) == ("complaint", "", SENDER)
    fields = read_report(notification)
    assert fields["User-Agent"] == "lazr.smtptest"
    expected = {
        "Feedback-Type": "abuse",
        "Version": "1",
        "Original-Envelope-Id": "QQ1",
        "Original-Mail-From": f"<{SENDER}>",
        "Arrival-Date": "Mon, 30 Nov 2026 16:59:00 +0000",
        "Reporting-MTA": "dns; mx.example.org",
        "Source-IP": "192.0.2.7",
        "Original-Rcpt-To": "<redacted@example.net>",
        "Reported-Domain": "example.com",
    }
    assert {name: fields[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("[2001:db8::1]:25", "2001:db8::1"),
        ("2001:db8::1:25", "2001:db8::1"),
        ("unix", None),
        ("", None),
        ("x\r\ny:1", None),
    ],
)
def test_source_ip_is_an_address_or_missing(peer, address):
    assert read_report(build_complaint(build_original(peer=peer)))["Source-IP"] == address


def test_recipient_is_redacted_everywhere():
    content = CONTENT + b"Unsubscribe GONE@example.net: https://example.com/?u=gone@Example.net&id=7\r\n"
    notification = build_complaint(build_original(content))

    assert b"gone@" not in notification.content.lower()
    returned = read_original(notification)
    assert b"To: redacted@example.net\r\n" in returned
    assert b"?u=redacted@example.net&id=7\r\n" in returned
    assert b"Message-ID: <1@example.com>" in returned


def test_without_redaction_everything_is_returned():
    notification = build_complaint(build_original(), redact=False)

    assert read_report(notification)["Original-Rcpt-To"] == f"<{RECIPIENT}>"
    assert read_original(notification) == CONTENT


def test_recipient_chooses_who_complains():
    original = build_original(recipients=("a@one.example", "b@two.example"))

    assert read_report(build_complaint(original))["Original-Rcpt-To"] == "<redacted@one.example>"
    report = build_complaint(original, recipient="b@two.example", redact=False)
    assert read_report(report)["Original-Rcpt-To"] == "<b@two.example>"


@pytest.mark.parametrize("feedback_type", FEEDBACK_TYPES)
def test_feedback_types(feedback_type):
    assert read_report(build_complaint(build_original(), feedback_type=feedback_type))["Feedback-Type"] == feedback_type


def test_unknown_feedback_type_is_an_error():
    with pytest.raises(ValueError, match="feedback_type must be one of abuse, fraud"):
        build_complaint(build_original(), feedback_type="spam")


@pytest.mark.parametrize(
    ("sender", "to", "recipient"),
    [
        (SENDER, None, SENDER),
        (SENDER, "fbl@app.example", "fbl@app.example"),
        ("", None, "abuse@example.com"),
    ],
)
def test_report_goes_to(sender, to, recipient):
    original = build_original(sender=sender)

    assert build_complaint(original, to=to).recipient == recipient
    assert find_complaint_obstacle(original, to) is None


def test_no_report_without_an_address():
    original = build_original(b"Subject: Hi\r\n\r\n", sender="")

    assert build_complaint(original) is None
    assert find_complaint_obstacle(original).startswith("there is no address to complain to")
    assert build_complaint(original, to="a b") is None
    assert find_complaint_obstacle(original, "a b") == "the address to complain to is not an address: 'a b'"


def test_null_reverse_path_is_reported_as_such():
    report = build_complaint(build_original(sender=""))

    assert read_report(report)["Original-Mail-From"] == "<>"
