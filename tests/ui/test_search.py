"""The search: its query in the address bar, completion, saved searches, help, and what it shows without a result."""

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def three(inbox):
    inbox.add("Invoice 1", to="ann@example.com", headers="X-Tags: billing\r\n")
    inbox.add("Welcome", to="bob@example.com")
    inbox.add("Invoice 2", to="bob@example.com", headers="X-Tags: two words\r\n")
    return inbox.open()


def test_search_is_in_the_address_bar(three):
    three.press("/")
    expect(three.search).to_be_focused()
    three.search.press_sequentially("subject:invoice")
    three.expect_subjects("Invoice 2", "Invoice 1")
    expect(three.page).to_have_url(re.compile(r"/search\?q=subject%3Ainvoice$"))
    expect(three.status).to_have_text("2 mails found, 2 unread")
    three.page.reload()
    three.expect_subjects("Invoice 2", "Invoice 1")
    expect(three.search).to_have_value("subject:invoice")
    three.page.go_back()
    three.expect_subjects("Invoice 2", "Welcome", "Invoice 1")
    expect(three.search).to_have_value("")


def test_opened_mail_keeps_the_search(three):
    three.open("/search?q=invoice")
    three.row("Invoice 1").click()
    expect(three.page).to_have_url(re.compile(r"/mail/\w+\?q=invoice$"))
    three.expect_subjects("Invoice 2", "Invoice 1")
    three.press("u")
    expect(three.page).to_have_url(re.compile(r"/search\?q=invoice$"))


@pytest.mark.parametrize(
    ("typed", "completion", "found"),
    [
        ("tag:bil", "billing", ["Invoice 1"]),
        ("tag:two", "two words", ["Invoice 2"]),
        ("is:un", "unread", ["Invoice 2", "Welcome", "Invoice 1"]),
        ("-tag:bil", "billing", ["Invoice 2", "Welcome"]),
        ("recipient:an", "ann@example.com", ["Invoice 1"]),
    ],
)
def test_values_are_completed(three, typed, completion, found):
    three.press("/")
    three.search.press_sequentially(typed)
    expect(three.completions).to_have_text([completion])
    three.press("ArrowDown", "Enter")
    three.expect_subjects(*found)
    expect(three.completions).to_have_count(0)


def test_terms_are_completed(three):
    three.press("/")
    three.search.press_sequentially("welcome rec")
    expect(three.completions).to_contain_text(["recipient:"])
    three.completions.first.click()
    expect(three.search).to_have_value("welcome recipient:")
    expect(three.completions).to_have_text(["bob@example.com", "ann@example.com"])
    three.press("Escape")
    expect(three.completions).to_have_count(0)
    expect(three.search).to_be_focused()
    three.press("Escape")
    expect(three.search).not_to_be_focused()


def test_search_without_result_offers_to_clear_it(three):
    three.open("/search?q=nothing")
    expect(three.page.get_by_role("heading", name="No mail matches this search")).to_be_visible()
    three.page.get_by_role("link", name="Clear the search").click()
    three.expect_subjects("Invoice 2", "Welcome", "Invoice 1")


def test_invalid_search_says_what_is_expected(three):
    three.tab.expect("status of 400")
    three.press("/")
    three.search.fill("before:nonsense")
    three.press("Enter")
    expect(three.page.get_by_role("alert")).to_contain_text("before: must be a date")
    three.search.fill("welcome")
    three.expect_subjects("Welcome")


def test_saved_search(three):
    three.open("/search?q=tag%3Abilling")
    three.click("Save this search")
    three.page.get_by_label("Name", exact=True).fill("Bills")
    three.click("Save")
    three.open()
    three.press("/")
    expect(three.completions).to_contain_text(["Bills"])
    three.press("ArrowDown", "Enter")
    three.expect_subjects("Invoice 1")
    three.click("Save this search")  # again: it is removed
    expect(three.toasts).to_contain_text("Saved search removed")
    three.open()
    three.press("/")
    expect(three.completions).to_have_count(0)


def test_help_adds_terms(three):
    three.click("Help about searching")
    popover = three.page.get_by_role("dialog", name="How to search")
    expect(popover).to_be_visible()
    popover.get_by_role("button", name="subject:invoice").click()
    expect(popover).to_be_hidden()
    three.expect_subjects("Invoice 2", "Invoice 1")


def test_result_is_told_to_screen_readers(three):
    expect(three.page.get_by_role("status").filter(has_text="3 mails")).to_have_count(1)
    three.search.fill("welcome")
    expect(three.page.get_by_role("status").filter(has_text="1 mail found")).to_have_count(1)
