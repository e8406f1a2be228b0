"""`ConcurrencyLimit`, alone and in the routes that use it."""

import asyncio
import concurrent.futures
import threading

import anyio
import pytest

from lazr.smtptest.mail.mail import Mail
from lazr.smtptest.web import LinkChecker, OutboundClient
from lazr.smtptest.web.sandbox.concurrency_limit import ConcurrencyLimit, TooManyWaiting


@pytest.mark.parametrize(("path", "attribute"), [("part/2/thumb", "attachments"), ("html-check", "html")])
def test_waiting_requests_read_no_mail_and_no_loop_reads_one(rest_api, monkeypatch, path, attribute):
    rest_api.add_mail(
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>\r\n"
        b"--x\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--x--\r\n"
    )
    lock, is_concurrent = threading.Lock(), threading.Event()
    active, max_active, reads_in_loop = 0, 0, 0
    get_mail, get_value = rest_api.store.get_mail, getattr(Mail, attribute).fget

    def get_mail_slowly(*args):
        nonlocal active, max_active
        with lock:
            active += 1
            max_active = max(max_active, active)
            if active > 1:
                is_concurrent.set()
        is_concurrent.wait(0.3)  # time for the other requests, which must not come here
        with lock:
            active -= 1
        return get_mail(*args)

    def count_reads_in_loop(self):
        nonlocal reads_in_loop
        reads_in_loop += asyncio._get_running_loop() is not None
        return get_value(self)

    monkeypatch.setattr(rest_api.store, "get_mail", get_mail_slowly)
    monkeypatch.setattr(Mail, attribute, property(count_reads_in_loop))
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(rest_api.http.get, f"/api/v1/message/latest/{path}") for _ in range(3)]

    assert [answer.result().status_code for answer in answers] == [200] * 3
    assert (max_active, reads_in_loop) == (1, 0)


@pytest.mark.anyio
async def test_call_is_refused_when_the_queue_is_full():
    limit, gate, started = ConcurrencyLimit(1, max_waiting=2), threading.Event(), threading.Event()
    active, max_active = 0, 0

    def work():
        nonlocal active, max_active
        active += 1
        max_active = max(max_active, active)
        started.set()
        assert gate.wait(20)
        active -= 1

    async with anyio.create_task_group() as group:
        group.start_soon(limit.run_in_thread, work)
        await anyio.to_thread.run_sync(started.wait, 20)
        for _ in range(2):
            group.start_soon(limit.run_in_thread, work)
            await anyio.wait_all_tasks_blocked()
        with pytest.raises(TooManyWaiting, match="at most 2 requests of this kind may wait"):
            await limit.run_in_thread(work)
        gate.set()

    assert max_active == 1


def test_full_queue_is_a_503_of_the_route(make_rest_api):
    link_checker = LinkChecker(OutboundClient())
    link_checker._concurrency_limit = ConcurrencyLimit(1, max_waiting=0)
    rest_api = make_rest_api(link_checker=link_checker)
    rest_api.add_mail()

    answer = rest_api.http.get("/api/v1/message/latest/link-check")

    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/plain")
    assert answer.text == "at most 0 requests of this kind may wait; try again later\n"


@pytest.fixture
def anyio_backend():
    return "asyncio"
