"""The fixture `maildev`: a running MailDev."""

import contextlib
import os
import shutil
import socket
import subprocess
import time

import httpx
import pytest

from tests.examples.mail_catcher import MailCatcher
from tests.helpers.third_party_clients import NODE_MODULES, require_installed

START_TIMEOUT_SECONDS = 120


def find_free_port():
    """Return a free port: MailDev does not say which one it got for port 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(process, url):
    """Wait until the API responds; fail if the process ends."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    with httpx.Client() as client:
        while True:
            try:
                if client.get(f"{url}/api/healthz").is_success:
                    return
            except httpx.TransportError:
                assert time.monotonic() < deadline, f"MailDev was not ready in {START_TIMEOUT_SECONDS} s"
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.fail(f"MailDev ended with status {process.wait(0.1)}")


@pytest.fixture
def maildev(tmp_path):
    program = shutil.which("maildev", path=os.pathsep.join([str(NODE_MODULES / ".bin"), os.environ["PATH"]]))
    require_installed(program, "maildev (npm)")
    catcher = MailCatcher("127.0.0.1", find_free_port(), f"http://127.0.0.1:{find_free_port()}")
    command = [program, "--silent", "--ip", "127.0.0.1", "--smtp", str(catcher.port)]
    command += ["--web-ip", "127.0.0.1", "--web", catcher.url.rpartition(":")[2]]
    with subprocess.Popen(command, cwd=tmp_path) as process:
        try:
            wait_until_ready(process, catcher.url)
            yield catcher
        finally:
            process.terminate()
