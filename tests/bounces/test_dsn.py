"""Delivery status notifications: who gets one, and what is in it."""

import pytest

from lazr.smtptest.bounces import (
    STYLES,
    build_bounce,
    build_delay,
    build_delivered,
    find_dsn_obstacle,
)
from lazr.smtptest.mail import Mail
from tests.bounces.originals import (
    CONTENT,
    OPTIONS,
    RECIPIENT,
    SENDER,
    build_original,
    read_original,
    read_parts,
    read_status,
)

BUILDERS = {"bounce": build_bounce, "delayed": build_delay, "delivered": build_delivered}


def test_bounce_goes_to_the_reverse_path_from_a_null_one():
    notification = build_bounce(build_original(), **OPTIONS)

    assert (notification.kind, notification.sender, notification.recipient) == ("bounce", "", SENDER)
    assert (notification.original_id, notification.status) == ("<1@example.com>", "5.1.1")


@pytest.mark.parametrize(
    ("notify", "kinds"),
    [
        (None, ["bounce", "delayed"]),
        ("NEVER", []),
        ("SUCCESS", ["delivered"]),
        ("FAILURE", ["bounce"]),
        ("DELAY", ["delayed"]),
        ("SUCCESS,DELAY", ["delayed", "delivered"]),
    ],
)
def test_notify_decides_which_notifications_are_sent(notify, kinds):
    original = build_original(rcpt=[{} if notify is None else {"NOTIFY": notify}])

    assert [kind for kind, build in BUILDERS.items() if build(original)] == kinds
    assert [kind for kind in BUILDERS if find_dsn_obstacle(original, kind) is None] == kinds


@pytest.mark.parametrize(
    ("sender", "reason"),
    [
        ("", "the reverse-path is null (RFC 5321 4.5.5)"),
        ("a b@example.com", "the reverse-path is not an address: 'a b@example.com'"),
        (
            "a@example.com\r\nBcc: eve@example.com",
            "the reverse-path is not an address: 'a@example.com Bcc: eve@example.com'",
        ),
    ],
)
def test_no_notification_is_sent_to_a_useless_reverse_path(sender, reason):
    original = build_original(sender=sender)

    assert build_bounce(original) is None
    assert find_dsn_obstacle(original) == reason


def test_one_notification_is_about_all_recipients_that_want_it():
    recipients = ("a@example.net", "b@example.net", "c@example.net", "a@example.net")
    original = build_original(recipients=recipients, rcpt=[{}, {"NOTIFY": "NEVER"}, {}, {}])

    _, *blocks = read_status(build_bounce(original))
    assert [block["Final-Recipient"] for block in blocks] == ["rfc822; a@example.net", "rfc822; c@example.net"]


def test_recipient_selects_recipients():
    original = build_original(recipients=("a@example.net", "b@example.net", "c@example.net"))

    _, block = read_status(build_bounce(original, recipient="b@example.net"))
    assert block["Final-Recipient"] == "rfc822; b@example.net"
    assert len(read_status(build_bounce(original, recipient=["a@example.net", "c@example.net"]))) == 3


def test_envid_and_orcpt_are_in_the_report():
    original = build_original(
        mail={"ENVID": "QQ314+159"}, rcpt=[{"ORCPT": "rfc822;ann+news@example.com", "NOTIFY": "FAILURE"}]
    )

    message, recipient = read_status(build_bounce(original))
    assert message["Original-Envelope-Id"] == "QQ314+159"
    assert recipient["Original-Recipient"] == "rfc822; ann+news@example.com"


def test_xtext_of_a_client_is_decoded(smtptest):
    import smtplib

    with smtplib.SMTP(*smtptest.address) as client:
        client.ehlo()
        client.mail(SENDER, ["ENVID=a+2Bb"])
        client.rcpt(RECIPIENT, ["ORCPT=rfc822;ann+2Bnews@example.com"])
        client.data(CONTENT)

    message, recipient = read_status(build_bounce(smtptest.inbox.one()))
    assert (message["Original-Envelope-Id"], recipient["Original-Recipient"]) == ("a+b", "rfc822; ann+news@example.com")


@pytest.mark.parametrize(
    ("kind", "ret", "returned"),
    [
        ("bounce", None, "message/rfc822"),
        ("bounce", "FULL", "message/rfc822"),
        ("bounce", "HDRS", "text/rfc822-headers"),
        ("delayed", "FULL", "text/rfc822-headers"),
        ("delivered", "FULL", "text/rfc822-headers"),
    ],
)
def test_ret_decides_what_is_returned(kind, ret, returned):
    original = build_original(mail={"RET": ret} if ret else {}, rcpt=[{"NOTIFY": "SUCCESS,FAILURE,DELAY"}])
    notification = BUILDERS[kind](original)

    assert read_parts(notification)[2] == returned
    header, _, _ = CONTENT.partition(b"\r\n\r\n")
    assert read_original(notification) == (CONTENT if returned == "message/rfc822" else header + b"\r\n")


