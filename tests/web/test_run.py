"""The web server: it starts, it stops, and leaves everything else alone."""

import logging
import signal
import socket
import threading
import time

import httpx
import pytest
from fastapi import FastAPI

from lazr.smtptest import MailServer, StartError, StopTimeout
from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.web.app import make_app
from lazr.smtptest.web.catcher import Catcher
from lazr.smtptest.web.run import WebServer


@pytest.fixture
def app():
    return make_app(Catcher(MemoryStore(), MailServer()))


def refuses(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def test_it_listens_when_start_returns_and_not_when_stop_returns(app):
    web = WebServer(app)
    for _ in range(2):
        web.start()
        assert httpx.get(f"{web.url}/livez").status_code == 200
        assert web.running and web.port > 0 and web.url == f"http://127.0.0.1:{web.port}"
        port = web.port
        web.stop()
        assert not web.running and refuses(port)
    web.stop()  # twice is harmless


def test_before_the_start_there_is_no_port(app):
    web = WebServer(app)

    with pytest.raises(StartError, match="no port"):
        web.port  # noqa: B018
    assert repr(web) == "<WebServer 127.0.0.1:0>"
    web.stop()


def test_a_port_that_is_taken(app):
    with WebServer(app) as web:
        other = WebServer(app, port=web.port)
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{web.port}"):
            other.start()
        with pytest.raises(StartError, match="started already"):
            web.start()
        assert httpx.get(f"{web.url}/livez").status_code == 200


def test_ipv6(app):
    with WebServer(app, host="::1") as web:
        assert web.url == f"http://[::1]:{web.port}"
        assert httpx.get(f"{web.url}/livez").status_code == 200


def test_signals_logging_and_threads_are_left_alone(app):
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    loggers = {
        name: (list(log.handlers), log.level, log.propagate)
        for name in ("", "uvicorn", "uvicorn.access")
        for log in [logging.getLogger(name)]
    }
    threads = set(threading.enumerate())
    with WebServer(app) as web:
        httpx.get(f"{web.url}/livez")
        assert {number: signal.getsignal(number) for number in handlers} == handlers
        for name, state in loggers.items():
            log = logging.getLogger(name)
            assert (list(log.handlers), log.level, log.propagate) == state
    for thread in set(threading.enumerate()) - threads:
        thread.join(20)  # those that asked the store
        assert not thread.is_alive()


def test_who_keeps_a_connection_open_does_not_keep_it_from_stopping(app):
    with WebServer(app) as web:
        idle = socket.create_connection(("127.0.0.1", web.port))
        half = socket.create_connection(("127.0.0.1", web.port))
        half.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n")
        body = socket.create_connection(("127.0.0.1", web.port))
        body.sendall(b"PUT /api/v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        with httpx.Client(base_url=web.url) as client:
            client.get("/livez")
            web.stop(deadline=2)
            assert not web.running
    for one in (idle, half, body):
        one.close()


def test_a_route_that_does_not_end_is_a_stop_timeout():
    app = FastAPI()
    app.state.catcher = Catcher(MemoryStore(), MailServer())
    begun, go_on = threading.Event(), threading.Event()

    @app.get("/")
    async def block():
        begun.set()
        go_on.wait(20)  # the whole loop stands

    web = WebServer(app)
    web.start()
    port, thread = web.port, web._thread
    asking = threading.Thread(target=lambda: httpx.get(f"http://127.0.0.1:{port}/", timeout=20))
    asking.start()
    assert begun.wait(20)
    with pytest.raises(StopTimeout, match="did not end within"):
        web.stop(deadline=0.2)

    assert refuses(port)
    go_on.set()
    asking.join(20), thread.join(20)
    assert not thread.is_alive()


def test_an_app_that_cannot_start_fails_in_start(app, monkeypatch):
    import uvicorn

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(uvicorn.Config, "load", broken)
    web = WebServer(app)
    with pytest.raises(ZeroDivisionError):
        web.start()

    assert not web.running


class Slow(MemoryStore):
    """A store in which searching takes until it is told."""

    def __init__(self):
        super().__init__()
        self.asked, self.go_on = threading.Event(), threading.Event()

    def latest(self, *_):
        self.asked.set()
        assert self.go_on.wait(20)
        return super().latest(*_)


def test_a_slow_store_delays_nobody_else():
    store = Slow()
    with WebServer(make_app(Catcher(store, MailServer()))) as web:
        asking = threading.Thread(target=lambda: httpx.get(f"{web.url}/api/v1/message/latest", timeout=20))
        asking.start()
        assert store.asked.wait(20)
        assert httpx.get(f"{web.url}/api/v1/messages", timeout=20).status_code == 200
        store.go_on.set()
        asking.join(20)


def test_requests_in_parallel(caught):
    errors = []

    def work(number):
        try:
            with httpx.Client(base_url=caught.web.url, timeout=60) as client:
                for _ in range(10):
                    name = client.post("/api/v1/send", json={"From": {"Email": f"a{number}@b.example"}}).json()["ID"]
                    assert client.get(f"/api/v1/message/{name}").status_code == 200
                    client.put("/api/v1/tags", json={"IDs": [name], "Tags": [f"t{number}"]})
                    assert client.get("/api/v1/messages").status_code == 200
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))

    assert errors == [] and caught.store.totals().mails == 80
    assert len(caught.http.get("/api/v1/tags").json()) == 8
