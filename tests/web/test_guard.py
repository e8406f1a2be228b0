"""Who may talk to a server and how: rows W6 to W13 and W19 of what it is threatened by."""

import contextlib
import inspect
import json
import re
import threading
from pathlib import Path
from time import monotonic

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from lazr.smtptest.web.exposure import allow_exposure
from lazr.smtptest.web.guard import Guard
from lazr.smtptest.web.hosts import Hosts
from lazr.smtptest.web.origins import Origins
from lazr.smtptest.web.sockets import Sockets
from lazr.smtptest.web.wire import Http, Websocket, configured, most_connections
from serving import SPELLINGS, TIMEOUT, ask, dial, knock, parsed, rest, say, serving

ROOT = Path(__file__).parents[2]
SAYING = ["hosts", "origins", "exposure", "telling"]


def application(changes):
    """What is to be protected; `changes` are those that got through."""

    async def read(request):
        return PlainTextResponse("mail")

    async def change(request):
        try:
            body = await request.body()
        except Exception as error:  # as frameworks do, which make a 400 of it
            return PlainTextResponse(repr(error), 400)
        changes.append(len(body))
        return JSONResponse(len(body))

    async def unread(request):
        return PlainTextResponse("not read")

    async def large(request):
        return Response(b"x" * 20_000_000)

    async def page(request):
        return Response("<p>", headers={"Content-Security-Policy": "sandbox", "Referrer-Policy": "same-origin"})

    async def events(websocket):
        await websocket.accept()
        await websocket.send_text("hello")
        with contextlib.suppress(Exception):
            while True:
                await websocket.receive_text()

    return Starlette(
        routes=[
            Route("/api/v1/messages", read, methods=["GET"]),
            Route("/api/v1/messages", change, methods=["PUT", "DELETE", "POST"]),
            Route("/api/v1/send", change, methods=["POST"]),
            Route("/api/v1/message/{id}/part/{part}", read),
            Route("/api/v1/tags/{tag}", read),
            Route("/unread", unread, methods=["POST"]),
            Route("/large", large),
            Route("/page", page),
            WebSocketRoute("/api/events", events),
        ]
    )


@pytest.fixture
def guarded():
    """A server behind a guard: `guarded(**settings)` is its address; settings that uvicorn has go there."""
    with contextlib.ExitStack() as stack:

        def serve(changes=None, http=Http, ws=Websocket, **settings):
            app = Guard(application([] if changes is None else changes), **settings)
            return stack.enter_context(serving(app, http=http, ws=ws))

        yield serve


def until(status, again):
    """The answer, when it has that status, which may be a moment from now."""
    deadline = monotonic() + TIMEOUT
    while (answer := again()).status != status:
        assert monotonic() < deadline, answer
    return answer


# -- W6: names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        ({}, "localhost", 200),
        ({}, "LocalHost:8025", 200),
        ({}, "localhost.", 200),
        ({}, "127.0.0.1:8025", 200),
        ({}, "127.1.2.3", 200),
        ({}, "[::1]:8025", 200),
        ({}, "evil.test", 421),
        ({}, "evil.test:8025", 421),
        ({}, "localhost.evil.test", 421),
        ({}, "127.0.0.1.evil.test", 421),
        ({}, "10.0.0.1", 421),
        ({}, "[::2]", 421),
        ({}, "0.0.0.0", 421),  # which leads to this machine all the same
        ({}, "[::ffff:127.0.0.1]", 421),
        ({}, "2130706433", 421),
        ({}, "0x7f.1", 421),
        ({}, "evil.test@localhost", 421),
        ({}, "localhost/evil.test", 421),
        ({}, "localhost,evil.test", 421),
        ({}, "*", 421),
        ({}, "", 421),
        ({}, None, 400),
        ({}, ["localhost", "evil.test"], 400),
        ({"names": ["Mail.test"]}, "mail.test", 200),
        ({"names": ["Mail.test"]}, "MAIL.test.:80", 200),
        ({"names": ["mail.test"]}, "x.mail.test", 421),
        ({"names": ["10.0.0.1"]}, "10.0.0.1", 200),
        ({"names": ["*"]}, "evil.test", 200),
        ({"bound": "10.0.0.1"}, "10.0.0.1", 200),
        ({"bound": "mail.test"}, "mail.test", 200),
        ({"bound": "0.0.0.0"}, "10.0.0.1:8025", 200),  # whichever it is, nobody was asked for it
        ({"bound": "::"}, "[2001:db8::1]", 200),
        ({"bound": "0.0.0.0"}, "evil.test", 421),
    ],
)
def test_a_name_that_is_not_ours_is_refused_on_http_and_websockets_alike(guarded, settings, host, status):
    address = guarded(**settings)

    assert ask(address, "/api/v1/messages", host=host).status == status
    if not isinstance(host, list):
        assert knock(address, "/api/events", host=host).status == {200: 101}.get(status, status)


