"""Fixtures: a server of IMAP and POP3, and programs that read from it."""

import os
import shutil
import subprocess

import pytest

from tests.helpers.third_party_clients import require_installed
from tests.readers.dovecot import run_dovecot
from tests.readers.reader_server import is_dovecot, run_own_server

TIMEOUT_SECONDS = 120  # a busy machine may need a minute to start a virtual machine


@pytest.fixture(scope="session")
def dovecot():
    """Return a function that makes a server with a new user; with READER_SERVER=dovecot only."""
    with run_dovecot() as make_server:
        yield make_server


@pytest.fixture
def reader_server(request):
    """A `ReaderServer` whose user has no mails."""
    if is_dovecot():
        yield request.getfixturevalue("dovecot")()
    else:
        with run_own_server() as server:
            yield server


@pytest.fixture
def run_program(tmp_path):
    """Run a program with a home folder of its own, and return its output, errors included, as bytes."""

    def run(*command, text=b"", expected_status=0, **environment):
        require_installed(shutil.which(command[0]), command[0])
        done = subprocess.run(
            command,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
            env=os.environ | {"LC_ALL": "C.UTF-8", "HOME": str(tmp_path)} | environment,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert done.returncode == expected_status, done.stdout.decode(errors="replace")
        return done.stdout

    return run


@pytest.fixture
def received(tmp_path):
    """A `ReceivedMails`: what a program has delivered through its command."""
    return ReceivedMails(tmp_path)


class ReceivedMails:
    """Keeps mails that a program pipes into the command `path`, each in a file."""

    def __init__(self, folder):
        self._folder = folder / "received"
        self._folder.mkdir()
        self.path = folder / "keep"
        self.path.write_text(f"#!/bin/sh\ncat >$(mktemp -p '{self._folder}')\n")
        self.path.chmod(0o700)

    def read(self):
        """Return the contents in the order of their arrival, with CRLF as line end."""
        files = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for path in files]


@pytest.fixture
def maildir(tmp_path):
    """Return the folder of the Maildirs."""
    return tmp_path / "maildir"
