"""A POP3 session without a socket, for tests."""

from lazr.smtptest.protocol.pop3 import Pop3Session
from lazr.smtptest.protocol.reading_session import ReadingSettings
from lazr.smtptest.protocol.smtp import Auth, TlsFacts
from tests.helpers.memory_folders import MemoryAccount, run_calls

SMALL = b"Subject: small\r\n\r\nHello\r\n"
DOTTED = b"Subject: dots\r\n\r\n.one\r\n.\r\n..three\r\n"


class Dialogue:
    """A session, its account, and what it has decided about.

    Args:
        *contents: the messages of INBOX.
        decide: returns the reply to a command; None executes it.
        accept: the valid credentials, as in `Auth`; None accepts all.
        **settings: of `ReadingSettings`.
    """

    def __init__(self, *contents, decide=None, accept=None, of_auth=None, **settings):
        self.account = MemoryAccount(*contents)
        self.usernames = []
        self.commands = []
        self._decide_for_test = decide or (lambda command: None)
        auth = None if accept is None else Auth(accept, nonce=lambda: "nonce", **(of_auth or {}))
        self.settings = ReadingSettings(auth=auth, **settings)
        self.session = Pop3Session(self._decide, self.settings, self._open_account)
        self.greeting = run_calls(self.session, self.session.greet("192.0.2.1:1025"))

    def _decide(self, command, reply):
        self.commands.append(command)
        return self._decide_for_test(command)

    def _open_account(self, username):
        self.usernames.append(username)
        self.account.username = username
        return self.account

    def feed(self, data):
        """Feed bytes to the session, run its calls, and return the output."""
        return run_calls(self.session, self.session.receive(data))

    def send(self, line):
        """Send one line of text, and return the response as text without its last CRLF."""
        return self.feed(line.encode() + b"\r\n").decode().removesuffix("\r\n")

    def login(self):
        """Log in, and return this object."""
        assert self.feed(b"USER ann@example.com\r\nPASS secret\r\n").count(b"+OK") == 2
        return self

    def complete_handshake(self):
        """Complete the TLS handshake."""
        self.session.complete_handshake(TlsFacts("TLSv1.3", "x"), self.settings.replace(tls_active=True))
        return self


def logged_in(*contents, **settings):
    """Return a dialogue in the TRANSACTION state."""
    return Dialogue(*contents, **settings).login()
