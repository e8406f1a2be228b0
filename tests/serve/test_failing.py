"""The database or the disk fails under `smtptest serve`: clients get errors, no mail is lost, and it recovers."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from tests.helpers import postgres_server
from tests.serve.node import Node, Sender, stop_senders, wait_until

LATER = b"451 4.3.0 Mail cannot be stored now, try later\r\n"
FULL = b"452 4.3.1 No room for this message now, try later\r\n"


def start_senders(node, count=3, size=2000, minimum=5):
    """Start senders, and wait until each has at least `minimum` acknowledged mails."""
    senders = [Sender(node.address, f"session{number}", "x" * size, "Subject") for number in range(count)]
    for sender in senders:
        sender.start()
    wait_until(lambda: all(len(sender.acknowledged) >= minimum for sender in senders))
    return senders


def assert_stored_once(node, acknowledged):
    """Check that the node shows all of these mails, and no mail twice."""
    shown = node.get_subjects()
    assert {name: shown.get(name) for name in acknowledged} == acknowledged
    assert [subject for subject, count in Counter(shown.values()).items() if count > 1] == []


# -- PostgreSQL ----------------------------------------------------------------------------------


def is_closed(connection):
    try:
        connection.execute("SELECT")
    except psycopg.OperationalError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.postgres
def test_clients_get_451_while_the_database_is_stopped():
    with postgres_server.run_server() as server, Node(server.get_uri()) as node:
        senders = start_senders(node)

        server.stop()

        for sender in senders:
            sender.join(60)
        assert {sender.refusal for sender in senders} == {LATER}
        assert node.send("meanwhile") == LATER
        assert node.request("/readyz")[0] == 503 and node.request("/livez")[0] == 200
        assert node.request("/api/v1/messages")[0] == 503

        server.start()

        wait_until(lambda: node.is_ready)
        assert node.send("afterwards")[:3] == b"250"
        assert_stored_once(node, stop_senders(senders))
        assert "afterwards" in node.get_subjects().values() and "meanwhile" not in node.get_subjects().values()


@pytest.mark.slow
@pytest.mark.postgres
def test_database_crash_loses_no_acknowledged_mail():
    with postgres_server.run_server() as server, Node(server.get_uri()) as node:
        senders = start_senders(node)

        victim, other = (psycopg.connect(server.get_uri(), autocommit=True) for _ in range(2))
        with contextlib.closing(victim), contextlib.closing(other):
            os.kill(victim.info.backend_pid, signal.SIGKILL)  # PostgreSQL then restarts all backends
            wait_until(lambda: is_closed(other))

        wait_until(lambda: node.send("afterwards")[:3] == b"250" and node.is_ready)
        assert_stored_once(node, stop_senders(senders))
        assert {sender.refusal for sender in senders} <= {LATER, b""}  # refused, or not affected


# -- SQLite ---------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """Return a command prefix that mounts a file system of 64 MiB on `tmp_path`, with 40 MiB in use."""
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--user", "--map-root-user"]
    script = 'mount -t tmpfs -o size=64m none "$0" && head -c 40M /dev/zero >"$0/ballast" && exec "$@"'
    command = [*unshare, "sh", "-c", script, str(tmp_path)]
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot create a file system here: {error}")
    return command


def fill_disk(ballast):
    """Use up the rest of the disk."""
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass


@pytest.mark.slow
def test_clients_get_452_while_the_disk_is_full(small_disk, tmp_path):
    with Node(tmp_path / "mails.sqlite", before=small_disk) as node:
        assert node.first_line, node.describe_failure()
        ballast = Path(f"/proc/{node.process.pid}/root", *(tmp_path / "ballast").parts[1:])
        senders = start_senders(node, size=20_000, minimum=1)
        for sender in senders:
            sender.join(60)
        assert {sender.refusal for sender in senders} == {FULL}
        acknowledged = stop_senders(senders)
        assert_stored_once(node, acknowledged)  # listing indexes them, for which there is room
        first, *others = acknowledged

        fill_disk(ballast)
        wait_until(lambda: not node.is_ready)
        with node.client() as client:
            client.send_command(b"EHLO me")
            assert client.send_command(b"MAIL FROM:<ann@example.com> SIZE=100000") == FULL
        assert_stored_once(node, acknowledged)
        assert node.get(f"/api/v1/message/{first}")["Subject"] == acknowledged[first]

        ballast.unlink()
        wait_until(lambda: node.is_ready)
        assert node.send("afterwards", b"x" * 100_000)[:3] == b"250"
        assert node.request("/api/v1/messages", "DELETE", {"IDs": [first]})[0] == 200
        assert_stored_once(node, {name: acknowledged[name] for name in others})


@pytest.mark.slow
@pytest.mark.parametrize("is_directory_removed", [False, True], ids=["file", "directory"])
def test_file_removed_under_load_loses_no_mail(tmp_path, is_directory_removed):
    file = tmp_path / "own" / "mails.sqlite"
    with Node(file) as node:
        senders = start_senders(node)

        if is_directory_removed:
            shutil.rmtree(file.parent)
        else:
            file.unlink()

        before = [len(sender.acknowledged) for sender in senders]
        wait_until(lambda: all(len(sender.acknowledged) > count for sender, count in zip(senders, before, strict=True)))
        acknowledged = stop_senders(senders)
        assert {sender.refusal for sender in senders} == {b""}  # no refusal
        assert_stored_once(node, acknowledged)
        node.process.send_signal(signal.SIGKILL)
    with Node(file) as node:
        assert_stored_once(node, acknowledged)


@pytest.mark.slow
def test_clients_get_451_while_removed_file_cannot_be_recreated(tmp_path):
    file = tmp_path / "mails.sqlite"
    with Node(file) as node:
        senders = start_senders(node)
        acknowledged = stop_senders(senders)

        file.unlink()
        file.mkdir()
        assert node.send("meanwhile") == LATER

        file.rmdir()
        assert node.send("afterwards")[:3] == b"250"
        node.process.send_signal(signal.SIGKILL)
    with Node(file) as node:
        assert_stored_once(node, acknowledged)
        assert len(node.get_subjects()) == len(acknowledged) + 1


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_directory_without_write_permission_loses_no_mail(tmp_path):
    file = tmp_path / "own" / "mails.sqlite"
    with Node(file) as node:
        senders = start_senders(node)
        file.parent.chmod(0o500)  # open files stay usable
        try:
            assert node.send("meanwhile")[:3] == b"250"
            acknowledged = stop_senders(senders)
            assert_stored_once(node, acknowledged)
            node.process.send_signal(signal.SIGKILL)
        finally:
            file.parent.chmod(0o700)
    with Node(file) as node:
        assert_stored_once(node, acknowledged)
