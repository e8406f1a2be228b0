"""`smtptest serve` with its options: the store, the REST API, access, and outgoing connections."""

import http.server
import json
import re
import signal
import smtplib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import httpx
import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.cli.config.value_parsers import parse_relay
from lazr.smtptest.cli.serve.http_options import HttpOptions
from lazr.smtptest.cli.serve.outbound import build_relay
from lazr.smtptest.cli.serve.outbound_options import OutboundOptions
from lazr.smtptest.cli.serve.printer import PrinterThread
from lazr.smtptest.cli.serve.web_server import PreparedWebServer, prepare_web_server
from lazr.smtptest.store import MemoryStore, SqliteStore
from lazr.smtptest.web import Mailboxes, WebhookThread, WebServer, new_secret
from tests.helpers.command_line import ServeProcess, ServeThread, run_smtptest
from tests.helpers.http_receiver import Receiver


def serve(*arguments, kind=ServeThread, **variables):
    return kind("--http-port", "0", *arguments, **variables)


def get_api_url(serving):
    return re.search(r"http://127\.0\.0\.1:\d+", serving.first_line)[0]


def get_json(serving, path, **headers):
    with urlopen(Request(get_api_url(serving) + path, headers=headers), timeout=20) as response:
        return json.load(response)


def send(serving, subject, recipient="bob@example.com", login=None, text="Hello"):
    port = int(re.search(r"smtp://127\.0\.0\.1:(\d+)", serving.first_line)[1])
    with smtplib.SMTP("127.0.0.1", port) as client:
        if login is not None:
            client.login(*login)
        client.sendmail("ann@example.com", [recipient], f"Subject: {subject}\r\n\r\n{text}\r\n")


def list_subjects(serving, **headers):
    return [message["Subject"] for message in get_json(serving, "/api/v1/messages", **headers)["messages"]]


@pytest.mark.slow
def test_mails_in_the_data_directory_survive_kill_9(tmp_path):
    variables = {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)}
    with serve("--database", "", kind=ServeProcess, **variables) as serving:
        send(serving, "one")
        assert list_subjects(serving) == ["one"]
        serving.process.send_signal(signal.SIGKILL)
    with serve("--database", "", **variables) as serving:
        send(serving, "two")
        assert list_subjects(serving) == ["two", "one"]

    assert [path.name for path in tmp_path.rglob("*.sqlite")] == ["mails.sqlite"]


def test_second_process_on_the_same_file_exits_with_status_2(tmp_path):
    with serve("--database", f"sqlite:///{tmp_path}/mails.sqlite"):
        done = run_smtptest(
            "serve", "--smtp-port", 0, "--http-port", 0, "--database", f"sqlite:///{tmp_path}/mails.sqlite"
        )

    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "choose another store with --database" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--database", "mysql://localhost/mails"], "got 'mysql:…'"),
        (["--max-age", "yesterday"], "an age must be a number and a unit (s, m, h, d or w)"),
        (["--max-bytes", "much"], "a size must be a number of bytes > 0"),
        (["--auth-file", "/nonexistent/users"], "/nonexistent/users: No such file or directory"),
        (["--mailboxes", "/nonexistent/boxes"], "/nonexistent/boxes: No such file or directory"),
        (["--webhook", "http://hook.example/"], "`smtptest secret` makes one for --webhook-secret"),
        (["--tls", "starttls", "--allowed-host", "mail,a@b"], "--allowed-host: an allowed host must be a name or an"),
        (["--host", "0.0.0.0"], "--insecure-public"),
        (["--host", "0.0.0.0", "--smtp-auth-file", "USERS"], "--auth-file"),
        (["--database", "postgresql://localhost/mails", "--secure-delete"], "PostgreSQL does not overwrite"),
        (["--min-free", "1M"], "min_free needs an SQLite file"),
        (["--min-free", "much"], "a size must be a number of bytes > 0"),
        (["--tag", "invoices"], "a tag filter must be TAG=QUERY, as in invoices=subject:invoice, got 'invoices'"),
        (["--tag", "a=larger:many"], "larger: must be a size"),
        (["--tags-disable", "xtags"], "must be plus-addresses or x-tags, got 'xtags'; did you mean x-tags?"),
        (["--allowed-origin", "localhost:3000"], "like http://localhost:3000, got 'localhost:3000'"),
        (["--relay", "127.0.0.1:2525"], "--relay needs --relay-allow"),
        (["--relay-allow", "*"], "need --relay HOST:PORT, got none"),
        (["--relay-password", "secret"], "need --relay HOST:PORT, got none"),
        (["--relay-ca-file", "/nonexistent/ca"], "need --relay HOST:PORT, got none"),
        (["--relay", "x", "--relay-allow", "*", "--relay-ca-file", "/nonexistent/ca"], "--relay-ca-file needs TLS"),
        (["--relay", "x:y:z", "--relay-allow", "*"], "a server must be host:port"),
        (["--relay", "x:25", "--relay-allow", "*", "--relay-sender", "ann"], "sender must be an address"),
        (
            ["--relay", "x:25", "--relay-allow", "*", "--relay-tls", "starttls", "--relay-ca-file", "/nonexistent/ca"],
            "/nonexistent/ca: No such file",
        ),
    ],
)
def test_invalid_option_prints_one_line_and_exits_with_status_2(arguments, message, tmp_path):
    (tmp_path / "USERS").write_text("ann:secret")
    done = run_smtptest("serve", "--smtp-port", 0, "--http-port", 0, "--database", "memory:", *arguments, cwd=tmp_path)

    assert done.returncode == 2 and message in done.stderr
    assert done.stdout == "" and done.stderr.count("\n") == 1


