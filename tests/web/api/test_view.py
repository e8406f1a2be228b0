"""The HTML and the text of a mail in a browser, and what keeps untrusted HTML from doing harm."""

import re

import pytest

from lazr.smtptest.mail.html.sandbox import _CID_URL
from lazr.smtptest.web import Mailbox
from lazr.smtptest.web.api.view import _HEAD_START_PATTERN, _LINK_TAG_PATTERN

RELATED = (
    "Subject: Pictures\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n%s\r\n"
    "--b\r\nContent-Type: image/png\r\nContent-ID: <logo@x>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBO\r\n"
    "--b--\r\n"
)


def build_html_message(text):
    return f"Content-Type: text/html; charset=utf-8\r\n\r\n{text}"


def test_html_is_unchanged(rest_api):
    mail_id = rest_api.add_mail(build_html_message("<h1>Grüße</h1><script>alert(1)</script>"))
    response = rest_api.http.get(f"/view/{mail_id}.html")

    assert response.text == "<h1>Grüße</h1><script>alert(1)</script>"
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert rest_api.store.get_totals().unread == 0


# W4: Chromium connects to the server of a frame although the policy forbids the frame.
@pytest.mark.parametrize(
    ("html", "sent"),
    [
        ("<iframe src=http://a.example>", "<iframe srcdoc src=about:blank src=http://a.example>"),
        ("<IFRAME/src=http://a.example>", "<IFRAME srcdoc src=about:blank/src=http://a.example>"),
        ("<frame\nsrc=http://a.example>", "<frame srcdoc src=about:blank\nsrc=http://a.example>"),
        ("<iframe srcdoc='&lt;iframe>'>", "<iframe srcdoc src=about:blank srcdoc='&lt;iframe>'>"),
        ("<iframe ='x'>", "<iframe srcdoc src=about:blank ='x'>"),
        ("<iframe>", "<iframe srcdoc src=about:blank>"),
        ("<frameset><iframes>", "<frameset><iframes>"),
    ],
)
def test_frames_have_no_source(rest_api, html, sent):
    mail_id = rest_api.add_mail(build_html_message(html))

    assert rest_api.http.get(f"/view/{mail_id}.html").text == sent


def get_policy(response):
    directives = response.headers["content-security-policy"].split(";")
    return dict(directive.strip().partition(" ")[::2] for directive in directives)


# W1: the browser must not run anything in the page.
def test_content_security_policy(rest_api):
    mail_id = rest_api.add_mail(build_html_message("x"))
    response = rest_api.http.get(f"/view/{mail_id}.html")

    assert get_policy(response) == {
        "sandbox": "allow-popups allow-popups-to-escape-sandbox",
        "default-src": "'none'",
        "img-src": f"data: {rest_api.web.url}/api/v1/message/{mail_id}/part/",
        "style-src": "'unsafe-inline'",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'self'",
    }
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ("", False),
        ("?remote=", False),
        ("?remote=0", False),
        ("?remote=true", False),
        ("?remote=1%20", False),
        ("?remote=1;script-src%20*", False),
        ("?embed=1", False),
        ("?remote=1", True),
        ("?remote=1&embed=1", True),
    ],
)
def test_pictures_of_other_servers_need_the_switch(rest_api, query, allowed):
    mail_id = rest_api.add_mail(build_html_message("<img src=https://example.com/logo.png>"))
    policy = get_policy(rest_api.http.get(f"/view/{mail_id}.html{query}"))
    usual_policy = get_policy(rest_api.http.get(f"/view/{mail_id}.html"))

    assert ({"http:", "https:"} <= set(policy["img-src"].split())) is allowed
    assert policy | {"img-src": ""} == usual_policy | {"img-src": ""}  # the switch changes nothing else


@pytest.mark.parametrize(
    ("site", "allowed"), [("cross-site", False), ("same-site", False), ("same-origin", True), ("none", True)]
)
def test_other_sites_cannot_use_the_switch(rest_api, site, allowed):
    rest_api.add_mail(build_html_message("<img src=https://example.com/logo.png>"))
    response = rest_api.http.get("/view/latest.html?remote=1", headers={"sec-fetch-site": site})

    assert ("https:" in get_policy(response)["img-src"].split()) is allowed


@pytest.mark.parametrize("query", ["?images=0", "?images=0&remote=1&embed=1"])
def test_images_can_be_switched_off(rest_api, query):
    mail_id = rest_api.add_mail(build_html_message("<img src=cid:logo>"))
    policy = get_policy(rest_api.http.get(f"/view/{mail_id}.html{query}"))

    assert policy["img-src"] == "'none'"
    assert "data:" in get_policy(rest_api.http.get(f"/view/{mail_id}.html?images=1"))["img-src"]


