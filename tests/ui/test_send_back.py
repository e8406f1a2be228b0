"""Bounces, complaints and replies from the web inbox, and rules that send them."""

import json

import pytest
from playwright.sync_api import expect

from tests.ui.pages import AppPage, MailPage
from tests.ui.pages.rules_page import RulesPage

TEXT = "From: app@shop.example\r\nTo: gone@x.example\r\nSubject: Order\r\n\r\nHello\r\n"


@pytest.fixture
def mail_page(tab, inbox_server):
    return MailPage(tab, inbox_server)


def open_dialog(mail_page, **settings):
    mail_id = mail_page.server.add_mail(TEXT, **{"sender": "app@shop.example", "to": ["gone@x.example"]} | settings)
    mail_page.open_mail(mail_id)
    mail_page.page.get_by_role("button", name="Send something back").click()
    return mail_page.page.get_by_role("dialog")


def test_bounce_is_sent_back(mail_page):
    dialog = open_dialog(mail_page)
    dialog.get_by_label("Status").fill("5.2.2")
    dialog.get_by_label("Text").fill("Quota exceeded")
    dialog.get_by_label("As written by").select_option("postfix")
    dialog.get_by_role("button", name="Send back").click()
    expect(mail_page.page.locator(".toasts")).to_contain_text("Sent back to app@shop.example")

    (record,) = mail_page.server.mail_server.notifications
    assert (record.kind, record.status, record.outcome) == ("bounce", "5.2.2", "delivered")
    assert b"Quota exceeded" in record.content


def test_kinds_have_their_own_fields(mail_page):
    dialog = open_dialog(mail_page)
    dialog.get_by_label("What comes back").select_option("complaint")
    expect(dialog.get_by_label("Status")).to_be_hidden()
    expect(dialog.get_by_label("Text")).to_be_hidden()
    dialog.get_by_label("What comes back").select_option("auto_reply")
    dialog.get_by_role("button", name="Send back").click()
    expect(dialog.get_by_label("Text")).to_be_visible()  # the text is required
    dialog.get_by_label("Text").fill("Thank you")
    dialog.get_by_role("button", name="Send back").click()
    expect(mail_page.page.locator(".toasts")).to_contain_text("Sent back to app@shop.example")

    assert [record.kind for record in mail_page.server.mail_server.notifications] == ["auto_reply"]


def test_bounce_is_about_the_chosen_recipient(mail_page):
    dialog = open_dialog(mail_page, to=["gone@x.example", "ann@x.example"])
    expect(dialog).to_contain_text("<app@shop.example>")
    dialog.get_by_label("About").select_option("ann@x.example")
    dialog.get_by_role("button", name="Send back").click()
    expect(mail_page.page.locator(".toasts")).to_contain_text("Sent back to app@shop.example")

    assert mail_page.server.mail_server.notifications[0].about == ("ann@x.example",)


def test_reason_is_shown_if_nothing_may_be_sent(mail_page):
    open_dialog(mail_page, sender="").get_by_role("button", name="Send back").click()

    expect(mail_page.page.locator(".toasts")).to_contain_text("Not sent: the reverse-path is null (RFC 5321 4.5.5)")


def test_rule_form_has_what_comes_back(tab, inbox_server):
    app_page = AppPage(tab, inbox_server)
    app_page.open("/rules")
    rules = RulesPage(app_page.page)
    rules.new.click()
    rules.field("Trigger").select_option("END_OF_DATA")
    rules.field("Recipient").fill("gone@*")
    rules.field("Action").select_option("then_bounce")
    expect(rules.field("Status")).to_have_attribute("placeholder", "5.1.1")
    rules.field("Comes back after (seconds)").fill("2")
    expected = {"then_bounce": {"status": "5.1.1", "after": 2}}
    assert json.loads(rules.json.input_value())["do"] == [expected]
    rules.field("Action").select_option("then_complaint")
    expect(rules.field("Status")).to_have_count(0)
    assert json.loads(rules.json.input_value())["do"] == [{"then_complaint": {"after": 2}}]
    rules.json.fill(json.dumps({"when": "END_OF_DATA", "do": [{"then_delayed": "4.2.2"}]}))
    expect(rules.field("Status")).to_have_value("4.2.2")
    rules.add.click()
    expect(rules.items).to_contain_text("then_delayed('4.2.2')")
