"""imapflow (npm)."""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.helpers.third_party_clients import NODE_MODULES, require_installed
from tests.readers.conftest import TIMEOUT_SECONDS
from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.reader_server import HOST, PASSWORD

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("imapflow.cjs")


@pytest.fixture
def command(reader_server):
    """Return the command that runs an action: `command("fetch", tls="starttls")`."""
    require_installed((NODE_MODULES / "imapflow").exists(), "imapflow (npm)")

    def build(action, tls="none", password=PASSWORD):
        settings = {
            "host": HOST,
            "port": reader_server.get_imap_port(tls),
            "secure": tls == "implicit",
            "doSTARTTLS": tls == "starttls",
            "auth": {"user": reader_server.user, "pass": password},
            "tls": {"ca": Path(reader_server.ca_file).read_text("ascii")},
        }
        return ("node", str(SCRIPT), json.dumps(settings), action)

    return build


@pytest.fixture
def run(command, run_program):
    """Run an action, and return its result."""

    def run(action, *, text=b"", **options):
        output = run_program(*command(action, **options), text=text, NODE_PATH=str(NODE_MODULES))
        return json.loads(output)

    return run


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_fetch_returns_the_bytes_of_each_mail(reader_server, run, tls):
    reader_server.deliver(*EXAMPLES.values())

    mails = run("fetch", tls=tls)

    assert [base64.b64decode(mail["source"]) for mail in mails] == list(EXAMPLES.values())
    assert [mail["size"] for mail in mails] == [len(content) for content in EXAMPLES.values()]
    assert [mail["subject"] for mail in mails][:3] == ["Meeting on Monday", "Dots", "Grüße"]
    assert {mail["from"] for mail in mails} == {"ann@example.com"}
    assert {mail["type"] for mail in mails} == {"text/plain", "multipart/mixed"}


def test_download_decodes_an_attachment(reader_server, run):
    reader_server.deliver(EXAMPLES["attachment"])

    part = run("download")

    assert part["filename"] == "file.bin"
    assert base64.b64decode(part["content"]) == bytes(range(256)) * 40


def test_wrong_password_is_refused(command, run_program):
    output = run_program(*command("login", password="wrong"), expected_status=1, NODE_PATH=str(NODE_MODULES))

    assert b"failed" in output.lower()


def test_folders_are_listed_created_renamed_and_deleted(run):
    result = run("folders")

    listed = {path: (use, subscribed) for path, use, subscribed in result["listed"]}
    assert listed["Trash"][0] == "\\Trash" and listed["INBOX"][0] == "\\Inbox"
    assert listed["Späte/Post"] == (None, True)
    assert result["messages"] == 0
    assert "Archive" not in result["left"]


def test_flag_copy_move_and_delete(reader_server, run):
    reader_server.deliver(MEETING, REPORT, EXAMPLES["dots"])
    first, second, _ = (mail.uid for mail in reader_server.read_folder())

    result = run("change")

    assert [(mail.content, mail.flags) for mail in reader_server.read_folder()] == [(MEETING, {"\\Flagged", "$Work"})]
    [copy] = reader_server.read_folder("Sent")
    [moved] = reader_server.read_folder("Junk")
    assert (copy.content, moved.content) == (MEETING, REPORT)
    assert result == {"copied": [[first, copy.uid]], "moved": [[second, moved.uid]]}


def test_append_stores_bytes_flags_and_date(reader_server, run):
    result = run("append", text=EXAMPLES["utf-8"])

    assert result == {"date": "2026-11-02T10:00:00.000Z"}
    [mail] = reader_server.read_folder("Drafts")
    assert (mail.content, mail.flags) == (EXAMPLES["utf-8"], {"\\Draft"})


def test_search_finds_mails(reader_server, run):
    reader_server.deliver(MEETING, REPORT, EXAMPLES["utf-8"])

    assert run("search") == {"subject": [2], "unseen": [2, 3], "or": [1, 2], "utf8": [3], "since": []}


def test_idle_reports_a_new_mail(reader_server, command):
    environment = {"NODE_PATH": str(NODE_MODULES), "PATH": os.environ["PATH"]}
    with subprocess.Popen(command("idle"), stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline() == "idling\n"
        reader_server.deliver(MEETING)
        output, _ = process.communicate(timeout=TIMEOUT_SECONDS)

    assert json.loads(output) == {"count": 1, "prevCount": 0}
