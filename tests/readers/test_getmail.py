"""getmail, of the Debian package `getmail6`."""

import re

import pytest

from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.reader_server import HOST, PASSWORD

pytestmark = pytest.mark.slow

RETRIEVERS = {
    ("imap", "none"): "SimpleIMAPRetriever",
    ("imap", "implicit"): "SimpleIMAPSSLRetriever",
    ("pop3", "none"): "SimplePOP3Retriever",
    ("pop3", "implicit"): "SimplePOP3SSLRetriever",
}


@pytest.fixture
def get_mail(reader_server, run_program, received, tmp_path):
    """Run getmail, and return the contents of the mails that it has fetched so far."""

    def run(protocol, tls="none", *, options="", **arguments):
        port = (reader_server.get_imap_port if protocol == "imap" else reader_server.get_pop3_port)(tls)
        authorities = f"ca_certs = {reader_server.ca_file}\n" if tls == "implicit" else ""
        # getmail 6.18 waits for a minute if its child ends before it waits.
        slowly = tmp_path / "slowly"
        slowly.write_text(f"#!/bin/sh\n{received.path} && sleep 0.3\n")
        slowly.chmod(0o700)
        (tmp_path / "getmailrc").write_text(
            f"[retriever]\ntype = {RETRIEVERS[protocol, tls]}\nserver = {HOST}\nport = {port}\n{authorities}"
            f"username = {reader_server.user}\npassword = {PASSWORD}\n{options}"
            f"[destination]\ntype = MDA_external\npath = {slowly}\nallow_root_commands = true\n"
            "[options]\ndelivered_to = false\nreceived = false\nread_all = false\n"
        )
        run_program("getmail", "--getmaildir", str(tmp_path), "--rcfile", "getmailrc", **arguments)
        return received.read()

    return run


@pytest.mark.parametrize(("protocol", "tls"), RETRIEVERS)
def test_mails_are_fetched_byte_for_byte(reader_server, get_mail, protocol, tls):
    reader_server.deliver(*EXAMPLES.values())

    contents = get_mail(protocol, tls)

    assert [strip_fields(content) for content in contents] == list(EXAMPLES.values())


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_second_run_fetches_only_new_mails(reader_server, get_mail, protocol):
    reader_server.deliver(MEETING)
    get_mail(protocol)
    reader_server.deliver(REPORT)

    assert [strip_fields(content) for content in get_mail(protocol)] == [MEETING, REPORT]
    assert len(reader_server.read_folder()) == 2


def test_other_folders_are_fetched(reader_server, get_mail):
    with reader_server.log_in() as client:
        client.append("Sent", None, None, REPORT)

    contents = get_mail("imap", options='mailboxes = ("INBOX", "Sent")\n')

    assert [strip_fields(content) for content in contents] == [REPORT]


def strip_fields(content):
    """Return the content without the fields that getmail adds."""
    content = content.removeprefix(b"Return-Path: <unknown>\r\n")
    return re.sub(rb"^X-getmail-retrieved-from-mailbox: .*\r\n", b"", content, count=1, flags=re.MULTILINE)
