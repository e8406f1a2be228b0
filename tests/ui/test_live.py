"""Live changes: new, changed and deleted mails, the title, the icon, and following the newest mail."""

import contextlib
import re
import time

from playwright.sync_api import Error, expect

from tests.ui.browser import WAIT_FOR_FRAMES


def test_new_mail_appears_by_itself_at_the_top(inbox):
    inbox.add("Old")
    inbox.open()
    inbox.add("New")
    inbox.expect_subjects("New", "Old")
    expect(inbox.status).to_have_text("2 mails, 2 unread")
    expect(inbox.pill).to_be_hidden()


def test_new_mail_does_not_move_what_is_read(inbox):
    inbox.add_all([(f"Mail {number}", "ann@example.com") for number in range(300)])
    inbox.open()
    inbox.grid.evaluate("grid => { grid.scrollTop = 4000; }")
    expect(inbox.row("Mail 200")).to_be_visible()
    before = inbox.row("Mail 200").bounding_box()
    inbox.add_all([(f"New {number}", "ann@example.com") for number in range(3)])
    expect(inbox.pill).to_have_text("3 new")
    assert inbox.row("Mail 200").bounding_box() == before
    inbox.grid.evaluate("grid => { grid.scrollTop = 12000; }")  # pages that are loaded now have the same places
    expect(inbox.row("Mail 10")).to_be_visible()
    inbox.pill.click()
    expect(inbox.row("New 2")).to_be_visible()
    expect(inbox.pill).to_be_hidden()
    assert inbox.grid.evaluate("grid => grid.scrollTop") == 0


def test_new_mail_waits_while_a_mail_is_open(inbox):
    mail = inbox.add("Old")
    inbox.open(f"/mail/{mail}")
    inbox.add("New")
    expect(inbox.pill).to_have_text("1 new")
    inbox.press(".")
    inbox.expect_subjects("New", "Old")


def test_new_mail_is_shown_although_the_list_is_refreshed_meanwhile(inbox):
    mail = inbox.add("Old")
    inbox.open(f"/mail/{mail}")
    inbox.add("New")
    gone = inbox.add("Gone")
    expect(inbox.pill).to_have_text("2 new")
    held = []
    inbox.page.route("**/api/v1/messages?*", lambda route: held.append(route))  # noqa: PLW0108 -- not a built-in
    inbox.press(".")
    wait_for_requests(inbox, held, 1)
    inbox.store.delete(ids=[gone])  # the list does not know it, and refreshes
    wait_for_requests(inbox, held, 2)
    inbox.page.unroute("**/api/v1/messages?*")
    for route in held:
        with contextlib.suppress(Error):  # the page has aborted it
            route.continue_()
    inbox.expect_subjects("New", "Old")


def wait_for_requests(inbox, held, count):
    deadline = time.monotonic() + 20
    while len(held) < count:
        assert time.monotonic() < deadline
        inbox.page.evaluate(WAIT_FOR_FRAMES)


def test_new_mail_appears_in_a_search_it_matches(inbox):
    inbox.add("Invoice 1")
    inbox.open("/search?q=subject%3Ainvoice")
    inbox.add("Other")
    inbox.add("Invoice 2")
    inbox.expect_subjects("Invoice 2", "Invoice 1")


def test_first_mail_replaces_the_empty_state(inbox):
    inbox.open()
    inbox.add("First")
    inbox.expect_subjects("First")


def test_title_and_icon_show_unread_mails(inbox):
    mail = inbox.add("One")
    inbox.open()
    expect(inbox.page).to_have_title("(1) Inbox · smtptest")
    icon = inbox.page.locator('link[rel="icon"]')
    expect(icon).to_have_attribute("href", re.compile("^data:image/png"))
    inbox.store.set_read((), read=True, ids=[mail])
    expect(inbox.page).to_have_title("Inbox · smtptest")
    expect(icon).to_have_attribute("href", "/ui/icon.svg")
    expect(inbox.row("One")).not_to_contain_text("Unread.")


def test_deleted_mail_vanishes_and_the_focus_stays_in_place(inbox):
    ids = inbox.add_all([(f"Mail {number}", "ann@example.com") for number in range(5)])
    inbox.open()
    inbox.press("j", "j", "j")
    expect(inbox.focused.locator(".subject a")).to_have_text("Mail 2")
    inbox.store.delete(ids=[ids[2]])
    inbox.expect_subjects("Mail 4", "Mail 3", "Mail 1", "Mail 0")
    expect(inbox.focused.locator(".subject a")).to_have_text("Mail 1")


