"""The fixtures `smtpd` of smtpdfix and `smtpserver` of pytest-localserver on a `MailServer`, to move bit by bit.

They are not there by themselves, so they are in nobody's way: a test module, or a conftest.py for
all modules in its folder, asks for them.

    from lazr.smtptest.pytest_aliases import smtpd  # noqa: F401
"""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.pytest_aliases.localserver import Smtpserver
    from lazr.smtptest.pytest_aliases.smtpdfix import Smtpd

__all__ = ["smtpd", "smtpserver"]


@pytest.fixture
def smtpd(request: pytest.FixtureRequest) -> Iterator[Smtpd]:
    """What smtpdfix calls so: `hostname`, `port`, `messages`, `config`; and `server`, the `MailServer`."""
    from lazr.smtptest.pytest_aliases.smtpdfix import Smtpd
    from lazr.smtptest.pytest_plugin import servers_of

    servers = servers_of(request)
    yield Smtpd(servers)
    servers.stop()


@pytest.fixture
def smtpserver(request: pytest.FixtureRequest) -> Iterator[Smtpserver]:
    """What pytest-localserver calls so: `addr`, `outbox`; and `server`, the `MailServer`."""
    from lazr.smtptest.pytest_aliases.localserver import Smtpserver
    from lazr.smtptest.pytest_plugin import servers_of

    servers = servers_of(request)
    yield Smtpserver(servers.start("smtpserver", {}))
    servers.stop()
