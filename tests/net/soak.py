"""Put a server under mixed load for minutes, and fail if its memory, descriptors, timers or handlers grow.

`make soak` runs this for ten minutes; `python -m tests.net.soak --minutes 1 --driver asyncio` takes other values.  The
server runs in a child process, so that the figures are its own.  The load is mails of many sizes, with and without TLS,
connections that are reset or half closed, rules that delay and drop, clients that do not read, idle clients, calls from
other threads, and restarts.
"""

import argparse
import collections
import contextlib
import gc
import json
import os
import random
import smtplib
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import threading
import time

from lazr.smtptest import Limits, MailServer

IDLE_CLIENTS = 200
LOAD_THREADS = 6
REST_SECONDS = 0.002  # after each action, so that the load leaves room for other programs
KEPT_MAILS = 50
MAX_GROWTH = 1.1  # of memory: what is kept depends on chance, and the allocator keeps what it has freed
CHECKED_FIGURES = ("descriptors", "handlers", "timers", "threads")

# In a shorter run, the records of sessions and the allocator are still filling up.
MIN_MINUTES_FOR_MEMORY = 2.0


# -- the server's process --------------------------------------------------------------------


def measure(server):
    """Return the figures of this process and of the server's reactor."""
    reactor = server._connection_manager.reactor
    with open("/proc/self/statm", encoding="ascii") as statm:
        pages = int(statm.read().split()[1])
    return {
        "rss": pages * os.sysconf("SC_PAGE_SIZE"),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "objects": len(gc.get_objects()),  # without what reference counts have freed, whatever the allocator keeps
        "threads": threading.active_count(),
        "handlers": len(reactor._masks),
        "heap": len(reactor._timers),
        "timers": sum(not timer.is_cancelled for _, _, timer in reactor._timers),
        "mails": server.sessions.counts["mails"],
        "cpu": time.process_time(),
    }


def serve(driver):
    """Run a server; carry out the commands on the standard input."""

    async def decide(event, reply):
        return reply

    server = MailServer(
        tls="starttls",
        keep_mails=KEPT_MAILS,
        decide=decide if driver == "asyncio" else None,
        limits=Limits(connections=None, commands_without_mail=None, errors=None),
    )

    server.on("RCPT", to="delayed@*").delay(0.02).optional()
    server.on("RCPT", to="dropped@*").drop().optional()
    server.on("RCPT", to="slow@*").throttle(20_000).optional()
    server.start()
    is_ended = threading.Event()
    threads = [threading.Thread(target=call_server, args=(server, is_ended)) for _ in range(2)]
    for thread in threads:
        thread.start()
    print(json.dumps(server.address), flush=True)
    for line in sys.stdin:
        if line == "restart\n":
            server.stop()
            server.start()
            print(json.dumps(server.address), flush=True)
        elif line == "settle\n":
            server.settle(30)
            print(json.dumps(server.call(lambda: measure(server))), flush=True)
        else:
            print(json.dumps(server.call(lambda: measure(server))), flush=True)
    is_ended.set()
    for thread in threads:
        thread.join()
    server.stop()


def call_server(server, is_ended):
    """Call the server from another thread, until the end."""
    while not is_ended.wait(0.002):
        assert server.call(lambda: 7) == 7


# -- the load --------------------------------------------------------------------------------


