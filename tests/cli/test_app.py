"""The command line: missing libraries, shell completion and `--help`."""

import subprocess
import sys

import pytest

from tests.helpers.command_line import run_smtptest


def test_missing_library_names_the_extra_to_install():
    program = "import sys; sys.modules['typer'] = None; from lazr.smtptest.cli import main; sys.exit(main(['ls']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == 'smtptest: typer is missing: pip install "lazr.smtptest[serve]"\n'


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_printed(shell):
    done = run_smtptest(_SMTPTEST_COMPLETE=f"source_{shell}")
    assert done.returncode == 0 and "_SMTPTEST_COMPLETE" in done.stdout and "smtptest" in done.stdout


def test_command_names_are_completed():
    done = run_smtptest(_SMTPTEST_COMPLETE="complete_bash", COMP_WORDS="smtptest ser", COMP_CWORD="1")
    assert "serve" in done.stdout.split()


def test_help_shows_flags_without_a_value():
    shown = run_smtptest("send", "--help").stdout

    assert "--starttls" in shown and [line for line in shown.splitlines() if "<bool>" in line] == [
        line for line in shown.splitlines() if "--help" in line
    ]


def test_help_has_no_colors_in_a_pipe():
    assert "\x1b" not in run_smtptest("--help").stdout
