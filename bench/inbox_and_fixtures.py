"""Benchmarks of the inbox and of pytest fixtures.

`python -m bench.inbox_and_fixtures FUNCTION` prints results as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import IO, Any

from bench.scale import scale

HERE = Path(__file__).parent

# Fixtures of an empty test.  The cost of a fixture is the median time of such a test, less that of an empty fixture.
# A median excludes what only the first test pays, such as imports and the single server of `smtptest_session`.
FIXTURES = {
    "empty fixture": "nothing",
    "smtptest": "smtptest",
    "smtptest_session": "smtptest_session",
    "smtpdfix: smtpd": "smtpd",
    "pytest-localserver: smtpserver": "smtpserver",
}
PLUGINS = ("lazr.smtptest.pytest_plugin", "smtpdfix.fixture", "pytest_localserver.plugin")
TESTS = 300
MODULE = """
import pytest

@pytest.fixture
def nothing():
    yield
"""
TEST = """
@pytest.mark.parametrize("number", range({tests}))
def test_{fixture}(number, {fixture}):
    pass
"""
# The tests of the fixtures run in turn, so that other work on the machine affects all of them.
CONFTEST = """
import collections, json, time
import pytest

seconds = collections.defaultdict(list)

def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.callspec.params["number"])

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    before = time.perf_counter()
    yield
    seconds[item.originalname].append(time.perf_counter() - before)

def pytest_sessionfinish():
    with open("seconds.json", "w") as file:
        json.dump(seconds, file)
"""


def fixtures() -> dict[str, float]:
    """Measure the milliseconds that each fixture adds to a test.

    The result also has ratios to the fastest alternative.
    """
    tests = scale(TESTS, 3)
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "conftest.py").write_text(CONFTEST)
        functions = (TEST.format(tests=tests, fixture=fixture) for fixture in FIXTURES.values())
        Path(folder, "test_fixtures.py").write_text(MODULE + "".join(functions))
        command = [sys.executable, "-m", "pytest", "-q", "--rootdir", folder, "-p", "no:cacheprovider"]
        command += [word for plugin in PLUGINS for word in ("-p", plugin)]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, env=environment)
        seconds = json.loads(Path(folder, "seconds.json").read_text())
    costs = {name: median(seconds[f"test_{fixture}"]) * 1000 for name, fixture in FIXTURES.items()}
    empty = costs.pop("empty fixture")
    figures = {f"{name}, ms": value - empty for name, value in costs.items()}
    fastest = min(value for name, value in figures.items() if not name.startswith("smtptest"))
    for name in ("smtptest", "smtptest_session"):
        figures[f"{name}, times the fastest alternative"] = figures[f"{name}, ms"] / fastest
    return figures


def many_mails() -> dict[str, float]:
    """Measure expectations on an inbox with 100,000 mails, and the cost of `append`."""
    from lazr.smtptest import Envelope, Inbox, Mail

    count = scale(100_000, 100)
    mails = [
        Mail(
            str(number),
            Envelope(
                "app@example.com", (f"user{number}@example.com",), mail_parameters={}, rcpt_parameters=({},), helo="x"
            ),
            [b"Subject: Hi\r\n\r\nHello\r\n"],
        )
        for number in range(count)
    ]
    inbox = Inbox()
    before = time.perf_counter()
    for mail in mails:
        inbox.append(mail)
    appending = (time.perf_counter() - before) / count * 1e6
    inbox.notify_waiters()

    def measure_one(times: int, **match: str) -> float:
        samples = []
        for number in range(times):
            criteria: dict[str, Any] = {name: value.format(number * 97 % count) for name, value in match.items()}
            before = time.perf_counter()
            inbox.one(timeout=0, **criteria)
            samples.append((time.perf_counter() - before) * 1000)
        return median(samples)

    return {
        "first one(to=address), ms": measure_one(1, to="user{}@example.com"),
        "one(to=address), ms": measure_one(1000, to="user{}@example.com"),
        "one(to=address, subject=...), ms": measure_one(1000, to="user{}@example.com", subject="Hi"),
        "one(to=glob), which checks each mail, ms": measure_one(3, to="user{}@ex*"),
        "append, microseconds": appending,
    }


# A client that prints the time at which it has read each 250, by the clock that all processes share.
CLIENT = """
import smtplib, sys, time
client = smtplib.SMTP("127.0.0.1", int(sys.argv[1]))
client.ehlo()
for line in sys.stdin:
    client.mail("ann@example.com")
    client.rcpt("bob@example.com")
    client.data("Subject: Hi\\r\\n\\r\\nHello\\r\\n")
    print(time.clock_gettime(time.CLOCK_MONOTONIC), flush=True)
"""


def waiting() -> dict[str, float]:
    """Measure the milliseconds from the client's read of the 250 to the return of `wait`."""
    from lazr.smtptest import MailServer

    def now() -> float:
        return time.clock_gettime(time.CLOCK_MONOTONIC)

    figures: dict[str, float] = {}
    servers = {"ours": MailServer(), "ours, uvloop": MailServer(loop="uvloop")}
    for name, mail_server in servers.items():
        samples = []
        with mail_server as server:
            command = [sys.executable, "-c", CLIENT, str(server.port)]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
                assert client.stdin is not None
                assert client.stdout is not None
                for _ in range(scale(500)):
                    mark = server.inbox.mark()
                    # Start the client while this thread is already waiting, as with an application in the background.
                    threading.Timer(0.002, _trigger_client, (client.stdin,)).start()
                    server.inbox.wait(since=mark)
                    returned = now()
                    samples.append((returned - float(client.stdout.readline())) * 1000)
                client.stdin.close()
        samples.sort()
        figures[f"{name}, median"] = median(samples)
        figures[f"{name}, 95th percentile"] = samples[len(samples) * 95 // 100]
    return figures


def _trigger_client(stream: IO[str]) -> None:
    print("next", file=stream, flush=True)


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
