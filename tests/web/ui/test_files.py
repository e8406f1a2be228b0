"""The files of the web inbox: their size, and constructs that its Content-Security-Policy forbids."""

import re
from pathlib import Path

import pytest

import lazr.smtptest.web

FOLDER = Path(lazr.smtptest.web.__file__).parent / "ui"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file() and "vendor" not in path.parts)
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
MAX_BYTES = 420_000
# What the browser loads before it shows the list; pages and the view of a mail are loaded when they are shown.
MAX_FIRST_VIEW_BYTES = 150_000

# Each of these parses a text as HTML or as a script, or loads something from another server.
FORBIDDEN = (
    *(r"\.innerHTML\b", r"\.outerHTML\b", r"\binsertAdjacentHTML\b", r"\bdocument\.write\b", r"\bDOMParser\b"),
    *(r"\beval\(", r"\bnew Function\b", r"\bsetTimeout\(\s*[\"'`]", r"\bsrcdoc\b", r"\bcreateContextualFragment\b"),
)


def read(path):
    return path.read_text(encoding="utf-8")


def test_files_are_small():
    sizes = {path.relative_to(FOLDER).as_posix(): path.stat().st_size for path in FILES}
    assert sum(sizes.values()) <= MAX_BYTES, sorted(sizes.items(), key=lambda item: -item[1])


def find_imported(path, found=()):
    """Return a script and all that it imports statically."""
    found = {*found, path}
    for target in re.findall(r'''^import\b[^;]*?"(\.[^"]+)"''', read(path), re.MULTILINE):
        imported = (path.parent / target).resolve()
        if imported not in found:
            found = find_imported(imported, found)
    return found


def test_scripts_of_the_first_view_are_small():
    scripts = find_imported(FOLDER / "app.js")
    assert FOLDER / "message_list.js" in scripts and FOLDER / "message_view.js" not in scripts
    assert sum(path.stat().st_size for path in scripts) <= MAX_FIRST_VIEW_BYTES


def test_scripts_use_nothing_that_parses_html():
    found = [(path.name, pattern) for path in SCRIPTS for pattern in FORBIDDEN if re.search(pattern, read(path))]
    assert not found


def test_page_has_no_inline_script_and_style():
    page = read(FOLDER / "index.html")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", page)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_imports_lead_to_files(path):
    targets = re.findall(r"""(?:from|import)\s*\(?"(\.[^"]+)\"""", read(path))
    assert all((path.parent / target).is_file() for target in targets)


def test_page_loads_files_that_exist():
    names = re.findall(r'\{root\}/ui/([^"]+)"', read(FOLDER / "index.html"))
    assert names and all((FOLDER / name).is_file() for name in names)
