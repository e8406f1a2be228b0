"""The container image of this project, and a stand-in for the daemon that runs it.

`tools/check_image.sh` builds the image and sets SMTPTEST_IMAGE; without it, the tests of the image are skipped.
"""

import os
import re
from types import SimpleNamespace

import pytest

from tests.helpers.command_line import ServeThread
from tests.helpers.third_party_clients import require_installed

IMAGE_VARIABLE = "SMTPTEST_IMAGE"


def find_image():
    """Return the name of the image to test; skip the test without one."""
    name = os.environ.get(IMAGE_VARIABLE)
    if not name:
        pytest.skip(f"{IMAGE_VARIABLE} is not set: tools/check_image.sh builds the image and tests it")
    return name


def import_container_class():
    """Return `SmtptestContainer`; skip the test if testcontainers is not installed."""
    try:
        from lazr.smtptest.testcontainers import SmtptestContainer
    except ImportError:
        require_installed(False, "testcontainers")
    return SmtptestContainer


def build_daemonless_class():
    """Return an `SmtptestContainer` whose server runs in a thread of this process: only the daemon is replaced.

    The environment, the wait for /readyz, the addresses and the inbox are those of the real class.
    """
    container_class = import_container_class()
    from testcontainers.core.container import DockerContainer

    class RunningThread:
        """A container that runs; the daemon removes it once."""

        def __init__(self, serving):
            self.serving, self.is_removed = serving, False

        def remove(self, **_):
            if self.is_removed:
                raise LookupError("no such container")
            self.is_removed = True
            self.serving.stop()

    class ThreadContainer(DockerContainer):
        """The methods of `DockerContainer` that ask the daemon."""

        status = "running"

        def __init__(self, image, env=None):
            self.image, self.env, self.ports, self.serving, self._container = image, env or {}, {}, None, None

        def start(self):
            self.serving = ServeThread(
                "--http-port", "0", "--database", self.env["SMTPTEST_SERVE_DATABASE"], **self.env
            )
            self._container = RunningThread(self.serving)
            self._wait_strategy.wait_until_ready(self)
            return self

        def reload(self):
            pass

        def get_docker_client(self):
            return SimpleNamespace(client=SimpleNamespace(close=lambda: None))

        def get_container_host_ip(self):
            return "127.0.0.1"

        def get_exposed_port(self, port):
            assert str(port) in self.ports
            scheme = {1025: "smtp", 8025: "http"}[port]
            return int(re.search(rf"{scheme}s?://127\.0\.0\.1:(\d+)", self.serving.first_line)[1])

    return type("ThreadSmtptestContainer", (container_class, ThreadContainer), {})
