"""The login of browsers: the form, the routes of the page, and the sessions."""

import re
import socket
from functools import partial

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from lazr.smtptest import MailServer
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, Guard, Mailbox, Users, WebServer, make_app
from lazr.smtptest.web.api import events
from lazr.smtptest.web.middleware.authenticator import Authenticator
from tests.web.api.test_start_page import HOSTILE, PageParser

MAILBOX = Mailbox.of_user("job <7>", "token-of-mailbox-7", "ci-7")
PAGE = {"X-Smtptest-Page": "1"}


class Serving:
    """A guarded web server, and the app context under it."""

    def __init__(self, web, app_context):
        self.web, self.app_context = web, app_context
        self.clients = []

    def connect(self, **settings):
        """Return a client with a cookie jar of its own."""
        self.clients.append(httpx.Client(base_url=self.web.url, **settings))
        return self.clients[-1]

    def log_in(self, **body):
        """Return a client that has logged in."""
        client = self.connect()
        assert client.post("/api/v1/login", json=body or {"User": "ann", "Password": "secret"}).status_code == 200
        return client


@pytest.fixture
def serve():
    """Start a server that needs a login: `serve(users=…, mailboxes=…)`."""
    started = []

    def serve(users="ann:{PLAIN}secret\nbob:{PLAIN}other", mailboxes=(MAILBOX,), webroot="/", **settings):
        store = MemoryStore()
        app_context = AppContext(store, MailServer(store=store), mailboxes=mailboxes, **settings)
        parsed = None if users is None else Users.parse(users)
        guard = partial(Guard, users=parsed, mailboxes=app_context.mailboxes, max_login_failures=3)
        web = WebServer(make_app(app_context), guard=guard, webroot=webroot)
        web.start()
        started.append(Serving(web, app_context))
        return started[-1]

    yield serve
    for serving in started:
        for client in serving.clients:
            client.close()
        serving.web.stop()


def test_form_needs_no_script_and_no_credentials(serve):
    response = serve().connect().get("/login?next=/mail/abc")
    page = PageParser(response.text)

    assert response.status_code == 200 and "form-action 'self'" in response.headers["content-security-policy"]
    assert response.headers["referrer-policy"] == "same-origin"  # with no-referrer, Origin would be `null`
    assert page.tags >= {"form", "input", "button"} and "script" not in page.tags
    assert 'action="/login"' in response.text and 'value="/mail/abc"' in response.text
    assert "name=" in response.text and 'name="user"' in response.text


def test_form_of_a_server_with_mailboxes_only_asks_for_a_token(serve):
    response = serve(users=None).connect().get("/login")

    assert "Token of the mailbox" in response.text and 'name="user"' not in response.text


def test_right_password_leads_to_the_next_page(serve):
    client = serve().connect()
    answer = client.post("/login", data={"user": "ann", "password": "secret", "next": "/mail/abc?q=x"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/mail/abc?q=x")
    cookie = re.fullmatch(r"smtptest-(\d+)=[\w-]{43}; Path=/; HttpOnly; SameSite=Strict", answer.headers["set-cookie"])
    assert int(cookie[1]) == client.base_url.port
    assert client.get("/").status_code == client.get("/api/v1/messages").status_code == 200
    # Who has a session needs no form.
    again = client.get("/login?next=/rules")
    assert (again.status_code, again.headers["location"]) == (303, "/rules")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"user": "ann", "password": "wrong"}, 401),
        ({"user": "eve", "password": "secret"}, 401),
        ({"user": "ann"}, 401),
        ({}, 401),
        ({"user": "", "password": ""}, 401),
        ({"user": "ann", "password": "\x00"}, 401),
        ({"user": HOSTILE, "password": "x", "next": HOSTILE}, 401),
        ({str(number): "x" for number in range(11)}, 400),
        ({"user": "ann", "password": "x" * 20_000}, 413),
    ],
)
def test_wrong_forms_start_no_session(serve, data, status):
    answer = serve().connect().post("/login", data=data)

    assert answer.status_code == status and "set-cookie" not in answer.headers
    assert "www-authenticate" not in answer.headers  # no dialog of the browser
    if status == 401:
        page = PageParser(answer.text)
        assert "is wrong" in page.text and "script" not in page.tags
        assert not any(name.startswith("on") for name in page.attributes)


def test_body_that_is_no_form_starts_no_session(serve):
    client = serve().connect()
    for content in (b"\xff\xfe\x00", b"user=%ff&password=%ff", b"{", b"&" * 5000, b"user=ann&password=secret"[:-1]):
        answer = client.post("/login", content=content)
        assert answer.status_code in (400, 401) and "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"User": "ann", "Password": "secret"}, {"User": "ann", "Mailbox": ""}),
        ({"user": "bob", "password": "other"}, {"User": "bob", "Mailbox": ""}),
        ({"Token": "token-of-mailbox-7"}, {"User": "", "Mailbox": "job <7>"}),
        ({"User": "any", "Password": "token-of-mailbox-7"}, {"User": "", "Mailbox": "job <7>"}),
    ],
)
def test_session_of_the_page(serve, body, shown):
    client = serve().connect(headers=PAGE)
    answer = client.post("/api/v1/login", json=body)
    configuration = client.get("/api/v1/webui").json()

    assert (answer.status_code, answer.json()) == (200, shown)
    assert {name: configuration[name] for name in shown} == shown
    assert configuration["LoggedIn"] and configuration["LoginRequired"]
    assert client.get("/api/v1/rules").status_code == (403 if shown["Mailbox"] else 200)


