"""What changed in a mail after it was signed: each kind of change in many forms, with its reason and place."""

import base64
import hashlib
import quopri
import time

import pytest

from lazr.smtptest.authentication import verify_dkim
from tests.authentication.signing import (
    MAIL,
    make_rsa_key,
    make_zone,
    sign,
    sign_by_hand,
    verify_one,
)

SIMPLE, RELAXED = "simple/simple", "relaxed/relaxed"
HEAD, _, BODY = MAIL.partition(b"\r\n\r\n")
HEAD += b"\r\n\r\n"
LINES = BODY.split(b"\r\n")[:-1]
COUNT = len(LINES)


def add_at_end(text):
    """Return a function that appends a text."""
    return lambda mail: mail + text


def replace(before, after, count=1):
    """Return a function that replaces a text, which must be there."""

    def change(mail):
        assert before in mail
        return mail.replace(before, after, count)

    return change


def insert_line(number, text):
    """Return a function that inserts a text before a line of the body."""

    def change(mail):
        head, _, body = mail.partition(b"\r\n\r\n")
        lines = body.split(b"\r\n")
        lines.insert(number - 1, text)
        return head + b"\r\n\r\n" + b"\r\n".join(lines)

    return change


LIST_FOOTER = b"_____\r\nbooks mailing list\r\nbooks@lists.example.org\r\n"

APPENDED = [
    (add_at_end(b"footer\r\n"), "a line was added at the end", COUNT + 1),
    (add_at_end(b"footer"), "a line was added at the end", COUNT + 1),
    (add_at_end(LIST_FOOTER), "3 lines were added at the end", COUNT + 1),
    (add_at_end(b"\r\n" + LIST_FOOTER), "4 lines were added at the end", COUNT + 1),
    (add_at_end(b"\r\n\r\n\r\nfooter\r\n\r\n"), "4 lines were added at the end", COUNT + 1),
    (add_at_end(b"-- \r\nsent by a phone\r\n"), "2 lines were added at the end", COUNT + 1),
    (add_at_end("Grüße\r\n".encode()), "a line was added at the end", COUNT + 1),
    (add_at_end(b".\r\n"), "a line was added at the end", COUNT + 1),
    (add_at_end(b"x" * 2000 + b"\r\n"), "a line was added at the end", COUNT + 1),
    (add_at_end(b"line\r\n" * 500), "500 lines were added at the end", COUNT + 1),
    (add_at_end(b"a\rb\0c\r\n"), "a line was added at the end", COUNT + 1),
]

INSERTED = [
    (insert_line(1, b"[EXTERNAL]"), "a line was inserted", 1),
    (insert_line(1, b"CAUTION\r\n"), "2 lines were inserted", 1),
    (insert_line(1, b"CAUTION\r\nThis mail comes from outside.\r\n----"), "3 lines were inserted", 1),
    (insert_line(2, b"second"), "a line was inserted", 2),
    (insert_line(3, b"third"), "a line was inserted", 3),
    (insert_line(4, b"<img src=x>"), "a line was inserted", 4),
    (insert_line(4, b"one\r\ntwo"), "2 lines were inserted", 4),
    (insert_line(5, b"five\r\nsix\r\nseven"), "3 lines were inserted", 5),
    (insert_line(6, LIST_FOOTER.removesuffix(b"\r\n")), "3 lines were inserted", 6),
    (insert_line(COUNT, b"almost the end"), "a line was inserted", COUNT),
    (insert_line(COUNT - 1, b"a\r\nb\r\nc\r\nd"), "4 lines were inserted", COUNT - 1),
]

