"""Draw the Mermaid diagrams of the pages for the documentation site, with Chromium: `make diagrams`.

    python tools/render_diagrams.py PATH_OF_MERMAID_MIN_JS

Pictures of diagrams that no page has any more are deleted.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.ui.browser import CHROMIUM_FLAGS, find_chromium  # noqa: E402
from tools.docs_site.diagrams import FOLDER, get_picture_name  # noqa: E402

_BLOCK = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_THEMES = {"light": "default", "dark": "dark"}
# Labels as SVG text: a browser shows no HTML within the SVG of an <img>.
_RENDER = """
async ([diagram, theme]) => {
  const settings = { startOnLoad: false, htmlLabels: false, deterministicIds: true, fontFamily: "sans-serif" };
  mermaid.initialize({ ...settings, theme });
  return (await mermaid.render("diagram", diagram)).svg;
}
"""


def list_diagrams():
    """Return the diagrams of all pages."""
    pages = sorted((ROOT / "docs").rglob("*.md"))
    return [diagram for page in pages for diagram in _BLOCK.findall(page.read_text("utf-8"))]


def render(diagrams, script):
    """Return the pictures of the diagrams by the name of their file."""
    from playwright.sync_api import sync_playwright

    pictures = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*CHROMIUM_FLAGS])
        page = browser.new_page()
        page.set_content("<!doctype html><title>diagrams</title>")
        page.add_script_tag(path=script)
        for diagram in diagrams:
            for theme, name in _THEMES.items():
                pictures[get_picture_name(diagram, theme)] = page.evaluate(_RENDER, [diagram, name])
        browser.close()
    return pictures


def main(arguments):
    """Write the pictures, and delete those that are not needed any more."""
    FOLDER.mkdir(exist_ok=True)
    pictures = render(list_diagrams(), arguments[0])
    for path in FOLDER.glob("*.svg"):
        if path.name not in pictures:
            path.unlink()
    for name, picture in pictures.items():
        (FOLDER / name).write_text(picture + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
