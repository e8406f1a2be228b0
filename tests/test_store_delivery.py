"""A server with a store acknowledges a mail after the store has it, and refuses it otherwise."""

import contextlib
import itertools
import re
import select
import sqlite3
import threading

import pytest

from lazr.smtptest import Lenient, Limits, MailServer, store_delivery
from lazr.smtptest.errors import StopTimeout, StoreFull, StoreUnavailable
from lazr.smtptest.protocol.smtp import SmtpSession
from lazr.smtptest.protocol.smtp.events import EndOfData
from lazr.smtptest.store import MemoryStore, SqliteStore
from tests.helpers.smtp_client import RawSmtpClient

ENVELOPE = (b"EHLO me", b"MAIL FROM:<ann@example.com>", b"RCPT TO:<bob@example.com>")
MESSAGE = b"Subject: Hi\r\n\r\nHello\r\n.\r\n"


class SlowStore(MemoryStore):
    """A durable store whose `add` blocks until `gate` is set."""

    is_durable = True

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()
        self.add_called = threading.Semaphore(0)
        self.batches = []
        self.raises = None

    def add(self, messages):
        self.batches.append(len(messages))
        self.add_called.release()
        assert self.gate.wait(10)
        if self.raises is not None:
            raise self.raises
        if any(b"huge" in b"".join(arrival.parts) for arrival in messages):
            raise StoreFull("no room for that one")
        if any(b"poison" in b"".join(arrival.parts) for arrival in messages):
            raise ZeroDivisionError
        super().add(messages)


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request):
    return request.param


@pytest.fixture
def slow():
    with SlowStore() as store:
        yield store
        store.gate.set()


@pytest.fixture
def connect():
    with contextlib.ExitStack() as stack:

        def connect(server):
            client = stack.enter_context(contextlib.closing(RawSmtpClient(server.address)))
            for line in ENVELOPE:
                assert client.send_command(line)[:1] == b"2"
            assert client.send_command(b"DATA")[:3] == b"354"
            return client

        yield connect


def gets_nothing(client, seconds=0.1):
    return select.select([client.socket], [], [], seconds)[0] == []


def test_reply_contains_the_id_of_the_mail(loop, connect):
    with MemoryStore() as store, MailServer(store=store, loop=loop) as server:
        client = connect(server)
        client.send(MESSAGE)
        reply = client.read_reply()

        found = re.fullmatch(rb"250 2\.0\.0 Ok: queued as ([0-9a-f]{22})\r\n", reply)
        mail = store.get_mail(found[1].decode())
        assert mail.content == MESSAGE[:-3] and mail.envelope.rcpt_tos == ("bob@example.com",)
        assert server.inbox.one().id == mail.id


def test_250_is_sent_after_the_commit(loop, connect, slow):
    with MailServer(store=slow, loop=loop) as server:
        client = connect(server)
        client.send(MESSAGE + b"NOOP\r\n")
        assert slow.add_called.acquire(timeout=10)

        assert gets_nothing(client) and len(server.inbox) == 0
        slow.gate.set()
        assert client.read_reply().startswith(b"250 2.0.0 Ok: queued as ") and len(server.inbox) == 1
        assert client.read_reply() == b"250 2.0.0 Ok\r\n"


def test_simultaneous_mails_share_a_commit(loop, connect, slow, monkeypatch):
    monkeypatch.setattr(store_delivery, "_MAX_COMMIT_DELAY_SECONDS", 10)
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

        assert {client.read_reply()[:3] for client in clients} == {b"250"}
        assert slow.batches == [5]


def test_mails_during_a_commit_share_the_next(loop, connect, slow):
    with MailServer(store=slow, loop=loop) as server:
        clients = [connect(server) for _ in range(5)]
        clients[0].send(MESSAGE)
        assert slow.add_called.acquire(timeout=10)
        for client in clients[1:]:
            client.send(MESSAGE)
        other = connect(server)  # other commands do not wait for the commit
        other.send(b"RSET\r\n.\r\n")
        while server._delivery._store_delivery._group_commit._queue.qsize() < 5:
            assert gets_nothing(clients[0], 0.01)
        slow.gate.set()

        assert {client.read_reply()[:3] for client in clients} == {b"250"}
        assert slow.batches == [1, 5]


