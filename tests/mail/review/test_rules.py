"""Each rule of the review finds what breaks it, at its line, and is silent about a similar mail."""

import sys
from base64 import b64encode
from dataclasses import replace

import pytest

from lazr.smtptest import Mail
from lazr.smtptest.authentication import DkimResult
from lazr.smtptest.mail.review import REVIEW_RULES
from tests.mail.review.rule_cases import CASES, GOOD, GOOD_HTML, ONE_CLICK, SIGNATURE, build, build_html

RULES = {rule.name: rule for rule in REVIEW_RULES}


def find(mail, name):
    return [finding for finding in mail.check() if finding.rule == name]


def test_each_rule_has_a_case():
    assert len(RULES) == len(REVIEW_RULES)
    assert list(RULES) == list(CASES)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[0] is not None])
def test_rule_finds_what_breaks_it(name):
    mail, line, _ = CASES[name]
    found = find(mail, name)

    assert found, str(mail.check())
    assert (found[0].line, found[0].severity) == (line, RULES[name].severity)
    assert found[0].url.startswith("https://") and found[0].text[-1] != "."


@pytest.mark.parametrize("name", CASES)
def test_rule_is_silent_about_a_similar_mail(name):
    assert find(CASES[name][2], name) == []


def test_good_mails_have_no_findings():
    assert str(GOOD.check()) == str(GOOD_HTML.check()) == "no findings"


@pytest.mark.slow
def test_large_mail_breaks_the_limit_of_providers():
    line = "x" * 70 + "\r\n"
    mail = build(body=line * (25 * 1024 * 1024 // len(line) - 10))
    larger = Mail.from_bytes(mail.content + line.encode() * 20)

    assert find(mail, "message-size") == [] and len(find(larger, "message-size")) == 1


def test_html_is_not_checked_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tinycss2", None)
    [finding] = find(build_html("<p style='display: flex'>a</p>"), "html-not-checked")

    assert 'pip install "lazr.smtptest[html-check]"' in finding.text and finding.severity == "info"


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("quoted-printable", b"=\r\n".join),
        ("quoted-printable", b"=0A\r\n".join),
        ("base64", lambda lines: b"\r\n".join(b64encode(line.ljust(18)) for line in lines)),
    ],
    ids=["soft line ends", "encoded line ends", "base64"],
)
def test_line_in_the_source_is_found_in_encoded_html(encoding, encode):
    lines = [b"<p>aaaaaaaaa</p>", b"<p>bbbbbbb</p> ", b"<a href=3D/x>" if "q" in encoding else b"<a href='/x'>c"]
    mail = build({"Content-Type": "text/html", "Content-Transfer-Encoding": encoding}, encode(lines) + b"\r\n")

    assert find(mail, "link-relative")[0].line == 12


def test_findings_of_a_rule_are_limited():
    mail = build(body="http://a.test/ \r\n" * 50)
    found = find(mail, "link-insecure")

    assert len(found) == 21 and found[-1].text == "30 more places are not listed"


def test_mail_with_bare_cr_line_ends_has_lines():
    mail = Mail("1", GOOD.envelope, [GOOD.content.replace(b"\r\n", b"\r") + b"http://a.test/\r"])

    assert find(mail, "link-insecure")[0].line == 10


def test_one_click_fields_need_a_valid_signature_if_dns_is_known():
    fields = ONE_CLICK | SIGNATURE
    mail = build(fields, envelope={"dns": {"s._domainkey.example.com": "v=DKIM1; p="}})
    signed = DkimResult("pass", signed_headers=("from", "list-unsubscribe", "list-unsubscribe-post"))
    known = mail.authenticate()

    assert find(build(fields), "one-click-unsigned") == [] and find(mail, "one-click-unsigned")
    review = mail.check(authentication=replace(known, dkim=(signed,)))
    assert "one-click-unsigned" not in [finding.rule for finding in review]
