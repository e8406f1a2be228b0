"""What the inbox and the fixtures cost a test; each function prints its figures as JSON: intests.py FUNCTION."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import IO, Any, Literal

HERE = Path(__file__).parent

# The fixtures of a test.  Two runs with so many empty tests of each differ by what the fixture costs a test, and not
# by what a run costs: imports, and the one server of `smtptest_session`.
FIXTURES = {
    "empty fixture": "nothing",
    "smtptest": "smtptest",
    "smtptest_session": "smtptest_session",
    "smtpdfix: smtpd": "smtpd",
    "pytest-localserver: smtpserver": "smtpserver",
}
FEW, MANY = 100, 500
ROUNDS = 5
MODULE = """
import pytest

@pytest.fixture
def nothing():
    yield

@pytest.mark.parametrize("number", range({tests}))
def test(number, {fixture}):
    pass
"""


def fixtures() -> dict[str, float]:
    """Milliseconds that each fixture adds to a test, over an empty one; and what of the better peer's that is."""
    costs: dict[str, list[float]] = {name: [] for name in FIXTURES}
    with tempfile.TemporaryDirectory() as folder:

        def run(fixture: str, tests: int) -> float:
            module = Path(folder, f"test_{fixture}_{tests}.py")
            module.write_text(MODULE.format(tests=tests, fixture=fixture))
            command = [sys.executable, "-m", "pytest", "-q", module.name, "--rootdir", folder]
            for plugin in ("cacheprovider", "randomly", "xdist", "asyncio"):
                command += ["-p", f"no:{plugin}"]
            before = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, cwd=folder)
            return (time.perf_counter() - before) * 1000

        for round_ in range(ROUNDS + 1):
            for name, fixture in FIXTURES.items():
                few, many = run(fixture, FEW), run(fixture, MANY)
                if round_:
                    costs[name].append((many - few) / (MANY - FEW))
    empty = median(costs.pop("empty fixture"))
    figures = {f"{name}, ms": median(values) - empty for name, values in costs.items()}
    better = min(value for name, value in figures.items() if not name.startswith("smtptest"))
    for name in ("smtptest", "smtptest_session"):
        figures[f"{name}, times the better of the others"] = figures[f"{name}, ms"] / better
    return figures


def many_mails() -> dict[str, float]:
    """Expectations on an inbox with 100,000 mails, in milliseconds; and what an inbox adds to a mail."""
    from lazr.smtptest import Envelope, Inbox, Mail

    count = 100_000
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
    inbox.announce()

    def cost(times: int, **match: str) -> float:
        spent = []
        for number in range(times):
            wanted: dict[str, Any] = {name: value.format(number * 97) for name, value in match.items()}
            before = time.perf_counter()
            inbox.one(timeout=0, **wanted)
            spent.append((time.perf_counter() - before) * 1000)
        return median(spent)

    return {
        "the first one(to=address), ms": cost(1, to="user{}@example.com"),
        "one(to=address), ms": cost(1000, to="user{}@example.com"),
        "one(to=address, subject=...), ms": cost(1000, to="user{}@example.com", subject="Hi"),
        "one(to=glob), which looks at each, ms": cost(3, to="user{}@ex*"),
        "append, microseconds": appending,
    }


# A client that says, by a clock that all processes share, when it has read each 250.
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
    """From the moment that the client has read its 250 to that in which `wait` has returned, in milliseconds."""
    from lazr.smtptest import MailServer

    def now() -> float:
        return time.clock_gettime(time.CLOCK_MONOTONIC)

    figures: dict[str, float] = {}
    loops: tuple[Literal["asyncio", "uvloop"], ...] = ("asyncio", "uvloop")
    for loop in loops:
        spent = []
        with MailServer(loop=loop) as server:
            command = [sys.executable, "-c", CLIENT, str(server.port)]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
                assert client.stdin is not None
                assert client.stdout is not None
                for _ in range(500):
                    mark = server.inbox.mark()
                    # While this thread waits already, as it does where an application works in the background.
                    threading.Timer(0.002, _tell, (client.stdin,)).start()
                    server.inbox.wait(since=mark)
                    returned = now()
                    spent.append((returned - float(client.stdout.readline())) * 1000)
                client.stdin.close()
        spent.sort()
        figures[f"{loop}, median"] = median(spent)
        figures[f"{loop}, 95 of 100"] = spent[len(spent) * 95 // 100]
    return figures


def _tell(stream: IO[str]) -> None:
    print("next", file=stream, flush=True)


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
