"""`LinkChecker` and its route: which links are requested, and which addresses are blocked (threat W5)."""

import asyncio
import json
import threading

import pytest

from lazr.smtptest.web.outbound.http_client import OutboundClient
from lazr.smtptest.web.outbound.link_check import LinkChecker
from lazr.smtptest.web.outbound.message_urls import encode_url, find_message_urls
from tests.helpers.http_receiver import TIMEOUT, Receiver, respond
from tests.mail.malformed import messages
from tests.web.outbound.test_http_client import LOOPBACK, make_resolver


def make_checker(allowed=LOOPBACK, settings=None, **client_settings):
    return LinkChecker(OutboundClient(allowed, **client_settings), **settings or {})


def check(*urls, follow=False, **settings):
    """Return the status and the reason of each link."""
    checking = make_checker(**settings).check(urls, follow=follow)
    return [(result.status, result.reason) for result in asyncio.run(asyncio.wait_for(checking, TIMEOUT))]


def add_mail(rest_api, html="", text=""):
    kind, body = ("html", html) if html else ("plain", text)
    mail_id = rest_api.add_mail(f"Content-Type: text/{kind}; charset=utf-8\r\n\r\n{body}\r\n")
    return rest_api.store.get_mail(mail_id)


# -- which links ----------------------------------------------------------------------------------


def test_urls_of_html_and_text_are_found(rest_api):
    mail = add_mail(
        rest_api,
        "<link rel='StyleSheet' href=http://a.test/style.css><link rel=icon href=http://no.test/>"
        "<img src=' https://a.test/1.png'><a href=HTTP://A.TEST/?a&amp;b=1>x</a><area href=http://a.test/area>"
        "<a href=mailto:ann@a.test>x</a><a href='javascript:alert(1)'>x</a><a href=//a.test/>x</a><a href='#x'>x</a>"
        "<a href=file:///etc/passwd>x</a><script src=http://no.test/></script><p href=http://no.test/>"
        "<a href=http://a.test/area>again</a> and http://a.test/text.",
    )

    assert find_message_urls(mail, 100) == [
        "HTTP://A.TEST/?a&b=1",
        "http://a.test/area",
        "http://a.test/style.css",
        "https://a.test/1.png",
        "http://a.test/text",
    ]
    assert find_message_urls(mail, 2) == ["HTTP://A.TEST/?a&b=1", "http://a.test/area"]
    assert find_message_urls(add_mail(rest_api, text="see http://b.test/."), 100) == ["http://b.test/"]


def test_number_of_links_is_limited(rest_api):
    mail = add_mail(rest_api, "".join(f"<a href=http://a.test/{n}>" for n in range(5000)))

    assert len(find_message_urls(mail, make_checker().max_links)) == 100


@pytest.mark.parametrize(
    ("url", "encoded"),
    [
        ("http://a.test", "http://a.test/"),
        ("HTTP://A.test/x#y", "http://A.test/x"),
        ("http://a.test?q", "http://a.test/?q"),
        ("http://a.test/ä?ö=%C3%B6", "http://a.test/%C3%A4?%C3%B6=%C3%B6"),
        ("http://ä.test:81/", "http://xn--4ca.test:81/"),
        ("http://a.test/a b\t\n", "http://a.test/a%20b"),
        ("http://a.test/\x00\x7f", "http://a.test/%00%7F"),
        ("http://a.test/\ud800", "http://a.test/?"),
        ("http://[::1]:80/", "http://[::1]:80/"),
    ],
)
def test_url_is_encoded_as_ascii(url, encoded):
    assert encode_url(url) == encoded


# -- requests -------------------------------------------------------------------------------------


def test_links_are_requested_by_head():
    with Receiver() as receiver:
        assert check(receiver.url(path="/a?b=1#c")) == [(204, "No Content")]
        received = receiver.get_request()

    assert (received.method, received.path) == ("HEAD", "/a?b=1")
    assert received.headers["user-agent"].startswith("lazr.smtptest/")


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        *((200, "OK"), (301, "Moved Permanently"), (404, "Not Found"), (405, "Method Not Allowed"), (410, "Gone")),
        *((413, "Request Entity Too Large"), (414, "Request URI Too Long"), (416, "Requested Range Not Satisfiable")),
        *((418, "I'm a teapot"), (422, "Unprocessable Entity"), (500, "Internal Server Error"), (599, "")),
    ],
)
def test_status_phrases_are_those_of_go(status, phrase):
    with Receiver(respond(status)) as receiver:
        assert check(receiver.url()) == [(status, phrase)]


