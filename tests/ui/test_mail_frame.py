"""The frame that shows the HTML of a mail: its pictures, its theme and its links."""

import pytest
from playwright.sync_api import expect

from tests.ui.pages import AppPage
from tests.ui.test_login import MAIL_WITH_PICTURE, PICTURE_WIDTH, SHOW_FRAME

THEMED = (
    "Content-Type: text/html\r\n\r\n"
    "<style>p{color:rgb(1,1,1)}@media (prefers-color-scheme: dark){p{color:rgb(2,2,2)}}</style><p>Text"
)


@pytest.fixture
def opened(app_page):
    """The inbox, open."""
    return app_page.open()


@pytest.mark.parametrize("webroot", ["", "/box"])
def test_pictures_of_the_mail_load(serve_inbox, open_tab, webroot):
    server = serve_inbox(webroot=webroot)
    mail_id = server.add_mail(MAIL_WITH_PICTURE)
    app = AppPage(open_tab(server), server).open()
    app.page.evaluate(SHOW_FRAME, f"{webroot}/view/{mail_id}.html")

    assert app.mail_frame.locator("#logo").evaluate(PICTURE_WIDTH) == 1


def test_frame_has_no_access_to_the_inbox(opened, inbox_server):
    mail_id = inbox_server.add_mail(MAIL_WITH_PICTURE)
    opened.page.evaluate(SHOW_FRAME, f"/view/{mail_id}.html")

    assert opened.page.evaluate("document.querySelector('iframe').contentDocument") is None
    assert opened.mail_frame.locator("#logo").evaluate("() => self.origin") == "null"


@pytest.mark.parametrize("query", ["", "?remote=1"])
def test_pictures_of_other_servers_load_only_on_demand(opened, inbox_server, canary, query):
    mail_id = inbox_server.add_mail(f"Content-Type: text/html\r\n\r\n<img src={canary.url}/pixel.png>")
    opened.tab.expect("request to another server|Failed to load resource")
    opened.page.evaluate(SHOW_FRAME, f"/view/{mail_id}.html{query}")
    opened.tab.settle()

    assert [request.split(b"\r\n")[0] for request in canary.requests if request][:1] == (
        [b"GET /pixel.png HTTP/1.1"] if query else []
    )
    assert b"referer" not in b"".join(canary.requests).lower()


@pytest.mark.parametrize(
    "html",
    [
        "<iframe src={canary}/x></iframe>",
        "<frameset><frame src={canary}/x></frameset>",
        "<iframe srcdoc='&lt;iframe src={canary}/x>'></iframe>",
        "<iframe ='&lt;iframe src={canary}/x>' srcdoc='&lt;iframe src={canary}/x>'></iframe>",
    ],
)
def test_frame_in_a_mail_makes_no_connection(opened, inbox_server, canary, html):
    """Chromium connects to the server of a frame before it looks at the policy that forbids the frame."""
    mail_id = inbox_server.add_mail(f"Content-Type: text/html\r\n\r\n{html.replace('{canary}', canary.url)}")
    opened.page.evaluate(SHOW_FRAME, f"/view/{mail_id}.html")
    opened.tab.settle()

    assert canary.connections == 0


@pytest.mark.parametrize(("scheme", "color"), [("light", "rgb(1, 1, 1)"), ("dark", "rgb(2, 2, 2)")])
def test_color_scheme_of_the_frame_is_the_theme_of_the_mail(open_tab, inbox_server, scheme, color):
    """`prefers-color-scheme` follows the style of the frame, so the mail itself is not changed."""
    mail_id = inbox_server.add_mail(THEMED)
    # "null": Playwright sets no theme of its own, which would count for all frames.
    app = AppPage(open_tab(inbox_server, color_scheme="null"), inbox_server).open()
    app.page.evaluate(SHOW_FRAME, f"/view/{mail_id}.html")
    app.page.evaluate("scheme => { document.querySelector('iframe').style.colorScheme = scheme; }", scheme)

    expect(app.mail_frame.locator("p")).to_have_css("color", color)


def test_link_opens_a_tab_that_cannot_reach_the_inbox(opened, inbox_server):
    target = f"{inbox_server.url}/livez"
    mail_id = inbox_server.add_mail(f"Content-Type: text/html\r\n\r\n<a href={target} target=_top>Link</a>")
    opened.tab.expect("^new tab: ")
    opened.page.evaluate(SHOW_FRAME, f"/view/{mail_id}.html?embed=1")
    with opened.page.expect_popup() as popup:
        opened.mail_frame.get_by_text("Link").click()
    popup.value.wait_for_load_state()

    assert popup.value.url == target and opened.path == "/"
    assert popup.value.evaluate("[self.opener, document.referrer]") == [None, ""]
