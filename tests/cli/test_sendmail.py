"""`smtptest sendmail`: options, input and exit statuses as of /usr/sbin/sendmail."""

import shutil
import subprocess
import sys

import pytest

from lazr.smtptest import MailServer
from tests.helpers.command_line import SMTPTEST_COMMAND, build_environment, run_smtptest

MESSAGE = b"From: App <app@example.com>\nTo: ann@example.com\nSubject: Hi\nDate: x\nMessage-ID: <1@x>\n\nHello\n"
WIRE = MESSAGE.replace(b"\n", b"\r\n")


def sendmail(server, *arguments, stdin=MESSAGE, **variables):
    address = "{}:{}".format(*server.address) if hasattr(server, "address") else server
    return run_smtptest("sendmail", *arguments, stdin=stdin, text=False, SMTPTEST_SERVER=address, **variables)


@pytest.mark.parametrize(
    ("arguments", "sender", "recipients"),
    [
        (("-t",), "app@example.com", ("ann@example.com",)),
        (("-t", "-i"), "app@example.com", ("ann@example.com",)),
        (("-ti",), "app@example.com", ("ann@example.com",)),
        (("-oi", "-t", "-f", "bounce@example.com"), "bounce@example.com", ("ann@example.com",)),
        (("-t", "-fbounce@example.com"), "bounce@example.com", ("ann@example.com",)),
        (("-t", "-r", "bounce@example.com"), "bounce@example.com", ("ann@example.com",)),
        (("-f", "<>", "bob@example.com"), "", ("bob@example.com",)),
        (("-f", "", "bob@example.com"), "", ("bob@example.com",)),
        (("-i", "bob@example.com", "<cy@example.com>"), "app@example.com", ("bob@example.com", "cy@example.com")),
        (("-i", "--", "bob@example.com"), "app@example.com", ("bob@example.com",)),
        (("-i", "Bob <bob@example.com>, cy@example.com", "root"), "app@example.com",
         ("bob@example.com", "cy@example.com", "root@localhost")),
        # The command lines of cron, git send-email and PHP.
        (("-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"), "root@localhost", ("ann@example.com",)),
        (("-FCronDaemon", "-B8BITMIME", "-oem", "root"), "app@example.com", ("root@localhost",)),
        (("-i", "-f", "ann@example.com", "bob@example.com"), "ann@example.com", ("bob@example.com",)),
        (("-t", "-i", "-fwww-data@example.com"), "www-data@example.com", ("ann@example.com",)),
        (("-t", "bob@example.com"), "app@example.com", ("bob@example.com", "ann@example.com")),
        (("-bm", "-oem", "-odb", "-O", "DeliveryMode=b", "-G", "-U", "-n", "bob@example.com"), "app@example.com",
         ("bob@example.com",)),
    ],
)  # fmt: skip
def test_sender_and_recipients_of_options_and_header(server, arguments, sender, recipients):
    done = sendmail(server, *arguments)
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 0)
    mail = server.inbox.one()
    assert (mail.sender, mail.recipients, mail.content) == (sender, recipients, WIRE)


@pytest.mark.parametrize(
    ("arguments", "stdin", "content"),
    [
        (("-i",), b"X: 1\n\na\n.\nb\n", b"X: 1\r\n\r\na\r\n.\r\nb\r\n"),
        (("-oi",), b"X: 1\n\n.\n", b"X: 1\r\n\r\n.\r\n"),
        (("-O", "IgnoreDots=True"), b"X: 1\n\n.\n", b"X: 1\r\n\r\n.\r\n"),
        ((), b"X: 1\n\na\n.\nb\n", b"X: 1\r\n\r\na\r\n"),
        ((), b"X: 1\n\n..\n", b"X: 1\r\n\r\n..\r\n"),
        (("-i",), b"X: 1\r\n\na\r\n", b"X: 1\r\n\r\na\r\n"),  # some applications write CRLF, or both
        (("-i",), b"X: 1\n\nno end", b"X: 1\r\n\r\nno end\r\n"),
        (("-i",), b"X: 1\n\n\xe4\n", b"X: 1\r\n\r\n\xe4\r\n"),
        (("-i",), b"no header\n", b"\r\nno header\r\n"),
        (("-i",), b"\nno header\n", b"\r\nno header\r\n"),
    ],
)
def test_line_ends_become_crlf_and_a_dot_ends_the_message(server, arguments, stdin, content):
    assert sendmail(server, *arguments, "-f", "app@example.com", "bob@example.com", stdin=stdin).returncode == 0
    found = server.inbox.one().content
    assert found.endswith(content)
    added = found[: -len(content)].decode().splitlines()
    assert [line.partition(":")[0] for line in added] == ["From", "Date", "Message-ID"]  # as sendmail does


