"""docs/how-to/grade.md: its commands run in order, with the documented output."""

import doctest
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.helpers.command_line import build_environment, run_smtptest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "grade.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STEP = re.compile(r"^\$ smtptest (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.slow
def test_commands_of_the_page_run(tmp_path):
    shutil.copy(ROOT / "tests" / "examples" / "send_mail.py", tmp_path)
    variables = build_environment()
    variables["PATH"] = f"{Path(sys.executable).parent}:{variables['PATH']}"
    steps = [step for block in BLOCK.findall(PAGE.read_text("utf-8")) for step in STEP.findall(block)]
    for command, expected in steps:
        done = run_smtptest(*shlex.split(command), cwd=tmp_path, **variables)
        output = done.stderr + done.stdout
        assert doctest.OutputChecker().check_output(expected, output, FLAGS), f"$ {command}\n{output}"

    assert len(steps) == 5
    assert {"report.html", "GRADES.md", "grade.svg", "grades.json", "grades.xml"} <= {
        path.name for path in tmp_path.iterdir()
    }


def test_page_describes_every_variable_and_word():
    from lazr.smtptest.grading.environment import WORDS

    text = PAGE.read_text("utf-8")
    assert [word for word in WORDS if f"`{{{word}}}`" not in text] == []
    for name in re.findall(r'"(SMTP_\w+)":', (ROOT / "src/lazr/smtptest/grading/environment.py").read_text("utf-8")):
        assert f"`{name}`" in text


def test_page_describes_every_outcome():
    from lazr.smtptest.grading import Outcome

    text = PAGE.read_text("utf-8")
    assert [outcome.value for outcome in Outcome if f"\n| {outcome.value} | " not in text] == []


@pytest.mark.skipif(shutil.which("msmtp") is None, reason="the wrapper of the page is for msmtp")
def test_wrapper_of_the_page_obeys_its_task(tmp_path):
    (script,) = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "send.sh").write_text(script)
    only = [f"--only={name}" for name in ("starttls-valid", "tls-valid", "auth-valid", "rcpt-one-of-three-550")]

    done = run_smtptest("grade", *only, "--", "sh", "send.sh", cwd=tmp_path, **build_environment())
    assert done.returncode == 0 and done.stdout.endswith("\n4 of 4 right\n"), done.stdout + done.stderr
