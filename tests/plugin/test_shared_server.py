"""`--smtptest-server`: tests against a running `smtptest serve`, each with an inbox of its own."""

import gc
import json
import re
import smtplib
import textwrap
import warnings
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from lazr.smtptest.api_client import ApiUnavailable
from lazr.smtptest.testing.shared_server import SharedServer
from tests.helpers.command_line import ServeProcess
from tests.helpers.http_receiver import Receiver, respond

# One process runs the server for all of them.
pytestmark = pytest.mark.xdist_group("shared server")

EXAMPLE = Path(__file__).parents[1] / "examples" / "test_shared_server.py"

# Each test file sends as an application does: with the login of the test's server, or to an address of its domain.
APPLICATION = """
def send_as(server, to="bob@example.com", subject="Hi"):
    env = server.env()
    with smtplib.SMTP(env["SMTP_HOST"], int(env["SMTP_PORT"])) as client:
        client.login(env["SMTP_USERNAME"], env["SMTP_PASSWORD"])
        client.sendmail("ann@example.com", [to], f"Subject: {subject}\\r\\n\\r\\nHello\\r\\n")
"""


class RunningServe:
    """A running `smtptest serve`, and the options of pytest that select it."""

    def __init__(self, serving):
        self.smtp = serving.server
        self.url = re.search(r"http://127\.0\.0\.1:\d+", serving.first_line)[0]
        self.options = ("--smtptest-server", self.url)

    def get_json(self, path):
        with urlopen(Request(self.url + path), timeout=20) as response:
            return json.load(response)

    def list_mails(self):
        return self.get_json("/api/v1/messages")["messages"]


@pytest.fixture(scope="module")
def process():
    with ServeProcess("--http-port", "0", "--database", "memory:") as serving:
        assert serving.first_line, serving.describe_failure()
        yield serving


@pytest.fixture
def serve(process):
    """A running server without mails."""
    running = RunningServe(process)
    with urlopen(Request(f"{running.url}/api/v1/messages", method="DELETE"), timeout=20):
        return running


@pytest.fixture
def write(newest):
    """Return a function that writes test files with `send_as`, and returns what runs them."""

    def write(**files):
        newest.write(**{name: APPLICATION + textwrap.dedent(text) for name, text in files.items()})
        return newest

    return write


def test_each_test_sees_its_own_mails(serve, write):
    runner = write(
        test_a="""
            def test_login(smtptest):
                send_as(smtptest, subject="One")
                send(smtptest, "of nobody")
                assert smtptest.inbox.one(to="bob@example.com").subject == "One"
                assert len(smtptest.inbox) == 1

            def test_domain(smtptest, smtptest_domain):
                send(smtptest, "Two", to=f"bob@{smtptest_domain}")
                send_as(smtptest, subject="Three")
                assert [mail.subject for mail in smtptest.inbox] == ["Two", "Three"]
                smtptest.inbox.none(subject="One")

            def test_mail_to_both_is_there_once(smtptest, smtptest_domain):
                send_as(smtptest, to=f"bob@{smtptest_domain}")
                assert len(smtptest.inbox) == 1
        """
    )

    runner.run(*serve.options).assert_outcomes(passed=3)
    assert sorted(mail["Subject"] for mail in serve.list_mails()) == ["Hi", "One", "Three", "Two", "of nobody"]
    assert serve.get_json("/api/v1/mailboxes") == []


def test_inbox_waits_for_mails_of_other_threads(serve, write):
    runner = write(
        test_a="""
            import asyncio
            import threading

            def test_wait(smtptest):
                smtptest.env()
                timer = threading.Timer(0.2, lambda: [send_as(smtptest, subject=s) for s in ("One", "Two")])
                timer.start()
                assert [mail.subject for mail in smtptest.inbox.wait(2, timeout=20)] == ["One", "Two"]
                timer.join()

            def test_async_wait(smtptest):
                smtptest.env()
                timer = threading.Timer(0.2, send_as, (smtptest,))
                timer.start()
                assert asyncio.run(smtptest.inbox.async_one(timeout=20)).subject == "Hi"
                timer.join()

            def test_arrivals_and_marks(smtptest):
                send_as(smtptest, subject="One")
                mark = smtptest.inbox.mark()
                send_as(smtptest, subject="Two")
                assert next(smtptest.inbox.arrivals(timeout=20)).subject == "One"
                assert smtptest.inbox.one(since=mark).subject == "Two"
                smtptest.inbox.clear()
                assert smtptest.inbox == []
                send_as(smtptest, subject="Three")
                assert smtptest.inbox[-1].subject == "Three"
        """
    )

    runner.run(*serve.options).assert_outcomes(passed=3)


