"""Acknowledged mails survive `kill -9` of `smtptest serve`, once each."""

import random
import re
import signal
import socket
import threading
from collections import Counter
from contextlib import suppress

import pytest

from lazr.smtptest.store import SqliteStore
from tests.helpers.command_line import ServeProcess

SESSIONS = 4


class Sender(threading.Thread):
    """An SMTP session that sends mails until the server is gone, and records the acknowledged ones."""

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
                accepted = re.fullmatch(rb"250 .* queued as (\w+)\r\n", replies.readline())
                if accepted is None:
                    return
                self.acknowledged[accepted[1].decode()] = token


@pytest.mark.slow
def test_repeated_kill_9_loses_and_duplicates_no_acknowledged_mail(tmp_path, kill_count):
    generator = random.Random(20261122)
    file = tmp_path / "mails.sqlite"
    acknowledged = {}
    for round_ in range(kill_count):
        with ServeProcess("--database", str(file), "--no-http") as serving:
            assert serving.first_line.startswith("listening"), serving.describe_failure()
            senders = [
                Sender(serving.address, f"{round_}-{number}", "x" * generator.choice([10, 2000, 70_000]))
                for number in range(SESSIONS)
            ]
            for sender in senders:
                sender.start()
            senders[0].join(generator.uniform(0, 0.3))  # the sender runs on; this waits for a random time
            serving.process.send_signal(signal.SIGKILL)
            for sender in senders:
                sender.join(20)
                assert not sender.is_alive()
                acknowledged |= sender.acknowledged

    with SqliteStore(file) as store:
        stored = {entry.id: store.get_mail(entry.id).header("x-token") for entry in store.get_page(limit=None).entries}
    assert len(acknowledged) > kill_count
    assert {name: stored.get(name) for name in acknowledged} == acknowledged
    assert [token for token, count in Counter(stored.values()).items() if count > 1] == []
