"""Mails that the browser tests show: one with all that usual mails have, one with all that broken ones have."""

import io
from email.message import EmailMessage

from PIL import Image

RECIPIENTS = ("ann@example.com", "team@example.com", "archive@example.com")

BROKEN = (
    b"From: a@b.example\r\nTo: Ann <ann@example.com>, gone@example.com\r\nSubject: odd bytes \xe4\r\n"
    b"Broken header line\r\n\r\nbare LF\nbare CR\rhere\r\nNUL \x00\x00 and \x1b[31m\r\ntab\there\r\n"
    b"utf-8 \xc3\xa4 and invalid \xff\r\nhidden \xe2\x80\xae turn\r\n" + b"y" * 90 + b"\r\n" + b"z" * 1200 + b"\r\nlast"
)


def build_picture():
    """Return a small PNG."""
    output = io.BytesIO()
    Image.new("RGB", (240, 100), (40, 90, 200)).save(output, "PNG")
    return output.getvalue()


def build_rich_mail(number=1, *, extra="", subject="Your sign-in code — Grüße"):
    """Return a mail with text, HTML, an inline picture, attachments, a code and links."""
    mail = EmailMessage()
    mail["From"] = "Example Shop <shop@example.com>"
    mail["To"] = "Ann Lee <ann@example.com>"
    mail["Cc"] = "Team <team@example.com>"
    mail["Subject"] = subject
    mail["Date"] = "Sun, 29 Nov 2026 11:00:00 +0000"
    mail["Message-ID"] = f"<{number}@shop.example>"
    mail["X-Tags"] = "signup, welcome"
    mail.set_content(
        f"Hi Ann,\n\nYour code is 482 913. {extra}\nhttps://shop.example/signin?t=1\n\nThe Shop, order {number}\n"
    )
    mail.add_alternative(
        f"""<!doctype html>
<html><head><style>
p {{ color: rgb(1, 2, 3) }}
@media (prefers-color-scheme: dark) {{ p {{ color: rgb(4, 5, 6) }} }}
</style></head>
<body><!-- greeting --><p id="code">Your code is <b>482 913</b>. {extra}</p>
<p>Order {number}</p><div style="display: flex"><a href="https://shop.example/signin?t=1">Sign in</a></div>
<img id="logo" src="cid:logo" alt="Logo"></body></html>
""",
        subtype="html",
    )
    mail.get_payload()[1].add_related(build_picture(), "image", "png", cid="<logo>", filename="logo.png")
    mail.add_attachment(b"%PDF-1.4 hello", maintype="application", subtype="pdf", filename="invoice.pdf")
    mail.add_attachment(build_picture(), maintype="application", subtype="pdf", filename="fake.pdf")
    return mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
