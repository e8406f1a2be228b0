"""The styles have the shape of the notifications that the servers write.

`tests/mail/corpus/bounce` has examples, as the servers write them.
"""

from email import message_from_bytes
from pathlib import Path

import pytest

from lazr.smtptest.bounces import KINDS, STYLES, find_style
from lazr.smtptest.mail import Mail
from tests.bounces.originals import build_notification, build_original

CORPUS = Path(__file__).parents[1] / "mail" / "corpus" / "bounce"
FILES = {
    ("postfix", "bounce"): "01-postfix.eml",
    ("exim", "delayed"): "03-exim-multipart-report.eml",
    ("exchange", "bounce"): "06-office365.eml",
    ("gmail", "bounce"): "07-gmail-related-icon.eml",
}
# Fields of a hop, of a spam filter, or that depend on the mail.
IGNORED = {
    "return-path", "received", "content-transfer-encoding", "thread-topic", "received-from-mta", "original-recipient",
    "x-ms-publictraffictype", "x-microsoft-antispam-message-info", "references", "will-retry-until",
    "remote-mta", "diagnostic-code",
}  # fmt: skip


def read_shape(content, ignored=IGNORED):
    """Return the names of the fields and the types of the parts, in order."""
    message = message_from_bytes(content)
    shape = [[name.lower() for name in message.keys() if name.lower() not in ignored]]  # noqa: SIM118
    for part in message.walk():
        if part.get_content_type() in {"message/rfc822", "text/rfc822-headers"}:
            shape.append(part.get_content_type())
            break
        if part.get_content_type() == "message/delivery-status":
            blocks = part.get_payload()
            shape += [[name.lower() for name in block if name.lower() not in ignored] for block in blocks]
        elif part.get_content_type() != "text/plain" or not part.is_multipart():
            shape.append(part.get_content_type())
    return [step for step in shape if step]


@pytest.mark.parametrize(("style", "kind"), FILES)
def test_shape_is_that_of_the_server(style, kind):
    real = read_shape((CORPUS / FILES[style, kind]).read_bytes())
    own = read_shape(build_notification(kind, style=style).content)

    if style in {"exim", "gmail"}:  # the files have the fields of their headers in another order
        real[0].sort()
        own[0].sort()
    assert own == real


@pytest.mark.parametrize(
    ("style", "kind", "subject"),
    [
        ("postfix", "bounce", "Undelivered Mail Returned to Sender"),
        ("exim", "bounce", "Mail delivery failed: returning message to sender"),
        ("exchange", "bounce", "Undeliverable: Your invoice"),
        ("gmail", "bounce", "Delivery Status Notification (Failure)"),
        ("gmail", "delayed", "Delivery Status Notification (Delay)"),
        ("exchange", "delayed", "Delivery delayed: Your invoice"),
    ],
)
def test_subject_is_that_of_the_server(style, kind, subject):
    assert Mail.from_bytes(build_notification(kind, style=style).content).subject == subject


@pytest.mark.parametrize(
    ("style", "sender"),
    [
        ("postfix", "MAILER-DAEMON@mx.example.org"),
        ("exim", "Mailer-Daemon@mx.example.org"),
        ("exchange", "postmaster@mx.example.org"),
        ("gmail", "mailer-daemon@googlemail.com"),
    ],
)
def test_from_is_that_of_the_server(style, sender):
    mail = Mail.from_bytes(build_notification("bounce", style=style).content)

    assert [address.addr_spec for address in mail.from_] == [sender]


@pytest.mark.parametrize("style", ["exim", "gmail"])
def test_failed_recipients_have_a_field(style):
    original = build_original(recipients=("a@example.net", "b@example.net"))

    bounce = Mail.from_bytes(build_notification("bounce", original, style=style).content)
    assert bounce.header("X-Failed-Recipients") == "a@example.net, b@example.net"
    delayed = Mail.from_bytes(build_notification("delayed", original, style=style).content)
    assert "X-Failed-Recipients" not in delayed.headers


def test_exchange_text_has_the_words_that_programs_look_for():
    mail = Mail.from_bytes(build_notification("bounce", style="exchange", text="No such user").content)

    assert "Remote Server returned '550 5.1.1 No such user'" in mail.text
    assert "Diagnostic information for administrators:" in mail.text
    assert "X-MS-Exchange-Message-Is-Ndr" in mail.headers
    assert "Remote Server returned" in mail.html


def test_gmail_icon_is_a_picture():
    mail = Mail.from_bytes(build_notification("bounce", style="gmail").content)

    assert mail.attachment("icon.png").content.startswith(b"\x89PNG\r\n\x1a\n")
    assert "cid:icon.png" in mail.html


def test_html_escapes_untrusted_text():
    mail = Mail.from_bytes(build_notification("bounce", style="exchange", text="<script>alert(1)</script>").content)

    assert "<script" not in mail.html
    assert "&lt;script&gt;" in mail.html


@pytest.mark.parametrize("style", STYLES)
def test_every_style_has_every_kind(style):
    assert set(KINDS) <= set(find_style(style).subjects)
    assert {*KINDS, "out_of_office_until"} - {"auto_reply"} <= set(find_style(style).texts)
