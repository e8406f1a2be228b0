"""`python -m tools.grades` grades real clients."""

import dataclasses
import os
import shutil
import subprocess
import sys

import pytest

from lazr.smtptest.grading import Outcome, grade_command
from tests.helpers.third_party_clients import require_installed
from tools.grades import __main__ as command
from tools.grades.clients import CLIENTS, ROOT, ClientMissing
from tools.grades.data import read_table

# What each client does in them is known from the dialogues.
BEHAVIORS = {"greeting-554": "refused and reported", "rcpt-550": "refused and reported"}


def run_command(*arguments):
    """Run `python -m tools.grades`, and return its output."""
    result = subprocess.run(
        [sys.executable, "-m", "tools.grades", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


@pytest.mark.slow
def test_command_grades_clients_and_writes_the_files(tmp_path):
    require_installed(shutil.which("curl"), "curl")
    only = [f"--only={name}" for name in BEHAVIORS]

    output = run_command("--client=smtplib", "--client=curl", *only, f"--output={tmp_path}")
    table = read_table(tmp_path / "grades.json")

    assert "curl rcpt-550: right: refused and reported" in output
    for client in ("smtplib", "curl"):
        outcomes = {name: grade.outcome for name, grade in table.clients[client].grades.items()}
        assert outcomes == BEHAVIORS
    assert "| curl | " in (tmp_path / "grades.md").read_text("utf-8")


@pytest.mark.slow
def test_swaks_does_not_report_one_refused_recipient(tmp_path):
    require_installed(shutil.which("swaks"), "swaks")
    folder = tmp_path / "dialogues"

    output = run_command(
        "--client=swaks", "--only=rcpt-one-of-three-550", f"--output={tmp_path}", f"--transcripts={folder}"
    )

    assert "swaks rcpt-one-of-three-550: wrong: lost: " in output
    assert "550 5.1.1" in (folder / "swaks.rcpt-one-of-three-550.txt").read_text("utf-8")


# Clients that CI has no packages of: their tests are skipped where they are missing.
OPTIONAL_CLIENTS = {"exim", "go", "nullmailer", "postfix"}


def prepare_client(name):
    """Return a client; skip the test if it is not installed, or fail if CI must have it."""
    client = next(client for client in CLIENTS if client.name == name)
    try:
        client.prepare()
    except ClientMissing as error:
        if name in OPTIONAL_CLIENTS:
            pytest.skip(f"{client.title}: {error}")
        require_installed(False, f"{client.title} ({error})")
    if name == "postfix" and os.getuid() != 0:
        pytest.skip("Postfix needs root")
    return client


@pytest.mark.slow
@pytest.mark.parametrize("name", [client.name for client in CLIENTS])
def test_wrapper_reports_success_and_refusal(name):
    client = prepare_client(name)

    grades = grade_command(
        client.command, only=["content-dots", "rcpt-550"], timeout=client.limit, env=os.environ | client.environment
    )

    assert [(grade.outcome, grade.is_right) for grade in grades] == [
        (Outcome.REFUSED, True),
        (Outcome.DELIVERED, True),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["postfix", "exim"])
def test_mail_server_tries_again(name):
    client = prepare_client(name)

    (grade,) = grade_command(
        client.command, only=["retries-greylist"], timeout=client.limit, env=os.environ | client.environment
    )

    assert (grade.outcome, grade.attempts) == (Outcome.DELIVERED, 2)


def test_missing_client_is_reported_with_its_installation(tmp_path, monkeypatch, capsys):
    missing = dataclasses.replace(CLIENTS[0], command=("/no/such/program",), title="Gone", install="pip install gone")
    monkeypatch.setattr(command, "CLIENTS", (missing,))

    with pytest.raises(ClientMissing, match="/no/such/program is missing"):
        missing.prepare()
    assert command.main([f"--output={tmp_path}"]) == 0
    assert (
        "Gone is not graded: /no/such/program is missing; install it with: pip install gone" in capsys.readouterr().err
    )


def test_unknown_client_is_refused(capsys):
    with pytest.raises(SystemExit):
        command.main(["--client=curll"])
    assert "unknown client curll; expected smtplib, aiosmtplib" in capsys.readouterr().err
