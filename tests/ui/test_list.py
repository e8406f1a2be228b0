"""The list of mails: what a row shows, windowing, order, groups, and what it shows without mails."""

import re

import pytest
from playwright.sync_api import expect


def test_row_shows_what_lists_know(inbox):
    inbox.add("Your invoice", to="bob@example.com ann@example.com", text="Please pay", headers="X-Tags: billing\r\n")
    inbox.open()
    row = inbox.row("Your invoice")
    expect(row.locator(".recipient")).to_contain_text("bob@example.com")
    expect(row.locator(".recipient .more")).to_have_text("+1")
    expect(row.locator(".sender")).to_contain_text("The App")
    expect(row.locator(".excerpt")).to_have_text("Please pay")
    expect(row.locator(".tags")).to_have_text("billing")
    expect(row.locator(".size")).to_have_text(re.compile(r"\d+ B"))
    expect(row.locator("time")).to_have_attribute("title", re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"))
    expect(row).to_contain_text("Unread.")
    expect(inbox.status).to_have_text("1 mail, 1 unread")


def test_attachment_has_a_mark_with_a_text(inbox):
    boundary = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\nX-Rest: '
    part = "\r\n\r\n--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nx\r\n--b--"
    inbox.add("With a file", headers=boundary + "x" + part + "\r\nX: ")
    inbox.open()
    expect(inbox.row("With a file").locator(".marks")).to_contain_text("1 attachment")


def test_document_has_only_visible_rows(inbox):
    inbox.add_all([(f"Mail {number}", "ann@example.com") for number in range(5000)])
    inbox.open()
    expect(inbox.grid).to_have_attribute("aria-rowcount", "5000")
    assert inbox.rows.count() < 60
    inbox.press("j", "End")
    expect(inbox.focused).to_have_attribute("aria-rowindex", "5000")
    expect(inbox.row("Mail 0")).to_be_visible()
    assert inbox.rows.count() < 60
    indices = inbox.rows.evaluate_all("rows => rows.map((row) => Number(row.getAttribute('aria-rowindex')))")
    assert indices == sorted(indices)


def test_scroll_loads_rows_in_the_middle(inbox):
    inbox.add_all([(f"Mail {number}", "ann@example.com") for number in range(3000)])
    inbox.open()
    inbox.grid.evaluate("grid => { grid.scrollTop = grid.scrollHeight / 2; }")
    expect(inbox.row("Mail 1499")).to_be_visible()
    inbox.press("j")  # the row with the focus is kept, far away
    expect(inbox.focused.locator(".subject a")).to_have_text("Mail 2999")


@pytest.mark.parametrize(
    ("order", "subjects"),
    [
        ("Oldest first", ["bb", "aa", "cc"]),
        ("Largest first", ["aa", "cc", "bb"]),
        ("Subject A–Z", ["aa", "bb", "cc"]),
        ("Recipient Z–A", ["cc", "aa", "bb"]),
    ],
)
def test_order_of_the_list(inbox, order, subjects):
    inbox.add("bb", to="ann@example.com")
    inbox.add("aa", to="bob@example.com", text="x" * 500)
    inbox.add("cc", to="carol@example.com", text="x" * 50)
    inbox.open()
    inbox.page.get_by_label("Order").select_option(order)
    inbox.expect_subjects(*subjects)
    inbox.page.reload()  # it is kept
    inbox.expect_subjects(*subjects)


def test_groups_open_to_their_mails(inbox):
    inbox.add("One", to="ann@example.com")
    inbox.add("Two", to="bob@example.com")
    inbox.add("Three", to="ann@example.com bob@example.com")
    inbox.open()
    inbox.page.get_by_label("Groups").select_option("By recipient")
    heads = inbox.rows.filter(has=inbox.page.locator(".group"))
    expect(heads).to_have_count(2)
    ann = heads.filter(has_text="ann@example.com")
    expect(ann).to_contain_text("2 mails")
    expect(ann).to_have_attribute("aria-expanded", "false")
    ann.click()
    expect(ann).to_have_attribute("aria-expanded", "true")
    inbox.expect_subjects("Three", "One")
    expect(ann).to_be_focused()
    inbox.press("ArrowLeft")
    inbox.expect_subjects()
    inbox.press("ArrowRight")
    inbox.expect_subjects("Three", "One")
    expect(inbox.rows).to_have_count(4)
    inbox.press("ArrowDown")
    expect(inbox.focused.locator(".subject a")).to_have_text("Three")
    expect(inbox.focused).to_have_attribute("aria-level", "2")


def test_groups_by_tag(inbox):
    inbox.add("One", headers="X-Tags: billing\r\n")
    inbox.add("Two", headers="X-Tags: billing, staging\r\n")
    inbox.open()
    inbox.page.get_by_label("Groups").select_option("By tag")
    expect(inbox.grid).to_have_attribute("role", "treegrid")
    heads = inbox.rows.filter(has=inbox.page.locator(".group"))
    expect(heads).to_have_count(2)
    expect(heads.filter(has_text="billing")).to_contain_text("2 mails")
    expect(heads.filter(has_text="staging")).to_contain_text("1 mail")


def test_grouping_without_groups_says_so(inbox):
    inbox.add("One")
    inbox.open()
    inbox.page.get_by_label("Groups").select_option("By tag")
    expect(inbox.page.get_by_role("heading", name="No mail is in a group")).to_be_visible()
    inbox.click("Do not group")
    inbox.expect_subjects("One")


def test_j_and_k_pass_a_mail_that_is_in_several_groups(inbox):
    one = inbox.add("One", to="ann@example.com bob@example.com")
    two = inbox.add("Two", to="ann@example.com")
    three = inbox.add("Three", to="bob@example.com")
    inbox.open()
    inbox.page.get_by_label("Groups").select_option("By recipient")
    for address in ("ann@example.com", "bob@example.com"):
        inbox.rows.filter(has=inbox.page.locator(".group", has_text=address)).click()
    inbox.expect_subjects("Three", "One", "Two", "One")
    inbox.row("Three").click()
    for mail, key in ((three, "j"), (one, "j"), (two, "j"), (one, "k"), (two, "k"), (one, "k"), (three, "k")):
        expect(inbox.page).to_have_url(f"{inbox.url}/mail/{mail}")
        inbox.press(key)


def test_reading_a_mail_changes_the_count_of_its_closed_group(inbox):
    mail = inbox.add("One")
    inbox.open()
    inbox.page.get_by_label("Groups").select_option("By recipient")
    expect(inbox.rows.locator(".group")).to_contain_text("1 unread")
    inbox.store.set_read((), read=True, ids=[mail])
    expect(inbox.rows.locator(".group")).not_to_contain_text("unread")


def test_empty_inbox_says_how_to_send_the_first_mail(inbox):
    inbox.open()
    expect(inbox.page.get_by_role("heading", name="Waiting for the first mail")).to_be_visible()
    port = inbox.server.address[1]
    for name in ("Shell", "swaks", "smtplib", "Django", "Flask-Mail", "Nodemailer"):
        inbox.click(name)
        expect(inbox.page.locator("empty-state pre")).to_contain_text(str(port))
    inbox.click("smtplib")
    exec(inbox.page.locator("empty-state pre").inner_text(), {})
    inbox.expect_subjects("Hello")


def test_snippet_can_be_copied(inbox):
    inbox.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    inbox.open()
    inbox.click("Copy")
    expect(inbox.toasts).to_contain_text("smtplib copied")
    assert "import smtplib" in inbox.page.evaluate("navigator.clipboard.readText()")


def test_list_fits_a_narrow_window(inbox):
    inbox.add(
        "A subject that is a little longer than the window " * 3, to="a-very-long-name-of-a-recipient@example.com"
    )
    inbox.page.set_viewport_size({"width": 320, "height": 600})
    inbox.open()
    assert inbox.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert inbox.grid.evaluate("grid => grid.scrollWidth <= grid.clientWidth")
