"""`export` and `import`: round trips of mails as mbox, Maildir and .eml."""

import mailbox
import os

import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.cli.client.archive import ArchivedMail, detect_format, open_writer, read_archive

PLAIN = b"From: a@example.com\r\nTo: b@example.com\r\nSubject: plain\r\n\r\nHello\r\n"
# Lines that an mbox must quote, and a line that is quoted already.
QUOTED = (
    b"From: a@example.com\r\nTo: b@example.com\r\n\r\n"
    b"From here\r\n>From there\r\n\r\nFrom x Thu Jan  1 00:00:00 1970\r\n"
)
DOTS = b"From: a@example.com\r\nTo: b@example.com\r\n\r\n.\r\n..\r\n.x\r\n"
EIGHT_BIT = b"From: a@example.com\r\nTo: b@example.com\r\n\r\n\xe4\xff\x00\r\n"
BLANK = b"From: a@example.com\r\nTo: b@example.com\r\n\r\nend\r\n\r\n\r\n"
BARE = b"From: a@example.com\r\nTo: b@example.com\r\n\r\na\nb\rc\r\n.\n"
UNENDED = b"From: a@example.com\r\nTo: b@example.com\r\n\r\nno end"
WELL_MADE = (PLAIN, QUOTED, DOTS, EIGHT_BIT, BLANK)


def put(running_server, *contents):
    import time

    from lazr.smtptest import Envelope
    from lazr.smtptest.store import Arrival

    envelope = Envelope("a@example.com", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},))
    for number, content in enumerate(contents, 1):
        running_server.store.add([Arrival(f"id{number}", time.time(), envelope, [content])])


@pytest.mark.parametrize(("format", "contents"), [
    ("mbox", WELL_MADE), ("maildir", (*WELL_MADE, UNENDED)), ("eml", (*WELL_MADE, BARE, UNENDED))
])  # fmt: skip
def test_export_and_import_keep_every_byte(running_server, tmp_path, format, contents):
    put(running_server, *contents)
    done = running_server("export", "out", "--format", format, cwd=tmp_path)
    count = f"{len(contents)} mails"
    assert (done.stderr, done.returncode) == (f"smtptest: {count} written to out ({format})\n", 0)

    with MailServer() as other:
        address = "{}:{}".format(*other.address)
        done = running_server("import", "out", "--format", format, "--server", address, cwd=tmp_path)
        assert (done.stderr, done.returncode) == (f"smtptest: {count} sent to {address}\n", 0)
        assert [mail.content for mail in other.inbox] == list(contents)
        assert {(mail.sender, mail.recipients) for mail in other.inbox} == {("a@example.com", ("b@example.com",))}


@pytest.mark.parametrize(("format", "changed"), [("mbox", 2), ("maildir", 1), ("eml", 0)])
def test_export_warns_of_line_ends_that_change(running_server, tmp_path, format, changed):
    put(running_server, PLAIN, BARE, UNENDED)
    done = running_server("export", tmp_path / "out", "--format", format)
    warning = f"{changed} of them have line ends that {format} cannot keep" if changed else ""
    assert warning in done.stderr and done.stderr.count("\n") == 1 + bool(changed)


def test_python_mailbox_reads_the_mbox_and_the_maildir(running_server, tmp_path):
    put(running_server, PLAIN, QUOTED)
    running_server.store.set_read(read=True, ids=["id1"])
    running_server("export", tmp_path / "a.mbox")
    running_server("export", tmp_path / "m", "--format", "maildir")
    box = mailbox.mbox(tmp_path / "a.mbox")
    assert [message["subject"] for message in box] == ["plain", None]
    assert [message.get_from().split()[0] for message in box] == ["a@example.com"] * 2
    box.close()
    folder = mailbox.Maildir(tmp_path / "m", create=False)
    found = {message["subject"]: (message.get_subdir(), message.get_flags()) for message in folder}
    assert found == {"plain": ("cur", "S"), None: ("new", "")}
    assert len(os.listdir(tmp_path / "m" / "new")) == 1 and not os.listdir(tmp_path / "m" / "tmp")


