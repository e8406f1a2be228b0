"""BODYSTRUCTURE and ENVELOPE of well-formed and of malformed mails."""

import itertools
import time

import pytest

from lazr.smtptest import Mail
from lazr.smtptest.folders import read_structure
from tests.mail.malformed import build_nested, messages
from tests.mail.test_corpus import CORPUS, MAILS
from tests.mail.test_structure import HOSTILE


def walk(part):
    """Yield a part and all parts and messages within it."""
    stack = [part]
    while stack:
        part = stack.pop()
        yield part
        stack += reversed(part.parts)
        if part.message is not None:
            stack.append(part.message)


def check_octets(values):
    for value in values:
        assert value is None or isinstance(value, bytes)
        assert value is None or not value.startswith((b" ", b"\r", b"\n"))


def check_envelope(envelope):
    check_octets((envelope.date, envelope.subject, envelope.in_reply_to, envelope.message_id))
    for name in ("from_", "sender", "reply_to", "to", "cc", "bcc"):
        in_group = False
        for address in getattr(envelope, name):
            check_octets((address.name, address.mailbox, address.host))
            if address.host is None:
                assert in_group is (address.mailbox is None)  # groups do not nest, and each ends
                in_group = not in_group
            else:
                assert address.mailbox is not None
        assert not in_group


def check_part(content, part, start, end):
    """Assert that a part can be written in the grammar of RFC 9051, and that its ranges are within a range."""
    (header_start, header_end), (body_start, body_end) = part.header_range, part.body_range
    assert start <= header_start <= header_end == body_start <= body_end <= end
    assert part.line_count == content[body_start:body_end].count(b"\n")
    assert part.type == part.type.upper() and part.subtype == part.subtype.upper() and part.type and part.subtype
    assert bool(part.parts) is (part.type == b"MULTIPART")
    assert (part.message is not None) is (
        (part.type, part.subtype) in {(b"MESSAGE", b"RFC822"), (b"MESSAGE", b"GLOBAL")}
    )
    check_octets((part.content_id, part.description, part.md5, part.location, part.encoding, *part.languages))
    for value in itertools.chain(*part.parameters, *(part.disposition[1] if part.disposition else ())):
        assert isinstance(value, bytes) and b"\n" not in value
    assert isinstance(part.decode(), bytes)
    if part.envelope is not None:
        check_envelope(part.envelope)
    if part.message is not None:
        assert part.message.envelope is not None
        assert part.message.header_range[0] == body_start and part.message.body_range[1] == body_end
        check_part(content, part.message, body_start, body_end)
    at = body_start
    for child in part.parts:
        assert child.envelope is None
        check_part(content, child, at, body_end)
        at = child.body_range[1]


def check_structure(content):
    root = read_structure(content)
    assert root.header_range[0] == 0
    parsed = content.replace(b"\r", b"\n") if b"\n" not in content else content
    check_part(parsed, root, 0, len(content))
    return root


@pytest.mark.parametrize("path", MAILS)
def test_structure_of_corpus_agrees_with_mail(path):
    content = (CORPUS / path).read_bytes()
    root = check_structure(content)
    mail = Mail.from_bytes(content)

    for field, addresses in ((mail.from_, root.envelope.from_), (mail.to, root.envelope.to)):
        specs = [f"{one.mailbox.decode()}@{one.host.decode()}" for one in addresses if one.host]
        assert specs == [one.addr_spec.replace('"', "") for one in field if one.domain]
    for place in mail.structure.walk():
        # The empty line after the header of a message can be the line end before a delimiter.
        if not place.parts and place.content_type != "message/rfc822":
            assert place.body_range in {part.body_range for part in walk(root)}


@pytest.mark.parametrize("name", HOSTILE)
def test_structure_of_hostile_mails_is_complete(name):
    check_structure(HOSTILE[name])


@pytest.mark.slow
def test_structure_of_malformed_mails_is_complete():
    for _, build in messages():
        content = build()
        if len(content) < 200_000:
            check_structure(content)


