"""`resolve_host`: DNS queries without an answer."""

import asyncio
import socket
import threading

import pytest

from lazr.smtptest.web.outbound.resolver import resolve_host
from tests.helpers.http_receiver import TIMEOUT


@pytest.fixture
def silent_dns(monkeypatch):
    """Make DNS queries wait until this event is set."""
    gate, getaddrinfo = threading.Event(), socket.getaddrinfo

    def wait_and_resolve(*args, **kwargs):
        gate.wait(TIMEOUT)
        return getaddrinfo(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", wait_and_resolve)
    yield gate
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "smtptest-names":
            thread.join(TIMEOUT)


def test_pending_queries_take_no_thread_of_the_loop(silent_dns):
    async def look_up():
        queries = [asyncio.create_task(resolve_host("127.0.0.1", 80)) for _ in range(32)]
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="at most 32 host names can be resolved at once"):
            await asyncio.wait_for(resolve_host("127.0.0.1", 80), TIMEOUT)
        queries[0].cancel()
        assert await asyncio.to_thread(threading.active_count) > 32
        silent_dns.set()
        return await asyncio.gather(*queries[1:])

    assert asyncio.run(look_up()) == [["127.0.0.1"]] * 31


def test_pending_query_does_not_delay_the_end_of_the_loop(silent_dns):
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(resolve_host("127.0.0.1", 80), 0.1))

    assert "smtptest-names" in [thread.name for thread in threading.enumerate()]  # the query itself goes on


def test_localhost_is_resolved():
    assert set(asyncio.run(resolve_host("localhost", 80))) & {"127.0.0.1", "::1"}
