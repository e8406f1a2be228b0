"""The websocket of events."""

import contextlib
import json
import smtplib
import socket
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from lazr.smtptest import Envelope
from lazr.smtptest.errors import StoreUnavailable
from lazr.smtptest.store import Arrival, Change, MemoryStore, Retention, SqliteStore, TagRules
from lazr.smtptest.web.api import event_encoder, event_hub, event_listener
from lazr.smtptest.web.api.access_scope import AccessScope
from lazr.smtptest.web.api.event_frames import build_change_frames
from lazr.smtptest.web.mailbox import Mailbox


def open_websocket(rest_api, token=""):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    # No limit on frames that are not received yet: with one, the client would not read the answer to its close frame.
    url = f"{rest_api.web.url.replace('http', 'ws')}/api/events"
    return connect(url, additional_headers=headers, max_queue=None)


def receive_frames(client, *kinds, timeout=20):
    """Return the data of the next frames of these types; skip frames of other types between them."""
    frames = []
    for kind in kinds:
        while True:
            text = client.recv(timeout)
            assert isinstance(text, str) and not text.endswith("\n")
            frame = json.loads(text)
            assert list(frame) == ["Type", "Data"]
            if frame["Type"] == kind:
                frames.append(frame["Data"])
                break
    return frames


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_first_frame_has_the_totals(rest_api):
    rest_api.add_mail()
    with open_websocket(rest_api) as client:
        (stats,) = receive_frames(client, "stats")

    assert stats == {"Total": 1, "Unread": 1, "Version": rest_api.http.get("/api/v1/info").json()["Version"]}


def test_new_frame_has_empty_lists_instead_of_null(rest_api):
    with open_websocket(rest_api) as client:
        receive_frames(client, "stats")
        mail_id = rest_api.add_mail(to=(), Subject="<new>")
        summary, stats = receive_frames(client, "new", "stats")

    listed = rest_api.http.get("/api/v1/messages").json()["messages"][0]
    assert listed.pop("ReturnPath") == "ann@example.com"  # only lists have it, if a mail has no From
    assert summary == listed | {"To": [], "Cc": [], "Bcc": [], "ReplyTo": []}
    assert (summary["ID"], summary["Subject"], stats["Total"]) == (mail_id, "<new>", 1)


def test_changes_send_frames(rest_api):
    first_id, second_id = rest_api.add_mail(X_Tags="a"), rest_api.add_mail()
    http = rest_api.http
    # Each request after the frame of the one before: a frame shows the mail as it is when the frame is built.
    changes = [
        (lambda: http.get(f"/api/v1/message/{first_id}"), "update", {"ID": first_id, "Read": True}),
        (lambda: http.put("/api/v1/messages", json={"Read": False}), "update", {"ID": first_id, "Read": False}),
        (
            lambda: http.put("/api/v1/tags", json={"IDs": [second_id], "Tags": ["b", "A"]}),
            "update",
            {"ID": second_id, "Tags": ["A", "b"]},
        ),
        (
            lambda: rest_api.store.set_flags([second_id], add=["\\Flagged"]),
            "update",
            {"ID": second_id, "Flags": ["\\Flagged"]},
        ),
        (lambda: http.put("/api/v1/tags/b", json={"Name": "c"}), "prune", None),
        (lambda: http.request("DELETE", "/api/v1/messages", json={"IDs": [first_id]}), "delete", {"ID": first_id}),
        (lambda: http.delete("/api/v1/messages"), "truncate", None),
    ]
    with open_websocket(rest_api) as client:
        receive_frames(client, "stats")
        for change, kind, data in changes:
            change()
            assert receive_frames(client, kind) == [data]
        while receive_frames(client, "stats")[0]["Total"]:
            pass


def test_frames_of_clients_are_ignored(rest_api):
    with open_websocket(rest_api) as client:
        client.send("hello")
        client.send(b"\0\xff")
        rest_api.add_mail()
        assert receive_frames(client, "new")


