"""The behavior that all routes share."""

import pytest

from lazr.smtptest.errors import SearchTooSlow, StoreFull, StoreUnavailable
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web.responses import encode_json


@pytest.mark.parametrize("path", ["/api/v1/none", "/none", "/api/v1/message", "/view/", "/view/a/b.html", "/docs"])
def test_unknown_path_returns_404(rest_api, path):
    for method in ("GET", "POST", "DELETE"):
        response = rest_api.http.request(method, path)
        assert (response.status_code, response.text) == (404, "404 page not found")
        assert response.headers["content-type"] == "text/plain"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v1/messages"), ("DELETE", "/api/v1/info"), ("GET", "/api/v1/send"), ("PATCH", "/livez")],
)
def test_wrong_method_returns_405(rest_api, method, path):
    response = rest_api.http.request(method, path)

    assert (response.status_code, response.text) == (405, "Method Not Allowed\n")


def test_head_is_get_without_a_body(rest_api):
    mail_id = rest_api.add_mail()
    for path in ("/livez", "/api/v1/messages", f"/api/v1/message/{mail_id}/raw"):
        head, get = rest_api.http.head(path), rest_api.http.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]
    assert rest_api.http.head("/none").status_code == 404


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("//view/latest.txt", "/view/latest.txt"),
        ("/api//v1///messages?limit=1&x=//", "/api/v1/messages?limit=1&x=//"),
        ("//evil.example/%2e%2e//", "/evil.example/%2e%2e/"),
        ("///evil.example", "/evil.example"),
    ],
)
def test_repeated_slashes_are_redirected(rest_api, path, to):
    response = rest_api.http.get(rest_api.web.url + path)

    assert (response.status_code, response.headers["location"]) == (307, to)


def test_options_has_no_cors_headers(rest_api):
    response = rest_api.http.options("/api/v1/messages", headers={"origin": "http://evil.example"})

    assert (response.status_code, response.content, response.headers["content-type"]) == (200, b"", "text/plain")
    assert not [name for name in response.headers if name.startswith("access-control")]


# W9: pages of other origins must not be allowed to read responses.
def test_origin_is_not_reflected(rest_api):
    response = rest_api.http.get("/api/v1/messages", headers={"origin": "http://evil.example"})

    assert "evil" not in str(response.headers)


class FailingStore(MemoryStore):
    """A store whose methods raise `error` when it is set."""

    error = None

    def _raise_error(self):
        if self.error is not None:
            raise self.error

    def get_page(self, *args, **kwargs):
        self._raise_error()
        return super().get_page(*args, **kwargs)

    def open_message(self, *args, **kwargs):
        self._raise_error()
        return super().open_message(*args, **kwargs)

    def add(self, messages):
        self._raise_error()
        super().add(messages)

    def get_note(self, key):
        self._raise_error()
        return super().get_note(key)


@pytest.mark.parametrize(
    ("error", "status"),
    [(StoreUnavailable("gone"), 503), (StoreFull("full"), 507), (SearchTooSlow("slow"), 503)],
)
def test_store_errors_become_statuses(make_rest_api, error, status):
    rest_api = make_rest_api(FailingStore())
    rest_api.add_mail()
    rest_api.store.error = error
    responses = [
        rest_api.http.get("/api/v1/messages"),
        rest_api.http.get("/api/v1/message/latest"),
        rest_api.http.post("/api/v1/send", json={"From": {"Email": "a@b.example"}}),
    ]
    if not isinstance(error, SearchTooSlow):  # a wait goes on, and looks at new mails only
        responses.append(rest_api.http.get("/api/v1/wait"))

    assert {(response.status_code, response.text) for response in responses} == {(status, f"{error}\n")}
    assert {response.headers.get("retry-after") for response in responses} == {
        "5" if isinstance(error, SearchTooSlow) else None
    }
    assert rest_api.http.get("/livez").status_code == 200
    assert rest_api.http.get("/readyz").status_code == 503
    rest_api.store.error = None
    assert rest_api.http.get("/readyz").status_code == 200
    assert rest_api.http.get("/api/v1/messages").json()["total"] == 1


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
def test_encode_json_has_gos_format(value, written):
    assert encode_json(value) == written