@pytest.mark.parametrize(
    ("stdin", "recipients", "content"),
    [
        (
            b"To: a@x.example,\n  b@x.example\nbCC: c@x.example,\n\td@x.example\nCc: e@x.example\n\nBcc: f@x.example\n",
            ("a@x.example", "b@x.example", "e@x.example", "c@x.example", "d@x.example"),
            b"To: a@x.example,\r\n  b@x.example\r\nCc: e@x.example\r\n\r\nBcc: f@x.example\r\n",
        ),
        (
            b"To: a@x.example\nResent-To: b@x.example\nResent-Bcc: c@x.example\n\n",
            ("b@x.example", "c@x.example"),
            b"To: a@x.example\r\nResent-To: b@x.example\r\n\r\n",
        ),
    ],
)
def test_t_reads_recipients_of_the_header_and_removes_bcc(server, stdin, recipients, content):
    assert sendmail(server, "-t", "-i", "-f", "app@example.com", stdin=stdin).returncode == 0
    mail = server.inbox.one()
    assert mail.recipients == recipients
    assert mail.content.endswith(content)


def test_missing_from_is_the_sender_with_the_full_name(server):
    assert (
        sendmail(server, "-F", "Ann Müller", "-f", "ann@example.com", "b@example.com", stdin=b"X: 1\n\n").returncode
        == 0
    )
    assert server.inbox.one().header("from") == "Ann Müller <ann@example.com>"


@pytest.mark.parametrize(
    ("arguments", "sender", "header"),
    [
        ((), "dan@localhost", "dan@localhost"),
        (("-F", "Dan"), "dan@localhost", "Dan <dan@localhost>"),
        (("-F", "CronDaemon", "-f", "root"), "root@localhost", "CronDaemon <root@localhost>"),
        (("-F", 'A "B" (C), D', "-f", "a@example.com"), "a@example.com", '"A \\"B\\" (C), D" <a@example.com>'),
        (
            ("-F", "x\nBcc: eve@b.example", "-f", "a@b.example"),
            "a@b.example",
            '"x Bcc: eve@b.example" <a@b.example>',
        ),
        (("-F", "Nobody", "-f", ""), "", ""),
    ],
)
def test_login_name_is_the_sender_of_a_mail_that_names_none(server, arguments, sender, header):
    done = sendmail(server, *arguments, "bob@example.com", stdin=b"Subject: x\n\nHi\n", LOGNAME="dan")
    assert (done.stderr, done.returncode) == (b"", 0)
    mail = server.inbox.one()
    assert (mail.sender, mail.header("from"), mail.recipients) == (sender, header, ("bob@example.com",))
    assert mail.content.count(b"\r\nFrom:") + mail.content.startswith(b"From:") == bool(header)


def test_dsn_options_become_parameters(server):
    arguments = ("-N", "success,failure", "-R", "hdrs", "-V", "a+b=c", "-B8BITMIME", "b@example.com")
    assert sendmail(server, *arguments).returncode == 0
    envelope = server.inbox.one().envelope
    assert (envelope.ret, envelope.envid, envelope.dsn[0].notify) == ("HDRS", "a+b=c", {"SUCCESS", "FAILURE"})
    assert envelope.mail_parameters["BODY"] == "8BITMIME"


