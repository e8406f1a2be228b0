"""The page of mailboxes, and pages that the token of a mailbox does not open."""

import pytest
from playwright.sync_api import expect

from tests.ui.pages.mailboxes_page import MailboxesPage


@pytest.fixture
def mailboxes(app_page):
    app_page.open("/mailboxes")
    return MailboxesPage(app_page.page)


def list_mails(app_page, token):
    with app_page.server.connect(headers={"Authorization": f"Bearer {token}"}) as client:
        return client.get("/api/v1/messages")


def test_created_mailbox_shows_token_once(app_page, mailboxes):
    expect(app_page.page.get_by_text("There is no mailbox")).to_be_visible()
    mailboxes.create("job 7", recipient="*@job7.example")
    token = mailboxes.token.inner_text()

    expect(mailboxes.dialog).to_contain_text("The token is shown only now.")
    command = f"curl -H 'Authorization: Bearer {token}' {app_page.server.url}/api/v1/messages"
    expect(mailboxes.dialog).to_contain_text(command)
    answer = list_mails(app_page, token)
    assert (answer.status_code, answer.json()["total"]) == (200, 0)
    mailboxes.close_dialog()
    expect(mailboxes.row("job 7")).to_contain_text("to *@job7.example")
    assert token not in app_page.page.content()


def test_mailbox_of_user_is_created(mailboxes):
    mailboxes.create("job 8", user="job8")
    expect(mailboxes.dialog).to_contain_text("Mails that the SMTP user job8 sends are in it.")
    mailboxes.close_dialog()
    expect(mailboxes.row("job 8")).to_contain_text("of the SMTP user job8")


@pytest.mark.parametrize(("name", "reason"), [("job 7", "job 7"), ("a/b", "printable characters other than /")])
def test_reason_of_server_is_shown(app_page, mailboxes, name, reason):
    app_page.tab.expect("status of 40[09]")
    mailboxes.create("job 7", recipient="*@job7.example")
    mailboxes.close_dialog()
    mailboxes.create(name, recipient="*@other.example")
    expect(mailboxes.problem).to_contain_text(reason)
    expect(mailboxes.name).to_be_focused()
    expect(mailboxes.rows).to_have_count(1)


def test_mails_of_mailbox_are_counted_and_linked(app_page, mailboxes):
    mailboxes.create("job 7", recipient="*@job7.example")
    mailboxes.close_dialog()
    app_page.server.add_mail(Subject="For job 7", to=["a@job7.example"])
    app_page.server.add_mail(Subject="For others")
    link = mailboxes.row("job 7").get_by_role("link")
    expect(link).to_have_text("1, 1 unread")
    link.focus()
    app_page.server.add_mail(Subject="For job 7 again", to=["a@job7.example"])
    expect(link).to_have_text("2, 2 unread")
    expect(link).to_be_focused()

    link.click()
    expect(app_page.page.get_by_role("link", name="For job 7", exact=True)).to_be_visible()
    expect(app_page.page.get_by_role("link", name="For others")).to_have_count(0)


def test_mailbox_is_removed_after_warning(app_page, mailboxes):
    mailboxes.create("job 7", recipient="*@job7.example")
    token = mailboxes.token.inner_text()
    mailboxes.close_dialog()
    mailboxes.ask_to_remove("job 7")
    expect(mailboxes.dialog).to_contain_text("Its token stops working at once")
    mailboxes.dialog.get_by_role("button", name="Keep it").click()
    expect(mailboxes.rows).to_have_count(1)

    mailboxes.ask_to_remove("job 7")
    mailboxes.dialog.get_by_role("button", name="Remove", exact=True).click()
    expect(mailboxes.rows).to_have_count(0)
    expect(mailboxes.name).to_be_focused()
    assert list_mails(app_page, token).status_code == 401
