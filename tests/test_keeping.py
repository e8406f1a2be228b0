"""A server with a store: what is acknowledged is safe, and what is not safe is not acknowledged."""

import contextlib
import re
import select
import threading

import pytest

from lazr.smtptest import Limits, MailServer, keeping
from lazr.smtptest.errors import StoreFull, StoreUnavailable
from lazr.smtptest.protocol.smtp.event import EndOfData
from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.store.sqlite import SqliteStore
from talk import Client

ENVELOPE = (b"EHLO me", b"MAIL FROM:<ann@example.com>", b"RCPT TO:<bob@example.com>")
MESSAGE = b"Subject: Hi\r\n\r\nHello\r\n.\r\n"


class Slow(MemoryStore):
    """A store that takes its time, as one with a disk does: the time until `gate` is set."""

    durable = True

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()
        self.asked = threading.Semaphore(0)
        self.batches = []
        self.raises = None

    def add(self, arrivals):
        self.batches.append(len(arrivals))
        self.asked.release()
        assert self.gate.wait(10)
        if self.raises is not None:
            raise self.raises
        if any(b"huge" in b"".join(arrival.parts) for arrival in arrivals):
            raise StoreFull("no room for that one")
        if any(b"poison" in b"".join(arrival.parts) for arrival in arrivals):
            raise ZeroDivisionError
        super().add(arrivals)


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request):
    return request.param


@pytest.fixture
def slow():
    with Slow() as store:
        yield store
        store.gate.set()


@pytest.fixture
def connect():
    with contextlib.ExitStack() as stack:

        def connect(server):
            client = stack.enter_context(contextlib.closing(Client(server.address)))
            for line in ENVELOPE:
                assert client.ask(line)[:1] == b"2"
            assert client.ask(b"DATA")[:3] == b"354"
            return client

        yield connect


def silent(client, seconds=0.1):
    return select.select([client.socket], [], [], seconds)[0] == []


def test_the_reply_names_the_mail_in_the_store(loop, connect):
    with MemoryStore() as store, MailServer(store=store, loop=loop) as server:
        client = connect(server)
        client.send(MESSAGE)
        reply = client.reply()

        found = re.fullmatch(rb"250 2\.0\.0 Ok: queued as ([0-9a-f]{22})\r\n", reply)
        mail = store.mail(found[1].decode())
        assert mail.content == MESSAGE[:-3] and mail.envelope.rcpt_tos == ("bob@example.com",)
        assert server.inbox.one().id == mail.id


def test_nothing_is_acknowledged_before_it_is_safe(loop, connect, slow):
    with MailServer(store=slow, loop=loop) as server:
        client = connect(server)
        client.send(MESSAGE + b"NOOP\r\n")
        assert slow.asked.acquire(timeout=10)

        assert silent(client) and len(server.inbox) == 0
        slow.gate.set()
        assert client.reply().startswith(b"250 2.0.0 Ok: queued as ") and len(server.inbox) == 1
        assert client.reply() == b"250 2.0.0 Ok\r\n"


def test_what_has_come_at_the_same_time_shares_a_commit(loop, connect, slow, monkeypatch):
    monkeypatch.setattr(keeping, "_PATIENCE", 10)
    slow.gate.set()
    all_sent = threading.Event()

    def decide(event, reply):
        if isinstance(event, EndOfData):
            assert all_sent.wait(10)
        return reply

    with MailServer(store=slow, loop=loop, decide=decide) as server:
        clients = [connect(server) for _ in range(5)]
        for client in clients:
            client.send(MESSAGE)
        all_sent.set()

        assert {client.reply()[:3] for client in clients} == {b"250"}
        assert slow.batches == [5]


def test_what_comes_while_one_commit_is_under_way_shares_the_next(loop, connect, slow):
    with MailServer(store=slow, loop=loop) as server:
        clients = [connect(server) for _ in range(5)]
        clients[0].send(MESSAGE)
        assert slow.asked.acquire(timeout=10)
        for client in clients[1:]:
            client.send(MESSAGE)
        other = connect(server)  # nobody waits for the disk but who has to
        other.send(b"RSET\r\n.\r\n")
        while server._keeping._commits._waiting.qsize() < 5:
            assert silent(clients[0], 0.01)
        slow.gate.set()

        assert {client.reply()[:3] for client in clients} == {b"250"}
        assert slow.batches == [1, 5]


