"""The examples of README.md, docs/index.md and docs/tutorial/pytest.md run with the documented results."""

import re
from pathlib import Path

HERE = Path(__file__).parents[2]


def find_blocks(page, kind):
    return re.findall(rf"```{kind}\n(.*?)```", (HERE / page).read_text("utf-8"), re.DOTALL)


def build_patterns(text):
    """Yield patterns for the lines of a block, in which `...` matches anything."""
    for line in text.splitlines():
        pattern = line.replace("[", "[[]").replace("...", "*")
        yield f"*{pattern}*" if line.startswith("- ") else pattern  # the width of a separator depends on the terminal


def test_readme_examples_pass(newest):
    blocks = [block for block in find_blocks("README.md", "python") if not block.startswith(">>>")]
    for number, block in enumerate(blocks):
        newest.pytester.makepyfile(**{f"test_readme_{number}": block})

    newest.run().assert_outcomes(passed=2)


def test_pictures_of_readme_exist():
    pictures = re.findall(r'(?:src|srcset)="([^"]+)"', (HERE / "README.md").read_text("utf-8"))

    assert len(pictures) == 5
    assert [name for name in pictures if not (HERE / name).is_file()] == []


def test_index_examples_pass_or_fail_as_documented(newest):
    newest.pytester.makepyfile(test_index="\n\n".join(find_blocks("docs/index.md", "python")))

    result = newest.run("--color=no")
    result.assert_outcomes(passed=1, failed=1)
    [documented] = find_blocks("docs/index.md", "text")
    documented = re.sub(r":40000|0\.001", "...", documented)  # ports and times differ
    documented = documented.replace("TO:", "??:")  # smtplib writes `to:` since Python 3.12
    result.stdout.fnmatch_lines([f"E  *{line.strip()}" for line in build_patterns(documented)])


def test_page_examples_pass_or_fail_as_documented(runner):
    for number, block in enumerate(find_blocks("docs/tutorial/pytest.md", "python")):
        runner.pytester.makepyfile(**{f"test_{number}": block})
    [configuration] = find_blocks("docs/tutorial/pytest.md", "ini")
    (runner.path / "other").mkdir()
    (runner.path / "other" / "pytest.ini").write_text(configuration)
    (runner.path / "other" / "test_a.py").write_text(
        "def test_a(smtptest): assert smtptest.env()['SMTP_USERNAME'] == 'app'\n"
    )

    result = runner.run("--ignore=other", "--color=no")
    result.assert_outcomes(passed=10, failed=1)
    [documented] = find_blocks("docs/tutorial/pytest.md", "text")
    result.stdout.fnmatch_lines(list(build_patterns(documented)))
    runner.run("--rootdir=other", "-c", "other/pytest.ini", "other").assert_outcomes(passed=1)