def test_first_line_names_the_store_and_the_number_of_mails(tmp_path):
    path = tmp_path / "mails.sqlite"
    for number in range(2):
        with serve("--database", path) as process:
            assert (
                f"; {number} mail{'' if number == 1 else 's'} in sqlite:///{path}; Ctrl-C stops" in process.first_line
            )
            send(process, "one")
            assert process.stop()[2] == 0


# Threat D10: deleted mails can be read from the free pages of the file.
@pytest.mark.parametrize(
    ("options", "tags"),
    [
        ([], ["own", "plus"]),
        (["--tags-disable", "plus-addresses, X-Tags"], []),
        (["--tags-disable", "x-tags", "--tag", "a,b=subject:one", "--tag", "c=two"], ["a", "b", "plus"]),
        (["--tags-username"], ["own", "plus"]),
    ],
)
def test_options_tag_new_mails(options, tags):
    with serve("--database", "memory:", *options) as serving:
        send(serving, "one\r\nX-Tags: own", recipient="bob+plus@example.com")
        [message] = get_json(serving, "/api/v1/messages")["messages"]
        assert message["Tags"] == tags


def test_disk_without_room_is_reported_at_the_start(tmp_path):
    with serve("--database", tmp_path / "mails.sqlite", "--min-free", "1000000G") as serving:
        _, errors, status = serving.stop()

    assert status == 0
    assert (
        errors.count("\n") == 1 and "no mail is accepted until then: free some space, or leave less free with" in errors
    )


@pytest.mark.parametrize("option", [(), ("--secure-delete",)])
def test_secure_delete_overwrites_deleted_mails(option, tmp_path):
    secret = b"Qx7vLpW2" * 100
    path = tmp_path / "mails.sqlite"
    with serve("--database", path, *option) as process:
        send(process, "one", text=secret.decode())
        httpx.delete(f"{get_api_url(process)}/api/v1/messages").raise_for_status()
        assert process.stop()[2] == 0

    is_found = secret[:64] in path.read_bytes()  # not in the assert, as pytest would print the whole file
    assert is_found is not bool(option)


class BrokenStore(MemoryStore):
    """A store that raises an unexpected exception."""

    def get_totals(self, search=()):
        raise ZeroDivisionError


def test_error_500_has_the_security_headers(caplog):
    with BrokenStore() as store:
        settings = HttpOptions(http_port=0)
        web = prepare_web_server(
            settings,
            OutboundOptions(),
            "127.0.0.1",
            insecure_public=False,
            ssl_context=None,
            ca_file=None,
            server=MailServer(),
            store=store,
            mailboxes=Mailboxes(),
        )
        with web.run_web_server() as url:
            for path, status in (("/api/v1/messages", 500), ("/livez", 200)):
                response = httpx.get(url + path)
                assert (response.status_code, response.headers["x-content-type-options"]) == (status, "nosniff")
                assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert "ZeroDivisionError" in caplog.text and "ZeroDivision" not in response.text