def test_mbox_is_written_to_standard_output(running_server, tmp_path):
    put(running_server, PLAIN)
    done = running_server("export", "-", "--format", "mbox", text=False)
    (tmp_path / "a.mbox").write_bytes(done.stdout)
    assert [mail.content for mail in read_archive(tmp_path / "a.mbox", "mbox")] == [PLAIN]


def test_export_query_writes_matches_oldest_first(running_server, tmp_path):
    for subject in ("one", "two", "three"):
        running_server.mail("ann@example.com", Subject=subject)
    running_server("export", tmp_path / "out", "--query", "-subject:two")
    found = [path.read_bytes() for path in sorted((tmp_path / "out").iterdir())]
    assert [b"Subject: one" in found[0], b"Subject: three" in found[1], len(found)] == [True, True, 2]


def test_export_overwrites_nothing(running_server, tmp_path):
    put(running_server, PLAIN)
    (tmp_path / "a.mbox").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    for path, message in (("a.mbox", "exists already"), ("out", "is not empty")):
        done = running_server("export", path, cwd=tmp_path)
        assert message in done.stderr and done.returncode == 1
    assert (tmp_path / "a.mbox").read_text() == "mine" and os.listdir(tmp_path / "out") == ["mine"]


@pytest.mark.parametrize("format", ["maildir", "eml"])
@pytest.mark.parametrize("id", ["../../escaped", "/etc/passwd", "a\0b", "", "CON", "x" * 500, "\x1b[31m"])
def test_ids_of_a_server_do_not_become_paths(tmp_path, format, id):
    """Threat W14: the IDs of a server are untrusted input."""
    out = open_writer(tmp_path / "out", format)
    for _ in range(2):
        assert out.add(ArchivedMail(PLAIN, id, "a@example.com", 0.0))
    out.close()
    assert os.listdir(tmp_path) == ["out"]
    names = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(names) == 2 and all(name.isascii() and name.isprintable() and len(name) < 100 for name in names)


@pytest.mark.parametrize("sender", ["a b@x\nFrom: y", "", None, "ü@x", "\x1b[31m"])
def test_sender_does_not_break_an_mbox(tmp_path, sender):
    out = open_writer(tmp_path / "a.mbox", "mbox")
    out.add(ArchivedMail(PLAIN, "1", sender, 0.0))
    out.add(ArchivedMail(PLAIN, "2", sender, 0.0))
    out.close()
    assert [mail.content for mail in read_archive(tmp_path / "a.mbox", "mbox")] == [PLAIN, PLAIN]


@pytest.mark.parametrize(
    ("there", "path", "named", "format"),
    [
        ((), "x", None, "eml"),
        ((), "x.mbox", None, "mbox"),
        ((), "x.eml", None, "eml"),
        ((), "x", "maildir", "maildir"),
        (("x/cur/1",), "x", None, "maildir"),
        (("x",), "x", None, "eml"),
        (("x.eml",), "x.eml", None, "eml"),
        (("x/1.eml",), "x", None, "eml"),
    ],
)
def test_format_is_detected(there, path, named, format, tmp_path):
    for name in there:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert detect_format(tmp_path / path, named) == format


def test_import_reports_failures_and_continues(running_server, tmp_path):
    (tmp_path / "1.eml").write_bytes(b"Subject: to nobody\r\n\r\n")
    (tmp_path / "2.eml").write_bytes(PLAIN)
    (tmp_path / "3.eml").write_bytes(PLAIN.replace(b"plain", b"refused"))
    (tmp_path / "4.eml").write_bytes(PLAIN)
    running_server.server.on("END_OF_DATA", subject="refused").reply(554, "5.6.0", "Not\x1b this")
    done = running_server("import", tmp_path)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0].endswith("1.eml: the header names no recipient; set one with --to")
    assert "3.eml: 554 5.6.0 Not" in lines[1] and "\x1b" not in done.stderr
    assert lines[2].startswith("smtptest: 2 mails sent to ") and lines[2].endswith(", 2 failed")


