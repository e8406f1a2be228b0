"""The route that says how well mail programs support the HTML of a mail."""

import math
import sys

import pytest

from lazr.smtptest.mail.htmlcheck import measure
from lazr.smtptest.mail.htmlcheck.table import load_features, load_platforms
from lazr.smtptest.mail.htmlcheck.worker import TESTED_SLUGS, count_features
from lazr.smtptest.web.api.html_check_response import build_html_check_response
from tests.mail.malformed import messages
from tests.mail.test_htmlcheck import PLACED

MIB = 1024 * 1024


def check_html(rest_api, html):
    rest_api.add_mail(f"Content-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n")
    response = rest_api.http.get("/api/v1/message/latest/html-check")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    return response.json()


def test_check_without_tinycss2_returns_501(rest_api, monkeypatch):
    rest_api.add_mail("Content-Type: text/html; charset=utf-8\r\n\r\n<p>Hi</p>\r\n")
    monkeypatch.setitem(sys.modules, "tinycss2", None)
    answer = rest_api.http.get("/api/v1/message/latest/html-check")

    assert (answer.status_code, answer.headers["content-type"]) == (501, "text/plain")
    assert answer.text == 'checks of the HTML need tinycss2: pip install "lazr.smtptest[html-check]"\n'


# -- the score --------------------------------------------------------------------------------------


def test_shares_of_a_feature_add_up_to_100_percent():
    for feature in load_features().values():
        assert math.isclose(sum(map(feature.compute_percent, ("yes", "partial", "no"))), 100 if feature.programs else 0)
        assert all(program.note in {"", *feature.notes} for program in feature.programs)
    assert any(
        program.support == "yes" and program.note
        for feature in load_features().values()
        for program in feature.programs
    )


def test_score_is_that_of_the_worst_supported_feature():
    features = load_features()
    flex, rgb = features["css-display-flex"], features["css-rgb"]
    result = build_html_check_response(10, {"css-display-flex": 5, "css-rgb": 10, "html-p": 10}, {})

    partial = max(flex.compute_percent("partial") * 0.5, rgb.compute_percent("partial"))
    unsupported = max(flex.compute_percent("no") * 0.5, rgb.compute_percent("no"))
    assert result["Total"] == {
        "Tests": len(TESTED_SLUGS),
        "Nodes": 10,
        "Supported": round(100 - partial - unsupported, 5),
        "Partial": round(partial, 5),
        "Unsupported": round(unsupported, 5),
    }
    # A feature that every mail program supports makes no warning.
    assert {one["Slug"] for one in result["Warnings"]} == {"css-display-flex", "css-rgb"}


@pytest.mark.parametrize(("nodes", "count"), [(0, 3), (1, 1000)])
def test_score_is_never_negative(nodes, count):
    total = build_html_check_response(
        nodes, {"html-script": count, "css-display-flex": count, "css-at-media": count}, {}
    )["Total"]

    assert total["Supported"] == 0 and total["Unsupported"] == 100


def test_worst_warning_comes_first():
    slugs = [
        one["Slug"]
        for one in build_html_check_response(10, {"css-rgb": 1, "html-script": 10, "css-display-flex": 5}, {})[
            "Warnings"
        ]
    ]

    assert slugs == ["html-script", "css-display-flex", "css-rgb"]


# -- the route --------------------------------------------------------------------------------------


def test_html_check_has_mailpits_fields(rest_api):
    result = check_html(rest_api, "<html><body><style>p{display:flex}</style><p>x<script>1</script></body></html>")

    assert list(result) == ["Warnings", "Platforms", "Total"]
    assert result["Total"]["Nodes"] == 4 and result["Total"]["Tests"] > 300
    assert result["Platforms"] == load_platforms() and "Gmail" in result["Platforms"]["ios"]
    warnings = {one["Slug"]: one for one in result["Warnings"]}
    assert warnings["html-script"]["Score"] == {"Found": 1, "Supported": 0, "Partial": 0, "Unsupported": 100}
    flex = warnings["css-display-flex"]
    assert list(flex) == [
        *("Slug", "Title", "Description", "URL", "Category", "Tags", "Keywords", "Results", "NotesByNumber", "Score"),
        "Places",
    ]
    assert (flex["Title"], flex["Category"], flex["URL"]) == (
        "display:flex",
        "css",
        "https://www.caniemail.com/features/css-display-flex/",
    )
    assert flex["Score"]["Found"] == 1
    assert {
        "Name": "Outlook Windows (2007)",
        "Platform": "windows",
        "Family": "outlook",
        "Version": "2007",
        "Support": "no",
        "NoteNumber": "",
    } in flex["Results"]
    assert {one["Support"] for one in flex["Results"]} <= {"yes", "no", "partial"}
    assert all(one["NoteNumber"] in {"", *flex["NotesByNumber"]} for one in flex["Results"])
    assert rest_api.store.get_totals().unread == 1


def test_plain_html_scores_100(rest_api):
    result = check_html(rest_api, "<p>Hello</p>")

    assert result["Warnings"] == []
    assert result["Total"] | {"Tests": 0} == {"Tests": 0, "Nodes": 1, "Supported": 100, "Partial": 0, "Unsupported": 0}


def test_timeout_of_the_check_returns_400(rest_api, monkeypatch):
    monkeypatch.setattr(measure, "_TIMEOUT_SECONDS", 1)
    # Each element is compared with all of these rules and matches none: it lacks the second class.
    rules = "".join(f".a.b{n}{{width:0}}" for n in range(20_000))
    elements = "".join(f"<p class=a id=i{n}>" for n in range(25_000))
    rest_api.add_mail(f"Content-Type: text/html\r\n\r\n<style>{rules}</style>{elements}")
    response = rest_api.http.get("/api/v1/message/latest/html-check")

    assert response.status_code == 400
    assert response.text == "the HTML cannot be checked: the process took longer than 1 s"
    assert rest_api.http.get("/livez").status_code == 200


def test_only_the_first_mebibyte_is_checked(rest_api):
    result = check_html(rest_api, "<p>" + " " * MIB + "<b>" * 1000)

    assert result["Total"]["Nodes"] == 1


def test_malformed_mails_never_fail_the_check(rest_api):
    htmls = [
        rest_api.store.get_mail(rest_api.add_mail(content() or b"\r\n")).html
        for i, (_, content) in enumerate(messages())
        if i % 20 == 0
    ]
    for html in filter(None, htmls):
        nodes, counted, places = count_features(html)
        assert build_html_check_response(nodes, counted, places)["Total"]["Nodes"] == nodes
        assert set(places) == set(counted) and all(1 <= len(found) <= 20 for found in places.values())


def test_warnings_have_places(rest_api):
    warnings = {warning["Slug"]: warning for warning in check_html(rest_api, PLACED)["Warnings"]}

    assert warnings["image-svg"]["Places"] == [{"Line": 8, "Column": 26}]
    assert warnings["html-script"]["Places"] == [{"Line": 10, "Column": 1}]
    assert warnings["css-at-media-hover"]["Places"] == [{"Line": 4, "Column": 1}]
