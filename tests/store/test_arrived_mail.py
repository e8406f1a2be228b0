"""Matching a new mail without parsing it: the same answers as after parsing."""

import base64
import quopri

import pytest

from lazr.smtptest import Envelope
from lazr.smtptest.protocol.smtp.sasl_types import Credentials
from lazr.smtptest.store import Arrival, ArrivedMail, MemoryStore, TagFilter, TagRules, parse_query

HTML = b"<p>Ord<b>er</b> &#102;ive</p>"
CONTENTS = {
    "plain": b"From: Ann <ann@example.com>\r\nTo: Bob <bob@example.org>\r\nSubject: Your order\r\n\r\nFive apples\r\n",
    "encoded": b"Subject: =?utf-8?q?Your_=6frder?=\r\nTo: =?utf-8?b?Qm9i?= <bob@example.org>\r\n\r\nFive\r\n",
    "folded": b"Subject: Your\r\n order\r\nTo: bob\r\n @example.org,\r\n\tcy@example.org\r\n\r\nFive\r\n apples\r\n",
    "received": b"Received: from a (b)\r\n\tby c (d)\r\nDate: today (Sunday)\r\nTo: bob@example.org\r\n\r\nFive\r\n",
    "spaces": b'To: Bob <b o b @ example . org>\r\nCc: "cy"@example.org\r\nSubject: Your  order\r\n\r\nFive\r\n',
    "comments": b"To: bo(x)b@example.org, b\\ob@example.org\r\nFrom: ann@example.com (Order)\r\n\r\nFive\r\n",
    "base64": b"Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(b"Your order, five\r\n"),
    "quoted": b"Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nYour or=\r\nder =66ive\r\n",
    "soft": b"Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nYour or= \r\nder a=3Db five\r\n",
    "eszett": b"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quopri.encodestring("Straße order five".encode()),
    "utf-8": "Subject: Straße order\r\nTo: bob@example.org\r\n\r\nOrder five, Straße\r\n".encode(),
    "utf-16": b"Subject: x\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+AG8-rder five\r\n",
    "html": b"Subject: x\r\nContent-Type: text/html\r\n\r\n" + HTML,
    "alternative": b'Subject: x\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\n'
    b"Content-Type: text/plain\r\n\r\nFive apples\r\n--b\r\nContent-Type: text/html\r\n\r\n" + HTML + b"\r\n--b--\r\n",
    "attached": b'Subject: x\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n'
    b'Content-Disposition: attachment; filename*0="or"; filename*1="der"\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n'
    b"\r\n" + HTML + b"\r\n--b--\r\n",
    "percent": b"Subject: x\r\nContent-Type: application/pdf; name*=utf-8''Stra%C3%9Fe%20%6Frder.pdf\r\n\r\nx\r\n",
    "backslash": b'Subject: x\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
    b'Content-Disposition: attachment; filename="or\\der.pdf"\r\n\r\nx\r\n--b--\r\n',
    "brackets": b"Subject: x\r\nFrom: or<b>der <ann@example.com>\r\n\r\nFive\r\n",
    "message-id": b"Subject: x\r\nMessage-ID: =?utf-8?q?=6Frder?=\r\n\r\nFive\r\n",
    "tagged": b"Subject: x\r\nX-Tags: Red\r\nTo: ann+plus@example.org\r\n\r\nFive\r\n",
    "only CR": b"Subject: order\rTo: bob@example.org\r\rFive\r",
    "no header": b"Your order five",
    "empty": b"",
}
QUERIES = [
    *(
        "order",
        "five",
        "apples",
        "strasse",
        "Straße",
        "x",
        '"your order"',
        "-order",
        "bob@example.org",
        "ann@example.com",
    ),
    *(
        "subject:order",
        "-subject:order",
        "subject:x",
        "to:bob",
        "to:bob@example.org",
        "cc:cy",
        "from:ann",
        "from:order",
    ),
    *("bcc:hidden", "addressed:bob", "addressed:hidden", "reply-to:ann", "message-id:x", "larger:50", "smaller:50"),
    *("message-id:6frder", "message-id:order", "from:der", "from:orb"),
    *("tag:red", "tag:plus", "tag:late", "-tag:red", "is:tagged", "is:read", "is:unread", "has:attachment"),
    *(
        "after:2020-01-01",
        "before:2020-01-01",
        "-after:2020-01-01",
        "header:x-tags",
        "x-tags:red",
        "user:ann",
        "-user:ann",
    ),
    *("recipient:hidden@example.org", "sender:ann@example.com", "-sender:ann@example.com", "to:bob order -tag:red"),
]
RULES = TagRules(filters=[TagFilter.parse("late=five")], plus_addresses=True)


def make_arrival(content, user=""):
    recipients = ("bob@example.org", "hidden@example.org")
    envelope = Envelope(
        "ann@example.com",
        recipients,
        mail_parameters={},
        rcpt_parameters=({}, {}),
        auth=Credentials("PLAIN", user) if user else None,
    )
    return Arrival("m1", 1_700_000_000.0, envelope, [content[:20], content[20:]])


@pytest.mark.parametrize("user", ["", "ann"])
@pytest.mark.parametrize("name", CONTENTS)
def test_matches_what_the_store_finds(name, user):
    with MemoryStore(tag_rules=RULES) as store:
        store.add([make_arrival(CONTENTS[name], user)])
        for query in QUERIES:
            search = parse_query(query)
            mail = ArrivedMail(make_arrival(CONTENTS[name], user), RULES)
            assert mail.matches(search) is (store.get_entry("m1", search) is not None), query


@pytest.mark.parametrize(
    "query",
    [
        *("subject:invoice", "to:dan@example.org", "from:dan", "addressed:dan", "bcc:dan", "message-id:7", "user:ann"),
        *("recipient:dan@example.org", "sender:dan@example.com", "larger:5000", "after:2025-01-01", "is:read"),
        *("invoice", "header:x-other", "x-mailer:app", "five subject:invoice"),
    ],
)
@pytest.mark.parametrize("name", ["plain", "folded", "received", "alternative"])
def test_mail_that_cannot_match_is_not_parsed(name, query):
    mail = ArrivedMail(make_arrival(CONTENTS[name]), RULES)

    assert not mail.matches(parse_query(query))
    assert not mail.is_parsed


def test_content_is_parsed_once_for_all_searches():
    mail = ArrivedMail(make_arrival(CONTENTS["plain"]), RULES)

    assert mail.matches(parse_query("five")) and mail.matches(parse_query("apples"))
    assert mail.searchable is mail.searchable


def test_memory_of_recipients_counts():
    recipients = tuple(f"user{number}@example.org" for number in range(10_000))
    envelope = Envelope("", recipients, mail_parameters={}, rcpt_parameters=tuple({} for _ in recipients))
    arrival = Arrival("m1", 0.0, envelope, [b"x"])

    assert 1_000_000 < ArrivedMail(arrival, RULES).memory_size == arrival.memory_size < 10_000_000
    assert make_arrival(b"x" * 5_000_000).memory_size > 5_000_000
