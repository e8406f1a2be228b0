"""Groups of mails over HTTP: by recipient, tag and mailbox."""

import pytest

from lazr.smtptest.store import DateTerm, TextTerm
from lazr.smtptest.web import Mailbox
from lazr.smtptest.web.api import groups
from tests.store.search_corpus import NOON

TOKEN, OTHER_TOKEN, THIRD_TOKEN = "token-of-mailbox-1", "token-of-mailbox-2", "token-of-mailbox-3"


def get_groups(rest_api, token="", **query):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = rest_api.http.get("/api/v1/groups", params=query, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


def test_groups_by_recipient_have_the_latest_first(rest_api):
    first_id = rest_api.add_mail(to=("ann@example.com", "bob@example.com"), Subject="red")
    rest_api.add_mail(to=("Bob@Example.com",), Subject="blue")
    last_id = rest_api.add_mail(to=("ann@example.com",), Subject="red")
    rest_api.store.set_read(read=True, ids=[first_id])
    created = {mail["ID"]: mail["Created"] for mail in rest_api.http.get("/api/v1/messages").json()["messages"]}
    found = get_groups(rest_api, by="recipient")

    assert found == {
        "groups": [
            {
                "Name": "ann@example.com",
                "Query": "recipient:ann@example.com",
                "Total": 2,
                "Unread": 1,
                "Latest": created[last_id],
            },
            found["groups"][1] | {"Name": "bob@example.com", "Total": 2, "Unread": 1},
        ],
        "estimated": False,
        "more": False,
    }
    assert get_groups(rest_api) == found
    assert [(one["Name"], one["Total"]) for one in get_groups(rest_api, query="subject:red")["groups"]] == [
        ("ann@example.com", 2),
        ("bob@example.com", 1),
    ]


@pytest.mark.parametrize("by", ["recipient", "tag"])
def test_query_of_a_group_finds_its_mails(rest_api, by):
    names = ["plain", "two words", "é ü", "100%", "a-b_c", "-x", "!y", "tag:z", "(", "a:b", "OR", "\\"]
    addresses = [
        *("ann@example.com", '"a b"@example.com', "é@bücher.example", "-dash@example.com", "a'b@example.com"),
        *('"a\\"b"@example.com', "a b", '"', "x" * 900 + "@example.com", "*" * 20 + "@example.com", "<a>", "a:b@[::1]"),
    ]
    for name, address in zip(names, addresses, strict=True):
        rest_api.add_mail(to=(address,), X_Tags=name)
    found = get_groups(rest_api, by=by)["groups"]

    assert len(found) == 12
    for group in found:
        ids = rest_api.search_ids(group["Query"])
        assert len(ids) == 1, group


def test_groups_by_tag(rest_api):
    ids = [rest_api.add_mail(X_Tags=tags) for tags in ("Red, blue", "red", "")]
    assert [(one["Name"], one["Query"], one["Total"]) for one in get_groups(rest_api, by="tag")["groups"]] == [
        ("Red", "tag:red", 2),
        ("blue", "tag:blue", 1),
    ]
    rest_api.store.set_tags(ids[2:], ['say "hi"'])
    (group, *_) = get_groups(rest_api, by="tag")["groups"]
    assert (group["Name"], group["Query"]) == ('say "hi"', "")  # no query has a quote in a tag


@pytest.fixture
def mailbox_api(make_rest_api):
    mailboxes = [
        Mailbox.of_user("one", TOKEN, "ci 1"),
        Mailbox.of_recipient("two", OTHER_TOKEN, "*@two.example"),
        Mailbox("special", THIRD_TOKEN, (TextTerm("subject", "red"), DateTerm("after", NOON))),
    ]
    return make_rest_api(mailboxes=mailboxes, anonymous=True)


def test_groups_by_mailbox(mailbox_api):
    mailbox_api.add_mail(user="ci 1")
    mailbox_api.add_mail(to=("a@two.example", "b@two.example"))
    mailbox_api.add_mail(to=("a@two.example",), user="ci 1")
    found = get_groups(mailbox_api, by="mailbox")

    assert [(one["Name"], one["Query"], one["Total"], one["Unread"]) for one in found["groups"]] == [
        ("one", 'user:"ci 1"', 2, 2),
        ("two", "recipient:*@two.example", 2, 2),
        ("special", "", 0, 0),
    ]
    assert [one["Latest"] != "" for one in found["groups"]] == [True, True, False]
    assert [len(mailbox_api.search_ids(one["Query"])) for one in found["groups"][:2]] == [2, 2]
    assert (found["estimated"], found["more"]) == (False, False)
    two = get_groups(mailbox_api, by="mailbox", query="recipient:b@two.example")["groups"]
    assert {one["Name"]: one["Total"] for one in two} == {"one": 0, "two": 1, "special": 0}


def test_token_of_a_mailbox_groups_only_its_mails(mailbox_api):
    mailbox_api.add_mail(user="ci 1", to=("ann@example.com",), X_Tags="a")
    mailbox_api.add_mail(user="ci 2", to=("bob@example.com",), X_Tags="b")

    for by, names in (("recipient", ["ann@example.com"]), ("tag", ["a"]), ("mailbox", ["one"])):
        found = get_groups(mailbox_api, TOKEN, by=by)
        assert [(one["Name"], one["Total"]) for one in found["groups"]] == [(name, 1) for name in names]


def test_number_of_groups_is_limited(rest_api, monkeypatch):
    monkeypatch.setattr(groups, "MAX_GROUPS_PER_RESPONSE", 3)
    for number in range(5):
        rest_api.add_mail(to=(f"{number}@example.com",))
    found = get_groups(rest_api)

    assert [one["Name"][0] for one in found["groups"]] == ["4", "3", "2"] and found["more"] is True


def test_grouping_by_many_mailboxes_takes_limited_time(mailbox_api, monkeypatch):
    monkeypatch.setattr(groups, "_MAX_MAILBOX_SECONDS", 0)
    mailbox_api.add_mail(user="ci 1")
    found = get_groups(mailbox_api, by="mailbox")

    assert len(found["groups"]) == 1 and found["more"] is True


def test_hidden_mails_are_in_no_group(rest_api):
    rest_api.add_mail(X_Tags="a")
    rest_api.http.delete("/api/v1/messages?delay=60")
    assert get_groups(rest_api)["groups"] == get_groups(rest_api, by="tag")["groups"] == []


def test_unknown_group_returns_400(rest_api):
    response = rest_api.http.get("/api/v1/groups?by=color")
    assert (response.status_code, response.text) == (
        400,
        "Error: by: Input should be 'recipient', 'tag' or 'mailbox'",
    )
    assert rest_api.http.get("/api/v1/groups", params={"query": "x" * 2000}).status_code == 400
