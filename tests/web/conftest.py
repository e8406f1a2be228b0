"""A mail server with a store and its web server, empty for each test."""

import itertools
import time

import httpx
import pytest

from lazr.smtptest import Envelope, MailServer
from lazr.smtptest.protocol.smtp.sasl import Credentials
from lazr.smtptest.store.contract import Arrival
from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.web.app import make_app
from lazr.smtptest.web.catcher import Catcher
from lazr.smtptest.web.run import WebServer

_numbers = itertools.count(1)


class Caught:
    """All of it, and a client."""

    def __init__(self, server, store, web, catcher):
        self.server, self.store, self.web, self.catcher = server, store, web, catcher
        self.http = httpx.Client(base_url=web.url, timeout=60)

    def mail(self, content="", to=("bob@example.com",), sender="ann@example.com", user="", **fields):
        """Put a mail into the store; its ID.  Without content, one of these header fields."""
        if not content:
            written = {"Subject": "Hi"} | {name.replace("_", "-"): value for name, value in fields.items()}
            content = "".join(f"{name}: {value}\r\n" for name, value in written.items() if value) + "\r\nHello\r\n"
        octets = content.encode() if isinstance(content, str) else content
        envelope = Envelope(
            sender,
            tuple(to),
            mail_parameters={},
            rcpt_parameters=tuple({} for _ in to),
            auth=Credentials("PLAIN", user) if user else None,
        )
        name = f"mail{next(_numbers)}"
        self.store.add([Arrival(name, time.time(), envelope, [octets])])
        return name

    def ids(self, **query):
        """Those that are listed."""
        return [one["ID"] for one in self.http.get("/api/v1/messages", params=query).json()["messages"]]

    def found(self, query):
        """Those that a search finds."""
        return [one["ID"] for one in self.http.get("/api/v1/search", params={"query": query}).json()["messages"]]

    def close(self):
        self.http.close()


@pytest.fixture(scope="session")
def _caught():
    store = MemoryStore()
    with MailServer(store=store, auth="any") as server:
        catcher = Catcher(store, server, label="tests")
        web = WebServer(make_app(catcher))
        web.start()
        caught = Caught(server, store, web, catcher)
        yield caught
        caught.close()
        web.stop(30)  # a busy machine may need more than the usual time


@pytest.fixture
def caught(_caught):
    """The one server of the session, with nothing left of the test before."""
    _caught.store.delete()
    _caught.server.forget()
    return _caught


@pytest.fixture
def catching():
    """Others, with settings of their own: `catching(mailboxes=[…])`."""
    opened = []

    def catching(store=None, **settings):
        store = store or MemoryStore()
        server = MailServer(store=store, auth="any")
        server.start()
        catcher = Catcher(store, server, **settings)
        web = WebServer(make_app(catcher))
        web.start()
        opened.append(Caught(server, store, web, catcher))
        return opened[-1]

    yield catching
    for one in opened:
        one.close()
        one.web.stop()
        one.server.stop()
