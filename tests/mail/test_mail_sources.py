"""Mails that no server has received: from bytes, files and message objects; and their copies."""

import copy
import email.message
import email.policy
import pickle
import smtplib
from email.headerregistry import Address
from email.mime.text import MIMEText

import pytest

from lazr.smtptest import Mail, MailServer

HEADER = (
    b"From: Ann <ann@example.com>\nTo: bob@example.com, Carl <carl@example.com>\nCc: dora@example.com\n"
    b"Date: Fri, 21 Nov 1997 09:55:06 -0600\nMessage-ID: <1@example.com>\nSubject: Hi\n"
)
LF = HEADER + b"\nHello\nthere\n"
CRLF = LF.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("content", [LF, CRLF, bytearray(LF), memoryview(CRLF)])
def test_line_ends_of_a_file_are_no_defect(content):
    mail = Mail.from_bytes(content)
    assert (mail.content, mail.defects, mail.text) == (CRLF, (), "Hello\nthere\n")


@pytest.mark.parametrize("content", [CRLF + b"more\n", CRLF.replace(b"\r\n", b"\r"), CRLF + b"a\rb\r\n"])
def test_mixed_line_ends_stay_and_are_a_defect(content):
    mail = Mail.from_bytes(content)
    assert mail.content == content and mail.defects != ()


@pytest.mark.parametrize(
    ("field", "sender"),
    [
        (b"", "ann@example.com"),
        (b"Sender: eve@example.com\n", "eve@example.com"),
        (b"Return-Path: <bounce@example.com>\nSender: eve@example.com\n", "bounce@example.com"),
    ],
)
def test_envelope_comes_from_the_header(field, sender):
    mail = Mail.from_bytes(field + LF + b"Bcc: body@example.com\n")
    assert mail.sender == sender
    assert mail.recipients == ("bob@example.com", "carl@example.com", "dora@example.com")
    assert not mail.has_session and mail.id == "1"


def test_arguments_set_the_envelope():
    mail = Mail.from_bytes(LF, sender="", recipients=["x@example.com"], id="abc")
    assert (mail.sender, mail.recipients, mail.bcc, mail.id) == ("", ("x@example.com",), ("x@example.com",), "abc")
    assert len(mail.envelope.dsn) == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"To: <\n", b"no header"])
def test_any_bytes_make_a_mail(content):
    mail = Mail.from_bytes(content)
    assert mail.sender == "" and isinstance(mail.text, str)


def test_file_is_read(tmp_path):
    (tmp_path / "welcome.eml").write_bytes(LF)
    mail = Mail.from_file(tmp_path / "welcome.eml", recipients=["x@example.com"])
    assert (mail.id, mail.subject, mail.recipients) == ("welcome", "Hi", ("x@example.com",))
    assert Mail.from_file(str(mail.save(tmp_path))).content == CRLF
    with pytest.raises(FileNotFoundError):
        Mail.from_file(tmp_path / "none.eml")


def build_messages():
    yield email.message_from_bytes(LF, policy=email.policy.default)
    yield email.message_from_bytes(LF)
    text = MIMEText("Grüße\n", "plain", "utf-8")
    text["From"], text["To"], text["Bcc"], text["Subject"] = "ann@example.com", "bob@example.com", "eve@x.test", "Grüße"
    yield text
    modern = email.message.EmailMessage(policy=email.policy.SMTPUTF8)
    modern["From"], modern["To"] = Address("Änn", "änn", "example.com"), "bob@example.com"
    modern.set_content("Hello\n.dot\n")
    modern.add_alternative("<p>Hello</p>", subtype="html")
    modern.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Ü.pdf")
    yield modern


@pytest.mark.parametrize("message", list(build_messages()))
def test_message_is_the_mail_that_smtplib_sends(message):
    with MailServer() as server:
        with smtplib.SMTP(*server.address) as client:
            client.send_message(message)
        received = server.inbox.one()
    mail = Mail.from_message(message)
    assert (mail.sender, mail.recipients) == (received.sender, received.recipients)
    assert mail.snapshot() == received.snapshot()
    assert "bcc" not in mail.headers


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Mail.from_bytes("To: x"), "content must be bytes, got str; encode it, or use Mail.from_message"),
        (lambda: Mail.from_bytes(None), "content must be bytes, got NoneType; use Mail.from_message"),
        (lambda: Mail.from_message(LF), "message must be an email.message.EmailMessage, got bytes"),
        (lambda: Mail.from_bytes(LF, recipients="a@x"), r"must be a list of addresses, got 'a@x'; write \['a@x'\]"),
        (lambda: Mail.from_bytes(LF, recipients=[1]), "an address must be a string, got 1"),
        (lambda: Mail.from_bytes(LF, sender=b"x"), "an address must be a string, got b'x'"),
    ],
)
def test_wrong_argument_is_explained(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.fixture(scope="module")
def received():
    with MailServer(auth={"ann": "secret"}) as server:
        with smtplib.SMTP(*server.address) as client:
            client.login("ann", "secret")
            client.sendmail("ann@example.com", ["bob@example.com"], CRLF, ["BODY=8BITMIME"], ["NOTIFY=NEVER"])
        return server.inbox.one()


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, *(lambda mail, n=n: pickle.loads(pickle.dumps(mail, n)) for n in range(2, 6))],
)
def test_copy_of_a_mail_is_equal_in_all_parts(duplicate, received):
    before = received.text, received.message["subject"]  # what was parsed is not copied
    again = duplicate(received)
    assert (again.id, again.envelope, again.content) == (received.id, received.envelope, received.content)
    assert (again.username, again.timestamp) == ("ann", received.timestamp)
    assert again.envelope.dsn == received.envelope.dsn
    assert (again.text, again.message["subject"]) == before
    assert again.has_session and str(again.session.transcript) == str(received.session.transcript)


def test_mail_without_a_session_says_so():
    with pytest.raises(LookupError, match="mail 1 has no session: no server has received it here; see `has_session`"):
        Mail.from_bytes(LF).session  # noqa: B018


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("body", "write mail.text or mail.html"),
        ("rcpttos", "write mail.recipients"),
        ("get_payload", "write mail.text, mail.html or mail.attachments"),
        ("subjct", "did you mean 'subject'"),
        ("xyzzy", "known: assert_authenticated, attachment, attachments, authenticate, authentication, bcc, "),
    ],
)
def test_unknown_attribute_names_the_right_one(name, message):
    mail = Mail.from_bytes(LF)
    with pytest.raises(AttributeError, match=message):
        getattr(mail, name)
    assert not hasattr(mail, name)


def test_item_of_a_mail_names_the_header():
    mail = Mail.from_bytes(LF)
    with pytest.raises(TypeError, match=r"a mail has no items; write mail.headers\['Subject'\], or mail.header"):
        mail["Subject"]
    with pytest.raises(TypeError, match="not iterable"):
        list(mail)


def test_notebook_shows_escaped_text_only():
    mail = Mail.from_bytes(
        b"Subject: <script>x</script> $a$\nFrom: <img src=x>@example.com\nContent-Type: text/html\n\n"
        b"<p>Hi &lt;b&gt;</p><a href='javascript:x'>y</a><img src=http://x.test/>" + b"z" * 5_000
    )
    html = mail._repr_html_()
    tags = {part.split(">")[0].strip("/") for part in html.split("<")[1:]}
    assert tags == {"table", "caption", "tr", "th", "td", "pre"}
    assert "$" not in html and "more characters" in html and len(html) < 6_000
