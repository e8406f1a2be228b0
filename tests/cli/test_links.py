"""Links into the web inbox: of `ls`, `show`, `wait` and `open`, and of `serve`."""

import json
import os
import subprocess
import sys

import pytest

from lazr.smtptest.api_client import ApiClient
from tests.helpers.command_line import SMTPTEST_COMMAND, ServeProcess, ServeThread, build_environment, run_smtptest
from tests.helpers.http_receiver import Receiver, respond

TIMEOUT = 60


def write_browser(folder):
    """Write a browser, which appends the URL that it opens to a pipe; return its command and the path of the pipe."""
    opened = folder / "opened"
    os.mkfifo(opened)
    browser = folder / "browser.py"
    browser.write_text(f"#!{sys.executable}\nimport sys\nopen({str(opened)!r}, 'w').write(sys.argv[1])\n")
    browser.chmod(0o755)
    return str(browser), opened


def run_in_terminal(*arguments, **variables):
    """Run a command whose output is a terminal, and return what it writes there."""
    import pty

    terminal, output = pty.openpty()
    environment = build_environment(TERM="xterm-256color", **variables)
    with subprocess.Popen([*SMTPTEST_COMMAND, *arguments], stdout=output, env=environment) as process:
        os.close(output)
        written = b""
        try:
            while chunk := os.read(terminal, 4096):
                written += chunk
        except OSError:  # Linux reports the end of the last writer as EIO
            pass
        os.close(terminal)
    assert process.returncode == 0
    return written.decode()


def test_json_of_each_command_has_the_url_of_the_mail(running_server):
    name = running_server.mail("ann@example.com")
    url = f"{running_server.web.url}/mail/{name}"

    assert [one["URL"] for one in json.loads(running_server("ls", "--json").stdout)] == [url]
    assert json.loads(running_server("show", "--json").stdout)["URL"] == url
    assert json.loads(running_server("wait", "--json").stdout)["URL"] == url


@pytest.mark.parametrize("command", ["ls", "show", "wait"])
def test_output_in_a_pipe_has_no_url(running_server, command):
    running_server.mail("ann@example.com")

    assert "http" not in running_server(command).stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of Unix")
@pytest.mark.parametrize("command", ["ls", "show", "wait"])
def test_output_on_a_terminal_links_to_the_page(running_server, command):
    name = running_server.mail("ann@example.com")
    url = f"{running_server.web.url}/mail/{name}"

    written = run_in_terminal(command, SMTPTEST_API=running_server.web.url)

    if command == "ls":  # the sequence OSC 8, which makes the ID a link
        assert f";{url}\x1b\\" in written and f"{name}\x1b" in written
    else:
        assert f"\n{url}\r\n" in written


def test_failed_wait_links_to_search_and_sessions(running_server):
    running_server.mail("ann@example.com")
    url = running_server.web.url

    done = running_server("wait", "--to", "bob@example.com", "--timeout", "0")

    search = "addressed%3A%22bob%40example.com%22"
    assert done.stderr.splitlines()[-1] == f"  see {url}/search?q={search} and {url}/sessions"
    assert done.stdout == ""


def test_failed_wait_of_a_mailbox_names_no_sessions(running_server):
    created = json.loads(running_server("mailboxes", "add", "a", "--recipient", "*@a.example", "--json").stdout)

    done = running_server("wait", "--timeout", "0", SMTPTEST_TOKEN=created["Token"])

    assert done.stderr.splitlines()[-1] == f"  see {running_server.web.url}/"


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ((), "/"),
        (("latest",), "/mail/{latest}"),
        (("{first}",), "/mail/{first}"),
        (("0123456789012345678901",), "/search?q=0123456789012345678901"),
        (("to:ann@example.com is:unread",), "/search?q=to%3Aann%40example.com%20is%3Aunread"),
        (("../../x",), "/search?q=..%2F..%2Fx"),
    ],
)
def test_open_prints_the_url_of_the_page(running_server, arguments, path):
    names = {"first": running_server.mail("ann@example.com"), "latest": running_server.mail("bob@example.com")}

    done = running_server("open", "--print", *(argument.format(**names) for argument in arguments))

    assert (done.stdout, done.stderr) == (f"{running_server.web.url}{path.format(**names)}\n", "")
    assert all(not entry.read for entry in running_server.store.get_page().entries)


def test_open_latest_needs_a_mail(running_server):
    done = running_server("open", "latest", "--print")

    assert (done.stdout, done.returncode) == ("", 1)
    assert "there is no mail yet" in done.stderr


def test_open_reports_a_server_that_does_not_run():
    done = run_smtptest("open", "--api", "http://127.0.0.1:9")

    assert done.stderr.startswith("smtptest: http://127.0.0.1:9: connection refused") and done.returncode == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the browser of this test is a script for Unix")