def test_mails_are_complete(serve, write):
    runner = write(
        test_a="""
            def test_mail(smtptest):
                with smtplib.SMTP(*smtptest.address) as client:
                    client.login(smtptest.user, smtptest.password)
                    client.sendmail("", ["a@example.com", "b@example.com"], b"Subject: x\\r\\n\\r\\n\\xff.\\r\\n",
                                    ["BODY=8BITMIME"], ["NOTIFY=NEVER"])
                mail = smtptest.inbox.one()
                assert mail.content == b"Subject: x\\r\\n\\r\\n\\xff.\\r\\n"
                assert mail.envelope.mail_from == "" and mail.recipients == ("a@example.com", "b@example.com")
                assert mail.envelope.mail_parameters["BODY"] == "8BITMIME"
                assert mail.envelope.dsn[1].notify == {"NEVER"}
                assert mail.envelope.auth.username == smtptest.user
                assert smtptest.inbox.one(bcc="b@example.com") is mail
        """
    )

    runner.run(*serve.options).assert_outcomes(passed=1)


def test_failure_has_links_to_mails_and_sessions(serve, write):
    runner = write(
        test_a="""
            def test_fails(smtptest):
                send_as(smtptest)
                assert smtptest.inbox.one().subject == "Hello"
        """
    )

    result = runner.run(*serve.options)

    [mail] = serve.list_mails()
    result.stdout.fnmatch_lines(
        ["*- mail received -*", "*'Hi'*", "*- web inbox -*", f"{serve.url}/mail/{mail['ID']}", f"{serve.url}/sessions"]
    )


def test_failed_wait_shows_the_mails_of_others(serve, write):
    runner = write(
        test_a="""
            @pytest.fixture(autouse=True)
            def lost_mail(smtptest):
                send(smtptest, "lost")

            def test_nothing(smtptest):
                smtptest.inbox.one(timeout=0)

            def test_user(smtptest):
                smtptest.env()
                smtptest.inbox.one(timeout=0)

            def test_domain(smtptest, smtptest_domain):
                smtptest.inbox.one(timeout=0)
        """
    )

    result = runner.run(*serve.options)

    for reason in (
        "no mail at * can be identified as one of this test: configure the application with*smtptest_domain",
        "mails of this test at *: those of clients that log in as test-user-*",
        "mails of this test at *: those to [*]@test-domain-*.smtptest.example",
    ):
        result.stdout.fnmatch_lines(
            [
                "*no mail within 0 s*",
                f"*{reason}*",
                "*the latest mails at the server, of all tests:*",
                "*ann@example.com -> bob@example.com 'lost'*",
                f"*all sessions: {serve.url}/sessions*",
            ]
        )


def test_what_a_shared_server_cannot_do_is_an_error(serve, write):
    marks = {
        "tls='starttls'": "tls='starttls'",
        "decide=len": "decide=<built-in function len>",
        "rules=[]": "rules=[[]]",
        "keep_mails=False": "keep_mails=False",
        "auth={'ann': 'secret'}": "auth=…",
    }
    attributes = {
        "on('RCPT')": "`on` is of a server in the process of the test",
        "rules": "use smtptest_factory(), which starts a MailServer",
        "sessions": "`sessions` is of a server in the process of the test",
        "mails": "'SharedServer' object has no attribute 'mails'",
    }
    tests = [f"@pytest.mark.smtptest({mark})\ndef test_mark_{n}(smtptest): pass\n" for n, mark in enumerate(marks)]
    tests += [f"def test_attribute_{n}(smtptest): smtptest.{name}\n" for n, name in enumerate(attributes)]

    result = write(test_a="\n" + "\n".join(tests)).run(*serve.options)

    for shown in marks.values():
        result.stdout.fnmatch_lines([f"*this test sets {shown}, but --smtptest-server selects a server that runs*"])
    for message in attributes.values():
        result.stdout.fnmatch_lines([f"*{message}*"])
    result.assert_outcomes(errors=len(marks), failed=len(attributes))
    assert "secret" not in "\n".join(line for line in result.outlines if "this test sets" in line)


