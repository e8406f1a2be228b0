"""The fence round Python's `email`: what it is not asked to parse, and what there is instead."""

from email.message import EmailMessage, Message

import pytest

from lazr.smtptest.mail.parsed import parse, parse_email_message
from mail.malformed import nested, parts

LONG = b"line\r\n" * 3000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (nested(2000), "nested deeper than 100: truncated"),
        (b"Content-Type: message/rfc822\r\n\r\n" * 200, "messages nested deeper than 100: truncated"),
        (parts(1001), "more than 1,000 parts: truncated"),
        (parts(1001).removesuffix(b"--b--\r\n"), "more than 1,000 parts: truncated"),
        (b"A: b\r\n" * 2000 + b"\r\n", "more header fields than are read: truncated"),
        (b"Content-Type: text/plain" + b";" * 90_000 + b"\r\n\r\n", "Content-Type has too many parameters: truncated"),
        (parts(90, b"Content-Type: text/plain" + b";" * 200 + b"\r\n\r\nx"), "too many parameters"),
        (
            b"Content-Type: message/delivery-status\r\n\r\n" + b"a: b\r\n\r\n" * 60_000,
            "too many lines at too great a depth",
        ),
        (
            b"Content-Type : multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + LONG + b"--b--",
            "parts where the parser sees",
        ),
    ],
)
@pytest.mark.parametrize(("parse", "kind"), [(parse, Message), (parse_email_message, EmailMessage)])
def test_what_is_too_much_is_header_fields_and_a_payload(parse, kind, content, reason):
    message = parse(b"Subject: Hi\r\n" + content)

    assert type(message) is kind
    assert (message["subject"], message.is_multipart()) == ("Hi", False)
    assert any(reason in str(defect) for defect in message.defects)
    assert content.endswith(message.get_payload().encode("ascii"))
    message["X-More"] = "x"
    assert len(message.get("content-type", "")) < 3000


@pytest.mark.parametrize("content", [b"Subject: Hi\r\n\r\nbody\xff", b"Subject: Hi\r\n\r\n" + LONG + b"\xff"])
def test_where_the_parser_raises_there_is_a_message_all_the_same(monkeypatch, content):
    def give_up(*_, **__):
        raise IndexError("no")

    monkeypatch.setattr("email.message_from_bytes", give_up)
    message = parse(content)

    assert (message["subject"], message.get_payload(decode=True)) == ("Hi", content.partition(b"\r\n\r\n")[2])
    assert [str(defect) for defect in message.defects] == ["IndexError: no"]


@pytest.mark.parametrize("value", ["a," * 3000, "=" + "x" * 5000])
@pytest.mark.parametrize("name", ["To", "Subject", "Date", "Content-Type", "Content-Disposition"])
def test_a_field_that_is_too_long_is_not_parsed(name, value):
    message = parse_email_message(f"{name}: attachment; {value}\r\n\r\n".encode())
    field = message[name]

    assert field is message[name]
    assert field.startswith("attachment; ") and "not parsed" in str(field.defects[0])
    assert (len(field) > 5000) == (not name.startswith("Content"))
    assert field.fold(policy=message.policy)
    assert (field.addresses, field.datetime, dict(field.params)) == ((), None, {})
    assert message.is_attachment() == (name == "Content-Disposition")


def test_a_field_that_the_parser_raises_on_is_its_raw_text(monkeypatch):
    message = parse_email_message(b"To: Ann <ann@example.com>\r\n\r\n")

    def give_up(*_):
        raise IndexError("no")

    monkeypatch.setattr("email.headerregistry.AddressHeader.value_parser", give_up)
    assert message["to"] == "Ann <ann@example.com>"
    assert message["to"].addresses == ()
    assert [str(defect) for defect in message["to"].defects] == ["not parsed: IndexError: no"]


def test_only_so_many_fields_are_remembered():
    message = parse_email_message(b"".join(b"X-%d: a\r\n" % number for number in range(300)) + b"\r\n")

    assert [str(value) for value in message.values()] == ["a"] * 300
    assert message["X-0"] is message["X-0"]
    assert message["X-299"] is not message["X-299"]


def test_bodies_are_put_back_whatever_they_hold():
    content = parts(3, b"\r\n" + b"=body=0\r\n=body==1\r\n" * 2000)
    message = parse(content)

    assert [part.get_payload() for part in message.get_payload()] == [("=body=0\r\n=body==1\r\n" * 2000)] * 3
