"""The how-to pages of frameworks show the programs of examples/frameworks as they are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "frameworks"
PAGES = [
    path for path in sorted((ROOT / "docs/how-to").glob("*.md")) if "examples/frameworks/" in path.read_text("utf-8")
]
QUOTED_FILE = re.compile(r"\((?:\.\./)+(examples/frameworks/[\w/.]+)\)[^`]*:\n\n```\w+\n(.*?)```\n", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_quotes_example_programs_exactly(page):
    quoted = QUOTED_FILE.findall(page.read_text("utf-8"))

    assert quoted
    assert {name: code for name, code in quoted if code != (ROOT / name).read_text("utf-8")} == {}


def test_every_example_program_is_in_a_page():
    quoted = {name for page in PAGES for name, _ in QUOTED_FILE.findall(page.read_text("utf-8"))}
    programs = {
        path.relative_to(ROOT).as_posix()
        for path in EXAMPLES.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert programs and programs == quoted
