"""What `smtptest serve` can be told: rules, who may come, how it prints, and where that is said."""

import json
import signal
import smtplib
import subprocess
import sys

import pytest

from cli.smtptest import Serving, smtptest


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
def test_rules_out_of_a_file_act_and_are_printed(name, tmp_path):
    (tmp_path / name).write_text(RULES[name])
    with Serving("--rules", tmp_path / name) as serving:
        assert send(serving, "ann@full.example", "bob@example.com") == {"ann@full.example": (452, b"4.2.2 Full")}
        out, err, status = serving.stop()

    assert "refused RCPT TO:<ann@full.example>: 452 4.2.2 Full\n" in out
    assert "RCPT TO   <bob@example.com>\n" in out
    assert (err, status) == ("", 0)  # a rule that never acted is no failure here, nor is one that did


def test_a_preset_is_a_rule_by_its_name(tmp_path):
    (tmp_path / "rules.toml").write_text('[[rules]]\npreset = "quota_full"\nto = "*@full.example"\n')
    with Serving("--rules", tmp_path / "rules.toml") as serving:
        refused = send(serving, "ann@full.example", "bob@example.com")
    assert list(refused) == ["ann@full.example"]


def test_what_a_rule_accepts_or_keeps_twice_is_printed_too(tmp_path):
    """Nothing that was acknowledged is missing from the output, whoever said so."""
    (tmp_path / "rules.json").write_text(
        '[{"when": "END_OF_DATA", "do": [{"reply": [250, "2.0.0", "Mine"], "times": 1},'
        ' {"duplicate": true, "times": 1}, {"accept_but_lose": true}]}]'
    )
    with Serving("--rules", tmp_path / "rules.json") as serving:
        for _ in range(3):
            assert send(serving) == {}
        out, _, _ = serving.stop()
    assert out.count("Subject: Hi\n") == 3 and "stopped; 3 mails received" in out  # one, two, none


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.json", None, "none.json: No such file or directory"),
        ("a.json", "[", "a.json: Expecting value"),
        ("a.toml", "rules = 1", "a.toml: there is to be a list of rules"),
        ("a.json", "[{}]", "a.json: rule 1: a rule has `when`"),
        (
            "a.json",
            '[{"when": "RCPT", "do": [{"reply": 450}]}, {"preset": "x"}]',
            "a.json: rule 2: no preset 'x'; there",
        ),
        (
            "a.json",
            '[{"when": "CONNECT", "match": {"to": "x"}, "do": [{"drop": true}]}]',
            "rule 1: to= makes no sense at",
        ),
        ("a.json", '[{"preset": "greylist", "attempts": 0}]', "a.json: rule 1: greylist counts attempts from 1"),
        ("a.json", '[{"preset": "greylist", "x": 0}]', "a.json: rule 1: no selector 'x'"),
    ],
)
def test_a_file_of_rules_that_makes_no_sense_is_one_line(name, content, says, tmp_path):
    if content is not None:
        (tmp_path / name).write_text(content)
    done = smtptest("serve", "--smtp-port", 0, "--rules", tmp_path / name)
    assert says in done.stderr and done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 2)


def test_only_users_of_the_file_come_in(tmp_path):
    (tmp_path / "users").write_text("# ours\nann:se:cret\n\n")
    with Serving("--smtp-auth-file", tmp_path / "users") as serving:
        with smtplib.SMTP(*serving.address) as client, pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("ann", "wrong")
        with smtplib.SMTP(*serving.address) as client:
            client.login("ann", "se:cret")
            client.sendmail("app@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello\r\n")
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            send(serving)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"ann", "line 1: there is to be a user, a colon and a password"),
        (b"a:b\na:c", "line 2: the user 'a' was there before"),
        (b"#", "there is nobody in it"),
        (b"\xff", "this is not UTF-8"),
    ],
)
def test_a_file_of_users_that_makes_no_sense_is_one_line(content, says, tmp_path):
    (tmp_path / "users").write_bytes(content)
    done = smtptest("serve", "--smtp-port", 0, "--smtp-auth-file", tmp_path / "users")
    assert says in done.stderr and done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 2)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_where_others_can_reach_it_somebody_has_to_say_who_may_come(host, tmp_path):
    """Threat W19."""
    done = smtptest("serve", "--smtp-port", 0, "--host", host)
    assert "--insecure-public" in done.stderr and done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 2)

    (tmp_path / "users").write_text("ann:secret")
    for how in (("--insecure-public",), ("--smtp-auth-file", tmp_path / "users")):
        with Serving("--host", "0.0.0.0", *how) as serving:
            assert serving.first.startswith("listening on smtp://")


def test_a_message_can_be_too_large():
    with Serving("--max-message-size", "1K") as serving, pytest.raises(smtplib.SMTPSenderRefused, match="552"):
        send(serving, text="x" * 1025)


def test_logs_are_json_a_line_each():
    with Serving("--log-json") as serving:
        port = int(json.loads(serving.first)["urls"][0].rpartition(":")[2])
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_right_after_the_start_ends_it(number):
    for _ in range(5):
        with Serving() as serving:
            assert serving.stop(number)[2] == 0


def test_sigint_that_a_shell_ignores_stays_ignored():
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
