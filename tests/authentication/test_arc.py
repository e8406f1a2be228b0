"""ARC chains made by dkimpy: intact, tampered, incomplete, too long, and without keys."""

import base64
import functools
import hashlib
import time

import dkim
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from lazr.smtptest.authentication import verify_arc
from lazr.smtptest.dns import Zone
from tests.authentication.signing import (
    DOMAIN,
    MAIL,
    RSA_KEY_NAME,
    make_rsa_key,
    make_zone,
    sign,
    write_pem,
    write_rsa_record,
)


def seal(content, number, *, key=None):
    """Return the mail with one more ARC set, as a forwarder makes it."""
    host = f"mx{number}.example.net"
    arc = "" if number == 1 else "; arc=pass"
    results = f"Authentication-Results: {host}; spf=pass smtp.mailfrom=example.com{arc}\r\n".encode()
    fields = dkim.arc_sign(results + content, b"rsa", DOMAIN.encode(), write_pem(key or make_rsa_key()), host.encode())
    return b"".join(fields) + results + content


def seal_by_hand(names, content=MAIL):
    """Return the mail with the first ARC set, which signs any fields; dkimpy always signs From twice."""
    head, _, body = content.partition(b"\r\n\r\n")
    fields = {line.partition(b":")[0].decode(): line + b"\r\n" for line in reversed(head.split(b"\r\n"))}
    tags = "i=1; a=rsa-sha256; d=example.com; s=rsa"
    body_hash = base64.b64encode(hashlib.sha256(body).digest()).decode()
    results = b"arc-authentication-results:i=1; mx.example.net; none\r\n"
    signature = f"arc-message-signature:{tags}; c=simple/simple; h={':'.join(names)}; bh={body_hash}; b=".encode()
    signature += sign_text(b"".join(fields[name] for name in names) + signature) + b"\r\n"
    arc_seal = f"arc-seal:{tags}; cv=none; b=".encode()
    return arc_seal + sign_text(results + signature + arc_seal) + b"\r\n" + signature + results + content


def sign_text(text):
    """Return a signature in base64."""
    return base64.b64encode(make_rsa_key().sign(text, padding.PKCS1v15(), hashes.SHA256()))


@functools.cache
def make_chain(count):
    """Return a mail with a chain of intact sets."""
    content = sign()
    for number in range(1, count + 1):
        content = seal(content, number)
    return content


def verify(content, zone=None):
    """Return the result of the chain."""
    return verify_arc(content, zone or make_zone(), time.time())


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_intact_chain_passes(count):
    result = verify(make_chain(count))

    assert result.result == "pass"
    assert [one.instance for one in result.instances] == list(range(1, count + 1))
    assert {(one.seal, one.message_signature) for one in result.instances} == {("pass", "pass")}
    assert [one.cv for one in result.instances] == ["none", *["pass"] * (count - 1)]
    assert result.instances[0].authentication_results == "i=1; mx1.example.net; spf=pass smtp.mailfrom=example.com"


@pytest.mark.parametrize(
    ("names", "added", "text"),
    [
        (["From"], b"", "the set matches"),
        (["Subject"], b"", "the From field is not signed"),
        (["From"], b"From: eve@example.org\r\n", "the mail has 2 From fields, and the signature covers only 1"),
    ],
)
def test_message_signature_must_cover_each_from_field(names, added, text):
    result = verify(added + seal_by_hand(names))

    assert text in result.reason
    assert result.result == ("pass" if text == "the set matches" else "fail")


def test_mail_without_arc_fields_has_no_chain():
    assert (verify(MAIL).result, verify(MAIL).reason) == ("none", "the mail has no ARC fields")


def test_change_before_the_last_set_is_told():
    result = verify(seal(make_chain(1) + b"footer\r\n", 2))

    assert (result.result, result.reason) == ("pass", "all 2 sets match; the mail is unchanged since set 2")
    assert result.instances[0].message_signature == "fail"
    assert "a line was added at the end" in result.instances[0].reason


def replace(before, after, count=1):
    """Return a function that replaces a text, which must be there."""

    def change(content):
        assert before in content
        return content.replace(before, after, count)

    return change


