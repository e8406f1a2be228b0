"""For each rule of the review: a mail that breaks it with the line, and a similar mail that does not."""

from lazr.smtptest import Envelope, Mail
from lazr.smtptest.mail.authenticator import Authenticator

GOOD_FIELDS = {
    "From": "Ann <ann@example.com>",
    "To": "bob@example.com",
    "Subject": "Your order",
    "Date": "Fri, 21 Nov 1997 09:55:06 -0600",
    "Message-ID": "<1@example.com>",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
}
ONE_CLICK = {"List-Unsubscribe": "<https://a.test/u>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
SIGNATURE = {"DKIM-Signature": "v=1; d=a.test; h=From:List-Unsubscribe : list-unsubscribe-post; b=x"}


def build(fields=(), body="Hello\r\n", *, envelope=None):
    """Return a mail with the good fields, changed: None removes one, and a list repeats one."""
    lines = []
    for name, value in (GOOD_FIELDS | dict(fields)).items():
        values = value if isinstance(value, list) else [] if value is None else [value]
        lines += [f"{name}: {one}\r\n" for one in values]
    content = "".join(lines).encode() + b"\r\n" + (body if isinstance(body, bytes) else body.encode())
    if envelope is None:
        return Mail.from_bytes(content)
    arguments = {"mail_from": "ann@example.com", "peer": "192.0.2.1:25", **envelope}
    sender = arguments.pop("mail_from")
    received_at = arguments.pop("received_at", 880127706)  # the date of the good fields
    authenticator = Authenticator(arguments.pop("dns", None))
    made = Envelope(sender, ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},), **arguments)
    return Mail("1", made, [content], received_at=received_at, authenticator=authenticator)


def build_html(html, *, text="Hello\r\n", fields=()):
    """Return a mail with a text, and HTML from line `HTML_LINE` on."""
    parts = (
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text + "--b\r\n"
        "Content-Type: text/html; charset=utf-8\r\n\r\n" + html + "\r\n--b--\r\n"
    )
    return build({"Content-Type": "multipart/alternative; boundary=b", **dict(fields)}, parts)


HTML_LINE = 16


def build_file(header, content="a,b\r\n"):
    """Return a mail with a text, and an attachment."""
    parts = f"--b\r\n\r\nHello\r\n--b\r\n{header}\r\n\r\n{content}\r\n--b--\r\n"
    return build({"Content-Type": "multipart/mixed; boundary=b"}, parts)


GOOD = build()
GOOD_HTML = build_html(
    '<html lang="en"><p>Hello Bob, we have your order, and send it tomorrow.</p>\r\n'
    "<p>You can follow it on our page, and find help there if it does not come in time.</p>\r\n"
    '<img src="https://a.test/a.png" alt="a"></html>'
)
NAMED = 'Content-Type: text/csv\r\nContent-Disposition: attachment; filename="{}"'

