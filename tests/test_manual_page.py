"""The manual page of 2009 passes as a doctest, and so does our own."""

import doctest
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent
ORIGINAL = HERE.parent / "shared" / "seed" / "usage.txt"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run(text, name):
    test = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
    said = []
    results = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append, clear_globs=False)
    for left in ("smtpd", "client"):
        if left in test.globs:
            test.globs[left].close()
    assert results.failed == 0, "".join(said)
    return results.attempted


@pytest.mark.skipif(not ORIGINAL.exists(), reason="the original page is not beside this checkout")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.xdist_group("port 9025")
def test_the_page_of_2009_passes_word_for_word():
    text = ORIGINAL.read_text("utf-8")
    # The page was saved as a browser shows it.  Its maker writes an empty line of expected output as
    # <BLANKLINE>, and Sphinx shows it as the empty line that it stands for: that is put back, in the
    # one place that has it, and not a word is touched.
    source = text.replace(
        "X-RcptTo: bperson@example.com\n\nHi Bart", "X-RcptTo: bperson@example.com\n<BLANKLINE>\nHi Bart"
    )
    assert source.replace("<BLANKLINE>", "").split() == text.split()

    assert run(source, "usage.txt") >= 39


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("page", sorted((HERE / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_our_own_pages_pass(page):
    run(page.read_text("utf-8").replace("```", ""), page.name)


def test_the_readme_passes():
    run((HERE / "README.md").read_text("utf-8").replace("```", ""), "README.md")


SHOWN = re.compile(r"\((?:\.\./)+(tests/examples/[\w/]+\.py)\)[^`]*:\n\n```python\n(.*?)```\n", re.DOTALL)
SHOWING = [HERE / "docs" / "cookbook.md", *sorted((HERE / "docs" / "howto").glob("*.md"))]


@pytest.mark.parametrize("page", SHOWING, ids=lambda page: page.name)
def test_a_page_shows_a_file_that_runs_word_for_word(page):
    shown = SHOWN.findall(page.read_text("utf-8"))
    assert len(shown) == page.read_text("utf-8").count("```python\n") > 0
    for name, code in shown:
        assert code == (HERE / name).read_text("utf-8"), f"{page.name} does not show what is in {name}"


def test_every_example_is_shown_in_a_page():
    text = "".join(page.read_text("utf-8") for page in (HERE / "docs").rglob("*.md"))
    for example in (HERE / "tests" / "examples").rglob("test_*.py"):
        assert example.relative_to(HERE).as_posix() in text


def modules():
    root = HERE / "src" / "lazr" / "smtptest"
    for path in sorted(root.rglob("*.py")):
        if ">>> " in path.read_text("utf-8"):
            yield ".".join(("lazr.smtptest", *path.relative_to(root).with_suffix("").parts))


@pytest.mark.parametrize("name", list(modules()))
def test_the_examples_of_docstrings_pass(name):
    from importlib import import_module

    results = doctest.testmod(import_module(name), optionflags=FLAGS)
    assert results.attempted and not results.failed
