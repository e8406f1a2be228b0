"""The source and the HTML source of a mail: every octet, and any size."""

import pytest

from tests.ui.example_mails import BROKEN, build_rich_mail
from tests.ui.pages import MailPage


@pytest.fixture
def mail_page(open_tab, inbox_server):
    return MailPage(open_tab(inbox_server, permissions=["clipboard-read", "clipboard-write"]), inbox_server)


def test_every_octet_is_visible(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(BROKEN), "source")
    texts = {number: mail_page.line(number).inner_text().replace("\n", "") for number in range(1, 13)}

    assert texts[1] == "From: a@b.exampleCR LF"
    assert texts[3].startswith("Subject: odd bytes \\xe4CR LF")
    assert texts[5] == "CR LF"
    assert texts[6].startswith("bare LFLF")
    assert texts[7].startswith("bare CRCRhereCR LF")
    assert texts[8].replace(" ", "").startswith("NULNULNULandESC[31mCRLF")
    assert texts[9].startswith("tab→hereCR LF")
    assert texts[10].startswith("utf-8 ä and invalid \\xffCR LF")
    assert texts[11].startswith("hidden [U+202E] turnCR LF")
    assert mail_page.panel.get_by_text("90 > 78").count() == 1
    octet = mail_page.line(10).locator(".octet.high")
    assert octet.get_attribute("title") == "C3 A4"


def test_lines_that_are_too_long_are_marked(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(BROKEN), "source")
    mail_page.button("Wrap lines").click()
    mail_page.tab.settle()
    long_line = mail_page.panel.get_by_text("1200 > 998")
    assert long_line.get_attribute("title") == "This line has 1200 octets; RFC 5322 allows at most 998."
    assert mail_page.panel.get_by_title("no line end").count() == 1


def test_source_is_copied_as_python_bytes(inbox_server, mail_page):
    for content in (BROKEN, build_rich_mail(), bytes(range(256)), b'Subject: "quoted" \\ \'\r\n\r\n'):
        mail_page.open_mail(inbox_server.add_mail(content), "source")

        assert mail_page.copy_octets() == content


def test_part_is_marked_and_copied(inbox_server, mail_page):
    content = build_rich_mail()
    mail_page.open_mail(inbox_server.add_mail(content), "source")
    part = mail_page.panel.get_by_role("button", name="text/plain")
    part.click()
    mail_page.tab.settle()

    copied = mail_page.copy_octets()
    assert copied in content
    assert copied.startswith(b"Content-Type: text/plain")
    assert b"Your code is 482 913." in copied and b"text/html" not in copied
    marked = mail_page.panel.locator(".line.part-body").first
    assert "Hi Ann," in marked.inner_text()
    assert part.get_attribute("aria-pressed") == "true"
    part.click()
    assert mail_page.copy_octets() == content
    assert mail_page.panel.locator(".line.part-body").count() == 0


def test_tree_warns_of_another_type(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail()), "source")
    warnings = mail_page.panel.get_by_role("region", name="MIME parts").locator(".warning")
    warnings.first.wait_for()

    assert warnings.all_inner_texts() == ["looks like image/png"]


def test_defects_are_pinned_to_their_lines(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(BROKEN), "source")
    with inbox_server.connect() as http:
        defects = http.get("/api/v1/message/latest/defects").json()
    region = mail_page.panel.get_by_role("region", name="Defects")
    region.get_by_role("heading", name=f"Defects ({len(defects)})").wait_for()
    pinned = [defect for defect in defects if defect["Line"] is not None]
    assert pinned
    mail_page.button("Wrap lines").click()
    mail_page.tab.settle()
    for defect in pinned:
        rows = mail_page.panel.locator(f'line-view .line[data-line="{defect["Line"]}"]')
        assert defect["Reason"] in rows.locator(".pin").all_inner_texts()
    assert region.get_by_role("button").count() == len(pinned)


def test_link_marks_a_line(inbox_server, mail_page):
    mail_id = inbox_server.add_mail(b"Subject: x\r\n\r\n" + b"".join(b"line %d\r\n" % line for line in range(5000)))
    mail_page.open_mail(mail_id, "source#L4003")

    assert mail_page.panel.locator(".line.marked code").inner_text() == "line 4000"


def test_text_is_found(inbox_server, mail_page):
    body = b"".join(b"line %d\r\n" % line for line in range(5000)) + "Grüße NEEDLE\r\n".encode()
    mail_page.open_mail(inbox_server.add_mail(b"Subject: x\r\n\r\n" + body), "source")
    field = mail_page.panel.get_by_label("Find in the source")
    field.fill("GRÜßE needle")
    mail_page.tab.settle()
    assert mail_page.panel.get_by_text("Not found").count() == 1  # only the case of ASCII letters is ignored
    field.fill("needle")
    mail_page.tab.settle()
    assert mail_page.panel.locator("mark.found").inner_text() == "NEEDLE"
    field.fill("line 49")
    field.press("Enter")
    mail_page.tab.settle()
    assert "line 490" in mail_page.panel.locator(".line", has=mail_page.page.locator("mark.found")).inner_text()


def test_large_source_has_few_rows_in_the_document(inbox_server, mail_page):
    content = b"Subject: big\r\n\r\n" + b"0123456789\r\n" * 400_000 + b"last line\r\n"
    mail_page.open_mail(inbox_server.add_mail(content), "source")
    view = mail_page.panel.locator("line-view")
    for target, line in ((0, "Subject: big"), (1, "last line"), (0.5, "0123456789")):
        view.evaluate("(view, part) => view.scrollTo(0, part * view.scrollHeight)", target)
        mail_page.panel.locator(".line", has_text=line).first.wait_for()
        mail_page.tab.settle()
        assert mail_page.lines.count() < 150
    middle = int(mail_page.lines.first.get_attribute("data-line"))
    assert 199_000 < middle < 201_000


def test_one_long_line_is_split_into_rows(inbox_server, mail_page):
    html = "<p>" + "x" * 900_000 + "</p>"
    mail_id = inbox_server.add_mail(f"Subject: x\r\nContent-Type: text/html\r\n\r\n{html}")
    for tab in ("source", "html"):
        mail_page.open_mail(mail_id, tab)
        assert 10 < mail_page.lines.count() < 150
        mail_page.button("Wrap lines").click()
        mail_page.tab.settle()
        assert max(map(len, mail_page.lines.all_inner_texts())) < 1100


def test_html_source_has_lines_and_kinds(inbox_server, mail_page):
    html = "<!-- a\nb --><p class=\"x y\" hidden>1 < 2 &amp; <b>3</b></p>\n<img src=a.png alt='>'>\u202e"
    mail_page.open_mail(
        inbox_server.add_mail(f"Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n"), "html"
    )

    assert mail_page.line(2).locator(".comment").inner_text() == "b -->"
    assert mail_page.line(2).locator(".attribute").all_inner_texts() == ["class", "hidden"]
    assert mail_page.line(2).locator(".value").all_inner_texts() == ['"x y"']
    assert mail_page.line(3).locator(".value").all_inner_texts() == ["a.png", "'>'"]
    assert mail_page.line(3).inner_text().endswith("[U+202E]")
    mail_page.button("Copy").click()
    mail_page.page.get_by_text("HTML copied").wait_for()
    assert mail_page.read_clipboard() == html + "\n"


def test_mail_without_html_has_no_html_source(inbox_server, mail_page):
    mail_page.open_mail(inbox_server.add_mail(Subject="x"), "html")

    assert mail_page.panel.inner_text() == "This mail has no HTML."
