"""The tab Wire of a mail: the session that brought it."""

import smtplib
import ssl

import pytest
from playwright.sync_api import expect

from lazr.smtptest.web import Mailbox
from tests.ui.pages import AppPage
from tests.ui.pages.sessions_page import SessionView


def send_three(app_page):
    """Send three mails in one session, the second to a refused recipient, too; return their IDs."""
    app_page.server.mail_server.on("RCPT", to="*@full.example").reply(452, "4.2.2", "Mailbox full").optional()
    with smtplib.SMTP(*app_page.server.mail_server.address, local_hostname="laptop.example") as client:
        client.login("ann", "s3cret")
        client.sendmail("ann@example.com", "one@example.com", "Subject: One\r\n\r\nHi\r\n")
        content = "Subject: <i>Two</i>\r\n\r\n" + "hello\r\n" * 100
        client.sendmail("ann@example.com", ["two@example.com", "bob@full.example"], content)
        client.sendmail("ann@example.com", "three@example.com", "Subject: Three\r\n\r\nHi\r\n")
    app_page.server.mail_server.settle()
    return app_page.server.mail_server.sessions[-1].mail_ids


def open_wire(app_page, mail_id):
    app_page.open(f"/mail/{mail_id}/wire")
    return SessionView(app_page.page)


def test_transaction_of_mail_is_highlighted_and_in_view(app_page):
    ids = send_three(app_page)
    view = open_wire(app_page, ids[1])

    expect(view.transaction.first).to_contain_text("mail FROM:<ann@example.com>", ignore_case=True)
    expect(view.transaction.last).to_contain_text(f"250 2.0.0 Ok: queued as {ids[1]}")
    expect(view.transaction.filter(has_text="rcpt TO:<two@example.com>")).to_have_count(1)
    expect(view.transaction.filter(has_text="rcpt TO:<one@example.com>")).to_have_count(0)
    expect(view.transaction.first).to_be_in_viewport()
    expect(view.lines.first).to_contain_text("220 ")


def test_refusal_is_red_and_told_by_text(app_page):
    view = open_wire(app_page, send_three(app_page)[1])
    expect(view.refusals).to_have_count(1)
    expect(view.refusals).to_contain_text("Refused: 452 4.2.2 Mailbox full")
    expect(view.refusals).to_have_css("color", "rgb(179, 21, 31)")


def test_rule_that_acted_is_an_event_with_a_link(app_page):
    view = open_wire(app_page, send_three(app_page)[1])
    event = view.transaction.filter(has_text="rule: RCPT to='*@full.example'")
    expect(event).to_contain_text("Event")
    event.get_by_role("link", name="Rules").click()
    expect(app_page.page).to_have_url(f"{app_page.server.url}/rules")


def test_other_mails_of_session_are_linked(app_page):
    ids = send_three(app_page)
    view = open_wire(app_page, ids[1])
    expect(view.mails).to_contain_text("3 mails of this session")
    expect(view.mails.locator("[aria-current]")).to_have_text("<i>Two</i> (this mail)")
    view.mails.get_by_role("link", name="Three").click()

    expect(app_page.page).to_have_url(f"{app_page.server.url}/mail/{ids[2]}/wire")
    expect(view.transaction.last).to_contain_text(f"queued as {ids[2]}")


def test_content_is_folded_with_its_size(app_page):
    view = open_wire(app_page, send_three(app_page)[1])
    content = view.contents.nth(1)
    expect(content).to_contain_text("Content, about 723 B")
    expect(content.locator("pre")).to_be_hidden()
    content.locator("summary").click()
    expect(content.locator("pre")).to_contain_text("Subject: <i>Two</i>")


def test_pause_is_shown_with_its_length_and_cause(app_page):
    app_page.server.mail_server.on("DATA").delay(0.3).optional()
    with smtplib.SMTP(*app_page.server.mail_server.address) as client:
        client.sendmail("ann@example.com", "bob@example.com", "Subject: Hi\r\n\r\nHi\r\n")
    app_page.server.mail_server.settle()
    view = open_wire(app_page, app_page.server.mail_server.sessions[0].mail_ids[0])

    expect(view.pauses.filter(has_text="waiting for the server")).to_have_count(1)
    assert float(view.pauses.filter(has_text="server").inner_text().split()[0]) >= 0.3


def test_login_is_shown_without_the_password(app_page):
    view = open_wire(app_page, send_three(app_page)[0])
    expect(view.fact("Login")).to_contain_text("ann with ")
    expect(view.transcript).to_contain_text("***")
    assert "s3cret" not in app_page.page.content()


