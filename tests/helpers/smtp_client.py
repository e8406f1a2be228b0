"""An SMTP session without sockets, and an SMTP client that sends exactly the bytes that a test gives it."""

from __future__ import annotations

import socket

from lazr.smtptest.protocol.smtp.server_settings import ServerSettings
from lazr.smtptest.protocol.smtp.session import SmtpSession
from lazr.smtptest.protocol.smtp.session_record import TlsFacts

TIMEOUT_SECONDS = 10

EHLO_LINE = b"EHLO client.example\r\n"
TO_RCPT = EHLO_LINE + b"MAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.com>\r\n"


class RecordedSession:
    """A session without a socket, which records its events.

    `decide` gets each event with the suggested reply, and returns the reply; the default accepts the suggestion.
    """

    def __init__(self, decide=None, **settings):
        self.events = []
        self._decide_for_test = decide or (lambda event, reply: reply)
        self.settings = ServerSettings(**settings)
        self.session = SmtpSession(self._decide, self.settings)
        self.greeting = self.session.greet("192.0.2.1:1025")

    def _decide(self, event, reply):
        self.events.append(event)
        return self._decide_for_test(event, reply)

    def feed(self, data):
        """Feed bytes to the session, and return all replies, including those of the backlog."""
        output = self.session.receive(data)
        while self.session.has_backlog:
            output += self.session.receive(b"")
        return output

    def feed_bytewise(self, data):
        """Feed the bytes one by one, and return all replies."""
        return b"".join(self.feed(data[i : i + 1]) for i in range(len(data)))

    def feed_command(self, line):
        """Feed one command line, and return the code of the reply, or 0 if there is no reply."""
        return int(self.feed(line + b"\r\n")[:3] or 0)

    def complete_handshake(self, **facts):
        """Complete the TLS handshake of the session, and return this object."""
        self.session.complete_handshake(
            TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", **facts), self.settings.replace(tls_active=True)
        )
        return self

    @property
    def record(self):
        """The record of the session."""
        return self.session.record

    def get_messages(self):
        """Return the content of each received message."""
        return [event.content for event in self.events if type(event).__name__ == "EndOfData"]


def start_transaction(**settings):
    """Return a recorded session in a transaction with one recipient."""
    recorded = RecordedSession(**settings)
    recorded.feed(TO_RCPT)
    recorded.events.clear()
    return recorded


class RawSmtpClient:
    """A socket that sends the bytes of a test and reads whole replies.

    Args:
        address: host and port, or the path of a Unix socket.
        greet: read the greeting; False leaves it unread.
        receive_buffer: size of the receive buffer of the socket in bytes; None is the system's default.
        context: an `SSLContext` for implicit TLS; None connects without TLS.
    """

    def __init__(self, address, *, greet=True, receive_buffer=None, context=None):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(TIMEOUT_SECONDS)
            self.socket.connect(address)
        else:
            self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
            self.socket.settimeout(TIMEOUT_SECONDS)
            if receive_buffer is not None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            try:
                self.socket.connect(address)
            except BaseException:
                self.socket.close()
                raise
        self.file = self.socket.makefile("rb")
        if context is not None:
            self.wrap_in_tls(context)
        try:
            self.greeting = self.read_reply() if greet else b""
        except BaseException:
            self.close()
            raise

    def wrap_in_tls(self, context, name="localhost"):
        """Perform the TLS handshake; all later bytes are encrypted."""
        self.file.close()
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=name)
        except BaseException:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")

    def starttls(self, context, name="localhost"):
        """Send EHLO and STARTTLS, and perform the TLS handshake."""
        assert self.send_command(b"EHLO client.example").startswith(b"250")
        assert self.send_command(b"STARTTLS").startswith(b"220")
        self.wrap_in_tls(context, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Close the connection."""
        self.file.close()
        self.socket.close()

    def send(self, data):
        """Send the bytes."""
        self.socket.sendall(data)

    def read_reply(self):
        """Return one whole reply, or b"" at the end of the connection."""
        lines = b""
        while True:
            try:
                line = self.file.readline()
            except ConnectionResetError:
                return lines
            lines += line
            if len(line) < 4 or line[3:4] != b"-":
                return lines

    def send_command(self, line):
        """Send one command line, and return the reply."""
        self.send(line + b"\r\n")
        return self.read_reply()

    def send_mail(self, sender=b"ann@example.com", to=b"bob@example.com", content=b"Subject: Hi\r\n\r\nHi\r\n"):
        """Send one message, and return the last reply: a refusal, or the reply to the content."""
        for line in (b"MAIL FROM:<" + sender + b">", b"RCPT TO:<" + to + b">", b"DATA"):
            reply = self.send_command(line)
            if reply[:1] not in b"23":
                return reply
        self.send(content + b".\r\n")
        return self.read_reply()

    def read_to_end(self):
        """Return all bytes until the server closes the connection."""
        try:
            return self.file.read()
        except ConnectionResetError:
            return b""