@pytest.mark.parametrize("host", ["evil.example; script-src *", "a b", "x, y", ""])
def test_invalid_host_is_not_in_the_policy(rest_api, host):
    mail_id = rest_api.add_mail(build_html_message("x"))
    response = rest_api.http.get(f"/view/{mail_id}.html", headers={"host": host})

    assert "img-src data:;" in response.headers["content-security-policy"]


@pytest.mark.parametrize("query", ["", "?embed=1", "?embed=0", "?embed=x", "?embed=", "?remote=1", "?remote=1&embed=1"])
def test_sandbox_allows_only_new_windows(rest_api, query):
    mail_id = rest_api.add_mail(build_html_message("x"))
    policy = get_policy(rest_api.http.get(f"/view/{mail_id}.html{query}"))

    assert set(policy["sandbox"].split()) == {"allow-popups", "allow-popups-to-escape-sandbox"}


LINK = 'target="_blank" rel="noreferrer noopener"'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<a href=/x>y</a>", "<a LINK href=/x>y</a>"),
        ("<A\nHREF='/x' target=_self>", "<A LINK\nHREF='/x' target=_self>"),
        ("<area href=/x><a>", "<area LINK href=/x><a LINK>"),
        ("<a href=/x/><a/href=/x>", "<a LINK href=/x/><a LINK/href=/x>"),
        ("<abbr><address></a>< a>", "<abbr><address></a>< a>"),
        ("<img alt='<a href=x>'><img alt=\"<a b='c'>\">", "<img alt='<a href=x>'><img alt=\"<a b='c'>\">"),
        ("<a title='<a >'><a title=\"<a '>\">", "<a LINK title='<a >'><a LINK title=\"<a '>\">"),
        ("<p><!-- <a > --><a >", "<p><!-- <a > --><a LINK >"),
        ("<textarea><a ></textarea><a >", "<textarea><a ></textarea><a LINK >"),
        ("<STYLE><a ></style ><a >", "<STYLE><a ></style ><a LINK >"),
        ("<title><a >", "<title><a >"),
        ("<p title='<a ><a >", "<p title='<a ><a >"),
    ],
)
def test_embed_adds_attributes_to_links(rest_api, before, after):
    mail_id = rest_api.add_mail(build_html_message(before))
    response = rest_api.http.get(f"/view/{mail_id}.html?embed=1")

    assert response.text == '<base target="_blank">' + after.replace("LINK", LINK)
    assert rest_api.http.get(f"/view/{mail_id}.html").text == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>x", '<base target="_blank"><p>x'),
        ("<!DOCTYPE html><html a=b><head><title>", '<!DOCTYPE html><html a=b><head><base target="_blank"><title>'),
        ("\n<!-- c --><html><body>", '\n<!-- c --><html><base target="_blank"><body>'),
        ("<header>", '<base target="_blank"><header>'),
        ("", None),
    ],
)
def test_embed_opens_links_in_a_new_window(rest_api, before, after):
    mail_id = rest_api.add_mail(build_html_message(before))
    response = rest_api.http.get(f"/view/{mail_id}.html?embed=1")

    assert response.status_code == (404 if after is None else 200)
    if after is not None:
        assert response.text == after


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<img src="cid:logo@x">', '<img src="URL">'),
        ("<img src='CID:logo%40x'>", "<img src='URL'>"),
        ("<img src=cid:logo&#64;x>", "<img src=URL>"),
        ("<p style='background: url(cid:logo@x)'>", "<p style='background: url(URL)'>"),
        ('<img src="cid:none">', '<img src="cid:none">'),
        ("the cid:logo@x here", "the URL here"),
        ("acid:logo@x", "acid:logo@x"),
    ],
)
def test_cid_urls_become_urls_of_parts(rest_api, html, expected):
    mail_id = rest_api.add_mail(RELATED % html)
    part = f"/api/v1/message/{mail_id}/part/2"

    assert rest_api.http.get(f"/view/{mail_id}.html").text == expected.replace("URL", part)
    assert rest_api.http.get(part).headers["content-type"] == "image/png"


# W12: a mail of many short URLs or tags must not become many times as large.
@pytest.mark.parametrize("html", ["<img src=cid:logo@x>" * 30_000, "<a>" * 300_000])
def test_number_of_replacements_is_limited(rest_api, html):
    mail_id = rest_api.add_mail(RELATED % html)
    shown = rest_api.http.get(f"/view/{mail_id}.html?embed=1").text

    assert shown.count("/part/2") in (0, 10_000) and shown.count("noopener") in (0, 100_000)
    assert len(shown) < len(html) + 6_000_000 and shown.endswith(html[-20:])


