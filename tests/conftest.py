"""Fixtures and options of the whole suite."""

import inspect
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from lazr.smtptest import MailServer
from tests.helpers.smtp_client import RawSmtpClient
from tests.ui.browser import TIMEOUT_SECONDS, Browser, find_missing_program, is_ci

pytest_plugins = ["pytester"]

# Before the first import: several modules use the helpers of the contract.
pytest.register_assert_rewrite("tests.store.contract")

PROJECT = Path(__file__).parent.parent


def pytest_addoption(parser):
    parser.addoption("--thorough", action="store_true", help="kill processes 50 times instead of 8")


def pytest_configure():
    # Under nohup, SIGINT is ignored, also in child processes; but tests stop those with SIGINT.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    allow_slow_responses()


def allow_slow_responses():
    """Give each request of httpx 60 s by default; a busy machine may need more than the 5 s that httpx gives."""
    default = inspect.signature(httpx.Client).parameters["timeout"].default
    for name in ("connect", "read", "write", "pool"):
        setattr(default, name, 60.0)
    assert httpx.Client().timeout.read == 60.0


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items):
    # With `--dist loadgroup`, one worker runs all tests of a group: PostgreSQL starts once, the wheel is built once,
    # and there is one browser, which also opens the documentation site.
    groups = {name: name for name in ("postgres", "oldest", "wheel", "browser")} | {"documentation_site": "browser"}
    for item in items:
        for name, group in groups.items():
            if item.get_closest_marker(name) or name in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(group))
                break


@pytest.fixture
def kill_count(request):
    """Return how many times a test kills a process; the variable KILL_ROUNDS sets another number."""
    return int(os.environ.get("KILL_ROUNDS", "50" if request.config.getoption("--thorough") else "8"))


@pytest.fixture
def server():
    """Return a started MailServer."""
    with MailServer() as server:
        yield server


@pytest.fixture
def connect():
    """Return a function that connects a `RawSmtpClient` to a server or an address; the fixture closes all clients."""
    clients = []

    def connect(server, **kwargs):
        client = RawSmtpClient(getattr(server, "address", server), **kwargs)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """Return the path of the wheel under test: `$SMTPTEST_WHEEL`, or a new one."""
    if "SMTPTEST_WHEEL" in os.environ:
        return Path(os.environ["SMTPTEST_WHEEL"])
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(PROJECT)]
    subprocess.run(command, check=True, timeout=300, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def documentation_site(tmp_path_factory):
    """Return the folder of the documentation site, built for the tests."""
    from tests.helpers.documentation_site import build_site

    return build_site(tmp_path_factory.mktemp("documentation"))


@pytest.fixture(scope="session")
def browser():
    """The browser; the tests are skipped where it is missing, and fail in CI."""
    reason = find_missing_program()
    if reason is not None:
        (pytest.fail if is_ci() else pytest.skip)(reason)
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def page(browser):
    """A page of a fresh profile, as pytest-playwright has it."""
    with browser.active():
        context = browser.chromium.new_context(viewport={"width": 800, "height": 600})
        context.set_default_timeout(TIMEOUT_SECONDS * 1000)
        yield context.new_page()
        context.close()
