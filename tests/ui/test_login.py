"""The login of browsers: the form, the cookie, and what has no cookie."""

import http.server
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from lazr.smtptest.web import Mailbox
from tests.ui.pages import AppPage, LoginPage

USERS = "ann:{PLAIN}secret"
MAILBOX = Mailbox.of_user("job 7", "token-of-mailbox-7", "ci-7")

# A picture of one red pixel, 1 × 1.
RED_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
MAIL_WITH_PICTURE = (
    "Subject: Picture\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<img id=logo src='cid:logo@x'><p>Text\r\n"
    "--b\r\nContent-Type: image/png\r\nContent-ID: <logo@x>\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    f"{RED_PIXEL}\r\n--b--\r\n"
)
# A frame as the page of a mail has it.
SHOW_FRAME = """
(path) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
  frame.addEventListener("load", () => done());
  frame.src = path;
  document.body.append(frame);
})
"""
PICTURE_WIDTH = "(element) => element.complete && element.naturalWidth"


@pytest.mark.parametrize("webroot", ["", "/box"])
def test_form_leads_to_the_page_that_was_asked_for(serve_inbox, open_tab, webroot):
    server = serve_inbox(users=USERS, webroot=webroot)
    tab = open_tab(server)
    app, login = AppPage(tab, server), LoginPage(tab, server)
    tab.page.goto(f"{server.url}/search?q=subject:a%20b")
    assert login.is_shown

    tab.expect("401")
    login.log_in(password="wrong")
    assert login.error == "The name, the password or the token is wrong." and login.is_shown
    login.log_in()
    app.connection.get_by_text("Live").wait_for()
    assert app.path == "/search?q=subject:a%20b"
    (cookie,) = tab.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", f"{webroot}/")
    assert tab.page.evaluate("document.cookie") == ""


def test_form_works_without_script(serve_inbox, open_tab):
    server = serve_inbox(users=USERS)
    server.add_mail(Subject="Read me")
    tab = open_tab(server, java_script_enabled=False)
    login = LoginPage(tab, server).open()
    login.log_in()
    tab.page.get_by_role("link", name="Read me").click()

    assert tab.page.locator("body").inner_text().strip() == "Hello"


def test_token_of_a_mailbox_shows_its_page(serve_inbox, open_tab):
    server = serve_inbox(mailboxes=[MAILBOX])
    tab = open_tab(server)
    LoginPage(tab, server).open().log_in_with_token(MAILBOX.token)
    app = AppPage(tab, server)
    app.connection.get_by_text("Live").wait_for()

    assert "Rules" not in app.list_navigation() and "Sessions" not in app.list_navigation()
    tab.page.get_by_role("button", name="job 7").wait_for()


def test_ended_session_leads_to_the_form_and_back(serve_inbox, open_tab):
    server = serve_inbox(users=USERS)
    tab = open_tab(server)
    LoginPage(tab, server).open("/about").log_in()
    app = AppPage(tab, server)
    app.connection.get_by_text("Live").wait_for()
    tab.page.evaluate("fetch('/api/v1/logout', { method: 'POST' })")
    assert tab.context.cookies() == []

    tab.expect("WebSocket connection|status of 401")
    tab.page.get_by_role("heading", name="Log in").wait_for()  # the page notices by itself
    tab.page.goto(f"{server.url}/about")
    assert LoginPage(tab, server).is_shown


def test_login_that_a_restart_ended_leads_to_the_form(serve_inbox, open_tab):
    server = serve_inbox(users=USERS)
    tab = open_tab(server)
    LoginPage(tab, server).open("/settings").log_in()
    AppPage(tab, server).connection.get_by_text("Live").wait_for()
    tab.expect("ERR_CONNECTION|WebSocket connection|status of 401")
    server.web.stop()
    server.start_web(urlsplit(server.url).port)

    tab.page.get_by_role("heading", name="Log in").wait_for()
    assert tab.page.url == f"{server.url}/login?next=%2Fsettings"


def test_other_user_logs_in_after_the_logout(serve_inbox, open_tab):
    server = serve_inbox(users=f"{USERS}\nbob:{{PLAIN}}hidden")
    tab = open_tab(server)
    login = LoginPage(tab, server).open()
    login.log_in()
    tab.page.get_by_role("button", name="ann").click()
    tab.page.get_by_role("button", name="Log in as another user").click()
    tab.page.get_by_role("heading", name="Log in").wait_for()
    assert tab.context.cookies() == []

    login.log_in("bob", "hidden")
    tab.page.get_by_role("button", name="bob").wait_for()


def test_pictures_of_a_mail_load_in_its_frame(serve_inbox, open_tab):
    """The frame has an opaque origin, so the browser sends no cookie with the request of the picture."""
    server = serve_inbox(users=USERS)
    mail_id = server.add_mail(MAIL_WITH_PICTURE)
    tab = open_tab(server)
    LoginPage(tab, server).open().log_in()
    AppPage(tab, server).connection.get_by_text("Live").wait_for()
    tab.page.evaluate(SHOW_FRAME, f"/view/{mail_id}.html")
    picture = tab.page.frame_locator("iframe").locator("#logo")

    assert picture.evaluate(PICTURE_WIDTH) == 1
    (request,) = [request for request in tab.requests if "/part/2" in request.url]
    assert "cookie" not in request.all_headers() and "?key=" in request.url
    assert request.response().status == 200


