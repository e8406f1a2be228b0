"""Whether links lead somewhere: which are asked for, how, and where a stranger's URL does not lead us (row W5)."""

import asyncio
import json
import threading

import pytest

from lazr.smtptest.web.linkcheck import LinkCheck
from lazr.smtptest.web.mentioned import as_asked, mentioned
from lazr.smtptest.web.outgoing import Outgoing
from mail.malformed import messages
from receiving import TIMEOUT, Receiver, answer
from web.test_outgoing import LOOPBACK, names


def checking(allowed=LOOPBACK, settings=None, **outgoing):
    return LinkCheck(Outgoing(allowed, **outgoing), **settings or {})


def check(*urls, follow=False, **settings):
    asked = checking(**settings).check(urls, follow=follow)
    return [(one.status, one.words) for one in asyncio.run(asyncio.wait_for(asked, TIMEOUT))]


def mail_of(caught, html="", text=""):
    kind, body = ("html", html) if html else ("plain", text)
    name = caught.mail(f"Content-Type: text/{kind}; charset=utf-8\r\n\r\n{body}\r\n")
    return caught.store.mail(name)


# -- which ------------------------------------------------------------------------------------------


def test_links_styles_and_pictures_are_asked_for_and_text_is(caught):
    mail = mail_of(
        caught,
        "<link rel='StyleSheet' href=http://a.test/style.css><link rel=icon href=http://no.test/>"
        "<img src=' https://a.test/1.png'><a href=HTTP://A.TEST/?a&amp;b=1>x</a><area href=http://a.test/area>"
        "<a href=mailto:ann@a.test>x</a><a href='javascript:alert(1)'>x</a><a href=//a.test/>x</a><a href='#x'>x</a>"
        "<a href=file:///etc/passwd>x</a><script src=http://no.test/></script><p href=http://no.test/>"
        "<a href=http://a.test/area>again</a> and http://a.test/text.",
    )

    assert mentioned(mail, 100) == [
        "HTTP://A.TEST/?a&b=1",
        "http://a.test/area",
        "http://a.test/style.css",
        "https://a.test/1.png",
        "http://a.test/text",
    ]
    assert mentioned(mail, 2) == ["HTTP://A.TEST/?a&b=1", "http://a.test/area"]
    assert mentioned(mail_of(caught, text="see http://b.test/."), 100) == ["http://b.test/"]


def test_so_many_are_asked_for_and_no_more(caught):
    mail = mail_of(caught, "".join(f"<a href=http://a.test/{n}>" for n in range(5000)))

    assert len(mentioned(mail, checking().most)) == 100


@pytest.mark.parametrize(
    ("written", "asked"),
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
def test_a_url_is_in_ascii_on_the_wire(written, asked):
    assert as_asked(written) == asked


# -- how --------------------------------------------------------------------------------------------


def test_links_are_asked_for_with_head():
    with Receiver() as receiver:
        assert check(receiver.url(path="/a?b=1#c")) == [(204, "No Content")]
        came = receiver.next()

    assert (came.method, came.path) == ("HEAD", "/a?b=1")
    assert came.headers["user-agent"].startswith("lazr.smtptest/")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        *((200, "OK"), (301, "Moved Permanently"), (404, "Not Found"), (405, "Method Not Allowed"), (410, "Gone")),
        *((413, "Request Entity Too Large"), (414, "Request URI Too Long"), (416, "Requested Range Not Satisfiable")),
        *((418, "I'm a teapot"), (422, "Unprocessable Entity"), (500, "Internal Server Error"), (599, "")),
    ],
)
def test_a_status_has_the_words_that_go_has(status, words):
    with Receiver(answer(status)) as receiver:
        assert check(receiver.url()) == [(status, words)]


def test_of_a_link_that_comes_twice_there_is_one_answer_and_all_are_in_their_order():
    with Receiver() as receiver:
        urls = [receiver.url(path=f"/{n % 30}") for n in range(60)]
        checked = asyncio.run(checking().check(urls))

        assert [one.url for one in checked] == urls[:30]
        assert receiver.connections == 30


# -- redirects ----------------------------------------------------------------------------------------


def test_redirects_are_followed_where_that_is_asked_for():
    with (
        Receiver(answer(404)) as end,
        Receiver(answer(302, Location=end.url(path="/ü".encode().decode("latin-1")))) as one,
    ):
        assert check(one.url()) == [(302, "Found")]
        assert end.connections == 0
        assert check(one.url(), follow=True) == [(404, "Not Found")]
        assert end.next().method == "HEAD"


@pytest.mark.parametrize("location", ["/there", "there", "?x", ""])
def test_a_redirect_may_be_relative(location):
    with Receiver(answer(303, Location=location), answer(200)) as receiver:
        assert check(receiver.url(path="/a/b"), follow=True) == [(200, "OK")]


def test_redirects_have_an_end():
    with Receiver(answer(307, Location="/again")) as receiver:
        assert check(receiver.url(), follow=True) == [(0, "too many redirects")]
        assert receiver.connections == 6


def test_a_redirect_that_leads_nowhere_is_the_answer():
    with Receiver(answer(302)) as receiver:
        assert check(receiver.url(), follow=True) == [(302, "Found")]


