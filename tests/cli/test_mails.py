"""`ls`, `show`, `wait` and `rm`: what a running server has, asked over its REST API."""

import json
import threading

import pytest

from cli.smtptest import smtptest

RICH = (
    b"From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n"
    b"--y\r\nContent-Type: text/plain\r\n\r\nYour code is 123456.\r\nhttps://example.com/confirm\r\n"
    b"--y\r\nContent-Type: text/html\r\n\r\n<a href='https://example.com/a'>Hi</a>\r\n--y--\r\n"
    b'--x\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename="../a.png"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\niVBORw==\r\n--x--\r\n"
)


def test_ls_is_a_table_newest_first(whole):
    first = whole.mail("ann@example.com", Subject="One")
    second = whole.mail("bob@example.com", "cy@example.com", To="bob@example.com", Subject="Two \x1b[31m")
    done = whole("ls")
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["ID", "received", "from", "to", "subject", "size"]
    assert [row.split()[0] for row in rows] == [second, first]
    assert "app@example.com" in rows[0] and "bob@example.com, cy@example.com" in rows[0] and "Two \\x1b[31m" in rows[0]
    assert "\x1b" not in done.stdout and (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("arguments", "subjects"),
    [
        ((), ["Two", "One"]),
        (("--limit", "1"), ["Two"]),
        (("--query", "subject:one"), ["One"]),
        (("--query", "to:nobody"), []),
    ],
)
def test_ls_as_json_is_what_the_api_has(whole, arguments, subjects):
    whole.mail("ann@example.com", Subject="One")
    whole.mail("ann@example.com", Subject="Two")
    assert [one["Subject"] for one in json.loads(whole("ls", "--json", *arguments).stdout)] == subjects


def test_a_search_that_makes_no_sense_is_one_line(whole):
    done = whole("ls", "--query", "larger:" + "x" * 2000)
    assert "(400)" in done.stderr
    assert (done.stdout, done.returncode, done.stderr.count("\n")) == ("", 1, 1)


def test_show_has_the_latest_with_all_that_people_read(whole):
    whole.mail("bob@example.com")
    name = whole.mail("bob@example.com", "hidden@example.com", content=RICH)
    done = whole("show")
    assert done.stdout.startswith(f"── {name} ── {len(RICH)} octets")
    for line in (
        "Bcc (of the envelope): hidden@example.com",
        "From: Ann <ann@example.com>",
        "Subject: Grüße",
        "  Your code is 123456.",
        "  attached: ../a.png (image/png, 4 octets)",
    ):
        assert line in done.stdout.splitlines()
    assert (done.stderr, done.returncode) == ("", 0)
    assert whole.store.entry(name).read


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (("--raw",), RICH),
        (("--html",), b"<a href='https://example.com/a'>Hi</a>"),
        (("--part", "../a.png"), b"\x89PNG"),
        (("--part", "2"), b"\x89PNG"),
        (("--links",), b"https://example.com/a\nhttps://example.com/confirm\n"),
        (("--codes",), b"123456\n"),
        (("--links", "--json"), b'[\n  "https://example.com/a",\n  "https://example.com/confirm"\n]\n'),
    ],
)
def test_show_has_one_thing_to_the_octet(whole, arguments, out):
    name = whole.mail("bob@example.com", content=RICH)
    whole.mail("bob@example.com")
    done = whole("show", name, *arguments, text=False, stdin=None)
    assert (done.stdout, done.stderr, done.returncode) == (out, b"", 0)


def test_show_writes_to_a_file_that_is_named_here_and_not_by_the_mail(whole, tmp_path):
    whole.mail("bob@example.com", content=RICH)
    done = whole("show", "--part", "../a.png", "--output", "mine.png", cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("", 0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.png"]
    assert (tmp_path / "mine.png").read_bytes() == b"\x89PNG"


def test_show_takes_the_newest_that_a_search_finds(whole):
    whole.mail("ann@example.com", Subject="One")
    whole.mail("bob@example.com", Subject="Two")
    assert json.loads(whole("show", "--query", "to:ann@example.com", "--json").stdout)["Subject"] == "One"


@pytest.mark.parametrize(
    ("arguments", "says", "status"),
    [
        (("nonsense",), "404", 1),
        (("--part", "9"), "has no part '9'; it has", 1),
        (("--raw", "--html"), "one of them", 2),
        (("--html",), "has no HTML", 1),
    ],
)
def test_what_show_cannot_show_is_one_line(whole, arguments, says, status):
    whole.mail("bob@example.com")
    done = whole("show", *arguments)
    assert says in done.stderr and done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", status)


def test_no_code_is_status_1(whole):
    whole.mail("bob@example.com")
    done = whole("show", "--codes")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 1)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--to", "ann@example.com"),
        ("--to", "*@Example.com", "--from", "app@*"),
        ("--subject", "WELCOME to"),
        ("--query", "subject:Welcome"),
    ],
)
def test_wait_shows_a_mail_that_is_there(whole, arguments):
    whole.mail("ann@example.com", Subject="Welcome to it")
    done = whole("wait", *arguments, "--timeout", "0")
    assert "Subject: Welcome to it" in done.stdout
    assert (done.stderr, done.returncode) == ("", 0)