@pytest.mark.parametrize(
    ("when", "reply", "status"),
    [
        ("CONNECT", (421, "4.3.2", "Busy"), 75),
        ("MAIL", (452, "4.3.1", "Full"), 75),
        ("MAIL", (530, "5.7.0", "Authenticate"), 77),
        ("MAIL", (552, "5.3.4", "Too large"), 65),
        ("RCPT", (450, "4.2.1", "Busy"), 75),
        ("RCPT", (550, "5.1.1", "Nobody"), 67),
        ("RCPT", (550, "5.1.2", "No such host"), 68),
        ("RCPT", (553, "5.1.3", "No address"), 67),
        ("RCPT", (550, "5.7.1", "Not allowed"), 77),
        ("RCPT", (554, "No"), 69),
        ("DATA", (554, "5.6.0", "Bad content"), 65),
        ("END_OF_DATA", (451, "4.3.0", "Later"), 75),
        ("END_OF_DATA", (550, "5.0.0", "No"), 69),
    ],
)
def test_refusal_maps_to_an_exit_status_of_sysexits(server, when, reply, status):
    server.on(when).reply(*reply)
    done = sendmail(server, "b@example.com")
    assert done.returncode == status
    assert done.stderr.startswith(b"sendmail: ") and done.stderr.count(b"\n") == 1


def test_accepted_recipients_get_the_mail_despite_refusals(server):
    server.on("RCPT", to="busy@example.com").reply(450, "4.2.1", "Busy")
    server.on("RCPT", to="nobody@example.com").reply(550, "5.1.1", "Nobody")
    done = sendmail(server, "busy@example.com", "ann@example.com", "nobody@example.com")
    assert done.returncode == 67 and done.stderr.count(b"\n") == 2
    assert server.inbox.one().recipients == ("ann@example.com",)


@pytest.mark.parametrize(
    ("arguments", "variables", "status", "message"),
    [
        ((), {}, 64, b"no recipients"),
        (("-t",), {}, 64, b"no recipients"),
        (("-Z",), {}, 64, b"option -Z not recognized"),
        (("-f",), {}, 64, b"option -f requires argument"),
        (("-bd",), {}, 64, b"-bd is not supported"),
        (("a b",), {}, 64, b"invalid address"),
        (("-f", "a\nRCPT TO:<x>", "b@example.com"), {}, 64, b"invalid address"),
        (("b@example.com",), {"SMTPTEST_SERVER": "host.invalid:25"}, 68, b"host.invalid:25: "),
        (("b@example.com",), {"SMTPTEST_SERVER": "nonsense:x"}, 78, b"a server must be host:port"),
        (("b@example.com",), {"SMTPTEST_CONFIG": "/none.toml"}, 78, b"/none.toml: No such file"),
        (("b@example.com",), {"SMTPTEST_STARTTLS": "1"}, 75, b"STARTTLS"),
    ],
)
def test_local_error_is_one_line_and_a_status(arguments, variables, status, message):
    with MailServer() as server:
        settings = {"SMTPTEST_SERVER": "{}:{}".format(*server.address)} | variables
        done = run_smtptest("sendmail", *arguments, stdin=b"X: 1\n\n", text=False, **settings)
    assert message in done.stderr and done.stderr.count(b"\n") == 1
    assert done.returncode == status and len(server.inbox) == 0


def test_refused_connection_is_tempfail(server):
    address = "{}:{}".format(*server.address)
    server.stop()
    assert sendmail(address, "b@example.com").returncode == 75
    done = sendmail(address, "-bs", stdin=b"QUIT\r\n")
    assert done.returncode == 75 and done.stdout.startswith(b"421 4.3.0 ")


@pytest.mark.parametrize(
    ("arguments", "out"),
    [(("-bp",), b"Mail queue is empty\n"), (("-bi",), b""), (("-q",), b""), (("-q15m",), b""), (("-I",), b"")],
)
def test_queue_is_always_empty(arguments, out):
    done = run_smtptest("sendmail", *arguments, stdin=b"", text=False, SMTPTEST_SERVER="127.0.0.1:9")
    assert (done.stdout, done.stderr, done.returncode) == (out, b"", 0)


