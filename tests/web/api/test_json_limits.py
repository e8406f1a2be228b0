"""JSON bodies that take much memory when they are parsed are refused before that."""

import json
import tracemalloc

import pytest
from fastapi.routing import APIRoute

from lazr.smtptest.web.api.json_limits import MAX_JSON_DEPTH, MAX_JSON_VALUES, check_json_limits
from lazr.smtptest.web.api.request_body import RequestBody, _read_body
from lazr.smtptest.web.responses import ApiError
from tests.web.test_mailbox import iterate_routes

MANY = 200_000
SWOLLEN = {
    "lists": b'{"x":[' + b"[]," * MANY + b"[]]}",
    "objects": b'{"x":[' + b"{}," * MANY + b"{}]}",
    "numbers": b"[" + b"1," * MANY + b"1]",
    "literals": b"[" + b"null," * MANY + b"null]",
    "strings": b"[" + b'"",' * MANY + b'""]',
    "keys": b"{" + b'"":1,' * MANY + b'"":1}',
    "nested": b'{"x":' * 101 + b"1" + b"}" * 101,
    "brackets": b"[" * MANY,
    "mixed": b'[{"":' * 60 + b"0" + b"}]" * 60,
    "after a string": b'["\\\\",' + b"[]," * MANY + b"[]]",
    "after an escaped quote": b'["\\"",' + b"[]," * MANY + b"[]]",
    "without an end": b"[" + b"1," * MANY,
    "spaces": b"[ " + b"1 , " * MANY + b"1 ]",
    "UTF-16": json.dumps([[]] * MANY).encode("utf-16"),
    "UTF-32": json.dumps([[]] * MANY).encode("utf-32"),
    "form": b"&".join([b"ids=1"] * MANY),
}


@pytest.mark.slow
@pytest.mark.parametrize("content", SWOLLEN.values(), ids=SWOLLEN)
def test_swollen_body_is_refused_before_it_is_parsed(content):
    body = RequestBody(content, "application/x-www-form-urlencoded")
    tracemalloc.start()
    try:
        with pytest.raises(ApiError) as refused:
            body.parse_json()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert refused.value.status == 400
    assert peak < 6 * len(content) + 100_000


COMMAS = ",[{:" * 500_000


@pytest.mark.parametrize(
    "value",
    [
        {"Text": COMMAS},
        {"Text": '"' + COMMAS},
        {"Text": "\\" + COMMAS, "IDs": ["\\\\", '\\"', COMMAS]},
        {COMMAS: COMMAS},
        ["ü\u2028€", COMMAS],
        {"IDs": ["a"] * (MAX_JSON_VALUES - 3)},
        json.loads("[" * MAX_JSON_DEPTH + "]" * MAX_JSON_DEPTH),
    ],
)
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_large_body_within_the_limits_is_parsed(value, ensure_ascii):
    content = json.dumps(value, ensure_ascii=ensure_ascii).encode()

    assert RequestBody(content, "").parse_json() == value


# Each of these would take minutes if a string without an end were searched again from each of its quotes.
@pytest.mark.parametrize("text", [b'"' + b'\\"' * 1_000_000, b'"a' * 999_999, b'"' + b"\\" * 1_000_001, b'"\\'])
def test_check_takes_linear_time(text):
    check_json_limits(text)
    check_json_limits(b"[" * 60 + b"]" * 60 + b"[" * 60 + text)


def test_byte_order_mark_is_accepted():
    assert RequestBody(b"\xef\xbb\xbf[1]", "").parse_json() == [1]


def test_every_route_with_a_body_refuses_a_swollen_one(rest_api):
    mail_id = rest_api.add_mail()
    values = {"{id}": mail_id, "{name}": "greylist", "{tag}": "x", "{number}": "1"}
    routes = [route for route in iterate_routes(rest_api.web._app) if isinstance(route, APIRoute)]
    with_body = [route for route in routes if _read_body in [part.call for part in route.dependant.dependencies]]
    assert len(with_body) >= 8
    rest_api.http.post("/api/v2/jim")  # MailHog's chaos monkey must be there to be changed

    for route in with_body:
        path = route.path
        for name, value in values.items():
            path = path.replace(name, value).replace(name[:-1] + ":path}", value)
        for method in route.methods:
            response = rest_api.http.request(method, path, content=SWOLLEN["lists"])
            if path.endswith("/release") or (method, path) == ("POST", "/api/v2/jim"):
                assert response.status_code == 400  # no relay, or there already: the body is not parsed
            elif path.endswith("/login"):
                assert response.status_code == 413  # no login is that large
            else:
                assert (response.status_code, "100,000 values" in response.text) == (400, True), (method, path)
    assert rest_api.list_ids() == [mail_id]
    rest_api.http.delete("/api/v2/jim")
