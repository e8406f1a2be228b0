"""Several nodes of `smtptest serve` on one PostgreSQL database show one inbox, and survive the loss of one."""

import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from lazr.smtptest.store import PostgresStore
from tests.helpers import postgres_server
from tests.helpers.reading_client import RawReadingClient
from tests.serve.node import Sender, receive_frame, start_nodes, stop_senders, wait_until

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def two():
    """Start two nodes, which all tests of this module share."""
    with (
        postgres_server.create_schema() as database,
        start_nodes(2, database, "--imap-port", "0", SMTPTEST_SERVE_NO_IMAP="0") as nodes,
    ):
        yield nodes


def wait_for_acknowledged(senders, minimum):
    """Wait until each sender has that many acknowledged mails."""
    wait_until(lambda: all(len(sender.acknowledged) >= minimum for sender in senders))


@pytest.mark.slow
def test_killing_one_of_three_nodes_loses_no_acknowledged_mail(postgres):
    with start_nodes(3, postgres) as three:
        senders = [
            Sender(node.address, f"node{place}-session{session}", "x" * size, "Subject")
            for place, node in enumerate(three)
            for session, size in enumerate((10, 2000, 70_000))
        ]
        for sender in senders:
            sender.start()
        wait_for_acknowledged(senders, 5)
        victim, *survivors = three
        victim.process.send_signal(signal.SIGKILL)
        before = {sender: len(sender.acknowledged) for sender in senders[3:]}
        wait_until(lambda: all(len(sender.acknowledged) >= count + 5 for sender, count in before.items()))
        acknowledged = stop_senders(senders)

        assert [sender.refusal for sender in senders] == [b""] * 9  # no refusal
        assert len(acknowledged) >= 9 * 5 + 6 * 5
        assert survivors[0].send("afterwards")[:3] == b"250"
        shown = [node.get_subjects() for node in survivors]

    assert {name: shown[0].get(name) for name in acknowledged} == acknowledged
    assert shown[0] == shown[1]
    assert [subject for subject, count in Counter(shown[0].values()).items() if count > 1] == []
    assert "afterwards" in shown[1].values()


def test_websocket_gets_new_mails_and_deletions_of_another_node(two):
    here, there = two
    with here.open_websocket() as websocket:
        there.send("from afar")
        new = receive_frame(websocket, "new")
        assert new["Subject"] == "from afar"

        assert there.request("/api/v1/messages", "DELETE", {"IDs": [new["ID"]]})[0] == 200
        assert receive_frame(websocket, "delete") == {"ID": new["ID"]}

    assert here.request(f"/api/v1/message/{new['ID']}")[0] == 404


def test_wait_returns_mail_that_another_node_received(two):
    here, there = two
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(here.get, "/api/v1/wait?query=subject:awaited&timeout=60")
        there.send("not this one")
        wait_until(lambda: "not this one" in here.get_subjects().values())
        assert not waiting.done()
        there.send("awaited")

        assert [message["Subject"] for message in waiting.result(60)["messages"]] == ["awaited"]


def test_marks_and_tags_are_visible_on_another_node(two):
    here, there = two
    name = there.send("to be marked").split()[-1].decode()

    assert there.request("/api/v1/tags", "PUT", {"IDs": [name], "Tags": ["seen"]})[0] == 200
    assert there.get(f"/api/v1/message/{name}")["Subject"] == "to be marked"  # which marks it as read

    [shown] = here.get("/api/v1/search?query=tag:seen")["messages"]
    assert (shown["ID"], shown["Read"]) == (name, True)


def test_imap_client_in_idle_sees_changes_at_another_node(two):
    here, there = two
    with RawReadingClient(here.imap_address, login="bob@example.com") as idle:
        count = int(idle.command("SELECT INBOX")[1].split()[1])
        idle.send(b"a IDLE\r\n")
        assert idle.read_line().startswith(b"+ ")

        there.send("for the idle client")
        assert idle.read_until(exists := b"* %d EXISTS" % (count + 1))[-1] == exists + b"\r\n"

        with RawReadingClient(there.imap_address, login="bob@example.com") as other:
            other.command("SELECT INBOX")
            assert other.command(rf"STORE {count + 1} +FLAGS (\Flagged)")[-1].startswith(b"a OK")
            assert b"\\Flagged" in idle.read_until(b"* %d FETCH" % (count + 1))[-1]

            other.command(rf"STORE {count + 1} +FLAGS.SILENT (\Deleted)")
            assert other.command("EXPUNGE")[-1].startswith(b"a OK")
            gone = b"* %d EXPUNGE\r\n" % (count + 1)
            assert idle.read_until(gone)[-1] == gone


@pytest.mark.slow
def test_one_node_prunes_while_the_other_receives(postgres):
    def pending():
        with psycopg.connect(postgres) as connection:
            return connection.execute("SELECT count(*) FROM pending").fetchone()[0]

    def total():
        return two[0].get("/api/v1/messages?limit=0")["total"]

    with start_nodes(2, postgres, "--max-messages", 5) as two, PostgresStore(postgres) as third:
        with third._database.try_lock_pruning() as is_locked:
            assert is_locked
            for number in range(12):
                assert two[number % 2].send(f"held {number}")[:3] == b"250"
            wait_until(lambda: pending() == 0)  # maintenance ran, and it prunes before it indexes
            assert total() == 12
            assert two[0].send("held 12")[:3] == b"250"
        for number in range(20):
            assert two[number % 2].send(f"later {number}")[:3] == b"250"

        wait_until(lambda: total() == 5)
        assert list(two[1].get_subjects().values()) == [f"later {number}" for number in range(19, 14, -1)]