def test_the_address_that_a_connection_came_in_at_is_ours_and_no_other():
    ours = Hosts(None, bound="10.0.0.1")

    assert ours.are("10.0.0.2", at="10.0.0.2")
    assert not ours.are("10.0.0.2", at="10.0.0.3")


def test_a_refusal_says_why(guarded):
    answer = ask(guarded(), "/api/v1/messages", host="evil.test")

    assert answer.body == "This server is not called evil.test; see --allowed-host\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


# -- W7, W8: pages of others ----------------------------------------------------------------------

FORM = {"content_type": "text/plain"}
CROSS = {"sec_fetch_site": "cross-site"}
IMAGE = {"sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        # programs
        ("DELETE", {}, 200),
        ("POST", {"content_type": "application/x-www-form-urlencoded"}, 200),  # curl -d
        # our own page
        ("DELETE", {"origin": "http://localhost:8025", "sec_fetch_site": "same-origin"}, 200),
        ("DELETE", {"origin": "http://LOCALHOST:8025"}, 200),
        ("DELETE", {"origin": "http://mail.test", "host": "mail.test"}, 200),
        ("DELETE", {"origin": "http://mail.test", "host": "mail.test:80"}, 200),
        ("DELETE", {"origin": "https://mail.test", "host": "mail.test"}, 200),  # a proxy speaks TLS for us
        ("GET", {"sec_fetch_site": "none", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 200),
        ("GET", {"sec_fetch_site": "same-origin", **IMAGE}, 200),
        # pages of others
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
        # a link to us
        ("GET", {"sec_fetch_site": "same-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 200),
        ("GET", {**CROSS, "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 200),
    ],
)
def test_pages_of_others_change_and_read_nothing(guarded, method, headers, status):
    changes = []
    address = guarded(changes, names=["mail.test"])
    headers = {"host": "localhost:8025"} | headers

    body = b"" if method == "GET" else b"{}"

    assert ask(address, "/api/v1/messages", method, body=body, **headers).status == status
    assert changes == ([] if method == "GET" or status != 200 else [len(body)])


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("end", ["", "?follow=1", "/"])
def test_a_link_to_us_does_not_make_us_connect_to_others(guarded, site, end):
    use = {"sec_fetch_site": site, "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    address = guarded()

    assert ask(address, f"/api/v1/message/latest/link-check{end}", **use).status == 403
    assert ask(address, f"/api/v1/message/latest/link%2Dcheck{end}", **use).status == 403
    assert ask(address, f"/api/v1/message/latest/link-check{end}").status == 404  # a program; there is none here


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/message/iAfZVVe2UQfNSG5BAjgYwa/part/2", 200),
        ("/api/v1/message/latest/part/2", 403),  # anybody can name that one
        ("/api/v1/messages", 403),
    ],
)
def test_the_sandbox_of_a_mail_shows_the_images_of_that_mail(guarded, path, status):
    answer = ask(guarded(), path, **CROSS, **IMAGE)

    assert answer.status == status
    assert answer.headers["cross-origin-resource-policy"] == ("cross-origin" if status == 200 else "same-origin")


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
        ({"origin": "http://evil.test", "host": "evil.test"}, 421),  # rebound: one site to the browser
    ],
)
def test_websockets_are_for_our_own_pages(guarded, headers, status):
    answer = knock(guarded(), "/api/events", **{"host": "localhost:8025"} | headers)

    assert answer.status == status


@pytest.mark.parametrize("target", SPELLINGS)
def test_no_spelling_of_a_path_gets_around_the_guard(guarded, target):
    address = guarded()

    assert knock(address, target, host="localhost:8025", origin="http://evil.test").status in (400, 403)
    assert ask(address, target, "DELETE", origin="http://evil.test").status in (400, 403)
    assert knock(address, target, host="evil.test").status in (400, 421)


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/tags/%ff",
        "/api/v1/tags/%c3",
        "/api/v1/tags/%ed%a0%80",  # a lone surrogate
        "/api/v1/tags/%00",
        "/api/v1/tags/a%0d%0ab",
        "/api/v1/tags/..%5cx",
        "/api/v1/tags/%2e%2e",
        "/..%2f..%2fetc/passwd",
        "http://evil.test/api/v1/messages",
        "*",
        "api/v1/messages",
    ],
)
def test_a_path_that_can_be_read_in_two_ways_is_refused(guarded, target):
    answer = ask(guarded(), target)

    assert answer.status == 400
    assert answer.body.startswith("A path ")


