"""The head of a mail, its tabs, and its links."""

import pytest

from lazr.smtptest.web import Mailbox
from tests.ui.example_mails import BROKEN, RECIPIENTS, build_rich_mail
from tests.ui.pages import LoginPage, MailPage

TABS = ("Preview", "Text", "HTML source", "Headers", "Source", "Wire", "Envelope", "Checks", "Attachments")


@pytest.fixture
def mail_page(open_tab, inbox_server):
    return MailPage(open_tab(inbox_server, permissions=["clipboard-read", "clipboard-write"]), inbox_server)


def test_head_shows_header_and_envelope(inbox_server, mail_page):
    mail_id = inbox_server.send_mail(build_rich_mail(), to=RECIPIENTS)
    mail_page.open_mail(mail_id)

    assert mail_page.subject.inner_text() == "Your sign-in code — Grüße"
    fields = mail_page.read_fields()
    assert fields["From"] == ["Example Shop <shop@example.com>"]
    assert fields["To"] == ["Ann Lee <ann@example.com>"]
    assert fields["Cc"] == ["Team <team@example.com>"]
    assert fields["Bcc"] == ["archive@example.comblind copy"]
    assert "Delivered to" not in fields
    assert mail_page.page.title().endswith("Your sign-in code — Grüße · smtptest")


def test_head_shows_envelope_that_differs(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.send_mail(BROKEN, to=["ann@example.com", "blind@example.com"]))

    fields = mail_page.read_fields()
    assert fields["To"] == ["Ann <ann@example.com>", "gone@example.com"]
    assert fields["Delivered to"] == ["ann@example.com", "blind@example.comblind copy"]


def test_codes_and_links_can_be_copied(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail(), to=RECIPIENTS))
    mail_page.button("Copy code 482913").click()
    assert mail_page.read_clipboard() == "482913"
    mail_page.page.get_by_text("Code copied").wait_for()

    chips = mail_page.view.get_by_role("group", name="Codes and links")
    link = chips.get_by_role("link")
    assert link.get_attribute("href") == "https://shop.example/signin?t=1"
    assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener noreferrer")
    chips.get_by_role("button", name="Copy link").click()
    mail_page.page.get_by_text("Link copied").wait_for()
    assert mail_page.read_clipboard() == "https://shop.example/signin?t=1"


def test_link_with_a_script_is_no_link(inbox_server, mail_page):
    html = '<a href="javascript:alert(1)">Sign in</a><a href="data:text/html,x">Data</a>'
    mail_id = inbox_server.add_mail(f"Subject: x\r\nContent-Type: text/html\r\n\r\n{html}\r\n")
    mail_page.open_mail(mail_id)

    assert mail_page.view.locator(".chip a").count() == 0


def test_tags_and_addresses_lead_to_searches(inbox_server, mail_page):
    mail_id = inbox_server.add_mail(build_rich_mail(), to=RECIPIENTS)
    inbox_server.add_mail(Subject="Other", To="bob@example.com")
    for name, query in (("signup", "tag"), ("Ann Lee <ann@example.com>", "to")):
        mail_page.open_mail(mail_id)
        mail_page.view.get_by_role("link", name=name).click()
        mail_page.tab.settle()

        assert mail_page.path.startswith(f"/search?q={query}%3A")
        assert mail_page.main.get_by_text("Other").count() == 0
        assert mail_page.main.get_by_text("Your sign-in code — Grüße").count() == 1


def test_keys_select_tabs_with_deep_links(inbox_server, mail_page):
    mail_id = inbox_server.send_mail(build_rich_mail(), to=RECIPIENTS)
    mail_page.open_mail(mail_id, query="subject:code")
    for number, name in enumerate(TABS, start=1):
        mail_page.press(f"{number}")
        tab = {"HTML source": "html"}.get(name, name.lower())

        assert mail_page.selected_tab == name
        assert mail_page.path == f"/mail/{mail_id}/{tab}?q=subject%3Acode"
    mail_page.page.go_back()
    mail_page.page.wait_for_url("**/checks?*")
    mail_page.tab.settle()
    assert mail_page.selected_tab == "Checks"
    mail_page.page.reload()
    mail_page.subject.wait_for()
    assert mail_page.selected_tab == "Checks"


def test_arrow_keys_move_between_tabs(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail()), "text")
    mail_page.view.get_by_role("tab", name="Text").focus()
    cases = (("ArrowRight", "HTML source"), ("ArrowLeft", "Text"), ("End", "Attachments"), ("Home", "Preview"))
    for key, name in cases:
        mail_page.press(key)

        assert mail_page.selected_tab == name
        assert mail_page.page.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"


def test_default_tab_is_a_setting(inbox_server, mail_page):
    mail_id = inbox_server.add_mail(build_rich_mail())
    mail_page.tab.context.add_init_script("localStorage.setItem('smtptest.settings', JSON.stringify({tab: 'headers'}))")
    mail_page.open_mail(mail_id)

    assert mail_page.selected_tab == "Headers"