def test_import_options_set_the_envelope_of_all_mails(running_server, tmp_path):
    (tmp_path / "1.eml").write_bytes(b"Subject: to nobody\r\n\r\n")
    assert (
        running_server("import", tmp_path / "1.eml", "--to", "qa@example.com", "--from", "x@example.com").returncode
        == 0
    )
    envelope = running_server.store.get_mail(running_server.store.get_page().entries[0].id).envelope
    assert (envelope.mail_from, envelope.rcpt_tos) == ("x@example.com", ("qa@example.com",))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.eml",), "none.eml: No such file"),
        (("no.mbox",), "an mbox must begin with a line 'From SENDER DATE', got other text"),
        ((), "Missing argument"),
    ],
)
def test_invalid_archive_is_one_line(running_server, tmp_path, arguments, message):
    (tmp_path / "no.mbox").write_text("Hello\n")
    done = running_server("import", *arguments, cwd=tmp_path)
    assert message in done.stderr and done.stderr.count("\n") == 1 and done.returncode != 0


# -- mbox -----------------------------------------------------------------------------------------

A_SEPARATOR = b"From a@example.com Tue Jul  5 18:44:15 2022\n"
HEADER = b"To: a@example.com\n"


def import_file(tmp_path, content, *arguments, name="x.mbox"):
    """Import a file into a new server; return its mails and the completed command."""
    from tests.helpers.command_line import run_smtptest

    (tmp_path / name).write_bytes(content)
    with MailServer() as server:
        address = "{}:{}".format(*server.address)
        done = run_smtptest("import", name, *arguments, "--server", address, cwd=tmp_path)
        return list(server.inbox), done


@pytest.mark.parametrize(
    "line",
    [
        b"From the President we hear",
        b"From my dear ann@example.com",
        b"From ann@example.com",
        b"From ann@example.com 2022",
        b"From ann@example.com Tue Jul  5 2022",
        b"From ann@example.com 18:44:15 2022",
        b"From Tue Jul  5 18:44:15 2022",
        b"From ann and bob Tue Jul  5 18:44:15 2022",
        b"From ann@example.com Tue Jul  5 18:44:15 2022 it rained",
        b"from ann@example.com Tue Jul  5 18:44:15 2022",
        b" From ann@example.com Tue Jul  5 18:44:15 2022",
        b"From: ann@example.com Tue Jul  5 18:44:15 2022",
        b"From " + b"a" * 2_000 + b" Tue Jul  5 18:44:15 2022",
    ],
)
@pytest.mark.parametrize("gap", [b"", b"\n"])
def test_line_without_sender_and_date_is_text(line, gap, tmp_path):
    mails, done = import_file(tmp_path, A_SEPARATOR + HEADER + b"\nHi\n" + gap + line + b"\nbye\n")
    assert done.returncode == 0
    expected = b"\nHi\n" + gap + line + b"\nbye\n"
    assert [mail.content for mail in mails] == [(HEADER + expected).replace(b"\n", b"\r\n")]


