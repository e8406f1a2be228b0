"""`export` and `import`: mails as mbox, Maildir and .eml, there and back."""

import mailbox
import os

import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.cli.archive import Kept, format_of, read, writer

PLAIN = b"From: a@example.com\r\nTo: b@example.com\r\nSubject: plain\r\n\r\nHello\r\n"
# What an mbox has to quote, and what is quoted already.
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


def put(whole, *contents):
    import time

    from lazr.smtptest import Envelope
    from lazr.smtptest.store.contract import Arrival

    envelope = Envelope("a@example.com", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},))
    for number, content in enumerate(contents, 1):
        whole.store.add([Arrival(f"id{number}", time.time(), envelope, [content])])


@pytest.mark.parametrize(("format", "contents"), [
    ("mbox", WELL_MADE), ("maildir", (*WELL_MADE, UNENDED)), ("eml", (*WELL_MADE, BARE, UNENDED))
])  # fmt: skip
def test_what_is_exported_comes_back_to_the_octet(whole, tmp_path, format, contents):
    put(whole, *contents)
    done = whole("export", "out", "--format", format, cwd=tmp_path)
    count = f"{len(contents)} mails"
    assert (done.stderr, done.returncode) == (f"smtptest: {count} written to out ({format})\n", 0)

    with MailServer() as other:
        address = "{}:{}".format(*other.address)
        done = whole("import", "out", "--format", format, "--server", address, cwd=tmp_path)
        assert (done.stderr, done.returncode) == (f"smtptest: {count} sent to {address}\n", 0)
        assert [mail.content for mail in other.inbox] == list(contents)
        assert {(mail.sender, mail.recipients) for mail in other.inbox} == {("a@example.com", ("b@example.com",))}


@pytest.mark.parametrize(("format", "changed"), [("mbox", 2), ("maildir", 1), ("eml", 0)])
def test_what_a_format_cannot_keep_is_said(whole, tmp_path, format, changed):
    put(whole, PLAIN, BARE, UNENDED)
    done = whole("export", tmp_path / "out", "--format", format)
    said = f"{changed} of them have line ends that {format} cannot keep" if changed else ""
    assert said in done.stderr and done.stderr.count("\n") == 1 + bool(changed)


def test_python_s_own_reader_reads_the_mbox_and_the_maildir(whole, tmp_path):
    put(whole, PLAIN, QUOTED)
    whole.store.mark(read=True, ids=["id1"])
    whole("export", tmp_path / "a.mbox")
    whole("export", tmp_path / "m", "--format", "maildir")
    box = mailbox.mbox(tmp_path / "a.mbox")
    assert [message["subject"] for message in box] == ["plain", None]
    assert [message.get_from().split()[0] for message in box] == ["a@example.com"] * 2
    box.close()
    folder = mailbox.Maildir(tmp_path / "m", create=False)
    found = {message["subject"]: (message.get_subdir(), message.get_flags()) for message in folder}
    assert found == {"plain": ("cur", "S"), None: ("new", "")}
    assert len(os.listdir(tmp_path / "m" / "new")) == 1 and not os.listdir(tmp_path / "m" / "tmp")


def test_an_mbox_is_written_to_standard_output(whole, tmp_path):
    put(whole, PLAIN)
    done = whole("export", "-", "--format", "mbox", text=False)
    (tmp_path / "a.mbox").write_bytes(done.stdout)
    assert [mail.content for mail in read(tmp_path / "a.mbox", "mbox")] == [PLAIN]


def test_only_what_a_search_finds_is_exported_oldest_first(whole, tmp_path):
    for subject in ("one", "two", "three"):
        whole.mail("ann@example.com", Subject=subject)
    whole("export", tmp_path / "out", "--query", "-subject:two")
    found = [path.read_bytes() for path in sorted((tmp_path / "out").iterdir())]
    assert [b"Subject: one" in found[0], b"Subject: three" in found[1], len(found)] == [True, True, 2]


