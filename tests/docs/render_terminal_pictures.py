"""Record the terminals of the documentation (`make screenshots`): docs/pictures/*.svg, light and dark.

The programs are those of docs/tutorial/first-test.md; pytest runs them in a real terminal.

    python -m tests.docs.render_terminal_pictures
"""

import os
import sys
import tempfile
from pathlib import Path

from tests.docs.tutorial_page import FOLDER as TUTORIALS
from tests.docs.tutorial_page import change_file, parse_steps
from tools import terminal_picture

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
COLUMNS = 94
ROWS = 30
CORRECTION = """sed -i 's/"Welcom"/"Welcome"/' shop.py"""


def build_environment(home):
    """Return the environment of a reader's terminal, without the plugins that only this project needs."""
    variables = {name: os.environ[name] for name in ("LANG", "LD_LIBRARY_PATH") if name in os.environ}
    return variables | {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_PLUGINS": "lazr.smtptest.pytest_plugin",
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def write_shop(folder):
    """Write the files of the first tutorial, with the mistake that it makes."""
    for step in parse_steps((TUTORIALS / "first-test.md").read_text("utf-8")):
        if step.kind == "create":
            (folder / step.name).write_text(step.text, "utf-8")
        elif step.kind == "change":
            change_file(folder / step.name, step.text)
            return
    raise AssertionError("the page makes no mistake")


def record(commands):
    """Run commands beside the files of the tutorial."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "shop"
        folder.mkdir()
        write_shop(folder)
        return terminal_picture.record(commands, folder, build_environment(name), columns=COLUMNS)


def draw_failure(theme):
    """Return a picture of the report of a failed test."""
    records = record(["pytest -q --tb=short"])
    return terminal_picture.draw_still(records, theme=theme, title="The report of a failed test", columns=COLUMNS)


def draw_first_test(theme):
    """Return an animation: a test fails, and passes after a correction."""
    records = record(["cat test_shop.py", "pytest -q --tb=short", CORRECTION, "pytest -q"])
    return terminal_picture.draw_animation(
        records, theme=theme, title="A test fails because of a wrong subject, and passes after the correction",
        rows=ROWS, pauses={"subject is": 3.0, "mail received": 0.5, "SMTP transcript": 1.5, "assert mail": 1.5},
        columns=COLUMNS,
    )  # fmt: skip


PICTURES = {"failure": draw_failure, "first-test": draw_first_test}


def main():
    """Write all pictures."""
    for name, draw in PICTURES.items():
        for theme in terminal_picture.THEMES:
            (FOLDER / f"{name}-{theme}.svg").write_text(draw(theme), "utf-8")
    print(f"{len(PICTURES)} pictures of terminals in {FOLDER}")


if __name__ == "__main__":
    main()
