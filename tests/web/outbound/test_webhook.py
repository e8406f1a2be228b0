"""`Webhook`: deliveries in order, at least once, signed, from one of several nodes."""

import asyncio
import base64
import contextlib
import hmac
import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lazr.smtptest import Envelope
from lazr.smtptest.errors import StoreUnavailable
from lazr.smtptest.store import Arrival, MemoryStore, SqliteStore
from lazr.smtptest.web.outbound.backoff import Backoff
from lazr.smtptest.web.outbound.errors import UrlNotAllowed
from lazr.smtptest.web.outbound.http_client import OutboundClient
from lazr.smtptest.web.outbound.webhook import Webhook
from lazr.smtptest.web.outbound.webhook_signature import new_secret, read_secret
from tests.helpers.http_receiver import TIMEOUT, Receiver, respond

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


ENVELOPE = Envelope("app@example.com", ("ann@example.com",), mail_parameters={}, rcpt_parameters=({},))


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    """An empty store, of each kind."""
    store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "mail.sqlite")
    with store:
        yield store


@pytest.fixture
def memory():
    """An empty store in memory."""
    with MemoryStore() as store:
        yield store


def add(store, *ids):
    """Add mails with these IDs, one after the other."""
    for mail_id in ids:
        store.add([Arrival(mail_id, 1_700_000_000.0, ENVELOPE, [b"Subject: %s\r\n\r\nHi\r\n" % mail_id.encode()])])


def summarize(entry):
    return {"ID": entry.id, "Subject": entry.subject}


def make_webhook(store, url, *, allowed=("127.0.0.1/32",), secrets=(SECRET,), timeout=TIMEOUT, **settings):
    settings = {"summary": summarize, "backoff": Backoff(initial_delay=0.01, max_delay=0.05)} | settings
    return Webhook(store, url, secrets=secrets, client=OutboundClient(allowed, timeout=timeout), **settings)


@contextlib.asynccontextmanager
async def run_webhook(store, url, **settings):
    webhook = make_webhook(store, url, **settings)
    await webhook.start()
    try:
        yield webhook
    finally:
        await asyncio.wait_for(webhook.stop(), TIMEOUT)


async def get_ids(receiver, count):
    """Return the IDs in the next requests."""
    return [json.loads((await asyncio.to_thread(receiver.get_request)).body)["ID"] for _ in range(count)]