def test_nothing_that_is_there_is_overwritten(whole, tmp_path):
    put(whole, PLAIN)
    (tmp_path / "a.mbox").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    for path, says in (("a.mbox", "is there already"), ("out", "is not empty")):
        done = whole("export", path, cwd=tmp_path)
        assert says in done.stderr and done.returncode == 1
    assert (tmp_path / "a.mbox").read_text() == "mine" and os.listdir(tmp_path / "out") == ["mine"]


@pytest.mark.parametrize("format", ["maildir", "eml"])
@pytest.mark.parametrize("id", ["../../escaped", "/etc/passwd", "a\0b", "", "CON", "x" * 500, "\x1b[31m"])
def test_a_server_s_ids_do_not_become_paths(tmp_path, format, id):
    """Threat W14: a server may be anybody's."""
    out = writer(tmp_path / "out", format)
    for _ in range(2):
        assert out.add(Kept(PLAIN, id, "a@example.com", 0.0))
    out.close()
    assert os.listdir(tmp_path) == ["out"]
    names = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(names) == 2 and all(name.isascii() and name.isprintable() and len(name) < 100 for name in names)


@pytest.mark.parametrize("sender", ["a b@x\nFrom: y", "", None, "ü@x", "\x1b[31m"])
def test_a_sender_does_not_break_an_mbox(tmp_path, sender):
    out = writer(tmp_path / "a.mbox", "mbox")
    out.add(Kept(PLAIN, "1", sender, 0.0))
    out.add(Kept(PLAIN, "2", sender, 0.0))
    out.close()
    assert [mail.content for mail in read(tmp_path / "a.mbox", "mbox")] == [PLAIN, PLAIN]


@pytest.mark.parametrize(
    ("there", "path", "named", "format"),
    [
        ((), "x", None, "eml"),
        ((), "x.mbox", None, "mbox"),
        ((), "x.eml", None, "eml"),
        ((), "x", "maildir", "maildir"),
        (("x/cur/1",), "x", None, "maildir"),
        (("x",), "x", None, "mbox"),
        (("x.eml",), "x.eml", None, "eml"),
        (("x/1.eml",), "x", None, "eml"),
    ],
)
def test_the_format_is_as_it_looks(there, path, named, format, tmp_path):
    for name in there:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert format_of(tmp_path / path, named) == format


def test_import_says_what_could_not_be_sent_and_goes_on(whole, tmp_path):
    (tmp_path / "1.eml").write_bytes(b"Subject: to nobody\r\n\r\n")
    (tmp_path / "2.eml").write_bytes(PLAIN)
    (tmp_path / "3.eml").write_bytes(PLAIN.replace(b"plain", b"refused"))
    (tmp_path / "4.eml").write_bytes(PLAIN)
    whole.server.on("END_OF_DATA", subject="refused").reply(554, "5.6.0", "Not\x1b this")
    done = whole("import", tmp_path)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0].endswith("1.eml: nobody is named in its header; --to says whom it is for")
    assert "3.eml: 554 5.6.0 Not" in lines[1] and "\x1b" not in done.stderr
    assert lines[2].startswith("smtptest: 2 mails sent to ") and lines[2].endswith(", 2 not")


def test_import_takes_an_envelope_for_all(whole, tmp_path):
    (tmp_path / "1.eml").write_bytes(b"Subject: to nobody\r\n\r\n")
    assert whole("import", tmp_path / "1.eml", "--to", "qa@example.com", "--from", "x@example.com").returncode == 0
    envelope = whole.store.mail(whole.store.page().entries[0].id).envelope
    assert (envelope.mail_from, envelope.rcpt_tos) == ("x@example.com", ("qa@example.com",))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("none.eml",), "none.eml: No such file"), (("no.mbox",), "is no mbox"), ((), "Missing argument")],
)
def test_what_cannot_be_imported_is_one_line(whole, tmp_path, arguments, says):
    (tmp_path / "no.mbox").write_text("Hello\n")
    done = whole("import", *arguments, cwd=tmp_path)
    assert says in done.stderr and done.stderr.count("\n") == 1 and done.returncode != 0
