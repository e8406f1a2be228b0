"""What only a store in an SQLite file does: its file, its disk, and how it dies."""

import contextlib
import logging
import os
import random
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from lazr.smtptest.errors import SearchTooSlow, StoreFull, StoreInUse, StoreTooNew, StoreUnavailable
from lazr.smtptest.store.contract import Arrival, Retention
from lazr.smtptest.store.schema import upgrade
from lazr.smtptest.store.search import Flag, Header, Text
from lazr.smtptest.store.sqlite import SqliteStore
from lazr.smtptest.store.turns import Turns
from store.doomed import ENVELOPE, content

TESTS = Path(__file__).parents[1]


def arrival(name, octets=None):
    return Arrival(name, 1_700_000_000.0, ENVELOPE, [content(name) if octets is None else octets])


def python(*arguments, before=(), **more):
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    command = [*before, sys.executable, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, **more)


def said(script, *arguments, before=()):
    """What a program says; it has to end well."""
    with python("-c", textwrap.dedent(script), *arguments, before=before) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output


def rows(path, statement):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mail.sqlite"


# -- dying ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_what_was_acknowledged_is_there_after_kill_9_and_nothing_twice(path):
    acknowledged = []
    chance = random.Random()
    with python(TESTS / "store" / "doomed.py", path, "r", stdin=subprocess.PIPE, bufsize=1) as nursery:
        for _ in range(50):
            nursery.stdin.write("\n")
            nursery.stdin.flush()
            child = int(nursery.stdout.readline().split()[1])
            heard = []
            for _ in range(chance.choice((0, 1, 2, 5, 20, 60))):
                heard += nursery.stdout.readline().split()
            os.kill(child, signal.SIGKILL)
            while (line := nursery.stdout.readline()) != "end\n":
                assert line  # or the nursery died
                heard += line.split()
            acknowledged += heard
        nursery.stdin.close()

    with SqliteStore(path) as store:
        for name in acknowledged:
            assert store.mail(name).content == content(name)
        total = store.totals().mails
    assert total >= len(acknowledged) == len(set(acknowledged)) > 500
    assert rows(path, "SELECT count(*), count(DISTINCT content) FROM contents") == [(total, total)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert not list(path.parent.glob("*.corrupt-*"))


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_add_returns_when_the_disk_has_it(path, tmp_path):
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-y", "-e", "trace=pwrite64,fsync,fdatasync,write", "-o", str(trace)]
    with python(TESTS / "store" / "traced.py", path, before=strace, stderr=subprocess.PIPE) as process:
        _, errors = process.communicate(timeout=60)
    if "PTRACE" in errors:
        pytest.skip(f"strace may not trace here: {errors}")
    assert process.returncode == 0, errors

    calls = re.findall(r"(pwrite64|fsync|fdatasync|write)\(\d+<([^>]*)>(.*)", trace.read_text())
    adds = []  # what happened to the log in each of them, in order
    for call, file, rest in calls:
        if "adding" in rest:
            adds.append([])
        elif adds and "added" in rest:
            adds[-1].append("added")
        elif adds and file.endswith("-wal"):
            adds[-1].append("sync" if "sync" in call else "write")
    assert len(adds) == 3
    for happened in adds:
        until = happened[: happened.index("added")]
        assert "write" in until and until[-1] == "sync"


# -- the disk ------------------------------------------------------------------------------------


def fill(store, octets=20_000):
    """Add mails until there is no room; how many were kept."""
    with contextlib.suppress(StoreFull):
        for number in range(10_000):
            store.add([arrival(f"m{number}", b"x" * octets)])
    return number


def test_a_file_that_may_not_grow_is_full_and_what_came_can_be_read_and_deleted(path):
    with SqliteStore(path, room=400_000) as store:
        assert store.has_room(20_000) and not store.has_room(400_000)
        kept = fill(store)
        assert 5 < kept < 20
        assert not store.has_room(20_000)
        assert store.totals().mails == len(store.page((Text("anywhere", "xxxx"),)).entries) == kept

        assert store.delete(ids=[f"m{number}" for number in range(1, kept)]) == kept - 1

        assert store.has_room(20_000)
        store.add([arrival("again", b"x" * 20_000)])
        assert store.totals().mails == 2


def test_a_batch_that_finds_no_room_is_not_kept_at_all(path):
    with SqliteStore(path, room=400_000) as store:
        with pytest.raises(StoreFull):
            store.add([arrival(f"m{number}", b"x" * 20_000) for number in range(30)])

        assert store.totals().mails == 0
        store.add([arrival("small")])
        assert store.mail("small").content == content("small")


def test_receiving_leaves_some_of_the_disk_free(path):
    with SqliteStore(path, reserve=1 << 60) as store:
        assert not store.has_room(1)
        with pytest.raises(StoreFull, match="room"):
            store.add([arrival("m")])


FULL_DISK = """
    import subprocess, sys
    from pathlib import Path
    from store.test_sqlite import SqliteStore, StoreFull, arrival, content, fill
    directory = Path(sys.argv[1])
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", directory]).returncode:
        sys.exit("cannot mount")
    (directory / "ballast").write_bytes(bytes(500_000))
    with SqliteStore(directory / "mail.sqlite", reserve=0) as store:
        kept = fill(store, 2000)
        assert kept > 10, kept
        assert store.totals().mails == kept
        (directory / "ballast").unlink()
        store.add([arrival("again")])
        assert store.mail("again").content == content("again")
        assert store.page((), limit=None).matched == kept + 1
    with SqliteStore(directory / "mail.sqlite", reserve=0) as store:
        assert store.totals().mails == kept + 1
    print("well")
"""


DELETED = """
    import subprocess, sys
    from itertools import count
    from pathlib import Path
    from store.test_sqlite import SqliteStore, StoreFull, arrival
    names = (f"m{number}" for number in count())
    def fill():
        before = store.totals().mails
        try:
            while True:
                store.add([arrival(next(names), bytes(500_000))])
                store.catch_up()
        except StoreFull:
            return store.totals().mails - before
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", sys.argv[1]]).returncode:
        sys.exit("cannot mount")
    with SqliteStore(Path(sys.argv[1], "mail.sqlite"), reserve=16_000_000) as store:
        kept = fill()
        assert kept > 10 and not store.has_room(500_000)
        assert store.delete() == kept
        store.catch_up()
        assert store.has_room(500_000)
        again = fill()
        assert again > kept / 2, (kept, again)
        assert len(store.page((), limit=None).entries) == again
    print("well")
"""


NOT_CAUGHT_UP = """
    import subprocess, sys
    from pathlib import Path
    from store.test_sqlite import SqliteStore, arrival
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", sys.argv[1]]).returncode:
        sys.exit("cannot mount")
    with SqliteStore(Path(sys.argv[1], "mail.sqlite"), reserve=16_000_000) as store:
        for number in range(40):
            store.add([arrival(f"m{number}", b"x" * 1_000_000)])
            assert store.page((), limit=None).matched == store.delete() == 1
    print("well")
"""


@pytest.mark.parametrize(
    "script", [FULL_DISK, DELETED, NOT_CAUGHT_UP], ids=["by others", "by deleting", "by who never catches up"]
)
def test_a_disk_that_is_full_is_told_and_is_used_again_when_there_is_room(tmp_path, script):
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", tmp_path], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be made here: {error}")

    assert said(script, tmp_path, before=unshare) == "well\n"


