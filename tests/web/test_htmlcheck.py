"""HTML checks: the features that are found, the score, and the limits that protect the server."""

import importlib.util
import json
import math
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from lazr.smtptest.web.htmlcheck import score
from lazr.smtptest.web.htmlcheck.score import build_html_check_response
from lazr.smtptest.web.htmlcheck.table import load_features, load_platforms
from lazr.smtptest.web.htmlcheck.worker import SCRIPT_SLUG, TESTED_SLUGS, count_features
from lazr.smtptest.web.sandbox.child_process import run_in_child_process
from tests.mail.malformed import messages

TOOL = Path(__file__).parent.parent.parent / "tools" / "caniemail.py"
USES = "lazr.smtptest.web.htmlcheck.worker"


def count_slugs(html):
    return count_features(html)[1]


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


# -- the table --------------------------------------------------------------------------------------


def load_tool():
    spec = importlib.util.spec_from_file_location("caniemail", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FEATURE = {
    "slug": "css-x",
    "title": "x ",
    "description": "See `<x>` & [this](/features/x/) or [`that`](https://a.test/?a&b).",
    "url": "https://www.caniemail.com/features/css-x/",
    "category": "css",
    "tags": [],
    "keywords": None,
    "last_test_date": "2020-01-01",
    "stats": {"gmail": {"ios": {"2019-02": "y", "2020-01": "a #1 #2"}}, "outlook": {"windows": {"2007": "n #1"}}},
    "notes": None,
    "notes_by_num": {"1": "<script>alert(1)</script>"},
}
DATA = {
    "last_update_date": "now",
    "nicenames": {"family": {"gmail": "Gmail"}, "platform": {"ios": "iOS"}},
    "data": [FEATURE],
}


def test_tool_writes_a_row_for_each_feature():
    assert json.loads(load_tool().build_table(DATA))["features"] == [
        {
            "slug": "css-x",
            "title": "x",
            "description": 'See <code>&lt;x&gt;</code> &amp; <a href="https://www.caniemail.com/features/x/" '
            'target="_blank">this</a> or <a href="https://a.test/?a&amp;b" target="_blank"><code>that</code></a>.',
            "url": "https://www.caniemail.com/features/css-x/",
            "category": "css",
            "tags": [],
            "keywords": "",
            "notes": {"1": "&lt;script&gt;alert(1)&lt;/script&gt;"},
            "support": {"gmail ios": "2019-02 y, 2020-01 a 1 2", "outlook windows": "2007 n 1"},
        }
    ]


def test_table_has_the_format_of_the_tool():
    path = Path(__import__("lazr.smtptest.web.htmlcheck", fromlist="x").__file__).parent / "caniemail.json"
    table = json.loads(path.read_text("utf-8"))

    assert list(table) == ["source", "updated", "families", "platforms", "features"]
    assert len(table["features"]) > 300 and "MIT" in table["source"]
    # In a wheel, the license is in the metadata: tests/test_packaging.py.
    license_text = (TOOL.parents[1] / "src/lazr/smtptest/web/htmlcheck/LICENSE.caniemail.txt").read_text("utf-8")
    assert "Copyright (c) 2019 Rémi Parmentier" in license_text
    example = load_tool().build_row(FEATURE)
    for row in table["features"]:
        assert list(row) == list(example)
        assert all(type(row[name]) is type(example[name]) for name in example)
        for client, versions in row["support"].items():
            family, platform = client.split(" ")
            assert family in table["families"] and platform in table["platforms"]
            for result in versions.split(", "):
                version, letter, *notes = result.split(" ")
                assert version and letter in ("y", "a", "n", "u") and all(map(str.isdecimal, notes))
        # Clients show these texts as HTML: they may only have code and links.
        for text in (row["description"], *row["notes"].values()):
            assert re.sub(r'</?code>|</a>|<a href="https?://[^"<>]+" target="_blank">', "", text).count("<") == 0


def test_all_features_of_html_are_tested():
    # html-comments is supported everywhere; the other features are not in the HTML.
    assert set(load_features()) ^ TESTED_SLUGS == {SCRIPT_SLUG, "amp", "bimi", "html-comments"}


# -- the features -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "slugs"),
    [
        ("<p>", "html-p"),
        ("<P ALIGN=left>", "html-p html-align"),
        ("</p>text", ""),
        ("<!-- <p> -->", ""),
        ("<!DOCTYPE html>", "html-doctype"),
        ("<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0'>", ""),
        ("<h3>", "html-h1-h6"),
        ("<ol><li>", "html-lists"),
        ("<embed>", "html-object"),
        ("<main>", "html-semantics"),
        ("<map>", "html-image-maps"),
        ("<img usemap=#a>", "html-image-maps html-img"),
        ("<a href=#top>", "html-anchor-links"),
        ("<a href=' MAILTO:ann@example.com'>", "html-mailto-links"),
        ("<a href=/x#top target=_blank>", "html-target"),
        ("<input type=CHECKBOX required>", "html-input-checkbox html-required"),
        ("<input type=submit-not>", ""),
        ("<button type=reset>", "html-button-reset"),
        ("<meta name=color-scheme content=dark>", "html-meta-color-scheme"),
        ("<x role=img aria-label=x hidden>", "html-role html-aria-label html-hidden"),
        ("<img src='/A.PNG?x.gif#y.webp'>", "html-img image-png"),
        ("<img src=data:image/gif;base64,R0lG>", "html-img image-base64"),
        ("<img src='http://[/x.gif'>", "html-img"),
        ("<img src=a.jpeg srcset=b.jpeg>", "html-img image-jpg html-srcset"),
        ("<script>1</script>", "html-script"),
        ("<script type='application/LD+json'>{}</script>", ""),
        ("<textarea><p></textarea>", "html-textarea"),
        ("<x style='transform: rotate(20deg)'>", "css-transform"),
        ("<x STYLE='color:green; TRANSFORM :rotate(20deg)'>", "css-transform"),
        ("<x style='text-transform:uppercase;text-transform:none'>", "css-text-transform"),
        ("<x style='ignore-transform:x; transform'>", ""),
        ("<x style='margin-inline-end:5rem'>", "css-margin-inline-start-end css-unit-rem"),
        ("<x style='margin-inline-middle:5zz'>", ""),
        ("<x style='color:green!important'>", "css-important"),
        ("<x style='color:green!important-not'>", ""),
        ("<x style='display  : flex ;'>", "css-display css-display-flex"),
        ("<x style='display:flexing'>", "css-display"),
        ("<x style='color:rgb(1,2,3)'>", "css-rgb"),
        ("<x style='border: solid rgba(1,2,3,0) 1px'>", "css-border css-rgba css-unit-px"),
        ("<x style='border-top-color:red'>", "css-border"),
        ("<x style='border-top-left-radius:0'>", "css-border-radius"),
        ("<x style='border-inline-start-color:red'>", "css-border-inline-block-longhand"),
        ("<x style='width:calc(1em + max(2%, var(--x)))'>",
         "css-width css-unit-calc css-unit-em css-function-max css-unit-percent css-variables"),
        ("<x style='--x:1'>", "css-variables"),
        ("<x style='font-family:system-ui'>", "css-sytem-ui"),
        ("<x style='content:\"width:1px;rgb(1)\"'>", ""),  # a string is a string
        ("<x style='background:url(width:1px)'>", "css-background"),
        ("<x style='background-image:repeating-linear-gradient(red,blue)'>",
         "css-background-image css-linear-gradient"),
        ("<x style='width:min-content;/**/'>", "css-width css-intrinsic-size css-comments"),
        ("<x style='&#119;idth:0'>", "css-width"),
        ("<x style='w\\69 dth:0'>", "css-width"),
    ],
)  # fmt: skip
def test_features_of_a_tag(html, slugs):
    assert count_slugs(html) == Counter(slugs.split())


