"""`Mail.open` and `Mail.screenshot`: a mail in a page of Playwright, with a real Chromium.

The threats are W1 to W4, as in the web inbox.
"""

import asyncio
import contextlib
import re
import smtplib
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from lazr.smtptest import Mail
from tests.ui.browser import CHROMIUM_FLAGS, TIMEOUT_SECONDS, find_chromium
from tests.ui.hostile_mails import list_hostile_mails

RED_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
PICTURE_WIDTHS = "(pictures) => pictures.map((picture) => picture.complete && picture.naturalWidth)"


def build_html_mail(html, **arguments):
    return Mail.from_bytes(f"Subject: Hi\nContent-Type: text/html; charset=utf-8\n\n{html}\n".encode(), **arguments)


def build_mail_with_pictures():
    """Return a mail that shows a picture in each way that needs no other server, and one of another server."""
    location = "http://cdn.example/logo.png"
    picture = f"Content-Type: image/png\nContent-Transfer-Encoding: base64\n{{}}\n\n{RED_PIXEL}\n"
    html = (
        "Content-Type: text/html; charset=utf-8\n\n"
        f"<img src=cid:logo@x><img src='data:image/png;base64,{RED_PIXEL}'><img src=pictures/a.png><img src={location}>"
        "<div style='width: 1px; height: 1px; background: url(cid:logo@x)'></div><img src=http://cdn.example/other.png>\n"
    )
    parts = [
        html,
        picture.format("Content-ID: <logo@x>"),
        picture.format("Content-Location: pictures/a.png"),
        picture.format(f"Content-Location: {location}"),
    ]
    body = "".join(f"--b\n{part}" for part in parts)
    return Mail.from_bytes(f"Content-Type: multipart/related; boundary=b\n\n{body}--b--\n".encode())


# The second request sends a mail: `app.smtp_address` has the server.
APP_PAGE = """<!doctype html><title>App</title><h1>Confirmed</h1><script>document.body.append('ran')</script>
<button onclick="fetch('/first').then(() => fetch('/send'))">Send</button>"""


