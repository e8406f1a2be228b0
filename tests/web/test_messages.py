"""Lists, searches, read marks and deletions, as docs of Mailpit's API and its source have them."""

import json

import pytest

from lazr.smtptest import Envelope
from lazr.smtptest.store.contract import Arrival, Change

FULL = {
    "From": "Ann <ann@example.com>",
    "To": "Bob <bob@example.com>",
    "Cc": "cy@example.com",
    "Reply_To": "desk@example.com",
    "Message_ID": "<1@example.com>",
    "X_Tags": "Two, one",
}


def test_a_list_has_mailpits_fields(caught):
    name = caught.mail(to=("bob@example.com", "hidden@example.com"), user="ci", **FULL)
    listed = caught.http.get("/api/v1/messages").json()
    created = listed["messages"][0].pop("Created")

    assert listed == {
        "total": 1,
        "unread": 1,
        "count": 1,
        "messages_count": 1,
        "messages_unread": 1,
        "start": 0,
        "tags": ["one", "Two"],
        "messages": [
            {
                "ID": name,
                "MessageID": "1@example.com",
                "Read": False,
                "From": {"Name": "Ann", "Address": "ann@example.com"},
                "To": [{"Name": "Bob", "Address": "bob@example.com"}],
                "Cc": [{"Name": "", "Address": "cy@example.com"}],
                "Bcc": [{"Name": "", "Address": "hidden@example.com"}],
                "ReplyTo": [{"Name": "", "Address": "desk@example.com"}],
                "Subject": "Hi",
                "Username": "ci",
                "Tags": ["one", "Two"],
                "Size": caught.store.totals().size,
                "Attachments": 0,
                "Snippet": "Hello",
            }
        ],
    }
    assert created[-1] == "Z" and created[10] == "T"


@pytest.mark.parametrize(
    ("path", "nobody", "nowhere"),
    [("/api/v1/messages", None, []), ("/api/v1/search?query=hi", None, None)],
)
def test_what_is_empty_is_null_or_a_list_as_each_route_has_it(caught, path, nobody, nowhere):
    caught.mail(to=())
    found = caught.http.get(path).json()["messages"][0]

    assert (found["To"], found["Cc"], found["Bcc"], found["ReplyTo"]) == (nobody, nobody, nobody, nowhere)
    assert found["Tags"] == [] and found["From"] == {"Name": "", "Address": ""}


def test_json_is_written_as_go_writes_it(caught):
    caught.mail(Subject="<b> & \N{LINE SEPARATOR} ü")
    answer = caught.http.get("/api/v1/messages")

    assert answer.headers["content-type"] == "application/json"
    assert r'"Subject":"\u003cb\u003e \u0026 \u2028 ü"'.encode() in answer.content
    assert answer.content.endswith(b"]}\n") and b": " not in answer.content


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "543210"),
        ({"limit": "2"}, "54"),
        ({"start": "1", "limit": "2"}, "43"),
        ({"start": "4"}, "10"),
        ({"start": "99"}, ""),
        ({"limit": "0"}, "543210"),  # all
        ({"limit": "-1"}, "543210"),  # the usual 50
        ({"limit": "many", "start": "x"}, "543210"),
        ({"start": "-3", "limit": "1"}, "5"),
        ({"limit": "9" * 30}, "543210"),
        ({"start": "9" * 30}, ""),
        ({"before": "2001-01-01"}, ""),
        ({"before": "in 5 days or so"}, "543210"),
    ],
)
def test_pages(caught, query, expected):
    for number in range(6):
        caught.mail(Subject=str(number))
    listed = caught.http.get("/api/v1/messages", params=query).json()

    assert "".join(one["Subject"] for one in listed["messages"]) == expected
    assert (listed["count"], listed["messages_count"], listed["total"]) == (len(expected), 6, 6)


