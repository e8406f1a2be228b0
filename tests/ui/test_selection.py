"""Select several mails, and what can be done with them; deletion with undo."""

import io
import re
import zipfile

import pytest
from playwright.sync_api import expect

from lazr.smtptest import MailServer
from lazr.smtptest.web.outbound import Relay
from tests.ui.pages.inbox_page import InboxPage


@pytest.fixture
def five(inbox):
    inbox.ids = inbox.add_all([(f"Mail {number}", "ann@example.com") for number in range(5)])
    return inbox.open()


ALL = ["Mail 4", "Mail 3", "Mail 2", "Mail 1", "Mail 0"]


def subjects(locator):
    return locator.locator(".subject a")


def test_click_control_and_shift_select(five):
    five.select("Mail 4")
    five.row("Mail 2").click(modifiers=["Shift"])
    expect(subjects(five.selected)).to_have_text(["Mail 4", "Mail 3", "Mail 2"])
    five.row("Mail 3").click(modifiers=["Control"])
    five.row("Mail 0").click(modifiers=["Control"])
    expect(subjects(five.selected)).to_have_text(["Mail 4", "Mail 2", "Mail 0"])
    expect(five.status).to_have_text("3 selected")
    expect(five.page).to_have_url(f"{five.url}/")
    five.press("Escape")
    expect(five.selected).to_have_count(0)


def test_select_all_selects_rows_that_are_not_loaded(inbox):
    inbox.add_all([(f"Mail {number}", "ann@example.com") for number in range(400)])
    inbox.open()
    inbox.page.get_by_role("checkbox", name="Select all mails").click()
    expect(inbox.status).to_have_text("400 selected")
    inbox.page.get_by_role("checkbox", name="Select all mails").click()
    expect(inbox.status).to_have_text("400 mails, 400 unread")


def test_selected_mails_are_marked(five):
    five.select("Mail 4")
    five.select("Mail 1")
    five.click("Mark as read")
    expect(five.row("Mail 1")).not_to_contain_text("Unread.")
    assert [entry.read for entry in five.store.get_page().entries] == [True, False, False, True, False]
    five.click("Mark as unread")
    expect(five.row("Mail 1")).to_contain_text("Unread.")


def test_all_mails_of_a_search_are_marked(five):
    five.add("Other")
    five.open("/search?q=subject%3Amail")
    five.click("Mark all as read")
    expect(five.status).to_have_text("5 mails found")
    assert five.store.get_totals().unread == 1


def test_tags_are_added_and_removed(five):
    five.store.set_tags([five.ids[4]], ["old"])
    five.open()
    five.select("Mail 4")
    five.select("Mail 3")
    five.press("t")
    dialog = five.page.get_by_role("dialog")
    expect(dialog.locator(".chip")).to_contain_text(["old (1 of 2)"])
    dialog.get_by_label("Tag", exact=True).fill("new, two words")
    five.press("Enter")
    five.click("Remove old")
    five.click("Save tags")
    expect(five.row("Mail 4").locator(".chip")).to_have_text(["new", "two words"])
    expect(five.row("Mail 3").locator(".chip")).to_have_text(["new", "two words"])
    expect(five.row("Mail 2").locator(".chip")).to_have_count(0)


def test_tags_of_many_mails_are_kept(inbox):
    inbox.store.set_tags(inbox.add_all([(f"Mail {number}", "ann@example.com") for number in range(120)]), ["old"])
    inbox.open()
    inbox.press("j", "Control+a")
    expect(inbox.status).to_have_text("120 selected")
    inbox.press("t")
    dialog = inbox.page.get_by_role("dialog")
    expect(dialog.locator(".chip")).to_have_text(["old"])
    dialog.get_by_label("Tag", exact=True).fill("new")
    inbox.click("Save tags")
    expect(inbox.row("Mail 119").locator(".chip")).to_have_text(["new", "old"])
    inbox.grid.evaluate("grid => { grid.scrollTop = grid.scrollHeight; }")
    expect(inbox.row("Mail 0").locator(".chip")).to_have_text(["new", "old"])


def test_all_mails_of_closed_groups_are_selected(inbox):
    inbox.add_all([("One", "ann@example.com"), ("Two", "bob@example.com")])
    inbox.open()
    inbox.page.get_by_label("Groups").select_option("By recipient")
    expect(inbox.rows.locator(".group")).to_have_count(2)
    inbox.page.get_by_role("checkbox", name="Select all mails").click()
    expect(inbox.status).to_have_text("2 selected")