def test_frame_of_an_ended_session_shows_no_dialog(serve_inbox, open_tab):
    server = serve_inbox(users=USERS)
    mail_id = server.add_mail(MAIL_WITH_PICTURE)
    tab = open_tab(server)
    LoginPage(tab, server).open().log_in()
    AppPage(tab, server).connection.get_by_text("Live").wait_for()
    tab.expect("401|frame-ancestors|WebSocket connection|ERR_FAILED")
    tab.page.route("**/api/**", lambda route: route.abort())  # a refused request would lead the page to the form
    tab.context.clear_cookies()
    with tab.page.expect_response(lambda response: "/view/" in response.url) as response:
        tab.page.evaluate(f"(path) => void ({SHOW_FRAME})(path)", f"/view/{mail_id}.html")

    assert response.value.status == 401 and "www-authenticate" not in response.value.headers


@contextmanager
def serve_other_site(html):
    """Serve a page of another site: `localhost` is not 127.0.0.1."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield f"http://localhost:{site.server_port}"
        site.shutdown()
        thread.join()


def test_link_of_another_site_opens_the_mail_without_a_login(serve_inbox, open_tab):
    """Browsers leave out the cookie (SameSite=Strict) after a click at another site."""
    server = serve_inbox(users=USERS)
    server.add_mail(Subject="Read me")
    tab = open_tab(server)
    LoginPage(tab, server).open().log_in()
    AppPage(tab, server).connection.get_by_text("Live").wait_for()
    with serve_other_site(f"<a href='{server.url}/about'>page</a> <a href='{server.url}/metrics'>other</a>") as site:
        server.authorities.add(site.removeprefix("http://"))
        tab.page.goto(site)
        tab.page.get_by_text("page").click()
        AppPage(tab, server).connection.get_by_text("Live").wait_for()
        assert tab.page.url == f"{server.url}/about"

        tab.page.goto(site)
        tab.page.get_by_text("other").click()
        LoginPage(tab, server).page.get_by_role("heading", name="Log in").wait_for()


def test_other_site_cannot_use_the_session(serve_inbox, open_tab):
    server = serve_inbox(users=USERS)
    server.add_mail(Subject="Keep me")
    tab = open_tab(server)
    LoginPage(tab, server).open().log_in()
    AppPage(tab, server).connection.get_by_text("Live").wait_for()
    tab.expect("CORS|Failed to load resource|request to another server|WebSocket|blocked")
    page = f"""
        <script>
          const server = "{server.url}";
          const attempts = [
            fetch(server + "/api/v1/messages", {{ credentials: "include" }}),
            fetch(server + "/api/v1/messages", {{ method: "DELETE", credentials: "include" }}),
            fetch(server + "/api/v1/messages", {{ method: "DELETE", mode: "no-cors", credentials: "include" }}),
            fetch(server + "/api/v1/logout", {{ method: "POST", mode: "no-cors", credentials: "include" }}),
            new Promise((done, fail) => {{
              const socket = new WebSocket(server.replace("http", "ws") + "/api/events");
              socket.onopen = done;
              socket.onclose = fail;
            }}),
            new Promise((onload, onerror) => {{
              Object.assign(new Image(), {{ onload, onerror, src: server + "/ui/icon.svg" }});
            }}),
          ];
          Promise.allSettled(attempts).then((results) => (document.title = results.map(({{ status }}) => status)));
        </script>
        <form method="post" action="{server.url}/api/v1/logout"><button>Log out</button></form>
    """
    with serve_other_site(page) as site:
        server.authorities.add(site.removeprefix("http://"))
        tab.page.goto(site)
        tab.page.wait_for_function("document.title.includes(',')")
        # The fourth is an opaque answer: a script cannot tell what it is.
        outcomes = tab.page.title().split(",")
        assert outcomes[0] == outcomes[4] == outcomes[5] == "rejected"
        tab.page.get_by_role("button").click()
        assert "not allowed" in tab.page.locator("body").inner_text()
    AppPage(tab, server).open()

    assert server.store.get_totals().mails == 1


def test_other_site_cannot_log_a_browser_in(serve_inbox, open_tab):
    """Else a user could search for secrets in the inbox of an attacker, and be seen (login CSRF)."""
    server = serve_inbox(users=USERS)
    tab = open_tab(server)
    tab.expect("403")
    form = f"""
        <form method="post" action="{server.url}/login">
          <input name="user" value="ann"><input name="password" value="secret"><button>Win</button>
        </form>
    """
    with serve_other_site(form) as site:
        server.authorities.add(site.removeprefix("http://"))
        tab.page.goto(site)
        tab.page.get_by_role("button").click()
        assert "not allowed" in tab.page.locator("body").inner_text()

    assert tab.context.cookies() == []