def test_repeated_link_is_checked_once_and_order_is_kept():
    with Receiver() as receiver:
        urls = [receiver.url(path=f"/{n % 30}") for n in range(60)]
        results = asyncio.run(make_checker().check(urls))

        assert [result.url for result in results] == urls[:30]
        assert receiver.connections == 30


# -- redirects ----------------------------------------------------------------------------------------


def test_redirects_are_followed_on_request():
    with (
        Receiver(respond(404)) as target,
        Receiver(respond(302, Location=target.url(path="/ü".encode().decode("latin-1")))) as source,
    ):
        assert check(source.url()) == [(302, "Found")]
        assert target.connections == 0
        assert check(source.url(), follow=True) == [(404, "Not Found")]
        assert target.get_request().method == "HEAD"


@pytest.mark.parametrize("location", ["/there", "there", "?x", ""])
def test_redirect_may_be_relative(location):
    with Receiver(respond(303, Location=location), respond(200)) as receiver:
        assert check(receiver.url(path="/a/b"), follow=True) == [(200, "OK")]


def test_number_of_redirects_is_limited():
    with Receiver(respond(307, Location="/again")) as receiver:
        assert check(receiver.url(), follow=True) == [(0, "too many redirects")]
        assert receiver.connections == 6


def test_redirect_without_location_is_the_result():
    with Receiver(respond(302)) as receiver:
        assert check(receiver.url(), follow=True) == [(302, "Found")]


# The address of each redirect is checked (threat W5).
@pytest.mark.parametrize(
    ("location", "status", "part_of_reason"),
    [
        ("http://127.0.0.2/", 451, "private"),
        ("http://169.254.169.254/latest/meta-data/", 451, "private"),
        ("http://[::ffff:127.0.0.1]/", 451, "private"),
        ("http://evil.test/", 451, "private"),
        ("//10.0.0.1/", 451, "private"),
        ("file:///etc/passwd", 0, "http or https"),
        ("gopher://127.0.0.1/", 0, "http or https"),
        ("http://user:password@127.0.0.1/", 0, "must not have a user"),
        ("http://[/", 0, "not a URL"),
    ],
)
def test_redirect_to_a_private_address_is_not_followed(location, status, part_of_reason):
    async def resolve(host, port):
        return {"evil.test": ["10.0.0.1"]}.get(host, [host])

    with Receiver(respond(302, Location=location)) as receiver:
        ((found, reason),) = check(receiver.url(), follow=True, resolver=resolve)

    assert found == status and part_of_reason in reason and "password" not in reason


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:{}/", "http://localhost:{}/", "http://[::ffff:127.0.0.1]:{}/", "http://127.1:{}/"),
        *("http://2130706433:{}/", "http://0x7f000001:{}/", "http://0.0.0.0:{}/", "http://①②⑦.0.0.1:{}/"),
        *("http://localhost.:{}/", "http://a@127.0.0.1:{}/", "http://evil.test:{}/"),
    ],
)
def test_link_to_a_private_address_is_blocked(url):
    async def resolve(host, port):
        return ["127.0.0.1"]

    with Receiver() as receiver:
        ((status, _),) = check(url.format(receiver.port), allowed=(), resolver=resolve)

        assert status in (451, 0) and receiver.connections == 0


def test_host_is_resolved_for_each_redirect():
    resolver = make_resolver(evil_test=[["127.0.0.1"], ["127.0.0.2"]])
    with Receiver(respond(302, Location="/again"), respond(200)) as receiver:
        assert check(receiver.url("evil.test"), follow=True, resolver=resolver) == [
            (451, "Blocked private/reserved address")
        ]
        assert receiver.connections == 1