FAILING_DISK = """
    import resource, sys
    from store.test_sqlite import SqliteStore, StoreUnavailable, arrival, content
    with SqliteStore(sys.argv[1]) as store:
        store.add([arrival("before")])
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        for attempt in range(3):
            try:
                store.add([arrival("meanwhile")])
            except StoreUnavailable as error:
                print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        store.add([arrival("meanwhile")])
        store.add([arrival("after")])
        for name in ("before", "meanwhile", "after"):
            assert store.mail(name).content == content(name)
        assert store.totals().mails == 3
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits of this kind")
def test_a_disk_that_fails_is_told_and_is_used_again_when_it_works(path):
    assert said(FAILING_DISK, path).splitlines() == ["disk I/O error"] * 3


def removed(path):
    path.unlink()


def removed_with_all_beside_it(path):
    shutil.rmtree(path.parent)


def moved_away(path):
    path.rename(path.with_name("elsewhere"))


def emptied_and_begun_anew(path):
    path.unlink()
    path.touch()


HARMS = [removed, removed_with_all_beside_it, moved_away, emptied_and_begun_anew]
removing = pytest.mark.skipif(sys.platform == "win32", reason="a file that is open cannot be removed")


def ids(store):
    return [entry.id for entry in store.page().entries]


@removing
@pytest.mark.parametrize("harm", HARMS)
def test_a_file_that_is_removed_under_it_is_written_anew_with_all_that_was_in_it(tmp_path, harm, caplog):
    path = tmp_path / "own" / "mail.sqlite"
    with SqliteStore(path) as store:
        store.add([arrival("before")])
        store.mark(read=True)
        harm(path)

        assert store.has_room(1000)
        store.add([arrival("after")])

        assert ids(store) == ["after", "before"]
        with pytest.raises(StoreInUse):
            SqliteStore(path).open()
    assert f"what was in it is in {path} now" in caplog.text
    assert sorted(file.name for file in path.parent.iterdir() if "else" not in file.name) == [
        path.name,
        "mail.sqlite.lock",
    ]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    with SqliteStore(path) as store:
        assert ids(store) == ["after", "before"]
        assert store.totals((Flag("read"),)).mails == 1


@removing
@pytest.mark.parametrize("act", [SqliteStore.catch_up, SqliteStore.close])
def test_a_file_that_is_removed_is_written_anew_also_if_no_mail_comes(path, act):
    store = SqliteStore(path)
    store.open()
    store.add([arrival("before")])
    path.unlink()

    act(store)

    assert rows(path, "SELECT id FROM mails") == [("before",)]
    store.close()


@removing
def test_a_file_that_is_replaced_under_it_is_used_and_what_was_in_the_other_is_put_aside(path, tmp_path):
    with SqliteStore(tmp_path / "saved.sqlite") as store:
        store.add([arrival("from the other")])
    changes = []
    with SqliteStore(path) as store:
        store.subscribe(lambda change: changes.append(change.kind))
        store.add([arrival("before")])
        (tmp_path / "saved.sqlite").rename(path)

        store.add([arrival("after")])

        assert ids(store) == ["after", "from the other"]
    assert changes == ["new", "prune", "new"]
    [aside] = path.parent.glob("*.replaced-*")
    with SqliteStore(aside) as store:
        assert ids(store) == ["before"]


@removing
def test_as_long_as_a_removed_file_cannot_be_written_anew_nothing_is_let_go_of(path):
    with SqliteStore(path) as store:
        store.add([arrival("before")])
        path.unlink()
        path.mkdir()

        for attempt in range(3):
            with pytest.raises(StoreUnavailable):
                store.add([arrival(f"meanwhile {attempt}")])
        path.rmdir()

        store.add([arrival("after")])
        assert ids(store) == ["after", "before"]


# -- the file ------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are not like that")
def test_what_is_changed_while_the_file_is_written_anew_is_not_lost(path):
    with SqliteStore(path) as store:
        store.add([arrival("a"), arrival("b")])
        with store._turns.first():
            deleting = threading.Thread(target=store.delete, kwargs={"ids": ["a"]})
            deleting.start()
            while not store._turns._impatient:  # it waits for us
                assert deleting.is_alive()
            path.unlink()
            store._receive()
        deleting.join()
        assert [entry.id for entry in store.page().entries] == ["b"]


def test_only_its_owner_can_read_it(path):
    with SqliteStore(path) as store:
        store.add([arrival("m")])

        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {f"mail.sqlite{tail}": 0o600 for tail in ("", "-wal", "-shm", ".lock")}


def test_a_second_one_is_told_who_has_the_file(path):
    script = """
        import sys
        from lazr.smtptest.errors import StoreInUse
        from lazr.smtptest.store.sqlite import SqliteStore
        try:
            SqliteStore(sys.argv[1]).open()
        except StoreInUse as error:
            print(error)
    """
    with SqliteStore(path) as store:
        with pytest.raises(StoreInUse):
            SqliteStore(path).open()
        lines = said(script, path).splitlines()
        store.add([arrival("m")])

    assert len(lines) == 1 and str(path) in lines[0] and f"process {os.getpid()}" in lines[0]
    assert said(script, path) == ""
    with SqliteStore(path) as store:
        assert store.totals().mails == 1


def overwritten(path):
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 40_000)


def without_header(path):
    with path.open("r+b") as file:
        file.write(bytes(4096))


def cut_off(path):
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [overwritten, without_header, cut_off])
def test_a_damaged_file_is_put_aside_and_a_new_one_begun(path, damage, caplog):
    with SqliteStore(path) as store:
        store.add([arrival(f"m{number}") for number in range(100)])
    damage(path)
    octets = path.read_bytes()

    with SqliteStore(path) as store:
        assert store.totals().mails == 0
        store.add([arrival("new")])
    with SqliteStore(path) as store:
        assert store.totals().mails == 1

    [aside] = path.parent.glob("*.corrupt-*")
    assert aside.read_bytes() == octets
    assert "damaged" in caplog.text and str(aside) in caplog.text


def foreign_database(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mails (number INTEGER PRIMARY KEY)")


def text_file(path):
    path.write_bytes(b"Dear diary,\n" * 100)


@pytest.mark.parametrize("make", [foreign_database, text_file])
def test_another_programs_file_is_refused_and_left_as_it_is(path, make):
    make(path)
    octets = path.read_bytes()

    with pytest.raises(StoreUnavailable, match="left as it is"):
        SqliteStore(path).open()

    assert path.read_bytes() == octets
    assert list(path.parent.iterdir()) == [path]


def test_a_file_of_a_later_version_is_refused_and_left_as_it_is(path):
    with SqliteStore(path) as store:
        store.add([arrival("m")])
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE schema_version SET version = 1000")

    with pytest.raises(StoreTooNew, match="1000"):
        SqliteStore(path).open()

    assert rows(path, "SELECT id FROM mails") == [("m",)]


def test_tables_of_an_older_version_go_through_every_step_between():
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade(connection)
        steps = {
            2: lambda connection: connection.execute(text("ALTER TABLE mails ADD COLUMN more TEXT")),
            3: lambda connection: connection.execute(text("UPDATE mails SET more = 'x'")),
        }
        upgrade(connection, steps, to=3)
        upgrade(connection, steps, to=3)  # nothing is left to do

        assert connection.scalar(text("SELECT version FROM schema_version")) == 3
        with pytest.raises(StoreTooNew):
            upgrade(connection)
    engine.dispose()


@pytest.mark.parametrize("where", ["sqlite://", "sqlite:///:memory:", "sqlite:///"])
def test_an_url_names_a_file(where):
    with pytest.raises(ValueError, match="names no file"):
        SqliteStore(where)


def test_an_url_and_a_path_name_the_same_file(path):
    assert SqliteStore(f"sqlite:///{path}").url == SqliteStore(path).url == f"sqlite:///{path}"


def test_a_directory_is_made_where_there_is_none(tmp_path):
    with SqliteStore(tmp_path / "a" / "b" / "mail.sqlite") as store:
        store.add([arrival("m")])


# -- what stays ----------------------------------------------------------------------------------


def test_all_of_it_is_there_when_the_file_is_opened_again(path):
    with SqliteStore(path) as store:
        store.add([arrival("a"), arrival("b"), arrival("c")])
        store.mark(read=True, ids=["a"])
        store.set_tags(["b"], ["Late"])
        store.remember("key", "value", instead_of=None)
        before = store.page()
    with SqliteStore(path) as store:
        assert store.page() == before
        assert store.tags() == {"Late": 1}
        assert store.recall("key") == "value"


def test_the_number_of_a_mail_that_was_deleted_is_not_given_again(path):
    with SqliteStore(path) as store:
        store.add([arrival("a"), arrival("b")])
        last = store.latest().number
        store.delete()
    with SqliteStore(path) as store:
        store.add([arrival("c")])

        assert store.latest().number > last


def test_a_store_that_is_closed_says_so(path):
    store = SqliteStore(path)
    for act in (store.totals, store.delete, lambda: store.add([arrival("m")]), lambda: store.mail("m")):
        with pytest.raises(StoreUnavailable, match="closed"):
            act()


def test_what_belongs_to_deleted_mails_goes_with_them(path):
    names = [f"m{number}" for number in range(300)]
    tables = ("mails", "contents", "pending", "entries", "texts", "addresses", "headers", "tags", "words")
    for delete in (
        lambda store: store.delete(ids=names),
        lambda store: store.delete((Text("anywhere", "m"),)),
        lambda store: store.delete(),
        lambda store: store.prune(Retention(mails=0), 0),
    ):
        with SqliteStore(path) as store:
            store.add([arrival(name, b"X-Tags: one\r\nSubject: many\r\n\r\n" + content(name)) for name in names])
            store.catch_up(200)
            assert delete(store) == 300
            store.catch_up()
        left = {table: rows(path, f"SELECT count(*) FROM {table}")[0][0] for table in tables}
        assert left == dict.fromkeys(tables, 0)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")


class Interrupted(SqliteStore):
    """Is killed when it has deleted all mails, and begins to clean up."""

    def _sweep(self):
        if self._last:
            raise KeyboardInterrupt
        super()._sweep()


def test_a_deletion_of_everything_that_was_interrupted_is_finished_later(path):
    with Interrupted(path) as store:
        store.add([arrival(f"m{number}") for number in range(300)])
        store.catch_up(200)
        with pytest.raises(KeyboardInterrupt):
            store.delete()
        assert store.totals().mails == 0
        store.add([arrival("after")])
    assert rows(path, "SELECT count(*) FROM contents") == [(301,)]

    with SqliteStore(path) as store:
        assert store.mail("after").content == content("after")
        assert store.page((Text("anywhere", "after"),)).matched == 1
    assert rows(path, "SELECT count(*) FROM contents") == [(1,)]


def test_what_was_deleted_securely_is_in_none_of_its_files(path):
    secret = b"Rosebud is the name of the sledge"
    with SqliteStore(path, secure_delete=True) as store:
        store.add([arrival("secret", b"Subject: Hi\r\n\r\n" + secret + b"\r\n"), arrival("other")])
        assert store.page((Text("anywhere", "rosebud is"),)).matched == 1
        store.delete(ids=["secret"])

    for file in path.parent.iterdir():
        assert b"osebud is the name" not in file.read_bytes()


# -- searching -----------------------------------------------------------------------------------


def test_a_search_that_takes_too_long_is_ended_and_others_are_not(path):
    with SqliteStore(path, search_timeout=0.0) as store:
        store.add([arrival(f"m{number}", b"A: b\r\n" * 100 + b"\r\n" + b"words " * 1000) for number in range(100)])

        for act in (store.page, store.totals, store.mark, store.delete):
            with pytest.raises(SearchTooSlow):
                act(
                    (Header("a", "c"), Header("a", "d"), Flag("read", negated=True)),
                    **({"read": True} if act == store.mark else {}),
                )

        assert store.totals().mails == 100
        assert store.entry("m7").id == "m7"


def test_a_text_too_long_for_the_index_of_words_is_found_all_the_same(path):
    words = b" ".join(b"word%d" % number for number in range(30_000))
    with SqliteStore(path) as store:
        store.add([arrival("long", b"Subject: Long\r\n\r\n" + words), arrival("short", b"\r\nword29999")])

        assert [entry.id for entry in store.page((Text("anywhere", "word29999"),)).entries] == ["short", "long"]
        assert store.page((Text("subject", "long"),)).matched == 1
    assert rows(path, "SELECT too_long FROM texts ORDER BY number") == [(1,), (0,)]


# -- who waits -----------------------------------------------------------------------------------


def test_whoever_receives_goes_before_all_who_tidy_up():
    turns, order, waiting = Turns(patience=60.0), [], []

    def take(turn, name):
        with turn():
            order.append(name)

    with turns.first():
        waiting += [threading.Thread(target=take, args=(turns.later, f"later {number}")) for number in range(3)]
        waiting.append(threading.Thread(target=take, args=(turns.first, "first")))
        for thread in waiting:
            thread.start()
        while turns._first == 0:  # the other three wait as well, or come later still
            pass
    for thread in waiting:
        thread.join()

    assert order[0] == "first" and len(order) == 4


def test_whoever_tidies_up_gets_a_turn_where_receiving_never_stops():
    turns, done = Turns(), []

    def tidy():
        with turns.later():
            done.append(True)

    thread = threading.Thread(target=tidy)
    with turns.first():
        thread.start()
    while not done:
        with turns.first():
            pass
    thread.join()


def test_pruning_lets_mails_in_at_every_step(path):
    with SqliteStore(path) as store:
        store.add([arrival(f"m{number}") for number in range(1000)])
        store.catch_up(1000)
        gone = []
        pruning = threading.Thread(target=lambda: gone.append(store.prune(Retention(mails=10), 0)))
        pruning.start()
        came = 0
        while pruning.is_alive():
            store.add([arrival(f"new{came}")])
            came += 1
        pruning.join()

        assert gone[0] >= 990 and came > 1
        assert store.totals().mails == 1000 + came - gone[0]


def test_the_log_of_a_file_is_copied_into_it_while_mails_come(path):
    with SqliteStore(path) as store:
        for number in range(30):
            store.add([arrival(f"m{number}", b"x" * 1_000_000)])
            store.catch_up()

        assert path.with_name("mail.sqlite-wal").stat().st_size < 20_000_000


def test_a_large_file_is_not_checked_to_its_end(path, monkeypatch, caplog):
    with SqliteStore(path) as store:
        store.add([arrival(f"m{number}") for number in range(3000)])
    monkeypatch.setattr("lazr.smtptest.store.sqlitefile._CHECK", -1.0)

    with caplog.at_level(logging.INFO), SqliteStore(path) as store:
        assert store.totals().mails == 3000
    assert "not looked at to its end" in caplog.text
