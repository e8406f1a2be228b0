"""The attachments of a mail."""

import hashlib
import sys
from pathlib import Path

import pytest

from tests.helpers.mime_messages import build_message_with_files
from tests.ui.example_mails import build_picture, build_rich_mail
from tests.ui.pages import MailPage


@pytest.fixture
def mail_page(open_tab, inbox_server):
    return MailPage(open_tab(inbox_server, permissions=["clipboard-read", "clipboard-write"]), inbox_server)


def find_card(mail_page, name):
    return mail_page.panel.locator(".attachment", has=mail_page.page.get_by_text(name, exact=True))


def test_attachments_have_type_size_and_picture(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail()), "attachments")
    names = mail_page.panel.locator(".attachment strong").all_inner_texts()
    assert sorted(names) == ["fake.pdf", "invoice.pdf", "logo.png"]
    assert "application/pdf, 14 B" in find_card(mail_page, "invoice.pdf").inner_text()
    picture = find_card(mail_page, "logo.png").locator("img")
    picture.scroll_into_view_if_needed()
    mail_page.tab.settle()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 180
    assert mail_page.view.get_by_role("tab", selected=True).inner_text() == "Attachments3"


def test_another_type_than_declared_is_a_warning(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail()), "attachments")

    warnings = mail_page.panel.locator(".warning")
    assert warnings.all_inner_texts() == ["The content is image/png, not application/pdf."]


def test_checksums_are_copied(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail()), "attachments")
    card = find_card(mail_page, "logo.png")
    card.get_by_text("Checksums").click()
    for kind in ("SHA256", "SHA1", "MD5"):
        card.get_by_role("button", name=f"Copy {kind} of logo.png").click()
        mail_page.page.get_by_text(f"{kind} copied").wait_for()
        assert mail_page.read_clipboard() == hashlib.new(kind, build_picture()).hexdigest()


def test_attachment_is_downloaded(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail()), "attachments")
    with mail_page.page.expect_download() as download:
        find_card(mail_page, "invoice.pdf").get_by_role("link", name="Download").click()

    assert download.value.suggested_filename == "invoice.pdf"
    assert Path(download.value.path()).read_bytes() == b"%PDF-1.4 hello"


def test_mail_without_attachments_says_so(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(Subject="x"), "attachments")

    assert mail_page.panel.inner_text() == "This mail has no attachments."


def test_tab_names_the_missing_extra_instead_of_thumbnails(inbox_server, mail_page, monkeypatch):
    mail_id = inbox_server.add_mail(build_rich_mail())
    monkeypatch.setitem(sys.modules, "PIL", None)
    mail_page.delay_configuration("structure")
    mail_page.open_mail(mail_id, "attachments")

    note = 'This server makes no thumbnails; to install them: pip install "lazr.smtptest[thumbnails]"'
    assert mail_page.panel.locator(".tab-note").inner_text() == note
    assert mail_page.panel.locator("img").count() == 0
    assert find_card(mail_page, "logo.png").locator(".file-type").inner_text() == "png"


def test_tab_without_pictures_does_not_name_thumbnails(inbox_server, mail_page, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    mail = build_message_with_files(("application/pdf", "a.pdf", b"%PDF"))
    mail_page.open_mail(inbox_server.add_mail(mail), "attachments")

    assert find_card(mail_page, "a.pdf").is_visible()
    assert mail_page.panel.locator(".tab-note").count() == 0
