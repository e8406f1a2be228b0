"""Webhooks: each mail is told, in order, at least once, signed, and only to whom it may be told (row W5)."""

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
from lazr.smtptest.store.contract import Arrival
from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.store.sqlite import SqliteStore
from lazr.smtptest.web.backoff import Backoff
from lazr.smtptest.web.outgoing import NotAllowed, Outgoing
from lazr.smtptest.web.signature import new_secret, read_secret
from lazr.smtptest.web.webhooks import Webhook
from receiving import TIMEOUT, Receiver, answer

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
ENVELOPE = Envelope("app@example.com", ("ann@example.com",), mail_parameters={}, rcpt_parameters=({},))


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    """An empty store, of each kind."""
    kept = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "mail.sqlite")
    with kept:
        yield kept


@pytest.fixture
def memory():
    """An empty store in memory."""
    with MemoryStore() as kept:
        yield kept


def add(store, *ids):
    """Mails of these names, one after the other."""
    for name in ids:
        store.add([Arrival(name, 1_700_000_000.0, ENVELOPE, [b"Subject: %s\r\n\r\nHi\r\n" % name.encode()])])


def summary(entry):
    return {"ID": entry.id, "Subject": entry.subject}


def webhook(store, url, *, allowed=("127.0.0.1/32",), secrets=(SECRET,), seconds=TIMEOUT, **settings):
    settings = {"summary": summary, "backoff": Backoff(first=0.01, longest=0.05)} | settings
    return Webhook(store, url, secrets=secrets, outgoing=Outgoing(allowed, seconds=seconds), **settings)


@contextlib.asynccontextmanager
async def telling(store, url, **settings):
    hook = webhook(store, url, **settings)
    await hook.start()
    try:
        yield hook
    finally:
        await asyncio.wait_for(hook.stop(), TIMEOUT)


async def told(receiver, count):
    """The names in the next requests."""
    return [json.loads((await asyncio.to_thread(receiver.next)).body)["ID"] for _ in range(count)]


