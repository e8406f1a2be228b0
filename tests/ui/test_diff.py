"""The difference of two mails."""

import difflib
import random

import pytest

from tests.ui.example_mails import build_rich_mail
from tests.ui.pages import DiffPage, MailPage


@pytest.fixture
def diff_page(tab, inbox_server):
    return DiffPage(tab, inbox_server)


def test_lines_and_words_that_changed(inbox_server, diff_page):
    first = inbox_server.add_mail(build_rich_mail(1))
    second = inbox_server.add_mail(build_rich_mail(2, extra="It expires in 10 minutes."))
    diff_page.open(f"/diff/{first}/{second}")
    diff_page.section("HTML source").wait_for()

    assert diff_page.list_changes("Text") == [
        ("removed", "Your code is 482 913. "),
        ("added", "Your code is 482 913. It expires in 10 minutes."),
        ("removed", "The Shop, order 1"),
        ("added", "The Shop, order 2"),
    ]
    assert diff_page.list_words("Text") == ["It expires in 10 minutes.", "1", "2"]
    changes = diff_page.list_changes("Headers")
    assert ("removed", "Message-ID: <1@shop.example>") in changes
    assert ("added", "Message-ID: <2@shop.example>") in changes
    assert "2 lines removed, 2 lines added, 4 unchanged" in diff_page.section("Text").inner_text()
    assert "<b>482 913</b>" in diff_page.section("HTML source").inner_text()


def test_equal_parts_are_said(inbox_server, diff_page):
    ids = [inbox_server.add_mail(f"Subject: {number}\r\n\r\nsame\r\n") for number in range(2)]
    diff_page.open(f"/diff/{ids[0]}/{ids[1]}")
    diff_page.section("Text").wait_for()

    assert "No difference in 1 line" in diff_page.section("Text").inner_text()
    assert "Both mails have none" in diff_page.section("HTML source").inner_text()


def test_unchanged_lines_are_folded(inbox_server, diff_page):
    lines = [f"line {number}" for number in range(100)]
    ids = []
    for middle in ("old", "new"):
        body = "\r\n".join([*lines[:50], middle, *lines[50:]])
        ids.append(inbox_server.add_mail(f"Subject: x\r\n\r\n{body}\r\n"))
    diff_page.open(f"/diff/{ids[0]}/{ids[1]}")
    section = diff_page.section("Text")
    section.get_by_role("button").first.wait_for()
    assert section.locator("tbody tr").count() == 2 + 6 + 2
    section.get_by_role("button", name="Show 47 unchanged lines").first.click()
    assert "line 0" in section.inner_text()


def test_mails_are_swapped_and_left(inbox_server, diff_page):
    first, second = (inbox_server.add_mail(Subject=name) for name in ("first", "second"))
    diff_page.open(f"/diff/{first}/{second}")
    diff_page.section("Headers").wait_for()
    diff_page.page.get_by_role("button", name="Swap").click()
    diff_page.page.wait_for_url(f"**/diff/{second}/{first}")
    diff_page.page.get_by_text("Subject: first").wait_for()
    diff_page.tab.settle()
    assert diff_page.list_changes("Headers") == [("removed", "Subject: second"), ("added", "Subject: first")]
    diff_page.page.keyboard.press("u")
    diff_page.page.wait_for_url(f"**/mail/{first}")


def test_unknown_mail_is_an_error(inbox_server, diff_page):
    diff_page.tab.expect("404")
    diff_page.open(f"/diff/{inbox_server.add_mail()}/unknown")
    diff_page.main.get_by_role("heading", name="The mails cannot be compared").wait_for()


def test_previous_mail_with_the_same_subject_is_offered(inbox_server, open_tab):
    page = MailPage(open_tab(inbox_server), inbox_server)
    subject = 'Your "order" — Grüße'
    older = inbox_server.add_mail(build_rich_mail(1, subject=subject))
    inbox_server.add_mail(build_rich_mail(9, subject=f"{subject} again"))
    newer = inbox_server.add_mail(build_rich_mail(2, subject=subject))
    page.open_mail(newer)
    page.press("d")
    dialog = page.page.get_by_role("dialog", name="Compare with …")
    dialog.get_by_text("Previous with the same subject").wait_for()
    dialog.get_by_label("Search mails").fill("again")
    page.tab.settle()
    dialog.get_by_role("link", name=subject, exact=True).click()
    page.page.wait_for_url(f"**/diff/{older}/{newer}")


def test_difference_is_a_shortest_one(inbox_server, diff_page):
    """Compare with difflib's check: both results rebuild the lists, and ours has at most as many changes."""
    diff_page.open("/about")
    numbers = random.Random(5)
    cases = [[[], []], [["a"], []], [[], ["a"]], [["a"], ["b"]]]
    for size in range(40):
        before = [numbers.choice("abcd") for _ in range(size)]
        after = [numbers.choice("abcd") for _ in range(numbers.randrange(40))]
        cases.append([before, after])
    results = diff_page.page.evaluate(
        """async ([root, cases]) => {
            const { diffItems } = await import(`${root}/ui/line_diff.js`);
            return cases.map(([before, after]) => diffItems(before, after).map(
                (step) => [step.kind, step.kind === "added" ? after[step.new] : before[step.old]]));
        }""",
        ["", cases],
    )
    for (before, after), steps in zip(cases, results, strict=True):
        assert [text for kind, text in steps if kind != "added"] == before
        assert [text for kind, text in steps if kind != "removed"] == after
        changes = sum(kind != "same" for kind, _ in steps)
        theirs = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
        assert changes <= len(theirs)


def test_texts_without_a_common_line_are_bounded(inbox_server, diff_page):
    ids = [
        inbox_server.add_mail("Subject: x\r\n\r\n" + "".join(f"{name} {line}\r\n" for line in range(20_000)))
        for name in ("old", "new")
    ]
    diff_page.open(f"/diff/{ids[0]}/{ids[1]}")
    diff_page.section("Text").get_by_text("20,000 lines removed, 20,000 lines added").wait_for()
    assert diff_page.section("Text").locator("tbody tr").count() < 4000


def test_previous_mail_is_found_among_many_of_one_subject(inbox_server, open_tab):
    ids = [inbox_server.add_mail(Subject="Daily report", X_Number=f"{number}") for number in range(260)]
    page = MailPage(open_tab(inbox_server), inbox_server)
    for mail_id, previous in ((ids[30], ids[29]), (ids[60], ids[59]), (ids[0], None)):
        page.open_mail(mail_id)
        page.press("d")
        dialog = page.page.get_by_role("dialog", name="Compare with …")
        dialog.wait_for()
        offered = dialog.get_by_text("Previous with the same subject")
        assert offered.count() == (previous is not None)
        if previous:
            link = dialog.locator(".compare-list").first.get_by_role("link")
            assert link.get_attribute("href") == f"/diff/{previous}/{mail_id}"


def test_cut_texts_are_said(inbox_server, diff_page):
    text = "x" * 900 + "\r\n"
    ids = [inbox_server.add_mail(f"Subject: {number}\r\n\r\n{text * 1200}") for number in range(2)]
    diff_page.open(f"/diff/{ids[0]}/{ids[1]}")
    note = "Only the first 1,048,576 characters of each mail are compared."
    diff_page.section("Text").get_by_text(note).wait_for()
    assert diff_page.section("HTML source").get_by_text(note).count() == 0
