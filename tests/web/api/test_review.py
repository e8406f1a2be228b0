"""The routes `review` and `sa-check`: their JSON, and what they do without another program."""

import sys

import httpx
import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, make_app
from lazr.smtptest.web.outbound import SpamCheckFailed
from tests.mail.review.rule_cases import GOOD, build, build_html

FAULTY = build_html("<p>a\r\n<a href='/x'>a</a>", fields={"Date": None, "Subject": "Hi\r\nX: {{ b }}"})


def get(rest_api, mail, route):
    rest_api.add_mail(mail.content)
    response = rest_api.http.get(f"/api/v1/message/latest/{route}")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    return response.json()


def test_review_has_findings_with_lines_and_links(rest_api):
    review = get(rest_api, FAULTY, "review")

    assert (review["Errors"], review["Warnings"]) == (2, 0)
    assert review["Findings"][0] == {
        "Rule": "date-missing",
        "Severity": "error",
        "Text": "Date is missing",
        "Where": "header Date",
        "Line": None,
        "URL": "https://www.rfc-editor.org/rfc/rfc5322#section-3.6",
    }
    assert (review["Findings"][1]["Rule"], review["Findings"][1]["Line"]) == ("link-relative", 17)
    assert (review["SpamScore"], review["SpamThreshold"]) == (1.4, 5.0)
    assert review["SpamRules"] == [{"Name": "MISSING_DATE", "Score": 1.4, "Description": "Date is missing"}]


def test_review_is_that_of_the_library(rest_api):
    findings = get(rest_api, FAULTY, "review")["Findings"]
    own = [finding for finding in FAULTY.check() if finding.rule != "date-differs"]

    assert [(one["Rule"], one["Line"], one["Text"]) for one in findings] == [(o.rule, o.line, o.text) for o in own]


def test_review_keeps_the_mail_unread(rest_api):
    get(rest_api, GOOD, "review")
    get(rest_api, GOOD, "sa-check")

    assert rest_api.store.get_totals().unread == 2


def test_review_without_tinycss2_says_so(rest_api, monkeypatch):
    monkeypatch.setitem(sys.modules, "tinycss2", None)
    rules = [finding["Rule"] for finding in get(rest_api, FAULTY, "review")["Findings"]]

    assert "html-not-checked" in rules and "link-relative" in rules


def test_missing_mail_returns_404(rest_api):
    assert rest_api.http.get("/api/v1/message/none/review").status_code == 404
    assert rest_api.http.get("/api/v1/message/none/sa-check").status_code == 404


def test_offline_spam_check_has_mailpits_fields(rest_api):
    assert get(rest_api, FAULTY, "sa-check") == {
        "IsSpam": False,
        "Error": "",
        "Score": 1.4,
        "Rules": [{"Score": 1.4, "Name": "MISSING_DATE", "Description": "Date is missing"}],
    }
    spam = build({"Subject": None, "Date": None}, "Act now: https://192.0.2.1/ https://bit.ly/x\r\n")
    assert get(rest_api, spam, "sa-check")["IsSpam"] is True


class BrokenChecker:
    async def check(self, mail):
        raise SpamCheckFailed("spamd at a.test:783: no connection")


def test_failed_spam_check_has_the_reason(make_rest_api):
    answer = get(make_rest_api(spam_checker=BrokenChecker()), GOOD, "sa-check")

    assert answer == {"IsSpam": False, "Error": "spamd at a.test:783: no connection", "Score": 0, "Rules": []}


@pytest.mark.anyio
async def test_review_checks_spf_with_the_records_of_the_server():
    store = MemoryStore()
    server = MailServer(store=store, dns={"example.com": "v=spf1 -all"}, spf_ip="192.0.2.1")
    server.deliver(GOOD.content, sender="ann@example.com", to="bob@example.com")
    transport = httpx.ASGITransport(make_app(AppContext(store, server)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        review = (await client.get("/api/v1/message/latest/review")).json()

    assert "spf-fails" in [finding["Rule"] for finding in review["Findings"]]