async def until(condition):
    """Let others have their turn until it holds."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0)


def test_what_arrives_is_told_in_its_order_and_what_was_there_is_not(store):
    names = [f"m{number}" for number in range(250)]

    async def scenario():
        add(store, "before")
        with Receiver() as receiver:
            async with telling(store, receiver.url()) as hook:
                await asyncio.to_thread(add, store, *names)
                assert await told(receiver, 250) == names
                await until(lambda: hook.delivered == 250)
                assert hook.failure is None
            assert receiver.came.empty()

    asyncio.run(scenario())


def test_a_delivery_is_a_post_of_json_that_says_whose_it_is(memory):
    async def scenario():
        with Receiver() as receiver:
            async with telling(memory, receiver.url()):
                memory.add([Arrival("m1", 1.0, ENVELOPE, ["Subject: Grüße\n\n".encode()])])
                return await asyncio.to_thread(receiver.next)

    came = asyncio.run(scenario())

    assert (came.method, came.path) == ("POST", "/hook")
    assert came.headers["content-type"] == "application/json"
    assert json.loads(came.body) == {"ID": "m1", "Subject": "Grüße"}


def test_a_delivery_is_signed_with_each_key_over_its_name_its_time_and_its_octets(memory):
    other = new_secret()

    async def scenario():
        with Receiver() as receiver:
            async with telling(memory, receiver.url(), secrets=[SECRET, other], clock=lambda: 1_700_000_000.9):
                add(memory, "m1")
                return await asyncio.to_thread(receiver.next)

    came = asyncio.run(scenario())

    assert (came.headers["webhook-id"], came.headers["webhook-timestamp"]) == ("msg_m1", "1700000000")
    signed = b"msg_m1.1700000000." + came.body
    expected = [
        "v1," + base64.b64encode(hmac.digest(read_secret(secret), signed, "sha256")).decode()
        for secret in (SECRET, other)
    ]
    assert came.headers["webhook-signature"].split(" ") == expected


def test_the_signature_is_the_one_of_the_standards_example():
    # The example of the specification, and its libraries' tests.
    from lazr.smtptest.web.signature import signed

    key = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "trouble",
    [
        *(answer(500), answer(503, Retry_After="0"), answer(404), answer(401), answer(429), answer(408)),
        *(answer(302, Location="http://127.0.0.1/"), answer(304), lambda handler: None),
    ],
)
def test_what_was_not_taken_is_told_again_before_all_that_follows(memory, trouble):
    async def scenario():
        with Receiver(*[trouble] * 7, answer(204)) as receiver:
            async with telling(memory, receiver.url()) as hook:
                add(memory, "m1", "m2")
                assert await told(receiver, 9) == ["m1"] * 8 + ["m2"]
                await until(lambda: hook.delivered == 2)
                assert hook.passed_over == 0

    asyncio.run(scenario())


def test_the_name_of_a_delivery_stays_and_its_time_does_not(memory):
    now = iter(range(1_700_000_000, 1_800_000_000))

    async def scenario():
        with Receiver(answer(500), answer(204)) as receiver:
            async with telling(memory, receiver.url(), clock=lambda: next(now)):
                add(memory, "m1")
                return [await asyncio.to_thread(receiver.next) for _ in range(2)]

    first, second = asyncio.run(scenario())

    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_mail_that_the_receiver_does_not_want_does_not_stop_the_others(memory, status):
    async def scenario():
        with Receiver(*[answer(status)] * 5, answer(204)) as receiver:
            async with telling(memory, receiver.url()) as hook:
                add(memory, "m1", "m2")
                assert await told(receiver, 6) == ["m1"] * 5 + ["m2"]
                await until(lambda: hook.delivered == 1)
                assert hook.passed_over == 1

    asyncio.run(scenario())


def test_a_mail_of_which_nothing_can_be_said_does_not_stop_the_others(memory):
    def picky(entry):
        if entry.id == "m1":
            raise RuntimeError("a bug")
        return summary(entry)

    async def scenario():
        with Receiver() as receiver:
            async with telling(memory, receiver.url(), summary=picky) as hook:
                add(memory, "m1", "m2")
                assert await told(receiver, 1) == ["m2"]
                assert hook.passed_over == 1

    asyncio.run(scenario())


def test_a_receiver_that_is_gone_is_left_alone_until_the_next_start(memory):
    async def scenario():
        with Receiver(answer(410), answer(204)) as receiver:
            async with telling(memory, receiver.url()):
                add(memory, "m1", "m2")
                assert await told(receiver, 1) == ["m1"]
                await until(lambda: not any(task.get_name() == "webhook" for task in asyncio.all_tasks()))
            async with telling(memory, receiver.url()):
                assert await told(receiver, 2) == ["m1", "m2"]

    asyncio.run(scenario())


def test_a_receiver_that_does_not_answer_is_asked_again(memory):
    held = threading.Event()

    async def scenario():
        with Receiver(lambda handler: held.wait(TIMEOUT), answer(204)) as receiver:
            async with telling(memory, receiver.url(), seconds=0.2) as hook:
                add(memory, "m1")
                assert await told(receiver, 2) == ["m1", "m1"]
                await until(lambda: hook.delivered == 1)
            held.set()

    asyncio.run(scenario())


def test_what_came_while_nothing_ran_is_told_at_the_next_start(store):
    async def scenario():
        with Receiver() as receiver:
            async with telling(store, receiver.url()) as hook:
                add(store, "m1")
                assert await told(receiver, 1) == ["m1"]
                await until(lambda: hook.delivered == 1)
            add(store, "m2", "m3")
            async with telling(store, receiver.url()):
                add(store, "m4")
                assert await told(receiver, 3) == ["m2", "m3", "m4"]
            assert receiver.came.empty()

    asyncio.run(scenario())


def test_stopping_while_a_receiver_keeps_us_waiting_forgets_nothing(store):
    held = threading.Event()

    async def scenario():
        with Receiver(answer(204), lambda handler: held.wait(TIMEOUT), answer(204)) as receiver:
            async with telling(store, receiver.url()):
                add(store, "m1", "m2", "m3")
                assert await told(receiver, 2) == ["m1", "m2"]
            held.set()
            async with telling(store, receiver.url()):
                assert await told(receiver, 2) == ["m2", "m3"]

    asyncio.run(scenario())


def test_stopping_while_waiting_to_try_again_takes_no_time(memory):
    async def scenario():
        with Receiver(answer(500)) as receiver:
            backoff = Backoff(first=1000, longest=1000)
            async with telling(memory, receiver.url(), backoff=backoff) as hook:
                add(memory, "m1")
                await told(receiver, 1)
                await until(lambda: hook.failure is not None)

    asyncio.run(scenario())


def test_stopping_before_the_start_and_twice_does_no_harm(memory):
    async def scenario():
        hook = webhook(memory, "http://127.0.0.1:9/")
        await hook.stop()
        await hook.start()
        await hook.stop()
        await hook.stop()

    asyncio.run(scenario())


def test_another_url_begins_with_what_arrives_from_then_on(memory):
    async def scenario():
        with Receiver() as one, Receiver() as two:
            async with telling(memory, one.url()):
                add(memory, "m1")
                assert await told(one, 1) == ["m1"]
            async with telling(memory, two.url()):
                add(memory, "m2")
                assert await told(two, 1) == ["m2"]

    asyncio.run(scenario())


CHILD = """
import asyncio, sys
from lazr.smtptest.store.sqlite import SqliteStore
from web.test_webhooks import add, telling