def test_a_path_may_be_in_any_language(guarded):
    assert ask(guarded(), "/api/v1/tags/%E6%97%A5%20%25").status == 200


# -- W9: CORS -------------------------------------------------------------------------------------

PAGE = "http://localhost:3000"
PREFLIGHT = {"access_control_request_method": "DELETE", "access_control_request_headers": "content-type"}


def test_without_configuration_no_origin_may_read_an_answer(guarded):
    address = guarded()

    for headers in ({}, {"origin": PAGE}, {"origin": "http://localhost:8025", "host": "localhost:8025"}):
        assert not any("access-control" in name for name in ask(address, "/api/v1/messages", **headers).headers)
    assert ask(address, "/api/v1/messages", "OPTIONS", origin=PAGE, **PREFLIGHT).status == 403


def test_an_origin_that_was_configured_may_read_and_change(guarded):
    address = guarded(origins=[PAGE])

    answer = ask(address, "/api/v1/messages", origin=PAGE, **CROSS)
    preflight = ask(address, "/api/v1/messages", "OPTIONS", origin=PAGE, **PREFLIGHT)

    assert (answer.status, answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (
        200,
        PAGE,
        "origin",
    )
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, PAGE)
    assert "delete" in preflight.headers["access-control-allow-methods"]
    assert ask(address, "/api/v1/messages", "DELETE", origin=PAGE, **CROSS).status == 200
    assert knock(address, "/api/events", origin=PAGE).status == 101


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:3001", "https://localhost:3000", "http://localhost", "http://evil.test:3000", "null"],
)
def test_an_origin_is_configured_to_the_letter(guarded, origin):
    answer = ask(guarded(origins=[PAGE]), "/api/v1/messages", host="localhost:8025", origin=origin)

    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["*", "localhost:3000", "http://localhost:3000/", "http://*.test", "ftp://a.test"])
def test_what_is_no_origin_cannot_be_configured(origin):
    with pytest.raises(ValueError, match="not an origin"):
        Origins(None, allowed=[origin])


# -- W10: header fields ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/api/v1/messages", {}, 200),
        ("/nothing", {}, 404),
        ("/api/v1/messages", {"host": "evil.test"}, 421),
        ("/api/v1/messages", {"origin": "http://evil.test"}, 403),
        ("/%ff", {}, 400),
    ],
)
def test_every_answer_tells_browsers_what_not_to_do(guarded, target, headers, status):
    answer = ask(guarded(), target, **headers)

    assert answer.status == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "server" not in answer.headers


def test_what_a_route_says_itself_is_left_alone(guarded):
    headers = ask(guarded(), "/page").headers

    assert headers["content-security-policy"] == "sandbox"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"


# -- W12: sizes -----------------------------------------------------------------------------------


def chunked(*chunks, target="/api/v1/messages", end=True):
    head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
    return head.encode() + body + (b"0\r\n\r\n" if end else b"")