MESSAGE_CHANGES = [
    (lambda content: content + b"footer\r\n", "a line was added at the end (body line 9)"),
    (lambda content: content + b"\r\n--\r\nfooter\r\n", "3 lines were added at the end (body line 9)"),
    (replace(b"Hello Bob", b"CAUTION\r\nHello Bob"), "a line was inserted (body line 1)"),
    (replace(b"45 EUR", b"95 EUR"), 'one character was changed, from "4" to "9" (body line 4)'),
    (replace(b"\r\n.profile", b"\r\n..profile"), "dots at the start of lines were doubled"),
    (replace(b"Subject: Your", b"Subject: [list] Your"), 'the field Subject was changed: "[list]" was put in front'),
    (replace(b"From: Ann <ann@", b'From: "Ann" <ann@'), "the field From was changed: quotes"),
    (replace(b"Encoding: 8bit", b"Encoding: base64"), "the field Content-Transfer-Encoding was changed"),
    (replace(b"MIME-Version: 1.0\r\n", b""), "the field MIME-Version was removed"),
    (replace(b"From: Ann", b"From: eve@example.org\r\nFrom: Ann"), "another field From was added"),
    (replace(b"Subject: Your order\r\n", b""), "signed and not in the mail: subject"),
]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("change", "text"), MESSAGE_CHANGES)
def test_changed_mail_fails_with_the_reason(change, text, count):
    result = verify(change(make_chain(count)))

    assert result.result == "fail"
    assert result.reason.startswith(f"set {count}, of example.com: the ARC-Message-Signature does not match: ")
    assert text in result.reason
    assert {one.seal for one in result.instances} == {"pass"}


def change_set(number, before, after):
    """Return a function that changes the fields of one set."""

    def change(content):
        lines = content.split(b"\r\n")
        mark = f"i={number};".encode()
        for position, line in enumerate(lines):
            if line.startswith(b"ARC-") and mark in line:
                end = position + 1
                while lines[end].startswith((b" ", b"\t")):
                    end += 1
                field = b"\r\n".join(lines[position:end])
                if before in field:
                    lines[position:end] = [field.replace(before, after, 1)]
                    return b"\r\n".join(lines)
        raise AssertionError(before)

    return change


SEAL_CHANGES = [
    (change_set(1, b"spf=pass", b"spf=fail"), 1, "the field ARC-Authentication-Results was changed: spf=pass became"),
    (change_set(2, b"spf=pass", b"spf=none"), 2, "the field ARC-Authentication-Results was changed: spf=pass became"),
    (change_set(2, b"arc=pass", b"arc=fail"), 2, "the field ARC-Authentication-Results was changed: arc=pass became"),
    (change_set(1, b"mx1.example.net", b"mx9.example.net"), 1, "ARC"),
    (change_set(2, b"smtp.mailfrom=example.com", b"smtp.mailfrom=example.org"), 2, "ARC"),
    (change_set(3, b"spf=pass ", b"spf=pass (good) "), 3, "ARC"),
    (change_set(3, b"spf=pass smtp.mailfrom=example.com", b"spf=pass"), 3, "ARC"),
    (change_set(2, b"s=rsa", b"s=other"), 2, "there is no key record: other._domainkey.example.com"),
    (change_set(2, b"a=rsa-sha256", b"a=rsa-sha1"), 2, "rsa-sha1 must not be used"),
    (change_set(2, b"a=rsa-sha256", b"a=md5"), 2, "the algorithm a=md5 is unknown"),
    (change_set(2, b"cv=pass", b"cv=none"), 2, "it says cv=none, expected cv=pass"),
    (change_set(1, b"cv=none", b"cv=pass"), 1, "it says cv=pass, expected cv=none"),
    (change_set(2, b"cv=pass", b"cv=pass; h=from"), 2, "it has a tag h="),
    (change_set(2, b"; s=rsa", b"; n=rsa"), 2, "it has no s="),
]


