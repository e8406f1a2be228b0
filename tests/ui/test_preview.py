"""The preview: the HTML of a mail in a frame that can neither run scripts nor load anything by itself."""

import http.server
import threading

import pytest

from tests.ui.example_mails import build_rich_mail
from tests.ui.pages import MailPage


@pytest.fixture
def mail_page(open_tab, inbox_server):
    # Without a color scheme of Playwright, which would override that of the frame.
    return MailPage(open_tab(inbox_server, color_scheme="null"), inbox_server)


@pytest.fixture
def picture_server():
    """The address of another server, and the paths that were requested from it."""
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append((self.path, self.headers.get("Referer")))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", paths
    server.shutdown()
    thread.join()
    server.server_close()


def add_html(server, html):
    return server.add_mail(f"Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n")


def test_frame_is_a_sandbox(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail()))
    frame = mail_page.panel.locator("iframe")

    assert frame.get_attribute("sandbox") == "allow-popups allow-popups-to-escape-sandbox"
    assert frame.get_attribute("referrerpolicy") == "no-referrer"
    assert mail_page.mail_frame.locator("#code").inner_text().startswith("Your code is 482 913.")
    assert mail_page.mail_frame.locator("#logo").evaluate("image => image.naturalWidth") == 240
    assert mail_page.mail_frame.locator("a").get_attribute("target") == "_blank"


@pytest.mark.parametrize(("name", "width"), [("Phone", 375), ("Tablet", 768)])
def test_width_of_devices(open_tab, inbox_server, name, width):
    page = MailPage(open_tab(inbox_server, viewport={"width": 1600, "height": 800}), inbox_server)
    page.open_mail(inbox_server.add_mail(build_rich_mail()))
    frame = page.panel.locator("iframe")
    full = frame.bounding_box()
    assert full["width"] > 768
    assert full["height"] > 300
    page.button(name).click()
    assert frame.bounding_box()["width"] == width
    page.button("Full").click()
    assert frame.bounding_box() == full


def test_themes(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail()))
    color = "element => getComputedStyle(element).color"
    frame, text = mail_page.panel.locator("iframe"), mail_page.mail_frame.locator("#code")
    assert text.evaluate(color) == "rgb(1, 2, 3)"
    mail_page.button("Dark").click()
    mail_page.mail_frame.locator("#code").and_(mail_page.mail_frame.locator("p")).wait_for()
    mail_page.tab.settle()
    assert text.evaluate(color) == "rgb(4, 5, 6)"  # the rules for prefers-color-scheme: dark
    mail_page.button("Forced dark").click()
    mail_page.tab.settle()
    assert text.evaluate(color) == "rgb(1, 2, 3)"
    assert "invert" in frame.evaluate("frame => getComputedStyle(frame).filter")


def test_images_can_be_switched_off(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail()))
    mail_page.button("Images").click()
    mail_page.page.wait_for_function("document.querySelector('iframe').src.includes('images=0')")
    mail_page.tab.settle()

    assert mail_page.mail_frame.locator("#logo").evaluate("image => image.naturalWidth") == 0
    assert mail_page.button("Images").get_attribute("aria-pressed") == "false"


def test_choices_of_the_preview_are_no_steps_back(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail()))
    before = mail_page.page.evaluate("history.length")
    for _ in range(3):
        mail_page.button("Images").click()
        mail_page.tab.settle()
    assert mail_page.page.evaluate("history.length") == before


def test_remote_content_needs_a_click(inbox_server, mail_page, picture_server):
    address, paths = picture_server
    mail_page.tab.expect(address)
    mail_id = add_html(inbox_server, f"<p>Hi</p><img src='http://{address}/pixel.gif'>")
    mail_page.open_mail(mail_id)
    assert mail_page.panel.get_by_text("Remote pictures are not loaded.").is_visible()
    assert paths == []
    with mail_page.page.expect_response(f"http://{address}/pixel.gif"):
        mail_page.button("Load remote content").click()
    assert paths == [("/pixel.gif", None)]


def test_remote_content_is_offered_only_if_there_is_some(inbox_server, mail_page):
    mail_page.tab.expect("request to another server")  # the browser reports requests that it blocks, too
    button = mail_page.button("Load remote content")
    for html, is_offered in (
        ("<p>Hi</p><a href='https://example.com/'>x</a>", False),
        ("<img src='cid:logo'>", False),
        ("<img src=//example.com/logo.png>", True),
        ('<td background = "https://example.com/a.png">', True),
        ("<style>p { background: url( 'http://example.com/a.png' ) }</style>", True),
        ("<img srcset='a.png 1x, https://example.com/b.png 2x'>", True),
    ):
        mail_page.open_mail(add_html(inbox_server, html))
        mail_page.panel.locator("iframe").wait_for()

        assert button.is_visible() is is_offered, html


def test_remote_content_can_be_the_default(serve_inbox, open_tab, picture_server):
    address, paths = picture_server
    server = serve_inbox(remote_content=True)
    page = MailPage(open_tab(server), server)
    page.tab.expect(address)
    page.delay_configuration("codes")
    with page.page.expect_response(f"http://{address}/pixel.gif"):
        page.open_mail(add_html(server, f"<img src='http://{address}/pixel.gif'>"))

    assert page.button("Load remote content").get_attribute("aria-pressed") == "true"
    assert paths


def test_mail_without_html_shows_its_text(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail("Subject: x\r\n\r\nSee https://example.com/a?b=1.\r\n"))

    assert mail_page.panel.locator("iframe").count() == 0
    assert mail_page.panel.get_by_role("link").get_attribute("href") == "https://example.com/a?b=1"
    mail_page.open_mail(inbox_server.add_mail("Subject: x\r\n\r\n"))
    assert "neither HTML nor text" in mail_page.panel.inner_text()
