"""The endpoint `/mcp`: access, protection against other sites, and its life with the web server."""

import json
import logging
import socket
import threading
from time import monotonic

import anyio
import httpx
import pytest
from starlette.middleware import Middleware
from starlette.responses import Response

from lazr.smtptest import MailServer
from lazr.smtptest.store import MemoryStore
from lazr.smtptest.web import AppContext, Guard, Users, WebServer, make_app
from lazr.smtptest.web.mailbox import Mailbox
from tests.helpers.mcp_agent import Catcher, connect_http

ANN = Mailbox.of_recipient("ann", "token-of-ann-0123456789", "*@ann.example")
BOB = Mailbox.of_recipient("bob", "token-of-bob-0123456789", "*@bob.example")

LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def post(url, message=LIST_TOOLS, **headers):
    """Send a message of the protocol of 2025, as a client without the SDK."""
    return httpx.post(f"{url}/mcp", json=message, headers=ACCEPT | headers, timeout=60)


@pytest.fixture(scope="module")
def mailboxes():
    with Catcher(mailboxes=[ANN, BOB], guard_settings={"users": Users.parse("root:{PLAIN}secret")}) as catcher:
        yield catcher


@pytest.fixture
def shared(mailboxes):
    """A server with two mailboxes and a user, empty."""
    mailboxes.clear()
    return mailboxes


def test_endpoint_is_off_by_default():
    store = MemoryStore()
    with MailServer() as server, WebServer(make_app(AppContext(store, server)), guard=Guard) as web:
        response = post(web.url)

    assert (response.status_code, response.text) == (404, "404 page not found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_other_methods_are_refused(catcher, method):
    assert httpx.request(method, f"{catcher.web.url}/mcp", headers=ACCEPT).status_code == 405


def test_client_without_the_sdk_gets_the_tools(catcher):
    response = post(catcher.web.url)
    event = next(line for line in response.text.splitlines() if line.startswith("data: "))

    assert response.status_code == 200
    assert "wait_for_mail" in [tool["name"] for tool in json.loads(event.removeprefix("data: "))["result"]["tools"]]


def test_largest_mail_that_send_allows_is_accepted(catcher):
    face = "\U0001f600"  # 12 bytes in JSON of ASCII characters
    tools = post(catcher.web.url).text
    limits = json.loads(tools[tools.index("{") :])["result"]["tools"]
    schema = next(tool["inputSchema"] for tool in limits if tool["name"] == "send")["properties"]
    texts = {name: face * schema[name]["maxLength"] for name in ("subject", "text", "html")}
    header = schema["headers"]
    longest_name, longest_value = header["propertyNames"]["maxLength"], header["additionalProperties"]["maxLength"]
    texts["headers"] = {
        f"{n:02}{face * (longest_name - 2)}": face * longest_value for n in range(header["maxProperties"])
    }
    for name in ("to", "cc", "bcc"):
        texts[name] = [face * schema[name]["items"]["maxLength"]] * schema[name]["maxItems"]
    texts["sender"] = face * schema["sender"]["maxLength"]
    assert set(texts) == set(schema)

    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "send", "arguments": texts}}
    content = json.dumps(message)
    response = httpx.post(
        f"{catcher.web.url}/mcp", content=content, headers=ACCEPT | {"Content-Type": "application/json"}, timeout=60
    )
    assert (response.status_code, len(content) > 3_900_000) == (200, True)
    assert "invalid" in response.text and "413" not in response.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong-token"}, 401),
        ({"Authorization": "Basic cm9vdDp3cm9uZw=="}, 401),
        ({"Authorization": f"Bearer {ANN.token}"}, 200),
        ({"Authorization": "Basic cm9vdDpzZWNyZXQ="}, 200),
        ({"Authorization": f"Bearer {ANN.token}", "Origin": "https://evil.example"}, 403),
        ({"Authorization": f"Bearer {ANN.token}", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Authorization": f"Bearer {ANN.token}", "Host": "evil.example"}, 421),
    ],
)
def test_request_needs_credentials_and_the_right_host(shared, headers, status):
    assert post(shared.web.url, **headers).status_code == status