@pytest.mark.parametrize(
    "body", [{}, {"User": "ann"}, {"User": "ann", "Password": "x"}, {"Token": "x" * 43}, {"Token": ""}]
)
def test_wrong_credentials_of_the_page(serve, body):
    answer = serve().connect(headers=PAGE).post("/api/v1/login", json=body)

    assert answer.status_code == 401 and "wrong" in answer.text
    assert "www-authenticate" not in answer.headers and "set-cookie" not in answer.headers


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"User": 7}', b'"x"', b'{"User": {}}'])
def test_invalid_body_of_the_page_is_400(serve, content):
    assert serve().connect().post("/api/v1/login", content=content).status_code == 400


def test_logout_ends_the_session(serve):
    serving = serve()
    client, other = serving.log_in(), serving.log_in()
    token = next(iter(client.cookies.jar)).value
    answer = client.post("/api/v1/logout")

    assert answer.status_code == 200 and "Max-Age=0" in answer.headers["set-cookie"]
    assert client.get("/api/v1/info").status_code == 401
    name = f"smtptest-{serving.web.port}"
    assert serving.connect(cookies={name: token}).get("/api/v1/info").status_code == 401
    assert other.get("/api/v1/info").status_code == 200


def test_new_login_ends_the_session_before(serve):
    serving = serve()
    client = serving.log_in()
    first = dict(client.cookies)
    client.post("/api/v1/login", json={"Token": "token-of-mailbox-7"})

    assert client.get("/api/v1/webui").json()["Mailbox"] == "job <7>"
    assert serving.connect(cookies=first).get("/api/v1/info").status_code == 401


def test_session_of_a_mailbox_ends_with_the_mailbox(serve):
    serving = serve()
    client, owner = serving.log_in(Token="token-of-mailbox-7"), serving.log_in()
    assert client.get("/api/v1/messages").status_code == 200
    assert owner.delete("/api/v1/mailboxes/job <7>").status_code == 200

    assert client.get("/api/v1/messages").status_code == 401
    owner.post("/api/v1/mailboxes", json={"Name": "job <7>", "User": "ci-7"})
    assert client.get("/api/v1/messages").status_code == 401


def test_cookie_of_another_port_is_no_session(serve):
    first, second = serve(), serve()
    cookies = dict(first.log_in().cookies)
    token = next(iter(cookies.values()))

    assert second.connect(cookies=cookies).get("/api/v1/info").status_code == 401
    named = {f"smtptest-{second.web.port}": token}
    assert second.connect(cookies=named).get("/api/v1/info").status_code == 401


def test_credentials_count_before_the_cookie(serve):
    client = serve().log_in()

    assert client.get("/api/v1/webui", auth=("x", "token-of-mailbox-7")).json()["Mailbox"] == "job <7>"
    assert client.get("/api/v1/webui", auth=("ann", "wrong")).status_code == 401


def test_login_has_the_rate_limits_of_all_requests(serve, monkeypatch):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    monkeypatch.setattr(Authenticator, "_sleep", staticmethod(sleep))
    client = serve().connect()
    guesses = [
        *(client.get("/api/v1/info", auth=("ann", "x")) for _ in range(2)),
        *(client.post("/login", data={"user": "ann", "password": "x"}) for _ in range(2)),
        *(client.post("/api/v1/login", json={"User": "ann", "Password": "x"}) for _ in range(2)),
        client.post("/login", data={"user": "ann", "password": "secret"}),
        client.get("/api/v1/info", auth=("ann", "secret")),
    ]

    assert [guess.status_code for guess in guesses] == [401] * 5 + [429] * 3
    assert 0 < waits[0] <= 6 and waits[0] < waits[1] <= 12  # less on a slow machine
    assert guesses[5].headers["retry-after"] == "6" and "too many" in guesses[6].text
    assert client.post("/login", data={"user": "bob", "password": "other"}).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_sites_cannot_use_the_session(serve, headers):
    serving = serve()
    client = serving.log_in()

    for method, path in (("DELETE", "/api/v1/messages"), ("POST", "/api/v1/logout"), ("PUT", "/api/v1/messages")):
        assert client.request(method, path, headers=headers, json={}).status_code == 403
    for path, body in (("/login", {"data": {}}), ("/api/v1/login", {"json": {}})):
        assert serving.connect().post(path, headers=headers, **body).status_code == 403
    assert client.get("/api/v1/info").status_code == 200


def test_page_of_the_same_origin_uses_the_session(serve):
    serving = serve()
    headers = {"Origin": serving.web.url, "Sec-Fetch-Site": "same-origin"} | PAGE

    assert serving.log_in().delete("/api/v1/messages", headers=headers).status_code == 200


