"""Access to `smtptest serve`: users of options, separate addresses, and checks before a port opens."""

import json
import re
import smtplib
import threading

import httpx
import pytest

from tests.helpers.command_line import ServeThread, run_smtptest
from tests.helpers.leaks import get_new_threads


def serve(*arguments, **variables):
    return ServeThread("--log-json", "--http-port", "0", "--database", "memory:", *arguments, **variables)


def get_urls(serving):
    return json.loads(serving.first_line)["urls"]


def get_smtp_address(serving):
    host, port = get_urls(serving)[0].removeprefix("smtp://").split(":")
    return host, int(port)


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--auth", "ann:one", "--auth", "bob:t:wo"], {}),
        ([], {"SMTPTEST_SERVE_AUTH": "ann:one bob:t:wo"}),
        ([], {"MP_UI_AUTH": "ann:one bob:t:wo"}),
    ],
)
def test_users_of_the_option_may_log_in_by_http(arguments, variables):
    with serve(*arguments, **variables) as serving:
        url = get_urls(serving)[1] + "/api/v1/messages"
        logins = [None, ("ann", "one"), ("bob", "t:wo"), ("bob", "one"), ("ann", "{PLAIN}one")]
        assert [httpx.get(url, auth=login).status_code for login in logins] == [401, 200, 200, 401, 401]


def test_users_of_the_option_and_the_file_may_log_in_by_http(tmp_path):
    (tmp_path / "users").write_text("ann:{PLAIN}one\n")
    with serve("--auth-file", tmp_path / "users", "--auth", "bob:two") as serving:
        url = get_urls(serving)[1] + "/api/v1/messages"
        assert [httpx.get(url, auth=login).status_code for login in [("ann", "one"), ("bob", "two")]] == [200, 200]


def test_users_of_the_options_may_log_in_by_smtp(tmp_path):
    (tmp_path / "users").write_text("ann:one\n")
    with serve("--smtp-auth-file", tmp_path / "users", "--smtp-auth", "bob:two") as serving:
        for user, password, code in [("ann", "one", 235), ("bob", "two", 235), ("bob", "one", 535)]:
            with smtplib.SMTP(*get_smtp_address(serving)) as client:
                try:
                    assert client.login(user, password)[0] == code
                except smtplib.SMTPAuthenticationError as error:
                    assert error.smtp_code == code
        with smtplib.SMTP(*get_smtp_address(serving)) as client:
            client.ehlo()
            assert client.mail("ann@example.com")[0] == 530


