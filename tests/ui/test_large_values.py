"""Mails of 1 MB that make a slow pattern or a large array freeze the tab: every tab of them is shown in time."""

import base64

import pytest
from playwright.sync_api import expect

from tests.ui.pages import DiffPage, MailPage

SIZE = 1_000_000


def _build_html(html):
    return f"Subject: x\r\nContent-Type: text/html\r\n\r\n{html}"


def _encode_word(size):
    return f"=?utf-8?b?{base64.b64encode(b'a' * size).decode()}?="


CASES = {
    "spaces after an attribute": ("preview", _build_html("<p>x</p> src=" + " " * SIZE)),
    "spaces after a quote": ("preview", _build_html("<p>x</p> src=" + ' "  ' * (SIZE // 4) + " " * 1000)),
    "commas and spaces": ("preview", _build_html("<p>x</p>" + (" ," + " " * 998) * 1000)),
    "open tags": ("html", _build_html("<a" * (SIZE // 2))),
    "one long tag": ("html", _build_html("<a " + "b= " * (SIZE // 3))),
    "spaces in a tag": ("html", _build_html("<a b=" + " " * SIZE)),
    "open comments": ("html", _build_html("<!--" * (SIZE // 4))),
    "links with dots": ("text", "Subject: x\r\n\r\n" + ("http://a" + "." * 1990 + "a\r\n") * (SIZE // 2000)),
    "long encoded word": ("headers", f"Subject: x\r\nX-Long: {_encode_word(SIZE)}\r\n\r\n"),
    "two long encoded words": ("headers", "X-Long: " + f"{_encode_word(SIZE // 2)} " * 2 + "\r\n\r\n"),
    "many encoded words": ("headers", "X-Long: " + "=?utf-8?q?a?= " * (SIZE // 14) + "\r\n\r\n"),
    "encoded words that do not end": ("headers", "X-Long: " + "=?utf-8?q?a" * (SIZE // 11) + "\r\n\r\n"),
    "spaces after an encoded word": ("headers", "X-Long: =?utf-8?q?a?=" + " " * SIZE + "x\r\n\r\n"),
    "long name": ("headers", "a" * SIZE + "\r\n\r\n"),
    "many fields": ("headers", "a: b\r\n" * (SIZE // 6) + "\r\n"),
    "sender without an address": ("envelope", "Sender: " + "a" * SIZE + "\r\n\r\n"),
    "many senders": ("envelope", "Sender: " + "a@b, " * (SIZE // 5) + "\r\n\r\n"),
    "many recipients": ("envelope", "To: " + ", ".join(f"a{n}@b" for n in range(SIZE // 10)) + "\r\n\r\n"),
    "many reply addresses": ("envelope", "Reply-To: " + ", ".join(f"a{n}@b" for n in range(SIZE // 10)) + "\r\n\r\n"),
    "many defects": ("source", "Subject: x\r\n\r\n" + "\x00\n" * (SIZE // 2)),
    "one line": ("source", "Subject: x\r\n\r\n" + "\x00\x01" * (SIZE // 2)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_tab_of_a_large_mail_is_shown(inbox_server, tab, name):
    tab_name, content = CASES[name]
    page = MailPage(tab, inbox_server)
    tab.expect("404")  # the mail has no session
    page.open(f"/mail/{inbox_server.add_mail(content)}/{tab_name}")
    expect(page.panel.locator(f"{tab_name}-tab > :not(.tab-note)").first).to_be_attached()
    expect(page.panel.get_by_role("alert")).to_have_count(0)
    assert page.page.evaluate("1 + 1") == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["many fields", "many recipients", "many encoded words"])
def test_difference_of_large_mails_is_shown(inbox_server, tab, name):
    ids = [inbox_server.add_mail(f"X-Number: {number}\r\n{CASES[name][1]}") for number in range(2)]
    page = DiffPage(tab, inbox_server)
    page.open(f"/diff/{ids[0]}/{ids[1]}")
    expect(page.section("Headers")).to_be_visible()
