"""The documentation site in the browser: search, themes, the 404 page, and narrow windows."""

import pytest

from tests.helpers.documentation_site import serve_site

pytestmark = pytest.mark.slow

PHONE = {"width": 390, "height": 800}
WIDTH_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def site_server(documentation_site):
    """The built site, at the path of the published one."""
    with serve_site(documentation_site) as server:
        yield server


def test_search_finds_word_of_pages_and_names(open_tab, site_server):
    page = open_tab(site_server).page
    page.goto(site_server.url)
    page.get_by_placeholder("Search").first.fill("greylist")
    page.keyboard.press("Enter")

    page.locator("#search-results").get_by_role("link", name="lazr.smtptest.presets.greylist").wait_for()
    page.locator("#search-results").get_by_role("link", name="Cookbook", exact=True).click()
    assert "greylist" in page.locator("article").inner_text()


def test_theme_button_switches_colors_and_pictures(open_tab, site_server):
    page = open_tab(site_server, color_scheme="light").page
    page.goto(site_server.url)
    light, dark = page.locator("img.only-light").first, page.locator("img.only-dark").first
    background = page.evaluate(BACKGROUND)
    assert (light.is_visible(), dark.is_visible()) == (True, False)

    button = page.locator(".content-icon-container .theme-toggle").first
    for _ in range(3):  # the system's theme, light, dark
        if dark.is_visible():
            break
        button.click()

    assert (light.is_visible(), dark.is_visible()) == (False, True)
    assert page.evaluate(BACKGROUND) != background
    page.goto(f"{site_server.url}how-to/web-inbox.html")
    assert page.locator("img.only-dark").first.is_visible()


def test_dark_system_gets_the_dark_theme(open_tab, site_server):
    page = open_tab(site_server, color_scheme="dark").page
    page.goto(site_server.url)

    assert page.locator("img.only-dark").first.is_visible()


@pytest.mark.parametrize("path", ["missing", "how-to/missing.html", "a/b/c/d.html"])
def test_404_page_works_at_any_depth(open_tab, site_server, path):
    tab = open_tab(site_server)
    tab.expect("404")
    response = tab.page.goto(f"{site_server.url}{path}")
    assert response.status == 404
    assert tab.page.get_by_role("heading", name="Page not found").is_visible()
    tab.settle()
    assert [request.url for request in tab.requests if request.response().status != 200] == [f"{site_server.url}{path}"]

    tab.page.locator("article").get_by_role("link", name="the first page").click()
    assert tab.page.get_by_role("heading", name="lazr.smtptest", exact=True).is_visible()


def test_no_page_is_wider_than_a_phone(open_tab, site_server, documentation_site):
    tab = open_tab(site_server, viewport=PHONE)
    names = [path.relative_to(documentation_site).as_posix() for path in sorted(documentation_site.rglob("*.html"))]
    names = [name for name in names if name != "404.html"]

    assert len(names) > 50
    overflow = {}
    for name in names:
        tab.page.goto(f"{site_server.url}{name}")
        overflow[name] = tab.page.evaluate(WIDTH_OVERFLOW)
    assert {name: pixels for name, pixels in overflow.items() if pixels > 0} == {}
    # Every page was opened, and `open_tab` fails the test if one of them has loaded anything from another server.
    assert len(tab.requests) > len(names)


@pytest.mark.parametrize("width", [700, 1008, 1216, 1320, 1456, 1900])
def test_page_with_wide_tables_fits_each_window(open_tab, site_server, width):
    page = open_tab(site_server, viewport={"width": width, "height": 800}).page
    page.goto(f"{site_server.url}reference/cli.html")

    assert page.evaluate(WIDTH_OVERFLOW) == 0


def test_code_blocks_have_a_button_that_copies_without_prompts(open_tab, site_server):
    tab = open_tab(site_server)
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.page.goto(f"{site_server.url}reference/inbox.html")
    block = tab.page.locator("div.highlight", has_text=">>> ").first
    block.hover()
    block.locator("button.copybtn").click()

    copied = tab.page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() and ">>>" not in copied
