"""Benchmarks of IMAP: one client after the other, and many that wait.

`python -m bench.reading FUNCTION` prints results as JSON.
"""

from __future__ import annotations

import gc
import imaplib
import json
import os
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.scale import scale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest import MailServer
    from lazr.smtptest.store import Store

HERE = Path(__file__).parent
_USER = ("ann@example.com", "secret")
_MESSAGE = b"Subject: bench\r\nFrom: shop@example.com\r\n\r\n" + (b"x" * 70 + b"\r\n") * 27  # 2 KB
_WARM_UP_SESSIONS = 20


@contextmanager
def _run_servers() -> Iterator[dict[str, MailServer]]:
    """Run a server with its mails in memory, and one with SQLite."""
    from lazr.smtptest import MailServer
    from lazr.smtptest.store import create_store

    with tempfile.TemporaryDirectory() as folder:
        store: Store = create_store(f"sqlite:///{folder}/mails.sqlite")
        store.open()
        try:
            with MailServer(imap=True) as in_memory, MailServer(imap=True, store=store, keep_mails=False) as in_sqlite:
                yield {"in memory": in_memory, "in SQLite": in_sqlite}
        finally:
            store.close()


def _deliver(server: MailServer, count: int) -> None:
    with smtplib.SMTP(*server.address) as client:
        for _ in range(count):
            client.sendmail("shop@example.com", [_USER[0]], _MESSAGE)


def imap_newest() -> dict[str, float]:
    """Measure LOGIN, SELECT, FETCH of the newest mail, and LOGOUT by imaplib, in ms, with 1,000 mails in INBOX."""
    figures = {}
    with _run_servers() as servers:
        for name, server in servers.items():
            _deliver(server, scale(1000, 10))
            times = []
            for _ in range(scale(200, 2)):
                before = time.perf_counter()
                with imaplib.IMAP4(*server.imap.address) as client:
                    client.login(*_USER)
                    client.select("INBOX")
                    _, parts = client.fetch("*", "(RFC822)")
                times.append((time.perf_counter() - before) * 1000)
                assert isinstance(parts[0], tuple)
                assert parts[0][1] == _MESSAGE
            figures[name] = median(times)
    return figures


def imap_fetch_all() -> dict[str, float]:
    """Measure FETCH of 1,000 mails in one command: MB a second of content, and ms for all flags."""
    figures = {}
    with _run_servers() as servers:
        for name, server in servers.items():
            count = scale(1000, 10)
            _deliver(server, count)
            with socket.create_connection(server.imap.address) as client:
                _call(client, b"a", b'LOGIN "%b" "%b"' % tuple(text.encode() for text in _USER))
                _call(client, b"b", b"SELECT INBOX")
                times = [_call(client, b"c", b"FETCH 1:* (BODY.PEEK[])") for _ in range(scale(10, 2))]
                figures[f"{name}, MB/s"] = count * len(_MESSAGE) / median(times) / 1e6
                times = [_call(client, b"d", b"FETCH 1:* (UID FLAGS)") for _ in range(scale(20, 2))]
                figures[f"{name}, flags, ms"] = median(times) * 1000
    return figures


def _call(client: socket.socket, tag: bytes, command: bytes) -> float:
    """Send a command, and return the seconds until its OK."""
    before = time.perf_counter()
    client.sendall(tag + b" " + command + b"\r\n")
    end = b""
    while b"\r\n" + tag + b" OK" not in b"\r\n" + end:
        piece = client.recv(1024 * 1024)
        if not piece:
            raise SystemExit(f"{command!r}: the connection was closed")
        end = end[-1000:] + piece
    return time.perf_counter() - before


def imap_idle() -> dict[str, float]:
    """Measure the ms from reading the 250 of a mail to EXISTS in a session that is in IDLE."""
    figures = {}
    with _run_servers() as servers:
        for name, server in servers.items():
            with socket.create_connection(server.imap.address) as idle, smtplib.SMTP(*server.address) as client:
                _call(idle, b"a", b'LOGIN "%b" "%b"' % tuple(text.encode() for text in _USER))
                _call(idle, b"b", b"SELECT INBOX")
                idle.sendall(b"c IDLE\r\n")
                assert idle.recv(4096).startswith(b"+")
                arrivals: list[float] = []
                # Each EXISTS is one piece, because the next mail is only sent after it.
                seen = threading.Semaphore(0)
                reader = threading.Thread(target=_note_arrivals, args=(idle, arrivals, seen), daemon=True)
                reader.start()
                times = []
                for number in range(scale(200, 2)):
                    client.sendmail("shop@example.com", [_USER[0]], _MESSAGE)
                    before = time.perf_counter()
                    assert seen.acquire(timeout=30)
                    times.append((arrivals[number] - before) * 1000)
                idle.shutdown(socket.SHUT_RDWR)
                reader.join()
            figures[name] = median(times)
    return figures


def _note_arrivals(idle: socket.socket, arrivals: list[float], seen: threading.Semaphore) -> None:
    while piece := idle.recv(4096):
        for _ in range(piece.count(b" EXISTS\r\n")):
            arrivals.append(time.perf_counter())
            seen.release()


def imap_sessions() -> dict[str, float]:
    """Measure the KiB of each of 1,000 sessions that wait in IDLE; their client is another process."""
    from lazr.smtptest import Limits, MailServer

    count = scale(1000, 50)
    with MailServer(imap=True, limits=Limits(connections=count + 100)) as server:
        _deliver(server, scale(1000, 10))
        _measure_sessions(server, _WARM_UP_SESSIONS)
        gc.collect()
        before = _get_resident_bytes()
        return {"KiB each": (_measure_sessions(server, count) - before) / count / 1024}


def _measure_sessions(server: MailServer, count: int) -> int:
    """Return the resident bytes of this process while the sessions are open."""
    command = [sys.executable, str(HERE / "imap_idle_client.py"), str(server.imap.port), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        if not client.stdout.readline():
            raise SystemExit("the client could not open all sessions")
        size = _get_resident_bytes()
        client.communicate()
    return size


def _get_resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
