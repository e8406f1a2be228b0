"""The HTML report of `smtptest grade` in the browser: filter, links, colors, narrow windows, hostile text."""

from types import SimpleNamespace

import pytest

from lazr.smtptest.grading.reports import render_html
from tests.grading.reports.example_grades import build_hostile_grades, build_mixed_grades
from tests.ui.axe import find_violations, require_axe

PHONE = {"width": 390, "height": 800}
WIDTH_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHOWN = "[...document.querySelectorAll('details')].filter((one) => one.checkVisibility()).map((one) => one.id)"


@pytest.fixture
def open_report(open_tab, tmp_path):
    """Open the report of grades from its file; everything that its policy blocks fails the test."""

    def open_report(grades, place="", **settings):
        path = tmp_path / "report.html"
        path.write_text(render_html(grades), "utf-8")
        page = open_tab(SimpleNamespace(authorities=set()), **settings).page
        page.goto(f"{path.as_uri()}{place}")
        return page

    return open_report


def test_filter_shows_results_by_mark_group_and_text(open_report):
    page = open_report(build_mixed_grades())
    assert page.evaluate(SHOWN) == ["greeting-slow", "starttls-stripped", "starttls-refused"]

    page.get_by_role("button", name="Wrong 1").click()
    assert page.evaluate(SHOWN) == ["starttls-stripped"]
    page.get_by_role("button", name="All 3").click()
    page.get_by_label("Group").select_option("greeting")
    assert page.evaluate(SHOWN) == ["greeting-slow"]
    page.get_by_label("Group").select_option("All groups")
    page.get_by_label("Search behaviors").fill("refused not")
    assert page.evaluate(SHOWN) == ["starttls-refused"]
    page.get_by_label("Search behaviors").fill("nothing like this")
    assert page.evaluate(SHOWN) == [] and page.get_by_role("status").is_visible()


def test_link_to_a_behavior_opens_it(open_report):
    page = open_report(build_mixed_grades(), "#starttls-stripped")

    assert page.get_by_text("Traceback: oops").is_visible()
    assert not page.get_by_text("did not connect").is_visible()


def test_report_is_complete_without_scripts(open_report):
    page = open_report(build_mixed_grades(), java_script_enabled=False)

    assert page.locator("details").count() == 3 and not page.locator(".filter").is_visible()
    page.locator("#starttls-stripped summary").click()
    assert page.get_by_text("Traceback: oops").is_visible()


def test_hostile_text_does_nothing(open_report):
    page = open_report(build_hostile_grades(), "#data-lost")

    assert page.locator("script").count() == 1
    assert page.get_by_text("<script>alert(1)</script>").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [{"width": 1200, "height": 900}, PHONE], ids=["desktop", "phone"])
def test_report_fits_the_window_and_is_accessible(open_report, scheme, viewport):
    require_axe()
    page = open_report(build_hostile_grades(), "#data-lost", color_scheme=scheme, viewport=viewport)

    assert page.evaluate(WIDTH_OVERFLOW) == 0
    assert find_violations(page) == []
    assert page.evaluate("getComputedStyle(document.querySelector('.diagram .paper')).fill") in (
        "rgb(255, 255, 255)" if scheme == "light" else "rgb(28, 34, 41)"
    )