# W5: each hop is looked at as the first one was.
@pytest.mark.parametrize(
    ("location", "status", "word"),
    [
        ("http://127.0.0.2/", 451, "private"),
        ("http://169.254.169.254/latest/meta-data/", 451, "private"),
        ("http://[::ffff:127.0.0.1]/", 451, "private"),
        ("http://evil.test/", 451, "private"),
        ("//10.0.0.1/", 451, "private"),
        ("file:///etc/passwd", 0, "http or https"),
        ("gopher://127.0.0.1/", 0, "http or https"),
        ("http://user:password@127.0.0.1/", 0, "no user"),
        ("http://[/", 0, "not a URL"),
    ],
)
def test_a_redirect_into_this_network_is_not_followed(location, status, word):
    async def resolve(host, port):
        return {"evil.test": ["10.0.0.1"]}.get(host, [host])

    with Receiver(answer(302, Location=location)) as receiver:
        ((told, words),) = check(receiver.url(), follow=True, resolve=resolve)

    assert told == status and word in words and "password" not in words


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:{}/", "http://localhost:{}/", "http://[::ffff:127.0.0.1]:{}/", "http://127.1:{}/"),
        *("http://2130706433:{}/", "http://0x7f000001:{}/", "http://0.0.0.0:{}/", "http://①②⑦.0.0.1:{}/"),
        *("http://localhost.:{}/", "http://a@127.0.0.1:{}/", "http://evil.test:{}/"),
    ],
)
def test_no_link_leads_into_this_network(url):
    async def resolve(host, port):
        return ["127.0.0.1"]

    with Receiver() as receiver:
        ((status, _),) = check(url.format(receiver.port), allowed=(), resolve=resolve)

        assert status in (451, 0) and receiver.connections == 0


def test_a_name_is_asked_for_once_for_each_request():
    resolving = names(evil_test=[["127.0.0.1"], ["127.0.0.2"]])
    with Receiver(answer(302, Location="/again"), answer(200)) as receiver:
        assert check(receiver.url("evil.test"), follow=True, resolve=resolving) == [
            (451, "Blocked private/reserved address")
        ]
        assert receiver.connections == 1


# -- what strangers write ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        *("", "http://", "http:///x", "http://[", "http://[::1", "http://a.test:99999/", "http://a.test:x/"),
        *("http://a b.test/", "http://" + "a" * 64 + ".test/", "http://" + "ä" * 300 + ".test/", "http://ä@b.test/"),
        *("http://..test/", "http://.", "http://%00/", "http://a.test\\@b.test/", "http://\u202e/", "ftp://a.test/"),
        *("http://a\r\nHost: b/", "http://a.test/\ud800", "http://" + "a." * 5000, "http://xn--/", "http://a%2fb/"),
    ],
)
def test_what_is_no_url_is_a_link_that_leads_nowhere(url):
    ((status, words),) = check(url, allowed=())

    assert status in (0, 451) and words


def test_nobody_who_answers_slowly_holds_it_up():
    gone = threading.Event()

    def never(handler):
        gone.wait(TIMEOUT)

    try:
        with Receiver(never) as receiver:
            urls = [receiver.url(path=f"/{n}") for n in range(20)]
            settings = {"at_once": 3, "seconds": 0.5}
            checked = check(*urls, settings=settings)

            assert checked == [(0, "not asked for within 0.5 s")] * 20
            assert receiver.connections <= 3
            assert check(*urls[:2], seconds=0.2) == [(0, "it took longer than 0.2 s")] * 2
            gone.set()
    finally:
        gone.set()


def test_a_body_that_comes_to_head_is_not_read():
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    with Receiver(endless) as receiver:
        assert check(receiver.url()) == [(200, "OK")]


# -- the route --------------------------------------------------------------------------------------


def test_links_of_a_mail_are_checked(catching):
    with Receiver(answer(404)) as receiver:
        caught = catching(links=checking())
        caught.mail(f"Content-Type: text/html\r\n\r\n<a href='{receiver.url()}'>x</a><img src=http://127.0.0.2/>\r\n")
        told = caught.http.get("/api/v1/message/latest/link-check").json()

        assert told == {
            "Errors": 2,
            "Links": [
                {"URL": receiver.url(), "StatusCode": 404, "Status": "Not Found"},
                {"URL": "http://127.0.0.2/", "StatusCode": 451, "Status": "Blocked private/reserved address"},
            ],
        }
    assert caught.store.totals().unread == 0


@pytest.mark.parametrize(
    ("follow", "status"), [("", 302), ("?follow=false", 302), ("?follow=1", 204), ("?follow=true", 204)]
)
def test_the_route_follows_redirects_where_it_is_told(catching, follow, status):
    with Receiver() as end, Receiver(answer(302, Location=end.url())) as receiver:
        caught = catching(links=checking())
        caught.mail(f"\r\n{receiver.url()}\r\n")
        told = caught.http.get(f"/api/v1/message/latest/link-check{follow}").json()

    assert told["Links"][0]["StatusCode"] == status and told["Errors"] == 0


def test_a_mail_without_links_has_none(catching):
    caught = catching(links=checking())
    caught.mail()

    assert caught.http.get("/api/v1/message/latest/link-check").text == '{"Errors":0,"Links":[]}\n'
    assert caught.http.get("/api/v1/message/none/link-check").status_code == 404


def test_without_the_switch_nobody_is_connected_to(caught):
    with Receiver() as receiver:
        caught.mail(f"Content-Type: text/html\r\n\r\n<a href='{receiver.url()}'>x</a>\r\n")
        for query in ("", "?follow=true"):
            refused = caught.http.get(f"/api/v1/message/latest/link-check{query}")

            assert refused.status_code == 403 and "--check-links" in refused.text
        assert receiver.connections == 0


def test_no_malformed_mail_fails_it(catching):
    async def nobody(host, port):
        return []

    caught = catching(links=LinkCheck(Outgoing(resolve=nobody)))
    for index, (_, content) in enumerate(messages()):
        if index % 60 == 0:
            name = caught.mail(content() or b"\r\n")
            found = caught.http.get(f"/api/v1/message/{name}/link-check")
            assert found.status_code == 200 and json.loads(found.text)["Errors"] == len(found.json()["Links"])
