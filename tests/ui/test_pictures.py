"""The pictures of the documentation: taken from the page, and complete."""

import pytest
from PIL import Image

from tests.docs import render_terminal_pictures
from tests.ui import render_pictures

THEMES = ("light", "dark")
MAX_RECORDING_BYTES = 1_500_000
IS_VISIBLE = """text => {
  const screen = document.documentElement.getBoundingClientRect();
  return [...document.querySelectorAll("text")].some((line) => {
    const box = line.getBoundingClientRect();
    const isShown = getComputedStyle(line).visibility === "visible" && box.bottom <= screen.bottom && box.top >= 0;
    return isShown && line.textContent.includes(text);
  });
}"""
GO_TO = "seconds => document.getAnimations().forEach((one) => { one.pause(); one.currentTime = seconds * 1000; })"
DURATION = "() => Math.max(...document.getAnimations().map((one) => one.effect.getTiming().duration)) / 1000"


def test_every_picture_is_there_in_both_themes():
    pages = (*render_pictures.PICTURES, render_pictures.REPORT)
    expected = {f"{name}-{theme}.png" for name in pages for theme in THEMES}
    expected |= {f"{name}-{theme}.svg" for name in render_terminal_pictures.PICTURES for theme in THEMES}
    expected |= {f"{render_pictures.RECORDING}-{theme}.webp" for theme in THEMES}
    assert {path.name for path in render_pictures.FOLDER.iterdir()} == expected


@pytest.mark.parametrize("theme", THEMES)
def test_recording_has_frames_and_is_small(theme):
    path = render_pictures.FOLDER / f"{render_pictures.RECORDING}-{theme}.webp"

    assert path.stat().st_size < MAX_RECORDING_BYTES
    with Image.open(path) as picture:
        assert picture.n_frames >= 15 and picture.size == tuple(render_pictures.RECORDING_VIEWPORT.values())


@pytest.mark.slow
def test_inbox_can_be_recorded(browser):
    with browser.active():
        recording = render_pictures.record_inbox(browser, "dark")

    assert len(recording.frames) == len(recording.milliseconds) >= 15
    assert len({frame.tobytes() for frame in recording.frames}) == len(recording.frames)  # each shows something new


def test_recording_shows_pointer_and_is_saved(inbox_server, open_tab, tmp_path):
    app = render_pictures.AppPage(open_tab(inbox_server), inbox_server).open("/rules")
    recording = render_pictures.Recording(app.page)
    recording.show(0.5)
    recording.show(0.25, pointer=app.main.get_by_role("button", name="New rule"))
    recording.save(tmp_path / "a.webp")

    assert recording.frames[0].tobytes() != recording.frames[1].tobytes()
    with Image.open(tmp_path / "a.webp") as picture:
        assert picture.n_frames == 2 and picture.info["loop"] == 0


def test_animation_types_and_scrolls(inbox_server, open_tab):
    page = open_tab(inbox_server).page
    page.goto((render_pictures.FOLDER / "first-test-light.svg").as_uri())

    def find_visible(seconds):
        page.evaluate(GO_TO, seconds)
        return [text for text in ("cat", "from shop", "subject is", "1 passed") if page.evaluate(IS_VISIBLE, text)]

    duration = page.evaluate(DURATION)
    assert find_visible(0) == []
    assert "from shop" in find_visible(duration / 8)
    assert find_visible(duration * 0.99) == ["1 passed"]  # the beginning has scrolled up


def test_animation_rests_where_reduced_motion_is_preferred(inbox_server, open_tab):
    page = open_tab(inbox_server, reduced_motion="reduce").page
    page.goto((render_pictures.FOLDER / "first-test-dark.svg").as_uri())

    assert page.evaluate("document.getAnimations().length") == 0
    assert page.evaluate(IS_VISIBLE, "1 passed") and not page.evaluate(IS_VISIBLE, "from shop")


def test_pages_of_the_pictures_show_what_they_are_about(inbox_server, open_tab):
    values = render_pictures.fill_server(inbox_server)
    app = render_pictures.AppPage(open_tab(inbox_server), inbox_server)
    texts = {"session": "Mailbox full", "envelope": "audit@example.com", "diff": "107", "rules": "*@full.example"}
    for name, text in texts.items():
        app.open(render_pictures.PICTURES[name][0].format(**values))
        app.main.get_by_text(text).first.wait_for()


def test_picture_is_saved_with_few_colors(tmp_path):
    render_pictures.save(render_pictures.draw_chart(), tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.size == (240, 160) and picture.mode == "P"