LINE_CHANGES = [
    (replace(b"\r\n.profile", b"\r\n..profile"), "dots at the start of lines were doubled", COUNT),
    (replace(b"\r\n.profile", b"\r\nprofile"), "a dot was lost at the start of a line", COUNT),
    (replace(b"Hello Bob,\r\n\r\n", b"Hello Bob,\r\n"), "an empty line was removed before this line", 2),
    (replace(b"cost 45 EUR and", b"cost 45 EUR\r\nand"), "a line was broken at a space", 4),
    (replace(b"thank you", b"thank\r\n you"), "a line was broken", 3),
    (replace(b"thank you", b" thank you"), "a space was added at the start of a line", 3),
    (replace(b"45 EUR", b"95 EUR"), 'one character was changed, from "4" to "9"', 4),
    (replace(b"45 EUR", b"145 EUR"), 'the character "1" was added', 4),
    (replace(b"45 EUR", b"4 EUR"), 'the character "5" was removed', 4),
    (replace(b"thank you", b"Thank you"), 'one character was changed, from "t" to "T"', 3),
    (replace(b"Monday.", b"Monday!"), 'one character was changed, from "." to "!"', 4),
]


@pytest.mark.parametrize("canonicalize", [SIMPLE, RELAXED])
@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
@pytest.mark.parametrize(("change", "text", "line"), [*APPENDED, *INSERTED, *LINE_CHANGES])
def test_change_of_the_body_is_found(change, text, line, algorithm, canonicalize):
    result = verify_one(change(sign(algorithm=algorithm, canonicalize=canonicalize)))

    assert (result.result, result.changed) == ("fail", f"body line {line}")
    assert result.reason.startswith(f"the body hash differs: {text}")


WHITE_SPACE = [
    (replace(b"Monday.\r\n", b"Monday. \r\n"), "white space was added at the end of a line", "body line 4"),
    (replace(b"Monday.\r\n", b"Monday.\t \r\n"), "white space was added at the end of a line", "body line 4"),
    (replace(b"\r\n\r\nthank", b"\r\n \r\nthank"), "white space was added at the end of a line", "body line 2"),
    (replace(b"\r\n-- \r\n", b"\r\n--\r\n"), 'the space of the signature separator "-- " was removed', "body line 6"),
    (replace(b"and come", b"and  come"), "white space was changed in a line", "body line 4"),
    (replace(b"and come", b"and\tcome"), "white space was changed in a line", "body line 4"),
    (replace(b"and come", b"andcome"), 'the character " " was removed', "body line 4"),
]


@pytest.mark.parametrize(("change", "text", "place"), WHITE_SPACE)
def test_white_space_fails_in_simple_canonicalization(change, text, place):
    body = BODY.replace(b"your  order", b"your order")
    result = verify_one(change(sign(HEAD + body, canonicalize=SIMPLE)))

    assert (result.result, result.changed) == ("fail", place)
    assert text in result.reason


UTF_8_BODY = "Grüße aus Köln\r\nund Zürich\r\n\r\n.Schluss\r\n".encode()
LONG_LINES = b"word " * 40 + b"end\r\n" + b"next " * 30 + b"\r\n"
TABS = b"a\tb\r\n\tc\r\n"


def wrap(body, width):
    """Break long lines, as a server does."""
    lines = []
    for line in body.split(b"\r\n"):
        lines += [line[start : start + width] for start in range(0, len(line), width)] or [b""]
    return b"\r\n".join(lines)


