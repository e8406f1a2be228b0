"""`smtptest serve` as a whole: what it is told, what it keeps, and who may read that."""

import http.server
import json
import re
import signal
import smtplib
import subprocess
import sys
import threading
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import httpx
import pytest

from cli.smtptest import Serving, smtptest
from lazr.smtptest import MailServer
from lazr.smtptest.cli.http import Http, serving
from lazr.smtptest.cli.options import real_place
from lazr.smtptest.cli.outside import Outside
from lazr.smtptest.store.memory import MemoryStore
from lazr.smtptest.store.sqlite import SqliteStore
from lazr.smtptest.web.signature import new_secret
from receiving import Receiver


def whole(*arguments, **variables):
    return Serving("--http-port", "0", *arguments, **variables)


def api(serving):
    return re.search(r"http://127\.0\.0\.1:\d+", serving.first)[0]


def get(serving, path, **headers):
    with urlopen(Request(api(serving) + path, headers=headers), timeout=20) as answer:
        return json.load(answer)


def send(serving, subject, recipient="bob@example.com", login=None, text="Hello"):
    port = int(re.search(r"smtp://127\.0\.0\.1:(\d+)", serving.first)[1])
    with smtplib.SMTP("127.0.0.1", port) as client:
        if login is not None:
            client.login(*login)
        client.sendmail("ann@example.com", [recipient], f"Subject: {subject}\r\n\r\n{text}\r\n")


def subjects(serving, **headers):
    return [message["Subject"] for message in get(serving, "/api/v1/messages", **headers)["messages"]]


def test_what_was_caught_is_there_after_a_kill_in_the_users_own_data_directory(tmp_path):
    own = {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)}
    with whole("--database", "", **own) as serving:
        send(serving, "one")
        assert subjects(serving) == ["one"]
        serving.process.send_signal(signal.SIGKILL)
    with whole("--database", "", **own) as serving:
        send(serving, "two")
        assert subjects(serving) == ["two", "one"]

    assert [path.name for path in tmp_path.rglob("*.sqlite")] == ["mails.sqlite"]


def test_a_second_one_on_the_same_file_is_one_line_and_status_2(tmp_path):
    with whole("--database", f"sqlite:///{tmp_path}/mails.sqlite"):
        done = smtptest("serve", "--smtp-port", 0, "--http-port", 0, "--database", f"sqlite:///{tmp_path}/mails.sqlite")

    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "--database says where else mails can be kept" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--database", "mysql://localhost/mails"], "no store is known for mysql:"),
        (["--max-age", "yesterday"], "an age is a number and s, m, h, d or w"),
        (["--max-bytes", "much"], "a size is a number of octets"),
        (["--auth-file", "/nonexistent/users"], "/nonexistent/users: No such file or directory"),
        (["--mailboxes", "/nonexistent/boxes"], "/nonexistent/boxes: No such file or directory"),
        (["--webhook", "http://hook.example/"], "a webhook needs a secret"),
        (["--host", "0.0.0.0"], "--insecure-public"),
        (["--host", "0.0.0.0", "--smtp-auth-file", "USERS"], "--auth-file"),
        (["--database", "postgresql://localhost/mails", "--secure-delete"], "PostgreSQL does not overwrite"),
        (["--allowed-origin", "localhost:3000"], "not an origin: 'localhost:3000'"),
        (["--relay", "127.0.0.1:2525"], "--relay wants --relay-allow"),
        (["--relay-allow", "*"], "--relay HOST:PORT is missing"),
        (["--relay-password", "secret"], "--relay HOST:PORT is missing"),
        (["--relay-ca-file", "/nonexistent/ca"], "--relay HOST:PORT is missing"),
        (["--relay", "x", "--relay-allow", "*", "--relay-ca-file", "/nonexistent/ca"], "--relay-ca-file is about TLS"),
        (["--relay", "x:y:z", "--relay-allow", "*"], "is no server"),
        (["--relay", "x:25", "--relay-allow", "*", "--relay-sender", "ann"], "'ann' is no address"),
        (
            ["--relay", "x:25", "--relay-allow", "*", "--relay-tls", "starttls", "--relay-ca-file", "/nonexistent/ca"],
            "/nonexistent/ca: No such file",
        ),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line_and_status_2(arguments, said, tmp_path):
    (tmp_path / "USERS").write_text("ann:secret")
    done = smtptest("serve", "--smtp-port", 0, "--http-port", 0, "--database", "memory:", *arguments, cwd=tmp_path)

    assert done.returncode == 2 and said in done.stderr
    assert done.stdout == "" and done.stderr.count("\n") == 1


