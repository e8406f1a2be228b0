"""Lists, searches, read marks and deletions, by the documentation and the source of Mailpit's API."""

import json
from urllib.parse import urljoin

import pytest

from lazr.smtptest import Envelope
from lazr.smtptest.store import Arrival, Change
from lazr.smtptest.web import Mailbox

FULL = {
    "From": "Ann <ann@example.com>",
    "To": "Bob <bob@example.com>",
    "Cc": "cy@example.com",
    "Reply_To": "desk@example.com",
    "Message_ID": "<1@example.com>",
    "X_Tags": "Two, one",
}


def test_list_has_mailpits_fields(rest_api):
    mail_id = rest_api.add_mail(to=("bob@example.com", "hidden@example.com"), user="ci", **FULL)
    summary = rest_api.http.get("/api/v1/messages").json()
    created = summary["messages"][0].pop("Created")
    assert summary.pop("cursors")["next"] == ""

    assert summary == {
        "total": 1,
        "unread": 1,
        "count": 1,
        "messages_count": 1,
        "messages_unread": 1,
        "start": 0,
        "tags": ["one", "Two"],
        "pending": 0,
        "estimated": False,
        "messages": [
            {
                "ID": mail_id,
                "MessageID": "1@example.com",
                "Read": False,
                "From": {"Name": "Ann", "Address": "ann@example.com"},
                "Recipients": ["bob@example.com", "hidden@example.com"],
                "To": [{"Name": "Bob", "Address": "bob@example.com"}],
                "Cc": [{"Name": "", "Address": "cy@example.com"}],
                "Bcc": [{"Name": "", "Address": "hidden@example.com"}],
                "ReplyTo": [{"Name": "", "Address": "desk@example.com"}],
                "Subject": "Hi",
                "Username": "ci",
                "Tags": ["one", "Two"],
                "Size": rest_api.store.get_totals().size,
                "Attachments": 0,
                "Snippet": "Hello",
            }
        ],
    }
    assert created[-1] == "Z" and created[10] == "T"


@pytest.mark.parametrize(
    ("path", "no_recipients", "no_reply_to"),
    [("/api/v1/messages", None, []), ("/api/v1/search?query=hi", None, None)],
)
def test_no_addresses_are_null_or_empty_list_by_route(rest_api, path, no_recipients, no_reply_to):
    rest_api.add_mail(to=())
    summary = rest_api.http.get(path).json()["messages"][0]

    assert [summary[field] for field in ("To", "Cc", "Bcc", "ReplyTo")] == [*[no_recipients] * 3, no_reply_to]
    assert summary["Tags"] == [] and summary["From"] == {"Name": "", "Address": ""}


@pytest.mark.parametrize(
    ("content", "return_path"),
    [
        (b"Subject: x\r\n\r\n", "app@example.com"),
        (b"From:\r\nSubject: x\r\n\r\n", "app@example.com"),
        (b"From: undisclosed-senders:;\r\n\r\n", "app@example.com"),
        (b"From: ann@example.com\r\n\r\n", None),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/messages", "/api/v1/search?query=is:unread", "/api/v1/wait?query="])
def test_mail_without_from_has_its_reverse_path(path, content, return_path, rest_api):
    rest_api.add_mail(content, sender="app@example.com")
    (summary,) = rest_api.http.get(path).json()["messages"]

    assert summary.get("ReturnPath") == return_path


def test_json_has_gos_format(rest_api):
    rest_api.add_mail(Subject="<b> & \N{LINE SEPARATOR} ü")
    response = rest_api.http.get("/api/v1/messages")

    assert response.headers["content-type"] == "application/json"
    assert r'"Subject":"\u003cb\u003e \u0026 \u2028 ü"'.encode() in response.content
    assert response.content.endswith(b"}\n") and b": " not in response.content


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "543210"),
        ({"limit": "2"}, "54"),
        ({"start": "1", "limit": "2"}, "43"),
        ({"start": "4"}, "10"),
        ({"start": "99"}, ""),
        ({"limit": "0"}, "543210"),  # all
        ({"limit": "-1"}, "543210"),  # the default, 50
        ({"limit": "many", "start": "x"}, "543210"),
        ({"start": "-3", "limit": "1"}, "5"),
        ({"limit": "9" * 30}, "543210"),
        ({"start": "9" * 30}, ""),
        ({"before": "2001-01-01"}, ""),
        ({"before": "in 5 days or so"}, "543210"),
    ],
)
def test_start_limit_and_before(rest_api, query, expected):
    for number in range(6):
        rest_api.add_mail(Subject=str(number))
    summary = rest_api.http.get("/api/v1/messages", params=query).json()

    assert "".join(message["Subject"] for message in summary["messages"]) == expected
    assert (summary["count"], summary["messages_count"], summary["total"]) == (len(expected), 6, 6)


