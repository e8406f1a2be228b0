"""The HTML and the text of a mail, and that nothing in it can do harm."""

import re

import pytest

from lazr.smtptest.web.view import _CID, _HEAD

RELATED = (
    "Subject: Pictures\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n%s\r\n"
    "--b\r\nContent-Type: image/png\r\nContent-ID: <logo@x>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBO\r\n"
    "--b--\r\n"
)


def html(text):
    return f"Content-Type: text/html; charset=utf-8\r\n\r\n{text}"


def test_the_html_is_as_it_was_sent(caught):
    name = caught.mail(html("<h1>Grüße</h1><script>alert(1)</script>"))
    answer = caught.http.get(f"/view/{name}.html")

    assert answer.text == "<h1>Grüße</h1><script>alert(1)</script>"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert caught.store.totals().unread == 0


# W1: what a browser lets the page do.
def test_a_browser_is_told_to_trust_nothing(caught):
    name = caught.mail(html("x"))
    headers = caught.http.get(f"/view/{name}.html").headers
    policy = dict(one.strip().partition(" ")[::2] for one in headers["content-security-policy"].split(";"))

    assert policy == {
        "sandbox": "",
        "default-src": "'none'",
        "img-src": f"data: {caught.web.url}/api/v1/message/{name}/part/",
        "style-src": "'unsafe-inline'",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'self'",
    }
    assert headers["referrer-policy"] == "no-referrer" and headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ["evil.example; script-src *", "a b", "x, y", ""])
def test_a_strange_host_is_not_in_the_policy(caught, host):
    name = caught.mail(html("x"))
    answer = caught.http.get(f"/view/{name}.html", headers={"host": host})

    assert "img-src data:;" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("query", ["?embed=1", "?embed=0", "?embed=x", "?embed="])
def test_scripts_never_run(caught, query):
    name = caught.mail(html("x"))
    sandbox = caught.http.get(f"/view/{name}.html{query}").headers["content-security-policy"].partition(";")[0]

    assert sandbox.split()[0] == "sandbox"
    assert not {"allow-scripts", "allow-same-origin", "allow-forms", "allow-top-navigation"} & set(sandbox.split())


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
def test_links_open_elsewhere_where_it_is_embedded(caught, before, after):
    name = caught.mail(html(before))
    answer = caught.http.get(f"/view/{name}.html?embed=1")

    assert answer.status_code == (404 if after is None else 200)
    if after is not None:
        assert answer.text == after
        assert answer.headers["content-security-policy"].startswith(
            "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'"
        )


@pytest.mark.parametrize(
    ("written", "seen"),
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
def test_pictures_of_the_mail_are_found(caught, written, seen):
    name = caught.mail(RELATED % written)
    part = f"/api/v1/message/{name}/part/2"

    assert caught.http.get(f"/view/{name}.html").text == seen.replace("URL", part)
    assert caught.http.get(part).headers["content-type"] == "image/png"


def test_nothing_is_read_again_and_again():
    for text in ("<!--" * 100_000, "<!doctype " * 50_000, " " * 200_000, "<html" * 50_000):
        assert _HEAD.match(text)
    assert len(_CID.sub("", "=cid:" * 100_000)) < 500_000
    assert re.search("x", _CID.sub("x", "=cid:" + "a" * 500_000))


def test_the_text(caught):
    name = caught.mail("Subject: x\r\n\r\nHello <b>\r\nü\r\n".encode())
    answer = caught.http.get(f"/view/{name}.txt")

    assert answer.text == "Hello <b>\nü\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert caught.store.totals().unread == 0
    assert caught.http.get(f"/view/{name}.html").text == "This message does not contain a HTML part"


@pytest.mark.parametrize("suffix", [".html", ".txt"])
@pytest.mark.parametrize("name", ["none", "latest", "latest.html", "..%2f.."])
def test_what_is_not_there(caught, name, suffix):
    answer = caught.http.get(f"/view/{name}{suffix}")

    assert answer.status_code == 404 and answer.text in ("Message not found", "404 page not found")


def test_the_latest_and_the_latest_of_a_search(caught):
    caught.mail("Subject: red\r\nContent-Type: text/html\r\n\r\n<b>red")
    caught.mail("Subject: blue\r\nContent-Type: text/html\r\n\r\n<b>blue")

    for query, text in (("", "blue"), ("?query=subject:red", "red")):
        assert caught.http.get(f"/view/latest.html{query}").text == f"<b>{text}"
        assert caught.http.get(f"/view/latest.txt{query}").text == f"{text}\n"


def test_the_way_to_the_latest(caught):
    assert caught.http.get("/view/latest").headers["location"] == "/"
    red, blue = caught.mail(html("red")), caught.mail("Subject: blue\r\n\r\nblue")

    for path, to in (
        ("/view/latest", f"/view/{blue}"),
        ("/view/latest?query=red", f"/view/{red}"),
        ("/view/latest?query=green", "/"),
        (f"/view/{red}", f"/view/{red}.html"),
        (f"/view/{blue}", f"/view/{blue}.txt"),
    ):
        answer = caught.http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (302, to)
    assert caught.http.get("/view/latest?query=red", follow_redirects=True).text == "red"