def test_open_file_limit_is_raised_to_the_maximum():
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = min(soft, 512)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit - 1, hard))
    try:
        with serve(kind=ServeProcess) as process:
            assert resource.prlimit(process.process.pid, resource.RLIMIT_NOFILE)[0] > limit
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
def test_json_log_has_the_fields_of_requests():
    with serve("--log-json", "--database", "memory:", kind=ServeProcess) as process:
        url = next(url for url in json.loads(process.first_line)["urls"] if url.startswith("http"))
        httpx.get(f"{url}/api/v1/nothing?x=%1b", headers={"authorization": "Bearer secret"})
        out, err, _ = process.stop()

    (request,) = map(json.loads, err.splitlines())
    assert (request["event"], request["method"], request["path"]) == ("request", "GET", "/api/v1/nothing?x=%1b")
    assert (request["status"], request["peer"].rpartition(":")[0]) == (404, "127.0.0.1")
    assert "secret" not in out + err


# Threat W18: file names are untrusted input for the terminal that shows the log.
def test_log_escapes_control_characters(tmp_path):
    path = tmp_path / "mails\x1b[31m.sqlite"
    with SqliteStore(path):
        pass
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 8000)
    with serve("--database", path) as process:
        assert process.first_line
        _, err, status = process.stop()

    assert "is damaged" in err and "\\x1b[31m" in err and "\x1b" not in err
    assert status == 0


def test_max_messages_deletes_the_oldest_mails():
    with serve("--database", "memory:", "--max-messages", 3) as serving:
        for number in range(5):
            send(serving, str(number))
        while get_json(serving, "/api/v1/messages")["total"] > 3:
            pass  # maintenance deletes them; the time limit of the test ends this loop otherwise
        assert list_subjects(serving) == ["4", "3", "2"]


def post_json(serving, path, body):
    with urlopen(Request(get_api_url(serving) + path, json.dumps(body).encode()), timeout=20) as response:
        return response.read().decode()


def test_relay_options_release_a_mail(tmp_path):
    with MailServer(tls="starttls", auth={"ci": "secret"}) as relay:
        options = ["--relay", f"localhost:{relay.port}", "--relay-tls", "starttls", "--relay-ca-file", relay.ca_file]
        options += ["--relay-allow", "*@example.com", "--relay-allow", "qa@x.test", "--relay-user", "ci"]
        secret = {"SMTPTEST_SERVE_RELAY_PASSWORD": "secret"}
        with serve("--database", "memory:", *options, **secret) as serving:
            send(serving, "one")
            assert get_json(serving, "/api/v1/webui")["MessageRelay"]["Enabled"] is True
            assert post_json(serving, "/api/v1/message/latest/release", {"To": ["qa@x.test"]}) == "ok"

        (mail,) = relay.inbox
        assert mail.subject == "one" and mail.envelope.rcpt_tos == ("qa@x.test",)
        assert mail.envelope.auth.username == "ci"


@pytest.mark.parametrize(
    ("relay", "server"),
    [
        ("mx.example.com", "mx.example.com:25"),
        ("smtp://mx.example.com", "mx.example.com:25"),
        ("smtps://mx.example.com", "mx.example.com:465"),
        ("mx.example.com:1025", "mx.example.com:1025"),
    ],
)
def test_relay_port_defaults_to_25_or_465(relay, server):
    assert build_relay(OutboundOptions(relay=parse_relay(relay), relay_allow=["*"])).server == server


@pytest.mark.parametrize(("options", "status"), [([], 451), (["--webhook-network", "127.0.0.1/32"], 204)])
def test_check_links_option_checks_links(options, status):
    with Receiver() as receiver, serve("--database", "memory:", "--check-links", *options) as serving:
        send(serving, "one", text=receiver.url())
        (link,) = get_json(serving, "/api/v1/message/latest/link-check")["Links"]

        assert link["StatusCode"] == status and receiver.connections == (status == 204)


@pytest.mark.parametrize("options", [[], ["--allow-remote-content"]])
def test_allow_remote_content_is_a_default_of_the_inbox(options):
    with serve("--database", "memory:", *options) as serving:
        assert get_json(serving, "/api/v1/webui")["RemoteContent"] == bool(options)