SECRET = "s3cret-of-ann"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--auth", SECRET], "--auth must be USER:PASSWORD"),
        (["--auth", f":{SECRET}"], "--auth must be USER:PASSWORD"),
        (["--smtp-auth", SECRET], "--smtp-auth must be USER:PASSWORD"),
        (["--smtp-auth", "ann:"], "--smtp-auth must be USER:PASSWORD"),
        (["--smtp-auth", f"ann:{SECRET}", "--smtp-auth", "ann:x"], "--smtp-auth: user 'ann' is given twice"),
        (["--auth", f"ann:{SECRET}", "--auth", f"ann:{SECRET}"], "--auth, line 2: user 'ann' must be listed once"),
        (["--smtp-auth-file", "bcrypt"], "bcrypt, line 1: SMTP needs the password"),
        (["--webroot", "/a?b"], "a webroot must be a path of letters"),
        (["--webroot", "/../x"], "a webroot must be a path of letters"),
        (["--quiet", "--database", "none"], "would keep no copy of a mail"),
        (["--max-recipients", "0"], "--max-recipients"),
        (["--http-host", "0.0.0.0"], "give --auth-file"),
        (["--host", "0.0.0.0", "--smtp-auth", f"ann:{SECRET}"], "give --auth-file"),
        (["--host", "0.0.0.0", "--auth", f"ann:{SECRET}"], "SMTP requires no login"),
    ],
)
def test_wrong_option_is_refused_without_its_secret(arguments, message, tmp_path):
    (tmp_path / "bcrypt").write_text(f"ann:$2y${SECRET}\n")
    done = run_smtptest("serve", "--smtp-port", 0, "--http-port", 0, "--database", "memory:", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
    assert SECRET not in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("host", ["127.0.0.3", "::1"])
def test_http_has_an_address_of_its_own(host):
    with serve("--host", "127.0.0.2", "--http-host", host) as serving:
        smtp, http = get_urls(serving)
        assert smtp.startswith("smtp://127.0.0.2:") and host in http
        assert httpx.get(f"{http}/livez").status_code == 200


def test_webroot_of_the_option_is_in_the_url():
    with serve("--webroot", "mail/") as serving:
        url = get_urls(serving)[1]
        assert re.fullmatch(r"http://127.0.0.1:\d+/mail", url) and httpx.get(f"{url}/livez").status_code == 200
        assert run_smtptest("ls", "--api", url).returncode == 0


def test_limit_of_recipients_is_an_option():
    with serve("--max-recipients", "2") as serving, smtplib.SMTP(*get_smtp_address(serving)) as client:
        refused = client.sendmail("ann@example.com", [f"{name}@example.com" for name in "abc"], "Subject: Hi\r\n\r\n")
    assert list(refused) == ["c@example.com"] and refused["c@example.com"][0] == 452


def test_quiet_prints_start_and_end_only():
    with ServeThread("--http-port", "0", "--database", "memory:", "--quiet") as serving:
        with smtplib.SMTP(*serving.address) as client:
            client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello\r\n")
            client.docmd("VRFY", "<>")
            client.docmd("MAIL", "FROM:nonsense nonsense")
        url = re.search(r"http://127\.0\.0\.1:\d+", serving.first_line)[0]
        assert httpx.get(f"{url}/api/v1/messages").json()["total"] == 1
        out, err, status = serving.stop()
    assert out.splitlines()[1:] == ["stopped; 1 mail received"] and "accessible via" in out
    assert (err, status) == ("", 0)


@pytest.mark.parametrize(
    ("arguments", "is_noted"),
    [([], True), (["--max-age", "7d"], False), (["--max-messages", "9"], False), (["--max-bytes", "9M"], False)],
)
def test_store_without_limit_is_noted_at_the_start(arguments, is_noted, tmp_path):
    with ServeThread("--http-port", "0", "--database", tmp_path / "mails.sqlite", *arguments) as serving:
        out, _, _ = serving.stop()
    assert ("all mails are kept; --max-messages, --max-age and --max-bytes limit them\n" in out) is is_noted


@pytest.mark.parametrize(
    "arguments",
    [
        ["--auth-file", "/nonexistent"],
        ["--mailboxes", "/nonexistent"],
        ["--rules", "/nonexistent"],
        ["--smtp-auth-file", "/nonexistent"],
        ["--webhook", "http://hook.example/"],
        ["--relay-allow", "*"],
        ["--allowed-origin", "x"],
        ["--tls-cert", "/nonexistent"],
        ["--host", "0.0.0.0", "--smtp-auth", "ann:one"],
    ],
)
def test_no_port_opens_before_all_options_are_checked(arguments, monkeypatch):
    """A server that ends with a usage error must not have acknowledged mail before."""
    from lazr.smtptest.net import listener

    opened = []
    threads = set(threading.enumerate())
    bind = listener.Listener.__init__
    monkeypatch.setattr(listener.Listener, "__init__", lambda self, *a, **k: (opened.append(a), bind(self, *a, **k))[1])
    done = run_smtptest("serve", "--smtp-port", 0, "--http-port", 0, "--database", "memory:", *arguments)
    assert (done.returncode, opened) == (2, [])
    with serve():
        assert len(opened) == 2  # the patch sees both servers
    assert get_new_threads(threads) == set()