def test_options_of_the_inbox_and_the_factory_work(serve, write):
    runner = write(
        test_a="""
            @pytest.mark.smtptest(keep_mails=1, timeout=0.5)
            def test_inbox(smtptest):
                send_as(smtptest, subject="One")
                send_as(smtptest, subject="Two")
                assert [mail.subject for mail in smtptest.inbox] == ["Two"]
                assert smtptest.default_timeout == 0.5

            def test_factory(smtptest_factory, smtptest_domain):
                server = smtptest_factory(hostname="local.example")
                server.on("RCPT").reply(550)
                with pytest.raises(smtplib.SMTPRecipientsRefused):
                    send(server)
        """
    )

    runner.run(*serve.options).assert_outcomes(passed=2)


def test_no_connection_stays_open(serve):
    def use_servers():
        with pytest.raises(ApiUnavailable):
            SharedServer(f"{serve.url}/nothing").start()
        with SharedServer(serve.url) as server:
            assert server.user
        server.explain()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        use_servers()
        gc.collect()
    assert not [str(warning.message) for warning in caught if warning.category is ResourceWarning]


def test_session_server_has_one_login_for_the_run(serve, write):
    runner = write(
        test_a="""
            @pytest.fixture(scope="session")
            def application(smtptest_session_server):
                return smtptest_session_server.env()

            @pytest.mark.parametrize("name", ["ann", "bob"])
            def test_session(application, smtptest_session, smtptest_domain, name):
                assert application == smtptest_session.env()
                send_as(smtptest_session, to=f"{name}@example.com")
                send(smtptest_session, to=f"{name}@{smtptest_domain}")
                assert [mail.recipients[0].partition("@")[0] for mail in smtptest_session.inbox] == [name, name]

            @pytest.mark.smtptest(rules=[{"when": "RCPT", "do": [{"reply": [550]}]}])
            def test_rules(smtptest_session):
                pass
        """
    )

    result = runner.run(*serve.options)

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*this test sets rules=*, but --smtptest-server selects*"])


@pytest.mark.slow
def test_workers_of_xdist_share_the_server(serve, write):
    runner = write(
        test_a="""
            @pytest.mark.parametrize("number", range(6))
            def test_a(smtptest, smtptest_domain, number):
                send(smtptest, str(number), to=f"ann@{smtptest_domain}")
                send_as(smtptest, subject=str(number))
                assert [mail.subject for mail in smtptest.inbox.wait(2)] == [str(number)] * 2
        """
    )

    runner.run("-n", "2", *serve.options).assert_outcomes(passed=6)


def test_keep_writes_the_mails(serve, write):
    runner = write(test_a="def test_a(smtptest):\n    send_as(smtptest)\n    assert smtptest.inbox[0].subject == 'x'")

    runner.run(*serve.options, "--smtptest-keep", "kept").assert_outcomes(failed=1)

    [mail] = (runner.path / "kept").rglob("*.eml")
    assert mail.name == "1.eml" and b"Subject: Hi\r\n" in mail.read_bytes()


@pytest.mark.parametrize("source", ["ini", "environment"])
def test_server_is_set_by_file_or_environment(serve, write, source, monkeypatch):
    runner = write(test_a="def test_a(smtptest):\n    send_as(smtptest)\n    assert smtptest.inbox.one().id")
    if source == "ini":
        runner.pytester.makeini(f"[pytest]\nsmtptest_server = {serve.url}\nsmtptest_smtp = {serve.smtp}\n")
    else:
        monkeypatch.setenv("SMTPTEST_PYTEST_SERVER", serve.url)

    runner.run().assert_outcomes(passed=1)
    assert len(serve.list_mails()) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--smtptest-server", "ftp://x"),
            "*--smtptest-server: the URL of the API must be http://host:port*'ftp://x'*",
        ),
        (("--smtptest-server", "http://x", "--smtptest-smtp", "x"), "*must be HOST:PORT, such as mail:1025, got 'x'*"),
    ],
)
def test_invalid_address_is_a_usage_error(write, options, message):
    result = write(test_a="def test_a(): pass").run(*options)

    result.stderr.fnmatch_lines([message])
    assert result.ret == 4


def test_mailpit_is_no_shared_server(write):
    with Receiver(respond(200, body=b"{}")) as receiver:
        result = write(test_a="def test_a(smtptest): pass").run("--smtptest-server", receiver.url(path=""))

    result.stdout.fnmatch_lines(["*must be the URL of a `smtptest serve`, got another server*"])


