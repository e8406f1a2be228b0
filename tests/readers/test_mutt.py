"""mutt and NeoMutt, in a terminal of their own."""

import os
import pty
import select
import shutil
import subprocess
import time

import pytest

from tests.helpers.third_party_clients import require_installed
from tests.readers.conftest import TIMEOUT_SECONDS
from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.reader_server import HOST, PASSWORD

pytestmark = pytest.mark.slow


@pytest.fixture(params=["mutt", "neomutt"])
def mutt(request, reader_server, tmp_path):
    """Open a folder of the server, and press keys: `mutt("<delete-message><quit>")`."""
    require_installed(shutil.which(request.param), request.param)

    def run(keys, *, tls="none"):
        url = f"{'imaps' if tls == 'implicit' else 'imap'}://{HOST}:{reader_server.get_imap_port(tls)}/"
        (tmp_path / "muttrc").write_text(
            f'set imap_user="{reader_server.user}" imap_pass="{PASSWORD}"\n'
            f'set folder="{url}" spoolfile="{url}INBOX" certificate_file="{tmp_path}/accepted"\n'
            f'set ssl_ca_certificates_file="{reader_server.ca_file}"\n'
            f"set ssl_starttls={'yes' if tls == 'starttls' else 'no'} "
            f"ssl_force_tls={'no' if tls == 'none' else 'yes'}\n"
            "set header_cache='' message_cachedir='' record='' sort=mailbox-order\n"
            "set confirmappend=no confirmcreate=no delete=yes move=no quit=yes wait_key=no mark_old=no copy=no\n"
            "set pipe_decode=no beep=no imap_keepalive=900\n"
            f'push "{keys}"\n'
        )
        command = [request.param, "-n", "-F", str(tmp_path / "muttrc"), "-f", f"{url}INBOX"]
        run_in_terminal(command, tmp_path)

    return run


def run_in_terminal(command, folder):
    """Run a program in a terminal until it ends; its screen is in the error if it fails."""
    process_end, terminal = pty.openpty()
    environment = os.environ | {
        "LC_ALL": "C.UTF-8",
        "HOME": str(folder),
        "TERM": "xterm",
        "LINES": "24",
        "COLUMNS": "99",
    }
    process = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, cwd=folder, env=environment, start_new_session=True
    )
    os.close(terminal)
    screen = b""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    try:
        while time.monotonic() < deadline:
            readable, _, _ = select.select([process_end], [], [], 1)
            if not readable:
                continue
            try:
                screen += os.read(process_end, 65536)
            except OSError:  # the program has closed the terminal
                break
        assert process.wait(timeout=10) == 0, screen.decode(errors="replace")
    finally:
        process.kill()
        process.wait()
        os.close(process_end)


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_mails_are_piped_byte_for_byte(reader_server, mutt, received, tls):
    reader_server.deliver(*EXAMPLES.values())

    keys = f"<pipe-message>{received.path}<enter><next-entry>" * len(EXAMPLES)
    mutt(f"<first-entry>{keys}<quit>", tls=tls)

    assert received.read() == list(EXAMPLES.values())


def test_flags_are_set(reader_server, mutt):
    reader_server.deliver(MEETING, REPORT)

    mutt("<first-entry><flag-message><last-entry><toggle-new><quit>")

    assert [mail.flags for mail in reader_server.read_folder()] == [{"\\Flagged"}, {"\\Seen"}]


def test_mail_is_copied_moved_and_deleted(reader_server, mutt):
    reader_server.deliver(MEETING, REPORT, EXAMPLES["dots"])

    mutt(
        "<first-entry><copy-message>=Sent<enter><next-entry><save-message>=Junk<enter>"
        "<last-entry><delete-message><quit>"
    )

    assert reader_server.read_contents() == [MEETING]
    assert reader_server.read_contents("Sent") == [MEETING]
    assert reader_server.read_contents("Junk") == [REPORT]


def test_search_on_the_server_limits_the_list(reader_server, mutt):
    reader_server.deliver(MEETING, REPORT)

    mutt("<limit>=b numbers<enter><delete-pattern>~A<enter><quit>")

    assert reader_server.read_contents() == [MEETING]


def test_folder_is_created(reader_server, mutt):
    reader_server.deliver(MEETING)

    mutt("<save-message>=New<enter><quit>")

    assert reader_server.read_contents("New") == [MEETING]
    assert reader_server.read_contents() == []