@pytest.mark.parametrize(
    ("raised", "reply"),
    [
        (StoreFull("no room"), b"452 4.3.1 No room for this message now, try later\r\n"),
        (StoreUnavailable("no database"), b"451 4.3.0 Mail cannot be stored now, try later\r\n"),
    ],
)
def test_refused_mail_does_not_affect_the_next(loop, connect, slow, raised, reply):
    slow.gate.set()
    with MailServer(store=slow, loop=loop) as server:
        slow.raises = raised
        client = connect(server)
        client.send(MESSAGE)
        assert client.read_reply() == reply
        assert len(server.inbox) == 0 and slow.get_totals().mails == 0
        assert any(reply[:9].decode() in line and "25 octets" not in line for line in server.explain())

        slow.raises = None
        for line in (*ENVELOPE[1:], b"DATA"):
            client.send_command(line)
        client.send(MESSAGE)
        assert client.read_reply()[:3] == b"250"
        assert len(server.inbox) == slow.get_totals().mails == 1


def test_mail_without_room_does_not_affect_its_batch(loop, connect, slow):
    with MailServer(store=slow, loop=loop) as server:
        clients = [connect(server) for _ in range(4)]
        clients[0].send(MESSAGE)
        assert slow.add_called.acquire(timeout=10)
        clients[1].send(b"huge\r\n.\r\n")
        for client in clients[2:]:
            client.send(MESSAGE)
        while server._delivery._store_delivery._group_commit._queue.qsize() < 3:
            assert gets_nothing(clients[0], 0.01)
        slow.gate.set()

        assert [client.read_reply()[:9] for client in clients] == [
            b"250 2.0.0",
            b"452 4.3.1",
            b"250 2.0.0",
            b"250 2.0.0",
        ]
        assert slow.get_totals().mails == 3


def test_mail_that_raises_does_not_affect_its_batch(loop, connect, slow):
    server = MailServer(store=slow, loop=loop)
    with pytest.raises(ZeroDivisionError), server:
        clients = [connect(server) for _ in range(4)]
        clients[0].send(MESSAGE)
        assert slow.add_called.acquire(timeout=10)
        clients[1].send(b"poison\r\n.\r\n")
        for client in clients[2:]:
            client.send(MESSAGE)
        while server._delivery._store_delivery._group_commit._queue.qsize() < 3:
            assert gets_nothing(clients[0], 0.01)
        slow.gate.set()

        assert [client.read_reply()[:9] for client in clients] == [
            b"250 2.0.0",
            b"451 4.3.0",
            b"250 2.0.0",
            b"250 2.0.0",
        ]
        assert slow.get_totals().mails == 3


@pytest.mark.parametrize("how", ["closed", "timed out"])
def test_waiter_gets_mail_of_a_disconnected_client(loop, connect, slow, how):
    with MailServer(store=slow, loop=loop, limits=Limits(session_timeout=1)) as server:
        client = connect(server)
        client.send(MESSAGE)
        assert slow.add_called.acquire(timeout=10)
        if how == "closed":
            client.close()
        else:
            assert client.read_reply()[:3] == b"421"
        found = []
        waiter = threading.Thread(target=lambda: found.extend(server.inbox.wait(timeout=10)))
        waiter.start()
        slow.gate.set()
        waiter.join(5)

        assert len(found) == slow.get_totals().mails == 1


# -- in the server's own thread ------------------------------------------------------------------


class CountingStore(SqliteStore):
    """An SQLite store that notes the thread of each commit, and can refuse to commit at once."""

    def __init__(self, path):
        super().__init__(path)
        self.adding_threads = []
        self.quick_batches = []
        self.raises = None
        self.on_try = lambda: None

    def add(self, messages):
        self.adding_threads.append(threading.current_thread().name)
        super().add(messages)

    def try_add(self, messages):
        self.on_try()
        if self.raises is not None:
            raise self.raises
        is_added = super().try_add(messages)
        if is_added:
            self.quick_batches.append(len(messages))
        return is_added


