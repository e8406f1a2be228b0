"""curl with imap:// and pop3://."""

import re

import pytest

from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.reader_server import HOST, PASSWORD


@pytest.fixture
def curl(reader_server, run_program):
    """Run curl with a path below the server's URL: `curl("INBOX;UID=1")`."""

    def run(path, *arguments, protocol="imap", tls="none", password=PASSWORD, **options):
        port = (reader_server.get_pop3_port if protocol == "pop3" else reader_server.get_imap_port)(tls)
        scheme = f"{protocol}s" if tls == "implicit" else protocol
        command = ["curl", "--silent", "--show-error", "--user", f"{reader_server.user}:{password}", *arguments]
        command += ["--ssl-reqd", "--cacert", reader_server.ca_file] if tls != "none" else []
        return run_program(*command, f"{scheme}://{HOST}:{port}/{path}", **options)

    return run


PATHS = {"imap": "INBOX;MAILINDEX=1", "pop3": "1"}


@pytest.mark.parametrize("protocol", PATHS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_bytes_of_a_mail_are_fetched(reader_server, curl, protocol, name):
    reader_server.deliver(EXAMPLES[name])

    assert curl(PATHS[protocol], protocol=protocol) == EXAMPLES[name]


@pytest.mark.parametrize("protocol", PATHS)
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_mail_is_fetched_over_tls(reader_server, curl, protocol, tls):
    reader_server.deliver(MEETING)

    assert curl(PATHS[protocol], protocol=protocol, tls=tls) == MEETING


@pytest.mark.parametrize("protocol", PATHS)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_sasl_mechanisms_log_in(reader_server, curl, protocol, mechanism):
    reader_server.deliver(MEETING)

    assert curl(PATHS[protocol], "--login-options", f"AUTH={mechanism}", protocol=protocol) == MEETING


@pytest.mark.parametrize("protocol", PATHS)
def test_wrong_password_is_refused(curl, protocol):
    output = curl("", protocol=protocol, password="wrong", expected_status=67)

    assert b"denied" in output.lower()


def test_imap_fetches_uid_and_section(reader_server, curl):
    reader_server.deliver(MEETING, REPORT)
    uid = reader_server.read_folder()[1].uid

    assert curl(f"INBOX;UID={uid};SECTION=TEXT") == b"The numbers are fine.\r\n"


def test_imap_lists_searches_and_changes(reader_server, curl):
    reader_server.deliver(MEETING, REPORT)

    assert b"INBOX" in curl("") and b"Trash" in curl("")
    assert curl("INBOX?SUBJECT%20Report") == b"* SEARCH 2\r\n"
    curl("INBOX", "--request", r"STORE 1 +FLAGS (\Flagged)")
    curl("INBOX", "--request", "COPY 2 Sent")
    curl("", "--request", "CREATE Archive")
    assert [mail.flags for mail in reader_server.read_folder()] == [{"\\Flagged"}, set()]
    assert reader_server.read_contents("Sent") == [REPORT]
    assert "Archive" in reader_server.list_folders()


def test_imap_upload_appends_a_mail(reader_server, curl, tmp_path):
    (tmp_path / "mail").write_bytes(EXAMPLES["utf-8"])

    curl("Sent", "--upload-file", "mail")

    assert reader_server.read_contents("Sent") == [EXAMPLES["utf-8"]]


def test_pop3_lists_and_deletes(reader_server, curl):
    reader_server.deliver(MEETING, REPORT)

    assert curl("", protocol="pop3") == b"1 %d\r\n2 %d\r\n" % (len(MEETING), len(REPORT))
    assert re.fullmatch(rb"1 \S+\r\n2 \S+\r\n", curl("", "--request", "UIDL", protocol="pop3"))
    assert curl("", "--request", "TOP 1 0", protocol="pop3") == MEETING.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    curl("", "--request", "DELE 1", "--head", protocol="pop3")
    assert reader_server.read_contents() == [REPORT]