def test_foreign_pages_are_refused_without_a_login_too(catcher):
    assert post(catcher.web.url, Origin="https://evil.example").status_code == 403
    assert post(catcher.web.url, Host="evil.example").status_code == 421


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_token_of_a_mailbox_shows_only_its_mails(shared, mode):
    for n in range(3):
        shared.send(to=f"x@{'ann' if n else 'bob'}.example", subject=f"Mail {n}")
    own_id, bob_id = (shared.store.get_page().entries[n].id for n in (0, 2))
    with connect_http(shared.web.url, token=ANN.token, mode=mode) as agent:
        assert agent.get("server_info")["mailbox"] == "ann" and agent.get("server_info")["mails"] == 2
        assert {mail["untrusted_content"]["subject"] for mail in agent.get("search")["mails"]} == {"Mail 1", "Mail 2"}
        assert agent.get("search", query="recipient:*@bob.example")["total"] == 0
        assert agent.get("get_mail", id=own_id)["id"] == own_id
        assert "there is no mail" in agent.fail("get_mail", id=bob_id)
        found = agent.get("wait_for_mail", to="*@bob.example", timeout=0)
        assert not found["found"] and "bob.example" not in str(found["untrusted_content"]["other_mails"])
        assert agent.get("delete", ids=[bob_id, own_id]) == {"deleted": 1, "not_found": 1, "remaining": 1}
        assert agent.get("delete", all=True) == {"deleted": 1, "not_found": 0, "remaining": 0}
    assert [entry.id for entry in shared.store.get_page().entries] == [bob_id]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("list_sessions", {}),
        ("transcript", {"session": 1}),
        ("transcript", {"mail_id": "latest"}),
        ("list_rules", {}),
        ("add_rule", {"preset": "greylist"}),
        ("remove_rule", {"all": True}),
        ("send", {"to": ["x@bob.example"]}),
    ],
)
def test_token_of_a_mailbox_opens_nothing_else(shared, name, arguments):
    shared.send(to="x@ann.example")
    with connect_http(shared.web.url, token=ANN.token) as agent:
        message = agent.fail(name, **arguments)

    assert "mailbox" in message
    assert len(shared.server.rules) == 0 and shared.store.get_totals().mails == 1


def test_user_sees_all_mails(shared):
    shared.send(to="x@ann.example")
    shared.send(to="x@bob.example")
    with connect_http(shared.web.url, auth=("root", "secret")) as agent:
        assert agent.get("search")["total"] == 2 and agent.get("list_sessions")["total"] == 2


def test_wait_with_a_token_ignores_other_mailboxes(shared):
    with connect_http(shared.web.url, token=ANN.token) as agent:
        wait = agent.start("wait_for_mail", timeout=60)
        shared.wait_for_waits(1)
        shared.send(to="x@bob.example", subject="For Bob")
        shared.send(to="x@ann.example", subject="For Ann")
        result = wait.result(60).structured_content

    assert [mail["untrusted_content"]["subject"] for mail in result["mails"]] == ["For Ann"]


def test_removed_mailbox_has_no_access(shared):
    mailbox = Mailbox.of_recipient("eve", "token-of-eve-0123456789", "*@eve.example")
    shared.app_context.mailboxes.add(mailbox)
    assert post(shared.web.url, Authorization=f"Bearer {mailbox.token}").status_code == 200
    shared.app_context.remove_mailbox("eve")

    assert post(shared.web.url, Authorization=f"Bearer {mailbox.token}").status_code == 401


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_wait_ends_when_its_client_disconnects(catcher, mode):
    with connect_http(catcher.web.url, mode=mode) as agent:
        agent.start("wait_for_mail", timeout=300)
        catcher.wait_for_waits(1)

    catcher.wait_for_waits(0)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_stop_of_the_server_ends_waits(mode):
    with Catcher() as catcher, connect_http(catcher.web.url, mode=mode) as agent:
        wait = agent.start("wait_for_mail", timeout=300)
        catcher.wait_for_waits(1)
        catcher.web.stop(30)

        assert "The server is stopping (503)" in wait.result(60).content[0].text


