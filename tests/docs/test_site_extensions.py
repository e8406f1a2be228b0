"""The extensions of Sphinx that build the documentation site, and the check of its links."""

import doctest
import importlib
import inspect
import pkgutil
import re
from types import SimpleNamespace

import pytest

from tools import docs_site
from tools.docs_site import (
    api_pages,
    diagrams,
    docstrings,
    interactive_examples,
    link_check,
    navigation,
    repository_links,
)
from tools.docs_site.project import ROOT

MODULES = [
    *(f"tools.docs_site.{module.name}" for module in pkgutil.iter_modules(docs_site.__path__)),
    "tools.rest_reference",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_pass(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_every_public_name_is_on_a_page():
    assert api_pages.find_missing_names() == []


def test_page_that_no_longer_exists_is_removed(tmp_path):
    folder = tmp_path / api_pages.FOLDER
    folder.mkdir(parents=True)
    (folder / "gone.rst").write_text("Gone\n====\n")

    api_pages.write_pages(SimpleNamespace(srcdir=tmp_path))

    assert {path.stem for path in folder.iterdir()} == {"index", "pytest", *(page.name for page in api_pages.PAGES)}


def test_each_mermaid_diagram_has_its_pictures():
    pages = [page.read_text("utf-8") for page in (ROOT / "docs").rglob("*.md")]
    blocks = [
        block for page in pages for block in re.findall(r"^```mermaid\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    ]
    names = {diagrams.get_picture_name(block, theme) for block in blocks for theme in ("light", "dark")}

    assert len(blocks) >= 3
    assert {path.name for path in diagrams.FOLDER.glob("*.svg")} == names, "run: make diagrams"


@pytest.mark.parametrize(
    ("page", "count"),
    [
        ("- An item:\n\n    >>> 1\n    1\n", 1),
        ("1. An item\n2. Another\n\n    >>> 1\n    1\n\nMore.\n", 1),
        (">>> 1\n1\n", 1),
        ("- An item:\n\n```pycon\n>>> 1\n1\n```\n", 0),
        ("- An item\n\nText:\n\n    >>> 1\n    1\n", 0),
        ("> A quotation\n", 0),
    ],
)
def test_example_that_markdown_reads_as_quotation_is_found(page, count):
    from docutils.core import publish_doctree
    from myst_parser.parsers.docutils_ import Parser

    assert len(interactive_examples.find_quoted_examples(publish_doctree(page, parser=Parser()))) == count


def test_page_without_link_comes_last_in_its_section():
    index = "## Tutorials: learn\n[b](tutorial/b.md)\n## Explanation: why\n[x](explanation/x.md)\n"
    pages = ["index", "tutorial/a", "tutorial/b", "explanation/map", "explanation/x", "glossary"]

    assert list(navigation.list_sections(index, pages)) == [
        ("Tutorials", ["tutorial/b", "tutorial/a"]),
        ("Explanation", ["explanation/x"]),
        ("Project", ["glossary", "explanation/map"]),
    ]


def test_subheadings_divide_a_section():
    index = "## How-to guides: solve\n### Test\n[a](how-to/a.md)\n### Migrate\n[b](how-to/b.md) [a](how-to/a.md)\n"

    assert list(navigation.list_sections(index, ["how-to/a", "how-to/b", "how-to/c"])) == [
        ("Test", ["how-to/a"]),
        ("Migrate", ["how-to/b", "how-to/a"]),
        ("More how-to guides", ["how-to/c"]),
        ("Project", []),
    ]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("../../tests/docs/test_site.py", "tests/docs/test_site.py"),
        ("../../tools/docs_site", "tools/docs_site"),
        ("../../README.md", "README.md"),
        ("../../no-such-file.py", None),
        ("../../../", None),
        ("/etc/passwd", None),
    ],
)
def test_repository_path_of_link(target, path):
    assert repository_links.find_repository_path("how-to/django", target) == path


def render(docstring):
    """Return the text of a docstring as HTML would show it; a fault in its markup is an error."""
    from docutils.core import publish_doctree

    settings = {"halt_level": 2, "report_level": 2, "warning_stream": None}
    return publish_doctree("\n".join(docstrings.translate(docstring.splitlines())), settings_overrides=settings)


@pytest.mark.parametrize(
    "docstring",
    [
        "Return *args, **kwargs and from_.",
        "The `Tls`s, a | b and `a | b` with \\r\\n.",
        "A span of `code that\ngoes on`.",
        "An item list:\n- one\n- two `code`\n  goes on\n- three",
        "Summary.\n\n>>> print(1)\n1\n\nMore.",
        "Summary:\n\n    def test():\n        pass\n\n        more()\n\nMore.",
        "`*` and `?` are wildcards; `code ` has a space.",
    ],
)
def test_docstring_is_valid_markup_with_the_same_words(docstring):
    words = docstring.replace("`", "").split()

    assert [word for word in words if word != "-"] == render(docstring).astext().split()


def test_docstrings_of_all_public_names_are_valid_markup():
    from tools.public_interface import MODULES as PUBLIC_MODULES

    count = 0
    for module in map(importlib.import_module, PUBLIC_MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            members = vars(value).values() if inspect.isclass(value) else ()
            for member in (value, *members):
                if inspect.isclass(member) or inspect.isfunction(member) or isinstance(member, property):
                    render((inspect.getdoc(member) or "").partition("\nArgs:")[0].partition("\nRaises:")[0])
                    count += 1
    assert count > 300


GOOD = '<link rel="stylesheet" href="a.css"><a href="b.html#x">b</a><a href="https://other.example/">o</a>'


@pytest.fixture
def folder(tmp_path):
    """A site without faults."""
    (tmp_path / "index.html").write_text(GOOD)
    (tmp_path / "b.html").write_text('<h1 id="x">b</h1><a href="/base/index.html">first</a><a href=".">here</a>')
    (tmp_path / "a.css").write_text("p { background: url(data:image/png;base64,AA) }")
    return tmp_path


def test_site_without_faults_passes(folder):
    site = link_check.Site(folder, "/base/")

    assert (site.find_broken_links(), site.find_foreign_loads()) == ([], [])


@pytest.mark.parametrize(
    "html",
    [
        '<a href="c.html">',
        '<a href="b.html#y">',
        '<a href="#y">',
        '<a href="../b.html/../../c.html">',
        '<a href="/other/index.html">',
        '<a href="/base/c.html">',
        '<img src="c.png">',
        '<img srcset="a.css 1x, c.png 2x">',
        '<script src="c.js"></script>',
        '<p style="background: url(c.png)">',
        "<style>@import 'c.css';</style>",
    ],
)
def test_broken_link_is_found(folder, html):
    (folder / "index.html").write_text(GOOD + html)

    assert len(link_check.Site(folder, "/base/").find_broken_links()) == 1


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<script src="//cdn.example/a.js"></script>',
        '<link rel="stylesheet" href="https://cdn.example/a.css">',
        '<link rel="preload" href="https://cdn.example/a.woff2" as="font">',
        '<link rel="icon" href="https://cdn.example/a.ico">',
        '<img src="https://cdn.example/a.png">',
        '<img srcset="a.css 1x, https://cdn.example/a.png 2x">',
        '<iframe src="https://cdn.example/"></iframe>',
        '<p style="background: url(https://cdn.example/a.png)">',
        '<style>@import "https://cdn.example/a.css";</style>',
        "<style>@import url(//cdn.example/a.css);</style>",
    ],
)
def test_load_from_another_server_is_found(folder, html):
    (folder / "index.html").write_text(GOOD + html)

    assert len(link_check.Site(folder, "/base/").find_foreign_loads()) == 1


@pytest.mark.parametrize("css", ['@import "//cdn.example/a.css";', "@font-face { src: url('https://cdn.example/a') }"])
def test_load_of_a_style_sheet_is_found(folder, css):
    (folder / "a.css").write_text(css)

    assert len(link_check.Site(folder, "/base/").find_foreign_loads()) == 1


def test_link_check_reports_faults_and_counts(folder, capsys):
    (folder / "b.html").write_text('<h1 id="x"></h1>')
    assert link_check.main([str(folder)]) == 0
    (folder / "index.html").write_text('<a href="c.html">')
    assert link_check.main([str(folder)]) == 1

    out, err = capsys.readouterr()
    assert out.splitlines() == ["2 pages with 2 links: 0 faults", "2 pages with 1 links: 1 faults"]
    assert err == "broken link: index.html: c.html\n"
