"""Which requests are sent to the login, and that no other site can be the target."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from lazr.smtptest.web.mailbox import Mailbox
from lazr.smtptest.web.middleware.login_redirect import clean_target
from tests.helpers.raw_http import send_request

BROWSER_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
NAVIGATION = {"accept": BROWSER_ACCEPT, "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
OTHER_SITE = NAVIGATION | {"sec_fetch_site": "cross-site"}

MAILBOXES = [Mailbox.of_user("job 7", "token-of-mailbox-7", "ci-7")]


@pytest.fixture
def address(guarded):
    return guarded(mailboxes=MAILBOXES)


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", NAVIGATION, 303),
        ("GET", NAVIGATION | {"sec_fetch_site": "none"}, 303),
        ("GET", NAVIGATION | {"sec_fetch_site": "same-origin"}, 303),
        ("GET", {"accept": BROWSER_ACCEPT}, 303),  # over the network without TLS
        ("GET", {"accept": "*/*"}, 401),  # curl
        ("GET", {}, 401),
        ("GET", {"accept": "text/html"}, 401),  # a program that prefers HTML
        ("GET", {"accept": "application/json"}, 401),
        ("GET", NAVIGATION | {"sec_fetch_dest": "iframe"}, 401),
        ("GET", NAVIGATION | {"sec_fetch_mode": "cors", "sec_fetch_dest": "empty"}, 401),
        ("GET", {"accept": "image/png,*/*", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"}, 401),
        ("HEAD", NAVIGATION, 401),
        ("POST", NAVIGATION, 401),
        ("DELETE", NAVIGATION, 401),
    ],
)
def test_only_navigations_are_sent_to_the_login(address, method, headers, status):
    response = send_request(address, "/api/v1/messages?limit=7", method, **headers)

    assert response.status == status
    if status == 303:
        assert response.headers["location"] == "/login?next=/api/v1/messages%3flimit%3d7"
    else:
        assert response.headers["www-authenticate"] == 'basic realm="login"'


@pytest.mark.parametrize(
    "headers",
    [
        {"x_smtptest_page": "1"},
        {"sec_fetch_site": "same-origin"},
        NAVIGATION | {"sec_fetch_dest": "iframe", "sec_fetch_site": "same-origin"},
    ],
)
def test_requests_of_the_page_cause_no_dialog_of_the_browser(address, headers):
    response = send_request(address, "/api/v1/messages", **headers)

    assert response.status == 401 and "www-authenticate" not in response.headers


def test_wrong_credentials_of_a_navigation_lead_to_the_login(address):
    response = send_request(address, "/", authorization="Bearer wrong", **NAVIGATION)

    assert (response.status, response.headers["location"]) == (303, "/login?next=/")


@pytest.mark.parametrize(
    "path", ["/", "/mail/abc/wire", "/search?q=%22a%22", "/sessions/7", "/about", "/mail/%C3%BC?x=a&b"]
)
def test_link_of_another_site_reloads_the_page_once(address, path):
    """Browsers leave out a cookie with SameSite=Strict after a click at another site."""
    response = send_request(address, path, **OTHER_SITE)

    assert response.status == 200
    assert "default-src 'none'" in response.headers["content-security-policy"]
    url = re.search('content="0; url=([^"]*)"', response.body)[1].replace("&amp;", "&")
    assert url == path
    assert send_request(address, path, **OTHER_SITE | {"sec_fetch_site": "same-origin"}).status == 303


@pytest.mark.parametrize(
    "path",
    [
        "/view/abc.html?remote=1",
        "/api/v1/messages",
        "/login/x",
        "/metrics",
        "/mailboxes2",
        "/x/mail/abc",
        "/%6dail/abc",
    ],
)
def test_link_of_another_site_to_other_paths_leads_to_the_login(address, path):
    """A reload would look like a request of our own page, and could have `remote=1`."""
    assert send_request(address, path, **OTHER_SITE).status == 303


HOSTILE_TARGETS = [
    *(
        "//evil.example",
        "//evil.example/mail",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
    ),
    *(
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.example",
        "mailto:a@b",
    ),
    *(
        "/\n/evil.example",
        "/\r\nX: y",
        "/mail\x00",
        "/mail\x7f",
        "/mail/\\..",
        "",
        "?",
        "#",
        "/ü",
        "/login",
        "/login?next=/login",
    ),
    # Requests that make connections to other servers.
    *("/view/abc.html?remote=1", "/view/abc.html?embed=1&%72emote=1", "/api/v1/message/abc/link-check"),
    *("/api/v1/message/abc/link%2dcheck/?follow=true", "/api/v1/message/abc/link-check?x"),
    "/" + "x" * 3000,
]


@pytest.mark.parametrize("webroot", ["", "/box"])
@pytest.mark.parametrize("target", HOSTILE_TARGETS)
def test_target_on_another_site_becomes_the_first_page(target, webroot):
    scope = {"smtptest.webroot": webroot}

    assert clean_target(target, scope) == clean_target(webroot + target, scope) == "/"


@pytest.mark.parametrize(
    "target", ["/", "/mail/abc/text?q=a%20b", "/search?q=//evil.example", "/view/abc.html?xremote=1", "/logins"]
)
def test_target_on_this_server_is_kept(target):
    assert clean_target(target, {}) == target
    assert clean_target("/box" + target, {"smtptest.webroot": "/box"}) == target
    assert clean_target(target, {"smtptest.webroot": "/box"}) == "/"
    assert clean_target("/boxer" + target, {"smtptest.webroot": "/box"}) == "/"


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example/mail/abc", "///evil.example"])
def test_request_for_two_slashes_is_sent_to_the_first_page(address, path):
    for headers in (NAVIGATION, OTHER_SITE):
        response = send_request(address, path, **headers)
        assert response.status == 303
        url = urlsplit(response.headers["location"])
        assert (url.netloc, url.path, parse_qs(url.query)) == ("", "/login", {"next": ["/"]})
