"""The page of SMTP sessions, and the page of one session."""

import imaplib
import smtplib
import socket

import pytest
from playwright.sync_api import expect

from tests.ui.pages import AppPage
from tests.ui.pages.sessions_page import SessionsPage, SessionView


def connect(app_page, name="laptop.example"):
    client = smtplib.SMTP(*app_page.server.mail_server.address, local_hostname=name)
    client.ehlo()
    return client


def send(app_page, to="bob@example.com", subject="Hi"):
    with connect(app_page) as client:
        client.sendmail("ann@example.com", to, f"Subject: {subject}\r\n\r\nHello\r\n")


def run_refused_session(app_page):
    with connect(app_page) as client:
        client.rcpt("early@example.com")


@pytest.fixture
def sessions(app_page):
    send(app_page)
    run_refused_session(app_page)
    with connect(app_page) as client:
        client.noop()
    app_page.server.mail_server.settle()
    app_page.open("/sessions")
    return SessionsPage(app_page.page)


def test_sessions_are_listed_latest_first(sessions):
    expect(sessions.rows).to_have_count(3)
    expect(sessions.rows.first.get_by_role("link")).to_have_text("3")
    expect(sessions.row(1)).to_contain_text("laptop.example")
    expect(sessions.row(2)).to_contain_text("503 5.5.1 Bad sequence of commands")
    expect(sessions.tiles.filter(has_text="sessions")).to_have_text("3 sessions")
    expect(sessions.tiles.filter(has_text="refusal")).to_have_text("1 refusal")


def test_session_of_imap_shows_its_protocol(serve_inbox, open_tab):
    server = serve_inbox(server_settings={"imap": True})
    with imaplib.IMAP4(*server.mail_server.imap.address) as client:
        client.login("ann", "any")
    server.mail_server.settle()
    app_page = AppPage(open_tab(server), server)
    app_page.open("/sessions")
    sessions = SessionsPage(app_page.page)
    expect(sessions.row(1)).to_contain_text("IMAP")
    expect(sessions.row(1)).to_contain_text("the client sent LOGOUT")

    sessions.row(1).get_by_role("link").click()
    view = SessionView(app_page.page)
    expect(view.fact("Protocol")).to_have_text("IMAP")
    expect(view.fact("Login")).to_have_text("ann with LOGIN")
    expect(view.fact("Name in EHLO")).to_have_count(0)


FILTERS = [
    (True, False, "", ["2"]),
    (False, True, "", ["3", "2"]),
    (True, True, "127.0.0.1", ["2"]),
    (False, False, "127.0.0.9", []),
]


def test_sessions_are_filtered(sessions):
    for refused, without_mail, peer, numbers in FILTERS:
        sessions.refused.set_checked(refused)
        sessions.without_mail.set_checked(without_mail)
        sessions.peer.fill(peer)
        expect(sessions.rows.get_by_role("link")).to_have_text(numbers)
        count = "1 session" if len(numbers) == 1 else f"{len(numbers)} sessions"
        expect(sessions.page.get_by_text(f"{count} match")).to_be_visible()


def test_filter_is_in_the_address(app_page, sessions):
    sessions.refused.check()
    expect(sessions.page).to_have_url(f"{app_page.server.url}/sessions?refused=true")
    expect(sessions.rows.get_by_role("link")).to_have_text(["2"])
    sessions.page.reload()
    expect(sessions.refused).to_be_checked()
    expect(sessions.rows.get_by_role("link")).to_have_text(["2"])
    sessions.page.get_by_role("navigation", name="Pages").get_by_role("link", name="Sessions").click()
    expect(sessions.refused).not_to_be_checked()
    expect(sessions.rows).to_have_count(3)


def test_new_session_appears_and_focus_stays(app_page, sessions):
    link = sessions.row(2).get_by_role("link")
    link.focus()
    client = connect(app_page, "new.example")

    expect(sessions.row(4)).to_contain_text("still open")
    expect(link).to_be_focused()
    client.quit()
    expect(sessions.row(4)).to_contain_text("the client sent QUIT")
    expect(link).to_be_focused()


