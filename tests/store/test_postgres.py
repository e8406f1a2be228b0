"""What only a store in PostgreSQL does: several nodes have it, and the server may go away."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from lazr.smtptest.errors import MissingExtra, SearchTooSlow, StoreTooNew, StoreUnavailable
from lazr.smtptest.mail.envelope import Envelope
from lazr.smtptest.protocol.smtp.sasl import Credentials
from lazr.smtptest.store.contract import Arrival, Retention
from lazr.smtptest.store.places import store_at
from lazr.smtptest.store.postgres import _READING, PostgresStore
from lazr.smtptest.store.search import Address, Tag, Text, User
from store import postgresserver
from store.doomed import ENVELOPE, content

TESTS = Path(__file__).parents[1]
SECONDS = 30


def arrival(name, octets=None, envelope=ENVELOPE):
    return Arrival(name, 1_700_000_000.0, envelope, [content(name) if octets is None else octets])


@pytest.fixture
def nodes(postgres):
    """Two stores that share a database."""
    with PostgresStore(postgres) as one, PostgresStore(postgres) as other:
        yield one, other


def until(changes, wanted):
    """The change of that kind, whatever comes before it."""
    while (change := changes.get(timeout=SECONDS)).kind != wanted:
        pass
    return change


# -- several nodes -------------------------------------------------------------------------------


def test_what_one_node_acknowledged_another_has_at_once(nodes):
    one, other = nodes
    for number in range(30):
        one.add([arrival(f"m{number}", b"X-Tags: new\r\n\r\nword%d\r\n" % number)])

        assert other.latest((Text("anywhere", f"word{number}"),)).id == f"m{number}"
        assert other.totals((Tag("new"),)).mails == number + 1


def test_all_nodes_hear_of_what_one_changes(nodes):
    one, other = nodes
    changes = queue.SimpleQueue()
    other.subscribe(changes.put)

    one.add([arrival("m1"), arrival("m2")])
    one.mark(read=True, ids=["m1"])
    one.delete()

    assert [(change.kind, change.ids) for change in (changes.get(timeout=SECONDS) for _ in range(3))] == [
        ("new", ("m1", "m2")),
        ("read", ("m1",)),
        ("truncate", ()),
    ]


def test_two_nodes_that_read_the_same_mails_read_each_once(nodes, postgres):
    nodes[0].add([arrival(f"m{number}", b"X-Tags: a\r\n\r\n") for number in range(200)])

    threads = [threading.Thread(target=node.catch_up, args=(200,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert nodes[0].catch_up(0) == 0
    assert nodes[1].tags() == {"a": 200}
    with psycopg.connect(postgres) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT number) FROM headers").fetchone() == (200, 200)


def test_who_follows_the_numbers_misses_no_mail_whatever_is_committed_when(nodes):
    workers, each = 6, 60

    def work(worker):
        for number in range(each):
            nodes[worker % 2].add([arrival(f"w{worker}n{number}m{mail}") for mail in range(1 + number % 3)])

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
    for thread in threads:
        thread.start()
    followed, last = [], 0
    while (busy := any(thread.is_alive() for thread in threads)) or nodes[1].after(last):
        for entry in nodes[1].after(last):
            assert entry.number > last
            last = entry.number
            followed.append(entry.id)
        assert busy or followed
    for thread in threads:
        thread.join()

    assert len(followed) == len(set(followed)) == nodes[0].totals().mails == workers * each * 2


def test_one_node_prunes_at_a_time(nodes):
    one, other = nodes
    one.add([arrival(f"m{number}") for number in range(5)])

    with one._alone() as alone:
        assert alone
        assert other.prune(Retention(mails=1), 0) == 0

    assert other.prune(Retention(mails=1), 0) == 4


def test_one_node_catches_up_at_a_time_and_who_asks_finds_all_read_even_so(nodes):
    one, other = nodes
    one.add([arrival(f"m{number}") for number in range(5)])

    with one._alone(_READING) as alone:
        assert alone
        assert other.catch_up() == 0
        assert one.catch_up(0) == 0
        assert other.page((Text("anywhere", "m3"),)).matched == 1
        other.add([arrival("late")])
        other.catch_up()

    assert other.catch_up(0) == 1
    assert other.catch_up() == 0 == one.catch_up(0)


def test_many_may_ask_for_a_mail_that_nobody_has_read(postgres):
    with PostgresStore(postgres) as store:
        for turn in range(3):
            store.add([arrival(f"m{turn}")])
            ready, found = threading.Barrier(40), []

            def ask(name=f"m{turn}", ready=ready, found=found):
                ready.wait(SECONDS)
                found.append(store.entry(name).id)

            threads = [threading.Thread(target=ask, daemon=True) for _ in range(40)]
            for thread in threads:
                thread.start()
            store.add([arrival(f"meanwhile {turn}")])
            for thread in threads:
                thread.join(SECONDS)
            assert found == [f"m{turn}"] * 40


@pytest.mark.parametrize("notice", ["x", "5", "[]", "[[]]", '["nonsense"]'])
def test_a_notice_of_somebody_else_is_the_end_of_nothing(postgres, notice):
    changes = queue.Queue()
    with PostgresStore(postgres) as store, psycopg.connect(postgres, autocommit=True) as stranger:
        store.subscribe(changes.put)
        stranger.execute("SELECT pg_notify(left('smtptest ' || current_schema(), 60), %s)", (notice,))
        assert until(changes, "prune").ids == ()
        store.add([arrival("m")])
        assert until(changes, "new").ids == ("m",)


def test_a_machine_that_is_gone_is_found_out_and_the_url_may_say_how_soon():
    store = PostgresStore("postgresql://ann@db/mails?keepalives_idle=77")
    arguments = store._arguments()
    assert arguments["tcp_user_timeout"] == 20_000 and "keepalives_idle" not in arguments


def test_stores_in_two_schemas_of_a_database_know_nothing_of_each_other(postgres):
    with postgresserver.schema() as elsewhere, PostgresStore(postgres) as one, PostgresStore(elsewhere) as other:
        changes = queue.SimpleQueue()
        other.subscribe(changes.put)
        with one._alone() as alone, other._alone() as also:
            assert alone and also
        one.add([arrival("m")])
        other.add([arrival("n")])

        assert changes.get(timeout=SECONDS).ids == ("n",)
        assert other.totals().mails == 1


def test_stores_in_two_schemas_of_a_database_both_have_an_index_of_words(postgres):
    with psycopg.connect(postgres) as connection:
        if not connection.execute("SELECT FROM pg_available_extensions WHERE name = 'pg_trgm'").rowcount:
            pytest.skip("this server has no pg_trgm")
    with postgresserver.schema() as elsewhere:
        for url in (postgres, elsewhere):
            with PostgresStore(url) as store, psycopg.connect(url) as connection:
                store.add([arrival("m", b"Subject: needle\r\n\r\n")])
                assert connection.execute("SELECT to_regclass('texts_by_trigram')::text").fetchone()[0]
                assert store.totals((Text("anywhere", "needle"),)).mails == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_of_three_nodes_one_is_killed_and_nothing_acknowledged_is_lost(postgres):
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    heard = []
    with contextlib.ExitStack() as stack:
        nurseries = []
        for letter in "abc":
            command = [sys.executable, str(TESTS / "store" / "doomed.py"), postgres, letter]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
            nurseries.append(stack.enter_context(subprocess.Popen(command, env=environment, **pipes)))
            nurseries[-1].stdin.write("\n")
        children = [int(nursery.stdout.readline().split()[1]) for nursery in nurseries]
        for more, killed in ((20, 0), (60, 1), (5, 2)):  # the others go on meanwhile
            for nursery in nurseries[killed:]:
                for _ in range(more):
                    heard += nursery.stdout.readline().split()
            os.kill(children[killed], signal.SIGKILL)
            while (line := nurseries[killed].stdout.readline()) != "end\n":
                assert line
                heard += line.split()
            nurseries[killed].stdin.close()

    with PostgresStore(postgres) as store:
        for name in heard:
            assert store.mail(name).content == content(name)
        assert len(heard) == len(set(heard)) > 300
        assert store.totals().mails == store.page(limit=None).matched >= len(heard)


# -- the server ----------------------------------------------------------------------------------


def test_a_server_that_goes_away_is_told_and_is_used_again_when_it_is_back():
    with postgresserver.own() as server, PostgresStore(server.get_uri()) as store:
        changes = queue.SimpleQueue()
        store.subscribe(changes.put)
        store.add([arrival("before")])

        server.stop()
        for act in (lambda: store.add([arrival("meanwhile")]), store.totals, store.page, store.catch_up, store.delete):
            with pytest.raises(StoreUnavailable):
                act()
        server.start()

        while True:  # it is asked again after a second at most
            with contextlib.suppress(StoreUnavailable):
                store.add([arrival("after")])
                break
        assert {entry.id for entry in store.page().entries} == {"before", "after"}
        until(changes, "prune")  # whatever happened meanwhile
        store.add([arrival("heard of")])
        while until(changes, "new").ids != ("heard of",):
            pass


def test_a_server_that_is_not_there_is_told():
    store = PostgresStore("postgresql://ann:secret@127.0.0.1:1/mails")
    with pytest.raises(StoreUnavailable) as raised:
        store.open()
    assert "secret" not in str(raised.value)
    with pytest.raises(StoreUnavailable, match="closed"):
        store.totals()


def test_a_database_in_another_charset_is_refused():
    with postgresserver.own() as server:
        server.psql("CREATE DATABASE latin ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        with pytest.raises(StoreUnavailable, match="UTF8"):
            PostgresStore(server.get_uri("latin")).open()


def test_tables_of_a_later_version_are_refused(postgres):
    with PostgresStore(postgres) as store:
        store.add([arrival("m")])
    with psycopg.connect(postgres) as connection:
        connection.execute("UPDATE schema_version SET version = 1000")

    with pytest.raises(StoreTooNew, match="1000"):
        PostgresStore(postgres).open()


def test_many_nodes_may_make_the_tables_at_once(postgres):
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
        assert store.totals().mails == 5


# -- its own ways --------------------------------------------------------------------------------


def test_a_search_that_takes_too_long_is_ended_and_others_are_not(postgres):
    with PostgresStore(postgres, search_timeout=0.0) as store:
        store.add([arrival(f"m{number}", b"\r\n" + b"words and words " * 2000) for number in range(50)])
        store.catch_up()

        with pytest.raises(SearchTooSlow):
            store.page(tuple(Text("anywhere", f"absent {number}", negated=True) for number in range(20)))

        assert store.mail("m7").id == "m7"


def test_what_is_too_long_for_an_index_is_kept_and_found(postgres):
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

        for term in (User(long), Address("recipient", f"{long}@example.org"), Address("sender", f"{long[:50]}*")):
            assert [entry.id for entry in store.page((term,)).entries] == ["m"]


@pytest.mark.parametrize(
    "url", ["postgresql://ann:secret@db.example/mails", "postgres://ann@db.example/mails?password=secret"]
)
def test_its_url_has_no_password(url):
    shown = store_at(url).url

    assert "secret" not in shown
    assert "ann" in shown and "db.example/mails" in shown


def test_a_url_that_is_none_is_told():
    with pytest.raises(ValueError, match="URL"):
        PostgresStore("postgresql://ann@db.example:port/mails")


def test_what_is_missing_is_told_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lazr.smtptest.store.postgres", None)
    with pytest.raises(MissingExtra, match=r"pip install .*\[postgres\]"):
        store_at("postgresql://db.example/mails")
