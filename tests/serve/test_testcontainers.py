"""Testcontainers' module for Mailpit starts `smtptest serve`: its environment, and the log line that it waits for."""

import json
import re

import pytest

from tests.helpers.command_line import SMTPTEST_COMMAND, ServeThread
from tests.helpers.third_party_clients import run_python_client

USERS = [("jane", "secret"), ("ron", "pass2")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("users", "login", "require_tls", "code"),
    [
        ([], ("any", "auth"), False, 235),
        (USERS, ("ron", "pass2"), False, 235),
        (USERS, ("ron", "secret"), False, 535),
        (USERS, ("jane", "secret"), True, 235),
    ],
)
def test_module_for_mailpit_starts_the_server(users, login, require_tls, code):
    command = [*SMTPTEST_COMMAND, "serve", "--smtp-port", "0", "--http-port", "0", "--database", "memory:"]
    case = json.dumps({"users": users, "login": login, "require_tls": require_tls})
    # The module makes an RSA key of 4,096 bits, which takes long on a busy machine.
    output = run_python_client("testcontainers", "testcontainers_mailpit.py", *command, text=case, timeout=300)

    assert json.loads(output) == {
        "STARTTLS": not require_tls,
        "Login": code,
        "Subjects": ["Hello"] if code == 235 else [],
    }


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ((), r"http://127\.0\.0\.1:\d+/"),
        (("--log-json",), r"http://127\.0\.0\.1:\d+/"),
        (("--quiet",), r"http://127\.0\.0\.1:\d+/"),
        (("--http-tls",), r"https://127\.0\.0\.1:\d+/"),
        (("--webroot", "/mail"), r"http://127\.0\.0\.1:\d+/mail/"),
    ],
)
def test_output_has_the_words_that_the_module_waits_for(options, url):
    with ServeThread("--http-port", "0", "--database", "memory:", *options) as serving:
        output = serving.first_line + serving.stop()[0]

    assert len(re.findall(f'REST API accessible via {url}[\n"]', output)) == 1


def test_output_without_http_names_no_api():
    with ServeThread() as serving:
        assert "accessible" not in serving.first_line + serving.stop()[0]
