"""mbsync, of the Debian package `isync`."""

import re

import pytest

from tests.readers.example_mails import EXAMPLES, MEETING, REPORT, make_mail
from tests.readers.maildir import find_files, read_contents
from tests.readers.reader_server import HOST, PASSWORD

TLS = {"none": "None", "starttls": "STARTTLS", "implicit": "IMAPS"}


@pytest.fixture
def synchronize(reader_server, run_program, tmp_path):
    """Run mbsync between the server and `maildir`."""

    def run(tls="none", **options):
        (tmp_path / "mbsyncrc").write_text(
            f"IMAPAccount server\nHost {HOST}\nPort {reader_server.get_imap_port(tls)}\nUser {reader_server.user}\n"
            f"Pass {PASSWORD}\nSSLType {TLS[tls]}\nAuthMechs LOGIN PLAIN\nCertificateFile {reader_server.ca_file}\n\n"
            f"IMAPStore far\nAccount server\n\n"
            f"MaildirStore near\nPath {tmp_path}/maildir/\nInbox {tmp_path}/maildir/INBOX\nSubFolders Verbatim\n\n"
            f"Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n"
            "CopyArrivalDate yes\n"
        )
        (tmp_path / "maildir").mkdir(exist_ok=True)
        return run_program("mbsync", "--config", "mbsyncrc", "--all", **options)

    return run


def read_marked(maildir, folder="INBOX"):
    """Return the contents of the mails of a folder, without the field of mbsync."""
    return [remove_mark(content) for content in read_contents(maildir, folder)]


def remove_mark(content):
    """Return the content without the field X-TUID, which mbsync adds to find a copied mail again."""
    return re.sub(rb"^X-TUID: \S{12}\r\n", b"", content, count=1, flags=re.MULTILINE)


@pytest.mark.parametrize("tls", TLS)
def test_mails_are_copied_byte_for_byte(reader_server, synchronize, maildir, tls):
    reader_server.deliver(*EXAMPLES.values())

    synchronize(tls)

    assert read_marked(maildir) == list(EXAMPLES.values())


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
    (maildir / "Local" / "new" / "1.example").write_bytes(MEETING.replace(b"\r\n", b"\n"))
    (maildir / "Sent" / "cur" / "2.example:2,S").write_bytes(REPORT.replace(b"\r\n", b"\n"))
    synchronize()

    assert "Local" in reader_server.list_folders()
    [[mail], [sent]] = reader_server.read_folder("Local"), reader_server.read_folder("Sent")
    assert remove_mark(mail.content) == MEETING
    assert (remove_mark(sent.content), sent.flags) == (REPORT, {"\\Seen"})


def test_second_run_copies_nothing(reader_server, synchronize, maildir):
    reader_server.deliver(MEETING, REPORT)
    synchronize()
    before = find_files(maildir)

    synchronize()

    assert find_files(maildir) == before
    assert len(reader_server.read_folder()) == 2


@pytest.mark.slow
def test_thousand_mails_arrive_in_the_maildir_unchanged(reader_server, synchronize, maildir):
    contents = [
        make_mail(f"Mail {number}", f"Line {number}\r\n.\r\n" + f"Grüße {number}\r\n" * (number % 50))
        for number in range(1000)
    ]
    reader_server.deliver(*contents)

    synchronize()

    assert read_marked(maildir) == contents