async def main(file, url, number):
    with SqliteStore(file) as store:
        # Leases of those that were killed are not waited for: each lives a day later.
        async with telling(store, url, clock=lambda: 1_700_000_000.0 + 86_400 * int(number)):
            print("up", flush=True)
            for count in range(100_000):
                await asyncio.to_thread(add, store, f"r{number}x{count}")
                print(f"r{number}x{count}", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def test_after_kill_9_each_mail_that_is_in_the_store_has_been_told_or_is_told(tmp_path):
    names, file = set(), str(tmp_path / "mail.sqlite")

    async def scenario():
        with Receiver() as receiver:
            url = receiver.url()
            for number in range(3):
                with await asyncio.to_thread(start, file, url, number) as child:
                    for _ in range(random.randint(1, 60)):  # a moment of chance, by what has happened
                        names.add(child.stdout.readline().strip())
                    child.send_signal(signal.SIGKILL)
                    names.update(child.stdout.read().splitlines())
            seen = []
            while not receiver.came.empty():
                seen.append(json.loads(receiver.next().body)["ID"])
            with SqliteStore(file) as store:
                there = [entry.id for entry in reversed(store.page(limit=None).entries)]
                async with telling(store, url, clock=lambda: 4_000_000_000.0):
                    while not set(there) <= set(seen):
                        seen += await told(receiver, 1)
            # The last line may have been cut.
            assert len(names) >= 3 and len(names - set(there)) <= 3
            firsts = list(dict.fromkeys(seen))
            assert firsts == there  # in order, though some came twice

    def start(file, url, number):
        command = [sys.executable, "-c", CHILD, file, url, str(number)]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert child.stdout.readline() == "up\n"
        return child

    asyncio.run(scenario())


# -- several nodes --------------------------------------------------------------------------------


def test_of_several_nodes_one_tells(memory):
    names = [f"m{number}" for number in range(30)]

    async def scenario():
        with Receiver() as receiver:
            async with contextlib.AsyncExitStack() as stack:
                nodes = [await stack.enter_async_context(telling(memory, receiver.url())) for _ in range(3)]
                await asyncio.to_thread(add, memory, *names)
                assert await told(receiver, 30) == names
                await until(lambda: sum(node.delivered for node in nodes) == 30)
            assert receiver.came.empty()

    asyncio.run(scenario())


def test_a_node_takes_over_when_nothing_is_heard_of_the_one_that_was_telling(memory):
    now = [1_700_000_000.0]
    held = threading.Event()

    async def scenario():
        with Receiver(lambda handler: held.wait(TIMEOUT), answer(204)) as receiver:
            first = webhook(memory, receiver.url(), clock=lambda: now[0])
            await first.start()
            add(memory, "m1")
            assert await told(receiver, 1) == ["m1"]
            [task] = [task for task in asyncio.all_tasks() if task.get_name() == "webhook"]
            task.cancel()  # and nobody lets go of the note
            async with telling(memory, receiver.url(), clock=lambda: now[0], lease=30.0) as second:
                await until(lambda: second._wake.is_set() is False)
                assert receiver.came.empty()
                now[0] += 31
                add(memory, "m2")
                assert await told(receiver, 2) == ["m1", "m2"]
            held.set()
            await first.stop()

    asyncio.run(scenario())


def test_a_clock_that_was_set_back_keeps_nobody_waiting(memory):
    async def scenario():
        with Receiver() as receiver:
            note = json.dumps({"told": 0, "teller": "gone", "until": 1_900_000_000.0})
            hook = webhook(memory, receiver.url(), clock=lambda: 1_700_000_000.0)
            assert memory.remember(hook._key, note, instead_of=None)
            async with telling(memory, receiver.url(), clock=lambda: 1_700_000_000.0):
                add(memory, "m1")
                assert await told(receiver, 1) == ["m1"]

    asyncio.run(scenario())


def test_a_store_that_does_not_answer_for_a_while_forgets_nothing():
    class Away(MemoryStore):
        away = 0

        def after(self, number, *, limit=100):
            if self.away:
                self.away -= 1
                raise StoreUnavailable("the database is away")
            return super().after(number, limit=limit)

    async def scenario():
        with Away() as store, Receiver() as receiver:
            async with telling(store, receiver.url(), lease=0.3) as hook:
                store.away = 2
                add(store, "m1")
                assert await told(receiver, 1) == ["m1"]
                await until(lambda: hook.failure is None)

    asyncio.run(scenario())


# -- W5: where to ---------------------------------------------------------------------------------


def test_this_machine_is_told_nothing_unless_it_is_allowed(memory):
    async def scenario():
        with Receiver() as receiver:
            async with telling(memory, receiver.url(), allowed=()) as hook:
                add(memory, "m1")
                await until(lambda: hook.failure is not None)
                assert "127.0.0.1, which is loopback" in hook.failure
            assert receiver.connections == 0
            async with telling(memory, receiver.url()):
                assert await told(receiver, 1) == ["m1"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("url", "secrets", "error"),
    [
        ("ftp://127.0.0.1/", [SECRET], NotAllowed),
        ("http://user:pass@127.0.0.1/", [SECRET], NotAllowed),
        ("http://127.0.0.1/", [], ValueError),
        ("http://127.0.0.1/", ["hunter2"], ValueError),
        ("http://127.0.0.1/", ["whsec_" + base64.b64encode(b"short").decode()], ValueError),
        ("http://127.0.0.1/", ["whsec_!!!"], ValueError),
        ("http://127.0.0.1/", [SECRET.removeprefix("whsec_")], ValueError),
    ],
)
def test_a_webhook_needs_a_url_and_a_secret(memory, url, secrets, error):
    with pytest.raises(error) as caught:
        webhook(memory, url, secrets=secrets)
    assert "hunter2" not in str(caught.value)


# -- waiting --------------------------------------------------------------------------------------


def test_the_waits_become_longer_to_a_limit_and_no_two_are_the_same():
    backoff = Backoff(first=1, longest=60)

    waits = [backoff.next() for _ in range(2000)]
    assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits, [1, 2, 4, 8, 16, 32, 60, 60], strict=False))
    assert all(30 <= wait <= 60 for wait in waits[6:])
    assert len(set(waits[6:])) > 100
    backoff.reset()
    assert 0.5 <= backoff.next() <= 1


@pytest.mark.parametrize(("asked", "waits"), [(20.0, 20.0), (0.1, 1.0), (10_000.0, 60.0)])
def test_a_receiver_may_ask_for_a_longer_wait_within_limits(asked, waits):
    assert Backoff(first=1, longest=60, chance=lambda: 0.0).next(asked) == waits
