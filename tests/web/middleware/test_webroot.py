"""The webroot: paths below it reach the app, all others are 404, and `Location` keeps it."""

import itertools
import json
import re
import smtplib
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from lazr.smtptest import Envelope, MailServer
from lazr.smtptest.store import Arrival, MemoryStore
from lazr.smtptest.web import AppContext, Guard, WebServer, make_app
from tests.helpers.raw_http import PATH_SPELLINGS

IMAGE_REQUEST = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}


@pytest.fixture(scope="module")
def web():
    """A web server at /mail/box with one mail."""
    store = MemoryStore()
    with MailServer(store=store) as server:
        with smtplib.SMTP(*server.address) as client:
            client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello\r\n")
        with WebServer(make_app(AppContext(store, server)), guard=Guard, webroot="/mail/box") as web:
            web.add_mail = partial(add_mail, store)
            yield web


def add_mail(store, content, numbers=itertools.count()):  # noqa: B008 - one counter for all calls
    envelope = Envelope("ann@example.com", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))
    mail_id = f"mail{next(numbers)}"
    store.add([Arrival(mail_id, 1, envelope, [content])])
    return mail_id


def build_picture_message():
    message = EmailMessage()
    message.set_content('<img src="cid:picture">', subtype="html")
    message.add_related(b"\x89PNG", "image", "png", cid="<picture>")
    return message.as_bytes(policy=SMTP)


@pytest.fixture
def origin(web):
    return web.url.removesuffix("/mail/box")


def test_url_has_the_webroot(web):
    assert web.url == f"http://127.0.0.1:{web.port}/mail/box"
    assert httpx.get(f"{web.url}/api/v1/messages").json()["total"] >= 1
    assert httpx.get(f"{web.url}/readyz").status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/messages", "/readyz", "/mail", "/mail/bo", "/mail/boxx/readyz", "/MAIL/BOX/"]
)
def test_path_outside_is_404(path, origin):
    response = httpx.get(origin + path)
    assert (response.status_code, response.text) == (404, "404 page not found; all pages are below /mail/box/\n")


@pytest.mark.parametrize("path", [path for path in PATH_SPELLINGS if path.startswith(("/%61", "/.", "/x/"))])
def test_encoded_prefix_is_404(path, origin):
    encoded = path.replace("/api", "/mail%2fbox/api").replace("/%61pi", "/%6dail/box/api")
    assert httpx.get(origin + encoded).status_code in (400, 404)


def test_webroot_without_a_slash_is_redirected(origin):
    response = httpx.get(f"{origin}/mail/box")
    assert (response.status_code, response.headers["location"]) == (308, "/mail/box/")


@pytest.mark.parametrize(
    ("path", "location"),
    [("/view/latest", "/mail/box/view/"), ("//view/latest.html", "/mail/box/view/latest.html")],
)
def test_redirect_stays_below_the_webroot(path, location, web):
    assert httpx.get(web.url + path).headers["location"].startswith(location)


def test_websocket_is_below_the_webroot(web, origin):
    with connect(web.url.replace("http", "ws") + "/api/events") as client:
        httpx.put(f"{web.url}/api/v1/messages", content=json.dumps({"Read": True})).raise_for_status()
        assert json.loads(client.recv(timeout=20))["Type"]
    with pytest.raises(InvalidStatus) as caught:
        connect(origin.replace("http", "ws") + "/api/events")
    assert caught.value.response.status_code == 404


def test_html_shows_its_pictures_below_the_webroot(web, origin):
    mail_id = web.add_mail(build_picture_message())
    page = httpx.get(f"{web.url}/view/{mail_id}.html")
    url = re.search(r'src="([^"]*)"', page.text)[1]

    assert url == f"/mail/box/api/v1/message/{mail_id}/part/2"
    assert f"img-src data: {origin}{url.removesuffix('2')};" in page.headers["content-security-policy"]
    picture = httpx.get(origin + url, headers={"Sec-Fetch-Site": "cross-site"} | IMAGE_REQUEST)
    assert (picture.status_code, picture.headers["cross-origin-resource-policy"]) == (200, "cross-origin")


def test_openapi_document_names_the_webroot(web):
    assert httpx.get(f"{web.url}/openapi.json").json()["servers"] == [{"url": "/mail/box"}]


def test_url_of_a_cut_field_is_below_the_webroot(web, origin):
    mail_id = web.add_mail(b"Subject: large\r\n\r\n" + b"xyz\r\n" * 300_000)
    (field,) = httpx.get(f"{web.url}/api/v1/message/{mail_id}").json()["Truncated"]

    assert len(httpx.get(origin + field["URL"]).text) == field["Characters"]


def test_links_of_the_start_page_are_below_the_webroot(web, origin):
    urls = re.findall(r'href="(/[^"]*)"', httpx.get(f"{web.url}/api/v1").text)

    assert len(urls) > 5
    assert {httpx.get(origin + url, follow_redirects=True).status_code for url in urls} == {200}


def test_next_page_is_below_the_webroot(web):
    web.add_mail(b"Subject: second\r\n\r\nx\r\n")
    response = httpx.get(f"{web.url}/api/v1/messages?limit=1")
    next_url = response.url.join(response.links["next"]["url"])

    assert next_url.path == "/mail/box/api/v1/messages"
    assert httpx.get(next_url).json()["start"] == 1
