"""`smtptest mailboxes`: the mailboxes of a running server."""

import json

import pytest


def test_mailbox_from_add_to_rm(running_server):
    running_server.mail("ann@job7.example"), running_server.mail("ann@job8.example")
    added = running_server("mailboxes", "add", "job 7", "--recipient", "*@job7.example")
    assert (added.stderr, added.returncode) == ("", 0)
    token = added.stdout.strip()

    head, row = running_server("mailboxes", "ls").stdout.splitlines()
    assert head.split() == ["mailbox", "user", "recipient"]
    assert row.split() == ["job", "7", "*@job7.example"] and token not in row
    assert len(running_server("ls", "--token", token).stdout.splitlines()) == 2
    assert running_server("mailboxes", "ls", "--token", token).returncode == 1

    removed = running_server("mailboxes", "rm", "job 7")
    assert (removed.stdout, removed.stderr, removed.returncode) == ("", "", 0)
    assert "(401)" in running_server("ls", "--token", token).stderr


def test_json_has_the_fields_of_the_api(running_server):
    added = json.loads(running_server("mailboxes", "add", "ü %2F", "--smtp-user", "ci", "--json").stdout)
    assert len(added.pop("Token")) == 32
    assert json.loads(running_server("mailboxes", "ls", "--json").stdout) == [added]
    assert running_server("mailboxes", "rm", "ü %2F").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "text", "status"),
    [
        (("add", "x"), "exactly one of: --smtp-user, --recipient", 2),
        (("add", "x", "--smtp-user", "a", "--recipient", "b"), "exactly one of", 2),
        (("add", "a/b", "--smtp-user", "a"), "Name must have 1 to 100 printable characters", 1),
        (("rm", "none"), "there is no mailbox 'none'", 1),
        (("rm",), "Missing argument", 2),
        (("lst",), "did you mean 'ls'", 2),
    ],
)
def test_invalid_arguments(running_server, arguments, text, status):
    done = running_server("mailboxes", *arguments)

    assert (text in done.stderr, done.returncode) == (True, status), done.stderr


def test_401_names_the_options_for_a_login(running_server):
    done = running_server("ls", "--token", "wrong-but-ignored")
    assert done.returncode == 0  # nothing needs a login yet
    running_server("mailboxes", "add", "x", "--smtp-user", "x")
    done = running_server("ls", "--token", "wrong")

    port = running_server.web.port
    assert done.stderr == (
        f"smtptest: http://127.0.0.1:{port}: Unauthorized. (401); log in with --token TOKEN, "
        f"or with --api http://USER:PASSWORD@127.0.0.1:{port}\n"
    )
