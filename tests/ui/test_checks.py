"""The checks of a mail: its fields, its HTML, its links."""

import sys

import pytest

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


def test_checks_show_the_worst_first(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail("Subject: x\r\n\r\nHi\r\n"), "checks")
    with inbox_server.connect() as http:
        checks = http.get("/api/v1/message/latest/checks").json()
    region = mail_page.panel.get_by_role("region", name="Checks")
    rows = region.locator("li").evaluate_all(
        "all => all.map((row) => [...row.children].map((cell) => cell.textContent))"
    )

    assert sorted(row[1] for row in rows) == sorted(check["Name"] for check in checks)
    order = ["error", "warning", "ok"]
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), key=order.index)
    errors = sum(check["Status"] == "error" for check in checks)
    assert errors
    assert region.get_by_text(f"{errors} error").is_visible()
    assert mail_page.panel.get_by_role("region", name="HTML support").inner_text() == ""


def test_html_support_names_the_missing_extra(inbox_server, mail_page, monkeypatch):
    monkeypatch.setitem(sys.modules, "tinycss2", None)
    mail_page.open_mail(inbox_server.add_mail(HTML_MAIL), "checks")

    note = 'This server does not check HTML; to install it: pip install "lazr.smtptest[html-check]"'
    assert mail_page.panel.get_by_role("region", name="HTML support").inner_text().splitlines()[-1] == note
    assert mail_page.panel.get_by_role("region", name="Checks").locator("li").count() > 0


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
