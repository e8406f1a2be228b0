"""What only the PostgreSQL store does: several nodes share it, and the server may be down."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from lazr.smtptest.errors import MissingExtra, SearchTooSlow, StoreTooNew, StoreUnavailable
from lazr.smtptest.mail.envelope import Envelope
from lazr.smtptest.protocol.smtp.sasl_types import Credentials
from lazr.smtptest.store import (
    AddressTerm,
    Arrival,
    Maintenance,
    PostgresStore,
    Retention,
    TagTerm,
    TextTerm,
    UserTerm,
    create_store,
)
from lazr.smtptest.store.sql import postgres_database
from lazr.smtptest.store.sql.postgres_database import INDEXING_LOCK_ID
from tests.helpers import postgres_server
from tests.store.killed_writer import ENVELOPE, content

pytestmark = pytest.mark.postgres

STORE_TESTS = Path(__file__).parents[1]
SECONDS = 30


def arrival(name, body=None, envelope=ENVELOPE):
    return Arrival(name, 1_700_000_000.0, envelope, [content(name) if body is None else body])


@pytest.fixture
def nodes(postgres):
    """Open two stores on one database."""
    with PostgresStore(postgres) as one, PostgresStore(postgres) as other:
        yield one, other


def wait_for_change(changes, kind):
    """Return the next change of that kind; skip others."""
    while (change := changes.get(timeout=SECONDS)).kind != kind:
        pass
    return change


# -- several nodes -------------------------------------------------------------------------------


def test_acknowledged_mail_is_visible_on_another_node(nodes):
    one, other = nodes
    for number in range(30):
        one.add([arrival(f"m{number}", b"X-Tags: new\r\n\r\nword%d\r\n" % number)])

        assert other.get_latest((TextTerm("anywhere", f"word{number}"),)).id == f"m{number}"
        assert other.get_totals((TagTerm("new"),)).mails == number + 1


def test_changes_of_one_node_reach_another(nodes):
    one, other = nodes
    changes = queue.SimpleQueue()
    other.subscribe(changes.put)

    one.add([arrival("m1"), arrival("m2")])
    one.set_read(read=True, ids=["m1"])
    one.delete()

    assert [(change.kind, change.ids) for change in (changes.get(timeout=SECONDS) for _ in range(3))] == [
        ("new", ("m1", "m2")),
        ("read", ("m1",)),
        ("truncate", ()),
    ]


def test_two_nodes_index_each_mail_once(nodes, postgres):
    nodes[0].add([arrival(f"m{number}", b"X-Tags: a\r\n\r\n") for number in range(200)])

    threads = [threading.Thread(target=node.index_pending, args=(200,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert nodes[0].index_pending(0) == 0
    assert nodes[1].count_tags() == {"a": 200}
    with psycopg.connect(postgres) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT number) FROM headers").fetchone() == (200, 200)


def test_add_of_many_mails_is_one_transaction(nodes):
    one, other = nodes
    many = [arrival(f"m{number:04}", b"%d" % number) for number in range(1200)]
    with pytest.raises(ValueError, match="unique"):
        one.add([*many, arrival("m0000")])
    assert other.get_totals().mails == 0

    one.add(many)

    page = other.get_page(limit=None)
    assert [entry.id for entry in page.entries] == [arrival.id for arrival in reversed(many)]
    assert [other.get_mail(f"m{number:04}").content for number in (0, 499, 500, 1199)] == [
        b"0",
        b"499",
        b"500",
        b"1199",
    ]


@pytest.mark.slow
def test_polling_by_number_misses_no_mail(nodes):
    workers, each = 6, 60

    def work(worker):
        for number in range(each):
            nodes[worker % 2].add([arrival(f"w{worker}n{number}m{mail}") for mail in range(1 + number % 3)])

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
    for thread in threads:
        thread.start()
    polled, last = [], 0
    while (busy := any(thread.is_alive() for thread in threads)) or nodes[1].get_entries_after(last):
        for entry in nodes[1].get_entries_after(last):
            assert entry.number > last
            last = entry.number
            polled.append(entry.id)
        assert busy or polled
    for thread in threads:
        thread.join()

    assert len(polled) == len(set(polled)) == nodes[0].get_totals().mails == workers * each * 2


def test_one_node_prunes_at_a_time(nodes):
    one, other = nodes
    one.add([arrival(f"m{number}") for number in range(5)])

    with one._database.try_lock_pruning() as is_locked:
        assert is_locked
        assert other.prune(Retention(max_mails=1), 0) == 0

    assert other.prune(Retention(max_mails=1), 0) == 4


def test_one_node_indexes_at_a_time_and_searches_are_complete(nodes):
    one, other = nodes
    one.add([arrival(f"m{number}") for number in range(5)])

    with one._database.try_lock(INDEXING_LOCK_ID) as is_locked:
        assert is_locked
        assert other.index_pending() == 0
        assert one.index_pending(0) == 0
        assert other.get_page((TextTerm("anywhere", "m3"),)).match_count == 1
        other.add([arrival("late")])
        other.index_pending()

    assert other.index_pending(0) == 1
    assert other.index_pending() == 0 == one.index_pending(0)


def test_many_threads_read_a_mail_before_it_is_indexed(postgres):
    with PostgresStore(postgres) as store:
        for turn in range(3):
            store.add([arrival(f"m{turn}")])
            ready, found = threading.Barrier(40), []

            def read(name=f"m{turn}", ready=ready, found=found):
                ready.wait(SECONDS)
                found.append(store.get_entry(name).id)

            threads = [threading.Thread(target=read, daemon=True) for _ in range(40)]
            for thread in threads:
                thread.start()
            store.add([arrival(f"meanwhile {turn}")])
            for thread in threads:
                thread.join(SECONDS)
            assert found == [f"m{turn}"] * 40


@pytest.mark.parametrize("notice", ["x", "5", "[]", "[[]]", '["nonsense"]'])
def test_foreign_notification_is_harmless(postgres, notice):
    changes = queue.Queue()
    with PostgresStore(postgres) as store, psycopg.connect(postgres, autocommit=True) as other_client:
        store.subscribe(changes.put)
        other_client.execute("SELECT pg_notify(left('smtptest ' || current_schema(), 60), %s)", (notice,))
        assert wait_for_change(changes, "prune").ids == ()
        store.add([arrival("m")])
        assert wait_for_change(changes, "new").ids == ("m",)


def test_keepalive_defaults_can_be_set_in_the_url():
    store = PostgresStore("postgresql://ann@db/mails?keepalives_idle=77")
    arguments = store._database.build_connect_arguments()
    assert arguments["tcp_user_timeout"] == 20_000 and "keepalives_idle" not in arguments


def test_stores_in_two_schemas_are_independent(postgres):
    with (
        postgres_server.create_schema() as elsewhere,
        PostgresStore(postgres) as one,
        PostgresStore(elsewhere) as other,
    ):
        changes = queue.SimpleQueue()
        other.subscribe(changes.put)
        with one._database.try_lock_pruning() as first_locked, other._database.try_lock_pruning() as second_locked:
            assert first_locked and second_locked
        one.add([arrival("m")])
        other.add([arrival("n")])

        assert changes.get(timeout=SECONDS).ids == ("n",)
        assert other.get_totals().mails == 1


def test_stores_in_two_schemas_both_have_a_full_text_index(postgres):
    with psycopg.connect(postgres) as connection:
        if not connection.execute("SELECT FROM pg_available_extensions WHERE name = 'pg_trgm'").rowcount:
            pytest.skip("pg_trgm is not available")
    with postgres_server.create_schema() as elsewhere:
        for url in (postgres, elsewhere):
            with PostgresStore(url) as store, psycopg.connect(url) as connection:
                store.add([arrival("m", b"Subject: needle\r\n\r\n")])
                assert connection.execute("SELECT to_regclass('texts_by_trigram')::text").fetchone()[0]
                assert store.get_totals((TextTerm("anywhere", "needle"),)).mails == 1


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_killing_nodes_loses_no_acknowledged_mail(postgres):
    environment = {**os.environ, "PYTHONPATH": str(STORE_TESTS.parents[1])}
    acknowledged = []
    with contextlib.ExitStack() as stack:
        parents = []
        for letter in "abc":
            command = [sys.executable, str(STORE_TESTS / "killed_writer.py"), postgres, letter]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
            parents.append(stack.enter_context(subprocess.Popen(command, env=environment, **pipes)))
            parents[-1].stdin.write("\n")
        children = [int(parent.stdout.readline().split()[1]) for parent in parents]
        for line_count, killed in ((20, 0), (60, 1), (5, 2)):  # the other nodes continue
            for parent in parents[killed:]:
                for _ in range(line_count):
                    acknowledged += parent.stdout.readline().split()
            os.kill(children[killed], signal.SIGKILL)
            while (line := parents[killed].stdout.readline()) != "end\n":
                assert line
                acknowledged += line.split()
            parents[killed].stdin.close()

    with PostgresStore(postgres) as store:
        for name in acknowledged:
            assert store.get_mail(name).content == content(name)
        assert len(acknowledged) == len(set(acknowledged)) > 300
        assert store.get_totals().mails == store.get_page(limit=None).match_count >= len(acknowledged)


# -- the server ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_server_outage_raises_unavailable_until_it_is_back():
    with postgres_server.run_server() as server, PostgresStore(server.get_uri()) as store:
        changes = queue.SimpleQueue()
        store.subscribe(changes.put)
        store.add([arrival("before")])

        server.stop()
        for act in (
            lambda: store.add([arrival("meanwhile")]),
            store.get_totals,
            store.get_page,
            store.index_pending,
            store.delete,
        ):
            with pytest.raises(StoreUnavailable):
                act()
        server.start()

        while True:  # the store reconnects within a second
            with contextlib.suppress(StoreUnavailable):
                store.add([arrival("after")])
                break
        assert {entry.id for entry in store.get_page().entries} == {"before", "after"}
        wait_for_change(changes, "prune")  # changes may have been missed
        for number in range(10):  # a connection that is found to be broken gives one more "prune"
            store.add([arrival(f"announced{number}")])
            if changes.get(timeout=SECONDS).kind == "new":
                break
        else:
            pytest.fail("new mails are not announced after the outage")


@contextlib.contextmanager
def suspend(server):
    """Suspend all processes of a server: it keeps its connections, and answers nothing."""
    main = int(Path(server.pgdata, "postmaster.pid").read_text().split()[0])
    children = subprocess.run(["pgrep", "-P", str(main)], check=True, capture_output=True, text=True).stdout.split()
    processes = [main, *map(int, children)]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@pytest.mark.slow
def test_suspended_server_raises_unavailable_and_close_does_not_wait(monkeypatch, caplog):
    monkeypatch.setattr(postgres_database, "_PROBE_TIMEOUT_SECONDS", 2)
    with postgres_server.run_server() as server, PostgresStore(server.get_uri()) as store, Maintenance(store):
        store.add([arrival("before")])
        with suspend(server):
            for act in (store.get_totals, lambda: store.add([arrival("lost")]), lambda: store.get_note("x")):
                started = time.monotonic()
                with pytest.raises(StoreUnavailable):
                    act()
                assert time.monotonic() - started < 20
        wait_until_available(store)
        store.add([arrival("after")])
        assert {"before", "after"} <= {entry.id for entry in store.get_page().entries}

        with suspend(server), ThreadPoolExecutor() as pool:
            waiting = pool.submit(store.get_totals)
            while not store._database._watchdog._started_by_operation:
                pass
            started = time.monotonic()
            store.close()
            assert time.monotonic() - started < 2
            with pytest.raises(StoreUnavailable):
                waiting.result(20)
    assert [record.exc_info for record in caplog.records] == [None] * len(caplog.records)
    assert [record.getMessage() for record in caplog.records].count(
        "the database does not respond; its connections are closed"
    ) <= 1


def wait_until_available(store):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(StoreUnavailable):
            store.get_totals()
            return
    raise AssertionError("the store does not reconnect")


@pytest.mark.slow
def test_crash_of_the_server_is_one_line_in_the_log(caplog):
    """All processes are killed while several threads use the store; nothing logs a traceback, and no mail is lost."""
    with postgres_server.run_server() as server, PostgresStore(server.get_uri()) as store, Maintenance(store):
        ended = threading.Event()
        acknowledged = []

        def use_store(number):
            while not ended.is_set():
                with contextlib.suppress(StoreUnavailable):
                    name = f"m{number}-{time.monotonic()}"
                    store.add([arrival(name)])
                    acknowledged.append(name)
                    store.get_page(limit=1)
                    store.set_read(read=bool(number % 2))

        with ThreadPoolExecutor() as pool:
            for number in range(4):
                pool.submit(use_store, number)
            for _ in range(3):
                with contextlib.suppress(psycopg.Error), psycopg.connect(server.get_uri()) as victim:
                    os.kill(victim.info.backend_pid, signal.SIGKILL)  # PostgreSQL then restarts all backends
                    victim.execute("SELECT 1")
                wait_until_available(store)
            ended.set()
        wait_until_available(store)
        while store.index_pending():
            pass
        found = [entry.id for entry in store.get_page(limit=None).entries]
        assert len(found) == len(set(found)) and set(acknowledged) <= set(found)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    own_records = [record for record in caplog.records if record.name.startswith("lazr.")]
    assert len(own_records) <= 3


def test_open_raises_unavailable_without_a_server():
    store = PostgresStore("postgresql://ann:secret@127.0.0.1:1/mails")
    with pytest.raises(StoreUnavailable) as raised:
        store.open()
    assert "secret" not in str(raised.value)
    with pytest.raises(StoreUnavailable, match="closed"):
        store.get_totals()


def test_database_must_be_utf8():
    with postgres_server.run_server() as server:
        server.psql("CREATE DATABASE latin ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        with pytest.raises(StoreUnavailable, match="UTF8"):
            PostgresStore(server.get_uri("latin")).open()


def test_open_raises_too_new_for_later_tables(postgres):
    with PostgresStore(postgres) as store:
        store.add([arrival("m")])
    with psycopg.connect(postgres) as connection:
        connection.execute("UPDATE schema_version SET version = 1000")

    with pytest.raises(StoreTooNew, match="1000"):
        PostgresStore(postgres).open()


def test_many_nodes_create_the_tables_concurrently(postgres):
    errors = []

    def begin(number):
        try:
            with PostgresStore(postgres) as store:
                store.add([arrival(f"m{number}")])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    with PostgresStore(postgres) as store:
        assert store.get_totals().mails == 5


# -- searches and URLs ---------------------------------------------------------------------------


def test_slow_search_raises_search_too_slow(postgres):
    with PostgresStore(postgres, search_timeout=0.0) as store:
        store.add([arrival(f"m{number}", b"\r\n" + b"words and words " * 2000) for number in range(50)])
        store.index_pending()

        with pytest.raises(SearchTooSlow):
            store.get_page(tuple(TextTerm("anywhere", f"absent {number}", negated=True) for number in range(20)))

        assert store.get_mail("m7").id == "m7"


def test_texts_too_long_for_a_btree_are_found(postgres):
    long = "".join(f"{number:04}" for number in range(2000))
    envelope = Envelope(
        f"{long}@example.com",
        (f"{long}@example.org",),
        mail_parameters={},
        rcpt_parameters=({},),
        auth=Credentials("PLAIN", long),
    )
    with PostgresStore(postgres) as store:
        store.add([arrival("m", envelope=envelope), arrival("other")])

        for term in (
            UserTerm(long),
            AddressTerm("recipient", f"{long}@example.org"),
            AddressTerm("sender", f"{long[:50]}*"),
        ):
            assert [entry.id for entry in store.get_page((term,)).entries] == ["m"]


@pytest.mark.parametrize(
    "url", ["postgresql://ann:secret@db.example/mails", "postgres://ann@db.example/mails?password=secret"]
)
def test_url_contains_no_password(url):
    shown = create_store(url).url

    assert "secret" not in shown
    assert "ann" in shown and "db.example/mails" in shown


def test_invalid_url_is_rejected():
    with pytest.raises(ValueError, match="URL"):
        PostgresStore("postgresql://ann@db.example:port/mails")


def test_missing_driver_error_has_the_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "lazr.smtptest.store.sql.postgres", None)
    with pytest.raises(MissingExtra, match=r"pip install .*\[postgres\]"):
        create_store("postgresql://db.example/mails")
