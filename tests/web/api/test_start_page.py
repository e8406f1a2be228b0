"""The page at `/api/v1`: it shows what the request may see, and runs nothing."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import httpx
import pytest

from lazr.smtptest import MailServer, __version__
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, Mailbox, WebServer, make_app

MAILBOX = Mailbox.of_user("job <7>", "token-of-mailbox-7", "ci-7")


class PageParser(HTMLParser):
    """Record tags, attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.links, self.text = set(), set(), [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/"])
def test_page_shows_version_counts_and_latest_mails(rest_api, path):
    ids = [rest_api.add_mail(Subject=f"Mail {number}") for number in range(12)]
    rest_api.http.get(f"/api/v1/message/{ids[0]}")
    response = rest_api.http.get(path)
    page = PageParser(response.text)

    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "tests · lazr.smtptest" in page.text
    assert f"has 12 mails, 11 unread. Version {__version__}." in page.text
    assert [link for link in page.links if "/view/" in link] == [f"/view/{mail_id}" for mail_id in ids[:1:-1]]
    assert "2 more" not in page.text


def test_page_without_mails(rest_api):
    page = PageParser(rest_api.http.get("/api/v1").text)

    assert "has no mail, 0 unread" in page.text and "smtptest send" in page.text


def test_all_links_lead_to_answers(rest_api):
    rest_api.add_mail()
    links = PageParser(rest_api.http.get("/api/v1").text).links

    for link in links:
        if link.startswith("/"):
            assert rest_api.http.get(link, follow_redirects=True).status_code == 200, link
    assert {"/openapi.json", "/api/v1/messages"} < set(links)


HOSTILE = "<script>alert(1)</script>\"' onload=x <img src=x onerror=y>&lt;b&gt; &#60;i&#62;"


def test_untrusted_text_is_escaped_and_cut(make_rest_api):
    rest_api = make_rest_api(label=HOSTILE)
    rest_api.add_mail(
        Subject=HOSTILE, From=f'"{HOSTILE[:20]}" <"<b>"@x.example>', to=(f'"<i>{"x" * 5000}"@y.example', "b@c.example")
    )
    response = rest_api.http.get("/api/v1")
    page = PageParser(response.text)

    assert page.tags.isdisjoint({"script", "img", "b", "i", "iframe", "form"})
    assert not any(name.startswith("on") for name in page.attributes) and "src" not in page.attributes
    assert HOSTILE in page.text and "and 1 more" in page.text
    assert len(response.content) < 10_000


def test_policy_allows_only_the_style_of_the_page(rest_api):
    response = rest_api.http.get("/api/v1")
    policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
    style = re.search("<style>(.*?)</style>", response.text, re.DOTALL)[1]

    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert "style=" not in response.text and "<script" not in response.text


def test_token_of_a_mailbox_sees_its_own_mails_and_routes(make_rest_api):
    rest_api = make_rest_api(mailboxes=[MAILBOX], anonymous=True, label="installation")
    rest_api.add_mail(Subject="foreign", user="ci-8"), rest_api.add_mail(Subject="own", user="ci-7")
    with httpx.Client(base_url=rest_api.web.url, headers={"Authorization": "Bearer token-of-mailbox-7"}) as http:
        page = PageParser(http.get("/api/v1").text)
        statuses = {http.get(link, follow_redirects=True).status_code for link in page.links if link.startswith("/")}

    assert "job <7>" in page.text and "has 1 mail, 1 unread" in page.text and "own" in page.text
    assert "foreign" not in page.text and "installation" not in page.text
    assert statuses == {200}


def test_page_needs_a_login_where_the_api_does(make_rest_api):
    assert make_rest_api(mailboxes=[MAILBOX]).http.get("/api/v1").status_code == 401


def test_links_have_the_webroot():
    store = MemoryStore()
    app = make_app(AppContext(store, MailServer(store=store)))
    with WebServer(app, webroot="/mail") as web:
        links = PageParser(httpx.get(f"{web.url}/api/v1").text).links

        assert all(link.startswith(("/mail/", "https://")) for link in links)
        assert httpx.get(web.url.removesuffix("/mail") + links[0]).status_code == 200