def test_mailbox_token_shows_its_mails_only(tmp_path):
    boxes = tmp_path / "boxes.toml"
    boxes.write_text(
        '[job-1]\ntoken = "token-of-job-1-secret"\nuser = "ci-1"\n'
        '[shop]\ntoken = "token-of-the-shop-secret"\nrecipient = "*@shop.example"\n'
    )
    with serve("--database", "memory:", "--mailboxes", str(boxes)) as serving:
        send(serving, "for the job", login=("ci-1", "any"))
        send(serving, "for the shop", recipient="sales@shop.example")

        assert list_subjects(serving, Authorization="Bearer token-of-job-1-secret") == ["for the job"]
        assert list_subjects(serving, Authorization="Bearer token-of-the-shop-secret") == ["for the shop"]
        with pytest.raises(HTTPError, match="401"):
            list_subjects(serving)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a]\nuser = 'x'\n", '[a] must have token = "…"'),
        ("[a]\ntoken = 'token-of-a-and-no-more'\n", "[a] must have either user"),
        ("[a]\ntoken = 'short'\nuser = 'x'\n", "must be 16 or more"),
        ("a = 1\n", '[a] must have token = "…"'),
        ("[a", "Expected ']'"),
    ],
)
def test_invalid_mailboxes_file_exits_with_status_2(tmp_path, text, message):
    boxes = tmp_path / "boxes.toml"
    boxes.write_text(text)
    done = run_smtptest("serve", "--smtp-port", 0, "--http-port", 0, "--database", "memory:", "--mailboxes", str(boxes))

    assert done.returncode == 2 and message in done.stderr
    assert "token-of-a" not in done.stderr


def test_auth_file_requires_credentials(tmp_path):
    users = tmp_path / "users"
    users.write_text("ann:{PLAIN}correct horse\n")
    with serve("--database", "memory:", "--auth-file", str(users)) as serving:
        with pytest.raises(HTTPError, match="401"):
            list_subjects(serving)
        assert list_subjects(serving, Authorization="Basic YW5uOmNvcnJlY3QgaG9yc2U=") == []


def test_webhook_option_delivers_new_mails():
    deliveries, delivered = [], threading.Event()

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            deliveries.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()
            delivered.set()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        try:
            with serve(
                *("--database", "memory:", "--webhook", f"http://127.0.0.1:{receiver.server_port}/"),
                *("--webhook-secret", new_secret(), "--webhook-network", "127.0.0.0/8"),
            ) as serving:
                send(serving, "news")
                assert delivered.wait(20)
        finally:
            receiver.shutdown()
            thread.join()
    assert deliveries[0]["Subject"] == "news"


def test_no_http_option_serves_smtp_only(tmp_path):
    with ServeThread("--database", str(tmp_path / "mails.sqlite"), "--no-http") as serving:
        assert " and http" not in serving.first_line
        send(serving, "one")


# Runs `smtptest serve`, and writes each connection and name lookup to standard error.
WATCHED = """
import sys
def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname",
                 "socket.gethostbyaddr", "socket.getnameinfo"):
        print("WENT OUT", event, arguments, file=sys.stderr, flush=True)
sys.addaudithook(hook)
from lazr.smtptest.cli import main
sys.exit(main(["serve", "--smtp-port", "0", "--http-port", "0", "--database", "memory:", *sys.argv[1:]]))
"""

HTML = """From: ann@tracker.example
To: bob@tracker.example
Content-Type: text/html

<link rel="stylesheet" href="http://tracker.example/a.css"><img src="http://tracker.example/pixel.gif">
<a href="http://tracker.example/unsubscribe">x</a><script src="http://tracker.example/a.js"></script>
"""


