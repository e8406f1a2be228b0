"""The health probes."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lazr.smtptest.errors import StoreUnavailable
from lazr.smtptest.web.api import health


def test_readyz_is_200_while_the_server_runs(make_rest_api):
    rest_api = make_rest_api()
    assert (rest_api.http.get("/readyz").status_code, rest_api.http.get("/readyz").text) == (200, "")
    rest_api.server.stop()

    assert (rest_api.http.get("/readyz").status_code, rest_api.http.get("/livez").status_code) == (503, 200)


def test_readyz_is_503_while_the_store_does_not_answer(rest_api, monkeypatch):
    answer = threading.Event()
    get_note = rest_api.store.get_note
    calls = []
    monkeypatch.setattr(health, "_PROBE_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(rest_api.store, "get_note", lambda key: (calls.append(key), answer.wait(60), get_note(key))[-1])
    for _ in range(3):
        assert rest_api.http.get("/readyz").status_code == 503
    assert calls == ["readyz"]  # one thread waits, however often the probe comes

    answer.set()
    monkeypatch.undo()
    deadline = time.monotonic() + 20
    while rest_api.http.get("/readyz").status_code == 503 and time.monotonic() < deadline:
        pass
    assert rest_api.http.get("/readyz").status_code == 200


@pytest.mark.parametrize("error", [StoreUnavailable("no database"), StoreUnavailable("the file is damaged")])
def test_readyz_is_503_when_the_store_raises(rest_api, monkeypatch, error):
    def fail(size):
        raise error

    monkeypatch.setattr(rest_api.store, "has_room", fail)
    assert rest_api.http.get("/readyz").status_code == 503


def test_livez_answers_while_all_threads_wait_for_the_store(rest_api, monkeypatch):
    answer, waiting = threading.Event(), threading.Semaphore(0)
    get_totals = rest_api.store.get_totals
    monkeypatch.setattr(
        rest_api.store, "get_totals", lambda *args: (waiting.release(), answer.wait(60), get_totals(*args))[-1]
    )
    with ThreadPoolExecutor(40) as pool:
        blocked = [pool.submit(rest_api.http.get, "/api/v1/messages") for _ in range(40)]
        for _ in blocked:
            assert waiting.acquire(timeout=20)
        assert [rest_api.http.get(path).status_code for path in ("/livez", "/readyz")] == [200, 200]
        answer.set()
        assert {request.result(30).status_code for request in blocked} == {200}
