"""An SMTP client that measures the time of TLS handshakes and AUTH exchanges."""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import socket
import ssl
import time
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lazr.smtptest.protocol.smtp.scram import derive_salt

if TYPE_CHECKING:
    from collections.abc import Callable

# The users of serve_ours.py and serve_aiosmtpd.py.
USERS = 1000
PASSWORD = b"secret"

# Keep the client cheap: it verifies no certificate.  It never resumes a TLS session.
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


class Client:
    """One connection to a server."""

    def __init__(self, port: int) -> None:
        self._socket: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def shake_hands(self) -> None:
        self._socket = CONTEXT.wrap_socket(self._socket)

    def read_reply(self, code: bytes) -> bytes:
        """Read a reply with this code, and return the text of its last line."""
        reply = last = b""
        while not (reply.endswith(b"\r\n") and last[3:4] == b" "):
            piece = self._socket.recv(4096)
            reply += piece
            last = reply[reply.rfind(b"\n", 0, -1) + 1 :]
            if not piece or not reply.startswith(code):
                raise ConnectionError(f"expected {code!r}, got {reply!r}")
        return last[4:-2]

    def send_command(self, line: bytes, code: bytes) -> bytes:
        self._socket.sendall(line + b"\r\n")
        return self.read_reply(code)

    def quit(self) -> None:
        """Send QUIT, and wait until the server has closed the connection."""
        self.send_command(b"QUIT", b"221")
        while self._socket.recv(4096):
            pass
        self._socket.close()


def _do_nothing(client: Client, user: bytes) -> None:
    pass


def _starttls(client: Client, user: bytes) -> None:
    client.send_command(b"STARTTLS", b"220")
    client.shake_hands()
    client.send_command(b"EHLO client.example", b"250")


def _plain(client: Client, user: bytes) -> None:
    client.send_command(b"AUTH PLAIN " + b64encode(b"\0" + user + b"\0" + PASSWORD), b"235")


def _login(client: Client, user: bytes) -> None:
    client.send_command(b"AUTH LOGIN", b"334")
    client.send_command(b64encode(user), b"334")
    client.send_command(b64encode(PASSWORD), b"235")


def _cram_md5(client: Client, user: bytes) -> None:
    challenge = b64decode(client.send_command(b"AUTH CRAM-MD5", b"334"))
    digest = hmac.digest(PASSWORD, challenge, "md5").hex().encode()
    client.send_command(b64encode(user + b" " + digest), b"235")


@functools.lru_cache
def _client_key(salt: bytes, iterations: int) -> bytes:
    return hmac.digest(hashlib.pbkdf2_hmac("sha256", PASSWORD, salt, iterations), b"Client Key", "sha256")


def _scram(client: Client, user: bytes) -> None:
    bare = b"n=" + user + b",r=" + b64encode(os.urandom(18))
    first = b64decode(client.send_command(b"AUTH SCRAM-SHA-256 " + b64encode(b"n,," + bare), b"334"))
    nonce, salt, iterations = (part[2:] for part in first.split(b","))
    key = _client_key(b64decode(salt), int(iterations))
    final = b"c=biws,r=" + nonce
    signature = hmac.digest(hashlib.sha256(key).digest(), b",".join([bare, first, final]), "sha256")
    proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
    client.send_command(b64encode(final + b",p=" + b64encode(proof)), b"334")  # the server's signature
    client.send_command(b"", b"235")


NEW_USERS = "AUTH SCRAM-SHA-256, new user per session"

# The client's actions between EHLO and QUIT; implicit TLS comes before both.
METHODS: dict[str, Callable[[Client, bytes], None]] = {
    "in clear": _do_nothing,
    "implicit TLS": _do_nothing,
    "STARTTLS": _starttls,
    "AUTH PLAIN": _plain,
    "AUTH LOGIN": _login,
    "AUTH CRAM-MD5": _cram_md5,
    "AUTH SCRAM-SHA-256": _scram,
    NEW_USERS: _scram,
}


def open_session(port: int, method: str, user: bytes) -> float:
    """Run one session; return the seconds that the handshake or AUTH exchange lasted."""
    client = Client(port)
    start = time.perf_counter()
    if method == "implicit TLS":
        client.shake_hands()
    client.read_reply(b"220")
    seconds = time.perf_counter() - start
    client.send_command(b"EHLO client.example", b"250")
    if method != "implicit TLS":
        start = time.perf_counter()
        METHODS[method](client, user)
        seconds = time.perf_counter() - start
    client.quit()
    return seconds


def run_sessions(port: int, method: str, *, count: int, sessions: int, first_user: int) -> tuple[float, list[float]]:
    """Run `count` sessions, `sessions` at a time.

    Return the seconds of all, and the seconds of each handshake or AUTH exchange.
    """
    users = [b"user0"] * count
    if method == NEW_USERS:
        users = [b"user%d" % (number % USERS) for number in range(first_user, first_user + count)]
        for user in users:  # derive the keys before, so that they do not count
            _client_key(derive_salt("localhost", "SCRAM-SHA-256", user.decode()), 4096)
    with ThreadPoolExecutor(sessions) as pool:
        start = time.perf_counter()
        seconds = list(pool.map(lambda user: open_session(port, method, user), users))
        return time.perf_counter() - start, seconds