# Threat W5: without options for it, no mail and no request makes the server connect to another host.
@pytest.mark.slow
def test_no_request_or_mail_makes_the_server_connect(tmp_path):
    (tmp_path / "watched.py").write_text(WATCHED)
    command = [sys.executable, str(tmp_path / "watched.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            first = process.stdout.readline()
            port, url = int(re.search(r"smtp://127\.0\.0\.1:(\d+)", first)[1]), re.search(r"http://[\d.:]+", first)[0]
            with smtplib.SMTP("127.0.0.1", port) as client:
                client.sendmail("ann@tracker.example", ["bob@tracker.example"], HTML)
            with httpx.Client(base_url=url) as http:
                described = http.get("/openapi.json").json()["paths"]
                for path, methods in described.items():
                    for method in methods:
                        url_path = re.sub(r"\{\w+\}", "latest", path) + "?follow=true&timeout=0"
                        body = {"To": ["ann@tracker.example"]} if method in ("put", "post") else None
                        http.request(method if method != "delete" else "get", url_path, json=body)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()

    assert "WENT OUT" not in err
    assert process.returncode == 0 and "1 mail received" in out


# -- the order of the parts, and lists of options ------------------------------------------------------


def test_parts_start_and_stop_in_order(monkeypatch, tmp_path):
    """A part may use those that start before it; a mail that arrives first thing has its webhook."""
    happened = []

    def record(owner, name, before="", after=""):
        original = getattr(owner, name)

        def wrapper(*args, **kwargs):
            happened.extend([before] if before else [])
            result = original(*args, **kwargs)
            happened.extend([after] if after else [])
            return result

        monkeypatch.setattr(owner, name, wrapper)

    record(PreparedWebServer, "__init__", after="options are checked")
    record(WebhookThread, "__enter__", after="webhooks have noted their position")
    record(WebhookThread, "__exit__", before="webhooks stop")
    record(MailServer, "start", before="SMTP starts", after="SMTP accepts")
    record(MailServer, "stop", before="SMTP stops")
    record(WebServer, "start", after="HTTP accepts")
    record(WebServer, "stop", before="HTTP stops")
    record(PrinterThread, "enqueue_listening", before="banner")
    record(SqliteStore, "open", after="store is open")
    record(SqliteStore, "close", before="store closes")
    with Receiver() as receiver:
        options = ["--webhook", receiver.url(), "--webhook-secret", new_secret(), "--webhook-network", "127.0.0.0/8"]
        with serve("--database", tmp_path / "mails.sqlite", *options) as serving:
            assert serving.first_line
            serving.stop()

    assert happened == [
        *("store is open", "options are checked", "webhooks have noted their position"),
        *("SMTP starts", "SMTP accepts", "HTTP accepts", "banner"),
        *("HTTP stops", "SMTP stops", "webhooks stop", "store closes"),
    ]


def get_mails_status(serving, password="right", timeout=60, **headers):
    """Return the status of a list; 0 if the response takes longer than the timeout in seconds."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        url = f"{get_api_url(serving)}/api/v1/messages"
        return httpx.get(url, auth=("ann", password), headers=headers, timeout=timeout).status_code
    except httpx.ReadTimeout:
        return 0


def test_hosts_in_lists_are_allowed():
    with serve(
        *("--database", "memory:", "--auth", "ann:right"),
        *("--allowed-host", "mail, box.test third.test:8025", "--allowed-host", "fourth.test"),
    ) as serving:
        hosts = {"mail": 200, "box.test": 200, "third.test:8025": 200, "fourth.test": 200, "fifth.test": 421}
        assert {host: get_mails_status(serving, host=host) for host in hosts} == hosts


@pytest.mark.slow
@pytest.mark.parametrize(("networks", "status"), [(["10.0.0.0/8", "127.0.0.0/8"], 401), (["10.0.0.0/8"], 429)])
def test_clients_of_trusted_proxies_are_told_apart(networks, status):
    """A client whose wrong passwords are too many does not lock out another one behind the same proxy."""
    proxies = [argument for network in networks for argument in ("--trusted-proxy", network)]
    with serve("--database", "memory:", "--auth", "ann:right", *proxies) as serving, ThreadPoolExecutor(40) as pool:
        calls = [pool.submit(get_mails_status, serving, "wrong", 5, x_forwarded_for="198.51.100.1") for _ in range(40)]
        statuses = (call.result() for call in as_completed(calls))
        assert any(status == 429 for status in statuses)
        assert get_mails_status(serving, "wrong", x_forwarded_for="198.51.100.2") == status
        assert {call.result() for call in calls} <= {0, 401, 429}


def test_limits_of_searches_reach_the_store(monkeypatch, tmp_path):
    created = []

    class RecordingStore(MemoryStore):
        def __init__(self, **options):
            created.append({name: options.get(name) for name in ("search_timeout", "max_searches")})
            super().__init__()

    monkeypatch.setattr("lazr.smtptest.store.memory.MemoryStore", RecordingStore)
    with serve("--database", "memory:", "--search-timeout", "0.5", SMTPTEST_SERVE_MAX_SEARCHES="3") as serving:
        assert serving.first_line
    assert created == [{"search_timeout": 0.5, "max_searches": 3}]


@pytest.mark.parametrize("arguments", [("--search-timeout", "0"), ("--max-searches", "0"), ("--search-timeout", "x")])
def test_wrong_limit_of_searches_is_refused(arguments):
    done = run_smtptest("serve", "--database", "memory:", *arguments)
    assert done.returncode == 2 and arguments[0] in done.stderr
