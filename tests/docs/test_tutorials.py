"""The tutorials for beginners: every command runs, and prints what the page shows."""

import os
import re

import pytest

from tests.docs.tutorial_page import FOLDER, Step, Terminal, build_environment, change_file, is_expected, parse_steps

PAGES = ["first-test.md", "first-fault.md", "first-server.md"]


def run_page(page, folder, *, install):
    """Do the steps of a page in a new folder, and compare the output of each command."""
    with Terminal(folder, build_environment(folder), install=install) as terminal:
        for step in parse_steps((FOLDER / page).read_text("utf-8")):
            output = terminal.do(step)
            if step.name.startswith("pip install"):
                if "No matching distribution" in output and "SMTPTEST_ALL_CLIENTS" not in os.environ:
                    pytest.skip("the package index cannot be reached")
                assert "ERROR" not in output, output
            elif step.kind == "command":
                assert is_expected(step.text, output), f"$ {step.name}\n{output}"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_commands_of_tutorial_print_what_it_shows(page, tmp_path):
    run_page(page, tmp_path, install=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_tutorial_works_in_an_environment_that_it_makes(page, tmp_path):
    run_page(page, tmp_path, install=True)


@pytest.mark.parametrize("page", PAGES)
def test_tutorial_has_files_and_commands_with_output(page):
    text = (FOLDER / page).read_text("utf-8")
    steps = parse_steps(text)

    assert {step.kind for step in steps} == {"create", "change", "command"} or page == "first-server.md"
    assert all(step.name for step in steps)  # each file has a name before its block
    assert len([step for step in steps if step.kind == "command" and step.text.strip(". \n")]) >= 2
    assert len(re.findall(r"^\$ ", text, re.MULTILINE)) == len([step for step in steps if step.kind == "command"])


def test_steps_of_a_page_are_found():
    page = "Create `a.py`:\n\n```python\nx = 1\n```\n\nIn `a.py`:\n\n```diff\n-x = 1\n+x = 2\n```\n\n"
    page += "```console\n$ echo a\na\n$ echo b\n```\n"

    assert parse_steps(page) == [
        Step("create", "a.py", "x = 1\n"),
        Step("change", "a.py", "-x = 1\n+x = 2\n"),
        Step("command", "echo a", "a\n"),
        Step("command", "echo b", ""),
    ]


def test_change_replaces_lines(tmp_path):
    file = tmp_path / "a.py"
    file.write_text("x = 1\ny = 1\n")
    change_file(file, " x = 1\n-y = 1\n+y = 2\n")

    assert file.read_text() == "x = 1\ny = 2\n"
    with pytest.raises(AssertionError, match="not exactly once"):
        change_file(file, "-z = 1\n")


def test_terminal_keeps_its_folder_and_shows_errors(tmp_path):
    with Terminal(tmp_path, build_environment(tmp_path), install=False) as terminal:
        terminal.do(Step("command", "mkdir shop && cd shop", ""))
        terminal.do(Step("create", "a.py", "print('Hi')\n"))

        assert terminal.do(Step("command", "python a.py", "")) == "Hi\n"
        assert terminal.do(Step("command", "pip install nothing", "")) == ""  # not run
        assert "missing" in terminal.do(Step("command", "cat missing", ""))
    assert (tmp_path / "shop" / "a.py").is_file()


def test_other_output_is_a_failure():
    assert is_expected("1 passed in ...\n", "1 passed in 0.02s\n")
    assert not is_expected("1 passed in ...\n", "1 failed in 0.02s\n")