def test_websocket_accepts_the_cookie(serve):
    serving = serve()
    cookie = "; ".join(f"{name}={value}" for name, value in serving.log_in().cookies.items())
    url = serving.web.url.replace("http", "ws") + "/api/events"

    with connect(url, additional_headers={"Cookie": cookie}, origin=serving.web.url):
        pass
    for headers, origin in (({}, serving.web.url), ({"Cookie": cookie}, "http://evil.example")):
        with pytest.raises(InvalidStatus) as raised:
            connect(url, additional_headers=headers, origin=origin)
        assert raised.value.response.status_code == (403 if headers else 401)


def test_cookie_and_targets_are_below_the_webroot(serve):
    serving = serve(webroot="/box")
    client = serving.connect()
    form = client.get("/login?next=/box/mail/abc")
    answer = client.post("/login", data={"user": "ann", "password": "secret", "next": "/box/mail/abc"})

    assert 'action="/box/login"' in form.text and 'href="/box/ui/base.css"' in form.text
    assert answer.headers["location"] == "/box/mail/abc" and "; Path=/box/;" in answer.headers["set-cookie"]
    assert client.get("/mail/abc").status_code == 200


def test_server_without_login_has_no_form(serve):
    client = serve(users=None, mailboxes=()).connect(cookies={"smtptest-80": "x"})
    answer = client.get("/login?next=/rules")
    configuration = client.get("/api/v1/webui").json()

    assert (answer.status_code, answer.headers["location"]) == (303, "/rules")
    assert not configuration["LoginRequired"] and not configuration["LoggedIn"]
    assert client.post("/api/v1/login", json={"Token": "token-of-mailbox-7"}).status_code == 401
    assert client.post("/api/v1/logout").status_code == 200


def test_token_of_a_mailbox_logs_in_where_no_login_is_required(serve):
    serving = serve(users=None, mailboxes=())
    created = serving.connect().post("/api/v1/mailboxes", json={"Name": "job 8", "User": "ci-8"}).json()
    client = serving.log_in(Token=created["Token"])

    assert client.get("/api/v1/webui").json()["Mailbox"] == "job 8"
    assert client.get("/api/v1/rules").status_code == 403
    client.post("/api/v1/logout")
    assert client.get("/api/v1/rules").status_code == 200


DEAD = "x" * 43
NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("settings", [{}, {"users": None, "mailboxes": ()}, {"anonymous": True}])
def test_restarted_server_refuses_and_removes_the_cookie(serve, settings):
    """On a server without a login, the session may have been that of a mailbox, which did not see everything."""
    serving = serve(**settings)
    name = f"smtptest-{serving.web.port}"

    for path in ("/api/v1/messages", "/"):
        client = serving.connect(headers={"Cookie": f"{name}={DEAD}"})
        answer = client.get(path)
        assert answer.status_code == 401
        assert answer.headers["set-cookie"] == f"{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
        answer = client.get(path, headers=NAVIGATION)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login?next=/")
        assert "Max-Age=0" in answer.headers["set-cookie"]
    with pytest.raises(InvalidStatus) as raised:
        connect(f"{serving.web.url.replace('http', 'ws')}/api/events", additional_headers={"Cookie": f"{name}={DEAD}"})
    assert raised.value.response.status_code == 401


def test_server_without_login_is_open_again_when_the_cookie_is_gone(serve):
    serving = serve(users=None, mailboxes=())
    created = serving.connect().post("/api/v1/mailboxes", json={"Name": "job 8", "User": "ci-8"}).json()
    client = serving.log_in(Token=created["Token"])
    serving.connect().delete("/api/v1/mailboxes/job 8")

    assert client.get("/api/v1/rules").status_code == 401
    assert not client.cookies
    assert client.get("/api/v1/rules").status_code == 200


def test_wrong_password_does_not_remove_the_cookie_of_a_session(serve):
    answer = serve().log_in().get("/api/v1/info", auth=("ann", "wrong"))

    assert answer.status_code == 401 and "set-cookie" not in answer.headers


def test_websocket_ends_with_its_session(serve, monkeypatch):
    monkeypatch.setattr(events, "_SESSION_CHECK_SECONDS", 0.01)
    serving = serve()
    client = serving.log_in()
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    url = serving.web.url.replace("http", "ws") + "/api/events"
    basic = {"Cookie": cookie, "Authorization": "Bearer token-of-mailbox-7"}

    with connect(url, additional_headers={"Cookie": cookie}) as first, connect(url, additional_headers=basic) as second:
        first.recv(20), second.recv(20)
        client.post("/api/v1/logout")
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                first.recv(20)
        second.ping().wait(20)  # its token is still good
    assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize("path", ["/login", "/api/v1/login"])
def test_large_login_is_refused_before_it_is_received(serve, path):
    serving = serve()
    with socket.create_connection(("127.0.0.1", serving.web.port), timeout=20) as client:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16385\r\n\r\n"
        client.sendall(head.encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 413")
