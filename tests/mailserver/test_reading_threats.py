"""Attacks on IMAP and POP3 over sockets (threats I1 to I11): after each, a new session works at once."""

import contextlib
import socket
import ssl

import pytest

from lazr.smtptest import Limits, MailServer

MESSAGE = b"Subject: Hi\r\n\r\n.one\r\n.two\n.three\r\n"


class Client:
    """A client that sends raw bytes."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=20)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()

    def send(self, octets):
        with contextlib.suppress(OSError):  # the server may have closed the connection
            self.socket.sendall(octets)

    def read_until(self, end):
        """Return all that arrives up to a line with these words, or up to the end of the connection."""
        while end not in self.received:
            try:
                piece = self.socket.recv(65536)
            except ConnectionError:
                piece = b""
            if not piece:
                break
            self.received += piece
        before, found, after = self.received.partition(end)
        rest, newline, self.received = after.partition(b"\n")
        return before + found + rest + newline

    def is_closed(self):
        self.read_until(b"\0 no server sends this \0")
        return True


def log_in(server, *, select=True):
    client = Client(server.imap.address)
    client.read_until(b"* OK")
    client.send(b"a LOGIN ann@example.com secret\r\n")
    client.read_until(b"a OK")
    if select:
        client.send(b"b SELECT INBOX\r\n")
        client.read_until(b"b OK")
    return client


@pytest.fixture
def server():
    with MailServer(imap=True, pop3=True) as server:
        server.deliver(MESSAGE, to="ann@example.com")
        yield server
        with log_in(server) as client:  # a new session works
            client.send(b"z FETCH 1 RFC822.SIZE\r\n")
            assert b"RFC822.SIZE %d" % len(MESSAGE) in client.read_until(b"z OK")


@pytest.mark.parametrize("size", [b"4294967295", b"99999999999999", b"9" * 1000])
@pytest.mark.parametrize("command", [b"APPEND INBOX", b"LOGIN", b"SELECT", b"SEARCH SUBJECT"])
def test_huge_literal_is_refused_before_it_is_sent(server, command, size):
    with log_in(server) as client:
        client.send(b"c " + command + b" {" + size + b"}\r\n")
        reply = client.read_until(b"c ")
        assert reply.startswith((b"c NO", b"c BAD")) or b"\r\nc NO" in reply or b"\r\nc BAD" in reply
        client.send(b"d NOOP\r\n")
        assert b"d OK" in client.read_until(b"d OK")


@pytest.mark.parametrize("command", [b"APPEND INBOX", b"LOGIN"])
def test_huge_literal_without_wait_closes_the_connection(server, command):
    with log_in(server) as client:
        client.send(b"c " + command + b" {4294967295+}\r\n")
        assert b"BYE" in client.read_until(b"BYE")
        assert client.is_closed()


@pytest.mark.parametrize(
    "command",
    [
        b"SEARCH " + b"(" * 10_000,
        b"SEARCH " + b"NOT " * 10_000 + b"ALL",
        b"SEARCH " + b"OR " * 10_000,
        b"FETCH 1 " + b"(" * 10_000,
        b"FETCH 1 BODY[" + b".".join([b"1"] * 1000) + b"]",
        b'LIST "" "' + b"*%" * 5_000 + b'x"',
        b"FETCH 1:4294967295 UID",
        b"UID FETCH 1:4294967295 UID",
        b"SEARCH UID 4294967295:1",
        b"FETCH " + b",".join([b"1:*"] * 10_000) + b" UID",
        b'SELECT "IN\0BOX"',
        b'LOGIN "a\0" b',
        b"X" * 200_000,
        b"STORE 1 +FLAGS (" + b"a " * 20_000 + b")",
    ],
)
def test_hostile_command_is_answered_at_once(server, command):
    with log_in(server) as client:
        client.send(b"c " + command + b"\r\n")
        client.send(b"d NOOP\r\n")
        reply = client.read_until(b"d OK")
        assert b"c OK" in reply or b"c NO" in reply or b" BAD " in reply or b"* BYE" in reply


def test_flood_of_bad_commands_ends_the_session(server):
    with log_in(server) as client:
        client.send(b"c NONSENSE\r\n" * 1000)
        assert b"* BYE" in client.read_until(b"* BYE")
        assert client.is_closed()


@pytest.mark.parametrize(
    ("protocol", "start", "injected"),
    [("imap", b"a STARTTLS\r\n", b"b LOGIN eve@example.com x\r\nc NOOP\r\n"), ("pop3", b"STLS\r\n", b"USER eve\r\n")],
)
def test_input_in_clear_after_starttls_is_discarded(protocol, start, injected):
    pytest.importorskip("trustme")
    with MailServer(imap=True, pop3=True, tls="starttls") as server:
        with Client(getattr(server, protocol).address) as client:
            client.read_until(b"OK")
            client.send(start + injected)
            client.read_until(b"OK")
            with contextlib.suppress(OSError, ssl.SSLError):
                context = server.client_context()
                wrapped = context.wrap_socket(client.socket, server_hostname="localhost")
                wrapped.sendall(b"x NOOP\r\n")
                reply = wrapped.recv(4096)
                assert b"b OK" not in reply
                assert b"c OK" not in reply
        session = server.settle()[-1]
        assert session.auth is None


def test_login_is_refused_in_clear_where_tls_is_offered():
    pytest.importorskip("trustme")
    with MailServer(imap=True, tls="starttls", auth={"ann": "secret"}) as server, Client(server.imap.address) as client:
        client.read_until(b"* OK")
        client.send(b"a CAPABILITY\r\nb LOGIN ann secret\r\n")
        reply = client.read_until(b"b NO")
        assert b"LOGINDISABLED" in reply
        assert b"b NO" in reply


REQUEST = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1:1143\r\nContent-Length: 99\r\n\r\n"
    b"a LOGIN ann@example.com x\r\nb SELECT INBOX\r\nc STORE 1 +FLAGS (\\Deleted)\r\nd EXPUNGE\r\n"
    b"USER ann@example.com\r\nPASS x\r\nDELE 1\r\nQUIT\r\n"
)


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_request_of_a_browser_is_closed_at_once(server, protocol):
    with Client(getattr(server, protocol).address) as client:
        client.send(REQUEST)
        assert client.is_closed()
    assert len(server.mailbox("ann@example.com").folder("INBOX")) == 1


@pytest.mark.parametrize(
    "line", [b"USER " + b"x" * 100_000, b"\0" * 1000, b"\xff" * 5000, b"AUTH PLAIN " + b"x" * 100_000]
)
def test_long_line_of_pop3_is_refused(server, line):
    with Client(server.pop3.address) as client:
        client.read_until(b"+OK")
        client.send(line + b"\r\n")
        assert b"-ERR" in client.read_until(b"-ERR")


def open_maildrop(server):
    client = Client(server.pop3.address)
    client.read_until(b"+OK")
    client.send(b"USER ann@example.com\r\n")
    client.read_until(b"+OK")
    client.send(b"PASS secret\r\n")
    client.read_until(b"+OK")
    return client


def test_retr_stuffs_dots_after_each_line_end(server):
    with open_maildrop(server) as client:
        client.send(b"RETR 1\r\n")
        reply = client.read_until(b"\r\n.\r\n")
        assert reply.partition(b"\r\n")[2] == b"Subject: Hi\r\n\r\n..one\r\n..two\n..three\r\n.\r\n"


def test_dele_takes_effect_only_at_quit(server):
    with open_maildrop(server) as client:
        client.send(b"DELE 1\r\n")
        assert b"+OK" in client.read_until(b"+OK")
    server.settle()
    with open_maildrop(server) as client:
        client.send(b"STAT\r\n")
        assert b"+OK 1 " in client.read_until(b"+OK")


def test_guessed_passwords_end_the_session_and_are_masked():
    with (
        MailServer(imap=True, auth={"ann": "secret"}, limits=Limits(auth_failures=3)) as server,
        Client(server.imap.address) as client,
    ):
        client.read_until(b"* OK")
        for number in range(5):
            client.send(b"a%d LOGIN ann guess%d\r\n" % (number, number))
        assert client.is_closed()
        session = server.settle()[-1]
        assert "guess" not in str(session.transcript)
        assert session.auth is None


IMAP_REFUSAL = "NO [AUTHENTICATIONFAILED] Authentication failed: user name or password is wrong"
POP3_REFUSAL = "-ERR [AUTH] Authentication failed: user name or password is wrong"


@pytest.mark.parametrize(
    ("protocol", "octets", "refusals"),
    [
        (
            "imap",
            b'a LOGIN ann x\r\nb LOGIN bob x\r\nc LOGIN ann secret\r\nd SELECT "no"\r\nz LOGOUT\r\n',
            (f"IMAP LOGIN ann ***: a {IMAP_REFUSAL}", f"IMAP LOGIN bob ***: b {IMAP_REFUSAL}"),
        ),
        (
            "imap",
            b"a AUTHENTICATE PLAIN AGV2ZQB4\r\nz LOGOUT\r\n",
            (f"IMAP AUTHENTICATE PLAIN *** of 'eve': a {IMAP_REFUSAL}",),
        ),
        (
            "pop3",
            b"USER ann\r\nPASS x\r\nAUTH PLAIN AGV2ZQB4\r\nUSER ann\r\nPASS secret\r\nDELE 9\r\nQUIT\r\n",
            (f"POP3 PASS *** of 'ann': {POP3_REFUSAL}", f"POP3 AUTH PLAIN of 'eve': {POP3_REFUSAL}"),
        ),
    ],
)
def test_refusals_of_the_server_have_failed_logins(protocol, octets, refusals):
    with MailServer(auth={"ann": "secret"}, **{protocol: True}) as server:
        with Client(getattr(server, protocol).address) as client:
            client.send(octets)
            assert client.is_closed()
        server.settle()
        assert server.refusals == refusals
        assert f"{len(refusals)} command{'s were' if len(refusals) > 1 else ' was'} refused:" in server.explain()


def test_login_that_a_rule_refuses_is_in_the_refusals():
    with MailServer(imap=True) as server:
        server.on("IMAP LOGIN").reply("NO", "[LIMIT] Too many").once()
        with Client(server.imap.address) as client:
            client.send(b"a LOGIN ann x\r\nz LOGOUT\r\n")
            assert client.is_closed()
        server.settle()
        assert server.refusals == ("IMAP LOGIN ann ***: a NO [LIMIT] Too many",)


def test_client_that_does_not_read_gets_no_more_than_fits():
    content = b"Subject: big\r\n\r\n" + b"x" * 5_000_000 + b"\r\n"
    with MailServer(imap=True) as server:
        server.deliver(content, to="ann@example.com")
        with log_in(server) as client:
            client.send(b"".join(b"c%d FETCH 1 BODY.PEEK[]\r\n" % number for number in range(200)))
            with log_in(server) as other:  # 1 GB would wait; another session works
                other.send(b"d FETCH 1 RFC822.SIZE\r\n")
                assert b"d OK" in other.read_until(b"d OK")
