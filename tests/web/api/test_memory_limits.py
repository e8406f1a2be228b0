"""Answers about large mails are limited, and only a few of them are made at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, Guard, LinkChecker, OutboundClient, WebServer, make_app
from lazr.smtptest.web.api import link_check, memory_limits
from lazr.smtptest.web.api.schemas import MAX_NAME_CHARACTERS, MAX_TEXT_CHARACTERS
from tests.web.conftest import RestApi

LARGE = 2 * MAX_TEXT_CHARACTERS


def build_mail(content_type, body):
    return f"Subject: large\r\nContent-Type: {content_type}; charset=utf-8\r\n\r\n".encode() + body


@pytest.mark.parametrize("letter", ["<", "x", "\u20ac", "\U0001f600"])
@pytest.mark.parametrize(("field", "suffix"), [("Text", "txt"), ("HTML", "html")])
def test_large_text_is_cut_in_json(rest_api, letter, field, suffix):
    content_type = {"Text": "text/plain", "HTML": "text/html"}[field]
    text = "<p>" + letter * (LARGE // len(letter.encode()) * len(letter.encode()))
    mail_id = rest_api.add_mail(build_mail(content_type, text.encode()))
    response = rest_api.http.get(f"/api/v1/message/{mail_id}")
    message = response.json()

    assert message[field] == text[:MAX_TEXT_CHARACTERS]
    assert max(len(message["Text"]), len(message["HTML"])) == MAX_TEXT_CHARACTERS
    assert message["Truncated"][0] == {"Field": field, "Characters": len(text), "URL": f"/view/{mail_id}.{suffix}"}
    assert len(response.content) < 13 * MAX_TEXT_CHARACTERS
    assert rest_api.http.get(message["Truncated"][0]["URL"]).text == text


@pytest.mark.parametrize("length", [1, MAX_TEXT_CHARACTERS])
def test_smaller_text_is_whole_and_has_no_mark(rest_api, length):
    mail_id = rest_api.add_mail(build_mail("text/plain", b"x" * length))
    message = rest_api.http.get(f"/api/v1/message/{mail_id}").json()

    assert len(message["Text"]) == length and "Truncated" not in message


@pytest.mark.parametrize(
    "header", ["Content-Disposition: attachment; filename", "Content-ID: x; y", "Content-Type: a/b; name"]
)
def test_names_of_attachments_are_cut_in_json(rest_api, header):
    value = "<" * 20_000
    written = f"Content-ID: <{value}>" if header.startswith("Content-ID") else f'{header}="{value}"'
    part = f"--b\r\nContent-Disposition: attachment\r\n{written}\r\n\r\nx\r\n"
    if header.startswith("Content-Disp"):
        part = f"--b\r\n{written}\r\n\r\nx\r\n"
    content = "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 100 + "--b--\r\n"
    mail_id = rest_api.add_mail(content)
    response = rest_api.http.get(f"/api/v1/message/{mail_id}")

    assert len(response.content) < 100 * (2 * 6 * MAX_NAME_CHARACTERS + 1000)
    assert response.json()["Truncated"][0]["Field"] == "Attachments"


@pytest.mark.parametrize(
    "header",
    [
        "Subject: " + "<" * 9_000,
        "To: " + ",".join(f"a{number}@b.example" for number in range(300)),
        'Reply-To: "' + "<" * 9_000 + '" <a@b.example>, b@b.example',
        'From: "' + "<" * 9_000 + '" <a@b.example>',
    ],
)
def test_list_of_mails_with_huge_headers_is_limited(rest_api, monkeypatch, header):
    monkeypatch.setattr("lazr.smtptest.web.api.messages.MAX_LISTED_CHARACTERS", 20_000)
    for _ in range(10):
        rest_api.add_mail(f"{header}\r\n\r\nx\r\n")
    for path in ("messages", "search?query=is:unread", "wait?query=is:unread"):
        response = rest_api.http.get(f"/api/v1/{path}")
        messages = response.json()["messages"]

        assert len(messages) == 10 and all(message["Truncated"] is True for message in messages)
        assert len(response.content) < 6 * 20_000 + 10 * 1_000
    # A short list has it all.
    assert "Truncated" not in rest_api.http.get("/api/v1/messages?limit=1").json()["messages"][0]


LARGE_ROUTES = ["", "/raw", "/headers", "/links", "/codes", "/envelope", "/defects", "/part/1"]


@pytest.mark.slow
@pytest.mark.parametrize("path", LARGE_ROUTES)
def test_two_requests_at_once_work_on_large_mails(rest_api, monkeypatch, path):
    mail_id = rest_api.add_mail(build_mail("text/plain", b"x" * LARGE))
    parallel = CallCounter(rest_api.store.get_mail)
    monkeypatch.setattr(rest_api.store, "get_mail", parallel)
    with ThreadPoolExecutor(12) as pool:
        statuses = list(
            pool.map(lambda _: rest_api.http.get(f"/api/v1/message/{mail_id}{path}").status_code, range(12))
        )

    assert set(statuses) == ({404} if path == "/part/1" else {200})
    assert parallel.calls == 12 and parallel.most <= 2


def test_two_link_checks_at_once_read_large_mails(rest_api, monkeypatch):
    mail_id = rest_api.add_mail(build_mail("text/plain", b"x" * LARGE))
    parallel = CallCounter(link_check.find_message_urls)
    monkeypatch.setattr(link_check, "find_message_urls", parallel)
    monkeypatch.setattr(rest_api.app_context, "link_checker", LinkChecker(OutboundClient()))
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(rest_api.http.get, [f"/api/v1/message/{mail_id}/link-check"] * 12))

    assert {answer.status_code for answer in answers} == {200}
    assert parallel.calls == 12 and parallel.most <= 2


def test_small_mails_do_not_wait_for_large_ones(rest_api, monkeypatch):
    large, small = rest_api.add_mail(build_mail("text/plain", b"x" * LARGE)), rest_api.add_mail()
    release = threading.Event()
    get_mail = rest_api.store.get_mail
    monkeypatch.setattr(rest_api.store, "get_mail", lambda *more: release.wait(30) and get_mail(*more))
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(rest_api.http.get, f"/view/{large}.txt") for _ in range(8)]
        try:
            assert rest_api.http.get(f"/api/v1/message/{small}").status_code == 200
        finally:
            release.set()
        assert {one.result().status_code for one in waiting} == {200}


def test_answer_is_refused_before_it_is_made_if_others_take_all_memory(monkeypatch):
    store = MemoryStore()
    server = MailServer(store=store)
    app = make_app(AppContext(store, server))
    entered, release = threading.Event(), threading.Event()
    with WebServer(app, guard=lambda inner: Guard(inner, max_total_bytes=3_000_000)) as web:
        rest_api = RestApi(server, store, web, None)
        mail_id = rest_api.add_mail(build_mail("text/plain", b"x" * LARGE))
        get_mail, loaded = store.get_mail, []

        def get_slowly(*more):
            loaded.append(more)
            entered.set()
            release.wait(30)
            return get_mail(*more)

        monkeypatch.setattr(store, "get_mail", get_slowly)
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(rest_api.http.get, f"/api/v1/message/{mail_id}")
            try:
                assert entered.wait(30)
                refused = rest_api.http.get(f"/api/v1/message/{mail_id}/raw")
            finally:
                release.set()
            assert first.result().status_code == 200
        assert (refused.status_code, refused.headers["retry-after"], len(loaded)) == (503, "1", 1)
        assert rest_api.http.get(f"/api/v1/message/{mail_id}/raw").status_code == 200
        rest_api.close()


@pytest.mark.parametrize(
    ("hold", "small", "large"),
    [(memory_limits.hold_body_turn, 64 * 1024, 64 * 1024 + 1), (memory_limits.hold_list_turn, 100, 101)],
)
def test_two_large_bodies_and_lists_at_once(hold, small, large):
    async def count(size):
        current = most = 0

        async def run():
            nonlocal current, most
            async with hold(size):
                current += 1
                most = max(most, current)
                await anyio.lowlevel.checkpoint()
                current -= 1

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(run)
        return most

    assert anyio.run(count, large) == 2
    assert anyio.run(count, small) == 20


class CallCounter:
    """Call a function, and record how many calls there were and how many at once."""

    def __init__(self, function):
        self.function, self.calls, self.current, self.most = function, 0, 0, 0
        self._lock = threading.Lock()

    def __call__(self, *more):
        with self._lock:
            self.calls += 1
            self.current += 1
            self.most = max(self.most, self.current)
        try:
            return self.function(*more)
        finally:
            with self._lock:
                self.current -= 1
