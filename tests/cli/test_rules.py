"""`smtptest rules`: list, add and remove the rules of a running server."""

import json
import smtplib

import pytest

DEFINITION = '{"when": "RCPT", "match": {"to": "*@full.example"}, "do": [{"reply": [452, "4.2.2", "Full"]}]}'


def send_rcpt(running_server, to):
    with smtplib.SMTP(*running_server.server.address) as client:
        client.ehlo()
        client.mail("app@example.com")
        return client.rcpt(to)[0]


def test_rule_acts_from_add_to_rm(running_server):
    done = running_server("rules", "add", DEFINITION)
    assert (done.stderr, done.returncode) == ("", 0)
    number, _, text = done.stdout.partition("  ")
    assert text.startswith("RCPT to='*@full.example' → reply(452, '4.2.2', 'Full')")
    assert send_rcpt(running_server, "ann@full.example") == 452

    head, row = running_server("rules", "ls").stdout.splitlines()
    assert head.split() == ["ID", "acted", "rule"]
    assert row.split()[:3] == [number, "1", "RCPT"]
    assert json.loads(running_server("rules", "ls", "--json").stdout)[0]["Count"] == 1

    assert running_server("rules", "rm", number).returncode == 0
    assert send_rcpt(running_server, "ann@full.example") == 250


def test_presets_are_listed_and_added_by_name(running_server):
    listed = dict(line.split(None, 1) for line in running_server("rules", "presets").stdout.splitlines()[1:])
    assert "attempts" in listed["greylist"]
    done = running_server("rules", "add", "--preset", "quota_full", "--with", "to=*@full.example", "--json")
    assert done.returncode == 0, done.stderr
    assert [one["Rule"]["when"] for one in json.loads(done.stdout)] == ["RCPT"]
    assert send_rcpt(running_server, "ann@full.example") in (452, 552)


def test_file_of_rules_is_added(running_server, tmp_path):
    (tmp_path / "rules.json").write_text(f'[{DEFINITION}, {{"preset": "greylist", "attempts": 2}}]')
    assert running_server("rules", "add", "--file", tmp_path / "rules.json").returncode == 0
    assert len(running_server.server.rules) == 2
    assert running_server("rules", "rm", "--all").returncode == 0
    assert len(running_server.server.rules) == 0


@pytest.mark.parametrize(
    ("arguments", "message", "status"),
    [
        (("add",), "rules add needs exactly one of", 2),
        (("add", "{"), "a rule must be JSON", 2),
        (("add", "{}"), "invalid rule", 1),
        (("add", "--preset", "none"), "unknown preset 'none'", 1),
        (("add", "--preset", "greylist", "--with", "x"), "--with must be NAME=VALUE", 2),
        (("rm",), "rules rm needs exactly one of", 2),
        (("rm", "99"), "there is no rule 99", 1),
    ],
)
def test_wrong_arguments_are_reported_in_one_line(running_server, arguments, message, status):
    done = running_server("rules", *arguments)
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", status)