async def until(condition):
    """Let other tasks run until the condition holds."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0)


@pytest.mark.slow
def test_new_mails_are_delivered_in_order(store):
    ids = [f"m{number}" for number in range(250)]

    async def scenario():
        add(store, "before")
        with Receiver() as receiver:
            async with run_webhook(store, receiver.url()) as webhook:
                await asyncio.to_thread(add, store, *ids)
                assert await get_ids(receiver, 250) == ids
                await until(lambda: webhook.delivered_count == 250)
                assert webhook.last_error is None
            assert receiver.received.empty()

    asyncio.run(scenario())


def test_mail_in_a_folder_of_a_user_is_not_delivered(store):
    async def scenario():
        with Receiver() as receiver:
            async with run_webhook(store, receiver.url()) as webhook:
                store.add([Arrival("draft", 1.0, ENVELOPE, [b"Subject: x\r\n\r\n"], folder="Drafts", owner="ann")])
                add(store, "m1")
                assert await get_ids(receiver, 1) == ["m1"]
                await until(lambda: webhook.delivered_count == 1)
                assert webhook.skipped_count == 0

    asyncio.run(scenario())


def test_delivery_is_a_post_with_json(memory):
    async def scenario():
        with Receiver() as receiver:
            async with run_webhook(memory, receiver.url()):
                memory.add([Arrival("m1", 1.0, ENVELOPE, ["Subject: Grüße\n\n".encode()])])
                return await asyncio.to_thread(receiver.get_request)

    received = asyncio.run(scenario())

    assert (received.method, received.path) == ("POST", "/hook")
    assert received.headers["content-type"] == "application/json"
    assert json.loads(received.body) == {"ID": "m1", "Subject": "Grüße"}


def test_delivery_is_signed_with_each_secret(memory):
    other = new_secret()

    async def scenario():
        with Receiver() as receiver:
            async with run_webhook(memory, receiver.url(), secrets=[SECRET, other], clock=lambda: 1_700_000_000.9):
                add(memory, "m1")
                return await asyncio.to_thread(receiver.get_request)

    received = asyncio.run(scenario())

    assert (received.headers["webhook-id"], received.headers["webhook-timestamp"]) == ("msg_m1", "1700000000")
    signed = b"msg_m1.1700000000." + received.body
    expected = [
        "v1," + base64.b64encode(hmac.digest(read_secret(secret), signed, "sha256")).decode()
        for secret in (SECRET, other)
    ]
    assert received.headers["webhook-signature"].split(" ") == expected


@pytest.mark.parametrize(
    "failure",
    [
        *(respond(500), respond(503, Retry_After="0"), respond(404), respond(401), respond(429), respond(408)),
        *(respond(302, Location="http://127.0.0.1/"), respond(304), lambda handler: None),
    ],
)
def test_failed_delivery_is_repeated_before_later_ones(memory, failure):
    async def scenario():
        with Receiver(*[failure] * 7, respond(204)) as receiver:
            async with run_webhook(memory, receiver.url()) as webhook:
                add(memory, "m1", "m2")
                assert await get_ids(receiver, 9) == ["m1"] * 8 + ["m2"]
                await until(lambda: webhook.delivered_count == 2)
                assert webhook.skipped_count == 0

    asyncio.run(scenario())


def test_repeated_delivery_keeps_its_id_with_a_new_time(memory):
    now = iter(range(1_700_000_000, 1_800_000_000))

    async def scenario():
        with Receiver(respond(500), respond(204)) as receiver:
            async with run_webhook(memory, receiver.url(), clock=lambda: next(now)):
                add(memory, "m1")
                return [await asyncio.to_thread(receiver.get_request) for _ in range(2)]

    first, second = asyncio.run(scenario())

    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_rejected_mail_is_skipped_after_five_attempts(memory, status):
    async def scenario():
        with Receiver(*[respond(status)] * 5, respond(204)) as receiver:
            async with run_webhook(memory, receiver.url()) as webhook:
                add(memory, "m1", "m2")
                assert await get_ids(receiver, 6) == ["m1"] * 5 + ["m2"]
                await until(lambda: webhook.delivered_count == 1)
                assert webhook.skipped_count == 1

    asyncio.run(scenario())


def test_mail_with_a_failing_summary_is_skipped(memory):
    def fail_for_one(entry):
        if entry.id == "m1":
            raise RuntimeError("a bug")
        return summarize(entry)

    async def scenario():
        with Receiver() as receiver:
            async with run_webhook(memory, receiver.url(), summary=fail_for_one) as webhook:
                add(memory, "m1", "m2")
                assert await get_ids(receiver, 1) == ["m2"]
                assert webhook.skipped_count == 1

    asyncio.run(scenario())


def test_gone_receiver_is_not_called_until_the_next_start(memory):
    async def scenario():
        with Receiver(respond(410), respond(204)) as receiver:
            async with run_webhook(memory, receiver.url()):
                add(memory, "m1", "m2")
                assert await get_ids(receiver, 1) == ["m1"]
                await until(lambda: not any(task.get_name() == "webhook" for task in asyncio.all_tasks()))
            async with run_webhook(memory, receiver.url()):
                assert await get_ids(receiver, 2) == ["m1", "m2"]

    asyncio.run(scenario())


def test_delivery_is_repeated_after_a_timeout(memory):
    released = threading.Event()

    async def scenario():
        with Receiver(lambda handler: released.wait(TIMEOUT), respond(204)) as receiver:
            async with run_webhook(memory, receiver.url(), timeout=0.2) as webhook:
                add(memory, "m1")
                assert await get_ids(receiver, 2) == ["m1", "m1"]
                await until(lambda: webhook.delivered_count == 1)
            released.set()

    asyncio.run(scenario())


def test_mails_between_stop_and_start_are_delivered(store):
    async def scenario():
        with Receiver() as receiver:
            async with run_webhook(store, receiver.url()) as webhook:
                add(store, "m1")
                assert await get_ids(receiver, 1) == ["m1"]
                await until(lambda: webhook.delivered_count == 1)
            add(store, "m2", "m3")
            async with run_webhook(store, receiver.url()):
                add(store, "m4")
                assert await get_ids(receiver, 3) == ["m2", "m3", "m4"]
            assert receiver.received.empty()

    asyncio.run(scenario())


def test_stop_during_a_delivery_loses_nothing(store):
    released = threading.Event()

    async def scenario():
        with Receiver(respond(204), lambda handler: released.wait(TIMEOUT), respond(204)) as receiver:
            async with run_webhook(store, receiver.url()):
                add(store, "m1", "m2", "m3")
                assert await get_ids(receiver, 2) == ["m1", "m2"]
            released.set()
            async with run_webhook(store, receiver.url()):
                assert await get_ids(receiver, 2) == ["m2", "m3"]

    asyncio.run(scenario())


def test_stop_during_a_delay_is_immediate(memory):
    async def scenario():
        with Receiver(respond(500)) as receiver:
            backoff = Backoff(initial_delay=1000, max_delay=1000)
            async with run_webhook(memory, receiver.url(), backoff=backoff) as webhook:
                add(memory, "m1")
                await get_ids(receiver, 1)
                await until(lambda: webhook.last_error is not None)

    asyncio.run(scenario())


def test_stop_before_start_and_twice_does_nothing(memory):
    async def scenario():
        webhook = make_webhook(memory, "http://127.0.0.1:9/")
        await webhook.stop()
        await webhook.start()
        await webhook.stop()
        await webhook.stop()

    asyncio.run(scenario())


def test_new_url_starts_with_new_mails(memory):
    async def scenario():
        with Receiver() as first, Receiver() as second:
            async with run_webhook(memory, first.url()):
                add(memory, "m1")
                assert await get_ids(first, 1) == ["m1"]
            async with run_webhook(memory, second.url()):
                add(memory, "m2")
                assert await get_ids(second, 1) == ["m2"]

    asyncio.run(scenario())


CHILD = """
import asyncio, sys
from lazr.smtptest.store import SqliteStore
from tests.web.outbound.test_webhook import add, run_webhook