class Load:
    """Threads of clients, and idle clients."""

    def __init__(self, address):
        self.address = address
        self.counts = collections.Counter()
        self._count_lock = threading.Lock()
        self._is_ended = threading.Event()
        self._is_running = threading.Event()  # not while the server restarts
        self._is_running.set()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(LOAD_THREADS)]
        self._idle = []
        self.errors = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._context = context

    def start(self):
        self.connect_idle()
        for thread in self._threads:
            thread.start()

    def connect_idle(self):
        """Connect the clients that do nothing; replace those of before."""
        for client in self._idle:
            client.close()
        self._idle = [socket.create_connection(self.address, timeout=30) for _ in range(IDLE_CLIENTS)]

    @contextlib.contextmanager
    def paused(self):
        """Start no more actions meanwhile; those that run may fail."""
        self._is_running.clear()
        yield
        self.connect_idle()
        self._is_running.set()

    def end(self):
        self._is_ended.set()
        for thread in self._threads:
            thread.join()
        for client in self._idle:
            client.close()

    def _run(self, number):
        dice = random.Random(number)
        actions = [getattr(self, name) for name in dir(type(self)) if name.startswith("act_")]
        while not self._is_ended.wait(REST_SECONDS):
            if not self._is_running.wait(0.1):
                continue
            action = dice.choice(actions)
            try:
                action(dice)
            except (OSError, smtplib.SMTPException, EOFError) as error:
                if self._is_running.is_set():
                    self.errors.append(f"{action.__name__}: {error!r}")
            else:
                with self._count_lock:
                    self.counts[action.__name__.removeprefix("act_")] += 1

    def _send_mails(self, dice, recipient="bob@example.com", *, tls=False):
        with smtplib.SMTP(*self.address, timeout=30) as client:
            if tls:
                client.starttls(context=self._context)
            for _ in range(dice.randrange(1, 6)):
                size = dice.choice([100, 1000, 1000, 20_000, 300_000])
                line = dice.choice([76, 998]) * "x" + "\r\n"
                client.sendmail(
                    "ann@example.com", [recipient], "Subject: Soak\r\n\r\n" + line * (size // len(line) + 1)
                )

    def act_mails(self, dice):
        self._send_mails(dice)

    def act_mails_in_tls(self, dice):
        self._send_mails(dice, tls=True)

    def act_delayed_mails(self, dice):
        self._send_mails(dice, "delayed@example.com")

    def act_dropped_client(self, dice):
        with contextlib.suppress(smtplib.SMTPServerDisconnected):
            self._send_mails(dice, "dropped@example.com")

    def act_slow_replies(self, dice):
        with smtplib.SMTP(*self.address, timeout=30) as client:
            client.sendmail("ann@example.com", ["slow@example.com"], "Subject: Soak\r\n\r\nshort")

    @contextlib.contextmanager
    def _open_transaction(self):
        """Give a socket after DATA."""
        with socket.create_connection(self.address, timeout=30) as client, client.makefile("rb") as replies:
            client.sendall(b"HELO x\r\nMAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n")
            while not (line := replies.readline()).startswith(b"354"):
                if not line:
                    raise EOFError("the server has closed the connection")
            yield client

    def act_reset(self, dice):
        with self._open_transaction() as client:
            client.sendall(bytes(dice.randrange(1, 100_000)))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def act_vanish(self, dice):
        with self._open_transaction() as client:
            client.sendall(b"x" * dice.randrange(1, 100_000))

    def act_half_close(self, dice):
        with self._open_transaction() as client:
            client.sendall(b"Subject: Half\r\n\r\n.\r\n")
            client.shutdown(socket.SHUT_WR)
            while client.recv(1000):
                pass

    def act_connect_only(self, dice):
        socket.create_connection(self.address, timeout=30).close()

    def act_unread_replies(self, dice):
        with socket.create_connection(self.address, timeout=30) as client:
            client.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                for _ in range(200):
                    client.sendall(b"NOOP\r\n" * 1000)

    def act_broken_handshake(self, dice):
        with socket.create_connection(self.address, timeout=30) as client:
            client.recv(1000)
            client.sendall(b"EHLO x\r\nSTARTTLS\r\n")
            client.recv(1000)
            client.sendall(dice.randbytes(200))


# -- the run ---------------------------------------------------------------------------------


class ServerProcess:
    """The child process with the server."""

    def __init__(self, driver):
        command = [sys.executable, "-m", "tests.net.soak", "--serve", "--driver", driver]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = tuple(self._read())

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the server's process has ended")
        return json.loads(line)

    def request(self, command):
        """Send one command; return the answer."""
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._read()

    def end(self):
        """Stop the server; return the exit code."""
        self._process.stdin.close()
        try:
            return self._process.wait(30)
        finally:
            self._process.kill()
            self._process.stdout.close()


def run(minutes, driver, interval, report=print):
    """Run the load; return what has grown and what went wrong, as lines."""
    server = ServerProcess(driver)
    load = Load(server.address)
    before = server.request("settle")
    report(f"before: {before}")
    load.start()
    try:
        samples = watch(server, load, minutes, interval, report)
    finally:
        load.end()
    after = server.request("settle")
    report(f"after: {after}")
    report(f"actions: {dict(load.counts)}")
    problems = [f"error of a client: {error}" for error in load.errors[:20]]
    problems += find_growth(samples, before, after, checks_memory=minutes >= MIN_MINUTES_FOR_MEMORY)
    if server.end() != 0:
        problems.append("the server's process has failed")
    return problems


def watch(server, load, minutes, interval, report):
    """Collect figures of the server, which is restarted five times; return them."""
    samples = []
    begin = time.monotonic()
    restart_interval = max(minutes * 60 / 6, 2.0)
    next_restart = begin + restart_interval
    while time.monotonic() - begin < minutes * 60:
        time.sleep(interval)
        samples.append(server.request("figures"))
        report(f"{time.monotonic() - begin:6.1f} s: {samples[-1]}")
        if time.monotonic() > next_restart:
            next_restart += restart_interval
            with load.paused():
                server.request("restart")
            report(f"{time.monotonic() - begin:6.1f} s: restarted")
    return samples


def find_growth(samples, before, after, *, checks_memory):
    """Compare the second third of the run with the last, and the end with the beginning; return lines."""
    third = len(samples) // 3
    middle, last = samples[third : 2 * third], samples[2 * third :]
    problems = []
    for name in (*CHECKED_FIGURES, "rss", "objects"):
        usual, later = (statistics.median(sample[name] for sample in part) for part in (middle, last))
        limit = usual * MAX_GROWTH if name in {"rss", "objects"} else usual * 1.25 + 20
        if later > limit and (checks_memory or name not in {"rss", "objects"}):
            problems.append(f"{name} has grown from {usual} to {later} while the load was the same")
    # The reactor removes cancelled timers when there are 100, and more than live ones.
    problems += [f"too many cancelled timers: {one}" for one in samples if one["heap"] > 2 * one["timers"] + 102]
    # An asyncio loop, which begins with the first coroutine, has three descriptors.
    problems += [
        f"{name}: {after[name]} after the load, {before[name]} before"
        for name in CHECKED_FIGURES
        if after[name] > before[name] + (3 if name == "descriptors" else 0)
    ]
    return problems


def main():
    """Run as a command."""
    parser = argparse.ArgumentParser(prog="python -m tests.net.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the run (default: %(default)s)")
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between figures (default: %(default)s)")
    parser.add_argument(
        "--driver", choices=["thread", "asyncio"], default="thread",
        help="what drives the reactor: its thread, or asyncio, after a coroutine function was called",
    )  # fmt: skip
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.driver)
        return
    problems = run(arguments.minutes, arguments.driver, arguments.interval)
    print("\n".join(problems) or "nothing has grown")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
