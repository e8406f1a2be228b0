"""The settings of the browser."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.ui.pages import AppPage
from tests.ui.pages.settings_page import SettingsPage


@pytest.fixture
def settings(app_page):
    app_page.open("/settings")
    return SettingsPage(app_page.page)


CHOICES = [
    ("Theme", "dark", "theme"),
    ("Density", "compact", "density"),
    ("Time zone", "UTC", "timeZone"),
    ("Group by", "tag", "group"),
    ("Sort by", "size", "sort"),
    ("Order", "asc", "order"),
    ("A mail opens with", "source", "tab"),
]


def test_choices_are_kept(settings):
    for label, value, name in CHOICES:
        settings.field(label).focus()
        settings.field(label).select_option(value)
        assert settings.stored()[name] == value
        expect(settings.field(label)).to_be_focused()
    settings.page.reload()
    for label, value, _ in CHOICES:
        expect(settings.field(label)).to_have_value(value)


def test_theme_applies_at_once(settings):
    background = "getComputedStyle(document.body).backgroundColor"
    light = settings.page.evaluate(background)
    settings.field("Theme").select_option("dark")
    expect(settings.page.locator("html")).to_have_attribute("data-theme", "dark")
    assert settings.page.evaluate(background) != light


def test_density_makes_rows_lower(app_page):
    app_page.server.add_mail(Subject="Hi")
    app_page.open()
    row = app_page.page.locator("message-list [role=row]").first
    height = row.bounding_box()["height"]
    app_page.open("/settings")
    SettingsPage(app_page.page).field("Density").select_option("compact")
    app_page.open()
    assert row.bounding_box()["height"] < height


@pytest.mark.parametrize(("value", "zone"), [("local", "Asia/Tokyo"), ("UTC", "UTC")])
def test_time_zone_applies_to_times_and_searches(inbox_server, open_tab, value, zone):
    inbox_server.add_mail(Subject="Hi")
    app = AppPage(open_tab(inbox_server, timezone_id="Asia/Tokyo"), inbox_server).open("/settings")
    SettingsPage(app.page).field("Time zone").select_option(value)
    app.follow("/search?q=subject:hi")
    (request,) = [request for request in app.tab.requests if "/api/v1/search" in request.url]
    assert parse_qs(urlsplit(request.url).query)["tz"] == [zone]
    received = app.page.locator("message-list time").first.get_attribute("title")
    assert received.endswith(" UTC") == (value == "UTC")


def test_other_window_follows(app_page, settings):
    app_page.tab.expect("new tab")
    other = app_page.page.context.new_page()
    other.goto(f"{app_page.server.url}/settings")
    settings.field("Density").select_option("compact")
    expect(SettingsPage(other).field("Density")).to_have_value("compact")


def test_newest_mail_can_be_followed(settings):
    settings.field("Open the newest mail as soon as it arrives").check()
    assert settings.stored()["followNewest"] is True


@pytest.mark.parametrize(("permission", "is_on"), [("granted", True), ("denied", False)])
def test_notifications_ask_for_permission_only_when_wanted(app_page, permission, is_on):
    app_page.page.add_init_script(
        f"""window.asked = 0;
        Notification.requestPermission = async () => {{ window.asked += 1; return "{permission}"; }};"""
    )
    app_page.open("/settings")
    settings = SettingsPage(app_page.page)
    box = settings.field("Show a desktop notification for new mail")
    expect(box).not_to_be_checked()
    assert app_page.page.evaluate("window.asked") == 0
    box.click()

    expect(box).to_be_checked(checked=is_on)
    expect(settings.toasts.get_by_text("does not allow notifications")).to_have_count(0 if is_on else 1)
    assert (app_page.page.evaluate("window.asked"), settings.stored().get("notifications", False)) == (1, is_on)


def test_saved_search_is_removed_and_brought_back(app_page):
    stored = json.dumps({"searches": [{"name": "Welcome <b>", "query": 'subject:"welcome"'}]})
    app_page.page.add_init_script(f"localStorage['smtptest.settings'] ??= {json.dumps(stored)}")
    app_page.open("/settings")
    settings = SettingsPage(app_page.page)
    expect(settings.searches.get_by_role("link", name="Welcome <b>")).to_be_visible()
    settings.searches.get_by_role("button", name="Remove the search Welcome <b>").click()
    expect(settings.searches).to_have_count(0)
    settings.toasts.get_by_role("button", name="Undo").click()
    expect(settings.searches).to_have_count(1)
    settings.searches.get_by_role("link").click()
    expect(app_page.page).to_have_url(f"{app_page.server.url}/search?q=subject%3A%22welcome%22")
