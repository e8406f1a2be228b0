"""Mailboxes: who has a token sees, marks and deletes the mails that are in one, and no others."""

import base64

import httpx
import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute

from lazr.smtptest import MailServer
from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.web.app import make_app
from lazr.smtptest.web.catcher import Catcher
from lazr.smtptest.web.mailbox import Mailbox
from lazr.smtptest.web.run import WebServer
from lazr.smtptest.web.scope import _scope_of

ONE = Mailbox.of_user("job one", "token-of-mailbox-1", "ci-1")
TWO = Mailbox.of_recipient("job two", "token-of-mailbox-2", "*@Two.example")


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def shared(catching):
    """Two mailboxes with two mails each, one mail that is in neither, and who may see them."""
    caught = catching(mailboxes=[ONE, TWO], anonymous=True)
    caught.one = [caught.mail(user="ci-1", X_Tags="one", Subject=f"red {n}") for n in range(2)]
    caught.two = [
        caught.mail(to=("bob@two.EXAMPLE", "x@y.example"), X_Tags="two", Subject=f"red {n}") for n in range(2)
    ]
    caught.none = caught.mail(user="ci-10", to=("bob@xtwo.example",), X_Tags="none")
    return caught


def seen_by(caught, authorization):
    return httpx.Client(base_url=caught.web.url, headers={"Authorization": authorization}, timeout=30)


@pytest.mark.parametrize(
    "scheme",
    [
        "Bearer token-of-mailbox-1",
        "bearer  token-of-mailbox-1",
        basic("", "token-of-mailbox-1"),
        basic("any: one", "x"),
    ],
)
def test_a_token_opens_its_mailbox(shared, scheme):
    with seen_by(shared, scheme) as http:
        answer = http.get("/api/v1/messages")
        if scheme == basic("any: one", "x"):
            assert answer.status_code == 401
        else:
            assert [one["ID"] for one in answer.json()["messages"]] == shared.one[::-1]


def test_nothing_of_others_is_seen(shared):
    one = seen_by(shared, "Bearer token-of-mailbox-1")
    listed = one.get("/api/v1/messages").json()

    assert (listed["total"], listed["unread"], listed["messages_count"], listed["tags"]) == (2, 2, 2, ["one"])
    assert one.get("/api/v1/search?query=red").json()["messages_count"] == 2
    assert one.get("/api/v1/search?query=-tag:none").json()["total"] == 2
    assert one.get("/api/v1/tags").json() == ["one"]
    assert one.get("/api/v1/message/latest").json()["ID"] == shared.one[-1]
    assert one.get("/view/latest").headers["location"] == f"/view/{shared.one[-1]}"
    info = one.get("/api/v1/info").json()
    assert (info["Messages"], info["Tags"]) == (2, {"one": 2})
    assert one.get("/api/v1/webui").json()["Label"] == "job one"
    for name in (*shared.two, shared.none):
        for path in ("", "/raw", "/headers", "/part/1", "/links", "/codes", "/envelope", "/defects"):
            assert one.get(f"/api/v1/message/{name}{path}").status_code == 404
        assert one.get(f"/view/{name}.txt").status_code == 404
    assert shared.store.totals().unread == 4
    one.close()


def test_nothing_of_others_is_changed(shared):
    one, two = seen_by(shared, "Bearer token-of-mailbox-1"), seen_by(shared, "Bearer token-of-mailbox-2")

    one.put("/api/v1/messages", json={"Read": True})
    assert shared.store.totals().unread == 3
    one.put("/api/v1/messages", json={"Read": True, "IDs": [*shared.two, shared.none]})
    one.put("/api/v1/messages", json={"Read": True, "Search": "red"})
    assert shared.store.totals().unread == 3
    one.put("/api/v1/tags", json={"IDs": shared.two, "Tags": ["mine"]})
    assert one.put("/api/v1/tags/two", json={"Name": "mine"}).status_code == 400
    assert one.delete("/api/v1/tags/none").status_code == 400
    assert list(shared.store.tags()) == ["none", "one", "two"]
    one.request("DELETE", "/api/v1/messages", json={"IDs": [*shared.two, shared.none]})
    one.delete("/api/v1/search?query=is:unread")
    assert shared.store.totals().mails == 5
    one.delete("/api/v1/messages")
    assert [entry.id for entry in shared.store.page().entries] == [shared.none, *shared.two[::-1]]
    two.delete("/api/v1/search?query=red")
    assert [entry.id for entry in shared.store.page().entries] == [shared.none]
    one.close(), two.close()


