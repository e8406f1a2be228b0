"""What only the SQLite store does: its file, its disk space, and recovery."""

import contextlib
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
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine, text

from lazr.smtptest.errors import SearchTooSlow, StoreFull, StoreInUse, StoreTooNew, StoreUnavailable
from lazr.smtptest.store import Arrival, FlagTerm, HeaderTerm, NumberTerm, Retention, SqliteStore, TextTerm
from lazr.smtptest.store.sql.schema import SCHEMA_VERSION, upgrade_schema
from lazr.smtptest.store.sqlite import disk_space
from tests.store.killed_writer import ENVELOPE, content

STORE_TESTS = Path(__file__).parents[1]


def arrival(name, body=None):
    return Arrival(name, 1_700_000_000.0, ENVELOPE, [content(name) if body is None else body])


def start_python(*arguments, before=(), **options):
    environment = {**os.environ, "PYTHONPATH": str(STORE_TESTS.parents[1])}
    command = [*before, sys.executable, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, **options)


def run_script(script, *arguments, before=()):
    """Run a script in a process of its own, which must succeed; return its output."""
    with start_python("-c", textwrap.dedent(script), *arguments, before=before) as process:
        output, _ = process.communicate(timeout=180)
    assert process.returncode == 0
    return output


def query(path, statement):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mail.sqlite"


# -- durability ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_kill_9_loses_and_duplicates_no_acknowledged_mail(path, kill_count):
    acknowledged = []
    line_counts = [(60, 0, 20, 5, 2, 1)[number % 6] for number in range(kill_count)]  # lines to read before the kill
    random.shuffle(line_counts)
    with start_python(STORE_TESTS / "killed_writer.py", path, "r", stdin=subprocess.PIPE, bufsize=1) as parent:
        for line_count in line_counts:
            parent.stdin.write("\n")
            parent.stdin.flush()
            child = int(parent.stdout.readline().split()[1])
            ids = []
            for _ in range(line_count):
                ids += parent.stdout.readline().split()
            os.kill(child, signal.SIGKILL)
            while (line := parent.stdout.readline()) != "end\n":
                assert line  # the parent is alive
                ids += line.split()
            acknowledged += ids
        parent.stdin.close()

    with SqliteStore(path) as store:
        for name in acknowledged:
            assert store.get_mail(name).content == content(name)
        total = store.get_totals().mails
    assert total >= len(acknowledged) == len(set(acknowledged)) > 10 * kill_count
    # Indexing moves a content to `documents`, in one transaction.
    kept = query(path, "SELECT number FROM contents UNION ALL SELECT number FROM documents ORDER BY number")
    assert kept == query(path, "SELECT number FROM mails ORDER BY number") and len(kept) == total
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert not list(path.parent.glob("*.corrupt-*"))


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_add_syncs_the_disk_before_it_returns(path, tmp_path):
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-y", "-e", "trace=pwrite64,fsync,fdatasync,write", "-o", str(trace)]
    with start_python(STORE_TESTS / "traced_writer.py", path, before=strace, stderr=subprocess.PIPE) as process:
        _, errors = process.communicate(timeout=60)
    if "PTRACE" in errors:
        pytest.skip(f"strace may not trace here: {errors}")
    assert process.returncode == 0, errors

    calls = re.findall(r"(pwrite64|fsync|fdatasync|write)\(\d+<([^>]*)>(.*)", trace.read_text())
    adds = []  # the system calls on the write-ahead log during each `add`
    for call, file, rest in calls:
        if "adding" in rest:
            adds.append([])
        elif adds and "added" in rest:
            adds[-1].append("added")
        elif adds and file.endswith("-wal"):
            adds[-1].append("sync" if "sync" in call else "write")
    assert len(adds) == 4
    for calls_of_add in adds:
        before_return = calls_of_add[: calls_of_add.index("added")]
        assert "write" in before_return and before_return[-1] == "sync"


# -- disk space -----------------------------------------------------------------------------------


def fill(store, size=20_000):
    """Add mails until the store is full; return how many were added."""
    with contextlib.suppress(StoreFull):
        for number in range(10_000):
            store.add([arrival(f"m{number}", b"x" * size)])
    return number


