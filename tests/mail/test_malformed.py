"""Broken mail is still mail: everything of it can be read, in no time."""

import time
from datetime import datetime
from email.message import EmailMessage, Message

import pytest

from lazr.smtptest import Address, Attachment, Defect, Envelope, Field, Headers, Link, Mail
from lazr.smtptest.mail.parsed import parse
from mail.malformed import messages

# Far more than is needed (on a slow machine the slowest takes less than one), so as not to fail by chance.
SECONDS = 5.0
# What each attribute is, and what is in it.
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


def strings(value):
    """All the strings in a value."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, (tuple, Headers)):
            stack.extend(one)
        elif isinstance(one, (Address, Attachment, Defect, Field, Link)):
            stack.extend(getattr(one, name) for name in dir(one) if not name.startswith("_") and name != "all")
            stack += [str(one), repr(one)]


def read_all(mail):
    for name, (kind, of) in ATTRIBUTES.items():
        value = getattr(mail, name)
        assert isinstance(value, kind), name
        if of is not None:
            assert all(isinstance(one, of) for one in value), name
        if not isinstance(value, EmailMessage):
            for text in strings(value):
                assert "\0" not in text, name
                text.encode("utf-8")
    assert (mail.header("x-none"), mail.snapshot().encode("utf-8")[:9]) == ("", b"MAIL FROM")
    assert mail.date is None or mail.date.tzinfo is not None
    assert all(part.policy.max_line_length == 78 for part in mail.message.walk())
    for name in set(mail.message.keys()):
        assert isinstance(mail.message.get(name), str)
    repr(mail)


def in_time(work, name):
    begin = time.process_time()
    work()
    assert time.process_time() - begin < SECONDS, name


MESSAGES = list(messages())
# As few tests as there are sorts of them: 3,000 would be slower to collect than to read.
SORTS = sorted({name.partition(":")[0].partition(" ")[0] for name, _ in MESSAGES})


def test_there_are_many():
    assert len({name for name, _ in MESSAGES}) == len(MESSAGES) > 3000


@pytest.mark.parametrize("sort", SORTS)
def test_every_attribute_of_a_broken_mail_can_be_read(sort):
    for name, make in MESSAGES:
        if name.partition(":")[0].partition(" ")[0] == sort:
            mail = received(make())
            in_time(lambda mail=mail: read_all(mail), name)


@pytest.mark.parametrize("sort", SORTS)
def test_the_api_of_2009_gets_a_message_of_whatever_comes(sort):
    for name, make in MESSAGES:
        if name.partition(":")[0].partition(" ")[0] != sort:
            continue
        content = make()
        messages = []
        in_time(lambda content=content, messages=messages: messages.append(parse(content)), name)
        [message] = messages
        assert type(message) is Message
        message["X-Peer"] = "x"
        assert message["X-Peer"] == "x"
        assert sum(1 for _ in message.walk()) <= 1101, name
