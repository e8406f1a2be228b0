"""ENVELOPE has ten fields; From stands in for Sender and Reply-To."""

from lazr.smtptest.protocol.folder_access import MessageAddress, MessageEnvelope
from lazr.smtptest.protocol.imap.envelope_response import render_envelope

ANN = MessageAddress(b"Ann", b"ann", b"example.com")
BOB = MessageAddress(None, b"bob", b"example.com")


def test_envelope_without_fields_is_all_nil():
    assert render_envelope(MessageEnvelope()) == b"(" + b" ".join([b"NIL"] * 10) + b")"


def test_envelope_with_all_fields():
    envelope = MessageEnvelope(
        date=b"Mon, 1 Jan 2026 00:00:00 +0000",
        subject=b'"Hi"',
        from_=[ANN],
        sender=[BOB],
        reply_to=[ANN, BOB],
        to=[BOB],
        cc=[MessageAddress(None, b"team", None), BOB, MessageAddress(None, None, None)],
        bcc=[ANN],
        in_reply_to=b"<0@x>",
        message_id=b"<1@x>",
    )
    ann, bob = b'("Ann" NIL "ann" "example.com")', b'(NIL NIL "bob" "example.com")'
    assert render_envelope(envelope) == (
        b'("Mon, 1 Jan 2026 00:00:00 +0000" "\\"Hi\\"" (%b) (%b) (%b%b) (%b) '
        b'((NIL NIL "team" NIL)%b(NIL NIL NIL NIL)) (%b) "<0@x>" "<1@x>")'
    ) % (ann, bob, ann, bob, bob, bob, ann)


def test_sender_and_reply_to_default_to_from():
    ann = b'(("Ann" NIL "ann" "example.com"))'
    expected = b"(NIL NIL %b %b %b NIL NIL NIL NIL NIL)" % (ann, ann, ann)
    assert render_envelope(MessageEnvelope(from_=[ANN])) == expected


def test_source_route_is_shown():
    envelope = MessageEnvelope(to=[MessageAddress(None, b"ann", b"b.example", b"@a.example")])
    assert b'((NIL "@a.example" "ann" "b.example"))' in render_envelope(envelope)


def test_eight_bit_name_is_a_literal():
    envelope = MessageEnvelope(to=[MessageAddress("Jürg".encode(), b"j", b"x")])
    assert b'(({5}\r\nJ\xc3\xbcrg NIL "j" "x"))' in render_envelope(envelope)