# The body as it was signed, the body as it came, and the reason.
WHOLE_BODIES = [
    (BODY.replace(b"\r\n", b"\r\r\n"), BODY, "it was signed with line ends of CR CR LF"),
    (BODY, BODY.replace(b"\r\n", b"\r\r\n"), "a CR was added to the line ends"),
    (b".a\r\n.b\r\nc\r\n", b"..a\r\n..b\r\nc\r\n", "dots at the start of lines were doubled"),
    (b"..a\r\n..b\r\nc\r\n", b".a\r\n.b\r\nc\r\n", "the signer hashed the body after dot-stuffing"),
    (b"From Ann\r\nx\r\nFrom Bob\r\n", b">From Ann\r\nx\r\n>From Bob\r\n", 'a ">" was put before lines'),
    (b"From Ann\r\nx\r\n", b">From Ann\r\nx\r\n", 'a ">" was put before lines that begin with "From "'),
    (UTF_8_BODY, quopri.encodestring(UTF_8_BODY), "it was signed as 8bit and converted to quoted-printable later"),
    (UTF_8_BODY, base64.encodebytes(UTF_8_BODY).replace(b"\n", b"\r\n"), "signed as 8bit and converted to base64"),
    (quopri.encodestring(UTF_8_BODY.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n"), UTF_8_BODY,
     "it was signed as quoted-printable and converted to 8bit later"),
    (base64.encodebytes(UTF_8_BODY).replace(b"\n", b"\r\n"), UTF_8_BODY, "signed as base64 and converted to 8bit"),
    (UTF_8_BODY.decode().encode("latin-1"), UTF_8_BODY, "the charset was changed from latin-1 to UTF-8"),
    (UTF_8_BODY, UTF_8_BODY.decode().encode("latin-1"), "the charset was changed from UTF-8 to latin-1"),
    ("20 €\r\n".encode("cp1252"), "20 €\r\n".encode(), "the charset was changed from cp1252 to UTF-8"),
    (UTF_8_BODY, UTF_8_BODY.decode("latin-1").encode(), "UTF-8 was encoded twice, through latin-1"),
    ("u\u0308 o\u0308\r\n".encode(), "ü ö\r\n".encode(), "letters with accents were composed or decomposed"),
    (BODY, b"\xef\xbb\xbf" + BODY, "a byte order mark was added"),
    (LONG_LINES, wrap(LONG_LINES, 76), "lines of more than 76 bytes were broken"),
    (b"x" * 3000 + b"\r\n", wrap(b"x" * 3000 + b"\r\n", 998), "lines of more than 998 bytes were broken"),
    (b"x" * 1500 + b"\r\n", b"x" * 990 + b"!\r\n " + b"x" * 510 + b"\r\n", 'long lines were broken with "!"'),
    (b"one two three\r\n\r\nfour five\r\n", b"one\r\ntwo\r\nthree\r\n\r\nfour\r\nfive\r\n", "lines were wrapped"),
    (TABS, TABS.replace(b"\t", b" " * 8), None),
    (b"", BODY, "an empty body was signed, and the text was added later"),
]  # fmt: skip


@pytest.mark.parametrize("canonicalize", [SIMPLE, RELAXED])
@pytest.mark.parametrize(("signed", "received", "text"), WHOLE_BODIES)
def test_change_of_the_whole_body_is_found(signed, received, text, canonicalize):
    encoding = "quoted-printable" if text and "converted to quoted" in text else "8bit"
    encoding = "base64" if text and "converted to base64" in text else encoding
    head = HEAD.replace(b"8bit", encoding.encode())
    mail = sign(head + signed, canonicalize=canonicalize)
    mail = mail[: mail.index(b"\r\n\r\n") + 4]
    result = verify_one(mail + received)

    if text is None and canonicalize == RELAXED:
        assert result.result == "pass" or "body hash differs" in result.reason
        return
    assert result.result == "fail"
    assert (text or "the body was changed") in result.reason


def test_conversion_of_a_part_of_a_multipart_is_found():
    head = HEAD.replace(b"text/plain; charset=utf-8", b'multipart/mixed; boundary="b"')
    parts = [
        b"--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + UTF_8_BODY,
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\r\n",
    ]
    mail = sign(head + b"".join(parts))
    top, boundary, rest = mail.partition(b"--b\r\n")
    rest = rest.replace(b"8bit", b"quoted-printable").replace(UTF_8_BODY, quopri.encodestring(UTF_8_BODY))
    result = verify_one(top + boundary + rest)

    assert result.reason == "the body hash differs: it was signed as 8bit and converted to quoted-printable later"


def test_footer_within_a_multipart_is_found():
    head = HEAD.replace(b"text/plain; charset=utf-8", b'multipart/mixed; boundary="b"')
    mail = sign(head + b"--b\r\n\r\nHello\r\n--b\r\n\r\nworld\r\n--b--\r\n")
    result = verify_one(mail.replace(b"world\r\n", b"world\r\n\r\n" + LIST_FOOTER))

    assert (result.changed, result.reason) == (
        "body line 7",
        "the body hash differs: 4 lines were inserted (body line 7)",
    )


# How signers compute a wrong body hash.
SIGNER_MISTAKES = [
    (lambda body: body.replace(b"\r\n", b"\n"), "it was signed with LF line ends, and they became CRLF"),
    (lambda body: body.replace(b"\r\n", b"\n").removesuffix(b"\n"), "it was signed with LF line ends"),
    (lambda body: body.removesuffix(b"\r\n"), "the signer left out the last line end"),
    (lambda body: body + b"\r\n\r\n", "the signer left the empty lines at the end in the body"),
    (lambda body: b"", "an empty body was signed"),
    (lambda body: b"\r\n", "an empty body was signed"),
    (lambda body: body.replace(b"  ", b" ").replace(b" \r\n", b"\r\n"), "or the signer used relaxed canonicalization"),
    (lambda body: body.replace(b"\r\n.", b"\r\n.."), "the signer hashed the body after dot-stuffing"),
]


@pytest.mark.parametrize(("mistake", "text"), SIGNER_MISTAKES)
def test_mistake_of_the_signer_is_found(mistake, text):
    content = MAIL + b"\r\n\r\n" if "empty lines" in text else MAIL
    body_hash = base64.b64encode(hashlib.sha256(mistake(BODY)).digest()).decode()
    result = verify_one(sign_by_hand({}, content, body_hash=body_hash))

    assert result.result == "fail"
    assert text in result.reason


def test_simple_hash_in_a_relaxed_signature_is_found():
    body_hash = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    result = verify_one(sign_by_hand({"c": "simple/relaxed"}, body_hash=body_hash))

    assert "the signer used simple canonicalization, but c= says relaxed" in result.reason
    assert result.changed == "body line 3"


def test_unknown_change_of_the_body_is_said_to_be_unknown():
    result = verify_one(replace(b"3 books", b"7 large boxes of tea")(sign()))

    assert (result.changed, result.reason) == (
        "body",
        "the body hash differs: the body was changed, and no well-known change explains it",
    )


def prefix_subject(text):
    return replace(b"Subject: ", b"Subject: " + text)


CHANGED_FIELDS = [
    (prefix_subject(b"[books] "), '"[books]" was put in front', "Subject"),
    (prefix_subject(b"Re: "), '"Re:" was put in front', "Subject"),
    (prefix_subject(b"[EXTERNAL] [spam?] "), '"[EXTERNAL] [spam?]" was put in front', "Subject"),
    (replace(b"Your order", b"Your order (was: hello)"), '"(was: hello)" was added at its end', "Subject"),
    (replace(b"Your order", b"YOUR ORDER"), None, "Subject"),
    (replace(b"Your order", b"Your 0rder"), 'one character was changed, from "o" to "0"', "Subject"),
    (replace(b"From: Ann <", b'From: "Ann" <'), "quotes", "From"),
    (replace(b"Ann <ann@example.com>", b"Ann via list <ann@example.com>"), None, "From"),
    (replace(b"bob@example.org", b"<bob@example.org>"), "the name before the address", "To"),
    (replace(b"bob@example.org", b"bob@EXAMPLE.ORG"), "upper and lower case", "To"),
    (replace(b"bob@example.org", b"bob@example.org, carl@example.org"), "was added at its end", "To"),
    (replace(b"10:00:00 +0000\r\nMess", b"10:00:00 GMT\r\nMess"), "the time zone", "Date"),
    (replace(b"Date: Mon, 30 Nov", b"Date: Mon, 29 Nov"), None, "Date"),
    (replace(b"Content-Transfer-Encoding: 8bit", b"Content-Transfer-Encoding: base64"), 'it was "8bit" when', None),
    (replace(b"charset=utf-8", b'charset="UTF-8"'), None, "Content-Type"),
    (replace(b"; charset=utf-8", b""), 'it was "text/plain; charset=utf-8" when it was signed', "Content-Type"),
    (replace(b"; charset=utf-8", b"; charset=us-ascii"), 'it was "text/plain; charset=utf-8"', "Content-Type"),
    (replace(b"<1@example.com>", b"<12@example.com>"), 'the character "2" was added', "Message-ID"),
]


@pytest.mark.parametrize("canonicalize", [SIMPLE, RELAXED])
@pytest.mark.parametrize(("change", "text", "name"), CHANGED_FIELDS)
def test_changed_field_is_found(change, text, name, canonicalize):
    result = verify_one(change(sign(canonicalize=canonicalize)))

    assert result.result == "fail"
    assert result.reason.endswith("; the body is intact")
    if text is None:  # several changes explain it, or none does
        assert result.changed in (f"header {name}", "header")
    else:
        assert text in result.reason
        assert result.changed == f"header {name or 'Content-Transfer-Encoding'}"


ED25519_CHANGES = [case for case in CHANGED_FIELDS if case[1] and "character" not in case[1]]


@pytest.mark.parametrize(("change", "text", "name"), ED25519_CHANGES)
def test_changed_field_is_found_with_ed25519(change, text, name):
    result = verify_one(change(sign(algorithm="ed25519-sha256")))

    assert result.result == "fail"
    assert text in result.reason
    assert result.changed == f"header {name or 'Content-Transfer-Encoding'}"


ADDED_OR_REMOVED = [
    (replace(b"From:", b"From: eve@example.com\r\nFrom:"), "another field From was added", "From"),
    (replace(b"Subject:", b"From: eve@example.com\r\nSubject:"), "another field From was added", "From"),
    (replace(b"Date:", b"Subject: two\r\nDate:"), "another field Subject was added", "Subject"),
    (replace(b"Date:", b"To: carl@example.org\r\nDate:"), "another field To was added", "To"),
    (replace(b"Date:", b"Cc: carl@example.org\r\nDate:"), "the field Cc was added", "Cc"),
    (replace(b"Date:", b"Reply-To: list@example.org\r\nDate:"), "the field Reply-To was added", "Reply-To"),
    (replace(b"Date:", b"List-Id: <books.example.org>\r\nDate:"), "the field List-Id was added", "List-Id"),
    (replace(b"MIME-Version: 1.0\r\n", b""), "the field MIME-Version was removed", "MIME-Version"),
    (replace(b"Content-Transfer-Encoding: 8bit\r\n", b""), "Encoding was removed", "Content-Transfer-Encoding"),
    (replace(b"Content-Type: text/plain; charset=utf-8\r\n", b""), "Content-Type was removed", "Content-Type"),
    (replace(b"Subject: Your order\r\n", b""), "signed and not in the mail: subject", "header"),
    (replace(b"To: bob@example.org\r\n", b""), "signed and not in the mail: to", "header"),
    (replace(b"Message-ID: <1@example.com>\r\n", b""), "signed and not in the mail: message-id", "header"),
]
OVERSIGNED = [
    "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "From",
    "To", "Subject", "Cc", "Reply-To", "List-Id",
]  # fmt: skip


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
@pytest.mark.parametrize(("change", "text", "name"), ADDED_OR_REMOVED)
def test_added_or_removed_field_is_found(change, text, name, algorithm):
    result = verify_one(change(sign(algorithm=algorithm, include_headers=OVERSIGNED)))

    assert result.result == "fail"
    assert text in result.reason
    assert result.changed == (name if name == "header" else f"header {name}")


def test_removed_field_is_the_place_if_all_others_are_there():
    result = verify_one(replace(b"Subject: Your order\r\n", b"")(sign()))

    assert result.changed == "header Subject"


SIMPLE_FIELDS = [
    (replace(b"Subject: Your order", b"Subject: Your\r\n order"), "it was folded in another way"),
    (replace(b"Subject: Your order", b"Subject: Your\r\n\torder"), "it was folded in another way"),
    (replace(b"Subject: Your order", b"Subject:\r\n Your order"), "it was folded in another way"),
    (replace(b"Subject: Your order", b"Subject:Your order"), "white space after the colon"),
    (replace(b"Subject: Your order", b"Subject:  Your order"), "white space after the colon"),
    (replace(b"Subject: Your order", b"Subject: Your order "), "white space at its end"),
    (replace(b"Subject: Your order", b"Subject: Your  order"), "white space"),
    (replace(b"Subject: Your order", b"Subject: Your\torder"), "white space"),
    (replace(b"Subject: Your order", b"subject: Your order"), "the case of its name"),
    (replace(b"Subject: Your order", b"SUBJECT: Your order"), "the case of its name"),
]


@pytest.mark.parametrize(("change", "text"), SIMPLE_FIELDS)
def test_white_space_of_a_field_fails_in_simple_canonicalization(change, text):
    result = verify_one(change(sign(canonicalize=SIMPLE)))

    assert (result.result, result.changed.lower()) == ("fail", "header subject")
    assert text in result.reason


def test_unfolded_field_is_found():
    long = MAIL.replace(b"Your order", b"Your order of books\r\n and of tea from the shop in the town")
    mail = sign(long, canonicalize=SIMPLE)
    result = verify_one(mail.replace(b"books\r\n and", b"books and"))

    assert "it was folded in another way" in result.reason


def test_two_changed_fields_are_found():
    change = prefix_subject(b"[books] ")
    result = verify_one(
        change(replace(b"Date:", b"Reply-To: list@example.org\r\nDate:")(sign(include_headers=OVERSIGNED)))
    )

    assert '"[books]" was put in front' in result.reason
    assert "the field Reply-To was added" in result.reason


def test_changes_of_header_and_body_are_found():
    result = verify_one(prefix_subject(b"[books] ")(sign() + b"footer\r\n"))

    assert result.changed == f"body line {COUNT + 1}"
    assert "a line was added at the end" in result.reason
    assert 'the header changed, too: the field Subject was changed: "[books]" was put in front' in result.reason


def test_wrong_canonicalization_of_the_header_is_found():
    mail = sign(canonicalize="relaxed/simple").replace(b"c=relaxed/simple", b"c=simple/simple")

    assert verify_one(mail).result == "fail"


def test_changed_tag_of_the_signature_is_found():
    result = verify_one(replace(b"v=1; a=", b"v=1;  a=")(sign(canonicalize=SIMPLE)))

    assert (result.result, result.changed) == ("fail", "header DKIM-Signature")


COPIES = "From:Ann=20<ann@example.com>|Subject:Your=20order|To:bob@example.org"


@pytest.mark.parametrize(
    ("change", "text", "place"),
    [
        (replace(b"Subject: Your order", b"Subject: A completely different text"), "the copy in z= differs", "Subject"),
        (replace(b"From: Ann <ann@example.com>", b"From: eve@example.org"), "the copy in z= differs", "From"),
        (replace(b"Subject: Your order\r\n", b""), "the field Subject was removed", "Subject"),
    ],
)
def test_copies_of_fields_name_the_changed_field(change, text, place):
    result = verify_one(change(sign_by_hand({"z": COPIES, "c": "simple/simple"})))

    assert (result.result, result.changed) == ("fail", f"header {place}")
    assert text in result.reason


def test_second_from_field_fails_even_if_it_is_not_signed():
    result = verify_one(b"From: eve@example.org\r\n" + sign_by_hand({}))

    assert (result.result, result.changed) == ("fail", "header From")
    assert "2 From fields, and the signature covers only 1" in result.reason


def test_mail_signed_by_another_key_is_found_with_a_changed_body():
    mail = sign(key=make_rsa_key(number=1)) + b"footer\r\n"
    result = verify_dkim(mail, make_zone(), time.time())[0]

    assert "a line was added at the end" in result.reason
    assert "with another key" in result.reason
