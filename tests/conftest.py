"""Fixtures of the whole suite."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lazr.smtptest import MailServer
from talk import Client

pytest_plugins = ["pytester"]

HERE = Path(__file__).parent.parent


@pytest.fixture
def server():
    """A started MailServer."""
    with MailServer() as server:
        yield server


@pytest.fixture
def connect():
    """Raw clients, closed at the end: `connect(server)`."""
    clients = []

    def connect(server, **kwargs):
        client = Client(getattr(server, "address", server), **kwargs)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel under test: the one that CI built, or a new one."""
    if "SMTPTEST_WHEEL" in os.environ:
        return Path(os.environ["SMTPTEST_WHEEL"])
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(HERE)]
    subprocess.run(command, check=True, timeout=300, capture_output=True)
    return next(folder.glob("*.whl"))
