"""Codes of promises and threats (P1, S1, W18, ...) are defined on one page, with tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    "P": "promises.md",
    "S": "threats.md",
    "I": "threats.md",
    "M": "threats.md",
    "D": "threats.md",
    "W": "threats.md",
    "L": "threats.md",
}
ROW = re.compile(r"^\| ([PSIMDWL][0-9]+) \|.*\| ([^|]+) \|$", re.MULTILINE)
# Not a part of another word, nor a rule of ruff (three digits and more, "S104") or a weight of bits ("W3C").
CODE = re.compile(r"(?<![\w.#%/-])[PSIMDWL](?:[1-9]|[1-9][0-9])(?![\w%])")


def read_rows():
    """Return the code and the tests of each row of both pages."""
    return {
        (code, page): re.findall(r"`(tests/[^`]+)`", tests)
        for page in set(PAGES.values())
        for code, tests in ROW.findall((ROOT / "docs/explanation" / page).read_text("utf-8"))
    }


def read_cited_codes():
    """Return each code in the Python files and pages of the repository, and a file that cites it."""
    paths = [path for folder in ("src", "tests", "docs") for path in (ROOT / folder).rglob("*")]
    paths = [path for path in [*paths, *ROOT.glob("*.md")] if path.suffix in {".py", ".md"}]
    return {code: str(path.relative_to(ROOT)) for path in paths for code in CODE.findall(path.read_text("utf-8"))}


def test_each_code_is_defined_once_on_its_page():
    rows = read_rows()
    codes = [code for code, _ in rows]

    assert len(codes) == len(set(codes))
    assert [(code, page) for code, page in rows if PAGES[code[0]] != page] == []
    for letter in PAGES:
        numbers = sorted(int(code[1:]) for code in codes if code[0] == letter)
        assert numbers == list(range(1, len(numbers) + 1)), letter


def test_each_cited_code_is_defined():
    defined = {code for code, _ in read_rows()}
    cited = read_cited_codes()

    assert {"P1", "W18"} <= set(cited)  # the search itself works
    assert {code: name for code, name in cited.items() if code not in defined} == {}


def test_each_code_names_tests_that_exist():
    rows = read_rows()

    assert [code for (code, _), tests in rows.items() if not tests] == []
    assert {test: code for (code, _), tests in rows.items() for test in tests if not (ROOT / test).is_file()} == {}


def test_each_promise_has_a_test_with_its_name():
    tests = (ROOT / "tests/test_promises.py").read_text("utf-8")

    assert [
        code for code, page in read_rows() if page == "promises.md" and f"def test_{code.lower()}_" not in tests
    ] == []
