"""Fixtures of the whole suite."""

import pytest

from lazr.smtptest import MailServer
from talk import Client


@pytest.fixture
def server():
    """A started MailServer."""
    with MailServer() as server:
        yield server


@pytest.fixture
def connect():
    """Raw clients, closed at the end: `connect(server)`."""
    clients = []

    def connect(server, **kwargs):
        client = Client(getattr(server, "address", server), **kwargs)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()
