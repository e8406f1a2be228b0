"""Deleting all mails from PostgreSQL, with and without other users of the tables."""

import contextlib
import os
import queue
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from lazr.smtptest.store import AddressTerm, Arrival, PostgresStore, TextTerm
from lazr.smtptest.store.sql.schema import mail_tables
from tests.store.killed_writer import ENVELOPE, content

pytestmark = pytest.mark.postgres

SECONDS = 30
KILLED_DELETER = Path(__file__).with_name("killed_deleter.py")


def arrival(name):
    return Arrival(name, 1_700_000_000.0, ENVELOPE, [content(name)])


@pytest.fixture
def nodes(postgres):
    """Open two stores on one database."""
    with PostgresStore(postgres) as one, PostgresStore(postgres) as other:
        yield one, other


@pytest.fixture
def sql(postgres):
    with psycopg.connect(postgres, autocommit=True) as connection:
        yield connection


@contextlib.contextmanager
def use_tables(postgres):
    """Hold a lock on the table of mails, as a long search does."""
    with psycopg.connect(postgres) as connection:
        connection.execute("SELECT count(*) FROM mails")
        yield


def count_rows(sql):
    return {table.name: sql.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0] for table in mail_tables}


def reclaim_all(store):
    store._reclaim_at = 0.0
    while store.reclaim_space():
        pass


def test_delete_all_empties_all_tables_at_once(nodes, sql):
    one, other = nodes
    changes = queue.SimpleQueue()
    other.subscribe(changes.put)
    one.add([arrival(f"m{number}") for number in range(20)])
    one.index_pending(10)
    last = one.get_latest().number

    assert one.delete() == 20

    assert set(count_rows(sql).values()) == {0}
    assert other.get_page().entries == [] and other.index_pending(0) == 0
    assert [changes.get(timeout=SECONDS).kind for _ in range(2)] == ["new", "truncate"]
    other.add([arrival("m1")])
    assert one.get_latest().number > last
    assert one.delete() == 1 and one.delete() == 0


def test_delete_all_does_not_wait_for_a_long_search(nodes, sql, postgres):
    one, other = nodes
    changes = queue.SimpleQueue()
    other.subscribe(changes.put)
    one.add([arrival(f"m{number}") for number in range(20)])
    one.index_pending(10)
    one.set_tags(["m1"], ["red"])
    with use_tables(postgres):
        assert one.delete() == 20

        for node in nodes:
            assert node.get_page().entries == [] and node.get_totals().mails == 0 and node.count_tags() == {}
            assert node.get_mail("m3") is None and node.get_page((TextTerm("anywhere", "m3"),)).match_count == 0
            assert node.index_pending(0) == 0
        other.add([arrival("kept"), arrival("kept, not indexed")])
        other.index_pending(1)
        while changes.get(timeout=SECONDS).kind != "truncate":
            pass
        assert count_rows(sql)["contents"] == 22
        reclaim_all(other)

    assert count_rows(sql)["contents"] == count_rows(sql)["mails"] == 2
    assert other.get_mail("kept").content == content("kept")
    assert one.get_page((TextTerm("anywhere", "kept"),)).match_count == 2


def test_deleted_mails_have_no_numbers_while_their_rows_are_left(nodes, postgres):
    one, other = nodes
    one.add([arrival("m1"), arrival("m2")])
    one.index_pending(10)
    search = (AddressTerm("recipient", ENVELOPE.rcpt_tos[0]),)
    assert len(one.list_numbers(search)) == 2

    with use_tables(postgres):
        assert one.delete() == 2
    assert one.list_numbers(search) == other.list_numbers(search, unread=True) == []


def test_space_of_deleted_mails_is_truncated_if_none_is_left(nodes, sql, postgres):
    one, other = nodes
    one.add([arrival(f"m{number}") for number in range(20)])
    with use_tables(postgres):
        one.delete()
        assert count_rows(sql)["contents"] == 20
    [before] = sql.execute("SELECT pg_relation_filenode('contents')").fetchone()

    reclaim_all(other)

    assert count_rows(sql)["contents"] == 0
    assert sql.execute("SELECT pg_relation_filenode('contents')").fetchone()[0] != before


def test_mails_added_during_delete_all_are_complete_or_gone(nodes, sql, postgres):
    one, other = nodes
    ended = threading.Event()
    added = []

    def receive():
        while not ended.is_set():
            names = [f"m{len(added)}n{mail}" for mail in range(3)]
            other.add([arrival(name) for name in names])
            added.append(names)
            other.index_pending(2)

    thread = threading.Thread(target=receive)
    thread.start()
    for turn in range(10):
        while len(added) < 3 * turn:
            assert thread.is_alive()
        with use_tables(postgres) if turn % 2 else contextlib.nullcontext():
            one.delete()
    ended.set()
    thread.join()

    reclaim_all(one)
    while one.index_pending():
        pass
    left = one.get_totals().mails
    counts = count_rows(sql)
    assert left % 3 == counts["pending"] == 0
    assert counts["mails"] == counts["contents"] == counts["entries"] == counts["texts"] == left
    for entry in one.get_page(limit=None).entries:
        assert one.get_mail(entry.id).content == content(entry.id)


@pytest.mark.slow
def test_kill_during_delete_all_loses_no_mail_added_later(postgres, sql):
    """A node adds, indexes and deletes all; after each kill, what it acknowledged since the last deletion is there."""
    command = [sys.executable, str(KILLED_DELETER), postgres]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    rounds = int(os.environ.get("SMTPTEST_KILL_ROUNDS", "4"))
    delays = random.Random(1)
    for round_ in range(rounds):
        with subprocess.Popen(
            [*command, str(round_)], env=environment, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as process:
            lines = [process.stdout.readline() for _ in range(1 + delays.randrange(30))]
            threading.Timer(delays.random() * 0.05, os.kill, (process.pid, signal.SIGKILL)).start()
            lines += process.stdout.readlines()
        lines = [line.strip() for line in lines if line.endswith("\n")]
        since = max((place for place, line in enumerate(lines) if line == "deleted"), default=-1)
        acknowledged = [name for line in lines[since + 1 :] if line != "deleting" for name in line.split()]
        with PostgresStore(postgres) as store:
            while store.index_pending():
                pass
            found = {entry.id for entry in store.get_page(limit=None).entries}
            if "deleting" not in lines[since + 1 :]:
                assert set(acknowledged) <= found
            for name in found:
                assert store.get_mail(name).content == content(name)
            reclaim_all(store)
        counts = count_rows(sql)
        assert counts["mails"] == counts["contents"] == counts["entries"] == counts["texts"] == len(found)
