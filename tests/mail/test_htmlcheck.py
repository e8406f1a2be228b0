"""The features of HTML and CSS that are found, their places, and the limits that protect the server."""

import importlib.util
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from lazr.smtptest._util.child_process import run_in_child_process
from lazr.smtptest.mail.htmlcheck.table import load_features
from lazr.smtptest.mail.htmlcheck.worker import SCRIPT_SLUG, TESTED_SLUGS, count_features

TOOL = Path(__file__).parent.parent.parent / "tools" / "caniemail.py"
USES = "lazr.smtptest.mail.htmlcheck.worker"


def count_slugs(html):
    return count_features(html)[1]


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
    path = Path(__import__("lazr.smtptest.mail.htmlcheck", fromlist="x").__file__).parent / "caniemail.json"
    table = json.loads(path.read_text("utf-8"))

    assert list(table) == ["source", "updated", "families", "platforms", "features"]
    assert len(table["features"]) > 300 and "MIT" in table["source"]
    # In a wheel, the license is in the metadata: tests/test_packaging.py.
    license_text = (TOOL.parents[1] / "src/lazr/smtptest/mail/htmlcheck/LICENSE.caniemail.txt").read_text("utf-8")
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


# -- hostile documents, and places

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