# Threat W12: no request has the server write all that it has.
def test_an_answer_has_a_thousand_mails_at_most(caught):
    envelope = Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))
    caught.store.add([Arrival(f"many{n}", 1_700_000_000.0, envelope, [b"\r\nword\r\n"]) for n in range(1_001)])
    for path in ("messages?", "search?query=word&", "wait?query=word&"):
        for limit, count in (("1000", 1000), ("1001", 1000), ("9" * 30, 1000), ("5", 5)):
            found = caught.http.get(f"/api/v1/{path}limit={limit}").json()
            assert (found["count"], len(found["messages"]), found["messages_count"]) == (count, count, 1_001)
    assert caught.http.get("/api/v1/messages?limit=0").json()["count"] == 1000
    assert caught.http.get(f"/api/v1/messages?start={'9' * 30}").json()["count"] == 0


@pytest.mark.parametrize("number", ["9" * 30, "-1", "1e3", "0x1", "1.5", "%00"])
def test_a_number_that_nothing_has_is_refused(caught, number):
    for path in ("rules", "sessions"):
        assert caught.http.get(f"/api/v1/{path}/{number}").status_code == 400


def test_a_search_counts_what_it_finds_and_what_there_is(caught):
    one, _, three = caught.mail(Subject="one red"), caught.mail(Subject="two"), caught.mail(Subject="three red")
    caught.store.mark(read=True, ids=[one])
    found = caught.http.get("/api/v1/search", params={"query": "subject:red", "limit": 1}).json()

    assert [message["ID"] for message in found.pop("messages")] == [three]
    assert found == {
        "total": 3,
        "unread": 2,
        "count": 1,
        "messages_count": 2,
        "messages_unread": 1,
        "start": 0,
        "tags": [],
    }


def test_a_search_with_limit_0_shows_nothing(caught):
    caught.mail()
    found = caught.http.get("/api/v1/search?query=hi&limit=0").json()

    assert (found["messages"], found["messages_count"]) == ([], 1)


def test_dates_of_a_search_are_in_the_zone_that_it_names(caught):
    caught.mail()
    query = {"query": "after:1970-01-01 before:9999-01-01"}

    for zone in ("Pacific/Auckland", "", "../../etc/passwd", "No/Where", "x" * 5000):
        assert caught.http.get("/api/v1/search", params=query | {"tz": zone}).json()["messages_count"] == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("query", ["", "?query=", "?query=%20"])
def test_a_search_wants_a_query(caught, method, query):
    caught.mail()
    answer = caught.http.request(method, f"/api/v1/search{query}")

    assert (answer.status_code, answer.text) == (400, "Error: no search query")
    assert answer.headers["content-type"] == "text/plain"
    assert caught.store.totals().mails == 1


def test_a_search_that_is_too_long_is_refused(caught):
    assert caught.http.get("/api/v1/search", params={"query": "x" * 2000}).status_code == 400


def test_a_search_shows_what_it_can_and_deletes_nothing_by_mistake(caught):
    caught.mail()

    assert caught.http.get("/api/v1/search?query=hi+before:someday").json()["messages_count"] == 1
    for query in ("larger:many", "...", '"hi'):
        answer = caught.http.delete("/api/v1/search", params={"query": query})
        assert answer.status_code == 400 and answer.text.startswith("Error: ")
    assert caught.store.totals().mails == 1


def test_what_a_search_finds_can_be_deleted(caught):
    caught.mail(Subject="red")
    blue = caught.mail(Subject="blue")
    answer = caught.http.delete("/api/v1/search?query=subject:red")

    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "ok", "text/plain")
    assert caught.ids() == [blue]


