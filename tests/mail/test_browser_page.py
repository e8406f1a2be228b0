"""The page that shows a mail in a browser: its document, its parts and its policy, without a browser."""

import pytest

from lazr.smtptest import Mail
from lazr.smtptest.mail.browser_page import BrowserPage
from lazr.smtptest.mail.html.sandbox import disable_early_connections, replace_cid_urls
from lazr.smtptest.mail.parsed_message import ParsedMessage

RELATED = b"""\
Subject: Logo
MIME-Version: 1.0
Content-Type: multipart/related; boundary=b

--b
Content-Type: text/html; charset=utf-8

<img src="cid:logo@x"><img src="a.png"><img src="http://cdn.example/b.png?1">
--b
Content-Type: image/png
Content-ID: <logo@x>

one
--b
Content-Type: image/gif
Content-Location: a.png

two
--b
Content-Type: image/png
Content-Location: http://cdn.example/b.png?1

three
--b--
"""


def build_page(content, mail_id="1"):
    return BrowserPage(mail_id, ParsedMessage(content.replace(b"\n", b"\r\n"), {}))


def read_document(page):
    return page.respond(page.url).body.decode()


def read_policy(page):
    return dict(part.strip().partition(" ")[::2] for part in get_policy_text(page).split(";"))


def get_policy_text(page):
    return page.respond(page.url).headers["content-security-policy"]


def test_content_id_becomes_url_of_the_part():
    page = build_page(RELATED)

    assert '<img src="https://mail.smtptest.example/part/2">' in read_document(page)
    assert page.respond("https://mail.smtptest.example/part/2")[::2] == ("image/png", b"one")


@pytest.mark.parametrize(
    ("url", "content"),
    [
        ("https://mail.smtptest.example/a.png", b"two"),
        ("http://cdn.example/b.png?1", b"three"),
        ("https://cdn.example/b.png?1", b"three"),
    ],
)
def test_content_location_is_the_url_of_its_part(url, content):
    assert build_page(RELATED).respond(url).body == content


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("my logo.png", "https://mail.smtptest.example/my%20logo.png"),
        ("my%20logo.png", "https://mail.smtptest.example/my%20logo.png"),
        ("bücher.png", "https://mail.smtptest.example/b%C3%BCcher.png"),
        ("dir\\a.png", "https://mail.smtptest.example/dir/a.png"),
        ("a|b^'.png?c'd", "https://mail.smtptest.example/a|b^'.png?c%27d"),
        ("HTTP://CDN.Example/Logo.png", "http://cdn.example/Logo.png"),
        ("HTTP://CDN.Example:80/Logo.png", "https://cdn.example/Logo.png"),
        ("https://cdn.example:443/x/../a.png#top", "https://cdn.example/a.png"),
        ("https://cdn.example", "https://cdn.example/"),
        ("http://cdn.example:8080/a.png", "http://cdn.example:8080/a.png"),
        ("http://bücher.example/a.png", "http://xn--bcher-kva.example/a.png"),
    ],
)
def test_content_location_is_found_by_the_url_of_browsers(location, url):
    page = build_page(RELATED.replace(b"a.png\n\ntwo", f"{location}\n\ntwo".encode()))

    assert page.respond(url).body == b"two"
    assert url.partition("?")[0].replace("|", "%7C").replace("^", "%5E").replace("'", "%27") in get_policy_text(page)


@pytest.mark.parametrize(
    "location", ["http://cdn.example:8443/a.png", "https://cdn.example/A.png", "http://ü..x/a.png"]
)
def test_normalization_keeps_other_urls_apart(location):
    page = build_page(RELATED.replace(b"a.png\n\ntwo", f"{location}\n\ntwo".encode()))

    assert page.respond("https://cdn.example/a.png") is None


@pytest.mark.parametrize(
    "url",
    [
        "https://mail.smtptest.example/part/9",
        "https://mail.smtptest.example/",
        "http://mail.smtptest.example/1",
        "http://cdn.example/b.png",
        "http://127.0.0.1/",
        "",
    ],
)
def test_other_urls_have_no_response(url):
    assert build_page(RELATED).respond(url) is None