def test_focus_stays_with_its_mail_when_new_mail_comes(inbox):
    inbox.add_all([("One", "ann@example.com"), ("Two", "ann@example.com")])
    inbox.open()
    inbox.press("j", "j")
    inbox.add("Three")
    inbox.expect_subjects("Three", "Two", "One")
    expect(inbox.focused.locator(".subject a")).to_have_text("One")


def test_newest_mail_opens_if_the_user_follows_it(inbox):
    inbox.add("Old")
    inbox.open()
    inbox.page.evaluate("""localStorage.setItem("smtptest.settings", '{"followNewest": true}')""")
    inbox.open()
    mail = inbox.add("New")
    expect(inbox.page).to_have_url(f"{inbox.url}/mail/{mail}")


def test_newest_mail_opens_in_another_order(inbox):
    inbox.page.add_init_script(
        """localStorage.setItem("smtptest.settings", '{"followNewest": true, "sort": "subject", "order": "asc"}')"""
    )
    inbox.add("Aa")
    inbox.open()
    mail = inbox.add("Bb")
    expect(inbox.page).to_have_url(f"{inbox.url}/mail/{mail}")


def test_list_that_failed_is_loaded_when_the_server_is_back(inbox):
    inbox.add("One")
    inbox.open()
    inbox.stop_web()
    inbox.page.get_by_label("Order").select_option("Oldest first")
    expect(inbox.page.get_by_role("alert")).to_be_visible()
    expect(inbox.page.get_by_role("button", name="Delete all")).to_be_hidden()
    inbox.start_web()
    inbox.expect_subjects("One")


def answer_late(inbox, act, *, is_due=lambda: True):
    """Do something between what the server answers to the next request for the list, and its arrival in the page.

    Requests before `is_due` is true are left alone: the page reads the list again when it has connected.
    """
    is_done = False

    def answer(route):
        nonlocal is_done
        if is_done or route.request.method != "GET" or not is_due():
            return route.fallback()
        is_done = True
        response = route.fetch()
        act()
        return route.fulfill(response=response)

    inbox.page.route("**/api/v1/messages*", answer)


def test_mail_that_arrives_while_the_list_is_loaded_is_shown(inbox):
    inbox.add("Old")
    answer_late(inbox, lambda: inbox.add("Meanwhile"))
    inbox.open()
    inbox.expect_subjects("Meanwhile", "Old")


def test_mails_that_come_and_go_while_the_list_is_read_again(inbox):
    ids = inbox.add_all([("One", "ann@example.com"), ("Two", "ann@example.com")])
    inbox.open()

    def act():
        inbox.store.delete(ids=ids[:1])
        inbox.add("Meanwhile")
        inbox.expect_subjects("Meanwhile", "Two")

    answer_late(inbox, act, is_due=lambda: inbox.store.get_totals().unread == 0)
    inbox.click("Mark all as read")
    expect(inbox.status).to_have_text("2 mails, 1 unread")
    inbox.expect_subjects("Meanwhile", "Two")


def test_list_comes_back_after_a_lost_connection(inbox):
    inbox.add("Old")
    inbox.open()
    inbox.stop_web()
    expect(inbox.page.locator(".dot.offline")).to_be_visible()
    inbox.add("Meanwhile")
    inbox.start_web()
    inbox.expect_subjects("Meanwhile", "Old")
    expect(inbox.page.locator(".dot.live")).to_be_visible()


RECORD_NOTIFICATIONS = """
window.notified = [];
window.Notification = class extends Notification {
  constructor(title, options) { super(title, options); window.notified.push([title, options.body]); }
};
Object.defineProperty(document, "hidden", { get: () => true });
"""


def test_notification_names_the_new_mail_if_the_page_is_hidden(inbox):
    inbox.page.context.grant_permissions(["notifications"])
    inbox.page.add_init_script(RECORD_NOTIFICATIONS)
    inbox.page.add_init_script("""localStorage.setItem("smtptest.settings", '{"notifications": true}')""")
    inbox.open()
    inbox.add("Your code", to="bob@example.com")
    inbox.expect_subjects("Your code")
    assert inbox.page.evaluate("notified") == [["Your code", "app@example.com to bob@example.com"]]
