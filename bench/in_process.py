"""Benchmarks with the server in the measuring process.

`python -m bench.in_process FUNCTION` prints results as JSON.
"""

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

from bench.scale import scale

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
MESSAGE = "Subject: bench\r\n\r\n" + "x" * 70 + "\r\n"


def _measure_milliseconds(function: Callable[[], object]) -> float:
    before = time.perf_counter()
    function()
    return (time.perf_counter() - before) * 1000


def start_stop() -> dict[str, float]:
    """Measure start and stop, also of the lower bounds: a thread, and an event loop in a thread."""
    import asyncio
    import threading

    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Sink

    from bench.servers import find_free_port
    from lazr.smtptest import MailServer

    def start_ours() -> None:
        server = MailServer()
        server.start()
        server.stop()

    port = find_free_port()

    def start_aiosmtpd() -> None:
        controller = Controller(Sink(), hostname="127.0.0.1", port=port)
        controller.start()
        controller.stop()

    def start_bare_loop() -> None:
        loop = asyncio.SelectorEventLoop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def start_bare_thread() -> None:
        thread = threading.Thread(target=int, daemon=True)
        thread.start()
        thread.join()

    starts = {
        "ours": start_ours,
        "thread": start_bare_thread,
        "event loop in a thread": start_bare_loop,
        "aiosmtpd": start_aiosmtpd,
    }
    figures: dict[str, list[float]] = {name: [] for name in starts}
    for _ in range(scale(200, 2)):
        for name, start in starts.items():
            figures[name].append(_measure_milliseconds(start))
    return {name: median(values) for name, values in figures.items()}


def sendmail() -> dict[str, float]:
    """Measure one smtplib `sendmail` on an open connection to a server in the same process."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Sink

    from bench.servers import find_free_port
    from lazr.smtptest import MailServer

    port = find_free_port()
    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    figures: dict[str, list[float]] = {"ours": [], "ours, uvloop": [], "aiosmtpd": []}
    with MailServer() as server, MailServer(loop="uvloop") as uvloop:
        ports = {"ours": server.port, "ours, uvloop": uvloop.port, "aiosmtpd": port}
        clients = {name: smtplib.SMTP("127.0.0.1", number) for name, number in ports.items()}
        for _ in range(scale(1000, 2)):
            for name, client in clients.items():
                figures[name].append(
                    _measure_milliseconds(lambda: client.sendmail("ann@example.com", ["bob@example.com"], MESSAGE))  # noqa: B023
                )
        for client in clients.values():
            client.quit()
    controller.stop()
    results = {name: median(values) for name, values in figures.items()}
    for name in ("ours", "ours, uvloop"):
        ratios = (time / other for time, other in zip(figures[name], figures["aiosmtpd"], strict=True))
        results[f"{name}, times aiosmtpd"] = median(ratios)
    return results


def rules() -> dict[str, float]:
    """Measure one smtplib `sendmail` without rules, and with rules that never act."""
    from lazr.smtptest import MailServer

    servers = {
        name: MailServer()
        for name in ("no rules", "100 rules for RCPT", "100 rules for unused verbs", "1 rule for CONTENT")
    }
    for number in range(100):
        servers["100 rules for RCPT"].on("RCPT", to=f"user{number}@full.example").reply(452).optional()
        servers["100 rules for unused verbs"].on(f"X{number}").drop().optional()
    servers["1 rule for CONTENT"].on("CONTENT", after=50, sender="nobody@example.com").drop().optional()
    for server in servers.values():
        server.start()
    clients = {name: smtplib.SMTP(*server.address) for name, server in servers.items()}
    figures: dict[str, list[float]] = {name: [] for name in servers}
    order = list(clients.items())
    for _ in range(scale(1000, 2)):
        order.append(order.pop(0))  # rotate, because the position after another server affects the CPU caches
        for name, client in order:
            figures[name].append(
                _measure_milliseconds(lambda: client.sendmail("ann@example.com", ["bob@example.com"], MESSAGE))  # noqa: B023
            )
    for name, server in servers.items():
        clients[name].quit()
        server.stop()
    return {name: median(values) for name, values in figures.items()}


def _find_source() -> str:
    """Return the folder of the measured package, which may be that of another checkout."""
    import lazr.smtptest

    return str(Path(lazr.smtptest.__file__).parent)


def imports() -> dict[str, float]:
    """Measure imports in a new interpreter, without the start of the interpreter."""
    programs = {
        "import lazr.smtptest": "import lazr.smtptest",
        "from lazr.smtptest import MailServer": "from lazr.smtptest import MailServer",
        "import aiosmtpd.controller": "import aiosmtpd.controller",
        "import re, threading (which ours imports)": "import re, threading",
    }
    # pip compiles an installed package, too.
    compileall.compile_dir(_find_source(), quiet=2)
    figures: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(scale(15)):
        for name, program in programs.items():
            script = f"import time; b = time.perf_counter(); {program}; print((time.perf_counter() - b) * 1000)"
            figures[name].append(
                float(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout)
            )
    return {name: median(values) for name, values in figures.items()}


# The start of each script; `clock` records the milliseconds since its last call.  `cpu` is the CPU time of the start.
CLOCK = """
import json, time
results = {}
def clock(label):
    global last
    results[label] = (time.perf_counter() - last) * 1000
    last = time.perf_counter()
