"""Originals that break every rule: the notifications about them stay well-formed."""

from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.bounces import KINDS, STYLES, build_bounce
from lazr.smtptest.mail import Envelope, Mail
from tests.bounces.originals import (
    BUILDERS,
    OPTIONS,
    RECIPIENT,
    SENDER,
    build_notification,
    build_original,
    read_original,
)
from tests.mail.malformed import messages

CORPUS = sorted((Path(__file__).parents[1] / "mail" / "corpus").rglob("*.eml"))
WISHES = {"NOTIFY": "SUCCESS,FAILURE,DELAY"}
INJECTIONS = [
    "x\r\nBcc: eve@example.com",
    "x\nX-Injected: 1",
    "x\rX-Injected: 1",
    "x\r\n\r\n--0123456789abcdef\r\nContent-Type: text/html\r\n\r\n<b>",
    "x\x00y\x1b[31m",
    "x\u2028y\u0085z",
    "=?utf-8?q?x=0D=0AX-Injected:_1?=",
    "{to}{0.__class__}%s%(x)s",
    "x" * 5000,
    "é" * 3000,
    "\ud800",
    "",
]


def check_notification(notification):
    """Assert that a notification keeps the rules of RFC 5322, RFC 2045 and RFC 5321."""
    content = notification.content
    assert content.endswith(b"\r\n")
    without_line_ends = content.replace(b"\r\n", b"")
    assert b"\r" not in without_line_ends
    assert b"\n" not in without_line_ends
    assert b"\0" not in content
    assert max(map(len, content.split(b"\r\n"))) <= 998
    envelope = Envelope(
        "", (notification.recipient,), mail_parameters={"SMTPUTF8": ""} if notification.needs_smtputf8 else {},
        rcpt_parameters=({},),
    )  # fmt: skip
    assert Mail("1", envelope, [content]).defects == ()
    parsed = message_from_bytes(content)  # the newer policies raise for some of the originals
    names = [name.lower() for name in parsed.keys()]  # noqa: SIM118
    assert "x-injected" not in names
    assert "bcc" not in names
    assert len(names) == len(set(names))
    if notification.kind in {"bounce", "delayed", "delivered", "complaint"}:
        assert parsed.get_content_type() == "multipart/report"
        assert len(parsed.get_payload()) == 3


def check_kinds(content, number):
    """Check three of the notifications about an original, others for each number; return those that were sent."""
    original = build_original(content, rcpt=[WISHES])
    sent = set()
    for step in range(0, 3 * 5, 5):
        kind, style = KINDS[(number + step) % len(KINDS)], list(STYLES)[(number + step // 5) % len(STYLES)]
        named = {"addresses": [one.addr_spec for one in original.to]} if kind == "out_of_office" else {}
        notification = BUILDERS[kind](original, style=style, **OPTIONS, **named)
        if notification is not None:
            check_notification(notification)
            sent.add(kind)
    return sent


@pytest.mark.parametrize("folder", sorted({path.parent.name for path in CORPUS}))
def test_real_mails_come_back_well_formed(folder):
    paths = [path for path in CORPUS if path.parent.name == folder]
    sent = set().union(*(check_kinds(path.read_bytes(), number) for number, path in enumerate(paths)))

    # Mails to a list, and from programs, must not be answered.
    assert sent >= set(KINDS) if folder == "invoice" else sent >= set(KINDS[:4])


def test_malformed_mails_come_back_well_formed():
    sample = list(messages())[::97]
    assert len(sample) > 30
    sent = [
        check_kinds(content if isinstance(content, bytes) else content(), number)
        for number, (_, content) in enumerate(sample)
    ]
    assert set().union(*sent) == set(KINDS)


@pytest.mark.parametrize("text", INJECTIONS, ids=range(len(INJECTIONS)))
@pytest.mark.parametrize("style", STYLES)
def test_values_of_the_original_inject_nothing(style, text):
    raw = text.encode("utf-8", "replace").replace(b"\n", b"").replace(b"\r", b"")
    content = b"Subject: %s\r\nMessage-ID: <%s@example.com>\r\nFrom: %s\r\nReferences: %s\r\nTo: %s\r\n\r\n%s" % (
        *(raw,) * 5,
        text.encode("utf-8", "replace"),
    )
    original = build_original(
        content,
        recipients=(text, f"{text}@example.net", RECIPIENT),
        rcpt=[{"ORCPT": f"{text};{text}"}, {"ORCPT": f"rfc822;{text}"}, {}],
        mail={"ENVID": text},
        helo=text,
        peer=f"{text}:1",
    )
    for kind in KINDS:
        notification = BUILDERS[kind](original, style=style, **OPTIONS)
        if notification is not None:
            check_notification(notification)
    check_notification(build_bounce(original, text=text or None, remote=text, style=style))


def test_encoded_words_in_a_decoded_subject_are_not_decoded_again():
    content = b"Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3F=3D0D=3D0ABcc:=5Fx=3F=3D?=\r\n\r\n"
    notification = build_notification("auto_reply", build_original(content))

    assert Mail.from_bytes(notification.content).subject == "Re: =?utf-8?q?=0D=0ABcc:_x?="


def test_lines_of_a_broken_original_are_repaired():
    content = b"Subject: a\nX-Long: " + b"y" * 3000 + b"\n\nbare\rcr \0 nul\nlast"
    returned = read_original(build_bounce(build_original(content)))

    assert returned.startswith(b"Subject: a\r\nX-Long: yyy")
    assert returned.endswith(b"\r\n\r\nbare\r\ncr  nul\r\nlast\r\n")
    assert returned.replace(b"\r\n ", b"").count(b"y") == 3000


def test_header_of_gigantic_size_is_returned_in_part():
    content = b"".join(b"X-%d: %s\r\n" % (number, b"z" * 80) for number in range(100_000)) + b"\r\nHello\r\n"
    notification = build_bounce(build_original(content))

    assert len(notification.content) < 100_000
    check_notification(notification)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300), st.text(max_size=40), st.sampled_from(list(STYLES)), st.sampled_from(KINDS))
def test_any_original_comes_back_well_formed(content, word, style, kind):
    original = build_original(
        content, recipients=(word, RECIPIENT), rcpt=[{"ORCPT": f"utf-8;{word}", **WISHES}, WISHES], mail={"ENVID": word}
    )
    notification = BUILDERS[kind](original, style=style, **OPTIONS)
    if notification is not None:
        check_notification(notification)
        assert notification.recipient == SENDER


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.sampled_from([b"\r", b"\n", b"\r\n", b"\0", b" ", b"\xff", b"a" * 997, b"--", b":", b"=?", b"b"]),
        max_size=12,
    ),
    st.sampled_from(list(STYLES)),
)
def test_any_line_ends_come_back_well_formed(pieces, style):
    check_notification(build_bounce(build_original(b"".join(pieces)), style=style))
