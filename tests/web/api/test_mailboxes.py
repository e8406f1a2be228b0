"""Mailboxes that are created and removed while the server runs."""

import httpx
import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, Guard, Mailbox, Users, WebServer, make_app
from lazr.smtptest.web.mailbox import Mailboxes
from tests.web.conftest import RestApi

FILE = Mailbox.of_user("from the file", "token-of-the-file-mailbox", "ci")


@pytest.fixture
def fresh_api(make_rest_api):
    return make_rest_api()


def connect(rest_api, token):
    return httpx.Client(base_url=rest_api.web.url, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    ("body", "own", "foreign"),
    [
        ({"Name": "job 7", "User": "ci-7"}, {"user": "ci-7"}, {"user": "ci-8"}),
        ({"Name": "job 7", "Recipient": "*@Job7.test"}, {"to": ["a@job7.test"]}, {"to": ["a@job8.test"]}),
        ({"name": "ü", "recipient": "a?@job7.test"}, {"to": ["ab@job7.test"]}, {"to": ["a@job7.test"]}),
    ],
)
def test_mailbox_opens_from_its_creation_to_its_removal(fresh_api, body, own, foreign):
    own_id, _ = fresh_api.add_mail(**own), fresh_api.add_mail(**foreign)
    created = fresh_api.http.post("/api/v1/mailboxes", json=body).json()
    listed = fresh_api.http.get("/api/v1/mailboxes").json()

    assert len(created.pop("Token")) == 32
    assert listed == [created] and list(created) == ["Name", "User", "Recipient"]
    other = fresh_api.http.post("/api/v1/mailboxes", json=body | {next(iter(body)): "job 8"}).json()
    with connect(fresh_api, other["Token"]) as client:
        assert [message["ID"] for message in client.get("/api/v1/messages").json()["messages"]] == [own_id]
        assert client.get("/api/v1/webui").json()["Label"] == "job 8"
        assert fresh_api.http.delete("/api/v1/mailboxes/job 8").text == "ok"
        assert client.get("/api/v1/messages").status_code == 401
        assert client.delete("/api/v1/messages").status_code == 401
    assert fresh_api.store.get_totals().mails == 2
    assert fresh_api.list_ids() != []  # clients without credentials still have access


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "Name must have 1 to 100"),
        ({"Name": "", "User": "x"}, "Name must have 1 to 100"),
        ({"Name": "x" * 101, "User": "x"}, "Name must have 1 to 100"),
        ({"Name": "a/b", "User": "x"}, "Name must have 1 to 100"),
        ({"Name": "a\n", "User": "x"}, "Name must have 1 to 100"),
        ({"Name": 5, "User": "x"}, "Name must be a string"),
        ({"Name": "x"}, 'either "User"'),
        ({"Name": "x", "User": "a", "Recipient": "b"}, 'either "User"'),
        ({"Name": "x", "Recipient": "b" * 321}, "at most 320 characters"),
        ([], "JSON object"),
    ],
)
def test_invalid_mailbox_is_400(fresh_api, body, text):
    answer = fresh_api.http.post("/api/v1/mailboxes", json=body)

    assert (answer.status_code, text in answer.text) == (400, True), answer.text
    assert fresh_api.http.get("/api/v1/mailboxes").json() == []


def test_name_that_is_taken_is_409(fresh_api):
    for status in (200, 409):
        answer = fresh_api.http.post("/api/v1/mailboxes", json={"Name": "job", "User": "x"})
        assert answer.status_code == status
    assert answer.text == "there is a mailbox 'job' already; choose another name, or remove it first"


def test_unknown_name_is_404_with_the_nearest_name(fresh_api):
    assert "GET /api/v1/mailboxes lists them" in fresh_api.http.delete("/api/v1/mailboxes/x").text
    fresh_api.http.post("/api/v1/mailboxes", json={"Name": "job 7", "User": "x"})
    answer = fresh_api.http.delete("/api/v1/mailboxes/jbo 7")

    assert (answer.status_code, answer.text) == (404, "there is no mailbox 'jbo 7'; did you mean 'job 7'?")


def test_number_of_mailboxes_is_limited(fresh_api, monkeypatch):
    monkeypatch.setattr(Mailboxes, "MAX_COUNT", 2)
    statuses = [
        fresh_api.http.post("/api/v1/mailboxes", json={"Name": f"job {number}", "User": "x"}).status_code
        for number in range(3)
    ]
    assert statuses == [200, 200, 409]


def test_mailboxes_work_with_users_and_those_of_the_file():
    store, users = MemoryStore(), Users.parse("ann:{PLAIN}secret")
    server = MailServer(store=store)
    context = AppContext(store, server, mailboxes=[FILE])

    def guard(app):
        return Guard(app, users=users, mailboxes=context.mailboxes)

    with WebServer(make_app(context), guard=guard) as web:
        rest_api = RestApi(server, store, web, context)
        owner = httpx.Client(base_url=web.url, auth=("ann", "secret"))
        created = owner.post("/api/v1/mailboxes", json={"Name": "job", "User": "x"}).json()
        assert [one["Name"] for one in owner.get("/api/v1/mailboxes").json()] == ["from the file", "job"]
        for token in (created["Token"], FILE.token):
            with connect(rest_api, token) as client:
                assert client.get("/api/v1/messages").status_code == 200
                assert client.get("/api/v1/mailboxes").status_code == 403
                assert client.post("/api/v1/mailboxes", json={"Name": "y", "User": "ann"}).status_code == 403
                assert client.delete("/api/v1/mailboxes/job").status_code == 403
        assert rest_api.http.post("/api/v1/mailboxes", json={"Name": "y", "User": "x"}).status_code == 401
        owner.close(), rest_api.close()


def test_numbers_of_a_removed_mailbox_are_forgotten(fresh_api):
    for _ in range(2):
        fresh_api.add_mail(user="x")
        token = fresh_api.http.post("/api/v1/mailboxes", json={"Name": "job", "User": "x"}).json()["Token"]
        with connect(fresh_api, token) as client:
            client.delete("/api/v1/messages")
            assert client.get("/api/v1/info").json()["RuntimeStats"]["MessagesDeleted"] == 1
        fresh_api.http.delete("/api/v1/mailboxes/job")