@pytest.mark.parametrize("style", STYLES)
def test_large_original_is_returned_as_its_header(style):
    limit = STYLES[style].max_returned_bytes
    content = CONTENT + b"x" * 70 + b"\r\n"
    content += (b"x" * 70 + b"\r\n") * ((limit - len(content)) // 72)
    assert limit - 72 < len(content) <= limit

    assert read_original(build_bounce(build_original(content), style=style)) == content
    header, _, _ = content.partition(b"\r\n\r\n")
    returned = read_original(build_bounce(build_original(content + b"x" * 72), style=style))
    assert returned.startswith(header + b"\r\n")
    assert len(returned) < len(header) + 100


@pytest.mark.parametrize(
    ("kind", "status", "text", "diagnostic"),
    [
        ("bounce", "5.2.2", None, "552 5.2.2 The mailbox is full"),
        ("bounce", "5.1.1", "No such user", "550 5.1.1 No such user"),
        ("bounce", "5.7.1", "571 5.7.1 Spam", "571 5.7.1 Spam"),
        ("bounce", "5.1.1", "No\r\nsuch\tuser\x00", "550 5.1.1 No such user"),
        ("bounce", "4.4.7", None, "451 4.4.7 The message was not delivered in time"),
        ("delayed", "4.2.2", None, "452 4.2.2 The mailbox is full"),
        ("delivered", "2.1.5", None, "250 2.1.5 Delivered"),
    ],
)
def test_status_and_text_make_the_diagnostic_code(kind, status, text, diagnostic):
    original = build_original(rcpt=[{"NOTIFY": "SUCCESS,FAILURE,DELAY"}])
    notification = BUILDERS[kind](original, status, text=text)

    _, block = read_status(notification)
    assert (notification.status, block["Status"], block["Diagnostic-Code"]) == (status, status, f"smtp; {diagnostic}")
    assert diagnostic in Mail.from_bytes(notification.content).text


def test_text_beyond_ascii_is_an_encoded_word():
    notification = build_bounce(build_original(), text="Unbekannter Empfänger")

    assert notification.content.isascii()
    _, block = read_status(notification)
    assert block["Diagnostic-Code"] == "smtp; 550 5.1.1 Unbekannter Empfänger"


@pytest.mark.parametrize(
    ("kind", "status"),
    [("bounce", "550"), ("bounce", "2.0.0"), ("delayed", "5.1.1"), ("delivered", "4.0.0"), ("bounce", 5)],
)
def test_status_of_another_class_is_an_error(kind, status):
    with pytest.raises(ValueError, match="status must be an enhanced status code such as"):
        BUILDERS[kind](build_original(), status)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"style": "postfics"}, "did you mean 'postfix'"),
        ({"hostname": "a b"}, "hostname must be a name"),
        ({"hostname": ""}, "hostname must be a name"),
        ({"token": "short"}, "token must be 8 to 40 letters and digits"),
    ],
)
def test_wrong_options_are_errors(options, text):
    with pytest.raises(ValueError, match=text):
        build_bounce(build_original(), **options)


def test_delay_says_until_when_it_is_tried():
    _, block = read_status(build_delay(build_original(), **OPTIONS))

    assert block["Action"] == "delayed"
    assert block["Will-Retry-Until"] == "Sat, 05 Dec 2026 16:59:00 +0000"


def test_report_names_the_server_that_refused():
    _, by_default = read_status(build_bounce(build_original()))
    _, chosen = read_status(build_bounce(build_original(), remote="mx7.example.net"))

    assert (by_default["Remote-MTA"], chosen["Remote-MTA"]) == ("dns; example.net", "dns; mx7.example.net")


def test_addresses_beyond_ascii_make_a_global_report():
    recipient = "josé@bücher.example"
    content = CONTENT.replace(b"gone@example.net", recipient.encode()).replace(b"invoice", "Zahlung für".encode())
    original = build_original(
        content, recipients=(recipient,), mail={"SMTPUTF8": ""}, rcpt=[{"ORCPT": r"utf-8;jos\x{E9}@example.net"}]
    )
    notification = build_bounce(original, style="postfix")

    assert read_parts(notification) == (["text/plain"], "message/global-delivery-status", "message/global")
    status = notification.content.decode()
    assert "report-type=global-delivery-status" in status
    assert f"Final-Recipient: utf-8; {recipient}\r\n" in status
    assert "Original-Recipient: utf-8;josé@example.net\r\n" in status
    assert notification.is_eight_bit
    assert not notification.needs_smtputf8  # the sender's address and the header are ASCII


def test_header_of_a_global_original_has_its_own_type():
    content = CONTENT.replace(b"Your", "Größe".encode())
    original = build_original(content, mail={"SMTPUTF8": "", "RET": "HDRS"})

    assert read_parts(build_bounce(original))[2] == "message/global-headers"


def test_sender_beyond_ascii_needs_smtputf8():
    assert build_bounce(build_original(sender="josé@example.com")).needs_smtputf8


def test_same_token_and_time_give_the_same_bytes():
    first, second = (build_bounce(build_original(), style="postfix", **OPTIONS) for _ in range(2))

    assert first == second
    assert build_bounce(build_original()).content != build_bounce(build_original()).content


def test_boundary_is_not_in_the_original():
    content = CONTENT + b"--0123456789abcdef\r\n--10123456789abcdef--\r\n"
    notification = build_bounce(build_original(content), **OPTIONS)

    assert read_original(notification) == content
    assert Mail.from_bytes(notification.content).defects == ()


def test_sender_without_a_domain_gets_that_of_the_host():
    notification = build_bounce(build_original(sender="root"), **OPTIONS)

    assert notification.recipient == "root"
    assert b"\r\nTo: root@mx.example.org\r\n" in notification.content
