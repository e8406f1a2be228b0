"""Waiting for mail over HTTP."""

import smtplib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from lazr.smtptest.web.mailbox import Mailbox

WAIT = "/api/v1/wait"


@pytest.fixture
def pool():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def waiting(caught, count):
    """Until so many wait; the store has that many listeners then."""
    deadline = time.monotonic() + 20
    while len(caught.catcher._at_leaving) != count and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert len(caught.catcher._at_leaving) == count


def test_what_is_there_is_told_at_once(caught):
    name = caught.mail(Subject="red")
    found = caught.http.get(WAIT, params={"query": "subject:red"})

    assert found.json() == caught.http.get("/api/v1/search?query=subject:red").json()
    assert [one["ID"] for one in found.json()["messages"]] == [name]


def test_who_waits_is_woken_by_the_mail(caught, pool):
    waits = [pool.submit(caught.http.get, WAIT, params={"query": "subject:red", "timeout": 60}) for _ in range(3)]
    waiting(caught, 3)
    caught.mail(Subject="blue")
    with smtplib.SMTP(*caught.server.address) as client:
        client.sendmail("ann@example.com", "bob@example.com", "Subject: red\r\n\r\nHello\r\n")

    for wait in waits:
        answer = wait.result(20)
        assert answer.status_code == 200
        assert [one["Subject"] for one in answer.json()["messages"]] == ["red"]
    assert caught.catcher._at_leaving == {}


def test_who_waits_for_several_gets_them_all(caught, pool):
    caught.mail()
    wait = pool.submit(caught.http.get, WAIT, params={"count": 3, "timeout": 60, "limit": 2})
    waiting(caught, 1)
    caught.mail()
    last = caught.mail()
    found = wait.result(20).json()

    assert (found["messages_count"], found["count"], found["messages"][0]["ID"]) == (3, 2, last)


def test_a_mark_may_be_what_is_waited_for(caught, pool):
    caught.mail()
    wait = pool.submit(caught.http.get, WAIT, params={"query": "is:read", "timeout": 60})
    waiting(caught, 1)
    caught.store.mark(read=True)

    assert wait.result(20).status_code == 200


def test_when_time_is_up_the_evidence_is_told(caught):
    caught.mail(Subject="red", to=("cy@example.com",))
    with smtplib.SMTP(*caught.server.address) as client:
        client.ehlo()
        client.rcpt("early@example.com")
    caught.server.settle()
    answer = caught.http.get(WAIT, params={"query": "subject:blue", "timeout": 0})
    told = answer.json()

    assert answer.status_code == 404
    assert told["Error"] == "no mail that 'subject:blue' finds within 0 s; 0 came, and 1 others"
    assert told["Others"] == ["ann@example.com -> cy@example.com 'red'"]
    assert any("early@example.com" in line for line in told["Explanation"])
    assert (told["messages"], told["messages_count"], told["total"]) == ([], 0, 1)


def test_of_several_that_were_wanted_some_may_have_come(caught):
    name = caught.mail()
    told = caught.http.get(WAIT, params={"timeout": 0.05, "count": 2}).json()

    assert told["Error"] == "no 2 mail within 0.05 s; 1 came, and 0 others"
    assert [one["ID"] for one in told["messages"]] == [name] and told["Others"] == []


@pytest.mark.parametrize(
    "query", ["timeout=-1", "timeout=301", "timeout=nan", "timeout=x", "count=0", "count=1001", "query=" + "x" * 2000]
)
def test_what_cannot_be_waited_for(caught, query):
    answer = caught.http.get(f"{WAIT}?{query}")

    assert answer.status_code == 400 and answer.text.startswith("Error: ")
    assert answer.headers["content-type"] == "text/plain"


def test_who_has_gone_is_not_waited_for(caught):
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(caught.web.url + WAIT, params={"query": "none", "timeout": 60}, timeout=0.2)
    caught.mail()  # wakes it

    waiting(caught, 0)


def test_a_mailbox_waits_for_its_own(catching, pool):
    caught = catching(mailboxes=[Mailbox.of_recipient("one", "token-of-mailbox-1", "*@one.example")])
    caught.http.headers["Authorization"] = "Bearer token-of-mailbox-1"
    wait = pool.submit(caught.http.get, WAIT, params={"timeout": 60})
    waiting(caught, 1)
    caught.mail(to=("bob@two.example",))
    own = caught.mail(to=("bob@One.example",))

    assert [one["ID"] for one in wait.result(20).json()["messages"]] == [own]
    told = caught.http.get(WAIT, params={"timeout": 0, "count": 2}).json()
    assert (told["total"], told["Others"], told["Explanation"]) == (1, [], [])


def test_stopping_the_server_lets_everybody_go(catching, pool):
    caught = catching()
    waits = [pool.submit(caught.http.get, WAIT, params={"timeout": 60}) for _ in range(3)]
    waiting(caught, 3)
    caught.web.stop()

    for wait in waits:
        assert wait.result(20).status_code == 503
