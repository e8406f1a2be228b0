"""`CORSMiddleware`: requests of other sites' pages, and allowed origins (threats W7, W8 and W9)."""

import pytest

from lazr.smtptest.web.middleware.cors import CORSMiddleware
from tests.helpers.raw_http import open_websocket, send_request

FORM = {"content_type": "text/plain"}
CROSS = {"sec_fetch_site": "cross-site"}
IMAGE = {"sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"}

PAGE = "http://localhost:3000"
PREFLIGHT = {"access_control_request_method": "DELETE", "access_control_request_headers": "content-type"}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        # programs
        ("DELETE", {}, 200),
        ("POST", {"content_type": "build_app/x-www-form-urlencoded"}, 200),  # curl -d
        # own page
        ("DELETE", {"origin": "http://localhost:8025", "sec_fetch_site": "same-origin"}, 200),
        ("DELETE", {"origin": "http://LOCALHOST:8025"}, 200),
        ("DELETE", {"origin": "http://mail.test", "host": "mail.test"}, 200),
        ("DELETE", {"origin": "http://mail.test", "host": "mail.test:80"}, 200),
        ("DELETE", {"origin": "https://mail.test", "host": "mail.test"}, 200),  # a proxy speaks TLS
        ("GET", {"sec_fetch_site": "none", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 200),
        ("GET", {"sec_fetch_site": "same-origin", **IMAGE}, 200),
        # pages of other origins
        ("DELETE", {"origin": "http://evil.test"}, 403),
        ("PUT", {"origin": "http://evil.test"}, 403),
        ("POST", {"origin": "http://evil.test", **FORM}, 403),
        ("POST", {"origin": "null", **FORM}, 403),  # a sandbox, or a file
        ("POST", {"origin": "http://localhost:3000"}, 403),  # another server on this machine
        ("POST", {"origin": "http://localhost"}, 403),
        ("POST", {"origin": "https://localhost"}, 403),
        ("POST", {"origin": "http://localhost:8025.evil.test"}, 403),
        ("POST", {"origin": "http://localhost:8025@evil.test"}, 403),
        ("POST", {"origin": "http://evil.test#localhost:8025"}, 403),
        ("POST", {"origin": "file://localhost:8025"}, 403),
        ("POST", {"origin": "localhost:8025"}, 403),
        ("POST", {"origin": ""}, 403),
        ("POST", {"origin": ["http://localhost:8025", "http://evil.test"]}, 403),
        ("POST", {"origin": ["http://evil.test", "http://localhost:8025"]}, 403),
        ("DELETE", CROSS, 403),
        ("POST", {**CROSS, **FORM}, 403),
        ("POST", {**CROSS, "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 403),  # a form
        ("GET", {"origin": "http://evil.test"}, 403),  # also a stream of events
        ("GET", {"origin": "http://evil.test", "accept": "text/event-stream"}, 403),
        ("GET", {**CROSS, **IMAGE}, 403),  # reading may mark a mail as read
        ("GET", {**CROSS, "sec_fetch_mode": "no-cors", "sec_fetch_dest": "script"}, 403),
        ("GET", {"sec_fetch_site": "same-site", **IMAGE}, 403),  # http://localhost:3000
        ("DELETE", {"sec_fetch_site": "same-site"}, 403),
        ("GET", {**CROSS, "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}, 403),
        # a link to this server
        ("GET", {"sec_fetch_site": "same-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 200),
        ("GET", {**CROSS, "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 200),
    ],
)
def test_pages_of_other_origins_are_rejected(guarded, method, headers, status):
    changes = []
    address = guarded(changes, allowed_hosts=["mail.test"])
    headers = {"host": "localhost:8025"} | headers

    body = b"" if method == "GET" else b"{}"

    assert send_request(address, "/api/v1/messages", method, body=body, **headers).status == status
    assert changes == ([] if method == "GET" or status != 200 else [len(body)])


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("end", ["", "?follow=1", "/"])
def test_cross_site_link_cannot_start_a_link_check(guarded, site, end):
    navigation = {"sec_fetch_site": site, "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    address = guarded()

    assert send_request(address, f"/api/v1/message/latest/link-check{end}", **navigation).status == 403
    assert send_request(address, f"/api/v1/message/latest/link%2Dcheck{end}", **navigation).status == 403
    # A program may; this app has no such route.
    assert send_request(address, f"/api/v1/message/latest/link-check{end}").status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/message/iAfZVVe2UQfNSG5BAjgYwa/part/2", 200),
        ("/api/v1/message/latest/part/2", 403),  # needs no knowledge of an ID
        ("/api/v1/messages", 403),
    ],
)
def test_sandboxed_mail_can_load_its_own_images(guarded, path, status):
    address = guarded()
    for origin in ({}, {"origin": "null"}):  # Chromium sends the opaque origin since it asks for access to cookies
        answer = send_request(address, path, **CROSS, **IMAGE, **origin)

        assert answer.status == status
        assert answer.headers["cross-origin-resource-policy"] == ("cross-origin" if status == 200 else "same-origin")


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {}),
        ("GET", {"sec_fetch_site": "cross-site"}),
        ("GET", {**CROSS, **IMAGE, "sec_fetch_mode": "cors"}),
        ("GET", {**CROSS, **IMAGE, "sec_fetch_dest": "iframe"}),
        ("GET", {**CROSS, **IMAGE, "origin": ["null", "null"]}),
        ("GET", {**CROSS, **IMAGE, "origin": "http://evil.test"}),
        ("POST", {**CROSS, **IMAGE}),
    ],
)
def test_opaque_origin_can_load_only_images(guarded, method, headers):
    path = "/api/v1/message/iAfZVVe2UQfNSG5BAjgYwa/part/2"

    assert send_request(guarded(), path, method, **{"origin": "null"} | headers).status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 101),
        ({"origin": "http://localhost:8025"}, 101),
        ({"origin": "https://localhost:8025"}, 101),
        ({"origin": "http://evil.test"}, 403),
        ({"origin": "http://localhost:3000"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"origin": "http://evil.test", "host": "evil.test"}, 421),  # DNS rebinding: the same site to the browser
    ],
)
def test_websockets_of_other_origins_are_rejected(guarded, headers, status):
    answer = open_websocket(guarded(), "/api/events", **{"host": "localhost:8025"} | headers)

    assert answer.status == status