# W12: no response has all mails of a large store.
def test_response_has_at_most_1000_mails(rest_api):
    envelope = Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))
    rest_api.store.add([Arrival(f"many{n}", 1_700_000_000.0, envelope, [b"\r\nword\r\n"]) for n in range(1_001)])
    for path in ("messages?", "search?query=word&", "wait?query=word&"):
        for limit, count in (("1000", 1000), ("1001", 1000), ("9" * 30, 1000), ("5", 5)):
            summary = rest_api.http.get(f"/api/v1/{path}limit={limit}").json()
            assert (summary["count"], len(summary["messages"]), summary["messages_count"]) == (count, count, 1_001)
    everything = rest_api.http.get("/api/v1/messages?limit=0")
    assert everything.json()["count"] == 1000
    assert everything.links["next"]["url"] == "?start=1000&limit=1000"
    assert rest_api.http.get(f"/api/v1/messages?start={'9' * 30}").json()["count"] == 0


@pytest.mark.parametrize(
    ("path", "query", "pages"),
    [
        ("messages", {"limit": "2"}, ["54", "32", "10"]),
        ("messages", {"limit": "4"}, ["5432", "10"]),
        ("messages", {"limit": "3", "start": "2", "before": "2040-01-01"}, ["321", "0"]),
        ("messages", {"limit": "6"}, ["543210"]),
        ("messages", {"limit": "0"}, ["543210"]),
        ("messages", {"start": "9"}, [""]),
        ("search", {"query": 'subject:"mail" & tag:none OR', "limit": "2"}, [""]),
        ("search", {"query": 'subject:"mail"', "limit": "2", "tz": "Europe/Berlin"}, ["54", "32", "10"]),
        ("search", {"query": "mail", "limit": "0"}, [""]),
    ],
)
def test_link_leads_to_all_pages(rest_api, path, query, pages):
    for number in range(6):
        rest_api.add_mail(Subject=f"Mail {number}")
    response = rest_api.http.get(f"/api/v1/{path}", params=query)
    found = []
    while response is not None:
        found.append("".join(message["Subject"][-1] for message in response.json()["messages"]))
        link = response.links.get("next")
        response = link and rest_api.http.get(urljoin(str(response.url), link["url"]))

    assert found == pages


# -- cursors and orders ------------------------------------------------------------------------------


def subjects(summary):
    return "".join(message["Subject"][-1] for message in summary["messages"])


@pytest.mark.parametrize("path", ["messages?", "search?query=mail&"])
def test_cursor_next_lists_each_mail_once_while_mail_arrives(rest_api, path):
    for number in range(7):
        rest_api.add_mail(Subject=f"Mail {number}")
    found, cursor = [], ""
    while cursor or not found:
        summary = rest_api.http.get(f"/api/v1/{path}limit=3&cursor={cursor}").json()
        found.append((subjects(summary), summary["messages_count"], summary["messages_unread"], summary["start"]))
        cursor = summary["cursors"]["next"]
        rest_api.add_mail(Subject="Mail X")

    assert found == [("654", 7, 7, 0), ("321", 4, 4, 0), ("0", 1, 1, 0)]
    assert summary["total"] == 9