@pytest.fixture
def counting(tmp_path):
    with CountingStore(tmp_path / "mails.sqlite") as store:
        yield store


def send_mail(client, message=MESSAGE):
    client.send(message)
    reply = client.read_reply()
    for line in (*ENVELOPE[1:], b"DATA"):
        client.send_command(line)
    return reply


def list_commit_threads():
    return [thread for thread in threading.enumerate() if "commits" in thread.name]


def test_quick_store_commits_in_the_thread_of_the_server(loop, connect, counting):
    def check():
        assert gets_nothing(client, 0) and len(server.inbox) == len(counting.quick_batches)

    counting.on_try = check
    with MailServer(store=counting, loop=loop) as server:
        client = connect(server)
        for count in range(1, 4):
            assert send_mail(client).startswith(b"250 2.0.0 Ok: queued as ")
            assert len(server.inbox) == counting.get_totals().mails == count
        assert list_commit_threads() == counting.adding_threads == []
    assert counting.quick_batches == [1, 1, 1]


def test_simultaneous_mails_share_a_quick_commit(loop, connect, counting, monkeypatch):
    monkeypatch.setattr(store_delivery, "_MAX_COMMIT_DELAY_SECONDS", 10)
    all_sent = threading.Event()

    def decide(event, reply):
        if isinstance(event, EndOfData):
            assert all_sent.wait(10)
        return reply

    with MailServer(store=counting, loop=loop, decide=decide) as server:
        clients = [connect(server) for _ in range(5)]
        for client in clients:
            client.send(MESSAGE)
        all_sent.set()

        replies = [client.read_reply() for client in clients]
    assert {reply[:3] for reply in replies} == {b"250"} and len(set(replies)) == 5
    assert counting.quick_batches == [5]
    assert [entry.id for entry in counting.get_entries_after(0)] == [mail.id for mail in server.inbox]


@pytest.mark.parametrize("is_quick", [True, False])
def test_failing_reply_does_not_affect_the_others(connect, counting, monkeypatch, caplog, is_quick):
    """Of five mails in one commit, the reply to the second cannot be sent."""
    monkeypatch.setattr(store_delivery, "_MAX_COMMIT_DELAY_SECONDS", 10)
    if not is_quick:
        counting.raises = StoreUnavailable("use the other thread")
    answer, count = SmtpSession.answer, itertools.count(1)

    def fail_once(session, reply):
        if next(count) == 2:
            raise MemoryError
        return answer(session, reply)

    with MailServer(store=counting) as server:
        clients = [connect(server) for _ in range(5)]
        monkeypatch.setattr(SmtpSession, "answer", fail_once)
        server.call(lambda: [client.send(MESSAGE) for client in clients])  # all arrive in one pass
        replies = [client.read_reply()[:3] for client in clients]
        assert sorted(replies) == [b"", b"250", b"250", b"250", b"250"]  # that one connection is cut
    assert caplog.messages == ["the reply to a mail could not be sent after its commit"]
    assert counting.get_totals().mails == 5


def test_ids_increase_within_a_run(connect, counting):
    with MailServer(store=counting) as server:
        client = connect(server)
        ids = [send_mail(client)[-24:-2] for _ in range(20)]
    assert ids == sorted(set(ids)) and all(re.fullmatch(rb"[0-9a-f]{22}", mail_id) for mail_id in ids)


def test_ids_stay_unique_when_the_count_overflows(counting, monkeypatch):
    monkeypatch.setattr(store_delivery, "_COUNTED_ID_BITS", 3)
    with MailServer(store=counting) as server:
        delivery = server._delivery._store_delivery
        ids = [delivery.generate_id() for _ in range(100)]
    assert len(set(ids)) == 100


