"""Parsing with Python's `email`: refused messages, guarded header fields, the fallback."""

from email import message_from_bytes
from email.message import EmailMessage, Message

import pytest

from lazr.smtptest.mail.stdlib_message import parse_compat32, parse_email_message
from tests.mail.malformed import build_nested, build_parts

LONG = b"line\r\n" * 3000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (build_nested(2000), "nested deeper than 100: truncated"),
        (b"Content-Type: message/rfc822\r\n\r\n" * 200, "messages nested deeper than 100: truncated"),
        (build_parts(1001), "more than 1,000 parts: truncated"),
        (build_parts(1001).removesuffix(b"--b--\r\n"), "more than 1,000 parts: truncated"),
        (b"A: b\r\n" * 2000 + b"\r\n", "too many header fields: truncated"),
        (b"Content-Type: text/plain" + b";" * 90_000 + b"\r\n\r\n", "Content-Type has too many parameters: truncated"),
        (build_parts(90, b"Content-Type: text/plain" + b";" * 200 + b"\r\n\r\nx"), "too many parameters"),
        (
            b"Content-Type: message/delivery-status\r\n\r\n" + b"a: b\r\n\r\n" * 60_000,
            "too many lines in nested parts",
        ),
    ],
)
@pytest.mark.parametrize(("parse", "kind"), [(parse_compat32, Message), (parse_email_message, EmailMessage)])
def test_expensive_message_becomes_header_fields_and_payload(parse, kind, content, reason):
    message = parse(b"Subject: Hi\r\n" + content)

    assert type(message) is kind
    assert (message["subject"], message.is_multipart()) == ("Hi", False)
    assert any(reason in str(defect) for defect in message.defects)
    assert content.endswith(message.get_payload().encode("ascii"))
    message["X-More"] = "x"
    assert len(message.get("content-type", "")) < 3000


@pytest.mark.parametrize("content", [b"Subject: Hi\r\n\r\nbody\xff", b"Subject: Hi\r\n\r\n" + LONG + b"\xff"])
def test_exception_in_the_parser_gives_the_fallback(monkeypatch, content):
    def raise_index_error(*_, **__):
        raise IndexError("no")

    monkeypatch.setattr("email.message_from_bytes", raise_index_error)
    message = parse_compat32(content)

    assert (message["subject"], message.get_payload(decode=True)) == ("Hi", content.partition(b"\r\n\r\n")[2])
    assert [str(defect) for defect in message.defects] == ["IndexError: no"]


@pytest.mark.parametrize("value", ["a," * 3000, "=" + "x" * 5000])
@pytest.mark.parametrize("name", ["To", "Subject", "Date", "Content-Type", "Content-Disposition"])
def test_long_header_field_is_not_parsed(name, value):
    message = parse_email_message(f"{name}: attachment; {value}\r\n\r\n".encode())
    field = message[name]

    assert field is message[name]
    assert field.startswith("attachment; ") and "not parsed" in str(field.defects[0])
    assert (len(field) > 5000) == (not name.startswith("Content"))
    assert field.fold(policy=message.policy)
    assert (field.addresses, field.datetime, dict(field.params)) == ((), None, {})
    assert message.is_attachment() == (name == "Content-Disposition")


def test_exception_in_a_header_parser_gives_the_raw_text(monkeypatch):
    message = parse_email_message(b"To: Ann <ann@example.com>\r\n\r\n")

    def raise_index_error(*_):
        raise IndexError("no")

    monkeypatch.setattr("email.headerregistry.AddressHeader.value_parser", raise_index_error)
    assert message["to"] == "Ann <ann@example.com>"
    assert message["to"].addresses == ()
    assert [str(defect) for defect in message["to"].defects] == ["not parsed: IndexError: no"]


SAME = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Type : multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + LONG + b"--b--",
        SAME + SAME + b"\r\n" + LONG + b"--b--\r\n--b\r\n\r\n" + LONG + b"--b--\r\n",
        SAME
        + b"Content-Type: multipart/mixed; boundary=a(b)c\r\n\r\n--a(b)c\r\n\r\n"
        + LONG
        + b"--a(b)c--\r\n--b--\r\n",
    ],
)
def test_parts_that_email_sees_elsewhere_are_restored(content):
    message = parse_compat32(content)

    assert "not parsed" not in str(message.defects)
    assert message.as_bytes() == message_from_bytes(content).as_bytes()


def test_lost_part_gives_the_fallback(monkeypatch):
    monkeypatch.setattr("email.message_from_bytes", lambda *_, **__: Message())
    message = parse_compat32(b"Subject: Hi\r\n\r\n" + LONG)

    assert message["subject"] == "Hi"
    assert [str(defect) for defect in message.defects] == ["not parsed: the parser did not find all parts"]


def test_number_of_cached_header_fields_is_limited():
    message = parse_email_message(b"".join(b"X-%d: a\r\n" % number for number in range(300)) + b"\r\n")

    assert [str(value) for value in message.values()] == ["a"] * 300
    assert message["X-0"] is message["X-0"]
    assert message["X-299"] is not message["X-299"]


def test_bodies_like_the_placeholder_are_restored():
    content = build_parts(3, b"\r\n" + b"=body=0\r\n=body==1\r\n" * 2000)
    message = parse_compat32(content)

    assert [part.get_payload() for part in message.get_payload()] == [("=body=0\r\n=body==1\r\n" * 2000)] * 3
