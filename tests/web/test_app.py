"""What all routes have in common, and what is told of the installation."""

import itertools
import re

import pytest

from lazr.smtptest import MailServer, __version__
from lazr.smtptest.errors import SearchTooSlow, StoreFull, StoreUnavailable
from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.web.answers import encoded
from lazr.smtptest.web.app import make_app
from lazr.smtptest.web.catcher import Catcher

ATTACHED = (
    "Subject: hello\r\nX-Tags: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n"
    "--b\r\nContent-Type: image/png; name=a.png\r\n\r\nx\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    "path", ["/api/v1/none", "/none", "/api/v1/", "/api/v1/message", "/view/", "/view/a/b.html", "/docs"]
)
def test_what_is_not_there(caught, path):
    for method in ("GET", "POST", "DELETE"):
        answer = caught.http.request(method, path)
        assert (answer.status_code, answer.text) == (404, "404 page not found")
        assert answer.headers["content-type"] == "text/plain"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v1/messages"), ("DELETE", "/api/v1/info"), ("GET", "/api/v1/send"), ("PATCH", "/livez")],
)
def test_a_method_that_a_path_has_not(caught, method, path):
    answer = caught.http.request(method, path)

    assert (answer.status_code, answer.text) == (405, "Method Not Allowed\n")


def test_head_is_get_without_a_body(caught):
    name = caught.mail()
    for path in ("/livez", "/api/v1/messages", f"/api/v1/message/{name}/raw"):
        head, get = caught.http.head(path), caught.http.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]
    assert caught.http.head("/none").status_code == 404


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("//view/latest.txt", "/view/latest.txt"),
        ("/api//v1///messages?limit=1&x=//", "/api/v1/messages?limit=1&x=//"),
        ("//evil.example/%2e%2e//", "/evil.example/%2e%2e/"),
        ("///evil.example", "/evil.example"),
    ],
)
def test_paths_with_too_many_slashes_lead_to_those_without(caught, path, to):
    answer = caught.http.get(caught.web.url + path)

    assert (answer.status_code, answer.headers["location"]) == (307, to)


def test_options_tell_nothing(caught):
    answer = caught.http.options("/api/v1/messages", headers={"origin": "http://evil.example"})

    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"", "text/plain")
    assert not [name for name in answer.headers if name.startswith("access-control")]


# W9: whoever asks from elsewhere is not told that it may.
def test_an_origin_is_not_reflected(caught):
    answer = caught.http.get("/api/v1/messages", headers={"origin": "http://evil.example"})

    assert "evil" not in str(answer.headers)


class Failing(MemoryStore):
    """A store that raises `error`, once it is set."""

    error = None

    def _found(self, *arguments):
        if self.error is not None:
            raise self.error
        return super()._found(*arguments)

    def add(self, arrivals):
        if self.error is not None:
            raise self.error
        super().add(arrivals)

    def recall(self, key):
        if self.error is not None:
            raise self.error
        return super().recall(key)


@pytest.mark.parametrize(
    ("error", "status"),
    [(StoreUnavailable("gone"), 503), (StoreFull("full"), 507), (SearchTooSlow("slow"), 408)],
)
def test_what_a_store_raises_is_a_status(catching, error, status):
    caught = catching(Failing())
    caught.mail()
    caught.store.error = error
    answers = [
        caught.http.get("/api/v1/messages"),
        caught.http.get("/api/v1/message/latest"),
        caught.http.get("/api/v1/wait"),
        caught.http.post("/api/v1/send", json={"From": {"Email": "a@b.example"}}),
    ]

    assert {(answer.status_code, answer.text) for answer in answers} == {(status, f"{error}\n")}
    assert caught.http.get("/livez").status_code == 200
    assert caught.http.get("/readyz").status_code == 503
    caught.store.error = None
    assert caught.http.get("/readyz").status_code == 200
    assert caught.http.get("/api/v1/messages").json()["total"] == 1


def test_it_is_ready_while_mail_can_come_in(catching):
    caught = catching()
    assert (caught.http.get("/readyz").status_code, caught.http.get("/readyz").text) == (200, "")
    caught.server.stop()

    assert (caught.http.get("/readyz").status_code, caught.http.get("/livez").status_code) == (503, 200)


def test_information_has_mailpits_fields(caught):
    caught.mail("Subject: x\r\n\r\nHello\r\n")
    caught.http.get("/api/v1/message/latest")
    caught.http.delete("/api/v1/search?query=hello")
    deleted = caught.catcher.deleted
    caught.mail(X_Tags="a")
    info = caught.http.get("/api/v1/info").json()
    stats = info.pop("RuntimeStats")

    assert info == {
        "Version": __version__,
        "LatestVersion": "disabled",
        "Database": "memory:",
        "DatabaseSize": caught.store.totals().size,
        "Messages": 1,
        "Unread": 1,
        "Tags": {"a": 1},
    }
    assert stats.pop("Memory") > 1_000_000 and stats.pop("Uptime") >= 0
    assert stats == {
        "MessagesDeleted": deleted,
        "SMTPAccepted": 0,
        "SMTPAcceptedSize": 0,
        "SMTPRejected": 0,
        "SMTPIgnored": 0,
    }
    assert deleted >= 1


