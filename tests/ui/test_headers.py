"""The header fields of a mail, decoded and as they were sent."""

import pytest

from tests.ui.pages import MailPage

CONTENT = (
    b"Received: from a\r\n\tby b\r\nReceived: from c by d\r\nFROM: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <a@example.com>\r\n"
    b"Subject: =?utf-8?b?R3LDvA==?=\r\n =?utf-8?b?w59l?= =?iso-8859-1?q?_caf=E9?= plain\r\n"
    b"X-Unknown: =?x-none?q?abc?=\r\nX-Html: <b onclick=alert(1)>bold</b>\r\nno field\r\n"
    b"X-Raw: \xc3\xa4\r\n\r\nX-Body: no\r\n"
)


@pytest.fixture
def mail_page(tab, inbox_server):
    return MailPage(tab, inbox_server)


def read_rows(mail_page):
    rows = mail_page.panel.locator("tbody tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].slice(0, 2).map((cell) => cell.textContent))"
    )
    return [tuple(row) for row in rows]


def test_fields_are_decoded_in_their_order(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(CONTENT), "headers")

    assert read_rows(mail_page) == [
        ("Received", "from a\tby b"),
        ("Received", "from c by d"),
        ("FROM", "Grüße <a@example.com>"),
        ("Subject", "Grüße café plain"),
        ("X-Unknown", "=?x-none?q?abc?="),
        ("X-Html", "<b onclick=alert(1)>bold</b>"),
        ("not a field", "no field"),
        ("X-Raw", "ä"),
    ]


def test_fields_are_shown_raw(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(CONTENT), "headers")
    mail_page.button("Raw").click()

    rows = dict(read_rows(mail_page))
    assert rows["Subject"] == "=?utf-8?b?R3LDvA==?=\n =?utf-8?b?w59l?= =?iso-8859-1?q?_caf=E9?= plain"
    assert mail_page.button("Raw").get_attribute("aria-pressed") == "true"


def test_fields_are_filtered(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(CONTENT), "headers")
    field = mail_page.panel.get_by_label("Filter the fields")
    cases = (("received", ["Received", "Received"]), ("CAFÉ gr", ["Subject"]), ("zzz", ["No field matches."]))
    for text, names in cases:
        field.fill(text)

        assert [row[0] for row in read_rows(mail_page)] == names
    assert mail_page.panel.get_by_text("0 of 8 fields").is_visible()
