"""The mailbox switcher in the head of the page."""

import pytest
from playwright.sync_api import expect

from tests.ui.pages.inbox_page import InboxPage


@pytest.fixture
def two_jobs(serve_inbox, open_tab):
    server = serve_inbox()
    with server.connect() as client:
        created = client.post("/api/v1/mailboxes", json={"Name": "job 7", "Recipient": "*@job7.example"})
    inbox = InboxPage(open_tab(server), server)
    inbox.add("For job 7", to="test@job7.example")
    inbox.add("Other")
    inbox.token = created.json()["Token"]
    return inbox.open()


def test_token_opens_one_mailbox(two_jobs):
    two_jobs.click("Mailbox: all")
    two_jobs.page.get_by_label("Token of a mailbox").fill(two_jobs.token)
    two_jobs.click("Open")
    two_jobs.expect_subjects("For job 7")
    navigation = two_jobs.page.get_by_role("navigation", name="Pages")
    expect(navigation.get_by_role("link", name="Rules")).to_have_count(0)
    expect(two_jobs.page.get_by_role("button", name="job 7")).to_be_visible()
    expect(two_jobs.page).to_have_title("(1) Inbox · job 7")
    two_jobs.click("job 7")
    two_jobs.click("Log out")
    two_jobs.expect_subjects("Other", "For job 7")


def test_wrong_token_is_refused(two_jobs):
    two_jobs.tab.expect("status of 401")
    two_jobs.click("Mailbox: all")
    two_jobs.page.get_by_label("Token of a mailbox").fill("another")
    two_jobs.click("Open")
    reason = two_jobs.page.get_by_role("dialog", name="Mailboxes").get_by_role("alert")
    expect(reason).to_have_text("The name, the password or the token is wrong")
    expect(two_jobs.page).to_have_url(f"{two_jobs.url}/")


def test_full_access_lists_the_mailboxes_as_searches(two_jobs):
    two_jobs.click("Mailbox: all")
    two_jobs.page.get_by_role("dialog").get_by_role("link", name="job 7").click()
    two_jobs.expect_subjects("For job 7")
    expect(two_jobs.page.get_by_role("dialog")).to_have_count(0)
