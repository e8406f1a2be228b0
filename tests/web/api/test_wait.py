"""The route that waits for mails."""

import smtplib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from lazr.smtptest import Envelope
from lazr.smtptest.errors import SearchTooSlow, StoreUnavailable
from lazr.smtptest.store import Arrival, MemoryStore, TagFilter, TagRules, counting_limit
from lazr.smtptest.web.api import wait as wait_module
from lazr.smtptest.web.api import wait_group, wait_hub
from lazr.smtptest.web.mailbox import Mailbox

WAIT = "/api/v1/wait"


@pytest.fixture(autouse=True)
def _patient_waits(monkeypatch):
    """Let searches and reports take as long as they need on a slow machine."""
    monkeypatch.setattr(wait_module, "_MIN_SEARCH_SECONDS", 20)
    monkeypatch.setattr(wait_module, "_MAX_REPORT_SECONDS", 20)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def wait_for_waiters(rest_api, count):
    """Block until this number of requests wait."""
    wait_until(lambda: len(rest_api.app_context._shutdown_callbacks) == count)


def test_estimated_count_ends_no_wait(rest_api, monkeypatch):
    for subject in ["blue"] * 30 + ["red"] * 6:
        rest_api.add_mail(Subject=subject)
    monkeypatch.setattr(counting_limit, "_MIN_MAILS", 0)
    monkeypatch.setattr(counting_limit, "_MAX_SECONDS", -1.0)
    estimated = rest_api.http.get("/api/v1/search?query=subject:red&limit=2").json()
    assert estimated["estimated"] and estimated["messages_count"] > 10

    for count, status in ((5, 200), (7, 404)):
        params = {"query": "subject:red", "count": count, "limit": 2, "timeout": 0}
        response = rest_api.http.get(WAIT, params=params)
        assert (response.status_code, len(response.json()["messages"])) == (status, 2)


def test_matching_mail_is_returned_at_once(rest_api):
    mail_id = rest_api.add_mail(Subject="red")
    summary = rest_api.http.get(WAIT, params={"query": "subject:red"}).json()

    found = rest_api.http.get("/api/v1/search?query=subject:red").json()
    del found["cursors"]  # a wait has no second page
    assert summary == found
    assert [message["ID"] for message in summary["messages"]] == [mail_id]


def test_arriving_mail_wakes_waiters(rest_api, pool):
    waits = [pool.submit(rest_api.http.get, WAIT, params={"query": "subject:red", "timeout": 60}) for _ in range(3)]
    wait_for_waiters(rest_api, 3)
    rest_api.add_mail(Subject="blue")
    with smtplib.SMTP(*rest_api.server.address) as client:
        client.sendmail("ann@example.com", "bob@example.com", "Subject: red\r\n\r\nHello\r\n")

    for wait in waits:
        response = wait.result(20)
        assert response.status_code == 200
        assert [message["Subject"] for message in response.json()["messages"]] == ["red"]
    assert rest_api.app_context._shutdown_callbacks == {}


def test_count_waits_for_several_mails(rest_api, pool):
    rest_api.add_mail()
    wait = pool.submit(rest_api.http.get, WAIT, params={"count": 3, "timeout": 60, "limit": 2})
    wait_for_waiters(rest_api, 1)
    rest_api.add_mail()
    last = rest_api.add_mail()
    summary = wait.result(20).json()

    assert (summary["messages_count"], summary["count"], summary["messages"][0]["ID"]) == (3, 2, last)


def test_read_mark_wakes_waiters(rest_api, pool):
    rest_api.add_mail()
    wait = pool.submit(rest_api.http.get, WAIT, params={"query": "is:read", "timeout": 60})
    wait_for_waiters(rest_api, 1)
    rest_api.store.set_read(read=True)

    assert wait.result(20).status_code == 200


