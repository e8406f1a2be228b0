"""DKIM signatures that pass, and those that cannot pass: key records, tags, times, weak keys."""

import base64
import hashlib
import time

import dkim
import pytest
from cryptography.hazmat.primitives import serialization

from lazr.smtptest.authentication import verify_dkim
from lazr.smtptest.dns import Zone, as_resolver
from tests.authentication.signing import (
    DOMAIN,
    ED25519_KEY_NAME,
    MAIL,
    RSA_KEY_NAME,
    SMALL_KEY,
    SMALL_KEY_RECORD,
    make_ed25519_key,
    make_rsa_key,
    make_zone,
    sign,
    sign_by_hand,
    verify,
    verify_one,
    write_ed25519_record,
    write_pem,
    write_rsa_record,
)

CANONICAL_FORMS = ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed")
ALGORITHMS = ("rsa-sha256", "ed25519-sha256")

# RFC 8463 appendix A: one message, signed with both algorithms.
RFC_8463_MAIL = b"""\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
""".replace(b"\n", b"\r\n")
RFC_8463_ZONE = Zone(
    {
        "brisbane._domainkey.football.example.com": "v=DKIM1; k=ed25519; "
        "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "test._domainkey.football.example.com": "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
        "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4h"
        "stT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
    }
)


def test_both_signatures_of_rfc_8463_pass():
    results = verify(RFC_8463_MAIL, RFC_8463_ZONE)

    assert [(result.result, result.algorithm, result.selector) for result in results] == [
        ("pass", "ed25519-sha256", "brisbane"),
        ("pass", "rsa-sha256", "test"),
    ]


@pytest.mark.parametrize("canonicalize", CANONICAL_FORMS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_signature_of_dkimpy_passes(algorithm, canonicalize):
    result = verify_one(sign(algorithm=algorithm, canonicalize=canonicalize))

    assert (result.result, result.reason, result.changed) == ("pass", "the signature matches", None)
    assert (result.domain, result.identity, result.algorithm) == (DOMAIN, f"@{DOMAIN}", algorithm)
    assert result.key_bits == (2048 if algorithm == "rsa-sha256" else 256)
    assert result.signed_headers[:3] == ("from", "to", "subject")


@pytest.mark.parametrize("canonicalize", CANONICAL_FORMS)
@pytest.mark.parametrize(
    "change",
    [
        lambda mail: mail,
        lambda mail: mail.replace(b"\r\n", b"\n"),
        lambda mail: mail + b"\r\n\r\n\r\n",
        lambda mail: mail.replace(b"\r\n\r\nHello", b"\r\n\r\n\r\n\r\nHello"),
        lambda mail: mail.replace(b"order of", b"order \t of"),
        lambda mail: mail.replace(b"Monday.\r\n", b"Monday. \t\r\n"),
        lambda mail: mail.replace(b"Subject: Your", b"SUBJECT:   Your\r\n\t"),
        lambda mail: mail.replace(b"3 books", b"4 books"),
        lambda mail: mail.replace(b"From:", b"From: eve@example.com\r\nFrom:"),
        lambda mail: mail.replace(b"To:", b"Subject: another\r\nTo:"),
        lambda mail: mail.replace(b"Received:", b"X-New: field\r\nReceived:"),
        lambda mail: mail.partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
    ],
)
def test_verdict_is_that_of_dkimpy(canonicalize, change):
    mail = change(sign(canonicalize=canonicalize))
    zone = make_zone()
    expected = dkim.verify(mail, dnsfunc=lambda name, timeout: zone.find_txt(name.decode())[0])

    assert verify_one(mail).result == ("pass" if expected else "fail")


@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b"\r\n\r\n", b" \r\n", b"x", b"x\r\n\r\n", b"\t \r\n\r\nx \r\n", b".\r\n"]
)
@pytest.mark.parametrize("canonicalize", CANONICAL_FORMS)
def test_odd_bodies_of_dkimpy_pass(canonicalize, body):
    mail = MAIL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body

    assert verify_one(sign(mail, canonicalize=canonicalize)).result == "pass"


def test_canonical_bytes_are_what_is_hashed():
    result = verify_one(sign(canonicalize="relaxed/relaxed", include_headers=["From", "Subject"]))

    assert result.canonical_body.startswith(b"Hello Bob,\r\n\r\nthank you for your order of 3 books.\r\n")
    assert result.canonical_header.startswith(
        b"from:Ann <ann@example.com>\r\nsubject:Your order\r\ndkim-signature:v=1; a=rsa-sha256;"
    )
    assert result.canonical_header.endswith(b" b=")
    assert result.body_length == len(result.canonical_body)


