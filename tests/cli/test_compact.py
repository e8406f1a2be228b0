"""`smtptest compact`."""

import contextlib
import shutil
import sqlite3
from types import SimpleNamespace

import pytest

from lazr.smtptest.store import SqliteStore
from tests.helpers import postgres_server
from tests.helpers.command_line import run_smtptest
from tests.store.contract import arrival
from tests.store.sqlite.test_store import query


@pytest.fixture
def path(tmp_path):
    """A file of which most is free, made by a version whose files did not shrink."""
    path = tmp_path / "mail.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 0x4C5A5354")
    with SqliteStore(path) as store:
        for number in range(100):
            store.add([arrival(b"Subject: %d\r\n\r\n" % number + bytes(100_000), id=f"m{number}")])
        store.delete(ids=[f"m{number}" for number in range(90)])
    assert path.stat().st_size > 8_000_000
    return path


@pytest.fixture(params=["argument", "URL", "variable", "file", "Mailpit's variable"])
def call(request, path):
    """How a user names the store."""
    (path.parent / "smtptest.toml").write_text(f'[serve]\ndatabase = "{path.as_posix()}"\n')
    return {
        "argument": ((path,), {}),
        "URL": ((f"sqlite:///{path}",), {}),
        "variable": ((), {"SMTPTEST_SERVE_DATABASE": str(path)}),
        "file": ((), {"SMTPTEST_SERVE_DATABASE": "", "cwd": path.parent}),
        "Mailpit's variable": ((), {"SMTPTEST_SERVE_DATABASE": "", "MP_DATABASE": str(path)}),
    }[request.param]


def test_file_is_as_small_as_its_mails(path, call):
    arguments, options = call
    done = run_smtptest("compact", *arguments, **options)

    assert (done.stderr, done.returncode) == ("", 0)
    before, now = done.stdout.removeprefix(f"sqlite:///{path}: ").split(", ")
    assert before.endswith(" MB before") and float(before.split()[0]) > 8
    assert now.endswith(" MB now\n") and float(now.split()[0]) < 0.5
    assert path.stat().st_size < 500_000
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert query(path, "PRAGMA auto_vacuum") == [(2,)]
    assert query(path, "SELECT count(*) FROM pending") == [(0,)]  # all are indexed, which compresses them
    with SqliteStore(path) as store:
        assert [entry.subject for entry in store.get_page().entries] == [str(number) for number in range(99, 89, -1)]
        assert not store._database.is_damaged


def test_open_file_is_refused(path):
    with SqliteStore(path):
        done = run_smtptest("compact", path)

        assert (done.stdout, done.returncode) == ("", 2)
        assert f"smtptest: {path} is in use by process " in done.stderr
        assert (
            "stop that process, or use another file; a running server frees most of the space by itself" in done.stderr
        )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("missing.sqlite", "there is no file "),
        ("none", "a store on disk is needed, got none; name a file or a URL"),
        ("memory:", "a store on disk is needed, got memory:"),
        ("memory://", "a store on disk is needed, got memory://"),
        ("mysql://localhost/mails", "got 'mysql:…'"),
    ],
)
def test_invalid_stores(tmp_path, name, text):
    done = run_smtptest("compact", name, cwd=tmp_path)
    assert (text in done.stderr, done.returncode, done.stdout) == (True, 2, ""), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_disk_without_room_is_refused_before_writing(path, monkeypatch):
    original = path.read_bytes()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1_000_000))

    done = run_smtptest("compact", path)

    assert done.returncode == 1
    assert "bytes free to write a compact copy, got 1,000,000; delete some files or mails" in done.stderr
    assert path.read_bytes() == original
    assert not list(path.parent.glob("*.part"))


@pytest.mark.xdist_group("postgres")
def test_postgresql_is_vacuumed():
    with postgres_server.create_schema() as url:
        done = run_smtptest("compact", url)

    assert (done.stderr, done.returncode) == ("", 0)
    first, second = done.stdout.splitlines()
    assert " MB before, " in first and second.startswith("PostgreSQL keeps the free space for new mails")
