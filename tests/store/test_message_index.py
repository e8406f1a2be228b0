"""The index of a mail: folded fields, separated and limited in length."""

from lazr.smtptest import Address, Envelope, Mail
from lazr.smtptest.store import AddressTerm, HeaderTerm, TextTerm, build_message_index


def build_index(content, *to):
    return build_message_index(
        Mail("1", Envelope("", to, mail_parameters={}, rcpt_parameters=({},) * len(to)), [content])
    )


def test_words_do_not_match_across_fields():
    found = build_index(
        b"From: ann@example.com\r\nTo: bob@example.com, carol@example.com\r\nSubject: one two\r\n\r\nthree\r\n"
    )

    for where, words in [("anywhere", "two three"), ("to", "com carol"), ("addressed", "com bob")]:
        assert not TextTerm(where, words).matches(found)
    assert not TextTerm("anywhere", "com one").matches(found)
    for where, words in [("anywhere", "one two"), ("to", "carol"), ("addressed", "bob"), ("anywhere", "three")]:
        assert TextTerm(where, words).matches(found)


def test_quoted_recipient_is_found():
    found = build_index(b"\r\n", '"a \\" b"@example.com', "plain")

    assert found.bcc == (Address("", 'a " b', "example.com"), Address("", "plain"))
    assert [str(address) for address in found.bcc] == ['"a \\" b"@example.com', "plain"]
    for where in ("bcc", "recipient"):
        assert AddressTerm(where, '"a \\" b"@example.com').matches(found)


def test_attachment_names_are_found_after_long_text():
    text = b"word " * 300_000
    found = build_index(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + text + b"\r\n--b\r\n"
        b"Content-Disposition: attachment; filename=Invoice.pdf\r\n\r\nx\r\n--b--\r\n"
    )

    assert len(text) > len(found.texts["anywhere"]) == 1_000_000
    assert TextTerm("anywhere", "invoice.pdf").matches(found)


def test_field_length_and_count_are_limited():
    content = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 20_000 if n == 3 else b"z") for n in range(300))
    found = build_index(content + b"\r\n")

    assert (len(found.headers), max(len(value) for _, value in found.headers)) == (200, 10_000)
    assert HeaderTerm("x-199", "z").matches(found) and not HeaderTerm("x-200", "").matches(found)
