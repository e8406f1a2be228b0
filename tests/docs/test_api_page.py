"""The commands at the beginning of docs/reference/api.md run against `smtptest serve`."""

import doctest
import re
import shlex
import shutil
import smtplib
import subprocess
from pathlib import Path

import pytest

from tests.helpers.command_line import ServeThread
from tests.helpers.third_party_clients import require_installed

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text("utf-8")
COMMANDS = re.findall(r"^\$ (curl .*)\n((?:(?!\$ |```).*\n)*)", PAGE, re.MULTILINE)
DOCUMENTED_URL = "http://127.0.0.1:8025/"


@pytest.fixture(scope="module")
def url():
    """The URL of a server with one mail; it ends with a slash."""
    require_installed(shutil.which("curl"), "curl")
    with ServeThread("--http-port", "0", "--database", "memory:") as serving:
        with smtplib.SMTP(*serving.address) as client:
            message = b"To: ann@example.com\r\nSubject: Sign in\r\n\r\nYour code is 123 456\r\n"
            client.sendmail("app@example.com", "ann@example.com", message)
        yield re.search(r"http://[^\s;/]+", serving.first_line)[0] + "/"


def run_curl(command, url):
    assert DOCUMENTED_URL in command
    words = shlex.split(command.replace(DOCUMENTED_URL, url))
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "expected"), COMMANDS)
def test_command_of_the_page_prints_what_it_shows(url, command, expected):
    done = run_curl(command, url)

    assert done.returncode == 0, done.stdout + done.stderr
    assert doctest.OutputChecker().check_output(expected, done.stdout, doctest.ELLIPSIS), done.stdout


@pytest.mark.slow
def test_wait_of_the_page_fails_without_the_mail(url):
    [wait] = [command for command, _ in COMMANDS if "/wait?" in command]
    # The address is a part of ann@example.com.
    done = run_curl(wait.replace("=ann@", "=nn@").replace("timeout=30", "timeout=0"), url)

    assert done.returncode == 22
    assert "no mail with query='to:=nn@example.com'" in done.stdout
