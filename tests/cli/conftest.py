"""Fixture: a mail server with a store and the REST API; calling it runs a command."""

import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, WebServer, make_app
from tests.helpers.command_line import run_smtptest


class RunningServer:
    """A running server; call it to run a command."""

    def __init__(self, server, store, web, app_context):
        self.server, self.store, self.web, self.app_context = server, store, web, app_context

    def __call__(self, *arguments, **options):
        """Run a command whose environment names the server."""
        addresses = {"SMTPTEST_API": self.web.url, "SMTPTEST_SERVER": "{}:{}".format(*self.server.address)}
        return run_smtptest(*arguments, **(addresses | options))

    def mail(self, *to, sender="app@example.com", content=None, **fields):
        """Send a mail by SMTP, and return its ID."""
        import smtplib

        if content is None:
            fields = {"From": sender, "To": ", ".join(to), "Subject": "Hi"} | fields
            content = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
            content += "\r\nHello\r\n"
        with smtplib.SMTP(*self.server.address) as client:
            client.sendmail(sender, to, content.encode() if isinstance(content, str) else content)
        return self.store.get_page().entries[0].id


@pytest.fixture
def running_server():
    store = MemoryStore()
    with MailServer(store=store, auth="any") as server:
        app_context = AppContext(store, server)
        with WebServer(make_app(app_context)) as web:
            yield RunningServer(server, store, web, app_context)
        server.rules.clear()