def test_no_cors_headers_without_allowed_origins(guarded):
    address = guarded()

    for headers in ({}, {"origin": PAGE}, {"origin": "http://localhost:8025", "host": "localhost:8025"}):
        answer = send_request(address, "/api/v1/messages", **headers)
        assert not any("access-control" in name for name in answer.headers)
    assert send_request(address, "/api/v1/messages", "OPTIONS", origin=PAGE, **PREFLIGHT).status == 403


def test_allowed_origin_may_read_and_change(guarded):
    address = guarded(allowed_origins=[PAGE])

    answer = send_request(address, "/api/v1/messages", origin=PAGE, **CROSS)
    preflight = send_request(address, "/api/v1/messages", "OPTIONS", origin=PAGE, **PREFLIGHT)

    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, PAGE)
    assert (answer.headers["vary"], answer.headers["access-control-expose-headers"]) == ("origin", "link")
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, PAGE)
    assert "delete" in preflight.headers["access-control-allow-methods"]
    assert set(preflight.headers["access-control-allow-headers"].split(", ")) == {
        *("authorization", "content-type"),
        *("mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id"),
    }
    assert send_request(address, "/api/v1/messages", "DELETE", origin=PAGE, **CROSS).status == 200
    assert open_websocket(address, "/api/events", origin=PAGE).status == 101


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:3001", "https://localhost:3000", "http://localhost", "http://evil.test:3000", "null"],
)
def test_similar_origins_are_not_allowed(guarded, origin):
    answer = send_request(guarded(allowed_origins=[PAGE]), "/api/v1/messages", host="localhost:8025", origin=origin)

    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["*", "localhost:3000", "http://localhost:3000/", "http://*.test", "ftp://a.test"])
def test_invalid_allowed_origin_raises_value_error(origin):
    with pytest.raises(ValueError, match="an allowed origin must be like http://localhost:3000, got"):
        CORSMiddleware(None, allowed_origins=[origin])


def test_untrusted_input_in_a_rejection_is_escaped(guarded):
    answer = send_request(guarded(), "/api/v1/messages", origin="http://\x85\xad.test")

    assert answer.status == 403
    assert "\\x85" in answer.body
