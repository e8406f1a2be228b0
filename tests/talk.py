"""Sessions without sockets, and raw sockets without a mail library, for the tests to talk through."""

from __future__ import annotations

import socket

from lazr.smtptest.protocol.smtp.profile import Profile
from lazr.smtptest.protocol.smtp.record import TlsFacts
from lazr.smtptest.protocol.smtp.session import Session


class Recorded:
    """A session whose events, with the replies that were suggested, are kept."""

    def __init__(self, decide=None, **settings):
        self.events = []
        self._user = decide or (lambda event, reply: reply)
        self.profile = Profile(**settings)
        self.session = Session(self._decide, self.profile)
        self.greeting = self.session.greet("192.0.2.1:1025")

    def _decide(self, event, reply):
        self.events.append(event)
        return self._user(event, reply)

    def say(self, data):
        """Feed octets, driving on while replies were cut short."""
        output = self.session.receive(data)
        while self.session.backlog:
            output += self.session.receive(b"")
        return output

    def bytewise(self, data):
        return b"".join(self.say(data[i : i + 1]) for i in range(len(data)))

    def code(self, line):
        """The reply code to one command."""
        return int(self.say(line + b"\r\n")[:3] or 0)

    def secure(self, **facts):
        """The handshake is over."""
        self.session.secured(TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", **facts), self.profile.but(tls="on"))
        return self

    @property
    def record(self):
        return self.session.record

    def messages(self):
        return [event.content for event in self.events if type(event).__name__ == "EndOfData"]


GREETED = b"EHLO client.example\r\n"
TO_RCPT = GREETED + b"MAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.com>\r\n"


def recipient(**settings):
    """A session that has a transaction with one recipient."""
    recorded = Recorded(**settings)
    recorded.say(TO_RCPT)
    recorded.events.clear()
    return recorded


class Client:
    """A socket, and the patience to read whole replies from it."""

    def __init__(self, address, *, greet=True, receive_buffer=None, context=None):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(10)
            self.socket.connect(address)
        else:
            self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
            self.socket.settimeout(10)
            if receive_buffer is not None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            try:
                self.socket.connect(address)
            except BaseException:
                self.socket.close()
                raise
        self.file = self.socket.makefile("rb")
        if context is not None:
            self.wrap(context)
        try:
            self.greeting = self.reply() if greet else b""
        except BaseException:
            self.close()
            raise

    def wrap(self, context, name="localhost"):
        """TLS, from here on."""
        self.file.close()
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=name)
        except BaseException:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")

    def starttls(self, context, name="localhost"):
        assert self.ask(b"EHLO client.example").startswith(b"250")
        assert self.ask(b"STARTTLS").startswith(b"220")
        self.wrap(context, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def reply(self):
        """One whole reply, or b"" at the end of the connection."""
        lines = b""
        while True:
            try:
                line = self.file.readline()
            except ConnectionResetError:
                return lines
            lines += line
            if len(line) < 4 or line[3:4] != b"-":
                return lines

    def ask(self, line):
        self.send(line + b"\r\n")
        return self.reply()

    def mail(self, sender=b"ann@example.com", to=b"bob@example.com", content=b"Subject: Hi\r\n\r\nHi\r\n"):
        """Deliver one message; the last reply."""
        for line in (b"MAIL FROM:<" + sender + b">", b"RCPT TO:<" + to + b">", b"DATA"):
            reply = self.ask(line)
            if reply[:1] not in b"23":
                return reply
        self.send(content + b".\r\n")
        return self.reply()

    def rest(self):
        """All that comes until the end of the connection."""
        try:
            return self.file.read()
        except ConnectionResetError:
            return b""