@pytest.mark.parametrize("depth", [99, 100, 101, 5_000])
def test_nested_parts_and_messages_are_bounded(depth):
    check_structure(build_nested(depth))
    root = check_structure(b"Content-Type: message/rfc822\r\n\r\n" * depth + b"Subject: x\r\n\r\nbody\r\n")
    parts = list(walk(root))

    assert len(parts) == min(depth, 100) + 1
    if depth > 100:
        assert (parts[-1].type, parts[-1].subtype) == (b"APPLICATION", b"OCTET-STREAM")
        assert parts[-1].body_range[1] == root.body_range[1]


def test_lines_of_nested_messages_are_counted_once():
    content = b"Content-Type: message/rfc822\r\n\r\n" * 90 + b"\r\n" * 5_000_000
    started = time.perf_counter()
    counts = [part.line_count for part in walk(read_structure(content))]

    assert counts[:2] == [5_000_000 + 2 * 89, 5_000_000 + 2 * 88]
    assert time.perf_counter() - started < 2.0


def read_fields(*lines):
    return read_structure(b"\r\n".join(lines) + b"\r\n\r\nbody\r\n")


def read_to(value):
    return [(one.name, one.mailbox, one.host) for one in read_fields(b"To: " + value).envelope.to]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"ann@example.com", [(None, b"ann", b"example.com")]),
        (b"Ann <ann@Example.COM>", [(b"Ann", b"ann", b"Example.COM")]),
        (b'"Ann \\"A\\" B" <ann@example.com>', [(b'Ann "A" B', b"ann", b"example.com")]),
        (b'"a b"@example.com', [(None, b"a b", b"example.com")]),
        (b"ann@example.com (Ann)", [(b"Ann", b"ann", b"example.com")]),
        (b"=?utf-8?q?=C3=84nn?= <ann@example.com>", [(b"=?utf-8?q?=C3=84nn?=", b"ann", b"example.com")]),
        ("Änn <änn@bücher.example>".encode(), [("Änn".encode(), "änn".encode(), "bücher.example".encode())]),
        (b"caf\xe9\x85 <ann@example.com>", [(b"caf\xe9\x85", b"ann", b"example.com")]),
        (b"undisclosed-recipients:;", [(None, b"undisclosed-recipients", None), (None, None, None)]),
        (
            b"Team: ann@example.com, Bob <bob@example.com>;, cy@example.com",
            [
                (None, b"Team", None),
                (None, b"ann", b"example.com"),
                (b"Bob", b"bob", b"example.com"),
                (None, None, None),
                (None, b"cy", b"example.com"),
            ],
        ),
        (
            b"a: b: c@example.com",
            [(None, b"a", None), (None, None, None), (None, b"b", None), (None, b"c", b"example.com"), (None,) * 3],
        ),
        (b"ann", [(None, b"ann", b"")]),
        (b"Ann <>", [(b"Ann", b"", b"")]),
        (b"<@a,@b:ann@example.com>", [(None, b"ann", b"example.com")]),
        (b"ann@[127.0.0.1]", [(None, b"ann", b"[127.0.0.1]")]),
        (b"", []),
    ],
)
def test_addresses_of_envelope(value, expected):
    assert read_to(value) == expected


def test_envelope_has_unfolded_octets_of_the_header():
    envelope = read_fields(
        b"Date: Mon, 30 Nov 2026 12:00:00 +0000",
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
        b"\tand \xe9",
        b"SUBJECT: second",
        b"From: Ann <ann@example.com>",
        b"Sender:",
        b"Reply-To: help@example.com",
        b"Message-ID: <a@b>",
        b"In-Reply-To:",
    ).envelope

    assert envelope.subject == b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=\tand \xe9"
    assert envelope.date == b"Mon, 30 Nov 2026 12:00:00 +0000"
    assert envelope.sender == envelope.from_ and envelope.sender[0].mailbox == b"ann"
    assert envelope.reply_to[0].mailbox == b"help"
    assert (envelope.message_id, envelope.in_reply_to, envelope.cc) == (b"<a@b>", b"", ())
    assert read_structure(b"").envelope.subject is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"text/plain", [(b"CHARSET", b"US-ASCII")]),
        (b"text/html; a=b", [(b"a", b"b"), (b"CHARSET", b"US-ASCII")]),
        (b'text/plain; charset="utf-8"; Format=flowed', [(b"charset", b"utf-8"), (b"Format", b"flowed")]),
        (b"application/pdf; name*=utf-8''%C3%A4.pdf", [(b"name*", b"utf-8''%C3%A4.pdf")]),
        (b"a/b; name*1=two; name*0=one; x=y", [(b"name", b"onetwo"), (b"x", b"y")]),
        (b"a/b; name*0*=utf-8''%C3; name*1*=%A4; name*2=\"%.x y\"", [(b"name*", b"utf-8''%C3%A4%25.x%20y")]),
        (b'a/b; name="=?utf-8?q?=C3=A4?="', [(b"name", b"=?utf-8?q?=C3=A4?=")]),
        (b'a/b; name="caf\xe9 \\"x\\".txt"', [(b"name", b'caf\xe9 "x".txt')]),
        (b'a/b; name*0=""; name*0=again', [(b"name", b"")]),
        (b"a/b; =x; ;; y", []),
        (b"nonsense; charset=utf-8", [(b"CHARSET", b"US-ASCII")]),
    ],
)
def test_parameters_are_joined_and_not_decoded(value, expected):
    assert list(read_fields(b"Content-Type: " + value).parameters) == expected