def test_patterns_take_linear_time():
    for text in ("<!--" * 100_000, "<!doctype " * 50_000, " " * 200_000, "<html" * 50_000):
        assert _HEAD_START_PATTERN.match(text)
    for piece in ("<!--", "<a ", "<a '", '<p "', "<title>", "<style></", "<a title='\"", "<area/"):
        assert len(_LINK_TAG_PATTERN.sub("", piece * 100_000)) < 100_000 * len(piece)
    assert len(_CID_URL.sub("", "=cid:" * 100_000)) < 500_000
    assert re.search("x", _CID_URL.sub("x", "=cid:" + "a" * 500_000))


def test_text(rest_api):
    mail_id = rest_api.add_mail("Subject: x\r\n\r\nHello <b>\r\nü\r\n".encode())
    response = rest_api.http.get(f"/view/{mail_id}.txt")

    assert response.text == "Hello <b>\nü\n"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert rest_api.store.get_totals().unread == 0
    assert rest_api.http.get(f"/view/{mail_id}.html").text == "This message does not contain a HTML part"


@pytest.mark.parametrize("suffix", [".html", ".txt"])
@pytest.mark.parametrize("mail_id", ["none", "latest", "latest.html", "..%2f.."])
def test_unknown_message_returns_404(rest_api, mail_id, suffix):
    response = rest_api.http.get(f"/view/{mail_id}{suffix}")

    assert response.status_code == 404 and response.text in ("Message not found", "404 page not found")


def test_latest_accepts_a_search(rest_api):
    rest_api.add_mail("Subject: red\r\nContent-Type: text/html\r\n\r\n<b>red")
    rest_api.add_mail("Subject: blue\r\nContent-Type: text/html\r\n\r\n<b>blue")

    for query, text in (("", "blue"), ("?query=subject:red", "red")):
        assert rest_api.http.get(f"/view/latest.html{query}").text == f"<b>{text}"
        assert rest_api.http.get(f"/view/latest.txt{query}").text == f"{text}\n"


def test_redirects_to_the_page_of_a_message(rest_api):
    assert rest_api.http.get("/view/latest").headers["location"] == "/"
    red, blue = rest_api.add_mail(build_html_message("red")), rest_api.add_mail("Subject: blue\r\n\r\nblue")

    for path, to in (
        ("/view/latest", f"/view/{blue}"),
        ("/view/latest?query=red", f"/view/{red}"),
        ("/view/latest?query=green", "/"),
        (f"/view/{red}", f"/view/{red}.html"),
        (f"/view/{blue}", f"/view/{blue}.txt"),
    ):
        response = rest_api.http.get(path)
        assert (response.status_code, response.headers["location"]) == (302, to)
    assert rest_api.http.get("/view/latest?query=red", follow_redirects=True).text == "red"


# -- pictures of the mail where a login is required -------------------------------------------------

MAILBOXES = [
    Mailbox.of_user("job 7", "token-of-mailbox-7", "ci-7"),
    Mailbox.of_user("job 8", "token-of-mailbox-8", "x"),
]
IN_FRAME = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}


def test_picture_has_a_key_that_replaces_the_login(make_rest_api):
    rest_api = make_rest_api(mailboxes=MAILBOXES)
    mail_id = rest_api.add_mail(RELATED % "<img src=cid:logo@x><p style='background:url(cid:logo@x)'>", user="ci-7")
    login = {"Authorization": "Bearer token-of-mailbox-7"}
    html = rest_api.http.get(f"/view/{mail_id}.html", headers=login)
    url = re.search("src=([^>]*)", html.text)[1]

    assert re.fullmatch(rf"/api/v1/message/{mail_id}/part/2\?key=[\w.-]+", url) and f"url({url})" in html.text
    picture = rest_api.http.get(url.partition("?")[0], headers=login)
    assert rest_api.http.get(url, headers=IN_FRAME).content == picture.content == b"\x89PN"
    for changed in (url.partition("?")[0], url + "x", url.replace("part/2", "part/1"), url.replace("/part/2", "/raw")):
        assert rest_api.http.get(changed, headers=IN_FRAME).status_code == 401, changed
    for method in ("POST", "DELETE", "PUT"):
        assert rest_api.http.request(method, url).status_code == 401


def test_key_of_a_mailbox_opens_no_mail_of_another_mailbox(make_rest_api):
    rest_api = make_rest_api(mailboxes=MAILBOXES)
    mail_id = rest_api.add_mail(RELATED % "<img src=cid:logo@x>", user="ci-7")
    html = rest_api.http.get(f"/view/{mail_id}.html", headers={"Authorization": "Bearer token-of-mailbox-7"})
    url = re.search("src=([^>]*)", html.text)[1]
    assert rest_api.http.get(url).status_code == 200
    rest_api.app_context.remove_mailbox("job 7")

    assert rest_api.http.get(url).status_code == 401


def test_picture_has_no_key_where_no_login_is_required(rest_api):
    mail_id = rest_api.add_mail(RELATED % "<img src=cid:logo@x>")

    assert f"src=/api/v1/message/{mail_id}/part/2>" in rest_api.http.get(f"/view/{mail_id}.html").text