def test_tls_is_described(serve_inbox, open_tab):
    server = serve_inbox(server_settings={"tls": "starttls"})
    with smtplib.SMTP(*server.mail_server.address) as client:
        client.starttls(context=ssl.create_default_context(cafile=server.mail_server.ca_file))
        client.sendmail("ann@example.com", "bob@example.com", "Subject: Hi\r\n\r\nHi\r\n")
    server.mail_server.settle()
    view = open_wire(AppPage(open_tab(server), server), server.mail_server.sessions[0].mail_ids[0])

    expect(view.fact("TLS")).to_contain_text("TLSv1.3")
    expect(view.fact("TLS")).to_contain_text("by STARTTLS")


def test_transcript_is_copied_and_saved(app_page):
    ids = send_three(app_page)
    app_page.tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view = open_wire(app_page, ids[0])
    app_page.page.get_by_role("button", name="Copy as text").click()
    expect(app_page.page.get_by_text("Transcript copied")).to_be_visible()
    text = f"{app_page.server.mail_server.sessions[0].transcript}\n"
    assert app_page.page.evaluate("navigator.clipboard.readText()") == text

    with app_page.page.expect_download() as download:
        app_page.page.get_by_role("link", name="Download .txt").click()
    assert download.value.suggested_filename == "session-1.txt"
    assert download.value.path().read_text("utf-8") == text
    expect(view.transaction.first).to_be_visible()


def test_sequence_diagram_is_shown(app_page):
    view = open_wire(app_page, send_three(app_page)[0])
    toggle = app_page.page.get_by_role("button", name="Sequence diagram")
    toggle.click()
    expect(view.diagram).to_be_visible()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    app_page.page.wait_for_function("document.querySelector('figure.diagram img').naturalWidth > 100")
    toggle.click()
    expect(view.diagram).to_have_count(0)


def test_open_session_grows_below_the_transaction(app_page):
    client = smtplib.SMTP(*app_page.server.mail_server.address)
    client.sendmail("ann@example.com", "bob@example.com", "Subject: Hi\r\n\r\nHi\r\n")
    view = open_wire(app_page, app_page.server.mail_server.sessions[0].mail_ids[0])
    expect(view.fact("Ended")).to_have_text("still open")
    content = view.contents.first
    content.locator("summary").click()
    client.quit()

    expect(view.fact("Ended")).to_have_text("the client sent QUIT")
    expect(view.lines.last).to_contain_text("221")
    expect(content.locator("pre")).to_be_visible()


HOSTILE = '<img/src=x/onerror=alert("PWNED")>\u202e\x1b[31m'


def test_hostile_dialogue_is_text(app_page):
    with smtplib.SMTP(*app_page.server.mail_server.address) as client:
        client.docmd("EHLO", "<script>alert('PWNED')</script>")
        client.ehlo("laptop.example")
        client.send(f"{HOSTILE}{'x' * 200}\r\n".encode())
        client.getreply()
        client.sendmail("ann@example.com", "bob@example.com", f"Subject: {HOSTILE}\r\n\r\n{HOSTILE}\r\n".encode())
    app_page.server.mail_server.settle()
    view = open_wire(app_page, app_page.server.mail_server.sessions[0].mail_ids[0])

    expect(view.lines.filter(has_text="<script>alert('PWNED')</script>")).to_have_count(1)
    view.contents.first.locator("summary").click()
    expect(view.contents.first.locator("pre")).to_contain_text('<img/src=x/onerror=alert("PWNED")>')
    for path in ("/sessions", "/sessions/1"):
        app_page.open(path)
        expect(app_page.main.get_by_role("link").first).to_be_visible()
    assert app_page.page.locator("main img").count() == 0


def test_mail_without_a_session_has_reason(app_page):
    app_page.tab.expect("status of 404")
    send_three(app_page)
    open_wire(app_page, app_page.server.add_mail())
    expect(app_page.page.get_by_text("the server does not remember the SMTP session of this mail")).to_be_visible()


@pytest.mark.parametrize("path", ["/sessions", "/sessions/1", "/rules", "/mailboxes"])
def test_token_of_mailbox_gets_reason_and_no_content(serve_inbox, open_tab, path):
    server = serve_inbox(mailboxes=[Mailbox.of_recipient("job 7", "token-of-mailbox-7", "*@job7.example")])
    with smtplib.SMTP(*server.mail_server.address, local_hostname="secret-name") as client:
        client.sendmail("ann@example.com", "a@job7.example", "Subject: Hi\r\n\r\nHi\r\n")
    server.mail_server.settle()
    tab = open_tab(server, extra_http_headers={"Authorization": "Bearer token-of-mailbox-7"})
    app_page = AppPage(tab, server).open(path)

    expect(app_page.page.get_by_role("heading", name="This needs access to all mails")).to_be_visible()
    expect(app_page.main).to_contain_text("the mailbox “job 7”")
    assert all("Rules" not in name and "Sessions" not in name for name in app_page.list_navigation())
    assert "secret-name" not in app_page.page.content()
