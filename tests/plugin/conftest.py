"""Run pytest in tests: the newest version in this process, the oldest in a subprocess."""

import contextlib
import importlib
import pkgutil
import subprocess
import sys
import venv

import pytest

import lazr.smtptest
from lazr.smtptest import MissingExtra

OLDEST = "8.0.0"

# The beginning of each generated test file.
PREFACE = """
import smtplib
import pytest
from lazr.smtptest import Reply

def send(server, subject="Hi", text="Hello", to="bob@example.com"):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", [to], f"Subject: {subject}\\r\\n\\r\\n{text}\\r\\n".encode())
"""

# Import all modules before any test: after a run of pytest in this process, pytester removes the modules that the test
# has imported.  Their classes would then exist twice, since packages with lazy exports remember the first ones.
for _module in pkgutil.walk_packages(lazr.smtptest.__path__, "lazr.smtptest."):
    if not _module.name.endswith("__main__"):
        with contextlib.suppress(MissingExtra):  # no test here uses the module of an extra that is not installed
            importlib.import_module(_module.name)


@pytest.fixture(scope="session")
def oldest(tmp_path_factory, wheel):
    """Return a Python with the wheel and the oldest supported pytest."""
    folder = tmp_path_factory.mktemp("oldest")
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    done = subprocess.run(
        [*pip, f"pytest=={OLDEST}", str(wheel)], capture_output=True, text=True, timeout=300, check=False
    )
    if "No matching distribution" in done.stderr or "Could not find a version" in done.stderr:
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    return str(python)


class Runner:
    """Write test files, and run pytest on them; warnings are errors.

    Without a Python, pytest runs in this process, unless a subprocess is requested or xdist starts workers (`-n 2`).
    """

    def __init__(self, pytester, python=None):
        self.pytester = pytester
        self.path = pytester.path
        self._python = python

    def write(self, **files):
        """Write test files: `test_a="…"` is the file test_a.py, which begins with the preface."""
        self.pytester.makepyfile(**{name: PREFACE + text for name, text in files.items()})

    def run(self, *arguments, process=False):
        plain = ("-p", "no:asyncio", "-p", "no:randomly", "-p", "no:anyio", "-W", "error")
        if self._python is None and "-n" not in arguments and not process:
            # The fault handler belongs to the outer pytest.
            return self.pytester.runpytest_inprocess(*plain, "-p", "no:faulthandler", *arguments)
        return self.pytester.run(self._python or sys.executable, "-m", "pytest", *plain, *arguments, timeout=120)


@pytest.fixture
def newest(pytester):
    return Runner(pytester)


@pytest.fixture(params=["newest", "oldest"])
def runner(request, pytester):
    """Run the test with both versions of pytest."""
    return Runner(pytester, None if request.param == "newest" else request.getfixturevalue("oldest"))
