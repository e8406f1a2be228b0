"""What was acknowledged is there after `kill -9`, once."""

import random
import re
import signal
import socket
import threading
from collections import Counter
from contextlib import suppress

from cli.smtptest import Serving
from lazr.smtptest.store.sqlite import SqliteStore

ROUNDS = 50
SESSIONS = 4


class Sender(threading.Thread):
    """One session that sends mail after mail until its server is gone, and remembers which were acknowledged."""

    def __init__(self, address, name, body):
        super().__init__(daemon=True)
        self.address, self.label, self.body = address, name, body
        self.acknowledged = {}

    def run(self):
        with suppress(OSError), socket.create_connection(self.address, timeout=10) as connection:
            replies = connection.makefile("rb")
            replies.readline()
            connection.sendall(b"HELO me\r\n")
            replies.readline()
            number = 0
            while True:
                number += 1
                token = f"{self.label}-{number}"
                connection.sendall(b"MAIL FROM:<>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n")
                for _ in range(3):
                    if not replies.readline():
                        return
                connection.sendall(f"X-Token: {token}\r\n\r\n{self.body}\r\n.\r\n".encode())
                said = re.fullmatch(rb"250 .* queued as (\w+)\r\n", replies.readline())
                if said is None:
                    return
                self.acknowledged[said[1].decode()] = token


def test_fifty_times_killed_and_nothing_that_was_acknowledged_is_lost_or_there_twice(tmp_path):
    chance = random.Random(20261122)
    file = tmp_path / "mails.sqlite"
    acknowledged = {}
    for round_ in range(ROUNDS):
        with Serving("--database", str(file), "--no-http") as serving:
            assert serving.first.startswith("listening"), serving.process.stderr.read()
            senders = [
                Sender(serving.address, f"{round_}-{number}", "x" * chance.choice([10, 2000, 70_000]))
                for number in range(SESSIONS)
            ]
            for sender in senders:
                sender.start()
            senders[0].join(chance.uniform(0, 0.3))  # it does not end: this is the random moment
            serving.process.send_signal(signal.SIGKILL)
            for sender in senders:
                sender.join(20)
                assert not sender.is_alive()
                acknowledged |= sender.acknowledged

    with SqliteStore(file) as store:
        kept = {entry.id: store.mail(entry.id).header("x-token") for entry in store.page(limit=None).entries}
    assert len(acknowledged) > ROUNDS  # it was under load
    assert {name: kept.get(name) for name in acknowledged} == acknowledged
    assert [token for token, times in Counter(kept.values()).items() if times > 1] == []