cpu = time.process_time()
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
FIRST_SERVER = """
from lazr.smtptest import MailServer
clock("import")
server = MailServer()
server.start()
clock("start")
results["import and start"] = results["import"] + results["start"]
results["import and start, CPU time"] = (time.process_time() - cpu) * 1000
server.stop()
"""
FIRST_CONTROLLER = """
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
clock("import")
controller = Controller(Sink(), hostname="127.0.0.1", port=FREE_PORT)
controller.start()
clock("start")
results["import and start"] = results["import"] + results["start"]
results["import and start, CPU time"] = (time.process_time() - cpu) * 1000
controller.stop()
"""
# A server without TLS runs first, so that the parts measure only the cost of TLS.
PARTS = """
from lazr.smtptest import MailServer
with MailServer():
    pass
clock("server without TLS, before")
from lazr.smtptest.net.certificates import get_authority
from lazr.smtptest.net import Tls
clock("import our modules")
import trustme
clock("import trustme")
get_authority()
clock("create the CA")
get_authority().server_certificate()
clock("create the certificate")
Tls().build_context()
clock("create the context")
with MailServer(tls="implicit"):
    clock("start with the parts above")
"""
SCRAM = """
from bench.tls_and_auth_client import NEW_USERS, run_sessions
from lazr.smtptest import Auth, MailServer
with MailServer(auth=Auth({"user1": "secret", "user2": "secret"})) as server:
    for label, user in (("first in a process", 1), ("another user", 2), ("the same user", 2)):
        results[label] = run_sessions(server.port, NEW_USERS, count=1, sessions=1, first_user=user)[1][0] * 1000
"""


def _measure_in_new_processes(programs: dict[str, str], times: int = 9) -> dict[str, list[float]]:
    """Run each script in new interpreters, in turn; return what its `clock` recorded."""
    from bench.servers import find_free_port

    compileall.compile_dir(_find_source(), quiet=2)  # as in `imports`
    figures: dict[str, list[float]] = defaultdict(list)
    for _ in range(scale(times)):
        for name, program in programs.items():
            program = program.replace("FREE_PORT", str(find_free_port()))  # noqa: PLW2901
            command = [sys.executable, "-c", f"{CLOCK}{program}print(json.dumps(results))"]
            process = subprocess.run(command, check=True, capture_output=True, cwd=HERE.parent)
            for label, value in json.loads(process.stdout).items():
                figures[f"{name}: {label}"].append(value)
    return figures


def first_server() -> dict[str, float]:
    """Measure the first server in new processes, from before the import until it listens."""
    figures = _measure_in_new_processes({"ours": FIRST_SERVER, "aiosmtpd": FIRST_CONTROLLER}, 7)
    return {name: median(values) for name, values in figures.items()}


