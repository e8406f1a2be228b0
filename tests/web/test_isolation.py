"""The token of a mailbox shows and changes nothing of other mailboxes, on every route of the app.

The requests are made from the list of routes, so a new route is tested as well.
"""

import json
import re
import smtplib

import httpx
import pytest
from fastapi.routing import APIRoute

from lazr.smtptest.store import SqliteStore
from lazr.smtptest.web import Relay
from lazr.smtptest.web.mailbox import Mailbox
from tests.helpers.mime_messages import build_message_with_files
from tests.web.test_mailbox import iterate_routes

OWN = Mailbox.of_user("own", "token-of-own-mailbox", "own")
OTHER = Mailbox.of_recipient("secret mailbox", "token-of-secret-mailbox", "*@secret.example")

# The values of path parameters; `{id}` is filled in by each test.  A new parameter needs a line here.
PATH_VALUES = {
    "PartID": "2",
    "part": "0",
    "name": "secret mailbox",
    "tag": "secret-tag",
    "number": "1",
    "tab": "text",
    "other": "unknown",
    "file": "app.js",
    "token": "unknown",
}

# The page of the inbox is the same for all mails: its script requests what it shows.
PAGE_PATHS = ("/mail/", "/diff/")


class Isolation:
    """A server with the mails of two mailboxes, and a client for each and for the owner."""

    def __init__(self, rest_api):
        self.rest_api, self.store = rest_api, rest_api.store
        self.owner, self.own, self.other = (self._connect(token) for token in ("", OWN.token, OTHER.token))
        self.own_id = self._add("red own", user="own")
        self.add_other_mails()

    def _connect(self, token):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.rest_api.web.url, headers=headers, timeout=60)

    def _add(self, subject, **more):
        content = build_message_with_files(("text/plain", f"{subject}.txt", b"red"), html=f"<p>{subject}</p>")
        content = content.replace(b"Subject: Files", f"Subject: {subject}\r\nX-Tags: {subject}-tag".encode())
        return self.rest_api.add_mail(content, **more)

    def add_other_mails(self):
        self.other_id = self._add("red secret", to=("secret-to@secret.example",), sender="secret-from@example.com")

    def change_other_mails(self):
        """Do everything that the owner and the client of the other mailbox can do."""
        for _ in range(3):
            self.add_other_mails()
        with smtplib.SMTP(*self.rest_api.server.address) as client:
            client.sendmail("secret-smtp@example.com", ["x@secret.example"], "Subject: red secret\r\n\r\nx\r\n")
            client.docmd("MAIL secret")
        self.other.get(f"/api/v1/message/{self.other_id}")
        self.other.put("/api/v1/tags", json={"IDs": [self.other_id], "Tags": ["secret-tag", "more"]})
        assert self.other.delete("/api/v1/search?query=is:unread").status_code == 200
        self.owner.post("/api/v1/rules", json={"when": "RCPT", "do": [{"reply": [450, "4.2.1", "secret"]}]})
        assert self.owner.put("/api/v1/chaos", json={"Sender": {"Probability": 50}}).status_code == 200
        self.owner.post("/api/v1/mailboxes", json={"Name": "secret job", "User": "secret"})
        self.store.index_pending()

    def iterate_requests(self, id):
        """Yield the method and the path of each route."""
        for route in iterate_routes(self.rest_api.web._app):
            if isinstance(route, APIRoute):
                values = {name: PATH_VALUES.get(name, "") for name in route.param_convertors} | {"id": id}
                assert all(values.values()), f"{route.path} has a new parameter: add it to PATH_VALUES"
                path = route.path
                for name, value in values.items():
                    path = re.sub(rf"{{{name}(:\w+)?}}", value, path)
                for method in sorted(route.methods):
                    yield method, path

    def read_all(self, client, id):
        """Return the answers to all requests that read."""
        answers = {}
        for method, path in self.iterate_requests(id):
            if method == "GET":
                answer = client.get(path, params={"query": "red"})
                answers[path] = answer.status_code, mask_uptime(answer.text), answer.headers.get("location")
        return answers

    def close(self):
        for client in (self.owner, self.own, self.other):
            client.close()


def mask_uptime(text):
    try:
        value = json.loads(text)
        del value["RuntimeStats"]["Uptime"]
    except (ValueError, KeyError, TypeError):
        return text
    return json.dumps(value)


@pytest.fixture
def isolation(make_rest_api, tmp_path):
    relay = Relay("secret-relay.example", 25, allow=["*@secret-allowed.example"], sender="secret@sender.example")
    with SqliteStore(tmp_path / "secret-path.sqlite") as store:
        rest_api = make_rest_api(store, mailboxes=[OWN, OTHER], anonymous=True, label="secret label", relay=relay)
        isolation = Isolation(rest_api)
        yield isolation
        isolation.close()