def test_server_can_be_started_again(caplog):
    with Catcher() as catcher:
        for _ in range(2):
            with connect_http(catcher.web.url) as agent:
                assert agent.get("search")["total"] == 0
            catcher.web.stop(30)
            catcher.web.start()

    assert caplog.records == []


def test_endpoint_leaves_no_threads_and_no_errors(caplog):
    threads = set(threading.enumerate())
    with Catcher() as catcher:
        for mode in ("auto", "legacy"):
            with connect_http(catcher.web.url, mode=mode) as agent:
                catcher.send()
                agent.get("get_mail")

    for thread in set(threading.enumerate()) - threads:
        thread.join(60)  # those of anyio are told to end, and not waited for
        assert not thread.is_alive(), thread
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_endpoint_is_below_the_webroot():
    with Catcher(webroot="/mail") as catcher:
        catcher.send(subject="Below")
        with connect_http(catcher.web.url) as agent:
            mail = agent.get("get_mail")
        assert mail["untrusted_content"]["subject"] == "Below"
        assert httpx.post(catcher.web.url.removesuffix("/mail") + "/mcp").status_code == 404


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"jsonrpc": "2.0"}', 400),
        (b"[" * 100_000, 400),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "x", "params": "' + b"x" * 4_300_000 + b'"}', 413),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "x", "params": "' + b"x" * 6_000_000 + b'"}', 413),
    ],
    ids=["not JSON", "a list", "no method", "deep", "large", "very large"],
)
@pytest.mark.parametrize("version", [None, "2026-07-28"])
def test_malformed_request_is_refused(catcher, content, status, version):
    headers = ACCEPT | {"Content-Type": "application/json"} | ({"MCP-Protocol-Version": version} if version else {})

    assert httpx.post(f"{catcher.web.url}/mcp", content=content, headers=headers, timeout=60).status_code == status


def test_client_that_disconnects_in_its_body_writes_one_log_line(catcher, caplog):
    head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
    with socket.create_connection((catcher.web.host, catcher.web.port)) as client:
        client.sendall(f"{head}Accept: application/json, text/event-stream\r\n\r\n".encode() + b'{"jsonrpc"')
    deadline = monotonic() + 60
    while not caplog.records:
        assert monotonic() < deadline
        threading.Event().wait(0.01)
    assert post(catcher.web.url).status_code == 200

    [record] = [record for record in caplog.records if record.name.startswith(("lazr", "mcp"))]
    assert record.getMessage() == "the client disconnected before the end of its body: POST /mcp"


def test_app_without_a_lifespan_says_that_the_endpoint_does_not_run():
    from starlette.testclient import TestClient

    with MailServer() as server:
        app = make_app(AppContext(MemoryStore(), server), mcp=True)
        response = TestClient(app).post("/mcp", json=LIST_TOOLS, headers=ACCEPT)  # not in a `with`: no lifespan

    assert (response.status_code, response.text) == (503, "the MCP server does not run\n")


def test_openapi_document_does_not_have_the_endpoint():
    with MailServer() as server:
        app = make_app(AppContext(MemoryStore(), server), mcp=True)

    assert "/mcp" not in app.openapi()["paths"] and "/api/v1/wait" in app.openapi()["paths"]


