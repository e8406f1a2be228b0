"""The offline signs of spam, and their scores."""

import pytest

from lazr.smtptest.mail.review import SPAM_RULES, SPAM_THRESHOLD
from tests.mail.review.rule_cases import GOOD, GOOD_HTML, ONE_CLICK, build, build_file, build_html

TEXT = "Your order is on its way, and comes tomorrow. " * 4
EXE = 'Content-Type: application/x-msdownload\r\nContent-Disposition: attachment; filename="a.exe"'
# The test string of spam filters, in two pieces: this file is no spam.
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*" + "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

CASES = {
    "GTUBE": build(body=f"{GTUBE}\r\n"),
    "MISSING_FROM": build({"From": None}),
    "MISSING_DATE": build({"Date": None}),
    "INVALID_DATE": build({"Date": "yesterday"}),
    "MISSING_MESSAGE_ID": build({"Message-ID": None}),
    "MISSING_RECIPIENTS": build({"To": None}),
    "MISSING_SUBJECT": build({"Subject": " "}),
    "SUBJECT_ALL_CAPS": build({"Subject": "YOUR ORDER IS HERE"}),
    "SUBJECT_EXCLAMATION": build({"Subject": "Order! Now!"}),
    "SUBJECT_MONEY": build({"Subject": "$500 for you"}),
    "FAKE_REPLY": build({"Subject": "Re: order"}),
    "REPLY_TO_DIFFERS": build({"Reply-To": "x@other.test"}),
    "ENVELOPE_DIFFERS": build(envelope={"mail_from": "x@other.test"}),
    "HTML_ONLY": build({"Content-Type": "text/html"}, f"<p>{TEXT}</p>\r\n"),
    "IMAGE_ONLY": build_html('<img alt="" src="https://a.test/a.png">'),
    "HIDDEN_TEXT": build_html('<p style="font-size: 0">a</p>'),
    "ACTIVE_HTML": build_html("<form></form>"),
    "LARGE_HTML": build_html("<p>12345678</p>\r\n" * 8_000),
    "TRACKING_PIXEL": build_html(f'<p>{TEXT}</p><img width=1 height=1 src="https://a.test/a.png">'),
    "URL_SHORTENER": build(body="https://bit.ly/a\r\n"),
    "URL_IP_ADDRESS": build(body="https://192.0.2.1/a\r\n"),
    "URL_MISMATCH": build_html("<a href='https://evil.test'>https://bank.test</a>"),
    "URL_PUNYCODE": build(body="https://xn--pypal-4ve.com/\r\n"),
    "SPAM_PHRASE": build(body="Act now\r\n"),
    "SPAM_PHRASES": build(body="Act now! Order now! Free trial!\r\n"),
    "BULK_WITHOUT_UNSUBSCRIBE": build({"Precedence": "bulk"}),
    "BLOCKED_ATTACHMENT": build_file(EXE),
}
SIMILAR = [
    GOOD,
    GOOD_HTML,
    build({"Subject": "Re: order", "In-Reply-To": "<1@a.test>"}),
    build({"Subject": "SALE"}),
    build({"Precedence": "bulk"} | ONE_CLICK),
    build({"Reply-To": "help@mail.example.com"}, envelope={"mail_from": "x@bounces.example.com"}),
    build_html(f"<p style='font-size: 0.9em; opacity: 0.5'>{TEXT}</p>"),
]


def get_names(mail):
    return [rule.name for rule in mail.check().spam_signs]


@pytest.mark.parametrize("rule", SPAM_RULES, ids=lambda rule: rule.name)
def test_sign_is_found(rule):
    assert rule.name in get_names(CASES[rule.name])


def test_each_sign_has_a_case():
    assert [rule.name for rule in SPAM_RULES] == list(CASES)


def test_mails_without_signs_have_the_score_0():
    assert [get_names(mail) for mail in SIMILAR] == [[]] * len(SIMILAR)


def test_score_is_the_sum_and_decides():
    review = build({"Date": None, "Subject": None, "Message-ID": None}, "https://192.0.2.1/\r\n").check()

    assert review.spam_score == pytest.approx(sum(rule.score for rule in review.spam_signs)) == 5.6
    assert review.is_spam and review.spam_score >= SPAM_THRESHOLD
    assert not GOOD.check().is_spam and CASES["GTUBE"].check().is_spam
    assert [rule.score for rule in review.spam_signs] == sorted(
        (rule.score for rule in review.spam_signs), reverse=True
    )
