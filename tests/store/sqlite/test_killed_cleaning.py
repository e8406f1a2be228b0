"""`kill -9` while mails are deleted, their rows are removed, and the file shrinks or is compacted."""

import os
import random
import signal
import subprocess
import time

import pytest

from lazr.smtptest.store import SqliteStore
from lazr.smtptest.store.sqlite.full_text_index import FULL_TEXT_TABLES
from tests.store.killed_writer import content
from tests.store.sqlite.test_store import STORE_TESTS, query, start_python


class Expectation:
    """What a store must contain after some lines of `killed_cleaner`."""

    def __init__(self):
        self.present, self.absent = set(), set()
        self.doomed = None  # while all mails are deleted: those that were there before
        self.adding = set()  # since then

    def read(self, line):
        verb, *names = line.split()
        match verb:
            case "adding" if self.doomed is None:  # otherwise it may be deleted or not
                self.adding |= set(names)
            case "added":
                self.present |= set(names) & self.adding
            case "deleting":
                self.doomed, self.present, self.adding = self.present, set(), set()
            case "deleted":
                self.absent |= self.doomed
                self.doomed = None
            case "removing":
                self.present -= set(names)
            case "removed":
                self.absent |= set(names)

    def note_kill(self):
        """Take note that what the child was doing may have happened or not."""
        self.adding, self.doomed = set(), None


def read_until_end(parent, expectation):
    while (line := parent.stdout.readline()) != "end\n":
        assert line  # the parent is alive
        expectation.read(line)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_kill_9_while_deleting_and_shrinking_loses_nothing(tmp_path, kill_count):
    path = tmp_path / "mail.sqlite"
    expectation = Expectation()
    script = STORE_TESTS / "killed_cleaner.py"
    with start_python(script, path, stdin=subprocess.PIPE, bufsize=1) as parent:
        for number in range(kill_count):
            parent.stdin.write("\n")
            parent.stdin.flush()
            child = int(parent.stdout.readline().split()[1])
            for _ in range((40, 0, 100, 10, 200, 1)[number % 6]):
                expectation.read(parent.stdout.readline())
            time.sleep(random.uniform(0, 0.02))  # a random moment of what the child does now
            os.kill(child, signal.SIGKILL)
            read_until_end(parent, expectation)
            expectation.note_kill()
        parent.stdin.close()

    with SqliteStore(path) as store:
        found = {entry.id for entry in store.get_page(limit=None).entries}
        assert expectation.present <= found
        assert not expectation.absent & found
        for name in expectation.present:
            assert store.get_mail(name).content == content(name) * 4
        while store.index_pending() or store.reclaim_space():
            pass
        assert store.get_totals().mails == len(found)
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert query(path, "PRAGMA auto_vacuum") == [(2,)]
    for name in FULL_TEXT_TABLES:
        query(path, f"INSERT INTO {name} ({name}) VALUES ('integrity-check')")
    assert query(path, "SELECT count(*) FROM sqlite_master WHERE name GLOB 'removed_*'") == [(0,)]
    assert query(path, "SELECT number FROM contents UNION ALL SELECT number FROM documents ORDER BY number") == query(
        path, "SELECT number FROM mails ORDER BY number"
    )
    assert {file.name for file in tmp_path.iterdir()} == {"mail.sqlite", "mail.sqlite.lock"}
