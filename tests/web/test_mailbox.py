"""Mailboxes: a token gives access to the mails of its mailbox, and to nothing else."""

import base64

import httpx
import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute

from lazr.smtptest import MailServer
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web.api.access_scope import _resolve_scope
from lazr.smtptest.web.app import make_app
from lazr.smtptest.web.app_context import AppContext
from lazr.smtptest.web.mailbox import Mailbox
from lazr.smtptest.web.server.web_server import WebServer

ONE = Mailbox.of_user("job one", "token-of-mailbox-1", "ci-1")
TWO = Mailbox.of_recipient("job two", "token-of-mailbox-2", "*@Two.example")


def build_basic_credentials(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def mailbox_api(make_rest_api):
    """A REST API with two mailboxes of two mails each, and one mail in neither."""
    rest_api = make_rest_api(mailboxes=[ONE, TWO], anonymous=True)
    rest_api.one = [rest_api.add_mail(user="ci-1", X_Tags="one", Subject=f"red {n}") for n in range(2)]
    rest_api.two = [
        rest_api.add_mail(to=("bob@two.EXAMPLE", "x@y.example"), X_Tags="two", Subject=f"red {n}") for n in range(2)
    ]
    rest_api.none = rest_api.add_mail(user="ci-10", to=("bob@xtwo.example",), X_Tags="none")
    return rest_api


def connect(rest_api, authorization):
    return httpx.Client(base_url=rest_api.web.url, headers={"Authorization": authorization}, timeout=30)


@pytest.mark.parametrize(
    "scheme",
    [
        "Bearer token-of-mailbox-1",
        "bearer  token-of-mailbox-1",
        build_basic_credentials("", "token-of-mailbox-1"),
        build_basic_credentials("any: one", "x"),
    ],
)
def test_token_opens_its_mailbox(mailbox_api, scheme):
    with connect(mailbox_api, scheme) as http:
        response = http.get("/api/v1/messages")
        if scheme == build_basic_credentials("any: one", "x"):
            assert response.status_code == 401
        else:
            assert [message["ID"] for message in response.json()["messages"]] == mailbox_api.one[::-1]


def test_token_shows_nothing_of_other_mailboxes(mailbox_api):
    one = connect(mailbox_api, "Bearer token-of-mailbox-1")
    summary = one.get("/api/v1/messages").json()

    assert (summary["total"], summary["unread"], summary["messages_count"], summary["tags"]) == (2, 2, 2, ["one"])
    assert one.get("/api/v1/search?query=red").json()["messages_count"] == 2
    assert one.get("/api/v1/search?query=-tag:none").json()["total"] == 2
    assert one.get("/api/v1/tags").json() == ["one"]
    assert one.get("/api/v1/message/latest").json()["ID"] == mailbox_api.one[-1]
    assert one.get("/view/latest").headers["location"] == f"/view/{mailbox_api.one[-1]}"
    info = one.get("/api/v1/info").json()
    assert (info["Messages"], info["Tags"]) == (2, {"one": 2})
    assert one.get("/api/v1/webui").json()["Label"] == "job one"
    for mail_id in (*mailbox_api.two, mailbox_api.none):
        for path in ("", "/raw", "/headers", "/part/1", "/links", "/codes", "/envelope", "/defects"):
            assert one.get(f"/api/v1/message/{mail_id}{path}").status_code == 404
        assert one.get(f"/view/{mail_id}.txt").status_code == 404
    assert mailbox_api.store.get_totals().unread == 4
    one.close()


def test_token_changes_nothing_in_other_mailboxes(mailbox_api):
    one, two = connect(mailbox_api, "Bearer token-of-mailbox-1"), connect(mailbox_api, "Bearer token-of-mailbox-2")

    one.put("/api/v1/messages", json={"Read": True})
    assert mailbox_api.store.get_totals().unread == 3
    one.put("/api/v1/messages", json={"Read": True, "IDs": [*mailbox_api.two, mailbox_api.none]})
    one.put("/api/v1/messages", json={"Read": True, "Search": "red"})
    assert mailbox_api.store.get_totals().unread == 3
    one.put("/api/v1/tags", json={"IDs": mailbox_api.two, "Tags": ["mine"]})
    assert one.put("/api/v1/tags/two", json={"Name": "mine"}).status_code == 400
    assert one.delete("/api/v1/tags/none").status_code == 400
    assert list(mailbox_api.store.count_tags()) == ["none", "one", "two"]
    one.request("DELETE", "/api/v1/messages", json={"IDs": [*mailbox_api.two, mailbox_api.none]})
    one.delete("/api/v1/search?query=is:unread")
    assert mailbox_api.store.get_totals().mails == 5
    one.delete("/api/v1/messages")
    assert [entry.id for entry in mailbox_api.store.get_page().entries] == [mailbox_api.none, *mailbox_api.two[::-1]]
    two.delete("/api/v1/search?query=red")
    assert [entry.id for entry in mailbox_api.store.get_page().entries] == [mailbox_api.none]
    one.close(), two.close()


def test_mail_sent_from_a_mailbox_has_its_user(mailbox_api):
    with connect(mailbox_api, "Bearer token-of-mailbox-1") as one:
        mail_id = one.post("/api/v1/send", json={"From": {"Email": "a@b.example"}}).json()["ID"]
        assert one.get("/api/v1/message/latest").json()["ID"] == mail_id
    assert mailbox_api.store.get_entry(mail_id).username == "ci-1"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/rules"),
        ("POST", "/api/v1/rules"),
        ("DELETE", "/api/v1/rules"),
        ("GET", "/api/v1/presets"),
        ("POST", "/api/v1/presets/maintenance"),
        ("GET", "/api/v1/chaos"),
        ("PUT", "/api/v1/chaos"),
        ("GET", "/api/v1/sessions"),
        ("GET", "/api/v1/sessions/1/transcript.txt"),
        ("GET", "/metrics"),
    ],
)
def test_token_of_a_mailbox_is_403_for_server_routes(mailbox_api, method, path):
    with connect(mailbox_api, "Bearer token-of-mailbox-1") as one:
        response = one.request(method, path)

    assert response.status_code == 403 and "token of a mailbox" in response.text
    assert len(mailbox_api.server.rules) == 0