async def main(file, url, number):
    with SqliteStore(file) as store:
        # Each process lives a day later, so the lease of a killed one has expired.
        async with run_webhook(store, url, clock=lambda: 1_700_000_000.0 + 86_400 * int(number)):
            print("up", flush=True)
            for count in range(100_000):
                await asyncio.to_thread(add, store, f"r{number}x{count}")
                print(f"r{number}x{count}", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
def test_every_stored_mail_is_delivered_after_kill_9(tmp_path):
    ids, file = set(), str(tmp_path / "mail.sqlite")

    async def scenario():
        with Receiver() as receiver:
            url = receiver.url()
            for number in range(3):
                with await asyncio.to_thread(start, file, url, number) as child:
                    for _ in range(random.randint(1, 60)):  # killed at a random point
                        ids.add(child.stdout.readline().strip())
                    child.send_signal(signal.SIGKILL)
                    ids.update(child.stdout.read().splitlines())
            delivered = []
            while not receiver.received.empty():
                delivered.append(json.loads(receiver.get_request().body)["ID"])
            with SqliteStore(file) as store:
                stored = [entry.id for entry in reversed(store.get_page(limit=None).entries)]
                async with run_webhook(store, url, clock=lambda: 4_000_000_000.0):
                    while not set(stored) <= set(delivered):
                        delivered += await get_ids(receiver, 1)
            # The last line of a killed process may be incomplete.
            assert len(ids) >= 3 and len(ids - set(stored)) <= 3
            first_deliveries = list(dict.fromkeys(delivered))
            assert first_deliveries == stored  # in order; some were delivered twice

    def start(file, url, number):
        command = [sys.executable, "-c", CHILD, file, url, str(number)]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert child.stdout.readline() == "up\n"
        return child

    asyncio.run(scenario())


def test_one_of_several_nodes_delivers(memory):
    ids = [f"m{number}" for number in range(30)]

    async def scenario():
        with Receiver() as receiver:
            async with contextlib.AsyncExitStack() as stack:
                nodes = [await stack.enter_async_context(run_webhook(memory, receiver.url())) for _ in range(3)]
                await asyncio.to_thread(add, memory, *ids)
                assert await get_ids(receiver, 30) == ids
                await until(lambda: sum(node.delivered_count for node in nodes) == 30)
            assert receiver.received.empty()

    asyncio.run(scenario())


def test_node_takes_over_after_the_lease_expires(memory):
    now = [1_700_000_000.0]
    released = threading.Event()

    async def scenario():
        with Receiver(lambda handler: released.wait(TIMEOUT), respond(204)) as receiver:
            first = make_webhook(memory, receiver.url(), clock=lambda: now[0])
            await first.start()
            add(memory, "m1")
            assert await get_ids(receiver, 1) == ["m1"]
            [task] = [task for task in asyncio.all_tasks() if task.get_name() == "webhook"]
            task.cancel()  # without a release of the lease
            async with run_webhook(memory, receiver.url(), clock=lambda: now[0], lease=30.0) as second:
                await until(lambda: second._new_mail.is_set() is False)
                assert receiver.received.empty()
                now[0] += 31
                add(memory, "m2")
                assert await get_ids(receiver, 2) == ["m1", "m2"]
            released.set()
            await first.stop()

    asyncio.run(scenario())


def test_lease_from_a_clock_set_back_is_ignored(memory):
    async def scenario():
        with Receiver() as receiver:
            note = json.dumps({"told": 0, "teller": "gone", "until": 1_900_000_000.0})
            webhook = make_webhook(memory, receiver.url(), clock=lambda: 1_700_000_000.0)
            assert memory.compare_and_set_note(webhook._lease.key, note, expected=None)
            async with run_webhook(memory, receiver.url(), clock=lambda: 1_700_000_000.0):
                add(memory, "m1")
                assert await get_ids(receiver, 1) == ["m1"]

    asyncio.run(scenario())


def test_unavailable_store_loses_nothing():
    class FailingStore(MemoryStore):
        failures_left = 0

        def get_entries_after(self, number, *, limit=100):
            if self.failures_left:
                self.failures_left -= 1
                raise StoreUnavailable("the database is away")
            return super().get_entries_after(number, limit=limit)

    async def scenario():
        with FailingStore() as store, Receiver() as receiver:
            async with run_webhook(store, receiver.url(), lease=0.3) as webhook:
                store.failures_left = 2
                add(store, "m1")
                assert await get_ids(receiver, 1) == ["m1"]
                await until(lambda: webhook.last_error is None)

    asyncio.run(scenario())


def test_loopback_receiver_must_be_allowed(memory):
    async def scenario():
        with Receiver() as receiver:
            async with run_webhook(memory, receiver.url(), allowed=()) as webhook:
                add(memory, "m1")
                await until(lambda: webhook.last_error is not None)
                assert "127.0.0.1 (loopback)" in webhook.last_error
            assert receiver.connections == 0
            async with run_webhook(memory, receiver.url()):
                assert await get_ids(receiver, 1) == ["m1"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("url", "secrets", "exception"),
    [
        ("ftp://127.0.0.1/", [SECRET], UrlNotAllowed),
        ("http://user:pass@127.0.0.1/", [SECRET], UrlNotAllowed),
        ("http://127.0.0.1/", [], ValueError),
        ("http://127.0.0.1/", ["hunter2"], ValueError),
        ("http://127.0.0.1/", ["whsec_" + base64.b64encode(b"short").decode()], ValueError),
        ("http://127.0.0.1/", ["whsec_!!!"], ValueError),
        ("http://127.0.0.1/", [SECRET.removeprefix("whsec_")], ValueError),
    ],
)
def test_invalid_url_or_secret_raises(memory, url, secrets, exception):
    with pytest.raises(exception) as error:
        make_webhook(memory, url, secrets=secrets)
    assert "hunter2" not in str(error.value)