def test_clients_are_independent_of_each_other(rest_api):
    with open_websocket(rest_api) as first:
        with open_websocket(rest_api) as second:
            receive_frames(first, "stats"), receive_frames(second, "stats")
        rest_api.add_mail()
        assert receive_frames(first, "new")


def test_too_long_frame_closes_the_connection(rest_api):
    with open_websocket(rest_api) as client, pytest.raises(ConnectionClosed):
        client.send("x" * 100_000)
        while True:
            client.recv(20)
    assert rest_api.http.get("/livez").status_code == 200


@pytest.fixture
def mailbox_api(make_rest_api):
    return make_rest_api(mailboxes=[Mailbox.of_user("one", "token-of-mailbox-1", "ci-1")], anonymous=True)


def test_mailbox_gets_frames_of_its_own_mails(mailbox_api):
    with open_websocket(mailbox_api, "token-of-mailbox-1") as client:
        receive_frames(client, "stats")
        own_id = mailbox_api.add_mail(user="ci-1")
        receive_frames(client, "new", "stats")
        mailbox_api.store.set_read(read=True)
        update, stats = receive_frames(client, "update", "stats")
        assert (update["ID"], stats["Unread"]) == (own_id, 0)
        mailbox_api.store.delete(ids=[own_id])
        prune, stats = receive_frames(client, "prune", "stats")

    assert (prune, stats["Total"]) == (None, 0)


@pytest.mark.parametrize(
    "delete",
    [
        lambda store, ids: store.delete(ids=ids),
        lambda store, ids: store.delete(),
        lambda store, ids: store.prune(Retention(max_mails=1), 0),
    ],
)
def test_mailbox_gets_prune_however_its_mails_are_deleted(mailbox_api, delete):
    ids = [mailbox_api.add_mail(user="ci-1") for _ in range(3)]
    with open_websocket(mailbox_api, "token-of-mailbox-1") as client:
        receive_frames(client, "stats")
        delete(mailbox_api.store, ids)
        receive_frames(client, "prune")


def test_mailbox_does_not_notice_changes_of_others(mailbox_api):
    other_id = mailbox_api.add_mail(user="ci-2")
    with open_websocket(mailbox_api, "token-of-mailbox-1") as client, open_websocket(mailbox_api) as owner:
        receive_frames(client, "stats")
        receive_frames(owner, "stats")
        for _ in range(2):
            mailbox_api.add_mail(user="ci-2")
            receive_frames(owner, "new", "stats")
            mailbox_api.store.set_read(read=True)
            receive_frames(owner, "update", "stats")
            mailbox_api.store.set_tags([other_id], ["a"])
            mailbox_api.store.delete(ids=[other_id])
            receive_frames(owner, "delete", "stats")
            other_id = mailbox_api.add_mail(user="ci-2")
        mailbox_api.store.delete()
        receive_frames(owner, "truncate", "stats")
        own_id = mailbox_api.add_mail(user="ci-1")

        # Nothing comes before the frames of the own mail.
        frames = {frame["Type"]: frame["Data"] for frame in (json.loads(client.recv(20)) for _ in range(2))}
    assert frames.keys() == {"new", "stats"}
    assert (frames["new"]["ID"], frames["stats"]["Total"]) == (own_id, 1)


def test_websocket_of_a_removed_mailbox_is_closed(mailbox_api):
    with open_websocket(mailbox_api, "token-of-mailbox-1") as client:
        receive_frames(client, "stats")
        assert mailbox_api.http.delete("/api/v1/mailboxes/one").status_code == 200
        mailbox_api.add_mail(user="ci-1")
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                client.recv(20)

    assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize("token", ["", "token-of-mailbox-2"])
def test_missing_or_wrong_token_returns_401(make_rest_api, token):
    rest_api = make_rest_api(mailboxes=[Mailbox.of_user("one", "token-of-mailbox-1", "ci-1")])

    with pytest.raises(InvalidStatus) as refused:
        open_websocket(rest_api, token)
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["WWW-Authenticate"] == 'Basic realm="Login"'


