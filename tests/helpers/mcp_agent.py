"""A client of the Model Context Protocol for tests without coroutines, and a server for it."""

import contextlib
import json
import smtplib
import sys
import threading
from time import monotonic

import anyio.from_thread
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from lazr.smtptest import MailServer
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, Guard, WebServer, make_app
from tests.helpers.command_line import build_environment

TIMEOUT_SECONDS = 60


class Agent:
    """A client of the SDK, in an event loop of a thread."""

    def __init__(self, client):
        self.client = client
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.portal = stack.enter_context(anyio.from_thread.start_blocking_portal())
            stack.enter_context(self.portal.wrap_async_context_manager(self.client))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)

    def call(self, name, **arguments):
        """Call a tool, and return its result."""
        return self.start(name, **arguments).result(TIMEOUT_SECONDS)

    def start(self, name, **arguments):
        """Start a call, and return the future of its result."""
        return self.portal.start_task_soon(self.client.call_tool, name, arguments)

    def get(self, name, **arguments):
        """Call a tool that succeeds, and return its structured content."""
        result = self.call(name, **arguments)
        assert not result.is_error, result.content
        assert json.loads(result.content[-1].text) == result.structured_content
        return result.structured_content

    def fail(self, name, **arguments):
        """Call a tool that fails, and return the text of the error."""
        result = self.call(name, **arguments)
        assert result.is_error and result.structured_content is None, result
        [content] = result.content
        return content.text

    def list_tools(self):
        """Return the tools by name."""
        return {tool.name: tool for tool in self.portal.call(self.client.list_tools).tools}


def connect_http(url, *, token=None, auth=None, mode="auto"):
    """Return an agent that uses the endpoint of a web server."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    http_client = httpx2.AsyncClient(headers=headers, auth=auth, timeout=TIMEOUT_SECONDS)
    return Agent(
        Client(_close_after(streamable_http_client(f"{url}/mcp", http_client=http_client), http_client), mode=mode)
    )


@contextlib.asynccontextmanager
async def _close_after(transport, http_client):
    async with http_client, transport as streams:
        yield streams


def connect_stdio(*arguments, **variables):
    """Return an agent that starts `smtptest mcp`."""
    return Agent(
        Client(
            StdioServerParameters(
                command=sys.executable,
                args=["-m", "lazr.smtptest", "mcp", *arguments],
                env=build_environment(**variables),
            )
        )
    )


class Catcher:
    """A mail server with a web server that has the MCP endpoint."""

    def __init__(self, *, guard_settings=None, webroot="/", **settings):
        self.store = MemoryStore()
        self.server = MailServer(store=self.store, auth="any")
        self.app_context = AppContext(self.store, self.server, **settings)
        self.web = WebServer(
            make_app(self.app_context, mcp=True),
            guard=lambda app: Guard(app, mailboxes=self.app_context.mailboxes, **(guard_settings or {})),
            webroot=webroot,
        )

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.store)
            stack.enter_context(self.server)
            self.web.start()
            stack.callback(self.web.stop, 30)  # a busy machine may need more than the default
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        self.server.rules.clear()
        return self._stack.__exit__(*error)

    def clear(self):
        """Forget mails, sessions and rules."""
        self.app_context.deletions.flush()
        self.store.delete()
        self.server.forget()
        self.app_context.rule_registry.clear()

    def send(
        self, content="", *, to="ann@example.com", sender="app@example.com", subject="Hi", text="Hello", user=None
    ):
        """Send a mail by SMTP, and return its ID."""
        content = content or f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\n{text}\r\n"
        with smtplib.SMTP(*self.server.address) as client:
            if user:
                client.login(user, "password")
            client.sendmail(sender, [to], content.encode() if isinstance(content, str) else content)
        return self.store.get_page().entries[0].id

    def count_waits(self):
        """Return the number of requests that wait for mail."""
        return len(self.app_context._shutdown_callbacks)

    def wait_for_waits(self, number):
        """Return when so many requests wait for mail."""
        deadline = monotonic() + TIMEOUT_SECONDS
        while self.count_waits() != number:
            assert monotonic() < deadline, f"{self.count_waits()} requests wait, not {number}"
            threading.Event().wait(0.01)