def test_timeout_returns_404_with_a_report(rest_api):
    rest_api.add_mail(Subject="red", to=("cy@example.com",))
    with smtplib.SMTP(*rest_api.server.address) as client:
        client.ehlo()
        client.rcpt("early@example.com")
    rest_api.server.settle()
    response = rest_api.http.get(WAIT, params={"query": "subject:blue", "timeout": 0})
    report = response.json()

    assert response.status_code == 404
    assert report["Error"] == "no mail with query='subject:blue' within 0 s (1 other mail arrived)"
    assert report["Others"] == ["ann@example.com -> cy@example.com 'red'"]
    assert any("early@example.com" in line for line in report["Explanation"])
    assert (report["messages"], report["messages_count"], report["total"]) == ([], 0, 1)


def test_report_has_the_mails_that_matched(rest_api):
    mail_id = rest_api.add_mail()
    report = rest_api.http.get(WAIT, params={"timeout": 0.05, "count": 2}).json()

    assert report["Error"] == "1 mail within 0.05 s, expected 2"
    assert [message["ID"] for message in report["messages"]] == [mail_id] and report["Others"] == []


@pytest.mark.parametrize(
    "query", ["timeout=-1", "timeout=301", "timeout=nan", "timeout=x", "count=0", "count=1001", "query=" + "x" * 2000]
)
def test_invalid_parameters_return_400(rest_api, query):
    response = rest_api.http.get(f"{WAIT}?{query}")

    assert response.status_code == 400 and response.text.startswith("Error: ")
    assert response.headers["content-type"] == "text/plain"


def test_wait_ends_when_the_client_disconnects(rest_api, monkeypatch):
    monkeypatch.setattr("lazr.smtptest.web.api.wait._DISCONNECT_CHECK_SECONDS", 0.1)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(rest_api.web.url + WAIT, params={"query": "none", "timeout": 60}, timeout=0.2)
    rest_api.add_mail()  # wakes the request

    wait_for_waiters(rest_api, 0)


def test_mailbox_waits_for_its_own_mails(make_rest_api, pool):
    rest_api = make_rest_api(mailboxes=[Mailbox.of_recipient("one", "token-of-mailbox-1", "*@one.example")])
    rest_api.http.headers["Authorization"] = "Bearer token-of-mailbox-1"
    wait = pool.submit(rest_api.http.get, WAIT, params={"timeout": 60})
    wait_for_waiters(rest_api, 1)
    rest_api.add_mail(to=("bob@two.example",))
    own_id = rest_api.add_mail(to=("bob@One.example",))

    assert [message["ID"] for message in wait.result(20).json()["messages"]] == [own_id]
    report = rest_api.http.get(WAIT, params={"timeout": 0, "count": 2}).json()
    assert (report["total"], report["Others"], report["Explanation"]) == (1, [], [])


def test_stopping_the_server_ends_waits_with_503(make_rest_api, pool):
    rest_api = make_rest_api()
    waits = [pool.submit(rest_api.http.get, WAIT, params={"timeout": 60}) for _ in range(3)]
    wait_for_waiters(rest_api, 3)
    rest_api.web.stop()

    for wait in waits:
        assert wait.result(20).status_code == 503


# -- a store that is slow, or has many mails that are not indexed ------------------------------------


