"""A client of IMAP or POP3 that sends exactly the bytes that a test gives it, and a store that a test holds up."""

import socket
import threading

from lazr.smtptest.store import MemoryStore

TIMEOUT_SECONDS = 20


class RawReadingClient:
    """A socket that sends the bytes of a test.

    Args:
        address: host and port.
        login: the user name to log in with by IMAP; None for no login.
        receive_buffer: size of the receive buffer of the socket in bytes; None is the system's default.
    """

    def __init__(self, address, *, login=None, receive_buffer=None):
        self.socket = socket.socket()
        self.socket.settimeout(TIMEOUT_SECONDS)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(address)
        self.file = self.socket.makefile("rb")
        self.greeting = self.read_line()
        if login is not None:
            assert self.command(f"LOGIN {login} secret")[-1].startswith(b"a OK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Close the connection."""
        self.file.close()
        self.socket.close()

    def send(self, data):
        """Send bytes."""
        self.socket.sendall(data)

    def read_line(self):
        """Return the next line with its CRLF; b"" at the end of the connection."""
        return self.file.readline()

    def read_until(self, start):
        """Return the lines up to one that starts with these bytes, or to the end of the connection."""
        lines = [self.read_line()]
        while lines[-1] and not lines[-1].startswith(start):
            lines.append(self.read_line())
        return lines

    def command(self, text):
        """Send a command of IMAP with the tag `a`, and return the lines of the response."""
        self.send(b"a " + text.encode() + b"\r\n")
        return self.read_until(b"a ")

    def read_to_end(self):
        """Return the rest of what the server sends."""
        return self.file.read()


class GatedStore(MemoryStore):
    """A store whose reads of contents wait for a gate; the server takes it for one that may block."""

    is_durable = True

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.has_started = threading.Event()
        self.read_count = 0
        self.threads = set()

    def read_contents(self, *arguments, **options):
        self.read_count += 1
        self.threads.add(threading.current_thread())
        self.has_started.set()
        assert self.gate.wait(TIMEOUT_SECONDS)
        return super().read_contents(*arguments, **options)