def test_failing_route_is_an_error_of_the_tool(monkeypatch, caplog):
    with Catcher() as catcher, connect_http(catcher.web.url) as agent:

        def fail(*args, **kwargs):
            raise RuntimeError("secret detail")

        monkeypatch.setattr(catcher.store, "get_page", fail)
        message = agent.fail("search")

    assert "(500)" in message and "secret detail" not in message
    assert any("a tool of the MCP server failed" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("version", [None, "2026-07-28"])
@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
def test_address_may_end_with_a_slash(catcher, path, version):
    headers = ACCEPT | ({"MCP-Protocol-Version": version, "Mcp-Method": "tools/list"} if version else {})
    response = httpx.post(f"{catcher.web.url}{path}", json=LIST_TOOLS, headers=headers, timeout=60)

    assert response.status_code != 404 and response.text.count('"jsonrpc"') == 1
    assert httpx.get(f"{catcher.web.url}{path}").status_code == 405


class RequireApiKey:
    """Middleware of an application that embeds this one."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            if dict(scope["headers"]).get(b"x-api-key") != b"secret":
                await Response(status_code=401)(scope, receive, send)
                return
            scope.setdefault("state", {})["user"] = "embedder"
        await self.app(scope, receive, send)


@pytest.mark.parametrize("settings", [{"guard": Guard}, {}], ids=["with Guard", "without"])
def test_middleware_of_the_embedder_does_not_refuse_tools(settings):
    store = MemoryStore()
    with MailServer(store=store) as server:
        app_context = AppContext(store, server, mailboxes=[ANN])
        app = make_app(app_context, middleware=[Middleware(RequireApiKey)], mcp=True)
        with WebServer(app, **settings) as web:
            message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_rules"}}
            refused = post(web.url, message)
            response = post(web.url, message, **{"X-Api-Key": "secret"})

    assert refused.status_code == 401
    assert response.status_code == 200 and '"isError":false' in response.text, response.text


class SlowReader:
    """A request whose client reads the start of the answer, and then waits."""

    def __init__(self, app, mail_id):
        self.body = json.dumps(
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": "get_mail", "arguments": {"id": mail_id, "max_characters": 100_000}},
            }
        ).encode()
        self.app = app
        self.received = bytearray()
        self.is_sending, self.reads_on = anyio.Event(), anyio.Event()

    async def run(self):
        """Send the request, and read the answer."""
        headers = ACCEPT | {
            "Host": "localhost",
            "Content-Type": "application/json",
            "Content-Length": str(len(self.body)),
        }
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "POST",
            "scheme": "http", "path": "/mcp", "raw_path": b"/mcp", "root_path": "", "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "state": {},
        }  # fmt: skip
        messages = [{"type": "http.request", "body": self.body, "more_body": False}]

        async def receive():
            if not messages:
                await anyio.sleep_forever()
            return messages.pop()

        async def send(message):
            if b"jsonrpc" in self.received:
                self.is_sending.set()
                await self.reads_on.wait()
            self.received += message.get("body", b"")

        await self.app(scope, receive, send)
        self.is_sending.set()


def test_results_that_wait_for_slow_readers_are_limited(catcher):
    # The text has three bytes a character, and is in the result twice.
    mail_id = catcher.send(text="\u20ac" * 100_000)

    async def run():
        app = make_app(catcher.app_context, mcp=True)
        guarded = Guard(app, max_total_bytes=5_000_000)
        readers = [SlowReader(guarded, mail_id) for _ in range(9)]
        async with app.router.lifespan_context(app):
            async with anyio.create_task_group() as tasks:
                for reader in readers[:8]:
                    tasks.start_soon(reader.run)
                    await reader.is_sending.wait()
                for reader in readers:
                    reader.reads_on.set()
            await readers[8].run()
        return [bytes(reader.received) for reader in readers]

    *waiting, last = anyio.run(run)
    refused = [b"Too many large answers are being sent; try again (503)" in answer for answer in waiting]
    assert refused == [False] * 2 + [True] * 6
    assert min(map(len, [*waiting[:2], last])) > 600_000 and b'"isError":false' in last
