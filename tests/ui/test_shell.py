"""The frame of the page loads, without an error, at every path."""

import pytest
from playwright.sync_api import expect

from tests.ui.pages import AppPage

PATHS = ("/", "/search?q=subject:hi", "/sessions", "/rules", "/mailboxes", "/settings", "/about")


@pytest.mark.parametrize("webroot", ["", "/box"])
def test_every_path_shows_the_page(serve_inbox, open_tab, webroot):
    server = serve_inbox(webroot=webroot)
    server.add_mail()
    app = AppPage(open_tab(server), server)
    for path in PATHS:
        app.open(path)
        assert app.path == path
        assert "Inbox" in app.list_navigation()[0]
        assert "There is no such page" not in app.main.inner_text()


def test_page_is_live(app_page):
    app_page.open().page.get_by_text("Live", exact=False).first.wait_for()


def test_keys_lead_to_pages(app_page):
    app_page.open("/settings")
    for key, path in (("s", "/sessions"), ("r", "/rules"), ("i", "/")):
        app_page.page.keyboard.press("g")
        app_page.page.keyboard.press(key)
        expect(app_page.page).to_have_url(app_page.server.url + path)


def test_palette_runs_the_action_that_is_typed(app_page):
    app_page.open()
    app_page.page.keyboard.press("Control+k")
    app_page.page.get_by_role("combobox", name="Action").fill("go to set")
    app_page.page.keyboard.press("Enter")
    expect(app_page.page).to_have_url(f"{app_page.server.url}/settings")
    expect(app_page.page.get_by_role("heading", name="Settings")).to_be_visible()


def test_focus_stays_in_the_navigation_when_mail_comes(app_page):
    link = app_page.open("/settings").page.get_by_role("navigation", name="Pages").get_by_role("link").first
    link.focus()
    app_page.server.add_mail()
    expect(link).to_contain_text("1")
    expect(link).to_be_focused()


def test_browser_without_script_reads_mails(inbox_server, open_tab):
    inbox_server.add_mail(Subject="Read me")
    tab = open_tab(inbox_server, java_script_enabled=False)
    tab.page.goto(inbox_server.url)
    tab.page.get_by_role("link", name="Read me").click()

    assert tab.page.locator("body").inner_text().strip() == "Hello"
