"""Automatic replies: who gets one, and how it belongs to the thread."""

from datetime import date

import pytest

from lazr.smtptest.bounces import (
    STYLES,
    build_auto_reply,
    build_challenge,
    build_out_of_office,
    find_reply_obstacle,
)
from lazr.smtptest.mail import Mail
from tests.bounces.originals import CONTENT, OPTIONS, RECIPIENT, SENDER, build_original

BUILDERS = {
    "out_of_office": build_out_of_office,
    "challenge": build_challenge,
    "auto_reply": lambda mail, **options: build_auto_reply(mail, "Hi", **options),
}


def with_field(field):
    return build_original(field.encode() + b"\r\n" + CONTENT)


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize(
    ("original", "reason"),
    [
        (build_original(sender=""), "the reverse-path is null (RFC 3834 2)"),
        (build_original(sender="a b@example.com"), "the reverse-path is not an address: 'a b@example.com'"),
        (build_original(sender="MAILER-DAEMON@example.com"), "the reverse-path MAILER-DAEMON@example.com belongs to a"),
        (build_original(sender="owner-news@example.com"), "the reverse-path owner-news@example.com belongs to a"),
        (build_original(sender="news-request@example.com"), "the reverse-path news-request@example.com belongs to a"),
        (build_original(sender=RECIPIENT), "the mail comes from the address that would answer"),
        (build_original(recipients=()), "no recipient has an address that could answer"),
        (with_field("Auto-Submitted: auto-generated"), "Auto-Submitted is not no (RFC 3834 2)"),
        (with_field("Auto-Submitted: auto-replied; owner-email=x"), "Auto-Submitted is not no (RFC 3834 2)"),
        (with_field("List-Id: <news.example.com>"), "List-Id shows a mailing list (RFC 3834 2)"),
        (with_field("LIST-UNSUBSCRIBE: <https://example.com/>"), "LIST-UNSUBSCRIBE shows a mailing list"),
        (with_field("Precedence: bulk"), "Precedence is bulk (RFC 3834 2)"),
        (with_field("Precedence:  List"), "Precedence is list (RFC 3834 2)"),
        (with_field("Precedence: junk"), "Precedence is junk (RFC 3834 2)"),
        (with_field("X-Auto-Response-Suppress: DR, all"), "X-Auto-Response-Suppress forbids it"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_programs_and_lists_get_no_reply(kind, original, reason):
    assert BUILDERS[kind](original) is None
    assert find_reply_obstacle(original, kind).startswith(reason)


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: no",
        "Auto-Submitted: No (a person)",
        "Precedence: first-class",
        "X-Auto-Response-Suppress: DR, RN",
    ],
)
def test_persons_get_a_reply(kind, field):
    assert find_reply_obstacle(with_field(field), kind) is None
    assert BUILDERS[kind](with_field(field)).recipient == SENDER


def test_suppressed_words_are_about_one_kind():
    only_out_of_office, only_replies = (
        with_field(f"X-Auto-Response-Suppress: {word}") for word in ("OOF", "AutoReply")
    )

    assert build_out_of_office(only_out_of_office) is build_challenge(only_replies) is None
    assert build_challenge(only_out_of_office)
    assert build_out_of_office(only_replies)


@pytest.mark.parametrize("field", ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc"])
def test_out_of_office_needs_the_own_address_in_the_header(field):
    content = b"%s: Team: x@example.com, Gone <GONE@Example.NET>;\r\n" % field.encode()

    assert build_out_of_office(build_original(content)) is not None
    missing = build_original(b"To: all@example.net\r\n")
    assert build_out_of_office(missing) is None
    assert find_reply_obstacle(missing).startswith("To and Cc do not have the address that would answer")
    assert build_out_of_office(missing, addresses=["all@example.net"]) is not None
    assert build_auto_reply(missing, "Hi") is not None


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", BUILDERS)
def test_reply_has_a_null_reverse_path_and_marks_itself(kind, style):
    notification = BUILDERS[kind](build_original(), style=style, **OPTIONS)
    reply = Mail.from_bytes(notification.content)

    assert (notification.kind, notification.sender, notification.recipient) == (kind, "", SENDER)
    assert notification.original_id == "<1@example.com>"
    assert reply.header("Auto-Submitted").startswith("auto-")
    assert [address.addr_spec for address in reply.from_] == [RECIPIENT]
    # No responder answers the reply.
    again = build_original(notification.content, sender=RECIPIENT, recipients=(SENDER,))
    assert find_reply_obstacle(again, kind) is not None


@pytest.mark.parametrize(
    ("style", "subject"),
    [
        ("plain", "Auto: Your invoice"),
        ("postfix", "Auto: Your invoice"),
        ("exim", "Auto: Your invoice"),
        ("exchange", "Automatic reply: Your invoice"),
        ("gmail", "Out of office Re: Your invoice"),
    ],
)
def test_out_of_office_subject_depends_on_the_style(style, subject):
    assert Mail.from_bytes(build_out_of_office(build_original(), style=style).content).subject == subject


def test_out_of_office_text_names_the_last_day():
    notification = build_out_of_office(build_original(), until=date(2026, 12, 24))

    assert "until 24 December 2026" in Mail.from_bytes(notification.content).text


def test_text_and_subject_are_kept():
    notification = build_auto_reply(build_original(), "Grüße\nAnn {to}\n", subject="Für {x}")

    reply = Mail.from_bytes(notification.content)
    assert (reply.subject, reply.text, reply.defects) == ("Für {x}", "Grüße\nAnn {to}\n", ())


@pytest.mark.parametrize(
    ("fields", "in_reply_to", "references"),
    [
        (b"Message-ID: <3@x>\r\n", "<3@x>", "<3@x>"),
        (b"Message-ID: <3@x>\r\nReferences: <1@x> <2@x>\r\n", "<3@x>", "<1@x> <2@x> <3@x>"),
        (b"Message-ID: <3@x>\r\nReferences: <1@x>\r\n <2@x>\r\nIn-Reply-To: <9@x>\r\n", "<3@x>", "<1@x> <2@x> <3@x>"),
        (b"Message-ID: <3@x>\r\nIn-Reply-To: <2@x>\r\n", "<3@x>", "<2@x> <3@x>"),
        (b"Message-ID: <3@x>\r\nIn-Reply-To: <1@x> <2@x>\r\n", "<3@x>", "<3@x>"),
        (b"References: <1@x>\r\n", "", ""),
        (b"Message-ID: no identifier\r\n", "", ""),
        (b"Message-ID: <=?utf-8?q?x?=@x>\r\n", "", ""),
    ],
)
def test_reply_continues_the_thread(fields, in_reply_to, references):
    reply = Mail.from_bytes(build_auto_reply(build_original(fields + b"\r\nHi\r\n"), "Hi").content)

    assert (reply.header("In-Reply-To"), reply.header("References")) == (in_reply_to, references)


def test_long_threads_keep_their_first_and_last_messages():
    references = b" ".join(b"<%d@example.com>" % number for number in range(500))
    content = b"Message-ID: <own@example.com>\r\nReferences: " + references + b"\r\n\r\n"
    reply = Mail.from_bytes(build_auto_reply(build_original(content), "Hi").content)

    found = reply.header("References").split()
    assert len(found) == 20
    assert (found[0], found[-2:]) == ("<0@example.com>", ["<499@example.com>", "<own@example.com>"])


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Hi", "Re: Hi"),
        ("Re: Hi", "Re: Hi"),
        ("RE: Hi", "RE: Hi"),
        ("Re[2]: Hi", "Re[2]: Hi"),
        ("", "Re:"),
        ("Reise", "Re: Reise"),
    ],
)
def test_reply_subject_has_re_once(subject, expected):
    reply = build_auto_reply(build_original(f"Subject: {subject}\r\n\r\n".encode()), "Hi")

    assert Mail.from_bytes(reply.content).subject == expected