def test_full_store_can_be_read_and_deleted_from(path):
    with SqliteStore(path, max_bytes=400_000) as store:
        assert store.has_room(20_000) and not store.has_room(400_000)
        count = fill(store)
        assert 5 < count < 20
        assert not store.has_room(20_000)
        assert store.get_totals().mails == len(store.get_page((TextTerm("anywhere", "xxxx"),)).entries) == count

        assert store.delete(ids=[f"m{number}" for number in range(1, count)]) == count - 1

        assert store.has_room(20_000)
        store.add([arrival("again", b"x" * 20_000)])
        assert store.get_totals().mails == 2


def test_batch_without_room_is_rejected_completely(path):
    with SqliteStore(path, max_bytes=400_000) as store:
        with pytest.raises(StoreFull):
            store.add([arrival(f"m{number}", b"x" * 20_000) for number in range(30)])

        assert store.get_totals().mails == 0
        store.add([arrival("small")])
        assert store.get_mail("small").content == content("small")


def test_add_leaves_the_reserve_free(path):
    with SqliteStore(path, reserve=1 << 60) as store:
        assert not store.has_room(1)
        with pytest.raises(StoreFull, match="room"):
            store.add([arrival("m")])


def test_disk_space_is_measured_again_before_refusing(path, monkeypatch):
    """Between two measurements, the disk may have been freed, and mails may have been indexed or deleted."""
    reserve, free = 16_000_000, 0
    monkeypatch.setattr(disk_space, "monotonic", lambda: 0.0)  # the cache of the first measurement never expires
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=reserve + free))
    with SqliteStore(path, reserve=reserve) as store:
        with pytest.raises(StoreFull):
            store.add([arrival("early", bytes(10_000_000))])

        free = 12_000_000
        for number in range(20):
            store.add([arrival(f"m{number}", b"x" * 1_000_000)])
            assert store.get_page((), limit=None).match_count == store.delete() == 1


FULL_DISK = """
    import subprocess, sys
    from pathlib import Path
    from tests.store.sqlite.test_store import SqliteStore, StoreFull, arrival, content, fill
    directory = Path(sys.argv[1])
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", directory]).returncode:
        sys.exit("cannot mount")
    (directory / "ballast").write_bytes(bytes(500_000))
    with SqliteStore(directory / "mail.sqlite", reserve=0) as store:
        count = fill(store, 2000)
        assert count > 10, count
        assert store.get_totals().mails == count
        (directory / "ballast").unlink()
        store.add([arrival("again")])
        assert store.get_mail("again").content == content("again")
        assert store.get_page((), limit=None).match_count == count + 1
    with SqliteStore(directory / "mail.sqlite", reserve=0) as store:
        assert store.get_totals().mails == count + 1
    print("done")
"""


DELETED = """
    import random, subprocess, sys
    from itertools import count
    from pathlib import Path
    from tests.store.sqlite.test_store import SqliteStore, StoreFull, arrival
    names = (f"m{number}" for number in count())
    def fill():
        before = store.get_totals().mails
        try:
            while True:
                store.add([arrival(next(names), random.randbytes(500_000))])
                store.index_pending()
        except StoreFull:
            return store.get_totals().mails - before
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", sys.argv[1]]).returncode:
        sys.exit("cannot mount")
    with SqliteStore(Path(sys.argv[1], "mail.sqlite"), reserve=16_000_000) as store:
        first = fill()
        assert first > 10 and not store.has_room(500_000)
        assert store.delete() == first
        store.index_pending()
        assert store.has_room(500_000)
        second = fill()
        assert second > first / 2, (first, second)
        assert len(store.get_page((), limit=None).entries) == second
    print("done")
"""


NOT_INDEXED = """
    import subprocess, sys
    from pathlib import Path
    from tests.store.sqlite.test_store import SqliteStore, arrival
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", sys.argv[1]]).returncode:
        sys.exit("cannot mount")
    with SqliteStore(Path(sys.argv[1], "mail.sqlite"), reserve=16_000_000) as store:
        for number in range(40):
            store.add([arrival(f"m{number}", b"x" * 1_000_000)])
            assert store.get_page((), limit=None).match_count == store.delete() == 1
    print("done")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "script", [FULL_DISK, DELETED, NOT_INDEXED], ids=["freed by others", "freed by deleting", "without indexing"]
)
def test_full_disk_raises_full_until_there_is_room(tmp_path, script):
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", tmp_path], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot create a file system here: {error}")

    assert run_script(script, tmp_path, before=unshare) == "done\n"


FAILING_DISK = """
    import resource, sys
    from tests.store.sqlite.test_store import SqliteStore, StoreUnavailable, arrival, content
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
            assert store.get_mail(name).content == content(name)
        assert store.get_totals().mails == 3
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
def test_failing_disk_raises_unavailable_until_it_works(path):
    assert run_script(FAILING_DISK, path).splitlines() == ["disk I/O error"] * 3


