"""The fixtures `smtpd` (smtpdfix) and `smtpserver` (pytest-localserver) on `MailServer`.

They are for gradual migration.  pytest does not load them by itself, so they do not clash with the original plugins.  A
test module, or the conftest.py of a folder, imports them:

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
    """Start a server with the interface of smtpdfix; `server` is the `MailServer`."""
    from lazr.smtptest.pytest_aliases.smtpdfix import Smtpd
    from lazr.smtptest.pytest_plugin import get_servers

    servers = get_servers(request)
    yield Smtpd(servers)
    servers.stop()


@pytest.fixture
def smtpserver(request: pytest.FixtureRequest) -> Iterator[Smtpserver]:
    """Start a server with the interface of pytest-localserver; `server` is the `MailServer`."""
    from lazr.smtptest.pytest_aliases.localserver import Smtpserver
    from lazr.smtptest.pytest_plugin import get_servers

    servers = get_servers(request)
    yield Smtpserver(servers.start("smtpserver", {}))
    servers.stop()
