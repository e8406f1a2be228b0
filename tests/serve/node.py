"""A node (`smtptest serve` with its REST API), and the clients that send to it."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from websockets.sync.client import connect

from tests.helpers.command_line import ServeProcess
from tests.helpers.smtp_client import RawSmtpClient

SECONDS = 60
ENVELOPE = (b"EHLO me", b"MAIL FROM:<ann@example.com>", b"RCPT TO:<bob@example.com>", b"DATA")


class Node(ServeProcess):
    """A process of `smtptest serve` on a database, given by URL or path."""

    def __init__(self, database, *arguments, **options):
        super().__init__("--http-port", "0", "--database", str(database), *arguments, **options)

    @property
    def api_url(self):
        return re.search(r"http://127\.0\.0\.1:\d+", self.first_line)[0]

    def request(self, path, method="GET", body=None):
        """Send a request to the API; return the status and the body."""
        data = None if body is None else json.dumps(body).encode()
        http_request = Request(self.api_url + path, data, {"content-type": "application/json"}, method=method)
        try:
            with urlopen(http_request, timeout=SECONDS) as response:
                return response.status, response.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()

    def get(self, path):
        status, body = self.request(path)
        assert status == 200, body
        return json.loads(body)

    def get_subjects(self):
        """Return the subjects of all mails by ID, the newest first."""
        listed = {}
        while True:
            page = self.get(f"/api/v1/messages?limit=1000&start={len(listed)}")
            listed |= {message["ID"]: message["Subject"] for message in page["messages"]}
            if len(listed) >= page["total"]:
                assert len(listed) == page["total"]
                return listed

    @property
    def imap_address(self):
        host, port = re.search(r"imap://([0-9.]+):(\d+)", self.first_line).groups()
        return host, int(port)

    @property
    def is_ready(self):
        return self.request("/readyz")[0] == 200

    def client(self):
        """Open an SMTP session."""
        return RawSmtpClient(self.address)

    def send(self, subject, body=b"Hello"):
        """Send a mail; return the reply to its content, or the first refusal."""
        with self.client() as client:
            client.send_command(b"EHLO me")
            return client.send_mail(content=b"Subject: %s\r\n\r\n%s\r\n" % (subject.encode(), body))

    @contextmanager
    def open_websocket(self):
        """Open the websocket of events, and wait for its first frame."""
        with connect(self.api_url.replace("http", "ws") + "/api/events") as websocket:
            receive_frame(websocket, "stats")
            yield websocket


def receive_frame(websocket, kind):
    """Return the data of the next frame of that kind; skip others."""
    while (frame := json.loads(websocket.recv(SECONDS)))["Type"] != kind:
        pass
    return frame["Data"]


def wait_until(condition):
    """Call `condition` until it returns something true; return that."""
    deadline = time.monotonic() + SECONDS
    while not (result := condition()):
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
    return result


@contextmanager
def start_nodes(count, database, *arguments, **options):
    """Start that many nodes on one database, concurrently."""
    with ExitStack() as stack:
        with ThreadPoolExecutor(count) as pool:
            nodes = list(pool.map(lambda _: Node(database, *arguments, **options), range(count)))
        for node in nodes:
            stack.enter_context(node)
        for node in nodes:
            assert node.first_line, node.describe_failure()
        yield nodes


class Sender(threading.Thread):
    """An SMTP session that sends mails until the server is gone, refuses one, or `stop_requested` is set.

    Attributes:
        acknowledged: the tokens of the mails whose 250 was received, by the IDs in the replies.
        refusal: the reply that ended the session; empty without one.
    """

    def __init__(self, address, label, body, field="X-Token"):
        super().__init__(daemon=True)
        self.label, self.body, self.field = label, body, field
        self.client = RawSmtpClient(address)
        self.acknowledged = {}
        self.refusal = b""
        self.stop_requested = threading.Event()

    def run(self):
        with self.client, suppress(OSError):  # the server is gone
            self._send()

    def _send(self):
        self.client.send_command(b"EHLO me")
        number = 0
        while not self.stop_requested.is_set():
            number += 1
            token = f"{self.label}-{number}"
            content = f"{self.field}: {token}\r\n\r\n{self.body}\r\n".encode()
            accepted = re.fullmatch(rb"250 .* queued as (\w+)\r\n", reply := self.client.send_mail(content=content))
            if accepted is None:
                self.refusal = reply
                return
            self.acknowledged[accepted[1].decode()] = token


def stop_senders(senders):
    """Stop the senders; return the tokens of all acknowledged mails by ID."""
    for sender in senders:
        sender.stop_requested.set()
    for sender in senders:
        sender.join(SECONDS)
        assert not sender.is_alive()
    return {name: token for sender in senders for name, token in sender.acknowledged.items()}