class SlowStore(MemoryStore):
    """A store that answers searches when it is released, and reports mails that its searches left out."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.released = threading.Event()
        self.pending = 0

    def get_page(self, search=(), **page):
        self.released.wait(60)
        found = super().get_page(search, **page)
        return found._replace(entries=[], match_count=0, pending=self.pending) if self.pending else found


@pytest.fixture
def slow_api(make_rest_api):
    store = SlowStore(tag_rules=TagRules(filters=[TagFilter.parse("paid=receipt")]))
    yield make_rest_api(store)
    store.released.set()


def test_wait_ends_on_time_while_the_store_is_slow(slow_api, monkeypatch):
    monkeypatch.setattr(wait_module, "_MIN_SEARCH_SECONDS", 0.1)
    monkeypatch.setattr(wait_module, "_MAX_REPORT_SECONDS", 0.1)
    slow_api.add_mail(Subject="red")
    response = slow_api.http.get(WAIT, params={"query": "subject:red", "timeout": 0.2})

    assert not slow_api.store.released.is_set() and response.status_code == 404
    assert response.json()["Error"].endswith("; the search of the mails from before has no result yet")
    assert (response.json()["messages"], response.json()["Others"]) == ([], [])


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("subject:red", {"Subject": "red"}),
        ("tag:paid", {"Subject": "receipt"}),
        ("tag:blue is:unread", {"Subject": "x", "X_Tags": "blue"}),
        ("hello to:bob", {"Subject": "x", "To": "bob@example.com"}),
    ],
)
def test_new_mail_is_found_while_the_store_is_slow(slow_api, pool, query, fields):
    [wait] = start_waits(slow_api, pool, [query])
    slow_api.add_mail(Subject="other", to=("cy@example.com",), content="Subject: other\r\n\r\nNothing\r\n")
    mail_id = slow_api.add_mail(**fields)

    summary = wait.result(20).json()
    assert [message["ID"] for message in summary["messages"]] == [mail_id]
    assert (summary["messages_count"], summary["total"], summary["messages_unread"]) == (1, 2, 1)


def test_partial_search_is_repeated_until_all_is_indexed(slow_api, pool, monkeypatch):
    monkeypatch.setattr(wait_group, "_SECONDS_BETWEEN_PARTIAL_SEARCHES", 0.01)
    slow_api.store.pending = 3
    slow_api.store.released.set()
    mail_id = slow_api.add_mail(Subject="red")
    timed_out = slow_api.http.get(WAIT, params={"query": "subject:red", "timeout": 0}).json()
    assert timed_out["pending"] == 3 and timed_out["Error"].endswith("; 3 mails are not indexed yet")

    [wait] = start_waits(slow_api, pool, ["subject:red"])
    slow_api.store.pending = 0
    summary = wait.result(20).json()
    assert [message["ID"] for message in summary["messages"]] == [mail_id]
    assert summary["pending"] == 0


def test_mails_found_one_by_one_are_counted_once(slow_api, pool):
    slow_api.store.released.set()
    first = slow_api.add_mail(Subject="red")
    [wait] = start_waits(slow_api, pool, ["subject:red"], count=3)
    second = slow_api.add_mail(Subject="red")
    slow_api.store.set_tags([first, second], ["a"])
    slow_api.store.delete(ids=[second])
    third, fourth = slow_api.add_mail(Subject="red"), slow_api.add_mail(Subject="red")

    summary = wait.result(20).json()
    assert [message["ID"] for message in summary["messages"]] == [fourth, third, first]
    assert summary["tags"] == ["a"] and summary["messages_count"] == 3


class PartialStore(MemoryStore):
    """A store whose searches always leave one mail out, which does not match."""

    def __init__(self):
        super().__init__()
        self.searches = 0

    def get_page(self, search=(), **page):
        found = super().get_page(search, **page)._replace(pending=1)
        self.searches += 1
        return found


def test_mails_beyond_a_partial_page_are_counted_once(make_rest_api, pool, monkeypatch):
    monkeypatch.setattr(wait_group, "_MIN_SECONDS_BETWEEN_SEARCHES", 0.01)
    monkeypatch.setattr(wait_group, "_SECONDS_BETWEEN_PARTIAL_SEARCHES", 0.01)
    rest_api = make_rest_api(PartialStore())
    [wait] = start_waits(rest_api, pool, ["subject:red"], count=5, limit=2)
    for _ in range(4):
        rest_api.add_mail(Subject="red")
    searches = rest_api.store.searches
    wait_until(lambda: rest_api.store.searches > searches + 2)  # the last two have seen all four mails
    assert not wait.done()
    rest_api.add_mail(Subject="red")

    assert wait.result(20).json()["messages_count"] == 5


class TooSlowStore(MemoryStore):
    """A store whose searches take longer than their time limit."""

    def get_page(self, *_, **__):
        raise SearchTooSlow("too slow")


def test_new_mail_is_found_where_searches_are_too_slow(make_rest_api, pool):
    rest_api = make_rest_api(TooSlowStore())
    [wait] = start_waits(rest_api, pool, ["subject:red"])
    mail_id = rest_api.add_mail(Subject="red")

    assert [message["ID"] for message in wait.result(20).json()["messages"]] == [mail_id]


def test_mail_is_checked_again_if_the_store_is_too_slow(rest_api, pool, monkeypatch):
    [wait] = start_waits(rest_api, pool, ["subject:red"])
    get_entry = rest_api.store.get_entry
    calls = []

    def get_entry_slowly(*args, **kwargs):
        calls.append(args)
        if len(calls) <= 2:
            raise SearchTooSlow("too slow")
        return get_entry(*args, **kwargs)

    monkeypatch.setattr(rest_api.store, "get_entry", get_entry_slowly)
    mail_id = rest_api.add_mail(Subject="red")

    assert [message["ID"] for message in wait.result(20).json()["messages"]] == [mail_id]
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("module", "limit", "value"),
    [
        ("wait_hub", "_MAX_CHANGES", 1),
        ("wait_hub", "_MAX_QUEUED_BYTES", 0),
        ("wait_group", "_MAX_CANDIDATES", 1),
        ("wait_group", "_MAX_KEPT_BYTES", 0),
    ],
)
def test_overload_misses_no_mail(make_rest_api, pool, monkeypatch, *, module, limit, value):
    monkeypatch.setattr(f"lazr.smtptest.web.api.{module}.{limit}", value)
    rest_api = make_rest_api()
    waits = start_waits(rest_api, pool, ["subject:red", "subject:red7 hello", "tag:blue"], count=20)
    for number in range(10):
        rest_api.store.add(
            [
                Arrival(
                    f"mail{number}and{n}",
                    time.time(),
                    Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},)),
                    [b"X-Tags: blue\r\nSubject: red7\r\n\r\nhello\r\n"],
                )
                for n in range(2)
            ]
        )

    assert {wait.result(20).json()["messages_count"] for wait in waits} == {20}


# -- many waiting requests -------------------------------------------------------------------------


@pytest.fixture
def searches(rest_api, monkeypatch):
    """The searches that the store has answered, as a list that grows."""
    found = []
    get_page = rest_api.store.get_page

    def record(search=(), **page):
        result = get_page(search, **page)
        found.append(search)
        return result

    monkeypatch.setattr(rest_api.store, "get_page", record)
    return found


def start_waits(rest_api, pool, queries, **parameters):
    parameters = {"timeout": 60, **parameters}
    waits = [pool.submit(rest_api.http.get, WAIT, params={"query": query, **parameters}) for query in queries]
    wait_for_waiters(rest_api, len(queries))
    return waits


def forget_first_searches(searches, count):
    """Block until each search is answered once, so that it can not find the mails that are added next."""
    deadline = time.monotonic() + 20
    while len(searches) < count and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert len(searches) == count
    searches.clear()


def test_equal_searches_are_made_once_for_each_match(rest_api, pool, searches):
    waits = start_waits(rest_api, pool, ["subject:red"] * 6, count=2)
    forget_first_searches(searches, 1)
    for _ in range(5):
        rest_api.add_mail(Subject="blue")
    rest_api.add_mail(Subject="red")
    last = rest_api.add_mail(Subject="red")

    summaries = [wait.result(20).json() for wait in waits]
    assert {summary["messages_count"] for summary in summaries} == {2}
    assert {summary["messages"][0]["ID"] for summary in summaries} == {last}
    assert searches == []


def test_mail_that_matches_no_search_causes_no_search(rest_api, pool, searches):
    waits = start_waits(rest_api, pool, [f"subject:color{number}" for number in range(5)])
    forget_first_searches(searches, 5)
    rest_api.add_mail(Subject="color")
    rest_api.add_mail(Subject="color3")

    assert waits.pop(3).result(20).json()["messages_count"] == 1
    assert searches == []
    for number in (0, 1, 2, 4):
        rest_api.add_mail(Subject=f"color{number}")
    assert {wait.result(20).status_code for wait in waits} == {200}


@pytest.mark.parametrize(
    ("query", "act"),
    [
        ("tag:new", lambda rest_api, mail_id: rest_api.store.set_tags([mail_id], ["new"])),
        ("tag:fresh", lambda rest_api, mail_id: rest_api.store.rename_tag("old", "fresh")),
        ("-tag:old", lambda rest_api, mail_id: rest_api.store.delete_tag("old")),
        ("is:read", lambda rest_api, mail_id: rest_api.store.set_read(read=True)),
        ("tag:blue", lambda rest_api, mail_id: rest_api.add_mail(X_Tags="blue")),
        ("-tag:old", lambda rest_api, mail_id: rest_api.add_mail(Subject="none")),
        ("is:unread -subject:first", lambda rest_api, mail_id: rest_api.add_mail(Subject="none")),
        ("larger:2000", lambda rest_api, mail_id: rest_api.add_mail(Subject="x" * 3000)),
        ("-is:tagged", lambda rest_api, mail_id: rest_api.add_mail(Subject="none")),
    ],
)
def test_every_kind_of_change_wakes_waiters(rest_api, pool, query, act):
    mail_id = rest_api.add_mail(Subject="first", X_Tags="old")
    [wait] = start_waits(rest_api, pool, [query])

    act(rest_api, mail_id)

    assert wait.result(20).json()["messages_count"] == 1


def test_deleted_mail_is_not_in_the_report(rest_api, pool):
    rest_api.add_mail(Subject="red")
    [wait] = start_waits(rest_api, pool, ["subject:red"], count=2, timeout=3)
    rest_api.store.delete()

    report = wait.result(20).json()
    assert (report["messages_count"], report["messages"]) == (0, [])


def test_failed_search_is_not_shared_with_later_requests(rest_api, pool, searches, monkeypatch):
    [wait] = start_waits(rest_api, pool, ["subject:red"])
    forget_first_searches(searches, 1)
    get_entry = rest_api.store.get_entry

    def fail(*args, **kwargs):
        monkeypatch.setattr(rest_api.store, "get_entry", get_entry)
        raise StoreUnavailable("no database")

    monkeypatch.setattr(rest_api.store, "get_entry", fail)
    rest_api.add_mail(Subject="red")

    assert wait.result(20).status_code == 503
    assert rest_api.http.get(WAIT, params={"query": "subject:red"}).status_code == 200


@pytest.mark.parametrize(
    ("limit", "status", "owner"), [("MAX_WAITS_PER_MAILBOX", 429, "a mailbox"), ("MAX_WAITS", 503, "the server")]
)
def test_too_many_waits_are_refused_with_a_reason(make_rest_api, pool, monkeypatch, *, limit, status, owner):
    monkeypatch.setattr(wait_hub, limit, 2)
    mailboxes = [Mailbox.of_user(name, f"token-of-{name}-0123456789", name) for name in ("ann", "bob")]
    rest_api = make_rest_api(mailboxes=mailboxes)
    headers = [{"authorization": f"Bearer {mailbox.token}"} for mailbox in mailboxes]
    waits = [
        pool.submit(rest_api.http.get, WAIT, params={"query": f"x{n}", "timeout": 60}, headers=headers[0])
        for n in range(2)
    ]
    wait_for_waiters(rest_api, 2)

    refused = rest_api.http.get(WAIT, params={"timeout": 0}, headers=headers[0])
    assert (refused.status_code, refused.headers["retry-after"]) == (status, "1")
    assert f"{owner} may have at most 2 waiting requests; try again when one has ended" in refused.text
    other = rest_api.http.get(WAIT, params={"timeout": 0}, headers=headers[1])
    assert other.status_code == (404 if status == 429 else 503)

    rest_api.app_context.notify_shutdown()
    assert [wait.result(20).status_code for wait in waits] == [503, 503]
    assert rest_api.http.get(WAIT, params={"timeout": 0}, headers=headers[0]).status_code == 404
