"""`smtptest mcp` and `smtptest serve --mcp`: processes, their errors, and what they write."""

import contextlib
import importlib.util
import json
import re
import smtplib
import socket
import subprocess
import sys

import httpx
import pytest

from lazr.smtptest.web.mailbox import Mailbox
from tests.helpers.command_line import SMTPTEST_COMMAND, ServeThread, build_environment, run_smtptest
from tests.helpers.http_receiver import Receiver
from tests.helpers.mcp_agent import Catcher, connect_http, connect_stdio

TIMEOUT_SECONDS = 60
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


@pytest.fixture
def closed_port():
    """A port that refuses connections, and that no other program can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def call(id, name, **arguments):
    """Return the message that calls a tool."""
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}


class RawProcess:
    """`smtptest mcp`, spoken to without the SDK."""

    def __init__(self, *arguments, **variables):
        self.process = subprocess.Popen(
            [*SMTPTEST_COMMAND, "mcp", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=build_environment(**variables),
        )  # fmt: skip

    def send(self, *messages):
        """Write messages, one on each line."""
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message)
            self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def read(self):
        """Return the next message."""
        return json.loads(self.process.stdout.readline())

    def initialize(self):
        """Do the handshake of the protocol."""
        self.send(INITIALIZE)
        reply = self.read()
        self.send(INITIALIZED)
        return reply["result"]

    def close(self):
        """Close standard input; return the rest of the output, the errors, and the exit status."""
        out, err = self.process.communicate(timeout=TIMEOUT_SECONDS)
        return out, err, self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self.process.wait()


# -- before the server runs ----------------------------------------------------------------------


def test_missing_server_is_an_error(closed_port):
    done = run_smtptest("mcp", "--api", f"http://127.0.0.1:{closed_port}")

    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == (
        f"smtptest: mcp needs a running server (or --serve): http://127.0.0.1:{closed_port}: connection refused; "
        "start a server with `smtptest serve`, or set its URL with --api\n"
    )


def test_wrong_token_is_an_error():
    mailbox = Mailbox.of_recipient("ann", "token-of-ann-0123456789", "*@ann.example")
    with Catcher(mailboxes=[mailbox]) as catcher:
        done = run_smtptest("mcp", "--api", catcher.web.url, "--token", "wrong")

    assert (done.stdout, done.returncode) == ("", 1)
    assert "Unauthorized. (401); log in with --token TOKEN" in done.stderr


def test_mailpit_is_refused_with_a_reason():
    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b'{"Version": "v1.30.5", "Messages": 0}')

    with Receiver(answer) as receiver:
        done = run_smtptest("mcp", "--api", receiver.url(path=""))

    assert done.returncode == 1 and "this server is not `smtptest serve`" in done.stderr


def test_invalid_url_is_an_error():
    done = run_smtptest("mcp", "--api", "ftp://x")
    assert done.returncode == 2 and "the URL of the API must be" in done.stderr


@pytest.mark.parametrize(("arguments", "status"), [(["mcp"], 2), (["serve", "--mcp", "--database", "memory:"], 2)])
def test_missing_sdk_is_an_error_with_the_pip_line(monkeypatch, arguments, status):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mcp" else find_spec(name))
    done = run_smtptest(*arguments)

    expected = 'smtptest: the MCP server needs mcp: pip install "lazr.smtptest[mcp]"\n'
    assert (done.stdout, done.stderr, done.returncode) == ("", expected, status)


@pytest.mark.parametrize("options", [["--no-http", "--database", "memory:"], ["--database", "none"]])
def test_serve_with_mcp_needs_http_and_a_store(options):
    done = run_smtptest("serve", "--mcp", *options)
    assert (done.returncode, done.stdout) == (2, "") and "--mcp needs HTTP and a store" in done.stderr


@pytest.mark.parametrize("options", [["--api", "http://127.0.0.1:1"], ["--token", "x"]])
def test_serve_is_an_alternative_to_the_api(options):
    done = run_smtptest("mcp", "--serve", *options)
    assert (done.returncode, done.stdout) == (2, "") and "leave out --api and --token, or --serve" in done.stderr


@pytest.mark.parametrize("option", ["--smtp-port", "--http-port"])
def test_port_without_serve_is_an_error(option):
    done = run_smtptest("mcp", option, 0)
    assert (done.returncode, done.stdout) == (2, "") and "add --serve, or leave them out" in done.stderr


@pytest.mark.slow
def test_variables_of_the_api_do_not_matter_with_serve(closed_port):
    variables = {"SMTPTEST_API": f"http://127.0.0.1:{closed_port}", "SMTPTEST_TOKEN": "x"}
    with RawProcess("--serve", "--smtp-port", "0", "--http-port", "0", **variables) as raw:
        assert raw.initialize()["serverInfo"]["name"] == "smtptest"
        raw.send(call(2, "search"))
        assert raw.read()["result"]["structuredContent"]["total"] == 0
        assert raw.close()[2] == 0


@pytest.mark.slow
def test_variables_of_the_ports_do_not_matter_without_serve(catcher):
    variables = {"SMTPTEST_API": catcher.web.url, "SMTPTEST_MCP_SMTP_PORT": "2525", "SMTPTEST_MCP_HTTP_PORT": "0"}
    with RawProcess(**variables) as raw:
        assert raw.initialize() and raw.close()[2] == 0


@pytest.mark.parametrize("option", ["--smtp-port", "--http-port"])
def test_serve_at_a_busy_port_is_an_error(option):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        port = bound.getsockname()[1]
        done = run_smtptest("mcp", "--serve", "--smtp-port", 0, "--http-port", 0, option, port)

    assert (done.returncode, done.stdout) == (1, "")
    assert "if `smtptest serve` runs already, leave out --serve" in done.stderr
    assert "if another agent has a server of its own, add --smtp-port 0 --http-port 0" in done.stderr


@pytest.mark.slow
def test_sdk_is_imported_only_for_its_users():
    program = (
        "import sys, lazr.smtptest, lazr.smtptest.cli.app, lazr.smtptest.mcp_server\n"
        "from lazr.smtptest.store import MemoryStore\n"
        "from lazr.smtptest.web import AppContext, Guard, WebServer, make_app\n"
        "context = AppContext(MemoryStore(), lazr.smtptest.MailServer())\n"
        "WebServer(make_app(context), guard=Guard)\n"
        "print({'mcp', 'mcp_types', 'httpx2'} & set(sys.modules))\n"
        "make_app(context, mcp=True)\n"
        "print('mcp' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "set()\nTrue\n"


# -- while it runs -------------------------------------------------------------------------------


@pytest.mark.slow
def test_only_messages_are_written_to_standard_output(catcher):
    catcher.send(subject="Hi\n there")
    with RawProcess(SMTPTEST_API=catcher.web.url) as raw:
        assert raw.initialize()["serverInfo"]["name"] == "smtptest"
        raw.send("", "not JSON", "[]", '{"jsonrpc": "2.0", "id": 7, "method": "nothing"}', call(2, "search"))
        replies = {}
        while 2 not in replies:
            reply = raw.read()
            replies[reply.get("id")] = reply
        out, err, status = raw.close()

    assert replies[2]["result"]["structuredContent"]["total"] == 1 and "error" in replies[7]
    assert (out, status) == ("", 0) and "Traceback" not in err


@pytest.mark.slow
def test_process_ends_with_its_input_during_a_wait(catcher):
    with RawProcess(SMTPTEST_API=catcher.web.url) as raw:
        raw.initialize()
        raw.send(call(2, "wait_for_mail", timeout=300))
        catcher.wait_for_waits(1)
        _, err, status = raw.close()

    assert status == 0 and "Traceback" not in err
    catcher.wait_for_waits(0)


@pytest.mark.slow
def test_process_ends_quietly_if_its_output_is_closed(catcher):
    with RawProcess(SMTPTEST_API=catcher.web.url) as raw:
        raw.initialize()
        raw.process.stdout.close()
        raw.send(call(2, "search"))
        raw.process.stdin.close()
        err = raw.process.stderr.read()
        assert (err, raw.process.wait(TIMEOUT_SECONDS)) == ("", 0)


@pytest.mark.slow
def test_server_that_goes_away_is_an_error_of_the_tool():
    with Catcher() as catcher, connect_stdio(SMTPTEST_API=catcher.web.url) as agent:
        assert agent.get("search")["total"] == 0
        port = catcher.web.port
        catcher.web.stop(30)
        assert "connection refused; start a server with `smtptest serve`" in agent.fail("search")

        catcher.web._bind_address.port = port  # the same port again
        catcher.web.start()
        assert agent.get("search")["total"] == 0


@pytest.mark.slow
def test_token_of_a_mailbox_comes_from_the_environment():
    mailbox = Mailbox.of_recipient("ann", "token-of-ann-0123456789", "*@ann.example")
    with Catcher(mailboxes=[mailbox]) as catcher:
        catcher.send(to="x@ann.example", subject="For Ann")
        catcher.send(to="x@bob.example", subject="For Bob")
        with connect_stdio(SMTPTEST_API=catcher.web.url, SMTPTEST_TOKEN=mailbox.token) as agent:
            [mail] = agent.get("search")["mails"]
            assert mail["untrusted_content"]["subject"] == "For Ann"
            assert "mailbox" in agent.fail("list_rules")


@pytest.mark.slow
def test_serve_runs_a_server_as_long_as_the_client_wants():
    with connect_stdio("--serve", "--smtp-port", "0", "--http-port", "0") as agent:
        [address] = agent.get("server_info")["smtp"]
        wait = agent.start("wait_for_mail", to="ann@example.com", timeout=60)
        with smtplib.SMTP(address["host"], address["port"]) as client:
            client.login("any", "password")
            client.sendmail("app@example.com", "ann@example.com", "Subject: Hi\n\nYour code is 123456\n")
        assert wait.result(TIMEOUT_SECONDS).structured_content["found"]
        assert agent.get("get_mail")["untrusted_content"]["codes"] == ["123456"]

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address["host"], address["port"]))


# -- serve --mcp ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "status"), [([], 404), (["--mcp"], 401), (["--mcp", "--webroot", "/x"], 404)])
def test_serve_has_the_endpoint_with_the_option(options, status):
    arguments = ["--http-port", "0", "--database", "memory:", "--auth", "ann:secret"]
    with ServeThread("--log-json", *arguments, *options) as serving:
        url = json.loads(serving.first_line)["urls"][1]
        credentials = {"auth": ("ann", "secret")} if not options else {}
        base = re.match("https?://[^/]+", url)[0]
        assert httpx.post(f"{base}/mcp", json={}, **credentials).status_code == status


@pytest.mark.slow
def test_serve_lets_agents_in_with_their_credentials():
    arguments = ["--http-port", "0", "--database", "memory:", "--auth", "ann:secret", "--mcp"]
    with ServeThread("--log-json", *arguments) as serving:
        smtp_url, url = json.loads(serving.first_line)["urls"]
        host, port = smtp_url.removeprefix("smtp://").split(":")
        with connect_http(url, auth=("ann", "secret")) as agent:
            wait = agent.start("wait_for_mail", timeout=60)
            with smtplib.SMTP(host, int(port)) as client:
                client.sendmail("app@example.com", "ann@example.com", "Subject: Hi\n\nHello\n")
            assert wait.result(TIMEOUT_SECONDS).structured_content["found"]
        _, errors, status = serving.stop()

    assert status == 0 and "streamable_http" not in errors and "Traceback" not in errors
