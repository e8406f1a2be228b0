"""Deletions with a delay over HTTP: hidden everywhere, announced, and undone."""

import pytest

from lazr.smtptest.web import Mailbox
from tests.web.api.test_events import open_websocket, receive_frames

TOKEN, OTHER_TOKEN = "token-of-mailbox-1", "token-of-mailbox-2"


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


DELETIONS = {
    "IDs": (lambda ids: ("messages", {"IDs": ids[:2]})),
    "search": (lambda ids: ("search?query=subject:red", None)),
    "all": (lambda ids: ("messages", None)),
}


def delete_later(rest_api, path, body=None, *, delay=60, headers=None):
    path += f"{'&' if '?' in path else '?'}delay={delay}"
    response = rest_api.http.request("DELETE", f"/api/v1/{path}", json=body, headers=headers)
    assert response.status_code == 202, response.text
    return response.json()


@pytest.mark.parametrize("kind", DELETIONS)
def test_mails_vanish_at_once_and_come_back_unchanged(rest_api, kind):
    ids = [rest_api.add_mail(Subject=f"red {number}", X_Tags="a") for number in range(2)]
    ids.append(rest_api.add_mail(Subject="blue"))
    rest_api.http.put("/api/v1/messages", json={"IDs": ids[:1], "Read": True})
    before = rest_api.http.get("/api/v1/messages").json()
    hidden = ids if kind == "all" else ids[:2]
    deletion = delete_later(rest_api, *DELETIONS[kind](ids))

    assert deletion["Undo"] and deletion["Seconds"] == 60
    after = rest_api.http.get("/api/v1/messages").json()
    left = len(ids) - len(hidden)
    assert rest_api.list_ids() == rest_api.search_ids("hello") == [one for one in ids[::-1] if one not in hidden]
    assert (after["total"], after["unread"], after["messages_count"], after["tags"]) == (left, left, left, [])
    assert rest_api.http.get("/api/v1/info").json()["Messages"] == left
    assert rest_api.http.get("/api/v1/tags").json() == []
    assert rest_api.http.get("/api/v1/wait?query=red&timeout=0").status_code == 404
    assert rest_api.http.get("/api/v2/messages").json()["total"] == left
    for path in ("api/v1/message/{}", "api/v1/message/{}/raw", "view/{}.txt", "api/v1/messages/{}"):
        assert rest_api.http.get("/" + path.format(ids[0])).status_code == 404
    rest_api.http.put("/api/v1/messages", json={"Read": True})
    rest_api.http.put("/api/v1/tags", json={"IDs": hidden, "Tags": ["b"]})
    rest_api.http.put("/api/v1/messages", json={"IDs": [one for one in ids if one not in hidden], "Read": False})
    assert rest_api.store.get_totals().mails == 3

    response = rest_api.http.post(f"/api/v1/undo/{deletion['Undo']}")
    assert (response.status_code, response.text) == (200, "ok")
    assert rest_api.http.get("/api/v1/messages").json() == before
    response = rest_api.http.post(f"/api/v1/undo/{deletion['Undo']}")
    assert response.status_code == 404 and "can be undone" in response.text


def test_delay_of_0_deletes_at_once(rest_api):
    rest_api.add_mail()
    assert delete_later(rest_api, "messages", delay=0) == {"Undo": "", "Seconds": 0, "Deleted": 1}
    assert rest_api.store.get_totals().mails == 0


def test_delay_that_is_over_deletes(make_rest_api):
    rest_api = make_rest_api()
    ids = [rest_api.add_mail() for _ in range(2)]
    deletion = None
    with open_websocket(rest_api) as client:
        receive_frames(client, "stats")
        deletion = delete_later(rest_api, "messages", {"IDs": ids[:1]}, delay=0.01)
        # One frame when the mail is hidden, and one when it is deleted.
        assert receive_frames(client, "delete", "delete") == [{"ID": ids[0]}] * 2
    assert rest_api.store.get_totals().mails == 1
    assert rest_api.http.post(f"/api/v1/undo/{deletion['Undo']}").status_code == 404