def test_queue_overflow_closes_with_1013(make_rest_api, monkeypatch):
    monkeypatch.setattr(event_encoder, "_MAX_QUEUED_MAILS", 150)
    rest_api = make_rest_api()
    with open_websocket(rest_api) as client:
        receive_frames(client, "stats")
        envelope = Envelope("", (), mail_parameters={}, rcpt_parameters=())
        rest_api.store.add([Arrival(f"many{number}", 0, envelope, [b"x"]) for number in range(2_000)])
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                client.recv(20)

    assert closed.value.rcvd.code == 1013


def test_client_that_does_not_read_is_disconnected(make_rest_api, monkeypatch):
    monkeypatch.setattr(event_listener, "_WRITE_TIMEOUT_SECONDS", 0.2)
    rest_api = make_rest_api()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(20)
        client.connect(("127.0.0.1", rest_api.web.port))
        client.sendall(
            b"GET /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert client.recv(12) == b"HTTP/1.1 101"
        # The client stops reading: its buffers fill up, then those of the system, then those of the server.
        for _ in range(1_500):
            rest_api.add_mail(Subject="x" * 9_000)
        wait_until(lambda: rest_api.app_context._shutdown_callbacks == {})
        with contextlib.suppress(ConnectionResetError):
            while client.recv(1_000_000):  # until the server closes the connection
                pass


class UnavailableStore(MemoryStore):
    """A store that becomes unavailable when a mail is read."""

    def get_entry(self, *_):
        raise StoreUnavailable("the disk is gone")


def test_unavailable_store_sends_an_error_frame(make_rest_api):
    rest_api = make_rest_api(UnavailableStore())
    with open_websocket(rest_api) as client:
        receive_frames(client, "stats")
        rest_api.add_mail()
        receive_frames(client, "new")
        rest_api.store.set_read(read=True)
        (error,) = receive_frames(client, "error")
        rest_api.store.delete()
        receive_frames(client, "truncate")

    assert error == {"Level": "error", "Type": "store", "IP": "", "Message": "the disk is gone"}


def test_deleted_mail_has_no_frames(rest_api):
    for kind in ("new", "read", "tags"):
        assert build_change_frames(Change(kind, ("gone",)), AccessScope(rest_api.app_context)) == []


def test_stopping_the_server_closes_connections(make_rest_api):
    rest_api = make_rest_api()
    with open_websocket(rest_api) as client:
        receive_frames(client, "stats")
        rest_api.web.stop()
        with pytest.raises(ConnectionClosed):
            while True:
                client.recv(20)
    assert rest_api.app_context._shutdown_callbacks == {}
    rest_api.store.add([Arrival("1", 0, Envelope("", (), mail_parameters={}, rcpt_parameters=()), [b""])])


# -- many clients and many mails -----------------------------------------------------------------------


def wait_for_worker(rest_api, started=True):
    def get_worker():
        (hub,) = event_hub._hubs[rest_api.app_context].values()
        return hub._encoder._worker._process

    wait_until(lambda: (get_worker() is not None) is started)
    return get_worker()


def test_frame_is_the_same_from_the_child_process(make_rest_api, tmp_path):
    store = SqliteStore(tmp_path / "mails.sqlite", tag_rules=TagRules(plus_addresses=True))
    store.open()
    rest_api = make_rest_api(store)
    content = (
        "From: Ann <ann@example.com>\r\nTo: =?utf-8?q?B=C3=B6b?= <bob+red@example.com>\r\nCc: cy@example.com\r\n"
        "Subject: =?utf-8?q?=E2=82=AC?=\r\nReply-To: x@example.com\r\n"
        "Message-ID: <1@x>\r\nX-Tags: Zoo, ape\r\n\r\n<Hello> & bye\r\n"
    )
    with open_websocket(rest_api) as client:
        receive_frames(client, "stats")
        wait_for_worker(rest_api)
        for _ in range(3):
            mail_id = rest_api.add_mail(content, to=("bob+red@example.com", "hidden@example.com"), user="ci")
            (summary,) = receive_frames(client, "new")
            listed = rest_api.http.get("/api/v1/messages?limit=1").json()["messages"][0]
            assert summary == listed
        assert (summary["ID"], summary["Tags"], summary["Username"]) == (mail_id, ["ape", "red", "Zoo"], "ci")
    store.close()


def test_killed_worker_loses_and_doubles_no_event(make_rest_api):
    rest_api = make_rest_api()
    with open_websocket(rest_api) as client:
        receive_frames(client, "stats")
        worker = wait_for_worker(rest_api)
        ids = []
        for number in range(20):
            ids.append(rest_api.add_mail(Subject=str(number)))
            if number == 5:
                worker.kill()
        assert [summary["ID"] for summary in receive_frames(client, *["new"] * 20)] == ids
        wait_for_worker(rest_api, started=False)
    wait_until(lambda: worker._process.poll() is not None)


def test_clients_that_connect_again_and_again_start_few_processes(make_rest_api, monkeypatch):
    started = []
    process_class = event_encoder.WorkerProcess
    monkeypatch.setattr(event_encoder, "_SECONDS_BETWEEN_WORKER_STARTS", 60.0)
    monkeypatch.setattr(event_encoder, "_start_limit", event_encoder._StartLimit())
    monkeypatch.setattr(
        event_encoder, "WorkerProcess", lambda module: (started.append(module), process_class(module))[1]
    )
    rest_api = make_rest_api()
    for number in range(5):
        with open_websocket(rest_api) as client:
            receive_frames(client, "stats")
            mail_id = rest_api.add_mail(Subject=str(number))
            assert receive_frames(client, "new")[0]["ID"] == mail_id
        wait_until(lambda: rest_api.app_context._shutdown_callbacks == {})  # the next client starts anew
    assert len(started) == 1


def test_all_clients_of_a_scope_get_the_same_frames_in_order(make_rest_api):
    rest_api = make_rest_api(mailboxes=[Mailbox.of_user("one", "token-of-mailbox-1", "ci-1")], anonymous=True)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(open_websocket(rest_api)) for _ in range(5)]
        owners = [stack.enter_context(open_websocket(rest_api, "token-of-mailbox-1")) for _ in range(2)]
        for client in clients + owners:
            receive_frames(client, "stats")
        ids = [rest_api.add_mail(user="ci-1" if number % 2 else "ci-2") for number in range(40)]
        for client in clients:
            assert [summary["ID"] for summary in receive_frames(client, *["new"] * 40)] == ids
        for client in owners:
            assert [summary["ID"] for summary in receive_frames(client, *["new"] * 20)] == ids[1::2]


