"""Webhooks beside a server: they begin and end with it, whatever the store and the receivers do."""

import base64
import contextlib
import json
import threading

import pytest

from lazr.smtptest import Envelope
from lazr.smtptest.errors import StoreUnavailable
from lazr.smtptest.store.contract import Arrival
from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.web import telling
from lazr.smtptest.web.outgoing import NotAllowed, Outgoing
from lazr.smtptest.web.telling import Telling
from receiving import TIMEOUT, Receiver

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
ENVELOPE = Envelope("app@example.com", ("ann@example.com",), mail_parameters={}, rcpt_parameters=({},))


class Troubled(MemoryStore):
    """A store that nobody reaches until `well` is set; `asked` when somebody has tried."""

    def __init__(self):
        super().__init__()
        self.well, self.asked = threading.Event(), threading.Event()

    def recall(self, key):
        if not self.well.is_set():
            self.asked.set()
            raise StoreUnavailable("no database")
        return super().recall(key)


def add(store, name):
    store.add([Arrival(name, 1_700_000_000.0, ENVELOPE, [b"\r\nHi\r\n"])])


def told(store, *urls, secret=SECRET, allowed=("127.0.0.1/32",)):
    return Telling(store, urls, secret=secret, summary=lambda entry: {"ID": entry.id}, outgoing=Outgoing(allowed))


def names_of_threads():
    return [thread.name for thread in threading.enumerate()]


def test_each_url_is_told_and_the_thread_ends_with_the_block():
    with MemoryStore() as store, Receiver() as one, Receiver() as two:
        with told(store, one.url(), two.url()):
            add(store, "m1")
            assert [json.loads(receiver.next().body) for receiver in (one, two)] == [{"ID": "m1"}] * 2
            assert "smtptest webhooks" in names_of_threads()
        assert "smtptest webhooks" not in names_of_threads()


def test_without_urls_there_is_no_thread_and_no_secret_is_needed():
    with MemoryStore() as store, told(store, secret=""):
        assert "smtptest webhooks" not in names_of_threads()


@pytest.mark.parametrize(
    ("url", "secret", "error"),
    [
        ("http://127.0.0.1/", "", "a webhook needs a secret"),
        ("http://127.0.0.1/", "hunter2", "whsec_"),
        ("ftp://127.0.0.1/", SECRET, "a URL of http or https is needed"),
        ("http://ann@127.0.0.1/", SECRET, "no user is taken in a URL"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_starts(url, secret, error):
    with MemoryStore() as store, pytest.raises((ValueError, NotAllowed), match=error) as caught:
        told(store, url, secret=secret)
    assert "hunter2" not in str(caught.value)


def test_a_store_that_is_away_holds_nobody_up_and_all_is_told_when_it_is_back(caplog, monkeypatch):
    monkeypatch.setattr(telling, "_AGAIN", 0.01)
    with Troubled() as store, Receiver() as receiver:
        with told(store, receiver.url()):  # which begins all the same
            assert store.asked.is_set()
            store.well.set()
            seen = []
            while not seen:  # what comes before it has begun is nothing to tell of
                add(store, f"m{store.totals().mails}")
                with contextlib.suppress(Exception):
                    seen.append(receiver.came.get(timeout=0.05))
        assert json.loads(seen[0].body)["ID"].startswith("m")
    assert "webhook: no database" in caplog.text


def test_it_ends_while_the_store_is_away():
    with Troubled() as store, Receiver() as receiver:
        with told(store, receiver.url()):
            pass
        assert "smtptest webhooks" not in names_of_threads()


def test_it_ends_while_a_receiver_does_not_answer():
    held = threading.Event()
    with MemoryStore() as store, Receiver(lambda handler: held.wait(TIMEOUT)) as receiver:
        with told(store, receiver.url()):
            add(store, "m1")
            receiver.next()
        assert "smtptest webhooks" not in names_of_threads()
        held.set()


def test_a_network_that_was_not_allowed_is_not_connected_to(caplog):
    with MemoryStore() as store, Receiver() as receiver:
        with told(store, receiver.url(), allowed=()):
            add(store, "m1")
            while "is loopback, and not among what is allowed" not in caplog.text:
                pass  # the test's own limit ends this otherwise
        assert receiver.connections == 0
