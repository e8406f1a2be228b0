"""`python -m bench.store` with few mails, so that the benchmark works when it is needed."""

import json
import subprocess
import sys

import pytest

from bench.store.mails import COMMON_WORD, MailBuilder
from tests.conftest import PROJECT
from tests.helpers import postgres_server

# So few mails may be over before the first look, and on a busy machine an event comes too late to count.
ROWS_WITHOUT_TIME = {
    "SQLite: indexing the backlog, mails/s",
    "from the 250 to the end of a wait while 10 sessions send, slowest of 10, ms",
    "… median, ms",
    "… from the 250 to the event, p99, ms",
}


def run_benchmark(output, *arguments):
    """Run the benchmark with small numbers; return the measured values, by row and target."""
    options = ["--mails", "40", "--rounds", "1", "--minute", "0.5", "--output", str(output), *arguments]
    command = [sys.executable, "-m", "bench.store", *options]
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    (file,) = output.glob("store-*.json")
    return json.loads(file.read_text())["rows"]


def test_mails_differ_and_have_about_three_kilobytes():
    builder = MailBuilder()
    mails = [builder.build(number)[1] for number in range(20)]
    assert len(set(mails)) == 20
    assert all(2800 < len(mail) < 3300 and mail.count(COMMON_WORD.encode()) == 2 for mail in mails)
    assert mails[7] == MailBuilder().build(7)[1]


@pytest.mark.slow
def test_benchmark_measures_every_row(tmp_path):
    rows = run_benchmark(tmp_path, "--databases", "sqlite")
    assert rows.pop("SQLite: mails not indexed after the last 250, mails")["this checkout"] <= 40
    assert len(rows) > 25
    unmeasured = {label for label, values in rows.items() if values["this checkout"] is None}
    assert unmeasured <= ROWS_WITHOUT_TIME


@pytest.mark.slow
def test_benchmark_compares_targets(tmp_path):
    mailpit = tmp_path / "mailpit"
    mailpit.write_text(FAKE_MAILPIT.format(python=sys.executable))
    mailpit.chmod(0o755)
    arguments = ["--databases", "sqlite", "--rows", "backlog", "delete"]
    rows = run_benchmark(tmp_path, *arguments, "--against", str(PROJECT), "--mailpit", str(mailpit))
    row = rows["SQLite: latest message, ms"]
    assert row.keys() == {"goal", "this checkout", "against", "Mailpit"}
    assert all(row.values())


@pytest.mark.slow
def test_benchmark_measures_tables_of_mailpit(tmp_path):
    source = tmp_path / "source"
    schemas = source / "internal/storage/schemas"
    schemas.mkdir(parents=True)
    (schemas / "1.0.0.sql").write_text(FAKE_SCHEMA)
    (schemas / "1.10.0.sql").write_text('ALTER TABLE {{ tenant "mailbox" }} ADD COLUMN Snippet TEXT;')
    (schemas / "1.9.0.sql").write_text('ALTER TABLE {{ tenant "mailbox" }} ADD COLUMN SearchText TEXT;')
    git = ["git", "-C", source, "-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "schemas"]):
        subprocess.run([*git, *arguments], check=True)
    rows = run_benchmark(tmp_path, "--databases", "sqlite", "--rows", "disk", "--mailpit-source", str(source))
    measured = {label: values["Mailpit's SQL"] for label, values in rows.items() if "Mailpit's SQL" in values}
    assert len(measured) == 10
    assert all(measured.values())


@pytest.mark.slow
@pytest.mark.postgres
def test_benchmark_measures_postgresql(tmp_path, monkeypatch):
    monkeypatch.setenv("SMTPTEST_TEST_POSTGRES", postgres_server.get_server_url())
    rows = run_benchmark(tmp_path, "--databases", "postgresql", "--rows", "backlog", "cpu")
    assert all(values["this checkout"] is not None for values in rows.values())
    assert "PostgreSQL, 10 sessions: CPU time in the server, ms/mail" in rows


# `smtptest serve` behind those options of Mailpit that the benchmark uses.
FAKE_MAILPIT = """#!{python}
import os, sys
if sys.argv[1] == "version":
    raise SystemExit(print("fake"))
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
smtp, http = (options[name].rpartition(":")[2] for name in ("--smtp", "--listen"))
command = ["serve", "--database", "sqlite:///" + options["--database"], "--smtp-port", smtp, "--http-port", http]
os.execv(sys.executable, [sys.executable, "-m", "lazr.smtptest", *command])
"""

FAKE_SCHEMA = """
CREATE TABLE {{ tenant "mailbox" }} (
    Created INTEGER, ID TEXT, MessageID TEXT, Subject TEXT, Metadata TEXT, Size INTEGER, Inline INTEGER,
    Attachments INTEGER, Read INTEGER
);
CREATE TABLE {{ tenant "mailbox_data" }} (ID TEXT, Email BLOB, Compressed INTEGER);
CREATE TABLE {{ tenant "tags" }} (ID INTEGER);
CREATE TABLE {{ tenant "message_tags" }} (ID TEXT);
"""