class _Handler(BaseHTTPRequestHandler):
    timeout = TIMEOUT_SECONDS  # the browser may keep a connection without a request

    def do_GET(self):
        self.server.requests.append((self.path, self.headers["referer"]))
        if self.path == "/send":
            with smtplib.SMTP(*self.server.smtp_address, timeout=TIMEOUT_SECONDS) as client:
                client.sendmail("app@x.example", ["ann@x.example"], b"Subject: From the app\r\n\r\nHi\r\n")
        body = APP_PAGE.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def app():
    """The application under test, with the paths of all requests.

    A test requests it before `page`: the browser closes its connections before the server waits for their threads.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = False
        server.requests = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def read_size(png):
    return struct.unpack(">II", png[16:24])


def test_link_of_the_mail_leads_into_the_application(app, page):
    mail = build_html_mail(f"<a href='{app.url}/confirm?t=1'>Confirm</a>")
    mail.open(page).get_by_role("link", name="Confirm").click()

    expect(page.get_by_role("heading")).to_have_text("Confirmed")
    expect(page.locator("body")).to_contain_text("ran")  # the application is not in the sandbox of the mail
    assert page.url == f"{app.url}/confirm?t=1"
    assert [request for request in app.requests if "confirm" in request[0]] == [("/confirm?t=1", None)]


def test_link_may_open_a_tab(app, page):
    build_html_mail(f"<a href='{app.url}/new' target=_blank>Confirm</a>").open(page)
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Confirm").click()

    expect(popup.value.locator("body")).to_contain_text("ran")


def test_pictures_of_the_mail_load(page):
    build_mail_with_pictures().open(page)

    assert page.locator("img").evaluate_all(PICTURE_WIDTHS) == [1, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("location", "source"),
    [
        ("my logo.png", "my logo.png"),
        ("my%20logo.png", "my logo.png"),
        ("bücher.png", "bücher.png"),
        ("b%C3%BCcher.png", "bücher.png"),
        ("a|b^'{c}.png", "a|b^'{c}.png"),
        ("dir\\a.png", "dir/a.png"),
        ("a.png?q='ü", "a.png?q='ü"),
        ("HTTP://CDN.Example/Logo.png", "http://cdn.example/Logo.png"),
        ("http://cdn.example:80/a.png", "http://cdn.example/a.png"),
        ("http://cdn.example/a.png", "http://cdn.example:80/a.png"),
        ("https://cdn.example:443/x/../a.png", "https://cdn.example/a.png"),
        ("https://cdn.example", "https://cdn.example/"),
        ("http://cdn.example:8080/a.png", "http://cdn.example:8080/a.png"),
        ("http://bücher.example/a.png", "http://bücher.example/a.png"),
    ],
)
def test_pictures_load_by_every_form_of_their_location(page, location, source):
    html = f'Content-Type: text/html; charset=utf-8\n\n<img src="{source}">\n'
    picture = (
        f"Content-Type: image/png\nContent-Transfer-Encoding: base64\nContent-Location: {location}\n\n{RED_PIXEL}\n"
    )
    content = f"Content-Type: multipart/related; boundary=b\n\n--b\n{html}--b\n{picture}--b--\n"
    Mail.from_bytes(content.encode()).open(page)

    assert page.locator("img").evaluate_all(PICTURE_WIDTHS) == [1]


def test_text_mail_is_shown_with_its_line_ends_and_links(app, page):
    mail = Mail.from_bytes(f"Subject: Hi <Ann>\n\nHello <b>Ann</b>\n  {app.url}/text\n".encode())
    mail.open(page)

    expect(page).to_have_title("Hi <Ann>")
    assert page.locator("pre").inner_text() == f"Hello <b>Ann</b>\n  {app.url}/text\n"
    page.get_by_role("link").click()
    expect(page).to_have_url(f"{app.url}/text")


def test_page_shows_one_mail_after_the_other(page):
    first, second = (build_html_mail(f"<p>{name}", recipients=[], id=name) for name in ("first", "second"))
    for mail in (first, second, first):
        mail.open(page)
        expect(page.locator("p")).to_have_text(mail.id)
    page.reload()
    expect(page.locator("p")).to_have_text("first")


def test_routes_of_the_test_work_after_the_mail(app, page):
    page.route("**/mocked", lambda route: route.fulfill(body="mocked"))
    build_html_mail(f"<a href='{app.url}/mocked'>Link</a><img src='{app.url}/mocked'>").open(page)
    page.get_by_role("link").click()

    expect(page.locator("body")).to_have_text("mocked")
    page.goto(f"{app.url}/other")
    expect(page.get_by_role("heading")).to_have_text("Confirmed")


def follow_link(page, mail, url):
    mail.open(page).get_by_role("link").click()


def reload_and_follow_link(page, mail, url):
    mail.open(page)
    page.reload()
    page.get_by_role("link").click()


def open_two_mails_and_follow_link(page, mail, url):
    for _ in range(2):
        build_html_mail("<p>Other", recipients=[], id="other").open(page)
        mail.open(page)
    mail.open(page).get_by_role("link").click()


def return_to_mail_and_follow_link(page, mail, url):
    mail.open(page).get_by_role("link").click()
    expect(page.get_by_role("heading")).to_have_text("Confirmed")
    page.go_back()
    page.get_by_role("link").click()


def leave_after_screenshot(page, mail, url):
    mail.screenshot(page)
    page.goto(url)


def leave_after_screenshot_with_width(page, mail, url):
    mail.screenshot(page, width=320)
    mail.screenshot(page, width=500)
    page.goto(url)


@pytest.mark.slow
@pytest.mark.parametrize(
    "leave_mail",
    [
        follow_link,
        reload_and_follow_link,
        open_two_mails_and_follow_link,
        return_to_mail_and_follow_link,
        leave_after_screenshot,
        leave_after_screenshot_with_width,
    ],
)
def test_application_loads_while_the_test_waits_for_a_mail(app, page, server, leave_mail):
    app.smtp_address = server.address
    leave_mail(page, build_html_mail(f"<a href='{app.url}/confirm'>Confirm</a>"), f"{app.url}/confirm")
    page.get_by_role("button", name="Send").click()

    assert server.inbox.one(timeout=TIMEOUT_SECONDS).subject == "From the app"  # it blocks the thread of Playwright


def test_link_that_sends_a_mail_loads_while_the_test_waits(app, page, server):
    app.smtp_address = server.address
    build_html_mail(f"<a href='{app.url}/send'>Send</a>").open(page).get_by_role("link").click()

    assert server.inbox.one(timeout=TIMEOUT_SECONDS).subject == "From the app"


def test_mail_is_guarded_again_after_a_return(app, browser, canary):
    html = f"<p>Mail</p><a href='{app.url}'>Link</a><img src='{canary.url}/x'>"
    # Without the policy of the document, only the guard stops requests.
    with browser.active(), contextlib.closing(browser.chromium.new_context(bypass_csp=True)) as context:
        page = context.new_page()
        failures = []
        page.on("requestfailed", lambda request: failures.append(request.url))
        build_html_mail(html).open(page).get_by_role("link").click()
        expect(page.get_by_role("heading")).to_have_text("Confirmed")
        page.go_back()
        expect(page.locator("p")).to_have_text("Mail")

    assert failures == [f"{canary.url}/x"] * 2
    assert canary.connections == 0


@pytest.mark.parametrize("target", ["cid:logo@x", "pictures/a.png"])
def test_link_to_a_part_shows_the_part(page, target):
    mail = build_mail_with_pictures()
    mail = Mail.from_bytes(mail.content.replace(b"<div", f"<p>Mail</p><a href='{target}'>Link</a><div".encode()))
    mail.open(page).get_by_role("link").click()

    expect(page).to_have_url(re.compile(r"^https://mail\.smtptest\.example/(part/2|pictures/a\.png)$"))
    assert page.locator("img").evaluate_all(PICTURE_WIDTHS) == [1]
    page.go_back()
    expect(page.locator("p")).to_have_text("Mail")


def test_link_to_no_part_stays_in_the_mail(page):
    mail = build_html_mail("<p>Mail</p><a href='/account'>Account</a>").open(page)
    with page.expect_event("requestfailed") as failure:
        page.get_by_role("link").click()

    assert failure.value.url == "https://mail.smtptest.example/account"
    expect(page.locator("p")).to_have_text("Mail")
    assert mail.url.startswith("https://mail.smtptest.example/")


def test_page_returns_to_the_mail(app, page):
    build_html_mail(f"<p>Mail</p><a href='{app.url}'>Link</a>").open(page)
    page.get_by_role("link").click()
    expect(page.get_by_role("heading")).to_have_text("Confirmed")
    page.go_back()

    expect(page.locator("p")).to_have_text("Mail")


def test_screenshot_has_the_whole_mail(page):
    mail = build_html_mail("<body style='margin: 0'><div style='height: 2000px; background: red'></div>")

    assert read_size(mail.screenshot(page)) == (800, 2000)
    assert read_size(mail.screenshot(page, full_page=False)) == (800, 600)


def test_screenshot_is_written_and_keeps_the_viewport(page, tmp_path):
    path = tmp_path / "new" / "mail.png"
    picture = build_html_mail("<p>Hi").screenshot(page, path, width=320)

    assert read_size(picture) == (320, 600) and path.read_bytes() == picture
    assert page.viewport_size == {"width": 800, "height": 600}


def test_screenshot_without_a_viewport(browser):
    with browser.active(), contextlib.closing(browser.chromium.new_context(no_viewport=True)) as context:
        page = context.new_page()

        assert read_size(build_html_mail("<p>Hi").screenshot(page, width=500)) == (500, 720)


def test_script_does_not_run(page):
    messages = []
    page.on("console", lambda message: messages.append(message.text))
    build_html_mail("<p id=p>Text</p><script>document.getElementById('p').textContent = 'ran'</script>").open(page)

    expect(page.locator("p")).to_have_text("Text")
    assert any("sandboxed" in text or "Content Security Policy" in text for text in messages)


@pytest.mark.slow
def test_hostile_mails_reach_no_server(page, canary):
    """No request, no connection, no script and no navigation by any hostile mail."""
    unexpected = []
    page.on("dialog", lambda dialog: (unexpected.append(dialog.message), dialog.dismiss()))
    page.on("popup", lambda popup: unexpected.append(f"popup {popup.url}"))
    page.on("pageerror", lambda error: unexpected.append(str(error)))
    page.on("console", lambda message: unexpected.append(message.text) if message.text.startswith("/PWNED") else None)
    mails = [Mail.from_bytes(mail.content, recipients=[], id=mail.name) for mail in list_hostile_mails(canary.url)]
    for mail in mails:
        mail.open(page)
        page.screenshot()  # scripts cannot wait for a frame here, as the mail runs none
        if not page.url.startswith("https://mail.smtptest.example/") or page.evaluate("window.pwned !== undefined"):
            unexpected.append(f"{mail.id}: {page.url}")

    assert len(mails) >= 40
    assert unexpected == []
    assert canary.connections == 0


@pytest.mark.slow
def test_clicks_in_hostile_mails_run_nothing(page, canary):
    """A click may follow a link; it runs no script and sends no form."""
    unexpected = []
    page.on("dialog", lambda dialog: (unexpected.append(dialog.message), dialog.dismiss()))
    hostile = {mail.name: mail for mail in list_hostile_mails(canary.url)}
    for name in ("forms", "links that run", "SVG with links", "pop-ups"):
        mail = Mail.from_bytes(hostile[name].content, recipients=[], id=name)
        elements = mail.open(page).locator("a, button, input, [contenteditable]")
        count = elements.count()
        assert count > 0, name
        for number in range(count):
            elements.nth(number).click(force=True)
            page.screenshot()
            if not page.url.startswith("https://mail.smtptest.example/"):
                mail.open(page)

    assert unexpected == []
    assert not [request for request in canary.requests if re.match(rb"POST|GET /(?:form|script|top)", request)]


def run_in_async_page(use):
    """Run a coroutine function with a page of Playwright's asynchronous API, in a thread of its own."""

    async def main():
        from playwright.async_api import async_playwright

        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find_chromium(), args=[*CHROMIUM_FLAGS])
            page = await browser.new_page(viewport={"width": 800, "height": 600})
            page.set_default_timeout(TIMEOUT_SECONDS * 1000)
            result = await use(page)
            await browser.close()
            return result

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, main()).result()


