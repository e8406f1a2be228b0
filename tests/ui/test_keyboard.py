"""The keys of the list."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def many(inbox):
    inbox.ids = inbox.add_all([(f"Mail {number}", "ann@example.com") for number in range(200)])
    return inbox.open()


def expect_focus(inbox, subject):
    expect(inbox.focused.locator(".subject a")).to_have_text(subject)


def test_keys_move_the_focus(many):
    many.press("j")
    expect_focus(many, "Mail 199")
    many.press("j", "ArrowDown", "k")
    expect_focus(many, "Mail 198")
    many.press("End")
    expect_focus(many, "Mail 0")
    many.press("ArrowUp", "Home")
    expect_focus(many, "Mail 199")
    many.press("PageDown")
    assert int(many.focused.get_attribute("aria-rowindex")) > 8
    many.press("PageUp")
    expect_focus(many, "Mail 199")
    assert many.rows.filter(has=many.page.locator("xpath=self::*[@tabindex=0]")).count() == 1


def test_enter_opens_and_u_returns_to_the_row(many):
    many.press("j", "j", "Enter")
    expect(many.page).to_have_url(f"{many.url}/mail/{many.ids[198]}")
    expect(many.row("Mail 198")).to_have_attribute("aria-current", "true")
    many.press("u")
    expect(many.page).to_have_url(f"{many.url}/")
    many.press("j")
    expect_focus(many, "Mail 197")


def test_j_and_k_open_the_neighbors_of_an_open_mail(many):
    many.open(f"/mail/{many.ids[198]}/text")
    many.press("j")
    expect(many.page).to_have_url(f"{many.url}/mail/{many.ids[197]}/text")
    many.press("k")
    expect(many.page).to_have_url(f"{many.url}/mail/{many.ids[198]}/text")


def test_arrows_open_the_neighbors_of_an_open_mail(many):
    many.row("Mail 198").click()
    many.press("ArrowDown")
    expect(many.page).to_have_url(f"{many.url}/mail/{many.ids[197]}")
    expect_focus(many, "Mail 197")
    many.press("k")
    expect(many.page).to_have_url(f"{many.url}/mail/{many.ids[198]}")
    expect_focus(many, "Mail 198")


def test_mail_stays_visible_when_it_is_opened_low_in_the_list(many):
    many.row("Mail 183").click()
    expect(many.row("Mail 183")).to_have_attribute("aria-current", "true")
    expect(many.row("Mail 183")).to_be_in_viewport(ratio=1)


def test_x_space_and_shift_arrow_select(many):
    many.press("j", "x")
    expect(many.selected).to_have_count(1)
    many.press("Shift+ArrowDown", "Shift+ArrowDown")
    expect(many.selected).to_have_count(3)
    many.press("Space")
    expect(many.selected).to_have_count(2)
    many.press("Control+a")
    expect(many.status).to_have_text("200 selected")


def test_r_marks_as_read_and_unread(many):
    many.press("j", "r")
    expect(many.row("Mail 199")).not_to_contain_text("Unread.")
    many.press("r")
    expect(many.row("Mail 199")).to_contain_text("Unread.")


def test_number_sign_deletes_and_z_brings_back(many):
    many.press("j", "j", "#")
    expect(many.row("Mail 198")).to_have_count(0)
    expect_focus(many, "Mail 197")
    many.press("z")
    expect(many.row("Mail 198")).to_be_visible()


def test_deleting_the_open_mail_opens_the_next(many):
    many.open(f"/mail/{many.ids[198]}")
    many.press("#")
    expect(many.page).to_have_url(f"{many.url}/mail/{many.ids[197]}")
    expect(many.row("Mail 198")).to_have_count(0)
    many.press("z")
    expect(many.page).to_have_url(f"{many.url}/mail/{many.ids[198]}")
    expect(many.row("Mail 198")).to_have_attribute("aria-current", "true")
    expect(many.toasts).to_contain_text("The mail is back")


def test_keys_do_nothing_in_text_fields(many):
    many.press("/")
    many.page.keyboard.type("jx#")
    expect(many.search).to_have_value("jx#")
    expect(many.selected).to_have_count(0)
    assert many.store.get_totals().mails == 200


def test_help_shows_the_keys(many):
    many.press("j", "?")
    dialog = many.page.get_by_role("dialog", name="Keyboard")
    for label in ("Next mail", "Select the mail", "Change the tags", "Delete", "Search"):
        expect(dialog.locator("dd").get_by_text(label, exact=True)).to_be_visible()
    expect(dialog.locator("dd").filter(has_text="Clear the selection")).to_contain_text("not now")
    expect(dialog.locator("dd").filter(has_text="Next mail")).not_to_contain_text("not now")