# Rule: a mail that breaks it, the line (None: nowhere), and a mail that does not break it.
CASES = {
    # defect_rules
    "from-missing": (build({"From": None}), None, GOOD),
    "date-missing": (build({"Date": None}), None, GOOD),
    "sender-missing": (
        build({"From": "a@example.com, b@example.com"}),
        None,
        build({"From": "a@example.com, b@example.com", "Sender": "a@example.com"}),
    ),
    "field-repeated": (build({"Subject": ["a", "b"]}), 4, build({"Received": ["x; y", "x; y"]})),
    "field-empty": (build({"Cc": ""}), 8, build({"Comments": ""})),
    "field-not-ascii": (build({"Subject": "Grüße"}), 3, build({"Subject": "=?utf-8?q?Gr=C3=BC=C3=9Fe?="})),
    "field-syntax": (build({"X-Note": "a\0b"}), 8, GOOD),
    "header-syntax": (build({"Subject": "Hi\r\nno field"}), 4, build({"Subject": "Hi\r\n folded"})),
    "address-syntax": (build({"To": "bob@example.com, <bob"}), 2, build({"To": "bob@example.com, ann@example.com"})),
    "date-syntax": (build({"Date": "yesterday"}), 4, GOOD),
    "message-id-syntax": (build({"Message-ID": "1@example.com"}), 5, GOOD),
    "encoded-word": (build({"Subject": "=?utf-8?b?####?="}), 3, build({"Subject": "=?utf-8?b?SGk=?="})),
    "line-too-long": (build(body="a\r\n" + "x" * 999), 10, build(body="x" * 998)),
    "line-ends": (build(body="a\r\nb\nc\r\n"), 10, GOOD),
    "nul": (build(body="a\r\nb\0\r\n"), 10, GOOD),
    "eight-bit-undeclared": (build(body="a\r\nü\r\n"), 10, build({"Content-Transfer-Encoding": "8bit"}, "ü\r\n")),
    "transfer-encoding": (
        build({"Content-Transfer-Encoding": "base64"}, "SGk=\r\n#!#\r\n"),
        11,
        build({"Content-Transfer-Encoding": "base64"}, "SGk=\r\n"),
    ),
    "charset": (
        build({"Content-Transfer-Encoding": "8bit"}, b"a\r\n\xff\r\n"),
        11,
        build({"Content-Transfer-Encoding": "8bit"}, "ü\r\n"),
    ),
    "mime-syntax": (build({"Content-Type": "plain"}), 7, GOOD),
    "multipart-syntax": (build({"Content-Type": "multipart/mixed; boundary=b"}, "--b\r\n\r\nHi\r\n"), 7, GOOD_HTML),
    "parameter-syntax": (build({"Content-Type": 'text/plain; charset="utf-8'}), 7, GOOD),
    "cid-missing": (
        build_html('<p>a\r\n<img alt="" src="cid:no@a.test">'),
        HTML_LINE + 1,
        build_html('<img alt="" src="https://a.test/a.png">'),
    ),
    "html-syntax": (build_html("<p>a<!-- b"), HTML_LINE, build_html("<p>a<!-- b -->")),
    # header_rules
    "subject-missing": (build({"Subject": None}), None, GOOD),
    "recipients-missing": (build({"To": None}), None, build({"To": None, "Cc": "bob@example.com"})),
    "message-id-missing": (build({"Message-ID": None}), None, GOOD),
    "message-id-host": (build({"Message-ID": "<1>"}), 5, GOOD),
    "references-syntax": (build({"References": "<1@a.test> 2"}), 8, build({"References": "<1@a.test><2@a.test>"})),
    "date-differs": (build(envelope={"received_at": 880137706}), 4, build(envelope={})),
    "encoded-word-length": (
        build({"Subject": f"=?utf-8?q?{'a' * 64}?="}),
        3,
        build({"Subject": f"=?utf-8?q?{'a' * 63}?="}),
    ),
    "bcc-visible": (build({"Bcc": "cy@example.com"}), 8, build({"Bcc": ""})),
    "return-path": (
        build({"Return-Path": "<ann@example.com>"}, envelope={}),
        8,
        build({"Return-Path": "<ann@example.com>", "Received": "by a; Fri, 21 Nov 1997 09:55:06 -0600"}, envelope={}),
    ),
    "from-domain": (build({"From": "root@localhost"}), 1, build({"From": "root@[192.0.2.1]"})),
    "from-name-address": (
        build({"From": '"service@bank.test" <x@evil.test>'}),
        1,
        build({"From": '"ann@news.example.com" <ann@example.com>'}),
    ),
    "envelope-from-differs": (
        build(envelope={"mail_from": "bounce@mailer.test"}),
        1,
        build(envelope={"mail_from": "bounce@bounces.example.com"}),
    ),
    "null-sender": (
        build(envelope={"mail_from": ""}),
        None,
        build({"Auto-Submitted": "auto-replied"}, envelope={"mail_from": ""}),
    ),
    "reply-to-differs": (build({"Reply-To": "ann@other.test"}), 8, build({"Reply-To": "help@desk.example.com"})),
    # mime_rules
    "mime-version-missing": (build({"MIME-Version": None}), 6, build({"MIME-Version": None, "Content-Type": None})),
    "mime-version-value": (build({"MIME-Version": "2.0"}), 6, build({"MIME-Version": r"1.0 (a (b) \(c\))"})),
    "charset-legacy": (
        build({"Content-Type": "text/plain; charset=iso-8859-1"}),
        1,
        build({"Content-Type": "text/plain; charset=US-ASCII"}),
    ),
    "alternative-order": (
        build(
            {"Content-Type": "multipart/alternative; boundary=b"},
            "--b\r\nContent-Type: text/html\r\n\r\n<p>Hi\r\n--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n--b--\r\n",
        ),
        14,
        GOOD_HTML,
    ),
    "text-missing": (build({"Content-Type": "text/html; charset=utf-8"}, "<p>Hello</p>"), 9, GOOD_HTML),
    "text-empty": (build_html("<p>Hello</p>", text=" \r\n"), 12, GOOD_HTML),
    "body-empty": (build(body="\r\n"), None, build_file(NAMED.format("a.csv"))),
    "placeholder": (build(body="Hello\r\n{{ name }}\r\n"), 10, build(body="Hello {}\r\n")),
    "message-size": (None, None, GOOD),
    "attachment-blocked": (build_file(NAMED.format("setup.exe")), 13, build_file(NAMED.format("setup.txt"))),
    "attachment-type": (
        build_file(NAMED.format("a.csv").replace("text/csv", "image/png"), "GIF89a....."),
        13,
        build_file(NAMED.format("a.csv")),
    ),
    "attachment-name-missing": (
        build_file("Content-Type: text/csv\r\nContent-Disposition: attachment"),
        13,
        build_file(NAMED.format("a.csv")),
    ),
    "attachment-empty": (build_file(NAMED.format("a.csv"), ""), 13, build_file(NAMED.format("a.csv"))),
    # html_rules
    "image-alt": (
        build_html('<p>a</p>\r\n<img src="https://a.test/a.png">'),
        HTML_LINE + 1,
        build_html('<img src="https://a.test/a.png" alt>'),
    ),
    "image-relative": (build_html('<img alt="" src="/a.png">'), HTML_LINE, GOOD_HTML),
    "image-insecure": (build_html('<img alt="" src="http://a.test/a.png">'), HTML_LINE, GOOD_HTML),
    "image-data-url": (build_html('<img alt="" src="data:image/gif;base64,R0lG">'), HTML_LINE, GOOD_HTML),
    "tracking-pixel": (
        build_html('<p>a\r\n<img src="https://a.test/o" width=1 style="height: 1px">'),
        HTML_LINE + 1,
        build_html('<img src="https://a.test/o" alt="" width=1 height=100>'),
    ),
    "html-script": (
        build_html("<p>a\r\n<script>1</script>"),
        HTML_LINE + 1,
        build_html('<script type="application/ld+json">{}</script>'),
    ),
    "html-event-handler": (build_html("<p onclick='x()'>a</p>"), HTML_LINE, build_html("<p on='x()'>a</p>")),
    "html-size": (
        build_html("<p>\r\n" + "<p>12345</p>\r\n" * 8_100),
        HTML_LINE + 8_035,
        build_html("<p>\r\n" + "<p>12345</p>\r\n" * 8_000),
    ),
    "html-style-size": (
        build_html("<style>" + "p { color: red }\r\n" * 500 + "</style>"),
        HTML_LINE,
        build_html("<style>p { color: red }</style>"),
    ),
    "html-lang": (build_html("<html><p>a</p></html>"), HTML_LINE, build_html('<html lang="de"><p>a</p></html>')),
    "html-id-repeated": (
        build_html("<p id=a>a</p>\r\n<p id=a>b</p>"),
        HTML_LINE + 1,
        build_html("<p id=a>a</p><p id=b>b</p>"),
    ),
    "html-unclosed": (
        build_html("<p>a\r\n<div><b>x</div>"),
        HTML_LINE + 1,
        build_html("<p>a<ul><li>b<li>c</ul><br></p>"),
    ),
    "html-unsupported": (
        build_html("<p>a</p>\r\n<video src='https://a.test/'></video>"),
        HTML_LINE + 1,
        build_html("<p>a</p>"),
    ),
    "html-partly-supported": (
        build_html("<p>a</p>\r\n<p style='display: flex'>b</p>"),
        HTML_LINE + 1,
        build_html("<p>a</p>"),
    ),
    "html-not-checked": (None, None, GOOD_HTML),
    # link_rules
    "link-syntax": (
        build_html("<p>a\r\n<a href='https://a.test/100%'>a</a>"),
        HTML_LINE + 1,
        build_html("<a href='https://a.test/100%25'>a</a> <a href='mailto:a@b.test'>a</a>"),
    ),
    "link-relative": (
        build_html("<a href='/confirm'>a</a>"),
        HTML_LINE,
        build_html("<base href='https://a.test/'><a href='/confirm'>a</a> <a href='#a'>a</a>"),
    ),
    "link-script": (build_html("<a href='JavaScript:x()'>a</a>"), HTML_LINE, build_html("<a href='tel:+1'>a</a>")),
    "link-empty": (build_html("<a href='#'>a</a>"), HTML_LINE, build_html("<a name=a>a</a>")),
    "link-insecure": (build(body="a\r\nb http://a.test/ c\r\n"), 10, build(body="https://a.test/\r\n")),
    "link-local": (build(body="http://localhost:8000/\r\n"), 9, build(body="https://local.test/\r\n")),
    "link-shortener": (build(body="https://bit.ly/x\r\n"), 9, build(body="https://rabbit.ly/x\r\n")),
    "link-ip-address": (build(body="https://192.0.2.1/\r\n"), 9, build(body="https://192.0.2.test/\r\n")),
    "link-user-name": (build(body="https://bank.test@evil.test/\r\n"), 9, build(body="https://a.test/@ann\r\n")),
    "link-mismatch": (
        build_html("<p>a\r\n<a href='https://evil.test/'>https://bank.test/login</a>"),
        HTML_LINE + 1,
        build_html(
            "<a href='https://click.bank.test/'>www.bank.test</a> <a href='https://cdn.test/'>report.pdf</a>"
            "<a href='https://a.test/'>Open the page</a>"
        ),
    ),
    "link-punycode": (build(body="https://xn--pypal-4ve.com/\r\n"), 9, build(body="https://paypal.com/\r\n")),
    # unsubscribe_rules
    "unsubscribe-missing": (build({"List-Id": "<a.test>"}), None, GOOD),
    "unsubscribe-syntax": (build({"List-Unsubscribe": "https://a.test/"}), 8, build(ONE_CLICK)),
    "one-click-missing": (build({"List-Unsubscribe": "<https://a.test/u>"}), 8, build(ONE_CLICK)),
    "one-click-value": (build(ONE_CLICK | {"List-Unsubscribe-Post": "yes"}), 9, build(ONE_CLICK)),
    "one-click-alone": (build({"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}), 8, build(ONE_CLICK)),
    "one-click-https": (build(ONE_CLICK | {"List-Unsubscribe": "<mailto:u@a.test>"}), 8, build(ONE_CLICK)),
    "one-click-unsigned": (
        build(ONE_CLICK | {"DKIM-Signature": "v=1; h=From:List-Unsubscribe; b=x"}),
        8,
        build(ONE_CLICK | SIGNATURE),
    ),
    # authentication_rules
    "dkim-fails": (
        build(
            {"DKIM-Signature": "v=1; a=rsa-sha256; d=example.com; s=s; h=From; bh=AAAA; b=AAAA"},
            envelope={"dns": {"s._domainkey.example.com": "v=DKIM1; p="}},
        ),
        8,
        build(envelope={"dns": {"s._domainkey.example.com": "v=DKIM1; p="}}),
    ),
    "spf-fails": (
        build(envelope={"dns": {"example.com": "v=spf1 ip4:192.0.2.9 -all"}}),
        None,
        build(envelope={"dns": {"example.com": "v=spf1 ip4:192.0.2.1 -all"}}),
    ),
    "dmarc-fails": (
        build(envelope={"dns": {"_dmarc.example.com": "v=DMARC1; p=reject"}}),
        1,
        build(
            envelope={
                "dns": {"_dmarc.example.com": "v=DMARC1; p=reject", "example.com": "v=spf1 ip4:192.0.2.1 -all"},
            }
        ),
    ),
    # spam_rules
    "spam-score": (
        build({"Subject": "WIN $1000 CASH NOW!!", "Date": None}, "Act now: https://192.0.2.1/\r\n"),
        None,
        GOOD,
    ),
    "spam-signs": (build({"Date": None}), None, GOOD),
}