def test_read_state_can_be_changed(inbox_server, mail_page):
    mail_id = inbox_server.add_mail(build_rich_mail())
    mail_page.open_mail(mail_id)
    mail_page.button("Mark as unread").click()
    mail_page.button("Mark as read").wait_for()
    assert inbox_server.store.get_entry(mail_id).read is False

    mail_page.button("Mark as read").click()
    mail_page.button("Mark as unread").wait_for()
    mail_page.tab.settle()
    assert inbox_server.store.get_entry(mail_id).read is True


def test_neighbors_are_opened_in_the_order_of_the_list(inbox_server, mail_page):
    ids = [inbox_server.add_mail(Subject=f"Mail {number}") for number in range(3)]
    mail_page.open_mail(ids[1], "text")
    mail_page.button("Next mail").click()
    mail_page.page.wait_for_url(f"**/mail/{ids[0]}/text")
    mail_page.view.get_by_role("heading", name="Mail 0").wait_for()
    mail_page.button("Previous mail").click()
    mail_page.view.get_by_role("heading", name="Mail 1").wait_for()


def test_unknown_and_deleted_mails_are_said(inbox_server, mail_page):
    mail_page.tab.expect("404")
    mail_page.open("/mail/unknown")
    mail_page.view.get_by_role("heading", name="There is no such mail").wait_for()

    mail_id = inbox_server.add_mail(build_rich_mail())
    mail_page.open_mail(mail_id)
    with inbox_server.connect() as http:
        http.request("DELETE", "/api/v1/messages", json={"IDs": [mail_id]}).raise_for_status()
    mail_page.view.get_by_role("heading", name="There is no such mail").wait_for()


def test_latest_is_replaced_by_its_id(inbox_server, mail_page):
    inbox_server.add_mail(Subject="Old")
    mail_id = inbox_server.add_mail(build_rich_mail())
    mail_page.open("/mail/latest/text")
    mail_page.subject.wait_for()

    assert mail_page.path == f"/mail/{mail_id}/text"


def test_rule_link_has_the_recipient(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail(), to=["ann+tag@example.com"]))

    link = mail_page.view.get_by_role("link", name="Make a rule")
    assert link.get_attribute("href") == "/rules?recipient=ann%2Btag%40example.com"


def test_tags_of_other_windows_are_shown(inbox_server, mail_page):
    mail_id = inbox_server.add_mail(build_rich_mail())
    mail_page.open_mail(mail_id)
    with inbox_server.connect() as http:
        http.put("/api/v1/tags", json={"IDs": [mail_id], "Tags": ["new tag"]}).raise_for_status()

    mail_page.view.get_by_role("link", name="new tag").wait_for()


def test_text_has_links_that_open_a_window(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail()), "text")

    assert "Your code is 482 913." in mail_page.panel.locator("pre").inner_text()
    link = mail_page.panel.get_by_role("link")
    assert link.get_attribute("href") == "https://shop.example/signin?t=1"
    assert link.get_attribute("rel") == "noopener noreferrer"
    mail_page.button("Copy").click()
    mail_page.page.get_by_text("Text copied").wait_for()
    assert mail_page.read_clipboard().startswith("Hi Ann,")


def test_narrow_window_shows_the_mail_alone(open_tab, inbox_server):
    mail_id = inbox_server.add_mail(build_rich_mail())
    page = MailPage(open_tab(inbox_server, viewport={"width": 500, "height": 800}), inbox_server)
    page.open_mail(mail_id)
    assert page.page.evaluate("document.documentElement.scrollWidth") == 500
    page.view.get_by_role("link", name="Back to the list").click()
    page.tab.settle()

    assert page.path == "/"


def test_missed_events_leave_an_unread_mail_unread(inbox_server, mail_page):
    mail_id = inbox_server.add_mail(build_rich_mail())
    mail_page.open_mail(mail_id)
    mail_page.button("Mark as unread").click()
    mail_page.button("Mark as read").wait_for()
    with inbox_server.connect() as http:  # gives an event without the IDs of mails
        http.put("/api/v1/tags/signup", json={"Name": "renamed"}).raise_for_status()
    mail_page.tab.settle()
    mail_page.select_tab("Checks")

    assert mail_page.panel.get_by_role("region", name="Review").is_visible()
    assert inbox_server.store.get_entry(mail_id).read is False


def test_undone_deletion_brings_the_mail_back(inbox_server, mail_page):
    mail_id = inbox_server.add_mail(build_rich_mail())
    mail_page.open_mail(mail_id, "text")
    mail_page.tab.expect("404")
    with inbox_server.connect() as http:
        deletion = http.request("DELETE", "/api/v1/messages?delay=60", json={"IDs": [mail_id]}).json()
        mail_page.view.get_by_role("heading", name="There is no such mail").wait_for()
        http.post(f"/api/v1/undo/{deletion['Undo']}").raise_for_status()
    mail_page.view.get_by_role("heading", name="Your sign-in code").wait_for()

    assert mail_page.selected_tab == "Text"


