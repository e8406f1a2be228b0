"""Fixtures that run the programs in examples/frameworks against `smtptest serve`."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.helpers.command_line import ServeThread

EXAMPLES = Path(__file__).parents[2] / "examples" / "frameworks"
TIMEOUT_SECONDS = 300  # a busy machine may need a minute to start a virtual machine


@pytest.fixture
def serving():
    """A running `smtptest serve` on free ports; `env` has its addresses, as the example programs read them."""
    with ServeThread("--http-port", "0", "--database", "memory:") as serving:
        host, port = serving.address
        url = re.search(r"http://[^\s;]+", serving.first_line)[0].rstrip("/")
        serving.env = {
            "SMTP_HOST": host,
            "SMTP_PORT": str(port),
            "MAIL_HOST": host,
            "MAIL_PORT": str(port),
            "SMTPTEST_API": url,
        }
        yield serving


@pytest.fixture
def run_program(tmp_path):
    """Run a program in a folder of examples/frameworks: `run_program("rails", "ruby", "x.rb", env={})`.

    It returns the output, errors included; a program that fails, fails the test.
    """

    def run(folder, *command, env):
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("SMTP", "MAIL"))}
        done = subprocess.run(
            command,
            cwd=EXAMPLES / folder,
            env=variables | {"HOME": str(tmp_path)} | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run
