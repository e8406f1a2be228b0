"""Well-formed messages: our parser agrees with Python's `email`."""

from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest import Envelope, Mail
from lazr.smtptest.mail.stdlib_message import parse_compat32, parse_email_message

# Values that `email` does not read back as it wrote them are left out: local parts such as `.`, names such as `<>`, and
# long words, which it folds in the middle.
WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8) | st.sampled_from(
    ["Doe,", "O'Neil", "(x)", "a.b", "Köln!", "a;b", "a:b", "1&2", "日本", "😀"]
)
NAMES = st.lists(WORDS, max_size=3).map(" ".join)
LOCAL_PARTS = st.sampled_from(["ann", "bob.b", "a b", 'a"b', "x+y_z-0", "a,b", "a(b)", "o'neil"])
ADDRESSES = st.builds(lambda name, local: Address(name, local, "example.com"), NAMES, LOCAL_PARTS)
LINES = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60), max_size=5).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)
ENCODINGS = st.sampled_from([None, "8bit", "base64", "quoted-printable"])
FILENAMES = st.none() | WORDS | st.just("Übersicht (1).pdf") | st.just("a" * 100) | st.just("é" * 60)


@st.composite
def compose_messages(draw):
    message = EmailMessage()
    message["Subject"] = draw(NAMES)
    message["From"] = draw(ADDRESSES)
    message["To"] = draw(st.lists(ADDRESSES, min_size=1, max_size=4))
    message.set_content(draw(LINES), cte=draw(ENCODINGS))
    if draw(st.booleans()):
        message.add_alternative(f"<p>{draw(LINES)}</p>", subtype="html", cte=draw(ENCODINGS))
        if draw(st.booleans()):
            html = message.get_payload()[1]
            html.add_related(draw(st.binary(max_size=200)), "image", "png", cid="<logo@example.com>")
    for _ in range(draw(st.integers(0, 2))):
        message.add_attachment(
            draw(st.binary(max_size=200)), maintype="application", subtype="pdf", filename=draw(FILENAMES)
        )
    if draw(st.booleans()):
        inner = EmailMessage()
        inner["Subject"] = "inner"
        inner.set_content("inner text\n")
        message.add_attachment(inner)
    for number, part in enumerate(message.walk()):
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            part.set_boundary(f"=={number}==")
    return message.as_bytes(policy=SMTP.clone(max_line_length=None))


def decode_body(part):
    return "" if part is None else part.get_content().replace("\r\n", "\n")


@pytest.mark.slow
@settings(max_examples=150, deadline=None, derandomize=True)
@given(compose_messages())
def test_composed_message_is_parsed_as_by_the_stdlib(content):
    stdlib_message = message_from_bytes(content, policy=default)
    mail = Mail(
        "1",
        Envelope("", ("a@b.c",), mail_parameters={"SMTPUTF8": ""}, rcpt_parameters=({},)),
        [content],
    )

    assert mail.subject == str(stdlib_message["subject"]).strip()
    for name, addresses in (("from", mail.from_), ("to", mail.to)):
        assert [(one.display_name, one.local_part, one.domain) for one in addresses] == [
            (one.display_name, one.username, one.domain) for one in stdlib_message[name].addresses
        ]
        assert [one.addr_spec for one in addresses] == [one.addr_spec for one in stdlib_message[name].addresses]
    assert mail.text == decode_body(stdlib_message.get_body(("plain",)))
    assert mail.html == decode_body(stdlib_message.get_body(("html",)))
    leaves = [part for part in stdlib_message.walk() if part.get_content_disposition() or part["content-id"]]
    leaves = [part for part in leaves if part.get_content_maintype() != "multipart"]
    assert [one.content_type for one in mail.attachments] == [part.get_content_type() for part in leaves]
    for one, part in zip(mail.attachments, leaves, strict=True):
        assert one.filename == (part.get_filename() or "")
        if one.content_type != "message/rfc822":
            assert one.content == part.get_payload(decode=True)
        assert one.content_id == (part["content-id"] or "").strip("<>")
    assert [defect for defect in mail.defects if "truncated" in defect.reason] == []


def outline(message):
    """Return everything in a message, part by part."""
    return [
        (part.get_content_type(), list(part.raw_items()), part.preamble, part.epilogue, list(map(repr, part.defects)))
        + ((None,) if part.is_multipart() else (part.get_payload(decode=True), vars(part)["_payload"]))
        for part in message.walk()
    ]


@pytest.mark.parametrize("lines", [1, 5000])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(content=compose_messages())
def test_guarded_parser_gives_the_same_message(lines, content):
    content = content.replace(b"inner text", b"inner text\r\n" * lines)
    assert parse_compat32(content).as_bytes() == message_from_bytes(content).as_bytes()
    for one, other in (
        (parse_compat32(content), message_from_bytes(content)),
        (parse_email_message(content), message_from_bytes(content, policy=default)),
    ):
        assert type(one) is type(other)
        assert outline(one) == outline(other)


@pytest.mark.parametrize("subtype", ["plain", "html", "x-y"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
@pytest.mark.parametrize("last", ["", "x"])
def test_guarded_parser_gives_the_same_long_message(subtype, line_end, last):
    content = (f"Content-Type: text/{subtype}{line_end}{line_end}" + f"line{line_end}" * 5000 + last).encode()

    assert outline(parse_compat32(content)) == outline(message_from_bytes(content))
    assert parse_compat32(content).as_bytes() == message_from_bytes(content).as_bytes()