def remove_file(path):
    path.unlink()


def remove_directory(path):
    shutil.rmtree(path.parent)


def move_file(path):
    path.rename(path.with_name("elsewhere"))


def replace_by_empty_file(path):
    path.unlink()
    path.touch()


HARMS = [remove_file, remove_directory, move_file, replace_by_empty_file]
needs_unlink = pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed")


def list_ids(store):
    return [entry.id for entry in store.get_page().entries]


@needs_unlink
@pytest.mark.parametrize("harm", HARMS)
def test_removed_file_is_recreated_with_its_mails(tmp_path, harm, caplog):
    path = tmp_path / "own" / "mail.sqlite"
    with SqliteStore(path) as store:
        store.add([arrival("before")])
        store.set_read(read=True)
        harm(path)

        assert store.has_room(1000)
        store.add([arrival("after")])

        assert list_ids(store) == ["after", "before"]
        with pytest.raises(StoreInUse):
            SqliteStore(path).open()
    assert f"its mails are in {path} now" in caplog.text
    assert sorted(file.name for file in path.parent.iterdir() if "else" not in file.name) == [
        path.name,
        "mail.sqlite.lock",
    ]
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    with SqliteStore(path) as store:
        assert list_ids(store) == ["after", "before"]
        assert store.get_totals((FlagTerm("read"),)).mails == 1


@needs_unlink
@pytest.mark.parametrize("act", [SqliteStore.index_pending, SqliteStore.close])
def test_removed_file_is_recreated_without_new_mail(path, act):
    store = SqliteStore(path)
    store.open()
    store.add([arrival("before")])
    path.unlink()

    act(store)

    assert query(path, "SELECT id FROM mails") == [("before",)]
    store.close()


@needs_unlink
def test_replaced_file_is_used_and_old_mails_are_saved_aside(path, tmp_path):
    with SqliteStore(tmp_path / "saved.sqlite") as store:
        store.add([arrival("from the other")])
    changes = []
    with SqliteStore(path) as store:
        store.subscribe(lambda change: changes.append(change.kind))
        store.add([arrival("before")])
        (tmp_path / "saved.sqlite").rename(path)

        store.add([arrival("after")])

        assert list_ids(store) == ["after", "from the other"]
    assert changes == ["new", "prune", "new"]
    [moved] = path.parent.glob("*.replaced-*")
    with SqliteStore(moved) as store:
        assert list_ids(store) == ["before"]


@needs_unlink
def test_add_raises_unavailable_when_removed_file_cannot_be_recreated(path):
    with SqliteStore(path) as store:
        store.add([arrival("before")])
        path.unlink()
        path.mkdir()

        for attempt in range(3):
            with pytest.raises(StoreUnavailable):
                store.add([arrival(f"meanwhile {attempt}")])
        path.rmdir()

        store.add([arrival("after")])
        assert list_ids(store) == ["after", "before"]


# -- the file ------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="no such permissions")
def test_change_during_recovery_is_not_lost(path):
    with SqliteStore(path) as store:
        store.add([arrival("a"), arrival("b")])
        with store._database._write_lock.acquire_high_priority():
            deleting = threading.Thread(target=store.delete, kwargs={"ids": ["a"]})
            deleting.start()
            while not store._database._write_lock._overdue_waiters:  # until it waits for the lock
                assert deleting.is_alive()
            path.unlink()
            store._database.ensure_current_file()
        deleting.join()
        assert [entry.id for entry in store.get_page().entries] == ["b"]


def test_files_are_readable_by_the_owner_only(path):
    with SqliteStore(path) as store:
        store.add([arrival("m")])

        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {f"mail.sqlite{tail}": 0o600 for tail in ("", "-wal", "-shm", ".lock")}


def test_second_process_gets_the_id_of_the_first(path):
    script = """
        import sys
        from lazr.smtptest.errors import StoreInUse
        from lazr.smtptest.store import SqliteStore
        try:
            SqliteStore(sys.argv[1]).open()
        except StoreInUse as error:
            print(error)
    """
    with SqliteStore(path) as store:
        with pytest.raises(StoreInUse):
            SqliteStore(path).open()
        lines = run_script(script, path).splitlines()
        store.add([arrival("m")])

    assert len(lines) == 1 and str(path) in lines[0] and f"process {os.getpid()}" in lines[0]
    assert run_script(script, path) == ""
    with SqliteStore(path) as store:
        assert store.get_totals().mails == 1