def test_server_that_does_not_run_fails_the_test(write):
    result = write(test_a="def test_a(smtptest): pass").run("--smtptest-server", "http://127.0.0.1:9")

    result.stdout.fnmatch_lines(["*http://127.0.0.1:9: connection refused; start a server with `smtptest serve`*"])
    result.assert_outcomes(errors=1)


def test_local_server_without_the_option(write):
    runner = write(
        test_a="""
            from lazr.smtptest import MailServer

            def test_a(smtptest, smtptest_domain):
                send(smtptest, to=f"ann@{smtptest_domain}")
                assert isinstance(smtptest, MailServer)
                assert smtptest.inbox.one(to="ann@smtptest.example")
        """
    )

    runner.run().assert_outcomes(passed=1)


def test_example_of_the_page_runs_against_a_running_server(serve, newest):
    newest.pytester.makepyfile(test_example=EXAMPLE.read_text("utf-8"))

    newest.run(*serve.options).assert_outcomes(passed=2)
    assert len(serve.list_mails()) == 2


def test_address_of_smtp_can_be_set(serve, write):
    runner = write(test_a="def test_a(smtptest):\n    assert smtptest.url == 'smtp://[2001:db8::1]:2525'")

    runner.run(*serve.options, "--smtptest-smtp", "[2001:db8::1]:2525").assert_outcomes(passed=1)


@pytest.mark.slow
def test_server_with_login_webroot_and_tls(write):
    options = (
        "--http-port",
        "0",
        "--database",
        "memory:",
        "--auth",
        "ann:secret",
        "--webroot",
        "/w",
        "--tls",
        "both",
    )
    with ServeProcess(*options) as serving:
        url = re.search(r"http://[^;]+", serving.first_line)[0]
        runner = write(
            test_a="""
                def test_tls(smtptest):
                    assert smtptest.env()["MAIL_USE_TLS"] == "True"
                    with smtplib.SMTP(*smtptest.address) as client:
                        client.starttls(context=smtptest.client_context())
                        client.login(smtptest.user, smtptest.password)
                        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\\r\\n\\r\\n")
                    with smtplib.SMTP_SSL(*smtptest.tls_address, context=smtptest.client_context()) as client:
                        client.login(smtptest.user, smtptest.password)
                        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Second\\r\\n\\r\\n")
                    assert smtptest.inbox.wait(2)[0].subject == "Hello"
            """
        )
        refused = runner.run("--smtptest-server", url)
        result = runner.run("--smtptest-server", url.replace("://", "://ann:secret@"))

    refused.stdout.fnmatch_lines(["*(401); log in with --smtptest-server http://USER:PASSWORD@127.0.0.1:*/w*"])
    result.stdout.fnmatch_lines(["*'Hi' == 'Hello'*", f"{url}/mail/*", f"{url}/sessions"])
    assert "secret" not in result.stdout.str()


@pytest.mark.slow
def test_server_that_stops_is_the_reason_of_the_failure(newest):
    with ServeProcess("--http-port", "0", "--database", "memory:") as serving:
        running = RunningServe(serving)
        newest.write(
            test_a=f"""
                import os, signal
                def test_a(smtptest):
                    smtptest.env()
                    os.kill({serving.process.pid}, signal.SIGKILL)
                    smtptest.inbox.one(timeout=1)
            """.replace("\n" + 16 * " ", "\n")
        )
        result = newest.run(*running.options)

    result.stdout.fnmatch_lines([f"E * {running.url}: *"])
    result.assert_outcomes(failed=1)


def send_to(smtp, recipient):
    host, _, port = smtp.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=60) as client:
        client.sendmail("app@example.com", [recipient], "Subject: Hi\r\n\r\nHello\r\n")


def test_server_of_its_own_has_all_mails_in_the_inbox(serve):
    send_to(serve.smtp, "before@example.com")
    with SharedServer(serve.url, all_mails=True) as server:
        send_to(serve.smtp, "ann@example.com")
        send_to(serve.smtp, "bob@example.org")

        assert server.inbox.one(to="bob@example.org", timeout=60)
        expected = ["before@example.com", "ann@example.com", "bob@example.org"]
        assert [mail.recipients[0] for mail in server.inbox] == expected
        assert "SMTP_USERNAME" not in server.env()
        server.forget()
        assert len(server.inbox) == 0