@pytest.mark.parametrize(
    ("raised", "reply"),
    [
        (StoreFull("no room"), b"452 4.3.1 No room for this message now, try later\r\n"),
        (StoreUnavailable("no database"), b"451 4.3.0 Mail cannot be stored now, try later\r\n"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_the_next_one_is_tried_again(loop, connect, slow, raised, reply):
    slow.gate.set()
    with MailServer(store=slow, loop=loop) as server:
        slow.raises = raised
        client = connect(server)
        client.send(MESSAGE)
        assert client.reply() == reply
        assert len(server.inbox) == 0 and slow.totals().mails == 0
        assert any(reply[:9].decode() in line and "25 octets" not in line for line in server.explain())

        slow.raises = None
        for line in (*ENVELOPE[1:], b"DATA"):
            client.ask(line)
        client.send(MESSAGE)
        assert client.reply()[:3] == b"250"
        assert len(server.inbox) == slow.totals().mails == 1


def test_one_mail_that_there_is_no_room_for_takes_no_others_with_it(loop, connect, slow):
    with MailServer(store=slow, loop=loop) as server:
        clients = [connect(server) for _ in range(4)]
        clients[0].send(MESSAGE)
        assert slow.asked.acquire(timeout=10)
        clients[1].send(b"huge\r\n.\r\n")
        for client in clients[2:]:
            client.send(MESSAGE)
        while server._keeping._commits._waiting.qsize() < 3:
            assert silent(clients[0], 0.01)
        slow.gate.set()

        assert [client.reply()[:9] for client in clients] == [b"250 2.0.0", b"452 4.3.1", b"250 2.0.0", b"250 2.0.0"]
        assert slow.totals().mails == 3


def test_one_mail_that_a_store_chokes_on_is_the_only_one_that_suffers(loop, connect, slow):
    server = MailServer(store=slow, loop=loop)
    with pytest.raises(ZeroDivisionError), server:
        clients = [connect(server) for _ in range(4)]
        clients[0].send(MESSAGE)
        assert slow.asked.acquire(timeout=10)
        clients[1].send(b"poison\r\n.\r\n")
        for client in clients[2:]:
            client.send(MESSAGE)
        while server._keeping._commits._waiting.qsize() < 3:
            assert silent(clients[0], 0.01)
        slow.gate.set()

        assert [client.reply()[:9] for client in clients] == [b"250 2.0.0", b"451 4.3.0", b"250 2.0.0", b"250 2.0.0"]
        assert slow.totals().mails == 3


@pytest.mark.parametrize("how", ["it closed", "it was told 421"])
def test_who_waits_is_told_even_if_the_client_is_gone_by_then(loop, connect, slow, how):
    with MailServer(store=slow, loop=loop, limits=Limits(session_timeout=1)) as server:
        client = connect(server)
        client.send(MESSAGE)
        assert slow.asked.acquire(timeout=10)
        if how == "it closed":
            client.close()
        else:
            assert client.reply()[:3] == b"421"
        found = []
        waiter = threading.Thread(target=lambda: found.extend(server.inbox.wait(timeout=10)))
        waiter.start()
        slow.gate.set()
        waiter.join(5)

        assert len(found) == slow.totals().mails == 1


# Threat D3: a client that waits too long for the reply sends again, and then there are two (RFC 1047).
def test_the_reply_waits_for_the_disk_and_not_for_the_reading_of_mails(connect, tmp_path):
    with SqliteStore(tmp_path / "mails.sqlite") as store, MailServer(store=store) as server:
        client = connect(server)
        with store._reading:  # somebody reads mails into entries, and takes long
            client.send(MESSAGE)
            assert client.reply()[:3] == b"250"


@pytest.mark.parametrize("octets", [b"", b"QUIT\r\n", b"\r\n.\r\n"])
def test_a_client_that_goes_with_its_last_dot_has_sent_one_mail(connect, tmp_path, octets):
    path = tmp_path / "mails.sqlite"
    with SqliteStore(path) as store:
        with MailServer(store=store) as server:
            client = connect(server)
            client.send(MESSAGE + octets)
            client.close()  # and never reads the reply
            server.inbox.wait(timeout=10)
        assert store.totals().mails == 1
    with SqliteStore(path) as store:
        assert store.totals().mails == 1


def test_a_stop_lets_what_is_under_way_come_to_its_end(loop, connect, slow):
    with MailServer(store=slow, loop=loop) as server:
        client = connect(server)
        client.send(MESSAGE)
        assert slow.asked.acquire(timeout=10)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert silent(client)
        slow.gate.set()
        assert client.reply()[:3] == b"250" and client.reply()[:3] == b"421"
        stopping.join(10)
        assert not server.running and slow.totals().mails == 1
    assert not [thread for thread in threading.enumerate() if "commits" in thread.name]


def test_a_stop_leaves_the_rest_of_what_a_client_has_said_unread(connect, slow):
    limits = Limits(commands_without_mail=None, replies_waiting=1000)
    with MailServer(store=slow, limits=limits) as server:
        client = connect(server)
        client.send(MESSAGE + b"NOOP\r\n" * 5_000)
        assert slow.asked.acquire(timeout=10)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        with contextlib.suppress(ConnectionError):
            while True:  # until it takes nobody any more, which is how a stop begins
                Client(server.address).close()
        slow.gate.set()
        said = client.rest()
        stopping.join(10)

    assert said.startswith(b"250 2.0.0 Ok: queued as ")
    assert said.endswith(b"\r\n421 4.3.2 Server shutting down, goodbye\r\n")
    assert said.count(b"250 2.0.0 Ok\r\n") < 100


# What a rule makes of a message, the reply's code, and how many mails there are then.
RULES = [
    (lambda server: server.on("END_OF_DATA").duplicate(), b"250", 2),
    (lambda server: server.on("END_OF_DATA").accept_but_lose(), b"250", 0),
    (lambda server: server.on("END_OF_DATA").reply(451), b"451", 0),
    (lambda server: server.on("END_OF_DATA").delay(0.05), b"250", 1),
    (lambda server: server.on("END_OF_DATA").truncate(3).close_after(), b"250", 1),
    (lambda server: server.on("END_OF_DATA").raw(b"299 what?\r\n"), b"299", 1),
    (lambda server: server.on("END_OF_DATA").call(lambda event: None), b"250", 1),
]


@pytest.mark.parametrize("case", RULES)
def test_rules_go_with_a_store(loop, connect, slow, case):
    rule, reply, stored = case
    slow.gate.set()
    with MailServer(store=slow, loop=loop) as server:
        rule(server)
        client = connect(server)
        client.send(MESSAGE)

        assert client.reply()[:3] == reply
        assert slow.totals().mails == len(server.inbox) == stored


def test_a_coroutine_that_decides_goes_with_a_store(loop, connect, slow):
    slow.gate.set()

    async def decide(event, reply):
        return reply

    with MailServer(store=slow, loop=loop, decide=decide) as server:
        client = connect(server)
        client.send(MESSAGE)

        assert client.reply().startswith(b"250 2.0.0 Ok: queued as ") and slow.totals().mails == 1


def test_lmtp_has_a_reply_for_each_recipient_when_the_mail_is_safe(loop, slow):
    with (
        MailServer(store=slow, loop=loop, protocol="lmtp") as server,
        contextlib.closing(Client(server.address)) as client,
    ):
        for line in (b"LHLO me", b"MAIL FROM:<>", b"RCPT TO:<a@b.example>", b"RCPT TO:<c@b.example>", b"DATA"):
            client.ask(line)
        client.send(MESSAGE)
        assert slow.asked.acquire(timeout=10) and silent(client)
        slow.gate.set()

        assert client.reply()[:3] == client.reply()[:3] == b"250" and slow.totals().mails == 1


def test_a_mail_for_which_there_is_no_room_is_refused_at_mail(connect):
    class Small(MemoryStore):
        def has_room(self, octets):
            return octets <= 2000

    with Small() as store, MailServer(store=store) as server, contextlib.closing(Client(server.address)) as client:
        client.ask(b"EHLO me")
        # RFC 1870 6.1: twice the size, so that somebody else's mail has a place as well.
        assert client.ask(b"MAIL FROM:<> SIZE=1001") == b"452 4.3.1 No room for this message now, try later\r\n"
        assert client.ask(b"MAIL FROM:<> SIZE=1000")[:3] == b"250"


def test_without_an_inbox_the_store_alone_has_the_mails(connect):
    with MemoryStore() as store, MailServer(store=store, keep_mails=False) as server:
        client = connect(server)
        client.send(MESSAGE)
        client.reply()

        assert len(server.inbox) == 0 and store.totals().mails == 1
