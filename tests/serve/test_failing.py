"""The database or the disk fails under `smtptest serve`: what a client is told, what is kept, and that it goes on."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from serve.node import Node, Sender, together, until
from store import postgresserver

LATER = b"451 4.3.0 Mail cannot be stored now, try later\r\n"
FULL = b"452 4.3.1 No room for this message now, try later\r\n"


def sending(node, count=3, size=2000, least=5):
    """So many sessions that send, each of which has been told that so many mails are kept."""
    senders = [Sender(node.address, f"session{number}", "x" * size, "Subject") for number in range(count)]
    for sender in senders:
        sender.start()
    until(lambda: all(len(sender.acknowledged) >= least for sender in senders))
    return senders


def kept(node, acknowledged):
    """All of these are shown, and nothing twice."""
    shown = node.subjects()
    assert {name: shown.get(name) for name in acknowledged} == acknowledged
    assert [subject for subject, times in Counter(shown.values()).items() if times > 1] == []
    return True


# -- PostgreSQL ----------------------------------------------------------------------------------


def is_gone(connection):
    try:
        connection.execute("SELECT")
    except psycopg.OperationalError:
        return True
    return False


def test_a_database_server_that_is_stopped_is_told_to_clients_and_used_again_when_it_is_back():
    with postgresserver.own() as server, Node(server.get_uri()) as node:
        senders = sending(node)

        server.stop()

        for sender in senders:
            sender.join(60)
        assert {sender.last for sender in senders} == {LATER}
        assert node.send("meanwhile") == LATER
        assert node.ask("/readyz")[0] == 503 and node.ask("/livez")[0] == 200
        assert node.ask("/api/v1/messages")[0] == 503

        server.start()

        until(lambda: node.ready)
        assert node.send("afterwards")[:3] == b"250"
        assert kept(node, together(senders))
        assert "afterwards" in node.subjects().values() and "meanwhile" not in node.subjects().values()


def test_a_database_server_that_crashes_loses_nothing_that_was_acknowledged():
    with postgresserver.own() as server, Node(server.get_uri()) as node:
        senders = sending(node)

        doomed, other = (psycopg.connect(server.get_uri(), autocommit=True) for _ in range(2))
        with contextlib.closing(doomed), contextlib.closing(other):
            os.kill(doomed.info.backend_pid, signal.SIGKILL)  # all that run for clients go down with one of them
            until(lambda: is_gone(other))

        until(lambda: node.send("afterwards")[:3] == b"250" and node.ready)
        assert kept(node, together(senders))
        assert {sender.last for sender in senders} <= {LATER, b""}  # refused, or it noticed nothing


# -- a file of SQLite ----------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    """The command that runs another where `tmp_path` is a disk of 64 MiB, with 40 MiB on it."""
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--user", "--map-root-user"]
    script = 'mount -t tmpfs -o size=64m none "$0" && head -c 40M /dev/zero >"$0/ballast" && exec "$@"'
    command = [*unshare, "sh", "-c", script, str(tmp_path)]
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be made here: {error}")
    return command


def filled(ballast):
    """Whoever else uses the disk leaves nothing of it."""
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass


def test_a_full_disk_is_told_to_clients_and_used_again_when_there_is_room(small, tmp_path):
    with Node(tmp_path / "mails.sqlite", before=small) as node:
        assert node.first, node.process.stderr.read()
        ballast = Path(f"/proc/{node.process.pid}/root", *(tmp_path / "ballast").parts[1:])
        senders = sending(node, size=20_000, least=1)
        for sender in senders:
            sender.join(60)
        assert {sender.last for sender in senders} == {FULL}
        acknowledged = together(senders)
        assert kept(node, acknowledged)  # which has them read into entries: there is room for that
        some, *others = acknowledged

        filled(ballast)
        until(lambda: not node.ready)
        with node.client() as client:
            client.ask(b"EHLO me")
            assert client.ask(b"MAIL FROM:<ann@example.com> SIZE=100000") == FULL
        assert kept(node, acknowledged)
        assert node.get(f"/api/v1/message/{some}")["Subject"] == acknowledged[some]

        ballast.unlink()
        until(lambda: node.ready)
        assert node.send("afterwards", b"x" * 100_000)[:3] == b"250"
        assert node.ask("/api/v1/messages", "DELETE", {"IDs": [some]})[0] == 200
        assert kept(node, {name: acknowledged[name] for name in others})


@pytest.mark.parametrize("all_of_it", [False, True], ids=["the file", "its directory"])
def test_a_file_that_is_removed_under_load_is_lost_to_nobody(tmp_path, all_of_it):
    file = tmp_path / "own" / "mails.sqlite"
    with Node(file) as node:
        senders = sending(node)

        if all_of_it:
            shutil.rmtree(file.parent)
        else:
            file.unlink()

        before = [len(sender.acknowledged) for sender in senders]
        until(lambda: all(len(sender.acknowledged) > count for sender, count in zip(senders, before, strict=True)))
        acknowledged = together(senders)
        assert {sender.last for sender in senders} == {b""}  # nobody was refused
        assert kept(node, acknowledged)
        node.process.send_signal(signal.SIGKILL)
    with Node(file) as node:
        assert kept(node, acknowledged)


def test_where_a_removed_file_cannot_be_written_anew_clients_are_told_and_nothing_is_lost(tmp_path):
    file = tmp_path / "mails.sqlite"
    with Node(file) as node:
        senders = sending(node)
        acknowledged = together(senders)

        file.unlink()
        file.mkdir()
        assert node.send("meanwhile") == LATER

        file.rmdir()
        assert node.send("afterwards")[:3] == b"250"
        node.process.send_signal(signal.SIGKILL)
    with Node(file) as node:
        assert kept(node, acknowledged)
        assert len(node.subjects()) == len(acknowledged) + 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_nobody_may_write_to_any_more_takes_nothing_away(tmp_path):
    file = tmp_path / "own" / "mails.sqlite"
    with Node(file) as node:
        senders = sending(node)
        file.parent.chmod(0o500)  # what is open stays open
        try:
            assert node.send("meanwhile")[:3] == b"250"
            acknowledged = together(senders)
            assert kept(node, acknowledged)
            node.process.send_signal(signal.SIGKILL)
        finally:
            file.parent.chmod(0o700)
    with Node(file) as node:
        assert kept(node, acknowledged)