def test_wait_wakes_for_a_mail_that_comes_and_not_for_others(whole):
    whole.mail("joann@example.com", Subject="Welcome")  # whose address has the other one in it
    done = []
    thread = threading.Thread(
        target=lambda: done.append(whole("wait", "--to", "ann@example.com", "--json", "--timeout", "60"))
    )
    thread.start()
    whole.mail("joann@example.com", Subject="Welcome again")
    name = whole.mail("ann@example.com", Subject="Mine")
    thread.join(60)
    assert json.loads(done[0].stdout)["ID"] == name and done[0].returncode == 0


def test_wait_ends_with_what_came_instead(whole):
    whole.mail("joann@example.com", Subject="Welcome")
    whole.mail("ann@example.com", Subject="Other \x1b[31m")
    done = whole("wait", "--to", "ann@example.com", "--subject", "Welcome", "--timeout", "0.2")
    lines = done.stderr.splitlines()
    assert lines[0] == "smtptest: no mail to ann@example.com with 'Welcome' in its subject within 0.2 s; 2 others came:"
    assert lines[1].startswith("  app@example.com -> ann@example.com 'Other")
    assert "its subject is" in lines[2]
    assert lines[3:5] == ["  app@example.com -> joann@example.com 'Welcome'", "      it is for joann@example.com"]
    assert "its last lines:" in done.stderr  # of the dialogue, which the server tells
    assert "\x1b" not in done.stderr and (done.stdout, done.returncode) == ("", 1)


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (("--query", "subject:one"), ["Three", "Two"]),
        (("--all", "--yes"), []),
        (("--all",), []),  # nobody is there to be asked
    ],
)
def test_rm_deletes_what_a_search_finds_or_all(whole, arguments, left):
    for subject in ("One", "Two", "Three"):
        whole.mail("ann@example.com", Subject=subject)
    done = whole("rm", *arguments)
    gone = 3 - len(left)
    assert done.stdout == f"deleted {gone} mail{'' if gone == 1 else 's'}\n" and done.returncode == 0
    assert [entry.subject for entry in whole.store.page().entries] == left


def test_rm_deletes_by_id_and_nothing_where_one_is_unknown(whole):
    one, two = whole.mail("ann@example.com"), whole.mail("ann@example.com")
    done = whole("rm", one, "nonsense")
    assert "there is no 'nonsense'; nothing is deleted" in done.stderr and done.returncode == 1
    assert whole.store.totals().mails == 2
    assert whole("rm", one).stdout == "deleted 1 mail\n"
    assert [entry.id for entry in whole.store.page().entries] == [two]


@pytest.mark.parametrize("arguments", [(), ("--all", "--query", "x"), ("--all", "x")])
def test_rm_wants_to_know_which(whole, arguments):
    whole.mail("ann@example.com")
    done = whole("rm", *arguments)
    assert "say which" in done.stderr and done.returncode == 2
    assert whole.store.totals().mails == 1


@pytest.mark.parametrize("command", ["ls", "show", "wait", "rm --all", "rules ls", "rules presets"])
def test_no_server_is_one_line(command):
    done = smtptest(*command.split(), "--api", "http://127.0.0.1:9")
    assert done.stderr.startswith("smtptest: http://127.0.0.1:9: nobody listens there") and done.returncode == 1
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("url", ["ftp://x", "http://", "x:y", "http://x?a=b"])
def test_what_is_no_api_is_one_line(url):
    done = smtptest("ls", "--api", url)
    assert "is no API" in done.stderr and done.stderr.count("\n") == 1 and done.returncode == 2


def test_a_server_that_speaks_something_else_is_one_line(server):
    done = smtptest("ls", "--api", "http://{}:{}".format(*server.address))
    assert done.stderr.count("\n") == 1 and done.returncode == 1


def test_a_mailbox_is_opened_by_its_token():
    from cli.conftest import Whole
    from lazr.smtptest import MailServer
    from lazr.smtptest.store.memory import MemoryStore
    from lazr.smtptest.web.app import make_app
    from lazr.smtptest.web.catcher import Catcher
    from lazr.smtptest.web.mailbox import Mailbox
    from lazr.smtptest.web.run import WebServer

    store = MemoryStore()
    with MailServer(store=store) as server:
        catcher = Catcher(
            store, server, mailboxes=[Mailbox.of_recipient("ann", "t0ken-of-16-letters", "ann@example.com")]
        )
        with WebServer(make_app(catcher)) as web:
            whole = Whole(server, store, web, catcher)
            whole.mail("bob@example.com", Subject="One")
            whole.mail("ann@example.com", Subject="Two")
            assert "(401)" in whole("ls").stderr
            for how in (
                {"SMTPTEST_TOKEN": "t0ken-of-16-letters"},
                {"SMTPTEST_API": web.url.replace("://", "://any:t0ken-of-16-letters@")},
            ):
                assert [one["Subject"] for one in json.loads(whole("ls", "--json", **how).stdout)] == ["Two"]
