"""A full disk: mails can be read and deleted, receiving continues when there is room, and the store always opens."""

import contextlib
import itertools
import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from types import SimpleNamespace

import pytest

from lazr.smtptest.errors import StoreFull
from lazr.smtptest.store import (
    EVERYTHING,
    AddressTerm,
    FlagTerm,
    SqliteStore,
    TagTerm,
    TextTerm,
    Totals,
    UserTerm,
)
from lazr.smtptest.store.sqlite.connection import ConnectionFactory
from tests.store.contract import arrival, shown
from tests.store.sqlite.test_store import run_script

_random = random.Random(7)


def make_word(length):
    return "".join(_random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))


def make_small_mail(number):
    return arrival(b"Subject: Hi\r\nX-Tags: red, blue\r\n\r\nHello\r\n", id=f"m{number}")


def make_large_mail(number):
    return arrival(b"Subject: Hi\r\n\r\n" + make_word(40_000).encode(), id=f"m{number}")


def make_mail_for_recipients(number, count):
    to = tuple(f"{make_word(40)}@{make_word(15)}.test" for _ in range(count))
    return arrival(b"Subject: Hi\r\n\r\nHello\r\n", to=to, id=f"m{number}")


def make_mail_with_long_to_field(number):
    addresses = [f"{make_word(6)}@{make_word(3)}" for _ in range(98_000 // 13)]
    return arrival(("To: " + ",\r\n ".join(addresses) + "\r\n\r\nHello\r\n").encode(), id=f"m{number}")


MAKERS = {
    "50 recipients": lambda number: make_mail_for_recipients(number, 50),
    "1,000 recipients": lambda number: make_mail_for_recipients(number, 1000),
    "98 KB To fields": make_mail_with_long_to_field,
    "40 KB of text": make_large_mail,
}


# -- no room for the index ---------------------------------------------------------------------------


@pytest.fixture
def unindexed(tmp_path, monkeypatch):
    """A store with one indexed mail and three others, whose file cannot grow any more."""
    store = SqliteStore(tmp_path / "mail.sqlite")
    long_text = make_word(40_000).encode()
    connect = ConnectionFactory.connect

    def connect_with_limit(factory):
        connection = connect(factory)
        connection.execute("PRAGMA max_page_count = 1")  # SQLite takes the current size of the file
        return connection

    with store:
        store.add([arrival(b"Subject: first\r\nX-Tags: red\r\n\r\nHello\r\n", id="m0")])
        store.index_pending()
        store.add(
            [
                arrival(b"Subject: red\r\nX-Tags: RED, blue\r\n\r\n" + long_text, id="m1", user="ann"),
                arrival(b"Subject: blue\r\nTo: bob@example.com\r\n\r\nword " + long_text, id="m2"),
                arrival([b"Subject: green\r\n\r\n", b"abcdef " + long_text], id="m3", to=("joe@example.com",)),
            ]
        )
    monkeypatch.setattr(ConnectionFactory, "connect", connect_with_limit)
    with store:
        with pytest.raises(StoreFull):
            while store.index_pending(1):
                pass
        yield store


@pytest.fixture
def indexed(unindexed, tmp_path, monkeypatch):
    """A copy of that store with room, where everything is indexed."""
    copy = tmp_path / "copy.sqlite"
    with (
        contextlib.closing(sqlite3.connect(tmp_path / "mail.sqlite")) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    monkeypatch.undo()
    with SqliteStore(copy) as store:
        assert not store.index_pending()
        yield store


SEARCHES = {
    "everything": EVERYTHING,
    "text": (TextTerm("anywhere", "word"),),
    "subject": (TextTerm("subject", "red"),),
    "not this text": (TextTerm("anywhere", "abcdef", negated=True),),
    "address": (AddressTerm("recipient", "joe@example.com"),),
    "not this address": (AddressTerm("to", "bob@example.com", negated=True),),
    "tag": (TagTerm("red"),),
    "untagged": (FlagTerm("tagged", negated=True),),
    "user": (UserTerm("ann"),),
    "user and text": (UserTerm("ann"), TextTerm("subject", "red")),
    "unread": (FlagTerm("read", negated=True),),
    "nothing": (TextTerm("anywhere", "missing"),),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_every_call_answers_the_same_without_the_index(unindexed, indexed, name):
    search = SEARCHES[name]
    answers = []
    for store in (unindexed, indexed):
        page, latest, opened = store.get_page(search), store.get_latest(search), store.open_message(search=search)
        middle = store.get_page(search, start=1, limit=1)
        answers.append(
            {
                "page": ([*map(shown, page.entries)], page.match_count, page.unread_count),
                "middle": ([*map(shown, middle.entries)], middle.match_count),
                "latest": latest and shown(latest),
                "opened": opened and (shown(opened.entry), opened.mail.content),
                "totals": store.get_totals(search),
                "tags": store.count_tags(search),
                "entries": [shown(entry) if (entry := store.get_entry(f"m{n}", search)) else None for n in range(4)],
                "mails": [getattr(store.get_mail(f"m{n}", search), "content", None) for n in range(4)],
                "after": [*map(shown, store.get_entries_after(1))],
            }
        )
    assert answers[0] == answers[1]


@pytest.mark.parametrize("name", SEARCHES)
def test_deleting_needs_no_index(unindexed, name):
    search = SEARCHES[name]
    ids = [entry.id for entry in unindexed.get_page(search).entries]

    assert unindexed.delete(search, ids=ids[:1]) == len(ids[:1])
    assert unindexed.delete(search) == len(ids[1:])

    left = {f"m{n}" for n in range(4)} - set(ids)
    assert {entry.id for entry in unindexed.get_page().entries} == left
    unindexed.delete()
    assert unindexed.get_totals() == Totals(0, 0, 0)
    unindexed.add([make_small_mail(9)])
    assert unindexed.get_page((TagTerm("red"),)).match_count == 1


# -- the reserve --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("maker", "factor"), [("50 recipients", 100), ("1,000 recipients", 1000), ("98 KB To fields", 4)]
)
def test_reserve_counts_recipients_and_header_addresses(tmp_path, monkeypatch, maker, factor):
    free = 40_000_000
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    with SqliteStore(tmp_path / "mail.sqlite", reserve=0) as store:
        size = 0
        with pytest.raises(StoreFull):
            for number in itertools.count():
                mail = MAKERS[maker](number)
                store.add([mail])
                size += mail.size

        assert size * factor < free


def test_indexing_leaves_a_quarter_of_the_reserve(tmp_path, monkeypatch):
    free = 100_000_000
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    with SqliteStore(tmp_path / "mail.sqlite", reserve=16_000_000) as store:
        store.add([MAKERS["50 recipients"](number) for number in range(20)])
        free = 4_005_000
        with pytest.raises(StoreFull, match=r"must have [\d,]+ bytes free to index mails, got [\d,]+; delete"):
            store.index_pending()
        assert store.get_page(limit=5).match_count == 20

        free = 8_000_000
        assert store.index_pending() == 0


@pytest.mark.parametrize(("reserve", "warns"), [(1 << 60, True), (0, False)])
def test_open_warns_of_a_disk_that_takes_no_mail(tmp_path, caplog, reserve, warns):
    with SqliteStore(tmp_path / "mail.sqlite", reserve=reserve) as store:
        assert store.has_room(1) is not warns

    texts = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(texts) == warns
    assert all("must have more than 1,152,921,504,606,846,976 bytes free" in text for text in texts)
    assert all("--min-free" in text for text in texts)


# -- a real full disk ---------------------------------------------------------------------------------

FULL_DISK = """
    import subprocess, sys
    from pathlib import Path
    from tests.store.sqlite.test_full_disk import MAKERS, SqliteStore, StoreFull, fill_disk, fill_store
    directory, maker = Path(sys.argv[1]), MAKERS[sys.argv[2]]
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=36m", "none", directory]).returncode:
        sys.exit("cannot mount")
    with SqliteStore(directory / "mail.sqlite") as store:
        count = fill_store(store, maker)
        while store.index_pending(): pass
        assert store.get_page(limit=2).match_count == count > 4
        ids = [entry.id for entry in store.get_page(limit=count // 2).entries]
        assert store.delete(ids=ids[:2]) == 2 and store.delete(ids=ids[2:]) == len(ids) - 2
        store.index_pending()
        assert store.has_room(1000)
        store.add([maker(100_000)])
    fill_disk(directory / "ballast")
    with SqliteStore(directory / "mail.sqlite") as store:
        assert not store.has_room(1000)
        left = count - len(ids) + 1
        assert store.get_page(limit=2).match_count == store.get_totals().mails == left
        assert store.get_latest().id == store.open_message().mail.id == "m100000"
        (directory / "ballast").unlink()
        assert store.delete() == left
        store.index_pending()
        store.add([maker(100_001)])
        assert store.get_page().match_count == 1
    print("done")
"""


def fill_store(store, maker):
    """Add mails until the store is full; return how many were added."""
    try:
        for number in itertools.count():
            if not store.has_room(1000):
                return number
            store.add([maker(number)])
    except StoreFull:
        return number


def fill_disk(ballast):
    """Use up the disk to the last byte."""
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 16, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                pass


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs tmpfs")
@pytest.mark.parametrize("maker", MAKERS)
def test_full_disk_is_no_dead_end(tmp_path, maker):
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", tmp_path], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot create a file system here: {error}")

    assert run_script(FULL_DISK, tmp_path, maker, before=unshare) == "done\n"


RECLAIMED = """
    import random, shutil, subprocess, sys
    from pathlib import Path
    from lazr.smtptest.store.sqlite import database, deleter
    from tests.store.contract import arrival
    from tests.store.sqlite.test_full_disk import SqliteStore, fill_store
    directory = Path(sys.argv[1])
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "none", directory]).returncode:
        sys.exit("cannot mount")
    deleter._MAX_PAGES_EMPTIED_AT_ONCE = 0  # as for a large file
    database._IDLE_SECONDS_BEFORE_TRUNCATION = -1
    def make_mail(number):
        return arrival(b"Subject: Hi\\r\\n\\r\\n" + random.randbytes(30_000).hex().encode(), id=f"m{number}")
    with SqliteStore(directory / "mail.sqlite") as store:
        assert fill_store(store, make_mail) > 50
        store._disk_space.is_low = lambda: False  # or the rows would be removed at once
        store.delete()
        del store._disk_space.is_low
    free = shutil.disk_usage(directory).free
    (directory / "ballast").write_bytes(bytes(free - 600_000))
    with SqliteStore(directory / "mail.sqlite") as store:
        if store._database._background_check is not None:
            store._database._background_check.wait()  # it reads from the log
        before = shutil.disk_usage(directory).free
        while store.reclaim_space():
            pass
        assert (directory / "mail.sqlite").stat().st_size < 5_000_000
        assert shutil.disk_usage(directory).free > before + 8_000_000
        (directory / "ballast").unlink()
        store.add([make_mail(0)])
        assert store.get_page().match_count == 1
    print("done")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs tmpfs")
def test_space_is_reclaimed_while_the_disk_is_full(tmp_path):
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", tmp_path], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot create a file system here: {error}")

    assert run_script(RECLAIMED, tmp_path, before=unshare) == "done\n"