def test_it_says_first_where_the_mails_are_and_how_many(tmp_path):
    path = tmp_path / "mails.sqlite"
    for number in range(2):
        with whole("--database", path) as process:
            assert f"; {number} mail{'' if number == 1 else 's'} in sqlite:///{path}; Ctrl-C stops" in process.first
            send(process, "one")
            assert process.stop()[2] == 0


# Threat D10.
@pytest.mark.parametrize("option", [(), ("--secure-delete",)])
def test_what_is_deleted_is_overwritten_if_that_is_wanted(option, tmp_path):
    secret = b"Qx7vLpW2" * 100
    path = tmp_path / "mails.sqlite"
    with whole("--database", path, *option) as process:
        send(process, "one", text=secret.decode())
        httpx.delete(f"{api(process)}/api/v1/messages").raise_for_status()
        assert process.stop()[2] == 0

    there = secret[:64] in path.read_bytes()  # said apart, or pytest would show all of the file
    assert there is not bool(option)


class Broken(MemoryStore):
    """A store with a mistake in it."""

    def totals(self, search=()):
        raise ZeroDivisionError


def test_a_mistake_of_ours_is_answered_with_what_browsers_are_told_too(caplog):
    with Broken() as store:
        settings = Http(http_port=0)
        with serving(settings, Outside(), "127.0.0.1", public=False, server=MailServer(), store=store) as url:
            for path, status in (("/api/v1/messages", 500), ("/livez", 200)):
                answer = httpx.get(url + path)
                assert (answer.status_code, answer.headers["x-content-type-options"]) == (status, "nosniff")
                assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "ZeroDivisionError" in caplog.text and "ZeroDivision" not in answer.text


def test_it_may_have_as_many_files_open_as_the_system_lets_it():
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(soft, 512)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most - 1, hard))
    try:
        with whole() as process:
            assert resource.prlimit(process.process.pid, resource.RLIMIT_NOFILE)[0] > most
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_requests_are_in_the_log_as_facts():
    with whole("--log-json", "--database", "memory:") as process:
        url = next(url for url in json.loads(process.first)["urls"] if url.startswith("http"))
        httpx.get(f"{url}/api/v1/nothing?x=%1b", headers={"authorization": "Bearer secret"})
        out, err, _ = process.stop()

    (request,) = map(json.loads, err.splitlines())
    assert (request["event"], request["method"], request["path"]) == ("request", "GET", "/api/v1/nothing?x=%1b")
    assert (request["status"], request["peer"].rpartition(":")[0]) == (404, "127.0.0.1")
    assert "secret" not in out + err


# Threat W18: a name that somebody gave a file is a stranger's word to whoever reads the log.
def test_what_is_logged_steers_no_terminal(tmp_path):
    path = tmp_path / "mails\x1b[31m.sqlite"
    with SqliteStore(path):
        pass
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 8000)
    with whole("--database", path) as process:
        assert process.first
        _, err, status = process.stop()

    assert "is damaged" in err and "\\x1b[31m" in err and "\x1b" not in err
    assert status == 0


def test_only_so_many_are_kept():
    with whole("--database", "memory:", "--max-messages", 3) as serving:
        for number in range(5):
            send(serving, str(number))
        while get(serving, "/api/v1/messages")["total"] > 3:
            pass  # they go when there is time; the test's own limit ends this otherwise
        assert subjects(serving) == ["4", "3", "2"]


def post(serving, path, body):
    with urlopen(Request(api(serving) + path, json.dumps(body).encode()), timeout=20) as answer:
        return answer.read().decode()


def test_a_mail_is_released_by_the_relay_that_the_options_name(tmp_path):
    with MailServer(tls="starttls", auth={"ci": "secret"}) as theirs:
        options = ["--relay", f"localhost:{theirs.port}", "--relay-tls", "starttls", "--relay-ca-file", theirs.ca_file]
        options += ["--relay-allow", "*@example.com", "--relay-allow", "qa@x.test", "--relay-user", "ci"]
        secret = {"SMTPTEST_SERVE_RELAY_PASSWORD": "secret"}
        with whole("--database", "memory:", *options, **secret) as serving:
            send(serving, "one")
            assert get(serving, "/api/v1/webui")["MessageRelay"]["Enabled"] is True
            assert post(serving, "/api/v1/message/latest/release", {"To": ["qa@x.test"]}) == "ok"

        (mail,) = theirs.inbox
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
def test_a_relay_is_at_the_port_of_real_ones(relay, server):
    assert Outside(relay=real_place(relay), relay_allow=["*"]).make_relay().server == server


