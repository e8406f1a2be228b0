"""Options of `smtptest serve`: rules, access, limits, output and signals."""

import io
import json
import re
import signal
import smtplib
import subprocess
import sys
import threading
import time

import pytest

from lazr.smtptest import Mail
from lazr.smtptest.cli.output.json_lines import JsonRenderer
from lazr.smtptest.cli.output.text import TextRenderer
from lazr.smtptest.cli.serve import printer as printer_module
from lazr.smtptest.cli.serve.printer import PrinterThread
from tests.helpers.command_line import ServeProcess, ServeThread, run_smtptest


def send(serving, *to, text="Subject: Hi\r\n\r\nHello\r\n"):
    with smtplib.SMTP(*serving.address) as client:
        return client.sendmail("app@example.com", to or ("bob@example.com",), text)


RULES = {
    "rules.json": '[{"when": "RCPT", "match": {"to": "*@full.example"}, "do": [{"reply": [452, "4.2.2", "Full"]}]}]',
    "table.json": '{"rules": [{"when": "RCPT", "match": {"to": "*@full.example"}, '
    '"do": [{"reply": [452, "4.2.2", "Full"]}]}]}',
    "rules.toml": '[[rules]]\nwhen = "RCPT"\nmatch = {to = "*@full.example"}\n'
    'do = [{reply = [452, "4.2.2", "Full"]}]\n',
}


@pytest.mark.parametrize("name", RULES)
def test_rules_of_a_file_act_and_are_printed(name, tmp_path):
    (tmp_path / name).write_text(RULES[name])
    with ServeThread("--rules", tmp_path / name) as serving:
        assert send(serving, "ann@full.example", "bob@example.com") == {"ann@full.example": (452, b"4.2.2 Full")}
        out, err, status = serving.stop()

    assert "refused RCPT TO:<ann@full.example>: 452 4.2.2 Full\n" in out
    assert "RCPT TO   <bob@example.com>\n" in out
    assert (err, status) == ("", 0)  # rules of a file are optional


def test_preset_in_a_file_is_a_rule(tmp_path):
    (tmp_path / "rules.toml").write_text('[[rules]]\npreset = "quota_full"\nto = "*@full.example"\n')
    with ServeThread("--rules", tmp_path / "rules.toml") as serving:
        refused = send(serving, "ann@full.example", "bob@example.com")
    assert list(refused) == ["ann@full.example"]


def test_mails_accepted_by_rules_are_printed(tmp_path):
    """The output has each mail that was acknowledged, also by a rule."""
    (tmp_path / "rules.json").write_text(
        '[{"when": "END_OF_DATA", "do": [{"reply": [250, "2.0.0", "Mine"], "times": 1},'
        ' {"duplicate": true, "times": 1}, {"accept_but_lose": true}]}]'
    )
    with ServeThread("--rules", tmp_path / "rules.json") as serving:
        for _ in range(3):
            assert send(serving) == {}
        out, _, _ = serving.stop()
    assert out.count("Subject: Hi\n") == 3 and "stopped; 3 mails received" in out  # one mail, two mails, no mail


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.json", None, "none.json: No such file or directory"),
        ("a.json", "[", "a.json: Expecting value"),
        ("a.toml", "rules = 1", "a.toml: expected a list of rules"),
        ("a.json", "[{}]", "a.json: rule 1: a rule must have `when`"),
        (
            "a.json",
            '[{"when": "RCPT", "do": [{"reply": 450}]}, {"preset": "x"}]',
            "a.json: rule 2: unknown preset 'x'; known",
        ),
        (
            "a.json",
            '[{"when": "CONNECT", "match": {"to": "x"}, "do": [{"drop": true}]}]',
            "rule 1: to= cannot be used at",
        ),
        ("a.json", '[{"preset": "greylist", "attempts": 0}]', "a.json: rule 1: attempts must be a whole number >= 1"),
        ("a.json", '[{"preset": "greylist", "x": 0}]', "a.json: rule 1: unknown selector 'x'"),
    ],
)
def test_invalid_rules_file_is_one_line(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_text(content)
    done = run_smtptest("serve", "--smtp-port", 0, "--rules", tmp_path / name)
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 2)