# -- untrusted input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        *("", "http://", "http:///x", "http://[", "http://[::1", "http://a.test:99999/", "http://a.test:x/"),
        *("http://a b.test/", "http://" + "a" * 64 + ".test/", "http://" + "ä" * 300 + ".test/", "http://ä@b.test/"),
        *("http://..test/", "http://.", "http://%00/", "http://a.test\\@b.test/", "http://\u202e/", "ftp://a.test/"),
        *("http://a\r\nHost: b/", "http://a.test/\ud800", "http://" + "a." * 5000, "http://xn--/", "http://a%2fb/"),
    ],
)
def test_invalid_url_is_a_broken_link(url):
    ((status, reason),) = check(url, allowed=())

    assert status in (0, 451) and reason


def test_slow_servers_do_not_exceed_the_timeout():
    released = threading.Event()

    def never_answer(handler):
        released.wait(TIMEOUT)

    try:
        with Receiver(never_answer) as receiver:
            urls = [receiver.url(path=f"/{n}") for n in range(20)]
            settings = {"max_concurrent": 3, "timeout": 0.5}
            results = check(*urls, settings=settings)

            assert results == [(0, "not checked within 0.5 s")] * 20
            assert receiver.connections <= 3
            assert check(*urls[:2], timeout=0.2) == [(0, "the request took longer than 0.2 s")] * 2
            released.set()
    finally:
        released.set()


def test_body_of_a_head_answer_is_not_read():
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    with Receiver(endless) as receiver:
        assert check(receiver.url()) == [(200, "OK")]


# -- the route --------------------------------------------------------------------------------------


def test_route_checks_the_links_of_a_mail(make_rest_api):
    with Receiver(respond(404)) as receiver:
        rest_api = make_rest_api(link_checker=make_checker())
        rest_api.add_mail(
            f"Content-Type: text/html\r\n\r\n<a href='{receiver.url()}'>x</a><img src=http://127.0.0.2/>\r\n"
        )
        result = rest_api.http.get("/api/v1/message/latest/link-check").json()

        assert result == {
            "Errors": 2,
            "Links": [
                {"URL": receiver.url(), "StatusCode": 404, "Status": "Not Found"},
                {"URL": "http://127.0.0.2/", "StatusCode": 451, "Status": "Blocked private/reserved address"},
            ],
        }
    assert rest_api.store.get_totals().unread == 0


@pytest.mark.parametrize(
    ("follow", "status"), [("", 302), ("?follow=false", 302), ("?follow=1", 204), ("?follow=true", 204)]
)
def test_route_follows_redirects_on_request(make_rest_api, follow, status):
    with Receiver() as target, Receiver(respond(302, Location=target.url())) as receiver:
        rest_api = make_rest_api(link_checker=make_checker())
        rest_api.add_mail(f"\r\n{receiver.url()}\r\n")
        result = rest_api.http.get(f"/api/v1/message/latest/link-check{follow}").json()

    assert result["Links"][0]["StatusCode"] == status and result["Errors"] == 0


def test_mail_without_links_has_an_empty_result(make_rest_api):
    rest_api = make_rest_api(link_checker=make_checker())
    rest_api.add_mail()

    assert rest_api.http.get("/api/v1/message/latest/link-check").text == '{"Errors":0,"Links":[]}\n'
    assert rest_api.http.get("/api/v1/message/none/link-check").status_code == 404


def test_route_is_forbidden_without_check_links(rest_api):
    with Receiver() as receiver:
        rest_api.add_mail(f"Content-Type: text/html\r\n\r\n<a href='{receiver.url()}'>x</a>\r\n")
        for query in ("", "?follow=true"):
            answer = rest_api.http.get(f"/api/v1/message/latest/link-check{query}")

            assert answer.status_code == 403 and "--check-links" in answer.text
        assert receiver.connections == 0


@pytest.mark.slow
def test_malformed_mails_can_be_checked(make_rest_api):
    async def resolve_to_nothing(host, port):
        return []

    rest_api = make_rest_api(link_checker=LinkChecker(OutboundClient(resolver=resolve_to_nothing)))
    for index, (_, content) in enumerate(messages()):
        if index % 60 == 0:
            mail_id = rest_api.add_mail(content() or b"\r\n")
            answer = rest_api.http.get(f"/api/v1/message/{mail_id}/link-check")
            assert answer.status_code == 200 and json.loads(answer.text)["Errors"] == len(answer.json()["Links"])