def test_policy_names_the_parts_and_nothing_else():
    policy = read_policy(build_page(RELATED))

    assert policy["default-src"] == "'none'"
    assert policy["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"
    assert set(policy["img-src"].split()) == {
        "data:",
        "https://mail.smtptest.example/part/",
        "https://mail.smtptest.example/a.png",
        "http://cdn.example/b.png",
        "https://cdn.example/b.png",
    }


@pytest.mark.parametrize(
    "location",
    [
        "http://x/; script-src *",
        "http://x/,script-src *",
        "http://x/;script-src",
        "*",
        "https:",
        "http://[::1",
        "http://*/",
        "data:text/html,x",
        "javascript:alert(1)",
        "http://x/" + "a" * 2_000,
        "https://mail.smtptest.example/part/",
    ],
)
def test_content_location_cannot_widen_the_policy(location):
    content = RELATED.replace(b"a.png\n\ntwo", location.encode() + b"\n\ntwo")
    expected = read_policy(build_page(RELATED.replace(b"Content-Location: a.png\n", b"")))
    policy = read_policy(build_page(content))
    added = set(policy.pop("img-src").split()) - set(expected.pop("img-src").split())

    assert policy == expected
    # What is relative, is a file of the page itself.
    assert all(source.startswith("https://mail.smtptest.example/") for source in added)


def test_policy_has_a_bounded_length():
    part = b"--b\nContent-Type: image/png\nContent-Location: %d" + b"a" * 900 + b"\n\nx\n"
    many = b"".join(part % number for number in range(500))
    content = b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\nx\n" + many + b"--b--\n"

    assert len(get_policy_text(build_page(content))) < 200_000


def test_part_has_a_policy_of_its_own():
    response = build_page(RELATED).respond("https://mail.smtptest.example/part/2")

    assert response.headers["content-security-policy"].startswith("sandbox ")
    assert response.headers["x-content-type-options"] == "nosniff"


def test_text_is_escaped_and_urls_become_links():
    page = build_page(
        b"Subject: <b>Hi\n\n<script>alert(1)</script> https://x.example/?a=1&b='2, and mailto:a@b.example\n"
    )
    document = read_document(page)

    assert "<title>&lt;b&gt;Hi</title>" in document
    assert "<pre>\n&lt;script&gt;alert(1)&lt;/script&gt; " in document
    assert '<a href="https://x.example/?a=1&amp;b=">https://x.example/?a=1&amp;b=</a>' in document or (
        '<a href="https://x.example/?a=1&amp;b=&#x27;2">' in document
    )
    assert '<a href="mailto:a@b.example">mailto:a@b.example</a>' in document


def test_mail_without_content_is_an_empty_page():
    assert read_document(build_page(b"")).endswith("<pre>\n</pre>")


def test_document_is_known_with_and_without_fragment():
    page = build_page(b"\nHi\n", "a/b?c#d")

    assert page.url == "https://mail.smtptest.example/a%2Fb%3Fc%23d"
    assert page.is_document(page.url) and page.is_document(page.url + "#x")
    assert not page.is_document(page.url + "/") and not page.is_document("https://mail.smtptest.example/")


def test_cid_url_of_unknown_part_stays():
    assert replace_cid_urls("<img src=cid:x>", [], str) == "<img src=cid:x>"


@pytest.mark.parametrize("tag", ["<iframe src=x>", "<FRAME/src=x>", "<link rel=preconnect href=x>", "<LINK/rel=x>"])
def test_first_attribute_makes_element_inert(tag):
    name, _, rest = tag.replace("/", " ").partition(" ")
    rewritten = disable_early_connections(tag)

    assert rewritten.startswith((f"{name} srcdoc src=about:blank", f"{name} rel=none")) and rewritten.endswith(rest)


@pytest.mark.parametrize("page", ["http://127.0.0.1/", None, Mail])
@pytest.mark.parametrize("method", [Mail.open, Mail.screenshot])
def test_other_objects_than_pages_are_refused(method, page):
    with pytest.raises(TypeError, match=r"page must be a page of Playwright, got (str|NoneType|type)"):
        method(Mail.from_bytes(b"\nHi\n"), page)