def test_mailbox_has_neither_wire_nor_rules(serve_inbox, open_tab):
    server = serve_inbox(mailboxes=[Mailbox.of_user("job 7", "token-of-mailbox-7", "ci-7")])
    page = MailPage(open_tab(server), server)
    LoginPage(page.tab, server).open().log_in_with_token("token-of-mailbox-7")
    page.page.locator("app-shell main").wait_for()
    page.open_mail(server.add_mail(build_rich_mail(), user="ci-7"))

    assert page.view.get_by_role("tab", name="Wire").count() == 0
    assert page.view.get_by_role("tab").count() == 8
    assert page.view.get_by_role("link", name="Make a rule").count() == 0
    page.press("6")
    assert page.selected_tab == "Preview"


def test_failed_check_keeps_the_mail(inbox_server, mail_page):
    mail_id = inbox_server.add_mail(build_rich_mail())
    mail_page.open_mail(mail_id)
    mail_page.tab.expect("503")
    mail_page.page.route(f"**/api/v1/message/{mail_id}", lambda route: route.fulfill(status=503, body="busy"))
    is_busy = mail_page.page.expect_response(lambda response: response.status == 503)
    with is_busy, inbox_server.connect() as http:  # gives an event without the IDs of mails
        http.put("/api/v1/tags/signup", json={"Name": "renamed"}).raise_for_status()
    mail_page.tab.settle()
    assert mail_page.subject.inner_text() == "Your sign-in code — Grüße"


def test_escape_closes_the_help_of_the_search_and_not_the_mail(inbox_server, mail_page):
    mail_id = inbox_server.add_mail(build_rich_mail())
    mail_page.open_mail(mail_id)
    mail_page.page.get_by_role("button", name="Help about searching").click()
    mail_page.press("Escape")
    assert mail_page.page.locator(":popover-open").count() == 0
    assert mail_page.path == f"/mail/{mail_id}"


def test_letters_by_altgr_are_keys(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail()))
    mail_page.page.evaluate(
        """document.body.dispatchEvent(new KeyboardEvent("keydown",
            {key: "c", ctrlKey: true, altKey: true, modifierAltGraph: true, bubbles: true}))"""
    )
    mail_page.page.get_by_role("dialog", name="Copy as …").wait_for()


def test_view_that_could_not_be_loaded_is_loaded_with_the_next_mail(inbox_server, mail_page):
    mail_page.tab.expect("ERR_FAILED|dynamically imported module")
    inbox_server.add_mail(Subject="Read me")
    module = "**/ui/message_view.js"
    mail_page.page.route(module, lambda route: route.abort())
    with mail_page.page.expect_event("requestfailed"):
        mail_page.open()
    mail_page.tab.settle()
    assert mail_page.page.locator(".toast").count() == 0
    mail_page.page.get_by_role("link", name="Read me").click()
    mail_page.subject.wait_for()


def test_head_shows_date_field_and_time_of_receipt(inbox_server, mail_page):
    written = inbox_server.add_mail("Date: Mon, 02 Nov 2020 10:00:00 +0000\r\nSubject: x\r\n\r\n")
    missing = inbox_server.add_mail(Subject="No date")
    for mail_id, date in ((written, "2020-11-02 10:00:00"), (missing, "none")):
        mail_page.open_mail(mail_id)
        fields = mail_page.read_fields()
        assert fields["Date"] == [date]
        assert fields["Received"][0].startswith("20")
        titles = mail_page.view.locator(".mail-fields time").evaluate_all("all => all.map((time) => time.title)")
        assert titles[-1] == "now"
        assert not any(title.endswith("now ago") or (title.startswith("2020") and " " in title) for title in titles)


def test_selected_tab_has_the_width_of_the_others(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.send_mail(build_rich_mail(), to=RECIPIENTS))
    widths = "all => all.map((tab) => tab.getBoundingClientRect().width)"
    tabs = mail_page.view.get_by_role("tab")
    before = tabs.evaluate_all(widths)
    mail_page.select_tab("Envelope")
    assert tabs.evaluate_all(widths) == before
    sizes = tabs.last.evaluate("tab => [tab.parentElement.scrollWidth, tab.parentElement.clientWidth]")
    assert sizes[0] <= sizes[1]


def test_tag_with_a_quote_is_text(inbox_server, mail_page):
    mail_id = inbox_server.add_mail(Subject="x")
    inbox_server.store.set_tags([mail_id], ['a"b', "plain"])
    mail_page.open_mail(mail_id)
    tags = mail_page.view.locator(".mail-title .tag")
    names = tags.evaluate_all("all => all.map((tag) => [tag.tagName, tag.textContent])")
    assert sorted(names) == [["A", "plain"], ["SPAN", 'a"b']]