def overwrite_pages(path):
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 40_000)


def erase_header(path):
    with path.open("r+b") as file:
        file.write(bytes(4096))


def truncate_file(path):
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [overwrite_pages, erase_header, truncate_file])
def test_damaged_file_is_moved_aside(path, damage, caplog):
    with SqliteStore(path) as store:
        store.add([arrival(f"m{number}") for number in range(100)])
    damage(path)
    original = path.read_bytes()

    with SqliteStore(path) as store:
        assert store.get_totals().mails == 0
        store.add([arrival("new")])
    with SqliteStore(path) as store:
        assert store.get_totals().mails == 1

    [moved] = path.parent.glob("*.corrupt-*")
    assert moved.read_bytes() == original
    assert "damaged" in caplog.text and str(moved) in caplog.text


def create_foreign_database(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mails (number INTEGER PRIMARY KEY)")


def create_text_file(path):
    path.write_bytes(b"Dear diary,\n" * 100)


@pytest.mark.parametrize("make", [create_foreign_database, create_text_file])
def test_foreign_file_is_rejected_and_left_unchanged(path, make):
    make(path)
    original = path.read_bytes()

    with pytest.raises(StoreUnavailable, match="left unchanged"):
        SqliteStore(path).open()

    assert path.read_bytes() == original
    assert list(path.parent.iterdir()) == [path]


def test_later_version_is_rejected_and_left_unchanged(path):
    with SqliteStore(path) as store:
        store.add([arrival("m")])
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE schema_version SET version = 1000")

    with pytest.raises(StoreTooNew, match="1000"):
        SqliteStore(path).open()

    assert query(path, "SELECT id FROM mails") == [("m",)]


def test_old_tables_are_upgraded_through_every_version():
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade_schema(connection)
        steps = {
            SCHEMA_VERSION + 1: lambda connection: connection.execute(text("ALTER TABLE mails ADD COLUMN more TEXT")),
            SCHEMA_VERSION + 2: lambda connection: connection.execute(text("UPDATE mails SET more = 'x'")),
        }
        target = SCHEMA_VERSION + 2
        upgrade_schema(connection, steps, target_version=target)
        upgrade_schema(connection, steps, target_version=target)  # does nothing

        assert connection.scalar(text("SELECT version FROM schema_version")) == target
        with pytest.raises(StoreTooNew):
            upgrade_schema(connection)
    engine.dispose()


@pytest.mark.parametrize("where", ["sqlite://", "sqlite:///:memory:", "sqlite:///"])
def test_url_must_name_a_file(where):
    with pytest.raises(ValueError, match="must name a file"):
        SqliteStore(where)


def test_url_and_path_name_the_same_file(path):
    assert SqliteStore(f"sqlite:///{path}").url == SqliteStore(path).url == f"sqlite:///{path}"


def test_missing_directories_are_created(tmp_path):
    with SqliteStore(tmp_path / "a" / "b" / "mail.sqlite") as store:
        store.add([arrival("m")])


# -- reopening and deleting ----------------------------------------------------------------------


def test_everything_is_there_after_reopening(path):
    with SqliteStore(path) as store:
        store.add([arrival("a"), arrival("b"), arrival("c")])
        store.set_read(read=True, ids=["a"])
        store.set_tags(["b"], ["Late"])
        store.compare_and_set_note("key", "value", expected=None)
        before = store.get_page()
    with SqliteStore(path) as store:
        assert store.get_page() == before
        assert store.count_tags() == {"Late": 1}
        assert store.get_note("key") == "value"


def test_number_of_deleted_mail_is_not_reused(path):
    with SqliteStore(path) as store:
        store.add([arrival("a"), arrival("b")])
        last = store.get_latest().number
        store.delete()
    with SqliteStore(path) as store:
        store.add([arrival("c")])

        assert store.get_latest().number > last


def test_closed_store_raises_unavailable(path):
    store = SqliteStore(path)
    for act in (store.get_totals, store.delete, lambda: store.add([arrival("m")]), lambda: store.get_mail("m")):
        with pytest.raises(StoreUnavailable, match="closed"):
            act()


@pytest.mark.slow
def test_deleting_mails_deletes_their_rows_everywhere(path):
    names = [f"m{number}" for number in range(300)]
    tables = ("mails", "contents", "pending", "entries", "documents", "tags")
    for delete in (
        lambda store: store.delete(ids=names),
        lambda store: store.delete((TextTerm("anywhere", "m"),)),
        lambda store: store.delete(),
        lambda store: store.prune(Retention(max_mails=0), 0),
    ):
        with SqliteStore(path) as store:
            store.add([arrival(name, b"X-Tags: one\r\nSubject: many\r\n\r\n" + content(name)) for name in names])
            store.index_pending(200)
            assert delete(store) == 300
            store.index_pending()
        left = {table: query(path, f"SELECT count(*) FROM {table}")[0][0] for table in tables}
        assert left == dict.fromkeys(tables, 0)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            for name in ("document_words", "document_keys"):
                connection.execute(f"CREATE VIRTUAL TABLE temp.terms_{name} USING fts5vocab (main, {name}, 'row')")
                assert connection.execute(f"SELECT term FROM temp.terms_{name}").fetchall() == []
                connection.execute(f"INSERT INTO {name} ({name}) VALUES ('integrity-check')")


def test_secure_delete_leaves_no_trace_in_the_files(path):
    secret = b"Rosebud is the name of the sledge"
    with SqliteStore(path, secure_delete=True) as store:
        store.add([arrival("secret", b"Subject: Hi\r\n\r\n" + secret + b"\r\n"), arrival("other")])
        assert store.get_page((TextTerm("anywhere", "rosebud is"),)).match_count == 1
        store.delete(ids=["secret"])

    for file in path.parent.iterdir():
        assert b"osebud is the name" not in file.read_bytes()


# -- searching -----------------------------------------------------------------------------------


def test_slow_search_raises_search_too_slow(path):
    with SqliteStore(path, search_timeout=0.0) as store:
        store.add([arrival(f"m{number}", b"A: b\r\n" * 10 + b"\r\nwords") for number in range(600)])
        while store.index_pending():
            pass

        for act in (store.get_page, store.get_totals, store.set_read, store.delete):
            with pytest.raises(SearchTooSlow):
                act(
                    (HeaderTerm("a", "c"), HeaderTerm("a", "d"), FlagTerm("read", negated=True)),
                    **({"read": True} if act == store.set_read else {}),
                )

        assert store.get_totals().mails == 600
        assert store.get_entry("m7").id == "m7"


def test_mails_that_are_about_to_be_deleted_need_no_time_limit(path):
    with SqliteStore(path, search_timeout=0.0) as store:
        store.add([arrival(f"m{number}", b"\r\n") for number in range(3000)])
        first = store.get_page(start=2999).entries[0].number
        hidden = NumberTerm(0, frozenset(range(first, first + 3000, 2)), negated=True)

        assert store.get_totals((hidden,)).mails == store.get_page((hidden,)).match_count == 1500
        assert store.get_latest((hidden,)).id == "m2999"


def test_text_too_long_for_the_full_text_index_is_found(path):
    words = b" ".join(b"word%d" % number for number in range(30_000))
    with SqliteStore(path) as store:
        store.add([arrival("long", b"Subject: Long\r\n\r\n" + words), arrival("short", b"\r\nword29999")])

        assert [entry.id for entry in store.get_page((TextTerm("anywhere", "word29999"),)).entries] == ["short", "long"]
        assert store.get_page((TextTerm("subject", "long"),)).match_count == 1
    assert query(path, "SELECT too_long FROM documents ORDER BY number") == [(1,), (0,)]


# -- concurrency ---------------------------------------------------------------------------------


def test_mails_are_added_while_pruning(path):
    with SqliteStore(path) as store:
        store.add([arrival(f"m{number}") for number in range(1000)])
        store.index_pending(1000)
        deleted = []
        pruning = threading.Thread(target=lambda: deleted.append(store.prune(Retention(max_mails=10), 0)))
        pruning.start()
        added = 0
        while pruning.is_alive():
            store.add([arrival(f"new{added}")])
            added += 1
        pruning.join()

        assert deleted[0] >= 990 and added > 1
        assert store.get_totals().mails == 1000 + added - deleted[0]


def test_indexing_checkpoints_the_write_ahead_log(path):
    with SqliteStore(path) as store:
        for number in range(30):
            store.add([arrival(f"m{number}", b"x" * 1_000_000)])
            store.index_pending()

        assert path.with_name("mail.sqlite-wal").stat().st_size < 20_000_000
