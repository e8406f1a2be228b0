"""Testcontainers module: `smtptest serve` in a container, with an inbox for tests.

`SmtptestContainer` is a `DockerContainer`, so all of its methods work: `with_env`, `with_network`, `with_command`.  A
`SharedServer` reads the mails over the REST API of the container.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.host_port import format_host_port
from lazr.smtptest.api_client import ApiClient, ApiUnavailable
from lazr.smtptest.errors import MissingExtra, StartError
from lazr.smtptest.testing import SharedServer

try:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import WaitStrategy
except ImportError as _error:
    raise MissingExtra(
        'SmtptestContainer needs testcontainers: pip install "lazr.smtptest[testcontainers]"'
    ) from _error

if TYPE_CHECKING:
    from typing import Any, Self

    from testcontainers.core.waiting_utils import WaitStrategyTarget

    from lazr.smtptest.mail import Inbox

__all__ = ["DEFAULT_IMAGE", "HTTP_PORT", "SMTP_PORT", "SmtptestContainer"]

DEFAULT_IMAGE = "smtptest"
SMTP_PORT, HTTP_PORT = 1025, 8025

_STARTUP_TIMEOUT_SECONDS = 60
_POLL_SECONDS = 0.1
_REQUEST_TIMEOUT_SECONDS = 5.0
_WAITING_STATUSES = frozenset({"created", "running", "restarting"})


class _ReadyWaitStrategy(WaitStrategy):
    """Wait until /readyz answers with 200, or until the container has ended."""

    def wait_until_ready(self, container: WaitStrategyTarget) -> None:
        deadline = monotonic() + self._startup_timeout
        while True:
            container.reload()
            if container.status not in _WAITING_STATUSES:
                raise StartError(f"the container ended before the server was ready; its log:\n{_read_log(container)}")
            try:
                address = container.get_container_host_ip(), int(container.get_exposed_port(HTTP_PORT))
                with ApiClient(f"http://{format_host_port(*address)}") as api:
                    api.request("GET", "/readyz", timeout=_REQUEST_TIMEOUT_SECONDS)
            except (ApiUnavailable, ConnectionError, TimeoutError) as error:  # the latter two: it has no port
                if monotonic() > deadline:
                    raise TimeoutError(f"the server is not ready after {self._startup_timeout} s: {error}") from None
            else:
                return
            time.sleep(_POLL_SECONDS)


def _read_log(container: WaitStrategyTarget) -> str:
    return b"".join(container.get_logs()).decode("utf-8", "replace")


class SmtptestContainer(DockerContainer):
    """A container with `smtptest serve`, and all mails that it receives.

        with SmtptestContainer() as mail:
            with smtplib.SMTP(*mail.smtp_address) as client:
                client.sendmail("app@example.com", ["ann@example.com"], "Subject: Welcome")
            assert mail.inbox.one(to="ann@example.com").subject == "Welcome"

    The mails are in memory, and are gone when the container stops.  The environment variables of `smtptest serve`
    configure it: `SmtptestContainer().with_env("SMTPTEST_SERVE_TLS", "starttls")`.

    Args:
        image: the image to start, which the Containerfile of the project builds; `smtptest` by default.
        timeout: the default timeout of all waits for mail, in seconds; 5 by default.
        startup_timeout: the time that the server has to start, in seconds; 60 by default.
        options: further arguments of `DockerContainer`, such as `network`.

    Raises:
        docker.errors.DockerException: if no Docker daemon answers.
    """

    def __init__(
        self,
        image: str = DEFAULT_IMAGE,
        *,
        timeout: float = 5.0,
        startup_timeout: int = _STARTUP_TIMEOUT_SECONDS,
        **options: Any,
    ) -> None:
        super().__init__(image, **options)
        self._timeout = timeout
        self._server: SharedServer | None = None
        self.with_exposed_ports(SMTP_PORT, HTTP_PORT)
        self.env: dict[str, str] = {
            "SMTPTEST_SERVE_DATABASE": "memory:",
            **self.env,
        }  # a copy: `env` may be of several containers
        self.waiting_for(_ReadyWaitStrategy().with_startup_timeout(startup_timeout))

    def start(self) -> Self:
        """Start the container, and wait until it can receive mail; remove it if that fails.

        Raises:
            StartError: if the container ends at once, with its log.
            TimeoutError: if the server is not ready in time.
            ApiUnavailable: if the API refuses requests without a login.
        """
        try:
            super().start()
            server = SharedServer(
                self.http_url,
                "container",
                smtp=format_host_port(*self.smtp_address),
                timeout=self._timeout,
                all_mails=True,
            )
            server.start()
        except BaseException:
            self.stop()
            raise
        self._server = server
        return self

    def stop(self, *arguments: Any, **options: Any) -> None:
        """Remove the container; do nothing if that is done.  The inbox keeps its mails.

        The arguments are those of `DockerContainer.stop`.
        """
        if self._server is not None:
            self._server.stop()
        super().stop(*arguments, **options)
        self._container = None

    @property
    def smtp_address(self) -> tuple[str, int]:
        """The host and port for SMTP, for clients on this machine.

        Another container in the same network uses the alias of this container, and port 1025.
        """
        return self.get_container_host_ip(), int(self.get_exposed_port(SMTP_PORT))

    @property
    def http_url(self) -> str:
        """The URL of the web inbox and the REST API, for clients on this machine."""
        return f"http://{format_host_port(self.get_container_host_ip(), int(self.get_exposed_port(HTTP_PORT)))}"

    @property
    def inbox(self) -> Inbox:
        """All mails at the server, or those since `forget()`.

        `mail.inbox.one(to="ann@example.com")` waits for a mail.

        Raises:
            StartError: if the container is not started.
        """
        return self.server.inbox

    @property
    def server(self) -> SharedServer:
        """The server for clients on this machine, with `env()`, `client_context()` and `ca_file`.

        Raises:
            StartError: if the container is not started.
        """
        if self._server is None:
            raise StartError("the container is not started; use `with SmtptestContainer() as mail:`")
        return self._server

    def forget(self) -> None:
        """Empty the inbox for the next test.  The mails stay in the web inbox."""
        self.server.forget()
