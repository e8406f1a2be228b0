"""The tab Checks of a mail: the review, HTML support, links and spam."""

import sys

import pytest
from playwright.sync_api import expect

from lazr.smtptest.web.outbound import LinkChecker, OutboundClient
from tests.ui.example_mails import build_rich_mail
from tests.ui.pages import MailPage

HTML_MAIL = (
    "Subject: x\r\nContent-Type: text/html\r\n\r\n<p>one</p>\r\n<div style='display: grid'>two</div>\r\n"
    "<div style='display: grid'>three</div>\r\n"
)


@pytest.fixture
def mail_page(tab, inbox_server):
    return MailPage(tab, inbox_server)


def get_region(mail_page, name):
    """Return a section of the tab, when it has been loaded."""
    region = mail_page.panel.get_by_role("region", name=name)
    expect(region.get_by_text("Checking …")).to_have_count(0)
    return region


def test_review_shows_the_worst_first(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail("Subject: x\r\n\r\nHi {{ name }}\r\n"), "checks")
    with inbox_server.connect() as http:
        review = http.get("/api/v1/message/latest/review").json()
    region = get_region(mail_page, "Review")
    rows = region.locator("li").evaluate_all(
        "all => all.map((row) => [row.children[0].textContent, row.querySelector('.finding-rule').textContent])"
    )

    assert rows == [[finding["Severity"], finding["Rule"]] for finding in review["Findings"]]
    assert review["Errors"] and region.get_by_text(f"{review['Errors']} error").is_visible()
    titles = region.get_by_role("heading", level=3).all_inner_texts()
    assert titles == [f"Errors ({review['Errors']})", f"Warnings ({review['Warnings']})"]
    assert mail_page.panel.get_by_role("region", name="HTML support").inner_text() == ""


def test_finding_links_to_its_line_and_its_rule(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail("Subject: x\r\n\r\nHi {{ name }}\r\n"), "checks")
    finding = get_region(mail_page, "Review").locator("li", has_text="placeholder")
    href = finding.get_by_role("link", name="placeholder").get_attribute("href")
    finding.get_by_role("link", name="Line 3").click()
    mail_page.tab.settle()

    assert href.startswith("https://mustache.github.io/")
    assert mail_page.selected_tab == "Source" and mail_page.page.url.endswith("/source#L3")
    assert "{{ name }}" in mail_page.panel.locator(".line.marked").inner_text()


def test_spam_score_has_its_signs(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail("Subject: x\r\n\r\nAct now: https://192.0.2.1/\r\n"), "checks")
    region = get_region(mail_page, "Spam")

    assert region.locator("strong.bad").inner_text() == "7.8" and "looks like spam" in region.inner_text()
    assert "URL_IP_ADDRESS" in region.locator("li").all_inner_texts()[1]


def test_findings_show_hostile_text_as_text(inbox_server, mail_page):
    mail = "Subject: x\r\nContent-Type: text/html\r\n\r\n<a href='/&lt;img src=x onerror=alert(1)&gt;'>x</a>\r\n"
    mail_page.open_mail(inbox_server.add_mail(mail), "checks")
    region = get_region(mail_page, "Review")

    assert "<img src=x onerror" in region.inner_text() and region.locator("img").count() == 0


def test_html_support_names_the_missing_extra(inbox_server, mail_page, monkeypatch):
    monkeypatch.setitem(sys.modules, "tinycss2", None)
    mail_page.open_mail(inbox_server.add_mail(HTML_MAIL), "checks")

    note = 'This server does not check HTML; to install it: pip install "lazr.smtptest[html-check]"'
    assert mail_page.panel.get_by_role("region", name="HTML support").inner_text().splitlines()[-1] == note
    assert get_region(mail_page, "Review").locator("li").count() > 0


def test_html_support_leads_to_the_lines(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(HTML_MAIL), "checks")
    region = mail_page.panel.get_by_role("region", name="HTML support")
    region.get_by_role("meter").wait_for()
    warning = region.locator("details", has_text="grid").first
    warning.locator("summary").click()
    assert "caniemail.com" in warning.inner_text()
    warning.get_by_role("link", name="Line 3").click()
    mail_page.tab.settle()

    assert mail_page.selected_tab == "HTML source"
    assert mail_page.page.url.endswith("/html#L3")
    assert "three" in mail_page.panel.locator(".line.marked").inner_text()
    mail_page.page.go_back()
    mail_page.page.wait_for_url("**/checks")


def test_links_are_checked_only_if_the_server_allows_it(inbox_server, mail_page, serve_inbox, open_tab):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail()), "checks")
    assert mail_page.button("Check the links").count() == 0

    server = serve_inbox(link_checker=LinkChecker(OutboundClient()))
    page = MailPage(open_tab(server), server)
    page.delay_configuration("checks")
    page.open_mail(server.add_mail("Subject: x\r\n\r\nhttp://127.0.0.1:9/private\r\n"), "checks")
    page.button("Check the links").click()
    region = page.panel.get_by_role("region", name="Links")
    region.get_by_text("1 link, 1 broken").wait_for()
    assert "http://127.0.0.1:9/private" in region.inner_text()