def test_smtp_auth_file_requires_its_users(tmp_path):
    (tmp_path / "users").write_text("# ours\nann:se:cret\n\n")
    with ServeThread("--smtp-auth-file", tmp_path / "users") as serving:
        with smtplib.SMTP(*serving.address) as client, pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("ann", "wrong")
        with smtplib.SMTP(*serving.address) as client:
            client.login("ann", "se:cret")
            client.sendmail("app@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello\r\n")
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            send(serving)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ann", "line 1: a line must be user:password"),
        (b"a:b\na:c", "line 2: duplicate user 'a'"),
        (b"#", "the file has no users"),
        (b"\xff", "the file must be UTF-8 text"),
    ],
)
def test_invalid_users_file_is_one_line(content, message, tmp_path):
    (tmp_path / "users").write_bytes(content)
    done = run_smtptest("serve", "--smtp-port", 0, "--smtp-auth-file", tmp_path / "users")
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 2)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_public_host_requires_users_or_insecure_public(host, tmp_path):
    """Threat W19."""
    done = run_smtptest("serve", "--smtp-port", 0, "--host", host)
    assert "--insecure-public" in done.stderr and done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 2)

    (tmp_path / "users").write_text("ann:secret")
    for option in (("--insecure-public",), ("--smtp-auth-file", tmp_path / "users")):
        with ServeThread("--host", "0.0.0.0", *option) as serving:
            assert serving.first_line.startswith("listening on smtp://")


def test_message_above_max_message_size_returns_552():
    with ServeThread("--max-message-size", "1K") as serving, pytest.raises(smtplib.SMTPSenderRefused, match="552"):
        send(serving, text="x" * 1025)


def test_log_json_prints_one_object_per_line():
    with ServeThread("--log-json") as serving:
        port = int(json.loads(serving.first_line)["urls"][0].rpartition(":")[2])
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.sendmail("app@example.com", ["bob@example.com"], b"Subject: \x1b[31m\xc3\xa4\r\n\r\nHello\r\n")
            client.docmd("FOO")
        out, err, status = serving.stop()

    assert out.isascii() and "\x1b" not in out
    mail, refused, stopped = map(json.loads, out.splitlines())
    assert mail["event"] == "mail" and mail["sender"] == "app@example.com" and mail["recipients"] == ["bob@example.com"]
    assert mail["subject"] == "\x1b[31mä" and mail["time"].endswith("+00:00")
    assert refused["event"] == "refused" and refused["level"] == "warning" and refused["command"] == "FOO"
    assert stopped["event"] == "stopped" and stopped["mails"] == 1
    assert (err, status) == ("", 0)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_right_after_start_ends_serve(number):
    for _ in range(5):
        with ServeProcess() as serving:
            assert serving.stop(number)[2] == 0


def test_sigint_ignored_by_the_shell_stays_ignored():
    # As `sh -c 'smtptest serve &'` starts it.
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        "from lazr.smtptest.cli import main; sys.exit(main(['serve', '--smtp-port', '0', '--database', 'none']))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    with process:
        try:
            first = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            with smtplib.SMTP("127.0.0.1", int(first.split(";")[0].rpartition(":")[2])) as client:
                assert client.noop()[0] == 250
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()


# -- printing ------------------------------------------------------------------------------------------

RESET = "Subject: Reset 123456\r\n\r\nhttps://app.example.com/reset?token=abc and the code 654321\r\n"


def test_one_line_without_content_is_printed_by_default():
    with ServeThread("--database", "memory:", "--http-port", "0") as serving:
        send(serving, "ann@example.com", "bob@example.com", text=RESET)
        out, err, status = serving.stop()

    mail, stopped = out.splitlines()[-2:]
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d UTC mail \w{22}: <app@example.com> -> <ann@example.com> and 1 more, \d+ bytes", mail
    )
    assert "Reset" not in out and "reset" not in out and "6543" not in out
    assert (stopped, err, status) == ("stopped; 1 mail received", "", 0)