@pytest.mark.parametrize(
    ("line", "sender"),
    [
        (b"From b@example.com Tue Jul  5 18:45:15 2022", "b@example.com"),
        (b"From b@example.com Tue Jul 05 18:45:15 2022\r", "b@example.com"),
        (b"From b@example.com Tue Jul  5 18:45 2022", "b@example.com"),
        (b"From b@example.com  Tue Jul  5 18:45:15 2022 ", "b@example.com"),
        (b"From b@example.com Tue Jul  5 18:45:15 2022 +0200", "b@example.com"),
        (b"From b@example.com Tue Jul  5 18:45:15 +0000 2022", "b@example.com"),
        (b"From b@example.com Tue Jul  5 18:45:15 CEST 2022", "b@example.com"),
        (b"From b@example.com Tue Jul  5 18:45:15 MET DST 2022", "b@example.com"),
        (b"From b@example.com Tue, 5 Jul 2022 18:45:15 +0200", "b@example.com"),
        (b"From b@example.com 5 Jul 2022 18:45:15 GMT", "b@example.com"),
        (b"From b@example.com Tue Jul  5 2022 18:45:15", "b@example.com"),
        (b"From b@example.com TUE JUL  5 18:45:15 2022", "b@example.com"),
        (b"From b@example.com Tue Jul  5 18:45:15 (CEST) 2022", "b@example.com"),
        (b"From b@example.com Tue Jul  5 18:45:15 22", "b@example.com"),
        (b"From b@example.com 2022-07-05T18:45:15Z", "b@example.com"),
        (b"From b@example.com 2022-07-05 18:45:15 +0200", "b@example.com"),
        (b"From <b@example.com> Tue Jul  5 18:45:15 2022", "b@example.com"),
        (b"From Bob Lee <b@example.com> Tue Jul  5 18:45:15 2022", "b@example.com"),
        (b'From "Lee, B." <b@example.com> Tue Jul  5 18:45:15 2022', "b@example.com"),
        (b"From <> Tue Jul  5 18:45:15 2022", ""),
        (b"From b@example.com Tue Jul  5 18:45:15 2022 remote from relay", "b@example.com"),
        (b'From "ann lee"@example.com Tue Jul  5 18:45:15 2022', '"ann lee"@example.com'),
        (b'From "a\\"b"@example.com Tue Jul  5 18:45:15 2022', '"a\\"b"@example.com'),
        (b"From MAILER-DAEMON Tue Jul  5 18:45:15 2022", ""),
        (b"From - Tue Jul 05 18:45:15 2022", "header@example.com"),
        (b"From root Tue Jul  5 18:45:15 2022", "header@example.com"),
        (b"From  Tue Jul  5 18:45:15 2022", "header@example.com"),
    ],
)
@pytest.mark.parametrize("gap", [b"", b"\n"])
def test_line_with_a_date_separates_mails(line, sender, gap, tmp_path):
    second = b"From: header@example.com\nTo: a@example.com\n\ntwo\n"
    mails, done = import_file(tmp_path, A_SEPARATOR + HEADER + b"\none\n" + gap + line + b"\n" + second)
    assert done.returncode == 0, done.stderr
    assert [mail.text for mail in mails] == ["one\n", "two\n"]
    assert [mail.sender for mail in mails] == ["a@example.com", sender]


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Thu Jan  1 00:01:00 1970", 60),
        ("Thu Jan  1 01:01:00 +0100 1970", 60),
        ("Thu Jan  1 00:01 1970", 60),
        ("Thu, 1 Jan 1970 01:01:00 +0100", 60),
        ("Thu Jan 99 00:01:00 1970", 0),
    ],
)
def test_separator_has_the_time_of_the_mail(date, seconds, tmp_path):
    (tmp_path / "x.mbox").write_text(f"From a@example.com {date}\nTo: a@example.com\n\nx\n")
    assert [mail.received_at for mail in read_archive(tmp_path / "x.mbox", "mbox")] == [seconds]


SENDERS = ["bounce+1@example.com", "", '"ann lee"@example.com', "grüße@example.com"]