def test_what_smtp_accepted_is_counted(caught):
    import smtplib

    content = "Subject: x\r\n\r\nHello\r\n"
    with smtplib.SMTP(*caught.server.address) as client:
        client.sendmail("ann@example.com", "bob@example.com", content)
        client.rcpt("early@example.com")
    stats = caught.http.get("/api/v1/info").json()["RuntimeStats"]

    assert (stats["SMTPAccepted"], stats["SMTPAcceptedSize"], stats["SMTPRejected"]) == (1, len(content), 1)


def test_the_configuration_has_mailpits_fields(caught):
    assert caught.http.get("/api/v1/webui").json() == {
        "Label": "tests",
        "MessageRelay": {
            "Enabled": False,
            "SMTPServer": "",
            "ReturnPath": "",
            "AllowedRecipients": "",
            "BlockedRecipients": "",
            "OverrideFrom": "",
            "PreserveMessageIDs": False,
            "RecipientAllowlist": "",
        },
        "SpamAssassin": False,
        "ChaosEnabled": True,
        "DuplicatesIgnored": False,
        "HideDeleteAllButton": False,
    }


def test_numbers_for_prometheus(caught):
    from prometheus_client.parser import text_string_to_metric_families

    caught.mail()
    answer = caught.http.get("/metrics")
    found = {
        sample.name: sample.value for family in text_string_to_metric_families(answer.text) for sample in family.samples
    }

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert (found["smtptest_mails"], found["smtptest_mails_unread"]) == (1, 1)
    assert found["smtptest_mails_bytes"] == caught.store.totals().size
    assert found["smtptest_mails_accepted_total"] == 0 and found["smtptest_memory_bytes"] > 0


def operations(described):
    return [(method, path, one) for path, methods in described["paths"].items() for method, one in methods.items()]


def test_openapi_describes_every_route(caught):
    described = caught.http.get("/openapi.json").json()

    assert described["openapi"].startswith("3.") and caught.http.get("/api/v1/swagger.json").json() == described
    names = [route["operationId"] for _, _, route in operations(described)]
    assert len(set(names)) == len(names) and "list_messages" in names
    for method, path, route in operations(described):
        assert route["summary"] and route["description"].startswith(route["summary"].split()[0]), (method, path)
        assert all(one["description"] for one in route.get("parameters", [])), (method, path)
        assert all(answer["description"] for answer in route["responses"].values())
        for status, answer in route["responses"].items():
            assert (status == "302") is (answer["content"] == {}), (method, path, status)
            assert all(one["schema"] for one in answer["content"].values()), (method, path, status)
    listed = described["paths"]["/api/v1/messages"]
    shape = listed["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    assert shape.endswith("MessagesSummary")
    assert "IDs" in listed["delete"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    start = next(one for one in listed["get"]["parameters"] if one["name"] == "start")
    assert start["schema"]["type"] == "integer"
    assert "HTTPValidationError" not in str(described)


# What a path may have in it that leads somewhere, and nowhere; and what may be in a body.
THINGS = {"id": ("latest", "nothing"), "PartID": ("2", "9"), "number": ("1", "99", "x", "9" * 30), "tag": ("a", "none")}
THINGS |= {"name": ("greylist", "nothing")}
BODIES = (
    "",
    "{",
    "[]",
    "{}",
    '{"Read": 1}',
    '{"IDs": ["x"], "Search": "y"}',
    '{"Name": "b"}',
    '{"From": {"Email": "x"}}',
)
QUERIES = ("", "?query=hello&timeout=0", "?query=%22&count=0&tz=x", "?timeout=x&limit=x&start=x")


def test_what_is_answered_is_what_openapi_says(catching):
    caught = catching()
    described = caught.http.get("/openapi.json").json()
    seen = set()
    for method, path, route in operations(described):
        names = re.findall(r"\{(\w+)\}", path)
        for values in itertools.product(*(THINGS[name] for name in names)):
            for body in BODIES if "requestBody" in route else ("",):
                for query in QUERIES:
                    if caught.store.totals().mails == 0:
                        caught.mail(ATTACHED)
                    asked = path.format(**dict(zip(names, values, strict=True))) + query
                    answer = caught.http.request(method, asked, content=body)
                    if answer.status_code == 501:
                        continue  # what is not built says so
                    said = route["responses"].get(str(answer.status_code))
                    assert said is not None, (method, asked, body, answer.status_code, answer.text)
                    kind = answer.headers.get("content-type", "").partition(";")[0]
                    known = set(said["content"])
                    fits = {kind, f"{kind.partition('/')[0]}/*", "*/*"} & known or not (known or answer.content)
                    assert fits, (method, asked, answer.status_code, kind, known)
                    seen.add((method, path, answer.status_code))
    assert {status for _, _, status in seen} >= {200, 302, 400, 404}
    assert sum(status in (200, 302) for _, _, status in seen) > 30


def test_every_path_is_in_the_docs():
    from pathlib import Path

    app = make_app(Catcher(MemoryStore(), MailServer()))
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")

    for path in app.openapi()["paths"]:
        assert re.sub(r"\{\w+\}", "…", path) in re.sub(r"\{\w+\}", "…", page), path


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({}, "{}\n"),
        ([1, None, True, 0.5], "[1,null,true,0.5]\n"),
        ({"a": "</script>"}, '{"a":"\\u003c/script\\u003e"}\n'),
        ("\u2028&é😀", '"\\u2028\\u0026é😀"\n'),
        ("\n\t\x01", '"\\n\\t\\u0001"\n'),
    ],
)
def test_json_as_go_writes_it(value, written):
    assert encoded(value) == written
