"""s-nail."""

import pytest

from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.reader_server import HOST, PASSWORD

pytestmark = pytest.mark.slow


@pytest.fixture
def s_nail(reader_server, run_program):
    """Run commands of s-nail in INBOX, and return its output."""

    def run(*commands, protocol="imap", tls="none"):
        port = (reader_server.get_imap_port if protocol == "imap" else reader_server.get_pop3_port)(tls)
        user = reader_server.user.replace("@", "%40")
        url = f"{protocol}{'s' if tls == 'implicit' else ''}://{user}:{PASSWORD}@{HOST}:{port}"
        settings = ["v15-compat=yes", "tls-verify=strict", f"tls-ca-file={reader_server.ca_file}", "keep", "emptystart"]
        settings += [f"{protocol}-use-starttls"] if tls == "starttls" else []
        settings += ["tls-ca-no-defaults", "hold"]
        options = [option for setting in settings for option in ("-S", setting)]
        text = "".join(f"{command}\n" for command in commands)
        return run_program(
            "s-nail", "-:/", "-#", *options, "-f", f"{url}/INBOX" if protocol == "imap" else url, text=text.encode()
        )

    return run


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_mails_are_copied_byte_for_byte(reader_server, s_nail, tmp_path, protocol, tls):
    reader_server.deliver(*EXAMPLES.values())

    commands = (f"copy {number + 1} maildir://{tmp_path}/{number}" for number in range(len(EXAMPLES)))
    s_nail(*commands, "xit", protocol=protocol, tls=tls)

    paths = (next((tmp_path / str(number)).glob("*/*")) for number in range(len(EXAMPLES)))
    assert [read_content(path) for path in paths] == [content.rstrip() for content in EXAMPLES.values()]


def read_content(path):
    """Return the content of a file of a Maildir, without what s-nail adds: a field, empty lines, and > before From."""
    content = path.read_bytes().replace(b"Status: O\n", b"", 1).replace(b"\n>From here", b"\nFrom here")
    return content.replace(b"\n", b"\r\n").rstrip()


def test_mail_is_flagged_copied_and_deleted(reader_server, s_nail):
    reader_server.deliver(MEETING, REPORT, EXAMPLES["dots"])

    s_nail("flag 1", "copy 2 @Sent", "delete 3", "quit")

    assert [mail.content for mail in reader_server.read_folder()] == [MEETING, REPORT]
    assert reader_server.read_contents("Sent") == [REPORT]
    assert "\\Flagged" in reader_server.read_folder()[0].flags


def test_mail_is_deleted_by_pop3(reader_server, s_nail):
    reader_server.deliver(MEETING, REPORT)

    s_nail("delete 1", "quit", protocol="pop3")

    assert reader_server.read_contents() == [REPORT]


def test_folders_are_listed(reader_server, s_nail):
    reader_server.deliver(MEETING)

    output = s_nail('imap LIST "" *', "xit")

    assert b"INBOX" in output and b"Trash" in output
