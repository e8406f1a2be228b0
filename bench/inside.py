"""What is measured inside one process; each function prints its figures as JSON: inside.py FUNCTION."""

from __future__ import annotations

import compileall
import json
import os
import smtplib
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
MESSAGE = "Subject: bench\r\n\r\n" + "x" * 70 + "\r\n"


def _milliseconds(function: Callable[[], object]) -> float:
    before = time.perf_counter()
    function()
    return (time.perf_counter() - before) * 1000


def start_stop() -> dict[str, float]:
    """Start and stop, and what no server in a thread can go below: a bare loop in a bare thread."""
    import asyncio
    import threading

    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Sink

    from lazr.smtptest import MailServer

    sys.path.insert(0, str(HERE.parent))
    from bench.peers import free_port

    def ours() -> None:
        server = MailServer()
        server.start()
        server.stop()

    port = free_port()

    def aiosmtpd() -> None:
        controller = Controller(Sink(), hostname="127.0.0.1", port=port)
        controller.start()
        controller.stop()

    def floor() -> None:
        loop = asyncio.SelectorEventLoop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    figures: dict[str, list[float]] = {"ours": [], "aiosmtpd": [], "bare loop in a thread": []}
    for _ in range(200):
        figures["ours"].append(_milliseconds(ours))
        figures["bare loop in a thread"].append(_milliseconds(floor))
        if len(figures["aiosmtpd"]) < 100:
            figures["aiosmtpd"].append(_milliseconds(aiosmtpd))
    return {name: median(values) for name, values in figures.items()}


def sendmail() -> dict[str, float]:
    """One smtplib `sendmail` on an open connection, to a server in a thread of the same process."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Sink

    from lazr.smtptest import MailServer

    sys.path.insert(0, str(HERE.parent))
    from bench.peers import free_port

    port = free_port()
    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    figures: dict[str, list[float]] = {"ours": [], "ours, uvloop": [], "aiosmtpd": []}
    with MailServer() as server, MailServer(loop="uvloop") as uvloop:
        ports = {"ours": server.port, "ours, uvloop": uvloop.port, "aiosmtpd": port}
        clients = {name: smtplib.SMTP("127.0.0.1", number) for name, number in ports.items()}
        for _ in range(1000):
            for name, client in clients.items():
                figures[name].append(
                    _milliseconds(lambda: client.sendmail("ann@example.com", ["bob@example.com"], MESSAGE))  # noqa: B023
                )
        for client in clients.values():
            client.quit()
    controller.stop()
    return {name: median(values) for name, values in figures.items()}


def rules() -> dict[str, float]:
    """One smtplib `sendmail` on an open connection, in milliseconds: without rules, and with some that never act."""
    from lazr.smtptest import MailServer

    servers = {name: MailServer() for name in ("no rules", "100 for RCPT", "100 for verbs that never come", "content")}
    for number in range(100):
        servers["100 for RCPT"].on("RCPT", to=f"user{number}@full.example").reply(452).optional()
        servers["100 for verbs that never come"].on(f"X{number}").drop().optional()
    servers["content"].on("CONTENT", after=50, sender="nobody@example.com").drop().optional()
    for server in servers.values():
        server.start()
    clients = {name: smtplib.SMTP(*server.address) for name, server in servers.items()}
    figures: dict[str, list[float]] = {name: [] for name in servers}
    order = list(clients.items())
    for _ in range(1000):
        order.append(order.pop(0))  # what comes right behind another finds its caches full
        for name, client in order:
            figures[name].append(
                _milliseconds(lambda: client.sendmail("ann@example.com", ["bob@example.com"], MESSAGE))  # noqa: B023
            )
    for name, server in servers.items():
        clients[name].quit()
        server.stop()
    return {name: median(values) for name, values in figures.items()}


def imports() -> dict[str, float]:
    """The time that an import takes in a fresh interpreter, over the interpreter's own."""
    programs = {
        "import lazr.smtptest": "import lazr.smtptest",
        "from lazr.smtptest import MailServer": "from lazr.smtptest import MailServer",
        "import aiosmtpd.controller": "import aiosmtpd.controller",
        "import re, threading (of which ours is made)": "import re, threading",
    }
    # As pip leaves an installed package: with its bytecode beside it.
    compileall.compile_dir(str(HERE.parent / "src" / "lazr"), quiet=2)
    figures: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(15):
        for name, program in programs.items():
            timed = f"import time; b = time.perf_counter(); {program}; print((time.perf_counter() - b) * 1000)"
            figures[name].append(
                float(subprocess.run([sys.executable, "-c", timed], check=True, capture_output=True).stdout)
            )
    return {name: median(values) for name, values in figures.items()}


# What a fresh interpreter is given first; each `clock` notes the milliseconds since the one before.
CLOCK = """
import json, time
found = {}
def clock(what):
    global last
    found[what] = (time.perf_counter() - last) * 1000
    last = time.perf_counter()
last = time.perf_counter()
"""
ONE_SERVER = """
from lazr.smtptest import MailServer
clock("import MailServer")
server = MailServer(OPTIONS)
server.start()
clock("start")
server.stop()
"""
# One without TLS has run here before, so that what the two have in common is no part of it.
PARTS = """
from lazr.smtptest import MailServer
with MailServer():
    pass
clock("one without TLS, before")
from lazr.smtptest.net.certificates import authority
from lazr.smtptest.net.tls import Tls
clock("modules of ours")
import trustme
clock("import trustme")
authority()
clock("the authority")
authority().server_certificate()
clock("its certificate")
Tls().context()
clock("a context")
with MailServer(tls="implicit"):
    clock("start, with all that made")
"""
SCRAM = """
from bench.connect import NEW_USERS, connections
from lazr.smtptest import Auth, MailServer
with MailServer(auth=Auth({"user1": "secret", "user2": "secret"})) as server:
    for what, user in (("first in a process", 1), ("of another user", 2), ("of the same user", 2)):
        found[what] = connections(server.port, NEW_USERS, count=1, sessions=1, first_user=user)[1][0] * 1000
"""