@pytest.mark.slow
def test_no_answer_depends_on_other_mailboxes(isolation):
    isolation.read_all(isolation.own, isolation.own_id)  # marks mails as read
    before = isolation.read_all(isolation.own, isolation.own_id)
    isolation.change_other_mails()

    assert isolation.read_all(isolation.own, isolation.own_id) == before
    assert len(before) > 30
    for path, (_, text, location) in before.items():
        if "openapi" not in path and "swagger" not in path:
            assert "secret" not in f"{text}{location}".lower().replace("'secret mailbox'", ""), path


@pytest.mark.slow
def test_owner_sees_what_the_token_does_not(isolation):
    isolation.change_other_mails()
    shown = "".join(text for _, text, _ in isolation.read_all(isolation.owner, isolation.other_id).values())

    for secret in ("secret-to", "secret-from", "secret-tag", "secret-relay", "secret-path"):
        assert secret in shown


def test_mail_of_another_mailbox_is_unknown(isolation):
    for method, path in isolation.iterate_requests(isolation.other_id):
        if isolation.other_id in path and not path.startswith(PAGE_PATHS):
            answer = isolation.own.request(method, path, json={"To": ["a@secret-allowed.example"]})
            # A session can have mails of other mailboxes, and a bounce can be one: these are closed to tokens.
            assert answer.status_code == (403 if path.endswith(("/session", "/bounce")) else 404), path
            assert "secret" not in answer.text


def test_failure_of_the_relay_does_not_show_its_name(isolation):
    path, body = f"/api/v1/message/{isolation.own_id}/release", {"To": ["a@secret-allowed.example"]}
    answer, full = (client.post(path, json=body) for client in (isolation.own, isolation.owner))

    assert (answer.status_code, answer.text) == (400, "SMTP error: the relay did not accept the mail")
    assert full.status_code == 400 and full.text != answer.text


BODIES = [
    lambda ids: {"IDs": ids, "Read": True, "Tags": ["x"], "Name": "x", "To": ["a@secret-allowed.example"]},
    lambda ids: {"Search": "red", "Read": True, "Name": "x", "User": "own", "When": "RCPT", "Do": [{"reply": 450}]},
    lambda ids: None,
]


@pytest.mark.slow
@pytest.mark.parametrize("build_body", BODIES)
def test_no_request_changes_other_mailboxes(isolation, build_body):
    isolation.read_all(isolation.other, isolation.other_id)
    before = isolation.read_all(isolation.other, isolation.other_id)
    rules, mailboxes = isolation.owner.get("/api/v1/rules").text, isolation.owner.get("/api/v1/mailboxes").text
    for method, path in isolation.iterate_requests(isolation.other_id):
        body = build_body([isolation.other_id])
        isolation.own.request(method, path, params={"query": "red"}, **({} if body is None else {"json": body}))

    assert isolation.read_all(isolation.other, isolation.other_id) == before
    assert isolation.owner.get("/api/v1/rules").text == rules
    assert isolation.owner.get("/api/v1/mailboxes").text == mailboxes


def test_error_of_the_store_shows_its_path_to_the_owner_only(isolation, monkeypatch):
    from lazr.smtptest.errors import StoreFull, StoreUnavailable

    for error, text in ((StoreUnavailable("secret.sqlite: I/O error"), "unavailable"), (StoreFull("secret"), "full")):

        def fail(*more, error=error, **options):
            raise error

        monkeypatch.setattr(isolation.store, "get_totals", fail)
        answers = [client.get("/api/v1/info") for client in (isolation.own, isolation.owner)]
        assert [answer.status_code for answer in answers] == [503 if text == "unavailable" else 507] * 2
        assert text in answers[0].text and "secret" not in answers[0].text and "secret" in answers[1].text


@pytest.mark.parametrize(
    ("mailbox", "recipient", "status"),
    [
        (OWN, "bob@example.com", 200),  # the mails of an SMTP user may go anywhere
        (OTHER, "bob@secret.example", 200),
        (OTHER, "BOB@Secret.Example", 200),
        (OTHER, "bob@example.com", 403),
        (OTHER, "bob@secret.example.com", 403),
        (OTHER, "", 403),
    ],
)
def test_mail_that_the_sender_could_not_read_is_refused(isolation, mailbox, recipient, status):
    total = isolation.store.get_totals().mails
    client = isolation.own if mailbox is OWN else isolation.other
    body = {"From": {"Email": "a@b.example"}, "To": [{"Email": recipient}] if recipient else []}
    answer = client.post("/api/v1/send", json=body)

    assert answer.status_code == status
    if status == 200:
        assert client.get(f"/api/v1/message/{answer.json()['ID']}").status_code == 200
    else:
        assert "secret mailbox" in answer.json()["Error"] and "*@secret.example" in answer.json()["Error"]
        assert isolation.store.get_totals().mails == total
