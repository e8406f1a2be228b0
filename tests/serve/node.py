"""`smtptest serve` with its API, as its clients see both: who sends, who looks, and who hears."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from websockets.sync.client import connect

from cli.smtptest import Serving
from talk import Client

SECONDS = 60
ENVELOPE = (b"EHLO me", b"MAIL FROM:<ann@example.com>", b"RCPT TO:<bob@example.com>", b"DATA")


class Node(Serving):
    """One such process; `database` is a URL."""

    def __init__(self, database, *arguments, **options):
        super().__init__("--http-port", "0", "--database", str(database), *arguments, **options)

    @property
    def api(self):
        return re.search(r"http://127\.0\.0\.1:\d+", self.first)[0]

    def ask(self, path, method="GET", body=None):
        """What the API says: its status, and the octets."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.api + path, data, {"content-type": "application/json"}, method=method)
        try:
            with urlopen(request, timeout=SECONDS) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()

    def get(self, path):
        status, octets = self.ask(path)
        assert status == 200, octets
        return json.loads(octets)

    def subjects(self):
        """Of all that it shows, by their names, the newest first."""
        listed = {}
        while True:
            page = self.get(f"/api/v1/messages?limit=1000&start={len(listed)}")
            listed |= {message["ID"]: message["Subject"] for message in page["messages"]}
            if len(listed) >= page["total"]:
                assert len(listed) == page["total"]
                return listed

    @property
    def ready(self):
        return self.ask("/readyz")[0] == 200

    def client(self):
        """A session, at its beginning."""
        return Client(self.address)

    def send(self, subject, octets=b"Hello"):
        """The reply to a mail's content, or to what went wrong before."""
        with self.client() as client:
            client.ask(b"EHLO me")
            return client.mail(content=b"Subject: %s\r\n\r\n%s\r\n" % (subject.encode(), octets))

    @contextmanager
    def listening(self):
        """A websocket that hears what happens; its first frame, how much there is, has come."""
        with connect(self.api.replace("http", "ws") + "/api/events") as websocket:
            heard(websocket, "stats")
            yield websocket


def heard(websocket, kind):
    """What the next frame of that kind says."""
    while (frame := json.loads(websocket.recv(SECONDS)))["Type"] != kind:
        pass
    return frame["Data"]


def until(true):
    """Ask again and again until it is so."""
    deadline = time.monotonic() + SECONDS
    while not (found := true()):
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
    return found


@contextmanager
def nodes(count, database, *arguments):
    """So many on one database, started at the same time."""
    with ExitStack() as stack:
        with ThreadPoolExecutor(count) as pool:
            found = list(pool.map(lambda _: Node(database, *arguments), range(count)))
        for node in found:
            stack.enter_context(node)
        for node in found:
            assert node.first, node.process.stderr.read()
        yield found


class Sender(threading.Thread):
    """A session that sends mail after mail until its server is gone, refuses, or `enough` is set.

    - `acknowledged`: the tokens of those whose 250 it has read, by the names that the server gave them.
    - `last`: the reply that ended it, where one did.
    """

    def __init__(self, address, label, body, field="X-Token"):
        super().__init__(daemon=True)
        self.label, self.body, self.field = label, body, field
        self.client = Client(address)
        self.acknowledged = {}
        self.last = b""
        self.enough = threading.Event()

    def run(self):
        with self.client, suppress(OSError):  # the server is gone
            self._send()

    def _send(self):
        self.client.ask(b"EHLO me")
        number = 0
        while not self.enough.is_set():
            number += 1
            token = f"{self.label}-{number}"
            content = f"{self.field}: {token}\r\n\r\n{self.body}\r\n".encode()
            said = re.fullmatch(rb"250 .* queued as (\w+)\r\n", reply := self.client.mail(content=content))
            if said is None:
                self.last = reply
                return
            self.acknowledged[said[1].decode()] = token


def together(senders):
    """What all of them were told is kept; they have ended, or do so now."""
    for sender in senders:
        sender.enough.set()
    for sender in senders:
        sender.join(SECONDS)
        assert not sender.is_alive()
    return {name: token for sender in senders for name, token in sender.acknowledged.items()}
