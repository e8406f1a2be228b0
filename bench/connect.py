"""A client that comes in, by TLS or AUTH, and goes again: what is timed is the way in."""

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

from lazr.smtptest.protocol.smtp.scram import salt_of

if TYPE_CHECKING:
    from collections.abc import Callable

# What the servers that are measured accept: serve_ours.py and serve_aiosmtpd.py say so too.
USERS = 1000
PASSWORD = b"secret"

# The client is not what is measured: it looks at no certificate, and never resumes a session.
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


class Client:
    """One connection."""

    def __init__(self, port: int) -> None:
        self._socket: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def shake_hands(self) -> None:
        self._socket = CONTEXT.wrap_socket(self._socket)

    def reply(self, code: bytes) -> bytes:
        """What the last line of the reply says."""
        octets = last = b""
        while not (octets.endswith(b"\r\n") and last[3:4] == b" "):
            piece = self._socket.recv(4096)
            octets += piece
            last = octets[octets.rfind(b"\n", 0, -1) + 1 :]
            if not piece or not octets.startswith(code):
                raise ConnectionError(f"expected {code!r}, got {octets!r}")
        return last[4:-2]

    def say(self, line: bytes, code: bytes) -> bytes:
        self._socket.sendall(line + b"\r\n")
        return self.reply(code)

    def leave(self) -> None:
        """Say goodbye, and wait for the end, so that the server is through with all of it."""
        self.say(b"QUIT", b"221")
        while self._socket.recv(4096):
            pass
        self._socket.close()


def _nothing(client: Client, user: bytes) -> None:
    pass


def _starttls(client: Client, user: bytes) -> None:
    client.say(b"STARTTLS", b"220")
    client.shake_hands()
    client.say(b"EHLO client.example", b"250")


def _plain(client: Client, user: bytes) -> None:
    client.say(b"AUTH PLAIN " + b64encode(b"\0" + user + b"\0" + PASSWORD), b"235")


def _login(client: Client, user: bytes) -> None:
    client.say(b"AUTH LOGIN", b"334")
    client.say(b64encode(user), b"334")
    client.say(b64encode(PASSWORD), b"235")


def _cram_md5(client: Client, user: bytes) -> None:
    challenge = b64decode(client.say(b"AUTH CRAM-MD5", b"334"))
    digest = hmac.digest(PASSWORD, challenge, "md5").hex().encode()
    client.say(b64encode(user + b" " + digest), b"235")


@functools.lru_cache
def _client_key(salt: bytes, iterations: int) -> bytes:
    return hmac.digest(hashlib.pbkdf2_hmac("sha256", PASSWORD, salt, iterations), b"Client Key", "sha256")


def _scram(client: Client, user: bytes) -> None:
    bare = b"n=" + user + b",r=" + b64encode(os.urandom(18))
    first = b64decode(client.say(b"AUTH SCRAM-SHA-256 " + b64encode(b"n,," + bare), b"334"))
    nonce, salt, iterations = (part[2:] for part in first.split(b","))
    key = _client_key(b64decode(salt), int(iterations))
    final = b"c=biws,r=" + nonce
    signature = hmac.digest(hashlib.sha256(key).digest(), b",".join([bare, first, final]), "sha256")
    proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
    client.say(b64encode(final + b",p=" + b64encode(proof)), b"334")  # the server's own signature
    client.say(b"", b"235")


NEW_USERS = "AUTH SCRAM-SHA-256, a new user each"

# What a client does between EHLO and QUIT; implicit TLS comes before both.
WAYS: dict[str, Callable[[Client, bytes], None]] = {
    "in clear": _nothing,
    "implicit TLS": _nothing,
    "STARTTLS": _starttls,
    "AUTH PLAIN": _plain,
    "AUTH LOGIN": _login,
    "AUTH CRAM-MD5": _cram_md5,
    "AUTH SCRAM-SHA-256": _scram,
    NEW_USERS: _scram,
}


def come_in(port: int, way: str, user: bytes) -> float:
    """Connect, come in and leave; the seconds that coming in took."""
    client = Client(port)
    began = time.perf_counter()
    if way == "implicit TLS":
        client.shake_hands()
    client.reply(b"220")
    took = time.perf_counter() - began
    client.say(b"EHLO client.example", b"250")
    if way != "implicit TLS":
        began = time.perf_counter()
        WAYS[way](client, user)
        took = time.perf_counter() - began
    client.leave()
    return took


def connections(port: int, way: str, *, count: int, sessions: int, first_user: int) -> tuple[float, list[float]]:
    """Seconds for `count` connections, `sessions` at a time, and what each took to come in."""
    users = [b"user0"] * count
    if way == NEW_USERS:
        users = [b"user%d" % (number % USERS) for number in range(first_user, first_user + count)]
        for user in users:  # the client's sums are as long as the server's, and not what is timed
            _client_key(salt_of("localhost", "SCRAM-SHA-256", user.decode()), 4096)
    with ThreadPoolExecutor(sessions) as pool:
        began = time.perf_counter()
        took = list(pool.map(lambda user: come_in(port, way, user), users))
        return time.perf_counter() - began, took