def tls_start() -> dict[str, float]:
    """Measure the first server with TLS in a process, its parts, and the next servers."""
    from lazr.smtptest import MailServer, Tls

    figures = _measure_in_new_processes(
        {
            "first server, TLS": ONE_SERVER.replace("OPTIONS", "tls='implicit'"),
            "first server, no TLS": ONE_SERVER.replace("OPTIONS", ""),
            "parts of the first server": PARTS,
        }
    )

    def start_and_stop(tls: Literal["implicit"] | None) -> None:
        server = MailServer(tls=tls)
        server.start()
        server.stop()

    start_and_stop("implicit")
    for _ in range(scale(100)):
        figures["next server, TLS: start and stop"].append(_measure_milliseconds(lambda: start_and_stop("implicit")))
        figures["next server, no TLS: start and stop"].append(_measure_milliseconds(lambda: start_and_stop(None)))
        figures["parts of the next server: create the context"].append(_measure_milliseconds(Tls().build_context))
    return {name: median(values) for name, values in figures.items()}


def handshake() -> dict[str, float]:
    """Measure the lower bound: server CPU time of a handshake without sockets or a loop."""
    import ssl

    from lazr.smtptest import Tls

    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname, client_context.verify_mode = False, ssl.CERT_NONE
    server_context = Tls().build_context()

    def measure_seconds() -> float:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = client_context.wrap_bio(to_client, to_server)
        with suppress(ssl.SSLWantReadError):
            client.do_handshake()
        before = time.thread_time()
        server = server_context.wrap_bio(to_server, to_client, server_side=True)
        with suppress(ssl.SSLWantReadError):
            server.do_handshake()
        seconds = time.thread_time() - before
        client.do_handshake()
        before = time.thread_time()
        server.do_handshake()
        return seconds + time.thread_time() - before

    return {"OpenSSL and Python's ssl": median(measure_seconds() for _ in range(scale(500))) * 1000}


def scram_start() -> dict[str, float]:
    """Measure AUTH SCRAM-SHA-256 in a client.

    The time includes the import of scramp and the key derivation.
    """
    return {name: median(values) for name, values in _measure_in_new_processes({"SCRAM-SHA-256": SCRAM}).items()}


def _get_resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory() -> dict[str, float]:
    """Measure the memory of 10,000 kept messages of 2 KB, and of receiving one of 10 MB."""
    import gc

    from lazr.smtptest import MailServer

    client = [sys.executable, str(HERE / "smtplib_client.py")]
    count = scale(10_000, 50)
    with MailServer() as server:

        def deliver(count: int, size: int) -> None:
            subprocess.run([*client, str(server.port), str(count), str(size)], check=True)

        deliver(10, 2000)
        server.inbox.clear()
        gc.collect()
        size = 10_000_000
        before = _get_resident_bytes()  # this is also the peak so far, so a higher peak is caused by this message
        deliver(1, size)
        receiving = (_get_peak_resident_bytes() - before) / size
        content_size = len(server.inbox[0].content)
        joined = (_get_peak_resident_bytes() - before) / content_size
        server.inbox.clear()
        gc.collect()
    with MailServer() as server:
        before = _get_resident_bytes()
        deliver(count, 2000)
        gc.collect()
        # With fewer mails on a trial run, what 10,000 would take.
        kept = (_get_resident_bytes() - before) / count / 100
        content_megabytes = sum(mail.size for mail in server.inbox) / count / 100
    return {
        "peak memory while receiving 10 MB, times its size": receiving,
        "peak memory after reading `content`, times its size": joined,
        "memory of 10,000 kept messages of 2 KB, MB": kept,
        "content of these messages, MB": content_megabytes,
    }


def _get_peak_resident_bytes() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def gil() -> dict[str, float]:
    """Measure ms per mail of another process while the main thread computes in Python."""
    from lazr.smtptest import MailServer

    figures = {}
    for name, interval in (("default switch interval", None), ("switch_interval=0.0005", 0.0005)):
        with MailServer(switch_interval=interval) as server:
            count = scale(30, 2)
            before = time.perf_counter()
            client = subprocess.Popen(
                [sys.executable, str(HERE / "smtplib_client.py"), str(server.port), str(count), "1000"]
            )
            number = 0
            while client.poll() is None:
                for _ in range(10_000):
                    number = (number * 31 + 7) % 1_000_003
            figures[name] = (time.perf_counter() - before) * 1000 / count
    return figures


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