@pytest.mark.parametrize(
    ("body", "unread"),
    [
        ('{"Read": true}', ""),
        ('{"Read": true, "IDs": []}', ""),
        ('{"Read": true, "IDs": null, "Search": ""}', ""),
        ('{"Read": true, "IDs": ["A", "C", "none"]}', "BD"),
        ('{"read": true, "ids": ["A"]}', "BCD"),  # Go's decoder does not mind
        ('{"READ": true, "iDs": ["A"], "Else": {}}', "BCD"),
        ('{"Read": true, "Search": "subject:b"}', "ACD"),
        ("{}", "ABCD"),
        ('{"IDs": ["A"]}', "ABCD"),
    ],
)
def test_mails_are_marked(caught, body, unread):
    names = {letter: caught.mail(Subject=letter) for letter in "ABCD"}
    for letter, name in names.items():
        body = body.replace(f'"{letter}"', f'"{name}"')
    answer = caught.http.put("/api/v1/messages", content=body)

    assert (answer.status_code, answer.text) == (200, "ok")
    assert sorted(caught.found("is:unread")) == sorted(names[letter] for letter in unread)


def test_mails_are_marked_as_unread(caught):
    caught.mail()
    caught.store.mark(read=True)
    caught.http.put("/api/v1/messages", json={})

    assert caught.store.totals().unread == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        '"all"',
        '{"Read": "yes"}',
        '{"Read": true, "IDs": "A"}',
        '{"Read": true, "IDs": [1]}',
        '{"Read": true, "IDs": ["A"], "Search": "b"}',
        '{"Read": true, "Search": "larger:many"}',
        "[" * 100_000,
        b"\xff",
    ],
)
def test_a_body_that_makes_no_sense_marks_nothing(caught, body):
    caught.mail()
    answer = caught.http.put("/api/v1/messages", content=body)

    assert answer.status_code == 400 and answer.text and answer.headers["content-type"] == "text/plain"
    assert caught.store.totals().unread == 1


@pytest.mark.parametrize("body", ["", "{}", '{"IDs": []}', '{"ids": null}', "\n"])
def test_all_mails_are_deleted(caught, body):
    caught.mail(), caught.mail()
    answer = caught.http.request("DELETE", "/api/v1/messages", content=body)

    assert (answer.status_code, answer.text) == (200, "ok")
    assert caught.ids() == []


def test_mails_are_deleted_by_their_names(caught):
    one, two, three = caught.mail(), caught.mail(), caught.mail()
    caught.http.request("DELETE", "/api/v1/messages", json={"ids": [one, three, "none"]})

    assert caught.ids() == [two]


# Mailpit deletes everything when it cannot read the body; we do not.
@pytest.mark.parametrize("body", ["{", "[]", '{"IDs": "x"}', '{"IDs": [1]}', '{"ID": ["x"]}', "IDs=x", "null", "0"])
def test_a_body_that_makes_no_sense_deletes_nothing(caught, body):
    caught.mail()
    answer = caught.http.request("DELETE", "/api/v1/messages", content=body)

    assert answer.status_code == 400 and answer.text
    assert caught.store.totals().mails == 1


def test_ids_may_come_as_a_form(caught):
    one, two, three = caught.mail(), caught.mail(), caught.mail()
    caught.http.put("/api/v1/messages", data={"ids": [one, two], "Read": True})
    caught.http.request("DELETE", "/api/v1/messages", data={"ids": [one]})

    assert caught.ids() == [three, two] and caught.found("is:unread") == [three]


def test_a_body_is_json_whatever_it_says(caught):
    caught.mail(), caught.mail()
    for kind in ("application/x-www-form-urlencoded", "text/plain"):
        body = json.dumps({"IDs": caught.ids()[:1]})
        caught.http.request("DELETE", "/api/v1/messages", content=body, headers={"content-type": kind})

    assert caught.ids() == []


def test_what_is_asked_of_a_change_is_told_to_everyone(caught):
    heard = []
    leave = caught.store.subscribe(heard.append)
    name = caught.mail()
    caught.http.put("/api/v1/messages", json={"Read": True})
    caught.http.delete("/api/v1/messages")
    leave()

    assert heard == [Change("new", (name,)), Change("read", (name,)), Change("truncate")]
