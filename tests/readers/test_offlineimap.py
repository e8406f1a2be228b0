"""OfflineIMAP, of the Debian package `offlineimap3`."""

import pytest

from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.maildir import find_files, read_contents
from tests.readers.reader_server import HOST, PASSWORD

pytestmark = pytest.mark.slow


@pytest.fixture
def synchronize(reader_server, run_program, tmp_path):
    """Run OfflineIMAP between the server and `maildir`."""

    def run(tls="none", password=PASSWORD, **options):
        (tmp_path / "offlineimaprc").write_text(
            f"[general]\naccounts = test\nmetadata = {tmp_path}/metadata\nui = basic\n"
            f"[Account test]\nlocalrepository = near\nremoterepository = far\n"
            f"[Repository near]\ntype = Maildir\nlocalfolders = {tmp_path}/maildir\n"
            f"[Repository far]\ntype = IMAP\nremotehost = {HOST}\nremoteport = {reader_server.get_imap_port(tls)}\n"
            f"remoteuser = {reader_server.user}\nremotepass = {password}\n"
            f"ssl = {'yes' if tls == 'implicit' else 'no'}\n"
            f"starttls = {'yes' if tls == 'starttls' else 'no'}\nsslcacertfile = {reader_server.ca_file}\n"
        )
        return run_program("offlineimap", "-c", "offlineimaprc", "-o", **options)

    return run


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_mails_are_copied_byte_for_byte(reader_server, synchronize, maildir, tls):
    reader_server.deliver(*EXAMPLES.values())

    synchronize(tls)

    assert read_contents(maildir) == list(EXAMPLES.values())


def test_flags_and_deletions_go_both_ways(reader_server, synchronize, maildir):
    reader_server.deliver(MEETING, REPORT, EXAMPLES["dots"])
    synchronize()
    first, second, _ = find_files(maildir)

    first.rename(maildir / "INBOX" / "cur" / f"{first.name.partition(':')[0]}:2,FS")
    second.unlink()
    with reader_server.log_in() as client:
        client.select("INBOX")
        client.store("3", "+FLAGS", r"\Answered")
    synchronize()

    assert [(mail.content, mail.flags) for mail in reader_server.read_folder()] == [
        (MEETING, {"\\Flagged", "\\Seen"}),
        (EXAMPLES["dots"], {"\\Answered"}),
    ]
    assert [path.name.partition(":2,")[2] for path in find_files(maildir)] == ["FS", "R"]


def test_folders_and_new_mails_go_both_ways(reader_server, synchronize, maildir):
    reader_server.create_folder("Projects")
    synchronize()
    assert (maildir / "Projects" / "cur").is_dir()

    for name in ("new", "cur", "tmp"):
        (maildir / "Local" / name).mkdir(parents=True)
    (maildir / "Local" / "new" / "1.example:2,").write_bytes(MEETING.replace(b"\r\n", b"\n"))
    (maildir / "Sent" / "cur" / "2.example:2,S").write_bytes(REPORT.replace(b"\r\n", b"\n"))
    synchronize()

    assert "Local" in reader_server.list_folders()
    [[mail], [sent]] = reader_server.read_folder("Local"), reader_server.read_folder("Sent")
    assert mail.content == MEETING
    assert (sent.content, sent.flags) == (REPORT, {"\\Seen"})
