"""`ls`, `show`, `wait` and `rm`: read and delete the mails of a running server."""

import json
import threading

import pytest

from lazr.smtptest.api_client import ApiClient
from tests.helpers.command_line import run_smtptest

RICH = (
    b"From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n"
    b"--y\r\nContent-Type: text/plain\r\n\r\nYour code is 123456.\r\nhttps://example.com/confirm\r\n"
    b"--y\r\nContent-Type: text/html\r\n\r\n<a href='https://example.com/a'>Hi</a>\r\n--y--\r\n"
    b'--x\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename="../a.png"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\niVBORw==\r\n--x--\r\n"
)


def test_ls_prints_a_table_newest_first(running_server):
    first = running_server.mail("ann@example.com", Subject="One")
    second = running_server.mail("bob@example.com", "cy@example.com", To="bob@example.com", Subject="Two \x1b[31m")
    done = running_server("ls")
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["ID", "received", "from", "to", "subject", "size"]
    assert [row.split()[0] for row in rows] == [second, first]
    assert "app@example.com" in rows[0] and "bob@example.com, cy@example.com" in rows[0] and "Two \\x1b[31m" in rows[0]
    assert "\x1b" not in done.stdout and (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize(("sender", "shown"), [("bounce@example.com", "bounce@example.com"), ("", "<>")])
@pytest.mark.parametrize("content", [b"Subject: x\r\n\r\n", b"From: \r\nSubject: x\r\n\r\n"])
def test_mail_without_from_shows_its_reverse_path(running_server, sender, shown, content):
    running_server.mail("ann@example.com", content=content, sender=sender)

    assert running_server("ls").stdout.splitlines()[1].split()[3] == shown
    report = running_server("wait", "--to", "bob@example.com", "--timeout", "0").stderr
    assert f"  {shown} -> ann@example.com 'x'" in report


@pytest.mark.parametrize(
    ("arguments", "subjects"),
    [
        ((), ["Two", "One"]),
        (("--limit", "1"), ["Two"]),
        (("--query", "subject:one"), ["One"]),
        (("--query", "to:nobody"), []),
    ],
)
def test_ls_json_prints_the_summaries_of_the_api(running_server, arguments, subjects):
    running_server.mail("ann@example.com", Subject="One")
    running_server.mail("ann@example.com", Subject="Two")
    assert [one["Subject"] for one in json.loads(running_server("ls", "--json", *arguments).stdout)] == subjects


def test_invalid_search_is_one_line(running_server):
    done = running_server("ls", "--query", "larger:" + "x" * 2000)
    assert "(400)" in done.stderr
    assert (done.stdout, done.returncode, done.stderr.count("\n")) == ("", 1, 1)


def test_show_prints_the_latest_mail_and_marks_it_read(running_server):
    running_server.mail("bob@example.com")
    name = running_server.mail("bob@example.com", "hidden@example.com", content=RICH)
    done = running_server("show")
    assert done.stdout.startswith(f"── {name} ── {len(RICH)} bytes")
    for line in (
        "Bcc (of the envelope): hidden@example.com",
        "From: Ann <ann@example.com>",
        "Subject: Grüße",
        "  Your code is 123456.",
        "  attached: ../a.png (image/png, 4 bytes)",
    ):
        assert line in done.stdout.splitlines()
    assert (done.stderr, done.returncode) == ("", 0)
    assert running_server.store.get_entry(name).read


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
def test_show_prints_one_part_byte_for_byte(running_server, arguments, out):
    name = running_server.mail("bob@example.com", content=RICH)
    running_server.mail("bob@example.com")
    done = running_server("show", name, *arguments, text=False, stdin=None)
    assert (done.stdout, done.stderr, done.returncode) == (out, b"", 0)


def test_show_output_ignores_the_file_name_of_the_mail(running_server, tmp_path):
    running_server.mail("bob@example.com", content=RICH)
    done = running_server("show", "--part", "../a.png", "--output", "mine.png", cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("", 0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.png"]
    assert (tmp_path / "mine.png").read_bytes() == b"\x89PNG"


def test_show_query_prints_the_newest_match(running_server):
    running_server.mail("ann@example.com", Subject="One")
    running_server.mail("bob@example.com", Subject="Two")
    assert json.loads(running_server("show", "--query", "to:ann@example.com", "--json").stdout)["Subject"] == "One"


@pytest.mark.parametrize(
    ("arguments", "message", "status"),
    [
        (("nonsense",), "404", 1),
        (("--part", "9"), "has no part '9'; parts: ", 1),
        (("--raw", "--html"), "show takes at most one of", 2),
        (("--html",), "has no HTML", 1),
    ],
)
def test_show_of_missing_content_is_one_line(running_server, arguments, message, status):
    running_server.mail("bob@example.com")
    done = running_server("show", *arguments)
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", status)


def test_show_codes_without_codes_is_status_1(running_server):
    running_server.mail("bob@example.com")
    done = running_server("show", "--codes")
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
def test_wait_prints_a_stored_mail(running_server, arguments):
    running_server.mail("ann@example.com", Subject="Welcome to it")
    done = running_server("wait", *arguments, "--timeout", "0")
    assert "Subject: Welcome to it" in done.stdout
    assert (done.stderr, done.returncode) == ("", 0)


def test_wait_ends_only_for_a_matching_mail(running_server):
    running_server.mail("joann@example.com", Subject="Welcome")  # the address contains the other one
    done = []
    thread = threading.Thread(
        target=lambda: done.append(running_server("wait", "--to", "ann@example.com", "--json", "--timeout", "60"))
    )
    thread.start()
    running_server.mail("joann@example.com", Subject="Welcome again")
    name = running_server.mail("ann@example.com", Subject="Mine")
    thread.join(60)
    assert json.loads(done[0].stdout)["ID"] == name and done[0].returncode == 0


def test_wait_for_unread_mail_waits_for_the_next_one(running_server):
    wait = ("wait", "--to", "ann@example.com", "--query", "is:unread", "--timeout")
    running_server.mail("ann@example.com", Subject="First")
    assert "Subject: First" in running_server(*wait, "0").stdout  # and marks it as read

    missing = running_server(*wait, "0")
    assert (missing.stdout, missing.returncode) == ("", 1)
    running_server.mail("ann@example.com", Subject="Second")
    assert "Subject: Second" in running_server(*wait, "60").stdout


def test_wait_timeout_reports_the_other_mails(running_server):
    running_server.mail("joann@example.com", Subject="Welcome")
    running_server.mail("ann@example.com", Subject="Other \x1b[31m")
    done = running_server("wait", "--to", "ann@example.com", "--subject", "Welcome", "--timeout", "0.2")
    lines = done.stderr.splitlines()
    assert lines[0] == (
        "smtptest: no mail with to='ann@example.com', subject='Welcome' within 0.2 s (2 other mails arrived):"
    )
    assert lines[1].startswith("  app@example.com -> ann@example.com 'Other")
    assert "subject is 'Other" in lines[2]
    assert lines[3:5] == ["  app@example.com -> joann@example.com 'Welcome'", "      to is 'joann@example.com'"]
    assert "its last lines:" in done.stderr  # the end of the dialogue, from the server
    assert "\x1b" not in done.stderr and (done.stdout, done.returncode) == ("", 1)


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (("--query", "subject:one"), ["Three", "Two"]),
        (("--all", "--yes"), []),
        (("--all",), []),  # without a terminal there is no confirmation
    ],
)
def test_rm_deletes_by_search_or_all(running_server, arguments, left):
    for subject in ("One", "Two", "Three"):
        running_server.mail("ann@example.com", Subject=subject)
    done = running_server("rm", *arguments)
    gone = 3 - len(left)
    assert done.stdout == f"deleted {gone} mail{'' if gone == 1 else 's'}\n" and done.returncode == 0
    assert [entry.subject for entry in running_server.store.get_page().entries] == left


def test_rm_deletes_nothing_if_one_id_is_unknown(running_server):
    one, two = running_server.mail("ann@example.com"), running_server.mail("ann@example.com")
    done = running_server("rm", one, "nonsense")
    assert "unknown mail 'nonsense'; nothing is deleted" in done.stderr and done.returncode == 1
    assert running_server.store.get_totals().mails == 2
    assert running_server("rm", one).stdout == "deleted 1 mail\n"
    assert [entry.id for entry in running_server.store.get_page().entries] == [two]


@pytest.mark.parametrize("arguments", [(), ("--all", "--query", "x"), ("--all", "x")])
def test_rm_requires_exactly_one_selection(running_server, arguments):
    running_server.mail("ann@example.com")
    done = running_server("rm", *arguments)
    assert "rm needs exactly one of" in done.stderr and done.returncode == 2
    assert running_server.store.get_totals().mails == 1


@pytest.mark.parametrize("command", ["ls", "show", "wait", "rm --all", "rules ls", "rules presets"])
def test_refused_connection_is_one_line(command):
    done = run_smtptest(*command.split(), "--api", "http://127.0.0.1:9")
    assert done.stderr.startswith("smtptest: http://127.0.0.1:9: connection refused") and done.returncode == 1
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("url", ["ftp://x", "http://", "x:y", "http://x?a=b"])
def test_invalid_api_url_is_one_line(url):
    done = run_smtptest("ls", "--api", url)
    assert (
        "the URL of the API must be http://host:port" in done.stderr
        and done.stderr.count("\n") == 1
        and done.returncode == 2
    )


def test_server_without_http_is_one_line(server):
    done = run_smtptest("ls", "--api", "http://{}:{}".format(*server.address))
    assert done.stderr.count("\n") == 1 and done.returncode == 1


def test_token_opens_its_mailbox():
    from lazr.smtptest import MailServer
    from lazr.smtptest.store import MemoryStore
    from lazr.smtptest.web import AppContext, Mailbox, WebServer, make_app
    from tests.cli.conftest import RunningServer

    store = MemoryStore()
    with MailServer(store=store) as server:
        app_context = AppContext(
            store, server, mailboxes=[Mailbox.of_recipient("ann", "t0ken-of-16-letters", "ann@example.com")]
        )
        with WebServer(make_app(app_context)) as web:
            running_server = RunningServer(server, store, web, app_context)
            running_server.mail("bob@example.com", Subject="One")
            running_server.mail("ann@example.com", Subject="Two")
            assert "(401)" in running_server("ls").stderr
            for access in (
                {"SMTPTEST_TOKEN": "t0ken-of-16-letters"},
                {"SMTPTEST_API": web.url.replace("://", "://any:t0ken-of-16-letters@")},
            ):
                assert [one["Subject"] for one in json.loads(running_server("ls", "--json", **access).stdout)] == [
                    "Two"
                ]


@pytest.mark.parametrize("command", [["ls"], ["wait"], ["mcp"]])
def test_malformed_token_is_a_usage_error_that_hides_it(command):
    done = run_smtptest(*command, SMTPTEST_TOKEN="secret\r\nX-Injected: 1")

    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "check --token" in done.stderr
    assert "secr" not in done.stderr and "Injected" not in done.stderr


@pytest.mark.parametrize("token", ["secret\r\nX-Injected: 1", "secret\n", "s\xe9cret", "secr\u20act", "secret 1"])
def test_token_that_no_header_can_hold_is_refused(token):
    with pytest.raises(ValueError, match="check --token") as raised:
        ApiClient(token=token)

    assert "secr" not in str(raised.value)