@pytest.mark.parametrize("delay", ["-1", "61", "x", "nan", "inf"])
@pytest.mark.parametrize("path", ["messages", "search?query=hi"])
def test_invalid_delay_returns_400_and_deletes_nothing(rest_api, delay, path):
    rest_api.add_mail()
    response = rest_api.http.request("DELETE", f"/api/v1/{path}{'&' if '?' in path else '?'}delay={delay}")

    assert response.status_code == 400 and "delay" in response.text
    assert rest_api.list_ids() != []


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("messages", {"IDs": []}, "IDs must not be empty"),
        ("messages", {"Id": ["x"]}, "the body has no IDs"),
        ("search?query=larger:many", None, "larger"),
    ],
)
def test_invalid_deletions_are_refused_with_a_delay_too(rest_api, path, body, text):
    rest_api.add_mail()
    response = rest_api.http.request("DELETE", f"/api/v1/{path}{'&' if '?' in path else '?'}delay=1", json=body)

    assert response.status_code == 400 and text in response.text
    assert rest_api.list_ids() != []


def test_clients_are_told_of_hidden_and_restored_mails(rest_api):
    ids = [rest_api.add_mail(Subject="red") for _ in range(2)]
    with open_websocket(rest_api) as client:
        receive_frames(client, "stats")
        token = delete_later(rest_api, "messages", {"IDs": ids[:1]})["Undo"]
        deleted, stats = receive_frames(client, "delete", "stats")
        assert (deleted, stats["Total"], stats["Unread"]) == ({"ID": ids[0]}, 1, 1)
        rest_api.http.post(f"/api/v1/undo/{token}")
        (_, stats) = receive_frames(client, "prune", "stats")
        assert stats["Total"] == 2
        delete_later(rest_api, "messages")
        (_, stats) = receive_frames(client, "prune", "stats")
        assert stats["Total"] == 0


@pytest.fixture
def mailbox_api(make_rest_api):
    mailboxes = [Mailbox.of_user("one", TOKEN, "ci-1"), Mailbox.of_user("two", OTHER_TOKEN, "ci-2")]
    return make_rest_api(mailboxes=mailboxes, anonymous=True)


def test_mailbox_deletes_and_undoes_only_its_own_mails(mailbox_api):
    own_id, other_id = mailbox_api.add_mail(user="ci-1"), mailbox_api.add_mail(user="ci-2")
    token = delete_later(mailbox_api, "messages", headers=bearer(TOKEN))["Undo"]
    http = mailbox_api.http

    assert mailbox_api.list_ids() == [other_id]
    assert http.post(f"/api/v1/undo/{token}", headers=bearer(OTHER_TOKEN)).status_code == 404
    assert http.post(f"/api/v1/undo/{token}", headers=bearer(TOKEN)).status_code == 200
    token = delete_later(mailbox_api, "messages", {"IDs": [own_id, other_id]}, headers=bearer(TOKEN))["Undo"]
    assert mailbox_api.list_ids() == [other_id]
    assert http.post(f"/api/v1/undo/{token}").status_code == 200  # with access to all mails
    assert mailbox_api.list_ids() == [other_id, own_id]


def test_clients_of_a_mailbox_get_prune_when_its_mails_change(mailbox_api):
    mailbox_api.add_mail(user="ci-1")
    mailbox_api.add_mail(user="ci-2")
    with open_websocket(mailbox_api, TOKEN) as client:
        receive_frames(client, "stats")
        token = delete_later(mailbox_api, "messages")["Undo"]
        (_, stats) = receive_frames(client, "prune", "stats")
        assert stats["Total"] == 0
        mailbox_api.http.post(f"/api/v1/undo/{token}")
        (_, stats) = receive_frames(client, "prune", "stats")
        assert stats["Total"] == 1


def test_wait_does_not_return_hidden_mails(rest_api):
    rest_api.add_mail(Subject="red")
    token = delete_later(rest_api, "messages")["Undo"]
    waited = rest_api.http.get("/api/v1/wait?query=red&timeout=0").json()
    assert (waited["total"], waited["messages"]) == (0, [])
    rest_api.http.post(f"/api/v1/undo/{token}")
    assert rest_api.http.get("/api/v1/wait?query=red").json()["messages_count"] == 1


def test_pending_deletions_are_executed_when_the_server_stops(make_rest_api):
    rest_api = make_rest_api()
    ids = [rest_api.add_mail() for _ in range(3)]
    delete_later(rest_api, "messages", {"IDs": ids[:2]})
    rest_api.web.stop()

    assert rest_api.store.get_totals().mails == 1
    assert rest_api.app_context.deleted_count == 2