@pytest.mark.parametrize("sender", SENDERS)
def test_mbox_keeps_the_reverse_path(sender, running_server, tmp_path):
    """RFC 4155 appendix A: the separator has the address of the envelope, not of the header."""
    content = b"From: App <app@example.com>\r\nTo: a@example.com\r\n\r\nbody\r\n"
    from lazr.smtptest import Envelope
    from lazr.smtptest.store import Arrival

    envelope = Envelope(sender, ("a@example.com",), mail_parameters={}, rcpt_parameters=({},))
    running_server.store.add([Arrival("id1", 1_000_000_000.0, envelope, [content])])
    assert running_server("export", "x.mbox", cwd=tmp_path).returncode == 0
    first_line = (tmp_path / "x.mbox").read_text("utf-8").partition("\n")[0]
    assert first_line == f"From {sender or 'MAILER-DAEMON'} Sun Sep  9 01:46:40 2001"
    assert next(read_archive(tmp_path / "x.mbox", "mbox")).sender == sender
    assert running_server.store.get_page().entries[0].read is False  # the export has not opened it


def test_export_from_mailpit_takes_the_return_path():
    from lazr.smtptest.cli.client.archive import find_return_path

    assert find_return_path(b"Return-Path: <b@example.com>\r\nFrom: a@example.com\r\n\r\n") == "b@example.com"
    assert find_return_path(b"return-path:<>\nFrom: a@example.com\n\n") == ""
    assert find_return_path(b"From: a@example.com\r\nReturn-Path: <b@example.com>\r\n\r\n") is None
    assert find_return_path(b"Return-Path: none\r\n\r\n") is None


def test_imported_eml_has_the_sender_of_its_return_path(tmp_path):
    mails, _ = import_file(tmp_path, b"Return-Path: <b@example.com>\r\nFrom: a@x.test\r\n" + PLAIN, name="a.eml")
    assert [mail.sender for mail in mails] == ["b@example.com"]


# -- files and folders ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.eml", "A.EML", "a.txt", "a.msg.eml", "a", "a.mbox.bak"])
def test_single_file_with_a_header_is_a_mail(name, tmp_path):
    mails, done = import_file(tmp_path, PLAIN, name=name)
    assert ([mail.content for mail in mails], done.returncode) == ([PLAIN], 0)


@pytest.mark.parametrize("name", ["a.mbox", "a.MBX", "a", "a.eml", "a.txt"])
def test_single_file_that_begins_with_a_separator_is_an_mbox(name, tmp_path):
    mails, _ = import_file(tmp_path, (A_SEPARATOR + HEADER + b"\nHi\n") * 2, name=name)
    assert [mail.text for mail in mails] == ["Hi\n", "Hi\n"]


def test_format_of_the_option_reads_a_file_of_any_name(tmp_path):
    mails, _ = import_file(tmp_path, PLAIN, "--format", "eml", name="x.mbox")
    assert [mail.content for mail in mails] == [PLAIN]


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (b"", (), "x: expected a mail, or an mbox that begins with a line 'From SENDER DATE'"),
        (b"\n\n", ("--format", "mbox"), "no mail found in x; --format sets the format"),
        (b"\x89PNG\r\n", (), "x: expected a mail, or an mbox that begins with a line 'From SENDER DATE'"),
        (PLAIN, ("--format", "mbox"), "x: an mbox must begin with a line 'From SENDER DATE', got other text"),
    ],
)
def test_file_without_a_mail_is_an_error(content, arguments, message, tmp_path):
    mails, done = import_file(tmp_path, content, *arguments, name="x")
    assert (mails, done.returncode) == ([], 1)
    assert done.stderr.startswith(f"smtptest: {message}") and done.stderr.count("\n") == 1


def test_folder_takes_all_mails_and_names_the_rest(running_server, tmp_path):
    for name in ("a.eml", "B.EML", "c.txt", "d.msg.eml"):
        (tmp_path / name).write_bytes(PLAIN)
    for name in ("p.png", "notes.md", "q.png", "r.png", "empty"):
        (tmp_path / name).write_bytes(b"\x89PNG" if name != "empty" else b"")
    (tmp_path / ".hidden").write_bytes(PLAIN)
    (tmp_path / "sub").mkdir()
    done = running_server("import", tmp_path)
    lines = done.stderr.splitlines()
    assert lines[0].endswith(
        ": empty, notes.md, p.png and 2 more left out: a mail is a .eml, or begins with a header field"
    )
    assert lines[1].endswith(": the subfolders sub left out; name them to import them")
    assert lines[2].startswith("smtptest: 4 mails sent to ") and done.returncode == 0


