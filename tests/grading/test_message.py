"""Messages of trials, and the differences of those that arrive."""

import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.grading import find_behaviors
from lazr.smtptest.grading.message import BODIES, RECIPIENTS, build_message, build_subject, find_alteration

BEHAVIORS_BY_BODY = {behavior.body: behavior for behavior in find_behaviors()}
HEAD = b"From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: Hi\r\nMessage-ID: <1@client.example>\r\n"
SENT = HEAD + "Content-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n\r\n.end\r\n".encode()


@settings(max_examples=40)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=100).map(lambda octets: SENT + octets)))
def test_any_bytes_can_be_compared(arrived):
    assert find_alteration(SENT, arrived) is None or isinstance(find_alteration(SENT, arrived), str)


@settings(max_examples=40)
@given(st.sampled_from(["Subject: ", "Content-Type: ", "Content-Transfer-Encoding: "]), st.text(max_size=60))
def test_any_header_field_can_be_compared(name, value):
    arrived = f"{name}{value}\r\n".encode("utf-8", "replace") + SENT

    assert find_alteration(SENT, arrived) is None or isinstance(find_alteration(SENT, arrived), str)


@pytest.mark.parametrize("body", BODIES)
def test_message_of_each_body_equals_itself(body):
    message = build_message(BEHAVIORS_BY_BODY[body], "token", 1, RECIPIENTS[:1])

    assert find_alteration(message, message) is None
    assert build_subject(BEHAVIORS_BY_BODY[body], "token", 1).encode() in message


def test_bodies_are_what_their_names_say():
    contents = {
        body: build_message(behavior, "token", 1, RECIPIENTS[:1]) for body, behavior in BEHAVIORS_BY_BODY.items()
    }

    assert b"\r\n.\r\n" in contents["dots"]
    assert max(map(len, contents["long-line"].split(b"\r\n"))) == 1500
    assert b"\r" not in contents["lf-lines"]
    assert b"\n.\nMAIL" in contents["bare-lf"]
    assert not contents["no-line-end"].endswith(b"\n")
    assert not contents["eight-bit"].isascii()
    assert 140_000 < len(contents["large"]) < 160_000


@pytest.mark.parametrize(
    "arrived",
    [
        SENT,
        b"Received: from a by b; Mon, 2 Mar 2026 09:00:00 +0000\r\nReturn-Path: <ann@example.com>\r\n" + SENT,
        SENT.replace(b"\r\n", b"\n"),
        SENT.replace(b"Subject: Hi", b"Subject: =?utf-8?b?SGk=?="),
        SENT.replace(b"bob@example.com\r\n", b"\r\n bob@example.com\r\n"),
        SENT + b"\r\n",
        HEAD
        + b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
        + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        + quopri.encodestring("Grüße\n\n.end\n".encode("latin-1")).replace(b"\n", b"\r\n"),
    ],
    ids=["same", "trace fields", "LF", "encoded word", "folded field", "empty line", "quoted-printable"],
)  # fmt: skip
def test_allowed_changes_are_no_alteration(arrived):
    assert find_alteration(SENT, arrived) is None


@pytest.mark.parametrize(
    ("arrived", "alteration"),
    [
        (SENT.replace(b"Subject: Hi\r\n", b""), "the header field Subject is missing"),
        (SENT.replace(b"Subject: Hi", b"Subject: Ho"), "the header field Subject is 'Ho', and was 'Hi'"),
        (SENT.replace(b".end", b"end"), "line 3 of the body is 'end', and was '.end'"),
        (SENT.replace(b"\r\n\r\n.end", b""), "the body has 1 lines, and had 3"),
        (SENT.replace("ü".encode(), b"?"), "line 1 of the body is 'Gr?ße', and was 'Grüße'"),
        (
            SENT.replace(b"utf-8", b"other").replace(b".end", b"x"),
            "line 3 of the body is 'x', and was '.end'",
        ),
        (b"", "the header field From is missing"),
        (b"\x00\xff" * 100, "the header field From is missing"),
        (SENT.replace(b"Hi", b"=?utf-8?b?A?="), "the header field Subject is '=?utf-8?b?A?=', and was 'Hi'"),
    ],
)
def test_alteration_names_the_place(arrived, alteration):
    assert find_alteration(SENT, arrived) == alteration