def test_client_gets_no_frames_of_mails_from_before(make_rest_api):
    rest_api = make_rest_api()
    with open_websocket(rest_api) as first:
        receive_frames(first, "stats")
        for _ in range(100):
            rest_api.add_mail()
        with open_websocket(rest_api) as second:
            receive_frames(second, "stats")
            receive_frames(first, *["new"] * 100)
            mail_id = rest_api.add_mail()
            while (summary := receive_frames(second, "new")[0])["ID"] != mail_id:
                # Only mails that arrived while the connection was being opened.
                assert summary["ID"]
        assert receive_frames(first, "new")[0]["ID"] == mail_id


def test_totals_are_read_once_for_all_clients(make_rest_api, monkeypatch):
    rest_api = make_rest_api()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(open_websocket(rest_api)) for _ in range(10)]
        for client in clients:
            receive_frames(client, "stats")
        calls = []
        get_totals = rest_api.store.get_totals
        monkeypatch.setattr(
            rest_api.store, "get_totals", lambda *search: (calls.append(time.monotonic()), get_totals(*search))[1]
        )
        started_at = time.monotonic()
        for _ in range(200):
            rest_api.add_mail()
        for client in clients:
            while receive_frames(client, "stats")[0]["Total"] < 200:
                pass
        assert len(calls) <= 2 + (time.monotonic() - started_at) / event_hub._STATS_INTERVAL_SECONDS


