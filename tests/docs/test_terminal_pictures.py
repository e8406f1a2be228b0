"""Pictures of terminals: recorded in a real one, and drawn as SVG."""

import re
from xml.etree import ElementTree as ET

import pytest

from tests.docs import render_terminal_pictures
from tools.terminal_picture import (
    THEMES,
    CommandRecord,
    build_lines,
    decode_lines,
    draw_animation,
    draw_still,
    plan_animation,
    record,
)

pty = pytest.importorskip("pty", reason="this platform has no pseudo-terminals")

MAX_PICTURE_BYTES = 200_000
RED = "\x1b[31m"
RESET = "\x1b[0m"
RECORDS = [
    CommandRecord("cat a", f"{RED}one & two{RESET}\r\n\x1b[1m\x1b[38;5;208m<three>{RESET}\r\n"),
    CommandRecord("true", ""),
    CommandRecord("seq 9", "".join(f"{number}\r\n" for number in range(1, 10))),
]


def list_texts(svg):
    """Return the texts of a picture, in their order."""
    return [text.text for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def mask_numbers(texts):
    """Return what does not differ between two runs of a test."""
    return [re.sub(r"\d+", "0", text) for text in texts]


def test_commands_are_typed_into_a_real_terminal(tmp_path):
    environment = {"PATH": "/usr/bin:/bin"}
    records = record(["mkdir shop && cd shop", "pwd; test -t 1 && tput cols", "printf '\\033[31mred\\033[0m\\n'"],
                     tmp_path, environment, columns=77)  # fmt: skip

    assert records[0].command == "mkdir shop && cd shop"
    assert [one.output for one in records] == ["", f"{tmp_path}/shop\r\n77\r\n", f"{RED}red{RESET}\r\n"]


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        ("a\r\nb\r\n", ["a", "b"]),
        ("12345678", ["12345", "678"]),
        ("wait\rdone\r\n", ["done"]),
        (f"{RED}ab{RESET}c\r\n", ["abc"]),
        ("\r\n\r\n", ["", ""]),
    ],
)
def test_output_becomes_lines_of_the_terminal(output, lines):
    assert [line.plain for line in decode_lines(output, columns=5)] == lines


@pytest.mark.parametrize("output", ["\x1b[2Ja", "\x1b[3A", "a\x08b", "a\tb"])
def test_moved_cursor_is_an_error(output):
    with pytest.raises(ValueError, match="control characters"):
        decode_lines(output)


def test_lines_have_prompts_and_output():
    texts = [line.plain for line in build_lines(RECORDS)]
    assert texts[:5] == ["$ cat a", "one & two", "<three>", "$ true", "$ seq 9"]


@pytest.mark.parametrize("theme", THEMES)
def test_still_has_all_lines_with_their_colors(theme):
    svg = draw_still(RECORDS, theme=theme, title="A & B")

    assert {"one & two", "<three>", "9"} <= set(list_texts(svg))
    assert f'fill="{THEMES[theme]["palette"][1]}">one &amp; two<' in svg
    assert 'fill="#ff8700" font-weight="bold">&lt;three&gt;<' in svg
    assert "<title>A &amp; B</title>" in svg and "animation" not in svg


def test_animation_shows_each_part_once_in_order():
    appearances, duration = plan_animation(RECORDS, {"one": 5.0})
    times = [one.seconds for one in appearances]

    assert times == sorted(times) and duration > times[-1]
    assert "".join(one.line.plain[one.first_column :] for one in appearances).startswith(
        "$ cat aone & two<three>$ true"
    )
    [first, second] = [one.seconds for one in appearances if one.line.plain in ("one & two", "<three>")]
    assert second - first > 5


def test_animation_scrolls_lines_out_of_a_small_window():
    svg = draw_animation(RECORDS, theme="light", title="A", rows=4)
    lines = len(build_lines(RECORDS))

    assert f"#lines{{transform:translateY({-(lines - 4) * 19}px)" in svg  # without animation
    assert svg.count("translateY(0px)") == 1
    assert "@media (prefers-reduced-motion:reduce){g{animation:none!important}}" in svg
    assert len(list_texts(svg)) == len(re.findall(r"@keyframes a\d+", svg))


@pytest.mark.parametrize("name", render_terminal_pictures.PICTURES)
@pytest.mark.parametrize("theme", THEMES)
def test_picture_loads_nothing_and_is_small(name, theme):
    path = render_terminal_pictures.FOLDER / f"{name}-{theme}.svg"
    svg = path.read_text("utf-8")

    assert path.stat().st_size < MAX_PICTURE_BYTES
    assert set(re.findall(r"https?://[^\s\"'<]+", svg)) == {
        "http://www.w3.org/2000/svg",
        "https://shop.example/confirm?token=k7w2",
    }
    assert set(re.findall(r"url\([^)]*\)", svg)) == {"url(#screen)"}
    assert not re.search(r"<script|@import|@font-face|href|/(?:home|root|tmp|work)/", svg)
    assert "subject is 'Welcom'" in "".join(list_texts(svg))


@pytest.mark.slow
def test_failure_picture_is_current():
    """If it fails, run `make screenshots`.

    Case does not matter: smtplib writes `TO:` or `to:`, depending on the Python version.
    """
    picture = render_terminal_pictures.FOLDER / "failure-light.svg"
    now, then = (
        [text.lower() for text in mask_numbers(list_texts(svg)) if text.startswith("E ")]
        for svg in (render_terminal_pictures.draw_failure("light"), picture.read_text("utf-8"))
    )
    assert now == then and len(now) > 8


@pytest.mark.slow
def test_first_test_fails_and_passes_in_its_animation():
    texts = list_texts(render_terminal_pictures.draw_first_test("dark"))

    assert texts.index("1 failed") < texts.index("1 passed")
