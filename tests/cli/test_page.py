"""docs/reference/cli.md: its examples run in order, and its reference equals the rendered one."""

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import render_reference
from tests.helpers.command_line import ServeThread, build_environment, run_smtptest

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STEP = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
DOCUMENTED_PORTS = {"smtp": 1025, "http": 8025, "imap": 1143, "pop3": 1110}
SHELL = set("|<>&;$*`")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.slow
def test_examples_of_the_page_run(running_server, tmp_path):
    scripts = Path(sys.executable).parent
    ports = {
        "127.0.0.1:1025": "{}:{}".format(*running_server.server.address),
        "127.0.0.1:8025": running_server.web.url[7:],
    }
    variables = build_environment(SMTPTEST_API=running_server.web.url, SMTPTEST_SERVER=ports["127.0.0.1:1025"])
    variables["PATH"] = f"{scripts}:{variables['PATH']}"
    ran = 0
    for block in BLOCK.findall(render_reference.PAGE.read_text("utf-8")):
        for command, expected in STEP.findall(block):
            if command == "smtptest serve":
                settings = {"SMTPTEST_SERVE_NO_IMAP": "0", "SMTPTEST_SERVE_NO_POP3": "0"}
                database = tmp_path / "mails.sqlite"
                with ServeThread("--database", database, "--http-port", "0", **settings) as serving:
                    output = re.sub(
                        r"(\w+)://127.0.0.1:\d+",
                        lambda url: f"{url[1]}://127.0.0.1:{DOCUMENTED_PORTS[url[1]]}",
                        serving.first_line,
                    )
            elif not SHELL & set(command) and command.startswith("smtptest "):
                done = run_smtptest(*shlex.split(command)[1:], cwd=tmp_path, **variables)
                output = done.stdout + done.stderr
            else:
                done = subprocess.run(
                    ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                    timeout=120, check=False, cwd=tmp_path, env=variables,
                )  # fmt: skip
                output = done.stdout
            for documented, actual in ports.items():
                output = output.replace(actual, documented)
            # FLAGS compare white space loosely; <BLANKLINE> is not needed.
            assert doctest.OutputChecker().check_output(expected, output, FLAGS), f"$ {command}\n{output}"
            ran += 1
    assert ran > 25


def test_page_has_an_example_of_every_command():
    from lazr.smtptest.cli.app import build_command

    text = "".join(BLOCK.findall(render_reference.PAGE.read_text("utf-8")))
    for name, one in build_command().commands.items():
        for leaf in getattr(one, "commands", {"": None}):
            assert f"smtptest {name} {leaf}".strip() in text


def test_reference_of_the_page_is_current():
    """If it fails, run `python tests/cli/render_reference.py --write`."""
    assert render_reference.PAGE.read_text("utf-8") == render_reference.expected()
