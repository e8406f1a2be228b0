"""The page of the web inbox: its paths, its policy, and its list for browsers without JavaScript."""

import re

import httpx
import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.errors import StoreError
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, Mailbox, WebServer, make_app
from tests.web.api.test_start_page import HOSTILE, PageParser

MAILBOX = Mailbox.of_user("job <7>", "token-of-mailbox-7", "ci-7")

TABS = ("preview", "text", "html", "headers", "source", "wire", "envelope", "checks", "attachments")


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/search?q=subject:hi", "/mail/unknown", "/sessions", "/sessions/7", "/rules", "/diff/a/b"),
        *("/mailboxes", "/settings", "/about", *(f"/mail/unknown/{tab}" for tab in TABS)),
    ],
)
def test_page_is_at_all_paths_that_the_script_shows(rest_api, path):
    response = rest_api.http.get(path)

    assert response.status_code == 200 and response.headers["content-type"] == "text/html; charset=utf-8"
    assert '<script type="module" src="/ui/app.js"></script>' in response.text
    assert response.text == rest_api.http.get("/").text


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/nothing",
            "/mail",
            "/mail/",
            "/mail/a/nothing",
            "/mail/a/text/b",
            "/sessions/x",
            "/sessions/7/x",
            "/rules/1",
        ),
        *("/diff", "/diff/a", "/diff/a/b/c", "/mailboxes/x", "/index.html", "/ui", "/ui/", "/settings/x"),
    ],
)
def test_other_paths_are_404_text(rest_api, path):
    response = rest_api.http.get(path)

    assert (response.status_code, response.headers["content-type"]) == (404, "text/plain")


def test_policy_allows_nothing_that_is_in_the_page(rest_api):
    response = rest_api.http.get("/")

    assert response.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "frame-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    )
    assert not re.search(r"<style|<script(?![^>]* src=)| style=| on\w+=", response.text)
    assert "{root}" not in response.text and "{noscript}" not in response.text


def test_without_script_the_newest_50_mails_are_links(rest_api):
    ids = [rest_api.add_mail(Subject=f"Mail {number}") for number in range(52)]
    hidden = re.search("<noscript>(.*)</noscript>", rest_api.http.get("/").text, re.DOTALL)[1]
    page = PageParser(hidden)

    links = [link for link in page.links if link != "/ui/plain.css"]
    assert links == [f"/view/{mail_id}" for mail_id in ids[:1:-1]]
    assert rest_api.http.get(links[0], follow_redirects=True).text.strip() == "Hello"


def test_untrusted_text_cannot_leave_the_list(make_rest_api):
    rest_api = make_rest_api(label=f"</noscript>{HOSTILE}")
    clean = PageParser(rest_api.http.get("/").text)
    hostile = f"</noscript>{{root}}{{noscript}}{HOSTILE}"
    rest_api.add_mail(Subject=hostile, to=(f'"{hostile}"@y.example',))
    response = rest_api.http.get("/")
    page = PageParser(response.text)

    assert page.tags - clean.tags == {"table", "thead", "tr", "th", "tbody", "td", "a"}
    assert response.text.count("</noscript>") == response.text.count("<script") == 1
    assert "{root}{noscript}" in page.text  # the text of a mail has no placeholders


def test_token_of_a_mailbox_sees_its_own_mails(make_rest_api):
    rest_api = make_rest_api(mailboxes=[MAILBOX], anonymous=True, label="installation")
    rest_api.add_mail(Subject="foreign", user="ci-8"), rest_api.add_mail(Subject="own", user="ci-7")
    text = rest_api.http.get("/", headers={"Authorization": "Bearer token-of-mailbox-7"}).text

    assert "<h1>job &lt;7&gt;</h1>" in text and "own" in text
    assert "foreign" not in text and "installation" not in text


def test_page_needs_a_login_where_the_api_does(make_rest_api):
    assert make_rest_api(mailboxes=[MAILBOX]).http.get("/").status_code == 401


def test_unavailable_store_is_reported(make_rest_api, monkeypatch):
    rest_api = make_rest_api()

    def fail(*_args, **_options):
        raise StoreError("the disk is gone")

    monkeypatch.setattr(rest_api.store, "get_page", fail)
    response = rest_api.http.get("/")

    assert (response.status_code, response.text) == (503, "the disk is gone\n")


def test_urls_have_the_webroot():
    store = MemoryStore()
    app = make_app(AppContext(store, MailServer(store=store)))
    with WebServer(app, webroot="/mail") as web:
        text = httpx.get(f"{web.url}/mail/some/text").text
        urls = re.findall(r'(?:href|src)="([^"]*)"', text)

        assert '<meta name="smtptest-root" content="/mail">' in text
        assert len(urls) > 3 and all(url.startswith("/mail/ui/") for url in urls)
        assert {httpx.get(web.url.removesuffix("/mail") + url).status_code for url in urls} == {200}
