"""`WebhookThread`: it starts and ends with its block, whatever the store and the receivers do."""

import base64
import contextlib
import json
import threading
import time

import pytest

from lazr.smtptest import Envelope
from lazr.smtptest.errors import StoreUnavailable
from lazr.smtptest.store import Arrival, MemoryStore
from lazr.smtptest.web.outbound import webhook_thread
from lazr.smtptest.web.outbound.http_client import OutboundClient, UrlNotAllowed
from lazr.smtptest.web.outbound.webhook_thread import WebhookThread
from tests.helpers.http_receiver import TIMEOUT, Receiver

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
ENVELOPE = Envelope("app@example.com", ("ann@example.com",), mail_parameters={}, rcpt_parameters=({},))


class UnavailableStore(MemoryStore):
    """A store that raises until `available` is set; `called` is set by the first call."""

    def __init__(self):
        super().__init__()
        self.available, self.called = threading.Event(), threading.Event()

    def get_note(self, key):
        if not self.available.is_set():
            self.called.set()
            raise StoreUnavailable("no database")
        return super().get_note(key)


def add(store, id):
    store.add([Arrival(id, 1_700_000_000.0, ENVELOPE, [b"\r\nHi\r\n"])])


def run_webhooks(store, *urls, secret=SECRET, allowed=("127.0.0.1/32",)):
    return WebhookThread(
        store, urls, secret=secret, summary=lambda entry: {"ID": entry.id}, client=OutboundClient(allowed)
    )


def list_thread_names():
    return [thread.name for thread in threading.enumerate()]


def test_each_url_gets_the_mail_and_the_thread_ends():
    with MemoryStore() as store, Receiver() as first, Receiver() as second:
        with run_webhooks(store, first.url(), second.url()):
            add(store, "m1")
            assert [json.loads(receiver.get_request().body) for receiver in (first, second)] == [{"ID": "m1"}] * 2
            assert "smtptest webhooks" in list_thread_names()
        assert "smtptest webhooks" not in list_thread_names()


def test_mail_that_is_stored_right_after_the_start_is_delivered(monkeypatch):
    """The position is noted before `with` goes on, so the mail server can be started in the block."""
    with MemoryStore() as store, Receiver() as receiver:
        add(store, "before")
        get_latest = store.get_latest
        monkeypatch.setattr(store, "get_latest", lambda *args: (time.sleep(0.2), get_latest(*args))[1])
        with run_webhooks(store, receiver.url()):
            add(store, "m1")
            assert json.loads(receiver.get_request().body) == {"ID": "m1"}


def test_no_thread_and_no_secret_without_urls():
    with MemoryStore() as store, run_webhooks(store, secret=""):
        assert "smtptest webhooks" not in list_thread_names()


@pytest.mark.parametrize(
    ("url", "secret", "reason"),
    [
        (
            "http://127.0.0.1/",
            "",
            "a webhook must have a secret .* got none; `smtptest secret` makes one for --webhook-secret",
        ),
        ("http://127.0.0.1/", "hunter2", "whsec_"),
        ("ftp://127.0.0.1/", SECRET, "a URL must have the scheme http or https"),
        ("http://ann@127.0.0.1/", SECRET, "a URL must not have a user name"),
    ],
)
def test_invalid_settings_raise_before_the_start(url, secret, reason):
    with MemoryStore() as store, pytest.raises((ValueError, UrlNotAllowed), match=reason) as error:
        run_webhooks(store, url, secret=secret)
    assert "hunter2" not in str(error.value)


def test_start_does_not_wait_for_an_unavailable_store(caplog, monkeypatch):
    monkeypatch.setattr(webhook_thread, "_START_RETRY_SECONDS", 0.01)
    with UnavailableStore() as store, Receiver() as receiver:
        with run_webhooks(store, receiver.url()):
            assert store.called.is_set()
            store.available.set()
            received = []
            while not received:  # mails that arrive before the start are not delivered
                add(store, f"m{store.get_totals().mails}")
                with contextlib.suppress(Exception):
                    received.append(receiver.received.get(timeout=0.05))
        assert json.loads(received[0].body)["ID"].startswith("m")
    assert "webhook: no database" in caplog.text


def test_thread_ends_while_the_store_is_unavailable():
    with UnavailableStore() as store, Receiver() as receiver:
        with run_webhooks(store, receiver.url()):
            pass
        assert "smtptest webhooks" not in list_thread_names()


def test_thread_ends_while_a_receiver_is_slow():
    released = threading.Event()
    with MemoryStore() as store, Receiver(lambda handler: released.wait(TIMEOUT)) as receiver:
        with run_webhooks(store, receiver.url()):
            add(store, "m1")
            receiver.get_request()
        assert "smtptest webhooks" not in list_thread_names()
        released.set()


def test_receiver_in_a_private_network_is_not_connected(caplog):
    with MemoryStore() as store, Receiver() as receiver:
        with run_webhooks(store, receiver.url(), allowed=()):
            add(store, "m1")
            while "127.0.0.1 (loopback); see --webhook-network" not in caplog.text:
                time.sleep(0.001)
        assert receiver.connections == 0