def test_bs_connects_standard_streams_to_the_server(server):
    dialogue = b"EHLO app\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\nDATA\nSubject: Hi\n\nHello\n.\nQUIT\n"
    done = sendmail(server, "-bs", stdin=dialogue)
    assert done.returncode == 0
    assert [line[:3] for line in done.stdout.splitlines() if line[3:4] == b" "] == [
        b"220", b"250", b"250", b"250", b"354", b"250", b"221"
    ]  # fmt: skip
    assert server.inbox.one().content == b"Subject: Hi\r\n\r\nHello\r\n"


def test_bs_ends_after_its_input(server):
    done = sendmail(server, "-bs", stdin=b"EHLO app\r\n")
    assert done.returncode == 0 and b"250" in done.stdout


def test_program_name_sendmail_selects_the_command(server, tmp_path):
    """As /usr/sbin/sendmail, it reads the configuration file of the working directory."""
    link = tmp_path / "sendmail"
    link.write_text(f"#!{sys.executable}\nimport sys\nfrom lazr.smtptest.cli import main\nsys.exit(main())\n")
    link.chmod(0o755)
    (tmp_path / "smtptest.toml").write_text('server = "{}:{}"\n'.format(*server.address))
    subprocess.run([link, "-t", "-i"], input=MESSAGE, check=True, timeout=60, cwd=tmp_path, env=build_environment())
    assert server.inbox.one().content == WIRE


def test_config_option_names_the_configuration_file(server, tmp_path):
    (tmp_path / "my.toml").write_text('server = "{}:{}"\n'.format(*server.address))
    done = run_smtptest("--config", tmp_path / "my.toml", "sendmail", "-t", "-i", stdin=MESSAGE, text=False)
    assert (done.stderr, done.returncode) == (b"", 0)
    assert server.inbox.one().content == WIRE


def test_sendmail_needs_no_library(server):
    program = (
        "import sys; sys.modules.update(typer=None, rich=None); from lazr.smtptest.cli import main;"
        "sys.exit(main(['sendmail', '-t', '-i']))"
    )
    address = "{}:{}".format(*server.address)
    subprocess.run(
        [sys.executable, "-c", program],
        input=MESSAGE,
        check=True,
        timeout=60,
        env=build_environment(SMTPTEST_SERVER=address),
    )
    assert len(server.inbox) == 1


def test_sendmail_uses_tls_and_auth():
    with MailServer(tls="starttls", auth={"ann": "secret"}) as server:
        settings = {"SMTPTEST_STARTTLS": "true", "SMTPTEST_USER": "ann", "SMTPTEST_PASSWORD": "secret"}
        assert sendmail(server, "-t", **settings).returncode == 75
        assert sendmail(server, "-t", **settings, SMTPTEST_CA_FILE=server.ca_file).returncode == 0
        wrong = settings | {"SMTPTEST_CA_FILE": server.ca_file, "SMTPTEST_PASSWORD": "wrong"}
        assert sendmail(server, "-t", **wrong).returncode == 77
        assert server.inbox.one().envelope.auth.username == "ann"


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not here")
def test_php_sends_with_sendmail(server):
    path = " ".join(SMTPTEST_COMMAND)
    program = 'exit(mail("ann@example.com", "Hi", "Hello", "From: app@example.com") ? 0 : 1);'
    address = "{}:{}".format(*server.address)
    subprocess.run(
        ["php", "-d", f"sendmail_path={path} sendmail -t -i", "-r", program],
        check=True, timeout=60, env=build_environment(SMTPTEST_SERVER=address),
    )  # fmt: skip
    assert server.inbox.one(to="ann@example.com").subject == "Hi"


@pytest.mark.parametrize(
    "line",
    [b"From ann Tue Jul  5 18:44:15 2022\n", b"From here\r\n", b">From ann Tue Jul  5 18:44:15 2022\nFrom bob\n"],
)
def test_separator_of_an_mbox_is_removed(line, running_server):
    """procmail and mutt pass the separator on, and Postfix's sendmail removes it too."""
    done = running_server("sendmail", "a@example.com", stdin=line + b"Subject: x\n\nFrom here on\nhi\n")
    assert done.returncode == 0, done.stderr
    mail = running_server.store.get_mail(running_server.store.get_page().entries[0].id)
    assert (mail.subject, mail.text) == ("x", "From here on\nhi\n")