@pytest.mark.parametrize("path", ["messages?", "search?query=mail&", "messages?sort=subject&", "messages?order=asc&"])
@pytest.mark.parametrize("start", [0, 2, 9])
def test_cursor_first_lists_the_same_mails_again(rest_api, path, start):
    ids = [rest_api.add_mail(Subject=f"Mail {number}") for number in range(6)]
    before = rest_api.http.get(f"/api/v1/{path}limit=3&start={start}").json()
    cursor = before["cursors"]["first"]
    rest_api.add_mail(Subject="Mail A")
    rest_api.store.delete(ids=ids[5:])  # also without the mail that the cursor is made of
    for at in (start, 0, 4):
        after = rest_api.http.get(f"/api/v1/{path}limit=9&start={at}&cursor={cursor}").json()
        assert (after["cursors"]["first"], after["messages_count"]) == (cursor, 5)
        assert "A" not in subjects(after) and len(after["messages"]) == max(5 - at, 0)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort=size", "CBA"),
        ("sort=size&order=asc", "ABC"),
        ("sort=from&order=asc", "BCA"),
        ("sort=to&order=asc", "ACB"),
        ("sort=subject&order=asc", "ABC"),
        ("sort=subject&order=desc&start=1", "BA"),
        ("order=asc", "BCA"),
        ("sort=received&order=asc&limit=1", "B"),
        ("", "ACB"),
    ],
)
@pytest.mark.parametrize("path", ["messages?", "search?query=order&"])
def test_list_is_sorted(rest_api, path, query, expected):
    rest_api.add_mail(Subject="Order B", From="A <ann@example.com>", Filler="x" * 10, to=["cy@example.com"])
    rest_api.add_mail(Subject="order C", From="bob@example.com", Filler="x" * 20, to=["Bob@example.com"])
    rest_api.add_mail(Subject="Order A", From="Cy <cy@example.com>", to=["ann@example.com"])

    summary = rest_api.http.get(f"/api/v1/{path}{query}").json()
    assert subjects(summary) == expected
    assert (summary["cursors"]["next"] != "") is ("limit=1" in query and "asc" not in query)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("cursor=17", "cursor must be one that a list has returned, got '17'; start without one"),
        ("cursor=" + "A" * 22, "cursor must be one that a list has returned"),
        ("cursor=" + "%C3%A9" * 22, "cursor must be one that a list has returned"),
        ("cursor=%00", "cursor must be one that a list has returned"),
        ("sort=color", "sort: Input should be 'received', 'size', 'from', 'to' or 'subject'"),
        ("order=up", "order: Input should be 'desc' or 'asc'"),
    ],
)
def test_unknown_cursor_and_order_return_400(rest_api, query, text):
    for path in ("messages?", "search?query=x&"):
        response = rest_api.http.get(f"/api/v1/{path}{query}")
        assert (response.status_code, text in response.text) == (400, True)


def test_cursors_of_a_mailbox_do_not_depend_on_others(make_rest_api):
    token = "token-of-mailbox-7"
    rest_api = make_rest_api(mailboxes=[Mailbox.of_recipient("job 7", token, "ann@example.com")])

    def list_own(query=""):
        response = rest_api.http.get(f"/api/v1/messages?{query}", headers={"Authorization": f"Bearer {token}"})
        return response.json()

    empty = list_own()["cursors"]
    rest_api.add_mail(Subject="1", to=["ann@example.com"])
    before = list_own()
    rest_api.add_mail(Subject="2", to=["bob@example.com"])
    assert list_own()["cursors"] == before["cursors"] and before["cursors"]["first"] not in ("", empty["first"])
    assert list_own(f"cursor={empty['first']}")["messages_count"] == 0
    assert list_own(f"cursor={before['cursors']['first']}")["messages"] == before["messages"]


def test_recipients_are_truncated_like_other_addresses(rest_api):
    recipients = [f"{number:04}{'x' * 200}@example.com" for number in range(500)]
    mail_id = rest_api.add_mail(to=recipients)
    whole = rest_api.http.get("/api/v1/messages?limit=1").json()["messages"][0]
    assert whole["Recipients"] == recipients and "Truncated" not in whole

    for _ in range(49):
        rest_api.add_mail()
    short = rest_api.http.get("/api/v1/messages").json()["messages"][-1]
    assert (short["ID"], short["Truncated"]) == (mail_id, True)
    assert short["Recipients"] == recipients[: len(short["Recipients"])] and 0 < len(short["Recipients"]) < 100


def test_link_stays_in_its_header_field(rest_api):
    for number in range(2):
        rest_api.add_mail(Subject=f"x {number}")
    query = {"query": "x", "limit": "1", "a>": '\r\nX-A: ">, <', "ü": "ü"}
    response = rest_api.http.get("/api/v1/search", params=query)

    assert response.headers["link"] == (
        '<?query=x&a%3E=%0D%0AX-A%3A+%22%3E%2C+%3C&%C3%BC=%C3%BC&start=1&limit=1>; rel="next"'
    )


