"""docs/cli.md: its examples run, in order, and its reference is what the commands have."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

from cli import page
from cli.smtptest import Serving, environment

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STEP = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
LISTENING = "smtp://127.0.0.1:1025 and http://127.0.0.1:8025"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def test_the_examples_of_the_page_run(whole, tmp_path):
    folder = Path(sys.executable).parent  # where `smtptest` is
    ports = {"127.0.0.1:1025": "{}:{}".format(*whole.server.address), "127.0.0.1:8025": whole.web.url[7:]}
    variables = environment(SMTPTEST_API=whole.web.url, SMTPTEST_SERVER=ports["127.0.0.1:1025"])
    variables["PATH"] = f"{folder}:{variables['PATH']}"
    ran = 0
    for block in BLOCK.findall(page.PAGE.read_text("utf-8")):
        for command, wanted in STEP.findall(block):
            if command == "smtptest serve":
                with Serving("--database", tmp_path / "mails.sqlite", "--http-port", "0") as serving:
                    said = re.sub(r"smtp://127.0.0.1:\d+ and http://127.0.0.1:\d+", LISTENING, serving.first)
            else:
                done = subprocess.run(
                    ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                    timeout=120, check=False, cwd=tmp_path, env=variables,
                )  # fmt: skip
                said = done.stdout.replace(ports["127.0.0.1:1025"], "127.0.0.1:1025")
            # An empty line in the output is one here, too.
            assert doctest.OutputChecker().check_output(wanted, said, FLAGS), f"$ {command}\n{said}"
            ran += 1
    assert ran > 25


def test_every_command_has_an_example_in_the_page():
    from lazr.smtptest.cli.app import command

    text = "".join(BLOCK.findall(page.PAGE.read_text("utf-8")))
    for name, one in command().commands.items():
        for leaf in getattr(one, "commands", {"": None}):
            assert f"smtptest {name} {leaf}".strip() in text


def test_the_reference_is_what_the_commands_have():
    """`python tests/cli/page.py --write` makes it so."""
    assert page.PAGE.read_text("utf-8") == page.expected()