def test_server_without_the_extension_sends_texts(make_rest_api, monkeypatch):
    monkeypatch.setattr(event_listener, "FRAME_WRITER_EXTENSION", "none")
    rest_api = make_rest_api()
    with open_websocket(rest_api) as client:
        receive_frames(client, "stats")
        ids = [rest_api.add_mail(Subject="Grüße") for _ in range(3)]
        assert [summary["ID"] for summary in receive_frames(client, *["new"] * 3)] == ids


@pytest.mark.slow
def test_slow_client_does_not_hold_up_others(make_rest_api, monkeypatch):
    monkeypatch.setattr(event_listener, "_MAX_QUEUED_BYTES", 100_000)
    rest_api = make_rest_api()
    with socket.socket() as slow, open_websocket(rest_api) as quick:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(20)
        slow.connect(("127.0.0.1", rest_api.web.port))
        slow.sendall(
            b"GET /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert slow.recv(12) == b"HTTP/1.1 101"
        receive_frames(quick, "stats")
        for _ in range(600):
            rest_api.add_mail(Subject="x" * 9_000)
        receive_frames(quick, *["new"] * 600)
        data = b""
        while chunk := slow.recv(1_000_000):
            data += chunk
    assert data.endswith(b"\x88\x02\x03\xf5")  # RFC 6455 5.5.1: a close frame with code 1013


NOOP_RULE = {"when": "NOOP", "do": [{"reply": [451]}]}


def test_rules_frames_tell_changes_and_acts(rest_api):
    rest_api.server.on("VRFY").drop().optional()
    http = rest_api.http
    with open_websocket(rest_api) as client:
        receive_frames(client, "stats")
        (rule,) = http.post("/api/v1/rules", json=NOOP_RULE).json()
        (added,) = receive_frames(client, "rules")
        with smtplib.SMTP(*rest_api.server.address) as smtp:
            smtp.noop()
            (acted,) = receive_frames(client, "rules")
        http.put(f"/api/v1/rules/{rule['ID']}", json={"Enabled": False})
        (disabled,) = receive_frames(client, "rules")
        http.delete("/api/v1/rules")
        (removed,) = receive_frames(client, "rules")

    assert added == {"Active": 2, "Calls": 0} and acted == {"Active": 2, "Calls": 1}
    assert disabled == {"Active": 1, "Calls": 1} and removed == {"Active": 0, "Calls": 0}


def test_rules_frames_come_at_most_four_times_a_second(rest_api):
    rest_api.http.post("/api/v1/rules", json=NOOP_RULE)
    with open_websocket(rest_api) as client, smtplib.SMTP(*rest_api.server.address) as smtp:
        receive_frames(client, "stats")
        started_at = time.monotonic()
        for _ in range(60):
            smtp.noop()
        frames = []
        while not frames or frames[-1]["Calls"] < 60:
            frames += receive_frames(client, "rules")
        seconds = time.monotonic() - started_at

    assert 1 <= len(frames) <= 2 + 4 * seconds


def test_token_of_a_mailbox_gets_no_rules_frames(make_rest_api):
    rest_api = make_rest_api(mailboxes=[Mailbox.of_recipient("job", "token-of-the-job", "*@job.example")])
    with open_websocket(rest_api, "token-of-the-job") as client:
        receive_frames(client, "stats")
        rest_api.server.on("NOOP").reply(451).optional()
        rest_api.add_mail(to=("a@job.example",))
        kinds = [json.loads(client.recv(20))["Type"] for _ in range(2)]

    assert sorted(kinds) == ["new", "stats"]


def test_rules_have_no_listeners_when_no_client_is_connected(rest_api):
    rules = rest_api.server.rules
    with open_websocket(rest_api) as client:
        receive_frames(client, "stats")
        assert len(rules._listeners) == 1
    wait_until(lambda: not rules._listeners)