@pytest.mark.parametrize(
    ("target", "size", "status"),
    [
        ("/api/v1/messages", 1000, 200),
        ("/api/v1/messages", 1001, 413),
        ("/api/v1/send", 5000, 200),
        ("/api/v1/send", 5001, 413),
        ("/api/v1/%73end", 5001, 413),
    ],
)
def test_a_body_has_a_largest_size_however_it_comes(guarded, target, size, status):
    changes = []
    address = guarded(changes, body=1000, larger={"/api/v1/send": 5000})

    whole = ask(address, target, "POST", body=b"x" * size)
    pieces = say(address, chunked(b"x" * 700, b"y" * (size - 700), target=target))
    more = say(address, chunked(*[b"x" * 100] * (size // 100), b"x" * (size % 100), target=target))

    assert [answer.status for answer in (whole, pieces, more)] == [status] * 3
    assert changes == ([size] * 3 if status == 200 else [])
    if status == 413:
        assert "octets is taken here" in whole.body and "octets is taken here" in pieces.body


def test_the_sizes_are_5_mib_and_50_to_send_if_nobody_says_otherwise(guarded):
    address = guarded()
    six = b"x" * (6 * 1024 * 1024)

    assert ask(address, "/api/v1/messages", "POST", body=six).status == 413
    assert ask(address, "/api/v1/send", "POST", body=six).status == 200
    refused = ask(address, "/api/v1/send", "POST", body=b"", content_length=str(50 * 1024 * 1024 + 1))
    assert (refused.status, refused.headers["content-type"]) == (413, "application/json")
    assert json.loads(refused.body) == {"Error": "A body of at most 52,428,800 octets is taken here"}


@pytest.mark.parametrize("length", ["9" * 19, "9" * 20, "9" * 5000])
def test_a_length_of_many_digits_is_refused(guarded, length):
    assert ask(guarded(), "/api/v1/messages", "POST", content_length=length).status in (400, 413)


def test_all_bodies_together_have_a_largest_size_too(guarded):
    address = guarded(bodies=1000)

    with dial(address) as first:
        first.sendall(b"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n" + b"x" * 899)
        # The first one's octets are counted when a second one meets the limit, which may be a moment from now.
        answer = until(503, lambda: ask(address, "/api/v1/messages", "POST", body=b"x" * 200))
        assert answer.headers["retry-after"] == "1"
        first.sendall(b"x")
        assert first.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert ask(address, "/api/v1/messages", "POST", body=b"x" * 200).status == 200


def test_a_body_does_not_come_in_crumbs(guarded):
    changes = []
    address = guarded(changes)

    assert say(address, chunked(*[b"x"] * 1000)).status == 200
    assert say(address, chunked(*[b"x"] * 1001)).status == 400
    assert say(address, chunked(*[b"x" * 64] * 10_000)).status == 200
    assert changes == [1000, 640_000]


def test_nonsense_behind_an_answer_ends_the_connection_and_no_more(guarded, caplog):
    with dial(guarded(http=Hasty)) as client:
        client.sendall(b"POST /unread HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        came = b""
        while not came.endswith(b"not read"):
            came += client.recv(65536)
        client.sendall(b"nonsense\r\n")
        assert rest(client) == b""
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_client_that_sends_on_reads_why_it_was_refused(guarded):
    # 20 MB, of which it is 413 from the 1,001st octet on: a connection that is reset loses its answer.
    answer = say(guarded(body=1000), chunked(*[b"x" * 1_000_000] * 20))

    assert answer.status == 413


# -- W13: time, and numbers -----------------------------------------------------------------------


class Hasty(Http):
    HEAD_SECONDS = LINGER_SECONDS = WRITE_SECONDS = 0.3


class HastyWebsocket(Websocket):
    WRITE_SECONDS = 0.3


def test_the_deadlines_are_these_if_nobody_says_otherwise(monkeypatch):
    assert (Http.HEAD_SECONDS, Http.LINGER_SECONDS, Http.WRITE_SECONDS, Websocket.WRITE_SECONDS) == (10, 5, 30, 30)
    assert inspect.signature(Guard).parameters["body_seconds"].default == 60
    resource = pytest.importorskip("resource")
    for files, most in ((1024, 153), (1_048_576, 10_000), (resource.RLIM_INFINITY, 10_000), (30, 10)):
        monkeypatch.setattr(resource, "getrlimit", lambda what, files=files: (files, files))
        assert most_connections() == most


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"", 0),  # a browser may have dialled in advance
        (b"G", 408),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", 408),
        (b"GET /api/v1/messages HTTP/1.1\r\nHost: localhost\r\n\r\nGET", 200),  # and then the end
    ],
)
def test_the_head_of_a_request_has_a_deadline(guarded, octets, status):
    with dial(guarded(http=Hasty)) as client:
        client.sendall(octets)
        came = rest(client)  # which ends

    assert parsed(came).status == status
    if status == 200:
        assert came.endswith(b"Connection: close\r\n\r\n") and b"HTTP/1.1 408 " in came


def test_octet_by_octet_moves_no_deadline(guarded):
    with dial(guarded(http=Hasty)) as client, contextlib.suppress(ConnectionError):
        client.sendall(b"GET / HTTP/1.1\r\nX: ")
        client.settimeout(0.02)
        for _ in range(10_000):
            client.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                assert client.recv(65536).startswith(b"HTTP/1.1 408 ")
                break
        else:
            pytest.fail("it went on for ever")


@pytest.mark.parametrize(
    "octets",
    [
        b"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx",
        b"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx",
        b"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n",
    ],
)
def test_a_body_has_a_deadline(guarded, octets):
    changes = []
    with dial(guarded(changes, body_seconds=0.2)) as client:
        client.sendall(octets)
        came = rest(client)

    assert parsed(came.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")).status == 408
    assert changes == []


def test_what_is_left_of_a_body_that_was_answered_has_a_deadline(guarded):
    with dial(guarded(http=Hasty)) as client:
        client.sendall(b"POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx")
        came = rest(client)

    assert parsed(came).status == 200


def test_a_connection_goes_on_when_the_rest_of_a_body_comes(guarded):
    with dial(guarded(http=Hasty)) as client:
        client.sendall(b"POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx")
        came = b""
        while not came.endswith(b"not read"):
            came += client.recv(65536)
        client.sendall(b"x" * 9 + b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert parsed(rest(client)).status == 404


def test_a_client_that_reads_nothing_is_cut_off(guarded):
    lost = threading.Event()

    class Seen(Hasty):
        def connection_lost(self, exc):
            super().connection_lost(exc)
            lost.set()

    with dial(guarded(http=Seen)) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert lost.wait(TIMEOUT)
        assert len(rest(client)) < 20_000_000


def test_a_client_that_reads_slowly_gets_all(guarded):
    with dial(guarded(http=Hasty)) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert rest(client).endswith(b"x" * 20_000_000)


def test_large_answers_that_wait_to_be_read_have_a_largest_size_together(guarded):
    address = guarded(bodies=30_000_000)
    request = b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    with dial(address) as one:
        one.sendall(request)
        assert one.recv(12) == b"HTTP/1.1 200"  # and no more, for now
        refused = ask(address, "/large")
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert ask(address, "/api/v1/messages").status == 200
        assert rest(one).endswith(b"x" * 20_000_000)
    assert ask(address, "/large").body == "x" * 20_000_000


def test_websockets_are_counted(guarded):
    address = guarded(websockets=2)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            client = stack.enter_context(dial(address))
            client.sendall(shake())
            assert client.recv(12) == b"HTTP/1.1 101"
        refused = knock(address, "/api/events")
        assert (refused.status, refused.body) == (503, "There are 2 websockets already\n")
        assert ask(address, "/api/v1/messages").status == 200  # there is room for all else
    until(101, lambda: knock(address, "/api/events"))  # the others are gone in a moment


def shake():
    return (
        b"GET /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )


def test_connections_are_counted(guarded):
    class Few(Http):
        MOST = 2

    address = guarded(http=Few)
    with dial(address) as one, dial(address) as two:
        for client in (one, two):
            client.sendall(b"GET /api/v1/messages HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        refused = ask(address, "/api/v1/messages")
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    until(200, lambda: ask(address, "/api/v1/messages"))


def test_the_head_of_a_request_has_a_largest_size(guarded):
    address = guarded()

    # What came in one piece is read as a whole; the limit is for what is still to come.
    assert ask(address, "/api/v1/messages", x="y" * 30_000).status == 200
    assert ask(address, "/api/v1/messages", x="y" * 600_000).status == 400
    assert ask(address, "/" + "y" * 600_000).status == 400
    assert ask(address, "/api/v1/messages", **{f"x{number}": "y" * 9 for number in range(40_000)}).status == 400


# -- smuggling ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"X: a\rTransfer-Encoding: chunked\r\n",
        b"X: a\0b\r\n",
    ],
)
def test_a_request_whose_end_is_doubtful_is_refused_and_the_rest_is_no_request(guarded, fields):
    changes = []
    octets = b"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n"
    hidden = b"0\r\n\r\nDELETE /api/v1/messages HTTP/1.1\r\nHost: localhost\r\n\r\n"

    with dial(guarded(changes)) as client:
        client.sendall(octets + hidden)
        came = rest(client)

    assert parsed(came).status == 400
    assert came.count(b"HTTP/1.1 ") == 1
    assert changes == []


def test_words_of_a_stranger_are_not_sent_back_as_they_are(guarded):
    answer = ask(guarded(), "/api/v1/messages", origin="http://\x85\xad.test")

    assert answer.status == 403
    assert "\\x85" in answer.body


# -- W19: who can reach it ------------------------------------------------------------------------


def test_a_server_is_bound_to_loopback_if_nobody_says_otherwise():
    assert configured(Guard(Starlette())).host == "127.0.0.1"


@pytest.mark.parametrize(
    ("host", "exposed"),
    [
        *(("127.0.0.1", False), ("127.9.9.9", False), ("::1", False), ("localhost", False)),
        *(("0.0.0.0", True), ("::", True), ("", True), ("10.0.0.1", True), ("mail.test", True)),
    ],
)
def test_all_others_are_let_in_only_when_somebody_says_so(host, exposed):
    if exposed:
        with pytest.raises(ValueError, match="--insecure-public"):
            allow_exposure(host, login=False, insecure_public=False)
    else:
        allow_exposure(host, login=False, insecure_public=False)
    allow_exposure(host, login=True, insecure_public=False)
    allow_exposure(host, login=False, insecure_public=True)


@pytest.mark.parametrize(
    "path", ["docs/security.md", "docs/webhooks.md", *(f"src/lazr/smtptest/web/{name}.py" for name in SAYING)]
)
def test_a_switch_that_is_named_is_one_of_the_command_line(path):
    from lazr.smtptest.cli.app import command

    known = {option for parameter in command().commands["serve"].params for option in parameter.opts}
    named = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", (ROOT / path).read_text("utf-8")))

    assert named and named <= known


# -- what is passed on ----------------------------------------------------------------------------


def test_the_lifespan_of_the_application_goes_through(guarded):
    seen = []

    @contextlib.asynccontextmanager
    async def lifespan(app):
        seen.append("up")
        yield {"from": "lifespan"}
        seen.append("down")

    async def state(request):
        return JSONResponse({"from": request.state._state["from"], "user": request.state.user})

    app = Guard(Starlette(routes=[Route("/", state)], lifespan=lifespan))
    with serving(app, lifespan="on") as address:
        assert json.loads(ask(address, "/").body) == {"from": "lifespan", "user": None}
    assert seen == ["up", "down"]


def test_websockets_are_not_counted_twice_when_a_route_raises():
    async def broken(scope, receive, send):
        raise RuntimeError

    sockets = Sockets(broken, most=1)
    for _ in range(2):
        coroutine = sockets({"type": "websocket"}, None, None)
        with pytest.raises(RuntimeError):
            coroutine.send(None)
    assert sockets.open == 0