@pytest.mark.parametrize("number", ["9" * 30, "-1", "1e3", "0x1", "1.5", "%00"])
def test_invalid_number_in_path_returns_400(rest_api, number):
    for path in ("rules", "sessions"):
        assert rest_api.http.get(f"/api/v1/{path}/{number}").status_code == 400


def test_search_counts_matches_and_all_mails(rest_api):
    one, _, three = (
        rest_api.add_mail(Subject="one red"),
        rest_api.add_mail(Subject="two"),
        rest_api.add_mail(Subject="three red"),
    )
    rest_api.store.set_read(read=True, ids=[one])
    summary = rest_api.http.get("/api/v1/search", params={"query": "subject:red", "limit": 1}).json()

    assert [message["ID"] for message in summary.pop("messages")] == [three]
    assert len(summary.pop("cursors")["next"]) == 22
    assert summary == {
        "total": 3,
        "unread": 2,
        "count": 1,
        "messages_count": 2,
        "messages_unread": 1,
        "start": 0,
        "tags": [],
        "pending": 0,
        "estimated": False,
    }


@pytest.mark.parametrize("path", ["messages", "search?query=red"])
def test_page_says_what_the_store_left_out(rest_api, monkeypatch, path):
    get_page = rest_api.store.get_page
    monkeypatch.setattr(
        rest_api.store, "get_page", lambda *args, **page: get_page(*args, **page)._replace(pending=7, is_estimate=True)
    )
    summary = rest_api.http.get(f"/api/v1/{path}").json()

    assert (summary["pending"], summary["estimated"]) == (7, True)


def test_search_with_limit_0_returns_only_counts(rest_api):
    rest_api.add_mail()
    summary = rest_api.http.get("/api/v1/search?query=hi&limit=0").json()

    assert (summary["messages"], summary["messages_count"]) == ([], 1)


def test_search_accepts_any_time_zone_name(rest_api):
    rest_api.add_mail()
    query = {"query": "after:1970-01-01 before:9999-01-01"}

    for zone in ("Pacific/Auckland", "", "../../etc/passwd", "No/Where", "x" * 5000):
        assert rest_api.http.get("/api/v1/search", params=query | {"tz": zone}).json()["messages_count"] == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("query", ["", "?query=", "?query=%20"])
def test_search_without_query_returns_400(rest_api, method, query):
    rest_api.add_mail()
    response = rest_api.http.request(method, f"/api/v1/search{query}")

    assert (response.status_code, response.text) == (400, "Error: no search query")
    assert response.headers["content-type"] == "text/plain"
    assert rest_api.store.get_totals().mails == 1


def test_too_long_search_returns_400(rest_api):
    assert rest_api.http.get("/api/v1/search", params={"query": "x" * 2000}).status_code == 400


def test_strict_search_responds_400_to_an_invalid_term(rest_api):
    rest_api.add_mail()
    response = rest_api.http.get("/api/v1/search?query=hi+before:someday&strict=1")

    assert response.status_code == 400
    assert "before: must be a date" in response.text
    assert rest_api.http.get("/api/v1/search?query=hi&strict=1").json()["messages_count"] == 1


def test_invalid_term_is_ignored_in_lists_and_400_in_deletions(rest_api):
    rest_api.add_mail()

    assert rest_api.http.get("/api/v1/search?query=hi+before:someday").json()["messages_count"] == 1
    for query in ("larger:many", "...", '"hi'):
        response = rest_api.http.delete("/api/v1/search", params={"query": query})
        assert response.status_code == 400 and response.text.startswith("Error: ")
    assert rest_api.store.get_totals().mails == 1


def test_delete_search_results(rest_api):
    rest_api.add_mail(Subject="red")
    blue = rest_api.add_mail(Subject="blue")
    response = rest_api.http.delete("/api/v1/search?query=subject:red")

    assert (response.status_code, response.text, response.headers["content-type"]) == (200, "ok", "text/plain")
    assert rest_api.list_ids() == [blue]


