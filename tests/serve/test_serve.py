"""`smtptest serve` as a whole: what it is told, what it keeps, and who may read that."""

import http.server
import json
import re
import signal
import smtplib
import threading
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from cli.smtptest import Serving, smtptest
from lazr.smtptest import MailServer
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
        (["--relay", "127.0.0.1:2525"], "--relay wants --relay-allow"),
        (["--relay-allow", "*"], "--relay HOST:PORT is missing"),
        (["--relay", "x:y:z", "--relay-allow", "*"], "is no server"),
        (["--relay", "x:25", "--relay-allow", "*", "--relay-sender", "ann"], "'ann' is no address"),
        (
            ["--relay", "x:25", "--relay-allow", "*", "--relay-tls", "starttls", "--relay-ca-file", "/nonexistent/ca"],
            "/nonexistent/ca: No such file",
        ),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line_and_status_2(arguments, said):
    done = smtptest("serve", "--smtp-port", 0, "--http-port", 0, "--database", "memory:", *arguments)

    assert done.returncode == 2 and said in done.stderr


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
        assert "http" not in serving.first
        send(serving, "one")