def test_results_are_in_the_order_of_the_header():
    mail = sign(sign(), algorithm="ed25519-sha256")

    assert [result.algorithm for result in verify(mail)] == ["ed25519-sha256", "rsa-sha256"]


def test_mail_without_signature_has_no_result():
    assert verify(MAIL) == ()


def test_length_tag_covers_the_start_of_the_body():
    result = verify_one(sign(length=True) + b"an advertisement\r\n")
    length = result.body_length

    assert result.result == "pass"
    assert f"only the first {length} of {length + 18} bytes of the body are signed (l=)" in result.reason
    assert result.canonical_body.endswith(b"the file\r\n")


def test_length_beyond_the_body_fails():
    result = verify_one(sign(length=True).replace(b".profile is the file\r\n", b""))

    assert (result.result, result.changed) == ("fail", "body end")
    assert "it has only" in result.reason


def test_unsigned_second_subject_is_mentioned():
    result = verify_one(sign().replace(b"From: Ann", b"Subject: on top\r\nFrom: Ann"))

    assert (result.result, result.reason) == ("pass", "the signature matches; a second field Subject is not signed")


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ("v=DKIM1; k=rsa; t=y", "the domain only tests DKIM (t=y)"),
        ("k=rsa; n=notes; g=*", "the signature matches"),
        ("v=DKIM1; h=sha1 : sha256", "the signature matches"),
        ("v=DKIM1; s=other:email", "the signature matches"),
        ("v=DKIM1; t=s", "the signature matches"),
    ],
)
def test_key_record_that_allows_the_signature(tags, text):
    result = verify_one(sign(), Zone({RSA_KEY_NAME: write_rsa_record(make_rsa_key(), tags)}))

    assert result.result == "pass"
    assert text in result.reason
    assert result.is_test_key == ("t=y" in tags)


GOOD_RECORD = write_rsa_record(make_rsa_key())
PUBLIC_DER = base64.b64decode(GOOD_RECORD.partition("p=")[2])


@pytest.mark.parametrize(
    ("record", "result", "text"),
    [
        ([], "permerror", f"there is no key record: {RSA_KEY_NAME} has no TXT record"),
        ("v=DKIM1; k=rsa; p=", "permerror", "the key is revoked"),
        ("v=DKIM1; k=rsa", "permerror", "p= is missing"),
        ("v=DKIM1; k=rsa; p=!!!", "permerror", "'!!!' is not base64"),
        ("v=DKIM1; k=rsa; p=aGVsbG8=", "permerror", "p= is not an RSA public key"),
        (GOOD_RECORD[:150], "permerror", "malformed key"),
        ("v=DKIM1; k=rsa; p=-----BEGIN PUBLIC KEY-----", "permerror", "the BEGIN line of a PEM file"),
        (GOOD_RECORD.replace("DKIM1", "DKIM2"), "permerror", "the version v=DKIM2, expected DKIM1"),
        (f"k=rsa; {GOOD_RECORD.replace(' k=rsa;', '')}", "permerror", "does not begin with v=DKIM1"),
        (GOOD_RECORD.replace("k=rsa", "k=dsa"), "permerror", "the unknown key type k=dsa"),
        (GOOD_RECORD.replace("k=rsa", "k=ed25519"), "permerror", "a key of type ed25519"),
        (GOOD_RECORD.replace("k=rsa", "h=sha1"), "permerror", "only the hash algorithms h=sha1"),
        (GOOD_RECORD.replace("k=rsa", "s=tlsrpt"), "permerror", "is not for mail: its service types are s=tlsrpt"),
        (GOOD_RECORD.replace("k=rsa", "k=rsa; k=rsa"), "permerror", "the tag k= occurs twice"),
        (GOOD_RECORD.replace("; ", "\\; "), "permerror", "it has backslashes"),
        ("hello", "permerror", "'hello' is not a tag of the form name=value"),
        (TimeoutError("no answer"), "temperror", "cannot be looked up now: lookup of"),
        (write_rsa_record(make_rsa_key(number=1)), "fail", f"signed with another key than the one at {RSA_KEY_NAME}"),
        (write_rsa_record(make_rsa_key(1024)), "fail", "b= has 256 bytes, and the key makes 128"),
        ("v=DKIM1; p=" + base64.b64encode(b"\x30" * 5000).decode(), "permerror", "at most 8192 bits"),
    ],
)
def test_key_record_that_prevents_a_pass(record, result, text):
    found = verify_one(sign(), Zone({RSA_KEY_NAME: record}))

    assert found.result == result
    assert text in found.reason


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"x" * 31, "an Ed25519 key has 32 bytes, got 31"),
        (
            make_ed25519_key()
            .public_key()
            .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
            "must be the bare key, not SubjectPublicKeyInfo",
        ),
    ],
    ids=["31 bytes", "SubjectPublicKeyInfo"],  # the key differs in each run
)
def test_malformed_ed25519_key_is_a_permerror(data, text):
    record = f"v=DKIM1; k=ed25519; p={base64.b64encode(data).decode()}"
    result = verify_one(sign(algorithm="ed25519-sha256"), Zone({ED25519_KEY_NAME: record}))

    assert result.result == "permerror"
    assert text in result.reason