@pytest.mark.parametrize(
    ("css", "slugs"),
    [
        ("p{width:0}", "css-width css-selector-type"),
        ("P{width:0}", "css-width css-selector-type"),
        ("q{width:0}", "css-selector-type"),
        ("*{width:0}", "css-width:2 css-selector-universal"),  # the style element, too
        (".a{width:0}", "css-width css-selector-class"),
        (".A{width:0}", "css-selector-class"),
        ("#i{width:0}", "css-width css-selector-id"),
        ("p.a.b#i{width:0}", "css-width css-selector-type css-selector-class css-selector-id css-selector-chaining"),
        ("p.a.c{width:0}", "css-selector-type css-selector-class css-selector-chaining"),
        ("td p{width:0}", "css-width css-selector-type css-selector-descendant"),
        ("td>p{width:0}", "css-width css-selector-type css-selector-child"),
        ("td + p{width:0}", "css-width css-selector-type css-selector-adjacent-sibling"),
        ("td ~ p{width:0}", "css-width css-selector-type css-selector-general-sibling"),
        ("p , q{width:0}", "css-width css-selector-type:2 css-selector-grouping:2"),
        ("p[id]{width:0}", "css-selector-type css-selector-attribute css-selector-chaining"),
        ("p:hover{width:0}", "css-selector-type css-pseudo-class-hover"),
        ("p:NOT(.x){width:0}", "css-selector-type css-pseudo-class-not"),
        ("p::before{width:0}", "css-selector-type css-pseudo-element-before"),
        (":hover p{width:0}", "css-width css-selector-type css-pseudo-class-hover css-selector-descendant"),
        ("@media (orientation:portrait){p{width:0}}",
         "css-at-media css-at-media-orientation css-width css-selector-type"),
        ("@MEDIA print and (prefers-color-scheme:dark){@supports(x:y){p{width:0}}}",
         "css-at-media css-at-media-prefers-color-scheme css-at-supports css-width css-selector-type"),
        ("@font-face{font-family:x;src:url(x)}", "css-at-font-face"),
        ("@import url(https://a.test/);", "css-at-import"),
        ("@keyframes x{from{width:0}}", "css-at-keyframes"),
        ("p{q{width:0}}", "css-nesting css-selector-type:2"),
        ("/* p{width:0} */", "css-comments"),
        ("p{width:0", "css-width css-selector-type"),
        ("}p{width:0}", "css-selector-type"),
        ("{width:0}", ""),
        (",{width:0}", "css-selector-grouping:2"),
        ("<!-- p{width:0} -->", "css-width css-selector-type"),
        ("p{width:0}</STYLE ><style>q{}", "css-width css-selector-type:2 html-style"),
    ],
)  # fmt: skip
def test_features_of_a_stylesheet(css, slugs):
    expected = Counter({"html-p": 1, "html-style": 1})
    for one in slugs.split():
        slug, _, count = one.partition(":")
        expected[slug] += int(count or 1)

    assert count_slugs(f"<style>{css}</style><p class='a b' id=i>x") == expected


