"""`smtptest rules`: what a running server does wrong, changed while it runs."""

import json
import smtplib

import pytest

FORM = '{"when": "RCPT", "match": {"to": "*@full.example"}, "do": [{"reply": [452, "4.2.2", "Full"]}]}'


def refused(whole, to):
    with smtplib.SMTP(*whole.server.address) as client:
        client.ehlo()
        client.mail("app@example.com")
        return client.rcpt(to)[0]


def test_a_rule_acts_from_when_it_is_added_until_it_is_removed(whole):
    done = whole("rules", "add", FORM)
    assert (done.stderr, done.returncode) == ("", 0)
    number, _, text = done.stdout.partition("  ")
    assert text.startswith("RCPT to='*@full.example' → reply(452, '4.2.2', 'Full')")
    assert refused(whole, "ann@full.example") == 452

    head, row = whole("rules", "ls").stdout.splitlines()
    assert head.split() == ["ID", "acted", "rule"]
    assert row.split()[:3] == [number, "1", "RCPT"]
    assert json.loads(whole("rules", "ls", "--json").stdout)[0]["Count"] == 1

    assert whole("rules", "rm", number).returncode == 0
    assert refused(whole, "ann@full.example") == 250


def test_presets_are_listed_and_added_by_name(whole):
    listed = dict(line.split(None, 1) for line in whole("rules", "presets").stdout.splitlines()[1:])
    assert "attempts" in listed["greylist"]
    done = whole("rules", "add", "--preset", "quota_full", "--with", "to=*@full.example", "--json")
    assert done.returncode == 0, done.stderr
    assert [one["Rule"]["when"] for one in json.loads(done.stdout)] == ["RCPT"]
    assert refused(whole, "ann@full.example") in (452, 552)


def test_a_file_of_rules_is_added(whole, tmp_path):
    (tmp_path / "rules.json").write_text(f'[{FORM}, {{"preset": "greylist", "attempts": 2}}]')
    assert whole("rules", "add", "--file", tmp_path / "rules.json").returncode == 0
    assert len(whole.server.rules) == 2
    assert whole("rules", "rm", "--all").returncode == 0
    assert len(whole.server.rules) == 0


@pytest.mark.parametrize(
    ("arguments", "says", "status"),
    [
        (("add",), "say which: a rule", 2),
        (("add", "{"), "a rule is JSON", 2),
        (("add", "{}"), "no rule", 1),
        (("add", "--preset", "none"), "there is no preset 'none'", 1),
        (("add", "--preset", "greylist", "--with", "x"), "there is to be a name", 2),
        (("rm",), "say which", 2),
        (("rm", "99"), "there is no rule 99", 1),
    ],
)
def test_what_is_no_rule_is_one_line(whole, arguments, says, status):
    done = whole("rules", *arguments)
    assert says in done.stderr and done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", status)
