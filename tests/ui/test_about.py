"""The page about the server."""

import smtplib
import sys

from playwright.sync_api import expect

from lazr.smtptest import __version__
from tests.ui.pages import AppPage


def find_fact(page, name):
    return page.locator("dl.facts > div").filter(has=page.locator("dt").get_by_text(name, exact=True)).locator("dd")


def test_about_has_version_counters_and_limits(app_page):
    with smtplib.SMTP(*app_page.server.mail_server.address) as client:
        client.sendmail("ann@example.com", "bob@example.com", "Subject: Hi\r\n\r\nHello\r\n")
        client.rcpt("early@example.com")
    app_page.open("/about")
    facts = {
        "Version": __version__,
        "Accepted mails": "1",
        "Refusals": "1",
        "Database": "memory:",
        "Mails": "1",
        "Message size": "32 MB",
        "Recipients": "1,000",
        "Idle timeout": "300 s",
        "Content memory": "no limit",
    }

    for name, value in facts.items():
        expect(find_fact(app_page.page, name)).to_have_text(value)
    host, port = app_page.server.mail_server.address
    expect(find_fact(app_page.page, "Receives mail at")).to_contain_text(f"{host}:{port}")
    expect(find_fact(app_page.page, "IMAP clients read it at")).to_have_count(0)


def test_addresses_of_imap_and_pop3_are_shown(serve_inbox, open_tab):
    server = serve_inbox(server_settings={"imap": True, "pop3": True})
    app_page = AppPage(open_tab(server), server)
    imap, pop3 = ("{}:{}".format(*reader.address) for reader in (server.mail_server.imap, server.mail_server.pop3))
    app_page.open("/")
    expect(app_page.page.locator("empty-state")).to_contain_text(
        f"Mail programs can read it: IMAP at {imap} and POP3 at {pop3}."
    )

    app_page.open("/about")
    expect(find_fact(app_page.page, "IMAP clients read it at")).to_contain_text(imap)
    expect(find_fact(app_page.page, "POP3 clients read it at")).to_contain_text(pop3)


def test_about_names_the_missing_extra(app_page, monkeypatch):
    monkeypatch.setitem(sys.modules, "tinycss2", None)
    app_page.open("/about")

    expect(find_fact(app_page.page, "Thumbnails of pictures")).to_have_text("installed")
    expect(find_fact(app_page.page, "Checks of the HTML")).to_have_text(
        'not installed: pip install "lazr.smtptest[html-check]"'
    )


def test_counters_are_updated(app_page):
    app_page.open("/about")
    expect(find_fact(app_page.page, "Mails")).to_have_text("0")
    with smtplib.SMTP(*app_page.server.mail_server.address) as client:
        client.sendmail("ann@example.com", "bob@example.com", "Subject: Hi\r\n\r\nHello\r\n")
    expect(find_fact(app_page.page, "Mails")).to_have_text("1")


def test_links_lead_to_interfaces(app_page):
    app_page.open("/about")
    for path in ("/openapi.json", "/api/v1", "/metrics"):
        link = app_page.page.get_by_role("link", name=path, exact=True)
        expect(link).to_be_visible()
        assert app_page.page.request.get(f"{app_page.server.url}{link.get_attribute('href')}").ok


def test_server_that_does_not_answer_is_no_error_on_every_refresh(app_page):
    app_page.tab.expect("ERR_FAILED")
    app_page.page.route("**/api/v1/info", lambda route: route.abort())
    app_page.open("/about")
    expect(app_page.page.get_by_role("heading", name="Interfaces")).to_be_visible()
    expect(app_page.page.locator(".toast")).to_have_count(0)


def test_focus_stays_when_counters_are_updated(app_page):
    app_page.open("/about")
    copy = app_page.page.get_by_role("button", name="Copy 127.0.0.1").first
    copy.focus()
    app_page.server.add_mail()
    expect(find_fact(app_page.page, "Mails")).to_have_text("1")
    expect(copy).to_be_focused()
