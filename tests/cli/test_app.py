"""The command line as a whole: what is missing is said, help has examples, shells can complete it."""

import subprocess
import sys

import pytest

from cli.smtptest import COMMAND, environment, smtptest


def test_a_missing_library_is_one_line_that_says_what_to_install():
    program = "import sys; sys.modules['typer'] = None; from lazr.smtptest.cli import main; sys.exit(main(['ls']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == 'smtptest: typer is missing: pip install "lazr.smtptest[serve]"\n'


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete_it(shell):
    done = subprocess.run(
        COMMAND, capture_output=True, text=True, timeout=60, check=False,
        env=environment(_SMTPTEST_COMPLETE=f"source_{shell}"),
    )  # fmt: skip
    assert done.returncode == 0 and "_SMTPTEST_COMPLETE" in done.stdout and "smtptest" in done.stdout


def test_commands_are_completed():
    done = subprocess.run(
        COMMAND, capture_output=True, text=True, timeout=60, check=False,
        env=environment(_SMTPTEST_COMPLETE="complete_bash", COMP_WORDS="smtptest ser", COMP_CWORD="1"),
    )  # fmt: skip
    assert "serve" in done.stdout.split()


def test_a_flag_is_shown_without_a_value():
    shown = smtptest("send", "--help").stdout

    assert "--starttls" in shown and [line for line in shown.splitlines() if "<bool>" in line] == [
        line for line in shown.splitlines() if "--help" in line
    ]


def test_help_has_no_colours_in_a_pipe():
    assert "\x1b" not in smtptest("--help").stdout
