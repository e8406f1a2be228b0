"""Check the types of the code in README.md, docs/ and tests/examples, by mypy --strict and pyright.

Users copy this code, so it must pass the checkers that they run.  Each page becomes one module: the doctests of the
page in their order, and one function for each other block.  A function of a test gets the annotations that pytest gives
its arguments at run time; a user who annotates tests writes the same.
"""

import ast
import doctest
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
# The types of arguments with these names, in each function.
ARGUMENT_TYPES = {
    "smtptest": "_smtptest.MailServer",
    "server": "_smtptest.MailServer",
    "smtp": "tuple[str, int]",
    "servers": "list[tuple[str, int]]",
    "event": "_smtptest.Event",
    "reply": "_smtptest.Reply",
}
# The types of fixtures, in tests and fixtures only.
FIXTURE_TYPES = {
    "smtptest_factory": "_Callable[..., _smtptest.MailServer]",
    "inbox": "_smtptest.Inbox",
    "mail": "_smtptest.Mail",
    "page": "_playwright.Page",
    "tmp_path": "_Path",
    "monkeypatch": "_pytest.MonkeyPatch",
    "capsys": "_pytest.CaptureFixture[str]",
}
PRELUDE = """\
from __future__ import annotations
from collections.abc import Callable as _Callable
from pathlib import Path as _Path
from typing import Any as _Any
import playwright.sync_api as _playwright
import pytest as _pytest
import lazr.smtptest as _smtptest
"""
# The failures are shown as parts of programs; these are their other parts.
PAGE_PRELUDES = {
    "failures.md": "import smtplib, ssl, threading\nfrom contextlib import suppress\n"
    "from lazr.smtptest import Match, MailServer, Reply\n",
    "index.md": "def send_welcome(host: str, port: int) -> None: ...\n",
}
# Tests as they are before a migration: they use other libraries, some without types, as their users do.
FOREIGN_EXAMPLES = {
    *(path for path in (ROOT / "tests/examples").glob("*before.py")),
    ROOT / "tests/examples/test_from_debugging_server.py",
    ROOT / "tests/examples/test_from_django_outbox.py",
}


class Annotator(ast.NodeTransformer):
    """Annotate the functions of an example that have no annotations."""

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        is_test = node.name.startswith("test")
        is_fixture = any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list)
        types = ARGUMENT_TYPES | (FIXTURE_TYPES if is_test or is_fixture else {})
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        for argument in (*arguments, node.args.vararg, node.args.kwarg):
            if argument is not None and argument.annotation is None and argument.arg not in ("self", "cls"):
                argument.annotation = ast.parse(types.get(argument.arg, "_Any"), mode="eval").body
        if node.returns is None:
            node.returns = ast.Constant(None) if is_test or node.name == "__init__" else ast.Name("_Any")
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815


def extract_doctests(text):
    """Return the examples of a page as one program; those that show an exception are left out."""
    examples = doctest.DocTestParser().get_examples(text)
    return "".join(example.source for example in examples if example.exc_msg is None)


def extract_blocks(text):
    """Return the Python blocks of a page that are neither doctests nor foreign."""
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    foreign = {path.read_text("utf-8") for path in FOREIGN_EXAMPLES}
    return [block for block in blocks if not block.lstrip().startswith(">>>") and block not in foreign]


def annotate(source, prelude=""):
    """Return the program with the imports of the annotations, and with annotated functions."""
    return PRELUDE + prelude + ast.unparse(Annotator().visit(ast.parse(source))) + "\n"


def build_page_prelude(page, source):
    """Return what a block of a page needs, besides what it imports and defines."""
    prelude = PAGE_PRELUDES.get(page.name, "")
    if "def send_welcome(" in source:
        return ""
    is_complete = not prelude or "def send(" in source or "send(" not in source
    return prelude if is_complete else f"{prelude}from tests.failures.examples import send\n"


def write_modules(folder):
    """Write a module for each page and each example; return the page of each module."""
    pages = {}
    for page in sorted((ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))):
        text = page.read_text("utf-8")
        stem = str(page.relative_to(ROOT).with_suffix("")).replace(os.sep, "_").replace("-", "_").lower()
        programs = {stem: extract_doctests(text)} if page.name != "classic.md" else {}
        programs |= {f"{stem}_block{number}": block for number, block in enumerate(extract_blocks(text), 1)}
        for name, program in programs.items():
            if program.strip():
                (folder / f"page_{name}.py").write_text(annotate(program, build_page_prelude(page, program)), "utf-8")
                pages[f"page_{name}.py"] = page.relative_to(ROOT)
    for example in sorted((ROOT / "tests/examples").rglob("test_*.py")):
        if example in FOREIGN_EXAMPLES:
            continue
        name = "_".join(example.relative_to(ROOT / "tests/examples").with_suffix("").parts)
        (folder / f"example_{name}.py").write_text(annotate(example.read_text("utf-8")), "utf-8")
        pages[f"example_{name}.py"] = example.relative_to(ROOT)
    return pages


def run_checker(command, folder, pages):
    """Run a checker in the folder, and print each error with its page and its line of code."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MYPYPATH": str(ROOT / "src"),
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    errors = 0
    for line in done.stdout.splitlines():
        found = re.match(r"\s*(?:.*/)?(\w+\.py):(\d+)(?::\d+)?(?: -)?:? (error: .*)", line)
        if found is not None:
            errors += 1
            code = (folder / found[1]).read_text("utf-8").splitlines()[int(found[2]) - 1].strip()
            print(f"{pages.get(found[1], found[1])}: {found[3]}\n    {code}")
    if done.returncode and not errors:
        print(done.stdout, done.stderr)
    return done.returncode


def main():
    """Check all pages, and return the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages = write_modules(folder)
        mypy = [
            *(sys.executable, "-m", "mypy", "--strict", "--namespace-packages", "--explicit-package-bases"),
            *("--ignore-missing-imports", "--no-error-summary", "--hide-error-context"),
            # A page uses `_` and `client` for values of several types, one after the other.
            *("--allow-redefinition-new", "--local-partial-types"),
            # An untyped decorator of another library, such as Flask's, says nothing about this one.
            *("--allow-untyped-decorators", "--allow-subclassing-any", "--allow-untyped-calls", "--no-warn-return-any"),
            f"--cache-dir={ROOT / '.mypy_cache'}",
            *sorted(pages),
        ]
        statuses = [run_checker(mypy, folder, pages)]
        (folder / "pyrightconfig.json").write_text(
            '{"typeCheckingMode": "standard", "reportMissingImports": false, "reportMissingModuleSource": false, '
            f'"extraPaths": ["{ROOT / "src"}"]}}'
        )
        statuses.append(run_checker([sys.executable, "-m", "pyright", *sorted(pages)], folder, pages))
        print(f"checked the code of {len(set(pages.values()))} pages and examples")
    return 1 if any(statuses) else 0


if __name__ == "__main__":
    raise SystemExit(main())
