"""Every page can be used with a keyboard, a screen reader, large text, and the colors of the system."""

import smtplib

import pytest

from tests.ui.axe import find_violations, require_axe
from tests.ui.pages import AppPage, LoginPage

HTML_MAIL = (
    b"From: Shop <shop@example.com>\r\nTo: ann@example.com\r\nSubject: Welcome\r\nX-Tags: signup\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n'
    b'<h1>Welcome</h1><p>Your code is 482 913. <a href="https://example.com/?t=1">Go on</a></p>'
    b'<img src="https://example.com/p.png">\r\n--b\r\nContent-Type: image/png; name="a.png"\r\n'
    b"Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n"
)
TABS = ("preview", "text", "html", "headers", "source", "wire", "envelope", "checks", "attachments")


@pytest.fixture(params=["light", "dark"])
def filled_page(request, inbox_server, open_tab):
    """Open the inbox with mails, a session with a refusal, and a rule."""
    require_axe()
    server = inbox_server.mail_server
    server.on("RCPT", to="*@full.example").reply(452, "4.2.2", "Mailbox full").optional()
    first = inbox_server.send_mail(HTML_MAIL, to=["ann@example.com", "hidden@example.com"])
    second = inbox_server.send_mail(HTML_MAIL.replace(b"482 913", b"111 222"))
    with smtplib.SMTP(*server.address) as client:
        client.helo()
        client.mail("app@example.com")
        client.rcpt("bob@full.example")
    tab = open_tab(inbox_server, viewport={"width": 1280, "height": 800}, color_scheme=request.param)
    tab.expect(r"request to another server: https://example\.com/p\.png")  # the policy of the frame blocks it
    tab.ids = first, second
    return AppPage(tab, inbox_server)


def list_paths(first, second):
    pages = (
        "/",
        "/search?q=nothing",
        "/sessions",
        "/sessions/1",
        "/sessions/3",
        "/rules",
        "/rules?recipient=a@b.example",
    )
    more = ("/mailboxes", "/settings", "/about", f"/diff/{first}/{second}", "/mail/unknown", "/nothing/here")
    return (*pages, *more, *(f"/mail/{first}/{tab}" for tab in TABS))


@pytest.mark.slow
def test_axe_finds_nothing_on_any_page(filled_page):
    filled_page.tab.expect("404")
    filled_page.open()
    found = {}
    for path in list_paths(*filled_page.tab.ids):
        filled_page.follow(path)
        if violations := find_violations(filled_page.page):
            found[path] = violations
    assert not found


@pytest.mark.slow
def test_axe_finds_nothing_in_dialogs(filled_page):
    filled_page.open()
    found = {}
    for key in ("Control+k", "?"):
        filled_page.page.keyboard.press(key)
        filled_page.page.locator("dialog[open]").wait_for()
        if violations := find_violations(filled_page.page):
            found[key] = violations
        filled_page.page.keyboard.press("Escape")
        filled_page.page.locator("dialog").wait_for(state="detached")
    assert not found


@pytest.mark.slow
def test_axe_finds_nothing_in_other_states(filled_page):
    page, found = filled_page.page, {}
    filled_page.open()
    page.get_by_role("button", name="Help about searching").click()
    page.get_by_role("dialog", name="How to search").wait_for()
    found["help about searching"] = find_violations(page)
    page.evaluate("""localStorage.setItem("smtptest.settings", '{"group": "recipient"}')""")
    filled_page.open()
    page.locator("message-list").get_by_text("hidden@example.com").first.wait_for()
    found["groups"] = find_violations(page)
    filled_page.server.store.delete()
    filled_page.open()
    page.get_by_role("heading", name="Waiting for the first mail").wait_for()
    found["empty inbox"] = find_violations(page)
    assert not {state: violations for state, violations in found.items() if violations}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_at_the_login(serve_inbox, open_tab, scheme):
    require_axe()
    server = serve_inbox(users="ann:{PLAIN}secret")
    tab = open_tab(server, color_scheme=scheme)
    tab.expect("status of 401")
    login = LoginPage(tab, server).open()
    assert not find_violations(tab.page)
    login.log_in(password="wrong")
    tab.page.get_by_role("alert").wait_for()
    assert not find_violations(tab.page)


@pytest.mark.slow
def test_no_page_scrolls_sideways_at_200_percent_zoom(filled_page):
    filled_page.tab.expect("404")
    filled_page.page.set_viewport_size({"width": 640, "height": 400})  # 1280 × 800 at 200 %
    filled_page.open()
    wide = []
    for path in list_paths(*filled_page.tab.ids):
        filled_page.follow(path)
        if filled_page.page.evaluate(
            "Math.max(document.body.scrollWidth, document.querySelector('main').scrollWidth) > innerWidth"
        ):
            wide.append(path)
    assert not wide


def test_skip_link_leads_to_the_content(app_page):
    app_page.open().page.keyboard.press("Tab")
    link = app_page.page.get_by_role("link", name="Skip to the content")
    assert link.evaluate("link => link === document.activeElement")
    app_page.page.keyboard.press("Enter")
    assert app_page.page.evaluate("document.activeElement.id") == "main"


def test_focus_returns_when_a_dialog_closes(app_page):
    app_page.open()
    button = app_page.page.get_by_role("button", name="Keyboard and actions")
    button.click()
    app_page.page.get_by_role("button", name="Close").click()
    assert button.evaluate("button => button === document.activeElement")


def test_palette_keeps_the_focus_that_its_action_sets(app_page):
    app_page.open().page.keyboard.press("Control+k")
    app_page.page.get_by_role("combobox", name="Action").fill("search")
    app_page.page.keyboard.press("Enter")
    app_page.page.locator("dialog").wait_for(state="detached")
    assert app_page.page.evaluate("document.activeElement.ariaLabel") == "Search mails"


def test_dialog_closes_by_a_click_on_the_backdrop_only(app_page):
    app_page.open().page.keyboard.press("?")
    dialog = app_page.page.locator("dialog")
    box = dialog.bounding_box()
    mouse = app_page.page.mouse
    mouse.click(box["x"] + 4, box["y"] + 4)
    mouse.move(box["x"] + 40, box["y"] + 80)
    mouse.down()
    mouse.move(5, 5)
    mouse.up()
    assert dialog.get_attribute("open") == ""
    mouse.click(5, 5)
    dialog.wait_for(state="detached")


def test_forced_colors_keep_selection_and_focus_visible(inbox_server, open_tab):
    inbox_server.add_mail(Subject="One")
    app = AppPage(open_tab(inbox_server, forced_colors="active"), inbox_server).open()
    app.page.keyboard.press("j")
    outline = app.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline not in {"none", ""}


def test_reduced_motion_stops_animations(inbox_server, open_tab):
    inbox_server.add_mail(Subject="One")
    app = AppPage(open_tab(inbox_server, reduced_motion="reduce"), inbox_server).open()
    app.page.keyboard.press("j")
    app.page.keyboard.press("#")
    toast = app.page.locator(".toast")
    toast.wait_for()
    assert toast.evaluate("toast => getComputedStyle(toast).animationName") == "none"