def _in_fresh_processes(programs: dict[str, str], times: int = 9) -> dict[str, list[float]]:
    """What these note, each in an interpreter of its own, in turn."""
    compileall.compile_dir(str(HERE.parent / "src" / "lazr"), quiet=2)  # as in `imports`
    figures: dict[str, list[float]] = defaultdict(list)
    for _ in range(times):
        for name, program in programs.items():
            command = [sys.executable, "-c", f"{CLOCK}{program}print(json.dumps(found))"]
            done = subprocess.run(command, check=True, capture_output=True, cwd=HERE.parent)
            for what, value in json.loads(done.stdout).items():
                figures[f"{name}: {what}"].append(value)
    return figures


def tls_start() -> dict[str, float]:
    """The first server with TLS of a process, what in it is whose, and the next one."""
    from lazr.smtptest import MailServer, Tls

    figures = _in_fresh_processes(
        {
            "first, TLS": ONE_SERVER.replace("OPTIONS", "tls='implicit'"),
            "first, plain": ONE_SERVER.replace("OPTIONS", ""),
            "of the first": PARTS,
        }
    )

    def start_and_stop(tls: Literal["implicit"] | None) -> None:
        server = MailServer(tls=tls)
        server.start()
        server.stop()

    start_and_stop("implicit")
    for _ in range(100):
        figures["next, TLS: start and stop"].append(_milliseconds(lambda: start_and_stop("implicit")))
        figures["next, plain: start and stop"].append(_milliseconds(lambda: start_and_stop(None)))
        figures["of the next: a context"].append(_milliseconds(Tls().context))
    return {name: median(values) for name, values in figures.items()}


def handshake() -> dict[str, float]:
    """What no server can go below: CPU time of the server's side of a handshake, without sockets or a loop."""
    import ssl

    from lazr.smtptest import Tls

    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.check_hostname, theirs.verify_mode = False, ssl.CERT_NONE
    ours = Tls().context()

    def seconds() -> float:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = theirs.wrap_bio(to_client, to_server)
        with suppress(ssl.SSLWantReadError):
            client.do_handshake()
        before = time.thread_time()
        server = ours.wrap_bio(to_server, to_client, server_side=True)
        with suppress(ssl.SSLWantReadError):
            server.do_handshake()
        spent = time.thread_time() - before
        client.do_handshake()
        before = time.thread_time()
        server.do_handshake()
        return spent + time.thread_time() - before

    return {"in OpenSSL and Python's ssl": median(seconds() for _ in range(500)) * 1000}


def scram_start() -> dict[str, float]:
    """AUTH SCRAM-SHA-256, as a client in the same process sees it: with the import of scramp, and the keys."""
    return {name: median(values) for name, values in _in_fresh_processes({"SCRAM-SHA-256": SCRAM}).items()}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory() -> dict[str, float]:
    """Megabytes for 10,000 kept messages of 2 KB, and while a message of 10 MB is received."""
    import gc

    from lazr.smtptest import MailServer

    client = [sys.executable, str(HERE / "deliver.py")]
    with MailServer() as server:

        def deliver(count: int, size: int) -> None:
            subprocess.run([*client, str(server.port), str(count), str(size)], check=True)

        deliver(10, 2000)
        server.inbox.clear()
        gc.collect()
        size = 10_000_000
        before = _resident()  # no more was ever resident, so a peak from here on is this message's
        deliver(1, size)
        receiving = (_peak() - before) / size
        reading = len(server.inbox[0].content)
        joined = (_peak() - before) / reading
        server.inbox.clear()
        gc.collect()
    with MailServer() as server:
        before = _resident()
        deliver(10_000, 2000)
        gc.collect()
        kept = (_resident() - before) / 1e6
        octets = sum(mail.size for mail in server.inbox) / 1e6
    return {
        "receiving 10 MB, times its size": receiving,
        "and having read it, times its size": joined,
        "10,000 kept messages of 2 KB, MB": kept,
        "their octets alone, MB": octets,
    }


def _peak() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def gil() -> dict[str, float]:
    """A client in another process, while this one's main thread computes in pure Python: ms a mail."""
    from lazr.smtptest import MailServer

    figures = {}
    for name, interval in (("usual switch interval", None), ("switch_interval=0.0005", 0.0005)):
        with MailServer(switch_interval=interval) as server:
            count = 30
            before = time.perf_counter()
            client = subprocess.Popen([sys.executable, str(HERE / "deliver.py"), str(server.port), str(count), "1000"])
            number = 0
            while client.poll() is None:
                for _ in range(10_000):
                    number = (number * 31 + 7) % 1_000_003
            figures[name] = (time.perf_counter() - before) * 1000 / count
    return figures


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