def test_what_is_sent_from_a_mailbox_is_its_users(shared):
    with seen_by(shared, "Bearer token-of-mailbox-1") as one:
        name = one.post("/api/v1/send", json={"From": {"Email": "a@b.example"}}).json()["ID"]
        assert one.get("/api/v1/message/latest").json()["ID"] == name
    assert shared.store.entry(name).username == "ci-1"


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
def test_what_concerns_everybody_is_not_a_mailboxs(shared, method, path):
    with seen_by(shared, "Bearer token-of-mailbox-1") as one:
        answer = one.request(method, path)

    assert answer.status_code == 403 and "token of a mailbox" in answer.text
    assert len(shared.server.rules) == 0


WRONG = ["Bearer token-of-mailbox-3", "Bearer", basic("job one", "token"), "Basic ?", "Digest x", basic("a", "")]


@pytest.mark.parametrize("authorization", WRONG)
def test_a_token_with_a_slip_in_it_opens_nothing(shared, authorization):
    with seen_by(shared, authorization) as http:
        for method, path in (("GET", "/api/v1/messages"), ("DELETE", "/api/v1/messages"), ("GET", "/openapi.json")):
            answer = http.request(method, path)
            assert (answer.status_code, answer.text) == (401, "Unauthorized.\n")
            assert answer.headers["www-authenticate"] == 'Basic realm="Login"'
    assert shared.store.totals().mails == 5


def test_who_shows_nothing_sees_everything_only_where_that_is_said(catching):
    assert catching(mailboxes=[ONE]).http.get("/api/v1/messages").status_code == 401
    assert catching(mailboxes=[ONE], anonymous=True).http.get("/api/v1/messages").status_code == 200
    assert catching().http.get("/api/v1/messages").status_code == 200
    assert catching(anonymous=False).http.get("/api/v1/messages").status_code == 401


def test_without_mailboxes_credentials_are_not_looked_at(caught):
    for authorization in WRONG:
        with seen_by(caught, authorization) as http:
            assert http.get("/api/v1/messages").status_code == 200


def test_a_user_that_a_middleware_knows_sees_everything():
    store = MemoryStore()
    app = make_app(Catcher(store, MailServer(store=store), mailboxes=[ONE]))

    async def knowing(scope, receive, send):
        await app(scope | {"state": {"user": "ann"}}, receive, send)

    knowing.state = app.state
    with WebServer(knowing) as web:
        assert httpx.get(f"{web.url}/api/v1/messages").status_code == 200
        name = httpx.post(f"{web.url}/api/v1/send", json={"From": {"Email": "a@b.example"}}).json()["ID"]
    assert store.entry(name).username == "ann"


# Without this, one route that forgets whose mails are whose would show all of them to everybody.
def test_every_route_asks_who_it_is_but_the_probes():
    app = make_app(Catcher(MemoryStore(), MailServer()))
    routes = [route for route in all_routes(app) if isinstance(route, (APIRoute, APIWebSocketRoute))]

    def calls(dependant):
        yield dependant.call
        for other in dependant.dependencies:
            yield from calls(other)

    assert {route.path for route in routes if _scope_of not in calls(route.dependant)} == {"/livez", "/readyz"}
    assert len(routes) > 40


def all_routes(app):
    stack = list(app.routes)
    while stack:
        route = stack.pop()
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if inner is not None and not isinstance(route, APIRoute):
            stack.extend(inner.routes)
        else:
            yield route


@pytest.mark.parametrize("token", ["", "short", "x" * 15, "a token with spaces", "ä" * 20, "x" * 20 + "\n"])
def test_a_token_is_plain_text(token):
    with pytest.raises(ValueError, match="token of mailbox 'x'"):
        Mailbox.of_user("x", token, "ci")


def test_two_mailboxes_have_two_tokens():
    with pytest.raises(ValueError, match="same token"):
        Catcher(MemoryStore(), MailServer(), mailboxes=[ONE, Mailbox.of_user("other", "token-of-mailbox-1", "x")])
    assert "token-of-mailbox-1" not in repr(ONE)