def test_locked_file_delays_only_the_mail(loop, connect, counting, tmp_path):
    with (
        MailServer(store=counting, loop=loop) as server,
        contextlib.closing(sqlite3.connect(tmp_path / "mails.sqlite", isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        client, neighbor = connect(server), connect(server)
        client.send(MESSAGE)
        neighbor.send(b"..\r\n.\r\n")
        third = connect(server)  # the server's thread goes on
        third.send(MESSAGE)
        assert gets_nothing(client) and gets_nothing(neighbor, 0) and gets_nothing(third, 0)
        other.execute("ROLLBACK")

        assert {each.read_reply()[:3] for each in (client, neighbor, third)} == {b"250"}
        assert len(counting.adding_threads) > 0 and counting.get_totals().mails == 3
        assert send_mail(connect(server))[:3] == b"250"
    assert counting.quick_batches == [1]


def test_writing_maintenance_delays_only_the_mail(loop, connect, counting):
    with MailServer(store=counting, loop=loop) as server:
        client = connect(server)
        with counting._database.begin_write():
            client.send(MESSAGE)
            connect(server)  # the server's thread goes on
            assert gets_nothing(client)
        assert client.read_reply()[:3] == b"250"
    assert counting.quick_batches == [] and counting.get_totals().mails == 1


@pytest.mark.parametrize("raised", [StoreFull("no room"), StoreUnavailable("no database"), ZeroDivisionError()])
def test_failed_quick_commit_is_repeated_in_the_other_thread(loop, connect, counting, raised):
    counting.raises = raised
    with MailServer(store=counting, loop=loop) as server:
        assert send_mail(connect(server))[:3] == b"250"
        assert counting.get_totals().mails == len(server.inbox) == len(counting.adding_threads) == 1


def test_full_file_refuses_the_mail_that_has_no_room(loop, connect, tmp_path):
    with (
        SqliteStore(tmp_path / "mails.sqlite", max_bytes=400_000) as store,
        MailServer(store=store, loop=loop) as server,
    ):
        client = connect(server)
        assert send_mail(client, b"x" * 500_000 + b"\r\n.\r\n") == (
            b"452 4.3.1 No room for this message now, try later\r\n"
        )
        assert send_mail(client)[:3] == b"250"
        assert len(server.inbox) == store.get_totals().mails == 1


def test_stop_commits_a_batch_that_still_waits(connect, counting, monkeypatch):
    monkeypatch.setattr(store_delivery, "_MAX_COMMIT_DELAY_SECONDS", 60)
    monkeypatch.setattr(store_delivery, "_MAX_IDLE_PASSES", 1 << 60)
    with MailServer(store=counting) as server:
        client, _ = connect(server), connect(server)  # the second client may be about to send a mail
        client.send(MESSAGE)
        while not server._delivery._store_delivery._batch:
            assert gets_nothing(client, 0.01)
    assert counting.get_totals().mails == 1 and list_commit_threads() == []


def test_idle_client_does_not_delay_a_mail(connect, counting, monkeypatch):
    monkeypatch.setattr(store_delivery, "_MAX_COMMIT_DELAY_SECONDS", 60)
    with MailServer(store=counting) as server:
        client, _ = connect(server), connect(server)
        assert send_mail(client)[:3] == b"250"
    assert counting.quick_batches == [1]


def test_mails_follow_those_in_the_other_thread(connect, counting):
    with MailServer(store=counting) as server:
        first, second = connect(server), connect(server)
        with counting._database.begin_write():
            first.send(MESSAGE)
            while server._delivery._store_delivery._queued_count == 0:
                assert gets_nothing(first, 0.01)
            second.send(MESSAGE)
            while server._delivery._store_delivery._queued_count == 1:
                assert gets_nothing(second, 0.01)
        assert first.read_reply()[:3] == second.read_reply()[:3] == b"250"
        assert [entry.id for entry in counting.get_entries_after(0)] == [mail.id for mail in server.inbox]
    assert counting.quick_batches == []


def test_waiter_gets_mail_of_a_client_that_left_before_the_commit(loop, connect, counting):
    with MailServer(store=counting, loop=loop) as server:
        client = connect(server)
        counting.on_try = client.close
        client.send(MESSAGE)
        assert len(server.inbox.wait(timeout=10)) == 1
    assert counting.get_totals().mails == 1


def test_subscriber_of_the_store_does_not_block_the_server(loop, connect, counting):
    is_listening, release = threading.Event(), threading.Event()
    called = []

    def listen(change):
        if change.kind != "new":
            is_listening.set()
            assert release.wait(10)
        called.append((change.kind, server.call(threading.current_thread, 10)))

    with MailServer(store=counting, loop=loop) as server:
        client = connect(server)
        send_mail(client)
        counting.subscribe(listen)
        marking = threading.Thread(target=lambda: counting.set_read(read=True))
        marking.start()
        assert is_listening.wait(10)

        assert send_mail(client)[:3] == b"250"  # the listener has not returned
        assert called == []
        release.set()
        marking.join()
        while len(called) < 2:
            assert gets_nothing(client, 0.01)
        assert [kind for kind, _ in called] == ["read", "new"] and counting.adding_threads == []


# Threat D3: a client that waits too long for the reply sends the mail again (RFC 1047).
def test_reply_does_not_wait_for_indexing(connect, tmp_path):
    with SqliteStore(tmp_path / "mails.sqlite") as store, MailServer(store=store) as server:
        client = connect(server)
        with store._indexer._lock:  # indexing is running, and takes long
            client.send(MESSAGE)
            assert client.read_reply()[:3] == b"250"


@pytest.mark.parametrize("rest", [b"", b"QUIT\r\n", b"\r\n.\r\n"])
def test_mail_is_stored_once_when_client_leaves_after_the_dot(connect, tmp_path, rest):
    path = tmp_path / "mails.sqlite"
    with SqliteStore(path) as store:
        with MailServer(store=store) as server:
            client = connect(server)
            client.send(MESSAGE + rest)
            client.close()  # without reading the reply
            server.inbox.wait(timeout=10)
        assert store.get_totals().mails == 1
    with SqliteStore(path) as store:
        assert store.get_totals().mails == 1


def test_stop_waits_for_a_running_commit(loop, connect, slow):
    with MailServer(store=slow, loop=loop) as server:
        client = connect(server)
        client.send(MESSAGE)
        assert slow.add_called.acquire(timeout=10)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert gets_nothing(client)
        slow.gate.set()
        assert client.read_reply()[:3] == b"250" and client.read_reply()[:3] == b"421"
        stopping.join(10)
        assert not server.running and slow.get_totals().mails == 1
    assert not [thread for thread in threading.enumerate() if "commits" in thread.name]


@pytest.mark.parametrize(("is_added", "reply"), [(True, b"250 2.0.0"), (False, b"451 4.3.0")])
def test_stop_leaves_a_quick_commit_to_its_thread(connect, counting, monkeypatch, is_added, reply):
    is_committing, release = threading.Event(), threading.Event()

    def try_add(messages):
        if is_added:
            assert CountingStore.try_add(counting, messages)
        is_committing.set()
        assert release.wait(10)  # the disk is slow
        return is_added

    monkeypatch.setattr(counting, "try_add", try_add)
    server = MailServer(store=counting)
    server.start()
    client = connect(server)
    client.send(MESSAGE)
    assert is_committing.wait(10)
    with pytest.raises(StopTimeout):
        server.stop(0.2)
    release.set()

    assert client.read_reply()[:9] == reply and client.read_to_end()[:3] == b"421"
    assert counting.get_totals().mails == len(server.inbox) == is_added
    assert len(server.refusals) == 1 - is_added
    assert counting.adding_threads == list_commit_threads() == []
    server.raise_errors()


def test_mail_after_a_stop_that_timed_out_is_refused(connect, counting):
    is_deciding, release = threading.Event(), threading.Event()

    def decide(event, reply):
        if isinstance(event, EndOfData):
            is_deciding.set()
            assert release.wait(10)
        return reply

    server = MailServer(store=counting, decide=decide)
    server.start()
    client = connect(server)
    client.send(MESSAGE)
    assert is_deciding.wait(10)
    with pytest.raises(StopTimeout):
        server.stop(0.2)
    release.set()

    assert client.read_reply() == b"451 4.3.0 Mail cannot be stored now, try later\r\n"
    assert client.read_to_end()[:3] == b"421"
    assert counting.get_totals().mails == len(server.inbox) == 0


def test_stop_leaves_pipelined_commands_unread(connect, slow):
    limits = Limits(commands_without_mail=None, replies_waiting=1000)
    with MailServer(store=slow, limits=limits) as server:
        client = connect(server)
        client.send(MESSAGE + b"NOOP\r\n" * 5_000)
        assert slow.add_called.acquire(timeout=10)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        with contextlib.suppress(ConnectionError):
            while True:  # until the listening port is closed, which is the first step of a stop
                RawSmtpClient(server.address).close()
        slow.gate.set()
        received = client.read_to_end()
        stopping.join(10)

    assert received.startswith(b"250 2.0.0 Ok: queued as ")
    assert received.endswith(b"\r\n421 4.3.2 Server shutting down, goodbye\r\n")
    assert received.count(b"250 2.0.0 Ok\r\n") < 100


# A rule, the code of the reply to the content, and the number of stored mails.
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
def test_rules_work_with_a_store(loop, connect, slow, case):
    rule, reply, stored = case
    slow.gate.set()
    with MailServer(store=slow, loop=loop) as server:
        rule(server)
        client = connect(server)
        client.send(MESSAGE)

        assert client.read_reply()[:3] == reply
        assert slow.get_totals().mails == len(server.inbox) == stored


def test_coroutine_decide_works_with_a_store(loop, connect, slow):
    slow.gate.set()

    async def decide(event, reply):
        return reply

    with MailServer(store=slow, loop=loop, decide=decide) as server:
        client = connect(server)
        client.send(MESSAGE)

        assert client.read_reply().startswith(b"250 2.0.0 Ok: queued as ") and slow.get_totals().mails == 1


def test_lmtp_replies_for_each_recipient_after_the_commit(loop, slow):
    with (
        MailServer(store=slow, loop=loop, protocol="lmtp") as server,
        contextlib.closing(RawSmtpClient(server.address)) as client,
    ):
        for line in (b"LHLO me", b"MAIL FROM:<>", b"RCPT TO:<a@b.example>", b"RCPT TO:<c@b.example>", b"DATA"):
            client.send_command(line)
        client.send(MESSAGE)
        assert slow.add_called.acquire(timeout=10) and gets_nothing(client)
        slow.gate.set()

        assert client.read_reply()[:3] == client.read_reply()[:3] == b"250" and slow.get_totals().mails == 1


def test_mail_command_is_refused_without_room(connect):
    class SmallStore(MemoryStore):
        def has_room(self, size):
            return size <= 2000

    with (
        SmallStore() as store,
        MailServer(store=store) as server,
        contextlib.closing(RawSmtpClient(server.address)) as client,
    ):
        client.send_command(b"EHLO me")
        # RFC 1870 6.1: the store needs twice the size, so that other mails fit too.
        assert (
            client.send_command(b"MAIL FROM:<> SIZE=1001") == b"452 4.3.1 No room for this message now, try later\r\n"
        )
        assert client.send_command(b"MAIL FROM:<> SIZE=1000")[:3] == b"250"


@pytest.mark.parametrize("value", ["=abc", "=-5", "=\u00b2", "=" + "9" * 400, ""])
def test_size_that_is_no_number_needs_no_room(value):
    with (
        MemoryStore() as store,
        MailServer(store=store, lenient=Lenient.all(), extensions=["HELP"]) as server,
        contextlib.closing(RawSmtpClient(server.address)) as client,
    ):
        client.send_command(b"EHLO me")
        assert client.send_command(f"MAIL FROM:<> SIZE{value}".encode())[:3] == b"250"


def test_store_works_without_an_inbox(connect):
    with MemoryStore() as store, MailServer(store=store, keep_mails=False) as server:
        client = connect(server)
        client.send(MESSAGE)
        client.read_reply()

        assert len(server.inbox) == 0 and store.get_totals().mails == 1