def test_maildir_leaves_out_trash_indexes_and_subfolders(running_server, tmp_path):
    for name in ("cur", "new", "tmp", ".Sent/cur"):
        (tmp_path / "md" / name).mkdir(parents=True)
    for name in (
        "cur/dovecot.index",
        "cur/5.a.host:2,ST",
        "cur/4.a.host:2,S",
        "new/6.a.host",
        ".Sent/cur/4.a.host:2,S",
    ):
        (tmp_path / "md" / name).write_bytes(PLAIN)
    done = running_server("import", "md", cwd=tmp_path)
    assert done.stderr.splitlines()[:3] == [
        "smtptest: md: 1 mail in the trash (flag T) left out",
        "smtptest: md: dovecot.index left out: a mail's name begins with a number and a dot",
        "smtptest: md: the subfolders .Sent left out; name them to import them",
    ]
    assert "2 mails sent to" in done.stderr


@pytest.mark.parametrize(
    ("name", "is_read", "is_left_out"),
    [
        ("cur/1.a.host:2,S", True, False),
        ("cur/1.a.host,S=120,W=130:2,FRS", True, False),
        ("cur/1.a.host;2,S", True, False),
        ("cur/1.a.host!2,S", True, False),
        ("cur/1.a.host:2,", False, False),
        ("cur/1.a.host-2,ST", False, False),
        ("cur/1.a.host:2,FT", False, True),
        ("cur/1.a.host;2,ST", False, True),
        ("cur/1.a.host!2,T", False, True),
        ("new/1.a.host", False, False),
    ],
)
def test_flags_of_a_maildir_are_in_the_file_name(name, is_read, is_left_out, tmp_path):
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_bytes(PLAIN)

    assert [mail.is_read for mail in read_archive(tmp_path, "maildir")] == ([] if is_left_out else [is_read])


@pytest.mark.parametrize(
    ("content", "arguments", "count"),
    [
        (PLAIN, (), 1),
        (PLAIN, ("--format", "eml"), 1),
        ((A_SEPARATOR + HEADER + b"\nHi\n") * 3, (), 3),
        (b"\n" + A_SEPARATOR + HEADER + b"\nHi\n", ("--format", "mbox"), 1),
    ],
)
def test_standard_input_is_imported(content, arguments, count, running_server):
    done = running_server("import", "-", *arguments, stdin=content)
    assert done.returncode == 0, done.stderr
    assert running_server.store.get_totals().mails == count


@pytest.mark.parametrize(
    ("content", "arguments", "status", "message"),
    [
        (b"Hello\n", (), 1, "standard input: expected a mail"),
        (b"Hello\n", ("--format", "mbox"), 1, "standard input: an mbox must begin"),
        (PLAIN, ("--format", "maildir"), 2, "standard input takes --format mbox or eml, got maildir"),
    ],
)
def test_standard_input_without_a_mail_is_an_error(content, arguments, status, message, running_server):
    done = running_server("import", "-", *arguments, stdin=content)
    assert done.returncode == status and done.stderr.startswith(f"smtptest: {message}")


def test_equal_failures_are_counted(running_server, tmp_path):
    for number in range(30):
        (tmp_path / f"{number:02}.eml").write_bytes(b"Subject: to nobody\r\n\r\n")
    done = running_server("import", tmp_path)
    lines = done.stderr.splitlines()
    assert len(lines) == 5 and done.returncode == 1
    assert lines[3] == "smtptest: 27 more: the header names no recipient; set one with --to"
