"""A client of an IMAP session without I/O, for tests: it sends commands and returns the lines of the server."""

from lazr.smtptest.protocol.imap.session import ImapSession
from lazr.smtptest.protocol.reading_session import ReadingSettings
from lazr.smtptest.protocol.smtp import PENDING
from tests.helpers.memory_folders import MemoryAccount, run_calls

MAIL = b"From: Ann <ann@example.com>\r\nSubject: Hi\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n\r\nHello\r\n"


def make_mail(subject="Hi", text="Hello", **fields):
    """Return a mail with a subject, a text and other header fields."""
    header = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in {"Subject": subject, **fields}.items())
    return f"{header}\r\n{text}\r\n".encode()


class ImapClient:
    """A session of IMAP with its client.

    Args:
        *contents: the messages of INBOX.
        login: whether the client authenticates at once.
        select: the folder that it selects then.
        account: the account; by default one with `contents`.
        replies: what `decide` returns, by verb.
        **settings: arguments of `ReadingSettings`.
    """

    def __init__(self, *contents, login=True, select="INBOX", account=None, replies=(), **settings):
        self.account = MemoryAccount(*contents) if account is None else account
        self.replies = dict(replies)
        self.events = []
        self.usernames = []
        self.session = ImapSession(self._decide, ReadingSettings(**settings), self._open_account)
        self.greeting = run_calls(self.session, self.session.greet("192.0.2.1:1025"))
        self._tag = 0
        if login:
            self.send("LOGIN ann@example.com secret")
            if select:
                self.send(f"SELECT {select}")

    def _open_account(self, username):
        self.usernames.append(username)
        return self.account

    def _decide(self, event, reply):
        assert reply is None
        self.events.append(event)
        return self.replies.get(event.verb)

    @property
    def transcript(self):
        """The transcript as lines of text without times."""
        return [f"{line.who}: {line.text}" for line in self.session.record.transcript]

    @property
    def view(self):
        """The UIDs of the selected folder as the client knows them."""
        return [*self.session.selected_uids]

    def feed(self, data):
        """Send bytes, and return what the server sends."""
        if isinstance(data, str):
            data = data.encode()
        return run_calls(self.session, self.session.receive(data))

    def send(self, command):
        """Send a command, and return its responses as text; the tag is `a`."""
        if isinstance(command, str):
            command = command.encode()
        return self.feed(b"a " + command + b"\r\n").decode("utf-8", "surrogateescape").splitlines()

    def change(self, function, *arguments):
        """Change the account from outside, and return what the server sends because of it."""
        function(*arguments)
        return run_calls(self.session, self.session.notify_change()).decode().splitlines()


def decide_later(event, reply):
    """Leave each decision pending."""
    return PENDING