@pytest.mark.slow
@pytest.mark.usefixtures("browser")  # it skips the test without Chromium
def test_asynchronous_page(app, canary, server, tmp_path):
    app.smtp_address = server.address
    mail = build_html_mail(
        f"<a href='{app.url}/async'>Confirm</a><img src={canary.url}/x><script src={canary.url}/y></script>"
    )

    async def use(page):
        await mail.open(page)
        picture = await mail.screenshot(page, tmp_path / "a.png", width=400)
        whole = await mail.screenshot(page, full_page=False)
        viewport = page.viewport_size
        opened = await mail.open(page)
        await opened.get_by_role("link", name="Confirm").click()
        await opened.get_by_role("heading", name="Confirmed").wait_for()
        await opened.go_back()
        await opened.get_by_role("link", name="Confirm").click()
        await opened.get_by_role("button", name="Send").click()
        assert server.inbox.one(timeout=TIMEOUT_SECONDS).subject == "From the app"  # it blocks the event loop
        return opened is page, picture, read_size(whole), viewport, page.url

    is_same, picture, whole_size, viewport, url = run_in_async_page(use)

    assert is_same and url == f"{app.url}/async"
    assert read_size(picture) == (400, 600) and (tmp_path / "a.png").read_bytes() == picture
    assert whole_size == (800, 600) and viewport == {"width": 800, "height": 600}
    assert canary.connections == 0
