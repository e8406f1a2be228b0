"""A server with a store and its REST API, in this process: commands are run against it as processes."""

import pytest

from cli.smtptest import smtptest
from lazr.smtptest import MailServer
from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.web.app import make_app
from lazr.smtptest.web.catcher import Catcher
from lazr.smtptest.web.run import WebServer


class Whole:
    """All of it, and a way to send."""

    def __init__(self, server, store, web, catcher):
        self.server, self.store, self.web, self.catcher = server, store, web, catcher

    def __call__(self, *arguments, **how):
        """A command that is told where the server is."""
        where = {"SMTPTEST_API": self.web.url, "SMTPTEST_SERVER": "{}:{}".format(*self.server.address)}
        return smtptest(*arguments, **(where | how))

    def mail(self, *to, sender="app@example.com", content=None, **fields):
        """Send a mail by SMTP; its ID."""
        import smtplib

        if content is None:
            fields = {"From": sender, "To": ", ".join(to), "Subject": "Hi"} | fields
            content = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
            content += "\r\nHello\r\n"
        with smtplib.SMTP(*self.server.address) as client:
            client.sendmail(sender, to, content.encode() if isinstance(content, str) else content)
        return self.store.page().entries[0].id


@pytest.fixture
def whole():
    store = MemoryStore()
    with MailServer(store=store, auth="any") as server:
        catcher = Catcher(store, server)
        with WebServer(make_app(catcher)) as web:
            yield Whole(server, store, web, catcher)
        server.rules.clear()
