"""A server with the MCP endpoint, and clients of the SDK for each transport."""

import pytest

from lazr.smtptest.web.api import wait as wait_module
from tests.helpers.mcp_agent import Catcher, connect_http, connect_stdio

TRANSPORTS = ("http", "http 2025", "stdio")


@pytest.fixture(autouse=True)
def _patient_waits(monkeypatch):
    """Let searches and reports take as long as they need on a slow machine."""
    monkeypatch.setattr(wait_module, "_MIN_SEARCH_SECONDS", 20)
    monkeypatch.setattr(wait_module, "_MAX_REPORT_SECONDS", 20)


@pytest.fixture(scope="session")
def _shared_catcher():
    with Catcher() as catcher:
        yield catcher


@pytest.fixture
def catcher(_shared_catcher):
    """The one server of these tests, with nothing left of the test before."""
    _shared_catcher.clear()
    return _shared_catcher


@pytest.fixture(scope="session", params=TRANSPORTS)
def _shared_agent(_shared_catcher, request):
    url = _shared_catcher.web.url
    if request.param == "stdio":
        agent = connect_stdio("--api", url)
    else:  # the protocol of 2026, and that of 2025, which begins with a handshake
        agent = connect_http(url, mode="auto" if request.param == "http" else "legacy")
    with agent:
        yield agent


@pytest.fixture
def each_agent(catcher, _shared_agent):
    """A client of the server, for each transport; the server is empty."""
    return _shared_agent


@pytest.fixture(scope="session")
def _shared_http_agent(_shared_catcher):
    with connect_http(_shared_catcher.web.url) as agent:
        yield agent


@pytest.fixture
def agent(catcher, _shared_http_agent):
    """A client of the server, over HTTP; the server is empty."""
    return _shared_http_agent
