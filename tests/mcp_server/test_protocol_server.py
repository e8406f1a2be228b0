"""The server of the SDK: how many calls run at once, whatever the transport."""

import anyio
from mcp import Client

from lazr.smtptest.mcp_server import build_server
from lazr.smtptest.mcp_server.protocol_server import MAX_CONCURRENT_CALLS
from lazr.smtptest.mcp_server.rest_api import RestResponse

PAGE = b'{"messages": [], "messages_count": 0, "pending": 0, "cursors": {"next": ""}}'


class BlockedApi:
    """A REST API that answers when the test lets it."""

    def __init__(self):
        self.running = 0
        self.started, self.released = anyio.Semaphore(0), anyio.Event()

    async def request(self, method, path, body=None, *, query=None, timeout=60, max_bytes=0):
        self.running += 1
        self.started.release()
        if path != "/api/v1/wait":
            await self.released.wait()
        self.running -= 1
        return RestResponse(PAGE)


async def run_calls():
    api = BlockedApi()
    async with Client(build_server(lambda context: api)) as client, anyio.create_task_group() as tasks:
        with anyio.fail_after(60):
            for _ in range(MAX_CONCURRENT_CALLS + 3):
                tasks.start_soon(client.call_tool, "search", {})
            for _ in range(MAX_CONCURRENT_CALLS):
                await api.started.acquire()
            wait = await client.call_tool("wait_for_mail", {})  # not one of the limited calls
            before, most = wait.is_error, api.running
            api.released.set()
    return before, most, api.running


def test_calls_are_limited_and_waits_are_not():
    assert anyio.run(run_calls) == (False, MAX_CONCURRENT_CALLS, 0)