WRONG = [
    *("Bearer token-of-mailbox-3", "Bearer", "Basic ?", "Digest x"),
    *(build_basic_credentials("job one", "token"), build_basic_credentials("a", "")),
]


@pytest.mark.parametrize("authorization", WRONG)
def test_wrong_token_is_401(mailbox_api, authorization):
    with connect(mailbox_api, authorization) as http:
        for method, path in (("GET", "/api/v1/messages"), ("DELETE", "/api/v1/messages"), ("GET", "/openapi.json")):
            response = http.request(method, path)
            assert (response.status_code, response.text) == (401, "Unauthorized.\n")
            assert response.headers["www-authenticate"] == 'Basic realm="Login"'
    assert mailbox_api.store.get_totals().mails == 5


def test_anonymous_access(make_rest_api):
    assert make_rest_api(mailboxes=[ONE]).http.get("/api/v1/messages").status_code == 401
    assert make_rest_api(mailboxes=[ONE], anonymous=True).http.get("/api/v1/messages").status_code == 200
    assert make_rest_api().http.get("/api/v1/messages").status_code == 200
    assert make_rest_api(anonymous=False).http.get("/api/v1/messages").status_code == 401


def test_credentials_are_ignored_without_mailboxes(rest_api):
    for authorization in WRONG:
        with connect(rest_api, authorization) as http:
            assert http.get("/api/v1/messages").status_code == 200


def test_user_of_an_outer_middleware_sees_all_mails():
    store = MemoryStore()
    app = make_app(AppContext(store, MailServer(store=store), mailboxes=[ONE]))

    async def outer_middleware(scope, receive, send):
        await app(scope | {"state": {"user": "ann"}}, receive, send)

    outer_middleware.state = app.state
    with WebServer(outer_middleware) as web:
        assert httpx.get(f"{web.url}/api/v1/messages").status_code == 200
        mail_id = httpx.post(f"{web.url}/api/v1/send", json={"From": {"Email": "a@b.example"}}).json()["ID"]
    assert store.get_entry(mail_id).username == "ann"


# A route without the scope would show the mails of all mailboxes to every client.
def test_every_route_but_public_ones_resolves_the_scope():
    app = make_app(AppContext(MemoryStore(), MailServer()))
    routes = [route for route in iterate_routes(app) if isinstance(route, (APIRoute, APIWebSocketRoute))]

    def calls(dependant):
        yield dependant.call
        for other in dependant.dependencies:
            yield from calls(other)

    public = {route.path for route in routes if _resolve_scope not in calls(route.dependant)}
    assert public == {"/livez", "/readyz", "/ui/{file:path}", "/login", "/api/v1/login"}
    assert len(routes) > 40


def iterate_routes(app):
    stack = list(app.routes)
    while stack:
        route = stack.pop()
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if inner is not None and not isinstance(route, APIRoute):
            stack.extend(inner.routes)
        else:
            yield route


@pytest.mark.parametrize("token", ["", "short", "x" * 15, "a token with spaces", "ä" * 20, "x" * 20 + "\n"])
def test_token_must_be_long_printable_ascii(token):
    with pytest.raises(ValueError, match="token of mailbox 'x'"):
        Mailbox.of_user("x", token, "ci")


def test_mailbox_api_with_one_token_are_rejected():
    with pytest.raises(ValueError, match="'job one' and 'other' have the same token"):
        AppContext(MemoryStore(), MailServer(), mailboxes=[ONE, Mailbox.of_user("other", "token-of-mailbox-1", "x")])
    assert "token-of-mailbox-1" not in repr(ONE)
