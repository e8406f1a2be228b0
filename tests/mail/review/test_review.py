"""The result of a review: a sequence, its assertions, and bounded work for any mail."""

import json
from time import perf_counter

import pytest

from lazr.smtptest import Mail
from lazr.smtptest.mail.review import SEVERITIES, Review, ReviewFinding
from lazr.smtptest.mail.review.source import ReviewSource
from tests.mail.malformed import messages
from tests.mail.review.rule_cases import GOOD, build
from tests.mail.test_corpus import CORPUS, MAILS

FAULTY = build({"Date": None, "Message-ID": None}, "http://a.test/\r\n")


def test_findings_are_sorted_by_severity_and_line():
    review = build({"Date": "yesterday", "From": None}, "{{ a }}\r\nhttp://a.test/\r\n").check()

    assert [finding.rule for finding in review[:4]] == ["from-missing", "date-syntax", "placeholder", "link-insecure"]
    assert [SEVERITIES.index(finding.severity) for finding in review] == sorted(
        SEVERITIES.index(finding.severity) for finding in review
    )


def test_review_is_a_sequence():
    review = FAULTY.check()

    assert isinstance(review[0], ReviewFinding) and review[0] in review and len(review[:2]) == 2
    assert review == FAULTY.check() and hash(review) == hash(FAULTY.check()) and review != GOOD.check()
    assert repr(review) == "<Review 1 error, 2 warning, 1 info>"


def test_assert_no_passes_without_findings():
    GOOD.check().assert_no("info")
    build(body="http://a.test/\r\n").check().assert_no()


def test_assert_no_lists_findings_with_their_links():
    with pytest.raises(AssertionError) as caught:
        FAULTY.check().assert_no("warning")

    assert str(caught.value) == (
        'the mail has 3 findings of severity "warning" or worse:\n'
        "  error: Date is missing (date-missing, header Date)\n"
        "    https://www.rfc-editor.org/rfc/rfc5322#section-3.6\n"
        "  warning: Message-ID is missing; replies cannot refer to the mail (message-id-missing, header Message-ID)\n"
        "    https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4\n"
        "  warning: http://a.test/ is without TLS (link-insecure, text, line 7)\n"
        "    https://www.rfc-editor.org/rfc/rfc9110#section-4.2.2"
    )


def test_assert_no_ignores_rules():
    review = FAULTY.check()
    review.assert_no("warning", ignore=("date-missing", "message-id-missing", "link-insecure"))

    with pytest.raises(AssertionError, match="1 finding of"):
        review.assert_no("error", ignore={"link-insecure"})


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"severity": "warnings"}, ValueError, "did you mean 'warning'"),
        ({"ignore": ["date-mising"]}, ValueError, "did you mean 'date-missing'"),
        ({"ignore": "date-missing"}, TypeError, r"write \['date-missing'\]"),
    ],
)
def test_wrong_arguments_are_explained(arguments, error, text):
    with pytest.raises(error, match=text):
        GOOD.check().assert_no(**arguments)


def test_review_is_json():
    review = FAULTY.check()
    values = json.loads(json.dumps(review.to_dict()))

    assert values["findings"][0] == review[0]._asdict()
    assert (values["spam_score"], values["spam_threshold"]) == (2.2, 5.0)
    assert [rule["name"] for rule in values["spam_signs"]] == ["MISSING_DATE", "MISSING_MESSAGE_ID"]


def test_empty_review():
    assert str(Review([])) == "no findings" and Review([]).spam_score == 0 and not Review([]).is_spam


@pytest.mark.parametrize("path", sorted(MAILS)[::5])
def test_lines_of_real_mails_are_in_their_source(path):
    mail = Mail.from_file(CORPUS / path)
    lines = mail.content.count(b"\n") + 1

    assert all(finding.line is None or 1 <= finding.line <= lines for finding in mail.check())


@pytest.mark.slow
def test_malformed_mails_are_reviewed_in_bounded_time(monkeypatch):
    monkeypatch.setattr(ReviewSource, "html_support", None)  # runs in a child process with limits of its own
    for index, (name, content) in enumerate(messages()):
        if index % 50 == 0:
            mail = Mail.from_bytes(content() or b"\r\n")
            started = perf_counter()
            lines = mail.content.count(b"\n") + 1
            assert all(finding.line is None or 1 <= finding.line <= lines for finding in mail.check()), name
            assert perf_counter() - started < 20, name


MIB = 1024 * 1024
HOSTILE = {
    "links": b"Content-Type: text/html\r\n\r\n" + b"<a href=%>" * (MIB // 10),
    "links that do not end": b"Content-Type: text/html\r\n\r\n" + b"<a href=x>y" * (MIB // 11),
    "open elements": b"Content-Type: text/html\r\n\r\n" + b"<div>" * (MIB // 5),
    "comments in MIME-Version": b"MIME-Version: " + b"(" * 99_000 + b"\r\n\r\n",
    "styles": b"Content-Type: text/html\r\n\r\n" + b"<img style='" + b"width: " * (MIB // 7) + b"'>",
    "placeholders": b"\r\n" + b"{{ a" * (MIB // 4),
    "encoded words": b"Subject: " + b"=?a?q?" * 16_000 + b"\r\n\r\n",
    "names in From": b"From: " + b'"a@b.c.' * 14_000 + b"\r\n\r\n",
    "soft line ends": b"Content-Transfer-Encoding: quoted-printable\r\n\r\nhttp://a.test/ " + b"=\r\n" * (4 * MIB),
    "many lines": b"\r\n" + b"http://a.test/\r\n" * (MIB // 4),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_takes_bounded_time(name, monkeypatch):
    monkeypatch.setattr(ReviewSource, "html_support", None)
    mail = Mail("1", GOOD.envelope, [HOSTILE[name]])
    _ = mail.defects
    started = perf_counter()
    mail.check()

    assert perf_counter() - started < 20