@pytest.mark.parametrize(
    ("body", "unread"),
    [
        ('{"Read": true}', ""),
        ('{"Read": true, "IDs": []}', ""),
        ('{"Read": true, "IDs": null, "Search": ""}', ""),
        ('{"Read": true, "IDs": ["A", "C", "none"]}', "BD"),
        ('{"read": true, "ids": ["A"]}', "BCD"),  # as in Go's decoder
        ('{"READ": true, "iDs": ["A"], "Else": {}}', "BCD"),
        ('{"Read": true, "Search": "subject:b"}', "ACD"),
        ("{}", "ABCD"),
        ('{"IDs": ["A"]}', "ABCD"),
    ],
)
def test_set_read_status(rest_api, body, unread):
    mail_ids = {letter: rest_api.add_mail(Subject=letter) for letter in "ABCD"}
    for letter, mail_id in mail_ids.items():
        body = body.replace(f'"{letter}"', f'"{mail_id}"')
    response = rest_api.http.put("/api/v1/messages", content=body)

    assert (response.status_code, response.text) == (200, "ok")
    assert sorted(rest_api.search_ids("is:unread")) == sorted(mail_ids[letter] for letter in unread)


def test_set_read_status_without_read_marks_as_unread(rest_api):
    rest_api.add_mail()
    rest_api.store.set_read(read=True)
    rest_api.http.put("/api/v1/messages", json={})

    assert rest_api.store.get_totals().unread == 1


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
def test_invalid_body_marks_nothing(rest_api, body):
    rest_api.add_mail()
    response = rest_api.http.put("/api/v1/messages", content=body)

    assert response.status_code == 400 and response.text and response.headers["content-type"] == "text/plain"
    assert rest_api.store.get_totals().unread == 1


@pytest.mark.parametrize("body", ["", "{}", '{"ids": null}', "\n"])
def test_delete_without_ids_deletes_all_mails(rest_api, body):
    rest_api.add_mail(), rest_api.add_mail()
    response = rest_api.http.request("DELETE", "/api/v1/messages", content=body)

    assert (response.status_code, response.text) == (200, "ok")
    assert rest_api.list_ids() == []


def test_delete_by_ids(rest_api):
    one, two, three = rest_api.add_mail(), rest_api.add_mail(), rest_api.add_mail()
    rest_api.http.request("DELETE", "/api/v1/messages", json={"ids": [one, three, "none"]})

    assert rest_api.list_ids() == [two]


# Mailpit deletes all mails if the body is invalid.
@pytest.mark.parametrize(
    "body",
    ["{", "[]", '{"IDs": []}', '{"ids":[]}', '{"IDs": "x"}', '{"IDs": [1]}', '{"ID": ["x"]}', "IDs=x", "null", "0"],
)
def test_invalid_body_deletes_nothing(rest_api, body):
    rest_api.add_mail()
    response = rest_api.http.request("DELETE", "/api/v1/messages", content=body)

    assert response.status_code == 400 and response.text
    assert rest_api.store.get_totals().mails == 1


def test_ids_in_a_form_are_accepted(rest_api):
    one, two, three = rest_api.add_mail(), rest_api.add_mail(), rest_api.add_mail()
    rest_api.http.put("/api/v1/messages", data={"ids": [one, two], "Read": True})
    rest_api.http.request("DELETE", "/api/v1/messages", data={"ids": [one]})

    assert rest_api.list_ids() == [three, two] and rest_api.search_ids("is:unread") == [three]


def test_json_body_is_accepted_with_any_content_type(rest_api):
    rest_api.add_mail(), rest_api.add_mail()
    for content_type in ("application/x-www-form-urlencoded", "text/plain"):
        body = json.dumps({"IDs": rest_api.list_ids()[:1]})
        rest_api.http.request("DELETE", "/api/v1/messages", content=body, headers={"content-type": content_type})

    assert rest_api.list_ids() == []


def test_changes_are_published_to_subscribers(rest_api):
    changes = []
    unsubscribe = rest_api.store.subscribe(changes.append)
    mail_id = rest_api.add_mail()
    rest_api.http.put("/api/v1/messages", json={"Read": True})
    rest_api.http.delete("/api/v1/messages")
    unsubscribe()

    assert changes == [Change("new", (mail_id,)), Change("read", (mail_id,)), Change("truncate")]
