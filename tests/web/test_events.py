"""What happens, over a websocket."""

import contextlib
import json
import socket
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from lazr.smtptest import Envelope
from lazr.smtptest.errors import StoreUnavailable
from lazr.smtptest.store.contract import Arrival, Change
from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.web import ear, events
from lazr.smtptest.web.mailbox import Mailbox
from lazr.smtptest.web.scope import Scope


def listening(caught, token=""):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return connect(f"{caught.web.url.replace('http', 'ws')}/api/events", additional_headers=headers)


def heard(client, *kinds, timeout=20):
    """The next frames of these kinds; others between them are passed over."""
    found = []
    for kind in kinds:
        while True:
            text = client.recv(timeout)
            assert isinstance(text, str) and not text.endswith("\n")
            frame = json.loads(text)
            assert list(frame) == ["Type", "Data"]
            if frame["Type"] == kind:
                found.append(frame["Data"])
                break
    return found


def until(true):
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_whoever_comes_is_told_how_much_there_is(caught):
    caught.mail()
    with listening(caught) as client:
        (stats,) = heard(client, "stats")

    assert stats == {"Total": 1, "Unread": 1, "Version": caught.http.get("/api/v1/info").json()["Version"]}


def test_a_new_mail_is_told_with_lists_where_others_have_null(caught):
    with listening(caught) as client:
        heard(client, "stats")
        name = caught.mail(to=(), Subject="<new>")
        summary, stats = heard(client, "new", "stats")

    listed = caught.http.get("/api/v1/messages").json()["messages"][0]
    assert summary == listed | {"To": [], "Cc": [], "Bcc": [], "ReplyTo": []}
    assert (summary["ID"], summary["Subject"], stats["Total"]) == (name, "<new>", 1)


def test_changes_are_told(caught):
    one, two = caught.mail(X_Tags="a"), caught.mail()
    with listening(caught) as client:
        heard(client, "stats")
        caught.http.get(f"/api/v1/message/{one}")
        caught.http.put("/api/v1/messages", json={"Read": False})
        caught.http.put("/api/v1/tags", json={"IDs": [two], "Tags": ["b", "A"]})
        caught.http.put("/api/v1/tags/b", json={"Name": "c"})
        caught.http.request("DELETE", "/api/v1/messages", json={"IDs": [one]})
        caught.http.delete("/api/v1/messages")
        found = heard(client, "update", "update", "update", "prune", "delete", "truncate", "stats")

    assert found[:6] == [
        {"ID": one, "Read": True},
        {"ID": one, "Read": False},
        {"ID": two, "Tags": ["A", "b"]},
        None,
        {"ID": one},
        None,
    ]
    assert found[6]["Total"] == 0


def test_what_clients_say_is_not_listened_to(caught):
    with listening(caught) as client:
        client.send("hello")
        client.send(b"\0\xff")
        caught.mail()
        assert heard(client, "new")


def test_several_listen_and_one_that_leaves_disturbs_nobody(caught):
    with listening(caught) as one:
        with listening(caught) as two:
            heard(one, "stats"), heard(two, "stats")
        caught.mail()
        assert heard(one, "new")


def test_a_frame_too_long_ends_the_connection(caught):
    with listening(caught) as client, pytest.raises(ConnectionClosed):
        client.send("x" * 100_000)
        while True:
            client.recv(20)
    assert caught.http.get("/livez").status_code == 200


def test_a_mailbox_hears_of_its_own_mails(catching):
    caught = catching(mailboxes=[Mailbox.of_user("one", "token-of-mailbox-1", "ci-1")])
    with listening(caught, "token-of-mailbox-1") as client:
        heard(client, "stats")
        other, own = caught.mail(user="ci-2"), caught.mail(user="ci-1")
        caught.store.mark(read=True)
        caught.store.delete(ids=[other])
        new, read, gone, stats = heard(client, "new", "update", "prune", "stats")

    assert (new["ID"], read["ID"], gone) == (own, own, None)
    assert stats["Total"] == stats["Unread"] + 1 == 1


@pytest.mark.parametrize("token", ["", "token-of-mailbox-2"])
def test_a_stranger_is_refused(catching, token):
    caught = catching(mailboxes=[Mailbox.of_user("one", "token-of-mailbox-1", "ci-1")])

    with pytest.raises(InvalidStatus) as refused:
        listening(caught, token)
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["WWW-Authenticate"] == 'Basic realm="Login"'


def test_what_happens_faster_than_it_is_told_ends_the_connection(catching, monkeypatch):
    monkeypatch.setattr(ear, "_MOST", 2)
    caught = catching()
    with listening(caught) as client:
        heard(client, "stats")
        nobody = Envelope("", (), mail_parameters={}, rcpt_parameters=())
        caught.store.add([Arrival(f"many{number}", 0, nobody, [b"x"]) for number in range(2_000)])
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                client.recv(20)

    assert closed.value.rcvd.code == 1013


def test_who_does_not_read_is_dropped(catching, monkeypatch):
    monkeypatch.setattr(ear, "_MOST", 1_000_000)
    monkeypatch.setattr(events, "_PATIENCE", 0.2)
    caught = catching()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(20)
        client.connect(("127.0.0.1", caught.web.port))
        client.sendall(
            b"GET /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert client.recv(12) == b"HTTP/1.1 101"
        # It reads no more: its own buffers fill up, then those of the system, then ours.
        for _ in range(1_500):
            caught.mail(Subject="x" * 9_000)
        until(lambda: caught.catcher._at_leaving == {})
        with contextlib.suppress(ConnectionResetError):
            while client.recv(1_000_000):  # to the end, which is there
                pass


class Lost(MemoryStore):
    """A store that is away when somebody asks for a mail."""

    def entry(self, *_):
        raise StoreUnavailable("the disk is gone")


def test_a_store_that_is_away_is_told(catching):
    caught = catching(Lost())
    with listening(caught) as client:
        heard(client, "stats")
        caught.mail()
        (error,) = heard(client, "error")
        caught.store.delete()
        heard(client, "truncate")

    assert error == {"Level": "error", "Type": "store", "IP": "", "Message": "the disk is gone"}


def test_frames_of_mails_that_went_in_between(caught):
    for kind in ("new", "read", "tags"):
        assert events.frames(Change(kind, ("gone",)), Scope(caught.catcher)) == []


def test_a_stopped_server_lets_its_listeners_go(catching):
    caught = catching()
    with listening(caught) as client:
        heard(client, "stats")
        caught.web.stop()
        with pytest.raises(ConnectionClosed):
            while True:
                client.recv(20)
    assert caught.catcher._at_leaving == {}
    caught.store.add([Arrival("1", 0, Envelope("", (), mail_parameters={}, rcpt_parameters=()), [b""])])
