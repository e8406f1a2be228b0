"""fetchmail."""

import pytest

from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.reader_server import HOST, PASSWORD

pytestmark = pytest.mark.slow

NO_MAIL = 1  # its exit status


@pytest.fixture
def fetch_mail(reader_server, run_program, received, tmp_path):
    """Run fetchmail, and return the contents of the mails."""

    def run(protocol, tls="none", options="", **arguments):
        port = (reader_server.get_imap_port if protocol == "imap" else reader_server.get_pop3_port)(tls)
        modes = {"none": "sslproto ''", "starttls": "sslproto 'TLS1.2+'", "implicit": "ssl"}
        configuration = tmp_path / "fetchmailrc"
        configuration.write_text(
            f"poll {HOST} protocol {protocol} service {port} uidl\n"
            f'user "{reader_server.user}" password "{PASSWORD}" mda "{received.path}" {options} {modes[tls]}\n'
            f'sslcertfile "{reader_server.ca_file}" sslcertck\n'
        )
        configuration.chmod(0o600)
        run_program("fetchmail", "--fetchmailrc", str(configuration), "--invisible", "--pidfile", "pid", **arguments)
        return received.read()

    return run


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_mails_are_fetched_byte_for_byte(reader_server, fetch_mail, protocol, tls):
    reader_server.deliver(*EXAMPLES.values())

    assert fetch_mail(protocol, tls, "keep") == list(EXAMPLES.values())


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_fetched_mails_are_deleted(reader_server, fetch_mail, protocol):
    reader_server.deliver(MEETING, REPORT)

    assert fetch_mail(protocol) == [MEETING, REPORT]
    assert reader_server.read_folder() == []


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_second_run_fetches_only_new_mails(reader_server, fetch_mail, protocol):
    reader_server.deliver(MEETING)
    fetch_mail(protocol, options="keep")
    fetch_mail(protocol, options="keep", expected_status=NO_MAIL)
    reader_server.deliver(REPORT)

    assert fetch_mail(protocol, options="keep") == [MEETING, REPORT]