def test_list_has_pages(app_page):
    for _ in range(52):
        with socket.create_connection(app_page.server.mail_server.address) as client:
            client.recv(100)
    app_page.server.mail_server.settle()
    app_page.open("/sessions")
    sessions = SessionsPage(app_page.page)

    expect(sessions.rows).to_have_count(50)
    sessions.older.focus()
    client = connect(app_page)
    expect(sessions.row(53)).to_be_visible()
    expect(sessions.older).to_be_focused()
    client.quit()
    sessions.older.click()
    expect(sessions.rows.get_by_role("link")).to_have_text(["3", "2", "1"])
    expect(sessions.older).to_be_disabled()
    sessions.newer.click()
    expect(sessions.rows).to_have_count(50)


def test_keys_move_between_sessions(sessions):
    expect(sessions.rows).to_have_count(3)
    for key, number in (("j", 3), ("j", 2), ("k", 3)):
        sessions.page.keyboard.press(key)
        expect(sessions.row(number).get_by_role("link")).to_be_focused()
    sessions.page.keyboard.press("Enter")
    expect(sessions.page.get_by_role("heading", name="Session 3")).to_be_visible()
    expect(sessions.page).to_have_title("(1) Session 3 · smtptest")
    sessions.page.keyboard.press("u")
    expect(sessions.rows).to_have_count(3)


def test_row_opens_session_and_back_returns(sessions):
    sessions.row(2).locator(".ended").click()
    view = SessionView(sessions.page)

    expect(sessions.page).to_have_url(f"{sessions.page.url.partition('/sessions')[0]}/sessions/2")
    expect(view.refusals).to_have_count(1)
    expect(view.refusals).to_contain_text("503 5.5.1")
    expect(view.fact("Refusals")).to_contain_text("1 503 5.5.1")
    sessions.page.go_back()
    expect(sessions.rows).to_have_count(3)


def test_session_has_its_mails_with_subjects(app_page):
    with connect(app_page) as client:
        for subject in ("One", "<b>Two</b>"):
            client.sendmail("ann@example.com", "bob@example.com", f"Subject: {subject}\r\n\r\nHi\r\n")
    app_page.server.mail_server.settle()
    app_page.open("/sessions/1")
    view = SessionView(app_page.page)

    expect(view.mails.get_by_role("link")).to_have_text(["One", "<b>Two</b>"])
    view.mails.get_by_role("link", name="<b>Two</b>").click()
    expect(app_page.page).to_have_url(
        f"{app_page.server.url}/mail/{app_page.server.mail_server.sessions[0].mail_ids[1]}"
    )


def test_deleted_mails_of_session_are_counted(app_page):
    app_page.tab.expect("status of 404")
    send(app_page)
    app_page.server.mail_server.settle()
    app_page.server.store.delete()
    app_page.open("/sessions/1")

    expect(SessionView(app_page.page).mails).to_contain_text("1 mail of this session is not in the store any more.")


def test_open_session_grows(app_page):
    client = connect(app_page)
    app_page.open("/sessions/1")
    view = SessionView(app_page.page)
    expect(view.fact("Ended")).to_have_text("still open")
    client.docmd("VRFY", "ann@example.com")
    expect(view.transcript).to_contain_text("VRFY ann@example.com")
    client.quit()
    expect(view.fact("Ended")).to_have_text("the client sent QUIT")


def test_session_has_login_and_findings(app_page):
    with smtplib.SMTP(*app_page.server.mail_server.address, local_hostname="under_score") as client:
        client.helo()
        client.ehlo("laptop.example")
        client.user, client.password = "ann", "s3cret"
        client.auth("PLAIN", client.auth_plain)
    app_page.server.mail_server.settle()
    app_page.open("/sessions/1")
    view = SessionView(app_page.page)

    expect(view.fact("Login")).to_have_text("ann with PLAIN")
    expect(view.fact("Sent without TLS")).to_have_text("credentials")
    expect(view.fact("TLS")).to_have_text("none")
    expect(view.findings).to_contain_text("helo_instead_of_ehlo")
    expect(view.transcript).to_contain_text("AUTH PLAIN ***")


def test_unknown_session_has_reason(app_page):
    app_page.tab.expect("status of 404")
    app_page.open("/sessions/77")
    expect(app_page.page.get_by_text("there is no session 77")).to_be_visible()