@pytest.mark.parametrize("arguments", [("--verbose", "--database", "memory:", "--http-port", "0"), ()])
def test_all_of_a_mail_is_printed_with_verbose_or_without_a_store(arguments):
    with ServeThread(*arguments) as serving:
        send(serving, text=RESET)
        out, _, _ = serving.stop()

    assert "Subject: Reset 123456\n" in out and "https://app.example.com/reset?token=abc" in out


def test_quiet_and_verbose_exclude_each_other():
    done = run_smtptest("serve", "--quiet", "--verbose", "--database", "memory:")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "smtptest: --quiet prints no mails and --verbose prints all of each mail; leave one out\n"


def make_mail(number=1, content=RESET):
    return Mail.from_bytes(content.encode(), sender="ann@example.com", recipients=["bob@example.com"], id=str(number))


def test_terminal_gets_a_line_with_the_subject():
    text = TextRenderer(color=True, detail="summary").render_mail(
        Mail.from_bytes("Subject: Grüße\x1b[2J".encode(), sender="", recipients=["bob@example.com"])
    )

    assert "\n" not in text and "<> -> <bob@example.com>: \x1b[1mGrüße\\x1b[2J\x1b[0m" in text


class SlowOutput(io.StringIO):
    """An output that blocks until it is released."""

    def __init__(self):
        super().__init__()
        self.is_blocked, self.released = threading.Event(), threading.Event()

    def write(self, text):
        self.is_blocked.set()
        self.released.wait(20)
        return super().write(text)


def test_slow_output_drops_mails_and_says_how_many():
    out = SlowOutput()
    with PrinterThread(out, TextRenderer(color=False, detail="line"), lambda: None, max_queued_items=3) as printer:
        printer.enqueue_listening(["smtp://127.0.0.1:25"], None, None, has_retention=True)
        out.is_blocked.wait(20)
        queued = [printer.enqueue_mail(make_mail(number)) for number in range(10)]
        refusals = [printer.enqueue_refusal("FOO", "500 no") for _ in range(2)]
        out.released.set()

    assert queued == [True] * 3 + [False] * 7 and refusals == [False] * 2
    lines = out.getvalue().splitlines()[1:]
    assert [line.split()[3] for line in lines[:3]] == ["0:", "1:", "2:"]
    assert lines[3:] == [
        "… and 7 more mails and 2 more refused commands",
        "stopped; 10 mails received, 7 of them not printed",
    ]


def test_large_mails_in_the_queue_take_bounded_memory(monkeypatch):
    monkeypatch.setattr(printer_module, "_MAX_QUEUED_BYTES", 1000)
    out = SlowOutput()
    with PrinterThread(out, TextRenderer(color=False), lambda: None) as printer:
        printer.enqueue_refusal("FOO", "500 no")
        out.is_blocked.wait(20)
        assert [printer.enqueue_mail(make_mail(content="x" * 600)) for _ in range(3)] == [True, False, False]
        out.released.set()
    assert "… and 2 more mails" in out.getvalue()


def test_printing_takes_a_limited_part_of_a_core(monkeypatch):
    monkeypatch.setattr(printer_module, "_BUDGET_SECONDS_IN_ADVANCE", 0.005)

    class BusyRenderer(TextRenderer):
        def render_mail(self, mail):
            until = time.thread_time() + 0.002
            while time.thread_time() < until:
                pass
            return f"mail {mail.id}"

    out = io.StringIO()
    with PrinterThread(out, BusyRenderer(color=False), lambda: None, max_load=0.001) as printer:
        printer.enqueue_listening(["smtp://127.0.0.1:25"], None, None, has_retention=True)
        for number in range(100):
            assert printer.enqueue_mail(make_mail(number))

    lines = out.getvalue().splitlines()[1:]
    printed = [line for line in lines if line.startswith("mail ")]
    omitted = sum(int(line.split()[2]) for line in lines if line.startswith("… and "))
    assert 1 <= len(printed) < 50 and printed[0] == "mail 0" and len(printed) + omitted == 100
    assert lines[-1] == f"stopped; 100 mails received, {omitted} of them not printed"


def test_json_says_how_many_events_are_left_out():
    event = json.loads(JsonRenderer().render_omission(3, 1))

    assert (event["event"], event["level"], event["mails"], event["refusals"]) == ("omitted", "warning", 3, 1)
