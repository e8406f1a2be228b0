"""`smtptest check`: the review of a file, of standard input and of a mail on a server; the exit status."""

import json

import pytest

from lazr.smtptest import Mail
from tests.helpers.command_line import run_smtptest
from tests.mail.review.rule_cases import GOOD, build

FAULTY = build({"Date": None}, "http://a.test/\x1b[31m\r\n")


@pytest.fixture
def faulty_file(tmp_path):
    return FAULTY.save(tmp_path / "faulty.eml")


def test_check_prints_the_findings_of_a_file(faulty_file):
    done = run_smtptest("check", str(faulty_file))
    head, first, second, *_, summary = done.stdout.splitlines()

    assert head.split() == ["severity", "line", "place", "rule", "finding"]
    assert first.split() == ["error", "header", "Date", "date-missing", "Date", "is", "missing"]
    assert second.split()[:4] == ["warning", "8", "text", "link-insecure"]
    assert summary == "1 error, 1 warning, 1 info; spam score 1.4 of 5"
    assert "\x1b" not in done.stdout and (done.stderr, done.returncode) == ("", 1)


@pytest.mark.parametrize(
    ("arguments", "status", "rules"),
    [
        ((), 1, ["date-missing", "link-insecure", "spam-signs"]),
        (("--severity", "warning"), 1, ["date-missing", "link-insecure"]),
        (("--fail-on", "never"), 0, ["date-missing", "link-insecure", "spam-signs"]),
        (("--ignore", "date-missing"), 0, ["link-insecure", "spam-signs"]),
        (("--ignore", "date-missing", "--fail-on", "warning", "--severity", "error"), 1, []),
        (("--ignore", "date-missing", "--ignore", "link-insecure", "--fail-on", "info"), 1, ["spam-signs"]),
    ],
)
def test_options_decide_what_is_printed_and_the_exit_status(faulty_file, arguments, status, rules):
    done = run_smtptest("check", str(faulty_file), "--json", *arguments)

    assert [finding["rule"] for finding in json.loads(done.stdout)["findings"]] == rules
    assert done.returncode == status


def test_json_is_that_of_the_library(faulty_file):
    assert json.loads(run_smtptest("check", str(faulty_file), "--json").stdout) == FAULTY.check().to_dict()


def test_check_reads_standard_input():
    done = run_smtptest("check", "-", stdin=GOOD.content)

    assert (done.stdout, done.returncode) == ("0 errors, 0 warnings, 0 infos; spam score 0 of 5\n", 0)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("none.eml",), "none.eml: No such file or directory"),
        (("-", "--ignore", "date"), "--ignore must name a rule, got 'date'"),
        (("-", "--severity", "bad"), "bad"),
        (("latest", "--api", "http://127.0.0.1:1"), "http://127.0.0.1:1: "),
    ],
)
def test_what_cannot_be_checked_returns_2(arguments, text):
    done = run_smtptest("check", *arguments)

    assert done.returncode == 2 and text in done.stderr and done.stdout == ""


def test_check_asks_a_running_server(running_server):
    mail_id = running_server.mail("bob@example.com", content=FAULTY.content)
    done = running_server("check", mail_id, "--json")
    answer = json.loads(done.stdout)

    assert done.returncode == 1
    assert answer["findings"] == [finding.to_dict() for finding in running_server.store.get_mail(mail_id).check()]
    assert "envelope-from-differs" not in [finding["rule"] for finding in answer["findings"]]


def test_check_of_latest_takes_a_search(running_server):
    running_server.mail("bob@example.com", content=FAULTY.content)
    running_server.mail("bob@example.com", content=GOOD.content.replace(b"Your order", b"Other"))
    done = running_server("check", "--query", "subject:order", "--json", "--severity", "error")

    assert [finding["rule"] for finding in json.loads(done.stdout)["findings"]] == ["date-missing"]


def test_missing_mail_returns_2(running_server):
    done = running_server("check", "nosuchid")

    assert done.returncode == 2 and "no mail 'nosuchid'" in done.stderr


def test_file_without_crlf_is_checked(tmp_path):
    path = tmp_path / "unix.eml"
    path.write_bytes(FAULTY.content.replace(b"\r\n", b"\n"))

    assert json.loads(run_smtptest("check", str(path), "--json").stdout) == Mail.from_file(path).check().to_dict()