def test_other_ed25519_key_fails():
    zone = Zone({ED25519_KEY_NAME: write_ed25519_record(make_ed25519_key(1))})
    result = verify_one(sign(algorithm="ed25519-sha256"), zone)

    assert result.result == "fail"
    assert f"or it was signed with another key than the one at {ED25519_KEY_NAME}" in result.reason


def test_second_key_record_is_used_if_the_first_is_broken():
    zone = Zone({RSA_KEY_NAME: ["v=spf1 -all", GOOD_RECORD]})

    assert verify_one(sign(), zone).result == "pass"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("s2._domainkey.example.com", "; there are s2._domainkey.example.com"),
        ("rsa.domainkey.example.com", "; there are rsa.domainkey.example.com"),
        ("rsa._domainkey.example.org", ""),
        ("www.example.com", ""),
    ],
)
def test_missing_key_record_names_those_of_the_domain(name, hint):
    result = verify_one(sign(), Zone({name: GOOD_RECORD}))

    assert result.reason == f"there is no key record: {RSA_KEY_NAME} has no TXT record{hint}"


def test_hint_about_key_records_passes_the_limit_of_lookups():
    from lazr.smtptest.authentication.bounded_resolver import BoundedResolver

    zone = BoundedResolver(Zone({"s2._domainkey.example.com": GOOD_RECORD}))

    assert verify_one(sign(), zone).reason.endswith("; there are s2._domainkey.example.com")


def test_bare_cr_is_no_white_space():
    content = sign(canonicalize="relaxed/relaxed").replace(b"Your order\r\n", b"Your order\r\r\n")

    assert verify_one(content).result == "fail"


def test_bare_line_feeds_are_mentioned():
    result = verify_one(sign().replace(b"\r\n", b"\n"))

    assert result.reason == "the signature matches; line ends of a bare LF count as CRLF"


def test_lookup_without_dns_records_is_a_temperror():
    (result,) = verify_dkim(sign(), as_resolver(None), time.time())

    assert result.result == "temperror"
    assert "MailServer(dns={...})" in result.reason


@pytest.mark.parametrize(("bits", "result"), [(512, "policy"), (1024, "pass"), (2048, "pass"), (3072, "pass")])
def test_key_sizes_of_rfc_8301(bits, result):
    pem = SMALL_KEY if bits == 512 else write_pem(make_rsa_key(bits))
    record = SMALL_KEY_RECORD if bits == 512 else write_rsa_record(make_rsa_key(bits))
    signer = dkim.DKIM(MAIL)
    found = verify_one(signer.sign(b"rsa", DOMAIN.encode(), pem) + MAIL, Zone({RSA_KEY_NAME: record}))

    assert (found.result, found.key_bits) == (result, bits)
    assert ("at least" in found.reason) == (bits < 2048)


NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("tags", "result", "text"),
    [
        ({}, "pass", "the signature matches"),
        ({"t": NOW, "x": NOW + 1}, "pass", "the signature matches"),
        ({"x": NOW - 10}, "pass", "the signature matches"),
        ({"x": NOW - 7200}, "fail", f"the signature has expired 2 hours ago: x={NOW - 7200}"),
        ({"t": NOW + 86400}, "fail", f"the signature is made 1 day in the future: t={NOW + 86400}"),
        ({"t": NOW + 1, "x": NOW}, "neutral", "the signature expires before it is made"),
        ({"t": "now"}, "neutral", "t=now is not a decimal number"),
        ({"x": "9" * 5000}, "neutral", "is not a decimal number of at most 15 digits"),
        ({"l": "-1"}, "neutral", "l=-1 is not a decimal number"),
        ({"i": "ann@mail.example.com"}, "pass", "the signature matches"),
        ({"i": "ann@EXAMPLE.com"}, "pass", "the signature matches"),
        ({"i": f"ann@{'x' * 230}.example.com.example.org"}, "neutral", "i= has 258 bytes, and at most 253 are checked"),
        ({"h": "From:" + "x" * 254}, "neutral", "h= has a name of 254 characters, and at most 253 are checked"),
        ({"i": "ann@example.org"}, "permerror", "i=ann@example.org is not within the domain d=example.com"),
        ({"i": "ann@badexample.com"}, "permerror", "is not within the domain d=example.com"),
        ({"i": "example.com"}, "permerror", "is not within the domain d=example.com"),
        ({"h": "To:Subject"}, "permerror", "the From field is not signed"),
        ({"h": "From::Subject"}, "neutral", "h= has an empty name"),
        ({"h": ":".join(["From"] * 501)}, "neutral", "h= lists 501 fields, and at most 500 are checked"),
        ({"v": "2"}, "neutral", "the version v=2, expected 1"),
        ({"v": None}, "neutral", "the signature has no tag v="),
        ({"d": None, "s": None}, "neutral", "the signature has no tags d=, s="),
        ({"s": ""}, "neutral", "the signature has an empty s="),
        ({"a": "rsa-md5"}, "neutral", "the algorithm a=rsa-md5 is unknown"),
        ({"c": "nofws"}, "neutral", "the canonicalization c=nofws is unknown"),
        ({"c": "simple"}, "pass", "the signature matches"),
        ({"c": None}, "pass", "the signature matches"),
        ({"q": "dns/mx"}, "neutral", "the query method q=dns/mx is unknown"),
        ({"q": "dns/txt:other"}, "pass", "the signature matches"),
        ({"d": "exa mple.com"}, "neutral", "d=exa mple.com is not a domain name"),
        ({"bh": "a%b="}, "neutral", "bh= cannot be read: 'a%b=' is not base64"),
        ({"bh": "abc"}, "neutral", "'abc' is not base64"),
        ({"z": "Subject:x; z=y"}, "neutral", "the tag z= occurs twice"),
        ({"n": "x; hello"}, "neutral", "'hello' is not a tag of the form name=value"),
        ({"n": "x" * 40_000}, "neutral", "at most 32768 are checked"),
        ({"unknown": "value"}, "pass", "the signature matches"),
    ],
)
def test_tags_of_a_signature(tags, result, text):
    found = verify_one(sign_by_hand(tags), now=NOW)

    assert found.result == result
    assert text in found.reason


def test_strict_flag_demands_the_exact_domain():
    zone = Zone({RSA_KEY_NAME: write_rsa_record(make_rsa_key(), "v=DKIM1; t=s")})
    result = verify_one(sign_by_hand({"i": "ann@mail.example.com"}), zone)

    assert result.result == "permerror"
    assert "demands that i= has the domain example.com (t=s)" in result.reason


def test_rsa_sha1_is_refused():
    result = verify_one(sign_by_hand({"a": "rsa-sha1"}, algorithm="sha1"))

    assert result.result == "policy"
    assert "RFC 8301" in result.reason


def test_signature_with_sha1_that_says_sha256_fails():
    content = sign_by_hand({"a": "rsa-sha256"}, algorithm="sha1", body_hash=_hash_body())
    result = verify_one(content)

    assert (result.result, result.reason) == ("fail", "it was signed with sha1, but a= says rsa-sha256")


def _hash_body():
    return base64.b64encode(hashlib.sha256(MAIL.partition(b"\r\n\r\n")[2]).digest()).decode()


def test_damaged_signature_value_is_named():
    content = sign_by_hand({})
    start = content.index(b"; b=") + 4

    assert "is not base64" in verify_one(content[:start] + b"%" + content[start + 1 :]).reason
    flipped = b"A" if content[start + 9 : start + 10] != b"A" else b"B"
    result = verify_one(content[: start + 9] + flipped + content[start + 10 :])
    assert "with another key" in result.reason and "b= is damaged" in result.reason


def test_white_space_around_the_signature_value_is_ignored():
    content = sign_by_hand({})
    start = content.index(b"; b=") + 4

    folded = content[:start] + b" \r\n\t" + content[start : start + 60] + b"\r\n " + content[start + 60 :]

    assert verify_one(folded).result == "pass"


def test_result_becomes_plain_values():
    result = verify_one(sign())

    assert result.to_dict()["signed_headers"] == list(result.signed_headers)
    assert str(result) == "dkim=pass d=example.com s=rsa: the signature matches"
    assert "whole_body" not in repr(result)
