"""Several `smtptest serve` on one PostgreSQL: one inbox, whichever of them is asked, and whichever of them dies."""

import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from lazr.smtptest.store.postgres import PostgresStore
from serve.node import Sender, heard, nodes, together, until
from store import postgresserver


@pytest.fixture(scope="module")
def two():
    """Two nodes; what one test sends, others see."""
    with postgresserver.schema() as database, nodes(2, database) as found:
        yield found


def enough(senders, each):
    """Until each of them has been told of so many."""
    until(lambda: all(len(sender.acknowledged) >= each for sender in senders))


def test_of_three_nodes_one_is_killed_under_load_and_what_was_acknowledged_is_on_both_others_once(postgres):
    with nodes(3, postgres) as three:
        senders = [
            Sender(node.address, f"node{place}-session{session}", "x" * size, "Subject")
            for place, node in enumerate(three)
            for session, size in enumerate((10, 2000, 70_000))
        ]
        for sender in senders:
            sender.start()
        enough(senders, 5)
        doomed, *survivors = three
        doomed.process.send_signal(signal.SIGKILL)
        before = {sender: len(sender.acknowledged) for sender in senders[3:]}
        until(lambda: all(len(sender.acknowledged) >= count + 5 for sender, count in before.items()))
        acknowledged = together(senders)

        assert [sender.last for sender in senders] == [b""] * 9  # nobody was refused
        assert len(acknowledged) >= 9 * 5 + 6 * 5
        assert survivors[0].send("afterwards")[:3] == b"250"
        shown = [node.subjects() for node in survivors]

    assert {name: shown[0].get(name) for name in acknowledged} == acknowledged
    assert shown[0] == shown[1]
    assert [subject for subject, times in Counter(shown[0].values()).items() if times > 1] == []
    assert "afterwards" in shown[1].values()


def test_who_listens_at_one_node_hears_what_comes_to_another_and_what_is_deleted_there(two):
    here, there = two
    with here.listening() as websocket:
        there.send("from afar")
        new = heard(websocket, "new")
        assert new["Subject"] == "from afar"

        assert there.ask("/api/v1/messages", "DELETE", {"IDs": [new["ID"]]})[0] == 200
        assert heard(websocket, "delete") == {"ID": new["ID"]}

    assert here.ask(f"/api/v1/message/{new['ID']}")[0] == 404


def test_who_waits_at_one_node_gets_the_mail_that_comes_to_another(two):
    here, there = two
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(here.get, "/api/v1/wait?query=subject:awaited&timeout=60")
        there.send("not this one")
        until(lambda: "not this one" in here.subjects().values())
        assert not waiting.done()
        there.send("awaited")

        assert [message["Subject"] for message in waiting.result(60)["messages"]] == ["awaited"]


def test_marks_and_tags_that_one_node_makes_another_shows(two):
    here, there = two
    name = there.send("to be marked").split()[-1].decode()

    assert there.ask("/api/v1/tags", "PUT", {"IDs": [name], "Tags": ["seen"]})[0] == 200
    assert there.get(f"/api/v1/message/{name}")["Subject"] == "to be marked"  # which marks it as read

    [shown] = here.get("/api/v1/search?query=tag:seen")["messages"]
    assert (shown["ID"], shown["Read"]) == (name, True)


def test_one_node_prunes_at_a_time_and_who_may_not_goes_on_receiving(postgres):
    def pending():
        with psycopg.connect(postgres) as connection:
            return connection.execute("SELECT count(*) FROM pending").fetchone()[0]

    def total():
        return two[0].get("/api/v1/messages?limit=0")["total"]

    with nodes(2, postgres, "--max-messages", 5) as two, PostgresStore(postgres) as third:
        with third._alone() as alone:
            assert alone
            for number in range(12):
                assert two[number % 2].send(f"held {number}")[:3] == b"250"
            until(lambda: pending() == 0)  # they were tidied up, which begins with what is too much
            assert total() == 12
            assert two[0].send("held 12")[:3] == b"250"
        for number in range(20):
            assert two[number % 2].send(f"later {number}")[:3] == b"250"

        until(lambda: total() == 5)
        assert list(two[1].subjects().values()) == [f"later {number}" for number in range(19, 14, -1)]