def test_selection_forgets_mails_that_are_gone(five):
    five.press("j", "Control+a")
    expect(five.status).to_have_text("5 selected")
    five.store.delete()
    expect(five.page.get_by_role("heading", name="The inbox is empty")).to_be_visible()
    five.add("New")
    expect(five.status).to_have_text("1 mail, 1 unread")


def test_row_has_the_focus_after_a_click_on_its_checkbox(five):
    five.select("Mail 3")
    five.press("ArrowDown")
    expect(subjects(five.focused)).to_have_text("Mail 2")


def test_deletion_can_be_undone(five):
    five.select("Mail 3")
    five.select("Mail 1")
    five.click("Delete")
    five.expect_subjects("Mail 4", "Mail 2", "Mail 0")
    expect(five.toasts).to_contain_text("2 mails deleted")
    five.click("Undo")
    five.expect_subjects(*ALL)
    expect(five.status).to_have_text("5 mails, 5 unread")


def test_undo_can_be_tried_again_if_the_server_does_not_answer(five):
    five.tab.expect("ERR_FAILED")
    five.press("j", "#")
    expect(five.toasts).to_contain_text("1 mail deleted")
    five.page.route("**/api/v1/undo/*", lambda route: route.abort(), times=1)
    five.press("z")
    expect(five.toasts).to_contain_text("does not answer")
    five.press("z")
    five.expect_subjects(*ALL)


def test_no_mails_are_not_all_mails(five):
    for call in ("markRead([], true)", "removeMails([])", "editTags([])", "downloadMails([])"):
        five.page.evaluate(f"import('/ui/mail_actions.js').then((actions) => actions.{call})")
    five.add("Next")
    five.expect_subjects("Next", *ALL)
    assert five.store.get_totals().unread == 6


def test_all_mails_are_deleted_and_brought_back(five):
    five.click("Delete all")
    expect(five.page.get_by_role("heading", name="The inbox is empty")).to_be_visible()
    five.press("z")
    five.expect_subjects(*ALL)


def test_mails_of_a_search_are_deleted_and_brought_back(five):
    five.add("Other")
    five.open("/search?q=subject%3Amail")
    five.click("Delete all")
    expect(five.page.get_by_role("heading", name="No mail matches this search")).to_be_visible()
    five.press("z")
    five.expect_subjects(*ALL)


def test_download_of_several_mails_is_a_zip_of_exact_bytes(five):
    five.select("Mail 4")
    five.select("Mail 0")
    with five.page.expect_download() as download:
        five.click("Download")
    assert download.value.suggested_filename == "mails.zip"
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        assert archive.testzip() is None
        contents = {name: archive.read(name) for name in archive.namelist()}
    ids = [five.ids[4], five.ids[0]]
    assert contents == {f"{mail}.eml": five.store.get_mail(mail).content for mail in ids}


def test_download_of_one_mail_is_the_mail(five):
    five.select("Mail 2")
    with five.page.expect_download() as download:
        five.click("Download")
    assert re.search(r"\.eml$", download.value.suggested_filename)
    assert download.value.path().read_bytes() == five.store.get_mail(five.ids[2]).content


def test_release_needs_a_relay(five):
    five.select("Mail 2")
    expect(five.page.get_by_role("button", name="Release …")).to_be_hidden()


def test_release_sends_each_mail_to_its_own_recipients(serve_inbox, open_tab):
    with MailServer() as target:
        server = serve_inbox(relay=Relay(*target.address, allow=["*@example.com"]))
        inbox = InboxPage(open_tab(server), server)
        inbox.add("One", to="ann@example.com bob@example.com")
        inbox.add("Two", to="carol@example.com")
        inbox.open()
        inbox.select("One")
        inbox.select("Two")
        inbox.click("Release …")
        field = inbox.page.get_by_label("Recipients, one in each line")
        assert set(field.input_value().split()) == {"ann@example.com", "bob@example.com", "carol@example.com"}
        field.fill(" ")
        inbox.click("Release")
        expect(field).to_be_visible()
        assert field.evaluate("field => field.validationMessage") == "Name at least one recipient."
        field.fill("ann@example.com\ncarol@example.com")
        inbox.click("Release")
        expect(inbox.toasts).to_contain_text("2 mails released to 2 recipients")
        one, two = target.inbox.one(subject="One"), target.inbox.one(subject="Two")
    assert (one.envelope.rcpt_tos, two.envelope.rcpt_tos) == (("ann@example.com",), ("carol@example.com",))


def test_two_mails_can_be_compared(five):
    five.select("Mail 4")
    expect(five.page.get_by_role("button", name="Compare the two mails")).to_be_hidden()
    five.select("Mail 2")
    five.click("Compare the two mails")
    expect(five.page).to_have_url(f"{five.url}/diff/{five.ids[2]}/{five.ids[4]}")