@pytest.mark.parametrize(("options", "status"), [([], 451), (["--webhook-network", "127.0.0.1/32"], 204)])
def test_links_are_checked_with_the_switch(options, status):
    with Receiver() as receiver, whole("--database", "memory:", "--check-links", *options) as serving:
        send(serving, "one", text=receiver.url())
        (link,) = get(serving, "/api/v1/message/latest/link-check")["Links"]

        assert link["StatusCode"] == status and receiver.connections == (status == 204)


def test_a_mailbox_is_what_its_token_opens(tmp_path):
    boxes = tmp_path / "boxes.toml"
    boxes.write_text(
        '[job-1]\ntoken = "token-of-job-1-secret"\nuser = "ci-1"\n'
        '[shop]\ntoken = "token-of-the-shop-secret"\nrecipient = "*@shop.example"\n'
    )
    with whole("--database", "memory:", "--mailboxes", str(boxes)) as serving:
        send(serving, "for the job", login=("ci-1", "any"))
        send(serving, "for the shop", recipient="sales@shop.example")

        assert subjects(serving, Authorization="Bearer token-of-job-1-secret") == ["for the job"]
        assert subjects(serving, Authorization="Bearer token-of-the-shop-secret") == ["for the shop"]
        with pytest.raises(HTTPError, match="401"):
            subjects(serving)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a]\nuser = 'x'\n", '[a] wants token = "…"'),
        ("[a]\ntoken = 'token-of-a-and-no-more'\n", "[a] wants either user"),
        ("[a]\ntoken = 'short'\nuser = 'x'\n", "wants 16 letters"),
        ("a = 1\n", '[a] wants token = "…"'),
        ("[a", "Expected ']'"),
    ],
)
def test_a_file_of_mailboxes_that_makes_no_sense_is_refused(tmp_path, text, said):
    boxes = tmp_path / "boxes.toml"
    boxes.write_text(text)
    done = smtptest("serve", "--smtp-port", 0, "--http-port", 0, "--database", "memory:", "--mailboxes", str(boxes))

    assert done.returncode == 2 and said in done.stderr
    assert "token-of-a" not in done.stderr


def test_who_is_in_the_file_may_read_and_nobody_else(tmp_path):
    users = tmp_path / "users"
    users.write_text("ann:{PLAIN}correct horse\n")
    with whole("--database", "memory:", "--auth-file", str(users)) as serving:
        with pytest.raises(HTTPError, match="401"):
            subjects(serving)
        assert subjects(serving, Authorization="Basic YW5uOmNvcnJlY3QgaG9yc2U=") == []


def test_a_webhook_is_told_of_what_arrives():
    told, came = [], threading.Event()

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()
            came.set()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        try:
            with whole(
                *("--database", "memory:", "--webhook", f"http://127.0.0.1:{receiver.server_port}/"),
                *("--webhook-secret", new_secret(), "--webhook-network", "127.0.0.0/8"),
            ) as serving:
                send(serving, "news")
                assert came.wait(20)
        finally:
            receiver.shutdown()
            thread.join()
    assert told[0]["Subject"] == "news"


def test_without_http_there_is_smtp_alone(tmp_path):
    with Serving("--database", str(tmp_path / "mails.sqlite"), "--no-http") as serving:
        assert " and http" not in serving.first
        send(serving, "one")


# What `smtptest serve` connects to, or looks up, is written to standard error.
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


# Threat W5: nothing that a mail or a client says makes the server connect to anybody, until that is switched on.
def test_it_connects_to_nobody(tmp_path):
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
                        asked = re.sub(r"\{\w+\}", "latest", path) + "?follow=true&timeout=0"
                        body = {"To": ["ann@tracker.example"]} if method in ("put", "post") else None
                        http.request(method if method != "delete" else "get", asked, json=body)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()

    assert "WENT OUT" not in err
    assert process.returncode == 0 and "1 mail received" in out
