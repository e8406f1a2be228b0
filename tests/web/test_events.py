"""What happens, over a websocket."""

import json

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


def heard(socket, *kinds, timeout=20):
    """The next frames of these kinds; others between them are passed over."""
    found = []
    for kind in kinds:
        while True:
            text = socket.recv(timeout)
            assert isinstance(text, str) and not text.endswith("\n")
            frame = json.loads(text)
            assert list(frame) == ["Type", "Data"]
            if frame["Type"] == kind:
                found.append(frame["Data"])
                break
    return found


def test_whoever_comes_is_told_how_much_there_is(caught):
    caught.mail()
    with listening(caught) as socket:
        (stats,) = heard(socket, "stats")

    assert stats == {"Total": 1, "Unread": 1, "Version": caught.http.get("/api/v1/info").json()["Version"]}


def test_a_new_mail_is_told_with_lists_where_others_have_null(caught):
    with listening(caught) as socket:
        heard(socket, "stats")
        name = caught.mail(to=(), Subject="<new>")
        summary, stats = heard(socket, "new", "stats")

    listed = caught.http.get("/api/v1/messages").json()["messages"][0]
    assert summary == listed | {"To": [], "Cc": [], "Bcc": [], "ReplyTo": []}
    assert (summary["ID"], summary["Subject"], stats["Total"]) == (name, "<new>", 1)


def test_changes_are_told(caught):
    one, two = caught.mail(X_Tags="a"), caught.mail()
    with listening(caught) as socket:
        heard(socket, "stats")
        caught.http.get(f"/api/v1/message/{one}")
        caught.http.put("/api/v1/messages", json={"Read": False})
        caught.http.put("/api/v1/tags", json={"IDs": [two], "Tags": ["b", "A"]})
        caught.http.put("/api/v1/tags/b", json={"Name": "c"})
        caught.http.request("DELETE", "/api/v1/messages", json={"IDs": [one]})
        caught.http.delete("/api/v1/messages")
        found = heard(socket, "update", "update", "update", "prune", "delete", "truncate", "stats")

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
    with listening(caught) as socket:
        socket.send("hello")
        socket.send(b"\0\xff")
        caught.mail()
        assert heard(socket, "new")


def test_several_listen_and_one_that_leaves_disturbs_nobody(caught):
    with listening(caught) as one:
        with listening(caught) as two:
            heard(one, "stats"), heard(two, "stats")
        caught.mail()
        assert heard(one, "new")


def test_a_frame_too_long_ends_the_connection(caught):
    with listening(caught) as socket, pytest.raises(ConnectionClosed):
        socket.send("x" * 100_000)
        while True:
            socket.recv(20)
    assert caught.http.get("/livez").status_code == 200


def test_a_mailbox_hears_of_its_own_mails(catching):
    caught = catching(mailboxes=[Mailbox.of_user("one", "token-of-mailbox-1", "ci-1")])
    with listening(caught, "token-of-mailbox-1") as socket:
        heard(socket, "stats")
        other, own = caught.mail(user="ci-2"), caught.mail(user="ci-1")
        caught.store.mark(read=True)
        caught.store.delete(ids=[other])
        new, read, gone, stats = heard(socket, "new", "update", "prune", "stats")

    assert (new["ID"], read["ID"], gone) == (own, own, None)
    assert stats["Total"] == stats["Unread"] + 1 == 1


@pytest.mark.parametrize("token", ["", "token-of-mailbox-2"])
def test_a_stranger_is_refused(catching, token):
    caught = catching(mailboxes=[Mailbox.of_user("one", "token-of-mailbox-1", "ci-1")])

    with pytest.raises(InvalidStatus) as refused:
        listening(caught, token)
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["WWW-Authenticate"] == 'Basic realm="Login"'


def test_who_does_not_keep_up_is_dropped(catching, monkeypatch):
    monkeypatch.setattr(ear, "_MOST", 2)
    monkeypatch.setattr(events, "_PATIENCE", 0.2)
    caught = catching()
    with listening(caught) as socket:
        heard(socket, "stats")
        # It stops reading: its own buffers fill up, then those of the system, then ours.
        socket.recv_messages.pause()
        subject = "x" * 9_000
        for _ in range(2_000):
            caught.mail(Subject=subject)
            if caught.catcher._at_leaving == {}:
                break
        socket.recv_messages.resume()
        with pytest.raises(ConnectionClosed):
            while True:
                socket.recv(20)


class Lost(MemoryStore):
    """A store that is away when somebody asks for a mail."""

    def entry(self, *_):
        raise StoreUnavailable("the disk is gone")


def test_a_store_that_is_away_is_told(catching):
    caught = catching(Lost())
    with listening(caught) as socket:
        heard(socket, "stats")
        caught.mail()
        (error,) = heard(socket, "error")
        caught.store.delete()
        heard(socket, "truncate")

    assert error == {"Level": "error", "Type": "store", "IP": "", "Message": "the disk is gone"}


def test_frames_of_mails_that_went_in_between(caught):
    for kind in ("new", "read", "tags"):
        assert events.frames(Change(kind, ("gone",)), Scope(caught.catcher)) == []


def test_a_stopped_server_lets_its_listeners_go(catching):
    caught = catching()
    with listening(caught) as socket:
        heard(socket, "stats")
        caught.web.stop()
        with pytest.raises(ConnectionClosed):
            while True:
                socket.recv(20)
    assert caught.catcher._at_leaving == {}
    caught.store.add([Arrival("1", 0, Envelope("", (), mail_parameters={}, rcpt_parameters=()), [b""])])
