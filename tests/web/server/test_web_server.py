"""`WebServer`: it starts and stops, and changes nothing else in the process."""

import gc
import logging
import signal
import socket
import threading
import time
import warnings

import httpx
import pytest
from fastapi import FastAPI

from lazr.smtptest import MailServer, StartError, StopTimeout
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web.app import make_app
from lazr.smtptest.web.app_context import AppContext
from lazr.smtptest.web.server.web_server import WebServer
from tests.store.contract import arrival


@pytest.fixture
def app():
    return make_app(AppContext(MemoryStore(), MailServer()))


def is_closed(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def test_port_is_open_from_start_to_stop(app):
    web = WebServer(app)
    for _ in range(2):
        web.start()
        assert httpx.get(f"{web.url}/livez").status_code == 200
        assert web.running and web.port > 0 and web.url == f"http://127.0.0.1:{web.port}"
        port = web.port
        web.stop()
        assert not web.running and is_closed(port)
    web.stop()


def test_port_is_unknown_before_the_start(app):
    web = WebServer(app)

    with pytest.raises(StartError, match="no port"):
        web.port  # noqa: B018
    assert repr(web) == "<WebServer 127.0.0.1:0>"
    web.stop()


def test_port_in_use_raises(app):
    with WebServer(app) as web:
        other = WebServer(app, port=web.port)
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{web.port}"):
            other.start()
        with pytest.raises(StartError, match="started already"):
            web.start()
        assert httpx.get(f"{web.url}/livez").status_code == 200


def test_ipv6_address_in_url(app):
    with WebServer(app, host="::1") as web:
        assert web.url == f"http://[::1]:{web.port}"
        assert httpx.get(f"{web.url}/livez").status_code == 200


def test_signals_logging_and_threads_are_unchanged(app):
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
        thread.join(20)  # threads of the pool that called the store
        assert not thread.is_alive()


def test_deletion_of_the_last_request_is_executed(app, monkeypatch):
    """The server may end right after a request that hides mails."""
    app_context = app.state.app_context
    monkeypatch.setattr(app_context, "notify_shutdown", lambda until: None)
    with WebServer(app) as web:
        app_context.store.add([arrival()])
        httpx.delete(f"{web.url}/api/v1/messages?delay=60").raise_for_status()
        assert app_context.store.get_totals().mails == 1

    assert app_context.store.get_totals().mails == 0


def test_connections_accepted_during_stop_are_closed(app):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(20):
            web = WebServer(app)
            web.start()
            clients = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(10)]
            web.stop()
            for client in clients:
                client.close()
        gc.collect()
    assert [str(warning.message) for warning in caught if warning.category is ResourceWarning] == []


def test_open_connections_do_not_prevent_stop(app):
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
    for client in (idle, half, body):
        client.close()


def test_blocked_route_raises_stop_timeout():
    app = FastAPI()
    app.state.app_context = AppContext(MemoryStore(), MailServer())
    is_blocked, released = threading.Event(), threading.Event()

    @app.get("/")
    async def block():
        is_blocked.set()
        released.wait(20)  # blocks the event loop

    web = WebServer(app)
    web.start()
    port, thread = web.port, web._thread
    client = threading.Thread(target=lambda: httpx.get(f"http://127.0.0.1:{port}/", timeout=20))
    client.start()
    assert is_blocked.wait(20)
    with pytest.raises(StopTimeout, match="did not end within"):
        web.stop(deadline=0.2)

    assert is_closed(port)
    released.set()
    client.join(20), thread.join(20)
    assert not thread.is_alive()


def test_failing_app_raises_in_start(app, monkeypatch):
    import uvicorn

    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(uvicorn.Config, "load", fail)
    web = WebServer(app)
    with pytest.raises(ZeroDivisionError):
        web.start()

    assert not web.running


class SlowStore(MemoryStore):
    """A store that opens a message only after `released` is set."""

    def __init__(self):
        super().__init__()
        self.called, self.released = threading.Event(), threading.Event()

    def open_message(self, *arguments, **options):
        self.called.set()
        assert self.released.wait(20)
        return super().open_message(*arguments, **options)


def test_slow_store_does_not_delay_other_requests():
    store = SlowStore()
    with WebServer(make_app(AppContext(store, MailServer()))) as web:
        client = threading.Thread(target=lambda: httpx.get(f"{web.url}/api/v1/message/latest", timeout=20))
        client.start()
        assert store.called.wait(20)
        assert httpx.get(f"{web.url}/api/v1/messages", timeout=20).status_code == 200
        store.released.set()
        client.join(20)


@pytest.mark.slow
def test_parallel_requests(rest_api):
    errors = []

    def work(number):
        try:
            with httpx.Client(base_url=rest_api.web.url, timeout=60) as client:
                for _ in range(10):
                    mail_id = client.post("/api/v1/send", json={"From": {"Email": f"a{number}@b.example"}}).json()["ID"]
                    assert client.get(f"/api/v1/message/{mail_id}").status_code == 200
                    client.put("/api/v1/tags", json={"IDs": [mail_id], "Tags": [f"t{number}"]})
                    assert client.get("/api/v1/messages").status_code == 200
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))

    assert errors == [] and rest_api.store.get_totals().mails == 80
    assert len(rest_api.http.get("/api/v1/tags").json()) == 8