def test_open_starts_the_browser(running_server, tmp_path):
    browser, opened = write_browser(tmp_path)
    environment = build_environment(SMTPTEST_API=running_server.web.url, BROWSER=f"{browser} %s")

    with subprocess.Popen([*SMTPTEST_COMMAND, "open"], env=environment) as process:
        assert opened.read_text() == f"{running_server.web.url}/"

    assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the browser of this test is a script for Unix")
@pytest.mark.parametrize("browser", ["false %s", "w3m"])
def test_open_without_a_browser_names_the_url(running_server, browser, tmp_path):
    text_browser = tmp_path / "w3m"
    text_browser.write_text("#!/bin/sh\nexit 0\n")
    text_browser.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    environment = build_environment(SMTPTEST_API=running_server.web.url, BROWSER=browser, PATH=path)

    done = subprocess.run(
        [*SMTPTEST_COMMAND, "open"], env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )

    assert done.returncode == 1
    assert f"open {running_server.web.url}/ yourself" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the browser of this test is a script for Unix")
def test_serve_opens_the_page_when_it_is_ready(tmp_path):
    browser, opened = write_browser(tmp_path)
    options = ("--http-port", "0", "--database", "memory:", "--webroot", "/mail", "--open")
    with ServeProcess(*options, BROWSER=f"{browser} %s") as serving:
        url = opened.read_text()
        with ApiClient(url) as api:
            assert api.fetch_page()["total"] == 0
        output, _, status = serving.stop()

    assert url.endswith("/mail/") and f"web inbox and REST API accessible via {url}\n" in output
    assert status == 0


@pytest.mark.parametrize("options", [("--no-http", "--database", "memory:"), ("--database", "none")])
def test_serve_open_needs_http(options):
    done = run_smtptest("serve", "--open", *options)

    assert "--open needs the web inbox" in done.stderr and done.returncode == 2


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ((), r"web inbox and REST API accessible via http://127.0.0.1:"),
        (("--public-url", "https://mail.example.com/inbox/"), "accessible via https://mail.example.com/inbox/\n"),
    ],
)
def test_banner_has_the_url_of_the_page(options, shown):
    with ServeThread("--http-port", "0", "--database", "memory:", *options) as serving:
        assert shown in serving.stop()[0]


def test_json_banner_has_the_url_of_the_page():
    options = ("--log-json", "--http-port", "0", "--database", "memory:", "--public-url", "https://mail.example.com")
    with ServeThread(*options) as serving:
        assert json.loads(serving.first_line)["page"] == "https://mail.example.com/"


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "ftp://mail.example.com",
        "http://",
        "http://x?a=b",
        "http://a:b@x",
        "http://x:port",
        "http://x y",
    ],
)
def test_invalid_public_url_is_a_usage_error(url):
    done = run_smtptest("serve", "--public-url", url)

    assert "a public URL must be http://HOST" in done.stderr and done.returncode == 2


@pytest.mark.parametrize("public_url", [None, "https://mail.example.com/inbox"])
def test_webhook_has_the_url_of_the_mail(public_url):
    import smtplib

    from lazr.smtptest.web import new_secret

    with Receiver() as receiver:
        options = ["--http-port", "0", "--database", "memory:", "--webhook", receiver.url()]
        options += ["--webhook-secret", new_secret(), "--webhook-network", "127.0.0.0/8", "--webroot", "/w"]
        with ServeThread(*options, *(("--public-url", public_url) if public_url else ())) as serving:
            base_url = public_url or serving.first_line.split(" and ")[1].partition(";")[0]
            with smtplib.SMTP(*serving.address) as client:
                client.sendmail("app@example.com", ["ann@example.com"], "Subject: Hi\r\n\r\nHello")
            body = json.loads(receiver.get_request().body)
            serving.stop()

    assert body["URL"] == f"{base_url}/mail/{body['ID']}"
    assert body["Subject"] == "Hi"


def test_links_to_mailpit_have_the_paths_of_its_page():
    message = {"ID": "x", "From": None, "To": [], "Subject": "Hi", "Size": 1, "Read": True, "Attachments": 0}
    page = {"total": 1, "messages": [{**message, "Created": "2026-01-01T00:00:00Z"}]}
    with Receiver(respond(200, json.dumps(page).encode())) as receiver:
        url = receiver.url(path="")
        done = run_smtptest("ls", "--json", SMTPTEST_API=url)
        with ApiClient(url) as api:
            api.fetch_page()
            assert api.build_sessions_url() is None

    assert json.loads(done.stdout)[0]["URL"] == f"{url}/view/x"
