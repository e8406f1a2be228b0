"""The HTML report: one file, no external resource, and no way for text to become active."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from lazr.smtptest.grading.reports import Comparison, render_html
from tests.grading.reports.example_grades import build_grades, build_hostile_grades, build_mixed_grades, build_result

RFC_URL = "https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.2.1"
VOID_TAGS = {"meta", "input", "br"}
SVG_LEAVES = {"rect", "line", "polygon"}  # with a slash at their end


class Page(HTMLParser):
    """The elements of a page, and the text of its style, script and policy; wrong nesting is an error."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], {"style": [], "script": []}, []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID_TAGS:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in SVG_LEAVES
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] in self.texts:
            self.texts[self._open[-1]].append(data)

    def find(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(params=[build_mixed_grades, build_hostile_grades, build_grades])
def page(request):
    grades = request.param()
    return Page(render_html(grades, Comparison(grades, grades)))


def test_page_has_no_external_resource(page):
    links = {attributes["href"] for attributes in page.find("a")}
    assert links <= {RFC_URL}
    for tag, attributes in page.elements:
        assert not {"src", "srcset", "data", "style", "action", "srcdoc"} & set(attributes), tag
        assert not any(name.startswith("on") for name in attributes)
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form", "image", "foreignobject"}
    style = "".join(page.texts["style"])
    assert "url(" not in style and "@import" not in style


def test_policy_allows_only_the_style_and_the_script_of_the_page(page):
    [policy] = [one["content"] for one in page.find("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    for name in ("style", "script"):
        assert len(page.find(name)) == 1
        digest = base64.b64encode(hashlib.sha256("".join(page.texts[name]).encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy


def test_each_result_has_verdict_rfc_transcript_and_diagram():
    text = render_html(build_mixed_grades())
    page = Page(text)

    assert [(one["id"], one["data-mark"]) for one in page.find("details")] == [
        ("greeting-slow", "right"),
        ("starttls-stripped", "wrong"),
        ("starttls-refused", "not tried"),
    ]
    assert len(page.find("svg")) == 2  # the client did not connect in the third
    assert text.count("C: EHLO client") == 2
    assert "<strong>Wrong:</strong> The client sent its mail without TLS." in text
    assert "<strong>Expected:</strong> The client waits for the greeting, and delivers." in text
    assert "Traceback: oops" in text and "The client did not connect." in text
    assert '<p class="score">1 of 2 right, 1 not tried</p>' in text


def test_hostile_text_is_shown_as_text():
    text = render_html(build_hostile_grades())

    assert text.count("<script>") == 1 and "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\\x1b[31m" in text and "\\ud800" in text
    assert "\x1b" not in text and "\u202e" not in text
    text.encode()


def test_bar_has_the_width_of_each_mark():
    rules = re.findall(r"^\.bar \.(\w+) \{ width: ([\d.]+)%; \}$", render_html(build_mixed_grades()), re.MULTILINE)
    assert rules == [("right", "33.33"), ("wrong", "33.33"), ("skip", "33.33")]


def test_change_since_the_baseline_is_shown():
    now = build_mixed_grades()
    text = render_html(now, Comparison(now, build_grades(build_result("starttls-stripped"))))

    assert "<li>worse (right → wrong) than the baseline: starttls-stripped</li>" in text
    assert "<dt>In the baseline</dt><dd>right</dd>" in text and "<dt>In the baseline</dt><dd>new</dd>" in text


def test_many_long_sessions_do_not_fill_the_page():
    session = build_mixed_grades()[0].sessions[0]
    for _ in range(5_000):
        session.transcript.add_command(b"NOOP " + b"x" * 200)
    session.transcript.close()  # as the server does at the end of a session
    result = build_result(sessions=(session,) * 40)

    text = render_html(build_grades(result))
    assert "… and 34 more sessions" in text and "lines …)" in text
    assert len(text) < 1_000_000
