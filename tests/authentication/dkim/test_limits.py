"""Hostile mails: any content has a result, in bounded time, and with a bounded number of lookups."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.authentication import verify_arc, verify_dkim
from lazr.smtptest.dns import Zone
from tests.authentication.signing import DOMAIN, MAIL, RSA_KEY_NAME, make_zone, sign, sign_by_hand, verify

# Of the processor.  The mails of this file take at most 2 seconds, and with quadratic time many minutes.
MAX_SECONDS = 10

WORDS = (
    b"v=1 a=rsa-sha256 a=ed25519-sha256 b= bh= aGVsbG8= c=relaxed/simple d=example.com s=rsa h=from:subject i=1"
    b" i=@example.com l=3 x=1 t=1 z=Subject:x cv=none ; ; ; = : \xff \0"
).split(b" ")
TAG_TEXT = st.lists(st.sampled_from([*WORDS, b" ", b"\r\n ", b"\n", b"\r"]) | st.binary(max_size=6), max_size=30).map(
    b"".join
)
NAME = st.sampled_from(
    [b"DKIM-Signature", b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results", b"From", b"Subject", b""]
)
FIELDS = st.lists(st.tuples(NAME, TAG_TEXT).map(lambda field: b"%b:%b\r\n" % field), max_size=12).map(b"".join)


@given(st.binary(max_size=300))
def test_any_bytes_have_results(content):
    assert isinstance(verify_dkim(content, make_zone(), 0.0), tuple)
    assert verify_arc(content, make_zone(), 0.0).result in ("none", "fail")


@settings(max_examples=150, deadline=None)
@given(FIELDS, st.binary(max_size=50))
def test_any_signature_fields_have_results(fields, body):
    content = fields + b"\r\n" + body
    for result in verify_dkim(content, make_zone(), 0.0):
        assert result.result != "pass"
        assert result.reason
    assert verify_arc(content, make_zone(), 0.0).result in ("none", "fail", "temperror")


SIGNED = [sign(), sign(algorithm="ed25519-sha256", canonicalize="simple/simple")]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_change_of_a_signed_mail_has_a_result(data):
    content = data.draw(st.sampled_from(SIGNED))
    position = data.draw(st.integers(0, len(content)))
    content = content[:position] + data.draw(st.binary(max_size=3)) + content[position + data.draw(st.integers(0, 3)) :]
    for result in verify(content):
        assert result.reason
        assert result.canonical_body is not None


@given(st.binary(max_size=100))
def test_any_key_record_has_a_result(record):
    (result,) = verify(sign_by_hand({}), Zone({RSA_KEY_NAME: [b"v=DKIM1; p=" + record]}))
    assert result.result in ("permerror", "fail")


class CountingZone(Zone):
    """A zone that counts the lookups."""

    __slots__ = ("count",)

    def __init__(self, *args):
        super().__init__(*args)
        self.count = 0

    def find_txt(self, name):
        self.count += 1
        return super().find_txt(name)


def test_a_thousand_signatures_cause_ten_lookups():
    zone = CountingZone()
    field = sign_by_hand({}).removesuffix(MAIL)
    results = verify(field * 1000 + MAIL, zone)

    assert zone.count == 10
    assert len(results) == 11
    assert results[-1].reason == "990 more signatures are not checked: at most 10 of a mail are"


HOSTILE = {
    "spaces": b" " * 10_000_000,
    "tabs before line ends": b"\t \t x\r\n" * 1_500_000,
    "one long line": b"x" * 10_000_000,
    "empty lines": b"\r\n" * 5_000_000,
    "bare LF": b"\n" * 10_000_000,
    "bare CR": b"\r" * 10_000_000,
    "dots": b".\r\n" * 3_300_000,
    "odd bytes": bytes(range(256)) * 40_000,
    "a million bytes": b"a b\t c\r\n" * 124_000,
    "many boundaries": b"--b\r\n" * 190_000,
    "combining characters": ("a" + "\N{COMBINING GRAVE ACCENT}\N{COMBINING GRAVE ACCENT BELOW}" * 240_000).encode(),
}


@pytest.mark.slow
@pytest.mark.parametrize("canonicalize", ["simple/simple", "relaxed/relaxed"])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_body_takes_bounded_time(body, canonicalize):
    field = sign_by_hand({"c": canonicalize}).removesuffix(MAIL)
    head = MAIL.partition(b"\r\n\r\n")[0].replace(b"text/plain; charset=utf-8", b"multipart/mixed; boundary=b")
    started = time.process_time()
    results = verify(field * 10 + head + b"\r\n\r\n" + body)

    assert {result.result for result in results} == {"fail"}
    assert time.process_time() - started < MAX_SECONDS


HOSTILE_HEADERS = {
    "a field of spaces": b"Subject:" + b" " * 900_000 + b"x\r\n",
    "many fields": b"Subject: x\r\n" * 80_000,
    "short fields": b"a:\r\n" * 230_000,
    "many lines": b"Subject: x\r\n" + b" y\r\n" * 200_000,
    "many words": b"Subject: " + b"a " * 450_000 + b"\r\n",
    "encoded words": b"Subject: " + b"=?utf-8?q?=C3?= " * 50_000 + b"\r\n",
    "unclosed encoded words": b"Subject: " + b"=?" * 400_000 + b"\r\n",
    "more than a million bytes": b"Subject: " + b"x" * 2_000_000 + b"\r\n",
    "many ARC fields": b"ARC-Seal: i=1\r\n" * 60_000,
    "a long signature": b"DKIM-Signature: v=1; b=" + b" \r\n\t" * 200_000 + b"\r\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("header", HOSTILE_HEADERS.values(), ids=HOSTILE_HEADERS)
def test_hostile_header_takes_bounded_time(header):
    started = time.process_time()
    names = ":".join(["From", "Subject"] * 20)
    field = sign_by_hand({"c": "simple/simple", "h": names, "z": "Subject:x|" * 2000}).removesuffix(MAIL)
    content = field * 10 + header + MAIL
    results = verify(content)
    verify_arc(content, make_zone(), 0.0)

    assert results
    assert "pass" not in {result.result for result in results}
    assert time.process_time() - started < MAX_SECONDS


@pytest.mark.slow
def test_chain_of_50_changed_sets_takes_bounded_time():
    value = re.search(rb"; b=([^\r\n]+)", sign_by_hand({}))[1]  # of the right key, but of another text
    sets = [
        b"ARC-Seal: i=%d; a=rsa-sha256; cv=%b; d=example.com; s=rsa; b=%b\r\n"
        b"ARC-Message-Signature: i=%d; a=rsa-sha256; d=example.com; s=rsa; h=from:subject; bh=aGVsbG8=; b=%b\r\n"
        b"ARC-Authentication-Results: i=%d; mx; %b\r\n"
        % (number, b"pass" if number > 1 else b"none", value, number, value, number, b"spf=pass dkim=fail " * 400)
        for number in range(50, 0, -1)
    ]
    started = time.process_time()
    result = verify_arc(b"".join(sets) + MAIL, make_zone(), 0.0)

    assert (result.result, len(result.instances)) == ("fail", 50)
    assert time.process_time() - started < MAX_SECONDS / 2  # without a limit of all sets together: 20 seconds


def test_key_of_any_size_takes_bounded_time():
    record = "v=DKIM1; p=" + "MIIB" + "A" * 60_000
    started = time.process_time()

    assert verify(sign(), Zone({f"rsa._domainkey.{DOMAIN}": record}))[0].result == "permerror"
    assert time.process_time() - started < MAX_SECONDS
