"""Runs of pytest in a process of its own, on the newest pytest and on the oldest that is supported."""

import subprocess
import sys
import venv

import pytest

OLDEST = "8.0.0"

# What test files of these tests begin with.
PREFACE = """
import smtplib
import pytest
from lazr.smtptest import Reply

def send(server, subject="Hi", text="Hello", to="bob@example.com"):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", [to], f"Subject: {subject}\\r\\n\\r\\n{text}\\r\\n".encode())
"""


@pytest.fixture(scope="session")
def oldest(tmp_path_factory, wheel):
    """A Python that has the wheel, and the oldest pytest that is supported."""
    folder = tmp_path_factory.mktemp("oldest")
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    done = subprocess.run(
        [*pip, f"pytest=={OLDEST}", str(wheel)], capture_output=True, text=True, timeout=300, check=False
    )
    if "No matching distribution" in done.stderr or "Could not find a version" in done.stderr:
        pytest.skip("no package index is reached")
    assert done.returncode == 0, done.stderr
    return str(python)


class Runner:
    """Writes test files, and runs pytest on them; warnings are errors."""

    def __init__(self, pytester, python):
        self.pytester = pytester
        self.path = pytester.path
        self._python = python

    def write(self, **files):
        """`test_a="…"` is the file test_a.py, which has the preface."""
        self.pytester.makepyfile(**{name: PREFACE + text for name, text in files.items()})

    def run(self, *arguments):
        plain = ("-p", "no:asyncio", "-p", "no:randomly", "-p", "no:anyio", "-W", "error")
        return self.pytester.run(self._python, "-m", "pytest", *plain, *arguments, timeout=120)


@pytest.fixture
def newest(pytester):
    return Runner(pytester, sys.executable)


@pytest.fixture(params=["newest", "oldest"])
def runner(request, pytester):
    """The same on either pytest."""
    return Runner(pytester, sys.executable if request.param == "newest" else request.getfixturevalue("oldest"))
