"""The REST API of a mail server and a store, empty for each test."""

import itertools
import time

import httpx
import pytest

from lazr.smtptest import Envelope, MailServer
from lazr.smtptest.protocol.smtp.sasl_types import Credentials
from lazr.smtptest.store import Arrival, MemoryStore
from lazr.smtptest.web import AppContext, WebServer, make_app

_numbers = itertools.count(1)


class RestApi:
    """A web server over HTTP, with a client, and with the mail server and the store under it."""

    def __init__(self, server, store, web, app_context):
        self.server, self.store, self.web, self.app_context = server, store, web, app_context
        self.http = httpx.Client(base_url=web.url, timeout=60)

    def add_mail(self, content="", to=("bob@example.com",), sender="ann@example.com", user="", **fields):
        """Put a mail into the store and return its ID.  `fields` are header fields of a mail without `content`."""
        if not content:
            written = {"Subject": "Hi"} | {name.replace("_", "-"): value for name, value in fields.items()}
            content = "".join(f"{name}: {value}\r\n" for name, value in written.items() if value) + "\r\nHello\r\n"
        data = content.encode() if isinstance(content, str) else content
        envelope = Envelope(
            sender,
            tuple(to),
            mail_parameters={},
            rcpt_parameters=tuple({} for _ in to),
            auth=Credentials("PLAIN", user) if user else None,
        )
        mail_id = f"mail{next(_numbers)}"
        self.store.add([Arrival(mail_id, time.time(), envelope, [data])])
        return mail_id

    def list_ids(self, **query):
        """Return the IDs that `GET /api/v1/messages` lists."""
        return [summary["ID"] for summary in self.http.get("/api/v1/messages", params=query).json()["messages"]]

    def search_ids(self, query):
        """Return the IDs that a search finds."""
        response = self.http.get("/api/v1/search", params={"query": query})
        return [summary["ID"] for summary in response.json()["messages"]]

    def close(self):
        self.http.close()


@pytest.fixture(scope="session")
def _shared_rest_api():
    store = MemoryStore()
    with MailServer(store=store, auth="any") as server:
        app_context = AppContext(store, server, label="tests")
        web = WebServer(make_app(app_context))
        web.start()
        rest_api = RestApi(server, store, web, app_context)
        yield rest_api
        rest_api.close()
        web.stop(30)  # a busy machine may need more than the default


@pytest.fixture
def rest_api(_shared_rest_api):
    """The one REST API of the test session, with nothing left of the test before."""
    _shared_rest_api.app_context.deletions.flush()
    _shared_rest_api.store.delete()
    _shared_rest_api.server.forget()
    _shared_rest_api.app_context.chaos.set_triggers({})
    return _shared_rest_api


@pytest.fixture
def make_rest_api():
    """Start another REST API with settings of its own: `make_rest_api(mailboxes=[…])`."""
    started = []

    def make_rest_api(store=None, server_settings=None, **settings):
        store = store or MemoryStore()
        server = MailServer(store=store, auth="any", **(server_settings or {}))
        server.start()
        app_context = AppContext(store, server, **settings)
        web = WebServer(make_app(app_context))
        web.start()
        started.append(RestApi(server, store, web, app_context))
        return started[-1]

    yield make_rest_api
    for rest_api in started:
        rest_api.close()
        rest_api.web.stop()
        rest_api.server.stop()