@pytest.mark.parametrize(("change", "number", "text"), SEAL_CHANGES)
def test_changed_set_is_named(change, number, text):
    result = verify(change(make_chain(3)))
    failing = [one.instance for one in result.instances if one.seal != "pass"]

    assert result.result == "fail"
    assert failing[0] == number
    assert result.reason.startswith(f"set {number}, of example.com: ") or number == 3
    assert text in result.reason


STRUCTURES = [
    (replace(b"ARC-Seal: i=2", b"X-Seal: i=2"), "set 2 has no ARC-Seal"),
    (replace(b"ARC-Message-Signature: i=1", b"X-Signature: i=1"), "set 1 has no ARC-Message-Signature"),
    (replace(b"ARC-Authentication-Results: i=3", b"X-Results: i=3"), "set 3 has no ARC-Authentication-Results"),
    (replace(b"ARC-Seal: i=3", b"ARC-Seal: i=2"), "set 2 has two fields ARC-Seal"),
    (replace(b" i=1", b" i=4", 9), "set 1 is missing: the highest instance is 4"),
    (replace(b" i=2", b" i=5", 9), "set 2 is missing: the highest instance is 5"),
    (replace(b"ARC-Seal: i=3", b"ARC-Seal: i=51"), "the instance i=51 is too high: a chain has at most 50 sets"),
    (replace(b"ARC-Seal: i=3", b"ARC-Seal: i=99999"), "an ARC-Seal has no instance number i="),
    (replace(b"ARC-Seal: i=3", b"ARC-Seal: j=3"), "an ARC-Seal has no instance number i="),
    (replace(b"ARC-Authentication-Results: i=3;", b"ARC-Authentication-Results:"), "has no instance number i="),
    (replace(b"ARC-Seal: i=3; ", b"ARC-Seal: i=3; hello; "), "the ARC-Seal of set 3 cannot be read: 'hello'"),
    (replace(b"ARC-Seal: i=3; cv=pass", b"ARC-Seal: i=3; cv=fail"), "set 3 of example.com says cv=fail"),
]


@pytest.mark.parametrize(("change", "text"), STRUCTURES)
def test_broken_chain_fails_with_the_reason(change, text):
    result = verify(change(make_chain(3)))

    assert result.result == "fail"
    assert text in result.reason


def test_chain_of_51_sets_fails():
    fields = b"".join(b"ARC-Seal: i=%d; cv=pass\r\n" % number for number in range(1, 52))

    assert "at most 50 sets" in verify(fields + MAIL).reason


def test_failing_lookup_is_a_temperror():
    result = verify(make_chain(2), Zone({RSA_KEY_NAME: TimeoutError()}))

    assert result.result == "temperror"
    assert "set 1: " in result.reason and "cannot be looked up now" in result.reason


def test_other_key_fails():
    result = verify(make_chain(2), Zone({RSA_KEY_NAME: write_rsa_record(make_rsa_key(number=1))}))

    assert result.result == "fail"
    assert f"another key than the one at {RSA_KEY_NAME}" in result.reason


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content,
        lambda content: content + b"footer\r\n",
        *(change for change, _ in MESSAGE_CHANGES[:8]),
        *(change for change, _, _ in SEAL_CHANGES if change is not SEAL_CHANGES[9][0]),
    ],
)
def test_verdict_is_that_of_dkimpy(change):
    content = change(make_chain(3))
    zone = make_zone()
    expected, _, _ = dkim.arc_verify(content, dnsfunc=lambda name, timeout: (zone.find_txt(name.decode()) or [b""])[0])

    assert verify(content).result == expected.decode()


def test_result_becomes_plain_values():
    result = verify(make_chain(1))

    assert result.to_dict() == {
        "result": "pass",
        "reason": "the set matches",
        "instances": [
            {
                "instance": 1,
                "cv": "none",
                "domain": "example.com",
                "selector": "rsa",
                "seal": "pass",
                "message_signature": "pass",
                "authentication_results": "i=1; mx1.example.net; spf=pass smtp.mailfrom=example.com",
                "reason": "",
                "changed": None,
            }
        ],
    }
    assert str(result.instances[0]) == "i=1 cv=none d=example.com seal=pass message=pass"
