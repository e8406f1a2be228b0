"""Malformed messages: every attribute is readable, in bounded time."""

import functools
import time
from datetime import datetime
from email.message import EmailMessage, Message

import pytest

from lazr.smtptest import Address, Attachment, Defect, Envelope, Field, Headers, Link, Mail
from lazr.smtptest.mail.stdlib_message import parse_compat32
from tests.mail.malformed import messages

# The slowest message takes less than 1 s on a slow machine; the rest is a margin.
MAX_SECONDS = 5.0
# The type of each attribute, and the type of its elements.
ATTRIBUTES = {
    "subject": (str, None),
    "text": (str, None),
    "html": (str, None),
    "message_id": (str, None),
    "text_is_derived": (bool, None),
    "date": ((datetime, type(None)), None),
    "from_": (tuple, Address),
    "to": (tuple, Address),
    "cc": (tuple, Address),
    "reply_to": (tuple, Address),
    "bcc": (tuple, str),
    "codes": (tuple, str),
    "links": (tuple, Link),
    "attachments": (tuple, Attachment),
    "headers": (Headers, Field),
    "defects": (tuple, Defect),
    "message": (EmailMessage, None),
}


def received(content):
    return Mail("1", Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},)), [content])


@functools.cache
def list_attributes(cls):
    return [name for name in dir(cls) if not name.startswith("_") and name != "all"]


def iterate_strings(value):
    """Yield all strings in a value."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, (tuple, Headers)):
            stack.extend(one)
        elif isinstance(one, (Address, Attachment, Defect, Field, Link)):
            stack.extend(getattr(one, name) for name in list_attributes(type(one)))
            stack += [str(one), repr(one)]


def read_all(mail):
    for name, (expected_type, element_type) in ATTRIBUTES.items():
        value = getattr(mail, name)
        assert isinstance(value, expected_type), name
        if element_type is not None:
            assert all(isinstance(element, element_type) for element in value), name
        if not isinstance(value, EmailMessage):
            for text in iterate_strings(value):
                assert "\0" not in text, name
                text.encode("utf-8")
    assert (mail.header("x-none"), mail.snapshot().encode("utf-8")[:9]) == ("", b"MAIL FROM")
    assert mail.date is None or mail.date.tzinfo is not None
    assert all(part.policy.max_line_length == 78 for part in mail.message.walk())
    for name in set(mail.message.keys()):
        assert isinstance(mail.message.get(name), str)
    repr(mail)


def assert_in_time(work, name):
    begin = time.process_time()
    work()
    assert time.process_time() - begin < MAX_SECONDS, name


MESSAGES = list(messages())
# One test for each kind of message: 3,000 tests would take longer to collect than to run.
KINDS = sorted({name.partition(":")[0].partition(" ")[0] for name, _ in MESSAGES})


def test_collection_has_thousands_of_messages():
    assert len({name for name, _ in MESSAGES}) == len(MESSAGES) > 3000


SLOW_KINDS = {"HTML", "Subject", "To", "text"}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] * (kind in SLOW_KINDS), id=kind) for kind in KINDS]
)
def test_all_attributes_of_malformed_mail_are_readable(kind):
    for name, make in MESSAGES:
        if name.partition(":")[0].partition(" ")[0] == kind:
            mail = received(make())
            assert_in_time(lambda mail=mail: read_all(mail), name)


@pytest.mark.parametrize("kind", KINDS)
def test_compat32_message_exists_for_all_malformed_mail(kind):
    for name, make in MESSAGES:
        if name.partition(":")[0].partition(" ")[0] != kind:
            continue
        content = make()
        messages = []
        assert_in_time(lambda content=content, messages=messages: messages.append(parse_compat32(content)), name)
        [message] = messages
        assert type(message) is Message
        message["X-Peer"] = "x"
        assert message["X-Peer"] == "x"
        assert sum(1 for _ in message.walk()) <= 1101, name