def test_feature_is_counted_for_each_element():
    html = (
        "<style>.a{color:rgb(1,2,3)} p{color:rgb(0,0,0)}</style>" + "<p class=a>" * 3 + "<p style='color:rgb(1,1,1)'>"
    )

    assert count_slugs(html)["css-rgb"] == 4 and count_slugs(html)["html-p"] == 4


@pytest.mark.parametrize(
    ("html", "nodes"),
    [
        ("<p>a<b>b</b><br>", 3),
        ("<html><head><meta><title>x</title><style></style></head><body><p>", 4),
        ("<style></style><title></title><p>", 1),
        ("<script></script>", 1),
        ("text", 0),
    ],
)
def test_nodes_are_counted(html, nodes):
    assert count_features(html)[0] == nodes


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


MIB = 1024 * 1024
HOSTILE = {
    "nested tags": "<b>" * (MIB // 3),
    "nested divisions": "<div><p><table><tr><td>" * 50_000,
    "style attributes": "".join(f"<p style='width:{n}px;margin:{n}em {n}%;color:rgb({n},0,0)'>" for n in range(10_000)),
    "attributes": "<p " + " ".join(f"a{n}=1" for n in range(100_000)) + ">",
    "classes": "<p class='" + " ".join(f"a{n}" for n in range(100_000)) + "'>",
    "media in media": "<style>" + "@media(x){" * 30_000,
    "rules in rules": "<style>" + "a{" * 100_000,
    "brackets": "<style>a{b:" + "([{f(" * 40_000,
    "brackets in a selector": "<style>" + "([:is(" * 40_000,
    "selectors": "<style>" + "a," * 60_000 + "a{width:0}",
    "combinators": "<style>" + "a>" * 100_000 + "a{width:0}",
    "classes in a selector": "<style>" + ".a" * 100_000 + "{width:0}" + "</style><p class=a>",
    "properties": "<style>a{" + "".join(f"a{n}:0;" for n in range(30_000)),
    "comments": "<style>" + "/**/" * 60_000,
    "comments that do not end": "<style>" + "/*" * 100_000,
    "stylesheets": "<style>a{width:0}</style>" * 10_000,
    "stylesheets that do not end": "<style>" * 140_000,
    "strings": "<style>" + "\"'" * 100_000,
    "escapes": "<style>" + "\\" * MIB,
    "NUL": "\0" * MIB,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_html_takes_bounded_time(name):
    result = json.loads(run_in_child_process(USES, HOSTILE[name].encode(), timeout=60))

    assert result["nodes"] <= 50_000


def test_timeout_of_the_check_returns_400(rest_api, monkeypatch):
    monkeypatch.setattr(score, "_TIMEOUT_SECONDS", 1)
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


PLACED = """<!DOCTYPE html>
<html><style>
/* a */ p { color: rgb(1, 2, 3) }
@media (hover) { p:hover
  { width: 1em } }
</style>
<body><p>a</p>
 <p style="height: 1vh">b<img
 src="c.svg"></p><p style="height: 1vh">c</p>
<script>1</script>"""


@pytest.mark.parametrize(
    ("slug", "places"),
    [
        ("html-doctype", [(1, 1)]),
        ("css-comments", [(3, 1)]),
        ("css-rgb", [(3, 13)]),
        ("css-selector-type", [(3, 9), (4, 18)]),
        ("css-at-media", [(4, 1)]),
        ("css-at-media-hover", [(4, 1)]),
        ("css-pseudo-class-hover", [(4, 18)]),
        ("css-unit-vh", [(8, 2), (9, 18)]),
        ("html-img", [(8, 26)]),
        ("image-svg", [(8, 26)]),
        ("html-p", [(7, 7), (8, 2), (9, 18)]),
        ("html-script", [(10, 1)]),
    ],
)
def test_places_are_those_in_the_source(slug, places):
    assert count_features(PLACED).places[slug] == places


def test_places_of_one_line_count_from_the_start_of_the_document():
    counts = count_features("<b>a</b><style>b { color: rgb(0,0,0) }\f i { top: 1pt }</style><i>")

    assert counts.places["css-rgb"] == [(1, 20)] and counts.places["css-unit-pt"] == [(1, 45)]


def test_places_are_at_most_twenty_and_the_first_ones():
    counts = count_features("<p>\n" * 1_000)

    assert counts.places["html-p"] == [(line, 1) for line in range(1, 21)] and counts.found["html-p"] == 1_000


def test_warnings_have_places(rest_api):
    warnings = {warning["Slug"]: warning for warning in check_html(rest_api, PLACED)["Warnings"]}

    assert warnings["image-svg"]["Places"] == [{"Line": 8, "Column": 26}]
    assert warnings["html-script"]["Places"] == [{"Line": 10, "Column": 1}]
    assert warnings["css-at-media-hover"]["Places"] == [{"Line": 4, "Column": 1}]