def test_fields_of_a_part():
    part = read_fields(
        b"Content-Type: Image/PNG; name=a.png",
        b"Content-Transfer-Encoding: base64 (really)",
        b'Content-Disposition: Attachment; filename="b c.png"',
        b"Content-ID: <c@d>",
        b"Content-Description: a",
        b" picture",
        b"Content-MD5: abc==",
        b"Content-Language: de, en (English), ",
        b"Content-Location: http://example.com/a",
    )

    assert (part.type, part.subtype, part.encoding) == (b"IMAGE", b"PNG", b"BASE64")
    assert part.disposition == (b"Attachment", ((b"filename", b"b c.png"),))
    assert (part.content_id, part.description, part.md5) == (b"<c@d>", b"a picture", b"abc==")
    assert (part.languages, part.location) == ((b"de", b"en"), b"http://example.com/a")
    bare = read_structure(b"\r\nbody")
    assert (bare.type, bare.subtype, bare.encoding, bare.disposition) == (b"TEXT", b"PLAIN", b"7BIT", None)
    assert (bare.content_id, bare.description, bare.languages, bare.md5) == (None, None, (), None)


def test_message_within_a_message_has_ranges_of_the_whole():
    inner = b"From: bob@example.com\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\none\r\n--i--\r\n"
    content = (
        b"From: ann@example.com\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\ntext\r\n"
        b"--o\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--o--\r\n"
    )
    root = check_structure(content)
    message = root.parts[1].message

    assert content[slice(*root.parts[1].body_range)] == inner
    assert content[slice(*message.header_range)] == inner[: inner.index(b"--i")]
    assert message.envelope.from_[0].mailbox == b"bob" and root.envelope.from_[0].mailbox == b"ann"
    assert content[slice(*message.parts[0].body_range)] == b"one"
    assert root.parts[1].line_count == inner.count(b"\n")


def test_digest_has_messages_by_default():
    part = read_structure(
        b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: one\r\n\r\nbody\r\n--b--\r\n"
    ).parts[0]

    assert (part.type, part.subtype, part.message.envelope.subject) == (b"MESSAGE", b"RFC822", b"one")


@pytest.mark.parametrize("subtype", [b"external-body", b"partial", b"delivery-status", b"disposition-notification"])
def test_other_message_types_are_leaves(subtype):
    part = read_fields(b"Content-Type: message/" + subtype)

    assert (part.message, part.parts, part.type) == (None, (), b"MESSAGE")


def test_multipart_without_delimiters_has_its_body_as_text():
    content = b"Content-Type: multipart/mixed; boundary=b\r\n\r\nbody\r\n"
    root = check_structure(content)
    (part,) = root.parts

    assert (part.type, part.subtype) == (b"TEXT", b"PLAIN")
    assert content[slice(*part.body_range)] == b"body\r\n" and part.decode() == b"body\r\n"
    assert repr(root) == "<MimePart root MULTIPART/MIXED>"


def test_envelope_has_the_source_route():
    envelope = read_structure(b"From: Ann <@a.example,@b.example:ann@example.com>, <cy@example.com>\r\n\r\n").envelope

    assert [address.route for address in envelope.from_] == [b"@a.example,@b.example", None]
