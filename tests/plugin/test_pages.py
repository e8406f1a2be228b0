"""The examples of README.md and docs/pytest.md are tests that do what the pages say."""

import re
from pathlib import Path

HERE = Path(__file__).parents[2]


def blocks(page, kind):
    return re.findall(rf"```{kind}\n(.*?)```", (HERE / page).read_text("utf-8"), re.DOTALL)


def as_patterns(text):
    """A block of output as patterns, in which `...` stands for anything."""
    for line in text.splitlines():
        pattern = line.replace("[", "[[]").replace("...", "*")
        yield f"*{pattern}*" if line.startswith("- ") else pattern  # a rule is as wide as the terminal


def test_the_example_of_the_readme_passes(newest):
    newest.pytester.makepyfile(test_readme=blocks("README.md", "python")[0])

    newest.run().assert_outcomes(passed=1)


def test_the_examples_of_the_page_pass_and_the_failing_one_fails_as_shown(runner):
    for number, block in enumerate(blocks("docs/pytest.md", "python")):
        runner.pytester.makepyfile(**{f"test_{number}": block})
    [configuration] = blocks("docs/pytest.md", "ini")
    (runner.path / "other").mkdir()
    (runner.path / "other" / "pytest.ini").write_text(configuration)
    (runner.path / "other" / "test_a.py").write_text(
        "def test_a(smtptest): assert smtptest.env()['SMTP_USERNAME'] == 'app'\n"
    )

    result = runner.run("--ignore=other", "--color=no")
    result.assert_outcomes(passed=7, failed=1)
    [shown] = blocks("docs/pytest.md", "text")
    result.stdout.fnmatch_lines(list(as_patterns(shown)))
    runner.run("--rootdir=other", "-c", "other/pytest.ini", "other").assert_outcomes(passed=1)
